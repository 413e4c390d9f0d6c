//! The `/etc` of a sandbox: written afresh, with a few public parts of the host's.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::base;
use crate::provider::{APT_CONFIG, CA_BUNDLE, CA_CERTIFICATE, SandboxSpec};

/// Directories of the host's `/etc` that hold nothing private and that programs in `/usr` need.
pub const BOUND: [&str; 8] =
    ["alternatives", "fonts", "ld.so.conf.d", "perl", "python3", "ssl/certs", "terminfo", "xdg"];
/// Files of the same kind.
const COPIED: [&str; 10] = [
    "debian_version",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "lsb-release",
    "mime.types",
    "os-release",
    "protocols",
    "services",
    "ssl/openssl.cnf",
];
/// Bytes of one copied file.
const COPY_BYTES_MAX: u64 = 1024 * 1024;
/// Where systems keep the certificates they trust.
const BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
    www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
    _apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n\
    agent:x:1000:1000:agent:/home/agent:/bin/bash\n\
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\ndaemon:x:1:\nadm:x:4:\ntty:x:5:\nmail:x:8:\nwww-data:x:33:\n\
    shadow:x:42:\nutmp:x:43:\nstaff:x:50:\nusers:x:100:\nagent:x:1000:\nnogroup:x:65534:\n";
/// Keeps the search path, unlike a distribution's; the host's own may hold its proxies and tokens.
const PROFILE: &str =
    "if [ -n \"$BASH\" ] && [ -r /etc/bash.bashrc ]; then . /etc/bash.bashrc; fi\n";
const BASHRC: &str = "if [ -n \"$PS1\" ]; then PS1='\\u@\\h:\\w\\$ '; fi\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n\
    networks: files\nprotocols: files\nservices: files\n";

/// Everything that will be written, read while the host's files can still be reached.
#[derive(Debug)]
pub struct Etc {
    /// Names below `/etc`, with what is in them.
    pub files: Vec<(String, Vec<u8>)>,
    zone: Option<std::path::PathBuf>,
    certificate: Option<Vec<u8>>,
    /// What is trusted where the system has no bundle: what the host trusts.
    trusted: Vec<u8>,
}

impl Etc {
    /// What differs between sandboxes, and nothing of the host's.
    pub fn own(spec: &SandboxSpec) -> Self {
        let host = &spec.hostname;
        let hosts = format!("127.0.0.1\tlocalhost {host}\n::1\tlocalhost ip6-localhost {host}\n");
        let files = named([
            ("hosts", hosts),
            ("hostname", format!("{host}\n")),
            ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n".to_owned()),
            ("gitconfig", spec.gitconfig.clone()),
            ("machine-id", String::new()),
        ]);
        let certificate = spec.ca_certificate.as_ref().map(|own| own.clone().into_bytes());
        let read = |path: &&str| fs::read(path).ok().filter(|bytes| !bytes.is_empty());
        // Read while the host is still in reach, for a system that trusts nobody yet.
        let trusted = certificate.as_ref().and_then(|_| BUNDLES.iter().find_map(read));
        Self { files, zone: None, certificate, trusted: trusted.unwrap_or_default() }
    }

    /// Reads the host's part and composes the rest.
    pub fn read(spec: &SandboxSpec) -> io::Result<Self> {
        let mut etc = Self::own(spec);
        let Self { files, zone, .. } = &mut etc;
        files.extend(named([
            ("passwd", PASSWD.to_owned()),
            ("group", GROUP.to_owned()),
            ("shadow", "root:*:::::::\nagent:*:::::::\n".to_owned()),
            ("nsswitch.conf", NSSWITCH.to_owned()),
            ("profile", PROFILE.to_owned()),
            ("bash.bashrc", BASHRC.to_owned()),
            ("shells", "/bin/sh\n/bin/bash\n".to_owned()),
        ]));
        for name in COPIED {
            let path = Path::new("/etc").join(name);
            if path.metadata().is_ok_and(|m| m.is_file() && m.len() <= COPY_BYTES_MAX) {
                // A file that may not be read by everybody stays out.
                files.extend(fs::read(path).ok().map(|bytes| (name.to_owned(), bytes)));
            }
        }
        *zone = fs::read_link("/etc/localtime").ok().filter(|to| to.starts_with("/usr"));
        Ok(etc)
    }

    /// Writes the files into the new root.
    pub fn write(&self) -> io::Result<()> {
        for (name, bytes) in &self.files {
            let path = Path::new("/etc").join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, bytes)?;
        }
        // It holds no password; programs that check its mode find what they expect.
        fs::set_permissions("/etc/shadow", fs::Permissions::from_mode(0o640))?;
        symlink("/proc/self/mounts", "/etc/mtab")?;
        match &self.zone {
            Some(zone) => symlink(zone, "/etc/localtime"),
            None => Ok(()),
        }
    }

    /// Writes the sandbox's own certificate, by itself and with all that the system trusts, into memory:
    /// on the disk it would be kept, and outlive what it is for.
    pub fn write_certificate(&self) -> io::Result<()> {
        let Some(own) = &self.certificate else { return Ok(()) };
        let mut bundle = self.trusted.clone();
        for path in system_bundles() {
            if let Some(known) = base::read(path)?.filter(|known| !known.is_empty()) {
                bundle = known;
                break;
            }
        }
        if !bundle.ends_with(b"\n") {
            bundle.push(b'\n');
        }
        bundle.extend(own);
        fs::write(CA_CERTIFICATE, own)?;
        fs::write(CA_BUNDLE, &bundle)?;
        // The one program that takes no variable for it.
        fs::write(APT_CONFIG, format!("Acquire::https::CaInfo \"{CA_BUNDLE}\";\n"))
    }

    /// Shows the bundle where programs look for what the system trusts.
    pub fn show_certificate(&self) -> io::Result<()> {
        if self.certificate.is_none() {
            return Ok(());
        }
        for path in system_bundles() {
            rustix::mount::mount_bind(CA_BUNDLE, path)?;
        }
        Ok(())
    }
}

/// The system's own bundles. A link could lead anywhere, so only what lies at its place by itself counts.
fn system_bundles() -> impl Iterator<Item = &'static Path> {
    BUNDLES.into_iter().map(Path::new).filter(|path| {
        let is_file = path.symlink_metadata().is_ok_and(|there| there.is_file());
        is_file && fs::canonicalize(path).is_ok_and(|real| real == *path)
    })
}

fn named<const N: usize>(files: [(&str, String); N]) -> Vec<(String, Vec<u8>)> {
    files.map(|(name, text)| (name.to_owned(), text.into_bytes())).into()
}
