//! From stored rows to the bodies of the API.

use crate::app::App;
use crate::projection::{Detail, RunDetail};
use git::url::RemoteUrl;
use protocol::api::agents::{
    Agent, ConfigurationBody, EnvChoice, PullRequestLink, QuestionBody, RepoBody, SandboxBody,
    StopBody,
};
use protocol::api::runs::{GitBody, GitBranch, Run, UsageBody};
use protocol::api::timestamp;
use protocol::event::{Configuration, Event, PushStop, QuestionKind, RunStatus};
use protocol::ids::{AgentId, Seq};
use store::records::{AgentRow, RunRow};

/// An agent, whole.
pub fn agent(app: &App, id: AgentId, head: Seq, row: &AgentRow) -> anyhow::Result<Agent> {
    let detail = Detail::of(row)?;
    let settings =
        detail.settings.as_ref().ok_or_else(|| anyhow::anyhow!("agent {id} has no settings"))?;
    let repos = settings.repos.iter().map(|repo| RepoBody {
        upload: None,
        url: repo.url.clone(),
        starting_ref: repo.starting_ref.clone(),
        pr_url: repo.pr_url.clone(),
    });
    Ok(Agent {
        id: id.to_string(),
        name: row.name.clone(),
        status: row.status.clone(),
        env: EnvChoice { kind: "cloud".to_owned(), name: None },
        url: format!("{}/agents/{id}", app.public_url),
        created_at: timestamp(row.created_ms),
        updated_at: timestamp(row.updated_ms),
        opened_by: settings.principal.clone(),
        latest_run_id: row.latest_run.map(|run| run.to_string()).unwrap_or_default(),
        latest_run_status: status_text(detail.latest_status.unwrap_or(RunStatus::Creating)),
        work_on_current_branch: settings.work_on_current_branch,
        auto_create_pr: settings.auto_create_pr,
        skip_reviewer_request: settings.skip_reviewer_request,
        metadata: settings.metadata.clone(),
        branch_name: (!settings.repos.is_empty()).then(|| settings.branch.clone()),
        pull_requests: pull_links(&detail),
        model: settings.model.clone(),
        mode: settings.mode,
        env_var_names: settings.env_names.clone(),
        sandbox: SandboxBody {
            state: detail.sandbox.clone(),
            epoch: detail.epoch.0,
            provider: settings.provider.clone(),
            shared: detail.shared,
        },
        usage: UsageBody::new(&row.usage, row.cost_micros),
        queued_runs: detail.queued,
        question: detail.question.as_ref().and_then(question),
        configurations: configurations(&detail),
        stops: stops(&detail),
        flow: detail.flow.clone(),
        seq: head.0,
        repos: repos.collect(),
    })
}

fn stops(detail: &Detail) -> Vec<StopBody> {
    let body = |stop: &PushStop| {
        let PushStop { url, commit, rule, path, line, why, mark } = stop.clone();
        let is_allowed = detail.allowed_stops.contains(&mark);
        StopBody { repo_url: shown_url(&url), commit, rule, path, line, why, mark, is_allowed }
    };
    detail.stops.iter().map(body).collect()
}

fn configurations(detail: &Detail) -> Vec<ConfigurationBody> {
    let body = |(url, configuration): &(String, Configuration)| {
        let Configuration { digest, trust } = configuration.clone();
        let is_withheld = !trust.is_trusted() && !detail.allowed_configurations.contains(&digest);
        ConfigurationBody { repo_url: shown_url(url), digest, trust, is_withheld }
    };
    detail.configurations.iter().map(body).collect()
}

fn pull_links(detail: &Detail) -> Vec<PullRequestLink> {
    detail
        .pulls
        .iter()
        .map(|pull| PullRequestLink {
            repo_url: shown_url(&pull.url),
            number: pull.number,
            url: pull.link.clone(),
        })
        .collect()
}

fn question(event: &Event) -> Option<QuestionBody> {
    let Event::QuestionAsked { question, kind, text, options, default, deadline_ms, .. } = event
    else {
        return None;
    };
    let kind = match kind {
        QuestionKind::PlanApproval => "plan_approval",
        QuestionKind::Question => "question",
        QuestionKind::AllowRequest => "allow_request",
    };
    Some(QuestionBody {
        id: question.to_string(),
        kind: kind.to_owned(),
        text: text.clone(),
        options: options.clone(),
        default: default.clone(),
        deadline: timestamp(*deadline_ms),
    })
}

/// A run; `git` belongs to the agent, so every run shows the same.
pub fn run(agent: AgentId, row: &RunRow, detail: &Detail) -> Run {
    let over = row.status.is_terminal();
    Run {
        id: row.run.to_string(),
        agent_id: agent.to_string(),
        status: status_text(row.status),
        created_at: timestamp(row.created_ms),
        updated_at: timestamp(row.updated_ms),
        duration_ms: row.duration_ms.filter(|_| over),
        result: row.result.clone().filter(|_| over),
        git: git_body(detail),
        error: row.failure.clone(),
        usage: UsageBody::new(&row.usage, row.cost_micros),
        prompt_text: row.prompt.clone(),
        first_seq: RunDetail::of(row).first_seq.0,
    }
}

/// What was pushed, if anything was.
pub fn git_body(detail: &Detail) -> Option<GitBody> {
    if detail.pushed.is_empty() {
        return None;
    }
    let branches = detail.pushed.iter().map(|push| GitBranch {
        repo_url: shown_url(&push.url),
        branch: Some(push.branch.clone()),
        pr_url: detail.pulls.iter().find(|pull| pull.url == push.url).map(|pull| pull.link.clone()),
        commit: Some(push.commit.clone()),
    });
    Some(GitBody { branches: branches.collect() })
}

/// The form without scheme that clients expect.
pub fn shown_url(url: &str) -> String {
    RemoteUrl::parse(url).map_or_else(|_| url.to_owned(), |parsed| parsed.display())
}

/// A status as the API spells it.
pub fn status_text(status: RunStatus) -> String {
    let text = match status {
        RunStatus::Creating => "CREATING",
        RunStatus::Running => "RUNNING",
        RunStatus::Finished => "FINISHED",
        RunStatus::Error => "ERROR",
        RunStatus::Cancelled => "CANCELLED",
        RunStatus::Expired => "EXPIRED",
    };
    text.to_owned()
}
