//! What stands between people and the browser of a sandbox, against browsers that mean harm.

use base64::Engine as _;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use protocol::api::browser::{FromBrowser, PointerAction, PointerButton, ToBrowser};
use serde_json::{Value, json};
use server::browser::cdp::{self, Broken};
use server::browser::launch::Address;
use server::browser::{Order, Outcome, View};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// Memory that everything together may take more, whatever the browser sends.
const GROWTH_BYTES: u64 = 64 * 1024 * 1024;
/// What a browser that never stops sends.
const FLOOD_BYTES: usize = 120 * 1024 * 1024;

/// A browser that a test plays.
pub struct Fake {
    out: SplitSink<WebSocketStream<DuplexStream>, Message>,
    incoming: SplitStream<WebSocketStream<DuplexStream>>,
}

/// A view of it.
struct Seen {
    view: View,
    work: JoinSet<Outcome>,
    notes: (mpsc::Sender<FromBrowser>, mpsc::Receiver<FromBrowser>),
}

/// A connection without a browser yet.
fn address() -> Address {
    Address { port: 1, path: "/devtools/browser/x".to_owned() }
}

async fn meet() -> (Fake, Seen) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let address = address();
    let (fake, both) = tokio::join!(Fake::accept(far), cdp::greet(Box::new(near), &address));
    let (speaker, listener) = both.unwrap();
    let (view, relay, over) = server::browser::open(speaker, listener);
    let mut work = JoinSet::new();
    work.spawn(async move {
        let end = relay.await;
        over.send_replace(Some(end.clone()));
        end
    });
    (fake, Seen { view, work, notes: mpsc::channel(16) })
}

impl Fake {
    /// Answers whoever opens a socket on this stream.
    pub async fn accept(stream: DuplexStream) -> Self {
        let (out, incoming) = accept_async(stream).await.unwrap().split();
        Self { out, incoming }
    }

    async fn says(&mut self, message: Value) {
        // Whoever is cut off in the middle of a flood has been heard enough.
        drop(self.out.send(Message::text(message.to_string())).await);
    }

    /// The next command of this name, with its number; others are passed over.
    async fn hears(&mut self, method: &str) -> Value {
        self.hears_all_until(method).await.pop().unwrap()
    }

    /// All commands up to the next one of this name.
    pub async fn hears_all_until(&mut self, method: &str) -> Vec<Value> {
        let mut heard = Vec::new();
        loop {
            let Some(Ok(Message::Text(text))) = self.incoming.next().await else {
                panic!("cut off before {method}")
            };
            let command: Value = serde_json::from_str(&text).unwrap();
            let is_it = command["method"] == method;
            heard.push(command);
            if is_it {
                return heard;
            }
        }
    }

    async fn answers(&mut self, command: &Value, result: Value) {
        self.says(json!({ "id": command["id"], "result": result })).await;
    }

    /// Has one tab, which is shown.
    pub async fn shows_a_tab(&mut self) {
        let command = self.hears("Target.setDiscoverTargets").await;
        let info = json!({ "targetId": "T", "type": "page", "title": "Hello", "url": "http://a/" });
        self.says(json!({ "method": "Target.targetCreated", "params": { "targetInfo": info } }))
            .await;
        self.answers(&command, json!({})).await;
        let command = self.hears("Target.attachToTarget").await;
        self.answers(&command, json!({ "sessionId": "S" })).await;
        self.hears("Page.startScreencast").await;
    }

    async fn pictures(&mut self, jpeg: &[u8], cast: i64) {
        let data = base64::engine::general_purpose::STANDARD.encode(jpeg);
        let metadata = json!({ "deviceWidth": 640, "deviceHeight": 480 });
        let params = json!({ "data": data, "metadata": metadata, "sessionId": cast });
        self.says(json!({ "method": "Page.screencastFrame", "sessionId": "S", "params": params }))
            .await;
    }
}

