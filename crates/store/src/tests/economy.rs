//! What the store does not do: commit more often, write more pages or ask more than it has to.
//!
//! Counted in SQLite's write-ahead log, where each page written is a frame and each commit marks one.

use crate::Store;
use crate::conformance::{append, opened, org};
use crate::log::AppendError;
use protocol::ids::{AgentId, Seq};
use std::path::Path;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Bytes before the first frame.
const HEADER: usize = 32;
/// Bytes before the page of each frame.
const FRAME_HEADER: usize = 24;

/// Pages written and commits made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    pages: usize,
    commits: usize,
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn written(folder: &Path) -> Written {
    let log = std::fs::read(folder.join("errand.db-wal")).unwrap();
    let frame = FRAME_HEADER + number(&log, 8);
    let frames = log[HEADER..].chunks_exact(frame);
    let commits = frames.clone().filter(|frame| number(frame, 4) > 0).count();
    Written { pages: frames.len(), commits }
}

#[tokio::test]
async fn a_hundred_waiting_appenders_share_one_commit() {
    const APPENDERS: u128 = 100;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let before = written(folder.path());
    let (release, mut released) = oneshot::channel::<()>();
    let (started, starts) = oneshot::channel();
    let mut started = Some(started);
    let mut tasks = JoinSet::new();
    let busy = store.clone();
    tasks.spawn(async move {
        let work = busy.inner.writer.write(move |_| {
            if let Some(started) = started.take() {
                started.send(()).unwrap();
            }
            let waited = std::mem::replace(&mut released, oneshot::channel().1);
            Box::pin(async move {
                waited.await.unwrap();
                Ok(())
            })
        });
        work.await.unwrap();
    });
    starts.await.unwrap();
    for number in 0..APPENDERS {
        let store = store.clone();
        tasks.spawn(async move {
            let (org, agent) = (org("load"), AgentId::from_uuid(Uuid::from_u128(number)));
            store.append(append(&org, agent, 0, &["an event"])).await.unwrap();
        });
    }
    while store.inner.writer.waiting() < APPENDERS as usize {
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    tasks.join_all().await;
    assert_eq!(written(folder.path()).commits - before.commits, 1);
    for number in 0..APPENDERS {
        let agent = AgentId::from_uuid(Uuid::from_u128(number));
        assert_eq!(store.verify(&org("load"), agent).await.unwrap().seq, Seq(1));
    }
}

#[tokio::test]
async fn an_append_leaves_the_indexes_of_lists_alone_unless_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let org = org("pages");
    let agent = opened(&store, &org).await;
    let mut head = 1;
    let mut pages = async |status: &str, wake_at_ms| {
        let mut request = append(&org, agent, head, &["one", "two", "three"]);
        request.agent_row.status = status.to_owned();
        request.agent_row.wake_at_ms = wake_at_ms;
        let before = written(folder.path());
        head = store.append(request).await.unwrap().last().unwrap().stored.seq.0;
        written(folder.path()).pages - before.pages
    };
    let changed = pages("RUNNING", Some(7)).await;
    let same = pages("RUNNING", Some(7)).await;
    // The agent's row, the events, and their index.
    assert_eq!(same, 3);
    assert!(changed > same, "{changed}");
    assert_eq!(pages("ERROR", Some(7)).await, changed);
    assert_eq!(pages("ERROR", Some(8)).await, changed);
    let row = store.agent(&org, agent).await.unwrap().unwrap();
    assert_eq!((row.head, row.row.status.as_str()), (Seq(13), "ERROR"));
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(13));
}

/// What this process remembers of a log is no reason to believe it.
#[tokio::test]
async fn a_process_that_knows_the_end_of_a_log_notices_what_another_one_did() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (Store::open(folder.path()).await.unwrap(), folder.path());
    let there = Store::open(there).await.unwrap();
    let org = org("two");
    let agent = opened(&here, &org).await;
    let term = here.acquire(&org, agent, "here", 0, 10).await.unwrap().unwrap();
    let with_term = |expected| {
        let mut request = append(&org, agent, expected, &["by here"]);
        request.term = Some(term);
        request
    };
    here.append(with_term(1)).await.unwrap();
    there.append(append(&org, agent, 2, &["by there"])).await.unwrap();
    let refused = here.append(with_term(2)).await;
    assert!(matches!(refused, Err(AppendError::SeqConflict { actual: Seq(3) })), "{refused:?}");
    here.append(with_term(3)).await.unwrap();
    let next = there.acquire(&org, agent, "there", 20, 10).await.unwrap().unwrap();
    let refused = here.append(with_term(4)).await;
    assert!(
        matches!(refused, Err(AppendError::Fenced { actual }) if actual == next),
        "{refused:?}"
    );
    assert_eq!(here.verify(&org, agent).await.unwrap().seq, Seq(4));
}
