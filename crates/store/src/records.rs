//! Projections of the log that lists are made of: one row per agent, one per run.
//!
//! They are written with the events they follow from, never alone, so they are never behind.

pub(crate) mod writing;

use crate::error::Error;
use crate::open::Store;
use crate::sql::{flag, from_json, id, int, json, nat, statements, text};
use protocol::content::Usage;
use protocol::event::RunStatus;
use protocol::failure::Failure;
use protocol::ids::{AgentId, OrgId, RunId, Seq};
use protocol::limits::PAGE_MAX;
use sqlx::Row;
use sqlx::any::AnyRow;

const REPO: &str = "repo";
const PULL_REQUEST: &str = "pr";
/// So many agents of one status are looked through for those of one repository, whatever else there is.
const FEW: i64 = 1000;

/// A page of agents, newest first, that this is true of.
macro_rules! list_agents {
    ($condition:literal) => {
        concat!(
            "SELECT id, head_seq, name, status, repo_urls, pr_urls, archived, created_ms, ",
            "updated_ms, latest_run, branch, model, usage, cost_micros, detail, open, wake_at_ms ",
            "FROM agents WHERE org = $1 AND (created_ms, id) < ($2, $3) AND ",
            $condition,
            " AND ($6 = '' OR name_folded LIKE $6 ESCAPE '\\') ",
            "ORDER BY created_ms DESC, id DESC LIMIT $7"
        )
    };
}

statements! {
    GET_AGENT = "SELECT id, head_seq, name, status, repo_urls, pr_urls, archived, created_ms, \
        updated_ms, latest_run, branch, model, usage, cost_micros, detail, open, wake_at_ms \
        FROM agents WHERE org = $1 AND id = $2";
    LIST_AGENTS = list_agents!("archived <= $4 AND ($5 = '' OR status = $5)");
    LIST_OPEN = list_agents!("archived = $4 AND ($5 = '' OR status = $5)");
    LIST_STATUS = list_agents!("archived <= $4 AND status = $5");
    LIST_STATUS_REPO = list_agents!("archived <= $4 AND status = $5 AND EXISTS \
        (SELECT 1 FROM agent_links r WHERE r.org = agents.org AND r.agent = agents.id \
        AND r.kind = 'repo' AND r.value = $8 AND r.created_ms = agents.created_ms)");
    STATUS_COUNT = "SELECT COUNT(*) AS found FROM \
        (SELECT 1 FROM agents WHERE org = $1 AND status = $2 LIMIT $3) AS some";
    LIST_LINKED = "SELECT a.id, a.head_seq, a.name, a.status, a.repo_urls, a.pr_urls, a.archived, \
        a.created_ms, a.updated_ms, a.latest_run, a.branch, a.model, a.usage, a.cost_micros, \
        a.detail, a.open, a.wake_at_ms \
        FROM agent_links l JOIN agents a ON a.org = l.org AND a.id = l.agent \
        WHERE l.org = $1 AND l.kind = $8 AND l.value = $9 AND (l.created_ms, l.agent) < ($2, $3) \
        AND a.archived <= $4 AND ($5 = '' OR a.status = $5) \
        AND ($6 = '' OR a.name_folded LIKE $6 ESCAPE '\\') AND ($10 = '' OR EXISTS \
        (SELECT 1 FROM agent_links r WHERE r.org = a.org AND r.agent = a.id AND r.kind = 'repo' \
        AND r.value = $10 AND r.created_ms = a.created_ms)) \
        ORDER BY l.created_ms DESC, l.agent DESC LIMIT $7";
    GET_RUN = "SELECT id, status, created_ms, updated_ms, duration_ms, prompt, result, failure, \
        usage, cost_micros, git FROM runs WHERE org = $1 AND agent = $2 AND id = $3";
    LIST_RUNS = "SELECT id, status, created_ms, updated_ms, duration_ms, prompt, result, failure, \
        usage, cost_micros, git FROM runs WHERE org = $1 AND agent = $2 \
        AND (created_ms, id) < ($3, $4) ORDER BY created_ms DESC, id DESC LIMIT $5";
    WAKE = "SELECT org, id FROM agents WHERE open = 1 \
        UNION SELECT org, id FROM agents WHERE wake_at_ms IS NOT NULL AND wake_at_ms <= $1";
    REST = "UPDATE agents SET open = 0, wake_at_ms = $4 \
        WHERE org = $1 AND id = $2 AND head_seq = $3";
}

/// An agent as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRow {
    /// Its name.
    pub name: String,
    /// Its status, as the public API spells it.
    pub status: String,
    /// URLs of its repositories.
    pub repo_urls: Vec<String>,
    /// Links of its pull requests.
    pub pr_urls: Vec<String>,
    /// Takes no messages.
    pub archived: bool,
    /// When it was opened; never changes.
    pub created_ms: i64,
    /// When something last happened.
    pub updated_ms: i64,
    /// Its newest run.
    pub latest_run: Option<RunId>,
    /// The branch it works on.
    pub branch: String,
    /// Its model.
    pub model: String,
    /// Tokens of its whole life.
    pub usage: Usage,
    /// Money of its whole life, in millionths of a dollar.
    pub cost_micros: u64,
    /// Whatever else lists show, as JSON.
    pub detail: serde_json::Value,
    /// Its driver has something to do now.
    pub open: bool,
    /// When its driver has something to do again.
    pub wake_at_ms: Option<i64>,
}

