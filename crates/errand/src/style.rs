//! Lines and their looks, apart from any terminal, so that rendering is pure and can be tested.

use crate::text;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// Of less importance.
    Dim,
    /// A name or heading.
    Bold,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// To be noted.
    Warn,
    /// Something to act on: a link, a command, a question.
    Accent,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\x1b[2m",
            Self::Bold => "\x1b[1m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
            Self::Warn => "\x1b[33m",
            Self::Accent => "\x1b[36m",
        }
    }

    /// The text in this look. The text must be harmless already.
    pub fn paint(self, text: &str, colour: Colour) -> String {
        if colour == Colour::Never || self == Self::Plain || text.is_empty() {
            return text.to_owned();
        }
        format!("{}{text}\x1b[0m", self.code())
    }
}

/// Whether looks are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal that wants it.
    Always,
    /// Into a file or pipe, or by wish.
    Never,
}

/// One line: pieces of text with their looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(Vec<(Style, String)>);

impl Line {
    /// A line of one piece.
    pub fn of(style: Style, text: impl AsRef<str>) -> Self {
        Self::default().and(style, text)
    }

    /// The line with another piece at its end. Everything put on a line is made harmless here.
    #[must_use]
    pub fn and(mut self, style: Style, text: impl AsRef<str>) -> Self {
        self.0.push((style, text::one_line(text.as_ref())));
        self
    }

    /// The line with another one at its end.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether nothing is on it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, text)| text.is_empty())
    }

    /// Its pieces with their looks.
    pub fn pieces(&self) -> impl Iterator<Item = (Style, &str)> {
        self.0.iter().map(|(style, text)| (*style, text.as_str()))
    }

    /// Puts harmless text at its end; into the last piece where the look is the same.
    pub fn extend(&mut self, style: Style, text: &str) {
        match self.0.last_mut() {
            Some((last, piece)) if *last == style => piece.push_str(text),
            Some(_) | None => self.0.push((style, text.to_owned())),
        }
    }

    /// The line for a terminal of so many columns; none: as long as it is.
    pub fn render(&self, colour: Colour, columns: Option<usize>) -> String {
        let mut left = columns.unwrap_or(usize::MAX);
        let mut shown = String::new();
        for (style, text) in &self.0 {
            let text = text::cut(text, left);
            left = left.saturating_sub(text::width(&text));
            shown.push_str(&style.paint(&text, colour));
        }
        shown
    }
}

/// Something to be shown, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A line of its own, cut to the terminal's width.
    Line(Line),
    /// A line of its own that must not be cut (links, commands to copy, words of a person).
    Whole(Line),
    /// More of a running text; may hold line feeds.
    Chunk(Style, String),
    /// An empty line, unless there is one.
    Gap,
}

/// The same as a terminal without colours and of endless width would show.
#[cfg(test)]
pub fn plain(shown: &[Shown]) -> String {
    let mut text = String::new();
    let fresh_line = |text: &mut String| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
    };
    for one in shown {
        match one {
            Shown::Line(line) | Shown::Whole(line) => {
                fresh_line(&mut text);
                text.push_str(&line.render(Colour::Never, None));
                text.push('\n');
            }
            Shown::Chunk(_, chunk) => text.push_str(&text::clean(chunk)),
            Shown::Gap => {
                fresh_line(&mut text);
                if !text.is_empty() && !text.ends_with("\n\n") {
                    text.push('\n');
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_as_a_whole_and_keeps_its_looks() {
        let line = Line::of(Style::Bold, "name").and(Style::Dim, " a long tail");
        assert_eq!(line.render(Colour::Never, Some(8)), "name a …");
        assert_eq!(line.render(Colour::Always, Some(8)), "\x1b[1mname\x1b[0m\x1b[2m a …\x1b[0m");
        assert_eq!(line.render(Colour::Never, None), "name a long tail");
    }

    #[test]
    fn nothing_harmful_gets_onto_a_line() {
        let line = Line::of(Style::Plain, "a\x1b[2Jb\nc\rd");
        assert_eq!(line.render(Colour::Never, None), "ab cd");
    }
}
