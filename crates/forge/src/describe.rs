//! Title and body of a pull request from the facts of a run. Pure.
//!
//! Facts come from the log and from our own mirror, never from what the model says it did; its
//! answer is shown as its answer. When there is no evidence, that is written too.

use crate::claims;
use crate::markdown::{code, cut, literal, tamed, visible};
use crate::pull_request::BODY_CHARS;
use protocol::event::DiffStat;
use std::fmt::Write as _;

/// Characters of a title that this module writes; what lists and mails show in full.
const TITLE_SHOWN_CHARS: usize = 72;
/// Characters of the task that are quoted.
const TASK_CHARS: usize = 4_000;
/// Characters of the answer that are shown.
const RESULT_CHARS: usize = 20_000;
/// Characters of a commit's subject or a command.
const LINE_CHARS: usize = 200;
/// Characters of what was found in the diff.
const FINDINGS_CHARS: usize = 10_000;
/// Characters of what a person should know.
const NOTES_CHARS: usize = 6_000;
/// Characters of a commit's id.
const COMMIT_CHARS: usize = 12;
/// Commits, files and commands that are listed.
const ROWS: usize = 50;

/// What is known about a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The agent's name, usually made of the task.
    pub name: String,
    /// The task in the person's words.
    pub task: String,
    /// The issue or pull request where it was asked, if it was at a forge.
    pub asked_in: Option<String>,
    /// The last answer of the model.
    pub result: String,
    /// New commits, oldest first.
    pub commits: Vec<CommitFact>,
    /// The diff against the base, counted.
    pub stat: DiffStat,
    /// The files in it, counted.
    pub files: Vec<FileFact>,
    /// Commands run after the last change to the workspace, in their order.
    pub commands: Vec<CommandFact>,
    /// What the server ran itself at the commit.
    pub checks: Option<ChecksFact>,
    /// Things a person should know.
    pub notes: Vec<String>,
    /// What to look at in the diff; none where it could not be judged.
    pub judgement: Option<Judgement>,
    /// What it took.
    pub effort: Effort,
    /// Where people follow the agent.
    pub link: String,
    /// What is signed about the commit.
    pub record: Option<RecordFact>,
    /// How much of it is told.
    pub telling: Telling,
}

/// How much of a run is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Telling {
    /// All of it.
    #[default]
    Whole,
    /// Neither code nor the words of the task and of the agent, for whoever may not see them; what is told counts.
    Outline,
}

/// The record of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFact {
    /// SHA-256 of its bytes.
    pub digest: String,
    /// Where it is.
    pub link: String,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFact {
    /// Its id.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
}

/// A file of the diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFact {
    /// Its path after the change.
    pub path: String,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
}

/// What was found in a diff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Markdown of ours, in which nothing of the diff has an effect.
    pub text: String,
    /// Findings that it tells or counts.
    pub found: usize,
    /// Findings that it does not count.
    pub more: usize,
    /// Files that were not read.
    pub unread: usize,
}

/// A command that the log saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFact {
    /// As it was run.
    pub command: String,
    /// How it ended; none where it was stopped or lost.
    pub exit_code: Option<i32>,
    /// How long it took.
    pub duration_ms: u64,
}

/// What the base's configuration has the server run itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksFact {
    /// The commit.
    pub commit: String,
    /// Each command that was begun.
    pub commands: Vec<CommandFact>,
    /// Why not all were run.
    pub failure: Option<String>,
}

/// What a run took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effort {
    /// The model's id.
    pub model: String,
    /// Time from the first event to the last.
    pub duration_ms: u64,
    /// Money in millionths of a dollar, where prices are known.
    pub cost_micros: Option<u64>,
}

/// A title and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// One line of plain text.
    pub title: String,
    /// Markdown.
    pub body: String,
}

/// Writes title and body.
pub fn describe(facts: &Facts) -> Description {
    let mut body = String::new();
    let sections: &[fn(&Facts) -> String] = match facts.telling {
        Telling::Whole => {
            &[task, result, notes, findings, checks, evidence, changes, commits, footer]
        }
        Telling::Outline => &[counted, checks, evidence, size, footer],
    };
    for section in sections {
        let text = section(facts);
        if !text.is_empty() {
            body.push_str(&text);
            body.push('\n');
        }
    }
    // Every section has its own limit, so this is only met by very long paths.
    Description { title: title(facts), body: cut(body.trim_end(), BODY_CHARS) }
}

