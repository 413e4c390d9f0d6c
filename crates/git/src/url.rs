//! Where a repository is: the forms of address we take, and the names we derive from one.

use std::fmt;
use std::path::{Path, PathBuf};

/// Longest address in bytes.
pub const REMOTE_URL_MAX_BYTES: usize = 2048;

/// An address we refuse; the message says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a repository address: {0}")]
pub struct BadUrl(&'static str);

/// Address of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteUrl {
    kind: Kind,
    /// What git is given.
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Local(PathBuf),
    Http { host: String, path: String, secure: bool },
    Ssh { host: String, path: String },
}

impl RemoteUrl {
    /// Parses an absolute path, `file://`, `http(s)://`, `ssh://` or `user@host:path`.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        if text.is_empty() || text.len() > REMOTE_URL_MAX_BYTES {
            return Err(BadUrl("it is empty or longer than 2048 bytes"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) && !text.starts_with('/') {
            return Err(BadUrl("it holds white space or a control character"));
        }
        if text.starts_with('-') {
            return Err(BadUrl("it starts with '-'"));
        }
        // TRUST: `<helper>::<address>` makes git start a program named by the address.
        if text.contains("::") && !text.contains('[') && !text.starts_with('/') {
            return Err(BadUrl("it names a remote helper"));
        }
        if text.starts_with('/') {
            return local(text);
        }
        match text.split_once("://") {
            Some(("file", path)) => file(path),
            Some((scheme @ ("http" | "https"), rest)) => http(scheme, rest),
            Some(("ssh", rest)) => ssh(rest),
            Some(_) => Err(BadUrl("only https, http, ssh, file and absolute paths are supported")),
            None => scp_like(text),
        }
    }

    /// The address without scheme and user: `github.com/o/r`; a local path as the path itself.
    pub fn display(&self) -> String {
        match &self.kind {
            Kind::Local(path) => path.display().to_string(),
            Kind::Http { host, path, .. } | Kind::Ssh { host, path } => {
                format!("{host}/{}", path.trim_end_matches(".git"))
            }
        }
    }

    /// Whether the repository lies on this machine.
    pub const fn is_local(&self) -> bool {
        matches!(self.kind, Kind::Local(_))
    }

    /// The path, if the repository lies on this machine.
    pub fn local_path(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Local(path) => Some(path),
            Kind::Http { .. } | Kind::Ssh { .. } => None,
        }
    }

    /// The host with its port, if there is one.
    pub fn host(&self) -> Option<&str> {
        match &self.kind {
            Kind::Local(_) => None,
            Kind::Http { host, .. } | Kind::Ssh { host, .. } => Some(host),
        }
    }

    /// The address as git takes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Short name of the repository, fit for one folder name.
    pub fn name(&self) -> String {
        let path = match &self.kind {
            Kind::Local(path) => path.to_string_lossy().into_owned(),
            Kind::Http { path, .. } | Kind::Ssh { path, .. } => path.clone(),
        };
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix("/.git").unwrap_or(path);
        let last = path.rsplit('/').next().unwrap_or_default();
        let last = last.strip_suffix(".git").unwrap_or(last);
        let name: String = last.chars().map(plain).take(100).collect();
        let name = name.trim_matches(['.', '-']);
        if name.is_empty() { "repository".to_owned() } else { name.to_owned() }
    }

    /// A stable folder name for this address: readable, unique, safe on any file system.
    pub fn key(&self) -> String {
        let shown = self.display().to_lowercase();
        let slug: String = shown.trim_matches('/').chars().map(plain).take(80).collect();
        // Paths are case-sensitive on most hosts, so the hash is of the exact address.
        let hash = blake3::hash(self.display().as_bytes()).to_hex();
        let short: String = hash.chars().take(12).collect();
        format!("{}-{short}", slug.trim_matches(['.', '-']))
    }

    /// Another repository at the same place: same scheme, user, host and port, `.git` as here.
    pub fn sibling(&self, path: &str) -> Option<Self> {
        let (Kind::Http { path: own, .. } | Kind::Ssh { path: own, .. }) = &self.kind else {
            return None;
        };
        let before = self.text.strip_suffix(own.as_str())?;
        let ending = if own.ends_with(".git") { ".git" } else { "" };
        Self::parse(&format!("{before}{}{ending}", path.trim_end_matches(".git"))).ok()
    }

    /// The same address with `.git` at its end, or without where it has that.
    pub fn twin(&self) -> Option<Self> {
        match self.text.strip_suffix(".git") {
            Some(bare) => Self::parse(bare).ok(),
            None => Self::parse(&format!("{}.git", self.text)).ok(),
        }
    }

    /// The only protocols git may speak for this address, joined by colons.
    pub(crate) const fn protocols(&self) -> &'static str {
        match &self.kind {
            Kind::Local(_) => "file",
            Kind::Http { secure: true, .. } => "https",
            // A redirect may lead to the safer one, never back.
            Kind::Http { secure: false, .. } => "http:https",
            Kind::Ssh { .. } => "ssh",
        }
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for RemoteUrl {
    type Err = BadUrl;
    fn from_str(text: &str) -> Result<Self, BadUrl> {
        Self::parse(text)
    }
}

fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' }
}

fn local(path: &str) -> Result<RemoteUrl, BadUrl> {
    if path.chars().any(char::is_control) {
        return Err(BadUrl("its path holds a control character"));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(BadUrl("its path holds \"..\""));
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return Err(BadUrl("its path is empty"));
    }
    Ok(RemoteUrl { kind: Kind::Local(PathBuf::from(trimmed)), text: trimmed.to_owned() })
}

fn file(rest: &str) -> Result<RemoteUrl, BadUrl> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(BadUrl("a file address has no host: file:///path"));
    }
    if path.contains('%') {
        return Err(BadUrl("a file address with escapes: give the plain path"));
    }
    local(path)
}

fn http(scheme: &str, rest: &str) -> Result<RemoteUrl, BadUrl> {
    let (host, path) = rest.split_once('/').ok_or(BadUrl("it has no path"))?;
    if host.contains('@') {
        return Err(BadUrl("it holds a user name or password: connect the account instead"));
    }
    if path.contains(['?', '#']) {
        return Err(BadUrl("it holds a query or a fragment"));
    }
    let (host, path) = (checked_host(host)?, checked_path(path)?);
    let text = format!("{scheme}://{host}/{path}");
    Ok(RemoteUrl { kind: Kind::Http { host, path, secure: scheme == "https" }, text })
}

fn ssh(rest: &str) -> Result<RemoteUrl, BadUrl> {
    let (authority, path) = rest.split_once('/').ok_or(BadUrl("it has no path"))?;
    let (user, host) = split_user(authority)?;
    let (host, path) = (checked_host(host)?, checked_path(path)?);
    let text = match user {
        Some(user) => format!("ssh://{user}@{host}/{path}"),
        None => format!("ssh://{host}/{path}"),
    };
    Ok(RemoteUrl { kind: Kind::Ssh { host, path }, text })
}

fn scp_like(text: &str) -> Result<RemoteUrl, BadUrl> {
    let Some((authority, path)) = text.split_once(':') else {
        return Err(BadUrl("give https://host/owner/name, user@host:path or an absolute path"));
    };
    let (user, host) = split_user(authority)?;
    let host = checked_host(host)?;
    let text = match user {
        Some(user) => format!("{user}@{host}:{path}"),
        None => format!("{host}:{path}"),
    };
    let path = checked_path(path.trim_start_matches('/'))?;
    Ok(RemoteUrl { kind: Kind::Ssh { host, path }, text })
}

fn split_user(authority: &str) -> Result<(Option<&str>, &str), BadUrl> {
    let Some((user, host)) = authority.split_once('@') else {
        return Ok((None, authority));
    };
    // TRUST: a user beginning with '-' would become an option of ssh, one with ':' is a password.
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if user.is_empty() || user.starts_with('-') || !user.chars().all(fine) {
        return Err(BadUrl("its user name holds more than letters, digits, '_', '.' and '-'"));
    }
    Ok((Some(user), host))
}

