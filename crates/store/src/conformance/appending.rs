//! The log: order, refusals, atomicity, the chain.

use super::{append, noticed, opened, org, run_row};
use crate::Store;
use crate::error::Error;
use crate::log::{AppendError, Idempotency};
use crate::outbox::Letter;
use crate::sealed::{SealedValue, Secret};
use protocol::event::Event;
use protocol::ids::{RunId, Seq, Term};
use protocol::limits::EVENT_INLINE_BYTES;
use uuid::Uuid;

pub(super) async fn run(store: &Store) {
    what_was_appended_is_read_back(store).await;
    a_wrong_expectation_writes_nothing(store).await;
    a_lower_term_is_fenced(store).await;
    a_repeated_request_gets_its_first_answer(store).await;
    refusals_in_a_batch_leave_the_others_alone(store).await;
    large_bodies_live_outside_and_verify(store).await;
    a_blanked_body_keeps_the_chain(store).await;
    an_append_without_events_changes_records_only(store).await;
}

async fn what_was_appended_is_read_back(store: &Store) {
    let org = org("read-back");
    let agent = opened(store, &org).await;
    let appended = store.append(append(&org, agent, 1, &["two", "três ✓\u{0}"])).await.unwrap();
    let read = store.read(&org, agent, Seq(0), 100).await.unwrap();
    assert_eq!(read.iter().map(|e| e.seq.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(read[1], appended[0].stored);
    assert_eq!(read[2].decode().unwrap(), appended[1].logged);
    assert_eq!(read[2].decode().unwrap().event, noticed("três ✓\u{0}"));
    assert_eq!(&*read[2].kind, "Noticed");
    assert_eq!(store.read(&org, agent, Seq(2), 1).await.unwrap().len(), 1);
    assert_eq!(store.read(&super::org("other"), agent, Seq(0), 9).await.unwrap(), []);
    let head = store.verify(&org, agent).await.unwrap();
    assert_eq!((head.seq, head.hash), (Seq(3), read[2].hash));
    assert_eq!(store.head(&org, agent).await.unwrap(), Some(head));
}

async fn a_wrong_expectation_writes_nothing(store: &Store) {
    let org = org("conflict");
    let agent = opened(store, &org).await;
    for wrong in [0, 2, u64::from(u32::MAX)] {
        let refused = store.append(append(&org, agent, wrong, &["no"])).await;
        assert!(
            matches!(refused, Err(AppendError::SeqConflict { actual: Seq(1) })),
            "expected {wrong}: {refused:?}"
        );
    }
    let unknown = super::fixtures::agent();
    let refused = store.append(append(&org, unknown, 4, &["no"])).await;
    assert!(matches!(refused, Err(AppendError::SeqConflict { actual: Seq(0) })), "{refused:?}");
    assert_eq!(store.head(&org, unknown).await.unwrap(), None);
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(1));
}

async fn a_lower_term_is_fenced(store: &Store) {
    let org = org("fence");
    let agent = opened(store, &org).await;
    let first = store.acquire(&org, agent, "one", 0, 100).await.unwrap().unwrap();
    let mut write = append(&org, agent, 1, &["by one"]);
    write.term = Some(first);
    store.append(write).await.unwrap();
    let second = store.acquire(&org, agent, "two", 100, 100).await.unwrap().unwrap();
    assert!(second > first);
    let mut zombie = append(&org, agent, 2, &["by one again"]);
    zombie.term = Some(first);
    let refused = store.append(zombie).await;
    assert!(matches!(refused, Err(AppendError::Fenced { actual }) if actual == second));
    store.append(append(&org, agent, 2, &["at the door, without a term"])).await.unwrap();
    let never_leased = opened(store, &org).await;
    let mut write = append(&org, never_leased, 1, &["no lease"]);
    write.term = Some(Term(1));
    let refused = store.append(write).await;
    assert!(matches!(refused, Err(AppendError::Fenced { actual: Term(0) })));
}

async fn a_repeated_request_gets_its_first_answer(store: &Store) {
    let org = org("repeat");
    let agent = super::fixtures::agent();
    let request = |expected, text: &str, response: &str| {
        let mut request = append(&org, agent, expected, &[text]);
        let (key, response) = ("key-1".to_owned(), response.to_owned());
        request.idempotency = Some(Idempotency { key, response, at_ms: 5 });
        request
    };
    assert_eq!(store.remembered(&org, "key-1").await.unwrap(), None);
    store.append(request(0, "once", "first")).await.unwrap();
    for expected in [0, 1] {
        let refused = store.append(request(expected, "twice", "second")).await;
        assert!(
            matches!(&refused, Err(AppendError::Duplicate { response }) if response == "first")
        );
    }
    assert_eq!(store.remembered(&org, "key-1").await.unwrap().as_deref(), Some("first"));
    assert_eq!(store.remembered(&super::org("other"), "key-1").await.unwrap(), None);
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(1));
    store.forget_answers(6).await.unwrap();
    assert_eq!(store.remembered(&org, "key-1").await.unwrap(), None);
}

