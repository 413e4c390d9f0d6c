//! A small world: a scripted model, a log in memory, and the loop between them and a directory.

#[path = "directory.rs"]
mod directory;
#[path = "memory.rs"]
mod memory;

pub use directory::DirectoryWorkspace;
pub use memory::{Crash, Memory};

use fakes::scripted::Server;
use fakes::scripted::script::Script;
use harness::journal::Stopped;
use harness::turn::{Base, Brain, Repo, Turn, run_turn};
use model::catalog::{Catalog, CatalogOptions, Compatible, ModelEntry, Vendor};
use model::dialect::Dialect;
use model::http::HttpClient;
use model::price::Price;
use model::retry::RetryPolicy;
use protocol::content::{Prompt, Source};
use protocol::event::{AskOptions, Event, Mode, RunLimits, TurnOutcome};
use protocol::ids::{AgentId, RunId};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Where the model believes to be.
pub const CWD: &str = "/workspace/sample";
pub const CALC: &str = "def add(a, b):\n    return a - b\n";

/// Everything one run needs; runs may follow each other.
pub struct World {
    pub server: Server,
    pub memory: Arc<Memory>,
    pub workspace: Arc<DirectoryWorkspace>,
    pub entry: ModelEntry,
    pub mode: Mode,
    pub limits: RunLimits,
    pub price: Option<Price>,
    pub cancel: CancellationToken,
    pub run: RunId,
    pub http: HttpClient,
}

pub fn run_id(number: u8) -> RunId {
    RunId::parse(&format!("run-0190b5a4-7c3e-7bde-8f00-0000000000{number:02}")).unwrap()
}

pub fn prompt(text: &str) -> Prompt {
    Prompt::of(text.to_owned(), Source::Owner)
}

impl World {
    pub async fn new(script: Script) -> Self {
        Self::speaking(Dialect::Anthropic, script).await
    }

    pub async fn speaking(dialect: Dialect, script: Script) -> Self {
        let server = Server::start(script).await.unwrap();
        let entry = entry(dialect, &server);
        let workspace = Arc::new(DirectoryWorkspace::new());
        workspace.put("calc.py", CALC.as_bytes());
        let memory = Arc::new(Memory::default());
        let run = run_id(1);
        let world = Self {
            server,
            memory,
            workspace,
            entry,
            mode: Mode::Agent,
            limits: RunLimits::default(),
            price: None,
            cancel: CancellationToken::new(),
            run,
            http: HttpClient::new().unwrap(),
        };
        world.asked(run, "Fix the sign in calc.py.");
        world
    }

    /// A message was accepted and its run is the active one.
    pub fn asked(&self, run: RunId, text: &str) {
        let options = AskOptions::default();
        let principal = "admin".to_owned();
        self.memory.append(Event::Asked { run, prompt: prompt(text), options, principal });
        self.memory.append(Event::RunStarted { run });
    }

    /// Carries the run on until it ends or crashes.
    pub async fn go(&self) -> Result<TurnOutcome, Stopped> {
        let transcript = self.memory.log();
        let brain = Brain {
            model: Catalog::open(&Arc::new(self.entry.clone()), &self.http),
            id: self.entry.id.clone(),
            parameters: Default::default(),
            price: self.price,
            retry: RetryPolicy {
                attempts_max: 3,
                base_delay: Duration::from_millis(1),
                ..RetryPolicy::default()
            },
        };
        let turn = Turn {
            agent: AgentId::parse("bc-0190b5a4-7c3e-7bde-8f00-0123456789ab").unwrap(),
            run: self.run,
            mode: self.mode,
            brain,
            limits: self.limits,
            base: base(),
            journal: Arc::new(memory::Handle::new(&self.memory, transcript.len())),
            transcript,
            workspace: Arc::clone(&self.workspace) as _,
            cancel: self.cancel.clone(),
        };
        tokio::time::timeout(Duration::from_secs(60), run_turn(turn)).await.expect("the run hangs")
    }

    /// Carries the run on and records how it ended.
    pub async fn end(&self) -> TurnOutcome {
        let outcome = self.go().await.unwrap();
        self.memory.append(Event::TurnEnded { run: self.run, outcome: outcome.clone() });
        outcome
    }

    /// The code with which the run failed.
    pub async fn failure(&self) -> String {
        match self.end().await {
            TurnOutcome::Failed { failure } => failure.code,
            other => panic!("a failure was expected, not {other:?}"),
        }
    }

    /// Bodies of the requests so far.
    pub fn bodies(&self) -> Vec<String> {
        self.server.requests().into_iter().map(|request| request.body).collect()
    }

    /// What the tools gave back, in order.
    pub fn results(&self) -> Vec<(String, bool)> {
        let results = self.memory.log().into_iter().filter_map(|logged| match logged.event {
            Event::ToolReturned { result, .. } => Some((result.text, result.is_error)),
            _ => None,
        });
        results.collect()
    }
}

fn base() -> Base {
    Base {
        cwd: CWD.to_owned(),
        instructions: vec![("AGENTS.md".to_owned(), "Use four spaces.".to_owned())],
        tree: "calc.py".to_owned(),
        repos: vec![Repo {
            path: CWD.to_owned(),
            url: "https://forge.example/sample".to_owned(),
            branch: "errand/fix".to_owned(),
            base_branch: "main".to_owned(),
        }],
        date: "2026-01-01".to_owned(),
        facts: Vec::new(),
    }
}

fn entry(dialect: Dialect, server: &Server) -> ModelEntry {
    let vendor = |url: String| {
        Some(Vendor { base_url: Some(url.parse().unwrap()), key: Some("key".into()) })
    };
    let options = match dialect {
        Dialect::Anthropic => {
            CatalogOptions { anthropic: vendor(server.url()), ..Default::default() }
        }
        Dialect::OpenaiResponses => {
            CatalogOptions { openai: vendor(server.openai_url()), ..Default::default() }
        }
        Dialect::OpenaiChat => CatalogOptions {
            compatible: vec![Compatible {
                name: "chat".to_owned(),
                base_url: server.openai_url().parse().unwrap(),
                key: None,
                dialect,
                models: vec!["chat".to_owned()],
                capabilities: model::catalog::compatible_capabilities(),
            }],
            ..Default::default()
        },
    };
    ModelEntry::clone(Catalog::from_options(options).unwrap().default_entry().unwrap())
}
