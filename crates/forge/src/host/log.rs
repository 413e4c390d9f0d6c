//! What checks say and print: long texts of which the end is wanted, often stored at another address.

use super::{ANSWER_TIMEOUT, Effect, Host, lost};
use crate::around::{Check, CheckState};
use crate::forge::{ForgeError, Result};
use reqwest::header::LOCATION;
use reqwest::{Method, Response};
use secrecy::ExposeSecret as _;
use url::Url;

/// Bytes of a log that are told: its last ones.
const LOG_BYTES: usize = 64 * 1024;
/// Bytes of a log that are read.
const READ_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of what a check says besides its log.
const SAID_BYTES: usize = 16 * 1024;
const BEGINNING_CUT: &str = "[… its beginning is left out]\n";
const END_CUT: &str = "\n[… more follows]";

impl Host {
    /// The end of a log, or nothing where there is none. One redirect is followed.
    pub async fn log(&self, path: &str) -> Result<Option<String>> {
        let (builder, value) = self.signed(Method::GET, self.below(path)?, "*/*").await?;
        let secret = value.expose_secret();
        let mut response = builder.send().await.map_err(|error| lost(Effect::None, &error))?;
        if response.status().is_redirection() {
            let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let url = stored_at(&self.api, location)?;
            // TRUST: this goes to whatever address the host named, so our credential does not.
            let asked = self.client.get(url).timeout(ANSWER_TIMEOUT).send().await;
            response = asked.map_err(|error| lost(Effect::None, &error))?;
            let status = response.status();
            if status != 200 {
                let detail = format!("where its log is stored the answer is status {status}");
                return Err(ForgeError::Rejected { detail });
            }
        }
        if response.status() == 200 {
            let token = secret.rsplit(' ').next().unwrap_or(secret);
            return self::end(response, token).await.map(Some);
        }
        let answer = self.answer(response, Effect::None, secret).await?;
        if answer.is_missing() { Ok(None) } else { Err(answer.refusal()) }
    }
}

/// TRUST: the host names the address, and may be made to name another one: only the host itself and
/// public names with a certificate are asked.
fn stored_at(api: &Url, location: Option<&str>) -> Result<Url> {
    let url = location.and_then(|location| api.join(location).ok());
    let fine = |url: &Url| {
        url.origin() == api.origin() || (url.scheme() == "https" && url.domain().is_some())
    };
    url.filter(fine).ok_or_else(|| ForgeError::Rejected {
        detail: "its log is stored at an address that is not asked".to_owned(),
    })
}

/// The last bytes of a text, however long it is.
async fn end(mut response: Response, token: &str) -> Result<String> {
    let (mut kept, mut read) = (Vec::new(), 0);
    let mut goes_on = false;
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(Effect::None, &error))? {
        read += chunk.len();
        kept.extend_from_slice(&chunk);
        if kept.len() > 2 * LOG_BYTES {
            kept.drain(..kept.len() - LOG_BYTES);
        }
        if read > READ_BYTES {
            goes_on = true;
            break;
        }
    }
    let is_cut = read > kept.len();
    // Hosts may tell back what they were sent; taken out last, it cannot hide in what is not shown.
    let mut text = visible(&String::from_utf8_lossy(&kept));
    if !token.is_empty() {
        text = text.replace(token, "…");
    }
    let mut text = last(&text, LOG_BYTES, is_cut);
    if goes_on {
        text.push_str(END_CUT);
    }
    Ok(text)
}

/// The end of a text from the beginning of a line, with a word where something is missing.
fn last(text: &str, bytes: usize, is_cut: bool) -> String {
    if !is_cut && text.len() <= bytes {
        return text.to_owned();
    }
    let from = text.ceil_char_boundary(text.len().saturating_sub(bytes));
    let rest = text.get(from..).unwrap_or_default();
    let rest = rest.split_once('\n').map_or(rest, |(_, rest)| rest);
    format!("{BEGINNING_CUT}{rest}")
}

/// As a terminal would leave it: without colours, and of a line that was written over, its last state.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            shown.push('\n');
        }
        let line = line.trim_end_matches('\r');
        let mut chars = line.rsplit('\r').next().unwrap_or(line).chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\u{1b}' if chars.next_if_eq(&'[').is_some() => {
                    // It ends with the first letter.
                    while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {}
                }
                c if c.is_control() && c != '\t' => {}
                c => shown.push(c),
            }
        }
    }
    shown
}

