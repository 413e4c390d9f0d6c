//! Frames: how messages and data become bytes on a stream, and back.
//!
//! `u32 LE payload length | u8 kind | u32 LE channel | payload`. A control message longer than one
//! frame is sent as frames of kind 2 followed by one of kind 0, with nothing between them.

use super::{FRAME_BYTES, MESSAGE_BYTES};
use serde::Serialize;

/// Bytes before a frame's payload.
pub const HEADER_BYTES: usize = 9;
const CONTROL: u8 = 0;
const DATA: u8 = 1;
const CONTROL_PART: u8 = 2;

/// One whole control message or piece of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The channel it belongs to.
    pub channel: u32,
    /// What it carries.
    pub body: Body,
}

/// What a frame carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A control message, as JSON.
    Control(Vec<u8>),
    /// Data.
    Data(Vec<u8>),
}

/// Bytes that are not frames. The connection is to be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length stands above the limit.
    #[error("a frame of {0} bytes is longer than allowed")]
    TooLong(usize),
    /// A control message is longer than the limit.
    #[error("a control message is longer than {MESSAGE_BYTES} bytes")]
    MessageTooLong,
    /// A kind that does not exist.
    #[error("unknown kind of frame: {0}")]
    UnknownKind(u8),
    /// Something stands between the frames of one control message.
    #[error("a control message was interrupted")]
    Interrupted,
    /// The message could not be written as JSON.
    #[error("a message could not be encoded: {0}")]
    Encode(String),
}

/// Appends a control message to `out`, cut into frames.
pub fn encode_control<M: Serialize>(
    out: &mut Vec<u8>,
    channel: u32,
    message: &M,
) -> Result<(), FrameError> {
    let json =
        serde_json::to_vec(message).map_err(|error| FrameError::Encode(error.to_string()))?;
    if json.len() > MESSAGE_BYTES {
        return Err(FrameError::MessageTooLong);
    }
    let mut rest = json.as_slice();
    while let Some((part, after)) = rest.split_at_checked(FRAME_BYTES)
        && !after.is_empty()
    {
        encode_frame(out, CONTROL_PART, channel, part);
        rest = after;
    }
    encode_frame(out, CONTROL, channel, rest);
    Ok(())
}

/// Appends data to `out`, cut into frames.
pub fn encode_data(out: &mut Vec<u8>, channel: u32, data: &[u8]) {
    for piece in data.chunks(FRAME_BYTES) {
        encode_frame(out, DATA, channel, piece);
    }
}

fn encode_frame(out: &mut Vec<u8>, kind: u8, channel: u32, payload: &[u8]) {
    // Callers cut at FRAME_BYTES, so the length always fits.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.reserve(HEADER_BYTES + payload.len());
    out.extend_from_slice(&length.to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&channel.to_le_bytes());
    out.extend_from_slice(payload);
}

/// Finds frames in a stream of bytes. Holds at most one frame and one message under way.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
    partial: Option<(u32, Vec<u8>)>,
}

impl Decoder {
    /// An empty decoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they were read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message or piece of data, if the bytes for it are there.
    #[expect(clippy::should_implement_trait, reason = "an end that may go on is no iterator's")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        while let Some((kind, channel, payload)) = self.next_raw()? {
            match (kind, self.partial.take()) {
                (DATA, None) => return Ok(Some(Frame { channel, body: Body::Data(payload) })),
                (CONTROL, None) => {
                    return Ok(Some(Frame { channel, body: Body::Control(payload) }));
                }
                (CONTROL_PART, None) => self.partial = Some((channel, payload)),
                (CONTROL | CONTROL_PART, Some((owner, mut message))) if owner == channel => {
                    if message.len() + payload.len() > MESSAGE_BYTES {
                        return Err(FrameError::MessageTooLong);
                    }
                    message.extend_from_slice(&payload);
                    if kind == CONTROL {
                        return Ok(Some(Frame { channel, body: Body::Control(message) }));
                    }
                    self.partial = Some((channel, message));
                }
                (CONTROL | CONTROL_PART | DATA, Some(_)) => return Err(FrameError::Interrupted),
                (unknown, _) => return Err(FrameError::UnknownKind(unknown)),
            }
        }
        Ok(None)
    }

    fn next_raw(&mut self) -> Result<Option<(u8, u32, Vec<u8>)>, FrameError> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let Some((&[l0, l1, l2, l3, kind, c0, c1, c2, c3], after)) =
            rest.split_first_chunk::<HEADER_BYTES>()
        else {
            return Ok(None);
        };
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > FRAME_BYTES {
            return Err(FrameError::TooLong(length));
        }
        if kind > CONTROL_PART {
            return Err(FrameError::UnknownKind(kind));
        }
        let Some(payload) = after.get(..length) else { return Ok(None) };
        let payload = payload.to_vec();
        self.start += HEADER_BYTES + length;
        Ok(Some((kind, u32::from_le_bytes([c0, c1, c2, c3]), payload)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(decoder: &mut Decoder) -> Vec<Frame> {
        std::iter::from_fn(|| decoder.next().unwrap()).collect()
    }

    #[test]
    fn frames_survive_any_cutting_of_the_stream() {
        let mut bytes = Vec::new();
        let long = "x".repeat(FRAME_BYTES * 2 + 17);
        encode_control(&mut bytes, 0, &json!({"a": 1})).unwrap();
        encode_data(&mut bytes, 3, b"data");
        encode_control(&mut bytes, 5, &long).unwrap();
        encode_data(&mut bytes, 7, &vec![9; FRAME_BYTES + 1]);
        for step in [1, 7, 4096, bytes.len()] {
            let mut decoder = Decoder::new();
            let mut frames = Vec::new();
            for piece in bytes.chunks(step) {
                decoder.push(piece);
                frames.extend(all(&mut decoder));
            }
            let channels: Vec<u32> = frames.iter().map(|frame| frame.channel).collect();
            assert_eq!(channels, [0, 3, 5, 7, 7], "step {step}");
            let Body::Control(message) = &frames[2].body else { panic!("not a message") };
            assert_eq!(serde_json::from_slice::<String>(message).unwrap(), long);
        }
    }

    #[test]
    fn a_message_of_exactly_one_frame_is_one_frame() {
        let mut bytes = Vec::new();
        encode_control(&mut bytes, 1, &"y".repeat(FRAME_BYTES - 2)).unwrap();
        assert_eq!(bytes.len(), HEADER_BYTES + FRAME_BYTES);
    }

    #[test]
    fn malformed_frames_are_errors_and_never_more() {
        let cases: [(&[u8], FrameError); 3] = [
            (&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0], FrameError::TooLong(u32::MAX as usize)),
            (&[0, 0, 0, 0, 9, 0, 0, 0, 0], FrameError::UnknownKind(9)),
            (&[0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0], FrameError::Interrupted),
        ];
        for (bytes, error) in cases {
            let mut decoder = Decoder::new();
            decoder.push(bytes);
            assert_eq!(decoder.next(), Err(error));
        }
    }

    #[test]
    fn a_message_that_never_ends_is_cut_off() {
        let mut decoder = Decoder::new();
        let mut part = Vec::new();
        encode_frame(&mut part, CONTROL_PART, 1, &vec![b' '; FRAME_BYTES]);
        let outcome = (0..=MESSAGE_BYTES / FRAME_BYTES).find_map(|_| {
            decoder.push(&part);
            decoder.next().err()
        });
        assert_eq!(outcome, Some(FrameError::MessageTooLong));
    }
}
