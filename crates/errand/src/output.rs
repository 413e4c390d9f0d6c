//! The only place that writes to the terminal, or to whatever stands in its place.

use crate::exit::Trouble;
use crate::style::{Colour, Line, Shown, Style};
use crate::text;
use serde::Serialize;
use std::io::{BufWriter, IsTerminal as _, Result, Stdout, Write};

/// Columns when a terminal does not tell.
const COLUMNS_DEFAULT: usize = 80;
/// Columns below which cutting would leave nothing to read.
const COLUMNS_MIN: usize = 20;
/// The signs of the status line, one after the other.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// For whom output is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A person.
    Person,
    /// A program: one JSON document, or JSON lines where things happen over time.
    Program,
}

/// Where the last thing written ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a line, after a line with something on it.
    Line,
    /// At the beginning of a line, after an empty one or at the very start.
    Blank,
    /// Within a line.
    Within,
}

/// Standard output.
pub struct Output<W: Write = BufWriter<Stdout>> {
    reader: Reader,
    colour: Colour,
    /// None: not a terminal.
    columns: Option<usize>,
    place: Place,
    has_status: bool,
    spin: usize,
    out: W,
}

impl Output {
    /// Standard output as it is: a terminal or not, with colours or without.
    pub fn standard(reader: Reader, wants_colour: bool) -> Self {
        let stdout = std::io::stdout();
        let columns = stdout.is_terminal().then(terminal_columns);
        let colour = match columns {
            Some(_) if wants_colour => Colour::Always,
            Some(_) | None => Colour::Never,
        };
        Self::new(BufWriter::new(stdout), reader, colour, columns)
    }
}

fn terminal_columns() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).max(COLUMNS_MIN),
        Ok(_) | Err(_) => COLUMNS_DEFAULT,
    }
}

impl<W: Write> Output<W> {
    const fn new(out: W, reader: Reader, colour: Colour, columns: Option<usize>) -> Self {
        Self { reader, colour, columns, place: Place::Blank, has_status: false, spin: 0, out }
    }

    /// Whether a program reads this.
    pub fn is_for_program(&self) -> bool {
        self.reader == Reader::Program
    }

    /// Whether a person sees this as it comes.
    pub const fn is_terminal(&self) -> bool {
        self.columns.is_some()
    }

    /// Columns to lay a table out in.
    pub fn columns(&self) -> usize {
        self.columns.unwrap_or(usize::MAX)
    }

    /// Shows all of it and hands it on at once.
    pub fn show(&mut self, shown: &[Shown]) -> Result<()> {
        if shown.is_empty() {
            return Ok(());
        }
        self.clear_status()?;
        for one in shown {
            match one {
                Shown::Line(line) => self.write_line(line, self.columns)?,
                Shown::Whole(line) => self.write_line(line, None)?,
                Shown::Chunk(style, text) => self.write_chunk(*style, text)?,
                Shown::Gap => self.write_gap()?,
            }
        }
        self.out.flush()
    }

    /// Shows this in place of everything on the screen.
    pub fn repaint(&mut self, shown: &[Shown]) -> Result<()> {
        self.out.write_all(b"\x1b[H\x1b[2J")?;
        self.place = Place::Blank;
        self.show(shown)
    }

    /// Shows one line.
    pub fn line(&mut self, line: Line) -> Result<()> {
        self.show(&[Shown::Whole(line)])
    }

