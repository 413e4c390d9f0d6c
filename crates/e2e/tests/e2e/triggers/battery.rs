//! What must achieve nothing: forged, replayed, from forks, by outsiders, for other repositories, with words that would be
//! orders; alone, and a thousand at once with a few that are good.

use super::Hooked;
use crate::forges::{KINDS, NAME};
use e2e::world::{prompt, shell};
use fakes::forges::Kind;
use fakes::forges::deliveries::{Delivery, News, What, delivery};
use fakes::forges::hall::Right;
use fakes::scripted::script::Turn;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Deliveries that come at the same time.
const AT_ONCE: usize = 1_000;
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn order() -> String {
    format!("@errand count\n{}", prompt(&[shell("echo 1 > a.txt"), Turn::say("One.")]))
}

/// Deliveries that are refused or ignored, each with its name.
fn hostile(hooked: &Hooked, kind: Kind, issue: u64) -> Vec<(&'static str, Delivery)> {
    let body = order();
    let own =
        |by: &str, body: &str, id: u64| hooked.made(by, What::IssueComment { issue, id, body });
    let forged = |repository: &str, secret: &str| {
        let what = What::IssueComment { issue, id: 900, body: &body };
        let news = News { repository, by: "rita", from: repository, what };
        delivery(kind, &news, secret, "forged", 1_780_000_000)
    };
    let mut unsigned = own("rita", &body, 901);
    unsigned.headers.retain(|(name, _)| !name.contains("signature") && !name.contains("token"));
    let mut twice = own("rita", &body, 902);
    let again = twice.headers.clone();
    twice.headers.extend(
        again.into_iter().filter(|(name, _)| name.contains("signature") || name.contains("token")),
    );
    vec![
        ("signed with another secret", forged(NAME, SECRET)),
        ("signed with nothing", forged(NAME, "")),
        ("unsigned", unsigned),
        ("signed twice", twice),
        (
            "about another repository",
            hooked.made_in(
                "acme/other",
                "rita",
                What::IssueComment { issue, id: 903, body: &body },
            ),
        ),
        ("by an outsider", own("stranger", &body, 904)),
        ("by ourselves", own("errand-bot", &body, 905)),
        ("by a program", own("helper[bot]", &body, 906)),
        ("quoted", own("rita", &format!("> {}", body.replace('\n', "\n> ")), 907)),
        ("hidden", own("rita", &format!("Fine. <!-- {body} -->"), 908)),
        ("in code", own("rita", &format!("```\n{body}\n```"), 909)),
        ("no order", own("rita", "Nice, errand people.", 910)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_members_of_the_repository_itself_are_heard() {
    for (kind, word) in KINDS {
        let hooked = Hooked::start(kind, word).await;
        let host = &hooked.connected.host;
        host.with(|hall| hall.admit("stranger", Right::Read, "token-of-stranger"));
        let issue = hooked.issue("stranger", "Count", "Please.");
        for (what, made) in hostile(&hooked, kind, issue) {
            // A plain token signs no bytes, so nothing tells such a delivery from the first.
            let answer = hooked.send(&made).await;
            assert!(
                answer.status == 401 || answer.status == 202,
                "{kind:?} {what}: {}",
                answer.text
            );
        }
        // Out of a fork, asked by somebody who may.
        hooked.connected.repository.push("topic", "Mine", &[("topic.txt", "mine\n")]);
        let fork = host.with(|hall| hall.open_from_fork(NAME, "stranger/widget", "topic", "Mine"));
        let body = order();
        let news = News {
            repository: NAME,
            by: "rita",
            from: "stranger/widget",
            what: What::Comment { pull: fork, id: 950, body: &body },
        };
        let made = delivery(kind, &news, &hooked.secret, "fork", 1_780_000_000);
        hooked.send(&made).await.expect(202);
        hooked.quiet().await;
        assert!(hooked.agents().await.is_empty(), "{kind:?}: {:#?}", hooked.agents().await);
        assert!(
            hooked.ours(issue, true).is_empty() && hooked.ours(fork, false).is_empty(),
            "{kind:?}: an answer"
        );
        let outcomes = hooked.outcomes().await;
        let why = |words: &str| outcomes.iter().any(|outcome| outcome.contains(words));
        assert!(why("may not push") && why("out of a fork"), "{kind:?}: {outcomes:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_do_what_the_few_good_ones_say() {
    let hooked = Arc::new(Hooked::start(Kind::Github, "github").await);
    hooked.connected.host.with(|hall| hall.admit("stranger", Right::Read, "token-of-stranger"));
    let first = hooked.issue("rita", "Count", "Please.");
    let second = hooked.issue("rita", "Count more", "Please.");
    let body = order();
    let good = [first, second].map(|issue| {
        hooked.made("rita", What::IssueComment { issue, id: 800 + issue, body: &body })
    });
    let bad: Vec<Delivery> =
        hostile(&hooked, Kind::Github, first).into_iter().map(|(_, made)| made).collect();
    let mut all = JoinSet::new();
    for at in 0..AT_ONCE {
        let (hooked, one) = (
            Arc::clone(&hooked),
            if at % 4 == 0 { good[at / 4 % 2].clone() } else { bad[at % bad.len()].clone() },
        );
        all.spawn(async move { hooked.send(&one).await });
    }
    let (mut taken, mut refused) = (0, 0);
    while let Some(answer) = all.join_next().await {
        let answer = answer.unwrap();
        match answer.status {
            202 if answer.body["outcome"] == "taken" => taken += 1,
            202 => {}
            401 => refused += 1,
            other => panic!("{other}: {}", answer.text),
        }
    }
    println!("{AT_ONCE} deliveries at once: {taken} taken, {refused} refused");
    hooked
        .until("two agents are done", async || {
            let agents = hooked.agents().await;
            assert!(agents.len() <= 2, "{agents:#?}");
            let mut over = 0;
            for agent in &agents {
                let runs = hooked.runs(agent["id"].as_str().unwrap()).await;
                assert_eq!(runs.len(), 1, "{runs:#?}");
                over += usize::from(runs[0]["status"] == "FINISHED");
            }
            (over == 2).then_some(())
        })
        .await;
    hooked.quiet().await;
    assert_eq!(hooked.agents().await.len(), 2);
    assert_eq!(hooked.connected.pulls().len(), 2);
    assert_eq!((hooked.ours(first, true).len(), hooked.ours(second, true).len()), (1, 1));
}
