//! What hosts tell by themselves: is it really from the host, and what does it say. Pure.
//!
//! [`Verified`] is the only way to an [`Event`], and a signature the only way to that. Whoever asks
//! still has to remember [`Event::fingerprint`], and to ask the forge what the person may do: the
//! signature says that the *host* sent it, not that the person meant by it may steer.

mod bitbucket;
mod fields;
mod github;
mod gitlab;

use crate::around::{CheckState, Origin, Subject, Verdict};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fields::Fields;
use git::name::CommitId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Bytes of a delivery.
pub const BODY_BYTES: usize = 8 * 1024 * 1024;
/// Seconds between a signature and now, where it names its time.
const WINDOW_S: u64 = 300;
/// How a GitLab's signing key begins, as against its older plain token.
const SIGNING_KEY: &str = "whsec_";

/// Which host's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// GitHub.
    Github,
    /// Gitea or Forgejo.
    Gitea,
    /// GitLab.
    Gitlab,
    /// Bitbucket Cloud.
    Bitbucket,
}

/// Headers that say what a delivery is about, by any host's name; none of them proves anything.
const NAMES: [&str; 10] = [
    "x-github-event",
    "x-github-delivery",
    "x-gitea-event",
    "x-gitea-delivery",
    "x-forgejo-event",
    "x-forgejo-delivery",
    "x-gitlab-event-uuid",
    "idempotency-key",
    "x-event-key",
    "x-request-uuid",
];

/// Why a delivery is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// No signature, or several.
    #[error("the delivery has no signature, or more than one")]
    Unsigned,
    /// Another secret, or other bytes.
    #[error("the signature does not fit the delivery")]
    Wrong,
    /// Signed at another time.
    #[error("the delivery was signed more than {WINDOW_S} s before or after now")]
    Stale,
    /// More than is read.
    #[error("the delivery is longer than {BODY_BYTES} bytes")]
    TooLong,
}

/// A delivery that the host said something in which we cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the delivery cannot be read: {0}")]
pub struct Unreadable(pub(crate) &'static str);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The host's name for this delivery, for people. TRUST: most hosts do not sign it.
    pub delivery: String,
    /// What to remember against replays: a hash of what was signed.
    pub fingerprint: String,
    /// The repository, `owner/name`.
    pub repository: String,
    /// Who did it.
    pub actor: Person,
    /// Whether the pull request comes out of this repository.
    pub origin: Origin,
    /// What was written, and by whom.
    pub text: Option<Text>,
    /// What was done.
    pub kind: Kind,
}

/// Somebody, as the host tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The login; on Bitbucket the `{uuid}`.
    pub login: String,
    /// What the host says of them, if it does.
    pub association: Option<Association>,
}

/// How somebody stands to a repository, by the host's hint; what they may do is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Association {
    /// Owner, member or collaborator.
    Insider,
    /// Anybody else.
    Outsider,
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Who wrote it, where the host says so. TRUST: often not the one who acted.
    pub by: Option<Person>,
    /// Its title, where it has one.
    pub title: String,
    /// Markdown.
    pub body: String,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Somebody commented; what was edited later counts as nothing.
    Commented {
        /// On what.
        on: Subject,
        /// The comment's number.
        comment: u64,
    },
    /// Somebody commented on a line.
    CommentedLine {
        /// Of which pull request.
        number: u64,
        /// The comment's number.
        comment: u64,
        /// What an answer must name.
        thread: String,
        /// The file.
        path: String,
        /// The line of the new side.
        line: Option<u64>,
    },
    /// Somebody reviewed.
    Reviewed {
        /// Which pull request.
        number: u64,
        /// What they decided.
        verdict: Verdict,
    },
    /// An issue was opened.
    Opened {
        /// Which.
        issue: u64,
    },
    /// It is these people's now.
    Assigned {
        /// What.
        on: Subject,
        /// Whose; on some hosts all, on others who was added.
        to: Vec<String>,
    },
    /// It has these labels now.
    Labelled {
        /// What.
        on: Subject,
        /// Which; on some hosts all, on others the one that was added.
        labels: Vec<String>,
    },
    /// A check ended.
    CheckEnded {
        /// Of which commit.
        commit: CommitId,
        /// Its name.
        name: String,
        /// How.
        state: CheckState,
    },
    /// A pull request changed.
    PullRequest {
        /// Which.
        number: u64,
        /// How.
        change: Change,
        /// Its head, where the host says it in full.
        head: Option<CommitId>,
    },
    /// Branches moved.
    Pushed(Vec<Moved>),
}

/// How a pull request changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was opened, or opened again.
    Opened,
    /// It has new commits, or another text, base or stage.
    Updated,
    /// It was given up.
    Closed,
    /// It is in its base.
    Merged,
}

/// A branch that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub branch: String,
    /// Where it was, if it was there.
    pub before: Option<CommitId>,
    /// Where it is, if it is still there.
    pub after: Option<CommitId>,
}

