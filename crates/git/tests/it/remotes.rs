//! Asking a remote where it stands.

use std::os::unix::fs::PermissionsExt as _;

use git::error::Error;
use git::name::StartingRef;
use git::remote::{self, RefKind, Remote, RemoteHead};
use git::runner::Git;
use git::url::RemoteUrl;

use crate::fixture::{Ground, Upstream, branch};

async fn ls(ground: &Ground, upstream: &Upstream, start: &str) -> Result<RemoteHead, Error> {
    let start = StartingRef::parse(start).unwrap();
    remote::ls(&ground.git, &upstream.remote(), Some(&start)).await
}

#[tokio::test]
async fn the_default_branch_and_any_starting_ref_are_found() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let first = up.head();
    up.git(&["tag", "-a", "v1", "-m", "one"]);
    up.git(&["branch", "feature/x"]);
    let second = up.commit(&[("a", "2")], "second");

    let head = remote::ls(&ground.git, &up.remote(), None).await.unwrap();
    assert_eq!(head.default_branch, Some(branch("main")));
    assert_eq!((head.commit, head.kind), (second.clone(), RefKind::Branch(branch("main"))));

    let found = ls(&ground, &up, "feature/x").await.unwrap();
    assert_eq!((found.commit, found.kind), (first.clone(), RefKind::Branch(branch("feature/x"))));
    for tag in ["v1", "refs/tags/v1"] {
        let found = ls(&ground, &up, tag).await.unwrap();
        assert_eq!(found.commit, first, "an annotated tag is followed to its commit");
        assert!(matches!(found.kind, RefKind::Tag(_)));
    }
    assert_eq!(ls(&ground, &up, first.as_str()).await.unwrap().kind, RefKind::Commit);
    assert!(
        matches!(ls(&ground, &up, "nope").await, Err(Error::RefMissing { name }) if name == "nope")
    );
}

#[tokio::test]
async fn file_addresses_and_spaces_work() {
    let ground = Ground::new();
    let up = ground.upstream("my repo", &[("a", "1")]);
    let url = RemoteUrl::parse(up.dir.to_str().unwrap()).unwrap();
    let head = remote::ls(&ground.git, &Remote::open(url), None).await.unwrap();
    assert_eq!(head.commit, up.head());
    let plain = ground.upstream("plain", &[("a", "1")]);
    let url = RemoteUrl::parse(&format!("file://{}", plain.dir.display())).unwrap();
    assert!(remote::ls(&ground.git, &Remote::open(url), None).await.is_ok());
}

#[tokio::test]
async fn empty_detached_and_missing_repositories_are_told_apart() {
    let ground = Ground::new();
    let empty = ground.empty("empty");
    let asked = remote::ls(&ground.git, &empty.remote(), None).await;
    assert!(matches!(asked, Err(Error::EmptyRepository)), "{asked:?}");

    let detached = ground.upstream("detached", &[("a", "1")]);
    detached.git(&["checkout", "-q", "--detach"]);
    let head = remote::ls(&ground.git, &detached.remote(), None).await.unwrap();
    assert_eq!((head.default_branch, head.kind), (None, RefKind::Commit));

    let missing = Upstream { dir: ground.path("missing") };
    let asked = remote::ls(&ground.git, &missing.remote(), None).await;
    assert!(matches!(asked, Err(Error::NotFound { .. })), "{asked:?}");
    std::fs::create_dir(ground.path("folder")).unwrap();
    let folder = Upstream { dir: ground.path("folder") };
    let asked = remote::ls(&ground.git, &folder.remote(), None).await;
    assert!(matches!(asked, Err(Error::NotFound { .. })), "{asked:?}");
}

#[tokio::test]
async fn hosts_that_do_not_answer_are_unreachable() {
    let ground = Ground::new();
    // A port that was free a moment ago refuses connections.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = RemoteUrl::parse(&format!("http://127.0.0.1:{port}/o/r")).unwrap();
    let asked = remote::ls(&ground.git, &Remote::open(url), None).await;
    assert!(matches!(asked, Err(Error::Unreachable { .. })), "{asked:?}");
}

#[tokio::test]
async fn five_thousand_refs_cost_no_more_than_one() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let id = up.head();
    let refs: String = (0..5000).map(|n| format!("create refs/heads/b{n} {id}\n")).collect();
    crate::fixture::git_in(&up.dir, &["update-ref", "--stdin"], refs.as_bytes());
    up.git(&["pack-refs", "--all"]);
    let started = std::time::Instant::now();
    let found = ls(&ground, &up, "b4999").await.unwrap();
    println!("ls among 5000 refs: {:?}", started.elapsed());
    assert_eq!(found.commit, id);
    let mirror = ground.mirror(&up).await;
    assert_eq!(mirror.refs("refs/heads").await.unwrap().len(), 5001);
}

