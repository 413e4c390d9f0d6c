//! `submit_plan`: puts a plan before the person; approved, the run goes on as an agent.

use super::ask::{Question, answer};
use super::{Cx, Output, Reach, Tool, Trouble, spec, typed};
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::event::QuestionKind;
use serde::Deserialize;
use serde_json::{Value, json};

/// The answer that approves.
pub const APPROVE: &str = "approve";
/// The answer that does not; a comment may stand in its place.
pub const REJECT: &str = "reject";

pub(crate) struct SubmitPlan;

#[derive(Deserialize)]
struct Arguments {
    plan: String,
}

#[async_trait]
impl Tool for SubmitPlan {
    fn spec(&self) -> ToolSpec {
        let properties = json!({ "plan": { "type": "string", "description": "Markdown" } });
        spec(
            "submit_plan",
            "Puts the finished plan before the person and waits for approval.",
            &properties,
            &["plan"],
        )
    }

    fn reach(&self) -> Reach {
        Reach::Elsewhere
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { plan } = typed(arguments)?;
        let question = Question {
            kind: QuestionKind::PlanApproval,
            text: plan,
            options: vec![APPROVE.to_owned(), REJECT.to_owned()],
            // TRUST: silence is not consent.
            default: REJECT.to_owned(),
        };
        let answer = answer(cx, question).await?;
        let approved = answer.trim().eq_ignore_ascii_case(APPROVE);
        let text = match answer.trim() {
            _ if approved => {
                "The plan is approved. Carry it out now; you have all tools.".to_owned()
            }
            REJECT | "" => {
                "The plan is not approved. Change nothing; end with the plan as your answer."
                    .to_owned()
            }
            comment => format!(
                "The plan is not approved. The person says: {comment}\nRevise the plan and submit it again."
            ),
        };
        Ok(Output { detail: Some(json!({ "planApproved": approved })), ..Output::text(text) })
    }
}
