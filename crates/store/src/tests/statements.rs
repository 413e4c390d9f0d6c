//! Every statement runs: nothing checks SQL text at compile time.

use crate::Store;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

pub(super) fn all() -> Vec<(&'static str, &'static str)> {
    [
        crate::append::STATEMENTS,
        crate::audit::STATEMENTS,
        crate::log::STATEMENTS,
        crate::records::STATEMENTS,
        crate::records::writing::STATEMENTS,
        crate::lease::STATEMENTS,
        crate::outbox::STATEMENTS,
        crate::kv::STATEMENTS,
        crate::sealed::STATEMENTS,
        crate::vault::STATEMENTS,
        crate::blob::STATEMENTS,
        crate::keys::STATEMENTS,
        crate::erase::STATEMENTS,
    ]
    .concat()
}

/// The highest placeholder of a statement.
fn placeholders(text: &str) -> usize {
    let numbers = text.split('$').skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse::<usize>().unwrap()
    });
    numbers.max().unwrap_or(0)
}

async fn execute(connection: &mut AnyConnection, text: &'static str) -> Result<(), sqlx::Error> {
    let mut query = sqlx::query(AssertSqlSafe(text));
    for _ in 0..placeholders(text) {
        query = query.bind(1_i64);
    }
    query.fetch_all(connection).await.map(drop)
}

#[tokio::test]
async fn every_statement_executes() {
    let store = Store::memory().await.unwrap();
    let mut connection = store.inner.readers.acquire().await.unwrap();
    for (name, text) in all() {
        let mut transaction = connection.begin().await.unwrap();
        let outcome = execute(&mut transaction, text).await;
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
        transaction.rollback().await.unwrap();
    }
}

#[test]
fn every_statement_uses_each_placeholder() {
    for (name, text) in all() {
        for number in 1..=placeholders(text) {
            let found = text.match_indices(&format!("${number}")).any(|(at, sign)| {
                !text[at + sign.len()..].starts_with(|c: char| c.is_ascii_digit())
            });
            assert!(found, "{name} has no ${number}: PostgreSQL refuses such a gap");
        }
    }
}

#[tokio::test]
async fn lists_use_their_indexes() {
    let store = Store::memory().await.unwrap();
    let mut connection = store.inner.readers.acquire().await.unwrap();
    let expected = [
        ("LIST_AGENTS", "agents_newest (org=? AND (created_ms,id)<(?,?))"),
        ("LIST_OPEN", "agents_archived (org=? AND archived=? AND (created_ms,id)<(?,?))"),
        ("LIST_STATUS", "agents_status (org=? AND status=? AND (created_ms,id)<(?,?))"),
        ("LIST_STATUS_REPO", "agents_status (org=? AND status=? AND (created_ms,id)<(?,?))"),
        ("LIST_LINKED", "(org=? AND kind=? AND value=? AND (created_ms,agent)<(?,?))"),
        ("LIST_RUNS", "runs_newest (org=? AND agent=? AND (created_ms,id)<(?,?))"),
        ("WAKE", "agents_open"),
        ("CLAIM", "outbox_due"),
        ("READ", "sqlite_autoindex_events_1"),
        ("OLDER", "sealed_generations"),
        ("COUNTS", "COVERING INDEX sealed_generations"),
    ];
    for (name, index) in expected {
        let (_, text) = all().into_iter().find(|(n, _)| *n == name).unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {text}");
        let mut query = sqlx::query(AssertSqlSafe(explain));
        for _ in 0..placeholders(text) {
            query = query.bind(1_i64);
        }
        let rows = query.fetch_all(&mut *connection).await.unwrap();
        let plan: Vec<String> =
            rows.iter().map(|row| sqlx::Row::get::<String, _>(row, "detail")).collect();
        assert!(plan.iter().any(|line| line.contains(index)), "{name}: {plan:?}");
        assert!(
            !plan.iter().any(|line| line.contains("TEMP B-TREE FOR ORDER")),
            "{name}: {plan:?}"
        );
    }
}