#[tokio::test]
async fn a_folder_of_another_user_is_served_as_that_user() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    open_to_all(ground.dir.path());
    // Only the owner's own process passes git's check, so success shows who served it. Somebody
    // who is not root cannot give a folder away and proves the same with a folder of their own.
    if is_root() {
        give_away(&up.dir, 65534);
    }
    let head = remote::ls(&ground.git, &up.remote(), None).await.unwrap();
    let mirror =
        git::mirror::Mirror::open_or_create(&ground.git, &ground.path("m.git"), &head.commit);
    mirror.unwrap().ensure(&up.remote(), &head, &mut |_| ()).await.unwrap();
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn open_to_all(dir: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn give_away(path: &std::path::Path, uid: u32) {
    std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give_away(&entry.unwrap().path(), uid);
        }
    }
}

/// Answers one request with `answer`, and gives back what was asked.
fn one_answer(answer: &'static str) -> (u16, std::thread::JoinHandle<String>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    (port, served)
}

async fn ask_http(ground: &Ground, port: u16) -> Error {
    let url = RemoteUrl::parse(&format!("http://127.0.0.1:{port}/o/r")).unwrap();
    let header = git::remote::Header::new("Authorization: Bearer live-secret").unwrap();
    let access = git::remote::Access { header: Some(header), ..Default::default() };
    remote::ls(&ground.git, &Remote { url, access }, None).await.unwrap_err()
}

#[tokio::test]
async fn the_credential_goes_to_its_host_and_nowhere_else() {
    let ground = Ground::new();
    let (port, served) =
        one_answer("HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let error = ask_http(&ground, port).await;
    assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("live-secret"));
    assert!(served.join().unwrap().contains("Authorization: Bearer live-secret"));

    let (port, served) = one_answer(
        "HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:7/x/info/refs?service=git-upload-pack\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n",
    );
    let error = ask_http(&ground, port).await;
    served.join().unwrap();
    // Following it would end in "connection refused" or in a wait.
    assert!(error.to_string().contains("302"), "{error}");

    let (port, served) =
        one_answer("HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let error = ask_http(&ground, port).await;
    served.join().unwrap();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn ssh_without_a_configured_key_is_not_tried() {
    let ground = Ground::new();
    let url = RemoteUrl::parse("git@127.0.0.1:o/r").unwrap();
    let error = remote::ls(&ground.git, &Remote::open(url), None).await.unwrap_err();
    assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
}

#[tokio::test]
async fn everybody_who_asks_at_the_same_time_is_answered_by_a_few_questions() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    for number in 0..50 {
        up.git(&["branch", &format!("b{number}")]);
    }
    let (program, count) = (ground.path("git"), ground.path("count"));
    let script = format!("#!/bin/sh\necho >> {}\nexec /usr/bin/env git \"$@\"\n", count.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let git = Git::with_program(program);
    let counted = || std::fs::read_to_string(&count).unwrap_or_default().lines().count();

    let mut asking = tokio::task::JoinSet::new();
    let mut first = None;
    for number in 0..100 {
        let (git, remote) = (git.clone(), up.remote());
        let task = asking.spawn(async move {
            let name = branch(&format!("b{number}"));
            (number, remote::branch_head(&git, &remote, &name).await.unwrap())
        });
        first.get_or_insert(task);
    }
    // The one that asks for the others goes away in the middle of it.
    tokio::task::yield_now().await;
    first.unwrap().abort();
    let mut answers = 0;
    while let Some(answer) = asking.join_next().await {
        let Ok((number, head)) = answer else { continue };
        assert_eq!(head, (number < 50).then(|| up.head()), "b{number}");
        answers += 1;
    }
    assert_eq!(answers, 99);
    assert!(counted() <= 3, "{} questions", counted());

    let gone = Remote::open(RemoteUrl::parse("/nonexistent/repository").unwrap());
    let (one, other) = (branch("b1"), branch("b2"));
    let (one, other) = tokio::join!(
        remote::branch_head(&git, &gone, &one),
        remote::branch_head(&git, &gone, &other)
    );
    for refused in [one, other] {
        assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    }
}
