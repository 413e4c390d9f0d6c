//! What programs inside can and cannot say to a model through the gateway.

use crate::world::{Plan, World};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use gateway::audit::Peer;
use gateway::model_endpoint::{Action, Models, Provider, Question, Refused, Stream};
use gateway::policy::DenialCode;
use http::Response;
use protocol::ids::AgentId;
use std::sync::{Arc, Mutex};

/// Remembers what it was asked, and answers.
#[derive(Default)]
struct Asked(Mutex<Vec<Question>>);

impl Models for Asked {
    fn placeholder(&self, agent: AgentId) -> String {
        format!("placeholder-{agent}")
    }

    fn ask(&self, _: Peer, question: Question) -> BoxFuture<'_, Result<Response<Stream>, Refused>> {
        self.0.lock().unwrap().push(question);
        Box::pin(async {
            let body = futures::stream::once(async { Ok(Bytes::from_static(b"answer")) }).boxed();
            let mut response = Response::new(body);
            let headers = response.headers_mut();
            headers.insert("content-type", "text/event-stream".parse().unwrap());
            headers.insert("set-cookie", "account=operator".parse().unwrap());
            headers.insert("retry-after", "7".parse().unwrap());
            Ok(response)
        })
    }
}

fn world() -> (World, Arc<Asked>, String) {
    let asked = Arc::new(Asked::default());
    let models: Arc<dyn Models> = asked.clone();
    let world = World::new(Plan { models: Some(models), ..Plan::default() });
    let key = asked.placeholder(crate::world::peer(1).agent);
    (world, asked, key)
}

async fn say(world: &World, method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    world
        .exchange(&format!(
            "{method} http://errand.internal/model/{path} HTTP/1.1\r\nHost: errand.internal\r\n\
             Content-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
        ))
        .await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn a_question_is_handed_on_byte_for_byte_without_its_key() {
    let (world, asked, key) = world();
    let body = "{ \"model\" : \"m\", \"x\":\"\u{fc}\" }";
    let headers = format!(
        "X-Api-Key: {key}\r\nAnthropic-Beta: a,b\r\nOpenAI-Organization: other\r\nCookie: c\r\n\
         X-Goog-FieldMask: x\r\n"
    );
    let answer = say(&world, "POST", "anthropic/v1/messages?beta=true", &headers, body).await;
    assert!(status(&answer) == "200" && answer.contains("answer"), "{answer}");
    assert!(answer.contains("retry-after: 7") && !answer.contains("account"), "{answer}");
    let question = asked.0.lock().unwrap().remove(0);
    assert_eq!((question.provider, question.action), (Provider::Anthropic, Action::Messages));
    assert_eq!(
        (&question.body[..], question.query.as_deref()),
        (body.as_bytes(), Some("beta=true"))
    );
    let names: Vec<_> = question.headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["anthropic-beta"]);
}

#[tokio::test]
async fn every_place_of_a_key_takes_the_placeholder_and_no_other_key() {
    let (mut world, asked, key) = world();
    let gemini = "gemini/v1beta/models/m:streamGenerateContent?alt=sse";
    let places = [
        ("anthropic/v1/messages", "x-api-key: "),
        ("anthropic/v1/messages", "Authorization: Bearer "),
        ("openai/v1/responses", "authorization: Bearer "),
        (gemini, "x-goog-api-key: "),
    ];
    for (path, place) in places {
        let header = |key: &str| format!("{place}{key}\r\n");
        let good = say(&world, "POST", path, &header(&key), "{}").await;
        assert_eq!(status(&good), "200", "{path}: {good}");
        let other = key.replace("placeholder", "sk-ant");
        // Another key beside the placeholder is no better.
        let both = format!("{}api-key: {other}\r\n", header(&key));
        for headers in [header(&other), header(""), both] {
            let answer = say(&world, "POST", path, &headers, "{}").await;
            assert_eq!(status(&answer), "403", "{path}: {answer}");
            assert!(answer.contains("x-errand-denied: foreign_credential"), "{answer}");
            assert_eq!(world.denied().await.code, DenialCode::ForeignCredential);
        }
    }
    let query = format!("{gemini}&key={key}");
    assert_eq!(status(&say(&world, "POST", &query, "", "{}").await), "200");
    let query = format!("{gemini}&key={key}&key=other");
    assert_eq!(status(&say(&world, "POST", &query, "", "{}").await), "403");
    assert_eq!(status(&say(&world, "POST", gemini, "", "{}").await), "401");
    let asked = asked.0.lock().unwrap();
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|question| question.query.as_deref() != Some("key")));
}

#[tokio::test]
async fn nothing_but_the_four_ways_of_asking_is_passed_on() {
    let (world, asked, key) = world();
    let headers = format!("x-api-key: {key}\r\n");
    let table = [
        ("POST", "anthropic/v1/complete", "404"),
        ("GET", "anthropic/v1/messages", "404"),
        ("DELETE", "openai/v1/responses", "404"),
        ("POST", "openai/v1/files", "404"),
        ("POST", "openai/v1/messages", "404"),
        ("POST", "openai/v1/../v1/files", "404"),
        ("POST", "gemini/v1beta/models/m:countTokens", "404"),
        ("POST", "other/v1/messages", "404"),
        ("POST", "anthropic/v1/messages?organization=x", "400"),
        ("POST", "gemini/v1beta/models/m:generateContent?fields=x", "400"),
    ];
    for (method, path, expected) in table {
        let answer = say(&world, method, path, &headers, "{}").await;
        assert_eq!(status(&answer), expected, "{method} {path}: {answer}");
    }
    let packed = format!("{headers}Content-Encoding: gzip\r\n");
    let answer = say(&world, "POST", "anthropic/v1/messages", &packed, "{}").await;
    assert_eq!(status(&answer), "415", "{answer}");
    assert!(asked.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_offers_no_models_says_how_to() {
    let world = World::new(Plan::default());
    let answer = say(&world, "POST", "anthropic/v1/messages", "x-api-key: x\r\n", "{}").await;
    assert!(status(&answer) == "404" && answer.contains("inside = true"), "{answer}");
}
