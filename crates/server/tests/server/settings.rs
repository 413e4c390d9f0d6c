//! What holds for new agents, and reading a log backwards.

use crate::kit::{House, rename};
use hyper::{Method, StatusCode};
use protocol::event::Event;
use protocol::input::Input;
use serde_json::{Value, json};
use server::agents::Extras;
use store::sealed::{SealedValue, Secret};

async fn change(house: &House, body: Value) -> crate::kit::Answer {
    house.ask(Method::PATCH, "/v1/settings").key(&house.admin).json(&body).send().await
}

#[tokio::test]
async fn settings_are_saved_at_once_and_stay() {
    let house = House::open().await;
    let before = house.get("/v1/settings").await.json();
    assert_eq!(before["privacyMode"], false);
    let body = json!({"privacyMode": true, "retentionDays": 30, "baseBranch": "develop"});
    assert_eq!(change(&house, body).await.status, StatusCode::OK);
    let after = change(&house, json!({"baseBranch": null})).await.json();
    let house = house.again().await;
    assert_eq!(house.get("/v1/settings").await.json(), after);
    assert_eq!((&after["privacyMode"], &after["retentionDays"]), (&json!(true), &json!(30)));
    assert!(after.get("baseBranch").is_none());
}

#[tokio::test]
async fn settings_are_changed_by_administrators_only_and_checked() {
    let house = House::open().await;
    let (token, _) = house.key("ada").await;
    let body = json!({"privacyMode": true});
    let ask = house.ask(Method::PATCH, "/v1/settings").key(&token).json(&body);
    assert_eq!(ask.send().await.refusal(), (403, "role_forbidden".to_owned()));
    for body in [
        json!({"privacy": true}),
        json!({"retentionDays": 0}),
        json!({"baseBranch": "-x"}),
        json!({"defaultRepository": "https://user:secret@example.com/x.git"}),
        json!({"defaultModel": {"id": "nobody"}}),
    ] {
        let answer = change(&house, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(house.get("/v1/settings").await.json()["privacyMode"], false);
}

#[tokio::test]
async fn privacy_mode_is_fixed_when_an_agent_is_opened() {
    let house = House::open().await;
    let open = || house.post("/v1/agents", json!({"prompt": {"text": "work"}}));
    let before = open().await.json()["agent"]["id"].as_str().unwrap().to_owned();
    change(&house, json!({"privacyMode": true})).await;
    let after = open().await.json()["agent"]["id"].as_str().unwrap().to_owned();
    for (id, expected) in [(before, false), (after, true)] {
        let events = house.get(&format!("/v1/agents/{id}/events?limit=1")).await.json();
        let settings = &events["items"][0]["event"]["settings"];
        assert_eq!(settings["privacyMode"], expected, "{events}");
    }
}

#[tokio::test]
async fn the_server_says_what_it_is() {
    let house = House::open().await;
    let server = house.get("/v1/server").await.json();
    assert_eq!(server["publicUrl"], house.origin());
    let port = house.address.port();
    assert_eq!(server["previewAddress"], format!("http://*.preview.localhost:{port}"));
    assert!(server["features"].as_array().unwrap().contains(&json!("live")));
}

#[tokio::test]
async fn a_log_is_read_backwards_without_gap_or_double() {
    let house = House::open().await;
    let handle = house.agent().await;
    rename(&handle, "step", 40).await;
    let head = handle.view().await.unwrap().seq.0;
    let mut seen = Vec::new();
    let mut before = u64::MAX;
    loop {
        let path = format!("/v1/agents/{}/events?before={before}&limit=7", handle.id);
        let page = house.get(&path).await.json();
        let numbers: Vec<u64> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["seq"].as_u64().unwrap())
            .collect();
        assert!(numbers.is_sorted() && numbers.len() <= 7);
        seen.splice(0..0, numbers);
        match page["nextBefore"].as_u64() {
            Some(next) => before = next,
            None => break,
        }
    }
    assert_eq!(seen, (1..=head).collect::<Vec<_>>());
    let both = format!("/v1/agents/{}/events?before=9&after=1", handle.id);
    assert_eq!(house.get(&both).await.status, StatusCode::BAD_REQUEST);
    let run = house.get(&format!("/v1/agents/{}/runs", handle.id)).await.json();
    assert_eq!(run["items"][0]["firstSeq"], 2);
}

#[tokio::test]
async fn archived_agents_go_when_the_settings_say_so_and_not_before() {
    let house = House::open().await;
    let (kept, archived) = (house.agent().await, house.agent().await);
    let cancel = archived.view().await.unwrap().projection.latest().unwrap().run;
    let input = Input::Cancel { run: cancel, principal: "admin".to_owned() };
    archived.submit(input, Extras::default()).await.unwrap();
    let path = format!("/v1/agents/{}/archive", archived.id);
    assert_eq!(house.post(&path, json!({})).await.status, StatusCode::OK);
    let day = 24 * 60 * 60 * 1000;
    let now = server::clock::now_ms();
    let statuses = async || {
        let mut found = Vec::new();
        for handle in [&kept, &archived] {
            found.push(house.get(&format!("/v1/agents/{}", handle.id)).await.status.as_u16());
        }
        found
    };
    server::retention::look(&house.app, now + 1000 * day).await.unwrap();
    assert_eq!(statuses().await, [200, 200], "nothing is set");
    change(&house, json!({"retentionDays": 7})).await;
    server::retention::look(&house.app, now + 6 * day).await.unwrap();
    assert_eq!(statuses().await, [200, 200]);
    server::retention::look(&house.app, now + 8 * day).await.unwrap();
    assert_eq!(statuses().await, [200, 404]);
}

#[tokio::test]
async fn a_server_that_dies_before_a_deleted_agents_records_go_leaves_them_to_the_next() {
    let house = House::open().await;
    let handle = house.agent().await;
    let (org, id) = (handle.org.clone(), handle.id);
    let (owner, name) = (id.to_string(), "TOKEN".to_owned());
    let value =
        SealedValue { owner: owner.clone(), name, value: Secret::new("x".into()), at_ms: 1 };
    house.app.store.seal(&org, value).await.unwrap();
    let delete = Input::Delete { principal: "admin".to_owned() };
    handle.submit(delete, Extras::default()).await.unwrap();
    handle.report(vec![Event::Deleted], None).await.unwrap();
    drop(handle);
    let house = house.again().await;
    assert_eq!(house.app.store.sealed_names(&org, &owner).await.unwrap(), ["TOKEN"]);
    let due = house.app.store.agents_to_wake(0).await.unwrap();
    assert!(due.iter().any(|key| key.agent == id), "nobody will ever look at it again");
    server::driver::wake(&house.app, &house.app.agents.handle(&org, id));
    house.app.tasks.close();
    house.app.tasks.wait().await;
    assert!(house.app.store.sealed_names(&org, &owner).await.unwrap().is_empty());
    assert!(house.app.store.agent(&org, id).await.unwrap().is_none());
}
