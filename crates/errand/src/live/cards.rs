//! Tool calls as cards: what was called, what came out, how it ended.
//!
//! Live and replayed calls look the same: the first lines of output, then the last ones.

use crate::diff::patch_line;
use crate::style::{Line, Shown, Style};
use crate::text::{self, Cleaner};
use protocol::content::ToolResult;
use protocol::delta::OutputStream;
use protocol::ids::CallId;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// Lines of output shown from the beginning.
const HEAD_LINES: usize = 20;
/// Lines of output shown from the end.
const TAIL_LINES: usize = 10;
/// Lines of an edit's diff.
const DIFF_LINES: usize = 60;
/// Lines of an error's text.
const ERROR_LINES: usize = 8;
/// Characters of a line of output that are kept; a terminal cuts earlier.
const LINE_CHARS: usize = 1000;
/// Arguments that say best what a call is about, the best first.
const TELLING: [&str; 7] = ["command", "path", "pattern", "question", "url", "id", "query"];
/// How far output stands to the right.
const INDENT: &str = "  ";

/// Cards of the calls that are not over.
#[derive(Debug, Default)]
pub struct Cards {
    open: HashMap<CallId, Card>,
    /// The call whose card is the last thing shown.
    last: Option<CallId>,
}

#[derive(Debug, Default)]
struct Card {
    name: String,
    title: String,
    streams: HashMap<OutputStream, Stream>,
    has_output: bool,
    shown: usize,
    tail: VecDeque<String>,
    left_out: usize,
}

#[derive(Debug, Default)]
struct Stream {
    seen: u64,
    cleaner: Cleaner,
    line: String,
    /// A carriage return came: the next character begins the line again.
    returned: bool,
}

impl Cards {
    /// A call is about to be carried out. Its card waits for what comes out: calls of one step
    /// may run side by side.
    pub fn called(&mut self, call: &CallId, name: &str, arguments: &str) {
        let card = Card { name: name.to_owned(), title: title(arguments), ..Card::default() };
        self.open.insert(call.clone(), card);
    }

    /// More output of a call.
    pub fn output(
        &mut self,
        call: &CallId,
        stream: OutputStream,
        offset: u64,
        text: &str,
    ) -> Vec<Shown> {
        let Some(mut card) = self.open.remove(call) else { return Vec::new() };
        let lines = card.output(stream, offset, text);
        let mut shown = Vec::new();
        if !lines.is_empty() && self.last.as_ref() != Some(call) {
            shown.extend(self.head(call, &card));
        }
        shown.extend(lines);
        self.open.insert(call.clone(), card);
        shown
    }

    /// A call is over.
    pub fn returned(&mut self, call: &CallId, result: &ToolResult, duration_ms: u64) -> Vec<Shown> {
        let mut card = self.open.remove(call).unwrap_or_default();
        if is_told_elsewhere(&card.name) && !result.is_error {
            return Vec::new();
        }
        if !is_command(&card.name) {
            self.last = None;
            return card.one_line(result, duration_ms);
        }
        let mut shown = Vec::new();
        if self.last.as_ref() != Some(call) {
            shown.extend(self.head(call, &card));
        }
        self.last = None;
        shown.extend(card.rest(result));
        shown.push(Shown::Line(how_it_ended(result, duration_ms)));
        shown
    }

    /// Something else was shown: output that follows needs its head again.
    pub fn interrupted(&mut self) {
        self.last = None;
    }

    /// What the call that was made last is about, for the status line.
    pub fn doing(&self, call: &CallId) -> Option<String> {
        self.open.get(call).map(|card| format!("{} {}", card.name, card.title))
    }

    fn head(&mut self, call: &CallId, card: &Card) -> Vec<Shown> {
        self.last = Some(call.clone());
        vec![Shown::Line(card.head(Style::Accent, "●"))]
    }
}

impl Card {
    fn head(&self, style: Style, sign: &str) -> Line {
        let name = if self.name.is_empty() { "tool" } else { &self.name };
        Line::of(style, format!("{sign} "))
            .and(Style::Bold, name)
            .and(Style::Plain, format!("  {}", self.title))
    }

    fn output(&mut self, stream: OutputStream, offset: u64, text: &str) -> Vec<Shown> {
        let mut state = self.streams.remove(&stream).unwrap_or_default();
        let skip = usize::try_from(state.seen.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut shown = Vec::new();
        if let Some(fresh) = text.get(skip..).filter(|fresh| !fresh.is_empty()) {
            state.seen = offset + text.len() as u64;
            self.has_output = true;
            for line in state.push(fresh) {
                shown.extend(self.line(line));
            }
        }
        self.streams.insert(stream, state);
        shown
    }

    fn line(&mut self, line: String) -> Option<Shown> {
        if self.shown < HEAD_LINES {
            self.shown += 1;
            return Some(output_line(&line));
        }
        if self.tail.len() >= TAIL_LINES {
            self.tail.pop_front();
            self.left_out += 1;
        }
        self.tail.push_back(line);
        None
    }

    /// What the person has not seen of a command's output.
    fn rest(&mut self, result: &ToolResult) -> Vec<Shown> {
        let mut shown = Vec::new();
        if !self.has_output {
            // The first line says how it ended, which stands below.
            let body = result.text.split_once('\n').map_or("", |(_, body)| body);
            shown.extend(self.output(OutputStream::Stdout, 0, body));
        }
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            let line = self.streams.get_mut(&stream).map(|state| std::mem::take(&mut state.line));
            shown.extend(line.filter(|line| !line.is_empty()).and_then(|line| self.line(line)));
        }
        if self.left_out > 0 {
            let text = format!("{INDENT}… {} left out", text::count(self.left_out as u64, "line"));
            shown.push(Shown::Line(Line::of(Style::Warn, text)));
        }
        shown.extend(self.tail.drain(..).map(|line| output_line(&line)));
        shown
    }

