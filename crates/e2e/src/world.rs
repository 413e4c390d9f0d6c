//! One server with all that belongs to it: data folder, scripted model, repositories, a client.
//!
//! [`World::end`] deletes every agent, stops the server and asserts that nothing is left on the host.

use crate::api::Api;
use crate::disk::SmallDisk;
use crate::host;
use crate::process::{Server, binary};
use crate::samples::Repository;
use crate::sse::{Frame, Reader};
use crate::watch::Watcher;
use fakes::scripted::script::{Do, Script, Turn};
use fakes::scripted::{Options, Server as Model};
use reqwest::Method;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Time in which everything of a deleted agent must be gone.
const GONE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(25);
/// Lines of the server's log shown when a test fails.
const SHOWN_LINES: usize = 60;

/// A server and its surroundings.
pub struct World {
    folder: tempfile::TempDir,
    /// The model.
    pub model: Model,
    /// A client with the installation's own token.
    pub api: Api,
    server: Option<Server>,
    listen: String,
    user: Option<u32>,
    /// What starts the server, before its own words.
    wrapper: Vec<String>,
    /// A disk of its own for the data folder.
    pub disk: Option<SmallDisk>,
    agents: Mutex<Vec<String>>,
    is_ended: bool,
}

/// An agent and its newest run.
#[derive(Debug, Clone)]
pub struct Job {
    /// `bc-…`.
    pub agent: String,
    /// `run-…`.
    pub run: String,
}

/// A prompt that carries what the model shall do.
pub fn prompt(turns: &[Turn]) -> String {
    format!("Do as the script says.\nscript: {}", json!({"turns": turns}))
}

/// A turn that runs one command.
pub fn shell(command: impl Into<String>) -> Turn {
    Turn::act(vec![Do::Shell(command.into())])
}

/// A turn that writes one file.
pub fn write(path: &str, content: &str) -> Turn {
    Turn::act(vec![Do::Write { path: path.to_owned(), content: content.to_owned() }])
}

impl World {
    /// A server that knows the scripted model only.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// The same with further configuration.
    pub async fn with(config: &str) -> Self {
        Self::with_model(config, Options::default()).await
    }

    /// The same with options of the model; `MODEL` in the configuration stands for its address.
    pub async fn with_model(config: &str, options: Options) -> Self {
        let mut world = Self::prepared(config, options).await;
        world.boot();
        world
    }

    /// The same by way of a program that runs the rest of its arguments.
    pub async fn within(wrapper: Vec<String>, config: &str) -> Self {
        let mut world = Self::prepared(config, Options::default()).await;
        world.wrapper = wrapper;
        world.boot();
        world
    }

    /// A server that this user starts, as only root can have it.
    pub async fn as_user(uid: u32) -> Self {
        let mut world = Self::prepared("", Options::default()).await;
        give(&world.data(), uid);
        world.user = Some(uid);
        world.boot();
        world
    }

    /// A server whose data folder has a disk of so many bytes; where none can be mounted, why.
    pub async fn on_small_disk(bytes: u64) -> Result<Self, String> {
        let mut world = Self::prepared("", Options::default()).await;
        let file = world.data().join("errand.toml");
        let config = std::fs::read(&file).unwrap();
        let mounted = SmallDisk::mount(&world.data(), bytes);
        world.is_ended = mounted.is_err();
        let disk = mounted?;
        std::fs::write(disk.path().join("errand.toml"), config).unwrap();
        world.disk = Some(disk);
        world.boot();
        Ok(world)
    }

    async fn prepared(config: &str, options: Options) -> Self {
        let folder = tempfile::Builder::new().prefix("errand-e2e-").tempdir().unwrap();
        // The server becomes an ordinary user, who must be able to reach the data folder.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let model = Model::start_with(Script::by_prompt(), options).await.unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::create_dir_all(folder.path().join("repos")).unwrap();
        let config = config.replace("MODEL", &model.url());
        let models = if config.contains("[models]") {
            String::new()
        } else {
            format!("[models]\nscripted_url = {:?}\n", model.url())
        };
        std::fs::write(data.join("errand.toml"), format!("{models}{config}")).unwrap();
        Self {
            api: Api::new("", ""),
            listen: "127.0.0.1:0".to_owned(),
            user: None,
            wrapper: Vec::new(),
            disk: None,
            agents: Mutex::new(Vec::new()),
            server: None,
            is_ended: false,
            folder,
            model,
        }
    }

