//! The audit log through the real router: what is recorded, who may read it, and that an export holds together.

use crate::kit::{Answer, House, rename};
use gateway::audit::{Audit as _, GrantName, Passage, Peer};
use gateway::policy::{Denial, DenialCode};
use hyper::{Method, StatusCode};
use protocol::ids::Epoch;
use protocol::input::Input;
use protocol::process::Process;
use serde_json::{Value, json};
use server::agents::{Extras, Handle};
use server::audit::chain::{AuditHead, Chain};

const VALUE: &str = "vault-audit-4f9c1b7e";

/// The kinds of a list, newest first.
fn kinds(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect()
}

fn walked(export: &Answer) -> AuditHead {
    assert_eq!(export.status, StatusCode::OK, "{export:?}");
    let mut chain = Chain::new(None);
    for line in std::str::from_utf8(&export.body).unwrap().lines() {
        chain.follow(line).unwrap();
    }
    chain.end().unwrap()
}

/// The gateway tells of a request that used a secret, and of one that it refused.
fn traffic(house: &House, handle: &Handle, secret: &str) {
    let peer = Peer { agent: handle.id, epoch: Epoch(1) };
    let passage = Passage {
        host: "api.example.com".to_owned(),
        port: 443,
        method: Some("POST".to_owned()),
        status: Some(201),
        is_first: true,
        grants: vec![GrantName { name: "TOKEN".to_owned(), id: secret.to_owned() }],
        bytes_up: 700,
        bytes_down: 40,
    };
    let denial = Denial {
        code: DenialCode::HostNotAllowed,
        host: "sink.example".to_owned(),
        port: 443,
        words: "no".to_owned(),
    };
    for pid in 100..103 {
        let process = Process { pid, name: "curl".to_owned(), command: "curl -v".to_owned() };
        house.gateway.passed(peer, &passage);
        house.gateway.denied(peer, &denial, Some(&process));
    }
}

#[tokio::test]
async fn what_people_change_is_recorded_and_values_are_not() {
    let house = House::open().await;
    let (token, id) = house.key("alice").await;
    let body = json!({"value": VALUE, "hosts": ["api.example.com"]});
    let put = house.ask(Method::PUT, "/v1/secrets/TOKEN").key(&token).json(&body).send().await;
    assert_eq!(put.status, StatusCode::CREATED, "{put:?}");
    let secret = put.json()["id"].as_str().unwrap().to_owned();
    house.ask(Method::DELETE, "/v1/secrets/TOKEN").key(&token).send().await;
    let change = json!({"privacyMode": true});
    let changed = house.ask(Method::PATCH, "/v1/settings").key(&house.admin).json(&change).send();
    assert_eq!(changed.await.status, StatusCode::OK);
    house.sign_in(&token).await;
    house.ask(Method::DELETE, &format!("/v1/api-keys/{id}")).key(&house.admin).send().await;
    let list = house.get("/v1/audit").await.json();
    let expected = [
        "key.revoked",
        "session.begun",
        "settings.changed",
        "secret.removed",
        "secret.set",
        "key.created",
    ];
    assert_eq!(kinds(&list), expected);
    let set = &list["items"][4];
    assert_eq!((&set["who"], &set["subject"]), (&json!("key:alice"), &json!(secret)));
    assert_eq!(set["details"]["key"], json!(id));
    assert_eq!(set["details"]["hosts"], json!(["api.example.com"]));
    let export = house.get("/v1/audit/export").await;
    assert!(!String::from_utf8_lossy(&export.body).contains(VALUE));
    let head = house.get("/v1/audit/head").await.json();
    assert_eq!(json!(walked(&export).to_string()), head["head"]);
    for name in ["errand", "retention", "admin"] {
        let made = house.post("/v1/api-keys", json!({ "name": name })).await;
        assert_eq!(made.refusal().0, 400, "{name} stands for somebody else");
    }
    let house = house.again().await;
    assert_eq!(walked(&house.get("/v1/audit/export").await).to_string(), head["head"]);
}

