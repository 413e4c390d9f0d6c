//! Events that need no memory to be shown: preparing, publishing, and the agent's life.

use crate::diff;
use crate::style::{Line, Shown, Style};
use crate::text;
use protocol::content::{Todo, TodoState};
use protocol::environment::found::{FoundEnvironment, SET_UP_FAILED, SetUpOutcome, SetUpPhase};
use protocol::event::{
    CheckReport, Event, PushConflict, PushPlan, PushStop, RepoBase, RepoCheckpoint, StopReason,
};
use protocol::failure::Failure;
use protocol::flow::{Legs, Reading, WhenAllThree};
use protocol::process::Process;

/// Width of the first column, so that what follows stands in line.
const LABEL: usize = 14;
/// How a person lets an agent send to hosts.
const HOW_TO_ALLOW: &str = " (`errand allow AGENT --flow`)";
/// What the machine's browser is called where it stands among terminals.
const BROWSER: &str = ":browser";

/// What such an event shows; nothing for the others.
#[expect(clippy::wildcard_enum_match_arm, reason = "the view shows those with a memory")]
pub fn lines(event: &Event) -> Vec<Shown> {
    match event {
        Event::BaseResolved { repos, .. } => repos.iter().flat_map(base).collect(),
        Event::SandboxUp { boot_ms, .. } => vec![timed("sandbox", "is up", *boot_ms)],
        Event::PhaseFinished { phase, duration_ms, detail, .. } => {
            vec![timed(phase, detail, *duration_ms)]
        }
        Event::WorkspaceReady { branches, .. } => branches
            .iter()
            .map(|branch| done("workspace", format!("{} in {}", branch.branch, branch.path)))
            .collect(),
        Event::BaseFailed { failure, .. } => failed("repository", failure),
        Event::SandboxFailed { failure, .. } => failed("sandbox", failure),
        Event::WorkspaceFailed { failure, .. } => failed("workspace", failure),
        Event::CheckpointFailed { failure, .. } => failed("commit", failure),
        Event::PullRequestFailed { failure, .. } => failed("pull request", failure),
        Event::PushFailed { failure, conflict, stops, .. } => {
            push_failed(failure, conflict.as_ref(), stops)
        }
        Event::EffectFailed { failure, .. } => vec![noted(format!("{failure}; it is tried again"))],
        Event::SandboxLost { reason, .. } => vec![noted(format!("the sandbox was lost: {reason}"))],
        Event::SandboxStopWanted { reason, .. } => {
            vec![aside(format!("the sandbox is stopped: {}", why_stopped(*reason)))]
        }
        Event::CheckpointMade { repos, .. } => repos.iter().flat_map(checkpoint).collect(),
        Event::Pushed { pushes, .. } => pushes.iter().map(pushed).collect(),
        Event::Checked { report, .. } => checked(report),
        Event::PullRequestPublished { pulls, .. } => pulls
            .iter()
            .map(|pull| link("pull request", format!("#{} ", pull.number), &pull.link))
            .collect(),
        Event::PullRequestMerged { number, commit, principal, .. } => {
            let words = format!("#{number} as {} by {principal}", text::short_commit(commit));
            vec![done("merged", words)]
        }
        Event::BranchUpdated { .. } => updated(event),
        Event::TodosChanged { todos, .. } => todos.iter().map(todo).collect(),
        // What failed stands in the line before.
        Event::Noticed { code, .. } if code == SET_UP_FAILED => Vec::new(),
        Event::Noticed { text, .. } => vec![noted(text)],
        Event::Compacted { .. } => vec![aside("earlier messages were summarised to make room")],
        Event::Denied { host, port, code, message, process, .. } => {
            denied((host, *port), code, message, process.as_ref())
        }
        Event::SteerTaken { .. } => vec![aside("the message is before the model")],
        _ => by_people(event),
    }
}

