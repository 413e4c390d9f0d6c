//! Changing the key of the vault: every value opens at any time, whatever was cut off where.

use crate::Store;
use crate::conformance::org;
use crate::sealed::{SealedValue, Secret};
use crate::vault::{Asked, Kept, KeyService, MadeKey, Rewrapped};
use secrecy::SecretSlice;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// More than two batches.
const VALUES: usize = 450;
const FOLDER: &str = "ERRAND_STORE_VAULT_FOLDER";
const NAME: &str = "tests::vault::a_rotation_that_is_killed_anywhere_loses_nothing";
const KILLS: usize = 12;

async fn fill(store: &Store, names: std::ops::Range<usize>) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in names {
        let store = store.clone();
        tasks.spawn(async move { put(&store, &format!("n{number}")).await });
    }
    tasks.join_all().await;
}

async fn put(store: &Store, name: &str) {
    let value = Secret::new(format!("value of {name}"));
    let value = SealedValue { owner: "o".to_owned(), name: name.to_owned(), value, at_ms: 1 };
    store.seal(&org("vault"), value).await.unwrap();
}

async fn opens(store: &Store, name: &str) {
    let value = store.unseal(&org("vault"), "o", name).await;
    assert_eq!(value.unwrap().unwrap().expose(), format!("value of {name}"));
}

async fn all_open(store: &Store) {
    let names = store.sealed_names(&org("vault"), "o").await.unwrap();
    assert!(names.len() >= VALUES);
    for name in names {
        opens(store, &name).await;
    }
}

async fn rewrap_all(store: &Store) -> Rewrapped {
    let mut so_far = Rewrapped::default();
    while let Some(more) = store.rewrap(so_far.clone()).await.unwrap() {
        so_far = more;
    }
    so_far
}

/// Generation and values of each.
async fn held(store: &Store) -> Vec<(u64, u64)> {
    let state = store.vault().await.unwrap();
    state.generations.iter().map(|it| (it.number, it.values)).collect()
}

async fn reopened(folder: &Path, store: Store) -> Store {
    store.close().await;
    Store::open(folder).await.unwrap()
}

async fn refusal(folder: &Path) -> String {
    Store::open(folder).await.err().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_goes_on_after_a_restart_at_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str| folder.path().join("keys").join(name);
    let store = Store::open(folder.path()).await.unwrap();
    fill(&store, 0..VALUES).await;
    assert_eq!(store.rotate().await.unwrap(), 2);
    put(&store, "late").await;
    let store = reopened(folder.path(), store).await;
    assert_eq!(held(&store).await, [(1, 450), (2, 1)]);
    all_open(&store).await;
    assert_eq!(store.remove_older_keys().await.unwrap(), [0; 0], "the first is needed");
    let first = store.rewrap(Rewrapped::default()).await.unwrap().unwrap();
    assert_eq!((first.done, first.refused), (200, 0));
    let store = reopened(folder.path(), store).await;
    assert_eq!(held(&store).await, [(1, 250), (2, 201)]);
    all_open(&store).await;
    assert_eq!(rewrap_all(&store).await.done, 250);
    assert_eq!(store.vault().await.unwrap().waiting(), 0);
    assert!(key("kek").exists(), "an old key is removed when somebody asks");
    let store = reopened(folder.path(), store).await;
    assert_eq!(store.remove_older_keys().await.unwrap(), [1]);
    assert!(!key("kek").exists() && key("kek.2").exists());
    assert_eq!(std::fs::metadata(key("kek.2")).unwrap().permissions().mode() & 0o777, 0o600);
    all_open(&store).await;
    let store = reopened(folder.path(), store).await;
    assert_eq!(held(&store).await, [(2, 451)]);
    all_open(&store).await;
}

#[tokio::test]
async fn values_are_wrapped_by_another_key_and_only_that() {
    let store = Store::memory().await.unwrap();
    fill(&store, 0..VALUES).await;
    let read = || async {
        let sql = "SELECT wrapped_key, ciphertext FROM sealed WHERE name = 'n7'";
        let row = sqlx::query(sql).fetch_one(&store.inner.readers).await.unwrap();
        let column = |name| sqlx::Row::get::<Vec<u8>, _>(&row, name);
        (column("wrapped_key"), column("ciphertext"))
    };
    let (wrapped, ciphertext) = read().await;
    store.rotate().await.unwrap();
    rewrap_all(&store).await;
    assert_eq!(store.remove_older_keys().await.unwrap(), [1]);
    let (after, same) = read().await;
    assert!(after != wrapped && same == ciphertext);
    all_open(&store).await;
}

