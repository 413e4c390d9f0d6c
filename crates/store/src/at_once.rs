//! The common append in one go: begin, move the agent on, write its run and events, commit.
//!
//! A connection to SQLite lives on a thread of its own, and each request is a way there and back;
//! every step of an agent waits for two appends. SQLite is the one database that takes several
//! statements with arguments as one request, so this is its own text; where it does not apply, the
//! statements that every database knows are used.

use crate::append::{Entry, Prepared};
use crate::error::Error;
use crate::log::{Hash, INLINE};
use crate::records::writing::{advance, advancing, bind_run, put_run};
use protocol::event::VERSION;
use sqlx::AnyConnection;

/// Columns of a run's row after its agent.
const RUN_COLUMNS: usize = 11;

/// The whole transaction. Nothing is written where the agent was not found as expected: each
/// statement looks at what the one before it has changed.
macro_rules! whole {
    ($run:expr, $events:expr) => {
        concat!(
            "BEGIN IMMEDIATE; ",
            advance!(),
            "; ",
            $run,
            "INSERT INTO events ",
            "(org, agent, seq, version, at_ms, type, place, body, body_hash, hash) ",
            "SELECT * FROM (VALUES ",
            $events,
            ") WHERE changes() = 1 RETURNING seq; COMMIT"
        )
    };
}
macro_rules! run {
    () => {
        concat!(
            put_run!(
                "SELECT $1, $2, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34 \
                WHERE changes() = 1"
            ),
            "; "
        )
    };
}
macro_rules! events_1 {
    () => {
        "($1, $2, $12 + 1, $23, $35, $36, $37, $38, $39, $40)"
    };
}
macro_rules! events_2 {
    () => {
        concat!(events_1!(), ", ($1, $2, $12 + 2, $23, $41, $42, $43, $44, $45, $46)")
    };
}
macro_rules! events_3 {
    () => {
        concat!(events_2!(), ", ($1, $2, $12 + 3, $23, $47, $48, $49, $50, $51, $52)")
    };
}
macro_rules! events_4 {
    () => {
        concat!(events_3!(), ", ($1, $2, $12 + 4, $23, $53, $54, $55, $56, $57, $58)")
    };
}

/// By the number of events: without a run's row, and with one.
const WHOLE: [[&str; 2]; 4] = [
    [whole!("", events_1!()), whole!(run!(), events_1!())],
    [whole!("", events_2!()), whole!(run!(), events_2!())],
    [whole!("", events_3!()), whole!(run!(), events_3!())],
    [whole!("", events_4!()), whole!(run!(), events_4!())],
];

/// The text for an append that consists of a few events and what follows from them.
fn text(work: &Prepared) -> Option<&'static str> {
    let request = &work.request;
    let plain = request.idempotency.is_none()
        && request.sealed.is_empty()
        && request.letters.is_empty()
        && work.entries.iter().all(|entry| entry.place == INLINE);
    let events = work.entries.len().checked_sub(1).filter(|_| plain)?;
    WHOLE.get(events)?.get(request.run_rows.len()).copied()
}

/// Carries it out, commit included. None = it is not the common case, nothing was written.
pub(crate) async fn append(
    connection: &mut AnyConnection,
    work: &Prepared,
) -> Result<Option<Vec<Hash>>, Error> {
    let (Some(text), Some(before)) = (text(work), work.before) else { return Ok(None) };
    let hashes = work.hashes(before);
    let Some(tip) = hashes.last().copied() else { return Ok(None) };
    let (row, term) = (&work.request.agent_row, work.request.term);
    let mut query = advancing(text, &work.place(tip), before, term, row)?.bind(i64::from(VERSION));
    query = match work.request.run_rows.first() {
        Some(run) => bind_run(query, run)?,
        None => (0..RUN_COLUMNS).fold(query, |query, _| query.bind(None::<String>)),
    };
    for (entry, hash) in work.entries.iter().zip(&hashes) {
        let Entry { at_ms, kind, body, body_hash, place, .. } = entry;
        query = query
            .bind(*at_ms)
            .bind(kind.to_string())
            .bind(*place)
            .bind(body.to_string())
            .bind(body_hash.0.to_vec())
            .bind(hash.0.to_vec());
    }
    let written = query.fetch_all(connection).await?;
    Ok((!written.is_empty()).then_some(hashes))
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
    async fn what_is_appended_alone_is_one_request_and_nothing_where_the_head_is_another() {
        let store = Store::memory().await.unwrap();
        let org = org("alone");
        let agent = opened(&store, &org).await;
        let mut connection = store.inner.readers.acquire().await.unwrap();
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
            assert_eq!(super::append(&mut connection, &elsewhere).await.unwrap(), None);
            let here = prepare(request(), Some(tip)).unwrap();
            let hashes = super::append(&mut connection, &here).await.unwrap().unwrap();
            head += events as u64;
            tip = *hashes.last().unwrap();
        }
        drop(connection);
        assert_eq!(store.verify(&org, agent).await.unwrap().seq, Seq(head));
        assert_eq!(store.agent(&org, agent).await.unwrap().unwrap().head, Seq(head));
        assert_eq!(store.runs(&org, agent, None, 10).await.unwrap().items.len(), 1);
    }
}
