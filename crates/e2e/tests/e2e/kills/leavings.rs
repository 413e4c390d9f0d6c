//! What is left on the host when every agent and every build is deleted and the sweeper went round.

use e2e::count::count;
use e2e::host;
use e2e::world::{World, assert_clean, eventually};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::path::Path;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// Age of what the sweeper removes: it keeps for a day what may still be asked for again.
const OLD: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// Time until the sweeper has looked for layers.
const SWEPT: Duration = Duration::from_secs(100);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(200);

/// Deletes everything, lets the sweeper go round, and looks.
pub async fn assert_none(mut world: World, mut agents: Vec<String>) {
    for agent in &agents {
        world.delete(agent).await;
    }
    let builds = world.api.get("/v1/builds").await.expect(200);
    for build in builds["items"].as_array().unwrap() {
        agents.push(build["id"].as_str().unwrap().to_owned());
        let path = format!("/v1/builds/{}", build["layer"].as_str().unwrap());
        world.api.delete(&path).await.expect(200);
    }
    eventually("no network namespace of a machine is held", async || {
        host::foreign_sockets(world.server_pid()).is_empty()
    })
    .await;
    // What was made ready for forks whose asking a kill cut off, and layers that nobody begins with.
    let data = world.data();
    let (folders, layers) = (data.join("agents"), data.join("machines/layers"));
    let (forks, kept) = (entries(&folders), entries(&layers));
    world.kill();
    [folders.as_path(), layers.as_path()].into_iter().for_each(age);
    world.boot();
    println!("{} folders and {} layers were left to the sweeper", forks.len(), kept.len());
    assert_clean(&data, &agents).await;
    if count(0, 1) == 1 {
        let until = Instant::now() + SWEPT;
        while !entries(&layers).is_empty() {
            assert!(Instant::now() < until, "left: {:?}", entries(&layers));
            tokio::time::sleep(LOOK).await;
        }
    }
    world.end().await;
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Makes what lies in a folder look old: its folders and the facts in them.
fn age(folder: &Path) {
    let changed = std::fs::metadata(folder).unwrap().modified().unwrap();
    let then = changed.duration_since(UNIX_EPOCH).unwrap() - OLD;
    let then = Timespec { tv_sec: then.as_secs().cast_signed(), tv_nsec: 0 };
    let times = Timestamps { last_access: then, last_modification: then };
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let inside = std::fs::read_dir(entry.path()).unwrap().flatten();
        for path in inside.map(|fact| fact.path()).chain([entry.path()]) {
            utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        }
    }
}
