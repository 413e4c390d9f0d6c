//! Deliveries of webhooks, signed, as each kind of host sends them. Posting them is the test's part.

use super::Kind;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
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
        Kind::Github => github(news, false),
        Kind::Gitea => github(news, true),
        Kind::Gitlab => gitlab(news),
        Kind::Bitbucket => bitbucket(news),
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

fn github(news: &News<'_>, gitea: bool) -> (&'static str, Value) {
    let person = |login: &str| json!({"login": login});
    let side = |name: &str| json!({"repo": {"full_name": name}});
    let comment = |id: u64, body: &str| {
        json!({"id": id, "body": body, "user": person(news.by),
               "author_association": (!gitea).then_some("NONE")})
    };
    let (event, mut told) = match news.what {
        What::Comment { pull, id, body } => {
            let mut told = json!({"action": "created", "comment": comment(id, body),
                                  "issue": {"number": pull, "pull_request": {"url": ""}}});
            // GitHub does not tell here where a pull request comes from.
            if gitea && let Some(fields) = told.as_object_mut() {
                let sides = json!({"number": pull, "head": side(news.from),
                                   "base": side(news.repository)});
                fields.insert("pull_request".to_owned(), sides);
                fields.insert("is_pull".to_owned(), json!(true));
            }
            ("issue_comment", told)
        }
        What::IssueComment { issue, id, body } => {
            let told = json!({"action": "created", "comment": comment(id, body),
                              "issue": {"number": issue}, "is_pull": false});
            ("issue_comment", told)
        }
        What::Assign { issue, body, author, to } => {
            let told = json!({"action": "assigned", "assignee": (!gitea).then(|| person(to)),
                              "issue": {"number": issue, "title": "Title", "body": body,
                                        "user": person(author), "assignees": [person(to)]}});
            ("issues", told)
        }
        What::Fail { commit, name } => {
            ("status", json!({"sha": commit, "context": name, "state": "failure"}))
        }
        What::Push { branch, before, after } => {
            let name = format!("refs/heads/{branch}");
            ("push", json!({"ref": name, "before": before, "after": after}))
        }
    };
    if let Some(fields) = told.as_object_mut() {
        fields.insert("repository".to_owned(), json!({"full_name": news.repository}));
        fields.insert("sender".to_owned(), person(news.by));
    }
    (event, told)
}

fn gitlab(news: &News<'_>) -> (&'static str, Value) {
    let note = |id: u64, of: &str, body: &str| json!({"id": id, "note": body, "noteable_type": of, "system": false, "action": "create"});
    let mut told = match news.what {
        What::Comment { pull, id, body } => {
            let from = if news.from == news.repository { 1 } else { 2 };
            json!({"object_kind": "note", "object_attributes": note(id, "MergeRequest", body),
                   "merge_request": {"iid": pull, "source_project_id": from,
                                     "target_project_id": 1}})
        }
        What::IssueComment { issue, id, body } => {
            json!({"object_kind": "note", "object_attributes": note(id, "Issue", body),
                   "issue": {"iid": issue}})
        }
        What::Assign { issue, body, author, to } => {
            let author = if author == news.by { 3 } else { 4 };
            json!({"object_kind": "issue",
                   "object_attributes": {"iid": issue, "action": "update", "title": "Title",
                                         "description": body, "author_id": author},
                   "changes": {"assignees": {"previous": [], "current": [{"username": to}]}}})
        }
        What::Fail { commit, name } => {
            json!({"object_kind": "build", "sha": commit, "build_name": name,
                   "build_status": "failed"})
        }
        What::Push { branch, before, after } => {
            json!({"object_kind": "push", "ref": format!("refs/heads/{branch}"),
                   "before": before, "after": after, "user_username": news.by})
        }
    };
    if let Some(fields) = told.as_object_mut() {
        fields.insert("project".to_owned(), json!({"path_with_namespace": news.repository}));
        fields.insert("user".to_owned(), json!({"id": 3, "username": news.by}));
    }
    ("", told)
}

fn bitbucket(news: &News<'_>) -> (&'static str, Value) {
    let person = |login: &str| json!({"uuid": login});
    let side = |name: &str| json!({"repository": {"full_name": name}});
    let comment =
        |id: u64, body: &str| json!({"id": id, "content": {"raw": body}, "user": person(news.by)});
    let end = |branch: &str, hash: &str| json!({"type": "branch", "name": branch, "target": {"hash": hash}});
    let (event, mut told) = match news.what {
        What::Comment { pull, id, body } => {
            let told = json!({"comment": comment(id, body),
                              "pullrequest": {"id": pull, "source": side(news.from),
                                              "destination": side(news.repository)}});
            ("pullrequest:comment_created", told)
        }
        What::IssueComment { issue, id, body } => {
            let told = json!({"comment": comment(id, body), "issue": {"id": issue}});
            ("issue:comment_created", told)
        }
        What::Assign { issue, body, author, to } => {
            let told = json!({"changes": {"assignee": {"old": null, "new": person(to)}},
                              "issue": {"id": issue, "title": "Title", "content": {"raw": body},
                                        "reporter": person(author)}});
            ("issue:updated", told)
        }
        What::Fail { commit, name } => {
            let link = format!("https://api.bitbucket.org/2.0/x/commit/{commit}");
            let told = json!({"commit_status": {"key": name, "name": name, "state": "FAILED",
                                                "links": {"commit": {"href": link}}}});
            ("repo:commit_status_updated", told)
        }
        What::Push { branch, before, after } => {
            let change = json!({"old": end(branch, before), "new": end(branch, after)});
            ("repo:push", json!({"push": {"changes": [change]}}))
        }
    };
    if let Some(fields) = told.as_object_mut() {
        fields.insert("repository".to_owned(), json!({"full_name": news.repository}));
        fields.insert("actor".to_owned(), person(news.by));
    }
    (event, told)
}
