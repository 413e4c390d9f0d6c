//! Talking to another repository: how we authenticate, and the cheap question where its refs are.

mod asking;

pub(crate) use asking::Asking;
pub use asking::LS_TIME_MAX;

use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::name::{BranchName, CommitId, RefName, StartingRef};
use crate::runner::{Call, Git};
use crate::url::RemoteUrl;

/// A repository elsewhere, and how to be let in.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Where it is.
    pub url: RemoteUrl,
    /// How to be let in.
    pub access: Access,
}

impl Remote {
    /// A remote that lets everybody in.
    pub fn open(url: RemoteUrl) -> Self {
        Self { url, access: Access::default() }
    }
}

/// What a remote wants to see before it lets us in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// For ssh addresses.
    pub ssh: Option<SshConfig>,
    /// For http addresses: one header, usually `Authorization`.
    pub header: Option<Header>,
    /// For https addresses: certificate authorities besides the system's.
    pub ca_file: Option<PathBuf>,
    /// For http addresses: the only addresses that the host's name may lead to.
    pub pinned: Option<Vec<IpAddr>>,
    /// For local paths: who answers at the other end, where this process may not read the folder.
    pub far_end: Option<FarEndProgram>,
}

/// A program that answers in place of git's own at the other end of a local path.
///
/// It is given its own words, then `upload-pack` or `receive-pack`, then the folder's path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FarEndProgram(pub Vec<String>);

/// Key and known hosts for one host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SshConfig {
    /// The private key.
    pub key_file: PathBuf,
    /// The only host keys accepted.
    pub known_hosts: PathBuf,
}

/// One secret HTTP header; its value is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Header(String);

impl Header {
    /// Takes `Name: value`; nothing if it could smuggle a second header.
    pub fn new(line: &str) -> Option<Self> {
        let (name, _) = line.split_once(':')?;
        let fine = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let safe = !line.chars().any(char::is_control) && !name.is_empty();
        (fine && safe).then(|| Self(line.to_owned()))
    }

    /// Its name and its value, to be sent to the remote itself and to nobody else.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').map_or(("", ""), |(name, value)| (name, value.trim()))
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Header(..)")
    }
}

/// Where a remote stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteHead {
    /// The branch that HEAD names; none if HEAD is detached.
    pub default_branch: Option<BranchName>,
    /// The commit asked for; tags are followed to their commit.
    pub commit: CommitId,
    /// What was asked for.
    pub kind: RefKind,
}

/// What a starting ref turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefKind {
    /// A branch.
    Branch(BranchName),
    /// A tag, or another ref outside `refs/heads/`.
    Tag(RefName),
    /// A commit by its id, confirmed only once it is in the mirror.
    Commit,
}

/// Asks a remote for its default branch and one starting ref, in one cheap question.
pub async fn ls(git: &Git, remote: &Remote, start: Option<&StartingRef>) -> Result<RemoteHead> {
    let mut patterns = vec!["HEAD".to_owned()];
    for name in start.map(candidates).unwrap_or_default() {
        patterns.push(format!("{name}^{{}}"));
        patterns.push(name);
    }
    let answer = Answer::ask(git, remote, &patterns).await?;
    match start {
        None => answer.head(),
        Some(StartingRef::Commit(id)) => Ok(answer.found(id.clone(), RefKind::Commit)),
        Some(named) => answer.named(&candidates(named), &shown(named)),
    }
}

/// The commit a branch of the remote points to, if the branch exists.
pub async fn branch_head(
    git: &Git,
    remote: &Remote,
    branch: &BranchName,
) -> Result<Option<CommitId>> {
    Ok(branch_heads(git, remote, std::slice::from_ref(branch)).await?.pop().flatten())
}

/// The commits that branches of the remote point to, in one question; none for one that is missing.
pub async fn branch_heads(
    git: &Git,
    remote: &Remote,
    branches: &[BranchName],
) -> Result<Vec<Option<CommitId>>> {
    let names: Vec<String> = branches.iter().map(|branch| branch.to_ref().to_string()).collect();
    let answer = Answer::ask(git, remote, &names).await?;
    Ok(names.iter().map(|name| answer.id_of(name)).collect())
}

