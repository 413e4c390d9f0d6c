//! Environments that the server keeps: saved, changed by one at a time, and found again.

use crate::kit::{Answer, House};
use hyper::{Method, StatusCode};
use protocol::limits::SAVED_ENVIRONMENT_VERSIONS;
use serde_json::{Value, json};

const SHOP: &str = "https://git.example.com/team/shop.git";
const API: &str = "git@git.example.com:team/api.git";

fn body(name: &str, repos: &[&str], text: &str) -> Value {
    let repos: Vec<_> = repos.iter().map(|url| json!({"url": url})).collect();
    json!({"name": name, "repos": repos, "environmentJson": text})
}

async fn saved(house: &House, name: &str, repos: &[&str], text: &str) -> Value {
    let answer = house.post("/v1/environments", body(name, repos, text)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()
}

fn path(environment: &Value) -> String {
    format!("/v1/environments/{}", environment["id"].as_str().unwrap())
}

async fn put(house: &House, environment: &Value, version: u64, mut body: Value) -> Answer {
    body["version"] = json!(version);
    house.ask(Method::PUT, &path(environment)).key(&house.admin).json(&body).send().await
}

fn message(answer: &Answer) -> String {
    answer.json()["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_environment_is_saved_and_stays_with_its_text() {
    let house = House::open().await;
    let text = "{\n  // the shop\n  \"install\": \"npm ci\", \"image\": \"node:24\",\n  \"agentCanUpdateSnapshot\": true\n}";
    let made = saved(&house, "shop", &[SHOP], text).await;
    assert_eq!((&made["version"], &made["owner"]), (&json!(1), &json!("team")));
    assert_eq!(made["warnings"][0]["line"], 4, "{made}");
    let house = house.again().await;
    let found = house.get(&path(&made)).await.json();
    assert_eq!(found["environmentJson"], text, "comments and all");
    let list = house.get("/v1/environments").await.json();
    assert_eq!(list["items"][0]["name"], "shop");
    assert!(list["items"][0].get("environmentJson").is_none(), "lists stay small");
    let of = async |url: &str| {
        let path = format!("/v1/environments?repo={url}");
        house.get(&path).await.json()["items"].as_array().unwrap().len()
    };
    assert_eq!(of("ssh://git@git.example.com/team/shop").await, 1, "however it is written");
    assert_eq!(of("https://git.example.com/team/shops").await, 0);
}

#[tokio::test]
async fn what_is_wrong_with_one_is_told_by_field_and_line_and_nothing_is_saved() {
    let house = House::open().await;
    let many: Vec<String> = (0..21).map(|n| format!("https://git.example.com/team/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let large = format!("{{\"install\": \"{}\"}}", "x".repeat(protocol::limits::ENVIRONMENT_BYTES));
    for (wrong, part) in [
        (body("", &[], "{}"), "name: needs 1 to 100"),
        (body("a\nb", &[], "{}"), "name: needs 1 to 100"),
        (body("a", &["nowhere"], "{}"), "repos[0].url: "),
        (body("a", &["https://ada:secret@git.example.com/x"], "{}"), "repos[0].url: "),
        (
            body("a", &[SHOP, "https://git.example.com/team/shop"], "{}"),
            "repos[1].url: is listed twice",
        ),
        (body("a", &many, "{}"), "repos: has 21 entries"),
        (body("a", &[], "{\n \"instal\": \"x\"}"), "environmentJson:2:2  instal: "),
        (body("a", &[], "{\"env\": {}}"), "environmentJson:1:2  env: "),
        (body("a", &[], "{"), "environmentJson:1:"),
        (body("a", &[], &large), "environmentJson:1:1"),
        (json!({"name": "a", "environmentJson": "{}", "owner": "personal"}), "owner: "),
        (json!({"name": "a", "environment": "{}"}), "environment: unrecognized key"),
        (json!({"name": "a"}), "environmentJson"),
    ] {
        let answer = house.post("/v1/environments", wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{part}");
        assert!(message(&answer).contains(part), "{part}: {}", message(&answer));
    }
    assert_eq!(house.get("/v1/environments").await.json()["items"], json!([]));

    let check = json!({"environmentJson": "{\n \"ports\": [{\"port\": 0}],\n \"instal\": \"\"}"});
    let checked = house.post("/v1/environments/check", check).await.json();
    assert_eq!(checked["ok"], false);
    let places: Vec<_> = checked["problems"].as_array().unwrap().iter().collect();
    assert_eq!((&places[0]["line"], &places[0]["key"]), (&json!(2), &json!("ports[0].port")));
    assert_eq!((&places[1]["line"], &places[1]["key"]), (&json!(3), &json!("instal")));
    let check = json!({"environmentJson": "{}"});
    assert_eq!(house.post("/v1/environments/check", check).await.json()["ok"], true);
}

#[tokio::test]
async fn of_two_who_change_one_at_once_the_later_is_told() {
    let house = House::open().await;
    let made = saved(&house, "shop", &[SHOP], "{}").await;
    let first = put(&house, &made, 1, body("shop", &[SHOP], "{\"install\": \"one\"}")).await;
    assert_eq!(first.json()["version"], 2);
    let second = put(&house, &made, 1, body("shop", &[SHOP], "{\"install\": \"two\"}")).await;
    assert_eq!(second.refusal(), (409, "environment_changed".to_owned()));
    assert!(message(&second).contains("admin saved version 2 meanwhile"), "{}", message(&second));
    let now = house.get(&path(&made)).await.json();
    assert_eq!(now["environmentJson"], "{\"install\": \"one\"}");

    let puts = (0..8).map(|number| {
        let text = format!("{{\"install\": \"{number}\"}}");
        put(&house, &made, 2, body("shop", &[SHOP], &text))
    });
    let answers = futures::future::join_all(puts).await;
    let done = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(done, 1, "one of all who saw the same version");
    assert_eq!(house.get(&path(&made)).await.json()["version"], 3);
}

#[tokio::test]
async fn versions_are_kept_shown_and_restored() {
    let house = House::open().await;
    let made = saved(&house, "shop", &[SHOP], "{\"install\": \"first\"}").await;
    put(&house, &made, 1, body("store", &[SHOP, API], "{\"install\": \"second\"}")).await;
    let back = format!("{}/versions/1/restore", path(&made));
    let refused = house.post(&back, json!({"version": 1})).await;
    assert_eq!(refused.refusal(), (409, "environment_changed".to_owned()));
    let restored = house.post(&back, json!({"version": 2})).await.json();
    assert_eq!((&restored["version"], &restored["name"]), (&json!(3), &json!("store")));
    assert_eq!(restored["environmentJson"], "{\"install\": \"first\"}");
    assert_eq!(restored["repos"].as_array().unwrap().len(), 2, "name and repositories stay");

    let house = house.again().await;
    let list = house.get(&format!("{}/versions", path(&made))).await.json();
    let told: Vec<String> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!("{} {} {}", one["version"], one["origin"].as_str().unwrap(), one["current"])
        })
        .collect();
    assert_eq!(told, ["3 restored true", "2 changed false", "1 created false"]);
    assert_eq!(list["items"][0]["restoredFrom"], 1);
    let second = house.get(&format!("{}/versions/2", path(&made))).await.json();
    assert_eq!(second["environmentJson"], "{\"install\": \"second\"}");
    for (number, expected) in [("4", 404), ("0", 404), ("x", 400)] {
        let answer = house.get(&format!("{}/versions/{number}", path(&made))).await;
        assert_eq!(answer.status.as_u16(), expected, "{number}");
    }
}

#[tokio::test]
async fn the_newest_versions_are_kept_and_the_oldest_go() {
    let house = House::open().await;
    let made = saved(&house, "shop", &[], "{}").await;
    let most = SAVED_ENVIRONMENT_VERSIONS as u64;
    for version in 1..=most + 1 {
        let answer = put(&house, &made, version, body("shop", &[], "{}")).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let list = house.get(&format!("{}/versions", path(&made))).await.json();
    let numbers: Vec<u64> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["version"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers.len() as u64, most);
    assert_eq!((numbers[0], numbers[numbers.len() - 1]), (most + 2, 3));
    let back = format!("{}/versions/1/restore", path(&made));
    let gone = house.post(&back, json!({"version": most + 2})).await;
    assert_eq!(gone.refusal(), (404, "environment_version_not_found".to_owned()));
}

#[tokio::test]
async fn a_repository_and_a_name_belong_to_one_environment() {
    let house = House::open().await;
    let shop = saved(&house, "shop", &[SHOP], "{}").await;
    let other = saved(&house, "api", &[API], "{}").await;
    let same = house.post("/v1/environments", body("Shop", &[], "{}")).await;
    assert_eq!(same.refusal(), (409, "environment_name_conflict".to_owned()));
    let taken = body("x", &["https://git.example.com/team/api"], "{}");
    let taken = house.post("/v1/environments", taken).await;
    assert_eq!(taken.refusal(), (409, "environment_repository_conflict".to_owned()));
    assert!(message(&taken).contains("repos[0].url") && message(&taken).contains("\"api\""));
    let taken = put(&house, &shop, 1, body("shop", &[SHOP, API], "{}")).await;
    assert_eq!(taken.refusal(), (409, "environment_repository_conflict".to_owned()));
    let gone = house.ask(Method::DELETE, &path(&other)).key(&house.admin).send().await;
    assert_eq!(gone.status, StatusCode::OK);
    let free = put(&house, &shop, 1, body("shop", &[SHOP, API], "{}")).await;
    assert_eq!(free.status, StatusCode::OK);
    for answer in [
        house.get(&path(&other)).await,
        house.get(&format!("{}/versions", path(&other))).await,
        house.ask(Method::DELETE, &path(&other)).key(&house.admin).send().await,
        put(&house, &other, 1, body("api", &[], "{}")).await,
        house.get("/v1/environments/../x").await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    }
}

#[tokio::test]
async fn everybody_sees_environments_and_the_installations_own_token_changes_them() {
    let house = House::open().await;
    let made = saved(&house, "shop", &[SHOP], "{}").await;
    let (token, _) = house.key("ada").await;
    let seen = house.ask(Method::GET, &path(&made)).key(&token).send().await;
    assert_eq!(seen.json()["environmentJson"], "{}");
    let mut change = body("shop", &[SHOP], "{\"install\": \"mine\"}");
    change["version"] = json!(1);
    let back = format!("{}/versions/1/restore", path(&made));
    for (method, path, body) in [
        (Method::POST, "/v1/environments".to_owned(), body("mine", &[], "{}")),
        (Method::PUT, path(&made), change),
        (Method::POST, back, json!({"version": 1})),
        (Method::DELETE, path(&made), json!({})),
    ] {
        let answer = house.ask(method, &path).key(&token).json(&body).send().await;
        assert_eq!(answer.refusal(), (403, "role_forbidden".to_owned()), "{path}");
    }
    assert_eq!(house.get(&path(&made)).await.json()["version"], 1);
}
