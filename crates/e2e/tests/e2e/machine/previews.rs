//! Ports: found, forwarded, shown in a browser on an origin of their own.

use super::{awake, open, socket};
use e2e::world::{World, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server inside that tells what it was sent, sets cookies for everybody, and echoes sockets.
const PROGRAM: &str = r#"
import base64, hashlib, json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            self.wfile.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n\r\n").encode())
            while True:
                data = self.connection.recv(65536)
                if not data: break
                self.connection.sendall(data)
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = json.dumps({"path": self.path, "method": self.command, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": self.rfile.read(length).decode()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "theirs=1; Domain=preview.localhost; Path=/")
        self.send_header("Set-Cookie", "errand_session=stolen; Path=/")
        self.send_header("Strict-Transport-Security", "max-age=1; includeSubDomains")
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
"#;

async fn serving(world: &World) -> String {
    let agent = awake(world).await;
    let path = format!("/v1/agents/{agent}/files/content?path=/workspace/program.py");
    let put = world.api.request(Method::PUT, &path).body(PROGRAM);
    e2e::api::send("PUT", put).await.expect(200);
    open(world, &agent, "main").await;
    let mut window =
        socket::open(world, &format!("/v1/agents/{agent}/terminals/main/socket")).await.unwrap();
    window.say(r#"{"type":"take"}"#).await;
    window.send(b"/usr/bin/python3 /workspace/program.py &\r").await;
    let ports = format!("/v1/agents/{agent}/ports");
    eventually("the program listens", async || {
        let list = world.api.get(&ports).await.expect(200);
        list["items"].as_array().unwrap().iter().any(|port| port["port"] == 8000)
    })
    .await;
    let list = world.api.get(&ports).await.expect(200);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "the sandbox's own ports are nobody's: {list}");
    assert!(items[0]["process"].as_str().unwrap().starts_with("python"), "{list}");
    agent
}

/// A request to the server under any name, headers as they are given.
async fn ask(world: &World, host: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let address = world.api.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

fn cookie(answer: &str) -> String {
    let line = answer.lines().find(|line| line.to_lowercase().starts_with("set-cookie:")).unwrap();
    line.split_once(':').unwrap().1.trim().split(';').next().unwrap().to_owned()
}

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_an_origin_of_its_own_that_learns_nothing_of_the_platform() {
    look_through("").await;
}

/// Looks at a port of a machine through a server with this configuration.
pub async fn look_through(config: &str) {
    let world = World::with(config).await;
    let agent = serving(&world).await;
    let previews = format!("/v1/agents/{agent}/previews");
    let preview = world.api.post(&previews, &json!({"port": 8000})).await.expect(200);
    let url = preview["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let (host, enter) = url.split_once('/').unwrap();
    assert!(host.contains(".preview.localhost:"), "{url}");
    let (status, _) = ask(&world, host, "/", &[]).await;
    assert_eq!(status, 403, "without entering");
    let (status, entered) = ask(&world, host, &format!("/{enter}"), &[]).await;
    assert_eq!(status, 303, "{entered}");
    let attributes = entered.to_lowercase();
    assert!(attributes.contains("httponly") && !attributes.contains("domain="), "{entered}");
    let pass = cookie(&entered);
    assert_eq!(ask(&world, host, &format!("/{enter}"), &[]).await.0, 403, "a ticket works once");

    let token = format!("Bearer {}", world.api.token);
    let all = format!("errand_session=secret; {pass}; own=1");
    let (status, answer) = ask(
        &world,
        host,
        "/page?x=1",
        &[
            ("Cookie", &all),
            ("Authorization", &token),
            ("X-Errand-Client", "web"),
            ("X-Request-Id", "1"),
        ],
    )
    .await;
    assert_eq!(status, 200, "{answer}");
    let seen = body(&answer);
    assert_eq!(seen["headers"]["cookie"], "own=1", "{seen}");
    assert_eq!(
        (&seen["path"], &seen["headers"]["host"]),
        (&json!("/page?x=1"), &json!("localhost:8000"))
    );
    let text = seen.to_string();
    for ours in [world.api.token.as_str(), "secret", pass.as_str(), "x-errand", "x-request-id"] {
        assert!(!text.contains(ours), "{ours} went inside: {text}");
    }
    let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(head.contains("set-cookie: theirs=1; path=/\r\n"), "{head}");
    for bad in ["domain=", "errand_session", "strict-transport"] {
        assert!(!head.contains(bad), "{bad}: {head}");
    }
    // Previews are one site to a browser: another one's page must not use this one.
    for foreign in [("Origin", "http://p0.preview.localhost"), ("Sec-Fetch-Site", "same-site")] {
        let (status, _) = ask(&world, host, "/", &[("Cookie", &pass), foreign]).await;
        assert_eq!(status, 403, "{foreign:?}");
    }
    // No route of the API answers under a preview's name, and no preview under ours.
    let (_, answer) =
        ask(&world, host, "/v1/me", &[("Cookie", &pass), ("Authorization", &token)]).await;
    assert_eq!(body(&answer)["path"], "/v1/me", "the program inside was asked: {answer}");
    let own = world.api.base.trim_start_matches("http://").to_owned();
    let (status, _) = ask(&world, &own, "/.errand/enter?ticket=x", &[("Cookie", &pass)]).await;
    assert_ne!(status, 303);
    let label = host.split('.').next().unwrap();
    for other in [
        host.replace(label, "p0"),
        host.replace(label, &format!("x.{label}")),
        host.replace(&label[..6], "pfffff"),
    ] {
        assert_eq!(ask(&world, &other, "/", &[("Cookie", &pass)]).await.0, 404, "{other}");
    }
    world.api.post(&previews, &json!({"port": 3128})).await.refused(400, "validation_error");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_go_through_a_preview_and_bytes_through_a_forwarded_port() {
    let world = World::start().await;
    let agent = serving(&world).await;
    let previews = format!("/v1/agents/{agent}/previews");
    let preview = world.api.post(&previews, &json!({"port": 8000})).await.expect(200);
    let url = preview["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let (host, enter) = url.split_once('/').unwrap();
    let (_, entered) = ask(&world, host, &format!("/{enter}"), &[]).await;
    let pass = cookie(&entered);
    let mut stream =
        TcpStream::connect(world.api.base.trim_start_matches("http://")).await.unwrap();
    let origin = format!("http://{host}");
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nCookie: {pass}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    stream.write_all(b"echo this").await.unwrap();
    let mut echo = [0; 9];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"echo this");

    let path = format!("/v1/agents/{agent}/ports/8000/socket");
    let mut port = socket::open(&world, &path).await.unwrap();
    port.send(b"GET /forwarded HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    while port.take().await {}
    assert!(port.shown().contains("\"/forwarded\""), "{}", port.shown());
    let nobody = socket::open(&world, &format!("/v1/agents/{agent}/ports/9/socket")).await;
    assert!(nobody.is_err(), "nothing listens there");
    world.end().await;
}
