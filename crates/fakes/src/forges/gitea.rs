//! The words of Gitea and Forgejo, below `/api/v1`: much as GitHub's, with drafts in the title,
//! labels by number, and reviews that hold their comments.

use super::ask::{Ask, Reply};
use super::bare::Merging;
use super::github::{Call, comment, not_found, repositories, user};
use super::hall::{Comment, Hall, Life, No, Pull, Right, Wish};
use serde_json::{Value, json};

pub(super) fn answer(hall: &mut Hall, ask: &Ask) -> Reply {
    let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
    let header = ask.header("authorization").unwrap_or_default();
    let token = header.strip_prefix("token ").or_else(|| header.strip_prefix("Bearer "));
    let Some(login) = hall.whose(token.unwrap_or_default()).map(ToOwned::to_owned) else {
        return Reply::plain(401, "user does not exist [uid: 0, name: ]");
    };
    match path.as_slice() {
        ["api", "v1", "user"] => Reply::new(200, user(&login)),
        ["api", "v1", "user", "repos"] => ask.page(repositories(hall, ask, &login)),
        ["api", "v1", "repos", owner, repository, rest @ ..] => {
            let name = format!("{owner}/{repository}");
            match hall.bare(&name).filter(|_| hall.right(&login) > Right::None) {
                Some(bare) => Here(Call { hall, ask, name, bare, login }).answer(rest),
                None => not_found(),
            }
        }
        _ => not_found(),
    }
}

struct Here<'a>(Call<'a>);

