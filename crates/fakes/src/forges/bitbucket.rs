//! The words of Bitbucket Cloud, below `/2.0`: people by `{uuid}`, abbreviated commits, pages that
//! name the next one in their body. Opening what is open already brings it up to date.

use super::ask::{Ask, Reply};
use super::bare::{Bare, Merging};
use super::github::{storage, stored};
use super::hall::{Comment, Hall, Issue, Life, No, Pull, Right, Status, Under, Wish};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Characters of a commit in a pull request.
const HASH_CHARS: usize = 12;
const WHEN: &str = "2026-11-01T00:00:00.000000+00:00";

struct Call<'a> {
    hall: &'a mut Hall,
    ask: &'a Ask,
    name: String,
    bare: Bare,
    login: String,
}

pub(super) fn answer(hall: &mut Hall, ask: &Ask) -> Reply {
    let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
    if let ["storage", "logs", owner, repository, id] = path.as_slice() {
        return stored(hall, ask, &format!("{owner}/{repository}"), id);
    }
    let header = ask.header("authorization").unwrap_or_default();
    let basic = header.strip_prefix("Basic ").and_then(|packed| STANDARD.decode(packed).ok());
    let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok());
    let basic = basic.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, token)| token);
    let token = header.strip_prefix("Bearer ").or(basic).unwrap_or_default();
    let Some(login) = hall.whose(token).map(ToOwned::to_owned) else {
        return no(401, "Token is invalid, expired, or not supported for this endpoint.");
    };
    match path.as_slice() {
        ["2.0", "user"] => Reply::new(200, user(&login)),
        ["2.0", "repositories"] => {
            let told = |(name, bare): (String, Bare)| {
                json!({
                    "type": "repository", "full_name": name, "is_private": true,
                    "mainbranch": {"type": "branch", "name": bare.default_branch()},
                })
            };
            page(ask, hall.seen_by(&login).into_iter().map(told).collect())
        }
        ["2.0", "repositories", owner, repository, rest @ ..] => {
            let name = format!("{owner}/{repository}");
            match hall.bare(&name).filter(|_| hall.right(&login) > Right::None) {
                Some(bare) => Call { hall, ask, name, bare, login }.answer(rest),
                None => {
                    no(404, "You may not have access to this repository or it no longer exists")
                }
            }
        }
        ["2.0", "workspaces", _, "permissions", "repositories", _] => permissions(hall, ask),
        _ => no(404, "Resource not found"),
    }
}

fn no(status: u16, message: &str) -> Reply {
    Reply::new(status, json!({"type": "error", "error": {"message": message}}))
}

fn not_found() -> Reply {
    no(404, "Resource not found")
}

/// In this hall logins are such ids already.
fn user(login: &str) -> Value {
    json!({"type": "user", "uuid": login, "display_name": login, "nickname": login})
}

/// The text between the quotes that follow a field in a question.
fn quoted<'a>(question: &'a str, field: &str) -> Option<&'a str> {
    question.split_once(&format!("{field}=\""))?.1.split_once('"').map(|(text, _)| text)
}

fn permissions(hall: &Hall, ask: &Ask) -> Reply {
    let wanted = quoted(ask.query("q").unwrap_or_default(), "user.uuid");
    let told = hall.people.iter().filter(|(login, right)| {
        **right > Right::None && wanted.is_none_or(|wanted| wanted == *login)
    });
    let told = told.map(|(login, right)| {
        let word = match right {
            Right::Admin => "admin",
            Right::Write => "write",
            Right::Read | Right::None => "read",
        };
        json!({"type": "repository_permission", "permission": word, "user": user(login)})
    });
    page(ask, told.collect())
}

fn page(ask: &Ask, items: Vec<Value>) -> Reply {
    let (number, size, total) = (ask.page_number(), ask.page_size(), items.len());
    let values: Vec<Value> = items.into_iter().skip((number - 1) * size).take(size).collect();
    let mut told = json!({"pagelen": size, "page": number, "size": total, "values": values});
    if number * size < total
        && let Some(fields) = told.as_object_mut()
    {
        fields.insert("next".to_owned(), json!(ask.page_url(number + 1)));
    }
    Reply::new(200, told)
}

