//! Head and tail of a long output, so that memory is bounded and the model sees what matters.

use std::collections::VecDeque;

/// Bytes of a command's output in a tool result, both streams together; below the cap of a result.
pub(crate) const SHOWN_BYTES: usize = 30 * 1024;
/// Share of what is shown that comes from the beginning: errors tend to stand at the end.
const HEAD_BYTES: usize = SHOWN_BYTES / 3;
const TAIL_BYTES: usize = SHOWN_BYTES - HEAD_BYTES;

/// The first and the last bytes of one stream.
#[derive(Default)]
pub(crate) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Kept {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        let rest = rest.get(rest.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..over);
    }

    /// Bytes taken so far.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// The text within `max_bytes`, and whether some was left out. `rest` tells from an offset how
    /// to read on.
    pub(crate) fn shown(&self, max_bytes: usize, rest: impl Fn(usize) -> String) -> (String, bool) {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        if self.total <= max_bytes as u64 {
            return (lossy(&[self.head.as_slice(), &tail].concat()), false);
        }
        let head_bytes = self.head.len().min(max_bytes / 3);
        let tail_bytes = (max_bytes - head_bytes).min(tail.len());
        let head = self.head.get(..head_bytes).unwrap_or_default();
        let end = tail.get(tail.len() - tail_bytes..).unwrap_or_default();
        let left_out = self.total - (head_bytes + tail_bytes) as u64;
        let mark = format!("\n[{left_out} bytes left out here. {}]\n", rest(head_bytes));
        (format!("{}{mark}{}", lossy(head), lossy(end)), true)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Turns a stream of bytes into text without tearing characters apart.
#[derive(Default)]
pub(crate) struct Chars {
    torn: Vec<u8>,
    /// Where the next text starts.
    offset: u64,
}

impl Chars {
    /// The text that is complete now, with its offset; what is no UTF-8 is replaced.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<(u64, String)> {
        self.torn.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.torn) {
            Ok(_) => self.torn.len(),
            // An error without a length is a character whose end has not arrived.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.torn.len(),
        };
        let rest = self.torn.split_off(whole);
        let text = lossy(&std::mem::replace(&mut self.torn, rest));
        let offset = self.offset;
        self.offset += whole as u64;
        (!text.is_empty()).then_some((offset, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kept: &Kept, max: usize) -> (String, bool) {
        kept.shown(max, |offset| format!("offset {offset}"))
    }

    #[test]
    fn what_fits_is_shown_whole_and_one_byte_more_is_cut() {
        let mut kept = Kept::default();
        for byte in 0..SHOWN_BYTES {
            kept.push(&[b'a' + (byte % 26) as u8]);
        }
        let (text, cut) = shown(&kept, SHOWN_BYTES);
        assert_eq!((text.len(), cut), (SHOWN_BYTES, false));
        kept.push(b"!");
        let (text, cut) = shown(&kept, SHOWN_BYTES);
        assert!(cut && text.starts_with("abc") && text.ends_with('!'));
        assert!(text.contains("[1 bytes left out here. offset 10240]"), "{text}");
    }

    #[test]
    fn a_huge_push_keeps_only_its_ends() {
        let mut kept = Kept::default();
        kept.push(&vec![b'x'; 5_000_000]);
        kept.push(b"end");
        assert!(kept.tail.len() <= TAIL_BYTES && kept.total() == 5_000_003);
        let (text, _) = shown(&kept, 300);
        assert!(text.len() < 400 && text.ends_with("end"));
    }

    #[test]
    fn characters_are_not_torn_between_chunks() {
        let mut chars = Chars::default();
        let bytes = "aé→".as_bytes();
        let texts: Vec<_> = bytes.chunks(1).filter_map(|chunk| chars.push(chunk)).collect();
        let expected = [(0, "a".to_owned()), (1, "é".to_owned()), (3, "→".to_owned())];
        assert_eq!(texts, expected);
        assert_eq!(chars.push(&[0xff, b'b']), Some((6, "\u{fffd}b".to_owned())));
    }
}
