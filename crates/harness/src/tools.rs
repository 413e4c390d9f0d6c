//! What the model may do: one file per tool, the trait they share, and which mode offers which.

use crate::journal::Stopped;
use crate::log::Log;
use crate::workspace::{Workspace, WorkspaceError};
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::content::ToolResult;
use protocol::event::{Event, Mode};
use protocol::ids::{CallId, Epoch, RunId};
use protocol::limits::TOOL_RESULT_BYTES;
use protocol::link::{Answer, EditFile, OpId, Request};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(crate) mod read;
pub(crate) mod write;
pub(crate) mod edit;
pub(crate) mod list;
pub(crate) mod glob;
pub(crate) mod grep;
pub(crate) mod shell;
pub(crate) mod shell_output;
pub(crate) mod todo;
pub(crate) mod ask;
pub(crate) mod plan;
mod arguments;

/// One tool.
///
/// `call` may be made again under the same [`Cx::call`] after a crash: it must not do its work twice.
#[async_trait]
pub(crate) trait Tool: Send + Sync {
    /// Name, description and JSON schema of the arguments.
    fn spec(&self) -> ToolSpec;

    /// What it touches.
    fn reach(&self) -> Reach;

    /// The edit that the call will ask for, if it is one.
    fn edit(&self, _cx: &Cx, _arguments: &Value) -> Option<EditFile> {
        None
    }

    /// Does it.
    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble>;
}

/// What a tool touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Reads the workspace; such calls of one message run side by side.
    Reads,
    /// May change the workspace.
    Writes,
    /// Works without a machine.
    Elsewhere,
}

/// What a call is made with.
#[derive(Clone)]
pub(crate) struct Cx {
    pub(crate) run: RunId,
    pub(crate) mode: Mode,
    pub(crate) call: CallId,
    pub(crate) epoch: Epoch,
    pub(crate) cwd: Arc<str>,
    /// The model can look at images.
    pub(crate) images: bool,
    pub(crate) workspace: Arc<dyn Workspace>,
    pub(crate) log: Arc<Log>,
    /// Set when little time is left: what can go on by itself is no longer waited for.
    pub(crate) hurry: CancellationToken,
}

/// What a call gave.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) is_error: bool,
    pub(crate) truncated: bool,
    pub(crate) detail: Option<Value>,
    /// Recorded together with the result.
    pub(crate) events: Vec<Event>,
    /// The guest may forget the operation once the result is recorded.
    pub(crate) acknowledge: bool,
    /// A path that was read or written; instruction files above it are shown.
    pub(crate) touched: Option<String>,
}

/// Why a call gave nothing.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The model is told, and can do better.
    Told(String),
    /// The machine is gone, the outcome unknown.
    Lost(String),
    /// The run is no longer ours.
    Stopped,
}

impl From<Stopped> for Trouble {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<WorkspaceError> for Trouble {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Lost(reason) => Self::Lost(reason),
            WorkspaceError::Fault(fault) => Self::Told(fault.message),
        }
    }
}

impl Cx {
    /// One request to the guest.
    pub(crate) async fn request(&self, request: Request) -> Result<Answer, Trouble> {
        Ok(self.workspace.request(self.epoch, request).await?)
    }

    /// The call as the guest's operation.
    pub(crate) fn op(&self) -> Result<OpId, Trouble> {
        OpId::parse(&self.call.0).map_err(|error| Trouble::Told(error.to_string()))
    }
}

impl Output {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The result as it is stored, cut to what a model is given.
    pub(crate) fn into_result(self, rest: &str) -> ToolResult {
        let (text, cut) = clip(self.text, TOOL_RESULT_BYTES, rest);
        ToolResult {
            text: crate::hidden::flagged(text),
            is_error: self.is_error,
            detail: self.detail,
            truncated: self.truncated || cut,
        }
    }
}

/// Cuts a text at a character and says how to read the rest.
pub(crate) fn clip(mut text: String, max_bytes: usize, rest: &str) -> (String, bool) {
    if text.len() <= max_bytes {
        return (text, false);
    }
    let left_out = text.len() - text.floor_char_boundary(max_bytes);
    text.truncate(text.floor_char_boundary(max_bytes));
    text.push_str(&format!("\n[{left_out} bytes left out here. {rest}]"));
    (text, true)
}

/// A guest that answers with something else than was asked for.
pub(crate) fn odd(cx: &Cx) -> Trouble {
    tracing::warn!(call = %cx.call, "the guest gave an answer of another kind");
    Trouble::Told("the machine gave an answer that makes no sense; try again".to_owned())
}

/// The tools that a mode offers, in a stable order.
pub(crate) struct Registry {
    tools: Vec<(ToolSpec, Arc<dyn Tool>)>,
    specs: Arc<[ToolSpec]>,
}

impl Registry {
    /// The tools of a mode.
    pub(crate) fn new(mode: Mode) -> Self {
        let reading: Vec<Arc<dyn Tool>> = vec![
            Arc::new(read::Read),
            Arc::new(list::List),
            Arc::new(glob::Glob),
            Arc::new(grep::Grep),
        ];
        let writing: Vec<Arc<dyn Tool>> = vec![Arc::new(edit::Edit), Arc::new(write::Write)];
        let shell: Vec<Arc<dyn Tool>> =
            vec![Arc::new(shell::Shell), Arc::new(shell_output::ShellOutput)];
        let talking: Vec<Arc<dyn Tool>> = vec![Arc::new(todo::TodoWrite), Arc::new(ask::Ask)];
        let tools = match mode {
            Mode::Agent | Mode::Debug => [reading, writing, shell, talking].concat(),
            Mode::Architect => [reading, writing, talking].concat(),
            Mode::Plan => [reading, talking, vec![Arc::new(plan::SubmitPlan)]].concat(),
            Mode::Ask => reading,
        };
        let tools: Vec<_> = tools.into_iter().map(|tool| (tool.spec(), tool)).collect();
        let specs = tools.iter().map(|(spec, _)| spec.clone()).collect();
        Self { tools, specs }
    }

    /// What the model is told.
    pub(crate) fn specs(&self) -> Arc<[ToolSpec]> {
        Arc::clone(&self.specs)
    }

    /// The tool and arguments of a call, or what is wrong with it.
    pub(crate) fn resolve(
        &self,
        name: &str,
        arguments: &str,
    ) -> Result<(Arc<dyn Tool>, Value), String> {
        let Some((spec, tool)) = self.tools.iter().find(|(spec, _)| spec.name == name) else {
            let names: Vec<&str> = self.tools.iter().map(|(spec, _)| spec.name.as_str()).collect();
            return Err(format!("There is no tool `{name}` here. Tools: {}.", names.join(", ")));
        };
        let arguments = arguments::parse(spec, arguments)?;
        Ok((Arc::clone(tool), arguments))
    }
}

/// Arguments as the tool's own type; the schema was checked before.
pub(crate) fn typed<T: DeserializeOwned>(arguments: Value) -> Result<T, Trouble> {
    serde_json::from_value(arguments)
        .map_err(|error| Trouble::Told(format!("The arguments do not fit: {error}.")))
}

/// A tool's declaration; `required` names the arguments without a default.
pub(crate) fn spec(
    name: &str,
    description: &str,
    properties: &Value,
    required: &[&str],
) -> ToolSpec {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    ToolSpec::new(name, description, &schema)
}
