//! Issues, where pull requests come from, and what checks say, at hosts with an API.

use crate::hosts::{Hosted, hosted, name};
use fakes::forges::Kind;
use fakes::forges::deliveries::{News, What, delivery};
use fakes::forges::hall::{Hall, Right, Status};
use forge::around::{Origin, Permission, Subject};
use forge::forge::ForgeError;
use forge::webhook::{Sender, Verified};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;

const KINDS: [Kind; 4] = [Kind::Github, Kind::Gitea, Kind::Gitlab, Kind::Bitbucket];

#[tokio::test]
async fn a_pull_request_says_whether_it_comes_from_a_fork() {
    for kind in KINDS {
        let Hosted { place, host, forge, .. } = hosted(kind).await;
        let head = &place.ground.clean;
        let from_fork = |hall: &mut Hall| {
            hall.open_from_fork(name(kind), "oscar/widget", head.branch.as_str(), "Theirs")
        };
        let theirs = host.with(from_fork);
        let ours = forge.create(place.ground.content(head, "Ours")).await.unwrap().number;
        let told = forge.opening(Subject::PullRequest(theirs)).await.unwrap();
        assert_eq!((told.author.as_str(), told.origin), ("oscar", Origin::Fork), "{kind:?}");
        let told = forge.opening(Subject::PullRequest(ours)).await.unwrap();
        assert_eq!(told.origin, Origin::Repository, "{kind:?}");
        assert_eq!((told.title.as_str(), told.is_open), ("Ours", true), "{kind:?}");
        forge.close(ours).await.unwrap();
        assert!(!forge.opening(Subject::PullRequest(ours)).await.unwrap().is_open, "{kind:?}");
    }
}

#[tokio::test]
async fn a_number_stands_for_what_it_was_given_to() {
    for kind in KINDS {
        let Hosted { place, host, forge, .. } = hosted(kind).await;
        let content = place.ground.content(&place.ground.clean, "Ours");
        let pull = forge.create(content).await.unwrap().number;
        let told = forge.opening(Subject::Issue(pull)).await;
        assert!(matches!(told, Err(ForgeError::NotFound(of)) if of == pull), "{kind:?}: {told:?}");
        let issue = host.with(|hall| hall.open_issue(name(kind), "oscar", "Theirs", ""));
        let told = forge.opening(Subject::Issue(issue)).await.unwrap();
        assert_eq!((told.author.as_str(), told.title.as_str()), ("oscar", "Theirs"), "{kind:?}");
        let apart = matches!(kind, Kind::Gitlab | Kind::Bitbucket);
        assert_eq!(issue == pull, apart, "{kind:?}: with or without a series of its own");
        let of = if apart { pull + 1 } else { issue };
        let told = forge.opening(Subject::PullRequest(of)).await;
        assert!(matches!(told, Err(ForgeError::NotFound(_))), "{kind:?}: {told:?}");

        // What is said under one is not said under the other.
        forge.comment(Subject::Issue(issue), "Of the issue.").await.unwrap();
        forge.comment(Subject::PullRequest(pull), "Of the pull request.").await.unwrap();
        let said = forge.comments(Subject::Issue(issue)).await.unwrap();
        assert_eq!(said.len(), 1, "{kind:?}");
        let kept = host.with(|hall| hall.said_on_issue(name(kind), issue));
        assert_eq!((kept[0].id, kept[0].body.as_str()), (said[0].id, "Of the issue."));
        host.with(|hall| hall.close_issue(name(kind), issue));
        assert!(!forge.opening(Subject::Issue(issue)).await.unwrap().is_open, "{kind:?}");
    }
}

