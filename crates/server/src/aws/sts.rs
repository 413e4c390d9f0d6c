//! The two questions that STS is asked.

use super::base::Base;
use super::question::{Failed, Question, SHOWN};
use crate::config::AwsConfig;
use gateway::aws::Keys;
use jiff::Timestamp;
use model::http::HttpClient;
use std::sync::Arc;
use url::form_urlencoded::Serializer;

/// The version of its API.
const VERSION: &str = "2011-06-15";
/// What it is asked with.
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

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
        let url = self.config.sts().map_err(|error| Failed::Unanswered(error.to_string()))?;
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let question = Question {
            url,
            scope: (&self.config.region, "sts"),
            headers: &[("content-type", FORM)],
            body,
        };
        let (status, answer) = question.ask(self.http, &self.base).await?;
        if status.is_success() {
            return Ok(answer);
        }
        let short = |name| text(&answer, name).map(|it| it.chars().take(SHOWN).collect::<String>());
        match (short("Code"), short("Message")) {
            (Some(code), message) if status.is_client_error() => {
                Err(Failed::Refused { code, message: message.unwrap_or_default() })
            }
            _ => Err(Failed::Unanswered(format!("it answered {status}"))),
        }
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
