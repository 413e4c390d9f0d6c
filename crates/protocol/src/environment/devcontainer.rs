//! `devcontainer.json`: the part that can be taken over, and a warning for each key that cannot.

use super::field::{Entries, Field, nearest};
use super::file::{build_args, context, dockerfile_path, image, user};
use super::path::RepoPath;
use super::place::Place;
use super::remark::{Notes, quoted};
use super::{Base, Build, Dockerfile, Environment, Port, Understood, advice, variables};
use crate::limits::ENVIRONMENT_TEXT_BYTES;
use jsonc_parser::ast::{Object, Value};

/// Keys that are taken over.
const TAKEN: &[&str] = &[
    "name",
    "image",
    "build",
    "onCreateCommand",
    "updateContentCommand",
    "postCreateCommand",
    "postStartCommand",
    "forwardPorts",
    "portsAttributes",
    "remoteUser",
    "containerUser",
    "containerEnv",
    "remoteEnv",
];
/// Keys with nothing to say on a machine that nobody attaches an editor to.
const SILENT: &[&str] = &["$schema"];
/// Keys that are known and are not taken over, with what to do instead.
const NOT_TAKEN: &[(&str, &str)] = &[
    ("features", "install what they bring in `onCreateCommand`, or use an image that has it"),
    ("customizations", "editors are not part of the machine"),
    ("mounts", "a machine sees nothing of the host"),
    ("runArgs", "the machine is not started by docker run"),
    ("dockerComposeFile", "start services in `postStartCommand`"),
    ("postAttachCommand", "nobody attaches; use `postStartCommand`"),
    ("initializeCommand", "nothing runs on the host; use `onCreateCommand`"),
    ("dockerFile", "write \"build\": {\"dockerfile\": …}"),
    ("context", "write \"build\": {\"dockerfile\": …, \"context\": …}"),
    ("appPort", "write `forwardPorts`"),
    ("service", "it belongs to `dockerComposeFile`"),
    ("runServices", "it belongs to `dockerComposeFile`"),
    ("workspaceFolder", "the workspace's place is fixed"),
    ("workspaceMount", "the workspace's place is fixed"),
    ("overrideFeatureInstallOrder", "it belongs to `features`"),
    ("shutdownAction", "the server decides when a machine stops"),
    ("overrideCommand", "the machine has a first process of its own"),
    ("waitFor", "all commands are waited for"),
    ("userEnvProbe", "commands run in a login shell's environment"),
    ("updateRemoteUserUID", "user ids do not meet the host's"),
    ("hostRequirements", "the server decides how large a machine is"),
    ("privileged", "no machine is privileged"),
    ("capAdd", "capabilities are the server's to give"),
    ("securityOpt", "the walls are the server's to set"),
    ("init", "the machine has a first process of its own"),
    ("otherPortsAttributes", "only `portsAttributes` are read"),
    ("secrets", "give them with `errand run --env NAME=VALUE`"),
];
/// Commands that prepare the disk, in the order in which they run.
const INSTALLING: &[&str] = &["onCreateCommand", "updateContentCommand", "postCreateCommand"];
/// What a development container's own tool would fill in.
const REFERENCES: &[&str] = &[
    "${localEnv:",
    "${env:",
    "${containerEnv:",
    "${localWorkspaceFolder",
    "${containerWorkspaceFolder",
    "${devcontainerId}",
];

pub(super) fn read(root: &Object<'_>, place: Place, notes: &mut Notes<'_>) -> Understood {
    let all = Entries::of(root, "");
    warn_of_the_rest(&all, notes);
    let install = INSTALLING.iter().flat_map(|key| commands(&all, key, notes)).collect();
    let start = commands(&all, "postStartCommand", notes);
    let who = all.get("remoteUser").or_else(|| all.get("containerUser"));
    let environment = Environment {
        name: all.line("name", notes),
        user: who.filter(|field| resolves(field, notes)).and_then(|field| user(field, notes)),
        base: base(&all, place, notes),
        install: one_after_another(install, all.get("postCreateCommand"), notes),
        start: one_after_another(start, all.get("postStartCommand"), notes),
        ports: ports(&all, notes),
        ..Environment::default()
    };
    Understood { environment, variables: variables::read(&all, notes) }
}

/// The first reference in it that only a development container's own tool could fill in.
pub(super) fn unresolvable(text: &str) -> Option<&str> {
    let starts = REFERENCES.iter().filter_map(|reference| text.find(reference));
    let rest = text.get(starts.min()?..)?;
    rest.find('}').and_then(|end| rest.get(..=end)).or(Some(rest))
}

/// Whether a text can be used as it stands; says so if not.
fn resolves(field: &Field<'_, '_>, notes: &mut Notes<'_>) -> bool {
    let Value::StringLit(text) = field.value() else { return true };
    let Some(reference) = unresolvable(&text.value) else { return true };
    let message =
        format!("refers to {}, which nothing fills in here: write the value", quoted(reference));
    field.bad("unresolvable", message, notes);
    false
}

fn warn_of_the_rest(all: &Entries<'_, '_>, notes: &mut Notes<'_>) {
    let known: Vec<&str> =
        TAKEN.iter().chain(NOT_TAKEN.iter().map(|(name, _)| name)).copied().collect();
    for (name, field) in all.iter() {
        if TAKEN.contains(&name) || SILENT.contains(&name) {
            continue;
        }
        let not_taken = NOT_TAKEN.iter().find(|(known, _)| *known == name);
        let (code, message) = match (not_taken, nearest(name, &known)) {
            (Some((_, instead)), _) => ("not_supported", format!("is not taken over: {instead}")),
            (None, Some(near)) => ("unknown_key", format!("is not known: did you mean `{near}`?")),
            (None, None) => ("unknown_key", "is not known, and not taken over".to_owned()),
        };
        field.warn(code, message, notes);
    }
}