/// A delivery that the host signed.
#[derive(Debug)]
pub struct Verified<'a> {
    sender: Sender,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl<'a> Verified<'a> {
    /// Believes a delivery that was signed with the secret shared with that host.
    pub fn new(
        sender: Sender,
        secret: &SecretString,
        headers: &'a HeaderMap,
        body: &'a [u8],
        now: i64,
    ) -> Result<Self, Forged> {
        if body.len() > BODY_BYTES {
            return Err(Forged::TooLong);
        }
        let secret = secret.expose_secret();
        // TRUST: with an empty key anybody can sign.
        if secret.is_empty() {
            return Err(Forged::Wrong);
        }
        match sender {
            Sender::Github => hashed(secret, one(headers, &["x-hub-signature-256"])?, body)?,
            Sender::Bitbucket => hashed(secret, one(headers, &["x-hub-signature"])?, body)?,
            Sender::Gitea => {
                let names = ["x-gitea-signature", "x-forgejo-signature"];
                hex_signed(secret, one(headers, &names)?, body)?;
            }
            Sender::Gitlab if secret.starts_with(SIGNING_KEY) => {
                standard(secret, headers, body, now)?;
            }
            Sender::Gitlab => same(secret, one(headers, &["x-gitlab-token"])?)?,
        }
        Ok(Self { sender, headers, body })
    }

    /// One that was believed before and kept since, with what [`Self::names`] told. TRUST: only what was kept by us.
    pub const fn again(sender: Sender, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self { sender, headers, body }
    }

    /// The headers that are needed to read it again; no secret is among them.
    pub fn names(&self) -> Vec<(&'static str, String)> {
        let told =
            |name: &&'static str| Some((*name, self.headers.get(*name)?.to_str().ok()?.to_owned()));
        NAMES.iter().filter_map(told).collect()
    }

    /// What it says; nothing where it is none of what we act upon.
    pub fn event(&self) -> Result<Option<Event>, Unreadable> {
        let value: Value = serde_json::from_slice(self.body)
            .map_err(|_| Unreadable("it is no JSON: choose application/json at the host"))?;
        let fields = Fields(&value);
        let header = |name: &str| self.headers.get(name)?.to_str().ok();
        let told = match self.sender {
            Sender::Github => github::told(header("x-github-event"), &fields)?,
            Sender::Gitea => {
                let names = ["x-gitea-event", "x-forgejo-event"];
                github::told_by_gitea(names.into_iter().find_map(header), &fields)?
            }
            Sender::Gitlab => gitlab::told(&fields)?,
            Sender::Bitbucket => bitbucket::told(header("x-event-key"), &fields)?,
        };
        let names: &[&str] = match self.sender {
            Sender::Github => &["x-github-delivery"],
            Sender::Gitea => &["x-gitea-delivery", "x-forgejo-delivery"],
            Sender::Gitlab => &["webhook-id", "idempotency-key", "x-gitlab-event-uuid"],
            Sender::Bitbucket => &["x-request-uuid"],
        };
        let delivery = names.iter().find_map(|name| header(name)).unwrap_or_default();
        let delivery = fields::short(delivery);
        let fingerprint = hex::encode(Sha256::digest(self.body));
        Ok(told.map(|told| Event { delivery, fingerprint, ..told }))
    }
}

/// The one header of these names. TRUST: of two, different readers would take different ones.
fn one<'a>(headers: &'a HeaderMap, names: &[&str]) -> Result<&'a str, Forged> {
    for name in names {
        let mut found = headers.get_all(*name).iter();
        match (found.next(), found.next()) {
            (Some(only), None) => return only.to_str().map_err(|_| Forged::Wrong),
            (Some(_), Some(_)) => return Err(Forged::Unsigned),
            (None, _) => {}
        }
    }
    Err(Forged::Unsigned)
}

fn mac(key: &[u8], bytes: &[&[u8]]) -> Result<Hmac<Sha256>, Forged> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Forged::Wrong)?;
    bytes.iter().for_each(|bytes| mac.update(bytes));
    Ok(mac)
}

fn hashed(secret: &str, signature: &str, body: &[u8]) -> Result<(), Forged> {
    hex_signed(secret, signature.strip_prefix("sha256=").ok_or(Forged::Wrong)?, body)
}

fn hex_signed(secret: &str, signature: &str, body: &[u8]) -> Result<(), Forged> {
    let signature = hex::decode(signature).map_err(|_| Forged::Wrong)?;
    // Compares in constant time.
    mac(secret.as_bytes(), &[body])?.verify_slice(&signature).map_err(|_| Forged::Wrong)
}

/// Compares two texts in a time that tells nothing about either.
fn same(secret: &str, given: &str) -> Result<(), Forged> {
    let expected = mac(b"errand", &[secret.as_bytes()])?.finalize().into_bytes();
    mac(b"errand", &[given.as_bytes()])?.verify_slice(&expected).map_err(|_| Forged::Wrong)
}

/// The convention of signed id, time and body.
fn standard(secret: &str, headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), Forged> {
    let key = secret.strip_prefix(SIGNING_KEY).and_then(|key| STANDARD.decode(key).ok());
    let key = key.filter(|key| !key.is_empty()).ok_or(Forged::Wrong)?;
    let id = one(headers, &["webhook-id"])?;
    let time = one(headers, &["webhook-timestamp"])?;
    let signatures = one(headers, &["webhook-signature"])?;
    let fits = signatures.split(' ').filter_map(|told| told.strip_prefix("v1,")).any(|told| {
        let signed = mac(&key, &[id.as_bytes(), b".", time.as_bytes(), b".", body]);
        let told = STANDARD.decode(told).unwrap_or_default();
        signed.is_ok_and(|signed| signed.verify_slice(&told).is_ok())
    });
    if !fits {
        return Err(Forged::Wrong);
    }
    let time: i64 = time.parse().map_err(|_| Forged::Wrong)?;
    if time.abs_diff(now) > WINDOW_S { Err(Forged::Stale) } else { Ok(()) }
}
