//! One request that was signed with a sandbox's own key: checked, and signed anew with the credentials of its role.
//!
//! The sandbox's signature is computed again. That tells how the service reads paths, without a list of services, and
//! that what is signed anew is what was signed.

use super::presented::{self, At, Signed, TOKEN};
use super::sign::{self, ALGORITHM, Canonical, PathReading, UNSIGNED, pairs};
use super::{Keys, Role, handed_out, place};
use crate::attach::{Attachment, Rules};
use crate::audit::GrantName;
use crate::heads::Problem;
use crate::host::Authority;
use crate::pattern::Ask;
use crate::policy::{Access, Denial, DenialCode, Permit, credential_denial};
use crate::reply::Body;
use crate::swap::Swaps;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use protocol::limits::AWS_BODY_BYTES;
use secrecy::ExposeSecret as _;
use std::sync::Arc;

/// Headers that belong to a connection, or that are changed here; a signature that covered them would break.
const UNSTABLE: [&str; 7] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "te",
    "transfer-encoding",
    "user-agent",
];

/// A request that is to be signed anew.
pub(crate) struct Resigning {
    signed: Signed,
    role: Role,
}

/// What a request to AWS is: to be signed anew, or like any other, with what is then allowed.
pub(crate) fn judge(
    rules: &Rules,
    head: &Parts,
    (target, ask): (&Authority, &Ask<'_>),
    permit: Permit,
) -> Result<(Option<Resigning>, Permit), Denial> {
    let Some(role) = rules.aws.as_ref().filter(|role| role.covers(target, ask.scheme)) else {
        return Ok((None, permit));
    };
    let refused = |words: &str| unbound(target, words);
    match presented::read(head, target, ask.scheme).map_err(refused)? {
        Some(signed) if signed.key == role.inside.id => {
            if !role.is_endpoint(target, ask.scheme) {
                place::check(&target.host, &signed.scope).map_err(|words| refused(&words))?;
            }
            // TRUST: whose account it is follows from the signature, which is ours; keys that encrypt an object, and
            // the like, may stand beside it.
            let permit = Permit { credentials: true, ..permit };
            Ok((Some(Resigning { signed, role: role.clone() }), permit))
        }
        Some(signed) if permit.credentials || rules.grants.is_plain(&signed.key) => {
            Ok((None, permit))
        }
        Some(_) => {
            let words = format!(
                "it is signed with a key that is not of this sandbox: use what stands in AWS_ACCESS_KEY_ID, which acts \
                 under the role of {}, or allow \"{} +credentials\"",
                role.name.name, target.host
            );
            Err(credential_denial(target, DenialCode::ForeignCredential, words))
        }
        // TRUST: without a signature it is nobody's request, and could go to anybody's account.
        None => Ok((None, role.otherwise.judge(target, Access::Request(ask))?)),
    }
}

fn unbound(target: &Authority, words: &str) -> Denial {
    credential_denial(target, DenialCode::GrantNotForHost, words.to_owned())
}

impl Resigning {
    /// The secret that names the role.
    pub(crate) fn name(&self) -> GrantName {
        self.role.name.clone()
    }

    /// Takes out of a request what it authenticates by.
    pub(crate) fn take_out(&self, head: &mut Parts) -> Result<(), Problem> {
        self.signed.take_out(head).ok_or_else(|| Problem::bad("its query cannot be read"))
    }

    /// Signs it with the role's credentials, and says what has to be taken out of the answer.
    pub(crate) async fn seal(
        &self,
        head: &mut Parts,
        body: Incoming,
        target: &Authority,
        attachment: &Attachment,
    ) -> Result<(Body, Option<Swaps>), Problem> {
        let denied = |words: &str| Problem::Denied(unbound(target, words));
        let (body, payloads) = self.payloads(head, body, (target, attachment)).await?;
        let (reading, payload) = self.reading(head, &payloads).ok_or_else(|| {
            denied(
                "its signature does not fit: it was changed on the way, or is signed with another secret key than what \
                 stands in AWS_SECRET_ACCESS_KEY",
            )
        })?;
        let Some(roles) = &attachment.parts.roles else {
            return Err(denied("the server acts under no roles"));
        };
        let keys = roles.credentials(attachment.peer, &self.role).await.map_err(|refused| {
            let passes = StatusCode::SERVICE_UNAVAILABLE;
            let status = if refused.passes { passes } else { StatusCode::FORBIDDEN };
            let words = format!(
                "Errand could not act under the role of {}: {}",
                self.role.name.name, refused.words
            );
            Problem::Answer(status, words)
        })?;
        self.sign(head, (reading, payload), &keys)
            .ok_or_else(|| denied("it cannot be written anew"))?;
        Ok((body, keys.scrub(&self.role.inside)))
    }

    /// The body, read where its hash has to be known, and what may stand for it in the signature.
    async fn payloads(
        &self,
        head: &Parts,
        body: Incoming,
        (target, attachment): (&Authority, &Attachment),
    ) -> Result<(Body, Vec<String>), Problem> {
        let Signed { at, scope, query, payload, .. } = &self.signed;
        let check = |bytes: &[u8]| {
            handed_out::check(&scope.service, &head.headers, query, bytes)
                .map_err(|words| Problem::Denied(unbound(target, &words)))
        };
        let is_open = payload.is_some() || (*at == At::Query && scope.service == "s3");
        if is_open && !handed_out::is_in_body(&scope.service) {
            check(&[])?;
            let payload = payload.clone().unwrap_or_else(|| UNSIGNED.to_owned());
            return Ok((body.map_err(Into::into).boxed_unsync(), vec![payload]));
        }
        // Before the body is read: waiting requests take no memory.
        let slot = attachment.aws_slots.clone().acquire_owned().await;
        let slot = slot.map_err(|_| Problem::bad("the sandbox is closed"))?;
        let bytes = whole(body).await?;
        check(&bytes)?;
        let payloads = match payload {
            Some(payload) => vec![payload.clone()],
            None => vec![sign::hash(&bytes), UNSIGNED.to_owned()],
        };
        let body = Full::new(bytes).map_err(move |never| {
            let _held = &slot;
            match never {}
        });
        Ok((body.boxed_unsync(), payloads))
    }

    /// How path and body were read when the sandbox signed; none if it did not sign this.
    fn reading<'a>(&self, head: &Parts, payloads: &'a [String]) -> Option<(PathReading, &'a str)> {
        let Signed { scope, time, headers, query, signature, .. } = &self.signed;
        let secret = self.role.inside.secret.expose_secret();
        let mut all =
            PathReading::ALL.into_iter().flat_map(|way| payloads.iter().map(move |it| (way, it)));
        let fits = |(way, payload): &(PathReading, &String)| {
            let path = way.of(head.uri.path());
            let method = head.method.as_str();
            let request = Canonical { method, path: &path, query, headers, payload };
            sign::signature(secret, time, scope, &request) == *signature
        };
        all.find(fits).map(|(way, payload)| (way, payload.as_str()))
    }

    fn sign(
        &self,
        head: &mut Parts,
        (reading, payload): (PathReading, &str),
        keys: &Arc<Keys>,
    ) -> Option<()> {
        let Signed { at, scope, time, .. } = &self.signed;
        let token = keys.token.as_ref().map(|token| token.expose_secret());
        if *at == At::Header
            && let Some(token) = token
        {
            let mut value = HeaderValue::try_from(token).ok()?;
            value.set_sensitive(true);
            head.headers.insert(TOKEN, value);
        }
        let headers = self.headers(head);
        let query = head.uri.query().unwrap_or_default().to_owned();
        let query = match at {
            At::Header => query,
            At::Query => self.presigned(query, (&keys.id, token), &sign::names(&headers)),
        };
        let request = Canonical {
            method: head.method.as_str(),
            path: &reading.of(head.uri.path()),
            query: &pairs(&query),
            headers: &headers,
            payload,
        };
        let signature = sign::signature(keys.secret.expose_secret(), time, scope, &request);
        match at {
            At::Header => {
                let text = sign::authorization(&keys.id, scope, &headers, &signature);
                let mut value = HeaderValue::try_from(text).ok()?;
                value.set_sensitive(true);
                head.headers.insert(header::AUTHORIZATION, value);
            }
            At::Query => {
                let query = format!("{query}&X-Amz-Signature={signature}");
                head.uri = presented::with_query(head, &query)?;
            }
        }
        Some(())
    }

    /// What is signed: what was, as far as it is still there, and whatever is meant for AWS.
    fn headers(&self, head: &Parts) -> Vec<(String, String)> {
        let were = self.signed.headers.iter().map(|(name, _)| name.as_str());
        let own = head.headers.keys().map(http::HeaderName::as_str).filter(|name| {
            self.signed.at == At::Header && (name.starts_with("x-amz-") || *name == "content-type")
        });
        let mut names: Vec<&str> = were.chain(own).chain(["host"]).collect();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .filter(|name| !UNSTABLE.contains(name))
            .filter_map(|name| Some((name.to_owned(), presented::joined(&head.headers, name)?)))
            .collect()
    }

    fn presigned(&self, query: String, (id, token): (&str, Option<&str>), names: &str) -> String {
        let credential = format!("{id}/{}", self.signed.scope.text());
        let fields = [
            ("X-Amz-Algorithm", Some(ALGORITHM)),
            ("X-Amz-Credential", Some(credential.as_str())),
            ("X-Amz-Date", Some(self.signed.time.as_str())),
            ("X-Amz-SignedHeaders", Some(names)),
            ("X-Amz-Security-Token", token),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        fields.fold(query, |query, (name, value)| {
            let sign = if query.is_empty() { "" } else { "&" };
            format!("{query}{sign}{name}={}", sign::encoded(value))
        })
    }
}

async fn whole(body: Incoming) -> Result<Bytes, Problem> {
    let most = usize::try_from(AWS_BODY_BYTES).unwrap_or(usize::MAX);
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let words = format!(
                "Errand refused the request: its body is signed as a whole and larger than {most} bytes; larger ones go \
                 through S3."
            );
            Err(Problem::Answer(StatusCode::PAYLOAD_TOO_LARGE, words))
        }
        Err(error) => Err(Problem::bad(&format!("its body broke off ({error})"))),
    }
}
