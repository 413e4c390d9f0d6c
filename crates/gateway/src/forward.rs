//! One request on its way to a host that was judged: written anew, with real values in place of placeholders, and its
//! answer back without them.

use crate::attach::{Attachment, Rules};
use crate::audit::{GrantName, Report};
use crate::aws::{self, exchange::Resigning};
use crate::bodies::Carried;
use crate::far::Origin;
use crate::grant::Exchange;
use crate::heads::{self, Problem};
use crate::host::Authority;
use crate::pattern::Ask;
use crate::policy::{Access, Carries, DenialCode, Permit, credential_denial, denial};
use crate::reading::{self, Whose};
use crate::reply::Body;
use crate::swap::Swaps;
use crate::unpack::{Packing, Unpacked};
use crate::websocket;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Judges a request to a host, sends it, and passes the answer back.
pub(crate) async fn forward(
    request: Request<Incoming>,
    origin: &Origin,
    is_h2: bool,
    attachment: &Attachment,
) -> Result<Response<Body>, Problem> {
    if !reading::is_over(attachment)
        && let Some(whose) = whose(&request, origin, attachment)
    {
        reading::note(&origin.target, whose, attachment).await?;
    }
    let outward = attachment.outward();
    let rules = attachment.rules();
    let form = aws::told::form(&request, origin, &rules);
    match (carried(request, origin, is_h2, (attachment, &rules), outward).await, form) {
        (Err(problem), Some(form)) => Ok(aws::told::problem(problem, form, attachment).await),
        (answered, _) => answered,
    }
}

async fn carried(
    mut request: Request<Incoming>,
    origin: &Origin,
    is_h2: bool,
    (attachment, rules): (&Attachment, &Rules),
    outward: CancellationToken,
) -> Result<Response<Body>, Problem> {
    let target = &origin.target;
    let is_websocket = heads::is_websocket(request.headers());
    let near = is_websocket.then(|| hyper::upgrade::on(&mut request));
    let (mut head, body) = request.into_parts();
    let ask = asked(&head.method, &head.uri, origin, is_websocket);
    let permit = rules.policy.judge(target, Access::Request(&ask)).map_err(Problem::Denied)?;
    for ask in heads::readings(&head.headers, ask) {
        rules.policy.judge(target, Access::Request(&ask)).map_err(Problem::Denied)?;
    }
    let (resigning, permit) =
        aws::exchange::judge(rules, &head, (target, &ask), permit).map_err(Problem::Denied)?;
    rewrite(&mut head, origin, is_h2, is_websocket)?;
    if permit.registry && !body.is_end_stream() {
        return Err(Problem::Denied(denial(target, DenialCode::MethodNotAllowed)));
    }
    let is_little = permit.carries == Carries::Little;
    if is_little && !body.is_end_stream() {
        return Err(not_carried(rules, target));
    }
    if permit.registry || is_little {
        attachment.budget.take_head(target, &head).map_err(Problem::Denied)?;
    }
    let head_bytes = head_bytes(&head);
    attachment.budget.take(target, head_bytes).map_err(Problem::Denied)?;
    let exchange = exchanged(
        &mut head,
        body,
        (origin, permit),
        (resigning, is_websocket),
        (attachment, rules),
    );
    let Exchanged { body, swaps, used, scrub } = Box::pin(exchange).await?;
    let has_grant = !used.is_empty() || swaps.is_some();
    if permit.carries == Carries::WithGrant && !has_grant {
        return Err(not_carried(rules, target));
    }
    // What goes to the account of a grant goes on, whatever is closed.
    let outward = if has_grant { CancellationToken::new() } else { outward };
    let report = attachment.report(target, Some(head.method.as_str().to_owned()));
    report.used(used);
    address(&mut head, origin, is_h2)?;
    let budget = Arc::clone(&attachment.budget);
    let (body, denied) =
        Carried::out(body, swaps, (target, outward.clone()), budget, Arc::clone(&report));
    let outgoing = Request::from_parts(head, body.boxed_unsync());
    let mut response = match origin.send(outgoing, (&report, head_bytes), attachment).await {
        Ok(response) => response,
        Err(problem) => return Err(denied.get().cloned().map_or(problem, Problem::Denied)),
    };
    report.answered(response.status().as_u16());
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(near)) = (response.status(), near) {
        return websocket::join(near, &mut response, target, (report, outward), attachment);
    }
    answer(response, &scrub, report, target)
}

