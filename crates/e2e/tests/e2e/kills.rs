//! Server, shim or guest killed with SIGKILL at random instants of what a machine's life is made of:
//! whatever was going on, agents are usable, their files are there, and at the end nothing is left.

mod blow;
mod leavings;
mod subject;

use blow::{Blow, Target, ask_until, ask_while};
use e2e::api::send;
use e2e::count::{count, seeded};
use e2e::host;
use e2e::samples::Repository;
use e2e::world::{Job, World, eventually, prompt, shell};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;
use subject::{SHOW, Subject, assert_single, outputs, text};

/// Rounds after which another agent takes the place of the one that has lived so long.
const LIFE: usize = 24;
/// A machine that takes a moment to prepare; half of it shows.
const INSTALL: &str = "mkdir -p deps && echo begun >> ~/begun && sleep 0.2 && for n in $(seq 40); do \
    head -c $((n * 499)) /dev/urandom > deps/$n; done && sleep 0.2 && \
    sha256sum deps/[0-9]* > ~/sums && echo whole > deps/whole";
/// Says how much of it is there.
const PREPARED: &str =
    "cat deps/whole; sha256sum --quiet -c ~/sums && ls deps/[0-9]* | wc -l; echo looked";

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Build,
    Fork,
    Snapshot,
    FirstStart,
    Deletion,
    Stop,
    Wake,
    Run,
}

impl Work {
    const ALL: [Self; 8] = [
        Self::Build,
        Self::Fork,
        Self::Snapshot,
        Self::FirstStart,
        Self::Deletion,
        Self::Stop,
        Self::Wake,
        Self::Run,
    ];

    /// How long it is going on, in milliseconds; a kill comes within that.
    fn span_ms(self) -> u64 {
        match self {
            Self::Build => 1500,
            Self::Run => 800,
            Self::FirstStart | Self::Wake => 500,
            Self::Fork | Self::Snapshot => 300,
            Self::Deletion => 200,
            Self::Stop => 100,
        }
    }
}

