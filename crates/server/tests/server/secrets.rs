//! Secrets that people add: written, told apart, never read back, and given to the agents they are for.

use crate::kit::{Answer, House};
use hyper::{Method, StatusCode};
use protocol::api::secrets::{SecretKind, SecretPlace};
use protocol::ids::OrgId;
use protocol::limits::SECRETS;
use serde_json::{Value, json};
use server::secrets::{self, Held, Owner, Phase};
use store::kv::Expect;
use store::sealed::{SealedValue, Secret};

const VALUE: &str = "vault-test-4f9c1b7e";
const A: &str = "https://git.example.com/team/a.git";
const B: &str = "https://git.example.com/team/b.git";

async fn send(house: &House, method: Method, path: &str, key: &str, body: Value) -> Answer {
    let ask = house.ask(method, path).key(key);
    if body.is_null() { ask.send().await } else { ask.json(&body).send().await }
}

async fn put(house: &House, path: &str, body: Value) -> Answer {
    send(house, Method::PUT, path, &house.admin, body).await
}

async fn delete(house: &House, path: &str) -> Answer {
    send(house, Method::DELETE, path, &house.admin, Value::Null).await
}

fn plain(value: &str) -> Value {
    json!({"value": value, "plain": true})
}

fn for_repos(value: &str, urls: &[&str]) -> Value {
    let repos: Vec<_> = urls.iter().map(|url| json!({"url": url})).collect();
    json!({"value": value, "plain": true, "repos": repos})
}

async fn environment(house: &House, name: &str, repos: &[&str]) -> String {
    let repos: Vec<_> = repos.iter().map(|url| json!({"url": url})).collect();
    let body = json!({"name": name, "repos": repos, "environmentJson": "{}"});
    let made = house.post("/v1/environments", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    format!("/v1/environments/{}", made.json()["id"].as_str().unwrap())
}

/// What an agent without a repository, opened with the installation's own token, has.
async fn held(house: &House) -> Vec<Held> {
    let handle = house.agent().await;
    let view = handle.view().await.unwrap();
    let org = OrgId::default_org();
    secrets::of_agent(&house.app, &org, view.living().unwrap(), Phase::Work).await.unwrap()
}

async fn values(house: &House) -> Vec<(String, String)> {
    let all = held(house).await;
    all.iter().map(|held| (held.name.clone(), held.value.expose().to_owned())).collect()
}

/// Whether a file of the data folder holds these bytes.
fn lies_in(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return lies_in(&path, bytes);
        }
        std::fs::read(&path).unwrap_or_default().windows(bytes.len()).any(|part| part == bytes)
    })
}

