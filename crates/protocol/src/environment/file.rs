//! `environment.json`: what each key may be.

use super::field::{Entries, Field};
use super::path::RepoPath;
use super::place::Place;
use super::remark::{Notes, ReferenceKind, quoted};
use super::{
    Base, Build, Dockerfile, EgressMode, Environment, Port, SAVED_SNAPSHOT, Terminal, advice,
    dockerfile, reach,
};
use crate::limits::ENVIRONMENT_ENTRIES;
use jsonc_parser::ast::{Object, Value};
use std::collections::BTreeMap;

/// Every key at the top. `$schema` is for editors and says nothing.
pub(super) const KEYS: &[&str] = &[
    "$schema",
    "name",
    "user",
    "install",
    "start",
    "terminals",
    "checks",
    "ports",
    "repositoryDependencies",
    "build",
    "image",
    "snapshot",
    "agentCanUpdateSnapshot",
    "disableAllMcpServers",
    "mcpServerAllowlist",
    "egressAllowlist",
    "egressMode",
    "chromeExecutablePath",
    "enable_testing",
];
/// Every key of `build`. `args` is Errand's own.
pub(super) const BUILD_KEYS: &[&str] = &["dockerfile", "dockerfileContents", "context", "args"];

/// Where variables belong, which many look for here.
const VARIABLES: &str = "does not belong into this file: give variables with \
                         `errand run --env NAME=VALUE`, or as `envVars` over the API";
/// Keys that people write here by mistake, and what to do instead.
const MISTAKES: &[(&str, &str)] = &[
    ("env", VARIABLES),
    ("environment", VARIABLES),
    ("environmentVariables", VARIABLES),
    ("envVars", VARIABLES),
    ("variables", VARIABLES),
    ("containerEnv", VARIABLES),
    ("remoteEnv", VARIABLES),
    ("secrets", VARIABLES),
    ("dockerfile", "belongs into `build`: \"build\": {\"dockerfile\": …}"),
    ("dockerFile", "belongs into `build`: \"build\": {\"dockerfile\": …}"),
    ("dockerfileContents", "belongs into `build`: \"build\": {\"dockerfileContents\": …}"),
    ("context", "belongs into `build`: \"build\": {\"dockerfile\": …, \"context\": …}"),
    ("onCreateCommand", "is a key of devcontainer.json: here it is `install`"),
    ("updateContentCommand", "is a key of devcontainer.json: here it is `install`"),
    ("postCreateCommand", "is a key of devcontainer.json: here it is `install`"),
    ("postStartCommand", "is a key of devcontainer.json: here it is `start`"),
    ("forwardPorts", "is a key of devcontainer.json: here it is `ports`"),
    ("remoteUser", "is a key of devcontainer.json: here it is `user`"),
    ("setup", "is no key of an environment file: commands that prepare the disk are `install`"),
];

pub(super) fn read(root: &Object<'_>, place: Place, notes: &mut Notes<'_>) -> Environment {
    let all = Entries::of(root, "");
    all.refuse_unknown(KEYS, MISTAKES, "an environment file", notes);
    if let Some(schema) = all.get("$schema") {
        schema.line(notes);
    }
    let environment = Environment {
        name: all.line("name", notes),
        user: all.get("user").and_then(|field| user(field, notes)),
        base: base(&all, place, notes),
        install: script(&all, "install", notes),
        start: script(&all, "start", notes),
        terminals: terminals(&all, notes),
        checks: checks(&all, notes),
        ports: ports(&all, notes),
        repository_dependencies: reach::dependencies(&all, notes),
        agent_can_update_snapshot: all.flag("agentCanUpdateSnapshot", notes),
        disable_all_mcp_servers: all.flag("disableAllMcpServers", notes),
        mcp_server_allowlist: reach::mcp_servers(&all, notes),
        egress_mode: reach::egress_mode(&all, notes),
        egress_allowlist: reach::hosts(&all, notes),
        chrome_executable_path: all.line("chromeExecutablePath", notes),
        enable_testing: testing(&all, notes),
    };
    warn_of_no_effect(&all, &environment, notes);
    environment
}

