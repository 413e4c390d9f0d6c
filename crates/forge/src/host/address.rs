//! Which repository on which host an address stands for.

use crate::forge::ForgeError;
use git::url::RemoteUrl;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// What needs no encoding in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One segment of a path, or the value of a query, encoded.
pub fn segment(text: &str) -> String {
    // TRUST: dots alone are a step in the path, encoded once too; encoded twice they are a name.
    match text {
        "." => "%252E".to_owned(),
        ".." => "%252E%252E".to_owned(),
        _ => utf8_percent_encode(text, SEGMENT).to_string(),
    }
}

/// A repository on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Where the host's pages are, without a slash at the end of the path.
    pub web: Url,
    /// Owner, group with subgroups, or workspace.
    pub owner: String,
    /// Its name.
    pub name: String,
}

impl Repository {
    /// The repository of a remote on the host whose pages are at `web`.
    pub fn of(remote: &RemoteUrl, web: &Url) -> Option<Self> {
        let path = remote.display();
        let path = path.strip_prefix(remote.host()?)?.trim_matches('/');
        // A host may live below a path of its own; over SSH that path is not part of the address.
        let root = web.path().trim_matches('/');
        let path = match path.strip_prefix(root) {
            Some(rest) if !root.is_empty() && rest.starts_with('/') => rest.trim_matches('/'),
            Some(_) | None => path,
        };
        let (owner, name) = path.rsplit_once('/')?;
        let fine = |part: &str| !part.is_empty() && part != "." && part != "..";
        let named = owner.split('/').all(fine) && fine(name);
        named.then(|| Self { web: web.clone(), owner: owner.to_owned(), name: name.to_owned() })
    }

    /// `owner/name`, each part encoded.
    pub fn path(&self) -> String {
        let owner: Vec<String> = self.owner.split('/').map(segment).collect();
        format!("{}/{}", owner.join("/"), segment(&self.name))
    }

    /// `owner/name` as one segment.
    pub fn id(&self) -> String {
        segment(&format!("{}/{}", self.owner, self.name))
    }

    /// `owner/name`, as people write it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// What is to be said where the host does not show it.
    pub fn hidden(&self) -> ForgeError {
        let detail = format!("the host shows it no repository {}", self.full_name());
        ForgeError::Denied { detail }
    }

    /// An address below the host's pages.
    pub fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.web.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(remote: &str, web: &str) -> Option<(String, String)> {
        let found = Repository::of(&RemoteUrl::parse(remote).unwrap(), &Url::parse(web).unwrap())?;
        Some((found.owner, found.name))
    }

    #[test]
    fn addresses_of_all_kinds_name_their_repository() {
        let owned = |owner: &str, name: &str| Some((owner.to_owned(), name.to_owned()));
        let (hub, lab) = ("https://github.com", "https://x.example/lab");
        assert_eq!(of("https://github.com/o/r.git", hub), owned("o", "r"));
        assert_eq!(of("git@github.com:o/r", hub), owned("o", "r"));
        assert_eq!(of("https://x.example/lab/g/sub/r", lab), owned("g/sub", "r"));
        assert_eq!(of("git@x.example:g/sub/r.git", lab), owned("g/sub", "r"));
        assert_eq!(of("https://github.com/r", hub), None);
    }

    #[test]
    fn nothing_leaves_its_segment() {
        assert_eq!(segment("a/b?c#d é"), "a%2Fb%3Fc%23d%20%C3%A9");
        let url = Url::parse(&format!("https://x.example/a/{}/b", segment(".."))).unwrap();
        assert_eq!(url.path(), "/a/%252E%252E/b");
    }
}
