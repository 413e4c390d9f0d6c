//! Grants against requests of every shape.

use super::*;
use http::Request;

const VALUE: &str = "ghp_realvalue+of/the=token";

fn key() -> [u8; 32] {
    [7; 32]
}

fn grant(name: &str, value: &str, hosts: &[&str], places: Places) -> Grant {
    Grant {
        id: name.to_lowercase(),
        name: name.to_owned(),
        placeholder: placeholder(&key(), "agent", name, value),
        value: SecretString::from(value),
        hosts: hosts.iter().map(|host| Pattern::parse(host).unwrap()).collect(),
        places,
    }
}

fn grants() -> Grants {
    let everywhere = Places { header: true, basic: true, query: true, body: true };
    Grants::new(
        vec![
            grant("FORGE", VALUE, &["api.forge.example"], Places::default()),
            grant("OTHER", "another-real-value", &["other.example"], everywhere),
        ],
        vec![SecretString::from("plainly-given-value")],
    )
}

fn head(method: &str, uri: &str, headers: &[(&str, String)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.body(()).unwrap().into_parts().0
}

fn exchanged(host: &str, permit: Permit, mut head: Parts) -> Result<(Parts, Exchange), DenialCode> {
    let (scheme, host) = match host.strip_prefix("http:") {
        Some(host) => (Scheme::Http, host),
        None => (Scheme::Https, host),
    };
    let target = Authority::parse(host, Some(scheme.port())).unwrap();
    let exchange = grants().exchange(&target, scheme, permit, &mut head);
    exchange.map(|exchange| (head, exchange)).map_err(|denial| denial.code)
}

fn of(name: &str) -> String {
    grants().grants.into_iter().find(|grant| grant.name == name).unwrap().placeholder
}

#[test]
fn a_placeholder_looks_like_its_value_and_is_of_one_agent() {
    let one = placeholder(&key(), "a", "id", VALUE);
    assert!(one.starts_with("ghp_errand") && one.len() == 42, "{one}");
    assert_eq!(one, placeholder(&key(), "a", "id", VALUE));
    assert_ne!(one, placeholder(&key(), "b", "id", VALUE));
    assert_ne!(one, placeholder(&key(), "a", "di", VALUE));
    assert_ne!(placeholder(&key(), "ab", "c", VALUE), placeholder(&key(), "a", "bc", VALUE));
    assert_ne!(one, placeholder(&[8; 32], "a", "id", VALUE));
}

#[test]
fn the_value_goes_to_its_own_host_only() {
    let bearer = || head("GET", "/x", &[("authorization", format!("Bearer {}", of("FORGE")))]);
    let (sent, exchange) = exchanged("api.forge.example", Permit::default(), bearer()).unwrap();
    assert_eq!(sent.headers["authorization"], format!("Bearer {VALUE}"));
    let used = GrantName { name: "FORGE".to_owned(), id: "forge".to_owned() };
    assert_eq!(exchange.used, [used]);
    for host in ["other.example", "forge.example", "x.api.forge.example", "http:api.forge.example"]
    {
        let refused = exchanged(host, Permit::default(), bearer()).err();
        assert_eq!(refused, Some(DenialCode::GrantNotForHost), "{host}");
    }
    // Outside of what carries credentials it is a text like any other.
    let inert = head("GET", "/x", &[("x-note", of("FORGE"))]);
    let (sent, exchange) = exchanged("other.example", Permit::default(), inert).unwrap();
    assert_eq!(sent.headers["x-note"], of("FORGE"));
    assert!(exchange.used.is_empty());
}

#[test]
fn basic_authentication_is_opened_for_it() {
    let basic = format!("Basic {}", STANDARD.encode(format!("me:{}", of("FORGE"))));
    let request = head("GET", "/", &[("authorization", basic.clone())]);
    let (sent, exchange) = exchanged("api.forge.example", Permit::default(), request).unwrap();
    let expected = format!("Basic {}", STANDARD.encode(format!("me:{VALUE}")));
    assert_eq!(sent.headers["authorization"], expected);
    // What an echo would show of it is what the sandbox had sent.
    let echoed = exchange.scrub.unwrap().all(format!("you sent {expected}").as_bytes());
    assert_eq!(String::from_utf8(echoed).unwrap(), format!("you sent {basic}"));
    let elsewhere = head("GET", "/", &[("authorization", basic)]);
    let refused = exchanged("other.example", Permit::default(), elsewhere).err();
    assert_eq!(refused, Some(DenialCode::GrantNotForHost));
}

#[test]
fn what_the_sandbox_brings_itself_is_refused() {
    let own = Permit { credentials: true, ..Permit::default() };
    let granted = "api.forge.example";
    for (host, name, value) in [
        (granted, "authorization", "Bearer ghp_attacker"),
        (granted, "x-api-key", "attacker"),
        (granted, "private-token", "attacker"),
        (granted, "cookie", "session=attacker"),
        ("anything.example", "authorization", "Basic YTpi"),
        ("anything.example", "x-goog-api-key", "attacker"),
        ("anything.example", "x-amz-security-token", "attacker"),
    ] {
        let request = || head("GET", "/", &[(name, value.to_owned())]);
        let refused = exchanged(host, Permit::default(), request()).err();
        assert_eq!(refused, Some(DenialCode::ForeignCredential), "{host} {name}");
        assert!(exchanged(host, own, request()).is_ok(), "{host} {name}");
    }
    for (name, value) in [
        ("cookie", "a=b"),
        ("idempotency-key", "1"),
        ("npm-auth-type", "web"),
        ("authorization", "Bearer plainly-given-value"),
        ("authorization", "Basic dTpwbGFpbmx5LWdpdmVuLXZhbHVl"),
    ] {
        let request = head("GET", "/", &[(name, value.to_owned())]);
        assert!(exchanged("anything.example", Permit::default(), request).is_ok(), "{name}");
    }
    let two = head(
        "GET",
        "/",
        &[("authorization", of("FORGE")), ("authorization", "Bearer attacker".to_owned())],
    );
    assert_eq!(exchanged(granted, own, two).err(), Some(DenialCode::ForeignCredential));
}

#[test]
fn queries_and_bodies_are_exchanged_where_the_grant_says_so() {
    let ask = |host: &str, name: &str| {
        exchanged(host, Permit::default(), head("GET", &format!("/x?a=1&key={}", of(name)), &[]))
    };
    let (sent, _) = ask("other.example", "OTHER").unwrap();
    assert_eq!(sent.uri.to_string(), "/x?a=1&key=another-real-value");
    assert_eq!(ask("api.forge.example", "FORGE").err(), Some(DenialCode::GrantNotForHost));
    let (sent, _) = ask("third.example", "FORGE").unwrap();
    assert!(sent.uri.to_string().ends_with(&of("FORGE")), "inert: {}", sent.uri);
    let foreign = |method, query: &str| {
        let request = head(method, &format!("/x?{query}"), &[]);
        exchanged("third.example", Permit::default(), request).err()
    };
    assert_eq!(foreign("GET", "X-Amz-Signature=attacker"), None);
    assert_eq!(foreign("PUT", "X-Amz-Signature=attacker"), Some(DenialCode::ForeignCredential));
    let (_, exchange) =
        exchanged("other.example", Permit::default(), head("POST", "/", &[])).unwrap();
    let body = exchange.body.unwrap().0.all(format!("{{\"key\":\"{}\"}}", of("OTHER")).as_bytes());
    assert_eq!(body, b"{\"key\":\"another-real-value\"}");
    let (_, exchange) =
        exchanged("api.forge.example", Permit::default(), head("POST", "/", &[])).unwrap();
    assert!(exchange.body.is_none() && exchange.scrub.is_none());
}
