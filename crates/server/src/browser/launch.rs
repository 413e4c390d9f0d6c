//! Starting, finding and ending the browser in a sandbox.
//!
//! It is an operation of the guest that belongs to people, so the end of a run spares it and a server
//! that restarts finds it again. Where it listens stands in what it printed at its start.

use crate::terminals::clean;
use protocol::link::{Answer, FaultCode, OpId, Request, Start, Stdin, User};
use sandbox::link::{Follow, Followed, Link, LinkError, Offsets};
use std::time::Duration;

/// What names of its operation begin with.
pub const OP: &str = "browser:";
/// Where a Chromium is looked for. Distributions' own start scripts come last: they read files of `/etc`
/// that a sandbox does not have.
const PROGRAMS: [&str; 8] = [
    "/usr/lib/chromium/chromium",
    "/usr/lib/chromium-browser/chromium-browser",
    "/usr/lib64/chromium-browser/chromium-browser",
    "/usr/lib64/chromium/chromium",
    "/opt/chromium/chrome",
    "/usr/local/bin/chromium",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
];
/// Its own folder, which is memory and goes with the machine.
const PROFILE: &str = "/tmp/errand-browser";
/// Bytes of its output that are kept; where it listens is among the first.
const KEPT_BYTES: u64 = 64 * 1024;
/// Time it gets to say where it listens.
const START: Duration = Duration::from_secs(30);
/// Signal that ends it in good order.
const TERMINATE: i32 = 15;
/// What stands before the address it listens at.
const LISTENING: &str = "DevTools listening on ws://127.0.0.1:";
/// Bytes of the path of its socket.
const PATH_BYTES: usize = 100;

/// Where the browser listens inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The port.
    pub port: u16,
    /// The path of its socket.
    pub path: String,
}

