//! Leases, outbox, small records, sealed values, blobs, keys, and the end of an agent.

use super::fixtures::agent;
use super::{append, opened, org, run_row};
use crate::Store;
use crate::kv::{Expect, Put};
use crate::outbox::Letter;
use crate::sealed::{SealedValue, Secret};
use protocol::ids::{OrgId, RunId, Seq, Term};
use protocol::limits::EVENT_INLINE_BYTES;
use uuid::Uuid;

pub(super) async fn run(store: &Store) {
    a_term_is_never_used_twice(store).await;
    a_letter_comes_up_until_it_is_completed(store).await;
    small_records_change_by_version(store).await;
    numbers_count_up_without_gaps_or_repeats(store).await;
    sealed_values_open_only_in_their_place(store).await;
    blobs_live_as_long_as_somebody_refers_to_them(store).await;
    a_token_is_known_until_it_is_revoked(store).await;
    a_deleted_agent_leaves_nothing(store).await;
}

async fn a_term_is_never_used_twice(store: &Store) {
    let (org, agent) = (org("lease"), agent());
    assert_eq!(store.lease(&org, agent).await.unwrap(), None);
    let acquire = |holder: &'static str, now| store.acquire(&org, agent, holder, now, 10);
    assert_eq!(acquire("a", 0).await.unwrap(), Some(Term(1)));
    assert_eq!(acquire("b", 9).await.unwrap(), None);
    assert!(store.renew(&org, agent, "a", Term(1), 20).await.unwrap());
    assert_eq!(acquire("b", 19).await.unwrap(), None);
    assert_eq!(acquire("b", 20).await.unwrap(), Some(Term(2)));
    assert!(!store.renew(&org, agent, "a", Term(1), 99).await.unwrap());
    assert!(!store.release(&org, agent, "a", Term(1)).await.unwrap());
    assert_eq!(acquire("b", 21).await.unwrap(), Some(Term(3)), "again: fences its former self");
    assert!(!store.renew(&org, agent, "b", Term(2), 99).await.unwrap());
    assert!(store.release(&org, agent, "b", Term(3)).await.unwrap());
    assert_eq!(acquire("a", 22).await.unwrap(), Some(Term(4)));
    let lease = store.lease(&org, agent).await.unwrap().unwrap();
    assert_eq!((lease.holder.as_str(), lease.term, lease.expires_ms), ("a", Term(4), 32));
    let mut takers = tokio::task::JoinSet::new();
    for i in 0..20 {
        let (store, org) = (store.clone(), org.clone());
        takers.spawn(async move { store.acquire(&org, agent, &format!("t{i}"), 100, 10).await });
    }
    let terms = takers.join_all().await.into_iter().filter_map(Result::unwrap);
    assert_eq!(terms.collect::<Vec<_>>(), [Term(5)], "exactly one taker");
}

async fn a_letter_comes_up_until_it_is_completed(store: &Store) {
    let org = org("outbox");
    let agent = opened(store, &org).await;
    let letter = |id: &str, due_ms| Letter {
        id: id.to_owned(),
        kind: "hook".to_owned(),
        body: format!("body of {id}"),
        due_ms,
    };
    let mut request = append(&org, agent, 1, &["one"]);
    request.letters = vec![letter("a", 10), letter("b", 20), letter("a", 5)];
    store.append(request).await.unwrap();
    assert_eq!(store.claim("hook", 9, 100, 10).await.unwrap(), []);
    assert_eq!(store.claim("other", 99, 100, 10).await.unwrap(), []);
    let claimed = store.claim("hook", 10, 15, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].letter.id.as_str(), claimed[0].attempts), ("a", 1));
    assert_eq!((claimed[0].letter.due_ms, claimed[0].agent), (15, agent));
    assert_eq!(store.claim("hook", 14, 99, 10).await.unwrap(), [], "claimed by somebody");
    let again = store.claim("hook", 20, 50, 1).await.unwrap();
    assert_eq!((again[0].letter.id.as_str(), again[0].attempts), ("a", 2));
    assert!(store.postpone(&org, "a", 1_000).await.unwrap());
    assert_eq!(store.claim("hook", 60, 70, 10).await.unwrap()[0].letter.id, "b");
    assert!(store.complete(&org, "b").await.unwrap());
    assert!(!store.complete(&org, "b").await.unwrap());
    assert!(!store.complete(&super::org("other"), "a").await.unwrap());
    assert_eq!(store.claim("hook", 1_000, 2_000, 10).await.unwrap()[0].attempts, 3);
}

