//! The audit log: dense, chained, and nothing that was done to it goes unseen.

use crate::Store;
use crate::audit::chain::{AuditHead, Broken, Chain};
use crate::audit::{About, AuditFilter, NewRecord, VerifyError};
use crate::conformance::{append, opened, org};
use crate::log::Hash;
use protocol::ids::{OrgId, Seq};
use protocol::limits::AUDIT_DETAILS_BYTES;
use serde_json::json;

fn record(at_ms: i64, kind: &'static str, text: &str) -> NewRecord {
    NewRecord {
        at_ms,
        kind,
        who: "key:ünïque \"name\"".to_owned(),
        subject: Some(text.to_owned()),
        agent: None,
        run: None,
        details: [("text".to_owned(), json!(text))].into_iter().collect(),
        event: None,
    }
}

/// A log of so many records.
async fn filled(store: &Store, org: &OrgId, count: i64) {
    for first in (0..count).step_by(100) {
        let records = (first..count.min(first + 100))
            .map(|number| record(number, "secret.set", &format!("n{number}")));
        store.record(org, records.collect()).await.unwrap();
    }
}

async fn lines(store: &Store, org: &OrgId) -> Vec<String> {
    let lines = store.audit_lines(org, 0, 100_000).await.unwrap();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn walk(lines: &[String], noted: Option<AuditHead>) -> Result<AuditHead, Broken> {
    let mut chain = Chain::new(noted);
    lines.iter().try_for_each(|line| chain.follow(line))?;
    chain.end()
}

#[tokio::test]
async fn a_file_that_was_touched_is_found_out_at_the_first_record_that_does_not_fit() {
    let (store, org) = (Store::memory().await.unwrap(), org("audit"));
    filled(&store, &org, 250).await;
    let whole = lines(&store, &org).await;
    let head = store.audit_head(&org).await.unwrap();
    assert_eq!(walk(&whole, Some(head)), Ok(head));
    assert_eq!(AuditHead::parse(&head.to_string()), Some(head));
    assert_eq!(store.verify_audit(&org, Some(head)).await.unwrap(), head);

    let at = |outcome: Result<AuditHead, Broken>| outcome.unwrap_err().seq;
    // Every byte of a line counts, each changed in one bit.
    let line = whole[99].clone();
    for byte in 0..line.len() {
        let mut bytes = line.clone().into_bytes();
        bytes[byte] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        let mut file = whole.clone();
        file[99] = changed;
        assert_eq!(at(walk(&file, None)), 100, "byte {byte}");
    }
    let mut removed = whole.clone();
    removed.remove(99);
    assert_eq!(at(walk(&removed, None)), 100);
    assert_eq!(at(walk(&whole[1..], None)), 1);
    let mut swapped = whole.clone();
    swapped.swap(99, 100);
    assert_eq!(at(walk(&swapped, None)), 100);
    let mut doubled = whole.clone();
    doubled.insert(99, whole[98].clone());
    assert_eq!(at(walk(&doubled, None)), 100);
    // A cut end is a log like any other, but not one that goes through a head noted later.
    assert_eq!(walk(&whole[..200], None).unwrap().seq, 200);
    assert_eq!(at(walk(&whole[..200], Some(head))), 201);
    // One that was made anew from some record on fits in itself, but not to the head.
    let (other, same) = (Store::memory().await.unwrap(), org.clone());
    filled(&other, &same, 249).await;
    other.record(&same, vec![record(249, "secret.set", "another")]).await.unwrap();
    let forged = lines(&other, &same).await;
    assert!(walk(&forged, None).is_ok());
    assert_eq!(at(walk(&forged, Some(head))), 250);
}

#[tokio::test]
async fn a_database_that_was_touched_is_found_out() {
    for (touch, seq) in [
        ("UPDATE audit SET who = 'key:other' WHERE seq = 7", 7),
        ("UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 7", 7),
        ("UPDATE audit SET subject = NULL WHERE seq = 7", 7),
        ("UPDATE audit SET details = '{\"text\":\"n7\"}' WHERE seq = 7", 7),
        ("DELETE FROM audit WHERE seq = 7", 7),
        ("DELETE FROM audit WHERE seq = 20", 20),
        ("UPDATE audit SET seq = 99 WHERE seq = 7", 7),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 20", 20),
    ] {
        let (store, org) = (Store::memory().await.unwrap(), org("audit"));
        filled(&store, &org, 20).await;
        sqlx::query(touch).execute(&store.inner.writing).await.unwrap();
        match store.verify_audit(&org, None).await {
            Err(VerifyError::Broken(broken)) => assert_eq!(broken.seq, seq, "{touch}"),
            other => panic!("{touch}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_record_of_an_event_is_there_with_it_or_not_at_all() {
    let (store, org) = (Store::memory().await.unwrap(), org("audit"));
    let agent = opened(&store, &org).await;
    let told = |seq| NewRecord {
        agent: Some(agent),
        event: Some(Seq(seq)),
        ..record(5, "run.asked", "x")
    };
    let mut request = append(&org, agent, 1, &["one", "two"]);
    request.audit = vec![told(3), told(2)];
    let appended = store.append(request).await.unwrap();
    // At a head that is not there any more nothing is written.
    let mut late = append(&org, agent, 1, &["late"]);
    late.audit = vec![told(2)];
    assert!(store.append(late).await.is_err());
    let filter = AuditFilter { about: About::Agent(agent), ..AuditFilter::default() };
    let records = store.audit(&org, filter, 10).await.unwrap();
    let events: Vec<_> = records.iter().map(|record| record.details["event"].clone()).collect();
    let hash = |at: usize| appended[at].stored.hash.to_string();
    let expected = [json!({"seq": 2, "hash": hash(0)}), json!({"seq": 3, "hash": hash(1)})];
    assert_eq!(events, expected);
    store.delete_agent(&org, agent).await.unwrap();
    assert_eq!(store.verify_audit(&org, None).await.unwrap().seq, 2, "the records stay");
}

#[tokio::test]
async fn records_are_found_by_agent_subject_kind_and_time_and_are_of_bounded_size() {
    let (store, org) = (Store::memory().await.unwrap(), org("audit"));
    assert_eq!(store.audit_head(&org).await.unwrap(), AuditHead::NONE);
    let serde_json::Value::Object(object) = json!({
        "list": vec!["x"; AUDIT_DETAILS_BYTES],
        "text": "x".repeat(AUDIT_DETAILS_BYTES),
        "host": "a.example",
        "bytesUp": 200_000_000,
    }) else {
        panic!("an object")
    };
    let records = vec![
        record(1, "secret.set", "a"),
        record(2, "secrets.other", "a"),
        record(3, "secret.used", "b"),
        NewRecord { subject: None, details: object, ..record(4, "secret.used", "") },
    ];
    store.record(&org, records).await.unwrap();
    let found = async |filter| {
        let records = store.audit(&org, filter, 10).await.unwrap();
        records.iter().map(|record| record.seq).collect::<Vec<_>>()
    };
    let all = AuditFilter::default();
    assert_eq!(found(all).await, [4, 3, 2, 1]);
    assert_eq!(found(AuditFilter { kind: Some("secret"), ..all }).await, [4, 3, 1]);
    assert_eq!(found(AuditFilter { kind: Some("secret.set"), ..all }).await, [1]);
    assert_eq!(found(AuditFilter { since_ms: 3, ..all }).await, [4, 3]);
    assert_eq!(found(AuditFilter { before: 3, ..all }).await, [2, 1]);
    assert_eq!(found(AuditFilter { about: About::Subject("a"), ..all }).await, [2, 1]);
    let newest = store.audit(&org, all, 1).await.unwrap().remove(0);
    let told = json!({"host": "a.example", "bytesUp": 200_000_000, "leftOut": ["list", "text"]});
    assert_eq!(serde_json::Value::Object(newest.details), told);
    assert_ne!(newest.hash, Hash::NONE);
    assert!(store.audit(&OrgId("other".to_owned()), all, 10).await.unwrap().is_empty());
}
