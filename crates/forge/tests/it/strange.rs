//! Hosts that answer what no honest one would: the credential stays where it belongs, and nothing
//! is read without end.

use crate::hosts::client;
use forge::around::{Origin, Subject};
use forge::bitbucket::{self, Bitbucket};
use forge::forge::{Forge, ForgeError};
use forge::gitea::Gitea;
use forge::github::{Credential, Github};
use forge::gitlab::Gitlab;
use forge::host::{Clock, Repository};
use git::name::{BranchName, CommitId};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

const TOKEN: &str = "gt-3b1f6a9c";
const COMMIT: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// A host that says the same to everybody, and what it was asked.
struct Canned {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Canned {
    async fn new(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        Self::by_request(move |own, _| answer(own)).await
    }

    /// One that looks at what it is asked.
    async fn by_request(answer: impl Fn(&str, &str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (kept, own) = (asked.clone(), url.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                while !request.windows(4).any(|four| four == b"\r\n\r\n") {
                    match stream.read(&mut chunk).await {
                        Ok(0) | Err(_) => break,
                        Ok(read) => request.extend_from_slice(&chunk[..read]),
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                kept.lock().unwrap().push(request.clone());
                // Whoever hangs up in the middle of it has read enough.
                drop(stream.write_all(answer(&own, &request).as_bytes()).await);
            }
        });
        Self { url, asked, _serving: serving }
    }

    fn repository(&self) -> (Clock, Repository) {
        let clock: Clock = Arc::new(|| 1_780_000_000);
        let web = Url::parse(&self.url).unwrap();
        (clock, Repository { web, owner: "acme".to_owned(), name: "widget".to_owned() })
    }

    fn forge(&self) -> Gitea {
        let (clock, repository) = self.repository();
        Gitea::open(client(), clock, repository, &TOKEN.to_owned().into()).unwrap()
    }

    /// What it says of the check `build`, as a GitHub.
    async fn log(&self) -> Result<String, ForgeError> {
        let (clock, repository) = self.repository();
        let credential = Credential::Token(TOKEN.to_owned().into());
        let forge = Github::open(client(), clock, repository, &credential).unwrap();
        forge.check_log(&CommitId::parse(COMMIT).unwrap(), "build").await
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

fn main_branch() -> BranchName {
    BranchName::parse("main").unwrap()
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Canned::new(|_| answer("200 OK", "", "{}")).await;
    let location = format!("location: {}/api/v1/user\r\n", other.url);
    let host = Canned::new(move |_| answer("307 Temporary Redirect", &location, "")).await;
    let refused = host.forge().branch(&main_branch()).await.unwrap_err();
    assert!(refused.to_string().contains("enter its new address"), "{refused}");
    assert!(host.forge().comment(Subject::PullRequest(1), "x").await.is_err());
    assert_eq!((host.asked(), other.asked()), (2, 0));
}

#[tokio::test]
async fn a_list_goes_on_at_no_other_address() {
    let other = Canned::new(|_| answer("200 OK", "", "[]")).await;
    for next in [format!("{}/api/v1/x", other.url), "/x?page=2".to_owned()] {
        let link = format!("link: <{next}>; rel=\"next\"\r\n");
        let host = Canned::new(move |_| answer("200 OK", &link, "[]")).await;
        let refused = host.forge().branches().await.unwrap_err();
        assert!(refused.to_string().contains("at another address"), "{refused}");
        assert_eq!(host.asked(), 1);
    }
    assert_eq!(other.asked(), 0);
}

#[tokio::test]
async fn a_list_without_end_is_left() {
    let next = |own: &str| {
        let link = format!("link: <{own}/api/v1/x?page=2>; rel=\"next\"\r\n");
        answer("200 OK", &link, "[]")
    };
    let host = Canned::new(next).await;
    assert_eq!(host.forge().branches().await.unwrap(), []);
    assert_eq!(host.asked(), 30);
    // Where not being there is concluded from a list, it has to be a whole one.
    let unsure = host.forge().find_pull_request(&main_branch()).await;
    assert!(matches!(unsure, Err(ForgeError::Rejected { .. })), "{unsure:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_left() {
    let long = answer("200 OK", "", &format!("\"{}\"", "x".repeat(17 * 1024 * 1024)));
    let host = Canned::new(move |_| long.clone()).await;
    let refused = host.forge().branch(&main_branch()).await.unwrap_err();
    assert!(refused.to_string().contains("longer than"), "{refused}");
    let unknown = host.forge().comment(Subject::PullRequest(1), "x").await;
    assert!(matches!(unknown, Err(ForgeError::OutcomeUnknown { .. })), "{unknown:?}");
}

#[tokio::test]
async fn the_token_is_in_no_error() {
    for status in ["400 Bad Request", "403 Forbidden", "422 No", "500 Oh", "200 OK"] {
        let body = format!("{{\"message\": \"you sent token {TOKEN}, \\u0007 really\"}}");
        let host = Canned::new(move |_| answer(status, "", &body)).await;
        for error in [
            host.forge().branch(&main_branch()).await.unwrap_err(),
            host.forge().comment(Subject::PullRequest(1), "x").await.unwrap_err(),
        ] {
            let said = format!("{error} {error:?}");
            assert!(!said.contains(TOKEN), "{status}: {said}");
            assert!(!said.contains('\u{7}'), "{status}: {said}");
        }
        let asked = host.asked.lock().unwrap().concat();
        assert!(asked.contains(&format!("authorization: token {TOKEN}")), "it was sent: {asked}");
    }
}

#[tokio::test]
async fn limits_are_told_in_all_their_words() {
    for (status, headers, body, wait) in [
        ("429 Too Many", "retry-after: 30\r\n", "{}", 30),
        ("429 Too Many", "ratelimit-reset: 1780000090\r\n", "{}", 90),
        ("429 Too Many", "", "{}", 60),
        ("403 No", "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1780000042\r\n", "{}", 42),
        ("403 No", "", "{\"message\": \"You have exceeded a secondary rate limit\"}", 60),
        ("503 No", "retry-after: 7\r\n", "{}", 7),
        ("429 Too Many", "retry-after: 99999999999\r\n", "{}", 3600),
        ("429 Too Many", "x-ratelimit-reset: 1\r\n", "{}", 1),
        ("429 Too Many", "retry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n", "{}", 60),
    ] {
        let host = Canned::new(move |_| answer(status, headers, body)).await;
        match host.forge().comment(Subject::PullRequest(1), "x").await {
            Err(ForgeError::RateLimited { wait: told }) => assert_eq!(told.as_secs(), wait),
            other => panic!("{status} {headers}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_was_never_sent_is_not_unknown() {
    let gone = {
        let host = Canned::new(|_| String::new()).await;
        let forge = host.forge();
        let cut = forge.comment(Subject::PullRequest(1), "x").await;
        assert!(matches!(cut, Err(ForgeError::OutcomeUnknown { .. })), "{cut:?}");
        forge
    };
    let refused = gone.comment(Subject::PullRequest(1), "x").await;
    assert!(matches!(refused, Err(ForgeError::Unreachable { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_fork_that_is_gone_is_a_fork() {
    let sha = COMMIT;
    let github = format!(
        r#"{{"number": 7, "title": "T\u0007", "body": null, "state": "open", "user": null,
             "head": {{"ref": "x", "sha": "{sha}", "repo": null}},
             "base": {{"ref": "main", "sha": "{sha}", "repo": {{"full_name": "acme/widget"}}}}}}"#
    );
    let gitlab = r#"{"iid": 7, "title": "T\u0007", "description": null, "state": "opened",
                     "source_branch": "x", "target_branch": "main", "source_project_id": null,
                     "target_project_id": 1, "author": null}"#;
    let bitbucket = r#"{"id": 7, "title": "T\u0007", "state": "OPEN", "author": null,
                        "source": {"branch": {"name": "x"}, "commit": null, "repository": null},
                        "destination": {"branch": {"name": "main"}, "commit": null}}"#;
    let answers = [github.as_str(), gitlab, bitbucket].map(ToOwned::to_owned);
    for (kind, body) in ["github", "gitlab", "bitbucket"].into_iter().zip(answers) {
        let host = Canned::new(move |_| answer("200 OK", "", &body)).await;
        let (clock, repository) = host.repository();
        let token = TOKEN.to_owned().into();
        let forge: Box<dyn Forge> = match kind {
            "github" => {
                let credential = Credential::Token(token);
                Box::new(Github::open(client(), clock, repository, &credential).unwrap())
            }
            "gitlab" => Box::new(Gitlab::open(client(), clock, repository, &token).unwrap()),
            _ => {
                let credential = bitbucket::Credential::Token(token);
                Box::new(Bitbucket::open(client(), clock, repository, &credential).unwrap())
            }
        };
        let told = forge.opening(Subject::PullRequest(7)).await.unwrap();
        assert_eq!((told.origin, told.author.as_str()), (Origin::Fork, ""), "{kind}");
        assert_eq!((told.title.as_str(), told.body.as_str()), ("T", ""), "{kind}");
    }
    let host = Canned::new(|_| answer("410 Gone", "", "{}")).await;
    let gone = host.forge().opening(Subject::Issue(7)).await;
    assert!(matches!(gone, Err(ForgeError::NotFound(7))), "{gone:?}");
}

/// A failed job of the host, whose log is answered with something.
async fn job(log: impl Fn(&str, &str) -> String + Send + 'static) -> Canned {
    Canned::by_request(move |own, request| {
        if request.contains("/check-runs?") {
            let run = r#"{"id": 5, "name": "build", "status": "completed",
                          "conclusion": "failure", "app": {"slug": "github-actions"},
                          "details_url": "https://x.example/a/w/actions/runs/1/job/5"}"#;
            return answer("200 OK", "", &format!("{{\"check_runs\": [{run}]}}"));
        }
        log(own, request)
    })
    .await
}

fn moved(to: &str) -> String {
    answer("302 Found", &format!("location: {to}\r\n"), "")
}

#[tokio::test]
async fn one_redirect_to_a_log_is_followed_without_the_credential() {
    let host = job(|own, request| {
        if request.contains("GET /stored") {
            return answer("200 OK", "", "it broke here");
        }
        moved(&format!("{own}/stored?sig=x"))
    })
    .await;
    assert_eq!(host.log().await.unwrap(), "it broke here");
    let asked = host.asked.lock().unwrap().clone();
    let shown: Vec<bool> = asked.iter().map(|request| request.contains(TOKEN)).collect();
    assert_eq!(shown, [true, true, false], "{asked:?}");
}

#[tokio::test]
async fn no_other_redirect_to_a_log_is_followed() {
    let other = Canned::new(|_| answer("200 OK", "", "secrets of another host")).await;
    let to = other.url.clone();
    let direct = job(move |_, _| moved(&format!("{to}/latest/meta-data"))).await;
    let to = other.url.clone();
    let second = job(move |own, request| {
        let at = if request.contains("GET /stored") { &to } else { own };
        moved(&format!("{at}/stored"))
    })
    .await;
    let round = job(|own, _| moved(&format!("{own}/stored"))).await;
    let nowhere = job(|_, _| answer("302 Found", "", "")).await;
    for (host, asked) in [(direct, 2), (second, 3), (round, 3), (nowhere, 2)] {
        let told = host.log().await.unwrap();
        assert!(told.starts_with("[its log cannot be read:"), "{told}");
        assert_eq!(host.asked(), asked);
    }
    assert_eq!(other.asked(), 0);
}

#[tokio::test]
async fn a_log_without_end_is_left() {
    let long = answer("200 OK", "", &"a line of it\n".repeat(6 * 1024 * 1024));
    let host = job(move |_, _| long.clone()).await;
    let told = host.log().await.unwrap();
    assert!(told.ends_with("[… more follows]"), "{}", &told[told.len() - 100..]);
    assert!(told.len() < 70_000, "{} bytes", told.len());
}

#[tokio::test]
async fn what_a_log_may_not_show_is_not_shown() {
    let (half, rest) = TOKEN.split_at(4);
    let body = format!("you sent {TOKEN}\u{1b}[31m and {half}\u{7}{rest}!");
    let host = job(move |_, _| answer("200 OK", "", &body)).await;
    assert_eq!(host.log().await.unwrap(), "you sent … and …!");
    for (status, told) in [
        ("403 Forbidden", "[its log cannot be read: status 403]"),
        ("404 Not Found", "[the host keeps no log of it]"),
        ("410 Gone", "[the host keeps no log of it]"),
        ("200 OK", "[the host keeps no log of it]"),
    ] {
        let host = job(move |_, _| answer(status, "", "")).await;
        assert_eq!(host.log().await.unwrap(), told, "{status}");
    }
    let host = job(|_, _| answer("502 Bad Gateway", "", "")).await;
    let later = host.log().await;
    assert!(matches!(later, Err(ForgeError::Unreachable { .. })), "{later:?}");
}
