//! Key files: `kek` is generation 1, `kek.2` the next; `kek.3.sealed` is one that a service opens.

use super::{KEY_BYTES, Kept, KeyService, MadeKey};
use crate::error::Error;
use crate::sealed::random;
use secrecy::{ExposeSecret, SecretSlice};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What all of them are called.
const NAME: &str = "kek";
/// How those end that a service opens.
const SEALED: &str = "sealed";
/// A key that has no name yet.
const FRESH: &str = "kek.new";
/// Bytes of what a service keeps.
const KEPT_BYTES: u64 = 16 * 1024;

/// How a key lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// As it is.
    Plain,
    /// As a service encrypted it.
    Sealed,
}

/// The folder of keys.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn path(&self, generation: u64, source: Source) -> PathBuf {
        self.0.join(match (generation, source) {
            (1, Source::Plain) => NAME.to_owned(),
            (_, Source::Plain) => format!("{NAME}.{generation}"),
            (_, Source::Sealed) => format!("{NAME}.{generation}.{SEALED}"),
        })
    }

    /// The keys that are there.
    pub(super) fn generations(&self) -> Result<BTreeMap<u64, Source>, Error> {
        let mut found = BTreeMap::new();
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(Error::file("read the folder of keys")(error)),
        };
        for entry in entries {
            let entry = entry.map_err(Error::file("read the folder of keys"))?;
            let Some((number, source)) = entry.file_name().to_str().and_then(parse) else {
                continue;
            };
            if let Some(other) = found.insert(number, source) {
                let both = [other, source].map(|it| self.path(number, it).display().to_string());
                let both = both.join(" and ");
                return Err(Error::Key(format!(
                    "{both} are of one generation: move the one away that the other replaced"
                )));
            }
        }
        Ok(found)
    }

    /// What is said where a key is not there.
    pub(super) fn missing(&self, generation: u64) -> Error {
        Error::Key(format!(
            "{} (generation {generation}) is missing: put it back from your backup, the stored secrets need it",
            self.path(generation, Source::Plain).display()
        ))
    }

    /// Reads a key.
    pub(super) async fn read(
        &self,
        generation: u64,
        source: Source,
        service: Option<&dyn KeyService>,
    ) -> Result<SecretSlice<u8>, Error> {
        let path = self.path(generation, source);
        let bytes = read(&path)?;
        let bytes = match (source, service) {
            (Source::Plain, _) => bytes.into(),
            (Source::Sealed, Some(service)) => {
                let opened = service.open(generation, &bytes).await;
                opened.map_err(|why| Error::Key(format!("open {}: {why}", path.display())))?
            }
            (Source::Sealed, None) => {
                let path = path.display();
                return Err(Error::Key(format!("{path} needs the service that encrypted it")));
            }
        };
        whole(&path, bytes)
    }

    /// Makes a key. It is complete and on disk before it has its name.
    pub(super) async fn make(
        &self,
        generation: u64,
        service: Option<&dyn KeyService>,
    ) -> Result<SecretSlice<u8>, Error> {
        let (source, made) = match service.filter(|service| service.makes()) {
            Some(service) => {
                let made = service.make(generation).await;
                let failed =
                    |why| Error::Key(format!("make a key of generation {generation}: {why}"));
                (Source::Sealed, made.map_err(failed)?)
            }
            None => {
                let kept = random(KEY_BYTES)?;
                (Source::Plain, MadeKey { key: kept.clone().into(), kept })
            }
        };
        let path = self.path(generation, source);
        let key = whole(&path, made.key)?;
        self.write(&path, made.kept.into())?;
        Ok(key)
    }

    fn write(&self, path: &Path, bytes: SecretSlice<u8>) -> Result<(), Error> {
        let failed = || Error::file("make the key-encryption key");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(failed())?;
        let fresh = self.0.join(FRESH);
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed()(error)),
            Ok(()) | Err(_) => {}
        }
        let mut options = std::fs::OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(&fresh).map_err(failed())?;
        file.write_all(bytes.expose_secret()).map_err(failed())?;
        file.sync_all().map_err(failed())?;
        std::fs::rename(&fresh, path).map_err(failed())?;
        self.sync().map_err(failed())
    }

    pub(super) fn remove(&self, generation: u64, source: Source) -> Result<(), Error> {
        let gone = std::fs::remove_file(self.path(generation, source)).and_then(|()| self.sync());
        gone.map_err(Error::file("remove a key"))
    }

    fn sync(&self) -> std::io::Result<()> {
        std::fs::File::open(&self.0)?.sync_all()
    }

    /// Where a key comes from, and what is wrong with its file.
    pub(super) fn look(
        &self,
        generation: u64,
        source: Source,
        service: Option<&dyn KeyService>,
    ) -> (Kept, Option<String>) {
        let path = self.path(generation, source);
        let bytes = read(&path);
        let problem = bytes.as_ref().err().map(ToString::to_string);
        let kept = match (source, service, &bytes) {
            (Source::Plain, _, _) => Kept::File,
            (Source::Sealed, Some(service), Ok(bytes)) => Kept::Service(service.name(bytes)),
            (Source::Sealed, _, _) => Kept::Service(String::new()),
        };
        (kept, problem)
    }
}

/// Which generation a file is of, by its name.
fn parse(name: &str) -> Option<(u64, Source)> {
    let rest = name.strip_prefix(NAME)?;
    if rest.is_empty() {
        return Some((1, Source::Plain));
    }
    let rest = rest.strip_prefix('.')?;
    let (digits, source) = match rest.split_once('.') {
        Some((digits, SEALED)) => (digits, Source::Sealed),
        Some(_) => return None,
        None => (rest, Source::Plain),
    };
    let number: u64 = digits.parse().ok()?;
    let is_ours =
        number.to_string() == digits && (number > 1 || number == 1 && source == Source::Sealed);
    is_ours.then_some((number, source))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let shown = path.display();
    let unread = |error| Error::Key(format!("{shown} cannot be read: {error}"));
    let about = std::fs::metadata(path).map_err(unread)?;
    if about.permissions().mode() & 0o077 != 0 {
        return Err(Error::Key(format!("others can read {shown}: run chmod 600 on it")));
    }
    if about.len() > KEPT_BYTES {
        return Err(Error::Key(format!(
            "{shown} is too large for a key: put it back from your backup"
        )));
    }
    std::fs::read(path).map_err(unread)
}

fn whole(path: &Path, key: SecretSlice<u8>) -> Result<SecretSlice<u8>, Error> {
    let (length, path) = (key.expose_secret().len(), path.display());
    if length != KEY_BYTES {
        return Err(Error::Key(format!("{path} has {length} bytes instead of {KEY_BYTES}")));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_tell_their_generation_by_their_name() {
        let folder = Folder::new(Path::new("/keys"));
        for (number, source) in
            [(1, Source::Plain), (1, Source::Sealed), (2, Source::Plain), (30, Source::Sealed)]
        {
            let path = folder.path(number, source);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(parse(name), Some((number, source)), "{name}");
        }
        for other in
            ["kek.new", "kek.1", "kek.0", "kek.02", "kek.2.bak", "kek2", "links", "kek.", "kek.-1"]
        {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
