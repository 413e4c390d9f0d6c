//! Splits a byte stream into server-sent events, in linear time and bounded memory.
//!
//! The last event of a provider may repeat the whole answer in one line; a parser that rereads an
//! unfinished line with each chunk would spend seconds on it.

use crate::error::ModelError;
use std::collections::VecDeque;

/// Largest single event.
const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest whole answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What some servers put before the first event.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A stream of events as far as it has arrived. Only their data matters to the dialects.
#[derive(Default)]
pub(crate) struct EventReader {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    ended_with_cr: bool,
    total: usize,
}

impl EventReader {
    /// Takes the next bytes and adds the data of the events that they complete.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        out: &mut VecDeque<String>,
    ) -> Result<(), ModelError> {
        self.total = self.total.saturating_add(bytes.len());
        if self.total > ANSWER_BYTES_MAX {
            return Err(ModelError::Malformed("the answer is too large".to_owned()));
        }
        while let Some(at) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, rest) = bytes.split_at(at);
            let is_cr = rest.first() == Some(&b'\r');
            // The second half of a line end in two bytes.
            let is_echo = line.is_empty() && !is_cr && self.ended_with_cr;
            self.extend(line)?;
            self.ended_with_cr = is_cr;
            bytes = rest.get(1..).unwrap_or_default();
            if !is_echo {
                self.line_ended(out)?;
            }
        }
        self.ended_with_cr &= bytes.is_empty();
        self.extend(bytes)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.line.extend_from_slice(bytes);
        if self.line.len() + self.data.len() > EVENT_BYTES_MAX {
            return Err(ModelError::Malformed("an event is too large".to_owned()));
        }
        Ok(())
    }

    fn line_ended(&mut self, out: &mut VecDeque<String>) -> Result<(), ModelError> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line);
        if line.is_empty() {
            return self.event_ended(out);
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.has_data = true;
        }
        Ok(())
    }

    fn event_ended(&mut self, out: &mut VecDeque<String>) -> Result<(), ModelError> {
        if std::mem::take(&mut self.has_data) {
            let data = String::from_utf8(std::mem::take(&mut self.data));
            out.push_back(
                data.map_err(|_| ModelError::Malformed("an event is not UTF-8".to_owned()))?,
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<String> {
        let mut reader = EventReader::default();
        let mut out = VecDeque::new();
        for chunk in chunks {
            reader.push(chunk, &mut out).unwrap();
        }
        out.into()
    }

    #[test]
    fn every_line_end_and_every_split_gives_the_same_events() {
        for line_end in ["\n", "\r\n", "\r"] {
            let lines = [
                "\u{feff}: hello",
                "event: x",
                "data: one ü",
                "data:two",
                "",
                "",
                "id: 1",
                "data: three",
                "",
                "",
            ];
            let text = lines.join(line_end);
            let expected = ["one ü\ntwo", "three"];
            for at in 0..text.len() {
                let (left, right) = text.as_bytes().split_at(at);
                assert_eq!(events(&[left, right]), expected, "{line_end:?} split at {at}");
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(events(&bytes), expected, "{line_end:?} byte by byte");
        }
    }

    #[test]
    fn an_unfinished_event_is_not_delivered() {
        assert!(events(&[b"data: one\n"]).is_empty());
    }

    #[test]
    fn empty_data_is_an_event_and_no_data_is_none() {
        assert_eq!(events(&[b"data:\n\nevent: ping\n\n"]), [""]);
    }

    #[test]
    fn limits_hold_for_one_event_and_for_all() {
        let chunk = vec![b'x'; 1024 * 1024];
        let mut reader = EventReader::default();
        let mut out = VecDeque::new();
        let pushed = (0..64).find(|_| reader.push(&chunk, &mut out).is_err());
        assert_eq!(pushed, Some(16));
        let event = [b"data: ".as_slice(), &chunk, b"\n\n"].concat();
        let mut reader = EventReader::default();
        let pushed = (0..100).find(|_| reader.push(&event, &mut out).is_err());
        assert_eq!(pushed, Some(63));
    }
}
