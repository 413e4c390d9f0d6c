//! Machines of Dockerfiles that environment files ask for.

use crate::images::{archive, archived, chosen, with_registry};
use crate::phases::{assert_nowhere, keep};
use e2e::host;
use e2e::samples::Repository;
use e2e::world::{Job, World, eventually, shell};
use fakes::registry::Registry;
use fakes::scripted::script::Turn;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

/// Where the environment file lies.
const FILE: &str = ".errand/environment.json";

/// A repository whose environment is built from this Dockerfile, with further files.
fn built(world: &World, name: &str, dockerfile: &str, files: &[(&str, &str)]) -> Repository {
    let repository = world.repository(name);
    let file =
        json!({"build": {"dockerfile": "Dockerfile", "context": "..", "args": {"WHO": "ada"}}});
    let file = file.to_string();
    let own = [(FILE, file.as_str()), (".errand/Dockerfile", dockerfile)];
    let all: Vec<_> = own.into_iter().chain(files.iter().copied()).collect();
    repository.push("main", "Describe the machine", &all);
    repository
}

async fn look(world: &World, repository: &Repository, command: &str) -> (Job, String) {
    let job = world.errand(repository, &[shell(command), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let output = world.outputs(&job.agent).await[0].clone();
    (job, output)
}

/// The failure that the log tells of the image, in words.
async fn failure(world: &World, agent: &str) -> String {
    let events = world.events(agent).await;
    let chosen = events.iter().find(|entry| entry["event"]["type"] == "ImageChosen").unwrap();
    chosen["event"]["outcome"]["failure"]["message"].as_str().unwrap().to_owned()
}

/// Two images: one as agents need it, one that holds a single program and no shell.
fn images(registry: &Registry) -> (String, String) {
    let system = registry.put(("shop", "1"), &[&archive("the image\n")], &["FROM_IMAGE=yes"]);
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    std::fs::write(&program, "#!/bin/sh\necho bare program\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bytes = archived(folder.path());
    let bare = registry.put(("bare", "1"), &[&bytes], &[]);
    (system, bare)
}

/// One that has an example of nearly everything, with this as its last line.
fn dockerfile(system: &str, bare: &str, last: &str) -> String {
    format!(
        r#"ARG SYSTEM={system}
FROM $SYSTEM AS tools
RUN mkdir /out && echo "$RANDOM$RANDOM$RANDOM" > /out/once && echo kept > /tmp/kept
RUN cp /tmp/kept /out/kept

FROM {bare} AS program

FROM {system}
ENV GREETING="hello there" PATH=/opt/tools/bin:$PATH
ARG WHO=nobody
WORKDIR /srv/app
COPY --from=tools /out/ ./out/
COPY --from=program /program /usr/local/bin/greet
COPY lib/*.txt notes/one.md ./
COPY --chown=7:8 --chmod=600 notes/one.md /srv/renamed
COPY <<EOF /etc/told
$GREETING $WHO "$FROM_IMAGE"
EOF
RUN mkdir home && chown 1234 home && \
    # a comment
    id -u > uids
USER 1234:99
RUN id -u > home/uid; id -g >> home/uid
{last}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_made_by_a_dockerfile_and_what_was_done_is_not_done_again() {
    let (registry, _secrets, world) = with_registry().await;
    let (system, bare) = images(&registry);
    let dockerfile = |last: &str| dockerfile(&system, &bare, last);
    let files =
        [("lib/a.txt", "a\n"), ("lib/b.txt", "b\n"), ("lib/c.rs", ""), ("notes/one.md", "one\n")];
    let repository = built(&world, "sample", &dockerfile("CMD [\"never\"]"), &files);
    let command = "cat /etc/marker; cd /srv/app; ls; cat out/once out/kept uids home/uid /etc/told; \
                   stat -c '%u:%g %a' /srv/renamed; echo $GREETING; echo $PATH; greet; \
                   ls -A /var/tmp /tmp; id -un; sudo id -u";
    let (first, output) = look(&world, &repository, command).await;
    assert_eq!(chosen(&world, &first.agent).await.0, "done", "{output}");
    let lines: Vec<&str> = output.lines().map(str::trim).collect();
    let seen = [
        "the image",
        "a.txt",
        "b.txt",
        "home",
        "one.md",
        "out",
        "uids",
        "kept",
        "0",
        "1234",
        "99",
        "hello there ada \"yes\"",
        "7:8 600",
        "hello there",
        "bare program",
        "agent",
    ];
    let mut rest = lines.iter();
    for wanted in seen {
        assert!(rest.any(|line| *line == wanted), "{wanted}: {output}");
    }
    assert!(output.contains("/opt/errand/bin:"), "{output}");
    assert!(output.contains("/opt/tools/bin:"), "{output}");
    assert!(!output.contains(".errand-"), "nothing of ours is left: {output}");

    // Nothing is asked for and nothing done again, also where only the end is another.
    registry.down(true);
    let (second, again) = look(&world, &repository, command).await;
    assert_eq!(chosen(&world, &second.agent).await.0, "kept");
    assert_eq!(again, output);
    registry.down(false);
    let other = dockerfile("RUN echo more > home/more");
    repository.push("main", "Do more", &[(".errand/Dockerfile", &other)]);
    let once = "cat /srv/app/out/once /srv/app/home/more";
    let (third, more) = look(&world, &repository, once).await;
    assert_eq!(chosen(&world, &third.agent).await.0, "done");
    let number =
        lines.iter().find(|line| line.len() > 4 && line.bytes().all(|b| b.is_ascii_digit()));
    assert!(more.contains(number.unwrap()) && more.contains("more"), "{more} {output}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_dockerfile_leaves_room_for_what_stands_on_it() {
    let (registry, _secrets, world) = with_registry().await;
    let (system, _) = images(&registry);
    let steps: String = (0..33)
        .map(|n| format!("RUN echo {n} >> /steps; rm -f /last-*; touch /last-{n}\n"))
        .collect();
    let repository = built(&world, "sample", &format!("FROM {system}\n{steps}"), &[]);
    let (job, output) = look(&world, &repository, "cat /etc/marker /steps; ls -d /last-*").await;
    assert_eq!(chosen(&world, &job.agent).await.0, "done", "{output}");
    let numbers: String = (0..33).map(|n| format!("{n}\n")).collect();
    assert!(output.contains(&format!("the image\n{numbers}/last-32")), "{output}");
    let events = world.events(&job.agent).await;
    let chosen = events.iter().find(|entry| entry["event"]["type"] == "ImageChosen").unwrap();
    let layer = chosen["event"]["layers"][0].as_str().unwrap();
    let stack = world.data().join("machines/layers").join(layer).join("tree/stack");
    let below = std::fs::read_link(stack).unwrap().to_string_lossy().matches("layer-").count();
    assert!(below < 10, "its steps were merged: {below}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfile_that_fails_is_told_with_its_line_and_the_agent_works_without() {
    let (registry, _secrets, world) = with_registry().await;
    let (system, bare) = images(&registry);
    let table = [
        (
            "fails",
            format!("FROM {system}\n\nRUN echo before && false\n"),
            "line 3: ended with status 1. It printed last:\nbefore",
        ),
        ("missing", format!("FROM {system}\nCOPY --from={bare} /nothing /x\n"), "line 2: /nothing"),
        (
            "nobody",
            format!("FROM {system}\nUSER nobody-here\nRUN true\n"),
            "the image has no user nobody-here",
        ),
        ("bare", format!("FROM {bare}\nENV A=1\n"), "the image has no /bin/sh"),
        ("lacking", format!("FROM {system}\nRUN rm /usr/bin/git\n"), "the image has no git"),
    ];
    for (name, dockerfile, words) in table {
        let repository = built(&world, name, &dockerfile, &[]);
        let (job, output) = look(&world, &repository, "cat /etc/marker 2>&1").await;
        assert_eq!(
            chosen(&world, &job.agent).await,
            ("failed".to_owned(), "build_failed".to_owned()),
            "{name}"
        );
        assert!(
            failure(&world, &job.agent).await.contains(words),
            "{name}: {}",
            failure(&world, &job.agent).await
        );
        assert!(output.contains("No such file"), "{name}: {output}");
    }
    let unread = [
        (
            "add",
            format!("FROM {system}\nADD https://a.example/x /x\n"),
            "line 2: ADD of an address",
        ),
        ("unknown", "FROM registry.example/x\n".to_owned(), "this server may not ask"),
        ("copy", format!("FROM {system}\nCOPY nothing /x\n"), "nothing of that name"),
    ];
    for (name, dockerfile, words) in unread {
        let repository = built(&world, name, &dockerfile, &[]);
        let (job, _) = look(&world, &repository, "true").await;
        let events = world.events(&job.agent).await;
        let read = events.iter().find(|entry| entry["event"]["type"] == "EnvironmentRead").unwrap();
        let warnings = read["event"]["environment"]["warnings"].to_string();
        assert!(
            warnings.contains("`build` is not followed") && warnings.contains(words),
            "{name}: {warnings}"
        );
    }
    world.end().await;
}

/// Whether a command that sleeps so long runs on the host; told apart from everything else that does.
fn sleeps(seconds: &str) -> bool {
    let command = format!("sleep {seconds}");
    host::processes(|_| true).iter().any(|process| process.command == command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_ends_when_nobody_waits_for_it() {
    let (registry, _secrets, world) = with_registry().await;
    let (system, _) = images(&registry);
    let repository = built(&world, "sample", &format!("FROM {system}\nRUN sleep 298.7\n"), &[]);
    let job = world.errand(&repository, &[shell("true"), Turn::say("Done.")]).await;
    eventually("the step runs", async || sleeps("298.7")).await;
    world.delete(&job.agent).await;
    eventually("the step is over", async || !sleeps("298.7")).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_goes_on_after_the_last_step_that_was_done() {
    let (registry, _secrets, mut world) = with_registry().await;
    let (system, _) = images(&registry);
    let (first, second) = ("1.2121", "3.4343");
    let dockerfile = format!("FROM {system}\nRUN sleep {first}\nRUN sleep {second}\n");
    let repository = built(&world, "sample", &dockerfile, &[]);
    let job = world.errand(&repository, &[shell("cat /etc/marker"), Turn::say("Done.")]).await;
    eventually("the second step runs", async || sleeps(second)).await;
    world.kill();
    world.boot();
    let mut is_repeated = false;
    eventually("the agent is done", async || {
        is_repeated |= sleeps(first);
        world.run(&job).await["status"] == "FINISHED"
    })
    .await;
    assert!(!is_repeated, "the first step was done before");
    assert!(world.outputs(&job.agent).await[0].contains("the image"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_given_build_secrets_as_placeholders_and_its_layer_has_nothing_of_them() {
    const VALUE: &str = "npm_e2eRealValueOfADockerfile0123456789";
    let (registry, _secrets, world) = with_registry().await;
    let (system, _) = images(&registry);
    keep(&world, "BUILD_TOKEN", "build_secret", "api.test", VALUE).await;
    let mounts = "--mount=type=secret,id=build-token,target=/srv/in/token,mode=0440 \\\n    \
                  --mount=type=secret,id=BUILD_TOKEN,env=TOKEN --mount=type=secret,id=absent";
    let step = "test ! -e /run/secrets/absent && { read -r text < /srv/in/token || true; } \
                && test \"$text\" = \"$TOKEN\" && case $text in npm_errand*) echo placeholder > /seen ;; *) exit 9 ;; esac";
    let text = format!(
        "FROM {system}\nRUN {mounts} {step}\nRUN test ! -e /srv/in && test -z \"$TOKEN\" && echo gone >> /seen\n"
    );
    let repository = built(&world, "secret", &text, &[]);
    let (job, output) = look(&world, &repository, "cat /seen; env; ls /srv /run").await;
    if !output.contains("placeholder\ngone") {
        panic!("{}: {output}", failure(&world, &job.agent).await);
    }
    assert!(!output.contains("npm_errand"), "{output}");
    assert_nowhere(&world, VALUE);

    let text = format!("FROM {system}\nRUN --mount=type=secret,id=other-token,required true\n");
    let repository = built(&world, "required", &text, &[]);
    let (job, _) = look(&world, &repository, "true").await;
    let words = failure(&world, &job.agent).await;
    assert!(words.contains("no build secret other-token"), "{words}");
    assert!(words.contains("errand secret set OTHER_TOKEN --kind build"), "{words}");
    world.end().await;
}
