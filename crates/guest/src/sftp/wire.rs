//! Packets: numbers and texts, read without trusting their lengths.

/// A packet's kind and what follows.
pub struct Packet<'a> {
    /// Which request.
    pub kind: u8,
    /// Its fields.
    pub rest: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes the first byte off.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        Some(Self { kind: *kind, rest })
    }
}

/// Reads fields one after another.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// From the first field on.
    pub const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// Four bytes.
    pub fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Eight bytes.
    pub fn long(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    /// Bytes behind their length.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length as usize)
    }
}

/// Writes fields one after another.
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A packet of this kind.
    pub fn new(kind: u8) -> Self {
        Self { bytes: vec![0, 0, 0, 0, kind] }
    }

    /// Four bytes.
    pub fn number(&mut self, number: u32) -> &mut Self {
        self.bytes.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Eight bytes.
    pub fn long(&mut self, number: u64) -> &mut Self {
        self.bytes.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Bytes behind their length.
    pub fn text(&mut self, text: &[u8]) -> &mut Self {
        // Whatever is written was read in a packet or is a short name.
        self.number(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.bytes.extend_from_slice(text);
        self
    }

    /// Bytes so far.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The fields of another packet.
    pub fn append(&mut self, other: &Self) -> &mut Self {
        self.bytes.extend_from_slice(other.bytes.get(5..).unwrap_or_default());
        self
    }

    /// The packet behind its length.
    pub fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len() - 4).unwrap_or(u32::MAX);
        for (place, byte) in self.bytes.iter_mut().zip(length.to_be_bytes()) {
            *place = byte;
        }
        self.bytes
    }
}
