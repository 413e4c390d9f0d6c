//! Issues, what is said under them, and under pull requests, which are issues too.

use super::shapes::{self, WHEN, user, with};
use super::{Call, not_found};
use crate::forges::ask::Reply;
use crate::forges::hall::{Comment, Issue, Life};
use serde_json::{Value, json};

impl Call<'_> {
    pub(super) fn issues(&mut self, path: &[&str]) -> Reply {
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        match (self.ask.method.as_str(), path) {
            ("GET", [of]) => self.issue(number(of)),
            ("GET", [of, "comments"]) => self.comments(number(of), false),
            ("POST", [of, "comments"]) => self.say(number(of), None, None),
            ("PATCH", ["comments", id]) => {
                let (id, login) = (number(id), self.login.clone());
                let text = self.ask.text("body").unwrap_or_default().to_owned();
                let comments = &mut self.hall.repository(&self.name).comments;
                match comments.iter_mut().find(|said| said.id == id) {
                    Some(said) if said.author == login => {
                        said.body = text;
                        Reply::new(200, comment(said))
                    }
                    Some(_) => Reply::plain(403, "Must have admin rights to Repository."),
                    None => not_found(),
                }
            }
            ("POST", [of, "labels"]) => {
                let labels = self.ask.texts("labels");
                let kept = self.hall.repository(&self.name);
                let pull = kept.pulls.get_mut(&number(of)).map(|pull| &mut pull.labels);
                let issue = kept.issues.get_mut(&number(of)).map(|issue| &mut issue.labels);
                let Some(known) = pull.or(issue) else { return not_found() };
                for label in labels {
                    if !known.contains(&label) {
                        known.push(label);
                    }
                }
                let told = known.iter().map(|name| shapes::label(&self.name, name));
                Reply::new(200, told.collect())
            }
            _ => not_found(),
        }
    }

    pub(super) fn comments(&mut self, number: u64, lines: bool) -> Reply {
        let said = self.hall.repository(&self.name).comments.iter();
        let said = said.filter(|said| said.number == number && said.line.is_some() == lines);
        let told = said.map(comment).collect();
        self.ask.page(told)
    }

    pub(super) fn say(
        &mut self,
        number: u64,
        line: Option<(String, u64)>,
        answers: Option<u64>,
    ) -> Reply {
        let kept = self.hall.repository(&self.name);
        let on_issue = kept.issues.contains_key(&number);
        if !on_issue && !kept.pulls.contains_key(&number) {
            return not_found();
        }
        let body = self.ask.text("body").unwrap_or_default().to_owned();
        let (id, author) = (self.hall.next_id(), self.login.clone());
        let said = Comment { id, number, on_issue, author, body, line, answers };
        let told = comment(&said);
        self.hall.repository(&self.name).comments.push(said);
        Reply::new(201, told)
    }

    /// A pull request is told as the issue that it is too.
    fn issue(&mut self, number: u64) -> Reply {
        let kept = self.hall.repository(&self.name);
        let pull = kept.pulls.get(&number).map(|pull| Issue {
            number,
            author: pull.author.clone(),
            title: pull.title.clone(),
            body: pull.body.clone(),
            is_open: pull.life == Life::Open,
            assignees: Vec::new(),
            labels: pull.labels.clone(),
        });
        let is_pull = pull.is_some();
        let Some(issue) = pull.or_else(|| kept.issues.get(&number).cloned()) else {
            return not_found();
        };
        let said = kept.comments.iter().filter(|said| said.number == number).count();
        let mut told = with(self.issue_told(&issue), json!({"comments": said}));
        if is_pull {
            let url = format!("{}/{}/pull/{number}", self.ask.root(), self.name);
            let links = json!({"url": url, "html_url": url, "diff_url": url, "patch_url": url});
            told = with(told, json!({"pull_request": links}));
        }
        Reply::new(200, told)
    }

    fn issue_told(&self, issue: &Issue) -> Value {
        let (state, closed_at) =
            if issue.is_open { ("open", None) } else { ("closed", Some(WHEN)) };
        let assignees: Vec<Value> = issue.assignees.iter().map(|login| user(login)).collect();
        let label = |name: &String| shapes::label(&self.name, name);
        let labels: Vec<Value> = issue.labels.iter().map(label).collect();
        let told = json!({
            "number": issue.number, "title": issue.title, "body": issue.body, "state": state,
            "closed_at": closed_at, "user": user(&issue.author),
            "assignee": assignees.first(), "assignees": assignees, "labels": labels,
        });
        with(shapes::around_issue(&self.name, issue.number), told)
    }
}

pub(in crate::forges) fn comment(said: &Comment) -> Value {
    let told = json!({"id": said.id, "user": user(&said.author), "body": said.body});
    match (&said.line, said.answers) {
        (None, _) => {
            let issue = format!("https://github.example/issues/{}", said.number);
            with(with(shapes::around_comment(said.id), json!({"issue_url": issue})), told)
        }
        (Some((path, line)), answers) => {
            let at = json!({"path": path, "line": line});
            let told = with(with(shapes::around_line_comment(said.id, ""), told), at);
            match answers {
                Some(answers) => with(told, json!({"in_reply_to_id": answers})),
                None => told,
            }
        }
    }
}