impl Call<'_> {
    fn answer(&mut self, path: &[&str]) -> Reply {
        let method = self.ask.method.as_str();
        if method != "GET" && self.hall.right(&self.login) < Right::Write {
            return no(403, "Your credentials lack one or more required privilege scopes.");
        }
        match (method, path) {
            ("GET", []) => self.home(),
            ("GET", ["refs", "branches"]) => {
                let branches = self.bare.branches();
                let told = branches.iter().map(|(name, commit)| branch(name, commit));
                page(self.ask, told.collect())
            }
            ("GET", ["refs", "branches", name]) => match self.bare.tip(name) {
                Some(commit) => Reply::new(200, branch(name, &commit)),
                None => not_found(),
            },
            ("GET", ["commits"]) => {
                let side = |name| self.ask.query(name).unwrap_or_default();
                let range = format!("{}..{}", side("exclude"), side("include"));
                let said = self.bare.git(&["rev-list", &range]).unwrap_or_default();
                page(self.ask, said.lines().map(|hash| json!({"hash": hash})).collect())
            }
            ("GET", ["commit", start]) => {
                let start = format!("{start}^{{commit}}");
                match self.bare.git(&["rev-parse", "--verify", "-q", &start]) {
                    Some(hash) => Reply::new(200, json!({"hash": hash})),
                    None => not_found(),
                }
            }
            ("GET", ["commit", commit, "statuses"]) => {
                let statuses = self.hall.statuses(&self.name, commit);
                page(self.ask, statuses.iter().map(status).collect())
            }
            ("POST", ["commit", commit, "statuses", "build"]) => self.status(commit),
            ("GET", ["pipelines", rest @ ..]) => self.pipelines(rest),
            ("GET", ["pullrequests"]) => self.list(),
            ("POST", ["pullrequests"]) => self.open(),
            (_, ["pullrequests", number, rest @ ..]) => {
                let number = number.parse().unwrap_or(0);
                match self.hall.repository(&self.name).pulls.get(&number).cloned() {
                    Some(pull) => self.pull(&pull, rest),
                    None => not_found(),
                }
            }
            (_, ["issues", number, rest @ ..]) => {
                let number = number.parse().unwrap_or(0);
                match self.hall.repository(&self.name).issues.get(&number).cloned() {
                    Some(told) if rest.is_empty() => Reply::new(200, issue(&told)),
                    Some(told) => self.comments(Under::Issue(told.number), rest),
                    None => not_found(),
                }
            }
            _ => not_found(),
        }
    }

    fn home(&self) -> Reply {
        let told = json!({"full_name": self.name,
                          "mainbranch": {"type": "branch", "name": self.bare.default_branch()}});
        let mut reply = Reply::new(200, told);
        let scopes = match self.hall.right(&self.login) {
            Right::Admin => "repository:admin, pullrequest:write",
            Right::Write => "repository:write, pullrequest:write",
            Right::Read | Right::None => "repository, pullrequest",
        };
        reply.headers.push(("x-oauth-scopes", scopes.to_owned()));
        reply
    }

    fn status(&mut self, commit: &str) -> Reply {
        let text = |name| self.ask.text(name).unwrap_or_default().to_owned();
        let (context, state) = (text("key"), text("state"));
        let states = ["INPROGRESS", "SUCCESSFUL", "FAILED", "STOPPED"];
        if !states.contains(&state.as_str()) || text("url").is_empty() || context.is_empty() {
            return no(400, "Bad request");
        }
        let (id, commit, link) = (self.hall.next_id(), commit.to_owned(), Some(text("url")));
        let description = text("description");
        let made = Status { id, commit, context, state, description, link, log: None };
        let told = status(&made);
        self.hall.repository(&self.name).statuses.push(made);
        Reply::new(201, told)
    }

    /// Its own jobs; what they are called by is no number.
    fn pipelines(&mut self, path: &[&str]) -> Reply {
        let bare = |uuid: &str| uuid.trim_matches(['{', '}']).to_owned();
        let state = |word: &str| json!({"name": "COMPLETED", "result": {"name": word}});
        match path {
            [] => {
                let wanted = self.ask.query("target.commit.hash").unwrap_or_default();
                let statuses = self.hall.statuses(&self.name, wanted).into_iter();
                let told = statuses.filter(|status| status.log.is_some()).map(|status| {
                    json!({"type": "pipeline", "uuid": format!("{{{}}}", status.id),
                           "build_number": status.id, "state": state(&status.state)})
                });
                page(self.ask, told.collect())
            }
            [uuid, "steps"] => {
                let id = bare(uuid);
                let failed = json!({"uuid": format!("{{{id}}}"), "name": "Test",
                                    "state": state("FAILED")});
                let before = json!({"uuid": "{0}", "name": "Build", "state": state("SUCCESSFUL")});
                page(self.ask, vec![before, failed])
            }
            [_, "steps", uuid, "log"] => {
                let id = bare(uuid);
                match self.hall.log(&self.name, id.parse().unwrap_or(0)) {
                    Some(_) => Reply::moved(307, storage(self.ask, &self.name, &id)),
                    None => not_found(),
                }
            }
            _ => not_found(),
        }
    }

    fn list(&mut self) -> Reply {
        let pulls = self.hall.repository(&self.name).pulls.values().cloned();
        let mut pulls: Vec<Pull> = pulls.collect();
        let question = self.ask.query("q").unwrap_or_default();
        if let Some(branch) = quoted(question, "source.branch.name") {
            pulls.retain(|pull| pull.head == branch);
        }
        if self.ask.query("state") == Some("OPEN") {
            pulls.retain(|pull| pull.life == Life::Open);
        }
        pulls.reverse();
        page(self.ask, pulls.iter().map(|pull| self.told(pull)).collect())
    }

    fn open(&mut self) -> Reply {
        let text = |path| self.ask.body.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let wish = Wish {
            author: self.login.clone(),
            title: text("/title").to_owned(),
            body: text("/description").to_owned(),
            head: text("/source/branch/name").to_owned(),
            base: text("/destination/branch/name").to_owned(),
            draft: self.ask.body.get("draft").and_then(Value::as_bool).unwrap_or(false),
        };
        match self.hall.open_pull(&self.name, &self.bare, wish) {
            Ok(pull) => Reply::new(201, self.told(&pull)),
            Err(No::Exists(number)) => {
                match self.hall.repository(&self.name).pulls.get(&number).cloned() {
                    Some(pull) => {
                        let changed = self.change(pull);
                        Reply { status: 201, ..changed }
                    }
                    None => not_found(),
                }
            }
            Err(No::HeadMissing) => no(400, "source: branch not found"),
            Err(No::BaseMissing) => no(400, "destination: branch not found"),
            Err(No::Nothing | No::Moved | No::Conflicts) => {
                no(400, "There are no changes to be pulled")
            }
        }
    }

    fn pull(&mut self, pull: &Pull, path: &[&str]) -> Reply {
        let number = pull.number;
        let open = pull.life == Life::Open;
        match (self.ask.method.as_str(), path) {
            ("GET", []) => Reply::new(200, self.told(pull)),
            ("PUT", []) if open => self.change(pull.clone()),
            ("POST", ["decline"]) if open => {
                let life = Life::Closed { head: self.hall.head_of(&self.name, pull) };
                let pull = Pull { life, ..pull.clone() };
                self.hall.repository(&self.name).pulls.insert(number, pull.clone());
                Reply::new(200, self.told(&pull))
            }
            ("POST", ["merge"]) if open && !pull.draft => self.merge(pull),
            ("PUT" | "POST", [] | ["decline" | "merge"]) => no(400, "This pull request is closed."),
            ("GET", ["diffstat"]) => self.touched(pull),
            _ => self.comments(Under::Pull(number), path),
        }
    }

    fn comments(&mut self, under: Under, path: &[&str]) -> Reply {
        match (self.ask.method.as_str(), path) {
            ("GET", ["comments"]) => {
                let said = self.hall.said_under(&self.name, under);
                page(self.ask, said.iter().map(comment).collect())
            }
            ("POST", ["comments"]) => self.say(under),
            ("PUT", ["comments", id]) => self.change_comment(id),
            _ => not_found(),
        }
    }

    /// Reviewers that are not named are none any more.
    fn change(&mut self, mut pull: Pull) -> Reply {
        let text = |path| self.ask.body.pointer(path).and_then(Value::as_str);
        if let Some(title) = text("/title") {
            title.clone_into(&mut pull.title);
        }
        if let Some(body) = text("/description") {
            body.clone_into(&mut pull.body);
        }
        if let Some(base) = text("/destination/branch/name") {
            base.clone_into(&mut pull.base);
        }
        if let Some(draft) = self.ask.body.get("draft").and_then(Value::as_bool) {
            pull.draft = draft;
        }
        let named = self.ask.body.get("reviewers").and_then(Value::as_array);
        let named = named.into_iter().flatten().filter_map(|user| user.get("uuid")?.as_str());
        pull.reviewers = named.map(ToOwned::to_owned).collect();
        if let Some(outsider) =
            pull.reviewers.iter().find(|login| self.hall.right(login) == Right::None)
        {
            return no(400, &format!("reviewers: {outsider} is not a member"));
        }
        self.hall.repository(&self.name).pulls.insert(pull.number, pull.clone());
        Reply::new(200, self.told(&pull))
    }

    fn merge(&mut self, pull: &Pull) -> Reply {
        match self.hall.merge(&self.name, &self.bare, pull, None) {
            Ok(_) => {
                let kept = self.hall.repository(&self.name).pulls.get(&pull.number).cloned();
                Reply::new(200, self.told(&kept.unwrap_or_else(|| pull.clone())))
            }
            Err(_) => no(409, "You can't merge until you resolve all merge conflicts."),
        }
    }

    fn touched(&mut self, pull: &Pull) -> Reply {
        let range = format!("{}...{}", pull.base, pull.head);
        let said = self.bare.git(&["diff", "--name-only", &range]).unwrap_or_default();
        // Which of them conflict is told by the lines that git adds for people.
        let conflicts = match self.bare.merging(&pull.base, &pull.head) {
            Some(Merging::Conflicts) => self.bare.conflict_files(&pull.base, &pull.head),
            Some(Merging::Clean(_)) | None => Vec::new(),
        };
        let told = said.lines().map(|path| {
            let conflicts = conflicts.iter().any(|conflict| conflict == path);
            let status = if conflicts { "merge conflict" } else { "modified" };
            json!({"type": "diffstat", "status": status, "new": {"path": path},
                   "old": {"path": path}})
        });
        page(self.ask, told.collect())
    }

    fn say(&mut self, under: Under) -> Reply {
        let text = self.ask.body.pointer("/content/raw").and_then(Value::as_str);
        let Some(body) = text.map(ToOwned::to_owned) else { return no(400, "Bad request") };
        let answers = self.ask.body.pointer("/parent/id").and_then(Value::as_u64);
        let said = self.hall.repository(&self.name).comments.iter();
        let line = said.filter(|said| Some(said.id) == answers).find_map(|said| said.line.clone());
        let (id, author) = (self.hall.next_id(), self.login.clone());
        let (number, on_issue) = (under.number(), under.is_issue());
        let said = Comment { id, number, on_issue, author, body, line, answers };
        let told = comment(&said);
        self.hall.repository(&self.name).comments.push(said);
        Reply::new(201, told)
    }

    fn change_comment(&mut self, id: &str) -> Reply {
        let (id, login) = (id.parse().unwrap_or(0), self.login.clone());
        let text = self.ask.body.pointer("/content/raw").and_then(Value::as_str);
        let body = text.unwrap_or_default().to_owned();
        let comments = &mut self.hall.repository(&self.name).comments;
        match comments.iter_mut().find(|said| said.id == id) {
            Some(said) if said.author == login => {
                said.body = body;
                Reply::new(200, comment(said))
            }
            Some(_) => no(403, "Only the author may change a comment."),
            None => not_found(),
        }
    }

    fn told(&self, pull: &Pull) -> Value {
        let short = |hash: &str| hash.chars().take(HASH_CHARS).collect::<String>();
        let (state, commit) = match &pull.life {
            Life::Open => ("OPEN", None),
            Life::Closed { .. } => ("DECLINED", None),
            Life::Merged { commit, .. } => ("MERGED", Some(json!({"hash": short(commit)}))),
        };
        let end = |home: &str, name: &str, hash: &str| {
            json!({"branch": {"name": name}, "commit": {"hash": short(hash)},
                   "repository": {"full_name": home}})
        };
        let home = pull.fork.as_ref().unwrap_or(&self.name);
        let head = self.hall.head_of(&self.name, pull);
        let base = self.bare.tip(&pull.base).unwrap_or_default();
        let reviewers: Vec<Value> = pull.reviewers.iter().map(|login| user(login)).collect();
        let stands = pull.reviews.iter().map(|(login, word, _)| {
            json!({"user": user(login), "role": "REVIEWER", "approved": word == "approved",
                   "state": word})
        });
        let url = format!("{}/{}/pull-requests/{}", self.ask.root(), self.name, pull.number);
        json!({
            "type": "pullrequest", "id": pull.number, "title": pull.title,
            "description": pull.body, "state": state, "draft": pull.draft,
            "source": end(home, &pull.head, &head),
            "destination": end(&self.name, &pull.base, &base),
            "merge_commit": commit, "author": user(&pull.author), "reviewers": reviewers,
            "participants": stands.collect::<Vec<_>>(), "created_on": WHEN,
            "links": {"html": {"href": url}},
        })
    }
}

