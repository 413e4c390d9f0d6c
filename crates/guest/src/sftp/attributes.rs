//! What is said of a file: size, owner, mode, times.

use super::Outcome;
use super::wire::{Reader, Writer};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use std::fs::{Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const MODE: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;

/// What a client wants a file to be.
#[derive(Debug, Default, Clone, Copy)]
pub struct Attributes {
    size: Option<u64>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Last access and last change, in seconds.
    times: Option<(u32, u32)>,
}

impl Attributes {
    /// Reads them; owners are read and not followed, since a file is its maker's.
    pub fn read(fields: &mut Reader<'_>) -> Option<Self> {
        let flags = fields.number()?;
        let mut wanted = Self::default();
        if flags & SIZE != 0 {
            wanted.size = Some(fields.long()?);
        }
        if flags & OWNER != 0 {
            fields.number()?;
            fields.number()?;
        }
        if flags & MODE != 0 {
            wanted.mode = Some(fields.number()? & 0o7777);
        }
        if flags & TIMES != 0 {
            wanted.times = Some((fields.number()?, fields.number()?));
        }
        if flags & EXTENDED != 0 {
            for _ in 0..fields.number()? {
                fields.text()?;
                fields.text()?;
            }
        }
        Some(wanted)
    }

    /// A mode alone, or nothing.
    pub fn of_mode(mode: Option<u32>) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Makes the file at a path so.
    pub fn apply(&self, path: &Path) -> Result<(), Outcome> {
        if let Some(size) = self.size {
            std::fs::OpenOptions::new().write(true).open(path)?.set_len(size)?;
        }
        if let Some(mode) = self.mode {
            std::fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        if let Some((accessed, modified)) = self.times {
            let at = |seconds: u32| Timespec { tv_sec: i64::from(seconds), tv_nsec: 0 };
            let times = Timestamps { last_access: at(accessed), last_modification: at(modified) };
            rustix::fs::utimensat(CWD, path, &times, AtFlags::empty()).map_err(io::Error::from)?;
        }
        Ok(())
    }
}

/// Writes what a file is.
pub fn write(writer: &mut Writer, found: &Metadata) {
    writer.number(SIZE | OWNER | MODE | TIMES).long(found.len());
    writer.number(found.uid()).number(found.gid()).number(found.mode());
    let seconds = |time: i64| u32::try_from(time).unwrap_or(0);
    writer.number(seconds(found.atime())).number(seconds(found.mtime()));
}

/// A line as `ls -l` shows it.
pub fn line(name: &str, found: &Metadata) -> String {
    let kind = match found.mode() & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        _ => '-',
    };
    let mut mode = String::from(kind);
    for shift in [6, 3, 0] {
        let bits = found.mode() >> shift;
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            mode.push(if bits & bit != 0 { letter } else { '-' });
        }
    }
    let (links, size, time) = (found.nlink(), found.len(), found.mtime());
    format!("{mode} {links:>3} {:<8} {:<8} {size:>10} {time} {name}", found.uid(), found.gid())
}