fn base(all: &Entries<'_, '_>, place: Place, notes: &mut Notes<'_>) -> Base {
    let build = all.get("build").and_then(|field| build(field, place, notes));
    let image = all
        .get("image")
        .filter(|field| resolves(field, notes))
        .and_then(|field| image(field, notes));
    if let Some(field) = all.get("image").filter(|_| all.get("build").is_some()) {
        field.warn("no_effect", "is not used, because `build` beats it", notes);
    }
    match (build, image) {
        (Some(build), _) => Base::Build(build),
        (None, Some(image)) => Base::Image(image),
        (None, None) => Base::Default,
    }
}

fn build(field: &Field<'_, '_>, place: Place, notes: &mut Notes<'_>) -> Option<Build> {
    let entries = field.entries("an object: {\"dockerfile\": …}", notes)?;
    for (name, field) in entries.iter() {
        if !["dockerfile", "context", "args"].contains(&name) {
            field.warn("not_supported", "is not taken over", notes);
        }
    }
    let Some(file) = entries.get("dockerfile") else {
        field.lacks("dockerfile", "name the Dockerfile", notes);
        return None;
    };
    let dockerfile = resolves(file, notes).then(|| dockerfile_path(file, place, notes)).flatten();
    let context = match entries.get("context") {
        Some(folder) => resolves(folder, notes).then(|| context(folder, place, notes)).flatten(),
        None => Some(RepoPath::folder_of(place)),
    };
    let args = entries.get("args").map(|args| build_args(args, notes)).unwrap_or_default();
    let reference = args.iter().find_map(|(name, value)| Some((name, unresolvable(value)?)));
    if let Some(((name, reference), field)) = reference.zip(entries.get("args")) {
        let reference = quoted(reference);
        let message =
            format!("`{name}` refers to {reference}, which nothing fills in here: write the value");
        field.bad("unresolvable", message, notes);
    }
    Some(Build { dockerfile: Dockerfile::Path(dockerfile?), context: context?, args })
}

/// The commands of one key: a text, a list of words, or an object of named ones.
fn commands(all: &Entries<'_, '_>, key: &str, notes: &mut Notes<'_>) -> Vec<String> {
    let Some(field) = all.get(key) else { return Vec::new() };
    let found: Vec<String> = match field.value() {
        Value::Object(_) => {
            let entries = field.entries("an object of commands", notes);
            let named = entries.iter().flat_map(Entries::iter);
            named.filter_map(|(_, field)| command(field, notes)).collect()
        }
        Value::StringLit(_)
        | Value::NumberLit(_)
        | Value::BooleanLit(_)
        | Value::Array(_)
        | Value::NullKeyword(_) => command(field, notes).into_iter().collect(),
    };
    for text in &found {
        advice::on_script(field, text, notes);
    }
    found
}

fn command(field: &Field<'_, '_>, notes: &mut Notes<'_>) -> Option<String> {
    let command = match field.as_list() {
        Some(words) => {
            let words: Option<Vec<&str>> = words.iter().map(|word| word.text(notes)).collect();
            words?.into_iter().map(shell_word).collect::<Vec<_>>().join(" ")
        }
        None if field.value().as_string_lit().is_none() => {
            return field.wrong("a text, a list of words, or an object of these", notes);
        }
        None => field.script(notes)?,
    };
    if let Some(reference) = unresolvable(&command) {
        let message = format!(
            "refers to {}, which nothing fills in here: write the value",
            quoted(reference)
        );
        field.warn("unresolvable", message, notes);
    }
    (!command.is_empty()).then_some(command)
}

/// A word as a shell reads it back.
fn shell_word(word: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "_-./:=@%+,".contains(sign);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Each in a shell of its own, as they were written to be run, and none after one that failed.
fn one_after_another(
    mut all: Vec<String>,
    field: Option<&Field<'_, '_>>,
    notes: &mut Notes<'_>,
) -> Option<String> {
    let script = match all.len() {
        0 => return None,
        1 => all.remove(0),
        _ => format!("(\n{}\n)", all.join("\n) && (\n")),
    };
    if script.len() > ENVIRONMENT_TEXT_BYTES {
        let message =
            format!("the commands have more than {ENVIRONMENT_TEXT_BYTES} bytes together");
        let (at, key) = field.map_or((0, ""), |field| (field.at, field.key.as_str()));
        notes.problem(at, key, "too_long", message);
        return None;
    }
    Some(script)
}

fn ports(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> Vec<Port> {
    let mut found: Vec<Port> = Vec::new();
    for field in all.list("forwardPorts", "a list of numbers: [3000]", notes) {
        if let Some(text) = field.value().as_string_lit() {
            let message =
                format!("{} is not taken over: only ports of the machine are", quoted(&text.value));
            field.warn("not_supported", message, notes);
            continue;
        }
        let Some(port) = field.port(notes) else { continue };
        if found.iter().all(|other| other.port != port) {
            found.push(Port { port, name: None });
        }
    }
    let attributes = all
        .get("portsAttributes")
        .and_then(|field| field.entries("an object: {\"3000\": {\"label\": …}}", notes));
    for (key, field) in attributes.iter().flat_map(Entries::iter) {
        let label = field
            .entries("an object: {\"label\": …}", notes)
            .and_then(|attributes| attributes.line("label", notes));
        let port = found.iter_mut().find(|port| port.port.to_string() == key);
        match (port, label) {
            (Some(port), label) => port.name = label,
            (None, Some(_)) => {
                let message = "has a label, but is not one of `forwardPorts`: it is left out";
                field.warn("no_effect", message, notes);
            }
            (None, None) => {}
        }
    }
    found
}