fn branch(name: &str, commit: &str) -> Value {
    json!({"type": "branch", "name": name, "target": {"hash": commit}})
}

fn comment(said: &Comment) -> Value {
    let inline = said.line.as_ref().map(|(path, line)| json!({"path": path, "to": line}));
    let mut told = json!({"id": said.id, "content": {"raw": said.body}, "deleted": false,
                          "user": user(&said.author), "created_on": WHEN});
    if let Some(fields) = told.as_object_mut() {
        if let Some(inline) = inline {
            fields.insert("inline".to_owned(), inline);
        }
        if let Some(parent) = said.answers {
            fields.insert("parent".to_owned(), json!({"id": parent}));
        }
    }
    told
}

fn issue(issue: &Issue) -> Value {
    let state = if issue.is_open { "new" } else { "resolved" };
    let assignee = issue.assignees.first().map(|login| user(login));
    json!({"type": "issue", "id": issue.number, "title": issue.title, "state": state,
           "content": {"raw": issue.body, "markup": "markdown"}, "kind": "bug",
           "reporter": user(&issue.author), "assignee": assignee, "created_on": WHEN})
}

fn status(status: &Status) -> Value {
    json!({"key": status.context, "name": status.context, "state": status.state,
           "url": status.link, "description": status.description})
}
