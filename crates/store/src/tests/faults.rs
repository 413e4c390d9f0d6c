//! A full disk, a lost key, a store that was closed or damaged: said, never acknowledged.

use crate::conformance::{append, opened, org};
use crate::error::Error;
use crate::log::AppendError;
use crate::sealed::{SealedValue, Secret};
use crate::{Committed, Store};
use protocol::ids::Seq;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

/// On both connections of the writer.
async fn execute(store: &Store, text: &'static str) {
    let work = store.inner.writer.write_then(
        move |connection| {
            Box::pin(async move { Ok(sqlx::query(text).execute(connection).await.map(drop)?) })
        },
        Some(Box::new(move |connection| Ok(connection.execute_batch(text).map(|()| None)?))),
        |()| (),
    );
    work.await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_its_own_error_and_writing_goes_on_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let org = org("full");
    let agent = opened(&store, &org).await;
    assert!(store.inner.reserve.give_up(), "no room is kept any more");
    execute(&store, "PRAGMA max_page_count = 1").await;
    let text = "x".repeat(60_000);
    let refused = store.append(append(&org, agent, 1, &[&text])).await;
    assert!(matches!(refused, Err(AppendError::Store(Error::Full))), "{refused:?}");
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(1));
    execute(&store, "PRAGMA max_page_count = 1000000").await;
    store.append(append(&org, agent, 1, &[&text])).await.unwrap();
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(2));
}

#[tokio::test]
async fn one_failing_request_does_not_fail_its_batch() {
    let store = Store::memory().await.unwrap();
    let org = org("batch");
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..50_u64 {
        let (store, org) = (store.clone(), org.clone());
        tasks.spawn(async move {
            if i % 10 == 3 {
                let broken = store.inner.writer.write(|connection| {
                    Box::pin(async move {
                        sqlx::query("INSERT INTO numbers (org, scope, value) VALUES ('b', 'b', 1)")
                            .execute(&mut *connection)
                            .await?;
                        Ok(sqlx::query("not SQL").execute(connection).await?.rows_affected())
                    })
                });
                assert!(matches!(broken.await, Err(Error::Database(_))));
            } else {
                opened(&store, &org).await;
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.agents(&org, &<_>::default(), None, 100).await.unwrap().items.len(), 45);
    assert_eq!(store.next_number(&crate::conformance::org("b"), "b").await.unwrap(), 1);
}

#[tokio::test]
async fn a_panic_in_a_write_is_not_acknowledged_and_the_writer_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let org = org("panic");
    let broken = store.inner.writer.write::<_, ()>(|connection| {
        Box::pin(async move {
            sqlx::query("INSERT INTO numbers (org, scope, value) VALUES ('panic', 'n', 1)")
                .execute(connection)
                .await?;
            panic!("on purpose")
        })
    });
    assert!(matches!(broken.await, Err(Error::Unknown)));
    assert_eq!(store.next_number(&org, "n").await.unwrap(), 1, "nothing was written");
}

#[tokio::test]
async fn the_quick_way_is_as_safe_and_writing_goes_on_where_it_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let (org, found) = (org("quick"), Arc::new(Mutex::new(None)));
    let agent = opened(&store, &org).await;
    let seen = Arc::clone(&found);
    quickly(&store, move |connection| {
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        *seen.lock().unwrap() = Some((number("synchronous")?, number("busy_timeout")?));
        Ok(Some(()))
    })
    .await
    .unwrap();
    assert_eq!(*found.lock().unwrap(), Some((2, 10_000)), "a commit waits for the disk");
    let broken = quickly(&store, |connection| {
        connection.execute("DELETE FROM agents", [])?;
        panic!("on purpose")
    });
    assert!(matches!(broken.await, Err(Error::Unknown)));
    store.append(append(&org, agent, 1, &["one"])).await.unwrap();
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(2));
}

async fn quickly(
    store: &Store,
    work: impl FnMut(&rusqlite::Connection) -> Result<Option<()>, Error> + Send + 'static,
) -> Result<(), Error> {
    let call = store.inner.writer.write_then(
        |_| Box::pin(async { Err(Error::damaged("the slow way was taken")) }),
        Some(Box::new(work)),
        |()| (),
    );
    call.await
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    store.ping().await.unwrap();
    store.close().await;
    assert!(matches!(store.ping().await, Err(Error::Closed)));
    let refused = store.next_number(&org("closed"), "n").await;
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
}

#[tokio::test]
async fn commits_wake_listeners_after_the_fact() {
    let store = Store::memory().await.unwrap();
    let mut committed = store.committed();
    let org = org("wake");
    let agent = opened(&store, &org).await;
    let mut request = append(&org, agent, 1, &["a", "b"]);
    request.nudge = true;
    store.append(request).await.unwrap();
    store.append(append(&org, agent, 0, &["refused"])).await.unwrap_err();
    let first = Committed { org: org.clone(), agent, head: Seq(1), nudge: false };
    assert_eq!(committed.recv().await.unwrap(), first);
    let second = Committed { org, agent, head: Seq(3), nudge: true };
    assert_eq!(committed.recv().await.unwrap(), second);
    assert!(committed.try_recv().is_err());
}

