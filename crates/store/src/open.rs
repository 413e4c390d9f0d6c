//! Opening a store: folder layout, connections, schema, and the writer's life.

use crate::at_once::AtOnce;
use crate::blob::Blobs;
use crate::error::Error;
use crate::reserve::Reserve;
use crate::tips::Tips;
use crate::vault::{KeyService, Vault};
use crate::writer::Writer;
use protocol::ids::{AgentId, OrgId, Seq};
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, SqlSafeStr as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

/// Reader connections of an embedded database.
const READERS: u32 = 4;
/// How long a connection waits for another process's lock, in milliseconds (see the pragma).
const BUSY_TIMEOUT: &str = "PRAGMA busy_timeout = 10000";
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// Commits that a slow listener may fall behind before it is told that it missed some.
const COMMITTED_BACKLOG: usize = 4096;
/// Starts a writing transaction; takes the lock at once, so a commit is never refused later.
const SQLITE_BEGIN: &str = "BEGIN IMMEDIATE";
/// Pragmas of every connection: an acknowledged commit survives the loss of power.
const SQLITE_PRAGMAS: [&str; 4] = [
    BUSY_TIMEOUT,
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_size_limit = 67108864",
];

/// The schema as it came about: number and name as in the file's name, and the text. A list and not
/// the macro that reads a folder, for which the database is built a second time, for the compiler.
const SQLITE_SCHEMA: [(i64, &str, &str); 4] = [
    (1, "spine", include_str!("../migrations/sqlite/0001_spine.sql")),
    (2, "lists", include_str!("../migrations/sqlite/0002_lists.sql")),
    (3, "audit", include_str!("../migrations/sqlite/0003_audit.sql")),
    (4, "vault", include_str!("../migrations/sqlite/0004_vault.sql")),
];

/// An agent's log has grown. A wake-up only: read the log for what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Whose agent.
    pub org: OrgId,
    /// Which agent.
    pub agent: AgentId,
    /// The last event now.
    pub head: Seq,
    /// The agent's driver has something to do.
    pub nudge: bool,
}

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) readers: AnyPool,
    pub(crate) writer: Writer,
    pub(crate) blobs: Blobs,
    pub(crate) vault: Vault,
    pub(crate) tips: Arc<Tips>,
    pub(crate) reserve: Arc<Reserve>,
    pub(crate) committed: broadcast::Sender<Committed>,
    pub(crate) writing: AnyPool,
    /// Owns the writer's task: it ends with the store.
    tasks: Mutex<JoinSet<()>>,
}

impl Store {
    /// Opens the store in a data folder, making what is missing.
    pub async fn open(data: &Path) -> Result<Self, Error> {
        Self::open_with(data, None).await
    }

    /// The same, where a service may keep the keys that wrap those of sealed values.
    pub async fn open_with(
        data: &Path,
        service: Option<Arc<dyn KeyService>>,
    ) -> Result<Self, Error> {
        tokio::fs::create_dir_all(data).await.map_err(Error::file("make the data folder"))?;
        let file = data.join("errand.db");
        let url = sqlite_url(&file)?;
        let reserve = Arc::new(Reserve::open(data));
        let writing = pool(&url, 1, Access::Write).await?;
        schema().run(&writing).await?;
        let readers = pool(&url, READERS, Access::Read).await?;
        let vault = Vault::open(&data.join("keys"), &readers, service).await?;
        let blobs = Blobs::open(data.join("blobs")).await?;
        let at_once = AtOnce::open(&file, &SQLITE_PRAGMAS)?;
        Ok(Self::start(writing, readers, blobs, vault, reserve, Some(at_once)))
    }

    /// A store in memory, gone with its last clone.
    pub async fn memory() -> Result<Self, Error> {
        // One connection for both: a second one would be a second database.
        let writing = pool("sqlite::memory:", 1, Access::Write).await?;
        schema().run(&writing).await?;
        let (blobs, reserve) = (Blobs::memory(), Arc::new(Reserve::none()));
        let vault = Vault::ephemeral()?;
        Ok(Self::start(writing.clone(), writing, blobs, vault, reserve, None))
    }

    fn start(
        writing: AnyPool,
        readers: AnyPool,
        blobs: Blobs,
        vault: Vault,
        reserve: Arc<Reserve>,
        at_once: Option<AtOnce>,
    ) -> Self {
        let (writer, work) =
            Writer::new(writing.clone(), SQLITE_BEGIN, Arc::clone(&reserve), at_once);
        let mut tasks = JoinSet::new();
        tasks.spawn(work);
        let (committed, _) = broadcast::channel(COMMITTED_BACKLOG);
        let tasks = Mutex::new(tasks);
        Self {
            inner: Arc::new(Inner {
                readers,
                writer,
                blobs,
                vault,
                tips: Arc::default(),
                reserve,
                committed,
                writing,
                tasks,
            }),
        }
    }

    /// Wake-ups after every commit to a log. A listener that lags rereads what it watches.
    pub fn committed(&self) -> broadcast::Receiver<Committed> {
        self.inner.committed.subscribe()
    }

    /// Ends the writer and closes the connections. Whatever is unanswered by then fails.
    pub async fn close(&self) {
        let mut tasks = match self.inner.tasks.lock() {
            Ok(mut guard) => std::mem::take(&mut *guard),
            Err(poisoned) => std::mem::take(&mut *poisoned.into_inner()),
        };
        self.inner.writing.close().await;
        self.inner.readers.close().await;
        tasks.shutdown().await;
    }

    /// Whether there is room on the disk. Where there was none, what is written since lives on a small
    /// reserve: only what ends work or makes room should be.
    pub async fn has_room(&self) -> bool {
        if self.inner.reserve.is_held() {
            return true;
        }
        let reserve = Arc::clone(&self.inner.reserve);
        tokio::task::spawn_blocking(move || reserve.hold()).await.unwrap_or(false)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&self.inner.readers).await?;
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Access {
    Read,
    Write,
}

fn schema() -> Migrator {
    let migration = |(number, name, text): (i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(SQLITE_SCHEMA.map(migration).to_vec())
}

async fn pool(url: &str, size: u32, access: Access) -> Result<AnyPool, Error> {
    sqlx::any::install_default_drivers();
    let pool = AnyPoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                for pragma in SQLITE_PRAGMAS {
                    sqlx::query(pragma).execute(&mut *connection).await?;
                }
                if let Access::Read = access {
                    sqlx::query("PRAGMA query_only = 1").execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
        .connect(url)
        .await?;
    Ok(pool)
}

/// The URL of a database file; every byte that could mean something in a URL is escaped.
fn sqlite_url(path: &Path) -> Result<String, Error> {
    let text = path.to_str().ok_or_else(|| {
        Error::damaged(format!("the data folder's path is not UTF-8: {}", path.display()))
    })?;
    let mut url = String::from("sqlite://");
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                url.push(char::from(byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url.push_str("?mode=rwc");
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::SQLITE_SCHEMA;

    #[test]
    fn every_file_of_the_schema_is_applied_in_its_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
        let entries = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        let known = SQLITE_SCHEMA.map(|(number, name, _)| format!("{number:04}_{name}.sql"));
        assert_eq!(files, known);
    }
}
