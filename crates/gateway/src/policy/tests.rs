//! What is judged how: hosts, methods, modes, and what is closed.

use super::*;

fn policy(mode: EgressMode, allow: &[&str]) -> Policy {
    Policy::new(mode, allow.iter().map(|entry| Pattern::parse(entry).unwrap()).collect())
}

fn judged(policy: &Policy, target: &str) -> Result<(), DenialCode> {
    let target = Authority::parse(target, None).unwrap();
    policy.judge(&target, Access::Connect).map(|_| ()).map_err(|denial| denial.code)
}

fn asked(policy: &Policy, method: &str, url: &str) -> Result<Permit, DenialCode> {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (scheme, websocket) = match scheme {
        "http" => (Scheme::Http, false),
        "https" => (Scheme::Https, false),
        "wss" => (Scheme::Https, true),
        other => panic!("{other}"),
    };
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let target = Authority::parse(host, Some(scheme.port())).unwrap();
    let ask = Ask { scheme, method, path: if path.is_empty() { "/" } else { path }, websocket };
    policy.judge(&target, Access::Request(&ask)).map_err(|denial| denial.code)
}

#[test]
fn matching_is_by_label_and_by_port() {
    let list = policy(
        EgressMode::Allowlist,
        &["Example.com.", "*.corp.example", "db.example:5432", "93.184.216.34"],
    );
    let table = [
        ("example.com:443", Ok(())),
        ("EXAMPLE.com.:80", Ok(())),
        ("example.com:22", Err(DenialCode::PortNotAllowed)),
        ("www.example.com:443", Err(DenialCode::HostNotAllowed)),
        ("example.com.evil.test:443", Err(DenialCode::HostNotAllowed)),
        ("notexample.com:443", Err(DenialCode::HostNotAllowed)),
        ("a.corp.example:443", Ok(())),
        ("a.b.corp.example:443", Ok(())),
        ("corp.example:443", Err(DenialCode::HostNotAllowed)),
        ("evilcorp.example:443", Err(DenialCode::HostNotAllowed)),
        ("db.example:5432", Ok(())),
        ("db.example:443", Err(DenialCode::PortNotAllowed)),
        ("93.184.216.34:443", Ok(())),
        ("0x5db8d822:443", Ok(())),
        ("93.184.216.35:443", Err(DenialCode::HostNotAllowed)),
        ("crates.io:443", Err(DenialCode::HostNotAllowed)),
    ];
    for (target, expected) in table {
        assert_eq!(judged(&list, target), expected, "{target}");
    }
}

#[test]
fn each_mode_reaches_what_it_says() {
    let table = [
        (EgressMode::Offline, "crates.io:443", Err(DenialCode::Offline)),
        (EgressMode::Offline, "listed.example:443", Err(DenialCode::Offline)),
        (EgressMode::Packages, "crates.io:443", Ok(())),
        (EgressMode::Packages, "de.archive.ubuntu.com:80", Ok(())),
        (EgressMode::Packages, "xarchive.ubuntu.com:80", Err(DenialCode::HostNotAllowed)),
        (EgressMode::Packages, "crates.io:8443", Err(DenialCode::PortNotAllowed)),
        (EgressMode::Packages, "listed.example:443", Ok(())),
        (EgressMode::Packages, "other.example:443", Err(DenialCode::HostNotAllowed)),
        (EgressMode::Open, "other.example:443", Ok(())),
        (EgressMode::Open, "other.example:8080", Ok(())),
        (EgressMode::Open, "other.example:25", Err(DenialCode::PortNotAllowed)),
        (EgressMode::Open, "1.1.1.1:443", Ok(())),
    ];
    for (mode, target, expected) in table {
        assert_eq!(
            judged(&policy(mode, &["listed.example"]), target),
            expected,
            "{mode:?} {target}"
        );
    }
}

#[test]
fn requests_are_judged_by_all_that_they_say() {
    use DenialCode::{
        HostNotAllowed, MethodNotAllowed, PathNotAllowed, PortNotAllowed, WebsocketNotAllowed,
    };
    let list = policy(
        EgressMode::Packages,
        &[
            "open.example",
            "GET https://api.example/v1/*",
            "POST https://api.example/v1/jobs",
            "stream.example +websocket",
            "own.example +credentials",
            "https://odd.example:8443",
        ],
    );
    let plain = Ok(Permit::default());
    let registry = Ok(Permit { registry: true, ..Permit::default() });
    for (method, url, expected) in [
        ("GET", "http://deb.debian.org/x", registry),
        ("PUT", "http://deb.debian.org/x", Err(MethodNotAllowed)),
        ("HEAD", "https://registry.npmjs.org/a", registry),
        ("POST", "https://registry.npmjs.org/-/npm/v1/security", Err(MethodNotAllowed)),
        ("PUT", "https://registry.npmjs.org/a", Err(MethodNotAllowed)),
        ("GET", "wss://registry.npmjs.org/a", Err(WebsocketNotAllowed)),
        ("PUT", "http://open.example/", plain),
        ("GET", "wss://open.example/", Err(WebsocketNotAllowed)),
        ("GET", "wss://stream.example/", plain),
        ("GET", "https://api.example/v1/x", plain),
        ("POST", "https://api.example/v1/x", Err(MethodNotAllowed)),
        ("POST", "https://api.example/v1/jobs", plain),
        ("GET", "https://api.example/v2/x", Err(PathNotAllowed)),
        ("GET", "http://api.example/v1/x", Err(PortNotAllowed)),
        ("GET", "https://other.example/", Err(HostNotAllowed)),
        ("GET", "https://odd.example:8443/", plain),
        ("GET", "http://odd.example:8443/", Err(PortNotAllowed)),
        ("GET", "https://own.example/", Ok(Permit { credentials: true, ..Permit::default() })),
    ] {
        assert_eq!(asked(&list, method, url), expected, "{method} {url}");
    }
}

