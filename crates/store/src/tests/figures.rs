//! Figures to plan with, printed; the bounds are loose, for a busy machine.

use crate::Store;
use crate::conformance::{append, opened, org};
use crate::records::{AgentFilter, Cursor};
use protocol::ids::{AgentId, Seq};
use sqlx::AssertSqlSafe;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_store_commits_at_once() {
    const COMMITS: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let org = org("latency");
    let agent = opened(&store, &org).await;
    let mut times = Vec::with_capacity(COMMITS);
    for head in 1..=COMMITS as u64 {
        let start = Instant::now();
        store.append(append(&org, agent, head, &["an event of ordinary size"])).await.unwrap();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let (p50, p99) = (times[COMMITS / 2], times[COMMITS * 99 / 100]);
    println!("append latency: p50 {p50:?}, p99 {p99:?}");
    assert!(p50 < Duration::from_millis(100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_appenders_share_commits() {
    const APPENDERS: u128 = 100;
    const EACH: u64 = 40;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..APPENDERS {
        let store = store.clone();
        tasks.spawn(async move {
            let (org, agent) = (org("load"), AgentId::from_uuid(Uuid::from_u128(number)));
            for head in 0..EACH {
                store.append(append(&org, agent, head, &["an event"])).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let appends = APPENDERS as f64 * EACH as f64;
    println!("100 appenders: {:.0} appends/s", appends / start.elapsed().as_secs_f64());
    for number in 0..APPENDERS {
        let agent = AgentId::from_uuid(Uuid::from_u128(number));
        assert_eq!(store.verify(&org("load"), agent).await.unwrap().seq, Seq(EACH));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_agents_are_listed_in_milliseconds() {
    const AGENTS: i64 = 50_000;
    let store = Store::memory().await.unwrap();
    let org = org("many");
    fill(&store, AGENTS).await;
    let text = |s: &str| Some(s.to_owned());
    let filters = [
        ("newest", AgentFilter::default(), 20),
        ("repo", AgentFilter { repo_url: text("/srv/17"), ..<_>::default() }, 20),
        ("pull request", AgentFilter { pr_url: text("/pr/49999"), ..<_>::default() }, 1),
        ("status", AgentFilter { status: text("ERROR"), ..<_>::default() }, 20),
        ("name", AgentFilter { name_contains: text("number 1234"), ..<_>::default() }, 11),
        ("no such name", AgentFilter { name_contains: text("zzz"), ..<_>::default() }, 0),
    ];
    for (what, filter, expected) in filters {
        let start = Instant::now();
        let page = store.agents(&org, &filter, None, 20).await.unwrap();
        println!("list of {AGENTS}, {what}: {:?}", start.elapsed());
        assert_eq!(page.items.len(), expected, "{what}");
        assert!(start.elapsed() < Duration::from_secs(1), "{what}");
    }
    let middle = Cursor { created_ms: AGENTS / 2, id: String::new() };
    let start = Instant::now();
    let page = store.agents(&org, &AgentFilter::default(), Some(&middle), 20).await.unwrap();
    println!("list of {AGENTS}, from the middle: {:?}", start.elapsed());
    assert_eq!(page.items[0].row.created_ms, AGENTS / 2 - 1);
    let start = Instant::now();
    assert_eq!(store.agents_to_wake(0).await.unwrap().len(), 0);
    println!("agents to wake among {AGENTS}: {:?}", start.elapsed());
}

/// Rows as appends would have left them, made by the database itself: the list is measured here.
async fn fill(store: &Store, agents: i64) {
    let numbers = "WITH RECURSIVE n(i) AS \
        (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) INSERT INTO";
    let id = "'bc-' || printf('00000000-0000-0000-0000-%012x', i)";
    let row = format!(
        "{numbers} agents SELECT 'many', {id}, 1, zeroblob(32), 'number ' || i, 'number ' || i, \
         iif(i % 1000 = 0, 'ERROR', 'FINISHED'), json_array('/srv/' || (i % 100)), \
         json_array('/pr/' || i), 0, i, i, NULL, 'errand/work', 'scripted', '{{}}', 0, '{{}}', \
         0, NULL FROM n"
    );
    let link = |kind: &str, value: &str| {
        format!("{numbers} agent_links SELECT 'many', '{kind}', {value}, i, {id} FROM n")
    };
    for text in [row, link("repo", "'/srv/' || (i % 100)"), link("pr", "'/pr/' || i")] {
        let query = sqlx::query(AssertSqlSafe(text)).bind(agents);
        query.execute(&store.inner.writing).await.unwrap();
    }
}
