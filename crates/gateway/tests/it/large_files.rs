//! The git endpoint with real git-lfs as its client.

use crate::git::{BRANCH, Fixture, Ran, run};
use crate::world::Seen;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _};
use gateway::large_files::{Content, LargeFiles, Pointer, Refused, Standing};
use git::name::RefName;
use http::StatusCode;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Contents in memory: of the remote, and what was received.
#[derive(Default)]
pub struct Kept {
    pub there: Mutex<BTreeMap<String, Bytes>>,
    pub received: Mutex<BTreeMap<String, Bytes>>,
    /// How often a content was sent, or tried to be.
    sent: Mutex<Vec<String>>,
    /// Of which refs was asked.
    of: Mutex<Vec<RefName>>,
}

impl Kept {
    fn find(&self, pointer: &Pointer) -> Option<Bytes> {
        let find =
            |of: &Mutex<BTreeMap<String, Bytes>>| of.lock().unwrap().get(pointer.oid()).cloned();
        find(&self.received).or_else(|| find(&self.there))
    }
}

impl LargeFiles for Kept {
    fn readable(
        &self,
        wanted: Vec<Pointer>,
        of: Option<RefName>,
    ) -> BoxFuture<'_, Result<Vec<Standing>, Refused>> {
        self.of.lock().unwrap().extend(of);
        let stands = |pointer: &Pointer| match self.find(pointer) {
            Some(_) => Standing::Here,
            None => Standing::Refused(Refused::missing()),
        };
        let standings = wanted.iter().map(stands).collect();
        Box::pin(async { Ok(standings) })
    }

    fn open(&self, wanted: Pointer) -> BoxFuture<'_, Result<Content, Refused>> {
        let found = self.find(&wanted).ok_or_else(Refused::missing);
        Box::pin(async move {
            let bytes = found?;
            let pieces: Vec<_> =
                bytes.chunks(10_000).map(|it| Ok(Bytes::copy_from_slice(it))).collect();
            Ok(futures::stream::iter(pieces).boxed())
        })
    }

    fn received(&self, offered: Vec<Pointer>) -> BoxFuture<'_, Result<Vec<Standing>, Refused>> {
        let received = self.received.lock().unwrap();
        let full = || Refused::new(StatusCode::INSUFFICIENT_STORAGE, "there is no room");
        let stands = |pointer: &Pointer| match received.contains_key(pointer.oid()) {
            true => Standing::Here,
            false if pointer.size() > 1_000_000 => Standing::Refused(full()),
            false => Standing::Wanted,
        };
        let standings = offered.iter().map(stands).collect();
        Box::pin(async { Ok(standings) })
    }

    fn receive(&self, offered: Pointer, content: Content) -> BoxFuture<'_, Result<(), Refused>> {
        Box::pin(async move {
            self.sent.lock().unwrap().push(offered.oid().to_owned());
            let pieces: Result<Vec<Bytes>, _> = content.try_collect().await;
            let pieces = pieces
                .map_err(|bad| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, bad.to_string()))?;
            self.received.lock().unwrap().insert(offered.oid().to_owned(), pieces.concat().into());
            Ok(())
        })
    }
}

fn noise(size: usize) -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..)).take(size).collect()
}

