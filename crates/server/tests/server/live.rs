//! The live socket: who may open it, what it shows, and how it ends.

use crate::kit::{House, rename};
use futures::{SinkExt as _, StreamExt as _};
use hyper::{Method, StatusCode};
use protocol::api::live::{ClientFrame, ServerFrame};
use protocol::delta::Delta;
use protocol::event::FrameKind;
use protocol::ids::{AgentId, RunId, Step};
use protocol::input::Input;
use serde_json::json;
use server::agents::{Extras, Handle};
use std::collections::HashMap;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

type Headers<'a> = &'a [(&'static str, String)];

/// An open socket.
struct Socket(WebSocketStream<TcpStream>);

/// Opens the socket with these headers, or gives status and code of the refusal.
async fn open(house: &House, headers: Headers<'_>) -> Result<Socket, (u16, String)> {
    let mut request = format!("ws://{}/v1/live", house.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(house.address).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(Socket(socket)),
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            let code = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
            let code = code["error"]["code"].as_str().unwrap_or_default().to_owned();
            Err((response.status().as_u16(), code))
        }
        Err(error) => panic!("{error}"),
    }
}

/// As a program opens it.
async fn by_key(house: &House, token: &str) -> Socket {
    open(house, &[("authorization", format!("Bearer {token}"))])
        .await
        .unwrap_or_else(|e| panic!("{e:?}"))
}

/// As our own page opens it.
async fn by_page(house: &House, cookie: &str) -> Socket {
    let ticket = house.ticket(cookie).await;
    open(house, &page(house, cookie, &ticket)).await.unwrap_or_else(|e| panic!("{e:?}"))
}

fn page(house: &House, cookie: &str, ticket: &str) -> Vec<(&'static str, String)> {
    vec![
        ("origin", house.origin()),
        ("cookie", cookie.to_owned()),
        ("sec-websocket-protocol", format!("errand.live.v1, ticket.{ticket}")),
    ]
}

impl Socket {
    async fn send(&mut self, frame: &ClientFrame) {
        let text = serde_json::to_string(frame).unwrap();
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame, or the code the socket was closed with.
    async fn next(&mut self) -> Result<ServerFrame, u16> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|frame| frame.code.into()).unwrap_or_default());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("{error}"),
                None => return Err(0),
            }
        }
    }

    async fn watch(&mut self, id: u64, agent: AgentId, after: u64) {
        self.send(&ClientFrame::WatchAgent { id, agent: agent.to_string(), after }).await;
    }

    /// Numbers of the events until this many came or the socket was closed.
    async fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            match self.next().await {
                Ok(ServerFrame::Events { items, .. }) => {
                    numbers.extend(items.iter().map(|item| item.seq));
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        numbers
    }

    async fn until_live(&mut self) -> u64 {
        loop {
            if let ServerFrame::Live { seq, .. } = self.next().await.unwrap() {
                return seq;
            }
        }
    }

    async fn until_closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    async fn watchers(&mut self) -> Vec<(String, u32, bool)> {
        loop {
            if let ServerFrame::Presence { watchers, .. } = self.next().await.unwrap() {
                return watchers.into_iter().map(|w| (w.name, w.count, w.you)).collect();
            }
        }
    }
}

fn text(end: u64, text: &str) -> Delta {
    Delta::Text {
        run: RunId::from_uuid(Uuid::nil()),
        step: Step(1),
        attempt: 1,
        kind: FrameKind::Text,
        text: text.to_owned(),
        end,
    }
}