#[tokio::test]
async fn a_generation_that_is_needed_and_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    put(&store, "early").await;
    store.rotate().await.unwrap();
    put(&store, "late").await;
    store.close().await;
    let keys = folder.path().join("keys");
    for (name, generation) in [("kek", "generation 1"), ("kek.2", "generation 2")] {
        std::fs::rename(keys.join(name), keys.join("away")).unwrap();
        let refused = refusal(folder.path()).await;
        assert!(refused.contains(generation) && refused.contains("backup"), "{refused}");
        std::fs::rename(keys.join("away"), keys.join(name)).unwrap();
    }
    std::fs::write(keys.join("kek.2.sealed"), "x").unwrap();
    assert!(refusal(folder.path()).await.contains("one generation"));
    std::fs::remove_file(keys.join("kek.2.sealed")).unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    opens(&store, "early").await;
    opens(&store, "late").await;
}

#[tokio::test]
async fn what_is_wrong_with_a_key_file_is_told_and_nothing_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    put(&store, "a").await;
    store.rotate().await.unwrap();
    rewrap_all(&store).await;
    let newest = folder.path().join("keys/kek.2");
    let whole = std::fs::read(&newest).unwrap();
    std::fs::write(&newest, [7; 32]).unwrap();
    let refused = store.remove_older_keys().await.unwrap_err().to_string();
    assert!(refused.contains("is not the key that is in use"), "{refused}");
    std::fs::write(&newest, whole).unwrap();
    std::fs::set_permissions(&newest, std::fs::Permissions::from_mode(0o640)).unwrap();
    let state = store.vault().await.unwrap();
    assert!(state.generations[1].problem.as_ref().unwrap().contains("chmod 600"), "{state:?}");
    assert!(store.remove_older_keys().await.is_err());
    std::fs::remove_file(&newest).unwrap();
    let state = store.vault().await.unwrap();
    assert!(state.generations[1].problem.as_ref().unwrap().contains("is missing"), "{state:?}");
    assert!(folder.path().join("keys/kek").exists());
}

#[tokio::test]
async fn a_value_that_does_not_open_stays_and_keeps_its_key() {
    let store = Store::memory().await.unwrap();
    fill(&store, 0..VALUES).await;
    let change = "UPDATE sealed SET wrapped_key = x'00' WHERE name = 'n3'";
    sqlx::query(change).execute(&store.inner.readers).await.unwrap();
    store.rotate().await.unwrap();
    let over = rewrap_all(&store).await;
    assert_eq!((over.done, over.refused), (449, 1));
    assert_eq!(store.remove_older_keys().await.unwrap(), [0; 0]);
    assert_eq!(held(&store).await, [(1, 1), (2, 449)]);
    put(&store, "n3").await;
    assert_eq!(store.remove_older_keys().await.unwrap(), [1]);
    all_open(&store).await;
}

/// Keeps keys with every byte turned over.
#[derive(Default)]
struct Elsewhere {
    makes: AtomicBool,
    is_away: AtomicBool,
}

impl Elsewhere {
    fn there(&self) -> Result<(), String> {
        let is_away = self.is_away.load(Ordering::Relaxed);
        if is_away { Err("the service is away".to_owned()) } else { Ok(()) }
    }
}

fn turned(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

impl KeyService for Elsewhere {
    fn makes(&self) -> bool {
        self.makes.load(Ordering::Relaxed)
    }

    fn make(&self, generation: u64) -> Asked<'_, MadeKey> {
        Box::pin(async move {
            self.there()?;
            let key = vec![u8::try_from(generation).unwrap(); 32];
            Ok(MadeKey { kept: turned(&key), key: key.into() })
        })
    }

    fn open<'a>(&'a self, _: u64, kept: &'a [u8]) -> Asked<'a, SecretSlice<u8>> {
        Box::pin(async move {
            self.there()?;
            Ok(turned(kept).into())
        })
    }

    fn name(&self, kept: &[u8]) -> String {
        format!("key {}", turned(kept)[0])
    }
}

