//! The one writer: takes whatever waits, commits it as one transaction, answers after the commit.
//!
//! An idle writer commits a request at once; a busy one finds many waiting and pays one disk flush
//! for all of them, so batching needs no delay. Requests are independent: one that finds its
//! preconditions broken answers so *without having written*, which is why no savepoint is needed.
//! When the database itself objects, the batch is rolled back and each request tried alone.
//! What can go the quick way ([`crate::at_once`]) does, before the others.

use crate::at_once::AtOnce;
use crate::error::Error;
use crate::reserve::Reserve;
use rusqlite::{Connection, TransactionBehavior};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Requests committed together at most.
const BATCH_REQUESTS: usize = 256;
/// Requests that may wait; more callers wait for a place.
const QUEUE_REQUESTS: usize = 1024;

/// Work within the transaction.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'c>>;

/// Hands requests to the writer.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Request>>,
}

/// The same on the quick way. None = not possible, nothing was written.
pub(crate) type Quick<T> = Box<dyn FnMut(&Connection) -> Result<Option<T>, Error> + Send>;

type Batch = Vec<Box<dyn Request>>;

trait Request: Send {
    fn run<'c>(&'c mut self, connection: &'c mut AnyConnection) -> Work<'c, ()>;
    /// Whether it may be possible on the quick way.
    fn is_quick(&self) -> bool;
    /// The same on the quick way; whether that was possible.
    fn run_quick(&mut self, transaction: &Connection) -> Result<bool, Error>;
    fn answer(self: Box<Self>, outcome: Result<(), Error>);
}

struct Call<F, A, T> {
    work: F,
    quick: Option<Quick<T>>,
    after: A,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<F, A, T> Request for Call<F, A, T>
where
    F: for<'c> FnMut(&'c mut AnyConnection) -> Work<'c, T> + Send,
    A: FnOnce(&T) + Send,
    T: Send,
{
    fn run<'c>(&'c mut self, connection: &'c mut AnyConnection) -> Work<'c, ()> {
        Box::pin(async move {
            self.value = None;
            self.value = Some((self.work)(connection).await?);
            Ok(())
        })
    }

    fn is_quick(&self) -> bool {
        self.quick.is_some()
    }

    fn run_quick(&mut self, transaction: &Connection) -> Result<bool, Error> {
        let Some(quick) = &mut self.quick else { return Ok(false) };
        self.value = quick(transaction)?;
        Ok(self.value.is_some())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Error>) {
        let Self { work, quick, after, value, reply } = *self;
        drop((work, quick));
        let result = outcome.and_then(|()| value.ok_or(Error::Unknown));
        if let Ok(value) = &result {
            after(value);
        }
        // A caller who has gone away no longer wants the answer; the commit stands.
        drop(reply.send(result));
    }
}

impl Writer {
    /// A writer and the future that does its work. With a quick way, nobody else uses the pool.
    pub(crate) fn new(
        pool: AnyPool,
        begin: &'static str,
        reserve: Arc<Reserve>,
        at_once: Option<AtOnce>,
    ) -> (Self, impl Future<Output = ()>) {
        let (queue, requests) = mpsc::channel(QUEUE_REQUESTS);
        let open = move || Database {
            pool: pool.clone(),
            begin,
            reserve: Arc::clone(&reserve),
            at_once: at_once.clone(),
            connection: None,
        };
        (Self { queue }, serve(open, requests))
    }

    /// Requests that wait for the writer.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Runs `work` in a transaction shared with others and returns after the commit.
    ///
    /// `work` may run twice (its first transaction rolled back) and must write nothing when it
    /// returns a refusal as its value.
    pub(crate) async fn write<F, T>(&self, work: F) -> Result<T, Error>
    where
        F: for<'c> FnMut(&'c mut AnyConnection) -> Work<'c, T> + Send + 'static,
        T: Send + 'static,
    {
        self.write_then(work, None, |_| ()).await
    }

    /// Like [`Self::write`]; `quick` is preferred, and `after` runs once the commit is done, even if
    /// the caller has left.
    pub(crate) async fn write_then<F, A, T>(
        &self,
        work: F,
        quick: Option<Quick<T>>,
        after: A,
    ) -> Result<T, Error>
    where
        F: for<'c> FnMut(&'c mut AnyConnection) -> Work<'c, T> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = Box::new(Call { work, quick, after, value: None, reply });
        self.queue.send(call).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Unknown)?
    }
}

/// Where it is written.
struct Database {
    pool: AnyPool,
    begin: &'static str,
    reserve: Arc<Reserve>,
    at_once: Option<AtOnce>,
    /// Stays here between batches where nobody else needs it: giving it back and taking it again are
    /// two more ways to its thread.
    connection: Option<PoolConnection<Any>>,
}

