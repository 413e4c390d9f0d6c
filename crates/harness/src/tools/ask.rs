//! `ask_person`: a question to the person; the run waits for the answer.

use super::{Cx, Output, Reach, Tool, Trouble, spec, typed};
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::event::{Event, QuestionKind};
use protocol::limits::QUESTION_MS;
use serde::Deserialize;
use serde_json::{Value, json};

/// Answers to choose from at most.
const OPTIONS: usize = 10;
/// What holds when nobody answers and the model named no default.
const NO_ANSWER: &str = "Nobody answered. Decide yourself and say how you decided.";

pub(crate) struct Ask;

#[derive(Deserialize)]
struct Arguments {
    question: String,
    #[serde(default)]
    options: Vec<String>,
    default: Option<String>,
}

#[async_trait]
impl Tool for Ask {
    fn spec(&self) -> ToolSpec {
        let properties = json!({
            "question": { "type": "string" },
            "options": { "type": "array", "items": { "type": "string" } },
            "default": { "type": "string", "description": "holds if nobody answers" },
        });
        spec(
            "ask_person",
            "Asks the person and waits, possibly for hours. Only for what you can neither find out nor decide.",
            &properties,
            &["question"],
        )
    }

    fn reach(&self) -> Reach {
        Reach::Elsewhere
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { question, mut options, default } = typed(arguments)?;
        options.truncate(OPTIONS);
        let question = Question {
            kind: QuestionKind::Question,
            text: question,
            options,
            default: default.unwrap_or_else(|| NO_ANSWER.to_owned()),
        };
        Ok(Output::text(answer(cx, question).await?))
    }
}

/// What a person is asked.
pub(super) struct Question {
    pub(super) kind: QuestionKind,
    pub(super) text: String,
    pub(super) options: Vec<String>,
    pub(super) default: String,
}

/// Asks once per call, however often the call is carried on, and waits for the answer.
pub(super) async fn answer(cx: &Cx, question: Question) -> Result<String, Trouble> {
    let journal = &cx.log.journal;
    let asked = cx.log.with(|transcript| transcript.questions.get(&cx.call).copied());
    let id = match asked {
        Some(id) => id,
        None => {
            let id = journal.question_id();
            let Question { kind, text, options, default } = question;
            let deadline_ms = journal.now_ms().saturating_add_unsigned(QUESTION_MS);
            let call = Some(cx.call.clone());
            let event = Event::QuestionAsked {
                run: cx.run,
                question: id,
                kind,
                text,
                options,
                default,
                deadline_ms,
                call,
            };
            cx.log.record(vec![event]).await?;
            id
        }
    };
    Ok(journal.answer(id).await?)
}
