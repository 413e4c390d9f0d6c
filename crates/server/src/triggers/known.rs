//! What bears on an event: asked of the forge, and of our own records.

use super::command::Switch;
use super::decide::{Fixes, Known, OnBase, Pull, Pusher, Remark};
use super::threads::{self, Place, Remembered};
use crate::agents::View;
use crate::app::App;
use agent::state::{Living, Standing};
use anyhow::{Context as _, Result};
use forge::around::{CheckState, Opening, Origin, Permission, Subject};
use forge::forge::{Forge, ForgeError};
use forge::pull_request::PullRequest;
use forge::webhook::{Event, Kind, Text};
use git::name::CommitId;
use protocol::event::{Event as Logged, Logged as Entry};
use protocol::ids::{AgentId, OrgId, Seq};
use store::records::AgentFilter;

/// Everything for one event, with what is remembered of its thread.
pub(super) struct Found {
    pub known: Known,
    /// What it is about; of a check its pull request.
    pub on: Option<Subject>,
    pub remembered: Remembered,
    /// The newest remark among those that are handed over.
    pub remark: u64,
}

/// Why something is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    #[error(transparent)]
    Forge(#[from] ForgeError),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// One event at one place, and who is asked.
pub(super) struct Question<'a> {
    pub app: &'a App,
    pub org: &'a OrgId,
    pub place: &'a Place,
    pub forge: &'a dyn Forge,
    pub event: &'a Event,
}

