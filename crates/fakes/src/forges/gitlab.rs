//! The words of GitLab, below `/api/v4`: merge requests, notes and discussions.

use super::ask::{Ask, Reply};
use super::bare::Bare;
use super::hall::{Comment, Hall, Issue, Life, No, Pull, Right, Status, Under, Wish};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const WHEN: &str = "2026-11-01T00:00:00.000Z";

struct Call<'a> {
    hall: &'a mut Hall,
    ask: &'a Ask,
    name: String,
    project: u64,
    bare: Bare,
    login: String,
}

pub(super) fn answer(hall: &mut Hall, ask: &Ask) -> Reply {
    let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
    let bearer = ask.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let token = ask.header("private-token").or(bearer).unwrap_or_default();
    let Some(login) = hall.whose(token).map(ToOwned::to_owned) else {
        return Reply::plain(401, "401 Unauthorized");
    };
    match path.as_slice() {
        ["api", "v4", "user"] => Reply::new(200, user(hall, &login)),
        ["api", "v4", "users"] => {
            let wanted = ask.query("username").unwrap_or_default();
            let known = hall.people.contains_key(wanted);
            let told = known.then(|| user(hall, wanted));
            Reply::new(200, told.into_iter().collect())
        }
        ["api", "v4", "personal_access_tokens", "self"] => {
            Reply::new(200, json!({"id": 1, "scopes": ["api", "write_repository"], "active": true}))
        }
        ["api", "v4", "projects"] => {
            let all = hall.seen_by(&login);
            let told = |(name, bare): (String, Bare)| {
                json!({
                    "id": hall.number_of(&name), "path_with_namespace": name,
                    "http_url_to_repo": format!("{}/{name}.git", ask.root()),
                    "default_branch": bare.default_branch(), "visibility": "private",
                })
            };
            ask.page(all.into_iter().map(told).collect())
        }
        ["api", "v4", "projects", name, rest @ ..] => {
            // By number or by path.
            let known = name.parse().ok().and_then(|number| hall.name_of(number));
            let name = known.unwrap_or(name).to_owned();
            match hall.bare(&name).filter(|_| hall.right(&login) > Right::None) {
                Some(bare) => {
                    let project = hall.number_of(&name);
                    Call { hall, ask, name, project, bare, login }.answer(rest)
                }
                None => Reply::plain(404, "404 Project Not Found"),
            }
        }
        _ => Reply::new(404, json!({"error": "404 Not Found"})),
    }
}

/// A person; numbers are places in the list of all.
fn user(hall: &Hall, login: &str) -> Value {
    let id = hall.people.keys().position(|name| name == login).unwrap_or(0) + 1;
    json!({"id": id, "username": login, "name": login, "state": "active"})
}

fn not_found() -> Reply {
    Reply::plain(404, "404 Not found")
}

