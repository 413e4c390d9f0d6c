//! Carries out what was decided. Every id is made of the delivery's fingerprint, so that doing it again after a crash
//! does nothing more.

use super::command::{Options, Switch};
use super::decide::{Act, Start, Why};
use super::known::{Found, switched};
use super::threads::{self, Place};
use super::untrusted::Ask;
use crate::agents::{Extras, Handle};
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::{Caller, Credential};
use crate::forges::Connection;
use crate::opening::{self, Opened, Opening};
use crate::{door, driver};
use anyhow::{Context as _, Result};
use forge::around::Subject;
use forge::forge::{Forge, ForgeError, keep_comment};
use forge::host::Repository;
use protocol::api::agents::CreateAgent;
use protocol::content::{AskedAt, Prompt, Source};
use protocol::event::{AskOptions, ModelChoice};
use protocol::failure::Refusal;
use protocol::ids::{AgentId, MessageId, OrgId, RunId};
use protocol::input::{Input, WhenBusy};
use protocol::limits::{NAME_CHARS, PROMPT_CHARS};
use serde_json::json;
use std::sync::Arc;

/// Who asks where checks failed.
const CHECKS: &str = "checks";
/// Digits of a fingerprint that tell one answer from another.
const MARK: usize = 16;

/// Why something was not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stuck {
    /// What was asked for cannot be: words for who asked.
    #[error("{0}")]
    Refused(String),
    /// Not at this moment.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error(transparent)]
    Forge(#[from] ForgeError),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// One delivery that was decided upon.
pub(super) struct Order<'a> {
    pub app: &'a Arc<App>,
    pub org: &'a OrgId,
    pub place: &'a Place,
    pub connection: &'a Connection,
    pub repository: &'a Repository,
    pub forge: &'a dyn Forge,
    pub fingerprint: &'a str,
    /// Who asked, by their login.
    pub login: &'a str,
    pub found: &'a Found,
}

