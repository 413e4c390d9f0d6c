//! How a store fails. An error of a write means "outcome unknown": read again before deciding.

use std::sync::Arc;

/// A failed operation of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No space is left; nothing was written.
    #[error("write to the store: no space is left on the disk")]
    Full,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The write broke off: whether it happened is unknown, read again.
    #[error("the write broke off and may have happened")]
    Unknown,
    /// What is stored does not fit together.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The key-encryption key is missing, unreadable or not the one the values were sealed with.
    #[error("key-encryption key: {0}")]
    Key(String),
    /// The database refused or is unreachable.
    #[error("ask the database")]
    Database(#[source] Arc<sqlx::Error>),
    /// A file could not be read or written.
    #[error("{attempt}")]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<std::io::Error>,
    },
}

/// `SQLITE_FULL`, as the driver spells it.
const SQLITE_FULL: &str = "13";
/// `SQLITE_IOERR_SHMSIZE`: the index of the write-ahead log cannot grow.
const SQLITE_SHM_FULL: &str = "4874";
/// Class 53 condition of PostgreSQL for a full disk.
const POSTGRES_DISK_FULL: &str = "53100";

impl Error {
    /// Wraps a failed file operation.
    pub(crate) fn file(attempt: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| {
            let full = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded];
            if full.contains(&source.kind()) {
                return Self::Full;
            }
            Self::File { attempt, source: Arc::new(source) }
        }
    }

    /// Reports stored data that does not fit together.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }
}

impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        let code = source.as_database_error().and_then(|e| e.code());
        match code.as_deref() {
            Some(SQLITE_FULL | SQLITE_SHM_FULL | POSTGRES_DISK_FULL) => Self::Full,
            _ if matches!(source, sqlx::Error::PoolClosed) => Self::Closed,
            _ => Self::Database(Arc::new(source)),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        let code = source.sqlite_error().map(|error| error.extended_code.to_string());
        match code.as_deref() {
            Some(SQLITE_FULL | SQLITE_SHM_FULL) => Self::Full,
            _ => Self::Database(Arc::new(sqlx::Error::AnyDriverError(Box::new(source)))),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(source: sqlx::migrate::MigrateError) -> Self {
        sqlx::Error::from(source).into()
    }
}
