//! Whole files with their meaning.

use super::super::file::KEYS;
use super::super::path::RepoPath;
use super::super::place::Place;
use super::super::{
    Base, Build, Dockerfile, EgressMode, Environment, McpServer, Port, Terminal, Understood,
};
use super::{environment, understood, understood_at, warnings};
use std::collections::BTreeMap;

/// Everything that can be said, with comments.
pub(super) const EVERYTHING: &str = r#"// Our shop.
{
    "$schema": "./environment.schema.json",
    "name": "shop", /* as on the sign */
    "user": "ubuntu",
    "build": {"dockerfile": "../docker/Dockerfile", "context": "..", "args": {"NODE": "22"}},
    "install": "npm ci\nnpm run build",
    "start": "sudo service postgresql start",
    "terminals": [
        {"name": "web", "command": "npm run dev", "description": "the page", "color": "red"},
        [{"command": "npm run worker"}]
    ],
    "checks": ["npm test", "npm run lint"],
    "ports": [{"port": 3000, "name": "web", "onOpen": "x"}, {"port": 65535}],
    "repositoryDependencies": ["github.com/shop/api", "https://gitlab.example/a/b/c.git"],
    "agentCanUpdateSnapshot": false,
    "disableAllMcpServers": false,
    "mcpServerAllowlist": [
        {"name": "docs", "serverUrl": "https://docs.example/mcp", "toolAllowlist": ["search"]},
        {"command": "npx docs"}
    ],
    "egressMode": "default_with_network_settings",
    "egressAllowlist": ["example.com", "*.example.org:8443"],
    "chromeExecutablePath": "/usr/bin/chromium",
    "enable_testing": "false"
}
"#;

/// The smallest realistic one.
pub(super) const SMALL: &str = r#"{"snapshot": "snapshot-20260212-00000000-0000-4000-8000-000000000000", "install": "npm install", "terminals": [{"name": "web", "command": "npm run dev"}]}"#;

/// A Dockerfile within the file.
pub(super) const INLINE: &str = r#"{
    "build": {"dockerfileContents": "FROM ubuntu:24.04\nRUN apt-get update"},
    "ports": []
}"#;

/// A development container with everything that is taken over.
pub(super) const DEVCONTAINER: &str = r#"{
    // A development container.
    "name": "shop",
    "build": {"dockerfile": "Dockerfile", "context": "..", "args": {"VARIANT": "22"}},
    "onCreateCommand": "sudo apt-get update",
    "updateContentCommand": ["npm", "ci", "--prefix", "my web"],
    "postCreateCommand": {"build": "npm run build", "seed": ["bin/seed", "it's"]},
    "postStartCommand": "bin/services",
    "forwardPorts": [3000, 5432],
    "portsAttributes": {"3000": {"label": "web", "onAutoForward": "notify"}},
    "remoteUser": "node",
    "containerUser": "root",
    "containerEnv": {"STAGE": "dev", "LOG": "info"},
    "remoteEnv": {"LOG": "debug"},
}"#;

/// Every example with its place.
pub(super) const ALL: [(Place, &str); 5] = [
    (Place::Errand, "{}"),
    (Place::Errand, EVERYTHING),
    (Place::Cursor, SMALL),
    (Place::Errand, INLINE),
    (Place::Devcontainer, DEVCONTAINER),
];

