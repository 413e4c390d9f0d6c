//! The forges of hosts with an API, against fakes of these hosts over real git.

use crate::fixture::{Place, git, try_git};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fakes::forges::hall::{App as FakeApp, Hall, Right};
use fakes::forges::{Carried, Fault, ForgeHost, Kind};
use forge::around::Permission;
use forge::around::Subject;
use forge::bitbucket::{self, Bitbucket};
use forge::conformance::{People, check};
use forge::forge::{Forge, ForgeError, keep_comment};
use forge::gitea::Gitea;
use forge::github::{self, App, Github};
use forge::gitlab::Gitlab;
use forge::host::{Clock, Repository};
use forge::pull_request::State;
use git::name::CommitId;
use git::url::RemoteUrl;
use reqwest::Client;
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use url::Url;

pub const TOKEN: &str = "token-of-errand-bot";

/// The one repository of a host.
pub fn name(kind: Kind) -> &'static str {
    match kind {
        // With a subgroup.
        Kind::Gitlab => "acme/tools/widget",
        Kind::Github | Kind::Gitea | Kind::Bitbucket => "acme/widget",
    }
}

/// A host that is being served, and the forge of its one repository.
pub struct Hosted {
    pub place: Place,
    pub host: ForgeHost,
    pub forge: Box<dyn Forge>,
    now: Arc<AtomicI64>,
}

pub fn client() -> Client {
    // Where another test was quicker, the provider is there already.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn repository(host: &ForgeHost, name: &str) -> Repository {
    let web = Url::parse(&host.url()).unwrap();
    let remote = RemoteUrl::parse(&format!("{}/{name}.git", host.url())).unwrap();
    Repository::of(&remote, &web).unwrap()
}

/// The fake and everything that both sides agree upon.
pub async fn served(kind: Kind) -> (Place, ForgeHost, Arc<AtomicI64>, Clock) {
    let owner = name(kind).strip_suffix("/widget").unwrap();
    let place = Place::new(&["--bare"], owner);
    let host = ForgeHost::start(kind, place.dir.path().join("hosted")).await.unwrap();
    let now = host.with(|hall| {
        // Only an admin may ask Gitea what others may do.
        let own = if kind == Kind::Gitea { Right::Admin } else { Right::Write };
        hall.admit("errand-bot", own, TOKEN);
        hall.admit("rita", Right::Write, "token-of-rita");
        hall.admit("oscar", Right::None, "token-of-oscar");
        Arc::new(AtomicI64::new(hall.now))
    });
    let clock = now.clone();
    (place, host, now, Arc::new(move || clock.load(Ordering::Relaxed)))
}

fn opened(kind: Kind, host: &ForgeHost, clock: Clock, token: &str) -> Box<dyn Forge> {
    let (client, repository) = (client(), repository(host, name(kind)));
    let token = SecretString::from(token.to_owned());
    match kind {
        Kind::Github => {
            let credential = github::Credential::Token(token);
            Box::new(Github::open(client, clock, repository, &credential).unwrap())
        }
        Kind::Gitea => Box::new(Gitea::open(client, clock, repository, &token).unwrap()),
        Kind::Gitlab => Box::new(Gitlab::open(client, clock, repository, &token).unwrap()),
        Kind::Bitbucket => {
            let email = "bot@errand.example".to_owned();
            let credential = bitbucket::Credential::Person { email, token };
            Box::new(Bitbucket::open(client, clock, repository, &credential).unwrap())
        }
    }
}

pub async fn hosted(kind: Kind) -> Hosted {
    let (place, host, now, clock) = served(kind).await;
    let forge = opened(kind, &host, clock, TOKEN);
    Hosted { place, host, forge, now }
}

/// Those who act on a host's pages.
pub struct Pages<'a>(pub Kind, pub &'a ForgeHost);

impl People for Pages<'_> {
    fn review(&self, number: u64) {
        self.1.with(|hall| hall.review(self.0, name(self.0), number, "rita"));
    }

    fn open_issue(&self, title: &str, body: &str) -> u64 {
        self.1.with(|hall| hall.open_issue(name(self.0), "rita", title, body))
    }

    fn fail_check(&self, commit: &CommitId, check: &str, log: &str) {
        let commit = commit.to_string();
        self.1.with(|hall| hall.fail_check(name(self.0), &commit, check, log));
    }
}

async fn conforms(kind: Kind) {
    let Hosted { place, host, forge, .. } = hosted(kind).await;
    check(forge.as_ref(), &place.ground, &Pages(kind, &host)).await;
}

#[tokio::test]
async fn github_conforms() {
    conforms(Kind::Github).await;
}

#[tokio::test]
async fn gitea_conforms() {
    conforms(Kind::Gitea).await;
}

