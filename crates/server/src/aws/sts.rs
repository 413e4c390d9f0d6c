//! The two questions that STS is asked.

use super::base::Base;
use crate::clock::now_ms;
use crate::config::AwsConfig;
use gateway::aws::Keys;
use gateway::aws::sign::{self, Canonical, Scope};
use jiff::Timestamp;
use model::http::HttpClient;
use protocol::limits::AWS_ROLE_MS;
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use url::form_urlencoded::Serializer;

/// The version of its API.
const VERSION: &str = "2011-06-15";
/// What it is asked with.
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 * 1024;
/// Signs of an answer's code and message that are repeated.
const SHOWN: usize = 500;

/// Why STS did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    /// The server has no keys of its own; why.
    NoBase(String),
    /// It refused, with a code and its words.
    Refused { code: String, message: String },
    /// It gave no answer, or none that can be read.
    Unanswered(String),
}

impl Failed {
    /// It may be better in a moment.
    pub(super) const fn passes(&self) -> bool {
        match self {
            Self::Unanswered(_) => true,
            Self::NoBase(_) | Self::Refused { .. } => false,
        }
    }
}

/// A role's credentials.
pub(super) struct Assumed {
    pub(super) keys: Arc<Keys>,
    pub(super) expires_ms: i64,
}

/// STS, asked as the server.
pub(super) struct Sts<'a> {
    pub(super) config: &'a AwsConfig,
    pub(super) http: &'a HttpClient,
    pub(super) base: Base,
}

impl Sts<'_> {
    /// Acts under a role.
    pub(super) async fn assume(
        &self,
        arn: &str,
        session: &str,
        external_id: &str,
        seconds: u32,
    ) -> Result<Assumed, Failed> {
        let seconds = seconds.to_string();
        let answer = self
            .ask(&[
                ("Action", "AssumeRole"),
                ("Version", VERSION),
                ("RoleArn", arn),
                ("RoleSessionName", session),
                ("ExternalId", external_id),
                ("DurationSeconds", &seconds),
            ])
            .await?;
        let text = |name: &str| {
            let missing = || Failed::Unanswered(format!("the answer of STS has no {name}"));
            text(&answer, name).ok_or_else(missing)
        };
        let until: Timestamp = text("Expiration")?.parse().map_err(|error| {
            Failed::Unanswered(format!("the end of the role's session: {error}"))
        })?;
        let (secret, token) = (text("SecretAccessKey")?, text("SessionToken")?);
        let keys = Keys::new(text("AccessKeyId")?, secret.into(), Some(token.into()));
        Ok(Assumed { keys: Arc::new(keys), expires_ms: until.as_millisecond() })
    }

    /// Who the server is, as a trust policy names it.
    pub(super) async fn caller(&self) -> Result<String, Failed> {
        let answer = self.ask(&[("Action", "GetCallerIdentity"), ("Version", VERSION)]).await?;
        let missing = || Failed::Unanswered("the answer of STS has no Arn".to_owned());
        Ok(principal(&text(&answer, "Arn").ok_or_else(missing)?))
    }

    async fn ask(&self, fields: &[(&str, &str)]) -> Result<String, Failed> {
        let unanswered = |error: &dyn std::fmt::Display| Failed::Unanswered(error.to_string());
        let url = self.config.sts().map_err(|error| unanswered(&error))?;
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = self.signed(&url, &body)?;
        let mut request =
            self.http.inner().post(url).timeout(Duration::from_millis(AWS_ROLE_MS)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let sent = request.send().await.map_err(|error| unanswered(&error.without_url()))?;
        let status = sent.status();
        let bytes = sent.bytes().await.map_err(|error| unanswered(&error.without_url()))?;
        let shown = bytes.get(..bytes.len().min(ANSWER_BYTES)).unwrap_or_default();
        let answer = String::from_utf8_lossy(shown).into_owned();
        if status.is_success() {
            return Ok(answer);
        }
        let short = |name| text(&answer, name).map(|it| it.chars().take(SHOWN).collect::<String>());
        match (short("Code"), short("Message")) {
            (Some(code), message) if status.is_client_error() => {
                Err(Failed::Refused { code, message: message.unwrap_or_default() })
            }
            _ => Err(unanswered(&format_args!("it answered {status}"))),
        }
    }

    fn signed(&self, url: &Url, body: &str) -> Result<Vec<(String, String)>, Failed> {
        let Base(keys) = &self.base;
        let time = Timestamp::from_millisecond(now_ms())
            .map_err(|error| Failed::Unanswered(format!("the time: {error}")))?
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let token = keys.token.as_ref().map(|token| token.expose_secret().to_owned());
        let mut headers = vec![
            ("content-type".to_owned(), FORM.to_owned()),
            ("host".to_owned(), host),
            ("x-amz-date".to_owned(), time.clone()),
        ];
        headers.extend(token.map(|token| ("x-amz-security-token".to_owned(), token)));
        let request = Canonical {
            method: "POST",
            path: url.path(),
            query: &[],
            headers: &headers,
            payload: &sign::hash(body.as_bytes()),
        };
        let scope = Scope::new(&time, &self.config.region, "sts");
        let signature = sign::signature(keys.secret.expose_secret(), &time, &scope, &request);
        let value = sign::authorization(&keys.id, &scope, &headers, &signature);
        headers.retain(|(name, _)| name != "host");
        headers.push(("authorization".to_owned(), value));
        Ok(headers)
    }
}

/// The text of the first element of this name.
fn text(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(text.trim().to_owned(), |text, (from, to)| text.replace(from, to)))
}

/// Of a role's session the role: sessions come and go.
fn principal(arn: &str) -> String {
    let role = arn.split_once(":assumed-role/").and_then(|(before, rest)| {
        let name = rest.split('/').next()?;
        Some(format!("{}:role/{name}", before.replacen(":sts:", ":iam:", 1)))
    });
    role.unwrap_or_else(|| arn.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_by_its_role() {
        let session = "arn:aws:sts::123456789012:assumed-role/server/i-0123";
        assert_eq!(principal(session), "arn:aws:iam::123456789012:role/server");
        let user = "arn:aws:iam::123456789012:user/errand";
        assert_eq!(principal(user), user);
    }

    #[test]
    fn texts_are_read_as_they_were_meant() {
        let xml = "<A><Code>AccessDenied</Code><Message>no &lt;b&gt; &amp;amp;</Message></A>";
        assert_eq!(text(xml, "Code").as_deref(), Some("AccessDenied"));
        assert_eq!(text(xml, "Message").as_deref(), Some("no <b> &amp;"));
        assert_eq!(text(xml, "Arn"), None);
    }
}