fn title(facts: &Facts) -> String {
    let named = [facts.name.as_str(), facts.task.as_str()];
    let line =
        named.iter().flat_map(|text| text.lines()).map(str::trim).find(|line| !line.is_empty());
    let line = line.unwrap_or("Changes by an agent").trim_start_matches(['#', ' ', '-', '*', '>']);
    cut(&visible(line).replace('\t', " "), TITLE_SHOWN_CHARS)
}

fn task(facts: &Facts) -> String {
    if facts.task.trim().is_empty() {
        return String::new();
    }
    let quoted = fitting(facts.task.trim(), TASK_CHARS, |task| {
        let lines = visible(task);
        let quoted: Vec<_> =
            lines.lines().map(|line| format!("> {}", block_literal(line))).collect();
        quoted.join("\\\n")
    });
    let place = match &facts.asked_in {
        Some(place) => format!("Asked for in {}.\n\n", link(place)),
        None => String::new(),
    };
    format!("### Task\n\n{place}{quoted}\n")
}

/// Also what would begin a list, a heading or a rule at the start of a line.
fn block_literal(line: &str) -> String {
    let text = literal(line.trim_start());
    if text.starts_with(['-', '+', '=']) {
        return format!("\\{text}");
    }
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    match text.split_at_checked(digits) {
        Some((number, rest)) if digits > 0 && rest.starts_with('.') => format!("{number}\\{rest}"),
        _ => text,
    }
}

/// As much of a text as fits once it is written. TRUST: what is made harmless grows, and must not push out what follows.
fn fitting(text: &str, characters: usize, written: impl Fn(&str) -> String) -> String {
    let mut taken = characters;
    loop {
        let out = written(&cut(text, taken));
        if out.chars().count() <= characters + characters / 2 || taken == 0 {
            return out;
        }
        taken /= 2;
    }
}

fn result(facts: &Facts) -> String {
    if facts.result.trim().is_empty() {
        return String::new();
    }
    let own = facts.checks.iter().flat_map(|checks| &checks.commands);
    let known: Vec<_> = facts.commands.iter().chain(own).cloned().collect();
    let answer =
        fitting(facts.result.trim(), RESULT_CHARS, |answer| tamed(&claims::struck(answer, &known)));
    format!("### Result, as the agent tells it\n\n{answer}")
}

fn notes(facts: &Facts) -> String {
    if facts.notes.is_empty() {
        return String::new();
    }
    let mut list = String::new();
    rows(&mut list, &facts.notes, |out, note| {
        writeln!(out, "- {}", literal(&cut(note, LINE_CHARS * 2)))
    });
    format!("### To know\n\n{}", whole_lines(&list, NOTES_CHARS))
}

fn findings(facts: &Facts) -> String {
    let Some(Judgement { text, more, unread, .. }) = &facts.judgement else {
        return "### Findings\n\nThis diff could not be judged. Read all of it.\n".to_owned();
    };
    let mut out = format!("### Findings\n\n{}", whole_lines(text, FINDINGS_CHARS));
    // Writing into a string cannot fail.
    if *more > 0 {
        writeln!(out, "\n{more} more findings are not counted here.").unwrap_or_default();
    }
    if *unread > 0 {
        let noun = if *unread == 1 { "file was" } else { "files were" };
        writeln!(out, "\n**{unread} {noun} too large or too many to be read. Read them.**")
            .unwrap_or_default();
    }
    out
}

/// How much there is to look at, and where.
fn counted(facts: &Facts) -> String {
    let mut out = "### Findings\n\n".to_owned();
    let page = format!("on [the agent's page]({})", link(&facts.link));
    let told = match &facts.judgement {
        None => writeln!(out, "This diff could not be judged. Read all of it."),
        Some(Judgement { text, found, more, unread }) => {
            let risk = text.lines().next().unwrap_or_default();
            let (found, files) = (noun(found + more, "finding"), noun(*unread, "file"));
            writeln!(out, "{risk}\n\n{found}, {page}; {files} too large or too many to be read.")
        }
    };
    // Writing into a string cannot fail.
    told.unwrap_or_default();
    if !facts.notes.is_empty() {
        let notes = noun(facts.notes.len(), "more thing");
        writeln!(out, "\n{notes} to know, {page}.").unwrap_or_default();
    }
    out
}

