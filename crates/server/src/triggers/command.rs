//! What is asked of us in a comment: `@errand <task> [key=value …]`. Pure.
//!
//! TRUST: who may ask is decided elsewhere. Here only what the writer says by themselves, in sight, after our name, is
//! an order; see `triggers::markdown`.

use super::markdown::Said;
use super::untrusted;
use git::name::{BranchName, StartingRef};
use protocol::event::Mode;
use std::iter::Peekable;
use std::str::Chars;

/// Characters of a task.
pub const TASK_CHARS: usize = 20_000;
/// Characters of an option's value.
pub const VALUE_CHARS: usize = 200;
/// The keys and what they are for, in the order in which help names them.
pub const KEYS: [(&str, &str); 9] = [
    ("model", "the model"),
    ("mode", "agent, plan, ask, architect or debug"),
    ("name", "the agent's name"),
    ("base", "branch, tag or commit to start from"),
    ("branch", "branch to work on"),
    ("autopr", "on or off: open a pull request"),
    ("draft", "on or off: open it as a draft"),
    ("reviewers", "on or off: ask for reviews"),
    ("minutes", "most minutes of a run"),
];

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Work.
    Task(Task),
    /// Mend checks of this pull request by itself, or leave them.
    Autofix(Switch),
    /// End the run.
    Stop,
    /// Say what can be asked.
    Help,
}

/// Work to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// In the writer's words; empty where the name stands alone.
    pub text: String,
    /// What they quote beside it, which is no order.
    pub quoted: String,
    /// How.
    pub options: Options,
    /// What was taken out of their words since nobody sees it.
    pub taken_out: Vec<String>,
}

/// How work is to be done; an omitted one has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The model.
    pub model: Option<String>,
    /// How the agent behaves.
    pub mode: Option<Mode>,
    /// The agent's name.
    pub name: Option<String>,
    /// Where to start.
    pub base: Option<StartingRef>,
    /// The branch to work on.
    pub branch: Option<BranchName>,
    /// Whether a pull request is opened.
    pub auto_pr: Option<Switch>,
    /// Whether it is a draft.
    pub draft: Option<Switch>,
    /// Whether anybody is asked for a review.
    pub reviewers: Option<Switch>,
    /// Most minutes of a run.
    pub minutes: Option<u32>,
}

/// Why an order is not understood, in words for who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// No such key.
    #[error(
        "there is no option `{0}`; there are {keys}. If it belongs to the task, put it in backticks",
        keys = listed()
    )]
    UnknownKey(String),
    /// Twice the same.
    #[error("the option `{0}` is given twice: leave one out")]
    Twice(&'static str),
    /// A value that does not fit.
    #[error("the option `{key}` {problem}")]
    Value {
        /// Of which option.
        key: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A quotation mark is missing.
    #[error("the value of `{0}` begins with a quotation mark that nothing closes")]
    Unclosed(String),
    /// More than is taken.
    #[error("the task has {0} characters; at most {TASK_CHARS} fit: put the rest into the issue")]
    TooLong(usize),
    /// Neither on nor off.
    #[error("say `autofix on` or `autofix off`")]
    Autofix,
}

fn listed() -> String {
    let names: Vec<String> = KEYS.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

impl Options {
    /// The options that count only where an agent starts, by name.
    pub fn of_a_start(&self) -> Vec<&'static str> {
        let given = [
            ("name", self.name.is_some()),
            ("base", self.base.is_some()),
            ("branch", self.branch.is_some()),
            ("autopr", self.auto_pr.is_some()),
            ("draft", self.draft.is_some()),
            ("reviewers", self.reviewers.is_some()),
            ("minutes", self.minutes.is_some()),
        ];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }
}

/// What a comment asks of us under this name; nothing where it does not speak to us.
pub fn parse(body: &str, name: &str) -> Option<Result<Command, Wrong>> {
    if name.is_empty() {
        return None;
    }
    let said = Said::new(body);
    Some(understood(words(&said, said.mention(name)?)))
}

/// A text as a whole, as a task without options.
pub(super) fn whole(body: &str) -> Task {
    words(&Said::new(body), 0)
}

/// What is said from there on.
fn words(said: &Said, from: usize) -> Task {
    let (text, quoted) = said.from(from);
    let text = text.trim_start_matches([':', ',']).trim();
    let (text, hidden) = harness::hidden::without(text);
    let comments = untrusted::html_comments(said.comments);
    let taken_out = comments.into_iter().chain(hidden).collect();
    Task { text, quoted, taken_out, options: Options::default() }
}

fn understood(task: Task) -> Result<Command, Wrong> {
    let words = task.text.as_str();
    let mut few = words.split_whitespace().map(str::to_ascii_lowercase);
    match (few.next().as_deref(), few.next().as_deref(), few.next()) {
        (Some("help"), None, _) => return Ok(Command::Help),
        (Some("stop"), None, _) => return Ok(Command::Stop),
        (Some("autofix"), Some("on"), None) => return Ok(Command::Autofix(Switch::On)),
        (Some("autofix"), Some("off"), None) => return Ok(Command::Autofix(Switch::Off)),
        (Some("autofix"), None, _) => return Err(Wrong::Autofix),
        (_, _, _) => {}
    }
    let (text, options) = parted(words)?;
    let count = text.chars().count();
    if count > TASK_CHARS {
        return Err(Wrong::TooLong(count));
    }
    Ok(Command::Task(Task { text, options, ..task }))
}

/// The task, and the options that begin or end its first line.
fn parted(words: &str) -> Result<(String, Options), Wrong> {
    let (first, rest) = words.split_once('\n').unwrap_or((words, ""));
    let pieces = pieces(first)?;
    let is_option = |piece: &&Piece| piece.key.is_some();
    let leading = pieces.iter().take_while(is_option).count();
    let trailing = pieces.iter().skip(leading).rev().take_while(is_option).count();
    let task_ends = pieces.len() - trailing;
    let mut options = Options::default();
    let mut kept = Vec::new();
    for (at, piece) in pieces.into_iter().enumerate() {
        match piece.key {
            Some(key) if at < leading || at >= task_ends => options.set(&key, piece.value)?,
            Some(_) | None => kept.push(piece.raw),
        }
    }
    Ok((format!("{}\n{rest}", kept.join(" ")).trim().to_owned(), options))
}

/// A word of a line, perhaps an option.
struct Piece {
    raw: String,
    key: Option<String>,
    value: String,
}

fn pieces(line: &str) -> Result<Vec<Piece>, Wrong> {
    let mut pieces = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(pieces);
        }
        pieces.push(piece(&mut rest)?);
    }
}