fn script(all: &Entries<'_, '_>, name: &str, notes: &mut Notes<'_>) -> Option<String> {
    let script = all.script(name, notes)?;
    if let Some(field) = all.get(name) {
        advice::on_script(field, &script, notes);
    }
    Some(script)
}

/// A user as `useradd` would take it.
pub(super) fn user(field: &Field<'_, '_>, notes: &mut Notes<'_>) -> Option<String> {
    const USER_BYTES: usize = 32;
    let user = field.line(notes)?;
    let is_first = |sign: char| sign.is_ascii_alphabetic() || sign == '_';
    let is_later = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.');
    let is_good =
        user.len() <= USER_BYTES && user.starts_with(is_first) && user.chars().all(is_later);
    if !is_good {
        let message = format!("{} is no name of a unix user, such as `ubuntu`", quoted(&user));
        field.bad("bad_user", message, notes);
        return None;
    }
    Some(user)
}

fn base(all: &Entries<'_, '_>, place: Place, notes: &mut Notes<'_>) -> Base {
    let build = all.get("build").and_then(|field| build(field, place, notes));
    let image = all.get("image").and_then(|field| image(field, notes));
    let snapshot = all.get("snapshot").and_then(|field| snapshot(field, notes));
    let written: Vec<&Field<'_, '_>> =
        ["snapshot", "build", "image"].iter().filter_map(|name| all.get(name)).collect();
    if let Some((first, others)) = written.split_first() {
        for other in others {
            let message = format!("is not used, because `{}` beats it", first.key);
            other.warn("no_effect", message, notes);
        }
    }
    match (snapshot, build, image) {
        (Some(snapshot), _, _) => snapshot,
        (None, Some(build), _) => Base::Build(build),
        (None, None, Some(image)) => Base::Image(image),
        (None, None, None) => Base::Default,
    }
}

fn snapshot(field: &Field<'_, '_>, notes: &mut Notes<'_>) -> Option<Base> {
    let id = field.required_line(notes)?;
    if id == SAVED_SNAPSHOT {
        let message = "stands for the snapshot of the saved environment: agents begin with the \
                       newest build of these repositories, as they do without the key";
        field.warn("saved_snapshot", message, notes);
        return Some(Base::SavedSnapshot);
    }
    if id.contains(char::is_whitespace) {
        let message = format!("{} is no id of a snapshot", quoted(&id));
        field.bad("bad_snapshot", message, notes);
        return None;
    }
    Some(Base::Snapshot(id))
}

/// A reference to an image; the registry has the last word.
pub(super) fn image(field: &Field<'_, '_>, notes: &mut Notes<'_>) -> Option<String> {
    let image = field.required_line(notes)?;
    let is_sign = |sign: char| sign.is_ascii_alphanumeric() || "._-/:@".contains(sign);
    if image.contains("://") || !image.chars().all(is_sign) || image.starts_with(['-', '/']) {
        let message = format!(
            "{} is no image: write it as registry/name:tag or registry/name@sha256:…",
            quoted(&image)
        );
        field.bad("bad_image", message, notes);
        return None;
    }
    Some(image)
}

