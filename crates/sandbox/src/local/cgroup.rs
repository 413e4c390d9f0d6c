//! Control groups: the boundary of ownership, the limits, and the way to end everything at once.
//!
//! Three layouts occur: v1 (one hierarchy per controller), v2, and hybrid (controllers on v1 beside
//! an almost empty v2). Limits go wherever the controller lives; a v2 directory is made wherever v2
//! is mounted, since `cgroup.kill` works there without any controller.

mod limits;
mod whose;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use self::limits::Held;
pub use self::whose::Whose;
use super::record;
use crate::isolation::IsolationReport;
use crate::provider::SandboxLimits;

/// Directory that holds the groups of all sandboxes, in each hierarchy.
const PARENT: &str = "errand";
/// Time for the last process of a killed group to go.
const END_WAIT: Duration = Duration::from_secs(10);
/// Pause between two looks at a group that is not empty yet.
const END_POLL: Duration = Duration::from_millis(2);
/// Tries to make a directory whose parent another launcher may remove.
const MAKE_TRIES: u32 = 20;
/// Tries to remove a parent whose last group is still on its way out.
const TIDY_TRIES: u32 = 100;
/// Weight of all sandboxes together against other processes of this host, whose default is 1024: the
/// server and those who watch come first.
const CPU_SHARES: u64 = 256;
/// The same in a v2 hierarchy, where the default is 100.
const CPU_WEIGHT: u64 = 25;
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
const IMPROVE: &str = "run the server as root, or in a delegated cgroup v2 subtree";

/// One mounted hierarchy, and where in it we may make groups.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hierarchy {
    /// Controllers of a v1 hierarchy; `None` is v2.
    v1: Option<Vec<String>>,
    /// Mount point.
    mount: PathBuf,
    /// Our own group.
    own: PathBuf,
}

/// The groups of one sandbox.
#[derive(Debug, Default)]
pub struct Groups {
    dirs: Vec<PathBuf>,
    held: Vec<Held>,
    /// Groups above these, which go with the last one below them.
    above: Vec<PathBuf>,
}

impl Groups {
    /// Makes the groups of a sandbox, limits written, and says which limits hold.
    pub fn create(whose: Whose, limits: &SandboxLimits, report: &mut IsolationReport) -> Self {
        let mut groups = Self::default();
        for hierarchy in hierarchies() {
            groups.create_in(&hierarchy, whose, limits);
        }
        let held: Vec<_> = groups.held.iter().map(|held| held.controller).collect();
        report_limits(&held, report);
        match groups.kill_file() {
            Some(_) => report.enforced("end", "processes that outlive their sandbox"),
            None => report.reduced(
                "end",
                "no cgroup v2 directory can be made: the first process is killed instead",
                "processes that outlive their sandbox",
                IMPROVE,
            ),
        }
        groups
    }

    /// The groups that exist under this name, whoever made them, and those that a record names: a
    /// restarted server may have another group of its own, below which it would look in vain.
    pub fn find(whose: Whose) -> Self {
        // A record that cannot be read names nothing.
        let named: Vec<PathBuf> =
            record::read(&whose.record()).unwrap_or_default().unwrap_or_default();
        let name = whose.name();
        let dirs = hierarchies()
            .into_iter()
            .flat_map(|hierarchy| [hierarchy.own, hierarchy.mount])
            .map(|base| base.join(PARENT).join(&name))
            // TRUST: nobody but us writes records; still, only a group of this name is ended.
            .chain(named.into_iter().filter(|dir| dir.ends_with(Path::new(PARENT).join(&name))))
            .filter(|dir| dir.is_dir());
        let mut groups = Self { dirs: dirs.collect(), ..Self::default() };
        groups.dirs.sort();
        groups.dirs.dedup();
        let above = groups.dirs.iter().filter_map(|dir| whose.above(dir));
        groups.above = above.map(Path::to_owned).collect();
        groups
    }

    /// Writes down where the groups are.
    pub fn note(&self, whose: Whose) -> io::Result<()> {
        record::write(&whose.record(), &self.dirs)
    }

