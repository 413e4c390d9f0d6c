//! What every answer of the real host has besides what clients look for, so that the fake is as the
//! host's description of its API says. Links lead nowhere.

use serde_json::{Value, json};

/// When everything happened.
pub(super) const WHEN: &str = "2026-11-01T00:00:00Z";
const SITE: &str = "https://github.example";

const OF_PEOPLE: [&str; 6] =
    ["followers", "organizations", "received_events", "repos", "subscriptions", "avatar"];
const OF_PEOPLE_MORE: [&str; 4] = ["events", "following", "gists", "starred"];
const COUNTS_OF_PEOPLE: [&str; 9] = [
    "followers",
    "following",
    "public_gists",
    "public_repos",
    "collaborators",
    "disk_usage",
    "owned_private_repos",
    "private_gists",
    "total_private_repos",
];
const OF_REPOSITORIES: [&str; 38] = [
    "archive",
    "assignees",
    "blobs",
    "branches",
    "collaborators",
    "comments",
    "commits",
    "compare",
    "contents",
    "contributors",
    "deployments",
    "downloads",
    "events",
    "forks",
    "git_commits",
    "git_refs",
    "git_tags",
    "hooks",
    "issue_comment",
    "issue_events",
    "issues",
    "keys",
    "labels",
    "languages",
    "merges",
    "milestones",
    "notifications",
    "pulls",
    "releases",
    "stargazers",
    "statuses",
    "subscribers",
    "subscription",
    "tags",
    "teams",
    "trees",
    "git",
    "svn",
];
const COUNTS_OF_REPOSITORIES: [&str; 8] = [
    "forks",
    "forks_count",
    "open_issues",
    "open_issues_count",
    "size",
    "stargazers_count",
    "watchers",
    "watchers_count",
];

/// The fields of both; of one that both have, the second's.
pub(super) fn with(mut told: Value, more: Value) -> Value {
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    told
}

/// A link for each name, below an address.
fn links(at: &str, names: &[&str]) -> Value {
    let link = |name: &&str| (format!("{name}_url"), json!(format!("{at}/{name}")));
    Value::Object(names.iter().map(link).collect())
}

fn zeroes(names: &[&str]) -> Value {
    Value::Object(names.iter().map(|name| ((*name).to_owned(), json!(0))).collect())
}

fn links_in(at: &str, names: &[&str]) -> Value {
    let link = |name: &&str| ((*name).to_owned(), json!({"href": format!("{at}/{name}")}));
    Value::Object(names.iter().map(link).collect())
}

fn api(path: &str) -> String {
    format!("{SITE}/api/v3/{path}")
}

pub(in crate::forges) fn user(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    let page = login.replace('[', "%5B").replace(']', "%5D");
    let at = api(&format!("users/{page}"));
    let told = json!({"login": login, "id": 1, "node_id": format!("U_{login}"), "type": kind,
                      "site_admin": false, "gravatar_id": "", "url": at,
                      "html_url": format!("{SITE}/{page}")});
    with(with(told, links(&at, &OF_PEOPLE)), links(&at, &OF_PEOPLE_MORE))
}

/// What people are told of themselves.
pub(super) fn own_user(login: &str) -> Value {
    let told = json!({"name": login, "company": null, "blog": "", "location": null, "email": null,
                      "hireable": null, "bio": null, "created_at": WHEN, "updated_at": WHEN,
                      "two_factor_authentication": true});
    with(with(user(login), zeroes(&COUNTS_OF_PEOPLE)), told)
}

/// A repository as it stands within other things.
pub(super) fn small_repository(full_name: &str) -> Value {
    let (owner, name) = full_name.split_once('/').unwrap_or_default();
    let at = api(&format!("repos/{full_name}"));
    let told = json!({"id": 7, "node_id": "R_7", "name": name, "full_name": full_name,
                      "owner": user(owner), "private": true, "description": null, "fork": false,
                      "url": at, "html_url": format!("{SITE}/{full_name}")});
    with(told, links(&at, &OF_REPOSITORIES))
}

pub(super) fn repository(full_name: &str, default_branch: &str) -> Value {
    let told = json!({
        "default_branch": default_branch, "clone_url": format!("{SITE}/{full_name}.git"),
        "ssh_url": format!("git@github.example:{full_name}.git"), "homepage": null,
        "language": null, "license": null, "mirror_url": null, "has_issues": true,
        "has_projects": false, "has_wiki": false, "has_pages": false, "has_downloads": false,
        "has_discussions": false, "archived": false, "disabled": false, "pushed_at": WHEN,
        "created_at": WHEN, "updated_at": WHEN,
    });
    with(with(small_repository(full_name), zeroes(&COUNTS_OF_REPOSITORIES)), told)
}

pub(super) fn commit(repository: &str, sha: &str) -> Value {
    let at = api(&format!("repos/{repository}/commits/{sha}"));
    let person = json!({"name": "Ann", "email": "ann@x.example", "date": WHEN});
    let tree = json!({"sha": sha, "url": at});
    let inner = json!({"author": person, "committer": person, "message": "A commit.",
                       "comment_count": 0, "tree": tree, "url": at});
    json!({"sha": sha, "node_id": format!("C_{sha}"), "url": at, "html_url": at,
           "comments_url": format!("{at}/comments"), "commit": inner, "author": null,
           "committer": null, "parents": []})
}

pub(super) fn branch(repository: &str, name: &str, sha: &str) -> Value {
    let commit = json!({"sha": sha, "url": api(&format!("repos/{repository}/commits/{sha}"))});
    json!({"name": name, "commit": commit, "protected": false})
}

