//! What a sandbox is told where a request to AWS is not carried out: the form that SDKs read an error from.

use crate::attach::{Attachment, Rules};
use crate::far::Origin;
use crate::heads::Problem;
use crate::reply::{self, Body};
use http::{HeaderValue, Request, Response, StatusCode, header};

/// How a service tells errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// S3.
    Bare,
    /// Those that are asked by forms.
    Nested,
    /// All others.
    Json,
}

/// In which form to answer; none: the host is not AWS's, or no role is there.
pub(crate) fn form<B>(request: &Request<B>, origin: &Origin, rules: &Rules) -> Option<Form> {
    let role = rules.aws.as_ref()?;
    if !role.covers(&origin.target, origin.scheme) {
        return None;
    }
    let headers = request.headers();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default();
    Some(if kind.starts_with("application/x-www-form-urlencoded") {
        Form::Nested
    } else if headers.contains_key("x-amz-target") || kind.contains("json") {
        Form::Json
    } else {
        Form::Bare
    })
}

/// The answer; a denial is reported, too.
pub(crate) async fn problem(
    problem: Problem,
    form: Form,
    attachment: &Attachment,
) -> Response<Body> {
    let words = match &problem {
        Problem::Denied(denial) => denial.words.clone(),
        Problem::Answer(_, words) => words.clone(),
    };
    let plain = reply::problem(problem, attachment).await;
    let code = match plain.status() {
        StatusCode::FORBIDDEN => "AccessDenied",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        _ => "InvalidRequest",
    };
    let (kind, text) = written(form, code, &words);
    let (mut head, _) = plain.into_parts();
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    head.headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
    Response::from_parts(head, reply::full(text))
}

fn written(form: Form, code: &str, words: &str) -> (&'static str, String) {
    let xml = "application/xml";
    let message = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    match form {
        Form::Bare => (xml, format!("<?xml version=\"1.0\"?><Error>{error}</Error>")),
        Form::Nested => {
            let whole = format!(
                "<?xml version=\"1.0\"?><ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
            );
            (xml, whole)
        }
        Form::Json => {
            let body = serde_json::json!({ "__type": code, "message": words });
            ("application/json", body.to_string())
        }
    }
}
