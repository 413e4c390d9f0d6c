//! `/v1/agents/{id}/restores`: puts an agent's files back to how they were after one of its runs.

use super::body::Body;
use super::error::{ApiError, ApiResult};
use super::{agent_id, run_id, runs};
use crate::agents::Extras;
use crate::app::App;
use crate::auth::Caller;
use crate::effects::restore;
use crate::{driver, forks};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::api::runs::{CreateRestore, CreatedRun};
use protocol::content::{Prompt, Source};
use protocol::event::{AskOptions, Event, Logged};
use protocol::ids::{MessageId, RunId, Seq};
use protocol::input::{Input, WhenBusy};
use std::sync::Arc;
use uuid::Uuid;

/// Characters of the message that tells which run is meant.
const TITLE_CHARS: usize = 60;

/// Puts the files back to how they were at the end of this run, as a run of its own that asks no model:
/// it ends in a commit on top of what is there. The agent must be at rest.
#[utoipa::path(post, path = "/v1/agents/{id}/restores", tag = "runs", params(("id" = String, Path)), request_body = CreateRestore,
    responses((status = 201, body = CreatedRun), (status = 404, body = protocol::api::ErrorBody), (status = 409, body = protocol::api::ErrorBody)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<CreateRestore>,
) -> ApiResult<(StatusCode, Json<CreatedRun>)> {
    let handle = app.agents.existing(&caller.org, agent_id(&id)?).await?;
    let wanted = run_id(&body.run_id)?;
    let log = handle.log(Seq(0)).await?;
    forks::point(&log, Some(wanted))?;
    let view = handle.view().await?;
    let living = view.living()?;
    let repos = &living.settings.repos;
    let is_kept = |url: &str| restore::commit_of(living, &log, wanted, url).is_some();
    if repos.is_empty() || !repos.iter().all(|repo| is_kept(&repo.url)) {
        let message = "nothing of the files was kept at the end of that run: choose another one";
        return Err(ApiError::new(StatusCode::CONFLICT, "nothing_to_restore", message));
    }
    let run = RunId::from_uuid(Uuid::now_v7());
    let text = format!("Put the files back to how they were after: {}", title(&log, wanted));
    let input = Input::Ask {
        run,
        prompt: Prompt::of(text, Source::Platform),
        options: AskOptions { restore: Some(wanted), ..AskOptions::default() },
        when_busy: WhenBusy::Refuse,
        principal: caller.name.clone(),
        message: MessageId::from_uuid(Uuid::now_v7()),
    };
    handle.submit(input, Extras::default()).await?;
    driver::wake(&app, &handle);
    runs::answered(&app, &handle, run, false).await
}

/// By what people know the run.
fn title(log: &[Logged], wanted: RunId) -> String {
    let prompt = log.iter().find_map(|logged| match &logged.event {
        Event::Asked { run, prompt, .. } if *run == wanted => Some(prompt.text.as_str()),
        _ => None,
    });
    let line = prompt.and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()));
    let line = line.unwrap_or("a message without words");
    if line.chars().count() <= TITLE_CHARS {
        return line.to_owned();
    }
    let cut: String = line.chars().take(TITLE_CHARS - 1).collect();
    format!("{}…", cut.trim_end())
}
