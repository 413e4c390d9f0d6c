//! Archives that somebody else wrote: decompressed, and counted while they are read.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use tar::Archive;

/// Bytes that an archive may have when it is unpacked.
pub const BYTES: u64 = 32 * 1024 * 1024 * 1024;
/// Files and directories that it may have.
const ENTRIES: u64 = 2_000_000;
/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// How what is compressed with gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How what is compressed with zstd begins.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What may still come, of one archive or of several that belong together.
pub struct Left {
    bytes: u64,
    entries: u64,
}

impl Default for Left {
    fn default() -> Self {
        Self { bytes: BYTES, entries: ENTRIES }
    }
}

/// Why nothing more is read or written.
pub fn too_large() -> io::Error {
    io::Error::other("it has more than 32 GiB when unpacked")
}

/// Counts what is read, and ends where it is too much.
pub struct Counted<'a, R> {
    inner: R,
    left: &'a mut u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        *self.left = self.left.checked_sub(read as u64).ok_or_else(too_large)?;
        Ok(read)
    }
}

/// Reads every entry of an archive, however it is compressed, to its very end.
pub fn each_entry(
    archive: fs::File,
    left: &mut Left,
    mut each: impl FnMut(tar::Entry<'_, Counted<'_, Box<dyn Read>>>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = BufReader::with_capacity(BUFFER_BYTES, archive);
    let start = file.fill_buf()?;
    let inner: Box<dyn Read> = if start.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(file))
    } else if start.starts_with(&ZSTD) {
        Box::new(zstd::Decoder::with_buffer(file)?)
    } else {
        Box::new(file)
    };
    let Left { bytes, entries } = left;
    let mut archive = Archive::new(Counted { inner, left: bytes });
    archive.set_preserve_permissions(true);
    archive.set_preserve_ownerships(true);
    for entry in archive.entries()? {
        let too_many = || io::Error::other("it has more than 2,000,000 files");
        *entries = entries.checked_sub(1).ok_or_else(too_many)?;
        each(entry?)?;
    }
    // What follows the last entry is nothing, but the compression's checksum lies behind it.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop)
}