async fn small_records_change_by_version(store: &Store) {
    let org = org("kv");
    let put =
        |key: &'static str, expect, body: &'static str| store.put(&org, "pull", key, expect, body);
    assert_eq!(put("r/1", Expect::Version(1), "x").await.unwrap(), Put::Conflict);
    assert_eq!(put("r/1", Expect::Absent, "one").await.unwrap(), Put::Done(1));
    assert_eq!(put("r/1", Expect::Absent, "two").await.unwrap(), Put::Conflict);
    assert_eq!(put("r/1", Expect::Version(1), "two").await.unwrap(), Put::Done(2));
    assert_eq!(put("r/1", Expect::Version(1), "three").await.unwrap(), Put::Conflict);
    assert_eq!(put("r/1", Expect::Anything, "four").await.unwrap(), Put::Done(3));
    assert_eq!(put("r/2", Expect::Anything, "").await.unwrap(), Put::Done(1));
    assert_eq!(put("s/1", Expect::Anything, "").await.unwrap(), Put::Done(1));
    let entry = store.get(&org, "pull", "r/1").await.unwrap().unwrap();
    assert_eq!((entry.body.as_str(), entry.version), ("four", 3));
    let keys = |prefix: &'static str, after: &'static str| {
        let org = org.clone();
        async move {
            let list = store.list(&org, "pull", prefix, after, 10).await.unwrap();
            list.into_iter().map(|entry| entry.key).collect::<Vec<_>>()
        }
    };
    assert_eq!(keys("r/", "").await, ["r/1", "r/2"]);
    assert_eq!(keys("r/", "r/1").await, ["r/2"]);
    assert_eq!(keys("", "").await, ["r/1", "r/2", "s/1"]);
    assert_eq!(store.get(&super::org("other"), "pull", "r/1").await.unwrap(), None);
    assert!(store.delete(&org, "pull", "r/1").await.unwrap());
    assert!(!store.delete(&org, "pull", "r/1").await.unwrap());
}

async fn numbers_count_up_without_gaps_or_repeats(store: &Store) {
    let org = org("numbers");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (store, org) = (store.clone(), org.clone());
        tasks.spawn(async move { store.next_number(&org, "repo").await });
    }
    let mut numbers: Vec<u64> = tasks.join_all().await.into_iter().map(Result::unwrap).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert_eq!(store.next_number(&org, "other").await.unwrap(), 1);
}

async fn sealed_values_open_only_in_their_place(store: &Store) {
    let org = org("sealed");
    let seal = |org: OrgId, owner: &str, name: &str, value: &str| {
        let (owner, name, value) =
            (owner.to_owned(), name.to_owned(), Secret::new(value.to_owned()));
        async move { store.seal(&org, SealedValue { owner, name, value, at_ms: 1 }).await }
    };
    seal(org.clone(), "o", "A", "first").await.unwrap();
    seal(org.clone(), "o", "A", "second").await.unwrap();
    seal(org.clone(), "o", "B", "").await.unwrap();
    let open = |org: OrgId, owner: &'static str, name: &'static str| async move {
        store.unseal(&org, owner, name).await.unwrap().map(|secret| secret.expose().to_owned())
    };
    assert_eq!(open(org.clone(), "o", "A").await.as_deref(), Some("second"));
    assert_eq!(open(org.clone(), "o", "B").await.as_deref(), Some(""));
    assert_eq!(open(super::org("other"), "o", "A").await, None);
    assert_eq!(open(org.clone(), "p", "A").await, None);
    assert_eq!(store.sealed_names(&org, "o").await.unwrap(), ["A", "B"]);
    assert!(store.remove_sealed(&org, "o", "A").await.unwrap());
    assert!(!store.remove_sealed(&org, "o", "A").await.unwrap());
    assert_eq!(open(org, "o", "A").await, None);
}

