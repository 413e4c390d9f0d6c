//! `emulated`: the tests of crate `sandbox` as root on Debian's kernel, with cgroup v2 and no other
//! hierarchy, in a machine that is emulated in software. Nothing is installed; whatever the tests try,
//! they try it on a kernel that is gone afterwards.
//!
//! ```text
//!  here                                          in the machine
//!  programs of the tests are built               init: this program, from a small archive
//!  kernel and modules, out of a package          loads modules, mounts what tests need
//!  this host's files ───── 9p, read-only ──────► lower half of its root: the same paths as here
//!  a blank disk ────────── virtio ─────────────► where the tests have their folders
//!  terminal, report ◄───── serial lines ──────── runs the tests, reports, switches off
//! ```

mod archive;
mod kernel;
mod order;
pub mod guest;

use crate::dist::target_folder;
use crate::program::{Program, say};
use anyhow::{Context, Result, bail};
use archive::Archive;
use kernel::Kernel;
use order::{Group, Order, Report, Run};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The word that makes this program the init of the machine.
pub const INSIDE: &str = "emulated-guest";
/// Programs that must be here, and the packages that bring them.
const TOOLS: [(&str, &str); 5] = [
    (EMULATOR, "qemu-system-x86"),
    (MAKE_DISK, "e2fsprogs"),
    ("dpkg-deb", "dpkg"),
    ("ldd", "libc-bin"),
    ("ip", "iproute2"),
];
const ARCHITECTURE: &str = "x86_64";
const EMULATOR: &str = "qemu-system-x86_64";
const MAKE_DISK: &str = "mkfs.ext4";
/// Folders of programs for root, in which others do not look.
const ROOTS_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
/// What the machine has to have, besides what these need.
const MODULES: [&str; 8] = [
    "virtio_pci",
    "virtio_blk",
    "9pnet_virtio",
    "9p",
    // Asked for by ext4 only once it runs.
    "crc32c_generic",
    "ext4",
    "overlay",
    // A test makes a pair of interfaces.
    "veth",
];
/// Bytes of the disk for the tests; a hole until something is written.
const DISK_BYTES: u64 = 4 << 30;
/// Memory of the machine.
const MEMORY: &str = "3G";
/// Time for everything from the first instruction to switching off.
const LIMIT: Duration = Duration::from_secs(60 * 60);
/// Tests that are left out, each with the reason.
const LEFT_OUT: &[(&str, &str)] = &[
    ("it::life::a_sandbox_starts_in_little_time", ONLY_TIME),
    ("it::life::twenty_at_once_start_in_little_time", ONLY_TIME),
];
const ONLY_TIME: &str = "it asks for nothing but speed, which an emulated machine does not have";