impl Seen {
    async fn orders(&self, what: ToBrowser) {
        let back = self.notes.0.clone();
        self.view.orders.send(Order { what, back }).await.map_err(|_| "the view is over").unwrap();
    }

    async fn ends(&mut self) -> Outcome {
        self.work.join_next().await.unwrap().unwrap()
    }
}

/// A JPEG as far as anybody looks who does not draw it.
fn jpeg(width: u16, height: u16, bytes: usize) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xc0, 0, 11, 8];
    jpeg.extend(height.to_be_bytes());
    jpeg.extend(width.to_be_bytes());
    jpeg.extend([1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    jpeg.resize(jpeg.len() + bytes, 7);
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

fn says(outcome: &Outcome, words: &str) {
    let Err(Broken(why)) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains(words), "{why}");
}

/// Memory of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_picture_is_shown_and_the_next_one_waits_until_it_is_drawn() {
    let (mut fake, mut seen) = meet().await;
    fake.shows_a_tab().await;
    fake.pictures(&jpeg(640, 480, 100), 7).await;
    seen.view.picture.changed().await.unwrap();
    let picture = seen.view.picture.borrow().clone().unwrap();
    assert_eq!(picture.message[4..8], [2, 128, 1, 224], "640 and 480");
    seen.orders(ToBrowser::Drawn { picture: picture.number }).await;
    let drawn = fake.hears("Page.screencastFrameAck").await;
    assert_eq!((&drawn["params"]["sessionId"], &drawn["sessionId"]), (&json!(7), &json!("S")));
    let page = seen.view.page.wait_for(|page| !page.title.is_empty()).await.unwrap().clone();
    assert_eq!((page.title.as_str(), page.tabs.len()), ("Hello", 1));
    drop(seen.view);
    assert_eq!(seen.work.join_next().await.unwrap().unwrap(), Ok(()), "nobody looks any more");
}

#[tokio::test]
async fn pointer_and_keys_reach_the_page_that_is_shown_and_nothing_while_it_asks() {
    let (mut fake, mut seen) = meet().await;
    fake.shows_a_tab().await;
    let asks = json!({ "type": "confirm", "message": "Sure?", "url": "http://a/" });
    fake.says(
        json!({ "method": "Page.javascriptDialogOpening", "sessionId": "S", "params": asks }),
    )
    .await;
    seen.view.page.wait_for(|page| page.dialog.is_some()).await.unwrap();
    let press = |x| ToBrowser::Pointer {
        action: PointerAction::Down,
        x,
        y: 5.0,
        button: PointerButton::Left,
        buttons: 1,
        clicks: 200,
        modifiers: 255,
    };
    seen.orders(press(1.0)).await;
    seen.orders(ToBrowser::Answer { accept: true, text: None }).await;
    let mut first = fake.incoming.next().await.unwrap().unwrap().into_text().unwrap();
    while !first.contains("handleJavaScriptDialog") {
        assert!(!first.contains("dispatchMouseEvent"), "{first}");
        first = fake.incoming.next().await.unwrap().unwrap().into_text().unwrap();
    }
    let closed = json!({ "method": "Page.javascriptDialogClosed", "sessionId": "S", "params": {} });
    fake.says(closed).await;
    seen.view.page.wait_for(|page| page.dialog.is_none()).await.unwrap();
    seen.orders(press(f64::MAX)).await;
    let pressed = fake.hears("Input.dispatchMouseEvent").await["params"].clone();
    assert_eq!(
        (&pressed["x"], &pressed["clickCount"], &pressed["modifiers"]),
        (&json!(4096.0), &json!(3), &json!(15))
    );
}

#[tokio::test]
async fn what_was_not_loaded_is_told_to_whoever_asked() {
    let (mut fake, mut seen) = meet().await;
    fake.shows_a_tab().await;
    seen.orders(ToBrowser::Navigate { url: "http://b/".to_owned() }).await;
    let command = fake.hears("Page.navigate").await;
    fake.answers(&command, json!({ "errorText": "net::ERR_TUNNEL_CONNECTION_FAILED" })).await;
    let Some(FromBrowser::Error { code, message }) = seen.notes.1.recv().await else { panic!() };
    assert_eq!(code, "not_loaded");
    assert!(message.contains("network.allow"), "{message}");
}

