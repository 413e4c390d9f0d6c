//! `list_dir`: what is in a directory.

use super::{Cx, Output, Reach, Tool, Trouble, odd, spec, typed};
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::link::{Answer, Entry, EntryKind, ListDir, Request};
use serde::Deserialize;
use serde_json::{Value, json};

/// Levels shown at most.
const DEPTH_MAX: u64 = 5;
/// Entries shown at most.
const ENTRIES: u32 = 500;

pub(crate) struct List;

#[derive(Deserialize)]
struct Arguments {
    path: Option<String>,
    depth: Option<u64>,
}

#[async_trait]
impl Tool for List {
    fn spec(&self) -> ToolSpec {
        let properties = json!({
            "path": { "type": "string" },
            "depth": { "type": "integer", "description": "levels, 1 to 5, default 1" },
        });
        spec("list_dir", "Lists a directory; directories end with a slash.", &properties, &[])
    }

    fn reach(&self) -> Reach {
        Reach::Reads
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { path, depth } = typed(arguments)?;
        let depth = depth.unwrap_or(1).clamp(1, DEPTH_MAX);
        let request = Request::ListDir(ListDir {
            cwd: cx.cwd.to_string(),
            path: path.unwrap_or_else(|| ".".to_owned()),
            depth: u32::try_from(depth).unwrap_or(1),
            limit: ENTRIES,
        });
        let Answer::Listing(listing) = cx.request(request).await? else { return Err(odd(cx)) };
        let mut text: String = listing.entries.iter().map(line).collect();
        if listing.entries.is_empty() {
            text.push_str("[The directory is empty.]\n");
        }
        if listing.more {
            text.push_str(&format!("[Only the first {ENTRIES} entries are shown.]\n"));
        }
        Ok(Output { truncated: listing.more, ..Output::text(text) })
    }
}

fn line(entry: &Entry) -> String {
    match entry.kind {
        EntryKind::File => format!("{} ({} bytes)\n", entry.path, entry.size),
        EntryKind::Directory => format!("{}/\n", entry.path),
        EntryKind::Link => format!("{} (link)\n", entry.path),
        EntryKind::Other => format!("{} (special)\n", entry.path),
    }
}