#[tokio::test]
async fn a_socket_is_opened_by_our_own_page_with_a_fresh_ticket_only() {
    let house = House::open().await;
    let cookie = house.sign_in(&house.admin).await;
    let refused =
        async |headers: Vec<(&'static str, String)>| open(&house, &headers).await.err().unwrap();
    let fresh = async || page(&house, &cookie, &house.ticket(&cookie).await);

    let mut headers = fresh().await;
    headers[0].1 = "https://evil.example".to_owned();
    assert_eq!(refused(headers).await, (403, "wrong_origin".to_owned()));
    let mut headers = fresh().await;
    headers.remove(0);
    assert_eq!(
        refused(headers).await,
        (403, "wrong_origin".to_owned()),
        "a browser without Origin"
    );
    let mut headers = fresh().await;
    headers[2].1 = "errand.live.v1".to_owned();
    assert_eq!(refused(headers).await, (401, "ticket_required".to_owned()), "the cookie alone");
    let headers = page(&house, &cookie, "made-up");
    assert_eq!(refused(headers).await, (401, "ticket_not_valid".to_owned()));

    let headers = fresh().await;
    assert!(open(&house, &headers).await.is_ok());
    assert_eq!(refused(headers).await, (401, "ticket_not_valid".to_owned()), "used");

    let store = &house.app.store;
    let caller = house.app.keys.caller(store, &house.admin, 0).await.unwrap().unwrap();
    let old = house.app.auth.tickets.issue("admin", caller, 0).unwrap().unwrap();
    let headers = page(&house, &cookie, &old.token);
    assert_eq!(refused(headers).await, (401, "ticket_not_valid".to_owned()), "expired");

    let other = house.sign_in(&house.admin).await;
    let headers = page(&house, &cookie, &house.ticket(&other).await);
    assert_eq!(refused(headers).await, (403, "foreign_ticket".to_owned()));
    let mut headers = fresh().await;
    headers.remove(1);
    assert_eq!(refused(headers).await, (403, "foreign_ticket".to_owned()), "without the session");

    let key = ("authorization", format!("Bearer {}", house.admin));
    let both = refused(vec![("origin", house.origin()), key]).await;
    assert_eq!(both, (403, "ticket_required".to_owned()));
    let wrong = refused(vec![("authorization", "Bearer x".to_owned())]).await;
    assert_eq!(wrong, (401, "api_key_not_found".to_owned()));
    let key = ("authorization", format!("Bearer {}", house.admin));
    let other = refused(vec![key, ("sec-websocket-protocol", "chat".to_owned())]).await;
    assert_eq!(other, (400, "validation_error".to_owned()));
}

#[tokio::test]
async fn without_an_upgrade_the_address_says_what_it_is() {
    let house = House::open().await;
    let answer = house.get("/v1/live").await;
    assert_eq!(answer.refusal().1, "socket_expected");
    assert!(answer.status.is_client_error());
}

#[tokio::test]
async fn stored_events_come_first_then_live_ones_and_after_a_break_the_rest() {
    let house = House::open().await;
    let cookie = house.sign_in(&house.admin).await;
    let handle = house.agent().await;
    rename(&handle, "before", 700).await;
    let mut socket = by_page(&house, &cookie).await;
    socket.watch(1, handle.id, 0).await;
    let stored = socket.numbers(702).await;
    assert_eq!(stored, (1..=702).collect::<Vec<_>>());
    assert_eq!(socket.until_live().await, 702);
    rename(&handle, "live", 5).await;
    assert_eq!(socket.numbers(3).await, [703, 704, 705]);
    drop(socket);
    rename(&handle, "missed", 5).await;
    let mut socket = by_page(&house, &cookie).await;
    socket.watch(7, handle.id, 705).await;
    assert_eq!(socket.until_live_numbers().await, (706..=712).collect::<Vec<_>>());
}

impl Socket {
    async fn until_live_numbers(&mut self) -> Vec<u64> {
        let mut numbers = Vec::new();
        loop {
            let frame = self.next().await.unwrap();
            if let ServerFrame::Events { items, .. } = frame {
                numbers.extend(items.iter().map(|item| item.seq));
            } else if let ServerFrame::Live { .. } = frame {
                return numbers;
            }
        }
    }
}

#[tokio::test]
async fn a_late_watcher_sees_the_sentence_from_its_beginning_once() {
    let house = House::open().await;
    let handle = house.agent().await;
    handle.live.delta(text(3, "One"));
    let mut socket = by_key(&house, &house.admin).await;
    socket.watch(1, handle.id, 0).await;
    socket.until_live().await;
    handle.live.delta(text(3, "One"));
    handle.live.delta(text(7, " two"));
    let mut second = by_key(&house, &house.admin).await;
    second.watch(1, handle.id, 0).await;
    let mut said = String::new();
    while said.len() < 7 {
        if let ServerFrame::Delta { delta: Delta::Text { text, .. }, .. } =
            second.next().await.unwrap()
        {
            said += &text;
        }
    }
    assert_eq!(said, "One two");
    loop {
        if let ServerFrame::Delta { delta, .. } = socket.next().await.unwrap() {
            assert_eq!(delta, text(7, " two"));
            break;
        }
    }
}

#[tokio::test]
async fn a_slow_reader_is_let_go_and_resumes_exactly() {
    let house = House::open().await;
    let handle = house.agent().await;
    let mut socket = by_key(&house, &house.admin).await;
    socket.watch(1, handle.id, 0).await;
    let mut have = socket.until_live().await;
    rename(&handle, "seen", 3).await;
    // It reads no more, while the model goes on.
    let chunk = "x".repeat(64 * 1024);
    let mut end = 0;
    while handle.live.watchers() > 0 {
        end += chunk.len() as u64;
        handle.live.delta(text(end, &chunk));
        tokio::task::yield_now().await;
    }
    rename(&handle, "missed", 3).await;
    let code = loop {
        match socket.next().await {
            Ok(ServerFrame::Events { items, .. }) => {
                for item in items {
                    assert_eq!(item.seq, have + 1);
                    have = item.seq;
                }
            }
            Ok(_) => {}
            Err(code) => break code,
        }
    };
    assert_eq!(code, 4008);
    let head = handle.view().await.unwrap().seq.0;
    let mut again = by_key(&house, &house.admin).await;
    again.watch(1, handle.id, have).await;
    assert_eq!(again.numbers((head - have) as usize).await, (have + 1..=head).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_long_log_does_not_make_its_reader_slow() {
    let house = House::open().await;
    let handle = house.agent().await;
    // More than fits into the outbox while nobody reads.
    let long = "n".repeat(90);
    rename(&handle, &long, 400).await;
    let mut socket = by_key(&house, &house.admin).await;
    for id in 0..60 {
        socket.watch(id, handle.id, 0).await;
    }
    rename(&handle, "live", 3).await;
    let head = handle.view().await.unwrap().seq.0;
    let mut at: HashMap<u64, u64> = HashMap::new();
    while at.len() < 60 || at.values().any(|seq| *seq < head) {
        if let ServerFrame::Events { id, items } = socket.next().await.unwrap() {
            let place = at.entry(id).or_default();
            for item in items {
                assert_eq!(item.seq, *place + 1, "watch {id}");
                *place = item.seq;
            }
        }
    }
}

#[tokio::test]
async fn sockets_and_streams_end_with_their_key_or_session() {
    let house = House::open().await;
    let handle = house.agent().await;
    let (ada, id) = house.key("ada").await;
    let (bob, _) = house.key("bob").await;
    let cookie = house.sign_in(&ada).await;
    let own = house.sign_in(&house.admin).await;
    let mut by_ada = by_key(&house, &ada).await;
    let mut page_of_ada = by_page(&house, &cookie).await;
    let mut by_bob = by_key(&house, &bob).await;
    let mut page_of_admin = by_page(&house, &own).await;
    let mut program_of_admin = by_key(&house, &house.admin).await;
    let stream = {
        let path = format!("/v1/agents/{}/events", handle.id);
        let ask = house.ask(Method::GET, &path).key(&ada).header("accept", "text/event-stream");
        ask.send()
    };
    let revoke = async {
        // The stream is open once it is one of the watchers.
        while handle.live.watchers() == 0 {
            tokio::task::yield_now().await;
        }
        let path = format!("/v1/api-keys/{id}");
        house.ask(Method::DELETE, &path).key(&house.admin).send().await
    };
    let (stream, revoked) = tokio::join!(stream, revoke);
    assert_eq!((stream.status, revoked.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(by_ada.until_closed().await, 4401);
    assert_eq!(page_of_ada.until_closed().await, 4401);

    let out = house.ask(Method::DELETE, "/v1/session").page(&own).send().await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(page_of_admin.until_closed().await, 4401);
    for open in [&mut by_bob, &mut program_of_admin] {
        open.send(&ClientFrame::Ping {}).await;
        assert_eq!(open.next().await, Ok(ServerFrame::Pong));
    }
    house.app.shutdown.cancel();
    assert_eq!(by_bob.until_closed().await, 1001);
}

#[tokio::test]
async fn a_list_is_told_of_new_changed_and_deleted_agents() {
    let house = House::open().await;
    let mut socket = by_key(&house, &house.admin).await;
    socket.send(&ClientFrame::WatchList { id: 2 }).await;
    assert_eq!(socket.next().await, Ok(ServerFrame::Live { id: 2, seq: 0 }));
    let handle = house.agent().await;
    rename(&handle, "name", 200).await;
    let (mut frames, mut last) = (0, String::new());
    while last != "name 199" {
        if let ServerFrame::Agent { id, agent } = socket.next().await.unwrap() {
            assert_eq!((id, &agent.id), (2, &handle.id.to_string()));
            frames += 1;
            last = agent.name;
        }
    }
    assert!(frames < 200, "{frames} frames for 201 changes");
    delete(&handle).await;
    loop {
        if let ServerFrame::AgentGone { agent, .. } = socket.next().await.unwrap() {
            assert_eq!(agent, handle.id.to_string());
            break;
        }
    }
}

async fn delete(handle: &Handle) {
    let input = Input::Delete { principal: "admin".to_owned() };
    handle.submit(input, Extras::default()).await.unwrap();
}

#[tokio::test]
async fn watchers_see_each_other() {
    let house = House::open().await;
    let handle = house.agent().await;
    let (ada, _) = house.key("ada").await;
    let is = |name: &str, count, you| (name.to_owned(), count, you);
    let mut first = by_key(&house, &house.admin).await;
    first.watch(1, handle.id, 0).await;
    assert_eq!(first.watchers().await, [is("admin", 1, true)]);
    let mut second = by_key(&house, &ada).await;
    second.watch(1, handle.id, 0).await;
    assert_eq!(second.watchers().await, [is("ada", 1, true), is("admin", 1, false)]);
    assert_eq!(first.watchers().await, [is("ada", 1, false), is("admin", 1, true)]);
    second.send(&ClientFrame::Unwatch { id: 1 }).await;
    assert_eq!(first.watchers().await, [is("admin", 1, true)]);
}

#[tokio::test]
async fn a_watch_that_cannot_be_is_refused_in_words() {
    let house = House::open().await;
    let handle = house.agent().await;
    let mut socket = by_key(&house, &house.admin).await;
    let error = async |socket: &mut Socket| loop {
        if let ServerFrame::Error { id, code, .. } = socket.next().await.unwrap() {
            return (id, code);
        }
    };
    socket.watch(1, AgentId::from_uuid(Uuid::now_v7()), 0).await;
    assert_eq!(error(&mut socket).await, (1, "agent_not_found".to_owned()));
    socket.watch(2, handle.id, 99).await;
    assert_eq!(error(&mut socket).await, (2, "validation_error".to_owned()));
    socket.watch(3, handle.id, 0).await;
    socket.until_live().await;
    socket.watch(3, handle.id, 0).await;
    assert_eq!(error(&mut socket).await, (3, "validation_error".to_owned()));
    for id in 4..=66 {
        socket.send(&ClientFrame::WatchList { id }).await;
    }
    socket.send(&ClientFrame::WatchList { id: 67 }).await;
    assert_eq!(error(&mut socket).await, (67, "validation_error".to_owned()));
}

#[tokio::test]
async fn frames_that_are_not_understood_end_the_socket() {
    let house = House::open().await;
    let broken =
        ["{", "[]", &json!({"type": "watchAgent"}).to_string(), r#"{"type":"ping","x":1}"#]
            .map(str::to_owned);
    for text in broken.into_iter().chain(["[".repeat(10_000)]) {
        let mut socket = by_key(&house, &house.admin).await;
        socket.0.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.until_closed().await, 1003);
    }
    let mut socket = by_key(&house, &house.admin).await;
    socket.0.send(Message::binary(vec![0])).await.unwrap();
    assert_eq!(socket.until_closed().await, 1003);
}
