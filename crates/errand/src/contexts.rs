//! The servers that `errand login` stored, by name. Keys lie in the operating system's keychain where
//! there is one, else in this file, which only its owner can read.

use crate::exit::{Exit, Trouble};
use crate::keychain;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Name of a login that was not given one.
pub const DEFAULT_NAME: &str = "default";

/// Everything in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contexts {
    /// Which one is spoken to unless told otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The only login, in files written before logins had names.
    #[serde(skip_serializing)]
    url: Option<String>,
    #[serde(skip_serializing)]
    token: Option<String>,
    /// All of them.
    pub contexts: BTreeMap<String, Server>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its address.
    pub url: String,
    /// The key; none: it lies in the keychain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Where a key was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// In the operating system's keychain.
    Keychain,
    /// In the file.
    File,
}

impl Contexts {
    /// What is stored; nothing, where there is no file.
    pub fn load(path: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        // The parser's message would repeat the line, and with it the token.
        let mut all: Self = toml::from_str(&text).map_err(|_| {
            Trouble::usage(format!(
                "{} does not hold logins: run `errand login` again",
                path.display()
            ))
        })?;
        if let Some(url) = all.url.take() {
            let server = Server { url, token: all.token.take() };
            all.contexts.entry(DEFAULT_NAME.to_owned()).or_insert(server);
            all.current.get_or_insert_with(|| DEFAULT_NAME.to_owned());
        }
        Ok(all)
    }

    /// Stores everything so that only its owner can read it.
    pub fn save(&self, path: &Path) -> Result<()> {
        let attempt = || format!("write {}", path.display());
        let folder = path.parent().with_context(attempt)?;
        std::fs::create_dir_all(folder).with_context(attempt)?;
        let fresh = path.with_extension("toml.new");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .with_context(attempt)?;
        // The mode above does not count for a file that was left over.
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).with_context(attempt)?;
        file.write_all(toml::to_string(self).with_context(attempt)?.as_bytes())
            .with_context(attempt)?;
        std::fs::rename(&fresh, path).with_context(attempt)
    }

    /// The server of this name, or the current one.
    pub fn choose(&self, name: Option<&str>) -> Result<Option<(&str, &Server)>, Trouble> {
        let Some(wanted) = name.or(self.current.as_deref()) else { return Ok(None) };
        match self.contexts.get_key_value(wanted) {
            Some((name, server)) => Ok(Some((name, server))),
            None => Err(unknown(wanted)),
        }
    }

    /// Adds or replaces a login and makes it the current one.
    pub fn put(&mut self, name: &str, url: &str, token: &str) -> Kept {
        let kept = match keychain::store(&account(name, url), token) {
            Ok(()) => Kept::Keychain,
            Err(_) => Kept::File,
        };
        let token = (kept == Kept::File).then(|| token.to_owned());
        let server = Server { url: url.to_owned(), token };
        let before = self.contexts.insert(name.to_owned(), server);
        if let Some(before) = before.filter(|before| before.token.is_none() && before.url != url) {
            keychain::forget(&account(name, &before.url));
        }
        self.current = Some(name.to_owned());
        kept
    }

    /// Forgets a login and its key.
    pub fn forget(&mut self, name: &str) -> Result<(), Trouble> {
        let server = self.contexts.remove(name).ok_or_else(|| unknown(name))?;
        if server.token.is_none() {
            keychain::forget(&account(name, &server.url));
        }
        self.current.take_if(|current| current == name);
        Ok(())
    }
}

impl Server {
    /// Its key, from wherever it lies.
    pub fn key(&self, name: &str) -> Result<String, Trouble> {
        match &self.token {
            Some(token) => Ok(token.clone()),
            None => keychain::read(&account(name, &self.url)).map_err(|why| {
                let message = format!(
                    "the key for {} is in the keychain, which does not give it ({why}); unlock it, \
                     set ERRAND_TOKEN, or run `errand login` again",
                    self.url
                );
                Trouble::new(Exit::Unreachable, "no_key", message)
            }),
        }
    }
}

