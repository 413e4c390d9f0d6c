//! A message as the person gives it: text or standard input, images from files.

use crate::args::How;
use crate::exit::Trouble;
use anyhow::Result;
use base64::Engine as _;
use protocol::api::runs::{Prompt, PromptImage};
use protocol::event::{Mode, ModelChoice, ModelParam};
use protocol::limits::{IMAGE_BYTES, PROMPT_CHARS};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// Bytes that standard input may have: a character has at most four.
const INPUT_BYTES_MAX: u64 = PROMPT_CHARS as u64 * 4;

/// The message with its images.
pub fn prompt(text: &str, how: &How) -> Result<Prompt> {
    let text = words(text)?;
    let images = how.images.iter().map(|path| image(path)).collect::<Result<_, _>>()?;
    Ok(Prompt { text, images })
}

/// Text as it was typed, or what standard input has.
pub fn words(text: &str) -> Result<String> {
    if text == "-" { standard_input() } else { Ok(text.to_owned()) }
}

fn standard_input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().take(INPUT_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| {
        Trouble::usage(format!("cannot read the message from standard input: {error}"))
    })?;
    Ok(text)
}

fn image(path: &Path) -> Result<PromptImage, Trouble> {
    let wrong = |problem: String| Trouble::usage(format!("--image {}: {problem}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(IMAGE_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(error.to_string()))?;
    if bytes.len() > IMAGE_BYTES {
        return Err(wrong("is larger than 15 MB".to_owned()));
    }
    let mime_type =
        kind(&bytes).ok_or_else(|| wrong("is not a png, jpeg, gif or webp image".to_owned()))?;
    let data = base64::engine::general_purpose::STANDARD.encode(&bytes);
    Ok(PromptImage {
        data: Some(data),
        url: None,
        mime_type: Some(mime_type.to_owned()),
        dimension: None,
    })
}

/// The kind by the first bytes: names of files may say anything.
const fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// The model that was asked for.
pub fn model(how: &How) -> Option<ModelChoice> {
    let params =
        how.params.iter().map(|(id, value)| ModelParam { id: id.clone(), value: value.clone() });
    how.model.as_ref().map(|id| ModelChoice { id: id.clone(), params: params.collect() })
}

/// The mode that was asked for.
pub fn mode(how: &How) -> Option<Mode> {
    how.mode.map(Mode::from)
}

/// The variables that were given; the last of a name counts.
pub fn env(how: &How) -> Option<BTreeMap<String, String>> {
    let all: BTreeMap<_, _> = how.env.iter().cloned().collect();
    Some(all).filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("picture.txt");
        std::fs::write(&path, b"\x89PNG\r\n").unwrap();
        let image = image(&path).unwrap();
        assert_eq!(image.mime_type.as_deref(), Some("image/png"));
        assert_eq!(image.data.as_deref(), Some("iVBORw0K"));
        std::fs::write(&path, b"text").unwrap();
        assert!(super::image(&path).unwrap_err().message.contains("not a png"));
        assert!(super::image(&dir.path().join("none")).is_err());
    }
}
