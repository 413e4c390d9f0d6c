//! Errands in sandboxes that an OCI runtime starts, and servers that must not start with one.

use e2e::process::binary;
use e2e::world::{World, shell, write};
use fakes::scripted::script::Turn;
use sandbox::local::oci::{self, Kind, Runtime};
use std::path::Path;

use crate::base::refusal;
use crate::builds::{fork_twice, sleep_with_files};
use crate::isolation::{self, try_everything};
use crate::machine::{previews, sleep_and_wake, terminals};

/// The runtimes of this host, or put beside the binary under test; says which are missing, and why.
fn runtimes() -> Vec<Runtime> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root's launcher works with OCI runtimes (3 runtimes)");
        return Vec::new();
    }
    let mut found = Vec::new();
    for name in ["runc", "crun", "runsc"] {
        let ours = binary().with_file_name(name);
        let named = if ours.is_file() { ours.as_path() } else { Path::new(name) };
        match oci::find(named) {
            Ok(runtime) => found.push(runtime),
            Err(error) => println!("skipped: {error} (1 runtime)"),
        }
    }
    found
}

fn with(runtime: &Runtime) -> String {
    format!("[sandbox]\nisolation = \"oci\"\nruntime = {:?}\n", runtime.path)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_errand_is_run_with_every_runtime_and_outlives_the_server() {
    for runtime in runtimes() {
        let mut world = World::with(&with(&runtime)).await;
        let repository = world.repository("sample");
        let doctor = world.api.get("/v1/doctor").await.expect(200).to_string();
        assert!(doctor.contains(&format!("sandboxes are started by {runtime}")), "{doctor}");
        let turns = [
            write("calc.py", "def add(a, b):\n    return a + b\n"),
            shell("ls -l calc.py && sudo id -u && echo kept > ~/note && git status --short"),
            Turn::say("Fixed."),
        ];
        let job = world.errand(&repository, &turns).await;
        let run = world.ended_as(&job, "FINISHED").await;
        let output = world.outputs(&job.agent).await.join("\n");
        assert!(output.contains("\n0\n"), "{runtime}: {output}");
        let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
        assert!(repository.git(&["show", &format!("{branch}:calc.py")]).contains("return a + b"));
        world.kill();
        world.boot();
        let next = world.send(&job.agent, &[shell("cat ~/note"), Turn::say("There.")]).await;
        world.ended_as(&next, "FINISHED").await;
        let output = world.outputs(&job.agent).await.join("\n");
        assert!(output.contains("kept"), "{runtime}: {output}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_work_in_machines_of_every_runtime() {
    for runtime in runtimes() {
        println!("{runtime}");
        let config = with(&runtime);
        sleep_and_wake(&config).await;
        sleep_with_files(&config, "true").await;
        terminals::outlive_the_server(&config).await;
        previews::look_through(&config).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_every_runtime_can_be_forked() {
    for runtime in runtimes() {
        println!("{runtime}");
        fork_twice(&with(&runtime)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_script_is_refused_by_every_runtime() {
    for runtime in runtimes() {
        println!("{runtime}");
        let kernel = match runtime.kind {
            Kind::Runc | Kind::Crun => isolation::Kernel::Host,
            Kind::Runsc => isolation::Kernel::Gvisor,
        };
        try_everything(&with(&runtime), kernel).await;
    }
}

#[test]
fn a_server_does_not_start_with_walls_that_it_cannot_build() {
    for (config, words) in [
        ("isolation = \"vm\"", "no runtime for virtual machines is supported yet"),
        ("isolation = \"oci\"", "sandbox.runtime: is empty"),
        ("isolation = \"oci\"\nruntime = \"no-such\"", "no-such is no program of this host"),
        ("isolation = \"oci\"\nruntime = \"/usr/bin/env\"", "does not say that it is runc"),
    ] {
        let is_found = config.contains("runtime = ");
        if is_found && !rustix::process::geteuid().is_root() {
            println!("skipped: only root's launcher looks for runtimes (1 configuration)");
            continue;
        }
        let said = refusal(&format!("[sandbox]\n{config}\n"));
        assert!(said.contains(words), "{config}: {said}");
    }
}