fn checked_host(host: &str) -> Result<String, BadUrl> {
    let bracketed = host.starts_with('[') && host.contains(']');
    let fine = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '.' | '-' | ':' | '_')
            || (bracketed && matches!(c, '[' | ']'))
    };
    if host.is_empty() || host.starts_with(['-', '.', ':']) || !host.chars().all(fine) {
        return Err(BadUrl("its host is not a host name"));
    }
    Ok(host.to_ascii_lowercase())
}

fn checked_path(path: &str) -> Result<String, BadUrl> {
    let path = path.trim_matches('/');
    if path.is_empty() || path.starts_with('-') {
        return Err(BadUrl("it has no path, or one that starts with '-'"));
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(BadUrl("its path holds an empty part, \".\" or \"..\""));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_lies_at_the_same_place() {
        for (own, sibling) in [
            ("https://github.com/o/r", Some("https://github.com/a/b")),
            ("http://localhost:3000/o/r.git", Some("http://localhost:3000/a/b.git")),
            ("ssh://git@host:2222/o/r.git", Some("ssh://git@host:2222/a/b.git")),
            ("git@github.com:o/r.git", Some("git@github.com:a/b.git")),
            ("/srv/x", None),
        ] {
            let found = RemoteUrl::parse(own).unwrap().sibling("a/b.git");
            assert_eq!(found.as_ref().map(RemoteUrl::as_str), sibling, "{own}");
        }
        let twin = |text: &str| RemoteUrl::parse(text).unwrap().twin().unwrap().as_str().to_owned();
        assert_eq!(twin("https://h/o/r"), "https://h/o/r.git");
        assert_eq!(twin("git@h:o/r.git"), "git@h:o/r");
    }

    #[test]
    fn every_form_of_address_has_a_name_and_a_display() {
        for (text, shown, name) in [
            ("https://github.com/o/r", "github.com/o/r", "r"),
            ("https://GitHub.com/o/r.git/", "github.com/o/r", "r"),
            ("http://localhost:3000/o/r.git", "localhost:3000/o/r", "r"),
            ("ssh://git@host:2222/o/r.git", "host:2222/o/r", "r"),
            ("git@github.com:o/r.git", "github.com/o/r", "r"),
            ("https://[::1]:80/o/r", "[::1]:80/o/r", "r"),
            ("/srv/my repo", "/srv/my repo", "my-repo"),
            ("/srv/x/.git", "/srv/x/.git", "x"),
            ("file:///srv/git/x.git", "/srv/git/x.git", "x"),
        ] {
            let url = RemoteUrl::parse(text).unwrap();
            assert_eq!((url.display().as_str(), url.name().as_str()), (shown, name), "{text}");
        }
    }

    #[test]
    fn dangerous_addresses_are_refused() {
        for bad in [
            "",
            "-x",
            "--upload-pack=touch",
            "ext::sh -c id",
            "ext::sh",
            "fd::7",
            "https://u:p@h/o/r",
            "https://u@h/o/r",
            "ssh://-oProxyCommand=x/o/r",
            "ssh://-l@h/o",
            "-oProxyCommand=x@h:o",
            "git@-h:o/r",
            "ssh://u:p@h/o",
            "git://h/o/r",
            "ftp://h/o",
            "relative/path",
            "./x",
            "https://h",
            "https://h/",
            "https://h/a/../b",
            "https://h/a b",
            "https://h/o\n/r",
            "/srv/../etc",
            "/",
            "/a\nb",
            "file://host/x",
            "C:\\x\u{0}",
            "git@h:-x",
            "https://h/o/r?x=1",
        ] {
            assert!(RemoteUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_repository_has_one_key_whatever_the_scheme() {
        let key = |text| RemoteUrl::parse(text).unwrap().key();
        assert_eq!(key("https://github.com/o/r"), key("git@github.com:o/r.git"));
        assert_ne!(key("https://github.com/o/r"), key("https://github.com/o/R"));
        assert!(key("/srv/my repo").starts_with("srv-my-repo-"));
    }
}
