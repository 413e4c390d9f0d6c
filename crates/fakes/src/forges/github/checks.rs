//! Checks of a commit: runs of apps with what they say and print, and the older statuses.

use super::shapes::{self, user, with};
use super::{Call, invalid, not_found};
use crate::forges::ask::{Ask, Reply};
use crate::forges::hall::{Hall, Run, Status};
use serde_json::{Value, json};

/// What a job printed, from where the host stores it: whoever shows a credential there is sent away.
pub(in crate::forges) fn stored(hall: &mut Hall, ask: &Ask, repository: &str, id: &str) -> Reply {
    if ask.header("authorization").is_some() {
        return Reply::plain(400, "Only one way to authorize a request is allowed");
    }
    match hall.log(repository, id.parse().unwrap_or(0)).filter(|_| ask.query("sig").is_some()) {
        Some(log) => Reply::text(&log),
        None => Reply::plain(403, "The signature does not fit"),
    }
}

/// Where it stores that.
pub(in crate::forges) fn storage(ask: &Ask, repository: &str, id: &str) -> String {
    format!("{}/storage/logs/{repository}/{id}?sig=x", ask.root())
}

impl Call<'_> {
    pub(super) fn commit(&mut self, commit: &str, what: &str) -> Reply {
        match what {
            "check-runs" => {
                let named = self.ask.query("check_name");
                let runs = self.hall.repository(&self.name).runs.iter().rev();
                let runs = runs.filter(|run| run.commit == commit);
                let runs = runs.filter(|run| named.is_none_or(|name| name == run.name));
                let runs: Vec<Value> = runs.map(|run| self::run(&self.name, run)).collect();
                let total = runs.len();
                self.ask.page_in(runs, |page| json!({"total_count": total, "check_runs": page}))
            }
            "status" => {
                let statuses = self.hall.statuses(&self.name, commit);
                let told: Vec<Value> = statuses.iter().map(status).collect();
                let repository = shapes::small_repository(&self.name);
                let url = format!("{}/commits/{commit}", self.ask.root());
                let total = told.len();
                self.ask.page_in(told, |page| {
                    json!({"state": "pending", "statuses": page, "sha": commit, "url": url,
                           "total_count": total, "commit_url": url, "repository": repository})
                })
            }
            _ => not_found(),
        }
    }

    pub(super) fn status(&mut self, commit: &str) -> Reply {
        let text = |name| self.ask.text(name).unwrap_or_default().to_owned();
        let state = text("state");
        if !["error", "failure", "pending", "success"].contains(&state.as_str()) {
            return invalid(json!({"resource": "Status", "field": "state", "code": "invalid"}));
        }
        let link = self.ask.text("target_url").map(ToOwned::to_owned);
        let (context, description) = (text("context"), text("description"));
        let (id, commit) = (self.hall.next_id(), commit.to_owned());
        let made = Status { id, commit, context, state, description, link, log: None };
        let told = with(status(&made), json!({"creator": user(&self.login)}));
        self.hall.repository(&self.name).statuses.push(made);
        Reply::new(201, told)
    }

    /// What a run says about lines.
    pub(super) fn remarks(&mut self, id: &str) -> Reply {
        let id = id.parse().unwrap_or(0);
        let runs = &self.hall.repository(&self.name).runs;
        let Some(run) = runs.iter().find(|run| run.id == id) else { return not_found() };
        let remark = |(path, line, words): &(String, u64, String)| {
            json!({"path": path, "start_line": line, "end_line": line, "start_column": null,
                   "end_column": null, "annotation_level": "failure", "title": null,
                   "message": words, "raw_details": null, "blob_href": "https://github.example"})
        };
        self.ask.page(run.remarks.iter().map(remark).collect())
    }

    /// Says where what a job printed is stored.
    pub(super) fn log(&mut self, id: &str) -> Reply {
        match self.hall.log(&self.name, id.parse().unwrap_or(0)) {
            Some(_) => Reply::moved(302, storage(self.ask, &self.name, id)),
            None => not_found(),
        }
    }
}

fn run(repository: &str, run: &Run) -> Value {
    let id = run.id;
    let status = if run.conclusion.is_some() { "completed" } else { "in_progress" };
    let title = run.summary.as_ref().and_then(|summary| summary.lines().next());
    let output = json!({"title": title, "summary": run.summary, "text": null,
                        "annotations_count": run.remarks.len(),
                        "annotations_url": "https://github.example/annotations"});
    let (slug, page) = match &run.log {
        Some(_) => ("github-actions", format!("actions/runs/1/job/{id}")),
        None => ("checker", format!("runs/{id}")),
    };
    let app = with(shapes::around_app(slug), json!({"id": 15, "slug": slug}));
    let page = format!("https://github.example/{repository}/{page}");
    let told = json!({"id": id, "name": run.name, "status": status, "app": app,
                      "conclusion": run.conclusion, "output": output, "details_url": page,
                      "html_url": page});
    with(shapes::around_run(&run.commit), told)
}

fn status(status: &Status) -> Value {
    let told = json!({"context": status.context, "state": status.state,
                      "target_url": status.link, "description": status.description});
    with(shapes::around_status(1), told)
}