async fn refusals_in_a_batch_leave_the_others_alone(store: &Store) {
    let org = org("batch");
    let agent = opened(store, &org).await;
    // All want to be event 2; whoever comes first wins, in whatever batches they are committed.
    let racers = futures_of(store, 32, |i| append(&org, agent, 1, &[&format!("racer {i}")])).await;
    let won = racers.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(won, 1);
    for outcome in racers {
        if let Err(refused) = outcome {
            assert!(matches!(refused, AppendError::SeqConflict { actual: Seq(2) }), "{refused:?}");
        }
    }
    let fresh =
        futures_of(store, 32, |i| append(&org, super::fixtures::agent(), 0, &[&format!("{i}")]));
    assert!(fresh.await.iter().all(Result::is_ok));
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(2));
}

async fn futures_of(
    store: &Store,
    count: usize,
    request: impl Fn(usize) -> crate::log::Append,
) -> Vec<Result<Vec<crate::log::Appended>, AppendError>> {
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..count {
        let (store, request) = (store.clone(), request(i));
        tasks.spawn(async move { store.append(request).await });
    }
    tasks.join_all().await
}

async fn large_bodies_live_outside_and_verify(store: &Store) {
    let org = org("large");
    let agent = opened(store, &org).await;
    let large = "x".repeat(EVENT_INLINE_BYTES + 1);
    store.append(append(&org, agent, 1, &["small", &large, "small"])).await.unwrap();
    let read = store.read(&org, agent, Seq(2), 1).await.unwrap();
    assert_eq!(read[0].decode().unwrap().event, noticed(&large));
    let digest = blake3::hash(read[0].body.as_bytes()).to_hex().to_string();
    assert_eq!(store.blob_size(&org, &digest).await.unwrap(), Some(read[0].body.len() as u64));
    assert_eq!(store.blob(&super::org("other"), &digest).await.unwrap(), None);
    store.verify(&org, agent).await.unwrap();
    assert!(store.blank(&org, agent, Seq(3), &noticed("redacted")).await.unwrap());
    assert_eq!(store.blob_size(&org, &digest).await.unwrap(), None);
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(4));
}

async fn a_blanked_body_keeps_the_chain(store: &Store) {
    let org = org("blank");
    let agent = opened(store, &org).await;
    store.append(append(&org, agent, 1, &["a secret", "after"])).await.unwrap();
    let before = store.verify(&org, agent).await.unwrap();
    assert!(store.blank(&org, agent, Seq(2), &noticed("redacted")).await.unwrap());
    assert_eq!(store.verify(&org, agent).await.unwrap(), before);
    let read = store.read(&org, agent, Seq(1), 1).await.unwrap();
    assert_eq!(read[0].decode().unwrap().event, noticed("redacted"));
    let other_type = Event::Renamed { name: "x".to_owned() };
    let refused = store.blank(&org, agent, Seq(2), &other_type).await;
    assert!(matches!(refused, Err(Error::Damaged(_))));
    assert!(!store.blank(&org, agent, Seq(9), &noticed("none")).await.unwrap());
}

async fn an_append_without_events_changes_records_only(store: &Store) {
    let org = org("records");
    let agent = opened(store, &org).await;
    let run = RunId::from_uuid(Uuid::now_v7());
    let mut request = append(&org, agent, 1, &[]);
    request.agent_row.name = "renamed".to_owned();
    request.run_rows = vec![run_row(run, 3)];
    let value = Secret::new("hunter2".to_owned());
    let owner = agent.to_string();
    request.sealed =
        vec![SealedValue { owner: owner.clone(), name: "PASSWORD".to_owned(), value, at_ms: 3 }];
    let kind = "records-webhook".to_owned();
    request.letters = vec![Letter { id: "l1".to_owned(), kind, body: "{}".to_owned(), due_ms: 3 }];
    assert!(store.append(request).await.unwrap().is_empty());
    assert_eq!(store.agent(&org, agent).await.unwrap().unwrap().row.name, "renamed");
    assert_eq!(store.run(&org, agent, run).await.unwrap(), Some(run_row(run, 3)));
    let value = store.unseal(&org, &owner, "PASSWORD").await.unwrap().unwrap();
    assert_eq!(value.expose(), "hunter2");
    assert_eq!(store.claim("records-webhook", 3, 9, 5).await.unwrap().len(), 1);
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(1));
    let nobody = append(&org, super::fixtures::agent(), 0, &[]);
    assert!(store.append(nobody).await.is_err(), "nothing opens an agent but an event");
}
