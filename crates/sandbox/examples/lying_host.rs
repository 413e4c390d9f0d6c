//! The local provider's small processes on a host that lies: a system call is answered with success
//! and not carried out, so one wall does not come to stand and nobody inside knows.
//!
//! Only tests use it. It is the code of `errand-shim` with a filter of system calls laid over it from
//! outside; which one says the name under which the launcher is started, `lie-<name>`.
#![expect(unsafe_code, reason = "the filter is installed without giving up privileges first")]

use std::collections::BTreeMap;
use std::io;
use std::os::fd::IntoRawFd;
use std::path::Path;
use std::process::ExitCode;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::Gid;
use sandbox::local::{launcher, shim, take_standard_input};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// Calls that are not carried out: number, and where one argument decides, which.
type Calls = Vec<(i64, Option<(u8, SeccompCmpOp, u64)>)>;

fn main() -> ExitCode {
    let mut words = std::env::args();
    let name = words.next().unwrap_or_default();
    let result = match words.next().as_deref() {
        Some("launcher") => {
            let name = Path::new(&name).file_name().and_then(|name| name.to_str());
            let lie = name.and_then(|name| name.strip_prefix("lie-")).unwrap_or_default();
            tell(lie).and_then(|()| take_standard_input()).and_then(launcher::run)
        }
        Some("shim") => take_standard_input().and_then(shim::run),
        _ => Err(io::Error::other("started by tests only")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use io::Write;
            writeln!(io::stderr(), "lying host: {error}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

fn tell(lie: &str) -> io::Result<()> {
    prepare(lie)?;
    match calls(lie) {
        Some(calls) if calls.is_empty() => Ok(()),
        Some(calls) => install(&compile(calls).map_err(io::Error::other)?),
        None => Err(io::Error::other(format!("no such lie: {lie}"))),
    }
}

fn calls(lie: &str) -> Option<Calls> {
    let always = |call: libc::c_long| (call, None);
    let prctl = |what: libc::c_int| {
        (libc::SYS_prctl, Some((0, SeccompCmpOp::Eq, u64::from(what.unsigned_abs()))))
    };
    let mount =
        |flags: libc::c_ulong| (libc::SYS_mount, Some((3, SeccompCmpOp::MaskedEq(flags), flags)));
    Some(match lie {
        "kept-capabilities" => vec![always(libc::SYS_capset)],
        "kept-bounding" => vec![prctl(libc::PR_CAPBSET_DROP)],
        // Without the first, the second would be refused.
        "new-privileges" => vec![prctl(libc::PR_SET_NO_NEW_PRIVS), always(libc::SYS_seccomp)],
        "no-filter" => vec![always(libc::SYS_seccomp)],
        "host-cgroup-namespace" => vec![always(libc::SYS_unshare)],
        "writable-trees" | "shared-mounts" => vec![always(libc::SYS_mount_setattr)],
        "no-binds" => {
            vec![(libc::SYS_mount, Some((3, SeccompCmpOp::Eq, libc::MS_BIND)))]
        }
        "writable-devices" => vec![mount(libc::MS_REMOUNT)],
        "core-files" => vec![(libc::SYS_prlimit64, Some((2, SeccompCmpOp::Ne, 0)))],
        "open-descriptor" => vec![always(libc::SYS_close_range)],
        "kept-groups" => vec![always(libc::SYS_setgroups)],
        // The truth, on a host that shares its mounts, as most do.
        "nothing-shared-mounts" => Vec::new(),
        _ => return None,
    })
}

/// Makes the host such that the lie matters.
fn prepare(lie: &str) -> io::Result<()> {
    match lie {
        "open-descriptor" => {
            // Not closed by `exec`, and never by us. More than one: a low number is overwritten.
            for _ in 0..3 {
                let flags = OFlags::PATH | OFlags::DIRECTORY;
                let _number = rustix::fs::open("/", flags, Mode::empty())?.into_raw_fd();
            }
        }
        "kept-groups" => rustix::thread::set_thread_groups(&[Gid::from_raw(4)])?,
        "shared-mounts" | "nothing-shared-mounts" => {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS)?;
            // Private first: what is shared from here on, is so with nobody outside.
            for how in [MountPropagationFlags::PRIVATE, MountPropagationFlags::SHARED] {
                mount_change("/", how | MountPropagationFlags::REC)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn compile(calls: Calls) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for (call, when) in calls {
        let rules = rules.entry(call).or_default();
        if let Some((argument, operator, value)) = when {
            let length = SeccompCmpArgLen::Qword;
            let condition = SeccompCondition::new(argument, length, operator, value)?;
            rules.push(SeccompRule::new(vec![condition])?);
        }
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    // Errno zero is success.
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(0), arch)?.try_into()
}

fn install(program: &BpfProgram) -> io::Result<()> {
    let whole = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr().cast_mut().cast(),
    };
    // SAFETY: the kernel copies the program, which lives for the call and has the kernel's layout.
    let installed = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const whole)
    };
    // An ordinary user may filter only what cannot gain privileges.
    if installed == 0 { Ok(()) } else { apply_filter(program).map_err(io::Error::other) }
}