fn digest(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

fn pointer_to(content: &[u8]) -> String {
    let (oid, size) = (digest(content), content.len());
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
}

/// A clone that git-lfs works in; none where this host has none.
fn fixture() -> Option<(Fixture, Arc<Kept>)> {
    let fixture = Fixture::new();
    if !run(&fixture.root, &["lfs", "version"]).ok {
        println!("skipped: git-lfs is not installed");
        return None;
    }
    fixture.clone_to("work", &["-b", BRANCH]);
    let work = fixture.root.join("work");
    assert!(run(&work, &["lfs", "install", "--local"]).ok);
    assert!(run(&work, &["lfs", "track", "*.bin"]).ok);
    let kept = fixture.large_files.clone();
    Some((fixture, kept))
}

fn commit(fixture: &Fixture, name: &str, content: &[u8]) -> Ran {
    let work = fixture.root.join("work");
    std::fs::write(work.join(name), content).unwrap();
    run(&work, &["add", "-A"]);
    run(&work, &["commit", "-q", "-m", name])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_files_are_pushed_once_and_pulled_without_a_word_of_locks() {
    let Some((mut fixture, kept)) = fixture() else { return };
    let (own, theirs) = (noise(700_000), noise(300_000));
    assert!(commit(&fixture, "own.bin", &own).ok);
    for attempt in ["first", "second"] {
        let ran = fixture.git("work", &["push", "origin", "HEAD"]);
        assert!(ran.ok, "{attempt}: {}", ran.words);
        assert!(ran.words.contains("recorded; Errand publishes after the run"), "{}", ran.words);
        for word in ["warning", "ocking", "locksverify", "error"] {
            assert!(!ran.words.contains(word), "{word}: {}", ran.words);
        }
        assert!(run(&fixture.root.join("work"), &["commit", "--allow-empty", "-qm", "more"]).ok);
    }
    assert_eq!(kept.received.lock().unwrap().get(&digest(&own)).unwrap(), &own);
    assert_eq!(*kept.sent.lock().unwrap(), [digest(&own)]);
    match fixture.world.next().await {
        Seen::Passed(passed) => {
            assert_eq!((passed.host.as_str(), passed.status), ("errand.internal", Some(200)));
            assert_eq!((passed.method.as_deref(), passed.bytes_up), (Some("PUT"), 700_000));
        }
        other @ (Seen::Denied(..) | Seen::Recorded(_)) => panic!("expected a passage: {other:?}"),
    }

    kept.there.lock().unwrap().insert(digest(&theirs), theirs.clone().into());
    let work = fixture.root.join("work");
    let ran = commit(&fixture, "theirs.bin", pointer_to(&theirs).as_bytes());
    assert!(ran.ok, "{}", ran.words);
    let objects = work.join(".git/lfs/objects");
    std::fs::remove_dir_all(&objects).unwrap();
    std::fs::remove_file(work.join("own.bin")).unwrap();
    let pulled = fixture.git("work", &["lfs", "pull"]);
    assert!(pulled.ok, "{}", pulled.words);
    assert_eq!(std::fs::read(work.join("own.bin")).unwrap(), own);
    assert_eq!(std::fs::read(work.join("theirs.bin")).unwrap(), theirs);
    let of = kept.of.lock().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(of.contains(&format!("refs/heads/{BRANCH}")), "{of:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_or_missing_or_too_much_is_said_and_not_kept() {
    let Some((fixture, kept)) = fixture() else { return };
    let (damaged, missing) = (noise(300_000), noise(10));
    let mut bytes = damaged.clone();
    *bytes.last_mut().unwrap() ^= 1;
    kept.there.lock().unwrap().insert(digest(&damaged), bytes.into());
    let work = fixture.root.join("work");
    for (content, words) in [(&damaged, ""), (&missing, "no such large file")] {
        let path = work.join("x.bin");
        let ran = commit(&fixture, "x.bin", pointer_to(content).as_bytes());
        assert!(ran.ok, "{}", ran.words);
        let once = ["-c", "lfs.transfer.maxretries=1", "lfs", "pull"];
        let pulled = fixture.git("work", &once);
        assert!(!pulled.ok && pulled.words.contains(words), "{}", pulled.words);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), pointer_to(content));
    }
    assert!(commit(&fixture, "x.bin", &noise(1_000_001)).ok);
    let pushed = fixture.git("work", &["push", "origin", "HEAD"]);
    assert!(!pushed.ok && pushed.words.contains("there is no room"), "{}", pushed.words);
    assert!(kept.received.lock().unwrap().is_empty());
    assert_eq!(fixture.head("refs/errand/inbox/errand/fix").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contents_are_what_their_names_say_and_dependencies_are_only_read() {
    let fixture = Fixture::new();
    let kept = fixture.large_files.clone();
    let oid = digest(b"large");
    kept.there.lock().unwrap().insert(oid.clone(), Bytes::from_static(b"large"));
    let ask = async |line: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "{} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}",
            line.replace(' ', " http://errand.internal/")
        );
        fixture.world.exchange(&head).await
    };
    let own = "git/demo.git/info/lfs/objects";
    let lib = "dependencies/git.example/org/lib.git/info/lfs/objects";
    let put = format!("PUT {own}/{oid}/5");
    let wrong = ask(&put, "smell").await;
    assert!(wrong.starts_with("HTTP/1.1 422") && wrong.contains("not what its name"), "{wrong}");
    let short = ask(&put, "larg").await;
    assert!(short.starts_with("HTTP/1.1 422"), "{short}");
    assert!(kept.received.lock().unwrap().is_empty());
    let refused = ask(&format!("PUT {lib}/{oid}/5"), "large").await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert!(refused.contains("read, not pushed to"), "{refused}");
    let read = ask(&format!("GET {lib}/{oid}/5"), "").await;
    assert!(read.starts_with("HTTP/1.1 200") && read.ends_with("\r\n\r\nlarge"), "{read}");
    let batch = |operation: &str, more: &str| {
        format!(r#"{{"operation":"{operation}","objects":[{{"oid":"{oid}","size":5}}]{more}}}"#)
    };
    for (line, body, said) in [
        (format!("POST {lib}/batch"), batch("upload", ""), "403"),
        (format!("POST {own}/batch"), batch("delete", ""), "422"),
        (format!("POST {own}/batch"), batch("download", r#","hash_algo":"sha512""#), "409"),
        (format!("POST {own}/batch"), batch("download", r#","transfers":["tus"]"#), "422"),
        (format!("POST {own}/batch"), "{".to_owned(), "422"),
        (format!("POST {own}/verify"), format!(r#"{{"oid":"{oid}","size":5}}"#), "404"),
        (format!("GET {own}/{}/5", "../".repeat(21) + "x"), String::new(), "404"),
        (format!("GET {own}/{}/5", oid.to_uppercase()), String::new(), "404"),
        ("POST git/demo.git/info/lfs/locks/verify".to_owned(), "{}".to_owned(), "404"),
        ("POST git/other.git/info/lfs/objects/batch".to_owned(), batch("download", ""), "404"),
    ] {
        let answer = ask(&line, &body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {said}")), "{line} {body}: {answer}");
    }
}