/// Which program it would be, if the sandbox has one.
pub async fn program(link: &Link) -> Result<Option<String>, LinkError> {
    for path in PROGRAMS {
        let (cwd, path) = ("/".to_owned(), path.to_owned());
        match link.request(Request::Stat { cwd, path: path.clone(), follow: true }).await {
            Ok(_) => return Ok(Some(path)),
            Err(LinkError::Fault(fault)) if fault.code == FaultCode::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The one that runs.
pub async fn find(link: &Link) -> Result<Option<OpId>, LinkError> {
    match link.request(Request::Ops).await? {
        Answer::Ops { ops } => {
            let mut running = ops.into_iter().filter(|state| state.running);
            Ok(running.find(|state| state.op.as_str().starts_with(OP)).map(|state| state.op))
        }
        other => Err(LinkError::Protocol(format!("not a list of operations: {other:?}"))),
    }
}

/// Starts it and waits until it listens. Callers take turns.
pub async fn start(
    link: &Link,
    program: String,
    env: Vec<(String, String)>,
    now_ms: i64,
) -> Result<OpId, LinkError> {
    let op = OpId::parse(&format!("{OP}{now_ms}"));
    let op = op.map_err(|error| LinkError::Protocol(error.to_string()))?;
    let proxy = env.iter().find(|(name, _)| name == "HTTPS_PROXY").map(|(_, value)| value.clone());
    let mut env = clean(env);
    // There is none, and it would go on looking for one.
    env.push(("DBUS_SESSION_BUS_ADDRESS".to_owned(), "disabled:".to_owned()));
    link.start(Start {
        op: op.clone(),
        argv: arguments(program, proxy),
        cwd: "/tmp".to_owned(),
        env,
        user: User::Agent,
        timeout_ms: None,
        stdin: Stdin::Null,
        pty: None,
        output_cap: KEPT_BYTES,
    })
    .await?;
    if let Err(error) = address(link, op.clone()).await {
        // Why it does not listen is what counts; what is left of it goes if it can.
        drop(stop(link, op).await);
        return Err(error);
    }
    Ok(op)
}

/// Ends it with everything in it.
pub async fn stop(link: &Link, op: OpId) -> Result<(), LinkError> {
    link.kill(op.clone(), TERMINATE).await?;
    link.ack(op).await
}

/// Where it listens, as soon as it does.
pub async fn address(link: &Link, op: OpId) -> Result<Address, LinkError> {
    let follow = link.follow(op, Offsets::default()).await?;
    let late = |_| LinkError::Protocol("the browser does not begin to listen".to_owned());
    tokio::time::timeout(START, heard(follow)).await.map_err(late)?
}

async fn heard(mut follow: Follow) -> Result<Address, LinkError> {
    let mut text = Vec::new();
    loop {
        match follow.next().await? {
            Followed::Stderr(bytes) => {
                text.extend_from_slice(&bytes);
                if let Some(address) = parsed(&String::from_utf8_lossy(&text)) {
                    return Ok(address);
                }
                let kept = usize::try_from(KEPT_BYTES).unwrap_or(usize::MAX);
                if text.len() > kept {
                    return Err(LinkError::Protocol("the browser says no address".to_owned()));
                }
            }
            Followed::Stdout(_) => {}
            Followed::Exited(exited) => {
                let why = last_words(&String::from_utf8_lossy(&text));
                let how = exited.code.map(|code| format!(" with code {code}")).unwrap_or_default();
                return Err(LinkError::Protocol(format!("the browser ended{how}{why}")));
            }
        }
    }
}

/// The last line of what it printed, for people.
fn last_words(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map(|line| {
        let plain: String = line.chars().filter(|char| !char.is_control()).take(200).collect();
        format!(": {plain}")
    })
    .unwrap_or_default()
}

/// TRUST: a program inside printed this. Port and path are all that is taken, and only where each byte
/// fits: what is dialled is the sandbox's own loopback in any case.
fn parsed(text: &str) -> Option<Address> {
    let (_, after) = text.split_once(LISTENING)?;
    let (line, _) = after.split_once('\n')?;
    let (port, path) = line.trim_end().split_once('/')?;
    let path = format!("/{path}");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/-".contains(&byte);
    let good = path.len() <= PATH_BYTES && path.bytes().all(fits);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    good.then_some(Address { port, path })
}

fn arguments(program: String, proxy: Option<String>) -> Vec<String> {
    let mut argv = vec![program];
    let fixed = [
        "--headless",
        // TRUST: Chromium's own sandbox needs new namespaces or a set-uid helper, and ours refuses both
        // to everything inside. Pages are held by the same walls as every program of the agent.
        "--no-sandbox",
        "--remote-debugging-port=0",
        "--disable-gpu",
        // The sandbox's own is smaller than its temporary folder.
        "--disable-dev-shm-usage",
        "--disk-cache-size=33554432",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-domain-reliability",
        "--disable-sync",
        "--disable-breakpad",
        "--disable-crash-reporter",
        "--disable-extensions",
        "--disable-component-extensions-with-background-pages",
        "--disable-client-side-phishing-detection",
        "--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication",
        "--metrics-recording-only",
        "--no-pings",
        // What it still asks its maker at a start, which the gateway would refuse and note each time.
        "--google-base-url=http://127.0.0.1:9/",
        "--gcm-checkin-url=http://127.0.0.1:9/",
        "--gcm-registration-url=http://127.0.0.1:9/",
        "--mute-audio",
        "--password-store=basic",
        "--force-color-profile=srgb",
        "--window-size=1280,800",
    ];
    argv.extend(fixed.map(str::to_owned));
    argv.push(format!("--user-data-dir={PROFILE}"));
    if let Some(proxy) = proxy.filter(|proxy| !proxy.is_empty()) {
        argv.push(format!("--proxy-server={proxy}"));
    }
    argv.push("about:blank".to_owned());
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_listens_is_read_out_of_what_it_printed() {
        let id = "1d5204fd-eacb-4e91-8003-f3519eb9b693";
        let said = format!(
            "[1:2] ERROR no bus\n\nDevTools listening on ws://127.0.0.1:44853/devtools/browser/{id}\nmore"
        );
        let path = format!("/devtools/browser/{id}");
        assert_eq!(parsed(&said), Some(Address { port: 44853, path }));
        assert_eq!(parsed(said.trim_end_matches("\nmore")), None, "the line is not whole yet");
    }

    #[test]
    fn an_address_of_another_shape_is_none() {
        for line in [
            "127.0.0.1:99999/devtools/browser/x",
            "127.0.0.1:0/devtools/browser/x",
            "127.0.0.1:1/devtools?x=\r\nHost: y",
            "127.0.0.1:1@evil.example:2/x",
            "10.0.0.1:1/x",
        ] {
            assert_eq!(parsed(&format!("DevTools listening on ws://{line}\n")), None, "{line}");
        }
        let long = format!("{LISTENING}1/{}\n", "x".repeat(PATH_BYTES));
        assert_eq!(parsed(&long), None);
    }
}
