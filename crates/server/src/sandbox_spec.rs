//! What a sandbox is asked to be, and what may leave it, from the configuration.

use crate::config::Config;
use anyhow::{Context, Result};
use gateway::attach::Entrance;
use gateway::pattern::Pattern;
use gateway::policy::{EgressMode, Policy};
use protocol::event::{RepoSettings, Settings};
use protocol::ids::{LayerId, OrgId, RunId};
use protocol::limits::DOCKERFILE_MS;
use sandbox::provider::{
    APT_CONFIG, CA_BUNDLE, CA_CERTIFICATE, GatewaySocket, Posture, SandboxKey, SandboxLimits,
    SandboxSpec, SocketKind,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where the gateway listens inside a sandbox.
const PROXY: &str = "http://127.0.0.1:3128";
/// What is reached without the proxy.
const NO_PROXY: &str = "localhost,127.0.0.1,::1";

/// What a machine may use.
pub fn limits(config: &Config) -> SandboxLimits {
    let mut limits = SandboxLimits::default();
    let memory = config.sandbox.memory_mib.saturating_mul(1024 * 1024);
    limits.memory_bytes = memory;
    limits.pids = config.sandbox.processes;
    if config.sandbox.cpu_percent > 0 {
        limits.cpu_millis = config.sandbox.cpu_percent.saturating_mul(10);
    }
    // Small machines get small temporary folders: a full one must say so, not end the machine.
    limits.tmp_bytes = limits.tmp_bytes.min(memory / 4);
    limits.shm_bytes = limits.shm_bytes.min(memory / 16);
    limits.spool_bytes = limits.spool_bytes.min(memory / 8);
    limits
}

/// The machine of one epoch.
pub fn spec(
    config: &Config,
    org: &OrgId,
    key: SandboxKey,
    settings: &Settings,
    certificate: &str,
) -> SandboxSpec {
    let mut spec = SandboxSpec::new(key, org.clone());
    spec.limits = limits(config);
    spec.posture = posture(config);
    spec.gitconfig = gitconfig(config, &settings.repos);
    spec.env = gateway_variables();
    spec.layers.clone_from(&settings.layers);
    spec.ca_certificate = Some(certificate.to_owned());
    spec
}

/// A machine in which a Dockerfile is carried out, or a commit is checked.
pub fn builder(
    config: &Config,
    org: &OrgId,
    key: SandboxKey,
    layers: &[LayerId],
    certificate: &str,
) -> SandboxSpec {
    let mut spec = SandboxSpec::new(key, org.clone());
    spec.limits = limits(config);
    // A step has its own time; this ends what a server that is gone left behind.
    spec.lifetime_ms = DOCKERFILE_MS.saturating_mul(2);
    spec.posture = posture(config);
    spec.gitconfig = gitconfig(config, &[]);
    spec.env = gateway_variables();
    spec.layers = layers.to_vec();
    spec.ca_certificate = Some(certificate.to_owned());
    spec
}

fn posture(config: &Config) -> Posture {
    if config.sandbox.posture == "none" { Posture::None } else { Posture::Sudo }
}

fn gitconfig(config: &Config, repos: &[RepoSettings]) -> String {
    let mut text = format!(
        "[user]\n\tname = {}\n\temail = {}\n[http]\n\tproxy = {PROXY}\n[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n",
        quoted(&config.git.name),
        quoted(&config.git.email)
    );
    for repo in repos {
        // `origin` keeps the real address; what git talks to is the agent's own repository.
        let url = quoted(&repo.url);
        // Writing to a string cannot fail.
        writeln!(text, "[url \"{}\"]\n\tinsteadOf = {url}", endpoint(repo)).unwrap_or_default();
    }
    text
}

/// Where the agent's own repository answers inside its sandbox.
pub fn endpoint(repo: &RepoSettings) -> String {
    format!("http://errand.internal/git/{}.git", repo.folder)
}

/// A value of git's configuration language.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Has every program find the gateway, and trust it wherever it looks.
fn gateway_variables() -> Vec<(String, String)> {
    let proxies =
        ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let mut variables: Vec<_> =
        proxies.iter().map(|name| ((*name).to_owned(), PROXY.to_owned())).collect();
    for name in ["no_proxy", "NO_PROXY"] {
        variables.push((name.to_owned(), NO_PROXY.to_owned()));
    }
    // Node takes proxies from the environment only when told to.
    variables.push(("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned()));
    // These take the place of what a program trusts by itself, so they name all of it.
    let whole = [
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "CARGO_HTTP_CAINFO",
        "PIP_CERT",
        "npm_config_cafile",
        "AWS_CA_BUNDLE",
    ];
    variables.extend(whole.map(|name| (name.to_owned(), CA_BUNDLE.to_owned())));
    variables.push(("APT_CONFIG".to_owned(), APT_CONFIG.to_owned()));
    // These are added to it.
    let added = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];
    variables.extend(added.map(|name| (name.to_owned(), CA_CERTIFICATE.to_owned())));
    variables
}

/// The environment of a step of a Dockerfile.
pub fn build_variables(own: BTreeMap<String, String>) -> Vec<(String, String)> {
    let fixed = [
        ("HOME", "/root"),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("GIT_CONFIG_SYSTEM", "/etc/gitconfig"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut variables: BTreeMap<_, _> = gateway_variables().into_iter().chain(fixed).collect();
    variables.extend(own);
    variables.into_iter().collect()
}

/// The environment of every command of a run.
pub fn command_variables(
    agent: protocol::ids::AgentId,
    run: Option<RunId>,
    own: &[(String, String)],
) -> Vec<(String, String)> {
    let mut variables = gateway_variables();
    let fixed = [
        ("PATH", "/opt/errand/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/home/agent"),
        ("USER", "agent"),
        ("LOGNAME", "agent"),
        ("SHELL", "/bin/bash"),
        ("LANG", "C.UTF-8"),
        ("TERM", "xterm-256color"),
        ("PAGER", "cat"),
        // A git installed elsewhere than the system's would look for its configuration elsewhere.
        ("GIT_CONFIG_SYSTEM", "/etc/gitconfig"),
        ("GIT_TERMINAL_PROMPT", "0"),
        // Python compares whole seconds: an edit and a run within one would use the old bytecode.
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("CI", "1"),
    ];
    variables.extend(fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    variables.push(("ERRAND_AGENT_ID".to_owned(), agent.to_string()));
    if let Some(run) = run {
        variables.push(("ERRAND_RUN_ID".to_owned(), run.to_string()));
    }
    variables.retain(|(name, _)| !own.iter().any(|(given, _)| given == name));
    variables.extend(own.iter().cloned());
    variables
}

/// A sandbox's sockets, as the gateway serves them.
pub fn entrances(sockets: Vec<GatewaySocket>) -> Vec<Entrance> {
    let entrance = |GatewaySocket { kind, fd, .. }: GatewaySocket| match kind {
        SocketKind::Proxy => Entrance::Proxy(fd.into()),
        SocketKind::Transparent => Entrance::Transparent(fd.into()),
        SocketKind::DnsUdp => Entrance::DnsUdp(fd.into()),
        SocketKind::DnsTcp => Entrance::DnsTcp(fd.into()),
    };
    sockets.into_iter().map(entrance).collect()
}

/// What may leave as the operator has it.
pub fn policy(config: &Config) -> Result<Policy> {
    let allow = config.network.allow.iter().map(|entry| Pattern::parse(entry));
    let allow = allow.collect::<Result<_, _>>().context("read network.allow")?;
    Ok(Policy::new(mode(config), allow))
}

/// How far sandboxes may reach as the operator has it.
pub fn mode(config: &Config) -> EgressMode {
    match config.network.mode.as_str() {
        "offline" => EgressMode::Offline,
        "allowlist" => EgressMode::Allowlist,
        "open" => EgressMode::Open,
        _ => EgressMode::Packages,
    }
}
