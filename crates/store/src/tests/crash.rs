//! What was acknowledged survives the death of the process, at whatever instant it comes.
//!
//! The child is this test binary, run again with a folder in its environment: it appends as fast
//! as it can and prints a line per acknowledgement. The parent kills it and looks.

use crate::Store;
use crate::conformance::{append, org};
use protocol::ids::{AgentId, Seq};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use tokio::task::JoinSet;
use uuid::Uuid;

const FOLDER: &str = "ERRAND_STORE_CRASH_FOLDER";
const NAME: &str = "tests::crash::acknowledged_events_survive_sigkill";
const KILLS: usize = 30;
const APPENDERS: u128 = 8;

#[test]
fn acknowledged_events_survive_sigkill() {
    #[expect(clippy::disallowed_methods, reason = "how the parent talks to its child")]
    let folder = std::env::var(FOLDER);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match folder {
        Ok(folder) => runtime.block_on(append_for_ever(folder.as_ref())),
        Err(_) => runtime.block_on(kill_and_look()),
    }
}

fn agent(number: u128) -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(number + 1))
}

async fn append_for_ever(folder: &std::path::Path) {
    let store = Store::open(folder).await.unwrap();
    let mut appenders = JoinSet::new();
    for number in 0..APPENDERS {
        let store = store.clone();
        appenders.spawn(async move {
            let (org, agent) = (org("crash"), agent(number));
            let mut head = store.head(&org, agent).await.unwrap().map_or(0, |head| head.seq.0);
            loop {
                // Now and then a body that goes to a blob.
                let size = if head % 50 == 49 { 70_000 } else { 100 };
                let text = "z".repeat(size);
                let done =
                    store.append(append(&org, agent, head, &[&text, "second"])).await.unwrap();
                head = done.last().unwrap().stored.seq.0;
                // One write per line: lines of two appenders never mix.
                let line = format!("\nack {number} {head}\n");
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        });
    }
    appenders.join_all().await;
}

fn start(folder: &std::path::Path) -> Child {
    #[expect(clippy::disallowed_methods, reason = "the child is this very test")]
    std::process::Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads acknowledgements until the child is killed after a random number of them.
fn run_and_kill(folder: &std::path::Path, acknowledged: &mut HashMap<u128, u64>) -> usize {
    let mut child = start(folder);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until_kill = fastrand::usize(1..400);
    let mut count = 0;
    for line in lines.map_while(Result::ok) {
        let Some(rest) = line.strip_prefix("ack ") else { continue };
        // The last line may have been cut by the kill.
        let Some((number, head)) = rest.split_once(' ') else { continue };
        let (Ok(number), Ok(head)) = (number.parse(), head.parse::<u64>()) else { continue };
        let known = acknowledged.entry(number).or_default();
        *known = head.max(*known);
        count += 1;
        until_kill = until_kill.saturating_sub(1);
        if until_kill == 0 {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "the child ends only by being killed");
    assert!(count > 0, "the child acknowledged nothing");
    count
}

/// SIGKILL leaves the page cache; a loss of power does not. What the disk was told to keep is the
/// log file up to the acknowledgement: whatever follows may be missing, or rubbish.
#[tokio::test]
async fn a_torn_tail_after_an_acknowledgement_loses_nothing() {
    const APPENDS: u64 = 40;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let (org, agent) = (org("torn"), agent(0));
    let wal = folder.path().join("errand.db-wal");
    let mut kept = vec![];
    for head in 0..APPENDS {
        store.append(append(&org, agent, head, &["an event"])).await.unwrap();
        kept.push(usize::try_from(std::fs::metadata(&wal).unwrap().len()).unwrap());
    }
    let (database, log) =
        (std::fs::read(folder.path().join("errand.db")).unwrap(), std::fs::read(&wal).unwrap());
    for (known, length) in (1..=APPENDS).zip(kept) {
        let after = log.len() - length;
        let survived = length + fastrand::usize(0..=after.min(6000));
        let mut torn = log[..survived].to_vec();
        let rubbish = torn.len().min(length + after / 2);
        torn[length.max(rubbish)..].fill_with(|| fastrand::u8(..));
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("errand.db"), &database).unwrap();
        std::fs::write(copy.path().join("errand.db-wal"), &torn).unwrap();
        let reopened = Store::open(copy.path()).await.unwrap();
        let verified = reopened.verify(&org, agent).await.unwrap();
        assert!(verified.seq >= Seq(known), "{known} acknowledged, {verified:?} after the tear");
        reopened.append(append(&org, agent, verified.seq.0, &["goes on"])).await.unwrap();
        reopened.close().await;
    }
}

async fn kill_and_look() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::new();
    let mut count = 0;
    for _ in 0..KILLS {
        count += run_and_kill(folder.path(), &mut acknowledged);
        let store = Store::open(folder.path()).await.unwrap();
        for (number, head) in &acknowledged {
            let verified = store.verify(&org("crash"), agent(*number)).await.unwrap();
            assert!(
                verified.seq >= Seq(*head),
                "agent {number}: {head} acknowledged, {verified:?}"
            );
            assert_eq!(verified.seq.0 % 2, 0, "an append of two events is whole");
        }
        store.close().await;
    }
    println!("{KILLS} kills, {count} acknowledged appends, none lost");
}
