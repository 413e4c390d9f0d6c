//! What is done about something that happened at a forge. Pure: a table of what happened, who did it, and what is known.
//!
//! ```text
//!   other repository, ourselves, another bot ─► ignored
//!   a comment that does not name us          ─► ignored          (a review that wants changes counts without)
//!   somebody who may not push                ─► ignored, without an answer
//!   a pull request out of a fork             ─► ignored
//!   an order that is not understood          ─► an answer
//!   an order                                 ─► a new agent, or the one that is there goes on
//!   a failed check of our own pull request   ─► mended, within bounds
//! ```
//!
//! TRUST: what is not named here does nothing, and what the forge does not say counts against acting.

use super::command::{self, Command, Options, Switch, Task, Wrong};
use super::untrusted::{self, Ask, Beside, Keep, Mark, Writer};
use forge::around::{CheckState, Origin, Permission, Subject, Verdict};
use forge::webhook::{Change, Event, Kind, Text};
use git::name::{BranchName, CommitId};
use protocol::ids::AgentId;

/// Times in a row that failing checks of one pull request wake its agent.
pub const FIXES: u32 = 10;
/// How checks of our own begin.
const OWN_CHECKS: &str = "errand/";

/// What people chose for a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Our name in comments, without the `@`.
    pub name: String,
    /// Logins under which we write, and to which issues may be given.
    pub logins: Vec<String>,
    /// Labels that give an issue to us; none is given by labels where there are none.
    pub labels: Vec<String>,
    /// Whether failing checks are mended where nobody said anything.
    pub autofix: Switch,
    /// Whether a review that wants changes counts without our name.
    pub reviews: Switch,
    /// Logins of other programs.
    pub bots: Vec<String>,
}

/// What was found out for this event, by asking the forge and our own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The repository whose secret signed the delivery.
    pub repository: String,
    /// What the actor may do, asked for now.
    pub actor: Permission,
    /// What the writer of the text may do, where that is another.
    pub writer: Permission,
    /// The agent of this issue, of this pull request, or of the branch that the commit is on.
    pub agent: Option<AgentId>,
    /// The pull request that it is about.
    pub pull: Option<Pull>,
    /// The title and text of the issue or pull request, where the event does not bring it.
    pub about: Option<Text>,
    /// What the person wrote at single lines, as part of a review.
    pub remarks: Vec<Remark>,
    /// The end of a failed check's log.
    pub log: String,
}

impl Known {
    /// What somebody may do, and nothing else yet.
    pub fn nothing(repository: &str, actor: Permission) -> Self {
        Self {
            repository: repository.to_owned(),
            actor,
            writer: Permission::None,
            agent: None,
            pull: None,
            about: None,
            remarks: Vec::new(),
            log: String::new(),
        }
    }
}

/// A remark at a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The file.
    pub path: String,
    /// The line.
    pub line: Option<u64>,
    /// What it says.
    pub body: String,
}

/// A pull request, as the forge tells it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Where its commits come from.
    pub origin: Origin,
    /// Its branch.
    pub branch: BranchName,
    /// Its head.
    pub head: CommitId,
    /// Whether it can still change.
    pub is_open: bool,
    /// Who moved its head last.
    pub pushed_by: Pusher,
    /// What is going on about its checks.
    pub fixes: Fixes,
}

/// Who moved a branch last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pusher {
    /// We did.
    Us,
    /// Anybody else.
    Another,
}

/// What is known of mending a pull request's checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixes {
    /// What somebody said on it.
    pub autofix: Option<Switch>,
    /// How often its agent was woken since.
    pub made: u32,
    /// Whether a person asked for something since the first of these, which ends them.
    pub followed_up: bool,
    /// Whether the failed check fails on the base too.
    pub on_base: OnBase,
    /// Whether its agent is at work.
    pub busy: bool,
}