impl Question<'_> {
    /// Asks for what the decision needs, and no more where it is clear before.
    pub(super) async fn ask(&self) -> Result<Found, Unknown> {
        let Self { event, .. } = self;
        if let Kind::CheckEnded { commit, name, .. } = &event.kind {
            return self.of_check(commit, name).await;
        }
        let actor = self.permission(&event.actor.login).await?;
        let on = subject(&event.kind);
        let mut found = Found {
            known: Known::nothing(&self.place.repository, actor),
            on,
            remembered: Remembered::default(),
            remark: 0,
        };
        // Whoever may not is not answered, so nothing more is asked for them.
        let Some(on) = on.filter(|_| actor >= Permission::Write) else { return Ok(found) };
        found.remembered = threads::read(self.app, self.org, self.place, on).await?;
        let opening = self.forge.opening(on).await?;
        if let Subject::PullRequest(number) = on {
            let pull = self.forge.get(number).await?;
            let agent = self.agent(&found.remembered, Some(number)).await?;
            found.known.agent = agent;
            found.known.pull = Some(told(&pull, opening.origin));
            self.remarks(number, &mut found).await?;
        } else {
            found.known.agent = self.agent(&found.remembered, None).await?;
        }
        if found.known.agent.is_none() {
            let writer = self.writer(&opening, actor).await?;
            found.known.writer = writer;
            found.known.about = Some(text(opening));
        }
        Ok(found)
    }

    /// TRUST: somebody whom the host does not know may nothing. If it does not say, that is no answer.
    async fn permission(&self, login: &str) -> Result<Permission, Unknown> {
        match self.forge.permission(login).await {
            Ok(permission) => Ok(permission),
            Err(ForgeError::NotFound(_)) => Ok(Permission::None),
            Err(error) => Err(error.into()),
        }
    }

    async fn writer(&self, opening: &Opening, actor: Permission) -> Result<Permission, Unknown> {
        if opening.author == self.event.actor.login {
            return Ok(actor);
        }
        match self.permission(&opening.author).await {
            // Somebody who is no member any more is as good as a stranger.
            Err(Unknown::Forge(ForgeError::Rejected { .. } | ForgeError::Denied { .. })) => {
                Ok(Permission::None)
            }
            other => other,
        }
    }

    /// The agent that was asked here, or whose pull request it is, unless it is gone.
    async fn agent(
        &self,
        remembered: &Remembered,
        pull: Option<u64>,
    ) -> Result<Option<AgentId>, Unknown> {
        let Self { app, org, .. } = self;
        if let Some(agent) = remembered.agent()
            && app.agents.record(org, agent).await?.is_some()
        {
            return Ok(Some(agent));
        }
        let Some(link) = pull.and_then(|number| self.forge.link(number)) else { return Ok(None) };
        let filter =
            AgentFilter { include_archived: true, pr_url: Some(link), ..AgentFilter::default() };
        let found = app.store.agents(org, &filter, None, 1).await.context("find an agent")?;
        let found = found.items.first().map(|record| record.id);
        Ok(match found {
            Some(agent) if app.agents.record(org, agent).await?.is_some() => Some(agent),
            Some(_) | None => None,
        })
    }

    /// What the actor wrote at single lines since an agent was given some.
    async fn remarks(&self, number: u64, found: &mut Found) -> Result<(), Unknown> {
        if !matches!(self.event.kind, Kind::Reviewed { .. }) {
            return Ok(());
        }
        let said = match self.forge.line_comments(number).await {
            Ok(said) => said,
            Err(ForgeError::Unsupported(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        found.remark = found.remembered.remark;
        let actor = &self.event.actor.login;
        for said in said.into_iter().filter(|said| said.author == *actor) {
            if said.id > found.remembered.remark {
                found.remark = found.remark.max(said.id);
                let (path, line, body) = (said.path, said.line, said.body);
                found.known.remarks.push(Remark { path, line, body });
            }
        }
        Ok(())
    }

    /// A check of a commit that an agent pushed.
    async fn of_check(&self, commit: &CommitId, name: &str) -> Result<Found, Unknown> {
        let Self { app, org, place, .. } = self;
        let known = Known::nothing(&place.repository, Permission::None);
        let mut found = Found { known, on: None, remembered: Remembered::default(), remark: 0 };
        let Some(agent) = threads::pusher(app, org, place, commit).await? else { return Ok(found) };
        if app.agents.record(org, agent).await?.is_none() {
            return Ok(found);
        }
        let handle = app.agents.existing(org, agent).await?;
        let view = handle.view().await?;
        let link = |pull: &protocol::event::PullRequest| {
            self.forge.link(pull.number) == Some(pull.link.clone())
        };
        let pulls = &view.projection.detail.pulls;
        let Some(ours) = pulls.iter().find(|pull| link(pull)) else { return Ok(found) };
        let on = Subject::PullRequest(ours.number);
        found.on = Some(on);
        found.remembered = threads::read(app, org, place, on).await?;
        let opening = self.forge.opening(on).await?;
        let pull = self.forge.get(ours.number).await?;
        let mut told = told(&pull, opening.origin);
        told.pushed_by = if is_ours(&view, &ours.url, &pull.content.commit) {
            Pusher::Us
        } else {
            Pusher::Another
        };
        let log = handle.log(Seq(0)).await?;
        told.fixes = Fixes {
            on_base: self.on_base(&pull, name).await?,
            busy: view.living().is_ok_and(is_busy),
            ..fixes(&log, &found.remembered)
        };
        found.known.agent = Some(agent);
        found.known.pull = Some(told);
        found.known.log = match self.forge.check_log(commit, name).await {
            Ok(log) => log,
            Err(
                ForgeError::Unsupported(_)
                | ForgeError::Denied { .. }
                | ForgeError::Rejected { .. },
            ) => String::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(found)
    }

    /// How a check of that name ended on the base's newest commit.
    async fn on_base(&self, pull: &PullRequest, name: &str) -> Result<OnBase, Unknown> {
        let Some(tip) = self.forge.branch(&pull.content.base).await? else {
            return Ok(OnBase::Unknown);
        };
        let checks = self.forge.checks(&tip).await?;
        let check = checks.iter().find(|check| check.name == name);
        Ok(match check.map(|check| check.state) {
            Some(CheckState::Passed) => OnBase::Passes,
            Some(CheckState::Failed) => OnBase::Fails,
            Some(CheckState::Pending) | None => OnBase::Unknown,
        })
    }
}

/// Whether the agent of a failed check's commit still works, so that what it pushes next comes first.
pub(super) async fn is_at_work(
    app: &App,
    org: &OrgId,
    place: &Place,
    event: &Event,
) -> Result<bool> {
    let Kind::CheckEnded { commit, .. } = &event.kind else { return Ok(false) };
    let Some(agent) = threads::pusher(app, org, place, commit).await? else { return Ok(false) };
    if app.agents.record(org, agent).await?.is_none() {
        return Ok(false);
    }
    let view = app.agents.existing(org, agent).await?.view().await?;
    Ok(view.living().is_ok_and(is_busy))
}

/// What an event is about, where it is about one thing.
fn subject(kind: &Kind) -> Option<Subject> {
    match kind {
        Kind::Commented { on, .. } | Kind::Assigned { on, .. } | Kind::Labelled { on, .. } => {
            Some(*on)
        }
        Kind::CommentedLine { number, .. }
        | Kind::Reviewed { number, .. }
        | Kind::PullRequest { number, .. } => Some(Subject::PullRequest(*number)),
        Kind::Opened { issue } => Some(Subject::Issue(*issue)),
        Kind::CheckEnded { .. } | Kind::Pushed(_) => None,
    }
}

fn told(pull: &PullRequest, origin: Origin) -> Pull {
    Pull {
        number: pull.number,
        origin,
        branch: pull.content.head.clone(),
        head: pull.content.commit.clone(),
        is_open: pull.state.is_open(),
        pushed_by: Pusher::Another,
        fixes: Fixes {
            autofix: None,
            made: 0,
            followed_up: false,
            on_base: OnBase::Unknown,
            busy: false,
        },
    }
}

fn text(opening: Opening) -> Text {
    let Opening { author, title, body, .. } = opening;
    let by = Some(forge::webhook::Person { login: author, association: None });
    Text { by, title, body }
}

fn is_ours(view: &View, url: &str, head: &CommitId) -> bool {
    let pushed = &view.projection.detail.pushed;
    pushed.iter().any(|push| push.url == url && push.commit == head.as_str())
}

/// Whether something is going on that may still push.
fn is_busy(living: &Living) -> bool {
    let takes = living.standing == Standing::Open;
    takes && (living.active.is_some() || !living.queue.is_empty())
}

/// What a log says of mending, from where somebody said `autofix on`.
fn fixes(log: &[Entry], remembered: &Remembered) -> Fixes {
    let since = remembered.autofix.map_or(Seq(0), |(_, since)| Seq(since));
    let mut fixes = Fixes {
        autofix: remembered.switch(),
        made: 0,
        followed_up: false,
        on_base: OnBase::Unknown,
        busy: false,
    };
    for entry in log.iter().filter(|entry| entry.seq > since) {
        let (prompt, is_automatic) = match &entry.event {
            Logged::Asked { prompt, options, .. } => (prompt, options.automatic),
            Logged::Steered { prompt, .. } => (prompt, false),
            _ => continue,
        };
        match prompt.asked_at.as_ref().and_then(|asked| asked.fix) {
            Some(_) => fixes.made += 1,
            None if !is_automatic && fixes.made > 0 => fixes.followed_up = true,
            None => {}
        }
    }
    fixes
}

/// What somebody says about mending, from here on.
pub(super) fn switched(switch: Switch, seq: Seq) -> (bool, u64) {
    (switch == Switch::On, seq.0)
}
