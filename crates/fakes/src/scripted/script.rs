//! Scripts: what the model says and does, turn by turn.
//!
//! The position in a script is the number of the model's messages since the prompt of the run. A
//! prompt is what a person says before any answer or after an answer without tool calls; what is
//! said between tool calls (steering, notices) does not start the script again. A message with a
//! line `script: {…}` always does: that is how a test drives anything through the public API.

use super::seen::{Item, Seen};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What starts a line that holds a script as JSON.
pub const MARKER: &str = "script:";

/// What the model does.
#[derive(Debug, Clone)]
pub enum Script {
    /// So many steps of read, edit, run on `calc.py`, then a final text.
    Bench {
        /// Number of tool steps.
        steps: usize,
    },
    /// A believable small errand on the sample repository.
    FirstErrand,
    /// These turns, then `Done.`
    Custom(Vec<Turn>),
    /// The turns written in the prompt; the other script where the prompt holds none.
    ByPrompt(Box<Script>),
}

impl Script {
    /// The benchmark's script: 21 steps make seven edits.
    pub const fn bench(steps: usize) -> Self {
        Self::Bench { steps }
    }

    /// The demonstration on the sample repository.
    pub const fn first_errand() -> Self {
        Self::FirstErrand
    }

    /// Exactly these turns.
    pub const fn custom(turns: Vec<Turn>) -> Self {
        Self::Custom(turns)
    }

    /// What the prompt says, else the first errand.
    pub fn by_prompt() -> Self {
        Self::ByPrompt(Box::new(Self::FirstErrand))
    }

    /// What the model does now.
    pub(crate) fn turn(&self, seen: &Seen) -> Result<Turn, String> {
        let place = Place::of(seen);
        Ok(match self {
            Self::Bench { steps } => bench_turn(*steps, place.position),
            Self::FirstErrand => errand_turn(seen, &place),
            Self::Custom(turns) => nth(turns, place.position),
            Self::ByPrompt(fallback) => match place.marked.as_deref().map(Written::parse) {
                Some(written) => nth(&written?.turns, place.position),
                None => return fallback.turn(seen),
            },
        })
    }
}

/// One answer of the model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Turn {
    /// Thinks aloud first.
    pub thinking: Option<String>,
    /// Adds a part of a kind that clients do not know.
    pub opaque: bool,
    /// Says this.
    pub text: Option<String>,
    /// Then does these, all at once.
    pub calls: Vec<Do>,
    /// Fails instead, the first `fault_times` times.
    pub fault: Option<Fault>,
    /// How often it fails; once when zero.
    pub fault_times: u32,
    /// Repeats this turn for ever (endless tool calls).
    pub forever: bool,
    /// Wait before the first byte.
    pub first_byte_ms: u64,
    /// Wait before each further event.
    pub per_event_ms: u64,
}

impl Turn {
    /// Says something and stops.
    pub fn say(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// Calls tools.
    pub fn act(calls: Vec<Do>) -> Self {
        Self { calls, ..Self::default() }
    }

    /// Fails once, then says `Done.`
    pub fn fail(fault: Fault) -> Self {
        Self { text: Some("Done.".to_owned()), fault: Some(fault), ..Self::default() }
    }

    /// With thinking before it.
    #[must_use]
    pub fn thinking(mut self, thinking: impl Into<String>) -> Self {
        self.thinking = Some(thinking.into());
        self
    }

    /// With text before its calls.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }
}

/// Something done with a tool, named by its purpose; the tool is chosen from the declared ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Do {
    /// Reads a file.
    Read(String),
    /// Lists a folder.
    List(String),
    /// Replaces text in a file.
    Edit {
        /// Which file.
        path: String,
        /// What is there.
        old: String,
        /// What shall be there.
        new: String,
    },
    /// Writes a whole file.
    Write {
        /// Which file.
        path: String,
        /// Its content.
        content: String,
    },
    /// Runs a command.
    Shell(String),
    /// Calls exactly this tool. Arguments that are a string are sent as they are, JSON or not.
    Call {
        /// The tool's name.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
}

/// How an answer fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// 429 with `Retry-After` in seconds.
    RateLimited(u64),
    /// The provider's own overload status.
    Overloaded,
    /// 500.
    ServerError,
    /// 401.
    WrongKey,
    /// 404.
    UnknownModel,
    /// The prompt is longer than the context window.
    ContextTooLong,
    /// An error event in the middle of the stream.
    ErrorInStream,
    /// The stream stops for ever in the middle.
    Stall,
    /// The connection breaks in the middle.
    Cut,
    /// The stream ends in good order, but in the middle of the answer.
    ShortStream,
    /// An event in the middle that is not JSON.
    Malformed,
    /// The model declines.
    Refusal,
}