/// How a check ended on the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBase {
    /// Well.
    Passes,
    /// As badly.
    Fails,
    /// Nobody knows: it never ran there, or the forge does not say.
    Unknown,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A new agent.
    Start(Box<Start>),
    /// The agent that is there goes on.
    FollowUp {
        /// Which.
        agent: AgentId,
        /// What it is asked.
        ask: Ask,
        /// How; only the model and the mode.
        options: Options,
    },
    /// The agent mends what a check found.
    Fix {
        /// Which.
        agent: AgentId,
        /// What it is asked.
        ask: Ask,
        /// Which of [`FIXES`] this is, from 1.
        count: u32,
    },
    /// Checks of this pull request are mended, from none so far, or are not.
    Autofix {
        /// Which.
        number: u64,
        /// Whether.
        switch: Switch,
    },
    /// The run of this agent ends.
    Stop(AgentId),
    /// An answer to who wrote.
    Answer(String),
    /// Nothing.
    Ignore(Why),
}

/// A new agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// About what.
    pub on: Subject,
    /// For whom, by their login there.
    pub requester: String,
    /// What it is about in a line, for the agent's name.
    pub title: String,
    /// What it is asked.
    pub ask: Ask,
    /// How.
    pub options: Options,
    /// The branch of a pull request that it goes on with.
    pub branch: Option<BranchName>,
}

/// Why nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Signed for one, about another.
    #[error("it is about another repository than the one that it was signed for")]
    OtherRepository,
    /// We did it.
    #[error("we did it ourselves")]
    Own,
    /// A program did it.
    #[error("another program did it")]
    Bot,
    /// Nobody spoke to us.
    #[error("it does not ask us for anything")]
    NotAsked,
    /// They may not.
    #[error("who did it may not push to this repository")]
    MayNot,
    /// Commits of others.
    #[error("the pull request comes out of a fork")]
    Fork,
    /// Maybe commits of others.
    #[error("the forge does not say where the pull request comes from")]
    OriginUnknown,
    /// It is being done.
    #[error("an agent has it already")]
    AlreadyGiven,
    /// Nobody's agent.
    #[error("no agent of ours works on it")]
    NotOurs,
    /// It is over.
    #[error("the pull request is closed")]
    Closed,
    /// All is well.
    #[error("the check did not fail")]
    Passed,
    /// Not of the newest commit.
    #[error("the check is of a commit that is not the head any more")]
    OldCommit,
    /// Switched off.
    #[error("mending checks is off here")]
    AutofixOff,
    /// People took over.
    #[error("somebody else pushed last")]
    PersonPushed,
    /// People took over.
    #[error("somebody asked for something else since")]
    FollowedUp,
    /// It would fail anyway.
    #[error("the check fails on the base too")]
    FailsOnBase,
    /// Enough.
    #[error("checks were mended {FIXES} times in a row")]
    EnoughFixes,
    /// The agent's own push comes first.
    #[error("the agent is at work already")]
    Busy,
}

/// What is done about an event.
pub fn decide(event: &Event, settings: &Settings, known: &Known, mark: &Mark) -> Act {
    match asked(event, settings, known, mark) {
        Ok(act) => act,
        Err(why) => Act::Ignore(why),
    }
}

/// Why nothing will be done whatever the forge and our log say, if so: then neither need be asked.
pub fn ignored_at_once(event: &Event, settings: &Settings, repository: &str) -> Option<Why> {
    let known = Known::nothing(repository, Permission::Admin);
    let why = asked(event, settings, &known, &Mark::of(0)).err()?;
    let is_certain =
        matches!(why, Why::OtherRepository | Why::Own | Why::Bot | Why::NotAsked | Why::Passed);
    is_certain.then_some(why)
}

/// One event with everything that bears on it.
struct Case<'a> {
    event: &'a Event,
    settings: &'a Settings,
    known: &'a Known,
    mark: &'a Mark,
}

