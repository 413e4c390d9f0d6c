//! The JSON Schema of an environment file, for editors. What it cannot say the reader still checks.

use super::EgressMode;
use crate::limits::{ENVIRONMENT_ENTRIES, ENVIRONMENT_LINE_BYTES, ENVIRONMENT_TEXT_BYTES};
use serde_json::{Value, json};

/// The whole schema. Whatever the reader accepts it accepts too.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "title": "Errand environment",
        "description": "What an agent's machine is made of. Comments may be written, commas after \
            the last entry may not.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties(),
    })
}

fn properties() -> Value {
    let Value::Object(mut all) = machine() else { return Value::Null };
    if let Value::Object(limits) = limits() {
        all.extend(limits);
    }
    Value::Object(all)
}

fn machine() -> Value {
    json!({
        "$schema": line("The schema for your editor; says nothing about the machine."),
        "name": line("Shown to people."),
        "user": line("Unix user of all commands."),
        "install": text("Shell text that prepares the disk, run at the top of the repository. It \
            may run over its own result. Only what is on the disk afterwards is kept."),
        "start": text("Shell text at each start, before the terminals."),
        "terminals": list("Programs that run while the agent works, each in a shared terminal.", json!({
            "anyOf": [
                terminal(),
                list("The old form: lists within the list.", terminal()),
            ],
        })),
        "checks": list(
            "Commands that the server runs itself, in a fresh machine, at every commit that an agent pushed. \
                Errand's own addition.",
            text("Shell text, run at the top of the repository."),
        ),
        "ports": list("Ports that people will want to see.", object(&["port"], Others::Allowed, json!({
            "port": { "type": "integer", "minimum": 1, "maximum": 65535 },
            "name": line("What is there."),
        }))),
        "build": build(),
        "image": line("Image from a registry."),
        "snapshot": line("Id of a snapshot. Beats `build` and `image`."),
        "chromeExecutablePath": line("The browser for tests."),
        "enable_testing": {
            "description": "Whether the agent may test by using the computer. Default: true.",
            "anyOf": [{ "type": "boolean" }, { "enum": ["true", "false"] }],
        },
    })
}

fn limits() -> Value {
    json!({
        "repositoryDependencies": list(
            "More repositories that git may reach, as github.com/org/repo. They are not cloned.",
            json!({ "type": "string" }),
        ),
        "agentCanUpdateSnapshot": flag("Whether an agent may save its disk for later agents. \
            Default: true; always false with `build` or `image`."),
        "disableAllMcpServers": flag("No MCP servers of users and teams. Default: false."),
        "mcpServerAllowlist": list(
            "The only MCP servers of users and teams. Empty: all of them.",
            mcp_server(),
        ),
        "egressAllowlist": list(
            "More hosts that may be reached, as example.com or *.example.com.",
            json!({ "type": "string" }),
        ),
        "egressMode": {
            "description": "How far the machine may reach.",
            "enum": EgressMode::ALL.map(EgressMode::word),
        },
    })
}

fn terminal() -> Value {
    object(
        &["command"],
        Others::Allowed,
        json!({
            "name": line("The terminal's name."),
            "command": text("Shell text."),
            "description": text("For people and agent."),
        }),
    )
}

fn build() -> Value {
    let properties = json!({
        "dockerfile": line("Path of the Dockerfile, relative to this file's folder."),
        "dockerfileContents": text("The Dockerfile itself."),
        "context": line("The folder that the Dockerfile sees, relative to this file's folder, \
            which is the default. `.`, `./` and `..` all mean the repository."),
        "args": {
            "description": "Arguments of the build. Errand's own addition.",
            "type": "object",
            "additionalProperties": { "type": "string" },
        },
    });
    json!({
        "description": "How the image is built: from either `dockerfile` or `dockerfileContents`.",
        "allOf": [object(&[], Others::Refused, properties)],
        "oneOf": [{ "required": ["dockerfile"] }, { "required": ["dockerfileContents"] }],
    })
}

fn mcp_server() -> Value {
    let properties = json!({
        "name": line("Its name."),
        "serverUrl": line("Its address."),
        "command": line("What starts it."),
        "toolAllowlist": list("The only tools of it. Empty: all.", json!({ "type": "string" })),
    });
    json!({
        "allOf": [object(&[], Others::Refused, properties)],
        "anyOf": [{ "required": ["serverUrl"] }, { "required": ["command"] }],
    })
}

/// Whether other keys may stand in an object.
enum Others {
    Allowed,
    Refused,
}

fn object(required: &[&str], others: Others, properties: Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "additionalProperties": matches!(others, Others::Allowed),
        "properties": properties,
    })
}

fn list(description: &str, items: Value) -> Value {
    json!({
        "description": description,
        "type": "array",
        "maxItems": ENVIRONMENT_ENTRIES,
        "items": items,
    })
}

fn text(description: &str) -> Value {
    json!({
        "description": description,
        "type": "string",
        "maxLength": ENVIRONMENT_TEXT_BYTES,
    })
}

fn line(description: &str) -> Value {
    json!({
        "description": description,
        "type": "string",
        "maxLength": ENVIRONMENT_LINE_BYTES,
    })
}

fn flag(description: &str) -> Value {
    json!({ "description": description, "type": "boolean" })
}
