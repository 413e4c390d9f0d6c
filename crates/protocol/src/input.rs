//! What may be asked of an agent, by people (imperative) and by its own driver (reports).
//!
//! Everything that changes an agent goes through `agent::accept` as one of these.

use crate::content::Prompt;
use crate::event::{AskOptions, Event, Settings, SnapshotPurpose};
use crate::flow::Integrity;
use crate::ids::{AgentId, LayerId, MessageId, QuestionId, RunId};

/// One input to an agent.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Open the agent with its first message, perhaps on top of a conversation that another one had.
    Open {
        agent: AgentId,
        settings: Box<Settings>,
        inherited: Vec<Event>,
        run: RunId,
        prompt: Prompt,
        options: AskOptions,
    },
    /// A follow-up message.
    Ask {
        run: RunId,
        prompt: Prompt,
        options: AskOptions,
        when_busy: WhenBusy,
        principal: String,
        message: MessageId,
    },
    /// End a run.
    Cancel { run: RunId, principal: String },
    /// Answer an open question.
    Answer { question: QuestionId, answer: String, principal: String },
    /// Give another name.
    Rename { name: String },
    /// Take no more messages.
    Archive { principal: String },
    /// Take messages again.
    Unarchive { principal: String },
    /// Go away, with machine and transcript.
    Delete { principal: String },
    /// Have the machine up, whether or not a run needs it.
    Wake { principal: String },
    /// Keep what the disk holds as a layer.
    Snapshot { layer: LayerId, purpose: SnapshotPurpose, principal: String },
    /// A person allows a host.
    AllowHost { entry: String, run_only: bool, principal: String },
    /// A person allows the configuration of this digest.
    AllowConfiguration { digest: String, principal: String },
    /// A person lets a push carry what stopped one, and says why.
    AllowStop { mark: String, reason: String, principal: String },
    /// A person lets it carry data out, having seen that what it read is worth this.
    AllowFlow { integrity: Integrity, principal: String },
    /// A person works in the machine.
    Attend { principal: String },
    /// A person begins to type in a terminal.
    TakeTerminal { terminal: String, principal: String },
    /// A person stops typing in a terminal.
    ReleaseTerminal { terminal: String, principal: String },
    /// A person merged a pull request kept by Errand.
    Merged { repo: String, number: u64, commit: String, principal: String },
    /// A person had the base of a pull request merged into its branch.
    BranchUpdated {
        repo: String,
        number: u64,
        base: String,
        previous: String,
        commit: String,
        principal: String,
    },
    /// The driver reports what happened or states an intent; refused when it is stale.
    Report(Event),
}

/// What to do with a message that finds a run active.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenBusy {
    /// Answer `agent_busy`.
    #[default]
    Refuse,
    /// Start it after the active run and those queued before.
    Queue,
    /// Put it before the model at its next step; without an active run it is an ordinary message.
    Steer,
}