#[tokio::test]
async fn gitlab_conforms() {
    conforms(Kind::Gitlab).await;
}

#[tokio::test]
async fn bitbucket_conforms() {
    conforms(Kind::Bitbucket).await;
}

#[expect(clippy::disallowed_methods, reason = "makes a key as people do")]
pub fn key_pem(dir: &Path) -> String {
    let file = dir.join("app.pem");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    std::fs::read_to_string(file).unwrap()
}

/// The same for an app, whose slug is `errand`.
pub async fn hosted_for_an_app() -> Hosted {
    let (place, host, now, clock) = served(Kind::Github).await;
    let key_pem = key_pem(place.dir.path());
    let (id, slug) = ("4711".to_owned(), "errand".to_owned());
    let fake = FakeApp { id: id.clone(), slug, key_pem: key_pem.clone(), handed_out: vec![] };
    host.with(|hall| hall.app = Some(fake));
    let app = Arc::new(App::new(id, &key_pem.into(), clock.clone()).unwrap());
    let credential = github::Credential::App(app);
    let forge =
        Github::open(client(), clock, repository(&host, name(Kind::Github)), &credential).unwrap();
    Hosted { place, host, forge: Box::new(forge), now }
}

#[tokio::test]
async fn github_conforms_for_an_app_with_narrow_tokens() {
    let Hosted { place, host, forge, now } = hosted_for_an_app().await;
    check(forge.as_ref(), &place.ground, &Pages(Kind::Github, &host)).await;

    let own = forge.identity().await.unwrap();
    assert_eq!((own.login.as_str(), own.permission), ("errand[bot]", Permission::Write));
    let handed_out = || host.with(|hall| hall.app.as_ref().unwrap().handed_out.clone());
    let asked = handed_out();
    assert_eq!(asked.len(), 1, "one token is enough for all of that");
    assert_eq!(asked[0]["repositories"], serde_json::json!(["widget"]));
    assert_eq!(asked[0]["permissions"]["contents"], "write");
    assert_eq!(asked[0]["permissions"]["actions"], "read");
    assert_eq!(asked[0]["permissions"].get("administration"), None);
    now.fetch_add(56 * 60, Ordering::Relaxed);
    host.with(|hall| hall.now += 56 * 60);
    forge.default_branch().await.unwrap();
    assert_eq!(handed_out().len(), 2, "shortly before its end there is a new one");
    host.with(|hall| hall.tokens.retain(|token, _| !token.starts_with("ghs_")));
    assert!(matches!(forge.default_branch().await, Err(ForgeError::Credential)));
    forge.default_branch().await.unwrap();
}

#[tokio::test]
async fn a_key_of_another_app_is_refused() {
    let (place, host, _, clock) = served(Kind::Github).await;
    let fake = FakeApp {
        id: "4711".to_owned(),
        slug: "errand".to_owned(),
        key_pem: key_pem(place.dir.path()),
        handed_out: vec![],
    };
    host.with(|hall| hall.app = Some(fake));
    let other = tempfile::tempdir().unwrap();
    let app = App::new("4711".to_owned(), &key_pem(other.path()).into(), clock.clone()).unwrap();
    let credential = github::Credential::App(Arc::new(app));
    let forge =
        Github::open(client(), clock.clone(), repository(&host, name(Kind::Github)), &credential);
    assert!(matches!(forge.unwrap().identity().await, Err(ForgeError::Credential)));
    let bad = App::new("1".to_owned(), &"no key".to_owned().into(), clock);
    assert!(bad.err().unwrap().to_string().contains("paste the whole file"));
}

async fn lists_go_over_pages(kind: Kind) {
    let Hosted { place, host, forge, .. } = hosted(kind).await;
    let opened = forge.create(place.ground.content(&place.ground.clean, "Title")).await.unwrap();
    let bodies: Vec<String> = (0..120).map(|n| format!("Comment {n}")).collect();
    host.with(|hall| {
        for body in &bodies {
            hall.say(name(kind), opened.number, "rita", body);
        }
    });
    let told = forge.comments(Subject::PullRequest(opened.number)).await.unwrap();
    assert_eq!(told.into_iter().map(|said| said.body).collect::<Vec<_>>(), bodies);
    let own = keep_comment(forge.as_ref(), Subject::PullRequest(opened.number), "progress", "One")
        .await
        .unwrap();
    let same = keep_comment(forge.as_ref(), Subject::PullRequest(opened.number), "progress", "Two")
        .await
        .unwrap();
    assert_eq!(own.id, same.id, "it is found on the last page");
}