/// A script as it stands in a prompt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    turns: Vec<Turn>,
}

impl Written {
    fn parse(text: &str) -> Result<Self, String> {
        // Only the first JSON value counts, so that whatever follows in the message is harmless.
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Self>();
        let first = values.next().unwrap_or_else(|| serde_json::from_str(""));
        first.map_err(|error| format!("the script in the prompt is not understood: {error}"))
    }
}

/// Where in its run a conversation stands.
struct Place {
    position: usize,
    /// What follows the marker in the run's prompt.
    marked: Option<String>,
    /// There were answers before this run.
    is_follow_up: bool,
}

impl Place {
    fn of(seen: &Seen) -> Self {
        let mut place = Self { position: 0, marked: None, is_follow_up: false };
        let mut last_nonce: Option<&str> = None;
        let mut is_ended = false;
        for item in &seen.items {
            match item {
                Item::User(text) => {
                    let marked = marked(text);
                    if marked.is_some() || is_ended {
                        place.is_follow_up = last_nonce.is_some();
                        place.marked = marked;
                        place.position = 0;
                        is_ended = false;
                    }
                }
                Item::Assistant { nonce, calls } => {
                    // Clients may split one answer; its parts share a nonce.
                    if last_nonce.is_none_or(|last| nonce.is_empty() || last != nonce) {
                        place.position += 1;
                    }
                    is_ended = calls.is_empty();
                    last_nonce = Some(nonce);
                }
                Item::Result { .. } => {}
            }
        }
        place
    }
}

fn marked(text: &str) -> Option<String> {
    let at = text.match_indices(MARKER).map(|(at, _)| at).find(|&at| {
        let before = text.get(..at).unwrap_or_default();
        before.is_empty() || before.ends_with(['\n', '>', ' '])
    })?;
    let after = text.get(at + MARKER.len()..)?.trim_start();
    after.starts_with('{').then(|| after.to_owned())
}

fn nth(turns: &[Turn], position: usize) -> Turn {
    let turn = turns.get(position);
    let forever = || turns.last().filter(|last| last.forever);
    turn.or_else(forever).cloned().unwrap_or_else(|| Turn::say("Done."))
}

/// Each edit extends the comment of the one before, so that all can be counted in the file.
fn bench_turn(steps: usize, position: usize) -> Turn {
    if position >= steps {
        return Turn::say("I fixed the sign in `calc.py` and ran the code after each edit.");
    }
    let path = "calc.py".to_owned();
    let edit = position / 3 + 1;
    Turn::act(vec![match position % 3 {
        0 => Do::Read(path),
        1 if edit == 1 => Do::Edit {
            path,
            old: "return a - b".to_owned(),
            new: "return a + b  # edit 1;".to_owned(),
        },
        1 => {
            let old = format!("# edit {};", edit - 1);
            let new = format!("{old} # edit {edit};");
            Do::Edit { path, old, new }
        }
        _ => Do::Shell("grep -c edit calc.py".to_owned()),
    }])
}

/// Runs the sample repository's test with whatever the machine has.
const TEST_COMMAND: &str = "if command -v python3 >/dev/null && [ -f test_calc.py ]; then \
    python3 test_calc.py; elif [ -f test.sh ]; then sh test.sh; else grep -n 'return' calc.py; fi";

