//! The words of GitHub: REST v3 below `/api/v3`, and the two mutations of GraphQL for drafts.

mod checks;
mod issues;
mod shapes;

pub(super) use checks::{storage, stored};
pub(super) use issues::comment;
pub(super) use shapes::user;

use super::ask::{Ask, Reply};
use super::bare::Bare;
use super::hall::{Hall, Life, No, Pull, Right, Token, Wish};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey as _;
use serde_json::{Value, json};
use shapes::{WHEN, with};

/// Seconds that a token of an installation is good for.
const TOKEN_S: i64 = 3600;

/// A request for one repository by somebody.
pub(super) struct Call<'a> {
    pub(super) hall: &'a mut Hall,
    pub(super) ask: &'a Ask,
    pub(super) name: String,
    pub(super) bare: Bare,
    pub(super) login: String,
}

pub(super) fn answer(hall: &mut Hall, ask: &Ask) -> Reply {
    let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
    let header = ask.header("authorization").unwrap_or_default();
    let token = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("token "));
    let token = token.unwrap_or_default();
    if let ["storage", "logs", owner, repository, id] = path.as_slice() {
        return stored(hall, ask, &format!("{owner}/{repository}"), id);
    }
    if let ["api", "v3", rest @ ..] = path.as_slice()
        && let Some(reply) = as_app(hall, ask, rest, token)
    {
        return reply;
    }
    let Some(login) = hall.whose(token).map(ToOwned::to_owned) else {
        return Reply::plain(401, "Bad credentials");
    };
    match path.as_slice() {
        ["api", "graphql"] => graphql(hall, ask, &login),
        ["api", "v3", "user"] => {
            let mut reply = Reply::new(200, shapes::own_user(&login));
            reply.headers.push(("x-oauth-scopes", "repo, read:org".to_owned()));
            reply
        }
        ["api", "v3", "user", "repos"] => ask.page(repositories(hall, ask, &login)),
        ["api", "v3", "installation", "repositories"] => {
            let all = repositories(hall, ask, &login);
            let count = all.len();
            ask.page_in(all, |page| json!({"total_count": count, "repositories": page}))
        }
        ["api", "v3", "repos", owner, repository, rest @ ..] => {
            let name = format!("{owner}/{repository}");
            let only = hall.tokens.get(token).and_then(|token| token.only.as_ref());
            let hidden =
                only.is_some_and(|only| *only != name) || hall.right(&login) == Right::None;
            match hall.bare(&name) {
                Some(bare) if !hidden => Call { hall, ask, name, bare, login }.answer(rest),
                Some(_) | None => not_found(),
            }
        }
        _ => not_found(),
    }
}

/// All repositories that somebody may see, in short.
pub(super) fn repositories(hall: &Hall, ask: &Ask, login: &str) -> Vec<Value> {
    let told = |(name, bare): (String, Bare)| {
        json!({
            "full_name": name, "clone_url": format!("{}/{name}.git", ask.root()),
            "default_branch": bare.default_branch(), "private": true,
        })
    };
    hall.seen_by(login).into_iter().map(told).collect()
}

pub(super) fn not_found() -> Reply {
    Reply::plain(404, "Not Found")
}

fn invalid(error: Value) -> Reply {
    Reply::new(422, json!({"message": "Validation Failed", "errors": [error]}))
}

/// What an app asks with its own signature.
fn as_app(hall: &mut Hall, ask: &Ask, path: &[&str], token: &str) -> Option<Reply> {
    let ends = matches!(path, ["app", ..] | ["repos", _, _, "installation"]);
    if !ends {
        return None;
    }
    let now = hall.now;
    let app = hall.app.clone()?;
    if !is_signed(&app.key_pem, &app.id, token, now) {
        return Some(Reply::plain(401, "A JSON web token could not be decoded"));
    }
    let all = json!({"metadata": "read", "contents": "write", "pull_requests": "write",
                     "issues": "write", "statuses": "write", "checks": "read",
                     "actions": "read"});
    Some(match (ask.method.as_str(), path) {
        ("GET", ["app", "installations"]) => {
            let told = json!({"id": 77, "account": {"login": "acme"}, "permissions": all});
            ask.page(vec![told])
        }
        ("GET", ["app"]) => {
            let id = app.id.parse::<u64>().unwrap_or(0);
            let told = json!({"id": id, "slug": app.slug});
            Reply::new(200, with(shapes::around_app(&app.slug), told))
        }
        ("GET", ["repos", owner, name, "installation"]) => {
            match hall.bare(&format!("{owner}/{name}")) {
                Some(_) => {
                    let told = json!({"id": 77, "account": user(owner), "permissions": all});
                    Reply::new(200, with(shapes::around_installation(&app.id, &app.slug), told))
                }
                None => not_found(),
            }
        }
        ("POST", ["app", "installations", "77", "access_tokens"]) => hand_out(hall, ask, &app.slug),
        _ => not_found(),
    })
}