async fn a_mark_by_others_is_not_ours(kind: Kind) {
    let Hosted { place, host, forge, .. } = hosted(kind).await;
    let opened = forge.create(place.ground.content(&place.ground.clean, "Title")).await.unwrap();
    let copied = "<!-- errand:progress -->";
    let theirs = host.with(|hall| hall.say(name(kind), opened.number, "rita", copied));
    let ours = keep_comment(forge.as_ref(), Subject::PullRequest(opened.number), "progress", "One")
        .await
        .unwrap();
    assert_ne!(ours.id, theirs);
    // An answer that is lost after the comment was written.
    let before = host.asked().len();
    keep_comment(forge.as_ref(), Subject::PullRequest(opened.number), "other", "x").await.unwrap();
    let writes = host.asked().len() - before - 1;
    host.strike(writes, Fault::Lost(Carried::Yes));
    let lost =
        keep_comment(forge.as_ref(), Subject::PullRequest(opened.number), "result", "Done").await;
    assert!(matches!(lost, Err(ForgeError::OutcomeUnknown { .. })), "{lost:?}");
    keep_comment(forge.as_ref(), Subject::PullRequest(opened.number), "result", "Done")
        .await
        .unwrap();
    let told = forge.comments(Subject::PullRequest(opened.number)).await.unwrap();
    assert_eq!(told.iter().filter(|said| said.body.contains("errand:result")).count(), 1);
}

async fn faults_are_told_apart(kind: Kind) {
    let Hosted { place, host, forge, now } = hosted(kind).await;
    let content = place.ground.content(&place.ground.clean, "Title");
    host.strike(0, Fault::Limited { wait_s: 17 });
    match forge.branch(&content.base).await {
        Err(ForgeError::RateLimited { wait }) => assert_eq!(wait, Duration::from_secs(17)),
        other => panic!("a limit is told with its time: {other:?}"),
    }
    host.strike(0, Fault::Failed(Carried::No));
    let failed = forge.branch(&content.base).await;
    assert!(matches!(failed, Err(ForgeError::Unreachable { .. })), "{failed:?}");
    host.strike(0, Fault::Lost(Carried::No));
    let lost = forge.branch(&content.base).await;
    assert!(matches!(lost, Err(ForgeError::Unreachable { .. })), "{lost:?}");
    let opened = forge.create(content).await.unwrap();
    host.strike(0, Fault::Failed(Carried::Yes));
    let failed = forge.comment(Subject::PullRequest(opened.number), "Hello").await;
    assert!(matches!(failed, Err(ForgeError::OutcomeUnknown { .. })), "{failed:?}");

    let clock: Clock = Arc::new(move || now.load(Ordering::Relaxed));
    let bad = self::opened(kind, &host, clock.clone(), "token-of-nobody");
    let refused = bad.identity().await.unwrap_err();
    assert!(matches!(refused, ForgeError::Credential), "{refused:?}");
    assert!(!format!("{refused:?} {refused}").contains("token-of-nobody"));
    host.with(|hall| hall.admit("reader", Right::Read, "token-of-reader"));
    let reader = self::opened(kind, &host, clock, "token-of-reader");
    assert_eq!(reader.identity().await.unwrap().permission, Permission::Read);
    let denied = reader.comment(Subject::PullRequest(opened.number), "Hello").await;
    assert!(matches!(denied, Err(ForgeError::Denied { .. })), "{denied:?}");
}

/// An outsider names a branch of a fork as ours is named, to have theirs brought up to date.
async fn a_branch_of_a_fork_is_not_ours(kind: Kind) {
    let Hosted { place, host, forge, .. } = hosted(kind).await;
    let head = &place.ground.clean;
    let repository = name(kind);
    let fork = |hall: &mut Hall| {
        hall.open_from_fork(repository, "oscar/widget", head.branch.as_str(), "Theirs")
    };
    let theirs = host.with(fork);
    assert_eq!(forge.find_pull_request(&head.branch).await.unwrap(), None);
    let ours = forge.create(place.ground.content(head, "Ours")).await.unwrap();
    assert_ne!(ours.number, theirs);
    let again = forge.create(place.ground.content(head, "Ours")).await.unwrap();
    assert_eq!(again, ours);
    let kept = host.with(|hall| hall.repository(repository).pulls[&theirs].clone());
    assert_eq!((kept.title.as_str(), kept.body.as_str()), ("Theirs", ""));
}

