//! `write_file`: a whole file.

use super::{Cx, Output, Reach, Tool, Trouble, odd, spec, typed};
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::event::Mode;
use protocol::link::{Answer, Request, WriteFile};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) struct Write;

#[derive(Deserialize)]
struct Arguments {
    path: String,
    content: String,
}

#[async_trait]
impl Tool for Write {
    fn spec(&self) -> ToolSpec {
        let properties = json!({ "path": { "type": "string" }, "content": { "type": "string" } });
        spec(
            "write_file",
            "Writes a whole file, replacing what is there. For changes prefer edit_file.",
            &properties,
            &["path", "content"],
        )
    }

    fn reach(&self) -> Reach {
        Reach::Writes
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { path, content } = typed(arguments)?;
        allowed(cx.mode, &path)?;
        let request = Request::WriteFile(WriteFile {
            op: cx.op()?,
            cwd: cx.cwd.to_string(),
            path: path.clone(),
            content,
            mode: None,
        });
        let Answer::Written { bytes, created } = cx.request(request).await? else {
            return Err(odd(cx));
        };
        let verb = if created { "Created" } else { "Replaced" };
        let text = format!("{verb} {path} ({bytes} bytes).");
        Ok(Output { touched: Some(path), acknowledge: true, ..Output::text(text) })
    }
}

/// Whether this mode lets the model write to the path: an architect writes documents only.
pub(super) fn allowed(mode: Mode, path: &str) -> Result<(), Trouble> {
    if mode != Mode::Architect || is_document(path) {
        return Ok(());
    }
    Err(Trouble::Told("In architect mode only documents may be written: *.md, *.rst, *.txt, *.adoc, or files below docs/.".to_owned()))
}

fn is_document(path: &str) -> bool {
    let mut parts = path.split('/').rev();
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let below: Vec<&str> = parts.collect();
    if below.contains(&"..") {
        return false;
    }
    [".md", ".mdx", ".rst", ".txt", ".adoc"].iter().any(|end| name.ends_with(end))
        || below.contains(&"docs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_architect_writes_documents_only() {
        for good in ["README.md", "docs/a.svg", "/workspace/x/docs/deep/a.json", "notes/Plan.MD"] {
            assert!(allowed(Mode::Architect, good).is_ok(), "{good}");
        }
        for bad in ["src/main.rs", "docs/../src/main.rs", "docs", "mydocs/a.rs", ""] {
            assert!(allowed(Mode::Architect, bad).is_err(), "{bad}");
            assert!(allowed(Mode::Agent, bad).is_ok(), "{bad}");
        }
    }
}
