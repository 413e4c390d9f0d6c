//! Serves one connection of a sandbox: CONNECT, plain requests in absolute form, and the internal host.

use crate::attach::Attachment;
use crate::far::{Origin, Spoken};
use crate::forward;
use crate::heads::{self, Problem};
use crate::host::Authority;
use crate::internal;
use crate::opened::http1_builder;
use crate::pattern::Scheme;
use crate::policy::{HTTP_PORT, INTERNAL_HOST};
use crate::reply::{self, Body};
use crate::traffic::Counted;
use crate::tunnel::{self, Tunnel};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;

/// The tunnel that a CONNECT opened, run after hyper has let go of the connection.
type Slot = Arc<Mutex<Option<Tunnel>>>;

/// Serves a connection until it ends or idles.
pub(crate) async fn serve(stream: TcpStream, attachment: Arc<Attachment>) {
    let (counted, traffic) = Counted::new(stream);
    let idle = attachment.parts.idle;
    let work = async move {
        let slot = Slot::default();
        let service = service_fn({
            let (attachment, slot) = (attachment.clone(), slot.clone());
            move |request| answer(request, attachment.clone(), slot.clone())
        });
        let connection = http1_builder().serve_connection(TokioIo::new(counted), service);
        let served = connection.with_upgrades().await;
        if let Err(error) = served {
            tracing::debug!(%error, agent.id = %attachment.peer.agent, "a connection of a sandbox ended early");
        }
        let tunnel = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tunnel) = tunnel {
            tunnel::run(tunnel, &attachment).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = traffic.idle(idle) => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    attachment: Arc<Attachment>,
    slot: Slot,
) -> Result<Response<Body>, Infallible> {
    let answered = match route(&request) {
        Ok(Route::Internal) => Ok(internal::answer(request, &attachment).await),
        Ok(Route::Tunnel(target)) => {
            tunnel::open(request, target, &attachment).await.map(|tunnel| {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
                Response::new(reply::full(""))
            })
        }
        Ok(Route::Plain(target)) => {
            let origin = Origin::new(target, Scheme::Http, Spoken { h2: false, http11: true });
            Box::pin(forward::forward(request, &origin, false, &attachment)).await
        }
        Err(problem) => Err(problem),
    };
    Ok(match answered {
        Ok(response) => response,
        Err(problem) => reply::problem(problem, &attachment).await,
    })
}

enum Route {
    Internal,
    Tunnel(Authority),
    Plain(Authority),
}

fn route(request: &Request<Incoming>) -> Result<Route, Problem> {
    heads::check(request)?;
    if request.method() == Method::CONNECT {
        let target = heads::named(request, None)?
            .ok_or_else(|| Problem::bad("CONNECT without an address"))?;
        if target.host.name() == Some(INTERNAL_HOST) {
            return Err(Problem::bad("errand.internal is plain HTTP on port 80, without a tunnel"));
        }
        return Ok(Route::Tunnel(target));
    }
    if request.uri().scheme().is_some_and(|scheme| scheme != "http") {
        return Err(Problem::bad("only http addresses are forwarded; use CONNECT for https"));
    }
    let target = heads::host(request, Some(HTTP_PORT))?;
    match (target.host.name() == Some(INTERNAL_HOST), target.port) {
        (true, HTTP_PORT) => Ok(Route::Internal),
        (true, _) => Err(Problem::bad("errand.internal has port 80 only")),
        (false, _) if request.uri().authority().is_some() => Ok(Route::Plain(target)),
        (false, _) => Err(Problem::bad(
            "this is a proxy: it takes CONNECT and absolute addresses (set http_proxy and https_proxy)",
        )),
    }
}