/// Texts one below the other, without the empty ones.
pub(crate) fn lines(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<String> = texts
        .into_iter()
        .map(|text| text.trim_end().to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    texts.join("\n")
}

/// What a check says besides what it printed, cut.
pub(crate) fn said(check: &Check) -> String {
    let link = check.link.clone().unwrap_or_default();
    shortened(&lines([check.summary.clone(), link]))
}

/// What can be seen of the first bytes of a text.
pub(crate) fn shortened(text: &str) -> String {
    let text = visible(text);
    if text.len() <= SAID_BYTES {
        return text;
    }
    let to = text.floor_char_boundary(SAID_BYTES);
    format!("{}{END_CUT}", text.get(..to).unwrap_or_default())
}

/// The check of that name that ended badly, else one of that name.
pub(crate) fn worst(checks: Vec<Check>, name: &str) -> Result<Check> {
    let mut named: Vec<Check> = checks.into_iter().filter(|check| check.name == name).collect();
    let failed = named.iter().position(|check| check.state == CheckState::Failed);
    if named.is_empty() { Err(no_check(name)) } else { Ok(named.swap_remove(failed.unwrap_or(0))) }
}

/// What the check of that name says, where the host has no log of it.
pub(crate) fn said_of(checks: Vec<Check>, name: &str) -> Result<String> {
    let text = said(&worst(checks, name)?);
    Ok(if text.is_empty() { NOTHING_SAID.to_owned() } else { text })
}

/// What stands where there is nothing to tell.
pub(crate) const NOTHING_SAID: &str = "[the host tells nothing of it]";

/// A check that is not there.
pub(crate) fn no_check(name: &str) -> ForgeError {
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    ForgeError::Rejected { detail: format!("there is no check {name} of this commit") }
}

/// A log, or in a line why there is none; what may go better later stays an error.
pub(crate) fn log_or_why(log: Result<Option<String>>) -> Result<String> {
    match log {
        Ok(Some(log)) if !log.trim().is_empty() => Ok(log),
        Ok(_) => Ok("[the host keeps no log of it]".to_owned()),
        Err(ForgeError::Denied { detail } | ForgeError::Rejected { detail }) => {
            Ok(format!("[its log cannot be read: {detail}]"))
        }
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_asked_for_at_the_host_and_at_public_names_only() {
        let api = Url::parse("http://git.example:3000/api/v3").unwrap();
        for (location, asked) in [
            (Some("http://git.example:3000/storage/1?sig=x"), true),
            (Some("/storage/1"), true),
            (Some("https://logs.example/1"), true),
            (Some("http://git.example:3001/1"), false),
            (Some("http://logs.example/1"), false),
            (Some("http://169.254.169.254/latest"), false),
            (Some("https://127.0.0.1/1"), false),
            (Some("https://[::1]/1"), false),
            (Some("file:///etc/passwd"), false),
            (Some("//logs.example/1"), false),
            (Some("http://["), false),
            (None, false),
        ] {
            assert_eq!(stored_at(&api, location).is_ok(), asked, "{location:?}");
        }
    }

    #[test]
    fn terminals_words_are_taken_out() {
        let told = "\u{1b}[31mred\u{1b}[0m\r\r\n10%\r20%\n\u{8}\u{7}é\tend\u{1b}[1";
        assert_eq!(visible(told), "red\n20%\né\tend");
        let section = "section_start:1700000000:script\r\u{1b}[0KRunning\n";
        assert_eq!(visible(section), "Running\n");
    }

    #[test]
    fn the_end_begins_with_a_line() {
        assert_eq!(last("a\nb", 10, false), "a\nb");
        assert_eq!(last("aaa\nbbb\nccc", 9, false), format!("{BEGINNING_CUT}bbb\nccc"));
        assert_eq!(last("ééé\né", 6, false), format!("{BEGINNING_CUT}é"));
        assert_eq!(last("a\nb", 10, true), format!("{BEGINNING_CUT}b"));
    }
}
