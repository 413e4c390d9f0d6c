//! Starting, finding and ending terminals in a guest.
//!
//! A terminal is an operation of the guest whose name says all about it: its own name, when it was
//! opened, and what kind it is. So a server that restarts finds what it opened.

use super::{KEPT_BYTES, TERMINALS};
use protocol::link::{Answer, FaultCode, OpId, PtySize, Request, Start, Stdin, User};
use sandbox::link::{Link, LinkError};
use std::time::Duration;

/// Where tmux is looked for.
const TMUX: [&str; 2] = ["/usr/local/bin/tmux", "/usr/bin/tmux"];
/// Signal that a terminal's programs get when it is closed.
const HANGUP: i32 = 1;
/// Time a tmux session gets to end in good order.
const FAREWELL: Duration = Duration::from_secs(2);
/// Name of the terminal of those that have one inside tmux.
const INNER_TERM: &str = "screen-256color";
/// Runs a command, and then the shell that whoever sits there goes on in. Ctrl-C ends the command only.
const FIRST: &str = r#"trap : INT QUIT
trap '' TSTP
/bin/bash --noprofile --norc -c "$1"
printf '\n[it ended with status %s]\n' "$?"
trap - INT QUIT TSTP
exec /bin/bash --noprofile --norc -i"#;
/// Bytes that a helper command may print.
const HELPER_BYTES: u64 = 4096;

/// A terminal in a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its operation.
    pub op: OpId,
    /// Its name.
    pub name: String,
    /// When it was opened.
    pub created_ms: i64,
    /// It is a tmux session.
    pub shared: bool,
    /// Whether its program still runs.
    pub alive: bool,
}

impl Found {
    /// Reads the name of an operation, if it is a terminal's.
    fn parse(op: &OpId, alive: bool) -> Option<Self> {
        let mut parts = op.as_str().strip_prefix("terminal:")?.split(':');
        let (name, created, kind) = (parts.next()?, parts.next()?, parts.next()?);
        let shared = match kind {
            "tmux" => true,
            "pty" => false,
            _ => return None,
        };
        let (name, created_ms) = (name.to_owned(), created.parse().ok()?);
        Some(Self { op: op.clone(), name, created_ms, shared, alive })
    }

    fn op(name: &str, created_ms: i64, shared: bool) -> Option<OpId> {
        let kind = if shared { "tmux" } else { "pty" };
        OpId::parse(&format!("terminal:{name}:{created_ms}:{kind}")).ok()
    }
}

/// What a terminal is opened with.
pub struct Opening<'a> {
    /// Its name, which is checked.
    pub name: &'a str,
    /// Its size.
    pub size: PtySize,
    /// Variables of its shell.
    pub env: Vec<(String, String)>,
    /// Now.
    pub now_ms: i64,
}

/// What a terminal begins with.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    /// Where.
    pub cwd: &'a str,
    /// Shell text that runs first; after it a shell is there.
    pub command: Option<&'a str>,
}

impl Work<'_> {
    /// A person's own shell.
    const SHELL: Work<'static> = Work { cwd: "/workspace", command: None };

    fn argv(self) -> Vec<String> {
        let Some(command) = self.command else { return shell() };
        ["/bin/bash", "--noprofile", "--norc", "-c", FIRST, "errand", command]
            .map(str::to_owned)
            .to_vec()
    }
}

/// Why a terminal was not opened.
#[derive(Debug)]
pub enum NotOpened {
    /// There are enough.
    TooMany,
    /// The guest could not be asked, or could not do it.
    Link(LinkError),
}

