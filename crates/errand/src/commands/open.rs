//! `errand open`: the web page, signed in by a code that is good once and for a minute.

use super::Cx;
use crate::args::Open;
use crate::exit::{Exit, Trouble};
use crate::lookup;
use crate::style::{Line, Style};
use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
struct Code {
    code: String,
}

pub(super) async fn open(cx: Cx<'_>, arguments: &Open) -> Result<Exit> {
    let Cx { client, output } = cx;
    let mut url = client.url().clone();
    if let Some(wanted) = &arguments.agent {
        let agent = lookup::agent(&client, wanted).await?;
        url.path_segments_mut()
            .map_err(|()| Trouble::usage("the server's address cannot have a path"))?
            .pop_if_empty()
            .extend(["agents", &agent.id]);
    }
    let Code { code } = client.post(&["session", "codes"], &json!({})).await?;
    // The fragment never leaves the browser.
    url.set_fragment(Some(&format!("code={code}")));
    if output.is_for_program() {
        output.json(&json!({ "url": url.as_str() }))?;
        return Ok(Exit::Done);
    }
    if arguments.print || open::that_detached(url.as_str()).is_err() {
        output.line(Line::of(Style::Accent, url.as_str()))?;
        output.line(Line::of(Style::Dim, "it signs in whoever opens it first, within a minute"))?;
    }
    Ok(Exit::Done)
}