/// What people do beside their messages.
#[expect(clippy::wildcard_enum_match_arm, reason = "the view shows those with a memory")]
fn by_people(event: &Event) -> Vec<Shown> {
    match event {
        Event::CancelRequested { principal, .. } => {
            vec![noted(format!("{principal} cancelled the run"))]
        }
        Event::Renamed { name } => vec![aside(format!("the agent is now called {name}"))],
        Event::Archived { principal } => vec![aside(format!("archived by {principal}"))],
        Event::Woken { principal } => vec![aside(format!("the machine was woken by {principal}"))],
        Event::TerminalTaken { terminal, principal } if terminal == BROWSER => {
            vec![aside(format!("{principal} has control of the browser"))]
        }
        Event::TerminalReleased { terminal, principal } if terminal == BROWSER => {
            vec![aside(format!("{principal} handed the browser back"))]
        }
        Event::TerminalTaken { terminal, principal } => {
            vec![aside(format!("{principal} types in terminal {terminal}"))]
        }
        Event::TerminalReleased { terminal, principal } => {
            vec![aside(format!("{principal} handed terminal {terminal} back"))]
        }
        Event::Unarchived { principal } => vec![aside(format!("unarchived by {principal}"))],
        Event::DeleteRequested { principal } => vec![noted(format!("deleted by {principal}"))],
        _ => of_disk(event),
    }
}

/// What it begins with, what prepares it, what people allow it, and what is kept of it.
#[expect(clippy::wildcard_enum_match_arm, reason = "these are of one kind")]
fn of_disk(event: &Event) -> Vec<Shown> {
    match event {
        Event::EnvironmentRead { environment, .. } => environment_read(environment),
        Event::ImageChosen { image, outcome, duration_ms, .. } => {
            vec![image_chosen(&image.reference, outcome, *duration_ms)]
        }
        Event::SetUpFinished { phase, outcome, duration_ms, .. } => {
            vec![set_up(*phase, outcome, *duration_ms)]
        }
        Event::HostAllowed { entry, run, principal } => {
            let how_long = if run.is_some() { " for this run" } else { "" };
            vec![aside(format!("{principal} allowed {entry}{how_long}"))]
        }
        Event::StopAllowed { reason, principal, .. } => {
            vec![aside(format!("{principal} lets a push carry what stopped one: {reason}"))]
        }
        Event::ConfigurationAllowed { principal, .. } => {
            vec![aside(format!("{principal} allowed what configures the agent"))]
        }
        Event::IntegrityLowered { reading, .. } => read(reading),
        Event::AllThreeMet { reading, legs } => vec![met(reading, legs)],
        Event::FlowAllowed { principal, .. } => {
            vec![aside(format!("{principal} allowed the agent to send to hosts"))]
        }
        Event::NetworkNarrowed { secrets, .. } => {
            let gone = if secrets.is_empty() { String::new() } else { without(secrets) };
            vec![aside(format!("the network is the agent's own from here on{gone}"))]
        }
        Event::SnapshotWanted { .. } => vec![aside("the machine is kept as it is")],
        Event::SnapshotMade { layer, bytes, files, freeze_ms, .. } => {
            let holds = format!("{} in {}", text::bytes(*bytes), text::count(*files, "file"));
            vec![timed("snapshot", &format!("{layer}: {holds}, frozen"), *freeze_ms)]
        }
        Event::SnapshotFailed { failure, .. } => failed("snapshot", failure),
        _ => Vec::new(),
    }
}

/// What nobody here wrote is told of; packages are not news.
fn read(reading: &Reading) -> Vec<Shown> {
    let is_news = reading.integrity.is_untrusted();
    is_news.then(|| aside(format!("the agent reads {}", reading.source))).into_iter().collect()
}

fn met(reading: &Reading, legs: &Legs) -> Shown {
    let why = format!(
        "the agent read {}, which nobody here wrote, and has secrets ({})",
        reading.source,
        legs.secrets.join(", ")
    );
    let (what, how) = match legs.when_all_three {
        WhenAllThree::Allow => ("it may send to hosts all the same", ""),
        WhenAllThree::Ask => ("nothing is sent until a person allows it", HOW_TO_ALLOW),
        WhenAllThree::Narrow => ("it only reads from hosts from here on", HOW_TO_ALLOW),
    };
    noted(format!("{why}: {what}{how}"))
}

fn without(secrets: &[String]) -> String {
    format!(", without the build secrets {}", secrets.join(", "))
}

/// What is going on after such an event, for the status line.
#[expect(clippy::wildcard_enum_match_arm, reason = "most events change nothing about it")]
pub const fn doing(event: &Event) -> Option<&'static str> {
    match event {
        Event::RunStarted { .. } => Some("looking for the repository"),
        Event::SandboxWanted { .. } => Some("starting the sandbox"),
        Event::SandboxUp { .. } => Some("preparing the workspace"),
        Event::StepStarted { .. } => Some("thinking"),
        Event::TurnEnded { .. } | Event::CheckpointWanted { .. } => {
            Some("taking the work out of the sandbox")
        }
        Event::PushWanted { .. } => Some("pushing"),
        Event::ChecksWanted { .. } => Some("checking the commit"),
        Event::PullRequestWanted { .. } => Some("writing the pull request"),
        Event::CancelRequested { .. } => Some("cancelling"),
        _ => None,
    }
}