#[test]
fn what_is_closed_only_reads_and_asks_with_a_grant() {
    use DenialCode::{FlowClosed, HostNotAllowed, MethodNotAllowed};
    let own = vec![Pattern::parse("api.example").unwrap()];
    let closed = Closed { own, code: FlowClosed, words: "because".to_owned() };
    let allow = ["api.example", "listed.example", "s.example +websocket +credentials"];
    let list = policy(EgressMode::Packages, &allow).closed(closed.clone());
    let little = Ok(Permit { carries: Carries::Little, ..Permit::default() });
    let registry = little.map(|permit| Permit { registry: true, ..permit });
    let granted = Ok(Permit { carries: Carries::WithGrant, ..Permit::default() });
    for (method, url, expected) in [
        ("GET", "https://listed.example/", little),
        ("HEAD", "http://listed.example/", little),
        ("POST", "https://listed.example/", Err(FlowClosed)),
        ("DELETE", "https://listed.example/", Err(FlowClosed)),
        ("GET", "wss://s.example/", Err(FlowClosed)),
        ("GET", "https://s.example/", little),
        ("POST", "https://api.example/", granted),
        ("GET", "https://api.example/", little),
        ("GET", "https://crates.io/", registry),
        ("PUT", "https://crates.io/", Err(MethodNotAllowed)),
        ("GET", "https://other.example/", Err(HostNotAllowed)),
    ] {
        assert_eq!(asked(&list, method, url), expected, "{method} {url}");
    }
    let unopened = ["db.example:5432", "pinned.example +passthrough"];
    let raw = policy(EgressMode::Packages, &unopened).closed(closed.clone());
    for target in ["db.example:5432", "pinned.example:443"] {
        assert_eq!(judged(&raw, target), Err(FlowClosed), "{target}");
    }
    let open = policy(EgressMode::Open, &["listed.example"]).closed(closed);
    assert_eq!(judged(&open, "other.example:443"), Err(FlowClosed));
    assert_eq!(asked(&open, "GET", "https://listed.example/"), little);
    assert_eq!(asked(&open, "GET", "https://crates.io/"), little);
    let target = Authority::parse("listed.example:443", None).unwrap();
    assert_eq!(open.carriage(&target), Carriage::Opened, "to be read it has to be opened");
}

#[test]
fn ways_out_are_what_takes_more_than_reading() {
    let own = [Pattern::parse("api.example").unwrap()];
    let allow = [
        "api.example",
        "POST api.example/v1",
        "GET docs.example",
        "GET own.example +credentials",
        "db.example:5432",
        "*.wide.example",
    ];
    let table = [
        (EgressMode::Offline, vec![]),
        (
            EgressMode::Packages,
            vec!["GET own.example +credentials", "db.example:5432", "*.wide.example"],
        ),
    ];
    for (mode, expected) in table {
        assert_eq!(policy(mode, &allow).outward(&own), expected, "{mode:?}");
    }
    assert_eq!(policy(EgressMode::Open, &[]).outward(&[]), [ANY_HOST]);
    assert!(policy(EgressMode::Packages, &[]).outward(&[]).is_empty());
}

#[test]
fn what_can_be_opened_is_opened() {
    let allow = ["db.example:5432", "https://odd.example:8443", "pinned.example +passthrough"];
    let carried =
        |mode, target| policy(mode, &allow).carriage(&Authority::parse(target, None).unwrap());
    for (target, expected) in [
        ("crates.io:443", Carriage::Opened),
        ("crates.io:80", Carriage::Plain),
        ("odd.example:8443", Carriage::Opened),
        ("db.example:5432", Carriage::Raw),
        ("pinned.example:443", Carriage::Greeted),
        ("pinned.example:80", Carriage::Plain),
    ] {
        assert_eq!(carried(EgressMode::Packages, target), expected, "{target}");
    }
    assert_eq!(carried(EgressMode::Open, "crates.io:443"), Carriage::Greeted);
}

#[test]
fn a_denial_says_how_to_allow() {
    let denial = policy(EgressMode::Packages, &[])
        .judge(&Authority::parse("api.example:443", None).unwrap(), Access::Connect)
        .unwrap_err();
    assert_eq!((denial.host.as_str(), denial.port), ("api.example", 443));
    assert!(denial.words.contains("add \"api.example\" to the allowed hosts"), "{}", denial.words);
}

#[test]
fn the_built_in_hosts_are_patterns() {
    for host in REGISTRIES.iter().flat_map(|registry| registry.hosts) {
        assert!(Pattern::parse(host).is_ok(), "{host}");
    }
}
