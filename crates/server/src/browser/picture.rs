//! Whether bytes are a picture that may be shown to people.
//!
//! TRUST: the bytes come from a program inside. They are drawn by a person's browser, so they must be
//! one whole JPEG of a reasonable size: a few bytes that claim a billion pixels are refused here.

/// Pixels on one side at most.
pub const SIDE_MAX: u16 = 4096;
/// Bytes of one picture.
pub const PICTURE_BYTES: usize = 3 * 1024 * 1024;

const MARK: u8 = 0xff;
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
/// Frame headers that browsers write: baseline, extended, progressive.
const FRAME: std::ops::RangeInclusive<u8> = 0xc0..=0xc2;
/// Markers without a length: none of them belongs before the picture's data.
const BARE: std::ops::RangeInclusive<u8> = 0xd0..=0xd9;

/// Width and height of a JPEG that may be shown.
pub fn size(bytes: &[u8]) -> Option<(u16, u16)> {
    let whole = bytes.starts_with(&[MARK, START, MARK]) && bytes.ends_with(&[MARK, END]);
    if !whole || bytes.len() > PICTURE_BYTES {
        return None;
    }
    let mut rest = bytes.get(2..)?;
    let mut found = None;
    loop {
        let (&[mark, kind, high, low], _) = rest.split_first_chunk::<4>()?;
        if mark != MARK || BARE.contains(&kind) || kind == 0 || kind == MARK {
            return None;
        }
        if kind == SCAN {
            return found;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = rest.get(4..2 + length)?;
        if FRAME.contains(&kind) {
            // A second frame would be drawn in another size than the one that was checked.
            let first = found.is_none();
            found = Some(frame(segment).filter(|_| first)?);
        }
        rest = rest.get(2 + length..)?;
    }
}

fn frame(segment: &[u8]) -> Option<(u16, u16)> {
    let (&[_, h1, h2, w1, w2], _) = segment.split_first_chunk::<5>()?;
    let (width, height) = (u16::from_be_bytes([w1, w2]), u16::from_be_bytes([h1, h2]));
    let fits = |side: u16| (1..=SIDE_MAX).contains(&side);
    (fits(width) && fits(height)).then_some((width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG as far as its first scan, of this size.
    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8];
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.extend([1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 7, 7, 0xff, 0xd9]);
        bytes
    }

    #[test]
    fn a_jpeg_of_a_reasonable_size_is_shown() {
        assert_eq!(size(&jpeg(1280, 720)), Some((1280, 720)));
    }

    #[test]
    fn what_is_no_jpeg_or_claims_too_much_is_not_shown() {
        let whole = jpeg(10, 10);
        for cut in 0..whole.len() {
            assert_eq!(size(&whole[..cut]), None, "cut at {cut}");
        }
        for (width, height) in [(0, 10), (10, 0), (SIDE_MAX + 1, 10), (10, u16::MAX)] {
            assert_eq!(size(&jpeg(width, height)), None, "{width}x{height}");
        }
        for other in
            [&b"\x89PNG\r\n\x1a\n"[..], b"<svg/>", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xff\xd9"]
        {
            assert_eq!(size(other), None);
        }
        let mut huge = jpeg(10, 10);
        huge.splice(huge.len() - 2..huge.len() - 2, vec![7; PICTURE_BYTES]);
        assert_eq!(size(&huge), None);
        let mut twice = jpeg(10, 10);
        let second = twice[8..21].to_vec();
        twice.splice(8..8, second);
        assert_eq!(size(&twice), None, "two frames");
    }

    #[test]
    fn whatever_the_bytes_are_nothing_panics() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let mut bytes = jpeg(100, 100);
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            if let Some((width, height)) = size(&bytes) {
                assert!(width <= SIDE_MAX && height <= SIDE_MAX);
            }
        }
    }
}