fn candidates(start: &StartingRef) -> Vec<String> {
    match start {
        StartingRef::Short(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        StartingRef::Full(name) => vec![name.to_string()],
        StartingRef::Commit(_) => Vec::new(),
    }
}

fn shown(start: &StartingRef) -> String {
    match start {
        StartingRef::Short(name) => name.to_string(),
        StartingRef::Full(name) => name.to_string(),
        StartingRef::Commit(id) => id.to_string(),
    }
}

/// What `ls-remote` printed.
struct Answer {
    default_branch: Option<BranchName>,
    refs: Vec<(String, CommitId)>,
}

impl Answer {
    async fn ask(git: &Git, remote: &Remote, patterns: &[String]) -> Result<Self> {
        Ok(Self::parse(&asking::ask(git, remote, patterns).await?))
    }

    fn parse(text: &str) -> Self {
        let mut answer = Self { default_branch: None, refs: Vec::new() };
        for line in text.lines() {
            let Some((value, name)) = line.split_once('\t') else { continue };
            if let Some(target) = value.strip_prefix("ref: ") {
                if name == "HEAD" {
                    answer.default_branch = RefName::parse(target).ok().and_then(|r| r.branch());
                }
            } else if let Ok(id) = CommitId::parse(value) {
                answer.refs.push((name.to_owned(), id));
            }
        }
        answer
    }

    fn id_of(&self, name: &str) -> Option<CommitId> {
        self.refs.iter().find(|(n, _)| n == name).map(|(_, id)| id.clone())
    }

    fn found(self, commit: CommitId, kind: RefKind) -> RemoteHead {
        RemoteHead { default_branch: self.default_branch, commit, kind }
    }

    fn head(self) -> Result<RemoteHead> {
        // No HEAD among the refs: nothing is committed, at least not on the default branch.
        let commit = self.id_of("HEAD").ok_or(Error::EmptyRepository)?;
        let kind = self.default_branch.clone().map_or(RefKind::Commit, RefKind::Branch);
        Ok(self.found(commit, kind))
    }

    fn named(self, names: &[String], asked: &str) -> Result<RemoteHead> {
        for name in names {
            let peeled = self.id_of(&format!("{name}^{{}}"));
            if let (Some(id), Ok(full)) =
                (peeled.or_else(|| self.id_of(name)), RefName::parse(name))
            {
                let kind = full.branch().map_or(RefKind::Tag(full), RefKind::Branch);
                return Ok(self.found(id, kind));
            }
        }
        Err(Error::RefMissing { name: asked.to_owned() })
    }
}

/// A call that may speak to this remote and to nothing else.
pub(crate) fn call<'a>(git: &'a Git, remote: &Remote, attempt: &'static str) -> Result<Call<'a>> {
    admit(git.call(attempt), remote, attempt)
}

/// Lets a call speak to this remote and to nothing else.
pub(crate) fn admit<'a>(
    call: Call<'a>,
    remote: &Remote,
    attempt: &'static str,
) -> Result<Call<'a>> {
    let mut call = call.env("GIT_ALLOW_PROTOCOL", remote.url.protocols());
    match remote.url.protocols() {
        "ssh" => {
            let missing = || Error::PermissionDenied {
                attempt,
                detail: format!(
                    "no ssh key is configured for {}",
                    remote.url.host().unwrap_or_default()
                ),
            };
            let ssh = remote.access.ssh.as_ref().ok_or_else(missing)?;
            call = call.env("GIT_SSH_COMMAND", ssh_command(ssh)?).env("GIT_SSH_VARIANT", "ssh");
        }
        "http:https" | "https" => {
            if let Some(Header(line)) = &remote.access.header {
                // TRUST: a redirect would carry the header to a host it was not meant for.
                call =
                    call.config("http.extraHeader", line).config("http.followRedirects", "false");
            }
            if let Some(addresses) = &remote.access.pinned {
                // TRUST: the name is not asked for again, and a redirect would lead past the pin.
                call = call
                    .config("http.curloptResolve", pin(&remote.url, addresses))
                    .config("http.followRedirects", "false");
            }
            if let Some(file) = &remote.access.ca_file {
                call = call.config("http.sslCAInfo", file.as_os_str());
            }
        }
        _ => {}
    }
    Ok(call)
}