fn label(style: Style, sign: &str, name: &str) -> Line {
    Line::of(style, format!("{sign} ")).and(Style::Dim, text::padded(&text::one_line(name), LABEL))
}

fn done(name: &str, what: impl AsRef<str>) -> Shown {
    Shown::Line(label(Style::Good, "✓", name).and(Style::Plain, what))
}

fn timed(name: &str, what: &str, ms: u64) -> Shown {
    Shown::Line(
        label(Style::Good, "✓", name)
            .and(Style::Plain, what)
            .and(Style::Dim, format!("  {}", text::duration(ms))),
    )
}

fn link(name: &str, what: impl AsRef<str>, address: &str) -> Shown {
    Shown::Whole(label(Style::Good, "✓", name).and(Style::Plain, what).and(Style::Accent, address))
}

fn failed(name: &str, failure: &Failure) -> Vec<Shown> {
    let line = label(Style::Bad, "✗", name).and(Style::Bad, &failure.message);
    vec![Shown::Whole(line.and(Style::Dim, format!("  ({})", failure.code)))]
}

/// A line to be noticed.
pub fn noted(text: impl AsRef<str>) -> Shown {
    Shown::Whole(Line::of(Style::Warn, "! ").and(Style::Warn, text))
}

/// A line of less importance.
pub fn aside(text: impl AsRef<str>) -> Shown {
    Shown::Line(Line::of(Style::Dim, format!("· {}", text.as_ref())))
}

fn base(repo: &RepoBase) -> Vec<Shown> {
    let commit = text::short_commit(&repo.commit);
    let mut shown =
        vec![done("repository", format!("{} at {} {commit}", repo.url, repo.base_branch))];
    let trust = repo.configuration.as_ref().map(|configuration| configuration.trust);
    if trust.is_some_and(|trust| !trust.is_trusted()) {
        shown.push(noted(
            "what configures the agent is not what the default branch has: it has no secrets until a person allows \
             that (`errand allow AGENT --configuration`)",
        ));
    }
    shown
}

fn environment_read(found: &FoundEnvironment) -> Vec<Shown> {
    let mut shown = Vec::new();
    if found.problems.is_empty() {
        let image = found.image.iter().map(|_| "image");
        let phases = found.phases().into_iter().map(SetUpPhase::word);
        let phases: Vec<_> = image.chain(phases).collect();
        let what = if phases.is_empty() { "nothing to run".to_owned() } else { phases.join(", ") };
        shown.push(done("environment", format!("{}: {what}", found.file)));
        shown.extend(found.terminals.iter().map(|terminal| {
            aside(format!("terminal {}: {}", terminal.name, text::one_line(&terminal.command)))
        }));
        shown.extend(found.ports.iter().filter_map(|port| {
            let name = port.name.as_ref()?;
            Some(aside(format!("port {}: {}", port.port, text::one_line(name))))
        }));
    } else {
        let file = &found.file;
        shown.push(noted(format!("{file} is not followed; the agent starts from the defaults")));
        shown.extend(found.problems.iter().map(noted));
    }
    shown.extend(found.warnings.iter().map(noted));
    shown
}

fn image_chosen(reference: &str, outcome: &SetUpOutcome, ms: u64) -> Shown {
    match outcome {
        SetUpOutcome::Done => timed("image", reference, ms),
        SetUpOutcome::Kept => done("image", format!("{reference} was there before")),
        SetUpOutcome::Failed { failure } => {
            noted(format!("{failure}; the machine begins with the default programs"))
        }
    }
}

fn set_up(phase: SetUpPhase, outcome: &SetUpOutcome, ms: u64) -> Shown {
    match outcome {
        SetUpOutcome::Done if phase == SetUpPhase::Startup => timed(phase.word(), "commands", ms),
        SetUpOutcome::Done => timed(phase.word(), "of the environment file", ms),
        SetUpOutcome::Kept => done(phase.word(), "was done on this disk before"),
        SetUpOutcome::Failed { failure } => noted(format!("{failure}; the agent goes on without")),
    }
}

