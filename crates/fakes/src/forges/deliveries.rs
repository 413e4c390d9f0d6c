//! Deliveries of webhooks, signed, as each kind of host sends them. Posting them is the test's part.

mod bitbucket;
mod github;
mod gitlab;

use super::Kind;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What happened, and where.
#[derive(Debug, Clone)]
pub struct News<'a> {
    /// The repository, `owner/name`.
    pub repository: &'a str,
    /// Who did it.
    pub by: &'a str,
    /// The repository that the pull request comes from, where it is about one.
    pub from: &'a str,
    /// What they did.
    pub what: What<'a>,
}

/// What somebody did.
#[derive(Debug, Clone)]
pub enum What<'a> {
    /// Wrote on a pull request, about all of it.
    Comment {
        /// Which.
        pull: u64,
        /// The comment's number.
        id: u64,
        /// What.
        body: &'a str,
    },
    /// Wrote on an issue.
    IssueComment {
        /// Which.
        issue: u64,
        /// The comment's number.
        id: u64,
        /// What.
        body: &'a str,
    },
    /// Wrote on a line of a pull request. Gitea tells only that there is a review with remarks.
    LineComment {
        /// Which.
        pull: u64,
        /// The comment's number.
        id: u64,
        /// What.
        body: &'a str,
        /// The file.
        path: &'a str,
        /// The line of the new side.
        line: u64,
    },
    /// Reviewed a pull request. GitLab tells of changes that somebody wants only by the note that they write with it;
    /// Bitbucket, and GitLab where it is an approval, leave the text out.
    Review {
        /// Which.
        pull: u64,
        /// What they decided.
        verdict: Verdict,
        /// What they wrote.
        body: &'a str,
    },
    /// Opened a pull request.
    OpenPull {
        /// Which.
        pull: u64,
        /// Its title.
        title: &'a str,
        /// Its text.
        body: &'a str,
    },
    /// Opened an issue.
    OpenIssue {
        /// Which.
        issue: u64,
        /// Its title.
        title: &'a str,
        /// Its text.
        body: &'a str,
    },
    /// Put a label on an issue. Bitbucket has none: what it sends is that a component was chosen, by which nothing is
    /// meant.
    Label {
        /// Which.
        issue: u64,
        /// Its title.
        title: &'a str,
        /// Its text.
        body: &'a str,
        /// Who wrote that.
        author: &'a str,
        /// The label.
        label: &'a str,
    },
    /// Gave an issue to somebody.
    Assign {
        /// Which.
        issue: u64,
        /// Its text.
        body: &'a str,
        /// Who wrote that.
        author: &'a str,
        /// To whom.
        to: &'a str,
    },
    /// Had a check end badly.
    Fail {
        /// Of which commit.
        commit: &'a str,
        /// Which.
        name: &'a str,
    },
    /// Had a check end well.
    Pass {
        /// Of which commit.
        commit: &'a str,
        /// Which.
        name: &'a str,
    },
    /// Pushed to a branch.
    Push {
        /// Which.
        branch: &'a str,
        /// Where it was.
        before: &'a str,
        /// Where it is.
        after: &'a str,
    },
}

/// What a reviewer decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// To be merged.
    Approved,
    /// Not before something changes.
    Changes,
}

/// A delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: String,
}

/// The delivery of some news under a name of its own. GitLab signs if the secret begins with
/// `whsec_`, and names it else.
pub fn delivery(kind: Kind, news: &News<'_>, secret: &str, id: &str, now: i64) -> Delivery {
    let (event, told) = match kind {
        Kind::Github => github::told(news),
        Kind::Gitea => github::told_by_gitea(news),
        Kind::Gitlab => gitlab::told(news),
        Kind::Bitbucket => bitbucket::told(news),
    };
    let body = told.to_string();
    let hex = hex::encode(signature(secret.as_bytes(), body.as_bytes()));
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(match kind {
        Kind::Github => vec![
            ("x-github-event", event.to_owned()),
            ("x-github-delivery", id.to_owned()),
            ("x-hub-signature-256", format!("sha256={hex}")),
        ],
        Kind::Gitea => vec![
            ("x-gitea-event", event.to_owned()),
            ("x-gitea-delivery", id.to_owned()),
            ("x-gitea-signature", hex),
        ],
        Kind::Bitbucket => vec![
            ("x-event-key", event.to_owned()),
            ("x-request-uuid", id.to_owned()),
            ("x-hub-signature", format!("sha256={hex}")),
        ],
        Kind::Gitlab => from_gitlab(&body, secret, id, now),
    });
    Delivery { headers, body }
}

fn signature(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

fn from_gitlab(body: &str, secret: &str, id: &str, now: i64) -> Vec<(&'static str, String)> {
    let mut headers = vec![("idempotency-key", id.to_owned())];
    match secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok()) {
        Some(key) => {
            let signed = signature(&key, format!("{id}.{now}.{body}").as_bytes());
            headers.push(("webhook-id", id.to_owned()));
            headers.push(("webhook-timestamp", now.to_string()));
            headers.push(("webhook-signature", format!("v1,{}", STANDARD.encode(signed))));
        }
        None => headers.push(("x-gitlab-token", secret.to_owned())),
    }
    headers
}
