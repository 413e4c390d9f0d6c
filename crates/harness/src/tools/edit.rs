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

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { path, old, new, all } = typed(arguments)?;
        write::allowed(cx.mode, &path)?;
        if old.is_empty() {
            return Err(Trouble::Told(
                "`old` is empty. To make a file, use write_file.".to_owned(),
            ));
        }
        if old == new {
            return Err(Trouble::Told(
                "`old` and `new` are the same; nothing would change.".to_owned(),
            ));
        }
        let request = Request::EditFile(EditFile {
            op: cx.op()?,
            cwd: cx.cwd.to_string(),
            path: path.clone(),
            old,
            new,
            all: all.unwrap_or(false),
        });
        match cx.workspace.request(cx.epoch, request).await {
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
