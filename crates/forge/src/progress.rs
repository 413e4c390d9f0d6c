//! What the one comment says under an issue or a pull request where somebody asked for something. Pure.
//!
//! TRUST: an agent's answer and what was taken out are words of others; see `markdown`.

use crate::claims;
use crate::describe::CommandFact;
use crate::markdown::{cut, literal, tamed};
use std::fmt::Write as _;

/// Characters of an agent's answer.
const ANSWER_CHARS: usize = 2_000;
/// Characters of a line.
const LINE_CHARS: usize = 300;
/// Things that were taken out that are named.
const TAKEN_OUT: usize = 10;

/// How far an agent is with what was asked in a thread.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The agent's name.
    pub agent: String,
    /// Its page.
    pub link: String,
    /// How far it is.
    pub stage: Stage,
    /// What it answered last.
    pub answer: String,
    /// Commands that ran, against which the answer is held.
    pub commands: Vec<CommandFact>,
    /// Links of its pull requests, without the one under which this is written.
    pub pulls: Vec<String>,
    /// What was taken out of texts before it read them.
    pub taken_out: Vec<String>,
    /// For which time in a row it mends checks, and how often at most.
    pub fix: Option<(u32, u32)>,
}

/// How far an agent is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stage {
    /// It waits for another run to end.
    #[default]
    Waiting,
    /// It works.
    Working,
    /// It is done.
    Done,
    /// It was stopped.
    Stopped,
    /// It could not.
    Failed(String),
}

/// The comment, without the mark by which it is found again.
pub fn progress(facts: &Facts) -> String {
    let agent = format!("[{}]({})", literal(&cut(&facts.agent, LINE_CHARS)), facts.link);
    let what = match facts.fix {
        Some((count, most)) => format!(" mending failing checks ({count} of at most {most})"),
        None => String::new(),
    };
    let mut out = match &facts.stage {
        Stage::Waiting => format!("{agent} has this next."),
        Stage::Working if what.is_empty() => format!("{agent} is at work on this."),
        Stage::Working => format!("{agent} is{what}."),
        Stage::Done => format!("{agent} is done{}.", what.replace(" mending", " with mending")),
        Stage::Stopped => format!("{agent} was stopped."),
        Stage::Failed(why) => {
            format!("{agent} could not go on: {}", literal(&cut(why, LINE_CHARS)))
        }
    };
    for pull in &facts.pulls {
        write!(out, "\n\nPull request: {pull}").unwrap_or_default();
    }
    if facts.stage == Stage::Done && !facts.answer.trim().is_empty() {
        let answer = claims::struck(&cut(facts.answer.trim(), ANSWER_CHARS), &facts.commands);
        write!(out, "\n\n{}", tamed(&answer).trim_end()).unwrap_or_default();
    }
    if !facts.taken_out.is_empty() {
        let named = facts.taken_out.iter().take(TAKEN_OUT);
        let named: Vec<_> = named.map(|what| literal(&cut(what, LINE_CHARS))).collect();
        write!(out, "\n\nTaken out before it was read: {}.", named.join("; ")).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(stage: Stage) -> Facts {
        Facts {
            agent: "Fix *it*".to_owned(),
            link: "https://errand.example/agents/1".to_owned(),
            stage,
            ..Facts::default()
        }
    }

    #[test]
    fn it_tells_how_far_the_agent_is() {
        let agent = "[Fix \\*it\\*](https://errand.example/agents/1)";
        assert_eq!(progress(&facts(Stage::Working)), format!("{agent} is at work on this."));
        let fix = Facts { fix: Some((2, 10)), ..facts(Stage::Working) };
        assert_eq!(progress(&fix), format!("{agent} is mending failing checks (2 of at most 10)."));
        let done = Facts {
            answer: "There it is.".to_owned(),
            pulls: vec!["https://h.example/pull/3".to_owned()],
            ..facts(Stage::Done)
        };
        let expected =
            format!("{agent} is done.\n\nPull request: https://h.example/pull/3\n\nThere it is.");
        assert_eq!(progress(&done), expected);
        assert!(progress(&facts(Stage::Failed("no model".to_owned()))).ends_with("no model"));
    }

    #[test]
    fn words_of_others_call_nobody_and_load_nothing() {
        let done = Facts {
            answer: "@everyone ![x](https://spy.example/?q) fixes #1 <img src=x> \u{202e}"
                .to_owned(),
            taken_out: vec!["1 HTML comment in issue 1 by @mallory".to_owned()],
            ..facts(Stage::Done)
        };
        let told = progress(&done);
        for bad in ["@everyone", " ![", "#1", "<img", "@mallory", "\u{202e}"] {
            assert!(!told.contains(bad), "{bad} in {told}");
        }
        assert!(told.contains("Taken out before it was read: 1 HTML comment"));
    }

    #[test]
    fn an_answer_that_nothing_bears_out_is_struck_here_as_well() {
        let done = Facts { answer: "All tests pass.".to_owned(), ..facts(Stage::Done) };
        assert!(progress(&done).contains("~~"), "{}", progress(&done));
    }
}