#[tokio::test]
async fn a_changed_row_breaks_the_chain() {
    for change in [
        "UPDATE events SET body = replace(body, 'two', 'too') WHERE seq = 2",
        "UPDATE events SET at_ms = 7 WHERE seq = 2",
        "UPDATE events SET type = 'Renamed' WHERE seq = 1",
        "DELETE FROM events WHERE seq = 2",
        "DELETE FROM events WHERE seq = 3",
        "UPDATE events SET seq = 9 WHERE seq = 3",
    ] {
        let store = Store::memory().await.unwrap();
        let org = org("chain");
        let agent = opened(&store, &org).await;
        store.append(append(&org, agent, 1, &["two", "three"])).await.unwrap();
        store.verify(&org, agent).await.unwrap();
        sqlx::query(change).execute(&store.inner.readers).await.unwrap();
        let verified = store.verify(&org, agent).await;
        assert!(matches!(verified, Err(Error::Damaged(_))), "{change}: {verified:?}");
    }
}

async fn sealed_store(folder: &std::path::Path) -> Store {
    let store = Store::open(folder).await.unwrap();
    for (owner, name) in [("o", "A"), ("o", "B")] {
        let (owner, name) = (owner.to_owned(), name.to_owned());
        let value = Secret::new(format!("value of {name}"));
        store.seal(&org("s"), SealedValue { owner, name, value, at_ms: 1 }).await.unwrap();
    }
    store
}

#[tokio::test]
async fn sealed_values_outlive_a_restart_and_are_not_readable_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    sealed_store(folder.path()).await.close().await;
    let key = std::fs::metadata(folder.path().join("keys/kek")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let keys = std::fs::metadata(folder.path().join("keys")).unwrap();
    assert_eq!(keys.permissions().mode() & 0o777, 0o700);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(8).any(|window| window == b"value of");
            assert!(!found, "plain value in {}", path.display());
        }
    }
    let store = Store::open(folder.path()).await.unwrap();
    let value = store.unseal(&org("s"), "o", "A").await.unwrap().unwrap();
    assert_eq!(value.expose(), "value of A");
}

#[tokio::test]
async fn a_sealed_row_copied_elsewhere_does_not_open() {
    for change in [
        "UPDATE sealed SET name = 'C' WHERE name = 'A'",
        "UPDATE sealed SET org = 't' WHERE name = 'A'",
        "UPDATE sealed SET version = 2 WHERE name = 'A'",
        "UPDATE sealed SET ciphertext = (SELECT ciphertext FROM sealed WHERE name = 'B')",
        "UPDATE sealed SET ciphertext = x'00'",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = sealed_store(folder.path()).await;
        execute(&store, change).await;
        let (org_name, name) = match change {
            c if c.contains("'C'") => ("s", "C"),
            c if c.contains("'t'") => ("t", "A"),
            _ => ("s", "A"),
        };
        let opened = store.unseal(&org(org_name), "o", name).await;
        assert!(matches!(opened, Err(Error::Key(_))), "{change}");
    }
}

#[tokio::test]
async fn a_missing_or_exposed_key_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    sealed_store(folder.path()).await.close().await;
    let kek = folder.path().join("keys/kek");
    std::fs::set_permissions(&kek, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = Store::open(folder.path()).await.err().map(|e| e.to_string()).unwrap();
    assert!(refused.contains("chmod 600"), "{refused}");
    std::fs::remove_file(&kek).unwrap();
    let refused = Store::open(folder.path()).await.err().map(|e| e.to_string()).unwrap();
    assert!(refused.contains("backup"), "{refused}");
    assert!(!kek.exists());
}

#[tokio::test]
async fn a_folder_with_odd_signs_in_its_name_works() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a b?c#d%20é");
    let org = org("odd");
    let store = Store::open(&odd).await.unwrap();
    let agent = opened(&store, &org).await;
    store.close().await;
    assert!(odd.join("errand.db").is_file());
    let store = Store::open(&odd).await.unwrap();
    assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(1));
}

#[tokio::test]
async fn a_changed_blob_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let org = org("blob");
    let blob = store.put_blob(&org, "o", b"as it was", 1).await.unwrap();
    let path = folder.path().join("blobs").join(&blob.digest[..2]).join(&blob.digest);
    std::fs::write(&path, b"changed").unwrap();
    assert!(matches!(store.blob(&org, &blob.digest).await, Err(Error::Damaged(_))));
    store.put_blob(&org, "o", b"as it was", 1).await.unwrap();
    assert_eq!(store.blob(&org, &blob.digest).await.unwrap().unwrap(), b"as it was");
}

#[tokio::test]
async fn what_must_be_written_on_a_full_disk_is_written_on_the_reserve() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let reserve = folder.path().join("reserve");
    let kept = reserve.metadata().unwrap().len();
    assert!(kept > 0 && store.has_room().await);
    let org = org("reserve");
    let agent = opened(&store, &org).await;
    // The database finds no room, and finds some once the reserve is gone.
    let gone = reserve.clone();
    let refused_once = store.inner.writer.write(move |connection| {
        let gone = gone.clone();
        Box::pin(async move {
            if gone.exists() {
                return Err(Error::Full);
            }
            let insert = "INSERT INTO numbers (org, scope, value) VALUES ('reserve', 'n', 1)";
            Ok(sqlx::query(insert).execute(connection).await?.rows_affected())
        })
    });
    assert_eq!(refused_once.await.unwrap(), 1);
    assert!(!reserve.exists());
    store.append(append(&org, agent, 1, &["written"])).await.unwrap();
    assert!(store.has_room().await, "there is room again");
    assert_eq!(reserve.metadata().unwrap().len(), kept);
}
