//! Freezes a disk and is killed half-way, or has too little space: for the tests of this crate.
//!
//! `die <state directory> <agent> <layer> <step>` kills itself after a step.
//! `full <directory>` freezes on a file system of its own in a user namespace, with room for nothing,
//! then for one file more, until it succeeds, and checks each time that nothing was lost.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use protocol::ids::{AgentId, LayerId};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{Signal, getpid, kill_process};
use sandbox::local::layers::freeze::{Step, freeze};
use sandbox::local::layers::recover;

const AGENT: &str = "bc-0190b5a4-7c3e-7bde-8f00-0123456789ab";
const LAYER: &str = "layer-0190b5a4-7c3e-7bde-8f00-0123456789ab";
/// More entries than freezing makes.
const TRIES: usize = 64;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["die", state, agent, layer, step] => die(Path::new(state), agent, layer, step.parse()?),
        ["full", dir] => full(Path::new(dir)),
        _ => Err("unknown arguments".into()),
    }
}

fn die(state: &Path, agent: &str, layer: &str, step: usize) -> Outcome {
    rustix::process::chdir(state)?;
    let last = Step::ALL.get(step).copied();
    freeze(AgentId::parse(agent)?, LayerId::parse(layer)?, &mut |passed| {
        if Some(passed) == last {
            kill_process(getpid(), Signal::KILL).unwrap_or_default();
        }
    })?;
    Err("not killed".into())
}

fn full(dir: &Path) -> Outcome {
    enter(dir)?;
    let (agent, layer) = (AgentId::parse(AGENT)?, LayerId::parse(LAYER)?);
    make_disk(&Path::new("disks").join(AGENT))?;
    let mut fillers = 0;
    while fs::write(format!("filler-{fillers}"), "").is_ok() {
        fillers += 1;
    }
    for room in 0..TRIES {
        match freeze(agent, layer, &mut |_| ()) {
            Ok(()) => {
                let note = format!("layers/{LAYER}/tree/workspace/note");
                check(fs::read_to_string(note)? == "kept", "the layer lacks the note")?;
                check(fs::read_dir("making")?.count() == 0, "something is left half-made")?;
                writeln!(std::io::stdout(), "frozen with room for {room}")?;
                return Ok(());
            }
            Err(error) => {
                let full = error.kind() == std::io::ErrorKind::StorageFull;
                check(full, &format!("with room for {room}: {error}"))?;
            }
        }
        recover(agent)?;
        let note = fs::read_to_string(format!("disks/{AGENT}/workspace/note"))?;
        check(note == "kept", "the disk lost the note")?;
        check(fs::read_dir("making")?.count() == 0, "something is left half-made")?;
        check(fs::read_dir("layers")?.count() == 0, "a layer was made")?;
        fillers -= 1;
        fs::remove_file(format!("filler-{fillers}"))?;
    }
    Err("never frozen".into())
}

fn enter(dir: &Path) -> Outcome {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", dir, "tmpfs", flags, Some(c"size=1m,nr_inodes=64,mode=700"))?;
    Ok(rustix::process::chdir(dir)?)
}

fn make_disk(disk: &Path) -> Outcome {
    for name in ["disks", "layers", "making", "trash"] {
        fs::create_dir(name)?;
    }
    for folder in ["workspace", "home", "opt", "vartmp"] {
        fs::create_dir_all(disk.join(folder))?;
    }
    fs::write(disk.join("workspace/note"), "kept")?;
    symlink("\"default\"", disk.join("org"))?;
    Ok(symlink("{\"type\":\"single\",\"uid\":0,\"gid\":0}", disk.join("ids"))?)
}

fn check(holds: bool, words: &str) -> Outcome {
    if holds { Ok(()) } else { Err(words.into()) }
}