#[tokio::test]
async fn others_read_what_the_agents_did_that_they_opened() {
    let house = House::open().await;
    let handle = house.agent().await;
    let (token, _) = house.key("alice").await;
    let agent = handle.id.to_string();
    let own = format!("/v1/audit?agent={agent}");
    assert_eq!(kinds(&house.get(&own).await.json()), ["run.asked", "agent.opened"]);
    for path in ["/v1/audit", &own, "/v1/audit/export", "/v1/audit/head"] {
        let refused = house.ask(Method::GET, path).key(&token).send().await;
        assert_eq!(refused.refusal(), (403, "role_forbidden".to_owned()), "{path}");
    }
    for (path, field) in [
        ("/v1/audit?kind=Secret%25", "kind"),
        ("/v1/audit?since=yesterday", "since"),
        ("/v1/audit?cursor=x", "cursor"),
        ("/v1/audit?limit=0", "limit"),
        ("/v1/audit?agent=bc-1", "id"),
    ] {
        let refused = house.get(path).await;
        let words = refused.json()["error"]["message"].to_string();
        assert!(refused.status == StatusCode::BAD_REQUEST && words.contains(field), "{words}");
    }
    // A deleted agent's records stay.
    let principal = "admin".to_owned();
    handle.submit(Input::Delete { principal }, Extras::default()).await.unwrap();
    let newest = house.get(&own).await.json();
    let expected = ["agent.deleted", "run.ended", "run.asked", "agent.opened"];
    assert_eq!(kinds(&newest), expected);
    let events = handle.read(protocol::ids::Seq(0), 10).await.unwrap();
    let last = events.last().unwrap();
    let event = json!({"seq": last.logged.seq.0, "hash": last.hash});
    assert_eq!(newest["items"][0]["details"]["event"], event, "it names the event");
}

#[tokio::test]
async fn what_left_is_added_up_by_run_and_told_where_a_secret_is() {
    let house = House::open().await;
    let handle = house.agent().await;
    let body = json!({"value": VALUE, "hosts": ["api.example.com"]});
    let put = house.ask(Method::PUT, "/v1/secrets/TOKEN").key(&house.admin).json(&body).send();
    let secret = put.await.json()["id"].as_str().unwrap().to_owned();
    traffic(&house, &handle, &secret);
    let path = format!("/v1/agents/{}/traffic", handle.id);
    let first = house.get(&path).await.json();
    // In another window the same again; by now nothing is in memory only.
    traffic(&house, &handle, &secret);
    house.get("/v1/audit/head").await;
    let agent = handle.id.to_string();
    drop(handle);
    let house = house.again().await;
    let told = house.get(&path).await.json();
    assert_eq!(
        (&first["total"]["bytesUp"], &first["total"]["requests"]),
        (&json!(2100), &json!(3))
    );
    let host = json!({
        "host": "api.example.com", "port": 443, "requests": 6, "methods": {"POST": 6},
        "statuses": {"201": 6}, "bytesUp": 4200, "bytesDown": 240,
    });
    assert_eq!(told["total"]["hosts"], json!([host]));
    let denied = &told["total"]["denials"][0];
    let expected = (&json!("sink.example"), &json!("host_not_allowed"), &json!(6));
    assert_eq!((&denied["host"], &denied["code"], &denied["count"]), expected);
    let used = &told["total"]["grants"][0];
    assert_eq!(
        (&used["name"], &used["secretId"], &used["count"]),
        (&json!("TOKEN"), &json!(secret), &json!(6))
    );
    assert_eq!(told["runs"][0]["bytesUp"], 4200);
    let record = house.get("/v1/audit?kind=egress.denied").await.json()["items"][0].clone();
    let pids =
        record["details"]["processes"].as_array().unwrap().iter().map(|it| it["pid"].clone());
    assert_eq!(pids.collect::<Vec<_>>(), [100, 101, 102]);
    let listed = house.get("/v1/secrets").await.json()["items"][0].clone();
    assert_eq!(listed["uses"][0]["agentId"], json!(agent));
    assert_eq!(listed["uses"][0]["host"], "api.example.com");
    assert_eq!(listed["lastUsedAt"], listed["uses"][0]["lastAt"]);
}

#[tokio::test]
async fn a_long_log_is_exported_and_paged_whole() {
    let house = House::open().await;
    let handle = house.agent().await;
    rename(&handle, "an agent", 1).await;
    let record = |number: i64| store::audit::NewRecord {
        at_ms: number,
        kind: "settings.changed",
        who: "key:admin".to_owned(),
        subject: None,
        agent: None,
        run: None,
        details: Default::default(),
        event: None,
    };
    for first in 0..10 {
        let records = (0..300).map(|number| record(first * 300 + number)).collect();
        house.app.store.record(&handle.org, records).await.unwrap();
    }
    let head = walked(&house.get("/v1/audit/export").await);
    assert_eq!(head.seq, 3002);
    let (mut seen, mut path) = (Vec::new(), "/v1/audit?limit=100".to_owned());
    loop {
        let page = house.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["seq"].as_u64().unwrap()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/v1/audit?limit=100&cursor={cursor}");
    }
    assert_eq!(seen, (1..=3002).rev().collect::<Vec<_>>());
}
