//! Credentials at hosts, before any repository is named.

use crate::fixture::try_git;
use crate::hosts::{TOKEN, client, key_pem, name, served};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fakes::forges::hall::App as FakeApp;
use fakes::forges::{ForgeHost, Kind};
use forge::account::{self, Account, Credential};
use forge::forge::ForgeError;
use forge::github::App;
use forge::host::Clock;
use git::url::RemoteUrl;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::Path;
use std::sync::Arc;
use url::Url;

const KINDS: [(Kind, account::Kind); 4] = [
    (Kind::Github, account::Kind::Github),
    (Kind::Gitea, account::Kind::Gitea),
    (Kind::Gitlab, account::Kind::Gitlab),
    (Kind::Bitbucket, account::Kind::Bitbucket),
];

fn account(kind: account::Kind, host: &ForgeHost, clock: Clock, credential: Credential) -> Account {
    let web = Url::parse(&host.url()).unwrap();
    Account::new(kind, web, client(), clock, credential).unwrap()
}

fn token(token: &str) -> Credential {
    Credential::Token(SecretString::from(token.to_owned()))
}

/// Whether git is let in with what the account says.
async fn git_is_let_in(account: &Account, remote: &RemoteUrl, work: &Path) -> bool {
    let repository = account.repository(remote).unwrap();
    let (name, password) = account.git_login(&repository).await.unwrap();
    let pair = STANDARD.encode(format!("{name}:{}", password.expose_secret()));
    let header = format!("http.extraHeader=Authorization: Basic {pair}");
    try_git(work, &["-c", "credential.helper=", "-c", &header, "ls-remote", remote.as_str()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_whose_it_is_what_it_opens_and_lets_git_in() {
    for (kind, told) in KINDS {
        let (place, host, _, clock) = served(kind).await;
        let account = account(told, &host, clock.clone(), token(TOKEN));
        assert_eq!(account.owner().await.unwrap().login, "errand-bot", "{kind:?}");

        let found = account.repositories().await.unwrap();
        assert!(!found.more);
        let names: Vec<_> = found.entries.iter().map(|found| found.full_name.as_str()).collect();
        assert_eq!(names, [name(kind)]);
        assert_eq!(found.entries[0].default_branch.as_deref(), Some("main"));

        let remote = RemoteUrl::parse(&found.entries[0].url).unwrap();
        let forge = account.forge(account.repository(&remote).unwrap()).unwrap();
        assert_eq!(forge.default_branch().await.unwrap().as_str(), "main");
        assert!(git_is_let_in(&account, &remote, &place.work).await, "{kind:?}");
        let elsewhere = RemoteUrl::parse("https://other.example/acme/widget").unwrap();
        assert!(account.repository(&elsewhere).is_none(), "no credential goes to another host");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_at_once() {
    for (kind, told) in KINDS {
        let (_place, host, _, clock) = served(kind).await;
        let account = account(told, &host, clock.clone(), token("of-nobody"));
        let refused = account.owner().await.unwrap_err();
        assert!(matches!(refused, ForgeError::Credential), "{kind:?}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_says_whose_it_is_what_it_opens_and_lets_git_in() {
    let (place, host, _, clock) = served(Kind::Github).await;
    let key_pem = key_pem(place.dir.path());
    let (id, slug) = ("4711".to_owned(), "errand".to_owned());
    let fake = FakeApp { id: id.clone(), slug, key_pem: key_pem.clone(), handed_out: vec![] };
    host.with(|hall| hall.app = Some(fake));
    let app = Arc::new(App::new(id, &key_pem.into(), clock.clone()).unwrap());
    let account = account(account::Kind::Github, &host, clock, Credential::App(app));
    assert_eq!(account.owner().await.unwrap().login, "errand[bot]");
    let found = account.repositories().await.unwrap().entries;
    assert_eq!(found[0].full_name, "acme/widget");
    let remote = RemoteUrl::parse(&found[0].url).unwrap();
    assert!(git_is_let_in(&account, &remote, &place.work).await);
    let asked = host.with(|hall| hall.app.as_ref().unwrap().handed_out.clone());
    assert_eq!(asked[0], serde_json::json!({"permissions": {"metadata": "read"}}));
    assert_eq!(asked[1]["repositories"], serde_json::json!(["widget"]), "git's own is narrow");
}

#[test]
fn a_host_takes_its_own_kinds_of_credentials() {
    let person =
        Credential::Person { email: "a@b.example".to_owned(), token: "t".to_owned().into() };
    let web = Url::parse("https://lab.example").unwrap();
    let clock: Clock = Arc::new(|| 0);
    let made = Account::new(account::Kind::Gitlab, web, client(), clock, person);
    assert!(matches!(made.err(), Some(ForgeError::Rejected { .. })));
}