/// Under what a login's key lies in the keychain.
///
/// TRUST: with the address, so that a changed file does not send a key elsewhere; with the name, because
/// one server may be known by several keys.
fn account(name: &str, url: &str) -> String {
    format!("{name} {url}")
}

fn unknown(name: &str) -> Trouble {
    let message = format!("there is no context {name:?}; `errand context ls` lists them");
    Trouble::new(Exit::NotFound, "context_not_found", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errand/config.toml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        (folder, path)
    }

    #[test]
    fn a_file_of_one_login_is_still_read() {
        let (_folder, path) = file();
        std::fs::write(&path, "url = \"https://a.example/\"\ntoken = \"t\"\n").unwrap();
        let all = Contexts::load(&path).unwrap();
        let (name, server) = all.choose(None).unwrap().unwrap();
        assert_eq!((name, server.url.as_str()), (DEFAULT_NAME, "https://a.example/"));
        all.save(&path).unwrap();
        assert_eq!(Contexts::load(&path).unwrap(), all);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_broken_file_is_named_without_showing_it() {
        let (_folder, path) = file();
        std::fs::write(&path, "token = secret-value\n").unwrap();
        let error = format!("{:#}", Contexts::load(&path).unwrap_err());
        assert!(error.contains("errand login") && !error.contains("secret-value"), "{error}");
    }

    fn key(all: &Contexts, name: &str) -> Option<String> {
        let (name, server) = all.choose(Some(name)).ok().flatten()?;
        server.key(name).ok()
    }

    #[test]
    fn two_keys_for_one_server_are_kept_apart() {
        let (_folder, path) = file();
        let url = "https://two-keys.example/";
        let mut all = Contexts::default();
        assert_eq!(all.put("mine", url, "key of mine"), Kept::Keychain);
        assert_eq!(all.put("theirs", url, "key of theirs"), Kept::Keychain);
        all.save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("key of"), "keys are in the keychain alone: {text}");
        let mut all = Contexts::load(&path).unwrap();
        assert_eq!(key(&all, "mine").as_deref(), Some("key of mine"));
        assert_eq!(key(&all, "theirs").as_deref(), Some("key of theirs"));
        all.put("mine", url, "another key of mine");
        assert_eq!(key(&all, "mine").as_deref(), Some("another key of mine"));
        assert_eq!(key(&all, "theirs").as_deref(), Some("key of theirs"));
        all.forget("mine").unwrap();
        assert_eq!(key(&all, "theirs").as_deref(), Some("key of theirs"));
        assert!(keychain::read(&account("mine", url)).is_err(), "a forgotten key is gone");
    }

    #[test]
    fn a_login_that_moves_to_another_server_takes_no_key_along_and_leaves_none() {
        let (old, new) = ("https://moves-from.example/", "https://moves-to.example/");
        let mut all = Contexts::default();
        all.put("moving", old, "old key");
        all.put("moving", new, "new key");
        assert_eq!(key(&all, "moving").as_deref(), Some("new key"));
        assert!(keychain::read(&account("moving", old)).is_err());
        // A file that somebody changed sends no key to the address in it.
        let changed = Server { url: "https://elsewhere.example/".to_owned(), token: None };
        assert!(changed.key("moving").is_err());
    }

    #[test]
    fn a_forgotten_login_is_current_no_more() {
        let server = |url: &str| Server { url: url.to_owned(), token: Some("t".to_owned()) };
        let mut all = Contexts {
            current: Some("work".to_owned()),
            contexts: [("work", "https://w.example"), ("home", "https://h.example")]
                .map(|(name, url)| (name.to_owned(), server(url)))
                .into(),
            ..Contexts::default()
        };
        assert!(all.choose(Some("home")).unwrap().is_some());
        assert_eq!(all.choose(Some("other")).unwrap_err().exit, Exit::NotFound);
        all.forget("work").unwrap();
        assert_eq!(all.choose(None).unwrap(), None);
        assert!(all.forget("work").is_err());
    }
}