impl Order<'_> {
    /// Carries it out; what was done, in words.
    pub(super) async fn carry(&self, act: Act) -> Result<String, Stuck> {
        match act {
            Act::Ignore(why) => Ok(format!("nothing: {why}")),
            Act::Answer(words) => self.answer(&words).await,
            Act::Start(start) => self.start(*start).await,
            Act::FollowUp { agent, ask, options } => self.follow_up(agent, ask, options).await,
            Act::Fix { agent, ask, count } => self.fix(agent, ask, count).await,
            Act::Autofix { number, switch } => self.autofix(number, switch).await,
            Act::Stop(agent) => self.stop(agent).await,
        }
    }

    /// Says something in the thread, once.
    pub(super) async fn answer(&self, words: &str) -> Result<String, Stuck> {
        let Some(on) = self.found.on else { return Ok("nothing: there is no thread".to_owned()) };
        let mark = format!("answer-{}", self.fingerprint.get(..MARK).unwrap_or_default());
        keep_comment(self.forge, on, &mark, words).await?;
        Ok("it was answered".to_owned())
    }

    async fn start(&self, start: Start) -> Result<String, Stuck> {
        let Self { app, org, place, .. } = self;
        let id = AgentId::from_uuid(self.uuid("agent"));
        let asked_at = self.asked_at(start.on, &start.ask);
        let body = self.body(&start)?;
        // Before it is there, so that no other order of this thread begins a second one.
        let mut remembered = self.found.remembered.clone();
        remembered.agent = Some(id.to_string());
        remembered.remark = remembered.remark.max(self.found.remark);
        threads::write(app, org, place, (start.on, &remembered)).await?;
        let (run, idempotency) = (RunId::from_uuid(self.uuid("run")), None);
        let opening = Opening { id, run, body, asked_at: Some(asked_at), idempotency };
        match Box::pin(opening::open(app, &self.caller(), opening)).await {
            Ok(Opened::Here | Opened::Before(_)) => Ok(format!("agent {id} was opened")),
            Err(error) => Err(refused(error)),
        }
    }

    /// What the agent is opened with.
    fn body(&self, start: &Start) -> Result<CreateAgent, Stuck> {
        let account = &self.connection.account;
        let Options { model, mode, name, base, branch, auto_pr, draft, reviewers, minutes } =
            &start.options;
        let is =
            |switch: &Option<Switch>, or: bool| switch.map_or(or, |switch| switch == Switch::On);
        let mut repo = json!({ "url": account.git_url(self.repository) });
        if let Some(fields) = repo.as_object_mut() {
            match (&start.branch, base) {
                (Some(_), _) => {
                    let link = account.page(self.repository, start.on);
                    fields.insert("prUrl".to_owned(), link.into());
                }
                (None, Some(base)) => {
                    fields.insert("startingRef".to_owned(), base.to_string().into());
                }
                (None, None) => {}
            }
        }
        let title: String = start.title.chars().take(NAME_CHARS).collect();
        let mut body = json!({
            "prompt": { "text": start.ask.text },
            "name": name.as_deref().unwrap_or(title.trim()),
            "repos": [repo],
            "autoCreatePR": is(auto_pr, true),
            "draftPR": is(draft, true),
            "reviewers": [start.requester],
            "skipReviewerRequest": !is(reviewers, true),
        });
        let more = [
            ("model", model.as_ref().map(|id| json!({ "id": id }))),
            ("mode", mode.map(|mode| json!(mode))),
            ("branchName", branch.as_ref().map(|branch| json!(branch.as_str()))),
            ("limits", minutes.map(|minutes| json!({ "minutes": minutes }))),
        ];
        if let Some(fields) = body.as_object_mut() {
            let given =
                more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            fields.extend(given);
        }
        Ok(serde_json::from_value(body).context("an agent's settings")?)
    }

    async fn follow_up(&self, agent: AgentId, ask: Ask, options: Options) -> Result<String, Stuck> {
        let Self { app, org, place, found, .. } = self;
        let on = found.on.context("a follow-up has a thread")?;
        let model = options.model.map(|id| ModelChoice { id, params: Vec::new() });
        let model = model.map(|model| door::model(app, Some(&model))).transpose();
        let options = AskOptions {
            model: model.map_err(refused)?,
            mode: options.mode,
            ..AskOptions::default()
        };
        let prompt = self.prompt(on, &ask, Source::Member, None)?;
        let handle = app.agents.existing(org, agent).await?;
        let asking = self.asking(prompt, options, (WhenBusy::Steer, self.caller().name));
        self.submit(&handle, asking).await?;
        if found.remark > found.remembered.remark {
            let mut remembered = found.remembered.clone();
            remembered.remark = found.remark;
            threads::write(app, org, place, (on, &remembered)).await?;
        }
        Ok(format!("agent {agent} goes on"))
    }

    async fn fix(&self, agent: AgentId, ask: Ask, count: u32) -> Result<String, Stuck> {
        let on = self.found.on.context("a check has a pull request")?;
        let prompt = self.prompt(on, &ask, Source::Platform, Some(count))?;
        let handle = self.app.agents.existing(self.org, agent).await?;
        let who = (WhenBusy::Refuse, CHECKS.to_owned());
        self.submit(&handle, self.asking(prompt, AskOptions::default(), who)).await?;
        Ok(format!("agent {agent} mends it, {count} of {}", super::decide::FIXES))
    }

    async fn autofix(&self, number: u64, switch: Switch) -> Result<String, Stuck> {
        let Self { app, org, place, found, .. } = self;
        let agent = found.known.agent.context("mending is somebody's")?;
        let seq = app.agents.existing(org, agent).await?.view().await?.seq;
        let mut remembered = found.remembered.clone();
        remembered.autofix = Some(switched(switch, seq));
        threads::write(app, org, place, (Subject::PullRequest(number), &remembered)).await?;
        self.answer(match switch {
            Switch::On => "Failing checks of this pull request are mended from now on.",
            Switch::Off => "Failing checks of this pull request are left alone from now on.",
        })
        .await
    }

    async fn stop(&self, agent: AgentId) -> Result<String, Stuck> {
        let handle = self.app.agents.existing(self.org, agent).await?;
        let view = handle.view().await?;
        let Some(active) = view.living()?.active.as_ref().map(|active| active.run) else {
            return self.answer("The agent is not at work.").await;
        };
        let principal = self.caller().name;
        self.submit(&handle, Input::Cancel { run: active, principal }).await?;
        self.answer("The agent stops.").await
    }

    async fn submit(&self, handle: &Arc<Handle>, input: Input) -> Result<(), Stuck> {
        match handle.submit(input, Extras::default()).await {
            Ok(_) => {
                driver::wake(self.app, handle);
                Ok(())
            }
            Err(error) => Err(match error.downcast::<Refusal>() {
                Ok(refusal) => Stuck::Refusal(refusal),
                Err(error) => Stuck::Other(error),
            }),
        }
    }

    fn asking(
        &self,
        prompt: Prompt,
        options: AskOptions,
        (when_busy, principal): (WhenBusy, String),
    ) -> Input {
        let (run, message) =
            (RunId::from_uuid(self.uuid("run")), MessageId::from_uuid(self.uuid("message")));
        Input::Ask { run, prompt, options, when_busy, principal, message }
    }

    fn prompt(
        &self,
        on: Subject,
        ask: &Ask,
        source: Source,
        fix: Option<u32>,
    ) -> Result<Prompt, Stuck> {
        let count = ask.text.chars().count();
        if count > PROMPT_CHARS {
            let words = format!("that is {count} characters; at most {PROMPT_CHARS} fit");
            return Err(Stuck::Refused(words));
        }
        let asked_at = AskedAt { fix, ..self.asked_at(on, ask) };
        Ok(Prompt { asked_at: Some(Box::new(asked_at)), ..Prompt::of(ask.text.clone(), source) })
    }

    fn asked_at(&self, on: Subject, ask: &Ask) -> AskedAt {
        let link = self.connection.account.page(self.repository, on);
        AskedAt {
            thread: threads::named(self.place, on, link),
            readings: ask.readings.clone(),
            taken_out: ask.taken_out.clone(),
            fix: None,
        }
    }

    /// Who asks, as other callers are named. TRUST: it opens no secret of anybody and is no administrator.
    fn caller(&self) -> Caller {
        let host = self.connection.account.web.host_str().unwrap_or_default();
        let key = format!("{}:{}", self.connection.id, self.login);
        Caller {
            org: self.org.clone(),
            name: format!("{}@{host}", self.login),
            created_ms: self.connection.entry.created_ms,
            admin: false,
            credential: Credential { key, session: None, until_ms: None },
        }
    }

    fn uuid(&self, of: &str) -> uuid::Uuid {
        let Place { forge, repository } = self.place;
        let whole = format!("{of}\n{forge}\n{repository}\n{}", self.fingerprint);
        self.app.seeds.uuid_of("delivery", &whole)
    }
}