fn asked(event: &Event, settings: &Settings, known: &Known, mark: &Mark) -> Result<Act, Why> {
    if !event.repository.eq_ignore_ascii_case(&known.repository) {
        return Err(Why::OtherRepository);
    }
    let case = Case { event, settings, known, mark };
    match &event.kind {
        // Whose credential reported it says nothing: it is about a commit.
        Kind::CheckEnded { commit, name, state } => case.fix(commit, name, *state),
        Kind::Commented { on, .. } => case.comment(*on, None),
        Kind::CommentedLine { number, path, line, .. } => {
            case.comment(Subject::PullRequest(*number), Some((path, *line)))
        }
        Kind::Reviewed { number, verdict } => case.review(*number, *verdict),
        Kind::Opened { issue } => case.comment(Subject::Issue(*issue), None),
        // One that is opened again asks nothing again.
        Kind::PullRequest { change: Change::Opened, .. } if known.agent.is_some() => {
            Err(Why::AlreadyGiven)
        }
        Kind::PullRequest { number, change: Change::Opened, .. } => {
            case.comment(Subject::PullRequest(*number), None)
        }
        Kind::Assigned { on, to } => {
            case.given(*on, to.iter().any(|login| is_one_of(login, &settings.logins)))
        }
        Kind::Labelled { on, labels } => {
            case.given(*on, labels.iter().any(|label| is_one_of(label, &settings.labels)))
        }
        Kind::PullRequest { change: Change::Updated | Change::Closed | Change::Merged, .. }
        | Kind::Pushed(_) => Err(Why::NotAsked),
    }
}

