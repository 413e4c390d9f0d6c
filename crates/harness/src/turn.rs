//! One turn: from a prompt until the model yields. What it needs, and its beginning; the loop
//! itself is in `steps`.

use crate::calls::Nested;
use crate::journal::{Journal, Stopped};
use crate::log::Log;
use crate::steps::Loop;
use crate::tools::Registry;
use crate::transcript::Transcript;
use crate::workspace::Workspace;
use model::Model;
use model::price::Price;
use model::retry::RetryPolicy;
use protocol::event::{Logged, Mode, RunLimits, TurnOutcome};
use protocol::ids::{AgentId, RunId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// Everything one turn needs. The same values and log give the same requests.
pub struct Turn {
    /// The agent, as the key of the provider's prompt cache.
    pub agent: AgentId,
    /// The run to carry on; its `RunStarted` is in the transcript.
    pub run: RunId,
    /// How to behave.
    pub mode: Mode,
    /// The model to ask.
    pub brain: Brain,
    /// What the run may use up.
    pub limits: RunLimits,
    /// What is known before anything was done.
    pub base: Base,
    /// The agent's whole log up to now, wherever it ends.
    pub transcript: Vec<Logged>,
    /// The hands.
    pub workspace: Arc<dyn Workspace>,
    /// The memory.
    pub journal: Arc<dyn Journal>,
    /// A person wants the run to end.
    pub cancel: CancellationToken,
}

/// The model with what belongs to it.
#[derive(Clone)]
pub struct Brain {
    /// The model.
    pub model: Arc<dyn Model>,
    /// Its id in the model list, for the log.
    pub id: String,
    /// Chosen values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// What its tokens cost, if known.
    pub price: Option<Price>,
    /// When to ask again after a failure.
    pub retry: RetryPolicy,
}

/// What the model is told before the conversation; read from the mirror at the base commit.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// Folder where commands start and relative paths begin.
    pub cwd: String,
    /// Instruction files in the order of [`crate::instructions::wanted`]: path and text.
    pub instructions: Vec<(String, String)>,
    /// The first levels of the file tree, as text.
    pub tree: String,
    /// The repositories.
    pub repos: Vec<Repo>,
    /// Today, `YYYY-MM-DD`; fixed for the run, so that a rebuilt request is the same.
    pub date: String,
    /// Further facts, one line each (sudo posture, network policy, variables by name).
    pub facts: Vec<String>,
}

/// One repository as the model is told of it.
#[derive(Debug, Clone)]
pub struct Repo {
    /// Absolute folder inside the sandbox.
    pub path: String,
    /// Where it comes from.
    pub url: String,
    /// The branch that the work goes to.
    pub branch: String,
    /// The branch that it started from.
    pub base_branch: String,
}

/// Carries a run on until the model yields, a limit holds or somebody ends it.
///
/// The caller records the outcome as `TurnEnded`. `Stopped` means that nothing is to be recorded.
pub async fn run_turn(mut turn: Turn) -> Result<TurnOutcome, Stopped> {
    let mut transcript = Transcript::new(turn.run);
    std::mem::take(&mut turn.transcript).into_iter().for_each(|logged| transcript.apply(logged));
    let log = Arc::new(Log::new(Arc::clone(&turn.journal), transcript));
    let roots = turn.base.repos.iter().map(|repo| repo.path.clone()).collect();
    let nested = Arc::new(Nested { roots, absent: Mutex::default() });
    let registry = Registry::new(turn.mode);
    let (acks, shortened) = (Vec::new(), None);
    Loop { turn, log, registry, nested, acks, shortened }.run().await
}
