//! Answers that come packed although they were asked for unpacked: unpacked on their way, so that they can be looked
//! through.
//!
//! TRUST: the host chooses what is unpacked. A piece of it is unpacked at a time, and an answer has an end.

use crate::reply::BodyError;
use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use hyper::body::{Body, Frame};
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Packed bytes that are unpacked at a time; they become a thousand times as many at most.
const PIECE_BYTES: usize = 4 * 1024;
/// Bytes that an answer may have when it is unpacked.
const UNPACKED_BYTES: u64 = 1024 * 1024 * 1024;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
    /// With deflate, in the frame of zlib or without.
    Deflate,
    /// In a way that is not undone here.
    Other,
}

impl Packing {
    /// As the headers say.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let (Some(coding), None) = (codings.next(), codings.next()) else {
            return if headers.contains_key(header::CONTENT_ENCODING) {
                Self::Other
            } else {
                Self::None
            };
        };
        match coding.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
            b"identity" => Self::None,
            b"gzip" | b"x-gzip" => Self::Gzip,
            b"deflate" => Self::Deflate,
            _ => Self::Other,
        }
    }
}

enum Decoder {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
    Raw(DeflateDecoder<Vec<u8>>),
    /// Deflate of which nothing came yet: its first byte tells the frame.
    Undecided,
}

impl Decoder {
    fn push(&mut self, piece: &[u8]) -> std::io::Result<Vec<u8>> {
        if let (Self::Undecided, Some(first)) = (&*self, piece.first()) {
            // A block of bare deflate never begins like this.
            let is_zlib = first & 0x0f == 8;
            *self = match is_zlib {
                true => Self::Zlib(ZlibDecoder::new(Vec::new())),
                false => Self::Raw(DeflateDecoder::new(Vec::new())),
            };
        }
        match self {
            Self::Gzip(decoder) => decoder.write_all(piece)?,
            Self::Zlib(decoder) => decoder.write_all(piece)?,
            Self::Raw(decoder) => decoder.write_all(piece)?,
            Self::Undecided => {}
        }
        Ok(self.taken())
    }

    /// The end, which has to be one.
    fn finish(&mut self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Gzip(decoder) => decoder.try_finish()?,
            Self::Zlib(decoder) => decoder.try_finish()?,
            Self::Raw(decoder) => decoder.try_finish()?,
            Self::Undecided => {}
        }
        Ok(self.taken())
    }

    fn taken(&mut self) -> Vec<u8> {
        match self {
            Self::Gzip(decoder) => std::mem::take(decoder.get_mut()),
            Self::Zlib(decoder) => std::mem::take(decoder.get_mut()),
            Self::Raw(decoder) => std::mem::take(decoder.get_mut()),
            Self::Undecided => Vec::new(),
        }
    }
}

/// A packed body, unpacked.
pub(crate) struct Unpacked<B> {
    body: B,
    decoder: Decoder,
    /// What came and is still packed.
    waiting: Bytes,
    /// Whether anything came: an answer to HEAD has no body.
    has_begun: bool,
    has_ended: bool,
    left: u64,
}

impl<B> Unpacked<B> {
    /// The body, where its packing can be undone.
    pub(crate) fn new(body: B, packing: Packing) -> Option<Self> {
        let decoder = match packing {
            Packing::Gzip => Decoder::Gzip(MultiGzDecoder::new(Vec::new())),
            Packing::Deflate => Decoder::Undecided,
            Packing::None | Packing::Other => return None,
        };
        let (waiting, left) = (Bytes::new(), UNPACKED_BYTES);
        Some(Self { body, decoder, waiting, has_begun: false, has_ended: false, left })
    }

    fn counted(&mut self, unpacked: Vec<u8>) -> Result<Bytes, BodyError> {
        let left = self.left.checked_sub(unpacked.len() as u64);
        self.left = left.ok_or("an answer is larger than may be unpacked")?;
        Ok(unpacked.into())
    }

    /// What the next piece of what waits becomes; none: nothing waits.
    fn unpack(&mut self) -> Result<Option<Bytes>, BodyError> {
        while !self.waiting.is_empty() {
            let piece = self.waiting.split_to(self.waiting.len().min(PIECE_BYTES));
            let unpacked = self.decoder.push(&piece)?;
            if !unpacked.is_empty() {
                return self.counted(unpacked).map(Some);
            }
        }
        Ok(None)
    }
}

