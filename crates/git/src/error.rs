//! How a git call fails, and the one place that reads git's own words to tell which way it was.

use std::time::Duration;

/// Result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed git call; a variant exists where a caller decides something by it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such repository, or it is hidden from us.
    #[error("{attempt}: repository not found: {detail}")]
    NotFound { attempt: &'static str, detail: String },
    /// The repository has no commit yet.
    #[error("the repository is empty: push a first commit to it")]
    EmptyRepository,
    /// No such branch, tag, commit or path.
    #[error("{name} does not exist in the repository")]
    RefMissing { name: String },
    /// The credential is missing, wrong or too weak.
    #[error("{attempt}: permission denied: {detail}")]
    PermissionDenied { attempt: &'static str, detail: String },
    /// The host does not answer, or cannot be trusted (TLS, host key).
    #[error("{attempt}: remote unreachable: {detail}")]
    Unreachable { attempt: &'static str, detail: String },
    /// The ref is no longer where the caller believed it to be.
    #[error("{name} has moved: {detail}")]
    NonFastForward { name: String, detail: String },
    /// The remote is not bare and has this branch checked out.
    #[error("{branch} is checked out in the remote repository: check out another branch there")]
    CheckedOutBranch { branch: String },
    /// The remote has rules that refuse this push (protected branch, hook, quota).
    #[error("the remote declined {branch}: {detail}")]
    Declined { branch: String, detail: String },
    /// Objects handed to us are malformed, incomplete or hostile.
    #[error("objects refused: {detail}")]
    BadObjects { detail: String },
    /// Git did not finish in time and was killed.
    #[error("{attempt} took longer than {} s", limit.as_secs())]
    Timeout { attempt: &'static str, limit: Duration },
    /// More bytes than the limit allows.
    #[error("{attempt}: {what} is larger than {limit_bytes} bytes")]
    TooLarge { attempt: &'static str, what: &'static str, limit_bytes: u64 },
    /// The operating system failed us.
    #[error("failed to {attempt}")]
    Io {
        attempt: &'static str,
        #[source]
        source: std::io::Error,
    },
    /// Git failed for a reason that nobody branches on.
    #[error("{attempt} failed: {stderr}")]
    Other { attempt: &'static str, stderr: String },
}

impl Error {
    pub(crate) fn io(attempt: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { attempt, source }
    }

    pub(crate) fn other(attempt: &'static str, why: impl Into<String>) -> Self {
        Self::Other { attempt, stderr: why.into() }
    }
}

const STDERR_SHOWN_MAX_CHARS: usize = 600;

const NOT_FOUND: &[&str] = &[
    "repository not found",
    "does not appear to be a git repository",
    "not a git repository",
    "project you were looking for could not be found",
    "repository '",
    "no such file or directory",
    "returned error: 404",
];
const DENIED: &[&str] = &[
    "permission denied",
    "authentication failed",
    "could not read username",
    "could not read password",
    "unable to get password",
    "returned error: 401",
    "returned error: 403",
    "access denied",
    "insufficient permission",
    "write access to repository not granted",
];
const UNREACHABLE: &[&str] = &[
    "could not resolve host",
    "connection refused",
    "connection timed out",
    "connection reset",
    "failed to connect",
    "couldn't connect",
    "network is unreachable",
    "no route to host",
    "operation timed out",
    "operation too slow",
    "host key verification failed",
    "ssl certificate problem",
    "server certificate verification failed",
    "early eof",
    "the remote end hung up unexpectedly",
    "unable to update url base from redirection",
    "returned error: 5",
    "kex_exchange_identification",
];
/// Failures of ours while taking objects; anything else is the fault of what was sent.
const OWN_FAULT: &[&str] =
    &["no space left", "disk quota", "input/output error", "read-only file system", "cannot fork"];

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Tells from git's words why a call to a remote failed.
pub(crate) fn of_remote(attempt: &'static str, stderr: &str) -> Error {
    let text = stderr.to_lowercase();
    let detail = shown(stderr);
    // "Could not read from remote repository" follows everything, so the specific words go first;
    // a host that cannot be reached also makes ssh print "permission denied" for key files.
    if text.contains("repository corruption") {
        Error::BadObjects { detail }
    } else if text.contains("couldn't find remote ref") || text.contains("not our ref") {
        Error::RefMissing { name: missing_ref(stderr) }
    } else if text.contains("dubious ownership") {
        // Git's own advice is to trust the folder in the configuration, which we never read.
        let detail = "the folder belongs to another user than the server runs as".to_owned();
        Error::PermissionDenied { attempt, detail }
    } else if has(&text, DENIED) {
        Error::PermissionDenied { attempt, detail }
    } else if has(&text, NOT_FOUND) {
        Error::NotFound { attempt, detail }
    } else if has(&text, UNREACHABLE) {
        Error::Unreachable { attempt, detail }
    } else {
        Error::Other { attempt, stderr: detail }
    }
}

/// Tells from git's words whether objects handed in were bad, or something of ours failed.
pub(crate) fn of_import(attempt: &'static str, stderr: &str, limit_bytes: u64) -> Error {
    let text = stderr.to_lowercase();
    if text.contains("pack exceeds maximum allowed size") {
        return Error::TooLarge { attempt, what: "the pack", limit_bytes };
    }
    if has(&text, OWN_FAULT) {
        return Error::Other { attempt, stderr: shown(stderr) };
    }
    Error::BadObjects { detail: shown(stderr) }
}

/// Tells from git's words why a local call failed.
pub(crate) fn of_local(attempt: &'static str, stderr: &str) -> Error {
    Error::Other { attempt, stderr: shown(stderr) }
}

/// Why one ref of a push was rejected, from the reason that `--porcelain` prints.
pub(crate) fn of_rejection(branch: &str, reason: &str, stderr: &str) -> Error {
    let branch = branch.to_owned();
    let text = reason.to_lowercase();
    const MOVED: &[&str] = &[
        "stale info",
        "fetch first",
        "non-fast-forward",
        "needs force",
        "cannot lock ref",
        "failed to update ref",
        "reference already exists",
        "remote ref updated since checkout",
    ];
    if has(&text, &["currently checked out"]) {
        Error::CheckedOutBranch { branch }
    } else if has(&text, MOVED) {
        Error::NonFastForward { name: branch, detail: reason.to_owned() }
    } else {
        let said = remote_lines(stderr);
        let detail = if said.is_empty() { reason.to_owned() } else { format!("{reason}: {said}") };
        Error::Declined { branch, detail: shown(&detail) }
    }
}

fn remote_lines(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}

fn missing_ref(stderr: &str) -> String {
    let line = stderr.lines().find(|line| line.contains("remote ref") || line.contains("our ref"));
    let word = line.and_then(|line| line.split_whitespace().last());
    word.unwrap_or("the ref").to_owned()
}

/// Git's words for people: without hints and control characters, bounded.
/// Lines that tell how far git is, not what is wrong.
fn is_progress(line: &str) -> bool {
    line.contains("% (") || line.contains("objects: ") || line.starts_with("remote: Total ")
}

fn shown(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("hint:") && !is_progress(line))
        .collect();
    let text: String = lines.join("; ").chars().filter(|c| !c.is_control()).collect();
    if text.is_empty() {
        return "git gave no reason".to_owned();
    }
    let excess = text.chars().count().saturating_sub(STDERR_SHOWN_MAX_CHARS);
    text.chars().skip(excess).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(stderr: &str) -> &'static str {
        match of_remote("ask", stderr) {
            Error::NotFound { .. } => "not found",
            Error::PermissionDenied { .. } => "denied",
            Error::Unreachable { .. } => "unreachable",
            Error::RefMissing { .. } => "ref",
            Error::EmptyRepository
            | Error::NonFastForward { .. }
            | Error::CheckedOutBranch { .. }
            | Error::Declined { .. }
            | Error::BadObjects { .. }
            | Error::Timeout { .. }
            | Error::TooLarge { .. }
            | Error::Io { .. }
            | Error::Other { .. } => "other",
        }
    }

    #[test]
    fn gits_words_are_told_apart() {
        for (stderr, expected) in [
            (
                "remote: Repository not found.\nfatal: repository 'https://h/o/r/' not found",
                "not found",
            ),
            (
                "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.",
                "not found",
            ),
            ("fatal: could not read Username for 'https://h': terminal prompts disabled", "denied"),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                "denied",
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 403",
                "denied",
            ),
            ("fatal: detected dubious ownership in repository at '/r'", "denied"),
            ("fatal: unable to access 'https://h/': Could not resolve host: h", "unreachable"),
            ("ssh: connect to host h port 22: Connection refused", "unreachable"),
            ("Host key verification failed.", "unreachable"),
            ("fatal: couldn't find remote ref refs/heads/x", "ref"),
            ("something new", "other"),
        ] {
            assert_eq!(kind(stderr), expected, "{stderr}");
        }
    }

    #[test]
    fn a_rejected_push_says_which_way() {
        assert!(matches!(of_rejection("b", "stale info", ""), Error::NonFastForward { .. }));
        assert!(matches!(
            of_rejection("b", "branch is currently checked out", ""),
            Error::CheckedOutBranch { .. }
        ));
        let declined = of_rejection("b", "protected branch hook declined", "remote: rule 7\n");
        assert!(declined.to_string().contains("rule 7"), "{declined}");
    }
}