#[tokio::test]
async fn a_value_comes_in_and_never_goes_out() {
    let house = House::open().await;
    let shop = environment(&house, "shop", &[A]).await;
    let mut told = String::new();
    for base in ["/v1/secrets", "/v1/team/secrets", &format!("{shop}/secrets")] {
        let path = format!("{base}/DEPLOY_TOKEN");
        let body = json!({"value": VALUE, "hosts": ["api.example.com", "*.example.org:8443"], "places": ["body", "header"]});
        let made = put(&house, &path, body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        assert_eq!(put(&house, &path, json!({"value": VALUE})).await.status, StatusCode::OK);
        for path in [&path, base] {
            let found = house.get(path).await;
            assert_eq!(found.status, StatusCode::OK, "{found:?}");
            told.push_str(&found.json().to_string());
        }
    }
    let list = house.get("/v1/secrets").await.json();
    told.push_str(&list.to_string());
    assert!(!told.contains(VALUE) && told.contains("DEPLOY_TOKEN"), "{told}");
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    assert!(list["nextCursor"].is_null() && list.get("nextCursor").is_some(), "{list}");
    let one = house.get("/v1/team/secrets/DEPLOY_TOKEN").await.json();
    assert!(one["id"].as_str().unwrap().starts_with("secv_"));
    assert_eq!(
        (&one["type"], &one["owner"], &one["repos"]),
        (&json!("runtime_secret"), &json!("team"), &json!([]))
    );
    assert_eq!(
        one["hosts"],
        json!(["api.example.com", "*.example.org:8443"]),
        "what was left out stayed"
    );
    assert_eq!(one["places"], json!(["header", "body"]));
    assert!(!lies_in(&house.app.data, VALUE.as_bytes()), "it is sealed where it lies");
    let house = house.again().await;
    let held = held(&house).await;
    assert_eq!(held.len(), 1, "a name once");
    assert_eq!((held[0].value.expose(), held[0].plain), (VALUE, false));
    assert_eq!(held[0].places, [SecretPlace::Header, SecretPlace::Body]);
}

#[tokio::test]
async fn pages_are_walked_and_filtered() {
    let house = House::open().await;
    let shop = environment(&house, "shop", &[A]).await;
    for number in 0..5 {
        put(&house, &format!("/v1/team/secrets/T{number}"), plain(VALUE)).await;
    }
    put(&house, "/v1/secrets/MINE", for_repos(VALUE, &[B])).await;
    put(&house, &format!("{shop}/secrets/SHOP"), plain(VALUE)).await;
    let names = async |query: &str| {
        let mut names = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = house.get(&format!("/v1/secrets?limit=2{query}{cursor}")).await.json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 2);
            names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return names.join(" "),
            }
        }
    };
    assert_eq!(names("").await, "SHOP MINE T4 T3 T2 T1 T0");
    assert_eq!(names("&scope=user").await, "MINE");
    assert_eq!(names("&scope=team&name=t2").await, "T2");
    let id = shop.rsplit('/').next().unwrap();
    assert_eq!(names(&format!("&environmentId={id}")).await, "SHOP");
    assert_eq!(names(&format!("&repo={B}&scope=user")).await, "MINE");
    assert_eq!(names(&format!("&repo={A}&scope=user")).await, "");
    let answer = house.get("/v1/secrets?environmentId=nope").await;
    assert_eq!(answer.refusal(), (404, "environment_not_found".to_owned()));
}

