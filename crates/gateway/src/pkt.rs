//! Git's packet lines: four hexadecimal digits of length, then the bytes. Pure.

/// Most bytes of one packet's content.
pub(crate) const PACKET_BYTES: usize = 65_516;
/// Most content of a packet that carries a side band, one byte of which names the band.
const BAND_BYTES: usize = PACKET_BYTES - 1;

/// A band of a multiplexed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Band {
    /// The answer itself.
    Data = 1,
    /// Words for the person.
    Words = 2,
}

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// The end of a section.
    Flush,
    /// A line of a section.
    Data(&'a [u8]),
}

/// Bytes that are no packet line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed packet line")]
pub(crate) struct BadPacket;

/// Reads one packet and how many bytes it took; none where more bytes are needed.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>, BadPacket> {
    let Some((head, rest)) = bytes.split_at_checked(4) else { return Ok(None) };
    if !head.iter().all(u8::is_ascii_hexdigit) {
        return Err(BadPacket);
    }
    let digits = std::str::from_utf8(head).map_err(|_| BadPacket)?;
    match usize::from_str_radix(digits, 16).map_err(|_| BadPacket)? {
        0 => Ok(Some((Packet::Flush, 4))),
        length if (4..=PACKET_BYTES + 4).contains(&length) => {
            Ok(rest.get(..length - 4).map(|data| (Packet::Data(data), length)))
        }
        _ => Err(BadPacket),
    }
}

/// Writes one line; content over the limit is the caller's fault and is cut into several.
pub(crate) fn line(out: &mut Vec<u8>, data: &[u8]) {
    for chunk in data.chunks(PACKET_BYTES) {
        out.extend_from_slice(format!("{:04x}", chunk.len() + 4).as_bytes());
        out.extend_from_slice(chunk);
    }
}

/// Writes the end of a section.
pub(crate) fn flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

/// Writes bytes into a band.
pub(crate) fn band(out: &mut Vec<u8>, band: Band, data: &[u8]) {
    for chunk in data.chunks(BAND_BYTES) {
        out.extend_from_slice(format!("{:04x}", chunk.len() + 5).as_bytes());
        out.push(band as u8);
        out.extend_from_slice(chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        line(&mut out, b"hello\n");
        flush(&mut out);
        assert_eq!(out, b"000ahello\n0000");
        assert_eq!(read(&out), Ok(Some((Packet::Data(b"hello\n"), 10))));
        assert_eq!(read(&out[10..]), Ok(Some((Packet::Flush, 4))));
        for cut in 0..10 {
            assert_eq!(read(&out[..cut]), Ok(None), "{cut}");
        }
    }

    #[test]
    fn malformed_lengths_are_refused() {
        for bytes in [
            &b"0001"[..],
            b"0002",
            b"0003",
            b"zzzz",
            b"+00a",
            b"-001",
            b"fff1",
            b"ffff",
            b" 10x",
            b"0x10",
        ] {
            assert_eq!(read(bytes), Err(BadPacket), "{bytes:?}");
        }
    }

    #[test]
    fn long_content_is_cut_into_packets() {
        let mut out = Vec::new();
        band(&mut out, Band::Data, &vec![7; 200_000]);
        let (mut rest, mut total) = (out.as_slice(), 0);
        while let Some((Packet::Data(data), taken)) = read(rest).unwrap() {
            assert_eq!(data[0], 1);
            total += data.len() - 1;
            rest = &rest[taken..];
        }
        assert_eq!(total, 200_000);
    }
}
