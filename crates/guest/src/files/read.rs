//! Lines of a text file.

use super::{explain, open, resolve};
use crate::ops::fault;
use protocol::link::{Answer, Fault, FaultCode, FileText, ReadFile};
use std::io::Read as _;

/// Bytes of a file that is read at all.
const FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes at the start in which a zero byte means "binary".
const BINARY_PROBE_BYTES: usize = 8 * 1024;
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Bytes of text answered at most, whatever was asked.
const TEXT_BYTES: u64 = 8 * 1024 * 1024;

/// Reads the lines wanted and counts all.
pub fn file(wanted: &ReadFile) -> Result<Answer, Fault> {
    let path = resolve(&wanted.cwd, &wanted.path)?;
    let (mut file, size) = open(&path, &wanted.path)?;
    let unsuitable = |text: String| Err(fault(FaultCode::Unsuitable, text));
    if size > FILE_BYTES {
        let shown = &wanted.path;
        return unsuitable(format!("{shown} has {size} bytes; read parts of it with a command"));
    }
    let mut lines = Lines::new(wanted);
    let mut buffer = vec![0; READ_BYTES];
    let mut first = true;
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(|error| explain(&wanted.path, &error))?;
        let piece = buffer.get(..read).unwrap_or_default();
        let probe = piece.get(..BINARY_PROBE_BYTES).unwrap_or(piece);
        if first && probe.contains(&0) {
            return unsuitable(format!("{} is a binary file of {size} bytes", wanted.path));
        }
        first = false;
        bytes += read as u64;
        lines.take(piece);
        // A file that grows while it is read, as those in /proc, must end too.
        if read == 0 || bytes > FILE_BYTES {
            return Ok(Answer::File(lines.finish(bytes)));
        }
    }
}

struct Lines {
    skip: u64,
    limit: u64,
    max: usize,
    text: Vec<u8>,
    /// Lines that have ended.
    ended: u64,
    /// The last byte seen was not the end of a line.
    open_line: bool,
    cut: bool,
}

impl Lines {
    fn new(wanted: &ReadFile) -> Self {
        Self {
            skip: wanted.offset_line,
            limit: wanted.limit_lines,
            max: usize::try_from(wanted.max_bytes.min(TEXT_BYTES)).unwrap_or(usize::MAX),
            text: Vec::new(),
            ended: 0,
            open_line: false,
            cut: false,
        }
    }

    fn take(&mut self, piece: &[u8]) {
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            let wanted = self.ended >= self.skip && self.ended - self.skip < self.limit;
            if wanted && !self.cut {
                let room = self.max - self.text.len();
                self.cut = line.len() > room;
                self.text.extend_from_slice(line.get(..room).unwrap_or(line));
            }
            self.open_line = line.last() != Some(&b'\n');
            self.ended += u64::from(!self.open_line);
        }
    }

    fn finish(mut self, total_bytes: u64) -> FileText {
        if self.cut
            && let Err(error) = std::str::from_utf8(&self.text)
            && error.error_len().is_none()
        {
            self.text.truncate(error.valid_up_to());
        }
        let total_lines = self.ended + u64::from(self.open_line);
        let newlines = self.text.iter().filter(|byte| **byte == b'\n').count() as u64;
        let unfinished = self.text.last().is_some_and(|byte| *byte != b'\n');
        let text = String::from_utf8_lossy(&self.text);
        let lines = newlines + u64::from(unfinished);
        FileText {
            lossy: matches!(text, std::borrow::Cow::Owned(_)),
            first_line: self.skip + 1,
            lines,
            total_lines,
            total_bytes,
            truncated: self.cut || self.skip.saturating_add(lines) < total_lines,
            text: text.into_owned(),
        }
    }
}