#[tokio::test]
async fn what_is_no_picture_ends_the_view() {
    for bytes in [&b"<svg/>"[..], b"\x89PNG\r\n", &jpeg(0, 10, 0), &jpeg(60_000, 60_000, 10)] {
        let (mut fake, mut seen) = meet().await;
        fake.shows_a_tab().await;
        fake.pictures(bytes, 1).await;
        says(&seen.ends().await, "none");
        assert!(seen.view.picture.borrow().is_none(), "nobody was shown it");
    }
}

#[tokio::test]
async fn pictures_that_nobody_asked_for_end_the_view() {
    let (mut fake, mut seen) = meet().await;
    fake.shows_a_tab().await;
    for cast in 0..20 {
        fake.pictures(&jpeg(10, 10, 10), cast).await;
    }
    says(&seen.ends().await, "nobody asked for");
}

#[tokio::test]
async fn nonsense_and_messages_that_are_too_large_end_the_view() {
    let giant = "x".repeat(5 * 1024 * 1024);
    let deep = "[".repeat(1024 * 1024);
    for (message, words) in [
        (Message::text("hello"), "nonsense"),
        (Message::text(deep), "nonsense"),
        (Message::binary(vec![1, 2, 3]), "nonsense"),
        (Message::text(format!("{{\"method\":\"{giant}\"}}")), "more than a picture"),
    ] {
        let (mut fake, mut seen) = meet().await;
        let said = fake.out.send(message);
        let (_, end) = tokio::join!(said, seen.ends());
        says(&end, words);
    }
}

#[tokio::test]
async fn what_speaks_no_websocket_is_no_browser() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let mut other = JoinSet::new();
    other.spawn(async move {
        let mut asked = [0; 16];
        far.read_exact(&mut asked).await.unwrap();
        // Headers without end.
        while far.write_all(b"HTTP/1.1 101 Switching Protocols\r\nx: y\r\n").await.is_ok() {}
    });
    let address = address();
    let met = cdp::greet(Box::new(near), &address).await;
    assert!(met.is_err_and(|Broken(why)| why.contains("no browser")));
    other.join_next().await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_never_stops_takes_no_memory() {
    let (mut fake, mut seen) = meet().await;
    fake.shows_a_tab().await;
    let before = resident();
    let mut flood = JoinSet::new();
    flood.spawn(async move {
        // As large as may be, and of a kind that costs the most to read.
        let many = "[1],".repeat(900_000);
        let junk = format!("{{\"method\":\"Page.unknown\",\"params\":{{\"x\":[{many}1]}}}}");
        let mut sent = 0;
        while sent < FLOOD_BYTES {
            sent += junk.len();
            fake.out.send(Message::text(junk.clone())).await.unwrap();
            let title = "t".repeat(1024 * 1024);
            for number in 0..20 {
                let id = format!("{sent}-{number}");
                let info = json!({ "targetId": id, "type": "page", "title": title, "url": title });
                let event =
                    json!({ "method": "Target.targetCreated", "params": { "targetInfo": info } });
                sent += title.len() * 2;
                fake.says(event).await;
            }
        }
        fake
    });
    let fake = flood.join_next().await.unwrap().unwrap();
    let page = seen.view.page.wait_for(|page| page.tabs.len() > 10).await.unwrap().clone();
    assert!(page.tabs.iter().all(|tab| tab.title.len() <= 300 && tab.url.len() <= 2048));
    let growth = resident().saturating_sub(before);
    println!("{FLOOD_BYTES} bytes sent; memory grew by {growth} bytes");
    assert!(growth < GROWTH_BYTES, "grew by {growth}");
    drop(fake);
    assert_eq!(seen.ends().await, Ok(()), "the browser ended");
}
