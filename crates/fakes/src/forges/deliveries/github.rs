//! GitHub's words, and those of Gitea and Forgejo, which are much the same.

use super::{News, Verdict, What};
use serde_json::{Value, json};

type Told = (&'static str, Value);

/// Which of both it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Host {
    Github,
    Gitea,
}

pub(super) fn told(news: &News<'_>) -> Told {
    around(news, Host::Github)
}

pub(super) fn told_by_gitea(news: &News<'_>) -> Told {
    around(news, Host::Gitea)
}

fn around(news: &News<'_>, host: Host) -> Told {
    let (event, mut told) = inner(news, host);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("repository".to_owned(), json!({"full_name": news.repository}));
        fields.insert("sender".to_owned(), person(news.by));
    }
    (event, told)
}

fn inner(news: &News<'_>, host: Host) -> Told {
    let issue = |number: u64, title: &str, body: &str, author: &str| json!({"number": number, "title": title, "body": body, "user": person(author)});
    let status = |commit: &str, name: &str, state: &str| {
        ("status", json!({"sha": commit, "context": name, "state": state}))
    };
    match news.what {
        What::Comment { pull, id, body } => {
            on_pull(news, host, pull, comment(news, host, id, body))
        }
        What::IssueComment { issue, id, body } => {
            let told = json!({"action": "created", "comment": comment(news, host, id, body),
                              "issue": {"number": issue}, "is_pull": false});
            ("issue_comment", told)
        }
        What::LineComment { pull, id, body, path, line } => {
            let at = json!({"path": path, "line": line});
            on_line(news, host, pull, with(comment(news, host, id, body), at))
        }
        What::Review { pull, verdict, body } => review(news, host, pull, verdict, body),
        What::OpenPull { pull: number, title, body } => {
            let told = json!({"title": title, "body": body, "user": person(news.by)});
            let told = json!({"action": "opened", "number": number,
                              "pull_request": with(pull(news, number), told)});
            ("pull_request", told)
        }
        What::OpenIssue { issue: number, title, body } => {
            let told = json!({"action": "opened", "issue": issue(number, title, body, news.by)});
            ("issues", told)
        }
        What::Label { issue: number, title, body, author, label } => {
            let (label, named) = (json!({"name": label}), host == Host::Github);
            let action = if named { "labeled" } else { "label_updated" };
            let all = json!({"labels": [label]});
            let told = json!({"action": action, "label": named.then_some(label),
                              "issue": with(issue(number, title, body, author), all)});
            ("issues", told)
        }
        What::Assign { issue: number, body, author, to } => {
            let added = (host == Host::Github).then(|| person(to));
            let all = json!({"assignees": [person(to)]});
            let told = json!({"action": "assigned", "assignee": added,
                              "issue": with(issue(number, "Title", body, author), all)});
            ("issues", told)
        }
        What::Fail { commit, name } => status(commit, name, "failure"),
        What::Pass { commit, name } => status(commit, name, "success"),
        What::Push { branch, before, after } => {
            let name = format!("refs/heads/{branch}");
            ("push", json!({"ref": name, "before": before, "after": after}))
        }
    }
}

fn person(login: &str) -> Value {
    json!({"login": login})
}

fn with(mut told: Value, more: Value) -> Value {
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    told
}

/// A pull request with where it comes from.
fn pull(news: &News<'_>, number: u64) -> Value {
    let side = |name: &str| json!({"repo": {"full_name": name}});
    json!({"number": number, "head": side(news.from), "base": side(news.repository)})
}

fn comment(news: &News<'_>, host: Host, id: u64, body: &str) -> Value {
    json!({"id": id, "body": body, "user": person(news.by),
           "author_association": (host == Host::Github).then_some("NONE")})
}

fn on_pull(news: &News<'_>, host: Host, number: u64, comment: Value) -> Told {
    let told = json!({"action": "created", "comment": comment,
                      "issue": {"number": number, "pull_request": {"url": ""}}});
    // GitHub does not tell here where a pull request comes from.
    let more = match host {
        Host::Github => json!({}),
        Host::Gitea => json!({"pull_request": pull(news, number), "is_pull": true}),
    };
    ("issue_comment", with(told, more))
}

fn on_line(news: &News<'_>, host: Host, number: u64, comment: Value) -> Told {
    let pull = pull(news, number);
    match host {
        Host::Github => {
            let told = json!({"action": "created", "comment": comment, "pull_request": pull});
            ("pull_request_review_comment", told)
        }
        Host::Gitea => {
            let review = json!({"type": "pull_request_review_comment", "content": ""});
            let told = json!({"action": "reviewed", "number": number, "review": review,
                              "pull_request": pull});
            ("pull_request_comment", told)
        }
    }
}

fn review(news: &News<'_>, host: Host, number: u64, verdict: Verdict, body: &str) -> Told {
    let pull = pull(news, number);
    let approved = verdict == Verdict::Approved;
    match host {
        Host::Github => {
            let state = if approved { "approved" } else { "changes_requested" };
            let review = json!({"id": 1, "state": state, "body": body, "user": person(news.by),
                                "author_association": "NONE"});
            let told = json!({"action": "submitted", "review": review, "pull_request": pull});
            ("pull_request_review", told)
        }
        Host::Gitea => {
            let (event, kind) = if approved {
                ("pull_request_approved", "pull_request_review_approved")
            } else {
                ("pull_request_rejected", "pull_request_review_rejected")
            };
            let review = json!({"type": kind, "content": body});
            let told = json!({"action": "reviewed", "number": number, "review": review,
                              "pull_request": pull});
            (event, told)
        }
    }
}
