//! The first process of the emulated machine: makes it like a host with cgroup v2 alone, runs the tests,
//! reports, and switches it off.

use super::order::{self, Group, Order, Outcome, Report, Run};
use crate::program::{Program, say};
use anyhow::{Context, Result, bail};
use rustix::mount::{MountFlags, mount, mount_move};
use rustix::process::{Pid, WaitOptions, WaitStatus, chdir, chroot, getpid, wait};
use rustix::system::{RebootCommand, finit_module, reboot, uname};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Folders that the archive must have.
pub const FOLDERS: [&str; 6] = ["dev", "proc", "sys", "host", "changes", "root"];
/// Where the disk is, and with it the folders of the tests.
const DISK: &str = "/emulated";
/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";
/// A group with the server in it, as service managers make one.
const SERVICE: &str = "errand.service";
/// Controllers that sandboxes are limited with.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// The second serial line.
const REPORT: &str = "/dev/ttyS1";
/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How often a suite is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Does all of it; the process never ends.
pub fn run() -> Result<ExitCode> {
    // TRUST: on any other machine this would mount over what is there.
    if getpid() != Pid::INIT || !Path::new("/").join(order::PLACE).exists() {
        bail!("only the first process of an emulated machine does this");
    }
    let report = carry_out().map_err(|error| format!("{error:#}"));
    if let Err(reason) = &report {
        say(&format!("emulated: {reason}"));
    }
    send(&serde_json::to_string(&report).context("write the report")?)?;
    rustix::fs::sync();
    reboot(RebootCommand::PowerOff).context("switch off")?;
    Ok(ExitCode::SUCCESS)
}

fn send(report: &str) -> Result<()> {
    let mut line = File::options().write(true).open(REPORT).context("open the line for reports")?;
    writeln!(line, "{report}").context("send the report")?;
    rustix::termios::tcdrain(&line).context("send the report")
}

fn carry_out() -> Result<Report> {
    let text = fs::read(Path::new("/").join(order::PLACE)).context("read the order")?;
    let order: Order = serde_json::from_slice(&text).context("understand the order")?;
    mount_plain("devtmpfs", "/dev")?;
    mount_plain("proc", "/proc")?;
    for module in &order.modules {
        let file = File::open(module).with_context(|| format!("open {module}"))?;
        finit_module(&file, c"", 0).with_context(|| format!("load {module}"))?;
    }
    make_root()?;
    let words = ["link", "set", "lo", "up"];
    Program::new("/usr/sbin/ip", Path::new("/")).args(words).run().context("have a loopback")?;
    let kernel = uname().release().to_string_lossy().into_owned();
    let mut report = Report { kernel, control_groups: control_groups()?, outcomes: Vec::new() };
    fs::create_dir(folder_of(Group::Service)).context("make a group")?;
    for run in &order.runs {
        fs::write(folder_of(run.group).join("cgroup.procs"), "0").context("enter a group")?;
        report.outcomes.push(run_suite(run, &order)?);
    }
    Ok(report)
}

fn folder_of(group: Group) -> PathBuf {
    match group {
        Group::Top => PathBuf::from(GROUPS),
        Group::Service => Path::new(GROUPS).join(SERVICE),
    }
}

fn mount_plain(kind: &str, place: &str) -> Result<()> {
    mount_with(kind, kind, place, "")
}

fn mount_with(source: &str, kind: &str, place: &str, options: &str) -> Result<()> {
    let options = CString::new(options)?;
    fs::create_dir_all(place).with_context(|| format!("make {place}"))?;
    mount(source, place, kind, MountFlags::empty(), Some(options.as_c_str()))
        .with_context(|| format!("mount {kind} at {place}"))
}

/// The host's files below and changes in memory above; the rest as on every host.
fn make_root() -> Result<()> {
    let share = "trans=virtio,version=9p2000.L,msize=524288,cache=loose";
    mount_with("host", "9p", "/host", share)?;
    mount_plain("tmpfs", "/changes")?;
    for folder in ["/changes/upper", "/changes/work"] {
        fs::create_dir(folder).with_context(|| format!("make {folder}"))?;
    }
    let parts = "lowerdir=/host,upperdir=/changes/upper,workdir=/changes/work";
    mount_with("root", "overlay", "/root", parts)?;
    chdir("/root").context("enter the new root")?;
    mount_move(".", "/").context("put the new root in place")?;
    chroot(".").context("enter the new root")?;
    for (kind, place) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("devpts", "/dev/pts"),
        ("tmpfs", "/dev/shm"),
        ("tmpfs", "/run"),
        ("cgroup2", GROUPS),
    ] {
        mount_plain(kind, place)?;
    }
    mount_with("/dev/vda", "ext4", DISK, "")
}

/// What the kernel says about control groups; anything but v2 alone is an error.
fn control_groups() -> Result<Vec<String>> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("read the mounts")?;
    let mounted: Vec<_> = mounts.lines().filter(|line| line.contains(" cgroup")).collect();
    let own = fs::read_to_string("/proc/self/cgroup").context("read our own group")?;
    let offered = fs::read_to_string(Path::new(GROUPS).join("cgroup.controllers"));
    let offered = offered.context("read the controllers")?;
    let offers = |wanted: &&str| !offered.split_whitespace().any(|name| name == *wanted);
    if let Some(missing) = CONTROLLERS.iter().find(|wanted| offers(wanted)) {
        bail!("there is no controller {missing}, only {offered}");
    }
    if mounted.len() != 1 || own.trim() != "0::/" {
        bail!("not cgroup v2 alone: {mounted:?}, {own:?}");
    }
    let mut lines: Vec<_> = mounted.into_iter().map(|line| format!("mounted {line}")).collect();
    lines.push(format!("first process in {}", own.trim()));
    lines.push(format!("controllers {}", offered.trim()));
    Ok(lines)
}

fn run_suite(run: &Run, order: &Order) -> Result<Outcome> {
    let name = format!("{} {}", run.name, run.group);
    say(&format!("\nemulated: {name}"));
    let log = Path::new(DISK).join("log");
    let mut program = Program::new(&run.program, &order.folder)
        .args(["--exact", "--show-output"])
        .env("PATH", PATH)
        .env("HOME", DISK)
        .env("TMPDIR", DISK);
    for name in &order.left_out {
        program = program.args(["--skip", name]);
    }
    let child = program.start(File::create(&log).context("make a log")?)?;
    let mut seen = Seen { file: File::open(&log).context("read a log")?, text: Vec::new() };
    let ended = loop {
        seen.go_on()?;
        // What the tests leave behind becomes ours, and is reaped as any init would.
        match wait(WaitOptions::NOHANG).context("wait for the tests")? {
            Some((pid, status)) if pid == Pid::from_child(&child) => break status,
            Some(_) => {}
            None => std::thread::sleep(LOOK),
        }
    };
    seen.go_on()?;
    let text = String::from_utf8_lossy(&seen.text).into_owned();
    Ok(Outcome::read(&name, &text, in_words(ended)))
}

/// How a program ended, if not well.
fn in_words(status: WaitStatus) -> Option<String> {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit code {code}")),
        (None, Some(signal)) => Some(format!("signal {signal}")),
        (None, None) => Some("in no known way".to_owned()),
    }
}

/// A log that grows, shown as it does.
struct Seen {
    file: File,
    text: Vec<u8>,
}

impl Seen {
    fn go_on(&mut self) -> Result<()> {
        let before = self.text.len();
        self.file.read_to_end(&mut self.text).context("read a log")?;
        let fresh = self.text.get(before..).unwrap_or_default();
        std::io::stdout().lock().write_all(fresh).context("show a log")
    }
}
