//! An environment as a file at Errand's own place says it.

use super::{Base, Build, Dockerfile, Environment, SAVED_SNAPSHOT};
use serde::Serialize;
use serde_json::{Map, Value, json};

impl Environment {
    /// The whole of `.errand/environment.json` that says this; what is as by default is left out.
    pub fn to_file(&self) -> Value {
        let mut file = File(Map::new());
        file.some("name", self.name.as_ref());
        file.some("user", self.user.as_ref());
        match &self.base {
            Base::Default => {}
            Base::Snapshot(id) => file.some("snapshot", Some(id)),
            Base::SavedSnapshot => file.some("snapshot", Some(&SAVED_SNAPSHOT)),
            Base::Build(build) => file.some("build", Some(&build_json(build))),
            Base::Image(image) => file.some("image", Some(image)),
        }
        file.some("install", self.install.as_ref());
        file.some("start", self.start.as_ref());
        file.list("terminals", &self.terminals);
        file.list("checks", &self.checks);
        file.list("ports", &self.ports);
        file.list("repositoryDependencies", &self.repository_dependencies);
        file.some("agentCanUpdateSnapshot", self.agent_can_update_snapshot.as_ref());
        file.some("disableAllMcpServers", self.disable_all_mcp_servers.as_ref());
        file.list("mcpServerAllowlist", &self.mcp_server_allowlist);
        file.some("egressMode", self.egress_mode.as_ref());
        file.list("egressAllowlist", &self.egress_allowlist);
        file.some("chromeExecutablePath", self.chrome_executable_path.as_ref());
        file.some("enable_testing", self.enable_testing.as_ref());
        Value::Object(file.0)
    }
}

struct File(Map<String, Value>);

impl File {
    fn some<T: Serialize>(&mut self, key: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.0.insert(key.to_owned(), json!(value));
        }
    }

    fn list<T: Serialize>(&mut self, key: &str, list: &[T]) {
        if !list.is_empty() {
            self.0.insert(key.to_owned(), json!(list));
        }
    }
}

fn build_json(build: &Build) -> Value {
    let mut file = File(Map::new());
    match &build.dockerfile {
        // A Dockerfile is no folder, so there is always a way to write it.
        Dockerfile::Path(path) => file.some("dockerfile", path.in_errands_file().as_ref()),
        Dockerfile::Contents(text) => file.some("dockerfileContents", Some(text)),
    }
    file.some("context", build.context.in_errands_file().as_ref());
    if !build.args.is_empty() {
        file.some("args", Some(&build.args));
    }
    Value::Object(file.0)
}