fn hand_out(hall: &mut Hall, ask: &Ask, slug: &str) -> Reply {
    let names = ask.texts("repositories");
    let full = |name: &String| format!("acme/{name}");
    let only = names.first().map(full);
    let value = format!("ghs_{}", hall.next_id());
    let login = format!("{slug}[bot]");
    hall.people.insert(login.clone(), Right::Write);
    let ends_at = hall.now + TOKEN_S;
    hall.tokens.insert(value.clone(), Token { login, only, ends_at });
    if let Some(app) = &mut hall.app {
        app.handed_out.push(ask.body.clone());
    }
    let told = json!({"token": value, "expires_at": time(ends_at),
                      "permissions": ask.body.get("permissions"),
                      "repository_selection": "selected"});
    Reply::new(201, told)
}

/// Seconds since 1970 as hosts write a time; right for this century.
fn time(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Whether the app signed this itself, for now.
fn is_signed(key_pem: &str, id: &str, token: &str, now: i64) -> bool {
    let checked = || {
        let (message, signature) = token.rsplit_once('.')?;
        let der = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).ok()?;
        let key = rustls::crypto::ring::sign::RsaSigningKey::new(&der).ok()?;
        let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
        let ours = URL_SAFE_NO_PAD.encode(signer.sign(message.as_bytes()).ok()?);
        let claims = URL_SAFE_NO_PAD.decode(message.split_once('.')?.1).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let number = |name| claims.get(name).and_then(Value::as_i64);
        let (from, to) = (number("iat")?, number("exp")?);
        let timely = from <= now && now < to && to - now <= 600;
        Some(timely && ours == signature && claims.get("iss")?.as_str()? == id)
    };
    checked().unwrap_or(false)
}

fn graphql(hall: &mut Hall, ask: &Ask, login: &str) -> Reply {
    let query = ask.text("query").unwrap_or_default();
    let id = ask.body.pointer("/variables/id").and_then(Value::as_str).unwrap_or_default();
    let draft = if query.contains("markPullRequestReadyForReview") {
        false
    } else if query.contains("convertPullRequestToDraft") {
        true
    } else {
        return Reply::new(200, json!({"errors": [{"message": "unknown field"}]}));
    };
    let writes = hall.right(login) >= Right::Write;
    let found = id
        .rsplit_once('#')
        .and_then(|(name, number)| hall.repository(name).pulls.get_mut(&number.parse().ok()?));
    match found.filter(|pull| writes && pull.life == Life::Open) {
        Some(pull) => {
            pull.draft = draft;
            Reply::new(200, json!({"data": {"changed": {"pullRequest": {"isDraft": draft}}}}))
        }
        None => {
            let message = "Could not resolve to a node with the global id";
            Reply::new(200, json!({"data": null, "errors": [{"message": message}]}))
        }
    }
}