fn updated(event: &Event) -> Vec<Shown> {
    let Event::BranchUpdated { number, base, commit, principal, .. } = event else {
        return Vec::new();
    };
    let (base, commit) = (text::short_commit(base), text::short_commit(commit));
    let words =
        format!("the branch of #{number} with its base at {base}, as {commit} by {principal}");
    vec![done("updated", words)]
}

fn pushed(push: &PushPlan) -> Shown {
    let commit = text::short_commit(&push.commit);
    done("pushed", format!("{} {commit} to {}, verified", push.branch, push.url))
}

fn checked(report: &CheckReport) -> Vec<Shown> {
    let mut shown: Vec<Shown> = report
        .checks
        .iter()
        .map(|check| {
            let (style, sign) =
                if check.exit_code == Some(0) { (Style::Good, "✓") } else { (Style::Bad, "✗") };
            let ended = check
                .exit_code
                .map_or_else(|| "did not end".to_owned(), |code| format!("ended with {code}"));
            let line = label(style, sign, "checked").and(Style::Plain, &check.command);
            Shown::Line(line.and(Style::Dim, format!("  {ended}")))
        })
        .collect();
    shown.extend(report.failure.iter().flat_map(|failure| failed("checks", failure)));
    shown
}

fn push_failed(
    failure: &Failure,
    conflict: Option<&PushConflict>,
    stops: &[PushStop],
) -> Vec<Shown> {
    let mut shown = failed("push", failure);
    let files = conflict.iter().flat_map(|conflict| &conflict.files);
    shown.extend(
        files.map(|file| Shown::Line(Line::of(Style::Bad, format!("    conflict in {file}")))),
    );
    shown.extend(stops.iter().map(|stop| {
        let path = stop.path.as_deref().unwrap_or("a commit's message");
        let line = stop.line.map(|line| format!(":{line}")).unwrap_or_default();
        Shown::Line(Line::of(Style::Bad, format!("    {path}{line}: {}", stop.why)))
    }));
    shown
}

fn checkpoint(repo: &RepoCheckpoint) -> Vec<Shown> {
    let what = match repo.new_commits {
        0 => label(Style::Dim, "✓", "commit").and(Style::Plain, "nothing changed"),
        new => label(Style::Good, "✓", "commit")
            .and(
                Style::Plain,
                format!(
                    "{} {} · ",
                    text::count(u64::from(new), "new commit"),
                    text::short_commit(&repo.commit)
                ),
            )
            .joined(diff::counted(&repo.stat)),
    };
    let mut shown = vec![Shown::Line(what)];
    shown.extend(repo.notes.iter().map(noted));
    shown
}

fn denied(
    (host, port): (&str, u16),
    code: &str,
    message: &str,
    process: Option<&Process>,
) -> Vec<Shown> {
    let refused = label(Style::Bad, "✗", "network")
        .and(Style::Bad, format!("{host}:{port} was refused: {message}"));
    let mut shown = vec![Shown::Whole(refused)];
    if let Some(Process { pid, name, command }) = process {
        let who = format!("    asked by {name} (process {pid}): {command}");
        shown.push(Shown::Line(Line::of(Style::Dim, who)));
    }
    // No entry of an allow-list opens what the rule of two closed; its message says what does.
    if code.starts_with("flow_") {
        return shown;
    }
    let how = format!(
        "    to allow it: `errand allow AGENT {host}`, or \"{host}\" under `egressAllowlist` of the environment file"
    );
    shown.push(Shown::Whole(Line::of(Style::Dim, how)));
    shown
}

fn todo(todo: &Todo) -> Shown {
    let (style, sign) = match todo.state {
        TodoState::Pending => (Style::Plain, "☐"),
        TodoState::InProgress => (Style::Accent, "◐"),
        TodoState::Done => (Style::Good, "☑"),
        TodoState::Dropped => (Style::Dim, "☒"),
    };
    Shown::Line(Line::of(style, format!("  {sign} ")).and(style, &todo.text))
}

const fn why_stopped(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Idle => "nothing happened for a while; its disk is kept",
        StopReason::HardLimit => "it reached its longest life",
        StopReason::Archived => "the agent was archived",
        StopReason::Deleted => "the agent is deleted",
        StopReason::Broken => "the workspace could not be prepared",
        StopReason::Lost => "it was lost",
        StopReason::Snapshot => "its disk is being kept",
    }
}
