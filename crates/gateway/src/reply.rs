//! Answers of the gateway itself, as HTTP.

use crate::attach::Attachment;
use crate::heads::Problem;
use crate::witness;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

/// Header that carries the stable code of a denial.
pub(crate) const DENIED_HEADER: &str = "x-errand-denied";

/// The kind of every answer in plain words.
pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";

/// Anything that may go wrong while a body is sent.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// The body of every answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body that is all there.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// An answer in plain words.
pub(crate) fn words(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(full(format!("{text}\n")));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static(PLAIN);
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// What a sandbox is told of a problem; a denial is reported, too.
pub(crate) async fn problem(problem: Problem, attachment: &Attachment) -> Response<Body> {
    match problem {
        Problem::Denied(denial) => {
            witness::denied(&denial, attachment).await;
            denied(&denial)
        }
        Problem::Answer(status, text) => words(status, &text),
    }
}

/// A denial: 403, or 400 where the request itself is malformed.
fn denied(denial: &crate::policy::Denial) -> Response<Body> {
    use crate::policy::DenialCode;
    let status = match denial.code {
        DenialCode::BadHost => StatusCode::BAD_REQUEST,
        DenialCode::Offline
        | DenialCode::HostNotAllowed
        | DenialCode::PortNotAllowed
        | DenialCode::MethodNotAllowed
        | DenialCode::PathNotAllowed
        | DenialCode::WebsocketNotAllowed
        | DenialCode::ForeignCredential
        | DenialCode::GrantNotForHost
        | DenialCode::FlowClosed
        | DenialCode::FlowWaiting
        | DenialCode::UploadBudget
        | DenialCode::AddressNotAllowed
        | DenialCode::NameMismatch
        | DenialCode::ModelNotAllowed
        | DenialCode::BudgetExhausted => StatusCode::FORBIDDEN,
    };
    let mut response = words(status, &denial.words);
    let code = HeaderValue::from_static(denial.code.as_str());
    response.headers_mut().insert(DENIED_HEADER, code);
    response
}