fn piece(rest: &mut Peekable<Chars<'_>>) -> Result<Piece, Wrong> {
    let mut raw = String::new();
    while let Some(c) = rest.next_if(|c| !c.is_whitespace()) {
        raw.push(c);
        let key = raw.strip_suffix('=').filter(|key| is_key(key)).map(str::to_ascii_lowercase);
        let Some(key) = key else { continue };
        let value = match rest.next_if(|c| matches!(c, '"' | '\'')) {
            Some(mark) => {
                let value = in_marks(rest, mark).ok_or_else(|| Wrong::Unclosed(key.clone()))?;
                raw.push_str(&format!("{mark}{value}{mark}"));
                value
            }
            None => std::iter::from_fn(|| rest.next_if(|c| !c.is_whitespace())).collect(),
        };
        if !raw.ends_with(['"', '\'']) {
            raw.push_str(&value);
        }
        // `a==b` and `f=(x)=>y` are no options.
        let is_option = !value.starts_with('=') && !value.is_empty();
        return Ok(Piece { raw, key: is_option.then_some(key), value });
    }
    Ok(Piece { raw, key: None, value: String::new() })
}

fn is_key(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_word)
}

/// What stands before the closing mark; a backslash takes the next as it is.
fn in_marks(rest: &mut Peekable<Chars<'_>>, mark: char) -> Option<String> {
    let mut value = String::new();
    loop {
        match rest.next()? {
            '\\' => value.push(rest.next()?),
            c if c == mark => return Some(value),
            c => value.push(c),
        }
    }
}

impl Options {
    fn set(&mut self, key: &str, value: String) -> Result<(), Wrong> {
        let known = KEYS.iter().find(|(name, _)| *name == key);
        let (key, _) = known.ok_or_else(|| Wrong::UnknownKey(key.to_owned()))?;
        if value.chars().count() > VALUE_CHARS {
            let problem = format!("is longer than {VALUE_CHARS} characters");
            return Err(Wrong::Value { key, problem });
        }
        let wrong = |problem: String| Wrong::Value { key, problem };
        match *key {
            "model" => once(key, &mut self.model, value),
            "name" => once(key, &mut self.name, value),
            "mode" => {
                let mode = serde_json::from_value(value.to_ascii_lowercase().into());
                let words = "is agent, plan, ask, architect or debug";
                once(key, &mut self.mode, mode.map_err(|_| wrong(words.to_owned()))?)
            }
            "base" => {
                let base = StartingRef::parse(&value);
                let base = base.map_err(|error| wrong(format!("names no start: {error}")))?;
                once(key, &mut self.base, base)
            }
            "branch" => {
                let branch = BranchName::parse(&value);
                let branch = branch.map_err(|error| wrong(format!("is no branch: {error}")))?;
                once(key, &mut self.branch, branch)
            }
            "autopr" => once(key, &mut self.auto_pr, switch(key, &value)?),
            "draft" => once(key, &mut self.draft, switch(key, &value)?),
            "reviewers" => once(key, &mut self.reviewers, switch(key, &value)?),
            _ => {
                let minutes = value.parse().ok().filter(|minutes| *minutes > 0);
                let words = || wrong("is a whole number above 0".to_owned());
                once(key, &mut self.minutes, minutes.ok_or_else(words)?)
            }
        }
    }
}

fn once<T>(key: &'static str, slot: &mut Option<T>, value: T) -> Result<(), Wrong> {
    match slot.replace(value) {
        Some(_) => Err(Wrong::Twice(key)),
        None => Ok(()),
    }
}

fn switch(key: &'static str, value: &str) -> Result<Switch, Wrong> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" => Ok(Switch::On),
        "off" | "false" | "no" => Ok(Switch::Off),
        _ => Err(Wrong::Value { key, problem: "is `on` or `off`".to_owned() }),
    }
}

/// What can be asked, in Markdown.
pub fn help(name: &str) -> String {
    let keys: Vec<String> = KEYS.iter().map(|(key, what)| format!("- `{key}=…`: {what}")).collect();
    format!(
        "People who may push to this repository can ask:\n\n\
         - `@{name} <task> [key=value …]`: an agent works on it, or goes on\n\
         - `@{name} stop`: it ends what it does\n\
         - `@{name} autofix on` or `off`: it mends failing checks of its pull request, or leaves them\n\
         - `@{name} help`: this text\n\n\
         Options stand at the beginning or the end of the first line, values with spaces in quotation marks:\n\n{}",
        keys.join("\n")
    )
}