#[tokio::test]
async fn who_sends_is_who_may() {
    // As each host names people in what it sends.
    let people = ["rita", "rita", "rita", "{8f1b6a9c-1c59-4f7c-9a0e-6d2f1c3b7a55}"];
    let senders = [Sender::Github, Sender::Gitea, Sender::Gitlab, Sender::Bitbucket];
    for ((kind, sender), person) in KINDS.into_iter().zip(senders).zip(people) {
        let Hosted { place: _place, host, forge, .. } = hosted(kind).await;
        host.with(|hall| hall.admit(person, Right::Write, "token-of-somebody"));
        let what = What::OpenIssue { issue: 1, title: "It crashes", body: "" };
        let news = News { repository: name(kind), by: person, from: name(kind), what };
        let sent = delivery(kind, &news, "secret", "d-1", 0);
        let pairs = sent.headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap())
        });
        let (headers, secret) = (pairs.collect::<HeaderMap>(), SecretString::from("secret"));
        let told = Verified::new(sender, &secret, &headers, sent.body.as_bytes(), 0).unwrap();
        let login = told.event().unwrap().unwrap().actor.login;
        assert_eq!(forge.permission(&login).await.unwrap(), Permission::Write, "{kind:?}");
        let issue = host.with(|hall| hall.open_issue(name(kind), person, "It crashes", ""));
        assert_eq!(forge.opening(Subject::Issue(issue)).await.unwrap().author, login);
    }
}

#[tokio::test]
async fn the_check_that_failed_is_told_of_several_with_one_name() {
    for kind in KINDS {
        let Hosted { place, host, forge, .. } = hosted(kind).await;
        let commit = &place.ground.clean.commit;
        host.with(|hall| {
            hall.pass_check(name(kind), &commit.to_string(), "lint");
            hall.fail_check(name(kind), &commit.to_string(), "build", "first\nit broke here");
        });
        let told = forge.check_log(commit, "build").await.unwrap();
        assert!(told.contains("it broke here"), "{kind:?}: {told}");
        let told = forge.check_log(commit, "lint").await.unwrap();
        assert!(!told.contains("broke"), "{kind:?}: {told}");
        let unknown = forge.check_log(commit, "deploy").await;
        // GitLab tells of pipelines as a whole too, and says then which job it was.
        match unknown {
            Ok(told) if kind == Kind::Gitlab => assert!(told.starts_with("build\n"), "{told}"),
            Err(ForgeError::Rejected { detail }) => assert!(detail.contains("deploy"), "{kind:?}"),
            other => panic!("{kind:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_check_of_somebody_else_is_told_by_its_words_and_link() {
    for kind in KINDS {
        let Hosted { place, host, forge, .. } = hosted(kind).await;
        let commit = &place.ground.clean.commit;
        let state = match kind {
            Kind::Github | Kind::Gitea => "failure",
            Kind::Gitlab => "failed",
            Kind::Bitbucket => "FAILED",
        };
        let status = Status {
            id: 1,
            commit: commit.to_string(),
            context: "ci/other".to_owned(),
            state: state.to_owned(),
            description: "3 of 40 \u{1b}[31mfailed\u{7}".to_owned(),
            link: Some("https://ci.example/runs/4".to_owned()),
            log: None,
        };
        host.with(|hall| hall.repository(name(kind)).statuses.push(status));
        let told = forge.check_log(commit, "ci/other").await.unwrap();
        assert!(told.contains("3 of 40 failed\nhttps://ci.example/runs/4"), "{kind:?}: {told}");
    }
}

#[tokio::test]
async fn of_a_long_log_the_end_is_told() {
    for kind in [Kind::Github, Kind::Gitlab, Kind::Bitbucket] {
        let Hosted { place, host, forge, .. } = hosted(kind).await;
        let commit = &place.ground.clean.commit;
        let lines: Vec<String> = (0..200_000).map(|n| format!("line {n} é")).collect();
        host.with(|hall| {
            hall.fail_check(name(kind), &commit.to_string(), "build", &lines.join("\n"));
        });
        let told = forge.check_log(commit, "build").await.unwrap();
        assert!(told.ends_with("line 199999 é"), "{kind:?}");
        assert!(told.contains("its beginning is left out"), "{kind:?}");
        assert!((60_000..70_000).contains(&told.len()), "{kind:?}: {} bytes", told.len());
    }
}
