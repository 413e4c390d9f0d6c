//! Cuts what is read into lines and walks them, a piece at a time.

use server::audit::chain::{AuditHead, Broken, Chain};

/// Bytes of one line: more than any record has.
const LINE_BYTES: usize = 256 * 1024;

/// A log that is being read.
pub struct Walk {
    chain: Chain,
    rest: Vec<u8>,
}

impl Walk {
    /// From the beginning, through a head that was noted.
    pub const fn new(noted: Option<AuditHead>) -> Self {
        Self { chain: Chain::new(noted), rest: Vec::new() }
    }

    /// Takes what was read.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.rest.extend_from_slice(piece);
            self.line()?;
        }
        self.rest.extend_from_slice(last);
        if self.rest.len() > LINE_BYTES {
            return Err(self.no_line());
        }
        Ok(())
    }

    fn line(&mut self) -> Result<(), Broken> {
        let bytes = std::mem::take(&mut self.rest);
        match std::str::from_utf8(&bytes) {
            Ok(line) => self.chain.follow(line),
            Err(_) => Err(self.no_line()),
        }
    }

    fn no_line(&self) -> Broken {
        let seq = self.chain.head().seq.saturating_add(1);
        Broken { seq, why: "is no line of an audit log".to_owned() }
    }

    /// There is no more; the end of the log.
    pub fn end(mut self) -> Result<AuditHead, Broken> {
        if !self.rest.is_empty() {
            self.line()?;
        }
        self.chain.end()
    }
}
