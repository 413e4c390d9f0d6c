//! Single orders: labels, reviews, options, switches, stops, and what happens when the server dies in between.

use super::Hooked;
use crate::forges::NAME;
use e2e::world::{prompt, shell};
use fakes::forges::Kind;
use fakes::forges::deliveries::{Verdict, What};
use fakes::scripted::script::Turn;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_label_starts_and_a_review_goes_on() {
    let hooked = Hooked::start(Kind::Github, "github").await;
    let body = prompt(&[shell("echo 1 > a.txt"), Turn::say("One.")]);
    let issue = hooked.issue("rita", "Count", &body);
    let label = What::Label { issue, title: "Count", body: &body, author: "rita", label: "errand" };
    hooked.tell("rita", label).await;
    let agent = hooked.settled(1).await;
    let [pull] = &hooked.connected.pulls()[..] else { panic!("none") };
    let shown = hooked.connected.world.agent(&agent).await;
    assert_eq!(shown["name"], "Count");

    hooked.connected.host.with(|hall| {
        hall.say_at(NAME, pull.number, "rita", "Two, please.", Some(("a.txt".to_owned(), 1)));
    });
    let body = prompt(&[shell("echo 2 > a.txt"), Turn::say("Two.")]);
    let review = What::Review { pull: pull.number, verdict: Verdict::Changes, body: &body };
    hooked.tell("rita", review).await;
    assert_eq!(hooked.settled(2).await, agent);
    assert_eq!(hooked.connected.repository.file(&pull.head, "a.txt"), "2");
    let events = hooked.connected.world.events(&agent).await;
    let asked: Vec<_> = events.iter().filter(|entry| entry["event"]["type"] == "Asked").collect();
    let text = asked[1]["event"]["prompt"]["text"].as_str().unwrap();
    assert!(text.contains("Two, please.") && text.contains("a.txt"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_followed_and_mistakes_are_answered() {
    let hooked = Hooked::start(Kind::Gitea, "gitea").await;
    let issue = hooked.issue("rita", "Count", "Please.");
    hooked.comment(issue, "rita", "@errand count colour=red").await;
    hooked.told(issue, true, "there is no option `colour`").await;
    assert!(hooked.agents().await.is_empty());
    let other = hooked.issue("rita", "Count more", "Please.");
    hooked.comment(other, "rita", "@errand count model=nothing-like-it").await;
    hooked.told(other, true, "That cannot be done").await;

    let third = hooked.issue("rita", "Count on", "Please.");
    let script = prompt(&[shell("echo 1 > a.txt"), Turn::say("One.")]);
    let words = format!(
        "@errand count name=\"My counter\" branch=counting draft=off reviewers=off\n{script}"
    );
    hooked.comment(third, "rita", &words).await;
    let agent = hooked.settled(1).await;
    let shown = hooked.connected.world.agent(&agent).await;
    assert_eq!(shown["name"], "My counter");
    let [pull] = &hooked.connected.pulls()[..] else { panic!("none") };
    assert_eq!((pull.head.as_str(), pull.reviewers.len()), ("counting", 0));
    assert!(!pull.title.starts_with("WIP"), "{}", pull.title);
    hooked.comment(third, "rita", "@errand more branch=other").await;
    hooked
        .until("it is said that an agent works on it", async || {
            let ours = hooked.ours(third, true);
            ours.iter()
                .any(|said| said.body.contains("another `model` or `mode` only"))
                .then_some(())
        })
        .await;
    hooked.comment(third, "rita", "@errand help").await;
    hooked
        .until("help is given", async || {
            let ours = hooked.ours(third, true);
            ours.iter().any(|said| said.body.contains("autofix on")).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_are_left_alone_where_people_say_so_or_took_over() {
    let hooked = Hooked::start(Kind::Gitlab, "gitlab").await;
    let issue = hooked.issue("rita", "Count", "Please.");
    let script = prompt(&[shell("echo 1 > a.txt"), Turn::say("One.")]);
    hooked.comment(issue, "rita", &format!("@errand count\n{script}")).await;
    let agent = hooked.settled(1).await;
    let [pull] = &hooked.connected.pulls()[..] else { panic!("none") };
    let number = pull.number;
    let head = hooked.connected.repository.head(&pull.head).unwrap();
    let fail = async |commit: &str, name: &str| {
        hooked.connected.host.with(|hall| hall.fail_check(NAME, commit, name, "broken"));
        let before = hooked.outcomes().await.len();
        hooked.tell("rita", What::Fail { commit, name }).await;
        hooked.decided(before + 1).await.pop().unwrap()
    };
    hooked.comment_pull(number, "rita", "@errand autofix off").await;
    hooked.told_anywhere(number, false, "left alone").await;
    assert!(fail(&head, "one").await.contains("mending checks is off"), "off");
    hooked.comment_pull(number, "rita", "@errand autofix on").await;
    hooked.told_anywhere(number, false, "mended from now on").await;
    let base = hooked.connected.repository.head("main").unwrap();
    hooked.connected.host.with(|hall| hall.fail_check(NAME, &base, "two", "broken"));
    assert!(fail(&head, "two").await.contains("fails on the base too"), "the base");
    let stranger = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let made = hooked.made("rita", What::Fail { commit: stranger, name: "x" });
    assert_eq!(hooked.send(&made).await.expect(202)["outcome"], "ignored", "not ours");
    hooked.connected.repository.push(&pull.head, "By hand", &[("b.txt", "b\n")]);
    assert!(fail(&head, "three").await.contains("not the head any more"), "an old commit");
    assert_eq!(hooked.runs(&agent).await.len(), 1, "nobody was woken");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_done_once_though_the_server_dies() {
    let mut hooked = Hooked::start(Kind::Github, "github").await;
    let issue = hooked.issue("rita", "Count", "Please.");
    let script = prompt(&[shell("echo 1 > a.txt"), Turn::say("One.")]);
    let body = format!("@errand count\n{script}");
    let id = hooked.connected.host.with(|hall| hall.say_on_issue(NAME, issue, "rita", &body));
    let made = hooked.made("rita", What::IssueComment { issue, id, body: &body });
    for _ in 0..3 {
        let taken = hooked.send(&made).await.expect(202);
        assert!(taken["outcome"] == "taken" || taken["outcome"] == "known", "{taken}");
        hooked.connected.world.kill();
        hooked.connected.world.boot();
        hooked.moved().await;
    }
    hooked.settled(1).await;
    assert_eq!(hooked.connected.pulls().len(), 1);
    hooked.told(issue, true, "is done").await;
    assert_eq!(hooked.send(&made).await.expect(202), json!({"outcome": "known", "reason": null}));
    assert_eq!(hooked.agents().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_steered_and_stopped_from_its_thread() {
    let hooked = Hooked::start(Kind::Bitbucket, "bitbucket").await;
    let issue = hooked.issue("rita", "Wait", "Please.");
    let script = prompt(&[shell("sleep 300"), Turn::say("Late.")]);
    hooked.comment(issue, "rita", &format!("@errand wait\n{script}")).await;
    hooked.told(issue, true, "is at work").await;
    hooked.comment(issue, "rita", "@errand stop").await;
    hooked.told_anywhere(issue, true, "The agent stops").await;
    hooked.told_anywhere(issue, true, "was stopped").await;
    let agents = hooked.agents().await;
    let runs = hooked.runs(agents[0]["id"].as_str().unwrap()).await;
    assert_eq!(runs[0]["status"], "CANCELLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_sets_it_up() {
    let hooked = Hooked::start(Kind::Gitea, "gitea").await;
    let world = &hooked.connected.world;
    let host = hooked.connected.host.url();
    let hook = world.command(&["forge", "hook", &host, NAME]);
    assert!(hook.contains(&hooked.url) && hook.contains(&hooked.secret), "{hook}");
    let of_all = world.command(&["forge", "hook", &host]);
    assert!(!of_all.contains(&hooked.secret) && of_all.contains("speaks for all"), "{of_all}");
    let set =
        ["forge", "triggers", &host, "--name", "helper", "--label", "none", "--autofix", "off"];
    world.command(&set);
    let shown = world.command(&["forge", "triggers", &host]);
    for words in ["@helper", "labels   none", "autofix  off", "reviews  on"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let issue = hooked.issue("rita", "Count", "Please.");
    let what = What::IssueComment { issue, id: 70, body: "@errand count" };
    let told = hooked.send(&hooked.made("rita", what)).await.expect(202);
    assert_eq!(told["outcome"], "ignored", "that is not the name any more");
    hooked.comment(issue, "rita", "@helper help").await;
    hooked.told(issue, true, "`@helper <task>").await;
    let deliveries = world.command(&["forge", "deliveries", &host]);
    assert!(deliveries.contains("it was answered") && deliveries.contains("rita"), "{deliveries}");
}
