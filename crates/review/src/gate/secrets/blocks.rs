//! Private keys, which fill several lines.

use super::{Place, Stops};
use crate::change::Line;
use regex::Regex;
use std::sync::LazyLock;

/// Lines after the first within which the key itself begins.
const HEADER_LINES: usize = 8;
/// Signs of base64 that are more than a stand-in.
const BODY_BYTES: usize = 40;

static PEM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----").ok());
static OTHERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("PuTTY-User-Key-File-[123]:|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----").ok()
});

/// Looks for keys whose first line, or whose body, is added.
pub(super) fn in_lines(place: &Place, text: &str, added: &[Line<'_>], stops: &mut Stops<'_>) {
    // Seldom is any there, so that the text is not split for nothing.
    if !text.contains("PRIVATE KEY") && !text.contains("PuTTY-User-Key-File-") {
        return;
    }
    let all: Vec<&str> = text.lines().collect();
    for line in added {
        let at = usize::try_from(line.number).unwrap_or(usize::MAX);
        for (regex, id, what) in
            [(&*PEM, "private-key", "a private key"), (&*OTHERS, "putty-key", "a private SSH key")]
        {
            let Some(found) = regex.as_ref().and_then(|regex| regex.find(line.text)) else {
                continue;
            };
            let rest = line.text.get(found.end()..).unwrap_or_default();
            let after = all.iter().skip(at).take(HEADER_LINES).copied();
            if let Some(body) = std::iter::once(rest).chain(after).find_map(body) {
                super::tell(place, line.number, (id, what), body, stops);
            }
        }
    }
}

/// The first long run of base64 in a line, which may be broken by `\n` written out.
fn body(line: &str) -> Option<&str> {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let line = line.get(..line.floor_char_boundary(512)).unwrap_or_default();
    let body = line
        .split(|c| !is_sign(c))
        .flat_map(|run| run.split("\\n"))
        .map(|run| run.strip_prefix('n').filter(|_| line.contains("\\n")).unwrap_or(run))
        .find(|run| run.len() >= BODY_BYTES)?;
    (super::check::entropy(body) >= 3.0 && !super::harmless::is_stand_in(body)).then_some(body)
}
