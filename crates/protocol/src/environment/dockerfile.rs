//! Dockerfiles, as far as they can be judged by reading: a base is named, the project stays outside.

use super::path::RepoPath;
use super::remark::{Remark, Remarks};
use crate::limits::{ENVIRONMENT_REMARKS, ENVIRONMENT_TEXT_BYTES};

const COPIES_PROJECT: &str = "copies the project into the image: leave that out, the right commit \
                              is checked out for each agent; dependencies belong into `install`";

/// What is wrong with the Dockerfile at this path of the repository, and what is to be known of it.
pub fn check(path: &RepoPath, bytes: &[u8]) -> Remarks {
    let remark = |line, code, message: &str| Remark {
        code,
        file: path.to_string(),
        line,
        column: 1,
        key: "build.dockerfile".to_owned(),
        message: message.to_owned(),
    };
    if bytes.len() > ENVIRONMENT_TEXT_BYTES {
        let message = format!("has more than {ENVIRONMENT_TEXT_BYTES} bytes: shorten it");
        return Remarks { problems: vec![remark(1, "too_long", &message)], warnings: Vec::new() };
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        let problem = remark(1, "not_utf8", "is not UTF-8: save it as UTF-8");
        return Remarks { problems: vec![problem], warnings: Vec::new() };
    };
    Remarks {
        problems: problems(text)
            .into_iter()
            .map(|(line, message)| remark(line, "bad_dockerfile", message))
            .collect(),
        warnings: warnings(text)
            .into_iter()
            .map(|(line, message)| remark(line, "copies_project", message))
            .collect(),
    }
}

/// What keeps a Dockerfile from being built, with its line.
pub(super) fn problems(text: &str) -> Vec<(usize, &'static str)> {
    let has_base = instructions(text).iter().any(|one| one.word == "FROM");
    if has_base { Vec::new() } else { vec![(1, "has no FROM: begin it with FROM and an image")] }
}

/// Instructions that copy the project, with their lines.
pub(super) fn warnings(text: &str) -> Vec<(usize, &'static str)> {
    let copying = instructions(text).into_iter().filter(Instruction::copies_project);
    copying.take(ENVIRONMENT_REMARKS).map(|one| (one.line, COPIES_PROJECT)).collect()
}

/// One instruction; its continued lines are one.
#[derive(Debug)]
struct Instruction {
    line: usize,
    word: String,
    rest: String,
}

impl Instruction {
    fn copies_project(&self) -> bool {
        if !matches!(self.word.as_str(), "COPY" | "ADD") {
            return false;
        }
        let words = self.rest.split_whitespace();
        let mut flags = words.take_while(|word| word.starts_with("--"));
        // Another stage of the same build, or another image: not the project.
        if flags.any(|flag| flag.starts_with("--from=")) {
            return false;
        }
        let after = self.rest.split_whitespace().skip_while(|word| word.starts_with("--"));
        let after: Vec<&str> = after.collect();
        let listed = after.join(" ");
        let paths = match serde_json::from_str::<Vec<String>>(&listed) {
            Ok(paths) => paths,
            Err(_) => after.into_iter().map(str::to_owned).collect(),
        };
        let sources = paths.split_last().map(|(_, sources)| sources).unwrap_or_default();
        sources.iter().any(|source| matches!(source.as_str(), "." | "./" | "/" | "*" | "./*"))
    }
}

fn instructions(text: &str) -> Vec<Instruction> {
    let mut found: Vec<Instruction> = Vec::new();
    let mut goes_on = false;
    let mut lines = (1..).zip(text.lines());
    while let Some((line, raw)) = lines.next() {
        let trimmed = raw.trim();
        if trimmed.starts_with('#') || (trimmed.is_empty() && !goes_on) {
            continue;
        }
        let (body, continued) =
            trimmed.strip_suffix('\\').map_or((trimmed, false), |body| (body, true));
        match found.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.rest.push(' ');
                last.rest.push_str(body);
            }
            None => {
                let (word, rest) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
                let (word, rest) = (word.to_ascii_uppercase(), rest.trim_start().to_owned());
                found.push(Instruction { line, word, rest });
            }
        }
        goes_on = continued;
        if let Some(end) = heredoc(body) {
            // One that never ends is no here-document, so what follows is read as usual.
            let mut ahead = lines.clone();
            if ahead.any(|(_, raw)| raw.trim() == end) {
                lines = ahead;
            }
        }
    }
    found
}

/// The line that ends the here-document which begins here.
fn heredoc(body: &str) -> Option<&str> {
    let (_, after) = body.split_once("<<")?;
    let after = after.strip_prefix('-').unwrap_or(after);
    let word = after.split_whitespace().next()?.trim_matches(['"', '\'']);
    let is_word =
        !word.is_empty() && word.chars().all(|sign| sign.is_alphanumeric() || sign == '_');
    is_word.then_some(word)
}
