//! Takes the values of secrets out of what is stored and shown: tool results, live output, messages of commits, text
//! of pull requests.
//!
//! It is against accidents, such as a program that prints its environment. Whoever wants a value out finds a spelling
//! that is not looked for; only a grant, which is not inside, keeps it from them.

use crate::app::App;
use crate::secrets::{self, Phase};
use agent::state::Living;
use anyhow::Result;
use gateway::spelling::spellings;
use protocol::content::ToolResult;
use protocol::ids::OrgId;
use protocol::limits::SECRET_VALUE_LEAST_BYTES;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// What stands in place of a value.
const REDACTED: &str = "[REDACTED]";
/// Bytes by which a spelling is found; none is shorter.
const START_BYTES: usize = SECRET_VALUE_LEAST_BYTES;
/// Bytes of a line of a longer value that is looked for by itself, as where lines are numbered.
const LINE_BYTES: usize = 16;
/// How the lines begin that every key file has.
const FRAME: &str = "-----";

/// Knows what to take out.
#[derive(Default)]
pub struct Redactor {
    /// Spellings by their first bytes, longer ones first.
    by_start: HashMap<[u8; START_BYTES], Vec<Vec<u8>>>,
}

/// Whether more of a text may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    MayCome,
    DoesNotCome,
}

/// What stands at a position.
enum At {
    Other,
    /// A spelling of so many bytes.
    Spelling(usize),
    /// What may be the beginning of one.
    Beginning,
}

impl Redactor {
    /// Takes out these values, and what programs commonly write for them.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = BTreeSet::new();
        for value in values {
            all.extend(spellings(value));
            all.extend(spellings(value.trim()));
            let lines = value.lines().map(str::trim).filter(|line| !line.starts_with(FRAME));
            all.extend(
                lines.filter(|line| line.len() >= LINE_BYTES).map(|line| line.as_bytes().to_vec()),
            );
        }
        let mut by_start: HashMap<_, Vec<Vec<u8>>> = HashMap::new();
        for spelling in all {
            if let Some(start) = spelling.first_chunk() {
                by_start.entry(*start).or_default().push(spelling);
            }
        }
        for spellings in by_start.values_mut() {
            spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        }
        Self { by_start }
    }

    /// A text without them.
    pub fn text(&self, text: &str) -> String {
        if self.by_start.is_empty() {
            return text.to_owned();
        }
        self.scan(text, More::DoesNotCome).0
    }

    /// The same of all texts within.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.json(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// What a tool gave back, as model and people are told of it.
    pub fn result(&self, result: &mut ToolResult) {
        result.text = self.text(&result.text);
        if let Some(detail) = &mut result.detail {
            self.json(detail);
        }
    }

    /// The text without them, and how many bytes of it that covers.
    fn scan(&self, text: &str, more: More) -> (String, usize) {
        let bytes = text.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            match self.at(bytes, at, more) {
                At::Beginning => break,
                At::Other => {
                    out.extend(bytes.get(at));
                    at += 1;
                }
                At::Spelling(length) => {
                    let Some(end) = self.end(bytes, (at, length), more) else { break };
                    out.extend_from_slice(REDACTED.as_bytes());
                    at = end;
                }
            }
        }
        // Spellings are whole characters, and so is what lies between them.
        (String::from_utf8_lossy(&out).into_owned(), at)
    }

    /// Where spellings end of which each begins within the one before; none = that is not known yet.
    fn end(&self, bytes: &[u8], (from, length): (usize, usize), more: More) -> Option<usize> {
        let (mut end, mut inner) = (from + length, from + 1);
        while inner < end {
            match self.at(bytes, inner, more) {
                At::Spelling(length) => end = end.max(inner + length),
                At::Beginning => return None,
                At::Other => {}
            }
            inner += 1;
        }
        Some(end)
    }

    fn at(&self, bytes: &[u8], at: usize, more: More) -> At {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(start) = rest.first_chunk::<START_BYTES>() else {
            let begins =
                more == More::MayCome && self.by_start.keys().any(|start| start.starts_with(rest));
            return if begins { At::Beginning } else { At::Other };
        };
        for spelling in self.by_start.get(start).into_iter().flatten() {
            if rest.starts_with(spelling) {
                return At::Spelling(spelling.len());
            }
            if more == More::MayCome && spelling.starts_with(rest) {
                return At::Beginning;
            }
        }
        At::Other
    }
}

/// What an agent's secrets are taken out by; what is a grant too, should its service send it back.
pub async fn of_agent(app: &App, org: &OrgId, living: &Living) -> Result<Redactor> {
    let held = secrets::of_agent(app, org, living, Phase::Any).await?;
    let hidden = held.iter().filter(|held| held.is_hidden());
    Ok(Redactor::new(hidden.map(|held| held.value.expose())))
}

/// A text that comes in pieces: what may be the beginning of a value waits for the next one.
#[derive(Default)]
pub struct Pieces {
    waiting: String,
    /// Bytes given so far.
    given: u64,
}

impl Pieces {
    /// What can be shown now, with the bytes that were shown before it.
    pub fn push(&mut self, redactor: &Redactor, piece: &str) -> Option<(u64, String)> {
        self.next(redactor, piece, More::MayCome)
    }

    /// The rest.
    pub fn rest(&mut self, redactor: &Redactor) -> Option<(u64, String)> {
        self.next(redactor, "", More::DoesNotCome)
    }

