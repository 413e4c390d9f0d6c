//! Bringing a pull request of ours to a host: never a second one, and what people wrote or decided there stays.

use super::pulls::{filled, marked, renewed};
use forge::around::Subject;
use forge::forge::{Forge, ForgeError, Result, keep_comment};
use forge::pull_request::{Content, PullRequest};
use protocol::event::PullWishes;

/// Opens it, or brings the one that is open up to date. `known` is the number that the log knows.
pub async fn publish(
    forge: &dyn Forge,
    ours: Content,
    known: Option<u64>,
    wishes: &PullWishes,
) -> Result<PullRequest> {
    let there = match known {
        Some(number) => Some(forge.get(number).await?),
        None => forge.find_pull_request(&ours.head).await?,
    };
    match there {
        // Somebody gave it up: another one would be against their will.
        Some(there) if !there.state.is_open() && there.state.as_str() == "closed" => Ok(there),
        Some(there) if there.state.is_open() => {
            let content = Content {
                title: there.content.title.clone(),
                body: renewed(&there.content.body, &ours.body),
                stage: there.content.stage,
                ..ours
            };
            let renewed = forge.update(there.number, content).await?;
            if known.is_none() {
                // A crash came between opening it and this.
                ask(forge, renewed.number, wishes).await?;
            }
            Ok(renewed)
        }
        Some(_) | None => {
            let template = match forge.template().await {
                Ok(template) => template,
                Err(ForgeError::Unsupported(_) | ForgeError::Denied { .. }) => None,
                Err(error) => return Err(error),
            };
            let body = match template {
                Some(template) => filled(&template, &ours.body),
                None => marked(&ours.body),
            };
            let made = forge.create(Content { body, ..ours }).await?;
            ask(forge, made.number, wishes).await?;
            Ok(made)
        }
    }
}

/// Asks people for a review and sets labels. What the host refuses is told there; the pull request stands.
async fn ask(forge: &dyn Forge, number: u64, wishes: &PullWishes) -> Result<()> {
    let mut refused = Vec::new();
    if !wishes.reviewers.is_empty() {
        let asked = forge.ask_reviewers(number, &wishes.reviewers).await;
        refused.extend(told(asked, "Nobody was asked for a review")?);
    }
    if !wishes.labels.is_empty() {
        let labelled = forge.add_labels(number, &wishes.labels).await;
        refused.extend(told(labelled, "No labels were set")?);
    }
    if !refused.is_empty() {
        // A host that takes no comment either has said enough.
        let on = Subject::PullRequest(number);
        told(keep_comment(forge, on, "wishes", &refused.join("\n\n")).await.map(drop), "")?;
    }
    Ok(())
}

fn told(outcome: Result<()>, what: &str) -> Result<Option<String>> {
    match outcome {
        Ok(()) => Ok(None),
        Err(
            error @ (ForgeError::Rejected { .. }
            | ForgeError::Denied { .. }
            | ForgeError::Unsupported(_)
            | ForgeError::NotFound(_)),
        ) => Ok(Some(format!("{what}: {error}."))),
        Err(error) => Err(error),
    }
}
