//! Layers as one file that another server takes in: a `tar` archive, compressed with zstd.
//!
//! ```text
//! workspace/…  home/…  opt/…  vartmp/…  root/…       the folders of a disk, all layers together
//! ```
//! It stands on nothing: what a layer stood on is in it. Owners are those seen inside a sandbox.
//! What `tar` has no word for, or not for all bytes that may occur, is in records of our own, in
//! hexadecimal digits; other programs pass over them.
//!
//! TRUST: whoever made the file may have put anything into it. It is unpacked in a process that sees
//! nothing else, by names that are never followed through links; it is never mounted, for the kernel
//! does not expect file systems that somebody made up.

pub mod pack;
pub mod take;

/// A record: an attribute of a file, as its name and its value with a colon between.
const ATTRIBUTE: &str = "ERRAND.attribute";
/// A record: where a link leads, if that does not fit into the archive's own field.
const LINK: &str = "ERRAND.linkpath";
/// A record of the standard: when a file was changed last, with a fraction.
const CHANGED: &str = "mtime";
/// Bytes of the archive's own field for where a link leads.
const LINK_BYTES: usize = 100;
/// Depth of directories; one descriptor is open at each.
const DEPTH: usize = 256;
/// Bytes of a file that are read or written at once.
const CHUNK_BYTES: usize = 256 * 1024;

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::{from_hex, to_hex};

    #[test]
    fn any_bytes_come_back_and_nothing_else_is_read() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(to_hex(&all).as_bytes()), Some(all));
        for bad in ["a", "abc", "zz", "+1", "0x"] {
            assert_eq!(from_hex(bad.as_bytes()), None, "{bad}");
        }
    }
}
