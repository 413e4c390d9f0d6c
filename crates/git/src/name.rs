//! Names in a repository, parsed once at the door: branches, refs and object ids.

use std::fmt;

/// Longest branch name in bytes: with `refs/heads/` it still fits one file name of 255 bytes.
pub const BRANCH_NAME_MAX_BYTES: usize = 244;
/// Longest slug in bytes.
pub const SLUG_MAX_BYTES: usize = 40;

/// A text that is not a name of the kind asked for; the message says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: {reason}")]
pub struct BadName {
    /// What was expected, in words.
    pub kind: &'static str,
    /// What is wrong, in words.
    pub reason: &'static str,
}

/// Name of a branch without `refs/heads/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// Parses a name by git's rules and ours.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let wrong = |reason| Err(BadName { kind: "branch name", reason });
        if text.len() > BRANCH_NAME_MAX_BYTES {
            return wrong("it is longer than 244 bytes");
        }
        if text.starts_with('-') {
            return wrong("it starts with '-'");
        }
        if text.starts_with("refs/") {
            return wrong("it starts with \"refs/\": give the short name");
        }
        if text.eq_ignore_ascii_case("head") || text == "@" {
            return wrong("HEAD is not a branch");
        }
        // A branch that looks like an object id makes every later use ambiguous.
        if is_hex_id(text) {
            return wrong("it looks like a commit id");
        }
        match fault(text) {
            Some(reason) => wrong(reason),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The branch an agent works on: `<prefix>/<slug of the task>-<suffix>`.
    pub fn for_task(prefix: &str, task: &str, suffix: &str) -> Result<Self, BadName> {
        let prefix = prefix.trim_end_matches('/');
        let slug = slug(task);
        match prefix {
            "" => Self::parse(&format!("{slug}-{suffix}")),
            _ => Self::parse(&format!("{prefix}/{slug}-{suffix}")),
        }
    }

    /// The short name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full ref, `refs/heads/<name>`.
    pub fn to_ref(&self) -> RefName {
        RefName(format!("refs/heads/{}", self.0))
    }
}

/// Full name of a ref, beginning with `refs/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

impl RefName {
    /// Parses a full ref name.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let wrong = |reason| Err(BadName { kind: "ref name", reason });
        let Some(rest) = text.strip_prefix("refs/") else {
            return wrong("it does not start with \"refs/\"");
        };
        if !rest.contains('/') {
            return wrong("it has only one component below \"refs/\"");
        }
        if text.len() > BRANCH_NAME_MAX_BYTES + "refs/heads/".len() {
            return wrong("it is longer than 255 bytes");
        }
        match fault(text) {
            Some(reason) => wrong(reason),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The branch this ref is, if it lies below `refs/heads/`.
    pub fn branch(&self) -> Option<BranchName> {
        self.0.strip_prefix("refs/heads/").and_then(|short| BranchName::parse(short).ok())
    }
}

/// What `git check-ref-format` would refuse, in words.
fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Some("it holds a control character");
    }
    if text.contains([' ', '~', '^', ':', '?', '*', '[', '\\']) {
        return Some("it holds a space or one of ~ ^ : ? * [ \\");
    }
    if text.contains("..") || text.contains("@{") {
        return Some("it holds \"..\" or \"@{\"");
    }
    if text.ends_with('.') {
        return Some("it ends with a dot");
    }
    text.split('/').find_map(|part| {
        if part.is_empty() {
            Some("it has an empty part: check its slashes")
        } else if part.starts_with('.') {
            Some("a part of it starts with a dot")
        } else if part.ends_with(".lock") {
            Some("a part of it ends with \".lock\"")
        } else {
            None
        }
    })
}

fn is_hex_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Parses 40 or 64 hexadecimal digits; upper case is taken and lowered.
            pub fn parse(text: &str) -> Result<Self, BadName> {
                let lower = text.to_ascii_lowercase();
                if is_hex_id(&lower) {
                    return Ok(Self(lower));
                }
                Err(BadName { kind: $kind, reason: "it is not 40 or 64 hexadecimal digits" })
            }

            /// The digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl AsRef<std::ffi::OsStr> for $name {
            fn as_ref(&self) -> &std::ffi::OsStr {
                self.0.as_ref()
            }
        }
        impl std::str::FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::parse(text)
            }
        }
    };
}