/// Whose text the answer will be, if it may be asked for.
fn whose(request: &Request<Incoming>, origin: &Origin, attachment: &Attachment) -> Option<Whose> {
    let is_websocket = heads::is_websocket(request.headers());
    let ask = asked(request.method(), request.uri(), origin, is_websocket);
    let permit = attachment.rules().policy.judge(&origin.target, Access::Request(&ask)).ok()?;
    Some(if permit.registry { Whose::Registry } else { Whose::Host })
}

fn asked<'a>(method: &'a Method, uri: &'a Uri, origin: &Origin, websocket: bool) -> Ask<'a> {
    Ask { scheme: origin.scheme, method: method.as_str(), path: uri.path(), websocket }
}

/// A request that would carry more than is allowed where ways out are closed.
fn not_carried(rules: &Rules, target: &Authority) -> Problem {
    rules.policy.why_closed().map_or_else(
        || Problem::bad("it carries more than it may"),
        |closed| Problem::Denied(closed.denial(target)),
    )
}

/// What goes out in place of what came, and what is to be done with the answer.
struct Exchanged {
    body: Body,
    swaps: Option<(Swaps, Vec<GrantName>)>,
    used: Vec<GrantName>,
    scrub: Scrub,
}

/// What is taken out of an answer.
enum Scrub {
    Nothing,
    /// Values of grants.
    Values(Swaps),
    /// What was sent of a role's keys.
    ///
    /// TRUST: worth nothing without the secret key, which was not sent. So answers may be had in part or packed, as
    /// objects are, and whoever asks for one byte after the other gains nothing.
    Keys(Swaps),
}

impl Scrub {
    const fn swaps(&self) -> Option<&Swaps> {
        match self {
            Self::Nothing => None,
            Self::Values(swaps) | Self::Keys(swaps) => Some(swaps),
        }
    }
}