async fn blobs_live_as_long_as_somebody_refers_to_them(store: &Store) {
    let org = org("blobs");
    let blob = store.put_blob(&org, "one", b"0123456789", 1).await.unwrap();
    assert_eq!(store.put_blob(&org, "two", b"0123456789", 1).await.unwrap(), blob);
    assert_eq!(blob.size, 10);
    let part = |offset, length| store.blob_range(&org, &blob.digest, offset, length);
    assert_eq!(part(3, 4).await.unwrap().as_deref(), Some(&b"3456"[..]));
    assert_eq!(part(8, 99).await.unwrap().as_deref(), Some(&b"89"[..]));
    assert_eq!(part(10, 1).await.unwrap().as_deref(), Some(&b""[..]));
    assert!(store.share_blob(&org, "three", &blob.digest, 1).await.unwrap());
    assert!(!store.share_blob(&super::org("other"), "x", &blob.digest, 1).await.unwrap());
    assert_eq!(store.blob(&super::org("other"), &blob.digest).await.unwrap(), None);
    for owner in ["one", "two", "two"] {
        store.release_blob(&org, owner, &blob.digest).await.unwrap();
        assert_eq!(store.blob(&org, &blob.digest).await.unwrap().unwrap(), b"0123456789");
    }
    store.release_blob(&org, "three", &blob.digest).await.unwrap();
    assert_eq!(store.blob(&org, &blob.digest).await.unwrap(), None);
    assert!(store.inner.blobs.read(&blob.digest).await.is_err(), "the bytes are gone");
    for bad in ["", "../../etc/passwd", &"A".repeat(64), &"0".repeat(63)] {
        assert_eq!(store.blob(&org, bad).await.unwrap(), None);
    }
}

async fn a_token_is_known_until_it_is_revoked(store: &Store) {
    let org = org("keys");
    let (key, token) = store.create_key(&org, "laptop", 1_000).await.unwrap();
    let (other, other_token) = store.create_key(&org, "ci", 2_000).await.unwrap();
    assert_ne!(token.expose(), other_token.expose());
    assert_eq!(store.find_key("errand_00", 0).await.unwrap(), None);
    assert_eq!(store.find_key(token.expose(), 5_000).await.unwrap(), Some(key.clone()));
    let found = store.find_key(token.expose(), 6_000).await.unwrap().unwrap();
    assert_eq!(found.last_used_ms, Some(5_000), "to the minute");
    let ids: Vec<String> = store.keys(&org).await.unwrap().into_iter().map(|k| k.id).collect();
    assert_eq!(ids, [other.id.clone(), key.id.clone()]);
    assert!(!store.revoke_key(&super::org("other"), &key.id, 7_000).await.unwrap());
    assert!(store.revoke_key(&org, &key.id, 7_000).await.unwrap());
    assert!(!store.revoke_key(&org, &key.id, 8_000).await.unwrap());
    assert_eq!(store.find_key(token.expose(), 9_000).await.unwrap(), None);
    assert!(store.find_key(other_token.expose(), 9_000).await.unwrap().is_some());
}

async fn a_deleted_agent_leaves_nothing(store: &Store) {
    let org = org("delete");
    let agent = opened(store, &org).await;
    let stays = opened(store, &org).await;
    let owner = agent.to_string();
    let run = RunId::from_uuid(Uuid::now_v7());
    let large = "y".repeat(EVENT_INLINE_BYTES + 1);
    let mut request = append(&org, agent, 1, &[&large]);
    request.run_rows = vec![run_row(run, 1)];
    let value = Secret::new("v".to_owned());
    request.sealed =
        vec![SealedValue { owner: owner.clone(), name: "N".to_owned(), value, at_ms: 1 }];
    let kind = "delete-hook".to_owned();
    request.letters = vec![Letter { id: "x".to_owned(), kind, body: String::new(), due_ms: 0 }];
    store.append(request).await.unwrap();
    let blob = store.put_blob(&org, &owner, b"artifact", 1).await.unwrap();
    assert_eq!(store.acquire(&org, agent, "a", 0, 10).await.unwrap(), Some(Term(1)));
    assert!(!store.delete_agent(&super::org("other"), agent).await.unwrap());
    assert!(store.delete_agent(&org, agent).await.unwrap());
    assert!(!store.delete_agent(&org, agent).await.unwrap());
    assert_eq!(store.head(&org, agent).await.unwrap(), None);
    assert_eq!(store.read(&org, agent, Seq(0), 9).await.unwrap(), []);
    assert_eq!(store.runs(&org, agent, None, 9).await.unwrap().items, []);
    assert!(store.unseal(&org, &owner, "N").await.unwrap().is_none());
    assert_eq!(store.claim("delete-hook", 9, 9, 9).await.unwrap(), []);
    assert!(store.inner.blobs.read(&blob.digest).await.is_err());
    assert_eq!(store.acquire(&org, agent, "a", 99, 10).await.unwrap(), Some(Term(2)));
    assert_eq!(store.verify(&org, stays).await.unwrap().seq, Seq(1));
}