#[tokio::test]
async fn keys_move_to_a_service_and_back_and_lie_nowhere_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let service = Arc::new(Elsewhere::default());
    let open = || Store::open_with(folder.path(), Some(Arc::clone(&service) as _));
    let store = open().await.unwrap();
    fill(&store, 0..VALUES).await;
    service.makes.store(true, Ordering::Relaxed);
    service.is_away.store(true, Ordering::Relaxed);
    let refused = store.rotate().await.unwrap_err().to_string();
    assert!(refused.contains("the service is away"), "{refused}");
    assert_eq!(held(&store).await, [(1, 450)], "and nothing happened");
    service.is_away.store(false, Ordering::Relaxed);
    store.rotate().await.unwrap();
    rewrap_all(&store).await;
    assert_eq!(store.remove_older_keys().await.unwrap(), [1]);
    let kept = &store.vault().await.unwrap().generations[0].kept;
    assert_eq!(*kept, Kept::Service("key 2".to_owned()));
    store.close().await;
    let files: Vec<_> = std::fs::read_dir(folder.path().join("keys")).unwrap().collect();
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::read(folder.path().join("keys/kek.2.sealed")).unwrap(), vec![!2; 32]);

    service.is_away.store(true, Ordering::Relaxed);
    let refused = open().await.err().unwrap().to_string();
    assert!(refused.contains("the service is away") && refused.contains("kek.2"), "{refused}");
    assert!(refusal(folder.path()).await.contains("needs the service"));
    service.is_away.store(false, Ordering::Relaxed);
    let store = open().await.unwrap();
    all_open(&store).await;
    service.makes.store(false, Ordering::Relaxed);
    assert_eq!(store.rotate().await.unwrap(), 3);
    rewrap_all(&store).await;
    store.close().await;
    // What no value needs is not asked for.
    service.is_away.store(true, Ordering::Relaxed);
    let store = open().await.unwrap();
    assert_eq!(store.remove_older_keys().await.unwrap(), [2]);
    let store = reopened(folder.path(), store).await;
    all_open(&store).await;
}

#[tokio::test]
async fn the_first_key_is_made_by_the_service_if_that_is_to_be_so() {
    let folder = tempfile::tempdir().unwrap();
    let service = Arc::new(Elsewhere { makes: AtomicBool::new(true), ..Elsewhere::default() });
    let store = Store::open_with(folder.path(), Some(service as _)).await.unwrap();
    put(&store, "a").await;
    opens(&store, "a").await;
    assert!(!folder.path().join("keys/kek").exists());
}

#[test]
fn a_rotation_that_is_killed_anywhere_loses_nothing() {
    #[expect(clippy::disallowed_methods, reason = "how the parent talks to its child")]
    let folder = std::env::var(FOLDER);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match folder {
        Ok(folder) => runtime.block_on(rotate_for_ever(folder.as_ref())),
        Err(_) => runtime.block_on(kill_and_look()),
    }
}

async fn rotate_for_ever(folder: &Path) {
    let store = Store::open(folder).await.unwrap();
    let told = |what: &str| {
        std::io::stdout().lock().write_all(format!("\n{what}\n").as_bytes()).unwrap();
    };
    loop {
        told("step");
        rewrap_all(&store).await;
        told("step");
        store.remove_older_keys().await.unwrap();
        told("step");
        store.rotate().await.unwrap();
    }
}

async fn kill_and_look() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    fill(&store, 0..VALUES).await;
    store.close().await;
    let mut unfinished = 0;
    for _ in 0..KILLS {
        #[expect(clippy::disallowed_methods, reason = "the child is this very test")]
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let steps = lines.map_while(Result::ok).filter(|line| line == "step");
        // Reaching the step takes as long as it takes; what follows is cut off somewhere.
        assert!(steps.take(fastrand::usize(1..12)).count() > 0, "the child did nothing");
        tokio::time::sleep(std::time::Duration::from_micros(fastrand::u64(0..20_000))).await;
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "the child ends only by being killed");
        let store = Store::open(folder.path()).await.unwrap();
        unfinished += usize::from(held(&store).await.len() > 1);
        all_open(&store).await;
        store.close().await;
    }
    println!("{KILLS} kills, {unfinished} rotations cut off, no value lost");
    let store = Store::open(folder.path()).await.unwrap();
    rewrap_all(&store).await;
    store.remove_older_keys().await.unwrap();
    assert_eq!(held(&store).await.len(), 1);
    all_open(&store).await;
}
