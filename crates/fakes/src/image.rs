//! A base image made from a few programs of this host, as small as it can be.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where programs of the host are looked for.
const FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];
/// Programs that the image gets from the host.
const PROGRAMS: [&str; 23] = [
    "bash", "cat", "chmod", "chown", "cp", "dirname", "git", "grep", "id", "ln", "ls", "mkdir",
    "mkfifo", "mktemp", "rm", "rmdir", "setpriv", "sleep", "stat", "tail", "tar", "test", "touch",
];

/// Fills a folder with a root file system that has a few programs, what these others need, and files
/// with these texts.
pub fn root_in(folder: &Path, others: &[PathBuf], files: &[(&str, &str)]) -> io::Result<()> {
    for (link, target) in [("bin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")] {
        fs::create_dir_all(folder.join(target))?;
        symlink(target, folder.join(link))?;
    }
    let mut needed = BTreeSet::new();
    for name in PROGRAMS {
        let found = FOLDERS.map(|dir| Path::new(dir).join(name)).into_iter();
        let program = found.into_iter().find(|path| path.is_file());
        let program =
            program.ok_or_else(|| io::Error::other(format!("{name} is not installed")))?;
        fs::copy(&program, folder.join("usr/bin").join(name))?;
        needed.extend(libraries(&program)?);
    }
    for program in others {
        needed.extend(libraries(program)?);
    }
    symlink("bash", folder.join("usr/bin/sh"))?;
    for library in needed {
        let place = library.strip_prefix("/usr").or_else(|_| library.strip_prefix("/"));
        let place = folder.join("usr").join(place.unwrap_or(&library));
        fs::create_dir_all(place.parent().unwrap_or(folder))?;
        fs::copy(&library, place)?;
    }
    for (path, text) in files {
        let place = folder.join(path);
        fs::create_dir_all(place.parent().unwrap_or(folder))?;
        fs::write(place, text)?;
    }
    Ok(())
}

/// The libraries that a program needs; none where it was linked with all of them.
#[expect(clippy::disallowed_methods, reason = "a test looks at programs of this host")]
fn libraries(program: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let text = Command::new("ldd").arg(program).output()?.stdout;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect())
}

/// Writes a folder into an archive, and gives that from its beginning.
pub fn archive(folder: &Path, mut into: File) -> io::Result<File> {
    let mut tar = tar::Builder::new(&mut into);
    tar.follow_symlinks(false);
    tar.append_dir_all(".", folder)?;
    tar.finish()?;
    drop(tar);
    into.rewind()?;
    Ok(into)
}
