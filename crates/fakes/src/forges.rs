//! Hosts of repositories with pull requests: real HTTP over real git, state in memory.
//!
//! [`ForgeHost`] is one host; its root answers git, the host's own API lies where the real one has
//! it. [`hall`] is what all kinds share, one module each puts it into that host's words,
//! [`deliveries`] makes what such a host sends by itself. A [`Fault`] strikes the n-th request from now.

pub mod hall;
pub mod deliveries;
mod ask;
mod bare;
mod exchange;
mod fault;
mod github;
mod gitea;
mod gitlab;
mod bitbucket;

pub use exchange::Exchange;
pub use fault::{Carried, Fault};

use crate::git_host::backend;
use ask::{Ask, Reply};
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fault::Faults;
use hall::{Hall, Right};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Bytes of one request to an API.
const REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Whose words a host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GitHub Enterprise Server.
    Github,
    /// Gitea or Forgejo.
    Gitea,
    /// GitLab.
    Gitlab,
    /// Bitbucket Cloud.
    Bitbucket,
}

/// A host that is being served; ends when dropped.
pub struct ForgeHost {
    /// Where it listens.
    pub address: SocketAddr,
    inner: Arc<Inner>,
    _serving: JoinSet<()>,
}

struct Inner {
    kind: Kind,
    address: SocketAddr,
    folder: PathBuf,
    hall: Mutex<Hall>,
    faults: Mutex<Faults>,
    asked: Mutex<Vec<String>>,
    exchanges: Mutex<Vec<Exchange>>,
    hung: Notify,
}

impl ForgeHost {
    /// Serves the bare repositories below a folder, each at `owner/name.git`, on a free port.
    pub async fn start(kind: Kind, folder: PathBuf) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            kind,
            address,
            hall: Mutex::new(Hall::new(kind, folder.clone())),
            folder,
            faults: Mutex::default(),
            asked: Mutex::default(),
            exchanges: Mutex::default(),
            hung: Notify::new(),
        });
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, inner.clone()));
        Ok(Self { address, inner, _serving: serving })
    }

    /// Its address as people write it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at what it knows, or changes it behind everybody's back.
    pub fn with<T>(&self, look: impl FnOnce(&mut Hall) -> T) -> T {
        look(&mut lock(&self.inner.hall))
    }

    /// Methods and paths of all requests to the API, in order.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.inner.asked).clone()
    }

    /// Requests that were carried out and their answers, in order; those that a fault struck are left out.
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.inner.exchanges).clone()
    }

    /// Has a fault strike the request that follows after `skipped` others.
    pub fn strike(&self, skipped: usize, fault: Fault) {
        lock(&self.inner.faults).plan(skipped, fault);
    }

    /// Carries out what is still on its way, and forgets faults that did not strike.
    pub fn settle(&self) {
        let late = lock(&self.inner.faults).settle();
        for ask in late {
            self.inner.carry_out(&ask);
        }
    }

    /// Returns once a request hangs.
    pub async fn hung(&self) {
        self.inner.hung.notified().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { break };
        let inner = inner.clone();
        connections.spawn(async move {
            let service = service_fn(|request| inner.answer(request));
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "a connection to the fake forge ended");
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Inner {
    /// An error closes the connection without an answer.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let path = request.uri().path();
        if path.contains(".git/") {
            return self.answer_git(request.map(Body::new)).await;
        }
        let (parts, body) = request.into_parts();
        lock(&self.asked).push(format!("{} {}", parts.method, parts.uri.path()));
        let body = to_bytes(Body::new(body), REQUEST_BYTES).await.map_err(io::Error::other)?;
        let ask = Ask::new(&parts, &body, self.address);
        let (fault, due) = lock(&self.faults).next(&ask);
        for late in due {
            self.carry_out(&late);
        }
        self.struck(&ask, fault).await
    }

    async fn struck(&self, ask: &Ask, fault: Option<Fault>) -> io::Result<Response<Body>> {
        let gone = || io::Error::other("the answer is lost on purpose");
        let maybe = |carried: Carried| {
            if carried == Carried::Yes {
                self.carry_out(ask);
            }
        };
        match fault {
            None => {
                let reply = self.carry_out(ask);
                lock(&self.exchanges).push(Exchange::new(ask, &reply));
                Ok(reply.into_response())
            }
            Some(Fault::Duplicated) => {
                self.carry_out(ask);
                Ok(self.carry_out(ask).into_response())
            }
            Some(Fault::Lost(carried)) => {
                maybe(carried);
                Err(gone())
            }
            Some(Fault::Late { .. }) => Err(gone()),
            Some(Fault::Failed(carried)) => {
                maybe(carried);
                Ok(Reply::plain(500, "Internal Server Error").into_response())
            }
            Some(Fault::Hung(carried)) => {
                maybe(carried);
                self.hung.notify_one();
                std::future::pending().await
            }
            Some(Fault::Limited { wait_s }) => Ok(Reply::limited(wait_s).into_response()),
        }
    }

    fn carry_out(&self, ask: &Ask) -> Reply {
        let mut hall = lock(&self.hall);
        match self.kind {
            Kind::Github => github::answer(&mut hall, ask),
            Kind::Gitea => gitea::answer(&mut hall, ask),
            Kind::Gitlab => gitlab::answer(&mut hall, ask),
            Kind::Bitbucket => bitbucket::answer(&mut hall, ask),
        }
    }

    async fn answer_git(&self, request: Request<Body>) -> io::Result<Response<Body>> {
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let basic = header.and_then(|value| value.strip_prefix("Basic "));
        let basic = basic.and_then(|packed| STANDARD.decode(packed).ok());
        let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok());
        let basic = basic.as_deref().and_then(|pair| pair.split_once(':'));
        let bearer = header.and_then(|value| value.strip_prefix("Bearer "));
        let token = basic.map(|(_, password)| password).or(bearer).unwrap_or_default();
        let writes = request.uri().to_string().contains("git-receive-pack");
        let needed = if writes { Right::Write } else { Right::Read };
        let refused = {
            let hall = lock(&self.hall);
            hall.whose(token).is_none_or(|login| hall.right(login) < needed)
        };
        if refused {
            let answer = Response::builder()
                .status(StatusCode::UNAUTHORIZED)
                .header("www-authenticate", "Basic realm=\"git\"");
            return answer.body(Body::empty()).map_err(io::Error::other);
        }
        backend(&self.folder, request).await
    }
}
