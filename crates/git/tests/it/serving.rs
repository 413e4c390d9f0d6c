//! Serving a repository: the two halves of smart HTTP over pipes.

use git::refs::Expected;
use git::service::{Half, ReceivePack, Serving, UploadPack};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::{Ground, branch};

async fn converse(serving: Serving, request: &[u8]) -> (Vec<u8>, bool) {
    let Serving { mut stdin, mut stdout, guard } = serving;
    let mut answer = Vec::new();
    let feed = async {
        // A service that refuses early has closed its end: the answer tells.
        stdin.write_all(request).await.ok();
        drop(stdin);
    };
    let (_, read, done) = tokio::join!(feed, stdout.read_to_end(&mut answer), guard.wait());
    read.unwrap();
    (answer, done.is_ok())
}

fn packet(line: &str) -> String {
    format!("{:04x}{line}", line.len() + 4)
}

#[tokio::test]
async fn refs_are_advertised_and_objects_outside_them_are_not_served() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let shown = up.head();
    let agent = ground.agent(&up).await;
    let inbox = git::name::RefName::parse("refs/errand/inbox/x").unwrap();
    agent.update_ref(&inbox, &shown, Expected::Absent).await.unwrap();
    let service = UploadPack { protocol: None };
    let (answer, fine) = converse(service.start(&agent, Half::Advertise).await.unwrap(), b"").await;
    let text = String::from_utf8_lossy(&answer);
    assert!(fine && text.contains("refs/heads/main") && text.contains("filter"), "{text}");
    assert!(!text.contains("refs/errand"), "{text}");

    // In the mirror, so borrowed, but named by no ref of this agent.
    let hidden = up.commit(&[("secret", "1")], "hidden");
    ground.mirror(&up).await;
    assert!(agent.has_commit(&hidden).await.unwrap());
    for (id, served) in [(&shown, true), (&hidden, false)] {
        let request = packet(&format!("want {id} ofs-delta\n")) + "0000" + &packet("done\n");
        let serving = service.start(&agent, Half::Answer).await.unwrap();
        let (answer, fine) = converse(serving, request.as_bytes()).await;
        let has_pack = answer.windows(4).any(|w| w == b"PACK");
        assert_eq!((fine, has_pack), (served, served), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn protocol_two_is_spoken_when_asked_for_and_nonsense_is_dropped() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let agent = ground.agent(&up).await;
    for (protocol, expected) in [("version=2", true), ("version=2\nx", false)] {
        let service = UploadPack { protocol: Some(protocol.to_owned()) };
        let (answer, _) =
            converse(service.start(&agent, Half::Advertise).await.unwrap(), b"").await;
        assert_eq!(String::from_utf8_lossy(&answer).contains("version 2"), expected);
    }
}

#[tokio::test]
async fn a_push_is_received_checked_and_runs_no_hook() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let base = up.head();
    let agent = ground.agent(&up).await;
    std::fs::create_dir_all(agent.dir().join("hooks")).unwrap();
    let hook = agent.dir().join("hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();

    let next = up.commit(&[("a", "2")], "next");
    let revs = format!("{next}\n^{base}\n");
    let pack =
        crate::fixture::git_bytes(&up.dir, &["pack-objects", "--revs", "--stdout", "-q"], &revs);
    let zero = "0".repeat(40);
    let command = packet(&format!("{zero} {next} refs/errand/inbox/x\0report-status\n")) + "0000";
    let request = [command.as_bytes(), &pack].concat();
    let service =
        ReceivePack { protocol: None, pack_max_bytes: 1024 * 1024, object_max_bytes: 64 << 20 };
    let (answer, fine) =
        converse(service.start(&agent, Half::Answer).await.unwrap(), &request).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(fine && text.contains("ok refs/errand/inbox/x"), "{text}");
    let (name, listed) = agent.refs("refs/errand").await.unwrap().remove(0);
    assert_eq!((name.as_str(), listed), ("refs/errand/inbox/x", next));

    up.commit(&[("b", "1")], "only in the mirror");
    ground.mirror(&up).await;
    let serving = service.start(&agent, Half::Advertise).await.unwrap();
    let (answer, _) = converse(serving, b"").await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(text.contains("refs/heads/main") && !text.contains(".have"), "{text}");

    let small = ReceivePack { protocol: None, pack_max_bytes: 10, ..service.clone() };
    let command = packet(&format!("{zero} {base} refs/errand/inbox/y\0report-status\n")) + "0000";
    let request = [command.as_bytes(), &pack].concat();
    let (answer, _) = converse(small.start(&agent, Half::Answer).await.unwrap(), &request).await;
    assert!(!String::from_utf8_lossy(&answer).contains("unpack ok"));
    assert_eq!(agent.ref_head(&branch("y").to_ref()).await.unwrap(), None);
}

#[tokio::test]
async fn dropping_the_guard_ends_the_process() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let agent = ground.agent(&up).await;
    let service = UploadPack { protocol: None };
    let Serving { stdin, mut stdout, guard } = service.start(&agent, Half::Answer).await.unwrap();
    drop(guard);
    // Its request never ends, so only its death closes the answer.
    let mut answer = Vec::new();
    stdout.read_to_end(&mut answer).await.unwrap();
    drop(stdin);
}
