//! Who may act inside a machine: whoever only looks at a terminal or the browser is refused, whatever
//! their page sends. The machine is played; everything before it is real.

use crate::browser::Fake;
use crate::kit::House;
use futures::{SinkExt as _, StreamExt as _};
use protocol::ids::{Epoch, Term};
use protocol::link::{
    Answer, Body, CAPABILITY_ATTACH, CAPABILITY_PTY, Decoder, Frame, FromGuest, Hello, OpId,
    OpState, Request, Stream, ToGuest, VERSION, Welcome, encode_control, encode_data,
};
use sandbox::link::Link;
use serde_json::{Value, json};
use server::agents::Handle;
use server::machines::Machine;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Bytes under way to and from the machine.
const UNDER_WAY_BYTES: usize = 64 * 1024;
/// What the browser printed at its start.
const LISTENING: &[u8] = b"DevTools listening on ws://127.0.0.1:9222/devtools/browser/x\n";

/// A machine with one terminal and one browser.
struct Guest {
    /// What reached the terminal.
    typed: mpsc::UnboundedReceiver<Vec<u8>>,
    /// Connections to the browser.
    dialled: mpsc::UnboundedReceiver<DuplexStream>,
    _work: JoinSet<()>,
}

/// The guest's side of the link.
struct Wire {
    reader: ReadHalf<DuplexStream>,
    decoder: Decoder,
    out: mpsc::UnboundedSender<Vec<u8>>,
    typed: mpsc::UnboundedSender<Vec<u8>>,
    dialled: mpsc::UnboundedSender<DuplexStream>,
    ports: HashMap<u32, WriteHalf<DuplexStream>>,
    carriers: JoinSet<()>,
}

impl Wire {
    async fn next(&mut self) -> Option<Frame> {
        let mut buffer = vec![0; UNDER_WAY_BYTES];
        loop {
            if let Some(frame) = self.decoder.next().unwrap() {
                return Some(frame);
            }
            let read = self.reader.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
            self.decoder.push(&buffer[..read]);
        }
    }

    fn say(&self, channel: u32, message: &FromGuest) {
        let mut bytes = Vec::new();
        encode_control(&mut bytes, channel, message).unwrap();
        drop(self.out.send(bytes));
    }

    async fn serve(mut self) {
        while let Some(Frame { channel, body }) = self.next().await {
            match body {
                Body::Control(text) => self.hear(channel, serde_json::from_slice(&text).unwrap()),
                Body::Data(bytes) => match self.ports.get_mut(&channel) {
                    Some(port) => drop(port.write_all(&bytes).await),
                    None => self.typed.send(bytes).unwrap(),
                },
            }
        }
    }

    fn hear(&mut self, channel: u32, message: ToGuest) {
        match message {
            ToGuest::Hello(hello) => self.say(
                channel,
                &FromGuest::Welcome(Welcome {
                    version: VERSION,
                    capabilities: [CAPABILITY_PTY, CAPABILITY_ATTACH].map(str::to_owned).to_vec(),
                    epoch: hello.epoch,
                    guest_version: "played".to_owned(),
                }),
            ),
            ToGuest::Ping { nonce } => self.say(channel, &FromGuest::Pong { nonce }),
            ToGuest::Request { request } => self.obey(channel, &request),
            ToGuest::Renew { .. } | ToGuest::Credit { .. } | ToGuest::End | ToGuest::Cancel => {}
        }
    }

    fn obey(&mut self, channel: u32, request: &Request) {
        if matches!(request, Request::Ops) {
            let ops = ["browser:1", "terminal:main:1:pty"].map(|op| OpState {
                op: OpId::parse(op).unwrap(),
                running: true,
                processes: 1,
                spool_bytes: 0,
                acked: false,
            });
            self.say(channel, &FromGuest::Answer { answer: Answer::Ops { ops: ops.to_vec() } });
        } else if matches!(request, Request::Follow { .. }) {
            let mut bytes = Vec::new();
            encode_data(&mut bytes, channel, &[&[Stream::Stderr.tag()], LISTENING].concat());
            drop(self.out.send(bytes));
        } else if matches!(request, Request::Connect { port: 9222 }) {
            self.say(channel, &FromGuest::Opened);
            let (near, far) = tokio::io::duplex(UNDER_WAY_BYTES);
            let (reader, writer) = tokio::io::split(near);
            self.ports.insert(channel, writer);
            self.carriers.spawn(carry(reader, channel, self.out.clone()));
            self.dialled.send(far).unwrap();
        } else if matches!(request, Request::Attach { .. }) {
            self.say(channel, &FromGuest::Opened);
        } else {
            self.say(channel, &FromGuest::Answer { answer: Answer::Done });
        }
    }
}