/// An agent's row with its key.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRecord {
    /// Which agent.
    pub id: AgentId,
    /// The last event that the row includes.
    pub head: Seq,
    /// The row.
    pub row: AgentRow,
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Which run.
    pub run: RunId,
    /// How far it is.
    pub status: RunStatus,
    /// When it was asked; never changes.
    pub created_ms: i64,
    /// When something last happened.
    pub updated_ms: i64,
    /// From start to end.
    pub duration_ms: Option<u64>,
    /// Beginning of the prompt.
    pub prompt: String,
    /// The agent's last words.
    pub result: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Tokens.
    pub usage: Usage,
    /// Money, in millionths of a dollar.
    pub cost_micros: u64,
    /// Branches and pull requests, as JSON.
    pub git: serde_json::Value,
}

/// Where a page ends: the next one begins after this row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When the row was created.
    pub created_ms: i64,
    /// Its id.
    pub id: String,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.created_ms, self.id)
    }
}

impl Cursor {
    /// Parses the text form; none = not a cursor of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (created, id) = text.split_once('.')?;
        Some(Self { created_ms: created.parse().ok()?, id: id.to_owned() })
    }
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; none = this is the last.
    pub next: Option<Cursor>,
}

/// Which agents to list.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    /// Archived ones too.
    pub include_archived: bool,
    /// Only with this status.
    pub status: Option<String>,
    /// Only with this pull request.
    pub pr_url: Option<String>,
    /// Only with this repository.
    pub repo_url: Option<String>,
    /// Only with this in their name, whatever the case.
    pub name_contains: Option<String>,
}

/// What an agent's driver finds in its log next time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgentKey {
    /// Whose agent.
    pub org: OrgId,
    /// Which agent.
    pub agent: AgentId,
}

impl Store {
    /// One agent.
    pub async fn agent(&self, org: &OrgId, agent: AgentId) -> Result<Option<AgentRecord>, Error> {
        let row = sqlx::query(GET_AGENT)
            .bind(&org.0)
            .bind(agent.to_string())
            .fetch_optional(&self.inner.readers)
            .await?;
        row.as_ref().map(agent_record).transpose()
    }

    /// A page of agents, newest first.
    pub async fn agents(
        &self,
        org: &OrgId,
        filter: &AgentFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<AgentRecord>, Error> {
        let way = self.way(org, filter).await?;
        let (limit, cursor) = (limit.clamp(1, PAGE_MAX), Cursor::or_newest(after));
        let mut query = sqlx::query(way.statement())
            .bind(&org.0)
            .bind(cursor.created_ms)
            .bind(cursor.id)
            .bind(i64::from(filter.include_archived))
            .bind(filter.status.as_deref().unwrap_or_default())
            .bind(filter.name_contains.as_deref().map(like).unwrap_or_default())
            .bind(page_rows(limit));
        let repo = filter.repo_url.as_deref().unwrap_or_default();
        query = match way {
            Way::Linked(kind, value) => query.bind(kind).bind(value).bind(repo),
            Way::StatusRepo => query.bind(repo),
            Way::All | Way::Open | Way::Status => query,
        };
        let rows = query.fetch_all(&self.inner.readers).await?;
        let items = rows.iter().map(agent_record).collect::<Result<_, _>>()?;
        Ok(page(items, limit, |item: &AgentRecord| Cursor {
            created_ms: item.row.created_ms,
            id: item.id.to_string(),
        }))
    }

    /// The index by which the fewest rows are looked at that are not asked for.
    async fn way<'f>(&self, org: &OrgId, filter: &'f AgentFilter) -> Result<Way<'f>, Error> {
        Ok(match (&filter.pr_url, &filter.repo_url, &filter.status) {
            (Some(pr), _, _) => Way::Linked(PULL_REQUEST, pr),
            (None, Some(_), Some(status)) if self.has_few(org, status).await? => Way::StatusRepo,
            (None, Some(repo), _) => Way::Linked(REPO, repo),
            (None, None, Some(_)) => Way::Status,
            (None, None, None) if filter.include_archived => Way::All,
            (None, None, None) => Way::Open,
        })
    }

    async fn has_few(&self, org: &OrgId, status: &str) -> Result<bool, Error> {
        let query = sqlx::query(STATUS_COUNT).bind(&org.0).bind(status).bind(FEW);
        let row = query.fetch_one(&self.inner.readers).await?;
        Ok(row.try_get::<i64, _>("found")? < FEW)
    }

    /// One run.
    pub async fn run(
        &self,
        org: &OrgId,
        agent: AgentId,
        run: RunId,
    ) -> Result<Option<RunRow>, Error> {
        let row = sqlx::query(GET_RUN)
            .bind(&org.0)
            .bind(agent.to_string())
            .bind(run.to_string())
            .fetch_optional(&self.inner.readers)
            .await?;
        row.as_ref().map(run_row).transpose()
    }

    /// A page of an agent's runs, newest first.
    pub async fn runs(
        &self,
        org: &OrgId,
        agent: AgentId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<RunRow>, Error> {
        let (limit, cursor) = (limit.clamp(1, PAGE_MAX), Cursor::or_newest(after));
        let rows = sqlx::query(LIST_RUNS)
            .bind(&org.0)
            .bind(agent.to_string())
            .bind(cursor.created_ms)
            .bind(cursor.id)
            .bind(page_rows(limit))
            .fetch_all(&self.inner.readers)
            .await?;
        let items = rows.iter().map(run_row).collect::<Result<_, _>>()?;
        Ok(page(items, limit, |item: &RunRow| Cursor {
            created_ms: item.created_ms,
            id: item.run.to_string(),
        }))
    }

    /// Every agent, of all organisations, whose driver has something to do. For the driver only.
    pub async fn agents_to_wake(&self, now_ms: i64) -> Result<Vec<AgentKey>, Error> {
        let rows = sqlx::query(WAKE).bind(now_ms).fetch_all(&self.inner.readers).await?;
        rows.iter()
            .map(|row| Ok(AgentKey { org: OrgId(text(row, "org")?), agent: id(row, "id")? }))
            .collect()
    }

    /// The driver found nothing to do at `at` before `wake_at_ms`. False = the log has grown since.
    pub async fn rest(
        &self,
        org: &OrgId,
        agent: AgentId,
        at: Seq,
        wake_at_ms: Option<i64>,
    ) -> Result<bool, Error> {
        let (org, agent) = (org.0.clone(), agent.to_string());
        self.inner
            .writer
            .write(move |connection| {
                let query = sqlx::query(REST)
                    .bind(org.clone())
                    .bind(agent.clone())
                    .bind(int(at.0))
                    .bind(wake_at_ms);
                Box::pin(async move { Ok(query.execute(connection).await?.rows_affected() == 1) })
            })
            .await
    }
}