    /// Moves a process into every group.
    pub fn admit(&self, pid: i32) -> io::Result<()> {
        for dir in &self.dirs {
            fs::write(dir.join("cgroup.procs"), pid.to_string())?;
        }
        Ok(())
    }

    /// How many groups there are.
    pub fn count(&self) -> usize {
        self.dirs.len()
    }

    /// The limits that could be set, by name, as the kernel must show them.
    pub fn golden(&self, limits: &SandboxLimits) -> Vec<(String, String)> {
        let golden = |held: &Held| (held.name(), held.golden(limits));
        self.held.iter().map(golden).collect()
    }

    /// In how many groups a process is, and the limits that they hold, as the kernel shows them.
    pub fn facts(&self, pid: i32) -> (usize, Vec<(String, String)>) {
        let pid = Pid::from_raw(pid);
        let inside = |dir: &&PathBuf| members(dir).into_iter().any(|member| Some(member) == pid);
        let found = self.held.iter().map(|held| (held.name(), held.found()));
        (self.dirs.iter().filter(inside).count(), found.collect())
    }

    /// Whether the kernel has ended a process because the memory was used up.
    pub fn ran_out_of_memory(&self) -> bool {
        self.held.iter().any(|held| held.kills() > 0)
    }

    /// Kills every process in the groups, waits until they are empty and removes them.
    pub fn end(&self) -> io::Result<()> {
        let deadline = Instant::now() + END_WAIT;
        loop {
            self.kill();
            let left = self.dirs.iter().filter(|dir| !removed(dir)).count();
            if left == 0 {
                for dir in &self.above {
                    // Unless others are below it.
                    removed(dir);
                }
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(io::Error::other("a control group does not become empty"));
            }
            std::thread::sleep(END_POLL);
        }
    }

    fn kill(&self) {
        if self.kill_file().is_some_and(|file| fs::write(file, "1").is_ok()) {
            return;
        }
        for pid in self.dirs.iter().flat_map(|dir| members(dir)) {
            // A process may be gone by now; the next round sees whether any is left.
            kill_process(pid, Signal::KILL).ok();
        }
    }

    fn kill_file(&self) -> Option<PathBuf> {
        self.dirs.iter().map(|dir| dir.join("cgroup.kill")).find(|file| file.exists())
    }

    fn create_in(&mut self, hierarchy: &Hierarchy, whose: Whose, limits: &SandboxLimits) {
        let wanted: Vec<&'static str> = CONTROLLERS
            .into_iter()
            .filter(|c| hierarchy.v1.as_ref().is_none_or(|names| names.iter().any(|n| n == c)))
            .collect();
        if wanted.is_empty() {
            return;
        }
        for base in hierarchy.bases() {
            let parent = base.join(PARENT);
            let Ok(dir) = make_group(&parent.join(whose.name())) else { continue };
            if hierarchy.v1.is_none() {
                enable(&base, &parent);
            }
            step_back(&parent);
            let above = whose.above(&dir).map(Path::to_owned);
            let limited = above.as_deref().unwrap_or(&dir);
            let mine = wanted.into_iter().filter_map(|c| Held::set(limited, &dir, c, limits).ok());
            self.held.extend(mine);
            self.above.extend(above);
            self.dirs.push(dir);
            return;
        }
    }
}

/// Tells the kernel that processes will be moved soon.
///
/// The first move after a pause waits for every processor, about ten milliseconds, those after it
/// do not. Moving ourselves to where we are changes nothing but starts that wait early.
pub fn warm_up() {
    if let Some(hierarchy) = hierarchies().into_iter().next_back() {
        // Only speed is lost if it is refused.
        fs::write(hierarchy.own.join("cgroup.procs"), "0").ok();
    }
}

/// Removes the common parents where no sandbox is left, once the kernel lets go of the last one.
pub fn tidy() {
    let bases = hierarchies().into_iter().flat_map(|hierarchy| [hierarchy.own, hierarchy.mount]);
    for parent in bases.map(|base| base.join(PARENT)).filter(|parent| parent.is_dir()) {
        for _ in 0..TIDY_TRIES {
            let empty = fs::read_dir(&parent)
                .is_ok_and(|entries| !entries.flatten().any(|entry| entry.path().is_dir()));
            if !empty || fs::remove_dir(&parent).is_ok() {
                break;
            }
            std::thread::sleep(END_POLL);
        }
    }
}

