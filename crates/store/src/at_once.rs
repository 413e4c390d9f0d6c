//! The common append, quickly: the agent moves on, its run and events are written.
//!
//! The driver of all databases carries every statement and every row of an answer to a thread and
//! back. Each step of an agent waits for two appends, so they have a connection to SQLite that is one
//! message and one answer away. The statements are those of every database. The writer alone comes
//! here, and never while its own connection writes.

use crate::append::Prepared;
use crate::error::Error;
use crate::log::Hash;
use crate::records::writing::advance_agent;
use crate::sql::{Statement, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use std::path::Path;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// The way to the connection's thread, which ends with the last one.
#[derive(Clone)]
pub(crate) struct AtOnce {
    queue: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

impl AtOnce {
    /// Opens a connection to a database that has its schema.
    pub(crate) fn open(file: &Path, pragmas: &[&str]) -> Result<Self, Error> {
        let connection = Connection::open(file)?;
        for pragma in pragmas {
            connection.execute_batch(pragma)?;
        }
        let (queue, jobs) = mpsc::channel();
        let thread = std::thread::Builder::new().name("append".to_owned());
        let work = move || serve(connection, &jobs);
        thread.spawn(work).map_err(Error::file("start a thread"))?;
        Ok(Self { queue })
    }

    /// Has something done on the thread; None = it broke off there, if it was begun at all.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| drop(reply.send(work(connection))));
        self.queue.send(job).ok()?;
        answer.await.ok()
    }
}

fn serve(mut connection: Connection, jobs: &mpsc::Receiver<Job>) {
    jobs.iter().for_each(|job| job(&mut connection));
}

/// Carries it out within a transaction. None = the log ends elsewhere, nothing was written.
pub(crate) fn append(
    transaction: &Connection,
    work: &Prepared,
) -> Result<Option<Vec<Hash>>, Error> {
    let Some(before) = work.before else { return Ok(None) };
    let hashes = work.hashes(before);
    let Some(tip) = hashes.last().copied() else { return Ok(None) };
    let (row, term) = (&work.request.agent_row, work.request.term);
    if execute(transaction, advance_agent(&work.place(tip), before, term, row)?)? != 1 {
        return Ok(None);
    }
    for run in work.write_runs() {
        execute(transaction, run?)?;
    }
    for (entry, hash) in work.entries.iter().zip(&hashes) {
        execute(transaction, work.write_event(entry, *hash))?;
    }
    Ok(Some(hashes))
}

/// Carries out a statement; how many rows it changed.
fn execute(connection: &Connection, (text, values): Statement) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached(text)?;
    for place in 1..=statement.parameter_count() {
        // SQLite counts arguments as they appear; their names say which one is meant.
        let name = statement.parameter_name(place).and_then(|name| name.strip_prefix('$'));
        let number = name.and_then(|number| number.parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number.checked_sub(1)?));
        let value = value.ok_or_else(|| Error::damaged(format!("no argument for {text}")))?;
        statement.raw_bind_parameter(place, value)?;
    }
    Ok(statement.raw_execute()?)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(number) => number.map_or(ValueRef::Null, ValueRef::Integer),
            Self::Text(text) => {
                text.as_ref().map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
            }
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::Store;
    use crate::append::prepare;
    use crate::conformance::{append, opened, org, run_row};
    use crate::log::Hash;
    use protocol::ids::{RunId, Seq};
    use uuid::Uuid;

    #[tokio::test]
    async fn what_is_appended_alone_is_what_the_others_read_and_nothing_at_another_head() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let lane = rusqlite::Connection::open(folder.path().join("errand.db")).unwrap();
        let org = org("alone");
        let agent = opened(&store, &org).await;
        let (mut head, mut tip) = (1, store.inner.tips.hash(&org, agent, Seq(1)).unwrap());
        for (events, with_run) in (1..=4).flat_map(|events| [(events, false), (events, true)]) {
            let request = || {
                let mut request =
                    append(&org, agent, head, &["one", "two", "three", "four"][..events]);
                request
                    .run_rows
                    .extend(with_run.then(|| run_row(RunId::from_uuid(Uuid::nil()), 1)));
                request
            };
            let elsewhere = prepare(request(), Some(Hash::NONE)).unwrap();
            assert_eq!(super::append(&lane, &elsewhere).unwrap(), None);
            let here = prepare(request(), Some(tip)).unwrap();
            let hashes = super::append(&lane, &here).unwrap().unwrap();
            head += events as u64;
            tip = *hashes.last().unwrap();
        }
        assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(head));
        assert_eq!(store.agent(&org, agent).await.unwrap().unwrap().head, Seq(head));
        assert_eq!(store.runs(&org, agent, None, 10).await.unwrap().items.len(), 1);
    }
}
