//! How checks end, as the host's own jobs or somebody else's tell it.

use super::{Hall, Kind, Status};

/// What an app says of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number, which is its job's too.
    pub id: u64,
    /// Of which commit.
    pub commit: String,
    /// Its name.
    pub name: String,
    /// How it ended; none while it goes on.
    pub conclusion: Option<String>,
    /// What its page says of it.
    pub summary: Option<String>,
    /// What it says about lines: file, line, words.
    pub remarks: Vec<(String, u64, String)>,
    /// What it printed, if it is a job of the host.
    pub log: Option<String>,
}

impl Hall {
    /// A job that printed something and failed. Gitea shows no log of it, but how it ends.
    pub fn fail_check(&mut self, repository: &str, commit: &str, name: &str, log: &str) {
        self.end_check(repository, commit, name, false, log);
    }

    /// A job that ended well.
    pub fn pass_check(&mut self, repository: &str, commit: &str, name: &str) {
        self.end_check(repository, commit, name, true, "");
    }

    fn end_check(&mut self, repository: &str, commit: &str, name: &str, good: bool, log: &str) {
        let id = self.next_id();
        let (commit, name) = (commit.to_owned(), name.to_owned());
        let end = log.lines().next_back().unwrap_or_default().to_owned();
        let (bad, passed) = match self.kind {
            Kind::Github => {
                let conclusion = if good { "success" } else { "failure" };
                let (conclusion, summary) = (Some(conclusion.to_owned()), Some(end));
                let (remarks, log) = (Vec::new(), Some(log.to_owned()));
                let run = Run { id, commit, name, conclusion, summary, remarks, log };
                return self.repository(repository).runs.push(run);
            }
            Kind::Gitea => ("failure", "success"),
            Kind::Gitlab => ("failed", "success"),
            Kind::Bitbucket => ("FAILED", "SUCCESSFUL"),
        };
        let state = if good { passed } else { bad }.to_owned();
        let of = format!("https://forge.example/{repository}");
        let (description, link) = match self.kind {
            Kind::Github | Kind::Gitlab => (String::new(), None),
            Kind::Gitea => (end, Some(format!("/{repository}/actions/runs/{id}/jobs/0"))),
            Kind::Bitbucket => (String::new(), Some(format!("{of}/pipelines/results/{id}"))),
        };
        let log = (self.kind != Kind::Gitea).then(|| log.to_owned());
        let status = Status { id, commit, context: name, state, description, link, log };
        self.repository(repository).statuses.push(status);
    }

    /// What a job of the host printed.
    pub(in crate::forges) fn log(&mut self, repository: &str, id: u64) -> Option<String> {
        let kept = self.repository(repository);
        let runs = kept.runs.iter().map(|run| (run.id, &run.log));
        let jobs = runs.chain(kept.statuses.iter().map(|status| (status.id, &status.log)));
        jobs.filter(|(known, _)| *known == id).find_map(|(_, log)| log.clone())
    }
}