fn path(text: &str) -> RepoPath {
    RepoPath::resolve(Place::DevcontainerAtTop, text).unwrap()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn an_empty_object_means_the_default_of_everything() {
    assert_eq!(environment("{}"), Environment::default());
    assert_eq!(environment("\u{feff}{\n} // end"), Environment::default());
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let expected = Environment {
        name: some("shop"),
        user: some("ubuntu"),
        base: Base::Build(Build {
            dockerfile: Dockerfile::Path(path("docker/Dockerfile")),
            context: RepoPath::default(),
            args: BTreeMap::from([("NODE".to_owned(), "22".to_owned())]),
        }),
        install: some("npm ci\nnpm run build"),
        start: some("sudo service postgresql start"),
        terminals: vec![
            Terminal {
                name: some("web"),
                command: "npm run dev".to_owned(),
                description: some("the page"),
            },
            Terminal { name: None, command: "npm run worker".to_owned(), description: None },
        ],
        checks: vec!["npm test".to_owned(), "npm run lint".to_owned()],
        ports: vec![Port { port: 3000, name: some("web") }, Port { port: 65535, name: None }],
        repository_dependencies: vec![
            "github.com/shop/api".to_owned(),
            "gitlab.example/a/b/c".to_owned(),
        ],
        agent_can_update_snapshot: Some(false),
        disable_all_mcp_servers: Some(false),
        mcp_server_allowlist: vec![
            McpServer {
                name: some("docs"),
                server_url: some("https://docs.example/mcp"),
                command: None,
                tool_allowlist: vec!["search".to_owned()],
            },
            McpServer {
                name: None,
                server_url: None,
                command: some("npx docs"),
                tool_allowlist: Vec::new(),
            },
        ],
        egress_mode: Some(EgressMode::DefaultWithNetworkSettings),
        egress_allowlist: vec!["example.com".to_owned(), "*.example.org:8443".to_owned()],
        chrome_executable_path: some("/usr/bin/chromium"),
        enable_testing: Some(false),
    };
    assert_eq!(environment(EVERYTHING), expected);
    assert_eq!(warnings(EVERYTHING), "");
}

#[test]
fn the_smallest_realistic_file_is_understood() {
    let expected = Environment {
        base: Base::Snapshot("snapshot-20260212-00000000-0000-4000-8000-000000000000".to_owned()),
        install: some("npm install"),
        terminals: vec![Terminal {
            name: some("web"),
            command: "npm run dev".to_owned(),
            description: None,
        }],
        ..Environment::default()
    };
    assert_eq!(environment(SMALL), expected);
    assert!(expected.may_update_snapshot());
}

#[test]
fn a_dockerfile_in_the_file_sees_the_files_folder() {
    let expected = Build {
        dockerfile: Dockerfile::Contents("FROM ubuntu:24.04\nRUN apt-get update".to_owned()),
        context: path(".errand"),
        args: BTreeMap::new(),
    };
    let environment = environment(INLINE);
    assert_eq!(environment.base, Base::Build(expected));
    assert!(!environment.may_update_snapshot());
}

#[test]
fn a_development_container_is_taken_over() {
    let install = "(\nsudo apt-get update\n) && (\nnpm ci --prefix 'my web'\n) && (\n\
                   npm run build\n) && (\nbin/seed 'it'\\''s'\n)";
    let environment = Environment {
        name: some("shop"),
        user: some("node"),
        base: Base::Build(Build {
            dockerfile: Dockerfile::Path(path(".devcontainer/Dockerfile")),
            context: RepoPath::default(),
            args: BTreeMap::from([("VARIANT".to_owned(), "22".to_owned())]),
        }),
        install: some(install),
        start: some("bin/services"),
        ports: vec![Port { port: 3000, name: some("web") }, Port { port: 5432, name: None }],
        ..Environment::default()
    };
    let variables = [("LOG", "debug"), ("STAGE", "dev")];
    let variables =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(
        understood_at(Place::Devcontainer, DEVCONTAINER),
        Understood { environment, variables }
    );
}

#[test]
fn a_printed_environment_parses_to_itself() {
    for (place, text) in ALL.into_iter().chain([(Place::Cursor, EVERYTHING)]) {
        let environment = understood_at(place, text).environment;
        let printed = serde_json::to_string_pretty(&environment.to_file()).unwrap();
        assert_eq!(understood(&printed).environment, environment, "{printed}");
    }
}

#[test]
fn the_documents_example_is_understood_and_its_table_names_every_key() {
    const DOCUMENT: &str = include_str!("../../../../../docs/environment.md");
    let (_, rest) = DOCUMENT.split_once("```jsonc\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    assert_eq!(environment(example).terminals.len(), 2);
    assert_eq!(warnings(example), "");
    for key in KEYS {
        assert!(DOCUMENT.contains(&format!("\n| `{key}` |")), "{key}");
    }
}