fn build(field: &Field<'_, '_>, place: Place, notes: &mut Notes<'_>) -> Option<Build> {
    let entries = field.entries("an object: {\"dockerfile\": …}", notes)?;
    entries.refuse_unknown(BUILD_KEYS, &[], "`build`", notes);
    let context = match entries.get("context") {
        Some(folder) => context(folder, place, notes),
        None => Some(RepoPath::folder_of(place)),
    };
    let args = entries.get("args").map(|args| build_args(args, notes)).unwrap_or_default();
    if let Some(args) = entries.get("args").filter(|_| place == Place::Cursor) {
        args.warn("extension", "is understood by Errand, but refused by Cursor", notes);
    }
    let dockerfile = match (entries.get("dockerfile"), entries.get("dockerfileContents")) {
        (Some(_), Some(contents)) => {
            let message = "stands beside `dockerfile`: keep one of the two";
            contents.bad("both_dockerfiles", message, notes);
            None
        }
        (None, None) => {
            let what = "name a file, or write one into `dockerfileContents`";
            field.lacks("dockerfile", what, notes);
            None
        }
        (Some(file), None) => dockerfile_path(file, place, notes).map(Dockerfile::Path),
        (None, Some(contents)) => dockerfile_contents(contents, notes).map(Dockerfile::Contents),
    };
    Some(Build { dockerfile: dockerfile?, context: context?, args })
}

/// The folder that a build sees.
pub(super) fn context(
    field: &Field<'_, '_>,
    place: Place,
    notes: &mut Notes<'_>,
) -> Option<RepoPath> {
    let path = path(field, place, notes)?;
    field.refers(&path, ReferenceKind::Context, notes);
    Some(path)
}

/// The Dockerfile of a build.
pub(super) fn dockerfile_path(
    field: &Field<'_, '_>,
    place: Place,
    notes: &mut Notes<'_>,
) -> Option<RepoPath> {
    let path = path(field, place, notes)?;
    let is_folder = field.text(notes).is_some_and(|written| written.ends_with('/'));
    if path.is_root() || is_folder || path.as_str() == place.folder() {
        let message = "is a folder: name the Dockerfile itself, as in ../Dockerfile";
        field.bad("bad_path", message, notes);
        return None;
    }
    field.refers(&path, ReferenceKind::Dockerfile, notes);
    Some(path)
}

fn path(field: &Field<'_, '_>, place: Place, notes: &mut Notes<'_>) -> Option<RepoPath> {
    let written = field.text(notes)?;
    RepoPath::resolve(place, written)
        .map_err(|problem| field.bad("bad_path", format!("{} {problem}", quoted(written)), notes))
        .ok()
}

fn dockerfile_contents(field: &Field<'_, '_>, notes: &mut Notes<'_>) -> Option<String> {
    let contents = field.text(notes)?.to_owned();
    for (_, problem) in dockerfile::problems(&contents) {
        field.bad("bad_dockerfile", problem, notes);
    }
    for (line, warning) in dockerfile::warnings(&contents) {
        field.warn("copies_project", format!("line {line} of it {warning}"), notes);
    }
    Some(contents)
}

/// Arguments of a build.
pub(super) fn build_args(field: &Field<'_, '_>, notes: &mut Notes<'_>) -> BTreeMap<String, String> {
    let Some(entries) = field.entries("an object of texts: {\"NAME\": \"value\"}", notes) else {
        return BTreeMap::new();
    };
    let pair = |(name, field): (&str, &Field<'_, '_>)| {
        let value = field.text(notes)?.to_owned();
        if let Err(problem) = super::variables::check_name(name) {
            notes.problem(field.at, &field.key, "bad_name", problem);
            return None;
        }
        Some((name.to_owned(), value))
    };
    entries.iter().filter_map(pair).collect()
}

