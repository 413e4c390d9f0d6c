//! Who the server is: started as root, it becomes an ordinary user before it hears from anybody.
//!
//! Only the launcher of sandboxes stays root. API, links, gateway, forge and git clients parse hostile
//! bytes, so they run as `sandbox.user`, without capabilities and without a way to get any.

use anyhow::{Context, Result, bail};
use protocol::api::agents::DoctorCheck;
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::Path;

/// The user where the configuration names none.
pub const DEFAULT_USER: &str = "errand";
/// User and group where the default user does not exist: above people and services, below the
/// subordinate ids that `useradd` hands out.
pub const FALLBACK_ID: u32 = 64_420;
/// What a server makes in its data folder, apart from the launcher's own folder.
const OURS: [&str; 11] = [
    "admin-token",
    "agents",
    "blobs",
    "errand.db",
    "errand.db-shm",
    "errand.db-wal",
    "keys",
    "mirrors",
    "packs",
    "run",
    "uploads",
];

/// Who the server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// An ordinary user started it.
    Ordinary {
        /// Their id.
        uid: u32,
    },
    /// Root, by configuration.
    Root,
    /// Root started it, and it became this user.
    Dropped {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
        /// Whether the user has an entry in `/etc/passwd`.
        is_known: bool,
    },
}

impl Identity {
    /// Who to be, as configured: a name, a number, or root.
    pub fn choose(user: &str) -> Result<Self> {
        let uid = rustix::process::geteuid();
        if !uid.is_root() {
            return Ok(Self::Ordinary { uid: uid.as_raw() });
        }
        if matches!(user, "" | "root" | "0") {
            return Ok(Self::Root);
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        find(user, &accounts)
    }

    /// Whether root started this and somebody else goes on.
    pub const fn is_dropped(&self) -> bool {
        matches!(self, Self::Dropped { .. })
    }

    /// Gives the data folder to the user, with what a server that was root left there.
    ///
    /// TRUST: as root, so only while nobody else could have written there. Once it is the user's, what
    /// lies in it is never walked again.
    pub fn adopt(&self, data: &Path) -> Result<()> {
        let owner = fs::metadata(data).context("look at the data folder")?.uid();
        let (uid, gid) = match *self {
            Self::Ordinary { .. } => return Ok(()),
            Self::Root => (0, 0),
            Self::Dropped { uid, gid, .. } => (uid, gid),
        };
        if owner == uid {
            return Ok(());
        }
        if owner == 0 {
            for name in OURS {
                give(&data.join(name), uid, gid)?;
            }
        } else if uid != 0 {
            bail!(
                "the data folder {} belongs to user {owner}, and the server runs as user {uid}: start it \
                 as user {owner}, choose another folder with --data, or give the folder away",
                data.display()
            );
        }
        std::os::unix::fs::chown(data, Some(uid), Some(gid)).context("give the data folder away")
    }

    /// Becomes the user for good. Call it before there are threads: each has its own rights.
    pub fn assume(&self, data: &Path) -> Result<()> {
        let threads =
            fs::read_dir("/proc/self/task").context("count the server's threads")?.count();
        anyhow::ensure!(threads == 1, "giving up privileges comes before the first thread");
        rustix::thread::set_no_new_privs(true).context("forbid new privileges")?;
        let Self::Dropped { uid, gid, .. } = *self else { return Ok(()) };
        drop_to(uid, gid).with_context(|| {
            format!("become user {uid}; `sandbox.user = \"root\"` in errand.toml does without")
        })?;
        let closed = data.ancestors().filter(|above| fs::metadata(above.join(".")).is_err()).last();
        if let Some(closed) = closed {
            bail!(
                "user {uid}, as which the server runs, cannot enter {}: choose another data folder with \
                 --data, or open that folder with `chmod o+x`",
                closed.display()
            );
        }
        Ok(())
    }

    /// What `errand doctor` says about it.
    pub fn check(&self) -> DoctorCheck {
        let (state, detail) = match self {
            Self::Ordinary { uid } => (
                "reduced",
                format!(
                    "started as user {uid}: no part of it is root, and sandboxes share that user's id. To \
                     improve: start it as root, only its launcher stays root"
                ),
            ),
            Self::Root => (
                "reduced",
                "runs as root, as sandbox.user says: a hole in it opens the whole host. To improve: \
                 remove sandbox.user"
                    .to_owned(),
            ),
            Self::Dropped { uid, is_known: true, .. } => {
                ("ok", format!("runs as user {uid} without capabilities; only its launcher is root"))
            }
            Self::Dropped { uid, is_known: false, .. } => (
                "ok",
                format!(
                    "runs as user {uid} without capabilities; only its launcher is root. That user has no \
                     name, which ssh remotes need: `useradd --system {DEFAULT_USER}`"
                ),
            ),
        };
        DoctorCheck { name: "server: user".to_owned(), state: state.to_owned(), detail }
    }
}

fn find(user: &str, accounts: &str) -> Result<Identity> {
    let number: Option<u32> = user.parse().ok();
    let entry = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, uid, gid) =
            (fields.next()?, fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        (name == user || number == Some(uid)).then_some((uid, gid))
    });
    match (entry, number) {
        (Some((0, _)), _) => Ok(Identity::Root),
        (Some((uid, gid)), _) => Ok(Identity::Dropped { uid, gid, is_known: true }),
        (None, Some(id)) => Ok(Identity::Dropped { uid: id, gid: id, is_known: false }),
        (None, None) if user == DEFAULT_USER => {
            Ok(Identity::Dropped { uid: FALLBACK_ID, gid: FALLBACK_ID, is_known: false })
        }
        (None, None) => bail!("sandbox.user: there is no user {user:?} on this host"),
    }
}

