//! Milliseconds of the calls that people wait for; printed with `--nocapture`, bounded loosely.

use std::time::{Duration, Instant};

use git::agent_repo::AgentRepo;
use git::diff::{DiffOptions, Side};
use git::pack::{ImportLimits, Tip};
use git::refs::Expected;
use git::remote;

use crate::fixture::{Ground, branch, draft, git_bytes, git_in};

const FILES: usize = 90_000;
/// Far above what is measured: it is to catch a call that reads the whole repository.
const EACH_MAX: Duration = Duration::from_secs(2);

fn told(what: &str, started: Instant) {
    let took = started.elapsed();
    println!("{what}: {:.1} ms", took.as_secs_f64() * 1000.0);
    assert!(took < EACH_MAX, "{what} took {took:?}");
}

#[tokio::test]
async fn hot_calls_stay_fast_in_a_repository_of_many_files() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("AGENTS.md", "be kind\n")]);
    let mut import =
        String::from("commit refs/heads/main\ncommitter C <c@x> 1700000000 +0000\ndata 3\nbig\n");
    import.push_str("from refs/heads/main^0\n");
    for n in 0..FILES {
        import.push_str(&format!("M 100644 inline d{}/e{}/f{n}\ndata 2\nx\n\n", n % 100, n % 7));
    }
    git_in(&up.dir, &["fast-import", "--quiet"], import.as_bytes());
    let bare = ground.bare("bare.git", &up);
    let mirror = ground.mirror(&up).await;
    let id = up.head();

    let started = Instant::now();
    let head = remote::ls(&ground.git, &up.remote(), None).await.unwrap();
    told("ls", started);
    let started = Instant::now();
    mirror.ensure(&up.remote(), &head, &mut |_| ()).await.unwrap();
    told("warm ensure", started);
    let started = Instant::now();
    let mut reader = mirror.reader().unwrap();
    reader.file(&id, "AGENTS.md", 1000).await.unwrap().unwrap();
    reader.folder(&id, "", 1000).await.unwrap().unwrap();
    told("AGENTS.md and top folder", started);
    let started = Instant::now();
    assert_eq!(mirror.count_files(&id).await.unwrap(), FILES + 1);
    told("count files", started);
    let started = Instant::now();
    let refs = [(branch("main").to_ref(), id.clone())];
    let agent =
        AgentRepo::create(&ground.path("agent.git"), &mirror, &branch("errand/x"), &refs).unwrap();
    told("create agent repository", started);
    let tree = agent.tree_of(&id).await.unwrap();
    let started = Instant::now();
    let made = agent.commit(&draft(tree, &[&id], "x")).await.unwrap();
    told("commit", started);
    let started = Instant::now();
    agent.update_ref(&branch("errand/x").to_ref(), &made, Expected::Absent).await.unwrap();
    told("update ref", started);
    let started = Instant::now();
    agent.push(&bare.remote(), &made, &branch("errand/x"), Expected::Absent).await.unwrap();
    told("push and verify, new branch", started);
    let second =
        agent.commit(&draft(agent.tree_of(&id).await.unwrap(), &[&made], "y")).await.unwrap();
    let started = Instant::now();
    agent.push(&bare.remote(), &second, &branch("errand/x"), Expected::At(&made)).await.unwrap();
    told("push and verify, moved branch", started);

    let old = up.head();
    up.git(&["read-tree", "HEAD"]);
    let blob = git_in(&up.dir, &["hash-object", "-w", "--stdin"], b"be kinder\n");
    let entry = format!("100644,{},AGENTS.md", blob.trim());
    up.git(&["update-index", "--cacheinfo", &entry]);
    up.git(&["commit", "-q", "-m", "next"]);
    let new = up.head();
    let revs = format!("{new}\n^{old}\n");
    let args = ["pack-objects", "--revs", "--thin", "--stdout", "-q"];
    let pack = git_bytes(&up.dir, &args, &revs);
    let (mut source, tips) = (pack.as_slice(), [Tip::Commit(new.clone())]);
    let started = Instant::now();
    agent
        .import_pack(&mut source, ImportLimits::default(), &tips, std::slice::from_ref(&old))
        .await
        .unwrap();
    told("import a small pack", started);
    let started = Instant::now();
    let options = DiffOptions::default();
    agent.diff(Side::Commit(&old), Side::Commit(&new), &options).await.unwrap();
    told("diff", started);
}