fn terminals(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> Vec<Terminal> {
    const WHAT: &str = "a list of objects: [{\"name\": …, \"command\": …}]";
    let mut found: Vec<Terminal> = Vec::new();
    for field in all.list("terminals", WHAT, notes) {
        // The old form: lists of terminals within the list.
        let group = field.as_list().unwrap_or_else(|| vec![field]);
        for field in group {
            if found.len() == ENVIRONMENT_ENTRIES {
                let message = format!("is one too many: at most {ENVIRONMENT_ENTRIES} are read");
                field.bad("too_many", message, notes);
                return found;
            }
            let Some(terminal) = terminal(&field, notes) else { continue };
            if found.iter().any(|other| other.name.is_some() && other.name == terminal.name) {
                let message = "has the name of another terminal: they are hard to tell apart";
                field.warn("same_name", message, notes);
            }
            found.push(terminal);
        }
    }
    found
}

fn terminal(field: &Field<'_, '_>, notes: &mut Notes<'_>) -> Option<Terminal> {
    let entries = field.entries("an object: {\"name\": …, \"command\": …}", notes)?;
    let name = entries.line("name", notes);
    let description = entries.script("description", notes);
    let Some(command) = entries.get("command") else {
        field.lacks("command", "say what runs in this terminal", notes);
        return None;
    };
    if matches!(command.value(), Value::StringLit(text) if text.value.trim().is_empty()) {
        command.bad("empty", "is empty: say what runs in this terminal", notes);
    }
    Some(Terminal { name, command: command.script(notes)?, description })
}

fn checks(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> Vec<String> {
    const WHAT: &str = "a list of shell texts: [\"make test\"]";
    let mut found = Vec::new();
    for field in all.list("checks", WHAT, notes) {
        if matches!(field.value(), Value::StringLit(text) if text.value.trim().is_empty()) {
            field.bad("empty", "is empty: say what is run", notes);
        }
        found.extend(field.script(notes));
    }
    found
}

fn ports(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> Vec<Port> {
    const WHAT: &str = "a list of objects: [{\"port\": 3000, \"name\": …}]";
    let mut found: Vec<Port> = Vec::new();
    for field in all.list("ports", WHAT, notes) {
        let Some(entries) = field.entries("an object: {\"port\": 3000}", notes) else { continue };
        let name = entries.line("name", notes);
        let Some(number) = entries.get("port") else {
            field.lacks("port", "name a number from 1 to 65535", notes);
            continue;
        };
        let Some(port) = number.port(notes) else { continue };
        if found.iter().any(|other| other.port == port) {
            number.warn("same_port", "is named twice: only the first counts", notes);
            continue;
        }
        found.push(Port { port, name });
    }
    found
}

fn testing(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> Option<bool> {
    let field = all.get("enable_testing")?;
    match field.value() {
        Value::StringLit(text) if text.value == "true" => Some(true),
        Value::StringLit(text) if text.value == "false" => Some(false),
        Value::BooleanLit(flag) => Some(flag.value),
        Value::StringLit(_)
        | Value::NumberLit(_)
        | Value::Object(_)
        | Value::Array(_)
        | Value::NullKeyword(_) => field.wrong("true or false", notes),
    }
}

/// What is written but changes nothing, or more than its writer may think.
fn warn_of_no_effect(all: &Entries<'_, '_>, environment: &Environment, notes: &mut Notes<'_>) {
    let built = matches!(environment.base, Base::Build(_) | Base::Image(_));
    let mode = environment.egress_mode;
    let no_hosts = environment.egress_allowlist.is_empty();
    let cases = [
        (
            "agentCanUpdateSnapshot",
            built && environment.agent_can_update_snapshot == Some(true),
            "no_effect",
            "has no effect: with `build` or `image` no agent saves its disk",
        ),
        (
            "egressAllowlist",
            mode == Some(EgressMode::AllowAll) && !no_hosts,
            "no_effect",
            "has no effect: `egressMode` allows everything already",
        ),
        (
            "egressMode",
            mode == Some(EgressMode::NetworkSettingsOnly) && no_hosts,
            "empty_allowlist",
            "leaves nothing to reach, because `egressAllowlist` is empty: name hosts there, \
             package registries included",
        ),
        (
            "mcpServerAllowlist",
            environment.disable_all_mcp_servers == Some(true),
            "no_effect",
            "has no effect, because `disableAllMcpServers` is true",
        ),
    ];
    for (key, _, code, message) in cases.into_iter().filter(|(_, applies, ..)| *applies) {
        if let Some(field) = all.get(key) {
            field.warn(code, message, notes);
        }
    }
}
