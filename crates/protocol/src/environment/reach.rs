//! What a machine may reach: repositories, MCP servers, hosts.

use super::field::{Entries, Field, nearest};
use super::remark::{Notes, quoted};
use super::{EgressMode, McpServer};

/// Every key of an entry of `mcpServerAllowlist`.
pub(super) const MCP_KEYS: &[&str] = &["name", "serverUrl", "command", "toolAllowlist"];

pub(super) fn dependencies(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> Vec<String> {
    const WHAT: &str = "a list of texts: [\"github.com/org/repo\"]";
    let mut found = Vec::new();
    for (written, field) in all.lines("repositoryDependencies", WHAT, notes) {
        let plain = written.strip_prefix("https://").unwrap_or(&written);
        let plain = plain.trim_end_matches('/').trim_end_matches(".git");
        if !is_repository(plain) {
            let message =
                format!("{} is no repository: write github.com/org/repo", quoted(&written));
            field.bad("bad_repository", message, notes);
            continue;
        }
        found.push(plain.to_owned());
    }
    found
}

/// `host/owner/name`, possibly with a port and with groups between.
fn is_repository(text: &str) -> bool {
    let is_sign = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
    let is_part =
        |part: &str| part.chars().all(is_sign) && !part.is_empty() && !part.starts_with(['.', '-']);
    let mut parts = text.split('/');
    let host = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let (host, port) = host.split_once(':').unwrap_or((host, "443"));
    port.parse::<u16>().is_ok_and(|port| port > 0)
        && is_host(host)
        && host.contains('.')
        && rest.len() >= 2
        && rest.into_iter().all(is_part)
}

pub(super) fn mcp_servers(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> Vec<McpServer> {
    const WHAT: &str = "a list of objects: [{\"serverUrl\": …}]";
    let fields = all.list("mcpServerAllowlist", WHAT, notes);
    if let Some(field) = all.get("mcpServerAllowlist").filter(|_| fields.is_empty()) {
        let message = "is empty, which allows every MCP server: to switch them off write \
                       \"disableAllMcpServers\": true";
        field.warn("empty_allowlist", message, notes);
    }
    fields.iter().filter_map(|field| mcp_server(field, notes)).collect()
}

fn mcp_server(field: &Field<'_, '_>, notes: &mut Notes<'_>) -> Option<McpServer> {
    let entries = field.entries("an object: {\"serverUrl\": …}", notes)?;
    entries.refuse_unknown(MCP_KEYS, &[], "an entry of `mcpServerAllowlist`", notes);
    let server = McpServer {
        name: entries.line("name", notes),
        server_url: entries.line("serverUrl", notes),
        command: entries.line("command", notes),
        tool_allowlist: entries
            .lines("toolAllowlist", "a list of texts: [\"search\"]", notes)
            .into_iter()
            .map(|(tool, _)| tool)
            .collect(),
    };
    let tools = entries.get("toolAllowlist");
    if let Some(tools) = tools.filter(|tools| tools.as_list().is_some_and(|all| all.is_empty())) {
        let message = "is empty, which allows every tool: remove it, or name tools";
        tools.warn("empty_allowlist", message, notes);
    }
    if entries.get("serverUrl").is_none() && entries.get("command").is_none() {
        field.lacks("serverUrl", "name the server's address, or its `command`", notes);
    } else if server.server_url.is_none() && server.command.is_none() {
        field.bad("empty", "names neither address nor command: fill one in", notes);
    }
    Some(server)
}

pub(super) fn egress_mode(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> Option<EgressMode> {
    let field = all.get("egressMode")?;
    let word = field.text(notes)?;
    let mode = EgressMode::ALL.into_iter().find(|mode| mode.word() == word);
    if mode.is_none() {
        let words = EgressMode::ALL.map(EgressMode::word);
        let hint = nearest(word, &words)
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        let message = format!("{} is none of {}{hint}", quoted(word), words.join(", "));
        field.bad("bad_mode", message, notes);
    }
    mode
}

pub(super) fn hosts(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (host, field) in all.lines("egressAllowlist", "a list of texts: [\"example.com\"]", notes) {
        match check_host(&host) {
            Ok(()) => found.push(host),
            Err(problem) => {
                field.bad("bad_host", format!("{} {problem}", quoted(&host)), notes);
            }
        }
    }
    found
}

/// `example.com` or `*.example.com`, each with an optional port. The gateway has the last word.
fn check_host(host: &str) -> Result<(), &'static str> {
    if host.contains("://") || host.contains('/') {
        return Err("is an address: write the host only, as in example.com");
    }
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "443"));
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err("has a port that is none");
    }
    let (name, least_dots) = name.strip_prefix("*.").map_or((name, 0), |name| (name, 1));
    if name == "*" || (least_dots > 0 && !name.contains('.')) {
        return Err(
            "covers too much: name a domain and its ending, as in *.example.com; to reach \
                    everything set `egressMode` to `allow_all`",
        );
    }
    if is_host(name) { Ok(()) } else { Err("is no host: write example.com or *.example.com") }
}

fn is_host(name: &str) -> bool {
    const HOST_BYTES: usize = 253;
    const LABEL_BYTES: usize = 63;
    let is_label = |label: &str| {
        (1..=LABEL_BYTES).contains(&label.len())
            && label.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= HOST_BYTES && name.split('.').all(is_label)
}