#[tokio::test]
async fn what_is_wrong_is_told_by_field_and_nothing_is_kept() {
    let house = House::open().await;
    let many: Vec<_> = (0..21).map(|n| format!("h{n}.example.com")).collect();
    for (name, body, part) in [
        ("1A", plain(VALUE), "name: has letters"),
        ("A-B", plain(VALUE), "name: has letters"),
        ("https_proxy", plain(VALUE), "reserved"),
        ("MY_CURSOR_SANDBOX_ID", plain(VALUE), "reserved"),
        ("errand_x", plain(VALUE), "reserved"),
        ("A", plain(""), "value: needs 1 to 4096 bytes"),
        ("A", plain(&"x".repeat(4097)), "value: needs 1 to 4096 bytes"),
        ("A", plain("seven77"), "at least 8 bytes"),
        ("A", plain("  seven77\n"), "at least 8 bytes"),
        ("A", json!({"value": VALUE}), "hosts: name who is given the value"),
        ("A", json!({"value": VALUE, "type": "runtime_secret"}), "choose `plain`"),
        ("A", json!({"value": VALUE, "hosts": []}), "hosts: name who"),
        ("A", json!({"value": "two\nlines of it", "hosts": ["a.example.com"]}), "no line breaks"),
        ("A", json!({"value": VALUE, "hosts": ["*"]}), "hosts[0]: \"*\" covers too much"),
        (
            "A",
            json!({"value": VALUE, "hosts": ["a.example.com", "A.example.com"]}),
            "hosts[1]: is listed twice",
        ),
        ("A", json!({"value": VALUE, "hosts": ["169.254.169.254"]}), "never be reached"),
        ("A", json!({"value": VALUE, "hosts": many}), "at most 20 fit"),
        (
            "A",
            json!({"value": VALUE, "hosts": ["a.example.com"], "places": []}),
            "places: is empty",
        ),
        (
            "A",
            json!({"value": VALUE, "hosts": ["a.example.com"], "places": ["cookie"]}),
            "places[0]",
        ),
        ("A", json!({"value": VALUE, "hosts": ["a.example.com"], "plain": true}), "has no hosts"),
        (
            "A",
            json!({"value": VALUE, "type": "build_secret", "plain": true}),
            "plain: is not for build secrets",
        ),
        ("A", json!({"value": VALUE, "type": "build_secret"}), "`install` and the steps"),
        (
            "A",
            json!({"value": VALUE, "type": "environment_variable", "hosts": ["a.b"]}),
            "hosts: is not for type",
        ),
        ("A", json!({"value": VALUE, "type": "password"}), "type"),
        ("A", for_repos(VALUE, &["nowhere"]), "repos"),
        (
            "A",
            for_repos(VALUE, &[A, "ssh://git@git.example.com/team/a"]),
            "repos[1].url: is listed twice",
        ),
        ("A", json!({"value": VALUE, "plain": true, "scope": "team"}), "scope"),
        ("A", json!({"plain": true}), "value"),
    ] {
        let answer = put(&house, &format!("/v1/secrets/{name}"), body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name} {body}: {answer:?}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(part), "{message} lacks {part:?}");
        assert!(!message.contains(VALUE), "{message}");
    }
    let (key, _) = house.key("reader").await;
    let local = for_repos(VALUE, &["/srv/elsewhere"]);
    let answer = send(&house, Method::PUT, "/v1/secrets/A", &key, local).await;
    assert_eq!(answer.refusal(), (403, "repository_access".to_owned()));
    assert_eq!(house.get("/v1/secrets").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_well_known_name_brings_its_hosts_and_another_kind_keeps_none() {
    let house = House::open().await;
    let made = put(&house, "/v1/secrets/npm_token", json!({"value": VALUE})).await.json();
    assert_eq!(
        (&made["hosts"], &made["places"]),
        (&json!(["registry.npmjs.org"]), &json!(["header", "basic"]))
    );
    let made = put(&house, "/v1/secrets/npm_token", plain(VALUE)).await.json();
    assert_eq!(
        (&made["plain"], &made["hosts"], &made["places"]),
        (&json!(true), &json!([]), &json!([]))
    );
    let kept = put(&house, "/v1/secrets/npm_token", json!({"value": VALUE})).await.json();
    assert_eq!(kept["plain"], true, "what was left out stayed");
    let body = json!({"value": "x", "type": "environment_variable"});
    let made = put(&house, "/v1/secrets/npm_token", body).await.json();
    assert_eq!((&made["plain"], &made["type"]), (&json!(false), &json!("environment_variable")));
    assert_eq!(values(&house).await, [("npm_token".to_owned(), "x".to_owned())]);
    let body = json!({"value": VALUE, "type": "build_secret"});
    put(&house, "/v1/secrets/npm_token", body).await;
    assert!(values(&house).await.is_empty(), "a secret of builds is not for agents");
    let kept = house.get("/v1/secrets/npm_token").await.json();
    assert_eq!(kept["hosts"], json!(["registry.npmjs.org"]));
}

#[tokio::test]
async fn versions_of_a_name_are_for_other_repositories_each() {
    let house = House::open().await;
    let path = "/v1/team/secrets/TOKEN";
    let a = put(&house, path, for_repos("value-for-a", &[A])).await;
    assert_eq!(a.status, StatusCode::CREATED, "{a:?}");
    let b = put(&house, path, for_repos("value-for-b", &[B])).await;
    assert_eq!(b.status, StatusCode::CREATED, "{b:?}");
    let same = put(&house, path, for_repos("value-for-a2", &["git@git.example.com:team/a"])).await;
    assert_eq!(same.status, StatusCode::OK, "the same repository, however it is written: {same:?}");
    let a = a.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(same.json()["id"], a);
    let ambiguous = (409, "secret_name_ambiguous".to_owned());
    assert_eq!(put(&house, path, plain(VALUE)).await.refusal(), ambiguous);
    assert_eq!(house.get(path).await.refusal(), ambiguous);
    assert_eq!(delete(&house, path).await.refusal(), ambiguous);
    let conflict = (409, "secret_scope_conflict".to_owned());
    assert_eq!(put(&house, path, for_repos(VALUE, &[A, B])).await.refusal(), conflict);
    assert_eq!(put(&house, path, for_repos(VALUE, &[])).await.refusal(), conflict);
    let of_a = format!("{path}?id={a}");
    assert_eq!(put(&house, &of_a, for_repos(VALUE, &[A, B])).await.refusal(), conflict);
    assert_eq!(
        house.get(&of_a).await.json()["repos"],
        json!([{"url": "git@git.example.com:team/a"}])
    );
    assert_eq!(put(&house, &of_a, plain("value-for-a3")).await.status, StatusCode::OK);
    let other = put(&house, "/v1/team/secrets/token", plain(VALUE)).await;
    assert_eq!(other.refusal(), (409, "secret_name_conflict".to_owned()));
    assert_eq!(delete(&house, &of_a).await.status, StatusCode::OK);
    let none = (404, "secret_not_found".to_owned());
    assert_eq!(delete(&house, &of_a).await.refusal(), none);
    assert_eq!(put(&house, &of_a, plain(VALUE)).await.refusal(), none);
    assert_eq!(delete(&house, path).await.status, StatusCode::OK, "only one is left");
    assert_eq!(house.get(path).await.refusal(), none);
}

#[tokio::test]
async fn a_key_has_its_own_and_only_the_owner_changes_what_all_have() {
    let house = House::open().await;
    let (one, id) = house.key("same").await;
    let (other, _) = house.key("same").await;
    let shop = environment(&house, "shop", &[A]).await;
    let made = send(&house, Method::PUT, "/v1/secrets/MINE", &one, plain(VALUE)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let path = "/v1/secrets/MINE";
    let none = (404, "secret_not_found".to_owned());
    for key in [&other, &house.admin] {
        let found = send(&house, Method::GET, path, key, Value::Null).await;
        assert_eq!(found.refusal(), none, "keys with one name are two");
        let list = send(&house, Method::GET, "/v1/secrets", key, Value::Null).await;
        assert_eq!(list.json()["items"], json!([]));
        assert_eq!(send(&house, Method::DELETE, path, key, Value::Null).await.refusal(), none);
    }
    assert!(values(&house).await.is_empty(), "nor has an agent of another key it");
    put(&house, "/v1/team/secrets/OURS", plain(VALUE)).await;
    let refused = (403, "team_admin_required".to_owned());
    for path in ["/v1/team/secrets/OURS".to_owned(), format!("{shop}/secrets/OURS")] {
        assert_eq!(send(&house, Method::PUT, &path, &one, plain(VALUE)).await.refusal(), refused);
        assert_eq!(send(&house, Method::DELETE, &path, &one, Value::Null).await.refusal(), refused);
    }
    let seen = send(&house, Method::GET, "/v1/team/secrets/OURS", &one, Value::Null).await;
    assert_eq!(seen.status, StatusCode::OK, "names are no secret");
    delete(&house, &format!("/v1/api-keys/{id}")).await;
    let org = OrgId::default_org();
    assert_eq!(
        house.app.store.sealed_names(&org, &format!("secret/user/{id}/")).await.unwrap(),
        [""; 0]
    );
    assert!(secrets::of_owner(&house.app, &org, &Owner::User(id)).await.unwrap().is_empty());
}

#[tokio::test]
async fn with_an_environment_go_its_secrets() {
    let house = House::open().await;
    let shop = environment(&house, "shop", &[A]).await;
    let path = format!("{shop}/secrets/TOKEN");
    put(&house, &path, plain(VALUE)).await;
    assert_eq!(delete(&house, &shop).await.status, StatusCode::OK);
    for answer in [house.get(&path).await, put(&house, &path, plain(VALUE)).await] {
        assert_eq!(answer.refusal(), (404, "environment_not_found".to_owned()));
    }
    let owner = shop.replace("/v1/environments/", "secret/environment/") + "/";
    let org = OrgId::default_org();
    assert_eq!(house.app.store.sealed_names(&org, &owner).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn of_a_change_nothing_old_is_left_and_nothing_half() {
    let house = House::open().await;
    let (org, owner) = (OrgId::default_org(), "secret/team/".to_owned());
    // A server that died between the value and the record leaves a value that nobody names.
    let stray = SealedValue {
        owner: owner.clone(),
        name: "secv_1/1".to_owned(),
        value: Secret::new(VALUE.to_owned()),
        at_ms: 0,
    };
    house.app.store.seal(&org, stray).await.unwrap();
    for number in 1..=3 {
        put(&house, "/v1/team/secrets/TOKEN", plain(&format!("{VALUE}{number}"))).await;
        let names = house.app.store.sealed_names(&org, &owner).await.unwrap();
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(names[0].ends_with(&format!("/{number}")));
    }
    assert_eq!(values(&house).await, [("TOKEN".to_owned(), format!("{VALUE}3"))]);
    delete(&house, "/v1/team/secrets/TOKEN").await;
    assert_eq!(house.app.store.sealed_names(&org, &owner).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn no_owner_has_more_than_the_most() {
    let house = House::open().await;
    let org = OrgId::default_org();
    put(&house, "/v1/team/secrets/FIRST", plain(VALUE)).await;
    let first = &secrets::of_owner(&house.app, &org, &Owner::Team).await.unwrap()[0];
    for number in 1..SECRETS {
        let mut entry = first.entry.clone();
        entry.name = format!("N{number}");
        let (key, body) =
            (format!("team/secv_{number:04}"), serde_json::to_string(&entry).unwrap());
        house.app.store.put(&org, "secret", &key, Expect::Absent, &body).await.unwrap();
    }
    let full = put(&house, "/v1/team/secrets/MORE", plain(VALUE)).await;
    assert_eq!(full.refusal(), (409, "secret_limit_reached".to_owned()));
    assert_eq!(put(&house, "/v1/team/secrets/FIRST", plain(VALUE)).await.status, StatusCode::OK);
    assert_eq!(put(&house, "/v1/secrets/MORE", plain(VALUE)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn one_s_own_hides_the_team_s_whatever_its_case() {
    let house = House::open().await;
    put(&house, "/v1/team/secrets/TOKEN", plain("value-of-team")).await;
    put(
        &house,
        "/v1/team/secrets/LEVEL",
        json!({"value": "debug", "type": "environment_variable"}),
    )
    .await;
    put(&house, "/v1/secrets/token", json!({"value": VALUE, "hosts": ["api.example.com"]})).await;
    let all = held(&house).await;
    let of = |name: &str| all.iter().find(|held| held.name == name).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(of("LEVEL").kind, SecretKind::EnvironmentVariable);
    assert_eq!(of("token").hosts, ["api.example.com"]);
    let handle = house.agent().await;
    let view = handle.view().await.unwrap();
    let inside =
        secrets::variables(&house.app, &handle.org, handle.id, view.living().unwrap(), Phase::Work)
            .await;
    let inside = inside.unwrap();
    assert_eq!(inside[0], ("LEVEL".to_owned(), "debug".to_owned()));
    assert_eq!((inside.len(), inside[1].0.as_str()), (2, "token"));
    assert!(inside[1].1.starts_with("errand") && inside[1].1 != VALUE, "a grant is a placeholder");
}