/// Changes the owner of a tree; links are not followed, what is absent is fine.
fn give(path: &Path, uid: u32, gid: u32) -> Result<()> {
    let Ok(meta) = fs::symlink_metadata(path) else { return Ok(()) };
    let attempt = || format!("give {} to the server's user", path.display());
    lchown(path, Some(uid), Some(gid)).with_context(attempt)?;
    if meta.is_dir() {
        for entry in fs::read_dir(path).with_context(attempt)? {
            give(&entry.with_context(attempt)?.path(), uid, gid)?;
        }
    }
    Ok(())
}

fn drop_to(uid: u32, gid: u32) -> Result<()> {
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        match rustix::thread::remove_capability_from_bounding_set(one) {
            // Past the last capability this kernel knows.
            Err(rustix::io::Errno::INVAL) => break,
            other => other.context("empty the bounding set")?,
        }
    }
    rustix::thread::clear_ambient_capability_set().context("empty the ambient set")?;
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::thread::set_thread_groups(&[]).context("leave every group")?;
    rustix::thread::set_thread_res_gid(group, group, group).context("change the group")?;
    rustix::thread::set_thread_res_uid(user, user, user).context("change the user")?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets).context("drop every capability")?;
    // Other processes of that user, git's among them, shall not read the server's memory.
    let closed = rustix::process::DumpableBehavior::NotDumpable;
    rustix::process::set_dumpable_behavior(closed).context("close the server's memory to others")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: &str = "root:x:0:0::/root:/bin/sh\nerrand:x:777:778::/:/bin/false\n";

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let known = Identity::Dropped { uid: 777, gid: 778, is_known: true };
        assert_eq!(find("errand", ACCOUNTS).unwrap(), known);
        assert_eq!(find("777", ACCOUNTS).unwrap(), known);
        let unknown = Identity::Dropped { uid: 4711, gid: 4711, is_known: false };
        assert_eq!(find("4711", ACCOUNTS).unwrap(), unknown);
        assert_eq!(find("root", ACCOUNTS).unwrap(), Identity::Root);
    }

    #[test]
    fn only_the_default_user_need_not_exist() {
        let made_up = Identity::Dropped { uid: FALLBACK_ID, gid: FALLBACK_ID, is_known: false };
        assert_eq!(find("errand", "").unwrap(), made_up);
        let error = find("somebody", ACCOUNTS).unwrap_err().to_string();
        assert!(error.contains("somebody"), "{error}");
    }
}