object_id!(
    /// Id of a commit.
    CommitId, "commit id"
);
object_id!(
    /// Id of a tree.
    TreeId, "tree id"
);
object_id!(
    /// Id of a blob, or of anything a tree entry points to.
    BlobId, "object id"
);

/// The hash a repository names its objects by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectFormat {
    /// 40 digits.
    Sha1,
    /// 64 digits.
    Sha256,
}

impl ObjectFormat {
    /// The hash that an id was made with, by its length.
    pub const fn of(id: &str) -> Self {
        if id.len() == 64 { Self::Sha256 } else { Self::Sha1 }
    }

    pub(crate) const fn empty_tree(self) -> &'static str {
        match self {
            Self::Sha1 => "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            Self::Sha256 => "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
        }
    }

    pub(crate) const fn id_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

macro_rules! text_form {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl AsRef<std::ffi::OsStr> for $name {
            fn as_ref(&self) -> &std::ffi::OsStr {
                self.0.as_ref()
            }
        }
        impl std::str::FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::parse(text)
            }
        }
    };
}
text_form!(BranchName);
text_form!(RefName);

/// Where work starts, as people name it: a branch, a tag, a full ref or a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartingRef {
    /// A short name: a branch is tried first, then a tag.
    Short(BranchName),
    /// A full ref.
    Full(RefName),
    /// A commit.
    Commit(CommitId),
}

impl StartingRef {
    /// Parses what a person typed.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if let Ok(id) = CommitId::parse(text) {
            return Ok(Self::Commit(id));
        }
        if text.starts_with("refs/") {
            return RefName::parse(text).map(Self::Full);
        }
        BranchName::parse(text).map(Self::Short)
    }
}

impl fmt::Display for StartingRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(name) => name.fmt(f),
            Self::Full(name) => name.fmt(f),
            Self::Commit(id) => id.fmt(f),
        }
    }
}

/// A text for people made into a part of a branch name: lower case, digits and single hyphens.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if slug.len() >= SLUG_MAX_BYTES {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') && c != '\'' {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "task".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_follow_gits_rules_and_ours() {
        for good in ["main", "feature/x", "errand/fix-it-ab12", "a.b", "ünï", "a@b", "v1-", "x{y}"]
        {
            assert!(BranchName::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(245);
        let hex = "a".repeat(40);
        for bad in [
            "",
            "-x",
            "--upload-pack=x",
            "refs/heads/x",
            "HEAD",
            "head",
            "@",
            "a..b",
            "a b",
            "a~b",
            "a^b",
            "a:b",
            "a?b",
            "a*b",
            "a[b",
            "a\\b",
            "a\nb",
            "a\u{7f}b",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a.",
            "a@{b",
            &long,
            &hex,
        ] {
            assert!(BranchName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_slug_is_always_a_valid_part() {
        assert_eq!(slug("Fix the CI, please!"), "fix-the-ci-please");
        assert_eq!(slug("Don't break"), "dont-break");
        assert_eq!(slug("日本語"), "task");
        assert_eq!(slug(""), "task");
        assert!(slug(&"wordy ".repeat(100)).len() <= SLUG_MAX_BYTES);
        let branch = BranchName::for_task("errand", "../..//; rm -rf ~", "1a2b");
        assert_eq!(branch.map(|b| b.to_string()), Ok("errand/rm-rf-1a2b".to_owned()));
    }

    #[test]
    fn object_ids_have_one_spelling() {
        assert_eq!(CommitId::parse(&"A".repeat(40)).map(|id| id.to_string()), Ok("a".repeat(40)));
        for bad in ["", "abc", &"g".repeat(40), &"a".repeat(41)] {
            assert!(CommitId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn starting_refs_are_told_apart() {
        assert!(matches!(StartingRef::parse("main"), Ok(StartingRef::Short(_))));
        assert!(matches!(StartingRef::parse("refs/tags/v1"), Ok(StartingRef::Full(_))));
        assert!(matches!(StartingRef::parse(&"0".repeat(40)), Ok(StartingRef::Commit(_))));
        assert!(StartingRef::parse("--exec=x").is_err());
        assert!(RefName::parse("refs/heads").is_err());
    }
}
