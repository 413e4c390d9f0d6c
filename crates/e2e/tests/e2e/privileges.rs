//! Who the server is: root's launcher apart, nobody special; an ordinary user may start it too.

use e2e::samples::{Repository, git};
use e2e::world::{World, give, shell, write};
use fakes::scripted::script::Turn;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// An ordinary user of this host.
const SOMEBODY: u32 = 1000;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The lines of `/proc/<pid>/status` that say who a process is.
fn standing(pid: u32) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// Children of the server: its launcher, as long as no git runs.
fn launcher_of(server: u32) -> u32 {
    let children =
        std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap();
    let is_launcher = |pid: &&str| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|words| words.contains("launcher"))
    };
    children.split_whitespace().find(is_launcher).expect("a launcher").parse().unwrap()
}

async fn user_check(world: &World) -> Value {
    let checks = world.api.get("/v1/doctor").await.expect(200);
    let checks = checks["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|check| check["name"] == "server: user")
        .expect("a line about the user")
        .clone()
}

/// An errand that commits, on a repository of this user.
async fn errand(world: &World, repository: &Repository) -> String {
    let turns = [
        write("calc.py", "def add(a, b):\n    return a + b\n"),
        shell("id -u"),
        Turn::say("Fixed."),
    ];
    let job = world.errand(repository, &turns).await;
    let run = world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs.iter().any(|text| text.contains("1000")), "{outputs:?}");
    run["git"]["branches"][0]["branch"].as_str().unwrap().to_owned()
}

/// The commit of a branch, whoever owns the repository.
fn head(repository: &Repository, branch: &str) -> String {
    git(&repository.path, &["-c", "safe.directory=*", "rev-parse", &format!("refs/heads/{branch}")])
}

fn owner(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_launcher_keeps_what_the_server_was_started_with() {
    let world = World::start().await;
    let server = standing(world.server_pid());
    assert_eq!(server["NoNewPrivs"], "1");
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(server[set], "0000000000000000", "{set}");
    }
    let check = user_check(&world).await;
    if is_root() {
        assert!(!server["Uid"].split_whitespace().any(|id| id == "0"), "{}", server["Uid"]);
        assert!(!server["Gid"].split_whitespace().any(|id| id == "0"), "{}", server["Gid"]);
        assert_eq!(
            (server["Groups"].as_str(), server["CapBnd"].as_str()),
            ("", "0000000000000000")
        );
        assert_eq!(owner(&world.data().join("machines")), 0);
        assert_eq!(check["state"], "ok", "{check}");
    } else {
        assert_eq!(check["state"], "reduced", "{check}");
    }
    let launcher = standing(launcher_of(world.server_pid()));
    let me = rustix::process::geteuid().as_raw();
    assert!(launcher["Uid"].starts_with(&format!("{me}\t")), "{}", launcher["Uid"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_of_root_and_of_others_are_worked_on_as_their_owners() {
    let world = World::start().await;
    let owners =
        if is_root() { vec![0, SOMEBODY] } else { vec![rustix::process::geteuid().as_raw()] };
    for uid in owners {
        let repository = world.repository(&format!("of-{uid}"));
        give(&repository.path, uid);
        let branch = errand(&world, &repository).await;
        let place = repository.path.join("refs/heads").join(&branch);
        assert_eq!(owner(&place), uid, "{}", head(&repository, &branch));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_root_served_is_taken_over() {
    let mut world = World::with("[sandbox]\nuser = \"root\"\n").await;
    let repository = world.repository("sample");
    let branch = errand(&world, &repository).await;
    world.kill();
    let file = world.data().join("errand.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("\"root\"", "\"4711\"");
    std::fs::write(&file, text).unwrap();
    world.boot();
    if is_root() {
        assert_eq!(owner(&world.data().join("errand.db")), 4711);
        assert!(standing(world.server_pid())["Uid"].starts_with("4711\t"));
    }
    let again = errand(&world, &repository).await;
    assert_ne!(head(&repository, &branch), head(&repository, "main"));
    assert_ne!(branch, again);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_runs_everything() {
    let (world, uid) = if is_root() {
        (World::as_user(SOMEBODY).await, SOMEBODY)
    } else {
        (World::start().await, rustix::process::geteuid().as_raw())
    };
    let repository = world.repository("sample");
    give(&repository.path, uid);
    let branch = errand(&world, &repository).await;
    assert_ne!(head(&repository, &branch), head(&repository, "main"));
    assert_eq!(user_check(&world).await["state"], "reduced");
    world.end().await;
}
