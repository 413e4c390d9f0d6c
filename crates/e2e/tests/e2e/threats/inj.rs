//! T-INJ: texts that are names, and names that are commands.

use super::sink::{Shelf, Sink};
use super::{canary, contains};
use e2e::host;
use e2e::world::{World, prompt, shell};
use fakes::git_host::GitHost;
use fakes::scripted::script::Turn;
use serde_json::json;
use std::path::Path;

/// Texts that a shell, git or ssh would read as more than a name; `MARK` is a file that none may make.
const NAMES: &[(&str, &str)] = &[
    ("T-INJ 08", "x$(touch MARK)"),
    ("T-INJ 09 backtick", "x`touch MARK`"),
    ("T-INJ 09 semicolon", "x;touch MARK"),
    ("T-INJ 09 pipe", "x|touch MARK"),
    ("T-INJ 10", "x\ntouch MARK"),
    ("T-INJ 10 return", "x\rtouch MARK"),
    ("T-INJ 11", "-x"),
    ("T-INJ 11 option", "--upload-pack=touch MARK"),
];
/// Addresses that a clone must not follow.
const ADDRESSES: &[(&str, &str)] = &[
    ("T-INJ 14", "ssh://-oProxyCommand=touch MARK/x"),
    ("T-INJ 14 short", "-oProxyCommand=touch MARK:x"),
    ("T-INJ 14 user", "ssh://git@-oProxyCommand=touch MARK/x"),
    ("T-INJ 14 helper", "ext::sh -c touch% MARK"),
    ("T-INJ 12 newline", "https://example.com/a\ntouch MARK"),
    ("T-INJ 12 name", "https://example.com/$(touch MARK).git"),
    ("T-INJ 12 option", "--upload-pack=touch MARK"),
];

#[tokio::test(flavor = "multi_thread")]
async fn names_are_never_commands() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let mark = std::env::temp_dir().join(canary());
    let marked = |text: &str| text.replace("MARK", mark.to_str().unwrap());
    let mut failed = Vec::new();
    for (id, text) in NAMES {
        let text = marked(text);
        for (field, body) in [
            ("branchName", json!({"branchName": text, "repos": [{"url": repository.url()}]})),
            ("startingRef", json!({"repos": [{"url": repository.url(), "startingRef": text}]})),
        ] {
            let mut body = body;
            body["prompt"] = json!({"text": "Hello."});
            let answer = world.api.post("/v1/agents", &body).await;
            if answer.status != 400 || !answer.text.contains(field) {
                failed.push(format!("{id} as {field}: {}", answer.text));
            }
        }
    }
    for (id, text) in ADDRESSES {
        let body = json!({"prompt": {"text": "Hello."}, "repos": [{"url": marked(text)}]});
        let answer = world.api.post("/v1/agents", &body).await;
        if answer.status != 400 {
            failed.push(format!("{id}: {}", answer.text));
        }
    }
    // Files may be called so: they arrive under these names, and nothing else happens.
    let mut script = String::from("cd /workspace/sample; ");
    let named: Vec<_> = NAMES.iter().map(|(_, text)| text.replace("MARK", "mark")).collect();
    for name in &named {
        script += &format!("printf x > $'./{}'; ", name.replace('\n', "\\n").replace('\r', "\\r"));
    }
    script += "mkdir -p '$(touch mark)' && echo x > '$(touch mark)/--help'; ls -1b";
    let job = world.errand(&repository, &[shell(script), Turn::say("Done.")]).await;
    let run = world.ended_as(&job, "ERROR").await;
    assert_eq!(run["error"]["code"], "push_stopped", "names with line ends wait for a person");
    world.mended(&job.agent).await;
    world.let_through(&job.agent, "they are what is tried").await;
    let job = world.send(&job.agent, &[Turn::say("Go on.")]).await;
    let run = world.ended_as(&job, "FINISHED").await;
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap_or_default().to_owned();
    let listed = repository.git(&["ls-tree", "-r", "-z", "--name-only", &branch]);
    for name in named.iter().map(String::as_str).chain(["$(touch mark)/--help"]) {
        if !listed.split('\0').any(|listed| listed == name) {
            failed.push(format!("T-INJ 12: {name:?} did not arrive: {listed:?}"));
        }
    }
    // A remote that the agent writes down is not one that we follow.
    let remote = marked(
        "cd /workspace/sample; git remote set-url origin 'ssh://-oProxyCommand=touch MARK/x'; \
         git config core.sshCommand 'touch MARK'; git config remote.origin.uploadpack 'touch MARK'; echo y > y.txt",
    );
    let again = world.send(&job.agent, &[shell(remote), Turn::say("Done.")]).await;
    world.ended_as(&again, "FINISHED").await;
    assert_eq!(repository.git(&["show", &format!("{branch}:y.txt")]), "y");
    if mark.exists() {
        failed.push("a name was carried out on the host".to_owned());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_users_reach_the_agents_commands_only() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let value = canary();
    for (name, text) in [("LD_PRELOAD", "x"), ("A\nB", "x"), ("A=B", "x"), ("X", "a\0b")] {
        let body = json!({"prompt": {"text": "Hello."}, "envVars": {name: text}});
        world.api.post("/v1/agents", &body).await.refused(400, "validation_error");
    }
    // What would bend a git that had it.
    let variables = json!({
        "GIT_DIR": format!("/nowhere/{value}"), "GIT_EXTERNAL_DIFF": format!("/nowhere/{value}"),
        "GIT_SSH_COMMAND": format!("touch {value}"), "BASH_ENV": format!("/nowhere/{value}"),
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": format!("touch /tmp/{value}"),
        "LINES": format!("one\ntwo={value}"),
    });
    let stay = "cd /workspace/sample; echo z > z.txt; echo \"dir $GIT_DIR\"; printf '%s' \"$LINES\"; echo up; sleep 3";
    let body = json!({
        "prompt": {"text": prompt(&[shell(stay), Turn::say("Done.")])},
        "repos": [{"url": repository.url()}], "envVars": variables,
    });
    let job = world.open(body).await;
    let mut watcher = world.watch(&job.agent);
    while !watcher
        .deltas
        .iter()
        .any(|delta| delta["text"].as_str().is_some_and(|text| text.contains("up")))
    {
        watcher.peek().await;
    }
    let has = |pid: u32| {
        let read = std::fs::read(Path::new("/proc").join(pid.to_string()).join("environ"));
        contains(&read.unwrap_or_default(), value.as_bytes())
    };
    let (inside, outside) =
        (host::processes_of_agent(&job.agent), host::processes_of_server(&world.data()));
    let of_commands: Vec<_> = inside.iter().filter(|process| has(process.pid)).collect();
    assert!(!of_commands.is_empty(), "T-INJ 13: the commands have it: {inside:?}");
    assert!(
        !of_commands.iter().any(|process| process.command.contains("errand-guest")),
        "T-INJ 13: {of_commands:?}"
    );
    let own: Vec<_> =
        outside.iter().filter(|process| !inside.iter().any(|of| of.pid == process.pid)).collect();
    assert!(!own.is_empty() && !own.iter().any(|process| has(process.pid)), "T-INJ 13: {own:?}");
    let run = world.ended_as(&job, "FINISHED").await;
    let output = world.outputs(&job.agent).await.remove(0);
    assert!(
        output.contains(&format!("dir /nowhere/{value}"))
            && output.contains(&format!("one\ntwo={value}")),
        "{output}"
    );
    // Our own git was not bent.
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap_or_default();
    assert_eq!(repository.git(&["show", &format!("{branch}:z.txt")]), "z", "{run:#}");
    world.end().await;
}

