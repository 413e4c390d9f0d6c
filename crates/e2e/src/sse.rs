//! A strict reader of server-sent events: only the framing that the strictest client takes.
//!
//! Lines end in LF, frames in LF LF, exactly one space after the colon, `data` is one line of JSON.

use futures::{Stream, StreamExt as _};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use std::pin::Pin;

/// One frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its name.
    pub event: String,
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Its data.
    pub data: Value,
}

type Bytes = Pin<Box<dyn Stream<Item = Option<Vec<u8>>> + Send>>;

/// An open stream.
pub struct Reader {
    bytes: Bytes,
    held: String,
}

impl Reader {
    /// Opens a stream that must be there.
    pub async fn open(request: RequestBuilder) -> Self {
        Self::of(request.send().await.expect("open a stream"))
    }

    /// Reads the body of an answer.
    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200, "the stream was refused");
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let bytes = response.bytes_stream().map(|bytes| bytes.ok().map(|bytes| bytes.to_vec()));
        Self { bytes: Box::pin(bytes), held: String::new() }
    }

    /// The next frame; none once the stream is over or broken.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.held.find("\n\n") {
                let frame = parse(&self.held[..end]);
                self.held.drain(..end + 2);
                return Some(frame);
            }
            let bytes = self.bytes.next().await??;
            self.held.push_str(
                std::str::from_utf8(&bytes).expect("frames are sent whole, so they are UTF-8"),
            );
            assert!(!self.held.contains('\r'), "a carriage return in the stream: {:?}", self.held);
        }
    }

    /// All frames until the end.
    pub async fn rest(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

fn parse(text: &str) -> Frame {
    let mut frame = Frame { event: String::new(), id: None, data: Value::Null };
    for line in text.split('\n') {
        let (name, value) = line
            .split_once(": ")
            .unwrap_or_else(|| panic!("a line without colon and space: {line:?}"));
        assert!(!value.starts_with(' '), "two spaces after the colon: {line:?}");
        match name {
            "event" => value.clone_into(&mut frame.event),
            "id" => frame.id = Some(value.to_owned()),
            "data" => {
                assert!(frame.data.is_null(), "data in two lines: {text:?}");
                frame.data = serde_json::from_str(value)
                    .unwrap_or_else(|error| panic!("{error}: {value:?}"));
            }
            _ => panic!("an unknown field: {line:?}"),
        }
    }
    frame
}