    fn one_line(&self, result: &ToolResult, duration_ms: u64) -> Vec<Shown> {
        let took = format!("  {}", text::duration(duration_ms));
        if result.is_error {
            let mut shown = vec![Shown::Line(self.head(Style::Bad, "✗").and(Style::Dim, took))];
            let lines =
                result.text.lines().filter(|line| !line.trim().is_empty()).take(ERROR_LINES);
            shown.extend(
                lines.map(|line| Shown::Whole(Line::of(Style::Bad, format!("{INDENT}{line}")))),
            );
            return shown;
        }
        let diff = result.detail.as_ref().and_then(|detail| detail.get("diff")?.as_str());
        let found = match diff {
            Some(_) => String::new(),
            // What was read is no message to the person, however short it is.
            None if result.text.lines().count() == 1 && self.name != "read_file" => {
                format!("  {}", text::first_line(&result.text))
            }
            None => format!("  {}", text::count(result.text.lines().count() as u64, "line")),
        };
        let mut shown =
            vec![Shown::Line(self.head(Style::Accent, "●").and(Style::Dim, found + &took))];
        shown.extend(diff.into_iter().flat_map(edit));
        shown
    }
}

impl Stream {
    /// Whole lines that this piece completes, as a terminal would leave them.
    fn push(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for (number, piece) in text.split('\r').enumerate() {
            self.returned |= number > 0;
            for sign in self.cleaner.push(piece).chars() {
                if sign == '\n' {
                    self.returned = false;
                    lines.push(std::mem::take(&mut self.line));
                    continue;
                }
                // Progress bars write a line again and again: only its last state counts.
                if std::mem::take(&mut self.returned) {
                    self.line.clear();
                }
                if self.line.len() < LINE_CHARS {
                    self.line.push(sign);
                }
            }
        }
        lines
    }
}

fn edit(diff: &str) -> Vec<Shown> {
    let total = diff.lines().count();
    let mut shown: Vec<Shown> =
        diff.lines().take(DIFF_LINES).map(|line| Shown::Line(patch_line(INDENT, line))).collect();
    if total > DIFF_LINES {
        let text = format!("{INDENT}… {} more", text::count((total - DIFF_LINES) as u64, "line"));
        shown.push(Shown::Line(Line::of(Style::Dim, text)));
    }
    shown
}

fn output_line(line: &str) -> Shown {
    Shown::Line(Line::of(Style::Dim, format!("{INDENT}{line}")))
}

fn how_it_ended(result: &ToolResult, duration_ms: u64) -> Line {
    let detail = |key: &str| result.detail.as_ref().and_then(|detail| detail.get(key));
    let code = detail("exitCode").and_then(Value::as_i64);
    let timed_out = detail("timedOut").and_then(Value::as_bool).unwrap_or(false);
    let (style, how) = match (timed_out, code, result.is_error) {
        (true, _, _) => (Style::Bad, "time limit passed".to_owned()),
        (false, Some(0), _) => (Style::Good, "exit 0".to_owned()),
        (false, Some(code), _) => (Style::Bad, format!("exit {code}")),
        (false, None, false) => (Style::Dim, text::first_line(&result.text)),
        (false, None, true) => (Style::Bad, text::first_line(&result.text)),
    };
    Line::of(style, format!("{INDENT}{how}"))
        .and(Style::Dim, format!(" · {}", text::duration(duration_ms)))
}

fn is_command(name: &str) -> bool {
    matches!(name, "shell" | "shell_output")
}

/// Calls whose outcome has an event of its own.
fn is_told_elsewhere(name: &str) -> bool {
    matches!(name, "todo_write" | "ask_person" | "submit_plan")
}

