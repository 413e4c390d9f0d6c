//! The requests: open files by handle, folders, names.

use super::attributes::{self, Attributes};
use super::wire::{Reader, Writer};
use super::{Outcome, PACKET_BYTES};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions, ReadDir};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Extensions understood, all of version 1.
pub const EXTENSIONS: [&str; 3] =
    ["posix-rename@openssh.com", "hardlink@openssh.com", "fsync@openssh.com"];
/// Files and folders open at once.
const OPEN: usize = 1024;
/// Bytes of names in one answer.
const NAMES_BYTES: usize = 32 * 1024;
/// Bytes read at once at most.
const READ_BYTES: usize = PACKET_BYTES - 1024;

const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;

const FLAG_READ: u32 = 1;
const FLAG_WRITE: u32 = 2;
const FLAG_APPEND: u32 = 4;
const FLAG_CREATE: u32 = 8;
const FLAG_TRUNCATE: u32 = 16;
const FLAG_EXCLUSIVE: u32 = 32;

enum Open {
    File(File, PathBuf),
    Folder { entries: ReadDir, path: PathBuf, begun: bool },
}

/// What a client has open.
#[derive(Default)]
pub struct Files {
    open: HashMap<u64, Open>,
    next: u64,
}

type Answered = Result<Option<Writer>, Outcome>;

fn path(fields: &mut Reader<'_>) -> Result<PathBuf, Outcome> {
    let text = fields.text().ok_or(Outcome::BadMessage)?;
    let text = if text.is_empty() { b"." } else { text };
    Ok(PathBuf::from(OsStr::from_bytes(text)))
}

fn wanted(fields: &mut Reader<'_>) -> Result<Attributes, Outcome> {
    Attributes::read(fields).ok_or(Outcome::BadMessage)
}

fn found(id: u32, found: &Metadata) -> Writer {
    let mut writer = Writer::new(ATTRS);
    writer.number(id);
    attributes::write(&mut writer, found);
    writer
}

fn named(id: u32, path: &Path) -> Writer {
    let text = path.as_os_str().as_bytes();
    let mut writer = Writer::new(NAME);
    writer.number(id).number(1).text(text).text(text).number(0);
    writer
}

impl Files {
    /// Carries out a request; none = done, with nothing to say.
    pub fn carry_out(&mut self, kind: u8, id: u32, fields: &mut Reader<'_>) -> Answered {
        match kind {
            3 => self.open(id, fields),
            4 => self.close(fields),
            5 => self.read(id, fields),
            6 => self.write(fields),
            7 => Ok(Some(found(id, &std::fs::symlink_metadata(path(fields)?)?))),
            8 => self.stat_open(id, fields),
            9 => path(fields).and_then(|path| wanted(fields)?.apply(&path)).map(|()| None),
            10 => self.set_open(fields),
            11 => self.open_folder(id, fields),
            12 => self.list(id, fields),
            13 => Ok(std::fs::remove_file(path(fields)?).map(|()| None)?),
            14 => {
                let path = path(fields)?;
                let mode = wanted(fields)?.mode;
                std::fs::create_dir(&path)?;
                Attributes::of_mode(mode).apply(&path).map(|()| None)
            }
            15 => Ok(std::fs::remove_dir(path(fields)?).map(|()| None)?),
            16 => real(id, &path(fields)?).map(Some),
            17 => Ok(Some(found(id, &std::fs::metadata(path(fields)?)?))),
            18 => rename(&path(fields)?, &path(fields)?),
            19 => Ok(Some(named(id, &std::fs::read_link(path(fields)?)?))),
            20 => {
                // Other servers have the two the wrong way round, and so do all clients.
                let (target, link) = (path(fields)?, path(fields)?);
                Ok(std::os::unix::fs::symlink(target, link).map(|()| None)?)
            }
            200 => self.extended(fields),
            _ => Err(Outcome::Unsupported),
        }
    }

    fn keep(&mut self, id: u32, open: Open) -> Answered {
        if self.open.len() >= OPEN {
            return Err(io::Error::other("too many files are open").into());
        }
        self.next += 1;
        self.open.insert(self.next, open);
        let mut writer = Writer::new(HANDLE);
        writer.number(id).text(&self.next.to_be_bytes());
        Ok(Some(writer))
    }

    fn handle(fields: &mut Reader<'_>) -> Result<u64, Outcome> {
        let text = fields.text().ok_or(Outcome::BadMessage)?;
        Ok(u64::from_be_bytes(text.try_into().map_err(|_| Outcome::BadMessage)?))
    }

    fn file(&self, handle: u64) -> Result<(&File, &Path), Outcome> {
        match self.open.get(&handle) {
            Some(Open::File(file, path)) => Ok((file, path)),
            Some(Open::Folder { .. }) | None => Err(io::Error::other("no such handle").into()),
        }
    }

