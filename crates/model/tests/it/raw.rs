//! Providers that misbehave below their protocol: bytes written by hand.

use crate::world::{KEY, World, finish, request};
use fakes::scripted::script::{Fault, Turn};
use futures::StreamExt;
use model::catalog::Catalog;
use model::dialect::Dialect;
use model::error::ModelError;
use model::http::HttpClient;
use model::piece::{Finish, Piece};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n";

/// Asks a server that answers with these writes and then closes.
async fn answered(dialect: Dialect, writes: Vec<Vec<u8>>) -> Result<Finish, ModelError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut buffer = vec![0; 65_536];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        for bytes in writes {
            // A client that has seen enough hangs up.
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let world = World::of(vec![]).await;
    let mut entry = (*world.entry(dialect)).clone();
    entry.base_url = url.parse().unwrap();
    let model = Catalog::open(&Arc::new(entry), &HttpClient::new().unwrap());
    let (result, ()) = tokio::join!(finish(model.stream(&request("go"))), serve);
    result
}

#[tokio::test]
async fn refused_keys_are_not_echoed() {
    let body = format!("{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\"}}}}");
    let head = "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length";
    let text = format!("{head}: {}\r\n\r\n{body}", body.len());
    let error = answered(Dialect::OpenaiChat, vec![text.into()]).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("[key]") && !message.contains(KEY), "{message}");
}

#[tokio::test]
async fn bytes_may_be_split_anywhere_and_lines_end_in_any_way() {
    for line_end in ["\n", "\r\n"] {
        let events = [
            ": a comment",
            "",
            "data: {\"id\":\"x\",\"choices\":[{\"delta\":{\"content\":\"Grüße 🦀\"}}]}",
            "",
            "data:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
            "",
            "data: [DONE]",
            "",
            "",
        ];
        let text = format!("{EVENTS}{}", events.join(line_end));
        let writes = text.bytes().map(|byte| vec![byte]).collect();
        let answer = answered(Dialect::OpenaiChat, writes).await.unwrap();
        assert!(format!("{:?}", answer.parts).contains("Grüße 🦀"), "{line_end:?}");
    }
}

#[tokio::test]
async fn a_stream_may_end_without_its_done_mark_but_not_without_a_reason() {
    let event = |more: &str| {
        let delta = "{\"choices\":[{\"delta\":{\"content\":\"x\"}";
        format!("{EVENTS}data: {delta}{more}}}]}}\n\n").into_bytes()
    };
    let good = answered(Dialect::OpenaiChat, vec![event(",\"finish_reason\":\"stop\"")]).await;
    assert!(good.is_ok(), "{good:?}");
    let cut = answered(Dialect::OpenaiChat, vec![event("")]).await;
    assert_eq!(cut.unwrap_err(), ModelError::CutStream);
}

#[tokio::test]
async fn an_endless_event_is_given_up() {
    let chunk = vec![b'x'; 64 * 1024];
    let mut writes = vec![EVENTS.into(), b"data: ".to_vec()];
    writes.extend(std::iter::repeat_n(chunk, 300));
    let error = answered(Dialect::Anthropic, writes).await.unwrap_err();
    assert!(
        matches!(&error, ModelError::Malformed(what) if what.contains("too large")),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_named() {
    let text = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\n\r\n<html>";
    let error = answered(Dialect::Anthropic, vec![text.into()]).await.unwrap_err();
    assert!(
        matches!(&error, ModelError::Malformed(what) if what.contains("text/html")),
        "{error:?}"
    );
}

#[tokio::test]
async fn keys_do_not_follow_redirects() {
    let text = "HTTP/1.1 307 Temporary Redirect\r\nconnection: close\r\n\
                location: http://192.0.2.1/\r\ncontent-length: 0\r\n\r\n";
    let error = answered(Dialect::Anthropic, vec![text.into()]).await.unwrap_err();
    assert!(matches!(error, ModelError::BadRequest(_)), "{error:?}");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_malformed() {
    let mut writes = vec![EVENTS.into()];
    writes.push(b"data: \xff\xfe\n\n".to_vec());
    let error = answered(Dialect::Anthropic, writes).await.unwrap_err();
    assert!(matches!(error, ModelError::Malformed(_)), "{error:?}");
}

#[tokio::test]
async fn stopping_the_server_cuts_stalled_answers_and_returns() {
    let text = "A sentence that is long enough to be streamed in several events. ".repeat(4);
    let stalled = Turn { fault: Some(Fault::Stall), ..Turn::say(text) };
    let world = World::of(vec![stalled]).await;
    let mut pieces = world.model(Dialect::Anthropic).stream(&request("go"));
    assert!(matches!(pieces.next().await, Some(Ok(Piece::Counted(_)))));
    assert!(matches!(pieces.next().await, Some(Ok(Piece::TextDelta(_)))));
    tokio::time::timeout(Duration::from_secs(2), world.server.stop()).await.unwrap();
    let last = pieces.collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last.unwrap_err(), ModelError::CutStream);
}