/// What a call is about, on one line.
fn title(arguments: &str) -> String {
    let Ok(Value::Object(map)) = serde_json::from_str::<Value>(arguments) else {
        return text::one_line(arguments).chars().take(LINE_CHARS).collect();
    };
    let telling = TELLING.iter().find_map(|key| map.get(*key)?.as_str());
    match telling {
        Some(value) => text::one_line(value),
        None if map.is_empty() => String::new(),
        None => text::one_line(arguments).chars().take(LINE_CHARS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::plain;
    use serde_json::json;

    fn call(name: &str) -> CallId {
        CallId(name.to_owned())
    }

    fn result(text: &str, is_error: bool, detail: Option<Value>) -> ToolResult {
        ToolResult { text: text.to_owned(), is_error, detail, truncated: false }
    }

    fn shell(pieces: &[&str], printed: &str) -> String {
        let mut cards = Cards::default();
        let id = call("c1");
        cards.called(&id, "shell", r#"{"command":"npm test"}"#);
        let mut shown = Vec::new();
        let mut offset = 0;
        for piece in pieces {
            shown.extend(cards.output(&id, OutputStream::Stdout, offset, piece));
            offset += piece.len() as u64;
        }
        let told =
            result(&format!("Exit code 1.\n{printed}"), true, Some(json!({ "exitCode": 1 })));
        shown.extend(cards.returned(&id, &told, 1200));
        plain(&shown)
    }

    #[test]
    fn a_command_looks_the_same_live_and_replayed() {
        let expected = "● shell  npm test\n  one\n  two\n  exit 1 · 1.2 s\n";
        assert_eq!(shell(&["on", "e\ntw", "o\n"], "one\ntwo\n"), expected);
        assert_eq!(shell(&["one\ntwo"], "one\ntwo"), expected);
        assert_eq!(shell(&[], "one\ntwo"), expected);
    }

    #[test]
    fn long_output_keeps_its_beginning_and_its_end() {
        let printed: String = (1..=100).map(|number| format!("line {number}\n")).collect();
        let live = shell(&[&printed], &printed);
        assert_eq!(live, shell(&[], &printed));
        assert!(live.contains("  line 20\n  … 70 lines left out\n  line 91\n"), "{live}");
        assert_eq!(live.lines().count(), 1 + 20 + 1 + 10 + 1);
    }

    #[test]
    fn progress_bars_and_control_sequences_leave_their_last_state() {
        let bar = "\x1b[32m10%\x1b[0m\r50%\r100%\r\ndone\x1b]0;t\x07\n";
        let expected = "● shell  npm test\n  100%\n  done\n  exit 1 · 1.2 s\n";
        assert_eq!(shell(&[bar], ""), expected);
        for at in 0..bar.len() {
            let (left, right) = bar.split_at(at);
            assert_eq!(shell(&[left, right], ""), expected, "split at {at}");
        }
    }

    #[test]
    fn output_sent_again_is_not_shown_again() {
        let mut cards = Cards::default();
        let id = call("c");
        cards.called(&id, "shell", "{}");
        let first = cards.output(&id, OutputStream::Stdout, 0, "one\ntwo\n");
        assert_eq!(plain(&first), "● shell  \n  one\n  two\n");
        assert_eq!(cards.output(&id, OutputStream::Stdout, 0, "one\ntwo\n"), []);
        let overlapping = cards.output(&id, OutputStream::Stdout, 4, "two\nthree\n");
        assert_eq!(plain(&overlapping), "  three\n");
    }

    #[test]
    fn cards_that_take_turns_say_whose_output_it_is() {
        let mut cards = Cards::default();
        let (first, second) = (call("a"), call("b"));
        cards.called(&first, "shell", r#"{"command":"one"}"#);
        cards.called(&second, "shell", r#"{"command":"two"}"#);
        let mut shown = Vec::new();
        shown.extend(cards.output(&first, OutputStream::Stdout, 0, "of one\n"));
        shown.extend(cards.output(&second, OutputStream::Stderr, 0, "of two\n"));
        assert_eq!(plain(&shown), "● shell  one\n  of one\n● shell  two\n  of two\n");
    }

    #[test]
    fn other_calls_take_one_line_edits_show_their_diff_errors_their_text() {
        let mut cards = Cards::default();
        let mut shown = Vec::new();
        for (name, arguments, told) in [
            ("read_file", r#"{"path":"src/main.rs"}"#, result("1 fn main\n2 {}", false, None)),
            (
                "edit_file",
                r#"{"path":"a.rs","old":"x","new":"y"}"#,
                result("Edited", false, Some(json!({ "diff": "@@ -1,1 +1,1 @@\n-x\n+y\n" }))),
            ),
            (
                "grep",
                r#"{"pattern":"(","path":"src"}"#,
                result("The pattern is broken.", true, None),
            ),
            ("todo_write", r#"{"todos":[]}"#, result("0 of 0 done.", false, None)),
            ("mystery", "not json", result("ok", false, None)),
        ] {
            let id = call(name);
            cards.called(&id, name, arguments);
            shown.extend(cards.returned(&id, &told, 12));
        }
        let expected = "● read_file  src/main.rs  2 lines  12 ms\n● edit_file  a.rs  12 ms\n  @@ -1,1 +1,1 @@\n  -x\n  +y\n✗ grep  src  12 ms\n  The pattern is broken.\n● mystery  not json  ok  12 ms\n";
        assert_eq!(plain(&shown), expected);
    }
}