fn errand_turn(seen: &Seen, place: &Place) -> Turn {
    if place.is_follow_up {
        return follow_up_turn(seen, place.position);
    }
    match place.position {
        0 => Turn::act(vec![Do::List(".".to_owned()), Do::Read("README.md".to_owned())])
            .thinking("A small repository. Before I change anything I want to see what is there.")
            .text("I'll look around first."),
        1 => Turn::act(vec![Do::Read("calc.py".to_owned()), Do::Shell(TEST_COMMAND.to_owned())])
            .thinking("The README describes `add`. I read the code and run its test as it is now.")
            .text("Now the code, and the test as it stands."),
        2 => Turn::act(vec![Do::Edit {
            path: "calc.py".to_owned(),
            old: "return a - b".to_owned(),
            new: "return a + b".to_owned(),
        }])
        .thinking("`add` subtracts: `return a - b`. That is why the test fails. One character.")
        .text("Found it: `add` subtracts. I'll fix that."),
        3 => Turn::act(vec![Do::Shell(TEST_COMMAND.to_owned())])
            .text("Fixed. I'll run the test again as evidence."),
        _ => Turn::say(summary(seen)),
    }
}

fn summary(seen: &Seen) -> String {
    let mut text = String::from(
        "`add` in `calc.py` returned `a - b`; it now returns `a + b`.\n\n\
         **What I did:** read the README and the code, ran the test before the change, changed the \
         one wrong line, and ran the test again.\n",
    );
    if let Some(output) = seen.last_result().filter(|output| !output.trim().is_empty()) {
        let lines: Vec<&str> = output.trim().lines().rev().take(8).collect();
        text.push_str("\n**Evidence**, the end of the last test run:\n\n```\n");
        for line in lines.into_iter().rev() {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str("```\n");
    }
    text
}

fn follow_up_turn(seen: &Seen, position: usize) -> Turn {
    match position {
        0 => Turn::act(vec![Do::Shell("git status --short; git log --oneline -3".to_owned())])
            .text("I'll check where things stand."),
        _ => {
            let state = seen.last_result().unwrap_or_default().trim().to_owned();
            Turn::say(format!(
                "This is the scripted model: it follows a script and cannot do more than its first \
                 errand. Configure a real model for that. The workspace as it is:\n\n\
                 ```\n{state}\n```"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Item {
        Item::User(text.to_owned())
    }

    fn answer(nonce: &str, calls: &[&str]) -> Item {
        let calls = calls.iter().map(|&id| id.to_owned()).collect();
        Item::Assistant { nonce: nonce.to_owned(), calls }
    }

    fn place(items: Vec<Item>) -> Place {
        Place::of(&Seen { items, ..Seen::default() })
    }

    #[test]
    fn steering_between_tool_calls_does_not_start_again() {
        let result = Item::Result { id: "1".into(), text: String::new() };
        let items =
            vec![user("go"), answer("a", &["1"]), result, user("faster"), answer("b", &["2"])];
        assert_eq!(place(items).position, 2);
    }

    #[test]
    fn a_message_after_a_final_answer_starts_again() {
        let place = place(vec![user("go"), answer("a", &[]), user("more")]);
        assert_eq!(place.position, 0);
        assert!(place.is_follow_up);
    }

    #[test]
    fn a_marker_anywhere_starts_again() {
        let items = vec![user("go"), answer("a", &["1"]), user("now\nscript: {\"turns\":[]} x")];
        let place = place(items);
        assert_eq!(place.position, 0);
        assert!(place.marked.is_some());
    }

    #[test]
    fn context_beside_the_prompt_does_not_hide_its_script() {
        let items = vec![user("context"), user("script: {\"turns\":[]}"), user("more context")];
        assert!(place(items).marked.is_some());
    }

    #[test]
    fn an_answer_split_by_its_client_counts_once() {
        let result = |id: &str| Item::Result { id: id.into(), text: String::new() };
        let split = [answer("a", &["1"]), result("1"), answer("a", &["2"]), result("2")];
        let items = std::iter::once(user("go")).chain(split).collect();
        assert_eq!(place(items).position, 1);
    }

    #[test]
    fn the_bench_makes_seven_edits_that_all_apply() {
        let mut file = "def add(a, b):\n    return a - b\n".to_owned();
        for position in 0..21 {
            if let Some(Do::Edit { old, new, .. }) = bench_turn(21, position).calls.first() {
                assert_eq!(file.matches(old.as_str()).count(), 1, "{old} in {file}");
                file = file.replace(old, new);
            }
        }
        assert!((1..=7).all(|edit| file.contains(&format!("# edit {edit};"))), "{file}");
    }
}
