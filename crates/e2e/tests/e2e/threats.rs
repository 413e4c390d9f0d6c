//! The battery: an agent that is a script of the attacker's, against everything at once, with the oracle outside.
//!
//! Cases have the ids of the threat catalogue. What is sent out lands in a [`sink`] that stands for every host and
//! keeps every byte; each attempt carries a canary that must never arrive there, in whatever spelling. The resolver
//! of the server's machine is one that keeps its [`questions`]. A verdict counts where a program reads it: a refusal
//! carries its code and stands in the agent's log, and an attempt that merely waits until its time is over has
//! failed. `docs/threats.md` says where each case is proven, here or in tests nearer to the code.

mod approvals;
mod auth;
mod ctx;
mod flow;
mod inj;
mod legitimate;
mod net;
mod per;
mod questions;
mod sink;
mod sweep;

use e2e::world::World;
use gateway::spelling::spellings;
use std::fmt::Write as _;

/// Without a word about proxies.
const BARE: &str = "unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY \
                    NO_PROXY NODE_USE_ENV_PROXY; ";
/// Attempts of one command: what it prints must be shown in full.
const AT_ONCE: usize = 12;

/// One attempt.
struct Try {
    id: &'static str,
    /// A shell line that fails, or prints a refusal. `CANARY` is what must not get out.
    line: &'static str,
    /// Words that it prints.
    said: &'static str,
    /// The denial in the agent's log, `host:port code`; empty where nothing gets as far as the gateway.
    denied: &'static str,
}

const fn attempt(
    id: &'static str,
    line: &'static str,
    said: &'static str,
    denied: &'static str,
) -> Try {
    Try { id, line, said, denied }
}

/// Commands that make all attempts, each announced and with its outcome.
fn scripts(tries: &[Try], replace: impl Fn(&str) -> String) -> Vec<String> {
    let script = |chunk: &[Try]| {
        let mut script = String::new();
        for Try { id, line, .. } in chunk {
            let line = replace(line);
            writeln!(script, "echo; echo '#{id}'; ( {line} ) >/tmp/said 2>&1 </dev/null; echo \" = $?\" >>/tmp/said; tail -c 1500 /tmp/said").unwrap();
        }
        script
    };
    tries.chunks(AT_ONCE).map(script).collect()
}

/// What did not go as the cases say; each line begins with the case's id.
fn failures(
    tries: &[Try],
    output: &str,
    denied: &[String],
    replace: impl Fn(&str) -> String,
) -> Vec<String> {
    let mut failures = Vec::new();
    for Try { id, line, said, denied: expected } in tries {
        let Some(part) = output.split(&format!("\n#{id}\n")).nth(1) else {
            failures.push(format!("{id}: was not tried"));
            continue;
        };
        let part = part.split("\n#").next().unwrap_or_default();
        let (text, code) = part.rsplit_once(" = ").unwrap_or((part, "?"));
        let code = code.trim();
        // 28 is curl's word for a time that ran out, 124 that of others.
        if matches!(code, "28" | "124" | "?") {
            failures.push(format!("{id}: waited ({code}): {line}: {text}"));
        }
        if code == "0" && said.is_empty() || !text.contains(said) {
            failures.push(format!("{id}: expected {said:?} ({code}): {line}: {text}"));
        }
        let expected = replace(expected);
        if !expected.is_empty() && !denied.contains(&expected) {
            failures.push(format!("{id}: no record of {expected:?}: {text}"));
        }
    }
    failures
}

/// The denials in an agent's log, as `host:port code`.
async fn denials(world: &World, agent: &str) -> Vec<String> {
    let events = world.events(agent).await;
    let denied =
        events.iter().map(|entry| &entry["event"]).filter(|event| event["type"] == "Denied");
    denied
        .map(|event| {
            let text = |field: &str| event[field].as_str().unwrap().to_owned();
            format!("{}:{} {}", text("host"), event["port"], text("code"))
        })
        .collect()
}

/// Whether bytes hold a secret in any spelling that programs use.
fn holds(bytes: &[u8], secret: &str) -> bool {
    spellings(secret).iter().any(|spelling| contains(bytes, spelling))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A text that nothing else in the world is.
fn canary() -> String {
    format!("canary-{}", uuid::Uuid::new_v4().simple())
}