    fn next(&mut self, redactor: &Redactor, piece: &str, more: More) -> Option<(u64, String)> {
        self.waiting.push_str(piece);
        let (text, covered) = redactor.scan(&self.waiting, more);
        self.waiting = self.waiting.split_off(covered);
        let before = self.given;
        self.given += text.len() as u64;
        (!text.is_empty()).then_some((before, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    const VALUE: &str = "s3cr\"t+value/é";

    fn in_pieces(redactor: &Redactor, pieces: &[&str]) -> String {
        let mut live = Pieces::default();
        let mut shown = String::new();
        for piece in pieces {
            if let Some((before, text)) = live.push(redactor, piece) {
                assert_eq!(before, shown.len() as u64);
                shown.push_str(&text);
            }
        }
        shown + &live.rest(redactor).map(|(_, text)| text).unwrap_or_default()
    }

    #[test]
    fn a_value_is_taken_out_however_it_is_spelled() {
        let redactor = Redactor::new([VALUE]);
        for (text, expected) in [
            ("nothing in here".to_owned(), "nothing in here".to_owned()),
            (
                format!("a {VALUE} b {VALUE}{VALUE}."),
                format!("a {REDACTED} b {REDACTED}{REDACTED}."),
            ),
            (format!("x={}", hex::encode(VALUE)), format!("x={REDACTED}")),
            ("u?q=s3cr%22t%2Bvalue%2F%C3%A9&r".to_owned(), format!("u?q={REDACTED}&r")),
            (serde_json::json!({"a": VALUE}).to_string(), format!("{{\"a\":\"{REDACTED}\"}}")),
            ("s3cr\"t+value".to_owned(), "s3cr\"t+value".to_owned()),
        ] {
            assert_eq!(redactor.text(&text), expected);
        }
        for user in ["", "u", "us", "use"] {
            let encoded = STANDARD.encode(format!("{user}:{VALUE}:tail"));
            let text = redactor.text(&encoded);
            assert!(text.contains(REDACTED) && text.len() < encoded.len(), "{text}");
        }
    }

    #[test]
    fn borders_of_pieces_hide_nothing() {
        let redactor = Redactor::new([VALUE, "abcdefgh", "abcdefgh12345678", "12345678"]);
        let text = format!(
            "é{VALUE}|abcdefg|abcdefgh|abcdefgh1234567|abcdefgh12345678|s3cr\"t+{VALUE}s3cr"
        );
        let expected = redactor.text(&text);
        assert_eq!(
            expected,
            format!(
                "é{REDACTED}|abcdefg|{REDACTED}|{REDACTED}1234567|{REDACTED}|s3cr\"t+{REDACTED}s3cr"
            )
        );
        let signs: Vec<String> = text.chars().map(String::from).collect();
        let signs: Vec<&str> = signs.iter().map(String::as_str).collect();
        assert_eq!(in_pieces(&redactor, &signs), expected, "sign by sign");
        for (border, _) in text.char_indices() {
            let (first, second) = text.split_at(border);
            assert_eq!(in_pieces(&redactor, &[first, second]), expected, "{first} / {second}");
        }
    }

    #[test]
    fn values_that_overlap_leave_nothing_between_them() {
        let redactor = Redactor::new(["abcdefgh", "efghijkl"]);
        assert_eq!(redactor.text("<abcdefghijkl>"), format!("<{REDACTED}>"));
        assert_eq!(in_pieces(&redactor, &["<abcdefgh", "ijkl>"]), format!("<{REDACTED}>"));
        assert_eq!(in_pieces(&redactor, &["<abcdefgh", "ijk>"]), format!("<{REDACTED}ijk>"));
    }

    #[test]
    fn what_cannot_be_a_value_is_shown_at_once() {
        let redactor = Redactor::new(["password1"]);
        let mut live = Pieces::default();
        assert_eq!(live.push(&redactor, "type the pass"), Some((0, "type the ".to_owned())));
        assert_eq!(live.push(&redactor, "phrase"), Some((9, "passphrase".to_owned())));
        let nothing = Redactor::new([]);
        assert_eq!(in_pieces(&nothing, &["a", "b"]), "ab");
    }

    #[test]
    fn lines_of_a_key_file_are_taken_out_one_by_one() {
        let key =
            "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nshort\n-----END KEY-----\n";
        let redactor = Redactor::new([key]);
        let listing = "1\t-----BEGIN KEY-----\n2\tMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n3\tshort";
        assert_eq!(
            redactor.text(listing),
            format!("1\t-----BEGIN KEY-----\n2\t{REDACTED}\n3\tshort")
        );
        assert_eq!(redactor.text(&format!("{key}.")), format!("{REDACTED}."));
        assert_eq!(redactor.text(key.trim()), REDACTED);
    }

    #[test]
    fn results_are_cleaned_with_their_details() {
        let redactor = Redactor::new([VALUE]);
        let mut result = ToolResult {
            text: format!("Exit code 0.\n{VALUE}\n"),
            is_error: false,
            detail: Some(
                serde_json::json!({"diff": [{"line": format!("+{VALUE}")}], "exitCode": 0}),
            ),
            truncated: false,
        };
        redactor.result(&mut result);
        assert_eq!(result.text, format!("Exit code 0.\n{REDACTED}\n"));
        let detail = serde_json::json!({"diff": [{"line": format!("+{REDACTED}")}], "exitCode": 0});
        assert_eq!(result.detail, Some(detail));
    }
}
