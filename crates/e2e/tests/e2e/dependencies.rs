//! Repositories that an environment file names to be read besides the agent's own.

use e2e::samples::Repository;
use e2e::world::{World, shell};
use fakes::git_host::GitHost;
use fakes::scripted::script::Turn;
use serde_json::json;

/// Where the file lies.
const FILE: &str = ".errand/environment.json";

/// A repository of a folder `org`, and its address at a host.
fn at(world: &World, host: &GitHost, name: &str) -> (Repository, String) {
    let repository = Repository::sample(&world.repos().join("org"), name);
    (repository, format!("http://{}/org/{name}.git", host.address))
}

#[tokio::test(flavor = "multi_thread")]
async fn git_reads_what_the_file_names_and_nothing_beside_it() {
    let world = World::start().await;
    std::fs::create_dir_all(world.repos().join("org")).unwrap();
    let host = GitHost::start(world.repos()).await.unwrap();
    let ((own, url), (lib, lib_url), (_, other_url)) =
        (at(&world, &host, "app"), at(&world, &host, "lib"), at(&world, &host, "other"));
    let dependency = format!("{}/org/lib", host.address);
    let lost = "localhost.example.invalid/org/lost";
    let none = format!("{}/org/none", host.address);
    let file = json!({
        "repositoryDependencies": [dependency, lost, none],
        "install": format!("git clone -q {lib_url} ~/first && echo cloned"),
    });
    own.push("main", "Name a dependency", &[(FILE, &file.to_string())]);
    let plain = lib_url.trim_end_matches(".git");
    let ssh = format!("ssh://git@{}/org/lib.git", host.address);
    let look = [
        shell("ls ~/first"),
        shell(format!("git clone -q {plain} ~/second && git clone -q {ssh} ~/third && ls ~/third")),
        shell("cd ~/second && git push -q origin HEAD:refs/heads/mine"),
        shell(format!("git clone -q {other_url} ~/other")),
        shell(format!("git clone -q https://{lost} ~/lost")),
        shell("cd ~/second && git fetch -q && git log -1 --format=%s origin/main"),
        shell(format!("for i in 1 2 3 4 5 6; do git ls-remote http://{none}; done")),
        Turn::say("Done."),
    ];
    let body = json!({
        "repos": [{"url": url}], "prompt": {"text": e2e::world::prompt(&look)},
    });
    let job = world.open(body.clone()).await;
    world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs[0].contains("calc.py"), "install has cloned it: {}", outputs[0]);
    assert!(
        outputs[1].starts_with("Exit code 0.") && outputs[1].contains("calc.py"),
        "{}",
        outputs[1]
    );
    assert!(outputs[2].contains("read, not pushed to"), "{}", outputs[2]);
    assert!(!outputs[3].starts_with("Exit code 0."), "it is not named: {}", outputs[3]);
    assert!(outputs[4].contains("Errand cannot read"), "{}", outputs[4]);
    assert_eq!(outputs[6].matches("Errand cannot read").count(), 6, "{}", outputs[6]);
    let questions = host.asked().iter().filter(|line| line.contains("/org/none")).count();
    assert_eq!(questions, 2, "with `.git` and without, and not again at once: {:?}", host.asked());
    assert_eq!(lib.head("mine"), None);
    assert!(host.asked().iter().all(|line| !line.contains("other")), "{:?}", host.asked());
    let events = world.events(&job.agent).await;
    let read = events.iter().find(|entry| entry["event"]["type"] == "EnvironmentRead").unwrap();
    assert_eq!(read["event"]["environment"]["dependencies"], json!([dependency, lost, none]));

    // What is new there is seen without anybody's doing.
    lib.push("main", "Something new", &[("new.txt", "new\n")]);
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let again = world.send(&job.agent, &[look[5].clone(), Turn::say("Done.")]).await;
    world.ended_as(&again, "FINISHED").await;
    let output = world.outputs(&job.agent).await.pop().unwrap();
    assert!(output.contains("Something new"), "{output}");
    world.end().await;
}
