//! The process that becomes the runtime: it makes the namespaces and the root what they are in every
//! sandbox, and hands both to the runtime.
//!
//! The root is put together in a mount namespace of its own, for the same reason as ever: nothing of
//! the host may be in reach of a planted link. Whole, it is taken back to where the runtime lies.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::sched::{CloneFlags, setns, unshare};
use rustix::fs::CWD;
use rustix::mount::{MountFlags, OpenTreeFlags, open_tree};

use super::bundle::{self, Start};
use super::{Kind, Runtime};
use crate::local::child::{self, Inherited};
use crate::local::request::ShimOrder;
use crate::local::root::{self, Trees};
use crate::local::sys;

/// Bytes of the memory in which the runtime keeps its own files.
const STAGE_BYTES: u64 = 16 * 1024 * 1024;
/// Where control groups are seen.
const GROUPS: &str = "/sys/fs/cgroup";

type Step = Result<(), (&'static str, io::Error)>;

/// Becomes the runtime; returns only if that failed.
pub fn run(order: &ShimOrder, runtime: &Runtime, inherited: Inherited) {
    let Inherited { setup, control, log, trees, namespaces: _ } = inherited;
    let built = build(order, runtime, &setup, trees);
    let started = built.and_then(|()| {
        start(runtime, control.as_fd(), log.as_fd()).map_err(|error| ("start the runtime", error))
    });
    if let Err((step, error)) = started {
        child::tell_failure(&setup, step, &error);
    }
}

fn build(order: &ShimOrder, runtime: &Runtime, setup: &OwnedFd, trees: Option<Trees>) -> Step {
    let at = |step: &'static str| move |error: io::Error| (step, error);
    child::wait_for_shim(setup).map_err(at("wait for the id maps"))?;
    child::become_root(order.uids).map_err(at("become the namespace's root"))?;
    child::open_network(setup).map_err(at("open the network namespace"))?;
    let tree = put_together(order, trees).map_err(|e| (e.step, e.error))?;
    furnish(order, runtime, &tree).map_err(at("prepare the runtime's place"))?;
    child::wait_for_shim(setup).map_err(at("wait for the control groups"))?;
    child::unshare_cgroups().map_err(at("leave the cgroup namespace"))?;
    // Last: it does not outlive a change of who we are.
    child::die_with_parent().map_err(at("tie the sandbox to its shim"))
}

/// Builds the root apart from everything, and gives the whole of it.
fn put_together(order: &ShimOrder, trees: Option<Trees>) -> Result<OwnedFd, root::RootError> {
    root::make_mounts_private().map_err(root::at("make mounts private"))?;
    let apart = || -> io::Result<fs::File> {
        let here = fs::File::open("/proc/self/ns/mnt")?;
        unshare(CloneFlags::CLONE_NEWNS)?;
        Ok(here)
    };
    let here = apart().map_err(root::at("make a mount namespace"))?;
    root::build_without_processes(order, trees)?;
    let back = || -> io::Result<OwnedFd> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE;
        let tree = open_tree(CWD, "/", flags)?;
        setns(&here, CloneFlags::CLONE_NEWNS)?;
        Ok(tree)
    };
    back().map_err(root::at("take the root back"))
}

/// Lays out what the runtime reads, and shows it nothing else of ours.
fn furnish(order: &ShimOrder, runtime: &Runtime, tree: &OwnedFd) -> io::Result<()> {
    root::tmpfs(bundle::STAGE, STAGE_BYTES, "700", MountFlags::empty())?;
    for place in [bundle::ROOT, bundle::BUNDLE, bundle::STATE] {
        fs::create_dir(place)?;
    }
    root::attach(tree, bundle::ROOT.as_ref())?;
    if runtime.kind == Kind::Crun {
        // It refuses hosts with both kinds of control groups, though it is not to touch any.
        root::tmpfs(GROUPS, 4096, "555", MountFlags::RDONLY)?;
    }
    root::mount_proc("/proc")?;
    root::allow_low_ports();
    let (arguments, environment) = child::guest_start(&order.spec, order.uids);
    let start = Start { arguments, environment };
    let told = bundle::configuration(&order.spec, runtime.kind, &start);
    fs::write(format!("{}/config.json", bundle::BUNDLE), told.to_string())?;
    rustix::process::setsid()?;
    Ok(rustix::process::chdir(bundle::BUNDLE)?)
}

fn start(runtime: &Runtime, control: BorrowedFd<'_>, log: BorrowedFd<'_>) -> io::Result<()> {
    child::arrange_descriptors(control, log)?;
    if runtime.kind.control() == 0 {
        let control = sys::inherited(child::CONTROL_FD, child::PARKED_FD)?;
        sys::duplicate_onto(control.as_fd(), 0)?;
        sys::close_on_exec_from(child::CONTROL_FD)?;
    }
    let path = CString::new(runtime.path.clone().into_os_string().into_vec())?;
    let words: Vec<_> = bundle::words(runtime)
        .into_iter()
        .map(|word| CString::new(word.into_vec()))
        .collect::<Result<_, _>>()?;
    let environment = [CString::new(format!("PATH={}", child::SEARCH_PATH))?];
    match nix::unistd::execve(&path, &words, &environment) {
        Ok(never) => match never {},
        Err(error) => Err(error.into()),
    }
}
