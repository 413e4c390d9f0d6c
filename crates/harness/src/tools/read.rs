//! `read_file`: lines of a text file with their numbers, or an image to look at.

use super::{Cx, Output, Reach, Tool, Trouble, odd, spec, typed};
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::content::Image;
use protocol::limits::{IMAGE_BYTES, TOOL_RESULT_BYTES};
use protocol::link::{Answer, FileText, ReadFile, Request};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Lines given unless the call asks for another number.
const LINES: u64 = 1000;
/// Bytes of text asked for: line numbers need room below the cap of a result.
const TEXT_BYTES: u64 = TOOL_RESULT_BYTES as u64 * 3 / 4;

pub(crate) struct Read;

#[derive(Deserialize)]
struct Arguments {
    path: String,
    offset_line: Option<u64>,
    limit: Option<u64>,
}

#[async_trait]
impl Tool for Read {
    fn spec(&self) -> ToolSpec {
        let properties = json!({
            "path": { "type": "string" },
            "offset_line": { "type": "integer", "description": "lines to skip" },
            "limit": { "type": "integer", "description": "lines to read, default 1000" },
        });
        spec(
            "read_file",
            "Reads a text file; each line is shown as `number<tab>text`. Also shows images (png, jpeg, gif, webp).",
            &properties,
            &["path"],
        )
    }

    fn reach(&self) -> Reach {
        Reach::Reads
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { path, offset_line, limit } = typed(arguments)?;
        if let Some(mime) = image_type(&path) {
            return image(cx, path, mime).await;
        }
        let request = Request::ReadFile(ReadFile {
            cwd: cx.cwd.to_string(),
            path: path.clone(),
            offset_line: offset_line.unwrap_or(0),
            limit_lines: limit.unwrap_or(LINES).max(1),
            max_bytes: TEXT_BYTES,
        });
        let Answer::File(file) = cx.request(request).await? else { return Err(odd(cx)) };
        Ok(Output { touched: Some(path), ..numbered(&file) })
    }
}

fn numbered(file: &FileText) -> Output {
    let mut text = String::with_capacity(file.text.len() + 64);
    for (number, line) in (file.first_line..).zip(file.text.lines()) {
        // Writing to a string cannot fail.
        if writeln!(text, "{number}\t{line}").is_err() {
            break;
        }
    }
    let last = file.first_line + file.lines;
    let more = last.saturating_sub(1) < file.total_lines;
    if more || file.truncated {
        let next = last.saturating_sub(1);
        text.push_str(&format!(
            "[{} of {} lines shown. Read on with offset_line {next}.]\n",
            file.lines, file.total_lines
        ));
    }
    if file.lossy {
        text.push_str("[Some bytes are not UTF-8 and were replaced.]\n");
    }
    if file.total_bytes == 0 {
        text.push_str("[The file is empty.]\n");
    }
    Output { text, truncated: more || file.truncated, ..Output::default() }
}

async fn image(cx: &Cx, path: String, mime: &str) -> Result<Output, Trouble> {
    if !cx.images {
        return Err(Trouble::Told("This model cannot look at images.".to_owned()));
    }
    let bytes = cx.workspace.download(cx.epoch, &cx.cwd, &path, IMAGE_BYTES).await?;
    let size = bytes.len() as u64;
    let blob = cx.log.journal.keep(bytes).await?;
    let image = Image { mime_type: mime.to_owned(), blob, size };
    Ok(Output {
        detail: Some(json!({ "images": [image] })),
        ..Output::text(format!("{path}: {mime}, {size} bytes"))
    })
}

fn image_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "gif" => Some("image/gif"),
        "webp" => Some("image/webp"),
        _ => None,
    }
}