    /// Writes text as it is. Only into files and pipes: a terminal gets what [`Self::show`] makes.
    pub fn raw(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// The same of bytes that come in pieces.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// Writes one JSON document on one line.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = harmless_json(&serde_json::to_string(value)?);
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// Shows what is going on now, below everything else; on a terminal only, and not within a line.
    pub fn status(&mut self, status: Option<&str>) -> Result<()> {
        let Some(columns) = self.columns.filter(|_| self.reader == Reader::Person) else {
            return Ok(());
        };
        self.clear_status()?;
        let Some(text) = status.filter(|_| self.place != Place::Within) else {
            return self.out.flush();
        };
        let sign = SPINNER.get(self.spin % SPINNER.len()).copied().unwrap_or_default();
        self.spin = self.spin.wrapping_add(1);
        let line = Line::of(Style::Accent, sign).and(Style::Dim, format!(" {text}"));
        // One column stays free: some terminals wrap as soon as the last one is taken.
        write!(self.out, "{}", line.render(self.colour, Some(columns.saturating_sub(1))))?;
        self.has_status = true;
        self.out.flush()
    }

    fn clear_status(&mut self) -> Result<()> {
        if std::mem::take(&mut self.has_status) {
            self.out.write_all(b"\r\x1b[2K")?;
        }
        Ok(())
    }

    fn write_line(&mut self, line: &Line, columns: Option<usize>) -> Result<()> {
        self.end_line()?;
        let text = line.render(self.colour, columns);
        self.place = if text.is_empty() { Place::Blank } else { Place::Line };
        writeln!(self.out, "{text}")
    }

    fn write_chunk(&mut self, style: Style, text: &str) -> Result<()> {
        let text = text::clean(text);
        let Some(last) = text.chars().next_back() else { return Ok(()) };
        self.place = match last {
            '\n' if text == "\n" && self.place != Place::Within => Place::Blank,
            '\n' if text.ends_with("\n\n") => Place::Blank,
            '\n' => Place::Line,
            _ => Place::Within,
        };
        self.out.write_all(style.paint(&text, self.colour).as_bytes())
    }

    fn write_gap(&mut self) -> Result<()> {
        self.end_line()?;
        if self.place != Place::Blank {
            self.out.write_all(b"\n")?;
            self.place = Place::Blank;
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<()> {
        if self.place == Place::Within {
            self.out.write_all(b"\n")?;
            self.place = Place::Line;
        }
        Ok(())
    }
}

/// JSON leaves the signs after ASCII as they are, and some of them control terminals.
fn harmless_json(text: &str) -> String {
    if !text.chars().any(text::is_harmful) {
        return text.to_owned();
    }
    // Such signs occur within strings only, and all of them fit into one escape.
    text.chars().fold(String::with_capacity(text.len() + 16), |mut all, sign| {
        if text::is_harmful(sign) {
            all.push_str(&format!("\\u{:04x}", u32::from(sign)));
        } else {
            all.push(sign);
        }
        all
    })
}

/// Tells the person, or the program, why a command did not do what was asked.
pub fn complain(error: &anyhow::Error, reader: Reader, wants_colour: bool) -> Result<()> {
    let mut stderr = std::io::stderr().lock();
    let (code, message) = match error.downcast_ref::<Trouble>() {
        Some(trouble) => (trouble.code.as_str(), trouble.message.clone()),
        None => ("failed", format!("{error:#}")),
    };
    if reader == Reader::Program {
        let body = serde_json::json!({ "error": { "code": code, "message": message } });
        return writeln!(stderr, "{}", harmless_json(&body.to_string()));
    }
    let colour = if wants_colour && stderr.is_terminal() { Colour::Always } else { Colour::Never };
    let head = Line::of(Style::Bad, "error: ").render(colour, None);
    writeln!(stderr, "{head}{}", text::clean(&message))
}

/// Tells on standard output that the server takes requests; whoever started it may wait for it.
pub fn announce(reader: Reader, url: &str, token: &std::path::Path) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match reader {
        Reader::Program => {
            let body = serde_json::json!({ "type": "ready", "url": url, "tokenFile": token });
            writeln!(stdout, "{body}")?;
        }
        Reader::Person => writeln!(stdout, "ready {url}")?,
    }
    stdout.flush()
}

/// Asks on the terminal; the answer comes from standard input.
pub fn ask(question: &str) -> Result<()> {
    let mut stderr = std::io::stderr().lock();
    write!(stderr, "{question}")?;
    stderr.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(
        reader: Reader,
        columns: Option<usize>,
        work: impl Fn(&mut Output<Vec<u8>>),
    ) -> String {
        let mut output = Output::new(Vec::new(), reader, Colour::Never, columns);
        work(&mut output);
        String::from_utf8(output.out).unwrap()
    }

    #[test]
    fn lines_and_running_text_do_not_run_into_each_other() {
        let text = written(Reader::Person, None, |output| {
            let line = |text| Shown::Line(Line::of(Style::Plain, text));
            let chunk = |text: &str| Shown::Chunk(Style::Plain, text.to_owned());
            output
                .show(&[Shown::Gap, line("one"), chunk("a"), chunk("b\x1b[2J"), line("two")])
                .unwrap();
            output
                .show(&[Shown::Gap, Shown::Gap, chunk("c\n\n"), Shown::Gap, line("three")])
                .unwrap();
        });
        assert_eq!(text, "one\nab\ntwo\n\nc\n\nthree\n");
    }

    #[test]
    fn a_status_is_taken_away_before_anything_else_is_written() {
        let text = written(Reader::Person, Some(20), |output| {
            output.status(Some("thinking very hard indeed")).unwrap();
            output.line(Line::of(Style::Plain, "done")).unwrap();
            output.show(&[Shown::Chunk(Style::Plain, "half".to_owned())]).unwrap();
            output.status(Some("not within a line")).unwrap();
        });
        assert_eq!(text, "⠋ thinking very ha…\r\x1b[2Kdone\nhalf");
    }

    #[test]
    fn a_status_is_for_terminals_and_people() {
        for (reader, columns) in [(Reader::Person, None), (Reader::Program, Some(80))] {
            assert_eq!(written(reader, columns, |output| output.status(Some("x")).unwrap()), "");
        }
    }

    #[test]
    fn json_cannot_control_a_terminal_and_stays_the_same_value() {
        let value = serde_json::json!({ "text": "a\u{9b}2J\u{202e}\x1b\x7fü" });
        let text = written(Reader::Program, None, |output| output.json(&value).unwrap());
        assert!(!text.trim_end().chars().any(text::is_harmful), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
