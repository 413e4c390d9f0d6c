//! `grep`: lines by regular expression.

use super::{Cx, Output, Reach, Tool, Trouble, odd, spec, typed};
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::link::{Answer, Matches, Request};
use serde::Deserialize;
use serde_json::{Value, json};

/// Matching lines shown at most.
const LINES: u32 = 200;
/// Lines around a match at most.
const CONTEXT_MAX: u64 = 20;

pub(crate) struct Grep;

#[derive(Deserialize)]
struct Arguments {
    pattern: String,
    path: Option<String>,
    glob: Option<String>,
    ignore_case: Option<bool>,
    context: Option<u64>,
}

#[async_trait]
impl Tool for Grep {
    fn spec(&self) -> ToolSpec {
        let properties = json!({
            "pattern": { "type": "string", "description": "regular expression" },
            "path": { "type": "string" },
            "glob": { "type": "string", "description": "only files with such a name" },
            "ignore_case": { "type": "boolean" },
            "context": { "type": "integer", "description": "lines before and after each match" },
        });
        spec("grep", "Searches file contents, ignored files left out.", &properties, &["pattern"])
    }

    fn reach(&self) -> Reach {
        Reach::Reads
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { pattern, path, glob, ignore_case, context } = typed(arguments)?;
        let request = Request::Grep(protocol::link::Grep {
            cwd: cx.cwd.to_string(),
            pattern,
            path: path.unwrap_or_else(|| ".".to_owned()),
            glob,
            ignore_case: ignore_case.unwrap_or(false),
            context: u32::try_from(context.unwrap_or(0).min(CONTEXT_MAX)).unwrap_or(0),
            limit: LINES,
        });
        let Answer::Matches(matches) = cx.request(request).await? else { return Err(odd(cx)) };
        Ok(shown(&matches))
    }
}

fn shown(matches: &Matches) -> Output {
    let lines = matches.lines.iter().map(|line| {
        let mark = if line.context { '-' } else { ':' };
        format!("{}{mark}{}{mark}{}\n", line.path, line.line, line.text)
    });
    let mut text: String = lines.collect();
    if matches.lines.is_empty() {
        text.push_str("Nothing matches.");
    }
    if matches.more {
        text.push_str(&format!("[Only {LINES} matches are shown; narrow the search.]"));
    }
    Output { truncated: matches.more, ..Output::text(text) }
}
