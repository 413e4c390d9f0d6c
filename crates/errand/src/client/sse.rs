//! Splits a byte stream into server-sent events, in linear time and bounded memory.

use std::collections::VecDeque;

/// Largest single event: a message with a big tool result fits many times.
const EVENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One event: its kind and its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// `message` unless named.
    pub kind: String,
    /// The data lines, joined.
    pub data: String,
}

/// What the server sent is no event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadStream {
    /// It would fill the memory.
    #[error("an event is larger than {EVENT_BYTES_MAX} bytes")]
    TooLarge,
    /// Events are text.
    #[error("an event is not UTF-8")]
    NotText,
}

/// A stream as far as it has arrived.
#[derive(Debug, Default)]
pub struct SseReader {
    line: Vec<u8>,
    kind: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

impl SseReader {
    /// Takes the next bytes and adds the events that they complete.
    ///
    /// Our server ends lines with LF; a CR before it is dropped, a CR alone is no line end.
    pub fn push(&mut self, bytes: &[u8], out: &mut VecDeque<SseEvent>) -> Result<(), BadStream> {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(at);
            self.extend(line)?;
            rest = after.get(1..).unwrap_or_default();
            self.end_line(out)?;
        }
        self.extend(rest)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), BadStream> {
        if self.line.len() + self.data.len() + bytes.len() > EVENT_BYTES_MAX {
            return Err(BadStream::TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, out: &mut VecDeque<SseEvent>) -> Result<(), BadStream> {
        let mut line = std::mem::take(&mut self.line);
        line.pop_if(|last| *last == b'\r');
        if line.is_empty() {
            return self.end_event(out);
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.has_data = true;
        } else if let Some(value) = line.strip_prefix(b"event:") {
            self.kind = value.strip_prefix(b" ").unwrap_or(value).to_vec();
        }
        Ok(())
    }

    fn end_event(&mut self, out: &mut VecDeque<SseEvent>) -> Result<(), BadStream> {
        let kind = text(std::mem::take(&mut self.kind))?;
        if std::mem::take(&mut self.has_data) {
            let data = text(std::mem::take(&mut self.data))?;
            let kind = if kind.is_empty() { "message".to_owned() } else { kind };
            out.push_back(SseEvent { kind, data });
        }
        Ok(())
    }
}

fn text(bytes: Vec<u8>) -> Result<String, BadStream> {
    String::from_utf8(bytes).map_err(|_| BadStream::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut reader = SseReader::default();
        let mut out = VecDeque::new();
        for piece in pieces {
            reader.push(piece, &mut out).unwrap();
        }
        out.into_iter().map(|event| (event.kind, event.data)).collect()
    }

    #[test]
    fn every_split_gives_the_same_events() {
        let text = ": hello\nevent: event\nid: 7\ndata: {\"a\":\"ü\"}\n\nevent: heartbeat\ndata: {}\n\ndata:x\r\ndata: y\r\n\r\nevent: cut\ndata: never";
        let expected = [("event", "{\"a\":\"ü\"}"), ("heartbeat", "{}"), ("message", "x\ny")];
        let expected = expected.map(|(kind, data)| (kind.to_owned(), data.to_owned()));
        for at in 0..text.len() {
            let (left, right) = text.as_bytes().split_at(at);
            assert_eq!(events(&[left, right]), expected, "split at {at}");
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes), expected);
    }

    #[test]
    fn a_huge_event_in_small_pieces_is_read_in_linear_time_and_a_larger_one_refused() {
        let mut reader = SseReader::default();
        let mut out = VecDeque::new();
        let piece = vec![b'x'; 1024];
        reader.push(b"data: ", &mut out).unwrap();
        for _ in 0..32 * 1024 {
            reader.push(&piece, &mut out).unwrap();
        }
        reader.push(b"\n\n", &mut out).unwrap();
        assert_eq!(out.pop_front().map(|event| event.data.len()), Some(32 * 1024 * 1024));
        let refused =
            (0..=EVENT_BYTES_MAX / 1024).find_map(|_| reader.push(&piece, &mut out).err());
        assert_eq!(refused, Some(BadStream::TooLarge));
    }
}
