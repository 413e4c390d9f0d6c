//! Bringing a pull request to a host where requests are lost, doubled, late, or the last thing that this server did:
//! there is one in the end, its text is ours between our marks, people's around them, and no branch was touched.

use fakes::forges::hall::{Pull, Right};
use fakes::forges::{Carried, Fault, ForgeHost, Kind};
use fastrand::Rng;
use forge::account::{self, Account, Credential};
use forge::around::Ability;
use forge::forge::Forge;
use forge::pull_request::{Content, PullRequest, Stage};
use git::name::{BranchName, CommitId};
use protocol::event::PullWishes;
use secrecy::SecretString;
use server::forges::{may_pass, publish};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use url::Url;

const NAME: &str = "acme/widget";
/// Requests of a publication that may be struck.
const STRUCK: usize = 12;
/// Times a publication is begun again before the test gives up.
const BEGUN: usize = 60;

#[expect(clippy::disallowed_methods, reason = "a person's git beside the server under test")]
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t.example"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A host with a repository whose branch `errand/x` is ahead of `main`.
struct Ground {
    folder: tempfile::TempDir,
    host: ForgeHost,
    forge: Arc<dyn Forge>,
    head: CommitId,
}

impl Ground {
    async fn new(kind: Kind, words: account::Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hosted = folder.path().join("acme");
        std::fs::create_dir_all(&hosted).unwrap();
        git(&hosted, &["init", "-q", "--bare", "-b", "main", "widget.git"]);
        let work = folder.path().join("work");
        git(folder.path(), &["clone", "-q", "acme/widget.git", "work"]);
        std::fs::create_dir_all(work.join(".github")).unwrap();
        std::fs::write(work.join(".github/pull_request_template.md"), "## What\n\n## Tests\n")
            .unwrap();
        git(&work, &["checkout", "-q", "-B", "main"]);
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "first"]);
        git(&work, &["checkout", "-q", "-b", "errand/x"]);
        std::fs::write(work.join("a.txt"), "a\n").unwrap();
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "second"]);
        git(&work, &["push", "-q", "origin", "main", "errand/x"]);
        let head = CommitId::parse(&git(&work, &["rev-parse", "HEAD"])).unwrap();
        let host = ForgeHost::start(kind, folder.path().to_owned()).await.unwrap();
        host.with(|hall| {
            hall.admit("errand-bot", Right::Admin, "token");
            hall.admit("rita", Right::Write, "token-of-rita");
        });
        // Each look at the clock is two seconds after the last, so that limits of the host end.
        let now = Arc::new(AtomicI64::new(1_780_000_000));
        let clock: forge::host::Clock = Arc::new(move || now.fetch_add(2, Ordering::Relaxed));
        rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let credential = Credential::Token(SecretString::from("token".to_owned()));
        let web = Url::parse(&host.url()).unwrap();
        let account = Account::new(words, web, client, clock, credential).unwrap();
        let forge = account.forge(account.named(NAME).unwrap()).unwrap();
        Self { folder, host, forge, head }
    }

    fn content(&self, body: &str) -> Content {
        Content {
            title: "Title".to_owned(),
            body: body.to_owned(),
            head: BranchName::parse("errand/x").unwrap(),
            commit: self.head.clone(),
            base: BranchName::parse("main").unwrap(),
            stage: Stage::Draft,
        }
    }

    fn pulls(&self) -> Vec<Pull> {
        self.host.with(|hall| hall.repository(NAME).pulls.values().cloned().collect())
    }

    fn refs(&self) -> String {
        git(&self.folder.path().join("acme/widget.git"), &["for-each-ref"])
    }

    /// Begins again as the plan does, from the start, until it is known to be done.
    async fn published(&self, body: &str, known: Option<u64>) -> PullRequest {
        let wishes = PullWishes {
            draft: true,
            reviewers: vec!["rita".to_owned()],
            labels: vec!["agents".to_owned()],
        };
        for _ in 0..BEGUN {
            let made = tokio::select! {
                made = publish::publish(self.forge.as_ref(), self.content(body), known, &wishes) => made,
                // The process dies here, and with it the request.
                () = self.host.hung() => continue,
            };
            match made {
                Ok(made) => return made,
                Err(error) if may_pass(&error) => {}
                Err(error) => panic!("{error}: {error:?}"),
            }
        }
        panic!("never published");
    }
}