impl<B> Body for Unpacked<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match self.unpack() {
                Ok(Some(unpacked)) => return Poll::Ready(Some(Ok(Frame::data(unpacked)))),
                Ok(None) if self.has_ended => return Poll::Ready(None),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.waiting = frame.into_data().unwrap_or_default();
                    self.has_begun |= !self.waiting.is_empty();
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => {
                    self.has_ended = true;
                    if !self.has_begun {
                        return Poll::Ready(None);
                    }
                    let rest = self.decoder.finish().map_err(Into::into);
                    let rest = rest.and_then(|rest| self.counted(rest));
                    match rest {
                        Ok(rest) if rest.is_empty() => return Poll::Ready(None),
                        rest => return Poll::Ready(Some(rest.map(Frame::data))),
                    }
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use futures::stream;
    use http::HeaderValue;
    use http_body_util::{BodyExt as _, StreamBody};
    use std::convert::Infallible;

    async fn unpacked(packing: Packing, packed: &[u8], piece: usize) -> Result<Vec<u8>, String> {
        let frames = packed
            .chunks(piece)
            .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece))));
        let body = StreamBody::new(stream::iter(frames.collect::<Vec<_>>()));
        let body = Unpacked::new(body, packing).unwrap();
        body.collect().await.map(|all| all.to_bytes().to_vec()).map_err(|error| error.to_string())
    }

    fn packed(text: &[u8]) -> [(Packing, Vec<u8>); 4] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text).unwrap();
        zlib.write_all(text).unwrap();
        raw.write_all(text).unwrap();
        let gzip = gzip.finish().unwrap();
        // Two members are one body.
        let (empty, twice) = (GzEncoder::new(Vec::new(), Compression::fast()), gzip.clone());
        let twice = [empty.finish().unwrap(), twice].concat();
        [
            (Packing::Gzip, gzip),
            (Packing::Gzip, twice),
            (Packing::Deflate, zlib.finish().unwrap()),
            (Packing::Deflate, raw.finish().unwrap()),
        ]
    }

    #[tokio::test]
    async fn what_was_packed_comes_out_in_pieces_of_any_size() {
        let text: Vec<u8> = (0..200_000_u32).map(|number| (number / 7 % 251) as u8).collect();
        for (packing, packed) in packed(&text) {
            for piece in [1, 7, 5000, packed.len()] {
                assert_eq!(unpacked(packing, &packed, piece).await.as_ref(), Ok(&text));
            }
            assert_eq!(unpacked(packing, &[], 1).await, Ok(Vec::new()), "an answer to HEAD");
        }
    }

    #[tokio::test]
    async fn what_is_cut_off_or_is_none_is_an_error() {
        for (packing, packed) in packed(b"hello, hello, hello") {
            let cut = unpacked(packing, &packed[..packed.len() - 1], 9).await;
            // Deflate has no end of its own that would be looked for; that of the body is.
            assert!(cut.is_err() || packing == Packing::Deflate, "{packing:?}: {cut:?}");
            assert!(unpacked(packing, b"\xff\xff\xff\xff not packed", 9).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_bomb_has_an_end_and_comes_in_pieces() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![0; 8 << 20]).unwrap();
        let packed = Bytes::from(gzip.finish().unwrap());
        let body = http_body_util::Full::new(packed);
        let mut body = Unpacked::new(body, Packing::Gzip).unwrap();
        body.left = 6 << 20;
        let mut all = 0;
        let error = loop {
            match body.frame().await.unwrap() {
                Ok(frame) => {
                    let count = frame.into_data().unwrap().len();
                    assert!(count <= PIECE_BYTES * 1100, "{count}");
                    all += count;
                }
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("larger") && all <= 6 << 20, "{all}: {error}");
    }

    #[test]
    fn packings_are_told_by_one_header() {
        let of = |codings: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for coding in codings {
                headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            Packing::of(&headers)
        };
        assert_eq!(of(&[]), Packing::None);
        assert_eq!(of(&["Identity"]), Packing::None);
        assert_eq!(of(&["GZIP"]), Packing::Gzip);
        assert_eq!(of(&["deflate"]), Packing::Deflate);
        for other in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"], &["identity", "br"]] {
            assert_eq!(of(other), Packing::Other, "{other:?}");
        }
    }
}