    fn open(&mut self, id: u32, fields: &mut Reader<'_>) -> Answered {
        let path = path(fields)?;
        let flags = fields.number().ok_or(Outcome::BadMessage)?;
        let mode = wanted(fields)?.mode;
        let has = |flag: u32| flags & flag != 0;
        let mut options = OpenOptions::new();
        options
            .read(has(FLAG_READ))
            .write(has(FLAG_WRITE) && !has(FLAG_APPEND))
            .append(has(FLAG_APPEND))
            .truncate(has(FLAG_TRUNCATE) && !has(FLAG_APPEND))
            .create(has(FLAG_CREATE))
            .create_new(has(FLAG_CREATE) && has(FLAG_EXCLUSIVE))
            .mode(mode.unwrap_or(0o666))
            // A pipe or device must not hold the client up.
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let file = options.open(&path)?;
        self.keep(id, Open::File(file, path))
    }

    fn close(&mut self, fields: &mut Reader<'_>) -> Answered {
        let known = self.open.remove(&Self::handle(fields)?);
        known.map(|_| None).ok_or_else(|| io::Error::other("no such handle").into())
    }

    fn read(&self, id: u32, fields: &mut Reader<'_>) -> Answered {
        let (file, _) = self.file(Self::handle(fields)?)?;
        let at = fields.long().ok_or(Outcome::BadMessage)?;
        let length = fields.number().ok_or(Outcome::BadMessage)? as usize;
        let mut bytes = vec![0; length.min(READ_BYTES)];
        let read = file.read_at(&mut bytes, at)?;
        if read == 0 {
            return Err(Outcome::End);
        }
        let mut writer = Writer::new(DATA);
        writer.number(id).text(bytes.get(..read).unwrap_or_default());
        Ok(Some(writer))
    }

    fn write(&self, fields: &mut Reader<'_>) -> Answered {
        let (file, _) = self.file(Self::handle(fields)?)?;
        let at = fields.long().ok_or(Outcome::BadMessage)?;
        file.write_all_at(fields.text().ok_or(Outcome::BadMessage)?, at)?;
        Ok(None)
    }

    fn stat_open(&self, id: u32, fields: &mut Reader<'_>) -> Answered {
        Ok(Some(found(id, &self.file(Self::handle(fields)?)?.0.metadata()?)))
    }

    fn set_open(&self, fields: &mut Reader<'_>) -> Answered {
        let (_, path) = self.file(Self::handle(fields)?)?;
        wanted(fields)?.apply(path).map(|()| None)
    }

    fn open_folder(&mut self, id: u32, fields: &mut Reader<'_>) -> Answered {
        let path = path(fields)?;
        let entries = std::fs::read_dir(&path)?;
        self.keep(id, Open::Folder { entries, path, begun: false })
    }

    fn list(&mut self, id: u32, fields: &mut Reader<'_>) -> Answered {
        let Some(Open::Folder { entries, path, begun }) = self.open.get_mut(&Self::handle(fields)?)
        else {
            return Err(io::Error::other("no such handle").into());
        };
        let mut names = Names::default();
        if !std::mem::replace(begun, true) {
            names.add(OsStr::new("."), &path.metadata()?);
            let parent = path.join("..").metadata().or_else(|_| path.metadata())?;
            names.add(OsStr::new(".."), &parent);
        }
        while names.bytes.len() < NAMES_BYTES
            && let Some(entry) = entries.next()
        {
            let entry = entry?;
            // One that went meanwhile is not there.
            if let Ok(found) = entry.metadata() {
                names.add(&entry.file_name(), &found);
            }
        }
        names.answer(id)
    }

    fn extended(&self, fields: &mut Reader<'_>) -> Answered {
        match fields.text().ok_or(Outcome::BadMessage)? {
            b"posix-rename@openssh.com" => {
                Ok(std::fs::rename(path(fields)?, path(fields)?).map(|()| None)?)
            }
            b"hardlink@openssh.com" => {
                Ok(std::fs::hard_link(path(fields)?, path(fields)?).map(|()| None)?)
            }
            b"fsync@openssh.com" => {
                Ok(self.file(Self::handle(fields)?)?.0.sync_all().map(|()| None)?)
            }
            _ => Err(Outcome::Unsupported),
        }
    }
}

/// Names on their way into one answer.
struct Names {
    bytes: Writer,
    count: u32,
}

impl Default for Names {
    fn default() -> Self {
        Self { bytes: Writer::new(NAME), count: 0 }
    }
}

impl Names {
    fn add(&mut self, name: &OsStr, found: &Metadata) {
        let line = attributes::line(&name.to_string_lossy(), found);
        self.bytes.text(name.as_bytes()).text(line.as_bytes());
        attributes::write(&mut self.bytes, found);
        self.count += 1;
    }

    fn answer(self, id: u32) -> Answered {
        if self.count == 0 {
            return Err(Outcome::End);
        }
        let mut writer = Writer::new(NAME);
        writer.number(id).number(self.count).append(&self.bytes);
        Ok(Some(writer))
    }
}

/// The whole path of a name that may not be there.
fn real(id: u32, path: &Path) -> Result<Writer, Outcome> {
    let whole = match std::fs::canonicalize(path) {
        Ok(whole) => whole,
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(path)?,
        Err(error) => return Err(error.into()),
    };
    Ok(named(id, &whole))
}

/// Without the extension nothing is replaced.
fn rename(from: &Path, to: &Path) -> Answered {
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    let here = rustix::fs::CWD;
    rustix::fs::renameat_with(here, from, here, to, flags).map_err(io::Error::from)?;
    Ok(None)
}