fn is_one_of(name: &str, names: &[String]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// A file and line in words; the file's name is of others.
fn at_line(path: &str, line: Option<u64>) -> String {
    let line = line.map_or(String::new(), |line| format!(", line {line}"));
    format!("`{}`{line}", untrusted::plain(path))
}

/// Whether a login is a program's by the way its host names them.
fn is_bot(login: &str) -> bool {
    let of_a_token = |kind: &str| {
        let rest = login.strip_prefix(kind).map(|rest| rest.trim_start_matches(char::is_numeric));
        rest.is_some_and(|rest| rest.starts_with("_bot"))
    };
    login.ends_with("[bot]") || of_a_token("project_") || of_a_token("group_")
}

impl Case<'_> {
    /// Neither we nor other programs are listened to.
    fn by_a_person(&self) -> Result<(), Why> {
        let login = &self.event.actor.login;
        if is_one_of(login, &self.settings.logins) {
            return Err(Why::Own);
        }
        let is_bot = is_bot(login) || is_one_of(login, &self.settings.bots);
        if is_bot { Err(Why::Bot) } else { Ok(()) }
    }

    fn who_may(&self) -> Result<(), Why> {
        if self.known.actor >= Permission::Write { Ok(()) } else { Err(Why::MayNot) }
    }

    /// The pull request is of this repository, by the event and by the forge.
    fn of_no_fork(&self, on: Subject) -> Result<(), Why> {
        let Subject::PullRequest(number) = on else { return Ok(()) };
        let pull = self.known.pull.as_ref().filter(|pull| pull.number == number);
        match (self.event.origin, pull.ok_or(Why::OriginUnknown)?.origin) {
            (Origin::Fork, _) | (_, Origin::Fork) => Err(Why::Fork),
            (Origin::Repository, _) | (_, Origin::Repository) => Ok(()),
            (Origin::Unsaid, Origin::Unsaid) => Err(Why::OriginUnknown),
        }
    }

    /// What was written just now. Some hosts tell with a review what the pull request says, which has a title.
    fn said(&self) -> Option<&Text> {
        let is_review = matches!(self.event.kind, Kind::Reviewed { .. });
        self.event.text.as_ref().filter(|text| !is_review || text.title.is_empty())
    }

    /// Something that somebody wrote: a comment, or an issue or pull request that begins with one.
    fn comment(&self, on: Subject, at: Option<(&str, Option<u64>)>) -> Result<Act, Why> {
        self.by_a_person()?;
        let text = self.said().ok_or(Why::NotAsked)?;
        let wrote = text.by.as_ref().is_some_and(|by| by.login == self.event.actor.login);
        let order = command::parse(&text.body, &self.settings.name).filter(|_| wrote);
        let order = order.ok_or(Why::NotAsked)?;
        self.who_may()?;
        self.of_no_fork(on)?;
        self.ordered(on, at, order)
    }

    fn review(&self, number: u64, verdict: Verdict) -> Result<Act, Why> {
        let on = Subject::PullRequest(number);
        let body = self.said().map_or("", |text| text.body.as_str());
        let speaks = command::parse(body, &self.settings.name).is_some();
        let wants = verdict == Verdict::ChangesRequested && self.settings.reviews == Switch::On;
        if speaks || !wants {
            return self.comment(on, None);
        }
        self.by_a_person()?;
        self.who_may()?;
        self.of_no_fork(on)?;
        let agent = self.known.agent.ok_or(Why::NotOurs)?;
        if !self.is_open() {
            return Err(Why::Closed);
        }
        let mut task = command::whole(body);
        task.text = format!("My review wants changes.\n\n{}", task.text);
        self.with_remarks(&mut task);
        Ok(self.go_on(agent, on, &task))
    }

    /// With what the reviewer wrote at single lines, as far as it fits.
    fn with_remarks(&self, task: &mut Task) {
        for Remark { path, line, body } in &self.known.remarks {
            let remark = command::whole(body);
            let place = at_line(path, *line);
            let text = format!("\n\nAbout {place}:\n{}", remark.text);
            let has_room = |of: &str, more: &str| of.len() + more.len() <= command::TASK_CHARS;
            if has_room(&task.text, &text) && has_room(&task.quoted, &remark.quoted) {
                task.text.push_str(&text);
                task.quoted.push_str(&format!("\n{}", remark.quoted));
                task.taken_out.extend(remark.taken_out);
            }
        }
        task.text = task.text.trim().to_owned();
        task.quoted = task.quoted.trim().to_owned();
    }

    fn is_open(&self) -> bool {
        self.known.pull.as_ref().is_none_or(|pull| pull.is_open)
    }

    fn ordered(
        &self,
        on: Subject,
        at: Option<(&str, Option<u64>)>,
        order: Result<Command, Wrong>,
    ) -> Result<Act, Why> {
        let none = || Act::Answer("No agent of ours works on this.".to_owned());
        Ok(match order {
            Err(wrong) => Act::Answer(format!("That is not understood: {wrong}.")),
            Ok(Command::Help) => Act::Answer(command::help(&self.settings.name)),
            Ok(Command::Stop) => self.known.agent.map_or_else(none, Act::Stop),
            Ok(Command::Autofix(switch)) => match (on, self.known.agent) {
                (Subject::PullRequest(number), Some(_)) => Act::Autofix { number, switch },
                (_, _) => none(),
            },
            Ok(Command::Task(task)) => self.work(on, at, task)?,
        })
    }

    fn work(
        &self,
        on: Subject,
        at: Option<(&str, Option<u64>)>,
        mut task: Task,
    ) -> Result<Act, Why> {
        if let Subject::PullRequest(_) = on {
            if !self.is_open() {
                let words = "This pull request is closed: open it again, or ask in an issue.";
                return Ok(Act::Answer(words.to_owned()));
            }
            if task.text.is_empty() {
                return Ok(Act::Answer(command::help(&self.settings.name)));
            }
        }
        if let Some((path, line)) = at {
            task.text = format!("{}\n\n(About {}.)", task.text, at_line(path, line));
        }
        if let Kind::Reviewed { .. } = self.event.kind {
            self.with_remarks(&mut task);
        }
        let is_fixed = |options: &Options| options.branch.is_some() || options.base.is_some();
        let Some(agent) = self.known.agent else {
            if let Subject::PullRequest(_) = on
                && is_fixed(&task.options)
            {
                let words =
                    "A pull request has its branch and base: leave out `branch` and `base`.";
                return Ok(Act::Answer(words.to_owned()));
            }
            return Ok(self.start(on, task));
        };
        let only = task.options.of_a_start();
        if only.is_empty() {
            return Ok(self.go_on(agent, on, &task));
        }
        let words =
            "An agent works on this already, so it can be told another `model` or `mode` only, not";
        Ok(Act::Answer(format!("{words} `{}`.", only.join("`, `"))))
    }

    /// An issue was given to us, without words.
    fn given(&self, on: Subject, to_us: bool) -> Result<Act, Why> {
        self.by_a_person()?;
        let Subject::Issue(_) = on else { return Err(Why::NotAsked) };
        if !to_us {
            return Err(Why::NotAsked);
        }
        self.who_may()?;
        if self.known.agent.is_some() {
            return Err(Why::AlreadyGiven);
        }
        Ok(self.start(on, Task::default()))
    }

    fn place(&self, on: Subject) -> String {
        let repository = &self.known.repository;
        match on {
            Subject::Issue(number) => format!("issue {number} of {repository}"),
            Subject::PullRequest(number) => format!("pull request {number} of {repository}"),
        }
    }

    fn start(&self, on: Subject, task: Task) -> Act {
        let requester = self.event.actor.login.clone();
        let place = self.place(on);
        let about: Vec<Beside> = self.about(&place).into_iter().collect();
        let ask = untrusted::ask(&requester, &place, &task, &about, self.mark);
        let branch = match (on, &self.known.pull) {
            (Subject::PullRequest(_), Some(pull)) => Some(pull.branch.clone()),
            (_, _) => None,
        };
        let title = self.title(on, &task, about.first());
        Act::Start(Box::new(Start { on, requester, title, ask, options: task.options, branch }))
    }

    /// The first words of the order, or else the title of what it is about.
    fn title(&self, on: Subject, task: &Task, about: Option<&Beside>) -> String {
        let words = task.text.lines().next().unwrap_or_default().trim();
        let title = about.map_or("", |about| about.title.trim());
        let line = [words, title].into_iter().map(untrusted::plain).find(|line| !line.is_empty());
        line.unwrap_or_else(|| self.place(on))
    }

    /// What the issue or pull request says, by whoever wrote it.
    fn about(&self, place: &str) -> Option<Beside> {
        let is_comment =
            matches!(self.event.kind, Kind::Commented { .. } | Kind::CommentedLine { .. });
        let is_review = matches!(self.event.kind, Kind::Reviewed { .. });
        let brought = self.event.text.as_ref().filter(|_| !is_comment && !is_review);
        let text = self.known.about.as_ref().or(brought)?;
        let by = text.by.as_ref().map(|by| by.login.clone());
        let is_own = by.as_ref() == Some(&self.event.actor.login);
        let may = if is_own { self.known.actor } else { self.known.writer };
        let by = match by {
            Some(login) if may >= Permission::Write => Writer::Member(login),
            by => Writer::Outsider(by),
        };
        let (title, text) = (text.title.clone(), text.body.clone());
        Some(Beside { what: place.to_owned(), by, title, text, keep: Keep::Beginning })
    }

    fn go_on(&self, agent: AgentId, on: Subject, task: &Task) -> Act {
        let (who, place) = (&self.event.actor.login, self.place(on));
        let ask = untrusted::ask(who, &place, task, &[], self.mark);
        Act::FollowUp { agent, ask, options: task.options.clone() }
    }

    /// A check of our own pull request failed.
    fn fix(&self, commit: &CommitId, name: &str, state: CheckState) -> Result<Act, Why> {
        if state != CheckState::Failed {
            return Err(Why::Passed);
        }
        if name.starts_with(OWN_CHECKS) {
            return Err(Why::Own);
        }
        let (agent, pull) = self.known.agent.zip(self.known.pull.as_ref()).ok_or(Why::NotOurs)?;
        self.of_no_fork(Subject::PullRequest(pull.number))?;
        let fixes = pull.fixes;
        let against = [
            (!pull.is_open, Why::Closed),
            (pull.head != *commit, Why::OldCommit),
            (fixes.autofix.unwrap_or(self.settings.autofix) == Switch::Off, Why::AutofixOff),
            (pull.pushed_by != Pusher::Us, Why::PersonPushed),
            (fixes.followed_up, Why::FollowedUp),
            (fixes.on_base == OnBase::Fails, Why::FailsOnBase),
            (fixes.made >= FIXES, Why::EnoughFixes),
            (fixes.busy, Why::Busy),
        ];
        if let Some((_, why)) = against.into_iter().find(|(is_so, _)| *is_so) {
            return Err(why);
        }
        let order = format!(
            "A check of pull request {} of {} failed on your commit {commit}. Find the cause and mend it; if it does not \
             come from your changes, say so and change nothing.",
            pull.number, self.known.repository
        );
        let log = Beside {
            what: format!("the log of check {name}"),
            by: Writer::Program("the checks".to_owned()),
            title: name.to_owned(),
            text: self.known.log.clone(),
            keep: Keep::End,
        };
        let ask = untrusted::notice(&order, &[log], self.mark);
        Ok(Act::Fix { agent, ask, count: fixes.made + 1 })
    }
}