/// Merging where the answer to each request in turn is lost.
async fn a_merge_is_made_once(kind: Kind) {
    for struck in 0..7 {
        let Hosted { place, host, forge, .. } = hosted(kind).await;
        let content = place.ground.content(&place.ground.clean, "Title");
        let number = forge.create(content).await.unwrap().number;
        host.strike(struck, Fault::Lost(Carried::Yes));
        let mut tries = 0;
        let merged = loop {
            match forge.merge(number, &place.ground.wish).await {
                Ok(merged) => break merged,
                Err(ForgeError::OutcomeUnknown { .. } | ForgeError::Unreachable { .. }) => {}
                Err(other) => panic!("{other}: {other:?}"),
            }
            tries += 1;
            assert!(tries < 3, "one fault needs one more try");
        };
        assert!(matches!(merged.state, State::Merged { .. }), "{merged:?}");
        let merges = git(&place.remote, &["rev-list", "--merges", "--count", "main"]);
        assert_eq!(merges, "1", "request {struck}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn git_is_served_at_the_same_address_to_those_with_a_token() {
    let (place, host, _, _) = served(Kind::Gitea).await;
    host.with(|hall| hall.admit("reader", Right::Read, "token-of-reader"));
    let url = format!("{}/{}.git", host.url(), name(Kind::Gitea));
    let tried = |token: &str, args: &[&str]| {
        let header = format!("http.extraHeader=Authorization: Basic {}", STANDARD.encode(token));
        let quiet = ["-c", "credential.helper=", "-c", &header];
        try_git(&place.work, &[&quiet, args].concat())
    };
    let push = ["push", "-q", &url, "errand/clean:refs/heads/errand/pushed"];
    assert!(!tried("x:token-of-nobody", &["ls-remote", &url]));
    assert!(!tried("x:token-of-oscar", &["ls-remote", &url]));
    assert!(tried("x:token-of-reader", &["ls-remote", &url]));
    assert!(!tried("x:token-of-reader", &push));
    assert!(tried(&format!("x:{TOKEN}"), &push));
    let pushed = git(&place.remote, &["rev-parse", "refs/heads/errand/pushed"]);
    assert_eq!(pushed, place.ground.clean.commit.to_string());
}

#[tokio::test]
async fn github_lists_go_over_pages() {
    lists_go_over_pages(Kind::Github).await;
}

#[tokio::test]
async fn github_a_mark_by_others_is_not_ours() {
    a_mark_by_others_is_not_ours(Kind::Github).await;
}

#[tokio::test]
async fn github_faults_are_told_apart() {
    faults_are_told_apart(Kind::Github).await;
}

#[tokio::test]
async fn gitea_lists_go_over_pages() {
    lists_go_over_pages(Kind::Gitea).await;
}

#[tokio::test]
async fn gitea_a_mark_by_others_is_not_ours() {
    a_mark_by_others_is_not_ours(Kind::Gitea).await;
}

#[tokio::test]
async fn gitea_faults_are_told_apart() {
    faults_are_told_apart(Kind::Gitea).await;
}

#[tokio::test]
async fn gitlab_lists_go_over_pages() {
    lists_go_over_pages(Kind::Gitlab).await;
}

#[tokio::test]
async fn gitlab_a_mark_by_others_is_not_ours() {
    a_mark_by_others_is_not_ours(Kind::Gitlab).await;
}

#[tokio::test]
async fn gitlab_faults_are_told_apart() {
    faults_are_told_apart(Kind::Gitlab).await;
}

#[tokio::test]
async fn bitbucket_lists_go_over_pages() {
    lists_go_over_pages(Kind::Bitbucket).await;
}

#[tokio::test]
async fn bitbucket_a_mark_by_others_is_not_ours() {
    a_mark_by_others_is_not_ours(Kind::Bitbucket).await;
}

#[tokio::test]
async fn bitbucket_faults_are_told_apart() {
    faults_are_told_apart(Kind::Bitbucket).await;
}

#[tokio::test]
async fn github_a_merge_is_made_once() {
    a_merge_is_made_once(Kind::Github).await;
}

#[tokio::test]
async fn gitea_a_merge_is_made_once() {
    a_merge_is_made_once(Kind::Gitea).await;
}

#[tokio::test]
async fn gitlab_a_merge_is_made_once() {
    a_merge_is_made_once(Kind::Gitlab).await;
}

#[tokio::test]
async fn bitbucket_a_merge_is_made_once() {
    a_merge_is_made_once(Kind::Bitbucket).await;
}

#[tokio::test]
async fn github_a_branch_of_a_fork_is_not_ours() {
    a_branch_of_a_fork_is_not_ours(Kind::Github).await;
}

#[tokio::test]
async fn gitea_a_branch_of_a_fork_is_not_ours() {
    a_branch_of_a_fork_is_not_ours(Kind::Gitea).await;
}

#[tokio::test]
async fn gitlab_a_branch_of_a_fork_is_not_ours() {
    a_branch_of_a_fork_is_not_ours(Kind::Gitlab).await;
}

#[tokio::test]
async fn bitbucket_a_branch_of_a_fork_is_not_ours() {
    a_branch_of_a_fork_is_not_ours(Kind::Bitbucket).await;
}