async fn serve(open: impl Fn() -> Database + Send, mut queue: mpsc::Receiver<Box<dyn Request>>) {
    let mut database = open();
    let mut closed = std::pin::pin!(database.pool.close_event());
    let mut batch = Vec::with_capacity(BATCH_REQUESTS);
    // A task of its own per batch: a panic ends that batch, unanswered, and not the writer.
    let mut settling = JoinSet::new();
    loop {
        let taken = tokio::select! {
            biased;
            () = &mut closed => break,
            taken = queue.recv_many(&mut batch, BATCH_REQUESTS) => taken,
        };
        if taken == 0 {
            return;
        }
        let batch = std::mem::take(&mut batch);
        settling.spawn(async move {
            database.settle(batch).await;
            database
        });
        database = match settling.join_next().await {
            Some(Ok(database)) => database,
            Some(Err(error)) => {
                tracing::error!(%error, "a batch of writes broke off");
                open()
            }
            None => open(),
        };
    }
    queue.close();
    while let Some(request) = queue.recv().await {
        request.answer(Err(Error::Closed));
    }
}

enum Failed {
    /// The transaction was rolled back before its commit.
    Before(Error),
    /// The commit itself failed: whether it happened is unknown.
    AtCommit(Error),
}

impl Database {
    async fn settle(&mut self, mut batch: Batch) {
        if let Some(lane) = &self.at_once
            && batch.iter().any(|request| request.is_quick())
        {
            let Some(rest) = lane.ask(|connection| carry_out_quickly(connection, batch)).await
            else {
                // It broke off, and with it whatever it was asked, unanswered.
                self.at_once = None;
                return;
            };
            batch = rest;
        }
        if !batch.is_empty() {
            self.carry_out(batch).await;
        }
    }

    async fn carry_out(&mut self, mut batch: Batch) {
        match self.commit(&mut batch).await {
            Ok(()) => batch.into_iter().for_each(|request| request.answer(Ok(()))),
            Err(Failed::Before(_)) if batch.len() > 1 => {
                for request in batch {
                    let mut alone = vec![request];
                    let outcome = self.commit(&mut alone).await;
                    answer_all(alone, outcome);
                }
            }
            Err(failed) => answer_all(batch, Err(failed)),
        }
    }

    /// Commits; on a full disk once more, with the room that was kept for this.
    async fn commit(&mut self, batch: &mut [Box<dyn Request>]) -> Result<(), Failed> {
        match self.attempt(batch).await {
            Err(Failed::Before(Error::Full) | Failed::AtCommit(Error::Full))
                if self.reserve.give_up() =>
            {
                self.attempt(batch).await
            }
            outcome => outcome,
        }
    }

    /// Commits on the connection that is kept, which lasts until something goes wrong with it.
    async fn attempt(&mut self, batch: &mut [Box<dyn Request>]) -> Result<(), Failed> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await.map_err(|e| Failed::Before(e.into()))?,
        };
        transact(&mut connection, self.begin, batch).await?;
        self.connection = Some(connection).filter(|_| self.at_once.is_some());
        Ok(())
    }
}

/// Carries out what can be on the quick way, as one transaction, and answers it; gives back the rest.
/// Where something goes wrong that is everything: the other way says what it is.
fn carry_out_quickly(connection: &mut Connection, mut batch: Batch) -> Batch {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let Ok(transaction) = begun else { return batch };
    let done = batch.iter_mut().map(|request| request.run_quick(&transaction));
    let Ok(done) = done.collect::<Result<Vec<bool>, Error>>() else { return batch };
    let outcome = transaction.commit().map_err(Error::from);
    if let Err(Error::Full) = outcome {
        return batch;
    }
    let mut rest = Batch::new();
    for (request, is_done) in batch.into_iter().zip(done) {
        if is_done {
            request.answer(outcome.clone());
        } else {
            rest.push(request);
        }
    }
    rest
}

fn answer_all(batch: Batch, outcome: Result<(), Failed>) {
    let outcome = outcome.map_err(|(Failed::Before(e) | Failed::AtCommit(e))| e);
    batch.into_iter().for_each(|request| request.answer(outcome.clone()));
}

async fn transact(
    connection: &mut PoolConnection<Any>,
    begin: &'static str,
    batch: &mut [Box<dyn Request>],
) -> Result<(), Failed> {
    let began = connection.begin_with(begin).await;
    let mut transaction = began.map_err(|e| Failed::Before(e.into()))?;
    let mut failure = None;
    for request in batch.iter_mut() {
        if let Err(error) = request.run(&mut transaction).await {
            failure = Some(error);
            break;
        }
    }
    let Some(error) = failure else {
        let done = transaction.commit().await;
        if done.is_err() {
            // The connection's idea of the transaction can no longer be trusted.
            connection.close_on_drop();
        }
        return done.map_err(|e| Failed::AtCommit(e.into()));
    };
    if transaction.rollback().await.is_err() {
        connection.close_on_drop();
    }
    Err(Failed::Before(error))
}
