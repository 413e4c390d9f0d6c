//! Records: pages, filters, what is to be woken.

use super::fixtures::agent;
use super::{agent_row, append, opened, org, run_row};
use crate::Store;
use crate::records::{AgentFilter, AgentKey, Cursor};
use protocol::failure::{Failure, Phase};
use protocol::ids::{AgentId, OrgId, RunId, Seq};
use uuid::Uuid;

pub(super) async fn run(store: &Store) {
    pages_are_newest_first_and_complete(store).await;
    filters_select(store).await;
    runs_are_listed_and_overwritten(store).await;
    whoever_has_something_to_do_is_found(store).await;
}

async fn open_named(store: &Store, org: &OrgId, name: &str, created_ms: i64) -> AgentId {
    let agent = agent();
    let mut request = append(org, agent, 0, &["opened"]);
    request.agent_row = agent_row(name, created_ms);
    store.append(request).await.unwrap();
    agent
}

async fn listed(store: &Store, org: &OrgId, filter: &AgentFilter) -> Vec<AgentId> {
    let page = store.agents(org, filter, None, 100).await.unwrap();
    assert_eq!(page.next, None);
    page.items.into_iter().map(|item| item.id).collect()
}

async fn pages_are_newest_first_and_complete(store: &Store) {
    let org = org("pages");
    let mut all = vec![];
    for i in 0..7 {
        // Pairs share their time, so that the id decides.
        all.push((i / 2, open_named(store, &org, "a", i / 2).await.to_string()));
    }
    all.sort();
    all.reverse();
    let mut seen = vec![];
    let mut after = None;
    loop {
        let filter = AgentFilter::default();
        let page = store.agents(&org, &filter, after.as_ref(), 3).await.unwrap();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.iter().map(|r| (r.row.created_ms, r.id.to_string())));
        let Some(next) = page.next else { break };
        assert_eq!(Cursor::parse(&next.to_string()), Some(next.clone()));
        after = Some(next);
    }
    assert_eq!(seen, all);
    assert_eq!(Cursor::parse("nonsense"), None);
    assert_eq!(listed(store, &super::org("nobody"), &AgentFilter::default()).await, []);
}

async fn filters_select(store: &Store) {
    let org = org("filters");
    let plain = open_named(store, &org, "Plain 100%", 1).await;
    let special = agent();
    let mut request = append(&org, special, 0, &["opened"]);
    request.agent_row = agent_row("Größe ändern", 2);
    request.agent_row.pr_urls = vec!["https://forge.example/pr/1".to_owned()];
    request.agent_row.repo_urls = vec!["https://forge.example/c".to_owned(), "/srv/d".to_owned()];
    request.agent_row.status = "FINISHED".to_owned();
    request.agent_row.archived = true;
    store.append(request).await.unwrap();
    let all = || AgentFilter { include_archived: true, ..AgentFilter::default() };
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(listed(store, &org, &AgentFilter::default()).await, [plain]);
    assert_eq!(listed(store, &org, &all()).await, [special, plain]);
    let cases = [
        (AgentFilter { name_contains: text("GRÖSSE"), ..all() }, vec![]),
        (AgentFilter { name_contains: text("GRÖßE"), ..all() }, vec![special]),
        (AgentFilter { name_contains: text("100%"), ..all() }, vec![plain]),
        (AgentFilter { name_contains: text("1_0"), ..all() }, vec![]),
        (AgentFilter { status: text("FINISHED"), ..all() }, vec![special]),
        (AgentFilter { pr_url: text("https://forge.example/pr/1"), ..all() }, vec![special]),
        (AgentFilter { pr_url: text("https://forge.example/pr/1"), ..<_>::default() }, vec![]),
        (AgentFilter { pr_url: text("https://forge.example/pr"), ..all() }, vec![]),
        (AgentFilter { repo_url: text("/srv/d"), ..all() }, vec![special]),
        (AgentFilter { repo_url: text("https://forge.example/a/b"), ..all() }, vec![plain]),
        (
            AgentFilter {
                pr_url: text("https://forge.example/pr/1"),
                repo_url: text("/srv/d"),
                ..all()
            },
            vec![special],
        ),
        (
            AgentFilter {
                pr_url: text("https://forge.example/pr/1"),
                repo_url: text("/srv/e"),
                ..all()
            },
            vec![],
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(listed(store, &org, &filter).await, expected, "{filter:?}");
    }
    let mut unlinked = append(&org, special, 1, &["pull request gone"]);
    unlinked.agent_row = agent_row("Größe ändern", 2);
    store.append(unlinked).await.unwrap();
    let filter = AgentFilter { pr_url: text("https://forge.example/pr/1"), ..all() };
    assert_eq!(listed(store, &org, &filter).await, []);
}

async fn runs_are_listed_and_overwritten(store: &Store) {
    let org = org("runs");
    let agent = opened(store, &org).await;
    let runs: Vec<RunId> = (0..5).map(|_| RunId::from_uuid(Uuid::now_v7())).collect();
    let mut request = append(&org, agent, 1, &["asked"]);
    request.run_rows = (10..).zip(&runs).map(|(at, run)| run_row(*run, at)).collect();
    store.append(request).await.unwrap();
    let mut changed = run_row(runs[4], 14);
    changed.updated_ms = 99;
    changed.duration_ms = Some(85);
    changed.result = Some("done".to_owned());
    changed.failure = Some(Failure::new(Phase::Push, "push_conflict", "somebody pushed"));
    let mut request = append(&org, agent, 2, &["ended"]);
    request.run_rows = vec![changed.clone()];
    store.append(request).await.unwrap();
    let first = store.runs(&org, agent, None, 3).await.unwrap();
    assert_eq!(first.items[0], changed);
    let second = store.runs(&org, agent, first.next.as_ref(), 3).await.unwrap();
    assert_eq!(second.next, None);
    let seen: Vec<RunId> = first.items.iter().chain(&second.items).map(|r| r.run).collect();
    assert_eq!(seen, runs.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(store.run(&super::org("other"), agent, runs[0]).await.unwrap(), None);
}

async fn whoever_has_something_to_do_is_found(store: &Store) {
    let org = org("wake");
    let (asleep, nudged, timed) = (agent(), agent(), agent());
    for (agent, nudge, wake_at_ms) in
        [(asleep, false, None), (nudged, true, None), (timed, false, Some(50))]
    {
        let mut request = append(&org, agent, 0, &["opened"]);
        request.nudge = nudge;
        request.agent_row.wake_at_ms = wake_at_ms;
        store.append(request).await.unwrap();
    }
    let to_wake = |now_ms| {
        let org = org.clone();
        async move {
            let mut keys = store.agents_to_wake(now_ms).await.unwrap();
            keys.retain(|key| key.org == org);
            keys.sort();
            keys.into_iter().map(|AgentKey { agent, .. }| agent).collect::<Vec<_>>()
        }
    };
    assert_eq!(to_wake(49).await, [nudged]);
    assert_eq!(to_wake(50).await, [nudged, timed]);
    assert!(!store.rest(&org, nudged, Seq(0), None).await.unwrap(), "the log has grown");
    assert!(store.rest(&org, nudged, Seq(1), Some(70)).await.unwrap());
    assert_eq!(to_wake(60).await, [timed]);
    assert_eq!(to_wake(70).await, [nudged, timed]);
}
