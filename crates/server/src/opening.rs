//! Opening an agent with its first message, whoever asks and wherever.

use crate::agents::Extras;
use crate::api::error::ApiResult;
use crate::api::uploads as refusals;
use crate::app::App;
use crate::auth::Caller;
use crate::forges::pulls;
use crate::{builds, door, driver, settings, uploads};
use protocol::api::agents::CreateAgent;
use protocol::content::AskedAt;
use protocol::event::AskOptions;
use protocol::ids::{AgentId, RunId};
use protocol::input::Input;
use std::sync::Arc;
use store::log::{AppendError, Idempotency};

/// An agent to be opened. The same again, by its ids, opens nothing more.
pub struct Opening {
    /// Which.
    pub id: AgentId,
    /// Its first run.
    pub run: RunId,
    /// What it is opened with.
    pub body: CreateAgent,
    /// What the message brings along that was asked at a forge.
    pub asked_at: Option<AskedAt>,
    /// Under which a repeat of the request is recognised.
    pub idempotency: Option<Idempotency>,
}

/// What became of it.
pub enum Opened {
    /// It is there, under the id that was asked for.
    Here,
    /// The same was asked before, and answered so.
    Before(String),
}

/// Opens it, once everything that was asked for is checked.
pub async fn open(app: &Arc<App>, caller: &Caller, opening: Opening) -> ApiResult<Opened> {
    let Opening { id, run, mut body, asked_at, idempotency } = opening;
    let defaults = settings::read(app, &caller.org).await?;
    settings::fill(&defaults, &mut body);
    pulls::resolve(app, caller, &mut body).await?;
    let mut settings = door::settings(app, caller, id, &body)?;
    settings.privacy_mode = defaults.privacy_mode;
    settings.layers = builds::layers(app, &caller.org, &settings.repos).await?;
    let mut prompt = door::prompt(app, caller, id, &body.prompt).await?;
    prompt.asked_at = asked_at.map(Box::new);
    let env = door::env_vars(body.env_vars.as_ref(), body.run_env_vars.as_ref())?;
    for upload in settings.repos.iter().filter_map(|repo| repo.upload.as_ref()) {
        uploads::claim(app, caller, id, upload).await.map_err(refusals::refused)?;
    }
    let _place = app.starts.opening().await?;
    let handle = app.agents.handle(&caller.org, id);
    let input = Input::Open {
        agent: id,
        settings: Box::new(settings),
        inherited: Vec::new(),
        run,
        prompt,
        options: AskOptions::default(),
    };
    let extras = Extras { sealed: app.sealed_variables(id, &env), idempotency };
    if let Err(error) = handle.submit(input, extras).await {
        return match error.downcast_ref() {
            Some(AppendError::Duplicate { response }) => Ok(Opened::Before(response.clone())),
            _ => Err(error.into()),
        };
    }
    driver::wake(app, &handle);
    Ok(Opened::Here)
}