    /// The server's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The same as seen from here.
    fn data_seen(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.data(), SmallDisk::path)
    }

    /// The folder of the sample repositories.
    pub fn repos(&self) -> PathBuf {
        self.folder.path().join("repos")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The server's log so far.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Starts the server; after a kill, at the address it had before. Gives the time until ready.
    pub fn boot(&mut self) -> Duration {
        let server = match (self.user, &self.disk) {
            (None, None) if self.wrapper.is_empty() => {
                Server::start(&self.data(), &self.listen, &self.log())
            }
            (None, None) => {
                let wrapper: Vec<_> = self.wrapper.iter().map(String::as_str).collect();
                Server::start_within(&wrapper, &self.data(), &self.listen, &self.log())
            }
            (None, Some(disk)) => {
                let wrapper = disk.wrapper();
                let wrapper = [wrapper[0].as_str(), wrapper[1].as_str()];
                Server::start_within(&wrapper, &self.data(), &self.listen, &self.log())
            }
            (Some(uid), _) => {
                let (user, group) = (format!("--reuid={uid}"), format!("--regid={uid}"));
                let wrapper = ["setpriv", &user, &group, "--clear-groups"];
                Server::start_within(&wrapper, &self.data(), &self.listen, &self.log())
            }
        };
        self.listen = server.url.trim_start_matches("http://").to_owned();
        let token = std::fs::read_to_string(self.data_seen().join("admin-token")).unwrap();
        self.api = Api::new(&server.url, token.trim());
        let ready = server.ready_after;
        self.server = Some(server);
        ready
    }

    /// Kills the server as a power cut would.
    pub fn kill(&mut self) {
        self.server.take().expect("a running server").kill();
    }

    /// The server's process id.
    pub fn server_pid(&self) -> u32 {
        self.server.as_ref().expect("a running server").pid()
    }

    /// A sample repository.
    pub fn repository(&self, name: &str) -> Repository {
        Repository::sample(&self.repos(), name)
    }

    /// Opens an agent.
    #[track_caller]
    pub fn open(&self, body: Value) -> impl Future<Output = Job> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.api.post("/v1/agents", &body).await;
            assert_eq!(answer.status, 201, "{caller}: {}", answer.text);
            let job = Job {
                agent: answer.body["agent"]["id"].as_str().unwrap().to_owned(),
                run: answer.body["run"]["id"].as_str().unwrap().to_owned(),
            };
            self.agents.lock().unwrap().push(job.agent.clone());
            job
        }
    }

    /// Opens an agent on a repository that does these turns.
    pub async fn errand(&self, repository: &Repository, turns: &[Turn]) -> Job {
        self.open(json!({"prompt": {"text": prompt(turns)}, "repos": [{"url": repository.url()}]}))
            .await
    }

    /// Opens an agent without a repository that does these turns.
    pub async fn chore(&self, turns: &[Turn]) -> Job {
        self.open(json!({"prompt": {"text": prompt(turns)}})).await
    }

    /// Sends a follow-up.
    pub async fn send(&self, agent: &str, turns: &[Turn]) -> Job {
        let body = json!({"prompt": {"text": prompt(turns)}});
        let answer = self.api.post(&format!("/v1/agents/{agent}/runs"), &body).await.expect(201);
        Job { agent: agent.to_owned(), run: answer["run"]["id"].as_str().unwrap().to_owned() }
    }

    /// Waits for the end of the run that Errand asks for where a push was kept back.
    pub async fn mended(&self, agent: &str) {
        let mut watcher = self.watch(agent);
        let asked = watcher
            .until(|event| event["type"] == "Asked" && event["options"]["automatic"] == true)
            .await;
        let run = asked["run"].as_str().unwrap().to_owned();
        watcher.until_ended(&run).await;
    }

    /// Lets through what keeps the newest push back.
    pub async fn let_through(&self, agent: &str, reason: &str) {
        let shown = self.agent(agent).await;
        for stop in shown["stops"].as_array().unwrap() {
            let body = json!({"mark": stop["mark"], "reason": reason});
            self.api.post(&format!("/v1/agents/{agent}/stops"), &body).await.expect(200);
        }
    }

    /// The agent as the API shows it.
    pub async fn agent(&self, id: &str) -> Value {
        self.api.get(&format!("/v1/agents/{id}")).await.expect(200)
    }

    /// The run as the API shows it.
    pub async fn run(&self, job: &Job) -> Value {
        self.api.get(&format!("/v1/agents/{}/runs/{}", job.agent, job.run)).await.expect(200)
    }

    /// Waits until a run is over; the run.
    pub async fn ended(&self, job: &Job) -> Value {
        self.watch(&job.agent).until_ended(&job.run).await;
        self.run(job).await
    }

    /// What the command line says, which must succeed.
    #[expect(clippy::disallowed_methods, reason = "the command line is what is tested")]
    #[track_caller]
    pub fn command(&self, arguments: &[&str]) -> String {
        let home = tempfile::tempdir().unwrap();
        let output = Command::new(binary())
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home.path())
            .env("ERRAND_URL", &self.api.base)
            .env("ERRAND_TOKEN", &self.api.token)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until a run is over, which must have this status.
    pub async fn ended_as(&self, job: &Job, status: &str) -> Value {
        let run = self.ended(job).await;
        assert_eq!(run["status"], status, "{run:#}");
        run
    }

    /// A follow-up shows that the agent takes work and carries it out.
    pub async fn assert_usable(&self, agent: &str) {
        let job = self.send(agent, &[shell("echo still-here"), Turn::say("Still here.")]).await;
        let run = self.ended_as(&job, "FINISHED").await;
        assert_eq!(run["result"], "Still here.");
        let events = self.events(agent).await;
        let returned = events.iter().any(|entry| {
            entry["event"]["result"]["text"]
                .as_str()
                .is_some_and(|text| text.contains("still-here"))
        });
        assert!(returned, "the command of the follow-up did not run");
    }

    /// Watches an agent from its first event.
    pub fn watch(&self, agent: &str) -> Watcher {
        Watcher::new(&self.api, agent, 0)
    }

    /// All events so far, as the API lists them.
    pub async fn events(&self, agent: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut after = 0;
        loop {
            let page =
                self.api.get(&format!("/v1/agents/{agent}/events?after={after}")).await.expect(200);
            events.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["nextAfter"].as_u64() {
                Some(next) => after = next,
                None => return events,
            }
        }
    }

    /// What the tool calls of an agent gave, oldest first.
    pub async fn outputs(&self, agent: &str) -> Vec<String> {
        let events = self.events(agent).await;
        let returned = events
            .iter()
            .map(|entry| &entry["event"])
            .filter(|event| event["type"] == "ToolReturned");
        returned
            .map(|event| event["result"]["text"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// A run's public stream from the beginning or after a frame.
    pub async fn stream(&self, job: &Job, last: Option<&str>) -> Reader {
        let path = format!("/v1/agents/{}/runs/{}/stream", job.agent, job.run);
        let mut request = self.api.request(Method::GET, &path);
        if let Some(id) = last {
            request = request.header("last-event-id", id);
        }
        Reader::open(request).await
    }

    /// All frames of a run's public stream.
    pub async fn frames(&self, job: &Job) -> Vec<Frame> {
        self.stream(job, None).await.rest().await
    }

    /// Deletes an agent and waits until it is gone.
    pub async fn delete(&self, agent: &str) {
        let path = format!("/v1/agents/{agent}");
        let answer = self.api.delete(&path).await;
        assert!(answer.status == 200 || answer.status == 404, "delete {agent}: {}", answer.text);
        let deadline = Instant::now() + GONE;
        while self.api.get(&path).await.status != 404 {
            assert!(
                Instant::now() < deadline,
                "{agent} is still there {GONE:?} after its deletion"
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Deletes every build; the agents they were.
    async fn delete_builds(&self) -> Vec<String> {
        let mut listed = self.api.get("/v1/builds").await;
        // A test may have used up what the key may ask for.
        while listed.status == 429 {
            tokio::time::sleep(LOOK).await;
            listed = self.api.get("/v1/builds").await;
        }
        let builds = listed.expect(200);
        let mut agents = Vec::new();
        for build in builds["items"].as_array().unwrap() {
            let text = |field: &str| build[field].as_str().unwrap().to_owned();
            self.api.delete(&format!("/v1/builds/{}", text("layer"))).await.expect(200);
            agents.push(text("id"));
        }
        agents
    }

    /// Deletes every agent and build, stops the server, and asserts that nothing is left on the host.
    pub async fn end(mut self) {
        let mut agents = self.agents.lock().unwrap().clone();
        for agent in &agents {
            self.delete(agent).await;
        }
        agents.extend(self.delete_builds().await);
        // The API says "gone" at once, the server then clears up.
        assert_clean(&self.data_seen(), &agents).await;
        self.server.take().expect("a running server").stop();
        let data = self.data();
        // The launcher notices the server's end and follows it.
        eventually("the server's other processes end", async || {
            host::processes_of_server(&data).is_empty()
        })
        .await;
        self.is_ended = true;
    }
}

/// Waits until a condition holds, looking at it again and again.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + GONE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {GONE:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Gives a folder and all in it to a user.
pub fn give(folder: &Path, uid: u32) {
    std::os::unix::fs::lchown(folder, Some(uid), Some(uid)).unwrap();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}

/// Waits until nothing of these agents is left on the host.
pub async fn assert_clean(data: &Path, agents: &[String]) {
    let deadline = Instant::now() + GONE;
    loop {
        let remains = host::remains(data, agents);
        if remains.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {remains:#?}");
        tokio::time::sleep(LOOK).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.is_ended {
            return;
        }
        let log = self.log_text();
        let lines: Vec<&str> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        eprintln!("the server's log ends with:\n{}", shown.join("\n"));
        if let Some(refused) =
            self.model.requests().iter().rev().find(|request| request.status == Some(400))
        {
            eprintln!("the model refused {}", refused.body);
        }
        // The test failed: its sandboxes must not outlive it.
        drop(self.server.take());
        for process in host::processes_of_server(&self.data()) {
            if let Some(pid) =
                rustix::process::Pid::from_raw(i32::try_from(process.pid).unwrap_or_default())
            {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL)
                    .unwrap_or_default();
            }
        }
    }
}
