//! Fifty thousand agents: no page of a list looks at more rows than it shows.
//!
//! Counted are the steps of SQLite's virtual machine, of which each row looked at takes a few.

use super::statements::all;
use crate::Store;
use crate::conformance::{append, org};
use crate::records::{AgentFilter, Cursor};
use protocol::ids::AgentId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Agents, and runs of the first of them.
const CROWD: u64 = 50_000;
/// Rows of a page.
const PAGE: i64 = 20;
/// Steps that one row shown may take.
const STEPS_PER_ROW: u64 = 60;

/// The first agent, as if it were many: every hundredth is active, half are archived, all have one
/// repository, every thousandth a pull request of its own.
const MULTIPLY: [&str; 4] = [
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
     INSERT INTO agents SELECT org, printf('bc-00000000-0000-4000-8000-%012d', i), head_seq, head_hash, \
     'agent ' || i, 'agent ' || i, CASE WHEN i % 5000 = 1 THEN 'ACTIVE' WHEN i % 2 = 0 THEN 'ARCHIVED' \
     ELSE 'IDLE' END, repo_urls, pr_urls, 1 - i % 2, i, i, latest_run, branch, model, usage, \
     cost_micros, detail, 0, NULL FROM n, (SELECT * FROM agents LIMIT 1) AS first",
    "INSERT INTO agent_links SELECT org, 'repo', 'https://forge.example/crowd', created_ms, id \
     FROM agents WHERE id LIKE 'bc-00000000-0000-4000%'",
    "INSERT INTO agent_links SELECT org, 'pr', 'https://forge.example/pr/' || id, created_ms, id \
     FROM agents WHERE created_ms % 1000 = 0",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
     INSERT INTO runs SELECT org, 'bc-00000000-0000-4000-8000-000000000001', printf('run-00000000-0000-4000-8000-%012d', i), '\"FINISHED\"', i, i, 1, 'p', \
     'r', NULL, '{}', 0, '[]' FROM n, (SELECT org FROM agents LIMIT 1) AS first",
];

struct Counter {
    connection: SqliteConnection,
    steps: Arc<AtomicU64>,
}

