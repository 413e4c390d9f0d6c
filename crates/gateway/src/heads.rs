//! What the head of a request must be, whatever door it came through. Every request is parsed by hyper, judged, and
//! written anew by hyper: no byte of a head is passed through, so two parsers cannot disagree about where it ends.

use crate::host::{Authority, BadHost};
use crate::pattern::Ask;
use crate::policy::{Denial, bad_host_denial};
use http::{HeaderMap, HeaderName, Request, StatusCode, Version, header};
use hyper::body::Incoming;

/// Bytes of a request's head.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Header lines of a request.
pub const HEADERS: usize = 100;
/// Headers that belong to one connection and are never passed on.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
/// Those without a constant of their own.
const HOP_BY_HOP_OLD: [&str; 2] = ["keep-alive", "proxy-connection"];

/// Headers by which some hosts carry out another method than the request's.
const OTHER_METHOD: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
/// And another path.
const OTHER_PATH: [&str; 2] = ["x-original-url", "x-rewrite-url"];

/// Why a request is not carried out.
#[derive(Clone)]
pub(crate) enum Problem {
    /// Denied by policy or floor; reported.
    Denied(Denial),
    /// Malformed or failed: a status and plain words.
    Answer(StatusCode, String),
}

impl Problem {
    pub(crate) fn bad(text: &str) -> Self {
        Self::Answer(StatusCode::BAD_REQUEST, format!("Errand refused the request: {text}."))
    }

    /// Text that is no host.
    pub(crate) fn no_host(given: &str, reason: BadHost) -> Self {
        Self::Denied(bad_host_denial(given, reason))
    }
}

/// Refuses a head that is too large or that two readers could read as two different requests.
pub(crate) fn check(request: &Request<Incoming>) -> Result<(), Problem> {
    check_size(request)?;
    check_framing(request)
}

/// hyper's own limit is that of its buffer, which may grow a little past it.
fn check_size(request: &Request<Incoming>) -> Result<(), Problem> {
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if lines.sum::<usize>() <= HEAD_BYTES {
        return Ok(());
    }
    let text = format!("Errand refused the request: its head is larger than {HEAD_BYTES} bytes.");
    Err(Problem::Answer(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text))
}

/// Whatever two readers could read as two different lengths is refused.
fn check_framing(request: &Request<Incoming>) -> Result<(), Problem> {
    let headers = request.headers();
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(_), Some(_)) => Err(Problem::bad("more than one transfer coding")),
        (Some(_), None) if headers.contains_key(header::CONTENT_LENGTH) => {
            Err(Problem::bad("both a length and a transfer coding"))
        }
        (Some(coding), None) if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Err(Problem::bad("a transfer coding other than chunked"))
        }
        (Some(_), None) if request.version() != Version::HTTP_11 => {
            Err(Problem::bad("a transfer coding in HTTP/1.0"))
        }
        (Some(_), None) => Ok(()),
    }
}

/// The hosts that a request names in its address and in its header, which must be one.
pub(crate) fn named(
    request: &Request<Incoming>,
    default_port: Option<u16>,
) -> Result<Option<Authority>, Problem> {
    let parse = |text: &str, port| {
        Authority::parse(text, port).map_err(|reason| Problem::no_host(text, reason))
    };
    let in_header = host_header(request)?;
    let Some(authority) = request.uri().authority() else {
        return in_header.map(|host| parse(host, default_port)).transpose();
    };
    let target = parse(authority.as_str(), default_port)?;
    let port = Some(default_port.unwrap_or(target.port));
    if let Some(host) = in_header
        && parse(host, port)? != target
    {
        return Err(Problem::bad("the Host header and the address name different hosts"));
    }
    Ok(Some(target))
}

/// The host that a request names, which it must.
pub(crate) fn host(
    request: &Request<Incoming>,
    default_port: Option<u16>,
) -> Result<Authority, Problem> {
    named(request, default_port)?.ok_or_else(|| Problem::bad("the Host header is missing"))
}

/// The one Host header, if there is one.
fn host_header(request: &Request<Incoming>) -> Result<Option<&str>, Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let Some(first) = hosts.next() else { return Ok(None) };
    if hosts.next().is_some() {
        return Err(Problem::bad("more than one Host header"));
    }
    first.to_str().map(Some).map_err(|_| Problem::bad("the Host header is malformed"))
}

/// Removes what belongs to one connection.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        // Nobody may have a length or a host removed by calling it a connection's own.
        .filter(|name| name != header::CONTENT_LENGTH && name != header::HOST)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    for name in HOP_BY_HOP_OLD {
        headers.remove(name);
    }
}

/// What else than this a host may read in a request: all of it has to be allowed.
pub(crate) fn readings<'a>(headers: &'a HeaderMap, ask: Ask<'a>) -> Vec<Ask<'a>> {
    let of = |names: &[&str]| {
        let values = names.iter().flat_map(|name| headers.get_all(*name));
        values.map(|value| value.to_str().unwrap_or_default().trim()).collect::<Vec<_>>()
    };
    let methods = of(&OTHER_METHOD).into_iter().map(|method| Ask { method, ..ask });
    let paths = of(&OTHER_PATH).into_iter().map(|path| {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        Ask { path, ..ask }
    });
    methods.chain(paths).collect()
}

/// Whether a request asks to become a WebSocket.
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}