impl Hierarchy {
    /// Where to try: under our own group so that its limits hold for us, then at the top, since a
    /// v2 group with processes in it cannot hand controllers down.
    fn bases(&self) -> Vec<PathBuf> {
        let offers = |base: &Path| {
            let Ok(subtree) = fs::read_to_string(base.join("cgroup.subtree_control")) else {
                return false;
            };
            subtree.contains("memory")
                || fs::write(base.join("cgroup.subtree_control"), "+memory").is_ok()
        };
        let mut bases = vec![self.own.clone(), self.mount.clone()];
        bases.dedup();
        if self.v1.is_none() && !offers(&self.own) && offers(&self.mount) {
            bases.reverse();
        }
        bases
    }
}

/// Makes a group and those above it, which somebody else may remove meanwhile when they are empty.
fn make_group(dir: &Path) -> io::Result<PathBuf> {
    let mut last = io::Error::other("no try");
    for _ in 0..MAKE_TRIES {
        match fs::create_dir_all(dir) {
            Ok(()) => return Ok(dir.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Hands controllers down to the sandboxes' groups, as far as this host lets us.
fn enable(base: &Path, parent: &Path) {
    for controller in CONTROLLERS {
        for dir in [base, parent] {
            // What could not be handed down shows when its limit is written.
            fs::write(dir.join("cgroup.subtree_control"), format!("+{controller}")).ok();
        }
    }
}

/// Gives all sandboxes together less weight than the server has.
fn step_back(parent: &Path) {
    for (file, weight) in [("cpu.shares", CPU_SHARES), ("cpu.weight", CPU_WEIGHT)] {
        let file = parent.join(file);
        // Absent where another hierarchy has the controller; only speed is lost if it is refused.
        if file.exists() {
            fs::write(file, weight.to_string()).ok();
        }
    }
}

fn report_limits(held: &[&str], report: &mut IsolationReport) {
    let walls = [
        ("memory", "memory_limit", "a sandbox that takes the host's memory"),
        ("pids", "process_limit", "fork bombs"),
        ("cpu", "cpu_limit", "a sandbox that takes the host's processors"),
    ];
    for (controller, name, protects) in walls {
        if held.contains(&controller) {
            report.enforced(name, protects);
        } else if controller == "pids" {
            let reason = "no cgroup can be made: the weaker per-user process limit stands in";
            report.reduced(name, reason, protects, IMPROVE);
        } else {
            report.missing(name, "no cgroup with this controller can be made", protects, IMPROVE);
        }
    }
}

/// Removes an empty group.
fn removed(dir: &Path) -> bool {
    match fs::remove_dir(dir) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn members(dir: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).collect()
}

fn hierarchies() -> Vec<Hierarchy> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    parse(&mounts, &own)
}

/// Joins the mount table with our own membership.
fn parse(mounts: &str, own: &str) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let mut left = left.split(' ').skip(3);
        let (Some(root), Some(mount)) = (left.next(), left.next()) else { continue };
        let mut right = right.split(' ');
        let v1 = match right.next() {
            Some("cgroup2") => None,
            Some("cgroup") => {
                let options = right.nth(1).unwrap_or_default();
                Some(options.split(',').map(str::to_owned).collect::<Vec<_>>())
            }
            _ => continue,
        };
        let Some(path) = own_path(own, v1.as_deref()) else { continue };
        let mount = PathBuf::from(mount);
        let inner = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
        let hierarchy = Hierarchy { v1, own: join(&mount, inner), mount };
        if !found.iter().any(|other| other.v1 == hierarchy.v1) {
            found.push(hierarchy);
        }
    }
    found
}

/// Joins without the trailing slash that an empty part would leave.
fn join(mount: &Path, inner: &Path) -> PathBuf {
    let inner = inner.strip_prefix("/").unwrap_or(inner);
    if inner.as_os_str().is_empty() { mount.to_owned() } else { mount.join(inner) }
}

fn own_path<'a>(own: &'a str, v1: Option<&[String]>) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let matches = match v1 {
            None => controllers.is_empty(),
            Some(names) => {
                !controllers.is_empty()
                    && controllers.split(',').all(|c| names.iter().any(|n| n == c))
            }
        };
        matches.then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::SandboxKey;
    use protocol::ids::{AgentId, Epoch};
    use std::process::{Child, Command, Stdio};

    fn key() -> SandboxKey {
        SandboxKey { agent: AgentId::from_uuid(uuid::Uuid::new_v4()), epoch: Epoch(1) }
    }

    /// A program that reads its input, with its number.
    #[expect(clippy::disallowed_methods, reason = "something to limit")]
    fn start(program: &str) -> (Child, i32) {
        let mut command = Command::new(program);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        (child, pid)
    }

    #[test]
    fn a_hybrid_layout_is_understood() {
        let mounts = "29 28 0:24 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      31 28 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      40 28 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let own = "4:memory:/a/b\n1:cpu:/\n0::/\n";
        let found = parse(mounts, own);
        let own: Vec<_> = found.iter().map(|h| h.own.display().to_string()).collect();
        let expected =
            ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/unified"];
        assert_eq!(own, expected);
        assert!(found[2].v1.is_none());
    }

    #[test]
    fn a_container_sees_its_own_part_only() {
        let mounts = "40 28 0:30 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let found = parse(mounts, "0::/docker/x/errand.service\n");
        assert_eq!(found[0].own, Path::new("/sys/fs/cgroup/errand.service"));
    }

    #[test]
    fn a_limit_that_changed_and_a_process_that_left_are_seen() {
        let limits = SandboxLimits::default();
        let groups =
            Groups::create(Whose::Sandbox(key(), None), &limits, &mut IsolationReport::default());
        if groups.count() == 0 {
            println!("skipped: no control group can be made here (1 test)");
            return;
        }
        let (mut sleeper, pid) = start("cat");
        let golden = groups.golden(&limits);
        assert_eq!(groups.facts(pid), (0, golden.clone()), "before it is in");
        groups.admit(pid).unwrap();
        assert_eq!(groups.facts(pid), (groups.count(), golden.clone()));
        for (index, held) in groups.held.iter().enumerate() {
            let file = held.files()[0];
            let v1 = file.starts_with("memory.limit") || file.starts_with("cpu.cfs");
            let none = if v1 { "-1" } else { "max" };
            fs::write(held.dir.join(file), none).unwrap();
            let (_, found) = groups.facts(pid);
            assert_ne!(found[index], golden[index], "{file}");
        }
        let first = hierarchies().into_iter().find(|h| groups.dirs[0].starts_with(&h.mount));
        fs::write(first.unwrap().own.join("cgroup.procs"), pid.to_string()).unwrap();
        assert_eq!(groups.facts(pid).0, groups.count() - 1, "one left");
        groups.admit(pid).unwrap();
        groups.end().unwrap();
        sleeper.wait().unwrap();
    }

    #[test]
    fn a_process_that_takes_all_memory_is_ended_and_that_is_known() {
        let limits = SandboxLimits { memory_bytes: 32 * 1024 * 1024, ..SandboxLimits::default() };
        let groups =
            Groups::create(Whose::Sandbox(key(), None), &limits, &mut IsolationReport::default());
        if !groups.held.iter().any(|held| held.controller == "memory") {
            println!("skipped: no memory limit can be set here (1 test)");
            groups.end().unwrap();
            return;
        }
        // It keeps what it reads until a line ends, and none ever does.
        let (mut hungry, pid) = start("tail");
        groups.admit(pid).unwrap();
        assert!(!groups.ran_out_of_memory());
        let mut input = hungry.stdin.take().unwrap();
        let mut feed = || std::io::Write::write_all(&mut input, &[b'x'; 64 * 1024]);
        assert!((0..4096).any(|_| feed().is_err()), "it may take 256 MiB");
        assert!(!hungry.wait().unwrap().success());
        assert!(groups.ran_out_of_memory());
        groups.end().unwrap();
    }
}
