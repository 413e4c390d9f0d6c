//! An agent that remembers what must be on its disk: files that never change, and a line of each
//! command.

use e2e::host;
use e2e::samples::Repository;
use e2e::world::{Job, World, eventually, shell};
use fakes::scripted::script::Turn;
use serde_json::Value;

/// Fills the folders that a disk has, one of them inside the workspace where git ignores it.
const FILL: &str = "mkdir -p ~/a /var/tmp/a deps/a && for n in $(seq 30); do \
    for folder in ~/a /var/tmp/a deps/a; do head -c $((n * 997)) /dev/urandom > $folder/$n; done; done; \
    ln -s nowhere ~/a/link; chmod 600 deps/a/7; mkfifo /var/tmp/a/pipe; echo filled";
/// Shows them.
pub const SHOW: &str = "echo begin; cat lines.txt; echo sums; for folder in ~/a /var/tmp/a deps/a; do \
    (cd $folder && find . -printf '%p %m %s %y %l\\n' | sort | sha256sum; cat [0-9]* | sha256sum); \
    done; echo end";
/// Steps of a run in the middle of which something is killed.
const STEPS: usize = 6;

/// What became of a command that appends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Its end was told, so the line is there.
    Written,
    /// Its machine went away meanwhile: at most once.
    Perhaps,
}

/// The agent.
pub struct Subject {
    /// `bc-…`.
    pub agent: String,
    repository: Repository,
    lines: Vec<(String, Line)>,
    sums: String,
    commands: usize,
}

/// What a tool gave in a run, in order.
pub async fn outputs(world: &World, job: &Job) -> Vec<String> {
    let events = world.events(&job.agent).await;
    let of_run = events.iter().map(|entry| &entry["event"]).filter(|event| event["run"] == job.run);
    let returned = of_run.filter(|event| event["type"] == "ToolReturned");
    returned.map(|event| event["result"]["text"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Lines and sums of what [`SHOW`] printed.
#[track_caller]
pub fn shown(output: &str) -> (Vec<String>, String) {
    let parts = output.split_once("begin\n").and_then(|(_, rest)| rest.split_once("sums\n"));
    let (lines, rest) = parts.unwrap_or_else(|| panic!("the disk is not shown: {output}"));
    let (sums, _) = rest.split_once("\nend").unwrap_or_else(|| panic!("half is shown: {output}"));
    (lines.lines().map(str::to_owned).collect(), sums.to_owned())
}

impl Subject {
    /// Opens one whose disk is filled.
    pub async fn open(world: &World, repository: Repository) -> Self {
        let turns =
            [shell(FILL), shell("echo first >> lines.txt"), shell(SHOW), Turn::say("Full.")];
        let job = world.errand(&repository, &turns).await;
        world.ended_as(&job, "FINISHED").await;
        let (lines, sums) = shown(&outputs(world, &job).await[2]);
        assert_eq!(lines, ["first"]);
        let lines = vec![("first".to_owned(), Line::Written)];
        Self { agent: job.agent, repository, lines, sums, commands: 0 }
    }

    /// A command that appends a line of its own and says so.
    fn command(&mut self, more: &str) -> (String, Turn) {
        self.commands += 1;
        let line = format!("line-{}", self.commands);
        let turn = shell(format!("echo {line} >> lines.txt; {more}; echo said {line}."));
        (line, turn)
    }

    /// Begins a run of several commands.
    pub async fn work(&mut self, world: &World) -> (Job, Vec<String>) {
        let (lines, mut turns): (Vec<_>, Vec<_>) =
            (0..STEPS).map(|_| self.command("sleep 0.05")).unzip();
        turns.push(Turn::say("Worked."));
        (world.send(&self.agent, &turns).await, lines)
    }

    /// The run is over, and what it told is remembered.
    pub async fn worked(&mut self, world: &World, job: &Job, lines: Vec<String>) {
        world.ended_as(job, "FINISHED").await;
        let told = outputs(world, job).await;
        for line in lines {
            let said = told.iter().any(|output| output.contains(&format!("said {line}.")));
            self.lines.push((line, if said { Line::Written } else { Line::Perhaps }));
        }
    }

    /// The agent takes work and finds everything as it was left; nothing of an earlier machine is there.
    pub async fn assert_whole(&mut self, world: &World, when: &str) {
        let (line, append) = self.command("true");
        let job = world.send(&self.agent, &[append, shell(SHOW), Turn::say("Whole.")]).await;
        self.worked(world, &job, vec![line]).await;
        let output = outputs(world, &job).await.pop().unwrap();
        self.assert_shown(&output, when);
        let branch = world.run(&job).await["git"]["branches"][0]["branch"].clone();
        let pushed = self.repository.file(branch.as_str().unwrap(), "lines.txt");
        assert_eq!(pushed.lines().collect::<Vec<_>>(), self.certain(), "{when}: on the branch");
        assert_single(world, &self.agent, when).await;
    }

    /// What was shown is what must be there; from now on it is certain.
    pub fn assert_shown(&mut self, output: &str, when: &str) {
        let (found, sums) = shown(output);
        assert_eq!(sums, self.sums, "{when}: files differ");
        self.lines.retain(|(line, state)| *state == Line::Written || found.contains(line));
        self.lines.iter_mut().for_each(|(_, state)| *state = Line::Written);
        assert_eq!(found, self.certain(), "{when}: each line once, in order");
    }

    /// The files, without the lines, are those of this agent.
    pub fn assert_files(&self, output: &str, when: &str) {
        assert_eq!(shown(output).1, self.sums, "{when}: files differ");
    }

    fn certain(&self) -> Vec<&str> {
        self.lines.iter().map(|(line, _)| line.as_str()).collect()
    }
}

/// Of an agent whose machine is up there is one record, one shim and the groups of one sandbox.
pub async fn assert_single(world: &World, agent: &str, when: &str) {
    let folder = world.data().join("machines/sandboxes");
    let records = || {
        let entries = std::fs::read_dir(&folder).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(agent)).collect::<Vec<_>>()
    };
    eventually(&format!("{when}: {agent} has one machine and no more"), async || {
        let records = records();
        let [record] = records.as_slice() else { return false };
        let groups = host::groups_of_agent(agent);
        let guests = host::processes_of_agent(agent);
        let inside = |pid: u32| {
            let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup"));
            groups.is_ok_and(|groups| groups.lines().any(|line| line.ends_with(record)))
        };
        groups.iter().all(|group| group.ends_with(record))
            && guests.iter().all(|process| inside(process.pid))
            && host::shims_of_agent(agent).len() == 1
    })
    .await;
}

/// A field that must be text.
#[track_caller]
pub fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field}: {value}")).to_owned()
}
