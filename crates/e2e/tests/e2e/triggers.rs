//! What people ask for at a host: an issue becomes a pull request, comments steer, failing checks are mended; and what
//! all others send achieves nothing. The hosts are fakes over real git, whose deliveries are signed as theirs are.

mod battery;
mod injected;
mod orders;
mod whole;

use crate::forges::{Connected, NAME};
use e2e::api::{Answer, client};
use fakes::forges::Kind;
use fakes::forges::deliveries::{Delivery, News, What, delivery};
use fakes::forges::hall::Comment;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A connected host with the webhook of its repository.
pub struct Hooked {
    pub connected: Connected,
    kind: Kind,
    forge: String,
    url: String,
    secret: String,
    sent: AtomicU64,
}

impl Hooked {
    pub async fn start(kind: Kind, word: &str) -> Self {
        Self::of(Connected::start(kind, word).await, kind).await
    }

    pub async fn of(connected: Connected, kind: Kind) -> Self {
        let listed = connected.world.api.get("/v1/forges").await.expect(200);
        let forge = listed["items"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/forges/{forge}/webhook?repository={NAME}");
        let hook = connected.world.api.get(&path).await.expect(200);
        let text = |name: &str| hook[name].as_str().unwrap().to_owned();
        let (url, secret) = (text("url"), text("secret"));
        Self { connected, kind, forge, url, secret, sent: AtomicU64::new(1) }
    }

    /// A delivery of what somebody did, as the host sends it.
    pub fn made(&self, by: &str, what: What<'_>) -> Delivery {
        self.made_in(NAME, by, what)
    }

    /// The same of another repository, signed for this one.
    pub fn made_in(&self, repository: &str, by: &str, what: What<'_>) -> Delivery {
        let id = format!("delivery-{}", self.sent.fetch_add(1, Ordering::Relaxed));
        let news = News { repository, by, from: repository, what };
        delivery(self.kind, &news, &self.secret, &id, 1_780_000_000)
    }

    /// Sends a delivery to the repository's webhook.
    pub async fn send(&self, delivery: &Delivery) -> Answer {
        let request = client().post(&self.url).timeout(Duration::from_secs(60));
        let request = delivery
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, value));
        e2e::api::send("a delivery", request.body(delivery.body.clone())).await
    }

    /// The host tells what somebody did, and it is taken.
    pub async fn tell(&self, by: &str, what: What<'_>) {
        let told = self.send(&self.made(by, what)).await.expect(202);
        assert_eq!(told["outcome"], "taken", "{told}");
    }

    pub async fn agents(&self) -> Vec<Value> {
        let listed = self.connected.world.api.get("/v1/agents").await.expect(200);
        listed["items"].as_array().unwrap().clone()
    }

    /// Waits until there is one agent, whose so many runs are over.
    pub async fn settled(&self, runs: usize) -> String {
        self.until(&format!("{runs} runs are over"), async || {
            let agents = self.agents().await;
            let [agent] = agents.as_slice() else { return None };
            let id = agent["id"].as_str().unwrap().to_owned();
            let all = self.runs(&id).await;
            let over = all.iter().filter(|run| run["status"] == "FINISHED").count();
            assert!(all.iter().all(|run| run["status"] != "ERROR"), "{all:#?}");
            (over == runs && all.len() == runs).then_some(id)
        })
        .await
    }

    pub async fn runs(&self, agent: &str) -> Vec<Value> {
        let runs = self.connected.world.api.get(&format!("/v1/agents/{agent}/runs")).await;
        runs.expect(200)["items"].as_array().unwrap().clone()
    }

    /// Waits until something is so.
    pub async fn until<T>(&self, what: &str, is_so: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..600 {
            if let Some(found) = is_so().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let outcomes = self.outcomes().await;
        panic!("{:?}: in a minute it never came that {what}; deliveries: {outcomes:#?}", self.kind);
    }

    /// Waits until so many deliveries were decided upon; their outcomes, oldest first.
    pub async fn decided(&self, count: usize) -> Vec<String> {
        self.until(&format!("{count} deliveries are decided upon"), async || {
            let outcomes = self.outcomes().await;
            (outcomes.len() >= count).then_some(outcomes)
        })
        .await
    }

    pub async fn outcomes(&self) -> Vec<String> {
        let path = format!("/v1/forges/{}/deliveries", self.forge);
        let listed = self.connected.world.api.get(&path).await.expect(200);
        let items = listed["items"].as_array().unwrap().iter().rev();
        items.map(|item| item["outcome"].as_str().unwrap().to_owned()).collect()
    }

    /// An issue, and its number.
    pub fn issue(&self, author: &str, title: &str, body: &str) -> u64 {
        self.connected.host.with(|hall| hall.open_issue(NAME, author, title, body))
    }

    /// Somebody comments on an issue.
    pub async fn comment(&self, issue: u64, by: &str, body: &str) {
        let id = self.connected.host.with(|hall| hall.say_on_issue(NAME, issue, by, body));
        self.tell(by, What::IssueComment { issue, id, body }).await;
    }

    /// Somebody comments on a pull request.
    pub async fn comment_pull(&self, pull: u64, by: &str, body: &str) {
        let id = self.connected.host.with(|hall| hall.say(NAME, pull, by, body));
        self.tell(by, What::Comment { pull, id, body }).await;
    }

    /// What we said, by what it is under.
    pub fn ours(&self, number: u64, on_issue: bool) -> Vec<Comment> {
        let said = self.connected.host.with(|hall| hall.repository(NAME).comments.clone());
        let is_ours = |said: &Comment| {
            said.author == "errand-bot" && said.number == number && said.on_issue == on_issue
        };
        said.into_iter().filter(is_ours).collect()
    }

    /// Waits for the one comment of ours, until it says this.
    pub async fn told(&self, number: u64, on_issue: bool, words: &str) -> String {
        self.until(&format!("{words:?} is said under {number}"), async || {
            let ours = self.ours(number, on_issue);
            assert!(ours.len() <= 1, "{ours:#?}");
            ours.first().map(|one| one.body.clone()).filter(|body| body.contains(words))
        })
        .await
    }

    /// Waits until one of our comments says this.
    pub async fn told_anywhere(&self, number: u64, on_issue: bool, words: &str) {
        self.until(&format!("{words:?} is said under {number}"), async || {
            let ours = self.ours(number, on_issue);
            ours.iter().any(|one| one.body.contains(words)).then_some(())
        })
        .await;
    }

    /// Waits until nothing is left to be decided upon.
    pub async fn quiet(&self) {
        let mut before = usize::MAX;
        loop {
            let now = self.outcomes().await.len();
            if now == before {
                return;
            }
            before = now;
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    }

    /// The server came back, elsewhere perhaps.
    pub async fn moved(&mut self) {
        let path = format!("/v1/forges/{}/webhook?repository={NAME}", self.forge);
        let hook = self.connected.world.api.get(&path).await.expect(200);
        assert_eq!(hook["secret"], self.secret.as_str(), "the secret outlives the server");
        self.url = hook["url"].as_str().unwrap().to_owned();
    }
}