/// Puts credentials in: values of grants, and a role's signature.
async fn exchanged(
    head: &mut Parts,
    body: Incoming,
    (origin, permit): (&Origin, Permit),
    (resigning, is_websocket): (Option<Resigning>, bool),
    (attachment, rules): (&Attachment, &Rules),
) -> Result<Exchanged, Problem> {
    let target = &origin.target;
    if let Some(resigning) = &resigning {
        resigning.take_out(head)?;
    }
    let Exchange { mut used, body: swaps, scrub } =
        rules.grants.exchange(target, origin.scheme, permit, head).map_err(Problem::Denied)?;
    if (scrub.is_some() || resigning.is_some()) && is_websocket {
        let words = "grants are not exchanged in requests for a WebSocket".to_owned();
        let code = DenialCode::GrantNotForHost;
        return Err(Problem::Denied(credential_denial(target, code, words)));
    }
    if scrub.is_some() || resigning.is_some() {
        // Only what can be read can be looked through.
        head.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if scrub.is_some() {
        head.headers.remove(header::RANGE);
    }
    if swaps.is_some() && is_packed(&head.headers) {
        return Err(Problem::bad("a packed body cannot have placeholders exchanged in it"));
    }
    let scrub = scrub.map_or(Scrub::Nothing, Scrub::Values);
    let Some(resigning) = resigning else {
        let body = body.map_err(Into::into).boxed_unsync();
        return Ok(Exchanged { body, swaps, used, scrub });
    };
    let (body, keys) = resigning.seal(head, body, target, attachment).await?;
    used.push(resigning.name());
    // What a grant puts in is worth more than what is sent of keys. The body is signed as it came.
    let scrub = match (scrub, keys) {
        (Scrub::Nothing, Some(keys)) => Scrub::Keys(keys),
        (scrub, _) => scrub,
    };
    Ok(Exchanged { body, swaps: None, used, scrub })
}

/// Removes what belongs to the connection to us, and what would lead around us.
pub(crate) fn rewrite(
    head: &mut Parts,
    origin: &Origin,
    is_h2: bool,
    is_websocket: bool,
) -> Result<(), Problem> {
    if head.method == Method::CONNECT {
        return Err(Problem::bad("a tunnel inside a tunnel"));
    }
    let has_trailers =
        is_h2 && head.headers.get(header::TE).is_some_and(|te| te.as_bytes() == b"trailers");
    heads::strip(&mut head.headers);
    // The body's own framing decides, so that there is exactly one.
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.remove(header::EXPECT);
    if has_trailers {
        head.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if is_websocket {
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    let host = HeaderValue::try_from(origin.target.header(origin.scheme.port()))
        .map_err(|_| Problem::bad("the host is malformed"))?;
    head.headers.insert(header::HOST, host);
    Ok(())
}

/// Gives the request the address that its version wants.
pub(crate) fn address(head: &mut Parts, origin: &Origin, is_h2: bool) -> Result<(), Problem> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let malformed = |_| Problem::bad("the path is malformed");
    if is_h2 {
        head.headers.remove(header::HOST);
        let host = origin.target.header(origin.scheme.port());
        let whole = format!("{}://{host}{path}", origin.scheme.as_str());
        head.uri = Uri::try_from(whole).map_err(malformed)?;
        head.version = Version::HTTP_2;
    } else {
        head.uri = Uri::try_from(path).map_err(malformed)?;
        head.version = Version::HTTP_11;
    }
    Ok(())
}

/// About what a head takes on the wire.
fn head_bytes(head: &Parts) -> u64 {
    let lines = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let path = head.uri.path_and_query().map_or(1, |path| path.as_str().len());
    (head.method.as_str().len() + path + lines.sum::<usize>()) as u64
}

fn is_packed(headers: &HeaderMap) -> bool {
    Packing::of(headers) != Packing::None
}

fn answer(
    response: Response<Incoming>,
    scrub: &Scrub,
    report: Arc<Report>,
    target: &Authority,
) -> Result<Response<Body>, Problem> {
    let (mut head, body) = response.into_parts();
    heads::strip(&mut head.headers);
    // Another way to the host that leads around us.
    head.headers.remove("alt-svc");
    let packing = Packing::of(&head.headers);
    if let Scrub::Values(_) = scrub {
        if packing == Packing::Other {
            let text = format!(
                "Errand did not pass on what {target} answered: it was packed although that was not asked for, and \
                 neither with gzip nor with deflate, so it could not be looked through for the value of a grant."
            );
            return Err(Problem::Answer(StatusCode::BAD_GATEWAY, text));
        }
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.remove(header::CONTENT_ENCODING);
    }
    let swaps = scrub.swaps();
    for value in head.headers.values_mut() {
        if let Some(swaps) = swaps.filter(|swaps| swaps.touches(value.as_bytes())) {
            *value = HeaderValue::from_bytes(&swaps.all(value.as_bytes()))
                .unwrap_or_else(|_| HeaderValue::from_static("removed"));
        }
    }
    head.version = Version::HTTP_11;
    let body = match (scrub, packing) {
        (Scrub::Values(swaps), Packing::Gzip | Packing::Deflate) => {
            let unpacked = Unpacked::new(body, packing);
            let unpacked = unpacked.ok_or_else(|| Problem::bad("the answer cannot be unpacked"))?;
            Carried::back(unpacked, Some(swaps), report).boxed_unsync()
        }
        (_, Packing::None) => Carried::back(body, swaps, report).boxed_unsync(),
        (_, Packing::Gzip | Packing::Deflate | Packing::Other) => {
            Carried::back(body, None, report).boxed_unsync()
        }
    };
    Ok(Response::from_parts(head, body))
}
