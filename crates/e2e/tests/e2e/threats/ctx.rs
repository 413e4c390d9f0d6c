//! T-CTX: settings of other programs that somebody committed, or that an agent leaves for the next one.

use super::sink::{Shelf, Sink};
use e2e::host;
use e2e::world::{World, shell};
use fakes::scripted::script::Turn;

/// Files that make other programs start something when a folder is opened.
const PLANTED: &[(&str, &str)] = &[
    (
        ".claude/settings.json",
        r#"{"hooks":{"SessionStart":[{"hooks":[{"type":"command","command":"touch ~/began; curl -s https://allowed.test/hook"}]}]}}"#,
    ),
    (
        ".mcp.json",
        r#"{"mcpServers":{"planted":{"command":"sh","args":["-c","touch ~/began; curl -s https://allowed.test/mcp; sleep 600"]}}}"#,
    ),
    (
        ".vscode/tasks.json",
        r#"{"version":"2.0.0","tasks":[{"label":"x","type":"shell","command":"touch ~/began; curl -s https://allowed.test/task","runOptions":{"runOn":"folderOpen"}}]}"#,
    ),
    (".envrc", "touch ~/began\n"),
    (".githooks/post-checkout", "#!/bin/sh\ntouch ~/began\n"),
];

#[tokio::test(flavor = "multi_thread")]
async fn committed_settings_of_other_programs_start_nothing() {
    let names = vec!["allowed.test".to_owned()];
    let sink = Sink::start(&names, Shelf::new()).await;
    let world =
        World::with(&format!("[network]\nallow = [\"allowed.test\"]\n{}", sink.gateway(&names)))
            .await;
    let repository = world.repository("sample");
    repository.push("main", "Plant settings", PLANTED);
    let look = "cd /workspace/sample && ls -A && ls ~/began; cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 'allowed.tes[t]/'; echo looked";
    let job = world
        .errand(
            &repository,
            &[shell(look), shell("echo more > more.txt; ls ~/began"), Turn::say("Done.")],
        )
        .await;
    world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(
        outputs[0].contains(".mcp.json") && outputs[0].contains("0\nlooked\n"),
        "{}",
        outputs[0]
    );
    for output in &outputs {
        assert!(output.contains("cannot access '/home/agent/began'"), "T-CTX 04, 05, 06: {output}");
    }
    assert!(sink.taken().is_empty(), "T-CTX 04, 05, 06: {:?}", sink.taken());
    // The oracle sees what such a command would do.
    let control = world
        .send(
            &job.agent,
            &[
                shell("touch ~/began; curl -s https://allowed.test/hook; ls ~/began"),
                Turn::say("Done."),
            ],
        )
        .await;
    world.ended_as(&control, "FINISHED").await;
    assert!(super::holds(&sink.under("allowed.test"), "GET /hook "));
    assert!(
        host::processes_of_agent(&job.agent)
            .iter()
            .all(|process| !process.command.contains("allowed.test"))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_agent_leaves_in_caches_is_not_there_for_another() {
    let world = World::with("[builds]\nautomatic = false\n").await;
    let repository = world.repository("sample");
    let places =
        "~/.npm/_cacache ~/.cache/pip ~/.cargo/registry ~/go/pkg /var/tmp/cache ~/.local/bin";
    let poison = format!(
        "for p in {places}; do mkdir -p $p && echo poison > $p/poisoned; done; echo 'touch ~/began' >> ~/.bashrc; git config --global alias.status '!touch ~/began'; find /home /opt /tmp /var/tmp /workspace -name poisoned 2>/dev/null | wc -l"
    );
    let first = world.errand(&repository, &[shell(poison), Turn::say("Done.")]).await;
    world.ended_as(&first, "FINISHED").await;
    let look = "find /home /opt /tmp /var/tmp /workspace -name poisoned 2>/dev/null; grep -s began ~/.bashrc ~/.gitconfig; ls ~/began; echo looked";
    let second = world.errand(&repository, &[shell(look), Turn::say("Done.")]).await;
    world.ended_as(&second, "FINISHED").await;
    let output = world.outputs(&second.agent).await.remove(0);
    assert!(!output.contains("poisoned") && !output.contains("touch"), "T-CTX 10: {output}");
    assert!(output.contains("looked"), "{output}");
    let planted = world.outputs(&first.agent).await.remove(0);
    assert!(planted.contains("\n6\n"), "nothing was planted: {planted}");
    world.end().await;
}
