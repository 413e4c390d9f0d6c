//! `glob`: files by name.

use super::{Cx, Output, Reach, Tool, Trouble, odd, spec, typed};
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::link::{Answer, Request};
use serde::Deserialize;
use serde_json::{Value, json};

/// Paths shown at most.
const PATHS: u32 = 200;

pub(crate) struct Glob;

#[derive(Deserialize)]
struct Arguments {
    pattern: String,
    path: Option<String>,
}

#[async_trait]
impl Tool for Glob {
    fn spec(&self) -> ToolSpec {
        let properties = json!({ "pattern": { "type": "string" }, "path": { "type": "string" } });
        spec(
            "glob",
            "Finds files by name (`**/*.rs`), ignored ones left out, last changed first.",
            &properties,
            &["pattern"],
        )
    }

    fn reach(&self) -> Reach {
        Reach::Reads
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { pattern, path } = typed(arguments)?;
        let request = Request::Glob(protocol::link::Glob {
            cwd: cx.cwd.to_string(),
            pattern,
            path: path.unwrap_or_else(|| ".".to_owned()),
            limit: PATHS,
        });
        let Answer::Paths { paths, more } = cx.request(request).await? else {
            return Err(odd(cx));
        };
        let mut text = paths.join("\n");
        if paths.is_empty() {
            text.push_str("No file matches.");
        }
        if more {
            text.push_str(&format!("\n[Only {PATHS} paths are shown; narrow the pattern.]"));
        }
        Ok(Output { truncated: more, ..Output::text(text) })
    }
}
