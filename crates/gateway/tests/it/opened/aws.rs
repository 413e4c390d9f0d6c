//! Requests to AWS: what a sandbox signs goes out under the role, and nothing else does.

use super::{Echo, ask};
use crate::world::{Plan, World, policy};
use futures::future::BoxFuture;
use gateway::audit::GrantName;
use gateway::audit::Peer;
use gateway::aws::sign::{self, Canonical, PathReading, Scope};
use gateway::aws::{Keys, Role, Roles, Unavailable};
use gateway::policy::{DenialCode, EgressMode};
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const HOST: &str = "s3.eu-west-1.amazonaws.com";
const TIME: &str = "20260131T120000Z";
const REAL: (&str, &str, &str) = ("ASIAREALREALREALREAL", "realSecret", "realToken/of+a=session");

/// Acts under every role, or says that nobody answered.
#[derive(Default)]
struct Given(AtomicU32);

impl Roles for Given {
    fn credentials<'a>(
        &'a self,
        _: Peer,
        role: &'a Role,
    ) -> BoxFuture<'a, Result<Arc<Keys>, Unavailable>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            if role.arn == "gone" {
                return Err(Unavailable { words: "nobody answered".to_owned(), passes: true });
            }
            let token = Some(REAL.2.into());
            Ok(Arc::new(Keys::new(REAL.0.to_owned(), REAL.1.into(), token)))
        })
    }
}

fn named() -> GrantName {
    GrantName { name: "ROLE".to_owned(), id: "secv_1".to_owned() }
}

fn inside() -> Keys {
    Keys::placeholder(&[1; 32], "agent", "role")
}

/// A request signed as SDKs do, by a header.
struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    service: &'a str,
    region: &'a str,
    payload: &'a str,
    body: &'a str,
}

const READ: Asked<'_> = Asked {
    method: "GET",
    path: "/bucket/a%20key",
    service: "s3",
    region: "eu-west-1",
    payload: "UNSIGNED-PAYLOAD",
    body: "",
};

fn signed(keys: &Keys, asked: &Asked<'_>) -> String {
    let token = keys.token.as_ref().unwrap().expose_secret().to_owned();
    let headers = [
        ("host", HOST),
        ("x-amz-content-sha256", asked.payload),
        ("x-amz-date", TIME),
        ("x-amz-security-token", &token),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let scope = Scope::new(TIME, asked.region, asked.service);
    let request = Canonical {
        method: asked.method,
        path: asked.path,
        query: &[],
        headers: &headers,
        payload: asked.payload,
    };
    let signature = sign::signature(keys.secret.expose_secret(), TIME, &scope, &request);
    let value = sign::authorization(&keys.id, &scope, &headers, &signature);
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "{} {} HTTP/1.1\r\n{lines}Authorization: {value}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
        asked.method,
        asked.path,
        asked.body.len(),
        asked.body
    )
}

fn world(host: &Echo, arn: &str) -> World {
    World::new(Plan {
        allow: &["https://*.amazonaws.com"],
        upstreams: &[(HOST, host.address)],
        roots: host.roots.clone(),
        roles: Some(Arc::new(Given::default())),
        aws: Some(Role {
            name: named(),
            arn: arn.to_owned(),
            external_id: "errand-1".to_owned(),
            inside: Arc::new(inside()),
            endpoints: Vec::new(),
            otherwise: policy(EgressMode::Packages, &[]),
        }),
        ..Plan::default()
    })
}

/// A header that the host was sent.
fn header<'a>(sent: &'a str, name: &str) -> Option<&'a str> {
    sent.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn what_a_sandbox_signs_is_signed_anew_with_the_role() {
    let host = Echo::serve(HOST, &["http/1.1"]).await;
    let mut world = world(&host, "role");
    let (status, answer) = ask(&world, HOST, &signed(&inside(), &READ)).await;
    assert_eq!(status, 200, "{answer}");
    for real in [REAL.0, REAL.2] {
        assert!(!answer.contains(real), "taken out of the answer: {answer}");
    }
    assert!(answer.contains(&inside().id), "{answer}");
    let sent = host.sent().remove(0);
    assert!(!sent.contains(&inside().id) && !sent.contains(REAL.1), "{sent}");
    assert_eq!(header(&sent, "x-amz-security-token"), Some(REAL.2), "{sent}");
    let authorization = header(&sent, "authorization").unwrap();
    let names = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let headers: Vec<_> = names
        .split(';')
        .map(|name| (name.to_owned(), header(&sent, name).unwrap().to_owned()))
        .collect();
    let request = Canonical {
        method: READ.method,
        path: &PathReading::AsSent.of(READ.path),
        query: &[],
        headers: &headers,
        payload: READ.payload,
    };
    let scope = Scope::new(TIME, "eu-west-1", "s3");
    let expected = sign::signature(REAL.1, TIME, &scope, &request);
    assert_eq!(authorization, sign::authorization(REAL.0, &scope, &headers, &expected));
    assert_eq!(world.passed().await.grants, [named()]);
}

#[tokio::test]
async fn nothing_goes_to_aws_but_what_the_sandbox_may_sign() {
    let host = Echo::serve(HOST, &["http/1.1"]).await;
    let mut world = world(&host, "role");
    let own = inside();
    let forged = Keys::new(own.id.clone(), "another secret".into(), Some("x".into()));
    let foreign = Keys::new("AKIAATTACKERATTACKER".into(), "y".into(), Some("x".into()));
    let pieces = Asked { payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ..READ };
    let several = signed(&own, &READ).replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
    let changed = signed(&own, &READ).replace("/bucket/", "/other/");
    let old = format!(
        "GET /bucket/a?AWSAccessKeyId={}&Signature=x&Expires=1 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n",
        own.id
    );
    let unsigned = format!("PUT /bucket/a HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    let unbound = DenialCode::GrantNotForHost;
    for (what, request, code) in [
        ("another key", signed(&foreign, &READ), DenialCode::ForeignCredential),
        ("another secret", signed(&forged, &READ), unbound),
        ("another path", changed, unbound),
        ("another region", signed(&own, &Asked { region: "us-east-1", ..READ }), unbound),
        ("another service", signed(&own, &Asked { service: "sqs", ..READ }), unbound),
        ("signed pieces", signed(&own, &pieces), unbound),
        ("several regions", several, unbound),
        ("version 2", old, unbound),
        ("no signature", unsigned, DenialCode::HostNotAllowed),
    ] {
        let (status, answer) = ask(&world, HOST, &request).await;
        assert_eq!(status, 403, "{what}: {answer}");
        assert!(answer.contains("<Code>AccessDenied</Code>"), "{what}: {answer}");
        assert_eq!(world.denied().await.code, code, "{what}: {answer}");
    }
    assert!(host.sent().is_empty(), "{:?}", host.sent());
}

#[tokio::test]
async fn where_the_role_cannot_be_had_nothing_is_sent_and_the_reason_is_told() {
    let host = Echo::serve(HOST, &["http/1.1"]).await;
    let world = world(&host, "gone");
    let (status, answer) = ask(&world, HOST, &signed(&inside(), &READ)).await;
    assert_eq!(status, 503, "{answer}");
    assert!(
        answer.contains("ServiceUnavailable") && answer.contains("nobody answered"),
        "{answer}"
    );
    assert!(host.sent().is_empty());
}
