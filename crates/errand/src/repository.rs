//! The repository a person names: a folder becomes a path that this machine's server understands.

use crate::exit::Trouble;
use crate::settings::is_loopback;
use git::url::RemoteUrl;
use std::path::{Path, PathBuf};
use url::Url;

/// The address to send for what was typed.
pub fn address(typed: &str, server: &Url) -> Result<String, Trouble> {
    let path = Path::new(typed);
    let is_path = typed.starts_with(['/', '.', '~']) || path.is_dir();
    if !is_path {
        let parsed = RemoteUrl::parse(typed).map_err(|bad| Trouble::usage(unclear(typed, &bad)))?;
        if let Some(local) = parsed.local_path() {
            refuse_remote(typed, server)?;
            folder(local)?;
        }
        return Ok(typed.to_owned());
    }
    refuse_remote(typed, server)?;
    folder(path).map(|path| path.display().to_string())
}

fn unclear(typed: &str, bad: &git::url::BadUrl) -> String {
    if typed.contains("://") || typed.contains('@') {
        return format!("--repo {typed:?}: {bad}");
    }
    format!(
        "--repo {typed:?}: there is no such folder here, and it is no address: give a folder, or a file, http(s) or ssh URL"
    )
}

fn refuse_remote(typed: &str, server: &Url) -> Result<(), Trouble> {
    if is_loopback(server) {
        return Ok(());
    }
    Err(Trouble::usage(format!(
        "--repo {typed:?} is a folder of this machine, but the server is {server}: push it somewhere and give its URL"
    )))
}

fn folder(path: &Path) -> Result<PathBuf, Trouble> {
    let shown = path.display();
    let real =
        path.canonicalize().map_err(|error| Trouble::usage(format!("--repo {shown}: {error}")))?;
    if is_repository(&real) {
        return Ok(real);
    }
    let message = match real.ancestors().skip(1).find(|above| above.join(".git").exists()) {
        Some(above) => format!(
            "--repo {shown} is inside of a git repository; name its top folder: --repo {}",
            above.display()
        ),
        None => format!(
            "--repo {shown} is not a git repository (there is no .git in {})",
            real.display()
        ),
    };
    Err(Trouble::usage(message))
}

/// A worktree (whose `.git` may be a file), or a bare repository.
fn is_repository(path: &Path) -> bool {
    path.join(".git").exists()
        || (path.join("HEAD").is_file()
            && path.join("objects").is_dir()
            && path.join("refs").is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        crate::settings::parse_url(text).unwrap()
    }

    #[test]
    fn folders_become_absolute_and_must_be_repositories() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let repo = root.join("repo");
        std::fs::create_dir_all(repo.join(".git")).unwrap();
        std::fs::create_dir_all(repo.join("src")).unwrap();
        let bare = root.join("bare.git");
        for part in ["objects", "refs"] {
            std::fs::create_dir_all(bare.join(part)).unwrap();
        }
        std::fs::write(bare.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        let here = url("http://127.0.0.1:7420");
        let text = |path: &Path| path.to_str().unwrap().to_owned();

        assert_eq!(address(&text(&repo.join("src/..")), &here).unwrap(), text(&repo));
        assert_eq!(address(&text(&bare), &here).unwrap(), text(&bare));
        assert_eq!(
            address(&format!("file://{}", text(&repo)), &here).unwrap(),
            format!("file://{}", text(&repo))
        );
        let inside = address(&text(&repo.join("src")), &here).unwrap_err().message;
        assert!(inside.ends_with(&format!("--repo {}", text(&repo))), "{inside}");
        assert!(address(&text(&root), &here).unwrap_err().message.contains("not a git repository"));
        assert!(address(&text(&root.join("none")), &here).is_err());
    }

    #[test]
    fn folders_of_this_machine_are_refused_against_another_server() {
        let far = url("https://errand.example");
        for local in [".", "/", "file:///srv/x.git"] {
            assert!(address(local, &far).unwrap_err().message.contains("give its URL"), "{local}");
        }
        for remote in
            ["https://git.example/o/r.git", "git@git.example:o/r.git", "ssh://git@git.example/o/r"]
        {
            assert_eq!(address(remote, &far).unwrap(), remote);
        }
        assert!(address("no-such-thing", &far).unwrap_err().message.contains("no such folder"));
        assert!(address("ftp://git.example/x", &far).is_err());
    }
}
