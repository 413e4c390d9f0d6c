//! An environment told to a person: every field, and which of them nobody set.

use super::{Base, Dockerfile, EgressMode, Environment, McpServer, Port, Terminal, Understood};
use serde::Serialize;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The field, as it is written in an environment file; `base` for what the disk begins as,
    /// `variables` for variables.
    pub key: &'static str,
    /// Nobody set it.
    pub is_default: bool,
    /// What it means, line by line.
    pub lines: Vec<String>,
}

/// Every field in the order of a machine's life.
pub fn explain(understood: &Understood) -> Vec<Explained> {
    let environment = &understood.environment;
    let mut all = vec![base(environment)];
    all.extend(machine(environment));
    all.extend(limits(environment));
    let named = |(name, value): (&String, &String)| format!("{name}={value}");
    let variables: Vec<String> = understood.variables.iter().map(named).collect();
    all.push(field("variables", variables, "none"));
    all
}

fn field(key: &'static str, lines: Vec<String>, default: &str) -> Explained {
    let is_default = lines.is_empty();
    let lines = if is_default { vec![default.to_owned()] } else { lines };
    Explained { key, is_default, lines }
}

fn text(key: &'static str, value: Option<&String>, default: &str) -> Explained {
    let lines = value.map(|text| text.trim_end().lines().map(str::to_owned).collect());
    field(key, lines.unwrap_or_default(), default)
}

fn base(environment: &Environment) -> Explained {
    let lines = match &environment.base {
        Base::Default => Vec::new(),
        Base::Snapshot(id) => vec![format!("snapshot {id}")],
        Base::SavedSnapshot => vec!["the snapshot of the saved environment".to_owned()],
        Base::Image(image) => vec![format!("image {image}")],
        Base::Build(build) => {
            let from = match &build.dockerfile {
                Dockerfile::Path(path) => format!("built from {path}"),
                Dockerfile::Contents(text) => {
                    format!("built from a Dockerfile of {} lines in the file", text.lines().count())
                }
            };
            let context = match build.context.is_root() {
                true => "context: the whole repository".to_owned(),
                false => format!("context: {}", build.context),
            };
            let args = build.args.iter().map(|(name, value)| format!("argument {name}={value}"));
            [from, context].into_iter().chain(args).collect()
        }
    };
    field("base", lines, "the default image")
}

fn machine(environment: &Environment) -> Vec<Explained> {
    let terminals = environment.terminals.iter().map(terminal).collect();
    let ports = environment.ports.iter().map(port).collect();
    vec![
        text("name", environment.name.as_ref(), "none"),
        text("user", environment.user.as_ref(), "the machine's own"),
        text("install", environment.install.as_ref(), "nothing"),
        text("start", environment.start.as_ref(), "nothing"),
        field("terminals", terminals, "none"),
        field("checks", environment.checks.clone(), "none"),
        field("ports", ports, "none"),
        text(
            "chromeExecutablePath",
            environment.chrome_executable_path.as_ref(),
            "the default browser",
        ),
    ]
}

fn limits(environment: &Environment) -> Vec<Explained> {
    let modes = environment.egress_mode.map(|mode| vec![egress(mode)]);
    let servers = environment.mcp_server_allowlist.iter().map(mcp_server).collect();
    let may_update = match environment.may_update_snapshot() {
        true => "an agent may save its disk for later agents",
        false => "no agent saves its disk for later agents",
    };
    vec![
        field("repositoryDependencies", environment.repository_dependencies.clone(), "none"),
        field("egressMode", modes.unwrap_or_default(), "as the server is set"),
        field("egressAllowlist", environment.egress_allowlist.clone(), "no further hosts"),
        flag(
            "disableAllMcpServers",
            environment.disable_all_mcp_servers,
            Told {
                yes: "no MCP servers of users and teams",
                no: "MCP servers of users and teams may be used",
                default: "MCP servers of users and teams may be used",
            },
        ),
        field("mcpServerAllowlist", servers, "all MCP servers"),
        flag(
            "agentCanUpdateSnapshot",
            environment.agent_can_update_snapshot,
            Told { yes: may_update, no: may_update, default: may_update },
        ),
        flag(
            "enable_testing",
            environment.enable_testing,
            Told {
                yes: "the agent may test by using the computer",
                no: "the agent does not test by using the computer",
                default: "the agent may test by using the computer",
            },
        ),
    ]
}

/// What a flag means.
struct Told {
    yes: &'static str,
    no: &'static str,
    default: &'static str,
}

fn flag(key: &'static str, value: Option<bool>, told: Told) -> Explained {
    let line = value.map(|value| if value { told.yes } else { told.no });
    field(key, line.into_iter().map(str::to_owned).collect(), told.default)
}

fn terminal(terminal: &Terminal) -> String {
    let command = terminal.command.trim_end();
    match &terminal.name {
        Some(name) => format!("{name}: {command}"),
        None => command.to_owned(),
    }
}

fn port(port: &Port) -> String {
    match &port.name {
        Some(name) => format!("{} {name}", port.port),
        None => port.port.to_string(),
    }
}

fn mcp_server(server: &McpServer) -> String {
    let parts = [&server.name, &server.server_url, &server.command].into_iter().flatten();
    let mut line = parts.cloned().collect::<Vec<_>>().join(" ");
    if !server.tool_allowlist.is_empty() {
        line.push_str(&format!(", tools {}", server.tool_allowlist.join(" ")));
    }
    line
}

fn egress(mode: EgressMode) -> String {
    let meaning = match mode {
        EgressMode::AllowAll => "everything may be reached",
        EgressMode::ParentPlusNetworkSettings => {
            "what user and team allow may be reached, and `egressAllowlist`"
        }
        EgressMode::DefaultWithNetworkSettings => {
            "the built-in hosts may be reached, and `egressAllowlist`"
        }
        EgressMode::NetworkSettingsOnly => "`egressAllowlist` only may be reached",
    };
    format!("{}: {meaning}", mode.word())
}
