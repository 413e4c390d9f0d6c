//! The one writer: takes whatever waits, commits it as one transaction, answers after the commit.
//!
//! An idle writer commits a request at once; a busy one finds many waiting and pays one disk flush
//! for all of them, so batching needs no delay. Requests are independent: one that finds its
//! preconditions broken answers so *without having written*, which is why no savepoint is needed.
//! When the database itself objects, the batch is rolled back and each request tried alone.

use crate::at_once::AtOnce;
use crate::error::Error;
use crate::reserve::Reserve;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection};
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

/// The same as a transaction of its own on the quick way. None = not possible, nothing was written.
pub(crate) type Alone<T> = Box<dyn for<'c> FnMut(&'c AtOnce) -> Work<'c, Option<T>> + Send>;

trait Request: Send {
    fn run<'c>(&'c mut self, connection: &'c mut AnyConnection) -> Work<'c, ()>;
    /// The same as a transaction of its own; whether that was possible.
    fn run_alone<'c>(&'c mut self, lane: &'c AtOnce) -> Work<'c, bool>;
    fn answer(self: Box<Self>, outcome: Result<(), Error>);
}

struct Call<F, A, T> {
    work: F,
    alone: Option<Alone<T>>,
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

    fn run_alone<'c>(&'c mut self, lane: &'c AtOnce) -> Work<'c, bool> {
        Box::pin(async move {
            let Some(alone) = &mut self.alone else { return Ok(false) };
            self.value = alone(lane).await?;
            Ok(self.value.is_some())
        })
    }

    fn answer(self: Box<Self>, outcome: Result<(), Error>) {
        let Self { work, alone, after, value, reply } = *self;
        drop((work, alone));
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

    /// Like [`Self::write`]; `alone` is preferred when nobody else waits, and `after` runs once the
    /// commit is done, even if the caller has left.
    pub(crate) async fn write_then<F, A, T>(
        &self,
        work: F,
        alone: Option<Alone<T>>,
        after: A,
    ) -> Result<T, Error>
    where
        F: for<'c> FnMut(&'c mut AnyConnection) -> Work<'c, T> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = Box::new(Call { work, alone, after, value: None, reply });
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
    async fn settle(&mut self, mut batch: Vec<Box<dyn Request>>) {
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
        if let ([only], Some(lane)) = (&mut *batch, &self.at_once)
            && only.run_alone(lane).await.map_err(Failed::AtCommit)?
        {
            return Ok(());
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await.map_err(|e| Failed::Before(e.into()))?,
        };
        transact(&mut connection, self.begin, batch).await?;
        self.connection = Some(connection).filter(|_| self.at_once.is_some());
        Ok(())
    }
}

fn answer_all(batch: Vec<Box<dyn Request>>, outcome: Result<(), Failed>) {
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
