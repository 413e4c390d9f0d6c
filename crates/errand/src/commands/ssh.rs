//! `errand ssh`: the stock ssh client into a machine, its connection carried by a socket of the server.

use super::{Cx, machine};
use crate::args::{OneAgent, Ssh};
use crate::client::socket::Ending;
use crate::exit::{Exit, Trouble};
use crate::lookup;
use crate::settings::Surroundings;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

/// Who one is inside.
const USER: &str = "agent";

/// Becomes ssh.
pub(super) async fn ssh(cx: Cx<'_>, around: &Surroundings, arguments: &Ssh) -> Result<Exit> {
    let agent = lookup::agent(&cx.client, &arguments.agent).await?;
    let mut options = Vec::new();
    for (name, value) in settings(&cx, around)? {
        options.extend(["-o".to_owned(), format!("{name}={value}")]);
    }
    #[expect(clippy::disallowed_methods, reason = "the person asked for their own ssh")]
    let mut command = std::process::Command::new("ssh");
    let error =
        command.args(options).arg(format!("{USER}@{}", agent.id)).args(&arguments.rest).exec();
    Err(Trouble::usage(format!("cannot start ssh ({error}); install the OpenSSH client")).into())
}

/// Prints the lines for `~/.ssh/config`.
pub(super) fn config(cx: Cx<'_>, around: &Surroundings) -> Result<Exit> {
    let mut text = format!("Host bc-*\n  User {USER}\n");
    for (name, value) in settings(&cx, around)? {
        // Writing to a string cannot fail.
        writeln!(text, "  {name} {value}").unwrap_or_default();
    }
    cx.output.raw(&text)?;
    Ok(Exit::Done)
}

/// Carries one connection between standard input and output and the server.
pub(super) async fn proxy(cx: Cx<'_>, arguments: &OneAgent) -> Result<Exit> {
    // No output: standard output is the connection.
    let agent = machine::awake(&cx.client, None, &arguments.agent).await?;
    let far = cx.client.socket("ssh", &["agents", &agent.id, "ssh"]).await?;
    far.carry(tokio::io::stdin(), tokio::io::stdout(), Ending::Whole).await?;
    Ok(Exit::Done)
}

/// What ssh has to be told.
///
/// TRUST: the server is known by its key and the socket's own authentication, so that the host key only
/// has to stay the same; keys of the person are never offered to a sandbox, nor their agent forwarded.
fn settings(cx: &Cx<'_>, around: &Surroundings) -> Result<Vec<(&'static str, String)>> {
    let folder = around.state_folder()?;
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let program = std::env::current_exe().context("find this program")?;
    let host = cx.client.url().host_str().unwrap_or("localhost").to_owned();
    let port = cx.client.url().port_or_known_default().unwrap_or_default();
    let context = match around.context() {
        Some(name) => format!(" --context {}", quoted(name)),
        None => String::new(),
    };
    Ok(vec![
        ("ProxyCommand", format!("{}{context} ssh-proxy %n", quoted_path(&program))),
        ("HostKeyAlias", format!("errand-{host}-{port}")),
        ("UserKnownHostsFile", quoted_path(&folder.join("known_hosts"))),
        ("StrictHostKeyChecking", "accept-new".to_owned()),
        ("PreferredAuthentications", "none".to_owned()),
        ("ForwardAgent", "no".to_owned()),
        ("LogLevel", "ERROR".to_owned()),
    ])
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// As ssh and the shell behind `ProxyCommand` read it; `%` begins a token of ssh.
fn quoted(text: &str) -> String {
    let text = text.replace('%', "%%");
    let is_plain = text.chars().all(|sign| sign.is_ascii_alphanumeric() || "/._-%".contains(sign));
    if is_plain { text } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_are_quoted() {
        assert_eq!(quoted("/usr/bin/errand"), "/usr/bin/errand");
        assert_eq!(quoted("/a b/c\"d%"), "\"/a b/c\\\"d%%\"");
    }
}
