//! One kill: whom, and when.

use e2e::victim::{Part, Victim};
use e2e::world::{World, eventually};
use reqwest::RequestBuilder;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Time in which a target is looked for that is still to come.
const COMES: Duration = Duration::from_secs(5);
/// How often.
const LOOK: Duration = Duration::from_millis(1);
/// Time that an answer may take.
const ANSWER: Duration = Duration::from_secs(90);

/// Whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The server, which is started again at once.
    Server,
    /// The process that builds the sandbox and stays with it.
    Shim,
    /// The sandbox's first process.
    Guest,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Server, Self::Shim, Self::Guest];
}

/// When: so long after the work began, or after its target came to life.
pub struct Blow {
    /// Whom.
    pub target: Target,
    /// When.
    pub pause: Duration,
}

impl Blow {
    /// An instant within so many milliseconds, rather early than late: a machine comes up quickly.
    pub fn draw(rng: &mut fastrand::Rng, target: Target, span_ms: u64) -> Self {
        let share = rng.f64();
        Self { target, pause: Duration::from_millis(span_ms).mul_f64(share * share) }
    }

    /// Strikes; false where the target had ended by itself, or did not come.
    pub async fn strike(&self, world: &mut World, agent: &str) -> bool {
        let part = match self.target {
            Target::Server => {
                tokio::time::sleep(self.pause).await;
                world.kill();
                world.boot();
                return true;
            }
            Target::Shim => Part::Shim,
            Target::Guest => Part::Guest,
        };
        let until = Instant::now() + COMES;
        while Instant::now() < until {
            if let Some(victim) = Victim::find(agent, part) {
                tokio::time::sleep(self.pause).await;
                return victim.kill();
            }
            tokio::time::sleep(LOOK).await;
        }
        false
    }
}

/// What came back, if anything did.
type Answered = Option<(u16, Value)>;

async fn ask(request: RequestBuilder) -> Answered {
    let response = request.timeout(ANSWER).send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.json().await.ok()?))
}

/// Asks, and does something while the answer is awaited.
pub async fn ask_while<T>(
    request: &RequestBuilder,
    meanwhile: impl Future<Output = T>,
) -> (T, Answered) {
    let asked = ask(request.try_clone().expect("a body in memory"));
    let (answered, done) = futures::join!(asked, meanwhile);
    (done, answered)
}

/// The answer of this status. A client whose connection broke asks again, and so does one whom the
/// agent was too busy for.
pub async fn ask_until(
    request: RequestBuilder,
    first: Answered,
    status: u16,
    busy: &[&str],
) -> Value {
    let mut answered = first;
    eventually("the answer comes", async || {
        if let Some((found, body)) = &answered {
            if *found == status {
                return true;
            }
            let code = body["error"]["code"].as_str().unwrap_or_default();
            assert!(busy.contains(&code), "{found}: {body}");
        }
        answered = ask(request.try_clone().expect("a body in memory")).await;
        matches!(&answered, Some((found, _)) if *found == status)
    })
    .await;
    answered.map(|(_, body)| body).unwrap_or_default()
}
