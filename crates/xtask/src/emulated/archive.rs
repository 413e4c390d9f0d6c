//! An archive from which a kernel fills its first root: cpio in the form that kernels read.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::Path;

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_755;
/// Name of the entry that ends an archive.
const END: &str = "TRAILER!!!";

/// An archive that is being written.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    folders: BTreeSet<String>,
    entries: u32,
}

impl Archive {
    /// Adds a copy of this file.
    pub fn program(&mut self, name: &str, from: &Path) -> Result<()> {
        let content = std::fs::read(from).with_context(|| format!("read {}", from.display()))?;
        self.file(name, &content)
    }

    /// Adds a file, and the folders that it lies in.
    pub fn file(&mut self, name: &str, content: &[u8]) -> Result<()> {
        if let Some((folder, _)) = name.rsplit_once('/') {
            self.folder(folder)?;
        }
        self.entry(name, FILE, content)
    }

    /// Adds a folder, and those that it lies in.
    pub fn folder(&mut self, name: &str) -> Result<()> {
        if let Some((parent, _)) = name.rsplit_once('/') {
            self.folder(parent)?;
        }
        match self.folders.insert(name.to_owned()) {
            true => self.entry(name, FOLDER, &[]),
            false => Ok(()),
        }
    }

    /// The whole archive.
    pub fn end(mut self) -> Result<Vec<u8>> {
        self.entry(END, 0, &[])?;
        Ok(self.bytes)
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) -> Result<()> {
        let size = u32::try_from(content.len()).context("archive a file so large")?;
        let name_size = u32::try_from(name.len() + 1).context("archive a name so long")?;
        self.entries += 1;
        self.bytes.extend(b"070701");
        // Number, mode, owner, group, links, time, size, four numbers of devices, name, checksum.
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes().chain([0]));
        self.fill();
        self.bytes.extend(content);
        self.fill();
        Ok(())
    }

    /// Every part begins at a multiple of four.
    fn fill(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_once_and_before_their_files() {
        let mut archive = Archive::default();
        archive.file("a/b/one", b"first").unwrap();
        archive.file("a/two", b"").unwrap();
        archive.folder("a/b").unwrap();
        let bytes = archive.end().unwrap();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8(bytes).unwrap();
        let entries: Vec<_> = text.split("070701").skip(1).collect();
        let names: Vec<_> = entries.iter().map(|e| e[104..].split('\0').next().unwrap()).collect();
        assert_eq!(names, ["a", "a/b", "a/b/one", "a/two", END]);
        let one = entries[2];
        assert_eq!(&one[8..16], "000081ed");
        assert_eq!((&one[48..56], &one[88..96]), ("00000005", "00000008"));
        assert!(one.contains("a/b/one\0\0\0first\0\0\0"), "{one:?}");
    }
}