/// A large file as the program for them leaves it: a pointer, and its content beside the objects.
const LARGE: &str = r#"cd /workspace/sample; echo '*.bin filter=lfs' > .gitattributes; printf %s "$CONTENT" > /tmp/content
oid=$(sha256sum /tmp/content | cut -d' ' -f1); size=$(stat -c %s /tmp/content)
folder=.git/lfs/objects/$(echo $oid | cut -c1-2)/$(echo $oid | cut -c3-4); mkdir -p $folder; cp /tmp/content $folder/$oid
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %s\n' $oid $size > $NAME.bin; git add -A; git status --short"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_cannot_have_the_server_send_files_elsewhere_inside() {
    let sink = Sink::start(&["api.test".to_owned()], Shelf::new()).await;
    let world = World::start().await;
    world.repository("sample");
    let host = GitHost::start(world.repos()).await.unwrap();
    let line = |name: &str| format!("NAME={name} CONTENT={name}; {LARGE}");
    host.large_files.send_elsewhere(format!("http://{}/large/own", host.address));
    let job = world
        .open(json!({
            "prompt": {"text": prompt(&[shell(line("own")), Turn::say("Done.")])},
            "repos": [{"url": format!("http://{}/sample.git", host.address)}],
        }))
        .await;
    world.ended_as(&job, "FINISHED").await;
    assert!(host.asked().contains(&"PUT /large/own".to_owned()), "{:?}", host.asked());
    host.large_files.send_elsewhere(format!("http://127.0.0.1:{}/large", sink.port));
    let again = world.send(&job.agent, &[shell(line("inside")), Turn::say("Done.")]).await;
    let run = world.ended(&again).await;
    assert_eq!(run["error"]["code"], "push_blocked", "{run:#}");
    let message = run["error"]["message"].as_str().unwrap();
    assert!(message.contains("private or special address"), "{message}");
    assert!(sink.taken().is_empty(), "{:?}", sink.taken());
    world.end().await;
}