/// How a page of agents is found.
#[derive(Clone, Copy)]
enum Way<'f> {
    All,
    Open,
    Status,
    /// Those of a status, each asked whether it has the repository.
    StatusRepo,
    /// By kind and value of what they have.
    Linked(&'static str, &'f str),
}

impl Way<'_> {
    const fn statement(self) -> &'static str {
        match self {
            Self::All => LIST_AGENTS,
            Self::Open => LIST_OPEN,
            Self::Status => LIST_STATUS,
            Self::StatusRepo => LIST_STATUS_REPO,
            Self::Linked(_, _) => LIST_LINKED,
        }
    }
}

impl Cursor {
    fn or_newest(after: Option<&Self>) -> Self {
        after.cloned().unwrap_or(Self { created_ms: i64::MAX, id: String::new() })
    }
}

/// One row more than the page shows whether another page follows.
fn page_rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn page<T>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> Cursor) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(cursor) } else { None };
    Page { items, next }
}

/// A pattern that finds the text itself, whatever signs it contains.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for sign in text.to_lowercase().chars() {
        if matches!(sign, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(sign);
    }
    pattern.push('%');
    pattern
}

fn agent_record(row: &AnyRow) -> Result<AgentRecord, Error> {
    let latest: Option<String> = row.try_get("latest_run")?;
    let latest_run = latest.map(|text| RunId::parse(&text)).transpose();
    Ok(AgentRecord {
        id: id(row, "id")?,
        head: Seq(nat(row, "head_seq")?),
        row: AgentRow {
            name: text(row, "name")?,
            status: text(row, "status")?,
            repo_urls: json(row, "repo_urls")?,
            pr_urls: json(row, "pr_urls")?,
            archived: flag(row, "archived")?,
            created_ms: row.try_get("created_ms")?,
            updated_ms: row.try_get("updated_ms")?,
            latest_run: latest_run.map_err(|e| Error::damaged(e.to_string()))?,
            branch: text(row, "branch")?,
            model: text(row, "model")?,
            usage: json(row, "usage")?,
            cost_micros: nat(row, "cost_micros")?,
            detail: json(row, "detail")?,
            open: flag(row, "open")?,
            wake_at_ms: row.try_get("wake_at_ms")?,
        },
    })
}

fn run_row(row: &AnyRow) -> Result<RunRow, Error> {
    let duration: Option<i64> = row.try_get("duration_ms")?;
    let failure: Option<String> = row.try_get("failure")?;
    Ok(RunRow {
        run: id(row, "id")?,
        status: json(row, "status")?,
        created_ms: row.try_get("created_ms")?,
        updated_ms: row.try_get("updated_ms")?,
        duration_ms: duration.and_then(|ms| u64::try_from(ms).ok()),
        prompt: text(row, "prompt")?,
        result: row.try_get("result")?,
        failure: failure.map(|text| from_json(&text, "failure")).transpose()?,
        usage: json(row, "usage")?,
        cost_micros: nat(row, "cost_micros")?,
        git: json(row, "git")?,
    })
}