impl Call<'_> {
    pub(super) fn answer(&mut self, path: &[&str]) -> Reply {
        let method = self.ask.method.as_str();
        if method != "GET" && self.hall.right(&self.login) < Right::Write {
            return Reply::plain(403, "Resource not accessible by personal access token");
        }
        match (method, path) {
            ("GET", []) => self.home(),
            ("GET", ["branches"]) => self.branches(),
            ("GET", ["branches", name]) => match self.bare.tip(name) {
                Some(commit) => Reply::new(200, shapes::whole_branch(&self.name, name, &commit)),
                None => Reply::plain(404, "Branch not found"),
            },
            ("GET", ["compare", both]) => self.compare(both),
            ("GET", ["pulls"]) => self.list(),
            ("POST", ["pulls"]) => self.open(),
            (_, ["pulls", number, rest @ ..]) => {
                let number = number.parse().unwrap_or(0);
                match self.hall.repository(&self.name).pulls.get(&number).cloned() {
                    Some(pull) => self.pull(&pull, rest),
                    None => not_found(),
                }
            }
            (_, ["issues", rest @ ..]) => self.issues(rest),
            ("GET", ["commits", commit, what]) => self.commit(commit, what),
            ("GET", ["check-runs", id, "annotations"]) => self.remarks(id),
            ("GET", ["actions", "jobs", id, "logs"]) => self.log(id),
            ("POST", ["statuses", commit]) => self.status(commit),
            ("GET", ["collaborators", login, "permission"]) => self.permission(login),
            ("GET", ["contents", rest @ ..]) => self.contents(&rest.join("/")),
            _ => not_found(),
        }
    }

    fn home(&self) -> Reply {
        let right = self.hall.right(&self.login);
        let told = json!({
            "network_count": 0, "subscribers_count": 0,
            "permissions": {"admin": right >= Right::Admin, "push": right >= Right::Write,
                            "pull": right >= Right::Read},
        });
        Reply::new(200, with(shapes::repository(&self.name, &self.bare.default_branch()), told))
    }

    fn branches(&self) -> Reply {
        let branches = self.bare.branches();
        let told = branches.iter().map(|(name, sha)| shapes::branch(&self.name, name, sha));
        self.ask.page(told.collect())
    }

    fn compare(&self, both: &str) -> Reply {
        let counted = || {
            let (base, head) = both.split_once("...")?;
            let (ahead, behind) = (self.bare.count(base, head)?, self.bare.count(head, base)?);
            let status = match (ahead, behind) {
                (0, 0) => "identical",
                (_, 0) => "ahead",
                (0, _) => "behind",
                (_, _) => "diverged",
            };
            let commit = |sha: &str| shapes::commit(&self.name, sha);
            Some(json!({
                "ahead_by": ahead, "behind_by": behind, "total_commits": ahead, "status": status,
                "base_commit": commit(&self.bare.git(&["rev-parse", base])?),
                "merge_base_commit": commit(&self.bare.git(&["merge-base", base, head])?),
            }))
        };
        match counted() {
            Some(told) => Reply::new(200, with(shapes::around_comparison(&self.name, both), told)),
            None => not_found(),
        }
    }

    fn list(&mut self) -> Reply {
        let mut pulls: Vec<Pull> =
            self.hall.repository(&self.name).pulls.values().cloned().collect();
        match self.ask.query("state").unwrap_or("open") {
            "open" => pulls.retain(|pull| pull.life == Life::Open),
            "closed" => pulls.retain(|pull| pull.life != Life::Open),
            _ => {}
        }
        let owner = self.name.split('/').next().unwrap_or_default();
        if let Some(head) = self.ask.query("head") {
            pulls.retain(|pull| {
                let fork = pull.fork.as_deref().and_then(|fork| fork.split('/').next());
                format!("{}:{}", fork.unwrap_or(owner), pull.head) == head
            });
        }
        pulls.reverse();
        let told = pulls.iter().map(|pull| self.listed(pull)).collect();
        self.ask.page(told)
    }

    fn open(&mut self) -> Reply {
        let text = |name| self.ask.text(name).unwrap_or_default().to_owned();
        let wish = Wish {
            author: self.login.clone(),
            title: text("title"),
            body: text("body"),
            head: text("head"),
            base: text("base"),
            draft: self.ask.body.get("draft").and_then(Value::as_bool).unwrap_or(false),
        };
        if wish.title.is_empty() {
            return invalid(json!({"resource": "PullRequest", "code": "missing_field",
                                  "field": "title"}));
        }
        let (head, base) = (wish.head.clone(), wish.base.clone());
        let field = |name| json!({"resource": "PullRequest", "field": name, "code": "invalid"});
        let owner = self.name.split('/').next().unwrap_or_default();
        let said = |message: String| {
            invalid(json!({"resource": "PullRequest", "code": "custom", "message": message}))
        };
        match self.hall.open_pull(&self.name, &self.bare, wish) {
            Ok(pull) => Reply::new(201, self.told(&pull, None)),
            Err(No::HeadMissing) => invalid(field("head")),
            Err(No::BaseMissing) => invalid(field("base")),
            Err(No::Exists(_)) => {
                said(format!("A pull request already exists for {owner}:{head}."))
            }
            Err(No::Nothing | No::Moved | No::Conflicts) => {
                said(format!("No commits between {base} and {head}"))
            }
        }
    }

    pub(super) fn pull(&mut self, pull: &Pull, path: &[&str]) -> Reply {
        match (self.ask.method.as_str(), path) {
            ("GET", []) => {
                let open = pull.life == Life::Open;
                let name = self.name.clone();
                let mergeable =
                    if open { self.hall.mergeable(&name, &self.bare, pull) } else { None };
                Reply::new(200, self.told(pull, mergeable))
            }
            ("PATCH", []) => self.patch(pull.clone()),
            ("PUT", ["merge"]) => self.merge(pull),
            ("POST", ["requested_reviewers"]) => self.ask_reviewers(pull.clone()),
            ("GET", ["reviews"]) => {
                let head = self.hall.head_of(&self.name, pull);
                let review = |(author, state, body): &(String, String, String)| {
                    let told = json!({"id": 1, "user": user(author), "state": state, "body": body});
                    with(shapes::around_review(&head), told)
                };
                self.ask.page(pull.reviews.iter().map(review).collect())
            }
            ("GET", ["comments"]) => self.comments(pull.number, true),
            ("POST", ["comments", id, "replies"]) => {
                let id = id.parse().unwrap_or(0);
                let said = self.hall.repository(&self.name).comments.iter();
                let line = said.filter(|said| said.id == id).find_map(|said| said.line.clone());
                if line.is_none() {
                    return not_found();
                }
                self.say(pull.number, line, Some(id))
            }
            _ => not_found(),
        }
    }

    fn patch(&mut self, mut pull: Pull) -> Reply {
        if let Some(title) = self.ask.text("title") {
            title.clone_into(&mut pull.title);
        }
        if let Some(body) = self.ask.text("body") {
            body.clone_into(&mut pull.body);
        }
        if let Some(base) = self.ask.text("base") {
            if self.bare.tip(base).is_none() {
                return invalid(json!({"resource": "PullRequest", "field": "base",
                                      "code": "invalid"}));
            }
            base.clone_into(&mut pull.base);
        }
        match (self.ask.text("state"), &pull.life) {
            (Some("closed"), Life::Open) => {
                pull.life = Life::Closed { head: self.hall.head_of(&self.name, &pull) };
            }
            (Some("open"), Life::Closed { .. }) => pull.life = Life::Open,
            (Some("open" | "closed"), Life::Merged { .. }) => {
                return invalid(json!({"resource": "PullRequest", "code": "invalid",
                                      "field": "state"}));
            }
            (_, _) => {}
        }
        self.hall.repository(&self.name).pulls.insert(pull.number, pull.clone());
        Reply::new(200, self.told(&pull, None))
    }

    fn merge(&mut self, pull: &Pull) -> Reply {
        if pull.life != Life::Open {
            return Reply::plain(405, "Pull Request is not mergeable");
        }
        if pull.draft {
            return Reply::plain(405, "Pull Request is still a draft");
        }
        let seen = self.ask.text("sha");
        match self.hall.merge(&self.name, &self.bare, pull, seen) {
            Ok(commit) => {
                let message = "Pull Request successfully merged";
                Reply::new(200, json!({"sha": commit, "merged": true, "message": message}))
            }
            Err(No::Moved) => {
                Reply::plain(409, "Head branch was modified. Review and try the merge again.")
            }
            Err(_) => Reply::plain(405, "Pull Request is not mergeable"),
        }
    }

    fn ask_reviewers(&mut self, mut pull: Pull) -> Reply {
        for login in self.ask.texts("reviewers") {
            if self.hall.right(&login) == Right::None {
                return Reply::plain(
                    422,
                    "Reviews may only be requested from collaborators. One or more of the users \
                     or teams you specified is not a collaborator",
                );
            }
            if !pull.reviewers.contains(&login) {
                pull.reviewers.push(login);
            }
        }
        self.hall.repository(&self.name).pulls.insert(pull.number, pull.clone());
        Reply::new(201, self.listed(&pull))
    }

    fn permission(&self, login: &str) -> Reply {
        let word = match self.hall.right(login) {
            Right::Admin => "admin",
            Right::Write => "write",
            Right::Read => "read",
            Right::None if self.hall.people.contains_key(login) => "none",
            Right::None => return Reply::plain(404, "Not Found"),
        };
        let permissions = json!({"pull": true, "triage": false, "push": word != "read",
                                 "maintain": false, "admin": word == "admin"});
        let asked = json!({"permissions": permissions, "role_name": word});
        let told = json!({"permission": word, "role_name": word, "user": with(user(login), asked)});
        Reply::new(200, told)
    }

    fn contents(&self, path: &str) -> Reply {
        let entry = |name: &String| {
            let full = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let kind = if self.bare.folder(&full).is_some() { "dir" } else { "file" };
            with(self.entry(&full), json!({"type": kind, "size": 0}))
        };
        if let Some(entries) = self.bare.folder(path) {
            return Reply::new(200, entries.iter().map(entry).collect());
        }
        match self.bare.file(path) {
            Some(bytes) => {
                let told = json!({"type": "file", "encoding": "base64", "size": bytes.len(),
                                  "content": STANDARD.encode(&bytes)});
                Reply::new(200, with(self.entry(path), told))
            }
            None => not_found(),
        }
    }

    fn entry(&self, path: &str) -> Value {
        let at = format!("{}:{path}", self.bare.default_branch());
        shapes::around_entry(path, &self.bare.git(&["rev-parse", &at]).unwrap_or_default())
    }

    /// One that is asked for by its number.
    pub(super) fn told(&self, pull: &Pull, mergeable: Option<bool>) -> Value {
        let merged = matches!(pull.life, Life::Merged { .. });
        let merged_by = merged.then(|| user(&self.login));
        let own = json!({"merged": merged, "mergeable": mergeable, "merged_by": merged_by});
        with(with(self.listed(pull), shapes::of_one_pull()), own)
    }

    /// One in a list, where the host says less.
    fn listed(&self, pull: &Pull) -> Value {
        let trunk = self.bare.default_branch();
        let home = pull.fork.as_ref().unwrap_or(&self.name);
        let owner = self.name.split('/').next().unwrap_or_default();
        let whose = home.split('/').next().unwrap_or_default();
        let merged = match &pull.life {
            Life::Merged { commit, .. } => Some(commit),
            Life::Open | Life::Closed { .. } => None,
        };
        let (state, closed_at) =
            if pull.life == Life::Open { ("open", None) } else { ("closed", Some(WHEN)) };
        let reviewers: Vec<Value> = pull.reviewers.iter().map(|login| user(login)).collect();
        let label = |name: &String| shapes::label(&self.name, name);
        let labels: Vec<Value> = pull.labels.iter().map(label).collect();
        let head = self.hall.head_of(&self.name, pull);
        let base = self.bare.tip(&pull.base).unwrap_or_default();
        let url = format!("{}/{}/pull/{}", self.ask.root(), self.name, pull.number);
        let told = json!({
            "number": pull.number, "node_id": format!("{}#{}", self.name, pull.number),
            "id": pull.number, "html_url": url, "title": pull.title, "body": pull.body,
            "draft": pull.draft, "state": state, "user": user(&pull.author),
            "merged_at": merged.map(|_| WHEN), "merge_commit_sha": merged, "closed_at": closed_at,
            "head": {"ref": pull.head, "sha": head, "repo": shapes::repository(home, &trunk),
                     "label": format!("{whose}:{}", pull.head), "user": user(whose)},
            "base": {"ref": pull.base, "sha": base, "repo": shapes::repository(&self.name, &trunk),
                     "label": format!("{owner}:{}", pull.base), "user": user(owner)},
            "requested_reviewers": reviewers, "labels": labels,
        });
        with(shapes::around_pull(&self.name, pull.number), told)
    }
}
