//! `edit_file`: exact replacement in a file.

use super::{Cx, Output, Reach, Tool, Trouble, odd, spec, typed, write};
use crate::workspace::WorkspaceError;
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::link::{Answer, EditFile, FaultCode, Request};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) struct Edit;

#[derive(Deserialize)]
struct Arguments {
    path: String,
    old: String,
    new: String,
    all: Option<bool>,
}

#[async_trait]
impl Tool for Edit {
    fn spec(&self) -> ToolSpec {
        let properties = json!({
            "path": { "type": "string" },
            "old": { "type": "string", "description": "exact text to replace, without line numbers" },
            "new": { "type": "string" },
            "all": { "type": "boolean", "description": "replace every occurrence; else there must be exactly one" },
        });
        spec(
            "edit_file",
            "Replaces an exact piece of text in a file.",
            &properties,
            &["path", "old", "new"],
        )
    }

    fn reach(&self) -> Reach {
        Reach::Writes
    }

    fn edit(&self, cx: &Cx, arguments: &Value) -> Option<EditFile> {
        wanted(cx, arguments.clone()).ok()
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let edit = wanted(cx, arguments)?;
        let path = edit.path.clone();
        match cx.workspace.request(cx.epoch, Request::EditFile(edit)).await {
            Ok(Answer::Edited(edited)) => Ok(Output {
                text: format!("Edited {path}, {} replaced.\n{}", edited.replaced, edited.diff),
                detail: Some(
                    json!({ "path": path, "diff": edited.diff, "replaced": edited.replaced }),
                ),
                touched: Some(path),
                acknowledge: true,
                ..Output::default()
            }),
            Ok(_) => Err(odd(cx)),
            Err(WorkspaceError::Fault(fault)) => {
                Err(Trouble::Told(advised(fault.code, fault.message)))
            }
            Err(lost @ WorkspaceError::Lost(_)) => Err(lost.into()),
        }
    }
}

fn wanted(cx: &Cx, arguments: Value) -> Result<EditFile, Trouble> {
    let Arguments { path, old, new, all } = typed(arguments)?;
    write::allowed(cx.mode, &path)?;
    let told = |text: &str| Err(Trouble::Told(text.to_owned()));
    if old.is_empty() {
        return told("`old` is empty. To make a file, use write_file.");
    }
    if old == new {
        return told("`old` and `new` are the same; nothing would change.");
    }
    let (op, cwd) = (cx.op()?, cx.cwd.to_string());
    Ok(EditFile { op, cwd, path, old, new, all: all.unwrap_or(false) })
}

fn advised(code: FaultCode, message: String) -> String {
    match code {
        FaultCode::NoMatch => format!(
            "{message}. Nothing was changed. Read the file again: whitespace and line ends must match exactly, line numbers are not part of the text."
        ),
        FaultCode::ManyMatches => format!(
            "{message}. Nothing was changed. Give more surrounding lines so that `old` occurs once, or set `all`."
        ),
        FaultCode::UnknownOp
        | FaultCode::OpTaken
        | FaultCode::NotFound
        | FaultCode::Denied
        | FaultCode::BadRequest
        | FaultCode::Unsuitable
        | FaultCode::Busy
        | FaultCode::Changed
        | FaultCode::Cancelled
        | FaultCode::Failed => message,
    }
}
