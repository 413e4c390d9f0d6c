//! One server with all that belongs to it: data folder, scripted model, remotes, a client.

use crate::api::Api;
use crate::process::{Family, Server};
use crate::repository::Repository;
use crate::watch::{Seen, Watch};
use anyhow::{Context, Result, bail};
use fakes::scripted::script::Script;
use fakes::scripted::{Recorded, Server as Model};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time in which deleted agents must be gone.
const GONE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A server and its surroundings.
pub struct World {
    folder: tempfile::TempDir,
    /// The model.
    pub model: Model,
    /// A client.
    pub api: Api,
    server: Server,
}

/// An agent that was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// When the request was sent.
    pub sent: Instant,
    /// `bc-…`.
    pub id: String,
}

/// Makes a data folder for a server that knows one scripted model.
pub fn folder(model_url: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("errand-bench-").tempdir()?;
    // The server becomes an ordinary user, who must be able to reach the data folder.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    for name in ["data", "repos"] {
        std::fs::create_dir(folder.path().join(name))?;
    }
    let config = format!(
        "[models]\nscripted_url = {model_url:?}\n[api]\nrequests_per_second = 100000\nburst = 100000\n"
    );
    std::fs::write(folder.path().join("data/errand.toml"), config)?;
    Ok(folder)
}

impl World {
    /// Starts all; the model does so many steps, or what the prompt says.
    pub async fn start(steps: usize) -> Result<Self> {
        let script = Script::ByPrompt(Box::new(Script::bench(steps)));
        let model = Model::start(script).await.context("start the model")?;
        let folder = folder(&model.url())?;
        let data = folder.path().join("data");
        let server = Server::start(&data, &folder.path().join("server.log"))?;
        let token = std::fs::read_to_string(data.join("admin-token")).context("read the token")?;
        let api = Api::new(&server.url, token.trim())?;
        Ok(Self { folder, model, api, server })
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A remote.
    pub fn repository(&self, name: &str) -> Result<Repository> {
        Repository::make(&self.folder.path().join("repos"), name)
    }

    /// A remote with more files.
    pub fn repository_with(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Repository> {
        Repository::with(&self.folder.path().join("repos"), name, fill)
    }

    /// The server's processes.
    pub fn family(&self) -> Family {
        Family::of(self.server.pid(), &self.data())
    }

    /// Opens an agent.
    pub async fn open(&self, prompt: &str, repository: Option<&Repository>) -> Result<Opened> {
        let mut body = json!({"prompt": {"text": prompt}});
        if let (Some(repository), Some(fields)) = (repository, body.as_object_mut()) {
            fields.insert("repos".to_owned(), json!([{"url": repository.url()}]));
        }
        let sent = Instant::now();
        let answer = self.api.post("/v1/agents", &body).await?;
        let id = answer.pointer("/agent/id").and_then(Value::as_str).context("read the agent")?;
        Ok(Opened { sent, id: id.to_owned() })
    }

    /// Watches an agent to the end of its run, which must be a good one.
    pub async fn finished(&self, agent: &Opened) -> Result<Vec<Seen>> {
        let events = Watch::open(&self.api, &agent.id).await?.until("RunEnded").await?;
        let last = events.last().context("a run without events")?;
        if !last.data.contains("\"FINISHED\"") {
            bail!("the run failed: {}; the server said:\n{}", last.data, self.log_end());
        }
        Ok(events)
    }

    /// Requests of the model since a moment, oldest first.
    pub fn requests_since(&self, since: Instant) -> Vec<Recorded> {
        self.model.requests().into_iter().filter(|request| request.arrived >= since).collect()
    }

    /// Puts an agent to rest: its sandbox ends.
    pub async fn archive(&self, agent: &Opened) -> Result<()> {
        self.api.post(&format!("/v1/agents/{}/archive", agent.id), &Value::Null).await.map(drop)
    }

    /// Waits until no sandbox is left.
    pub async fn without_sandboxes(&self) -> Result<()> {
        let deadline = Instant::now() + GONE;
        while !self.family().sandboxes.is_empty() {
            if Instant::now() > deadline {
                bail!("sandboxes are still there after {GONE:?}: {:?}", self.family());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Deletes agents and waits until they are gone.
    pub async fn delete(&self, agents: &[Opened]) -> Result<()> {
        for agent in agents {
            self.api.delete(&format!("/v1/agents/{}", agent.id)).await?;
        }
        let deadline = Instant::now() + GONE;
        for agent in agents {
            while self.api.is_there(&format!("/v1/agents/{}", agent.id)).await? {
                if Instant::now() > deadline {
                    bail!("{} is still there after {GONE:?}", agent.id);
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        self.without_sandboxes().await
    }

    /// Deletes the agents and ends the server.
    pub async fn end(self, agents: &[Opened]) -> Result<()> {
        self.delete(agents).await?;
        self.server.stop()?;
        self.model.stop().await;
        Ok(())
    }

    fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("server.log"));
        let log = log.unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}
