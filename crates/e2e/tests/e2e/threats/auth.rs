//! T-AUTH: what one sandbox holds is worth nothing in another, nor after its end.

use super::sink::{Shelf, Sink};
use e2e::api::send;
use e2e::host;
use e2e::victim::{Part, Victim};
use e2e::world::{World, eventually, prompt, shell};
use fakes::scripted::Options;
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::json;

/// The real value.
const VALUE: &str = "ghp_theValueBehindEveryPlaceholder";
/// Models inside, where the key is a placeholder too.
const MODELS: &str = "[models]\ndefault = \"priced\"\ninside = true\n[[models.list]]\nid = \"priced\"\ndialect = \"anthropic\"\n\
                      base_url = \"MODEL\"\napi_key = \"the-operators-key\"\ninput_price = 3.0\noutput_price = 15.0\n";

/// Prints what the sandbox holds that stands for something.
const SHOW: &str = "echo \"TOKEN=$FORGE_TOKEN\"; echo \"MODEL=$ERRAND_MODEL_TOKEN\"; echo \"ORIGIN=$(git -C /workspace/* remote get-url origin)\"; \
                    echo \"CA=$(base64 -w0 $NODE_EXTRA_CA_CERTS)\"";

/// Uses what another sandbox holds.
fn replay(held: &str) -> String {
    let of = |name: &str| {
        let start = format!("{name}=");
        held.lines()
            .find_map(|line| line.strip_prefix(&start))
            .unwrap_or_else(|| panic!("{name}: {held}"))
            .to_owned()
    };
    format!(
        "echo; echo '#grant'; curl -sS -m 20 -D- -H 'Authorization: Bearer {}' https://api.test/replayed; \
         echo; echo '#model'; curl -sS -m 20 -D- -H 'x-api-key: {}' -H 'content-type: application/json' \
         -d '{{\"model\":\"priced\",\"max_tokens\":9,\"messages\":[{{\"role\":\"user\",\"content\":\"Hi.\"}}]}}' http://errand.internal/model/anthropic/v1/messages; \
         echo; echo '#git'; git ls-remote http://errand.internal/git/theirs.git 2>&1; \
         echo; echo '#authority'; echo {} | base64 -d > /tmp/theirs.pem; curl -sS -m 20 --cacert /tmp/theirs.pem https://api.test/trusted 2>&1; \
         echo; echo '#own'; curl -sS -m 20 -H \"Authorization: Bearer $FORGE_TOKEN\" https://api.test/own",
        of("TOKEN"),
        of("MODEL"),
        of("CA")
    )
}

fn assert_refused(id: &str, output: &str, is_git: bool) {
    let part = |name: &str| {
        output.split(&format!("\n#{name}\n")).nth(1).unwrap().split("\n#").next().unwrap()
    };
    assert!(part("grant").contains("x-errand-denied: foreign_credential"), "{id}: {output}");
    assert!(part("model").contains("x-errand-denied: foreign_credential"), "{id}: {output}");
    assert!(!is_git || part("git").contains("not found"), "{id}: {output}");
    assert!(part("authority").contains("curl: (60)"), "{id}, T-NET 39: {output}");
    assert!(part("own").contains("GET /own"), "{id}: the own ones work: {output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sandbox_holds_is_worth_nothing_elsewhere() {
    let names = vec!["api.test".to_owned()];
    let sink = Sink::start(&names, Shelf::new()).await;
    let key = Some("the-operators-key".to_owned());
    let config = format!("{MODELS}{}", sink.gateway(&names));
    let world = World::with_model(&config, Options { key, ..Options::default() }).await;
    let secret = json!({"value": VALUE, "type": "runtime_secret", "hosts": ["api.test"]});
    let put = world.api.request(Method::PUT, "/v1/team/secrets/FORGE_TOKEN").json(&secret);
    send("set a secret", put).await.expect(201);
    let (theirs, mine) = (world.repository("theirs"), world.repository("mine"));
    let first = world.errand(&theirs, &[shell(SHOW), Turn::say("Shown.")]).await;
    world.ended_as(&first, "FINISHED").await;
    let held = world.outputs(&first.agent).await.remove(0);
    assert!(held.contains("TOKEN=ghp_errand"), "{held}");

    let second = world.errand(&mine, &[shell(replay(&held)), Turn::say("Tried.")]).await;
    world.ended_as(&second, "FINISHED").await;
    assert_refused("T-AUTH 01", &world.outputs(&second.agent).await[0], true);

    world.api.delete(&format!("/v1/agents/{}", first.agent)).await.expect(200);
    eventually("the first sandbox is gone", async || {
        host::processes_of_agent(&first.agent).is_empty()
    })
    .await;
    let again = world.send(&second.agent, &[shell(replay(&held)), Turn::say("Tried.")]).await;
    world.ended_as(&again, "FINISHED").await;
    assert_refused("T-AUTH 02", world.outputs(&second.agent).await.last().unwrap(), true);

    // The next sandbox of the same agent has another authority.
    let shown = world.send(&second.agent, &[shell(SHOW), Turn::say("Shown.")]).await;
    world.ended_as(&shown, "FINISHED").await;
    let before = world.outputs(&second.agent).await.pop().unwrap();
    assert!(Victim::find(&second.agent, Part::Shim).expect("a shim").kill());
    let body = json!({"prompt": {"text": prompt(&[shell(SHOW), Turn::say("Shown.")])}});
    let answer =
        world.api.post(&format!("/v1/agents/{}/runs", second.agent), &body).await.expect(201);
    let run = e2e::world::Job {
        agent: second.agent.clone(),
        run: answer["run"]["id"].as_str().unwrap().to_owned(),
    };
    world.ended_as(&run, "FINISHED").await;
    let after = world.outputs(&second.agent).await.pop().unwrap();
    let line = |text: &str, name: &str| {
        text.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
    };
    assert_ne!(
        line(&before, "CA="),
        line(&after, "CA="),
        "T-AUTH 03: the authority outlived its sandbox"
    );
    println!(
        "T-AUTH 03: the key for models changed: {}",
        line(&before, "MODEL=") != line(&after, "MODEL=")
    );
    let got = String::from_utf8_lossy(&sink.under("api.test")).into_owned();
    assert!(!got.contains("/replayed") && !got.contains("/trusted"), "{got}");
    world.end().await;
}