/// A branch that is asked for by its name.
pub(super) fn whole_branch(repository: &str, name: &str, sha: &str) -> Value {
    let at = api(&format!("repos/{repository}/branches/{name}"));
    json!({"name": name, "commit": commit(repository, sha), "protected": false,
           "protection": {"enabled": false}, "protection_url": format!("{at}/protection"),
           "_links": {"self": at, "html": at}})
}

pub(super) fn label(repository: &str, name: &str) -> Value {
    let url = api(&format!("repos/{repository}/labels/{name}"));
    json!({"id": 3, "node_id": "L_3", "url": url, "name": name, "description": null,
           "color": "ededed", "default": false})
}

/// What stands around a comment, or a review.
pub(super) fn around_comment(id: u64) -> Value {
    let at = api(&format!("comments/{id}"));
    json!({"node_id": format!("IC_{id}"), "url": at, "html_url": at, "created_at": WHEN,
           "updated_at": WHEN, "author_association": "MEMBER"})
}

/// What stands around a comment on lines.
pub(super) fn around_line_comment(id: u64, commit: &str) -> Value {
    let at = api(&format!("pulls/comments/{id}"));
    let more = json!({"pull_request_review_id": null, "diff_hunk": "@@ -1 +1 @@",
                      "commit_id": commit, "original_commit_id": commit,
                      "pull_request_url": at,
                      "_links": links_in(&at, &["self", "html", "pull_request"])});
    with(around_comment(id), more)
}

/// What stands around a review.
pub(super) fn around_review(commit: &str) -> Value {
    let at = api("pulls/reviews/1");
    json!({"node_id": "PRR_1", "html_url": at, "pull_request_url": at, "commit_id": commit,
           "author_association": "MEMBER", "submitted_at": WHEN,
           "_links": links_in(&at, &["html", "pull_request"])})
}

/// What stands around a status.
pub(super) fn around_status(id: usize) -> Value {
    let at = api(&format!("statuses/{id}"));
    json!({"id": id, "node_id": format!("SC_{id}"), "url": at, "avatar_url": at,
           "created_at": WHEN, "updated_at": WHEN})
}

/// What stands around a check.
pub(super) fn around_run(commit: &str) -> Value {
    let at = api("check-runs/1");
    json!({"id": 1, "node_id": "CR_1", "head_sha": commit, "external_id": "", "url": at,
           "html_url": at, "details_url": at, "started_at": WHEN, "completed_at": WHEN,
           "check_suite": {"id": 5}, "app": null, "pull_requests": []})
}

/// What stands around a file or folder.
pub(super) fn around_entry(path: &str, sha: &str) -> Value {
    let at = api(&format!("contents/{path}"));
    let name = path.rsplit('/').next().unwrap_or_default();
    json!({"name": name, "path": path, "sha": sha, "url": at, "git_url": at, "html_url": at,
           "download_url": at, "_links": {"self": at, "git": at, "html": at}})
}

/// What stands around a comparison.
pub(super) fn around_comparison(repository: &str, both: &str) -> Value {
    let at = api(&format!("repos/{repository}/compare/{both}"));
    let told = json!({"url": at, "commits": [], "files": []});
    with(told, links(&at, &["html", "permalink", "diff", "patch"]))
}

/// What stands around a pull request, in a list too.
pub(super) fn around_pull(repository: &str, number: u64) -> Value {
    let at = api(&format!("repos/{repository}/pulls/{number}"));
    let linked =
        ["comments", "commits", "diff", "issue", "patch", "review_comment", "review_comments"];
    let named = [
        "comments",
        "commits",
        "statuses",
        "html",
        "issue",
        "review_comments",
        "review_comment",
        "self",
    ];
    let told = json!({"url": at, "statuses_url": at, "assignee": null, "milestone": null,
                      "locked": false, "author_association": "MEMBER", "auto_merge": null,
                      "created_at": WHEN, "updated_at": WHEN, "_links": links_in(&at, &named)});
    with(told, links(&at, &linked))
}

/// What is told of a pull request that is asked for by its number.
pub(super) fn of_one_pull() -> Value {
    json!({"additions": 1, "deletions": 0, "changed_files": 1, "commits": 1, "comments": 0,
           "review_comments": 0, "maintainer_can_modify": false, "mergeable_state": "unknown"})
}

/// What stands around an issue.
pub(super) fn around_issue(repository: &str, number: u64) -> Value {
    let at = api(&format!("repos/{repository}/issues/{number}"));
    let told = json!({"id": number, "node_id": format!("I_{number}"), "url": at, "html_url": at,
                      "labels_url": at, "repository_url": api(&format!("repos/{repository}")),
                      "milestone": null, "locked": false, "author_association": "MEMBER",
                      "created_at": WHEN, "updated_at": WHEN});
    with(told, links(&at, &["comments", "events"]))
}

/// What stands around an installation of an app.
pub(super) fn around_installation(app: &str, slug: &str) -> Value {
    let at = api("app/installations/77");
    json!({"app_id": app.parse::<u64>().unwrap_or(0), "app_slug": slug, "target_id": 2,
           "target_type": "Organization", "events": [], "single_file_name": null,
           "repository_selection": "selected", "access_tokens_url": at, "html_url": at,
           "repositories_url": at, "created_at": WHEN, "updated_at": WHEN, "suspended_by": null,
           "suspended_at": null})
}

/// What stands around an app.
pub(super) fn around_app(slug: &str) -> Value {
    let at = api(&format!("apps/{slug}"));
    json!({"node_id": "A_1", "owner": user("acme"), "name": slug, "description": null,
           "external_url": at, "html_url": at, "created_at": WHEN, "updated_at": WHEN,
           "permissions": {"metadata": "read"}, "events": []})
}