/// Every work in turn, in an order that is drawn; in three turns each of them meets each target.
fn draw(rng: &mut fastrand::Rng) -> impl Iterator<Item = (Work, Target)> + use<> {
    let first = Work::ALL.map(|work| (work, rng.usize(..Target::ALL.len())));
    let mut rng = rng.fork();
    (0..).flat_map(move |turn| {
        let mut works = first;
        rng.shuffle(&mut works);
        works.map(|(work, first)| (work, Target::ALL[(first + turn) % Target::ALL.len()]))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_whenever_agents_are_usable_and_nothing_is_left() {
    let kills = count(8, 100);
    let mut rng = seeded();
    let mut stage = Stage::start().await;
    let mut struck: BTreeMap<String, usize> = BTreeMap::new();
    let mut rounds = 0;
    for (work, target) in draw(&mut rng) {
        if struck.values().sum::<usize>() == kills {
            break;
        }
        rounds += 1;
        assert!(rounds <= kills * 2, "too few were there to be killed: {struck:?}");
        let blow = Blow::draw(&mut rng, target, work.span_ms());
        let when = format!("round {rounds}, {target:?} in {work:?} after {:?}", blow.pause);
        println!("{when}");
        let began = Instant::now();
        if stage.round(work, &blow, &when).await {
            *struck.entry(format!("{target:?} in {work:?}")).or_default() += 1;
        }
        println!("{when}: over after {:?}", began.elapsed());
        if rounds % LIFE == 0 {
            stage.renew().await;
        }
    }
    println!("{kills} kills in {rounds} rounds: {struck:#?}; builds: {:?}", stage.built);
    let Stage { world, agents, .. } = stage;
    leavings::assert_none(world, agents).await;
}

/// One server with what the rounds play on.
struct Stage {
    world: World,
    /// Works now and then, sleeps, wakes, is forked and kept.
    subject: Subject,
    own: Repository,
    /// Has an environment file.
    prepared: Repository,
    /// Every agent there ever was.
    agents: Vec<String>,
    /// How builds that were struck ended.
    built: BTreeMap<String, usize>,
}

impl Stage {
    async fn start() -> Self {
        let world = World::with("[builds]\nautomatic = false\n").await;
        let own = world.repository("own");
        own.push("main", "Ignore", &[(".gitignore", "deps/\n")]);
        let prepared = world.repository("prepared");
        let file = json!({ "install": INSTALL }).to_string();
        let files = [(".errand/environment.json", file.as_str()), (".gitignore", "deps/\n")];
        prepared.push("main", "Describe the machine", &files);
        let subject = Subject::open(&world, own.clone()).await;
        let sockets = host::foreign_sockets(world.server_pid());
        assert!(!sockets.is_empty(), "of a machine that is up the server holds the way out");
        let (agents, built) = (vec![subject.agent.clone()], BTreeMap::new());
        let mut stage = Self { world, subject, own, prepared, agents, built };
        stage.build_whole("at first").await;
        stage
    }

    async fn renew(&mut self) {
        self.world.delete(&self.subject.agent).await;
        self.subject = Subject::open(&self.world, self.own.clone()).await;
        self.agents.push(self.subject.agent.clone());
    }

    /// Strikes in the middle of some work; tells whether the target was there.
    async fn round(&mut self, work: Work, blow: &Blow, when: &str) -> bool {
        let is_struck = match work {
            Work::Build => return self.build(blow, when).await,
            Work::FirstStart => return self.first_start(blow, when).await,
            Work::Deletion => return self.deletion(blow, when).await,
            Work::Fork => self.fork(blow, when).await,
            Work::Snapshot => self.snapshot(blow, when).await,
            Work::Stop => self.stop(blow).await,
            Work::Wake => self.wake(blow).await,
            Work::Run => self.run(blow).await,
        };
        self.subject.assert_whole(&self.world, when).await;
        is_struck
    }

    async fn builds(&self) -> Vec<Value> {
        let body = self.world.api.get("/v1/builds").await.expect(200);
        body["items"].as_array().unwrap().clone()
    }

    /// Waits until a build is over; it.
    async fn built(&self, layer: &str) -> Value {
        let mut found = Value::Null;
        eventually(&format!("{layer} is over"), async || {
            let builds = self.builds().await;
            let known = builds.into_iter().find(|build| build["layer"] == layer);
            found = known.unwrap_or_default();
            found["status"] != "RUNNING" && found["status"].is_string()
        })
        .await;
        found
    }

    async fn begin_build(&mut self) -> (String, String) {
        let body = json!({"repos": [{"url": self.prepared.url()}]});
        let build = self.world.api.post("/v1/builds", &body).await.expect(201);
        self.agents.push(text(&build, "id"));
        (text(&build, "id"), text(&build, "layer"))
    }

    /// A build that nobody disturbs becomes ready.
    async fn build_whole(&mut self, when: &str) {
        let (_, layer) = self.begin_build().await;
        let build = self.built(&layer).await;
        assert_eq!(build["status"], "READY", "{when}: {build:#}");
    }

    async fn build(&mut self, blow: &Blow, when: &str) -> bool {
        let (agent, layer) = self.begin_build().await;
        let is_struck = blow.strike(&mut self.world, &agent).await;
        let build = self.built(&layer).await;
        let status = text(&build, "status");
        assert!(["READY", "FAILED"].contains(&status.as_str()), "{when}: {build:#}");
        if status == "FAILED" {
            println!("{when}: the build failed: {}", build["failure"]);
            self.build_whole(when).await;
        }
        *self.built.entry(status).or_default() += 1;
        let job = self.begin_prepared().await;
        self.assert_prepared(&job, when).await;
        self.world.delete(&job.agent).await;
        is_struck
    }

    /// Opens an agent whose machine begins with a build.
    async fn begin_prepared(&mut self) -> Job {
        let job = self.world.errand(&self.prepared, &[shell(PREPARED), Turn::say("Seen.")]).await;
        self.agents.push(job.agent.clone());
        job
    }

    async fn assert_prepared(&self, job: &Job, when: &str) {
        self.world.ended_as(job, "FINISHED").await;
        let output = outputs(&self.world, job).await.pop().unwrap();
        // Of a machine that was killed meanwhile the model is told; its next run looks again.
        let output = if output.contains("looked") {
            output
        } else {
            let again = [shell(PREPARED), Turn::say("Seen.")];
            let again = self.world.send(&job.agent, &again).await;
            self.world.ended_as(&again, "FINISHED").await;
            outputs(&self.world, &again).await.pop().unwrap()
        };
        assert!(output.contains("whole\n40\nlooked"), "{when}: half a machine: {output}");
        let events = self.world.events(&job.agent).await;
        let mut phases = events.iter().map(|entry| &entry["event"]);
        let kept = phases.find(|event| event["type"] == "SetUpFinished").unwrap();
        assert_eq!(kept["outcome"]["type"], "kept", "{when}: it had to install: {kept}");
    }

    async fn first_start(&mut self, blow: &Blow, when: &str) -> bool {
        let job = self.begin_prepared().await;
        let is_struck = blow.strike(&mut self.world, &job.agent).await;
        self.assert_prepared(&job, when).await;
        self.world.assert_usable(&job.agent).await;
        assert_single(&self.world, &job.agent, when).await;
        self.world.delete(&job.agent).await;
        is_struck
    }

    async fn deletion(&mut self, blow: &Blow, when: &str) -> bool {
        let job = self.begin_prepared().await;
        let path = format!("/v1/agents/{}", job.agent);
        let is_struck = match blow.target {
            Target::Server => {
                self.world.api.delete(&path).await.expect(200);
                blow.strike(&mut self.world, &job.agent).await
            }
            Target::Shim | Target::Guest => blow.strike(&mut self.world, &job.agent).await,
        };
        self.world.delete(&job.agent).await;
        eventually(&format!("{when}: nothing is left of {}", job.agent), async || {
            host::shims_of_agent(&job.agent).is_empty()
                && host::processes_of_agent(&job.agent).is_empty()
                && host::groups_of_agent(&job.agent).is_empty()
        })
        .await;
        is_struck
    }

    fn at(&self, what: &str) -> String {
        format!("/v1/agents/{}/{what}", self.subject.agent)
    }

    /// A fork freezes the disk: both go on with what was on it.
    async fn fork(&mut self, blow: &Blow, when: &str) -> bool {
        let body = json!({"prompt": {"text": prompt(&[shell(SHOW), Turn::say("Forked.")])}});
        let request = self.world.api.request(Method::POST, &self.at("forks"));
        let key = format!("fork-{}", self.agents.len());
        let request = request.header("idempotency-key", key).json(&body);
        let agent = self.subject.agent.clone();
        let (is_struck, first) = ask_while(&request, blow.strike(&mut self.world, &agent)).await;
        let fork = ask_until(request, first, 201, &["agent_busy"]).await;
        let job = Job { agent: text(&fork["agent"], "id"), run: text(&fork["run"], "id") };
        self.agents.push(job.agent.clone());
        self.world.ended_as(&job, "FINISHED").await;
        let output = outputs(&self.world, &job).await.pop().unwrap();
        self.subject.assert_shown(&output, when);
        assert_single(&self.world, &job.agent, when).await;
        self.world.delete(&job.agent).await;
        is_struck
    }

    /// A machine that is kept for others.
    async fn snapshot(&mut self, blow: &Blow, when: &str) -> bool {
        let kept = self.world.api.poke(&self.at("snapshot")).await.expect(202);
        let agent = self.subject.agent.clone();
        let is_struck = blow.strike(&mut self.world, &agent).await;
        let build = self.built(&text(&kept, "layer")).await;
        assert_eq!(build["status"], "READY", "{when}: {build:#}");
        let show = format!("touch lines.txt; {SHOW}");
        let job = self.world.errand(&self.own, &[shell(show), Turn::say("Seen.")]).await;
        self.agents.push(job.agent.clone());
        self.world.ended_as(&job, "FINISHED").await;
        let output = outputs(&self.world, &job).await.pop().unwrap();
        self.subject.assert_files(&output, when);
        self.world.delete(&job.agent).await;
        let path = format!("/v1/builds/{}", text(&kept, "layer"));
        self.world.api.delete(&path).await.expect(200);
        is_struck
    }

    async fn sleeps(&self) {
        eventually("the machine sleeps", async || {
            self.world.agent(&self.subject.agent).await["sandbox"]["state"] == "none"
        })
        .await;
    }

    async fn stop(&mut self, blow: &Blow) -> bool {
        let agent = self.subject.agent.clone();
        let request = self.world.api.request(Method::POST, &self.at("archive"));
        let (is_struck, first) = ask_while(&request, blow.strike(&mut self.world, &agent)).await;
        ask_until(request, first, 200, &[]).await;
        self.sleeps().await;
        self.world.api.poke(&self.at("unarchive")).await.expect(200);
        is_struck
    }

    async fn wake(&mut self, blow: &Blow) -> bool {
        self.world.api.poke(&self.at("archive")).await.expect(200);
        self.sleeps().await;
        self.world.api.poke(&self.at("unarchive")).await.expect(200);
        let agent = self.subject.agent.clone();
        let request = self.world.api.request(Method::POST, &self.at("wake"));
        send("wake", request).await.expect(202);
        blow.strike(&mut self.world, &agent).await
    }

    async fn run(&mut self, blow: &Blow) -> bool {
        let (job, lines) = self.subject.work(&self.world).await;
        let agent = self.subject.agent.clone();
        let is_struck = blow.strike(&mut self.world, &agent).await;
        self.subject.worked(&self.world, &job, lines).await;
        is_struck
    }
}