async fn carry(
    mut reader: ReadHalf<DuplexStream>,
    channel: u32,
    out: mpsc::UnboundedSender<Vec<u8>>,
) {
    let mut buffer = vec![0; UNDER_WAY_BYTES];
    while let Ok(read) = reader.read(&mut buffer).await
        && read > 0
    {
        let mut bytes = Vec::new();
        encode_data(&mut bytes, channel, &buffer[..read]);
        drop(out.send(bytes));
    }
}

/// An agent whose machine is up, and the machine.
async fn up(house: &House) -> (Arc<Handle>, Guest) {
    let handle = house.agent().await;
    loop {
        let decided = handle.plan().await.unwrap().record;
        if decided.is_empty() {
            break;
        }
        handle.report(decided, None).await.unwrap();
    }
    let epoch = Epoch(1);
    let isolation = Value::Null;
    let is_up = protocol::event::Event::SandboxUp { epoch, boot_ms: 1, isolation };
    handle.report(vec![is_up], None).await.unwrap();

    let (near, far) = tokio::io::duplex(UNDER_WAY_BYTES);
    let (reader, mut writer) = tokio::io::split(far);
    let (out, mut outgoing) = mpsc::unbounded_channel::<Vec<u8>>();
    let (typed, to_type) = mpsc::unbounded_channel();
    let (dialled, to_dial) = mpsc::unbounded_channel();
    let (decoder, ports, carriers) = (Decoder::new(), HashMap::new(), JoinSet::new());
    let wire = Wire { reader, decoder, out, typed, dialled, ports, carriers };
    let mut work = JoinSet::new();
    work.spawn(wire.serve());
    work.spawn(async move {
        while let Some(bytes) = outgoing.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let hello = Hello { version: VERSION, agent: handle.id, epoch, term: Term(1) };
    let link = Link::connect(near, hello).await.unwrap();
    house.app.machines.put(handle.id, Machine { epoch, link, gateway: None });
    (handle, Guest { typed: to_type, dialled: to_dial, _work: work })
}

/// A window on something inside.
struct Window(WebSocketStream<TcpStream>);

impl Window {
    async fn open(house: &House, path: &str, key: &str) -> Self {
        let url = format!("ws://{}{path}", house.address);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        let stream = TcpStream::connect(house.address).await.unwrap();
        Self(client_async(request, stream).await.unwrap().0)
    }

    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn types(&mut self, keys: &'static [u8]) {
        self.0.send(Message::binary(keys)).await.unwrap();
    }

    /// The next message that fits.
    async fn hears(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.0.next().await.unwrap().unwrap();
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            if fits(&message) {
                return message;
            }
        }
    }

    /// The answer to what was just sent.
    async fn is_refused(&mut self, what: &str) {
        let error = self.hears(|message| message["type"] == "error").await;
        assert_eq!(error["code"], "read_only", "{what}: {error}");
    }

    async fn takes(&mut self) {
        self.say(&json!({ "type": "take" })).await;
        self.hears(|message| message["you"] == true).await;
    }

    async fn is_put_aside(&mut self) {
        self.hears(|message| message["type"] == "state" && message["you"] == false).await;
    }
}

/// Everything that does something to the page inside.
fn deeds() -> Vec<Value> {
    let key = |action: &str| json!({ "type": "key", "action": action, "key": "x", "code": "KeyX" });
    let press =
        |action: &str| json!({ "type": "pointer", "action": action, "x": 1, "y": 1, "buttons": 1 });
    vec![
        key("down"),
        key("up"),
        press("move"),
        press("down"),
        press("up"),
        json!({ "type": "text", "text": "sneaked" }),
        json!({ "type": "wheel", "x": 1, "y": 1, "dx": 0, "dy": 9 }),
        json!({ "type": "navigate", "url": "http://sneaked.example/" }),
        json!({ "type": "back" }),
        json!({ "type": "forward" }),
        json!({ "type": "reload" }),
        json!({ "type": "stop" }),
        json!({ "type": "copy" }),
        json!({ "type": "openTab" }),
        json!({ "type": "closeTab", "tab": "T" }),
        json!({ "type": "selectTab", "tab": "T" }),
        json!({ "type": "answer", "accept": true }),
    ]
}

#[tokio::test]
async fn whoever_only_looks_at_the_browser_does_nothing_to_its_page() {
    let house = House::open().await;
    let (agent, mut guest) = up(&house).await;
    let path = format!("/v1/agents/{}/browser/socket", agent.id);
    let begin = async {
        let mut fake = Fake::accept(guest.dialled.recv().await.unwrap()).await;
        fake.shows_a_tab().await;
        fake
    };
    let (mut ana, mut fake) = tokio::join!(Window::open(&house, &path, &house.admin), begin);
    let (key, _) = house.key("ben").await;
    let mut ben = Window::open(&house, &path, &key).await;
    for deed in deeds() {
        ana.say(&deed).await;
        ana.is_refused(&deed.to_string()).await;
    }
    ana.takes().await;
    for deed in deeds() {
        ben.say(&deed).await;
        ben.is_refused(&deed.to_string()).await;
    }
    ana.say(&json!({ "type": "text", "text": "allowed" })).await;
    let said = fake.hears_all_until("Input.insertText").await;
    assert_eq!(said.last().unwrap()["params"]["text"], "allowed");
    let of_people = ["Input.", "Target.", "Page.navigate", "Page.reload", "Page.stopLoading"];
    let sneaked = said.iter().rev().skip(1).find(|command| {
        let method = command["method"].as_str().unwrap();
        of_people.iter().any(|deed| method.starts_with(deed))
    });
    assert_eq!(sneaked, None, "nothing of theirs came through");

    ben.takes().await;
    ana.is_put_aside().await;
    ana.say(&json!({ "type": "text", "text": "sneaked" })).await;
    ana.is_refused("after another took over").await;
    ben.say(&json!({ "type": "release" })).await;
    ben.is_put_aside().await;
    ben.say(&json!({ "type": "text", "text": "sneaked" })).await;
    ben.is_refused("after handing back").await;
    ben.takes().await;
    ben.say(&json!({ "type": "text", "text": "ben's" })).await;
    let said = fake.hears_all_until("Input.insertText").await;
    assert_eq!(said.last().unwrap()["params"]["text"], "ben's");
}

#[tokio::test]
async fn whoever_only_looks_at_a_terminal_types_nothing_into_it() {
    let house = House::open().await;
    let (agent, mut guest) = up(&house).await;
    let path = format!("/v1/agents/{}/terminals/main/socket", agent.id);
    let (key, _) = house.key("ben").await;
    let mut ana = Window::open(&house, &path, &house.admin).await;
    let mut ben = Window::open(&house, &path, &key).await;
    ana.types(b"sneaked\r").await;
    ana.is_refused("nobody types").await;
    ana.takes().await;
    ben.types(b"sneaked\r").await;
    ben.is_refused("another types").await;
    ana.types(b"ana's\r").await;
    assert_eq!(guest.typed.recv().await.unwrap(), b"ana's\r");
    ben.takes().await;
    ana.is_put_aside().await;
    ana.types(b"sneaked\r").await;
    ana.is_refused("after another took over").await;
    ben.say(&json!({ "type": "release" })).await;
    ben.is_put_aside().await;
    ben.types(b"sneaked\r").await;
    ben.is_refused("after handing back").await;
    ben.takes().await;
    ben.types(b"ben's\r").await;
    assert_eq!(guest.typed.recv().await.unwrap(), b"ben's\r");
}
