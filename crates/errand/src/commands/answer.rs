//! `errand answer`: answers what an agent asks.

use super::Cx;
use crate::args::Answer;
use crate::exit::{Exit, Trouble};
use crate::live::view::Question;
use crate::lookup;
use crate::style::{Line, Style};
use anyhow::Result;
use protocol::api::IdBody;
use protocol::api::agents::AnswerQuestion;
use protocol::ids::QuestionId;

pub(super) async fn answer(cx: Cx<'_>, arguments: &Answer) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let asked = agent.question.ok_or_else(|| {
        Trouble::new(Exit::Usage, "question_not_open", "the agent asks nothing now")
    })?;
    let id = QuestionId::parse(&asked.id)
        .map_err(|bad| Trouble::unreachable(format!("the server sent {bad}")))?;
    let question = Question { id, options: asked.options };
    let body = AnswerQuestion { answer: question.answer(&arguments.text) };
    let done: IdBody = client.post(&["agents", &agent.id, "questions", &asked.id], &body).await?;
    match output.is_for_program() {
        true => output.json(&done)?,
        false => {
            output.line(Line::of(Style::Plain, "answered: ").and(Style::Bold, &body.answer))?
        }
    }
    Ok(Exit::Done)
}
