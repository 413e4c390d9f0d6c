//! A small disk, to be filled: memory mounted in a mount namespace of its own, where nobody else sees it.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Bytes written at once while it is being filled.
const CHUNK: usize = 64 * 1024;
/// Mounts it and then holds the namespace.
const HOLD: &str =
    r#"mount -t tmpfs -o "size=$1,mode=711" tmpfs "$2" && echo mounted && exec sleep infinity"#;

/// A disk over a folder; it goes with this value and the processes that see it.
pub struct SmallDisk {
    keeper: Child,
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one over a folder; where that is not allowed, why.
    pub fn mount(folder: &Path, bytes: u64) -> Result<Self, String> {
        let mut keeper = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", HOLD, "sh"])
            .arg(bytes.to_string())
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare does not start: {error}"))?;
        let mut said = String::new();
        if let Some(out) = keeper.stdout.take() {
            BufReader::new(out).read_line(&mut said).unwrap_or_default();
        }
        if said.trim() == "mounted" {
            return Ok(Self { keeper, folder: folder.to_path_buf() });
        }
        let output = keeper.wait_with_output().map_err(|error| error.to_string())?;
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// What starts a program where the disk is seen.
    pub fn wrapper(&self) -> [String; 2] {
        ["nsenter".to_owned(), format!("--mount=/proc/{}/ns/mnt", self.keeper.id())]
    }

    /// Its folder as seen from here.
    pub fn path(&self) -> PathBuf {
        let inside = self.folder.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.keeper.id().to_string()).join("root").join(inside)
    }

    /// Fills it to the last byte, with a file of this name.
    pub fn fill(&self, name: &str) {
        let mut file = std::fs::File::create(self.path().join(name)).unwrap();
        let mut size = CHUNK;
        while size > 0 {
            match file.write(&vec![b'x'; size]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => size /= 2,
                Err(error) => panic!("fill the disk: {error}"),
            }
        }
    }

    /// Takes a file of this name away, wherever it lies.
    pub fn free(&self, name: &str) {
        assert!(remove(&self.path(), name) > 0, "there is no {name}");
    }
}

fn remove(folder: &Path, name: &str) -> usize {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            removed += remove(&path, name);
        } else if entry.file_name() == name {
            std::fs::remove_file(path).unwrap();
            removed += 1;
        }
    }
    removed
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.keeper.kill().unwrap_or_default();
        self.keeper.wait().map(drop).unwrap_or_default();
    }
}