/// `host:port:address,address`, as curl takes it.
fn pin(url: &RemoteUrl, addresses: &[IpAddr]) -> String {
    let authority = url.host().unwrap_or_default();
    let port = if url.protocols() == "https" { ":443" } else { ":80" };
    let has_port = authority.rsplit_once(':').is_some_and(|(_, end)| !end.ends_with(']'));
    let port = if has_port { "" } else { port };
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    format!("{authority}{port}:{}", addresses.join(","))
}

/// Which program answers at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FarEnd {
    Upload,
    Receive,
}

/// Options that make the other end of a local remote run as the owner of its folder.
///
/// TRUST: git refuses to serve a folder that belongs to somebody else than the process, and it
/// runs that folder's hooks. As root we therefore become the owner; as anybody else git's own
/// check stands, and a foreign folder is refused.
pub(crate) fn far_end(remote: &Remote, end: FarEnd) -> Result<Vec<OsString>> {
    let Some(path) = remote.url.local_path() else { return Ok(Vec::new()) };
    let (option, service) = match end {
        FarEnd::Upload => ("--upload-pack", "upload-pack"),
        FarEnd::Receive => ("--receive-pack", "receive-pack"),
    };
    if let Some(FarEndProgram(words)) = &remote.access.far_end {
        // Git hands this to a shell and puts the quoted path behind it.
        let words: Vec<_> = words.iter().map(|word| shell_quoted(word)).collect();
        return Ok(vec![format!("{option}={} {service}", words.join(" ")).into()]);
    }
    let attempt = "look at the repository's folder";
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(Error::PermissionDenied { attempt, detail: path.display().to_string() });
        }
        Err(_) => return Err(Error::NotFound { attempt, detail: path.display().to_string() }),
    };
    if !rustix::process::geteuid().is_root() || meta.uid() == 0 {
        return Ok(Vec::new());
    }
    // Git hands this to a shell: it holds nothing but two numbers and constants.
    let become_owner = format!(
        "{option}=setpriv --reuid={} --regid={} --clear-groups --inh-caps=-all --no-new-privs git-{service}",
        meta.uid(),
        meta.gid()
    );
    Ok(vec![become_owner.into()])
}

fn ssh_command(ssh: &SshConfig) -> Result<String> {
    let key = ssh_path(&ssh.key_file)?;
    let hosts = ssh_path(&ssh.known_hosts)?;
    let mut words = vec!["ssh".to_owned(), "-F".to_owned(), "/dev/null".to_owned()];
    for option in [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "GlobalKnownHostsFile=/dev/null",
        "ForwardAgent=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ConnectTimeout=15",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=4",
        &format!("UserKnownHostsFile=\"{hosts}\""),
        &format!("IdentityFile=\"{key}\""),
    ] {
        words.push("-o".to_owned());
        words.push(shell_quoted(option));
    }
    Ok(words.join(" "))
}

/// A path as ssh's own option parser takes it inside double quotes.
fn ssh_path(path: &Path) -> Result<String> {
    let bad = || Error::other("use an ssh key", "its path is not plain UTF-8 text");
    let text = path.to_str().ok_or_else(bad)?;
    if text.contains(['"', '\\', '$']) || text.chars().any(char::is_control) || !path.is_absolute()
    {
        return Err(bad());
    }
    Ok(text.replace('%', "%%"))
}

fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ssh_command_survives_odd_paths() {
        let ssh = SshConfig { key_file: "/k/it's 100%".into(), known_hosts: "/k/hosts".into() };
        let command = ssh_command(&ssh).unwrap();
        assert!(command.contains(r#"-o 'IdentityFile="/k/it'\''s 100%%"'"#), "{command}");
        assert!(command.contains("'StrictHostKeyChecking=yes'"));
        let bad = SshConfig { key_file: "/k/\"".into(), known_hosts: "/k".into() };
        assert!(ssh_command(&bad).is_err());
    }

    #[test]
    fn a_header_cannot_smuggle_another() {
        assert!(Header::new("Authorization: Basic x").is_some());
        for bad in ["nothing", "A: b\r\nC: d", ": x", "A b: c"] {
            assert!(Header::new(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{:?}", Header::new("A: secret")), "Some(Header(..))");
    }
}
