//! Signing in, and what is refused at the door.

use crate::kit::{House, config};
use hyper::{Method, StatusCode};
use serde_json::json;

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Addresses of every kind: with a key, without, for people, for machines, and none at all.
const ADDRESSES: [&str; 6] =
    ["/", "/v1/agents", "/healthz", "/openapi.json", "/agents/x", "/v1/nothing"];

#[tokio::test]
async fn a_foreign_host_is_answered_nowhere() {
    let house = House::open().await;
    for path in ADDRESSES {
        for host in ["evil.example", "evil.example:7420", "127.0.0.1.evil.example", "10.1.2.3"] {
            let ask = house.ask(Method::GET, path).key(&house.admin).header("host", host);
            assert_eq!(ask.send().await.refusal(), refused(421, "wrong_host"), "{path} {host}");
        }
        let port = house.address.port();
        let ask = house.ask(Method::GET, path).key(&house.admin);
        let answer = ask.header("host", &format!("localhost:{port}")).send().await;
        assert_ne!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn a_configured_host_is_answered() {
    let mut config = config();
    config.api.hosts = vec!["errand.lan".to_owned()];
    let house = House::with(config).await;
    let ask = house.ask(Method::GET, "/healthz").header("host", "errand.lan:9000");
    assert_eq!(ask.send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_foreign_origin_is_answered_nowhere() {
    let house = House::open().await;
    let cookie = house.sign_in(&house.admin).await;
    for path in ADDRESSES {
        for origin in ["https://evil.example", "null", "http://localhost:1", "file://"] {
            let bare = house.ask(Method::GET, path).header("origin", origin).send().await;
            assert_eq!(bare.refusal(), refused(403, "wrong_origin"), "{path} {origin}");
            let ask = house.ask(Method::POST, path).page(&cookie).header("origin", origin);
            assert_eq!(ask.send().await.refusal(), refused(403, "wrong_origin"), "{path} {origin}");
        }
    }
}

#[tokio::test]
async fn a_cross_site_request_creates_no_agent() {
    let house = House::open().await;
    let cookie = house.sign_in(&house.admin).await;
    let body = json!({"prompt": {"text": "steal"}});
    let ask = || house.ask(Method::POST, "/v1/agents").json(&body);
    let without_origin = ask().header("cookie", &cookie).header("x-errand-client", "web");
    assert_eq!(without_origin.send().await.refusal(), refused(403, "wrong_origin"));
    let form = ask().header("cookie", &cookie).header("origin", &house.origin());
    assert_eq!(form.send().await.refusal(), refused(403, "client_header_missing"));
    let other_port = ask().page(&cookie).header("sec-fetch-site", "same-site");
    assert_eq!(other_port.send().await.refusal(), refused(403, "wrong_origin"));
    let list = house.get("/v1/agents").await.json();
    assert_eq!(list["items"], json!([]));
    assert_eq!(ask().page(&cookie).send().await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_picture_on_a_foreign_page_reads_nothing() {
    let house = House::open().await;
    let cookie = house.sign_in(&house.admin).await;
    let get = |site: &'static str| {
        let ask = house.ask(Method::GET, "/v1/agents").header("cookie", &cookie);
        ask.header("sec-fetch-site", site).send()
    };
    for site in ["cross-site", "same-site"] {
        assert_eq!(get(site).await.refusal(), refused(403, "wrong_origin"), "{site}");
    }
    for site in ["same-origin", "none"] {
        assert_eq!(get(site).await.status, StatusCode::OK, "{site}");
    }
}

#[tokio::test]
async fn a_browser_signs_in_with_a_key_and_out_again() {
    let house = House::open().await;
    let (token, _) = house.key("ada").await;
    let sign_in = house.ask(Method::POST, "/v1/session").json(&json!({ "token": token }));
    let answer = sign_in.send().await;
    let set = answer.header("set-cookie").to_owned();
    assert!(set.starts_with("errand_session="), "{set}");
    for part in ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=2592000"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain") && !set.contains(&token) && !set.contains("Secure"), "{set}");
    let cookie = answer.cookie();
    let who = || house.ask(Method::GET, "/v1/session").header("cookie", &cookie).send();
    let session = who().await.json();
    assert_eq!((&session["principal"], &session["admin"]), (&json!("ada"), &json!(false)));
    assert!(session["expiresAt"].is_string());
    let out = house.ask(Method::DELETE, "/v1/session").page(&cookie).send().await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(who().await.refusal(), refused(401, "session_over"));
}

#[tokio::test]
async fn wrong_sign_ins_are_refused() {
    let house = House::open().await;
    let try_with =
        |body: serde_json::Value| house.ask(Method::POST, "/v1/session").json(&body).send();
    assert_eq!(try_with(json!({"token": "x"})).await.refusal(), refused(401, "api_key_not_found"));
    assert_eq!(try_with(json!({"code": "x"})).await.refusal(), refused(401, "code_not_valid"));
    for body in
        [json!({}), json!({"token": "x", "code": "y"}), json!({"token": 1}), json!({"user": "x"})]
    {
        assert_eq!(try_with(body).await.refusal(), refused(400, "validation_error"));
    }
    let bare = house.ask(Method::GET, "/v1/session").send().await;
    assert_eq!(bare.refusal(), refused(401, "unauthorized"));
    let forged = house.ask(Method::GET, "/v1/session").header("cookie", "errand_session=0000");
    assert_eq!(forged.send().await.refusal(), refused(401, "session_over"));
}

#[tokio::test]
async fn a_code_signs_in_once_and_in_time() {
    let house = House::open().await;
    let code = house.post("/v1/session/codes", json!({})).await;
    assert_eq!(code.status, StatusCode::CREATED);
    let code = json!({ "code": code.json()["code"] });
    let sign_in = || house.ask(Method::POST, "/v1/session").json(&code).send();
    let cookie = sign_in().await.cookie();
    assert_eq!(sign_in().await.refusal(), refused(401, "code_not_valid"));
    let session = house.ask(Method::GET, "/v1/session").header("cookie", &cookie).send().await;
    assert_eq!(session.json()["principal"], "admin");

    let caller = house.app.keys.caller(&house.app.store, &house.admin, 0).await.unwrap().unwrap();
    let old = house.app.auth.codes.issue("admin", caller, 0).unwrap().unwrap();
    let late = house.ask(Method::POST, "/v1/session").json(&json!({ "code": old.token }));
    assert_eq!(late.send().await.refusal(), refused(401, "code_not_valid"));
}

#[tokio::test]
async fn a_session_survives_a_restart_and_ends_with_its_key() {
    let house = House::open().await;
    let (token, id) = house.key("ada").await;
    let cookie = house.sign_in(&token).await;
    let house = house.again().await;
    let who = || house.ask(Method::GET, "/v1/session").header("cookie", &cookie).send();
    assert_eq!(who().await.json()["principal"], "ada");
    let path = format!("/v1/api-keys/{id}");
    let revoked = house.ask(Method::DELETE, &path).key(&house.admin).send().await;
    assert_eq!(revoked.status, StatusCode::OK);
    assert_eq!(who().await.refusal(), refused(401, "session_over"));
}

#[tokio::test]
async fn the_oldest_of_too_many_sessions_ends() {
    let house = House::open().await;
    let first = house.sign_in(&house.admin).await;
    let mut last = String::new();
    for _ in 0..protocol::limits::SESSIONS {
        last = house.sign_in(&house.admin).await;
    }
    let who = |cookie: String| {
        let house = &house;
        async move {
            house.ask(Method::GET, "/v1/session").header("cookie", &cookie).send().await.status
        }
    };
    assert_eq!(who(first).await, StatusCode::UNAUTHORIZED);
    assert_eq!(who(last).await, StatusCode::OK);
}

#[tokio::test]
async fn over_https_the_cookie_is_for_this_host_alone() {
    let mut config = config();
    config.public_url = "https://errand.example.com".to_owned();
    let house = House::with(config).await;
    let body = json!({ "token": house.admin });
    let answer = house.ask(Method::POST, "/v1/session").json(&body).send().await;
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-errand_session=") && set.contains("; Secure"), "{set}");
    let cookie = answer.cookie();
    let page = |origin: &'static str| {
        let ask = house.ask(Method::POST, "/v1/tickets").page(&cookie).json(&json!({}));
        ask.header("host", "errand.example.com").header("origin", origin).send()
    };
    assert_eq!(page("https://errand.example.com").await.status, StatusCode::CREATED);
    let plain = page("http://errand.example.com").await;
    assert_eq!(plain.refusal(), refused(403, "wrong_origin"));
}

#[tokio::test]
async fn two_cookies_of_one_name_are_not_believed() {
    let house = House::open().await;
    let cookie = house.sign_in(&house.admin).await;
    let ask = house.ask(Method::GET, "/v1/session");
    let both = ask.header("cookie", &format!("errand_session=tossed; {cookie}"));
    assert_eq!(both.send().await.refusal(), refused(401, "unauthorized"));
}

#[tokio::test]
async fn deep_packed_and_huge_bodies_are_refused() {
    let house = House::open().await;
    let post = |body: Vec<u8>| house.ask(Method::POST, "/v1/agents").key(&house.admin).body(body);
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = open.repeat(10_000) + &close.repeat(10_000);
        assert_eq!(post(deep.clone().into()).send().await.status, StatusCode::BAD_REQUEST);
        let inside = format!(r#"{{"prompt": {{"text": "x"}}, "mcpServers": [{deep}]}}"#);
        let answer = post(inside.into()).send().await;
        assert_eq!(answer.refusal(), refused(400, "validation_error"));
    }
    for packing in ["gzip", "br", "deflate", "zstd", "gzip, identity"] {
        let answer = post(vec![0; 100]).header("content-encoding", packing).send().await;
        assert_eq!(answer.refusal(), refused(400, "validation_error"), "{packing}");
    }
    let huge = vec![b' '; protocol::limits::REQUEST_BYTES + 1];
    assert_eq!(post(huge).send().await.refusal(), refused(413, "payload_too_large"));
}

#[tokio::test]
async fn every_answer_is_dressed() {
    let house = House::open().await;
    let mut answers = Vec::new();
    for path in ADDRESSES {
        answers.push((path, house.get(path).await));
        answers.push((path, house.ask(Method::PATCH, path).send().await));
        answers
            .push((path, house.ask(Method::GET, path).header("host", "evil.example").send().await));
    }
    for (path, answer) in answers {
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        assert_ne!(answer.header("x-request-id"), "", "{path}");
    }
}

#[tokio::test]
async fn addresses_of_people_show_the_app_and_others_do_not() {
    let house = House::open().await;
    for path in
        ["/", "/agents/bc-1", "/agents/bc-1/pull-requests/1", "/settings/keys", "/index.html"]
    {
        let answer = house.ask(Method::GET, path).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        let policy = answer.header("content-security-policy").to_owned();
        assert!(policy.contains("style-src 'self' 'nonce-"), "{path}: {policy}");
        let again = house.ask(Method::GET, path).send().await;
        assert_ne!(policy, again.header("content-security-policy"), "a nonce works for one answer");
    }
    for (method, path) in [
        (Method::GET, "/v1/nothing"),
        (Method::GET, "/v1"),
        (Method::GET, "/assets/gone-1.js"),
        (Method::GET, "/assets/../../secret"),
        (Method::POST, "/"),
    ] {
        let answer = house.ask(method, path).send().await;
        assert_eq!(answer.refusal(), refused(404, "not_found"), "{path}");
    }
}