impl Here<'_> {
    fn answer(&mut self, path: &[&str]) -> Reply {
        let call = &self.0;
        let method = call.ask.method.as_str();
        if method != "GET" && call.hall.right(&call.login) < Right::Write {
            return Reply::plain(403, "user should have a permission to write to a repo");
        }
        match (method, path) {
            ("GET", ["branches"]) => {
                let branches = call.bare.branches();
                let told = branches.iter().map(|(name, commit)| branch(name, commit));
                call.ask.page(told.collect())
            }
            ("GET", ["branches", name]) => match call.bare.tip(name) {
                Some(commit) => Reply::new(200, branch(name, &commit)),
                None => not_found(),
            },
            ("GET", ["compare", both]) => {
                let both = both.split_once("...");
                match both.and_then(|(base, head)| call.bare.count(base, head)) {
                    Some(ahead) => Reply::new(200, json!({"total_commits": ahead, "commits": []})),
                    None => not_found(),
                }
            }
            ("GET", ["collaborators", login, "permission"])
                if call.hall.right(&call.login) < Right::Admin && *login != call.login =>
            {
                Reply::plain(403, "Only admins can query all permissions")
            }
            ("GET", ["labels"]) => self.labels(),
            ("POST", ["labels"]) => self.make_label(),
            ("POST", ["issues", number, "labels"]) => self.add_labels(number),
            ("GET", ["issues", number, "comments"]) => self.comments(number),
            ("GET", ["commits", commit, "status"]) => self.statuses(commit),
            ("GET", ["pulls"]) => self.list(),
            ("POST", ["pulls"]) => self.open(),
            (_, ["pulls", number, rest @ ..]) => {
                let number = number.parse().unwrap_or(0);
                let pulls = &self.0.hall.repository(&self.0.name).pulls;
                match pulls.get(&number).cloned() {
                    Some(pull) => self.pull(&pull, rest),
                    None => not_found(),
                }
            }
            _ => self.0.answer(path),
        }
    }

    fn statuses(&mut self, commit: &str) -> Reply {
        let call = &mut self.0;
        let statuses = call.hall.statuses(&call.name, commit);
        let told = |status: &super::hall::Status| {
            json!({"context": status.context, "status": status.state,
                   "target_url": status.link, "description": status.description})
        };
        let told: Vec<Value> = statuses.iter().map(told).collect();
        // A commit that nobody spoke of has no list at all.
        if told.is_empty() {
            return Reply::new(200, json!({"state": "", "statuses": null, "total_count": 0}));
        }
        call.ask.page_in(told, |page| json!({"state": "pending", "statuses": page}))
    }

    fn labels(&mut self) -> Reply {
        let call = &mut self.0;
        let labels = call.hall.repository(&call.name).labels.clone();
        let told = labels.iter().enumerate().map(|(at, name)| json!({"id": at + 1, "name": name}));
        call.ask.page(told.collect())
    }

    fn make_label(&mut self) -> Reply {
        let call = &mut self.0;
        let (Some(name), Some(_)) = (call.ask.text("name"), call.ask.text("color")) else {
            return Reply::plain(422, "[Name]: Required");
        };
        let labels = &mut call.hall.repository(&call.name).labels;
        labels.push(name.to_owned());
        Reply::new(201, json!({"id": labels.len(), "name": name}))
    }

    fn add_labels(&mut self, number: &str) -> Reply {
        let call = &mut self.0;
        let ids = call.ask.body.get("labels").and_then(Value::as_array).cloned();
        let repository = call.hall.repository(&call.name);
        let known = repository.labels.clone();
        let number = number.parse().unwrap_or(0);
        let pull = repository.pulls.get_mut(&number).map(|pull| &mut pull.labels);
        let issue = repository.issues.get_mut(&number).map(|issue| &mut issue.labels);
        let Some(labels) = pull.or(issue) else { return not_found() };
        for id in ids.unwrap_or_default().iter().filter_map(Value::as_u64) {
            let at = usize::try_from(id).unwrap_or(0).saturating_sub(1);
            let Some(label) = known.get(at) else { return not_found() };
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
        Reply::new(200, json!([]))
    }

    /// All in one answer: here this host knows no pages.
    fn comments(&mut self, number: &str) -> Reply {
        let call = &mut self.0;
        let number = number.parse().unwrap_or(0);
        let said = call.hall.repository(&call.name).comments.iter();
        let said = said.filter(|said| said.number == number && said.line.is_none());
        Reply::new(200, said.map(comment).collect())
    }

    fn list(&mut self) -> Reply {
        let pulls = self.0.hall.repository(&self.0.name).pulls.values().cloned();
        let mut pulls: Vec<Pull> = pulls.collect();
        match self.0.ask.query("state").unwrap_or("open") {
            "open" => pulls.retain(|pull| pull.life == Life::Open),
            "closed" => pulls.retain(|pull| pull.life != Life::Open),
            _ => {}
        }
        pulls.reverse();
        let told = pulls.iter().map(|pull| self.told(pull)).collect();
        self.0.ask.page(told)
    }

    fn open(&mut self) -> Reply {
        let call = &mut self.0;
        let text = |name| call.ask.text(name).unwrap_or_default().to_owned();
        let wish = Wish {
            author: call.login.clone(),
            title: text("title"),
            body: text("body"),
            head: text("head"),
            base: text("base"),
            draft: false,
        };
        match call.hall.open_pull(&call.name, &call.bare, wish) {
            Ok(pull) => Reply::new(201, self.told(&pull)),
            Err(No::HeadMissing | No::BaseMissing) => not_found(),
            Err(No::Exists(number)) => {
                let message =
                    format!("pull request already exists for these targets [id: {number}]");
                Reply::plain(409, &message)
            }
            Err(No::Nothing | No::Moved | No::Conflicts) => Reply::plain(422, "no changes"),
        }
    }

    fn pull(&mut self, pull: &Pull, path: &[&str]) -> Reply {
        match (self.0.ask.method.as_str(), path) {
            ("GET", []) => Reply::new(200, self.told(pull)),
            ("PATCH", []) => {
                let reply = self.0.pull(pull, path);
                if reply.status != 200 {
                    return reply;
                }
                let kept = self.0.hall.repository(&self.0.name).pulls.get(&pull.number).cloned();
                Reply::new(201, self.told(&kept.unwrap_or_else(|| pull.clone())))
            }
            ("POST", ["merge"]) => self.merge(pull),
            ("GET", ["reviews"]) => self.reviews(pull),
            ("POST", ["reviews"]) => self.review(pull.number),
            ("GET", ["reviews", id, "comments"]) => {
                let id = id.parse().unwrap_or(0);
                let said = self.0.hall.repository(&self.0.name).comments.iter();
                let said = said.filter(|said| said.id == id && said.line.is_some());
                self.0.ask.page(said.map(line).collect())
            }
            _ => self.0.pull(pull, path),
        }
    }

    fn merge(&mut self, pull: &Pull) -> Reply {
        if pull.life != Life::Open {
            return Reply::plain(405, "The PR is already merged or closed");
        }
        if is_draft(pull) {
            return Reply::plain(405, "Work in progress PRs cannot be merged");
        }
        let call = &mut self.0;
        let seen = call.ask.text("head_commit_id");
        match call.hall.merge(&call.name, &call.bare, pull, seen) {
            Ok(_) => Reply::empty(200),
            Err(No::Moved) => Reply::plain(409, "head out of date"),
            Err(_) => Reply::plain(405, "Please try again later"),
        }
    }

    /// Those that were handed in, and one for each comment on a line.
    fn reviews(&mut self, pull: &Pull) -> Reply {
        let call = &mut self.0;
        let whole = pull.reviews.iter().enumerate().map(|(at, (author, state, body))| {
            json!({"id": at + 1, "user": user(author), "state": state, "body": body})
        });
        let said = call.hall.repository(&call.name).comments.iter();
        let said = said.filter(|said| said.number == pull.number && said.line.is_some());
        let lines = said.map(|said| {
            json!({"id": said.id, "user": user(&said.author), "state": "COMMENT", "body": ""})
        });
        call.ask.page(whole.chain(lines).collect())
    }

    fn review(&mut self, number: u64) -> Reply {
        let call = &mut self.0;
        let said = call.ask.body.get("comments").and_then(Value::as_array).cloned();
        for said in said.unwrap_or_default() {
            let text = |name| said.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let line = said.get("new_position").and_then(Value::as_u64).unwrap_or(0);
            let (id, author) = (call.hall.next_id(), call.login.clone());
            let (body, line) = (text("body"), Some((text("path"), line)));
            let said = Comment { id, number, on_issue: false, author, body, line, answers: None };
            call.hall.repository(&call.name).comments.push(said);
        }
        Reply::new(200, json!({"id": call.hall.next_id(), "state": "COMMENT"}))
    }

    fn told(&mut self, pull: &Pull) -> Value {
        let call = &mut self.0;
        let clean = || {
            let (base, head) = (call.bare.tip(&pull.base)?, call.bare.tip(&pull.head)?);
            Some(matches!(call.bare.merging(&base, &head)?, Merging::Clean(_)))
        };
        let open = pull.life == Life::Open;
        // In lists nobody computes it.
        let mergeable = open && !is_draft(pull) && call.ask.path.len() > 6 && clean() == Some(true);
        let mut told = call.told(pull, Some(mergeable));
        if let Some(fields) = told.as_object_mut() {
            fields.insert("draft".to_owned(), json!(is_draft(pull)));
        }
        told
    }
}

fn is_draft(pull: &Pull) -> bool {
    let title = pull.title.to_lowercase();
    title.starts_with("wip:") || title.starts_with("[wip]")
}

fn branch(name: &str, commit: &str) -> Value {
    json!({"name": name, "commit": {"id": commit}, "protected": false})
}

fn line(said: &Comment) -> Value {
    let mut told = comment(said);
    if let (Some((_, line)), Some(fields)) = (&said.line, told.as_object_mut()) {
        fields.insert("position".to_owned(), json!(line));
        fields.remove("line");
    }
    told
}
