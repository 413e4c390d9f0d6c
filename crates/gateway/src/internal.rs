//! The host `errand.internal`, answered by the gateway itself.

use crate::attach::Attachment;
use crate::reply::{self, Body};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

/// Answers a request to the internal host.
pub(crate) async fn answer(request: Request<Incoming>, attachment: &Attachment) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if let Some(rest) = path.strip_prefix("/git/") {
        crate::git_endpoint::answer(request, rest, attachment).await
    } else if let Some(rest) = path.strip_prefix("/dependencies/") {
        crate::dependency::answer(request, rest, attachment).await
    } else if let Some(rest) = path.strip_prefix("/model/") {
        crate::model_endpoint::answer(request, rest, attachment).await
    } else {
        reply::words(StatusCode::NOT_FOUND, "Errand has nothing at this address.")
    }
}
