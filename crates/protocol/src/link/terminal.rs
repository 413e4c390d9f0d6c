//! What comes out of a terminal that somebody attached to.
//!
//! A reader who is slower than the terminal does not hold it up: the oldest bytes that wait are
//! overwritten, and the reader is told how many it missed.

/// First byte of a data frame with output.
const OUTPUT: u8 = 1;
/// First byte of a data frame that tells of bytes left out.
const SKIPPED: u8 = 3;

/// One data frame of an `Attach`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes as the terminal printed them.
    Output(Vec<u8>),
    /// So many bytes are gone for this reader.
    Skipped(u64),
}

impl Piece {
    /// The frame's payload without its first byte, and that byte.
    pub fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Output(bytes) => (OUTPUT, bytes.clone()),
            Self::Skipped(bytes) => (SKIPPED, bytes.to_le_bytes().to_vec()),
        }
    }

    /// First byte of a frame with output.
    pub const fn output_tag() -> u8 {
        OUTPUT
    }

    /// A frame's payload, taken apart; `None` when it is no such frame.
    pub fn decode(mut payload: Vec<u8>) -> Option<Self> {
        match *payload.first()? {
            OUTPUT => {
                payload.remove(0);
                Some(Self::Output(payload))
            }
            SKIPPED => {
                let bytes = payload.get(1..)?.try_into().ok()?;
                Some(Self::Skipped(u64::from_le_bytes(bytes)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_survive_the_wire_and_nonsense_is_none() {
        for piece in [Piece::Output(b"abc".to_vec()), Piece::Skipped(1 << 40)] {
            let (tag, rest) = piece.encode();
            assert_eq!(Piece::decode([vec![tag], rest].concat()), Some(piece));
        }
        for bad in [vec![], vec![2, 1], vec![3, 1]] {
            assert_eq!(Piece::decode(bad), None);
        }
    }
}
