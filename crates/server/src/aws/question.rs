//! A question to a service of AWS, asked as the server.

use super::base::Base;
use crate::clock::now_ms;
use gateway::aws::sign::{self, Canonical, Scope};
use jiff::Timestamp;
use model::http::HttpClient;
use protocol::limits::AWS_ROLE_MS;
use reqwest::StatusCode;
use secrecy::ExposeSecret as _;
use std::time::Duration;
use url::Url;

/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 * 1024;
/// Signs of an answer's code and message that are repeated.
pub(crate) const SHOWN: usize = 500;

/// Why a service did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The server has no keys of its own; why.
    NoBase(String),
    /// It refused, with a code and its words.
    Refused { code: String, message: String },
    /// It gave no answer, or none that can be read.
    Unanswered(String),
}

impl Failed {
    /// It may be better in a moment.
    pub(crate) const fn passes(&self) -> bool {
        match self {
            Self::Unanswered(_) => true,
            Self::NoBase(_) | Self::Refused { .. } => false,
        }
    }
}

/// What is sent.
pub(crate) struct Question<'a> {
    /// Where to.
    pub(crate) url: Url,
    /// Region and service.
    pub(crate) scope: (&'a str, &'a str),
    /// Headers, in lower case.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub(crate) body: String,
}

impl Question<'_> {
    /// Asks it; how it was answered.
    pub(crate) async fn ask(
        self,
        http: &HttpClient,
        base: &Base,
    ) -> Result<(StatusCode, String), Failed> {
        let unanswered = |error: &dyn std::fmt::Display| Failed::Unanswered(error.to_string());
        let headers = self.signed(base)?;
        let timeout = Duration::from_millis(AWS_ROLE_MS);
        let mut request = http.inner().post(self.url).timeout(timeout).body(self.body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut sent = request.send().await.map_err(|error| unanswered(&error.without_url()))?;
        let status = sent.status();
        let mut bytes = Vec::new();
        while bytes.len() < ANSWER_BYTES
            && let Some(piece) =
                sent.chunk().await.map_err(|error| unanswered(&error.without_url()))?
        {
            bytes.extend_from_slice(&piece);
        }
        bytes.truncate(ANSWER_BYTES);
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn signed(&self, Base(keys): &Base) -> Result<Vec<(String, String)>, Failed> {
        let time = Timestamp::from_millisecond(now_ms())
            .map_err(|error| Failed::Unanswered(format!("the time: {error}")))?
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port();
        let host = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let token = keys.token.as_ref().map(|token| token.expose_secret().to_owned());
        let own =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let dated = [("host".to_owned(), host), ("x-amz-date".to_owned(), time.clone())];
        let token = token.map(|token| ("x-amz-security-token".to_owned(), token));
        let mut headers: Vec<_> = own.chain(dated).chain(token).collect();
        headers.sort();
        let (region, service) = self.scope;
        let request = Canonical {
            method: "POST",
            path: self.url.path(),
            query: &[],
            headers: &headers,
            payload: &sign::hash(self.body.as_bytes()),
        };
        let scope = Scope::new(&time, region, service);
        let signature = sign::signature(keys.secret.expose_secret(), &time, &scope, &request);
        let value = sign::authorization(&keys.id, &scope, &headers, &signature);
        headers.retain(|(name, _)| name != "host");
        headers.push(("authorization".to_owned(), value));
        Ok(headers)
    }
}
