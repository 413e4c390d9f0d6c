//! The body of a request to the git endpoint: plain or compressed, never larger than its limit.

use bytes::Bytes;
use flate2::write::GzDecoder;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::io::Write as _;

/// Compressed bytes that are expanded at a time; bounds what a bomb can expand to in memory.
const EXPAND_BYTES: usize = 4 * 1024;

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadUpload {
    #[error("the content encoding is not supported; use gzip or none")]
    Encoding,
    #[error("the request is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the compressed body is malformed")]
    Compressed(#[source] std::io::Error),
    #[error("the body ended early")]
    Ended(#[source] hyper::Error),
}

/// A body, expanded and counted while it is read.
pub(crate) struct Upload {
    body: Incoming,
    gzip: Option<GzDecoder<Vec<u8>>>,
    waiting: VecDeque<Bytes>,
    read: u64,
    limit: u64,
    ended: bool,
}

impl Upload {
    /// Starts reading a body.
    pub(crate) fn new(headers: &HeaderMap, body: Incoming, limit: u64) -> Result<Self, BadUpload> {
        let gzip = match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
            None | Some(b"identity") => None,
            Some(b"gzip" | b"x-gzip") => Some(GzDecoder::new(Vec::new())),
            Some(_) => return Err(BadUpload::Encoding),
        };
        Ok(Self { body, gzip, waiting: VecDeque::new(), read: 0, limit, ended: false })
    }

    /// The next bytes, never empty; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BadUpload> {
        loop {
            if let Some(raw) = self.waiting.pop_front() {
                let bytes = self.expand(raw)?;
                self.read += bytes.len() as u64;
                if self.read > self.limit {
                    return Err(BadUpload::TooLarge(self.limit));
                }
                if !bytes.is_empty() {
                    return Ok(Some(bytes));
                }
                continue;
            }
            if self.ended {
                return Ok(None);
            }
            match self.body.frame().await {
                None => self.finish()?,
                Some(Err(error)) => return Err(BadUpload::Ended(error)),
                Some(Ok(frame)) => self.keep(frame.into_data().unwrap_or_default()),
            }
        }
    }

    /// Everything at once, for requests that are small by nature.
    pub(crate) async fn all(mut self) -> Result<Vec<u8>, BadUpload> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    /// Reads the rest and forgets it, so that the client gets to read its answer.
    pub(crate) async fn drain(&mut self) {
        while let Ok(Some(_)) = self.next().await {}
    }

    fn keep(&mut self, mut data: Bytes) {
        if self.gzip.is_none() {
            self.waiting.push_back(data);
            return;
        }
        while !data.is_empty() {
            let piece = data.split_to(data.len().min(EXPAND_BYTES));
            self.waiting.push_back(piece);
        }
    }

    fn expand(&mut self, raw: Bytes) -> Result<Bytes, BadUpload> {
        let Some(gzip) = &mut self.gzip else { return Ok(raw) };
        gzip.write_all(&raw).map_err(BadUpload::Compressed)?;
        Ok(Bytes::from(std::mem::take(gzip.get_mut())))
    }

    fn finish(&mut self) -> Result<(), BadUpload> {
        self.ended = true;
        if let Some(mut gzip) = self.gzip.take() {
            gzip.try_finish().map_err(BadUpload::Compressed)?;
            self.waiting.push_back(Bytes::from(std::mem::take(gzip.get_mut())));
        }
        Ok(())
    }
}