fn fault(rng: &mut Rng) -> Fault {
    let carried = if rng.bool() { Carried::Yes } else { Carried::No };
    match rng.u8(0..7) {
        0 | 1 => Fault::Lost(carried),
        2 => Fault::Duplicated,
        3 => Fault::Late { after: rng.u32(0..8) },
        4 => Fault::Failed(carried),
        5 => Fault::Hung(carried),
        _ => Fault::Limited { wait_s: 1 },
    }
}

/// 1,000 in full counts, shared among the kinds otherwise.
fn seeds() -> std::ops::Range<u64> {
    match std::env::var_os("ERRAND_TEST_COUNTS") {
        Some(word) if word == "full" => 0..1_000,
        _ => 0..100,
    }
}

async fn one_pull_request_comes_of_it(kind: Kind, words: account::Kind) {
    let ground = Ground::new(kind, words).await;
    let refs = ground.refs();
    let mut struck = 0;
    for seed in seeds() {
        let mut rng = Rng::with_seed(seed);
        ground.host.with(|hall| {
            hall.repositories.clear();
            hall.repository(NAME).labels = vec!["agents".to_owned()];
        });
        let before = ground.host.asked().len();
        for _ in 0..rng.usize(1..=3) {
            ground.host.strike(rng.usize(0..STRUCK), fault(&mut rng));
        }
        let made = ground.published("one", None).await;
        struck += usize::from(ground.host.asked().len() - before > STRUCK);
        // A person writes around what is ours; what was late arrives after all; the next run publishes.
        ground.host.settle();
        ground.host.with(|hall| {
            let pull = hall.repository(NAME).pulls.get_mut(&made.number).unwrap();
            pull.body = format!("By hand.\n\n{}", pull.body);
        });
        for _ in 0..rng.usize(0..=2) {
            ground.host.strike(rng.usize(0..STRUCK), fault(&mut rng));
        }
        let known = rng.bool().then_some(made.number);
        let again = ground.published("two", known).await;
        assert_eq!(again.number, made.number, "seed {seed}");
        // An update that comes late says what an earlier run said; the run after it says the truth again.
        ground.host.settle();
        ground.published("three", known).await;
        let pulls = ground.pulls();
        let [pull] = pulls.as_slice() else { panic!("seed {seed}: {pulls:#?}") };
        assert!(pull.body.starts_with("By hand."), "seed {seed}: {}", pull.body);
        assert!(
            pull.body.contains("three") && !pull.body.contains("two"),
            "seed {seed}: {}",
            pull.body
        );
        assert_eq!(pull.body.matches("errand:begin").count(), 1, "seed {seed}: {}", pull.body);
        assert_eq!(pull.reviewers, ["rita"], "seed {seed}");
        let labels = ground.forge.capabilities().can(Ability::Labels);
        assert_eq!(pull.labels, ["agents"][..usize::from(labels)], "seed {seed}");
    }
    assert!(struck > 10, "most faults struck nothing");
    assert_eq!(ground.refs(), refs, "publishing touches no branch");
}

#[tokio::test(flavor = "multi_thread")]
async fn github_has_one_pull_request_with_one_text() {
    one_pull_request_comes_of_it(Kind::Github, account::Kind::Github).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_has_one_pull_request_with_one_text() {
    one_pull_request_comes_of_it(Kind::Gitlab, account::Kind::Gitlab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gitea_has_one_pull_request_with_one_text() {
    one_pull_request_comes_of_it(Kind::Gitea, account::Kind::Gitea).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bitbucket_has_one_pull_request_with_one_text() {
    one_pull_request_comes_of_it(Kind::Bitbucket, account::Kind::Bitbucket).await;
}