/// What a refusal of the door means for who asked.
fn refused(error: ApiError) -> Stuck {
    if error.is_ours() {
        return Stuck::Other(anyhow::anyhow!("{}", error.told().1));
    }
    Stuck::Refused(error.told().1.to_owned())
}

/// Whether it is worth trying again in a moment.
pub(super) fn may_pass(stuck: &Stuck) -> bool {
    match stuck {
        Stuck::Refused(_) => false,
        Stuck::Refusal(refusal) => matches!(refusal, Refusal::Busy | Refusal::QueueFull),
        Stuck::Forge(error) => crate::forges::may_pass(error),
        Stuck::Other(_) => true,
    }
}

/// Words for who asked, where it is of use to say why nothing was done.
pub(super) fn words(stuck: &Stuck) -> Option<String> {
    match stuck {
        Stuck::Refused(words) => Some(format!("That cannot be done: {words}.")),
        Stuck::Refusal(Refusal::Archived) => Some(
            "The agent of this is archived and takes no messages: unarchive it first.".to_owned(),
        ),
        Stuck::Refusal(refusal) => Some(format!("That cannot be done: {refusal}.")),
        Stuck::Forge(_) | Stuck::Other(_) => None,
    }
}

/// Whether an event waits for an agent's own work to end.
pub(super) const fn waits(act: &Act) -> bool {
    matches!(act, Act::Ignore(Why::Busy))
}