fn noun(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// As many whole lines as fit, with a word where some are missing.
fn whole_lines(text: &str, characters: usize) -> String {
    let mut left = characters;
    let mut out = String::new();
    for line in text.lines() {
        let Some(rest) = left.checked_sub(line.chars().count() + 1) else {
            out.push_str("\nThe rest is on the agent's page.\n");
            break;
        };
        left = rest;
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn evidence(facts: &Facts) -> String {
    let mut out = "### Evidence\n\n".to_owned();
    if facts.commands.is_empty() {
        out.push_str("No command was run after the last change, so nothing here was tested.\n");
        return out;
    }
    out.push_str(
        "Run after the last change, as the agent's sandbox reported; the agent could have changed what it reports:\n\n",
    );
    match facts.telling {
        Telling::Whole => table(&mut out, &facts.commands),
        Telling::Outline => {
            let well = facts.commands.iter().filter(|run| run.exit_code == Some(0)).count();
            let all = noun(facts.commands.len(), "command");
            // Writing into a string cannot fail.
            writeln!(out, "{all}, {well} of which ended well.").unwrap_or_default();
        }
    }
    out
}

fn checks(facts: &Facts) -> String {
    let Some(ChecksFact { commit, commands, failure }) = &facts.checks else {
        return String::new();
    };
    if commands.is_empty() && failure.is_none() {
        return String::new();
    }
    let mut out = "### Checked by Errand\n\n".to_owned();
    if !commands.is_empty() {
        // Others may come on top of it before this text is written anew.
        let commit = code(&short(commit));
        writeln!(out, "What the base's configuration names, run at {commit} in a fresh sandbox:\n")
            .unwrap_or_default();
        table(&mut out, commands);
    }
    if let Some(failure) = failure {
        let text = literal(&cut(failure, LINE_CHARS * 2));
        writeln!(out, "\n**Not all was checked:** {text}").unwrap_or_default();
    }
    out
}

fn short(commit: &str) -> String {
    commit.chars().take(COMMIT_CHARS).collect()
}

fn table(out: &mut String, commands: &[CommandFact]) {
    out.push_str("| command | exit code | time |\n| --- | --- | --- |\n");
    rows(out, commands, |out, run| {
        let ended = match run.exit_code {
            Some(0) => "0".to_owned(),
            Some(other) => format!("**{other}**"),
            None => "**did not end**".to_owned(),
        };
        writeln!(
            out,
            "| {} | {ended} | {} |",
            code(&cut(&run.command, LINE_CHARS)),
            time(run.duration_ms)
        )
    });
}

fn size(facts: &Facts) -> String {
    let DiffStat { files, additions, deletions } = facts.stat;
    let noun = if files == 1 { "file" } else { "files" };
    format!("### Changes\n\n{files} {noun}, +{additions} −{deletions}\n\n")
}

fn changes(facts: &Facts) -> String {
    let mut out = size(facts);
    rows(&mut out, &facts.files, |out, file| {
        writeln!(
            out,
            "- {} +{} −{}",
            code(&cut(&file.path, LINE_CHARS)),
            file.additions,
            file.deletions
        )
    });
    out
}

fn commits(facts: &Facts) -> String {
    if facts.commits.is_empty() {
        return String::new();
    }
    let mut out = "### Commits\n\n".to_owned();
    rows(&mut out, &facts.commits, |out, commit| {
        writeln!(
            out,
            "- {} {}",
            code(&short(&commit.id)),
            literal(&cut(&commit.subject, LINE_CHARS))
        )
    });
    out
}

fn footer(facts: &Facts) -> String {
    let Effort { model, duration_ms, cost_micros } = &facts.effort;
    let mut parts = vec![format!("Made by [Errand]({})", link(&facts.link))];
    if !model.is_empty() {
        parts.push(format!("with {}", literal(model)));
    }
    if *duration_ms > 0 {
        parts.push(format!("in {}", time(*duration_ms)));
    }
    if let Some(micros) = cost_micros {
        parts.push(format!("for ${}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000));
    }
    let made = parts.join(" ");
    match &facts.record {
        None => format!("---\n{made}."),
        Some(RecordFact { digest, link: at }) => format!(
            "---\n{made}.\n\nSigned [record]({}) of it, for `errand verify`: {}",
            link(at),
            code(&format!("sha256:{digest}"))
        ),
    }
}

/// An address that cannot end its brackets.
fn link(address: &str) -> String {
    address
        .chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, '(' | ')' | '<' | '>'))
        .collect()
}

/// Writes the first rows and says how many are missing.
fn rows<T>(out: &mut String, all: &[T], mut row: impl FnMut(&mut String, &T) -> std::fmt::Result) {
    for one in all.iter().take(ROWS) {
        // Writing into a string cannot fail.
        row(out, one).unwrap_or_default();
    }
    if all.len() > ROWS {
        writeln!(out, "\n… and {} more", all.len() - ROWS).unwrap_or_default();
    }
}

fn time(duration_ms: u64) -> String {
    let seconds = duration_ms / 1000;
    match seconds {
        0 => format!("{duration_ms} ms"),
        1..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests;