impl Counter {
    async fn open(folder: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(folder.join("errand.db"));
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&steps);
        connection.lock_handle().await.unwrap().set_progress_handler(1, move || {
            counted.fetch_add(1, Ordering::Relaxed);
            true
        });
        Self { connection, steps }
    }

    /// Rows that a statement gives and steps that it takes.
    async fn count(&mut self, name: &str, values: &[Value<'_>]) -> (usize, u64) {
        let (_, text) = all().into_iter().find(|(known, _)| *known == name).unwrap();
        let mut query = sqlx::query(AssertSqlSafe(text));
        for value in values {
            query = match value {
                Value::Number(number) => query.bind(*number),
                Value::Text(text) => query.bind(*text),
            };
        }
        self.steps.store(0, Ordering::Relaxed);
        let rows = query.fetch_all(&mut self.connection).await.unwrap().len();
        (rows, self.steps.load(Ordering::Relaxed))
    }
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

async fn crowded(folder: &Path) -> Store {
    let store = Store::open(folder).await.unwrap();
    let first = AgentId::from_uuid(Uuid::from_u128(1));
    store.append(append(&org("crowd"), first, 0, &["opened"])).await.unwrap();
    let mut connection = SqliteConnection::connect_with(
        &SqliteConnectOptions::new().filename(folder.join("errand.db")),
    )
    .await
    .unwrap();
    for statement in MULTIPLY {
        connection.execute(statement).await.unwrap();
    }
    connection.close().await.unwrap();
    store
}

#[tokio::test]
async fn a_page_of_a_list_looks_at_no_more_than_it_shows() {
    use Value::{Number as N, Text as T};
    let folder = tempfile::tempdir().unwrap();
    let store = crowded(folder.path()).await;
    let mut counter = Counter::open(folder.path()).await;
    let repo = T("https://forge.example/crowd");
    for before in [i64::MAX, 25_000, 500] {
        let page = |archived, status| {
            [T("crowd"), N(before), T(""), N(archived), T(status), T(""), N(PAGE + 1)].to_vec()
        };
        let with = |mut values: Vec<Value<'static>>, more: &[Value<'static>]| {
            values.extend_from_slice(more);
            values
        };
        let runs = vec![
            T("crowd"),
            T("bc-00000000-0000-4000-8000-000000000001"),
            N(before),
            T(""),
            N(PAGE + 1),
        ];
        let pull =
            [T("pr"), T("https://forge.example/pr/bc-00000000-0000-4000-8000-000000001000"), T("")];
        for (name, values) in [
            ("LIST_AGENTS", page(1, "")),
            ("LIST_OPEN", page(0, "")),
            ("LIST_STATUS", page(1, "ACTIVE")),
            ("LIST_STATUS", page(1, "ARCHIVED")),
            ("LIST_STATUS", page(1, "nobody has this")),
            ("LIST_STATUS_REPO", with(page(1, "ACTIVE"), &[repo])),
            ("LIST_LINKED", with(page(1, ""), &[T("repo"), repo, T("")])),
            ("LIST_LINKED", with(page(1, "IDLE"), &[T("repo"), repo, T("")])),
            ("LIST_LINKED", with(page(1, ""), &pull)),
            ("LIST_RUNS", runs),
        ] {
            let (rows, steps) = counter.count(name, &values).await;
            println!("{name} before {before}: {rows} rows, {steps} steps");
            assert!(steps < STEPS_PER_ROW * (PAGE as u64 + 1), "{name}: {steps} for {rows} rows");
        }
    }
    let (rows, steps) = counter.count("WAKE", &[N(i64::MAX)]).await;
    assert!(rows == 0 && steps < 100, "{rows} {steps}");
    let (_, steps) = counter.count("STATUS_COUNT", &[T("crowd"), T("IDLE"), N(1000)]).await;
    assert!(steps < 1000 * 20, "{steps}");
    // A text in a name may stand anywhere, so every name is looked at, in the index alone.
    let search = [T("crowd"), N(i64::MAX), T(""), N(1), T(""), T("%nowhere%"), N(PAGE + 1)];
    let (rows, steps) = counter.count("LIST_AGENTS", &search).await;
    println!("a name that nobody has: {steps} steps");
    assert!(rows == 0 && steps < CROWD * 20, "{rows} {steps}");
    store.close().await;
}

#[tokio::test]
async fn every_way_through_a_crowd_gives_the_same_agents() {
    let folder = tempfile::tempdir().unwrap();
    let store = crowded(folder.path()).await;
    let page = async |filter: AgentFilter, before: i64| {
        let cursor = Cursor { created_ms: before, id: String::new() };
        let found = store.agents(&org("crowd"), &filter, Some(&cursor), 3).await;
        found.map(|page| page.items.iter().map(|item| item.row.created_ms).collect::<Vec<_>>())
    };
    let filter = |status: Option<&str>, repo: bool, include_archived| AgentFilter {
        status: status.map(str::to_owned),
        repo_url: repo.then(|| "https://forge.example/crowd".to_owned()),
        include_archived,
        ..AgentFilter::default()
    };
    for repo in [false, true] {
        assert_eq!(page(filter(None, repo, true), 100).await.unwrap(), [99, 98, 97]);
        assert_eq!(page(filter(None, repo, false), 100).await.unwrap(), [99, 97, 95]);
        let active = page(filter(Some("ACTIVE"), repo, true), 40_000).await.unwrap();
        assert_eq!(active, [35_001, 30_001, 25_001]);
        assert_eq!(page(filter(Some("IDLE"), repo, true), 10).await.unwrap(), [9, 7, 5]);
        assert!(page(filter(Some("ARCHIVED"), repo, false), 10).await.unwrap().is_empty());
    }
}