impl From<LinkError> for NotOpened {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

/// All terminals, by name; of those with the same name the newest.
pub async fn list(link: &Link) -> Result<Vec<Found>, LinkError> {
    let mut found = all(link).await?;
    found.sort_by(|a, b| (&a.name, b.created_ms).cmp(&(&b.name, a.created_ms)));
    found.dedup_by(|later, first| later.name == first.name);
    Ok(found)
}

/// The terminal of this name.
pub async fn find(link: &Link, name: &str) -> Result<Option<Found>, LinkError> {
    Ok(list(link).await?.into_iter().find(|found| found.name == name))
}

async fn all(link: &Link) -> Result<Vec<Found>, LinkError> {
    match link.request(Request::Ops).await? {
        Answer::Ops { ops } => {
            let kept = ops.iter().filter(|state| !state.acked);
            Ok(kept.filter_map(|state| Found::parse(&state.op, state.running)).collect())
        }
        other => Err(LinkError::Protocol(format!("not a list of operations: {other:?}"))),
    }
}

/// The terminal of this name, opened if it is not. Callers take turns.
pub async fn open(link: &Link, opening: Opening<'_>) -> Result<Found, NotOpened> {
    begin(link, opening, Work::SHELL).await
}

/// The same; one that is opened begins with this work.
pub async fn begin(link: &Link, opening: Opening<'_>, work: Work<'_>) -> Result<Found, NotOpened> {
    let known = all(link).await?;
    if let Some(found) = known.iter().find(|found| found.name == opening.name && found.alive) {
        return Ok(found.clone());
    }
    if known.iter().filter(|found| found.alive).count() >= TERMINALS {
        return Err(NotOpened::TooMany);
    }
    for old in known.into_iter().filter(|found| found.name == opening.name) {
        link.ack(old.op).await?;
    }
    let tmux = tmux(link).await?;
    let shared = tmux.is_some();
    let named = Found::op(opening.name, opening.now_ms, shared);
    let op = named.ok_or_else(|| LinkError::Protocol("a terminal without a name".to_owned()))?;
    let env = clean(opening.env);
    let argv = match &tmux {
        Some(tmux) => session(tmux, opening.name, &env, work),
        None => work.argv(),
    };
    link.start(Start {
        op: op.clone(),
        argv,
        cwd: work.cwd.to_owned(),
        env,
        user: User::Agent,
        timeout_ms: None,
        stdin: Stdin::Open,
        pty: Some(opening.size),
        output_cap: KEPT_BYTES,
    })
    .await?;
    let (name, created_ms) = (opening.name.to_owned(), opening.now_ms);
    Ok(Found { op, name, created_ms, shared, alive: true })
}

/// Ends a terminal with everything in it.
pub async fn close(link: &Link, found: &Found) -> Result<(), LinkError> {
    if found.alive {
        // TRUST: whatever tmux does or does not do, what is left of it is killed below. It is asked
        // first because the sessions of one user share a server, which must not go with one of them.
        let ended = found.shared && end_session(link, found).await.is_ok();
        if !ended {
            link.kill(found.op.clone(), HANGUP).await?;
        }
    }
    link.ack(found.op.clone()).await
}

async fn end_session(link: &Link, found: &Found) -> Result<(), LinkError> {
    let failed = |_| LinkError::Protocol("the session does not end".to_owned());
    let op = OpId::parse(&format!("terminal-end:{}:{}", found.name, found.created_ms));
    let op = op.map_err(|error| LinkError::Protocol(error.to_string()))?;
    let target = format!("={}", found.name);
    let argv = ["tmux", "kill-session", "-t", &target].map(str::to_owned).to_vec();
    link.start(Start {
        op: op.clone(),
        argv,
        cwd: "/".to_owned(),
        env: clean(Vec::new()),
        user: User::Agent,
        timeout_ms: Some(u64::try_from(FAREWELL.as_millis()).unwrap_or(u64::MAX)),
        stdin: Stdin::Null,
        pty: None,
        output_cap: HELPER_BYTES,
    })
    .await?;
    link.wait(op.clone()).await?;
    link.ack(op).await?;
    tokio::time::timeout(FAREWELL, link.wait(found.op.clone())).await.map_err(failed)?.map(drop)
}

/// Where tmux is, if the sandbox has it.
async fn tmux(link: &Link) -> Result<Option<String>, LinkError> {
    for path in TMUX {
        let (cwd, path) = ("/".to_owned(), path.to_owned());
        match link.request(Request::Stat { cwd, path: path.clone(), follow: true }).await {
            Ok(_) => return Ok(Some(path)),
            Err(LinkError::Fault(fault)) if fault.code == FaultCode::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// TRUST: the agent writes the workspace and the home folder, so nothing there may run just because a
/// person opens a shell: no profile, no rc file, no readline macros, no history of another's.
fn shell() -> Vec<String> {
    ["/bin/bash", "--noprofile", "--norc", "-i"].map(str::to_owned).to_vec()
}

/// The environment of a person's shell.
pub fn clean(mut env: Vec<(String, String)>) -> Vec<(String, String)> {
    // Meant for commands that nobody watches.
    env.retain(|(name, _)| !matches!(name.as_str(), "CI" | "PAGER" | "DEBIAN_FRONTEND"));
    let fixed = [
        ("INPUTRC", "/etc/inputrc"),
        ("HISTFILE", "/dev/null"),
        ("BASH_ENV", ""),
        ("ENV", ""),
        ("PROMPT_COMMAND", ""),
        ("PS1", r"\[\e[2m\]\w\[\e[0m\] \$ "),
        ("TERM", "xterm-256color"),
        ("COLORTERM", "truecolor"),
    ];
    env.retain(|(name, _)| fixed.iter().all(|(known, _)| known != name));
    env.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    if !env.iter().any(|(name, _)| name == "PATH") {
        env.push(("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()));
    }
    env
}

/// A tmux session with such a shell, attached; made unless it is there.
fn session(tmux: &str, name: &str, env: &[(String, String)], work: Work<'_>) -> Vec<String> {
    let mut argv: Vec<String> = [
        tmux,
        "-f",
        "/dev/null",
        "start-server",
        ";",
        "set-option",
        "-g",
        "default-terminal",
        INNER_TERM,
        ";",
        // Lines that leave the screen stay in the window's own history.
        "set-option",
        "-ga",
        "terminal-overrides",
        ",xterm*:smcup@:rmcup@",
        ";",
        // Whoever opens a terminal while the last one ends would meet a server that is going.
        "set-option",
        "-sq",
        "exit-empty",
        "off",
        ";",
        "set-option",
        "-s",
        "escape-time",
        "0",
        ";",
        "set-option",
        "-g",
        "status",
        "off",
        ";",
        "set-option",
        "-g",
        "window-size",
        "latest",
        ";",
        "new-session",
        "-A",
        "-s",
        name,
    ]
    .map(str::to_owned)
    .to_vec();
    let place = ["-c", work.cwd, "/usr/bin/env", "-i"].map(str::to_owned);
    argv.extend(place.map(unparted));
    // TRUST: the agent may have started the tmux server, with variables of its own; none of them
    // reaches the shell.
    let inner = env.iter().filter(|(name, _)| name != "TERM");
    argv.extend(inner.map(|(name, value)| unparted(format!("{name}={value}"))));
    argv.push(format!("TERM={INNER_TERM}"));
    argv.extend(work.argv().into_iter().map(unparted));
    argv
}

/// A final semicolon would end the command for tmux.
fn unparted(mut argument: String) -> String {
    if argument.ends_with(';') {
        argument.pop();
        argument.push_str("\\;");
    }
    argument
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_operation_says_all_about_a_terminal() {
        let op = Found::op("main-2", 1_700_000_000_000, true).unwrap();
        let found = Found::parse(&op, true).unwrap();
        assert_eq!((found.name.as_str(), found.created_ms), ("main-2", 1_700_000_000_000));
        assert!(found.shared && super::super::is_persons(&op));
        for other in ["call_1", "terminal:x", "terminal:x:1:screen", "terminal:x:y:pty"] {
            assert_eq!(Found::parse(&OpId::parse(other).unwrap(), true), None, "{other}");
        }
    }

    #[test]
    fn a_shell_of_a_person_starts_clean() {
        let given = [("BASH_ENV", "/workspace/x"), ("CI", "1"), ("A", "b;")];
        let env = clean(given.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
        let value = |name: &str| env.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!((value("BASH_ENV"), value("CI"), value("A")), (Some(""), None, Some("b;")));
        let argv = session("tmux", "main", &env, Work::SHELL);
        assert!(argv.contains(&"A=b\\;".to_owned()));
        assert!(argv.ends_with(&shell()));
        let work = Work { cwd: "/workspace/r", command: Some("serve;") };
        let argv = session("tmux", "web", &env, work);
        assert_eq!(argv.last().map(String::as_str), Some("serve\\;"));
        assert!(argv.windows(2).any(|pair| pair == ["-c", "/workspace/r"]));
    }
}