impl Call<'_> {
    fn answer(&mut self, path: &[&str]) -> Reply {
        let method = self.ask.method.as_str();
        if method != "GET" && self.hall.right(&self.login) < Right::Write {
            return Reply::plain(403, "403 Forbidden");
        }
        match (method, path) {
            ("GET", []) => {
                let access = json!({"access_level": level(self.hall.right(&self.login))});
                let told = json!({
                    "id": self.project, "path_with_namespace": self.name,
                    "default_branch": self.bare.default_branch(),
                    "permissions": {"project_access": access, "group_access": null},
                });
                Reply::new(200, told)
            }
            ("GET", ["repository", rest @ ..]) => self.repository(rest),
            ("POST", ["statuses", commit]) => self.status(commit),
            ("GET", ["members", "all", id]) => self.member(id),
            ("GET", ["merge_requests"]) => self.list(),
            ("POST", ["merge_requests"]) => self.open(),
            (_, ["merge_requests", number, rest @ ..]) => {
                let number = number.parse().unwrap_or(0);
                match self.hall.repository(&self.name).pulls.get(&number).cloned() {
                    Some(pull) => self.pull(&pull, rest),
                    None => not_found(),
                }
            }
            (_, ["issues", number, rest @ ..]) => {
                let number = number.parse().unwrap_or(0);
                match self.hall.repository(&self.name).issues.get(&number).cloned() {
                    Some(issue) => self.issue(&issue, rest),
                    None => not_found(),
                }
            }
            ("GET", ["jobs", id, "trace"]) => {
                match self.hall.log(&self.name, id.parse().unwrap_or(0)) {
                    Some(log) => Reply::text(&log),
                    None => not_found(),
                }
            }
            _ => not_found(),
        }
    }

    fn issue(&mut self, issue: &Issue, path: &[&str]) -> Reply {
        match (self.ask.method.as_str(), path) {
            ("GET", []) => {
                let state = if issue.is_open { "opened" } else { "closed" };
                let assignees = issue.assignees.iter().map(|login| user(self.hall, login));
                Reply::new(
                    200,
                    json!({
                        "id": 2000 + issue.number, "iid": issue.number, "title": issue.title,
                        "description": issue.body, "state": state, "project_id": self.project,
                        "author": user(self.hall, &issue.author), "labels": issue.labels,
                        "assignees": assignees.collect::<Vec<_>>(), "created_at": WHEN,
                    }),
                )
            }
            (_, ["notes", rest @ ..]) => self.notes(Under::Issue(issue.number), rest),
            _ => not_found(),
        }
    }

    fn notes(&mut self, under: Under, path: &[&str]) -> Reply {
        match (self.ask.method.as_str(), path) {
            ("GET", []) => {
                let said = self.hall.said_under(&self.name, under);
                self.ask.page(said.iter().map(|said| self.note(said)).collect())
            }
            ("POST", []) => self.say(under, None, None),
            ("PUT", [id]) => self.change_note(id),
            _ => not_found(),
        }
    }

    fn repository(&mut self, path: &[&str]) -> Reply {
        match path {
            ["branches"] => {
                let branches = self.bare.branches();
                let told = branches.iter().map(|(name, commit)| branch(name, commit));
                self.ask.page(told.collect())
            }
            ["branches", name] => match self.bare.tip(name) {
                Some(commit) => Reply::new(200, branch(name, &commit)),
                None => Reply::plain(404, "404 Branch Not Found"),
            },
            ["compare"] => self.compare(),
            ["commits", commit, "statuses"] => {
                let mut statuses = self.hall.statuses(&self.name, commit);
                if let Some(name) = self.ask.query("name") {
                    statuses.retain(|status| status.context == name);
                }
                self.ask.page(statuses.iter().map(status).collect())
            }
            ["tree"] => {
                let folder = self.ask.query("path").unwrap_or_default();
                let entry = |name: &String| json!({"name": name, "path": format!("{folder}/{name}"), "type": "blob"});
                match self.bare.folder(folder) {
                    Some(names) => self.ask.page(names.iter().map(entry).collect()),
                    None => Reply::plain(404, "404 Tree Not Found"),
                }
            }
            ["files", path] => match self.bare.file(path) {
                Some(bytes) => {
                    let content = STANDARD.encode(bytes);
                    Reply::new(200, json!({"file_path": path, "content": content}))
                }
                None => Reply::plain(404, "404 File Not Found"),
            },
            _ => not_found(),
        }
    }

    fn compare(&self) -> Reply {
        let side = |name| self.ask.query(name).unwrap_or_default();
        let range = format!("{}..{}", side("from"), side("to"));
        match self.bare.git(&["rev-list", &range]) {
            Some(said) => {
                let commits: Vec<Value> = said.lines().map(|id| json!({"id": id})).collect();
                Reply::new(200, json!({"commits": commits}))
            }
            None => not_found(),
        }
    }

    fn status(&mut self, commit: &str) -> Reply {
        let text = |name| self.ask.text(name).unwrap_or_default().to_owned();
        let (context, state) = (text("name"), text("state"));
        let states = ["pending", "running", "success", "failed", "canceled", "skipped"];
        if !states.contains(&state.as_str()) {
            return Reply::new(400, json!({"error": "state does not have a valid value"}));
        }
        let now = self.hall.statuses(&self.name, commit);
        if now.iter().any(|now| now.context == context && now.state == state) {
            let message = format!("Cannot transition status via :enqueue from :{state}");
            return Reply::plain(400, &message);
        }
        let link = self.ask.text("target_url").map(ToOwned::to_owned);
        let (id, commit) = (self.hall.next_id(), commit.to_owned());
        let description = text("description");
        let made = Status { id, commit, context, state, description, link, log: None };
        let told = status(&made);
        self.hall.repository(&self.name).statuses.push(made);
        Reply::new(201, told)
    }

    fn member(&self, id: &str) -> Reply {
        let at = id.parse::<usize>().unwrap_or(0).checked_sub(1);
        let found = at.and_then(|at| self.hall.people.iter().nth(at));
        match found.filter(|(_, right)| **right > Right::None) {
            Some((login, right)) => {
                Reply::new(200, json!({"username": login, "access_level": level(*right)}))
            }
            None => not_found(),
        }
    }

    fn list(&mut self) -> Reply {
        let pulls = self.hall.repository(&self.name).pulls.values().cloned();
        let mut pulls: Vec<Pull> = pulls.collect();
        match self.ask.query("state").unwrap_or("all") {
            "opened" => pulls.retain(|pull| pull.life == Life::Open),
            "all" => {}
            _ => pulls.retain(|pull| pull.life != Life::Open),
        }
        if let Some(branch) = self.ask.query("source_branch") {
            pulls.retain(|pull| pull.head == branch);
        }
        pulls.reverse();
        let told = pulls.iter().map(|pull| self.told(pull, None)).collect();
        self.ask.page(told)
    }

    fn open(&mut self) -> Reply {
        let text = |name| self.ask.text(name).unwrap_or_default().to_owned();
        let wish = Wish {
            author: self.login.clone(),
            title: text("title"),
            body: text("description"),
            head: text("source_branch"),
            base: text("target_branch"),
            draft: false,
        };
        if wish.title.is_empty() {
            return Reply::new(400, json!({"error": "title is missing"}));
        }
        let no = |status, words: &str| Reply::new(status, json!({"message": [words]}));
        match self.hall.open_pull(&self.name, &self.bare, wish) {
            Ok(pull) => Reply::new(201, self.told(&pull, None)),
            Err(No::Exists(number)) => {
                let open = "Another open merge request already exists for this source branch";
                no(409, &format!("{open}: !{number}"))
            }
            Err(No::HeadMissing | No::BaseMissing) => {
                let words = json!({"base": ["Source or target branch does not exist"]});
                Reply::new(422, json!({"message": words}))
            }
            Err(No::Nothing | No::Moved | No::Conflicts) => no(422, "there is nothing to merge"),
        }
    }

    fn pull(&mut self, pull: &Pull, path: &[&str]) -> Reply {
        let number = pull.number;
        match (self.ask.method.as_str(), path) {
            ("GET", []) => {
                let name = self.name.clone();
                let open = pull.life == Life::Open;
                let found = if open { self.hall.mergeable(&name, &self.bare, pull) } else { None };
                Reply::new(200, self.told(pull, found))
            }
            ("PUT", []) => self.change(pull.clone()),
            ("PUT", ["merge"]) => self.merge(pull),
            (_, ["notes", rest @ ..]) => self.notes(Under::Pull(number), rest),
            ("GET", ["discussions"]) => self.discussions(number),
            ("POST", ["discussions", id, "notes"]) => {
                let id = id.strip_prefix("d").and_then(|id| id.parse().ok()).unwrap_or(0);
                let said = self.hall.repository(&self.name).comments.iter();
                let line = said.filter(|said| said.id == id).find_map(|said| said.line.clone());
                if line.is_none() {
                    return Reply::plain(404, "404 Discussion Not Found");
                }
                self.say(Under::Pull(number), line, Some(id))
            }
            ("GET", ["approvals"]) => {
                let by = pull.reviews.iter().filter(|(_, word, _)| word == "approved");
                let by = by.map(|(login, _, _)| json!({"user": user(self.hall, login)}));
                Reply::new(200, json!({"approved_by": by.collect::<Vec<_>>()}))
            }
            ("GET", ["reviewers"]) => {
                let told = pull
                    .reviewers
                    .iter()
                    .map(|login| json!({"user": user(self.hall, login), "state": "unreviewed"}));
                Reply::new(200, told.collect())
            }
            _ => not_found(),
        }
    }

    fn change(&mut self, mut pull: Pull) -> Reply {
        if let Some(title) = self.ask.text("title") {
            title.clone_into(&mut pull.title);
        }
        if let Some(body) = self.ask.text("description") {
            body.clone_into(&mut pull.body);
        }
        if let Some(base) = self.ask.text("target_branch") {
            base.clone_into(&mut pull.base);
        }
        match (self.ask.text("state_event"), &pull.life) {
            (Some("close"), Life::Open) => {
                pull.life = Life::Closed { head: self.hall.head_of(&self.name, &pull) };
            }
            (Some("reopen"), Life::Closed { .. }) => pull.life = Life::Open,
            (_, _) => {}
        }
        if let Some(ids) = self.ask.body.get("reviewer_ids").and_then(Value::as_array) {
            let at = |id: &Value| usize::try_from(id.as_u64()?).ok()?.checked_sub(1);
            let named = ids.iter().filter_map(at).filter_map(|at| self.hall.people.keys().nth(at));
            pull.reviewers = named.cloned().collect();
        }
        for label in self.ask.text("add_labels").unwrap_or_default().split(',') {
            if !label.is_empty() && !pull.labels.iter().any(|known| known == label) {
                pull.labels.push(label.to_owned());
            }
        }
        self.hall.repository(&self.name).pulls.insert(pull.number, pull.clone());
        Reply::new(200, self.told(&pull, None))
    }

    fn merge(&mut self, pull: &Pull) -> Reply {
        if pull.life != Life::Open || is_draft(pull) {
            return Reply::plain(405, "405 Method Not Allowed");
        }
        // This host takes what is ordered from the query too.
        let seen = self.ask.text("sha").or_else(|| self.ask.query("sha"));
        match self.hall.merge(&self.name, &self.bare, pull, seen) {
            Ok(_) => {
                let kept = self.hall.repository(&self.name).pulls.get(&pull.number).cloned();
                Reply::new(200, self.told(&kept.unwrap_or_else(|| pull.clone()), None))
            }
            Err(No::Moved) => Reply::plain(409, "SHA does not match HEAD of source branch"),
            Err(_) => Reply::plain(422, "Branch cannot be merged"),
        }
    }

    fn say(&mut self, under: Under, line: Option<(String, u64)>, answers: Option<u64>) -> Reply {
        let body = self.ask.text("body").unwrap_or_default().to_owned();
        if body.is_empty() {
            return Reply::new(400, json!({"error": "body is missing"}));
        }
        let (id, author) = (self.hall.next_id(), self.login.clone());
        let (number, on_issue) = (under.number(), under.is_issue());
        let said = Comment { id, number, on_issue, author, body, line, answers };
        self.hall.repository(&self.name).comments.push(said.clone());
        Reply::new(201, self.note(&said))
    }

    fn change_note(&mut self, id: &str) -> Reply {
        let (id, login) = (id.parse().unwrap_or(0), self.login.clone());
        let body = self.ask.text("body").unwrap_or_default().to_owned();
        let comments = &mut self.hall.repository(&self.name).comments;
        let Some(said) = comments.iter_mut().find(|said| said.id == id) else {
            return not_found();
        };
        if said.author != login {
            return Reply::plain(403, "403 Forbidden");
        }
        said.body = body;
        let said = said.clone();
        Reply::new(200, self.note(&said))
    }

    fn discussions(&mut self, number: u64) -> Reply {
        let all = self.hall.said_under(&self.name, Under::Pull(number));
        let begun = all.iter().filter(|said| said.answers.is_none());
        let told = begun.map(|first| {
            let notes =
                all.iter().filter(|said| said.id == first.id || said.answers == Some(first.id));
            let notes: Vec<Value> = notes.map(|said| self.note(said)).collect();
            json!({"id": format!("d{}", first.id), "individual_note": first.line.is_none(),
                   "notes": notes})
        });
        self.ask.page(told.collect())
    }

    fn note(&self, said: &Comment) -> Value {
        let position = said.line.as_ref().map(|(path, line)| {
            json!({"new_path": path, "old_path": path, "new_line": line, "old_line": null})
        });
        json!({
            "id": said.id, "body": said.body, "author": user(self.hall, &said.author),
            "system": false, "type": said.line.as_ref().map(|_| "DiffNote"),
            "position": position, "created_at": WHEN,
        })
    }

    fn told(&self, pull: &Pull, mergeable: Option<bool>) -> Value {
        let (state, commit) = match &pull.life {
            Life::Open => ("opened", None),
            Life::Closed { .. } => ("closed", None),
            Life::Merged { commit, .. } => ("merged", Some(commit)),
        };
        let status = match mergeable {
            Some(true) => "can_be_merged",
            Some(false) => "cannot_be_merged",
            None => "checking",
        };
        // Of forks the number alone matters.
        let source = if pull.fork.is_some() { self.project + 1_000_000 } else { self.project };
        let reviewers: Vec<Value> =
            pull.reviewers.iter().map(|login| user(self.hall, login)).collect();
        let url = format!("{}/{}/-/merge_requests/{}", self.ask.root(), self.name, pull.number);
        json!({
            "id": 1000 + pull.number, "iid": pull.number, "title": pull.title,
            "description": pull.body, "state": state, "draft": is_draft(pull),
            "sha": self.hall.head_of(&self.name, pull), "source_branch": pull.head,
            "target_branch": pull.base, "source_project_id": source, "project_id": self.project,
            "target_project_id": self.project, "merge_commit_sha": commit, "merge_status": status,
            "author": user(self.hall, &pull.author), "reviewers": reviewers, "web_url": url,
            "labels": pull.labels, "created_at": WHEN,
        })
    }
}

fn level(right: Right) -> u64 {
    match right {
        Right::None => 0,
        Right::Read => 20,
        Right::Write => 30,
        Right::Admin => 40,
    }
}

fn is_draft(pull: &Pull) -> bool {
    let title = pull.title.to_lowercase();
    ["draft:", "[draft]", "(draft)"].iter().any(|mark| title.starts_with(mark))
}

fn branch(name: &str, commit: &str) -> Value {
    json!({"name": name, "commit": {"id": commit}, "default": false})
}

fn status(status: &Status) -> Value {
    json!({"id": status.id, "name": status.context, "status": status.state,
           "target_url": status.link, "description": status.description, "sha": status.commit})
}