/// Builds, boots and tells what came of it.
pub fn run(root: &Path, package: Option<&Path>) -> Result<ExitCode> {
    check_tools()?;
    let folder = target_folder(root)?.join("emulated");
    let work = folder.join("work");
    remove(&work)?;
    std::fs::create_dir_all(&work).with_context(|| format!("make {}", work.display()))?;
    let runs = build(root)?;
    check_left_out(root, &runs)?;
    let package = match package {
        Some(package) => package.to_path_buf(),
        None => kernel::download(&folder)?,
    };
    let kernel = Kernel::unpack(&package, &work.join("kernel"))?;
    let folder_of_tests = root.join("crates/sandbox");
    let report = Machine { work: &work, kernel: &kernel, log: folder.join("console.log") }.boot(
        |modules| Order {
            modules,
            runs,
            folder: folder_of_tests,
            left_out: LEFT_OUT.iter().map(|(name, _)| (*name).to_owned()).collect(),
        },
    )?;
    remove(&work)?;
    tell(&report);
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check_tools() -> Result<()> {
    if std::env::consts::ARCH != ARCHITECTURE {
        bail!("the machine runs programs of this host, and so needs one that is {ARCHITECTURE}");
    }
    let missing: Vec<_> = TOOLS.into_iter().filter(|(name, _)| find(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|(name, _)| *name).collect();
    let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    bail!(
        "{} is missing; on Debian and Ubuntu: sudo apt-get install {}",
        names.join(", "),
        packages.join(" ")
    )
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let folders = folders.into_iter().chain(ROOTS_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn program(name: &str, folder: &Path) -> Result<Program> {
    Ok(Program::new(find(name).with_context(|| format!("find {name}"))?, folder))
}

/// Builds what the tests start, and the tests; gives what is to be run.
fn build(root: &Path) -> Result<Vec<Run>> {
    for what in [["guest", "--bins"], ["sandbox", "--bins"], ["sandbox", "--examples"]] {
        Program::cargo(root).args(["build", "--quiet", "-p"]).args(what).run()?;
    }
    let which = ["test", "--quiet", "-p", "sandbox", "--lib", "--test", "it", "--no-run"];
    let format = ["--message-format", "json"];
    let messages = Program::cargo(root).args(which).args(format).output()?;
    let programs: Vec<_> = messages.lines().filter_map(test_program).collect();
    // Where the server is matters to control groups alone, so real sandboxes are tested once.
    let wanted = [("sandbox", Group::Top), ("sandbox", Group::Service), ("it", Group::Service)];
    let mut runs = Vec::new();
    for (name, group) in wanted {
        let found = programs.iter().find(|(found, _)| found == name);
        let (name, program) = found.cloned().with_context(|| format!("find tests of {name}"))?;
        runs.push(Run { name, program, group });
    }
    Ok(runs)
}

/// Name and place of the program of tests that a message of cargo's tells of.
fn test_program(message: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let program = message.get("executable")?.as_str()?;
    let is_test = message.pointer("/profile/test")?.as_bool()?;
    let name = message.pointer("/target/name")?.as_str()?;
    is_test.then(|| (name.to_owned(), PathBuf::from(program)))
}

/// A test that is left out has to exist, or nobody notices that another took its place.
fn check_left_out(root: &Path, runs: &[Run]) -> Result<()> {
    let mut listed = String::new();
    for run in runs {
        listed += &Program::new(&run.program, root).args(["--list"]).output()?;
    }
    let names: Vec<_> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    match LEFT_OUT.iter().find(|(name, _)| !names.contains(name)) {
        Some((name, _)) => bail!("no test is named {name}: do not list it among those left out"),
        None => Ok(()),
    }
}

/// What the machine is made of.
struct Machine<'a> {
    work: &'a Path,
    kernel: &'a Kernel,
    log: PathBuf,
}

impl Machine<'_> {
    /// Starts it with the order that follows from the names of its modules, and waits for its end.
    fn boot(&self, order: impl FnOnce(Vec<String>) -> Order) -> Result<Report> {
        let archive = self.work.join("init.cpio");
        let disk = self.work.join("disk");
        let report = self.work.join("report");
        self.write_archive(&archive, order)?;
        self.make_disk(&disk)?;
        say(&format!("Starting the kernel {} in an emulated machine …", self.kernel.release));
        let log = self.log.display();
        let drive = format!("file={},format=raw,if=none,id=disk,cache=unsafe", disk.display());
        // TRUST: the machine reads what we may read and can write none of it; it has no network.
        let share = "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap";
        let machine = program(EMULATOR, self.work)?
            .args(["-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", MEMORY])
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            .args(["-chardev", &format!("stdio,id=console,logfile={log}")])
            .args(["-serial", "chardev:console", "-serial"])
            .args([format!("file:{}", report.display())])
            .args(["-drive", &drive, "-device", "virtio-blk-pci,drive=disk"])
            .args(["-fsdev", share, "-device", "virtio-9p-pci,fsdev=host,mount_tag=host"])
            .args([Path::new("-kernel"), &self.kernel.image, Path::new("-initrd"), &archive])
            .args(["-append", &format!("console=ttyS0 quiet panic=-1 rdinit=/init -- {INSIDE}")]);
        let Some(status) = machine.status_within(LIMIT)? else {
            bail!("the machine was not done after {} min; see {log}", LIMIT.as_secs() / 60);
        };
        let text = std::fs::read_to_string(&report).unwrap_or_default();
        if text.trim().is_empty() {
            bail!("the machine ended without a report ({status}); see {log}");
        }
        let report: std::result::Result<Report, String> =
            serde_json::from_str(text.trim()).context("understand the machine's report")?;
        report.map_err(|reason| anyhow::anyhow!("inside the machine: {reason}"))
    }

    fn write_archive(&self, to: &Path, order: impl FnOnce(Vec<String>) -> Order) -> Result<()> {
        let own = std::env::current_exe().context("find this program")?;
        let mut archive = Archive::default();
        archive.program("init", &own)?;
        let libraries = program("ldd", self.work)?.args([&own]).output()?;
        let libraries = libraries.split_whitespace().filter_map(|word| word.strip_prefix('/'));
        for library in libraries {
            archive.program(library, &Path::new("/").join(library))?;
        }
        let mut modules = Vec::new();
        for module in self.kernel.modules(&MODULES)? {
            let name = module.file_name().context("name a module")?.to_string_lossy().into_owned();
            let name = format!("modules/{name}");
            archive.program(&name, &module)?;
            modules.push(format!("/{name}"));
        }
        archive.file(order::PLACE, &serde_json::to_vec(&order(modules))?)?;
        for folder in guest::FOLDERS {
            archive.folder(folder)?;
        }
        std::fs::write(to, archive.end()?).with_context(|| format!("write {}", to.display()))
    }

    fn make_disk(&self, disk: &Path) -> Result<()> {
        let file = std::fs::File::create(disk).context("make a disk")?;
        file.set_len(DISK_BYTES).context("make a disk")?;
        program(MAKE_DISK, self.work)?.args(["-q", "-F"]).args([disk]).run()
    }
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn tell(report: &Report) {
    say(&format!("\nkernel          {}", report.kernel));
    for line in &report.control_groups {
        say(&format!("control groups  {line}"));
    }
    for outcome in &report.outcomes {
        say(&format!("tests of {outcome}"));
    }
    for (name, reason) in LEFT_OUT {
        say(&format!("left out        {name}: {reason}"));
    }
    say(if report.is_good() { "emulated: all passed" } else { "emulated: not all passed" });
}
