//! `errand forward`: ports of the machine on this computer.

use super::idle;
use super::person::Person;
use e2e::api::client;
use e2e::world::World;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, ChildStdout, Stdio};

/// Bytes sent to somebody who sends them back.
const ECHO_BYTES: usize = 8 << 20;

/// `errand forward`, and where it listens; ended when dropped.
struct Forwarded {
    child: Child,
    addresses: Vec<String>,
    // Held so that it can go on writing.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Forwarded {
    fn start(person: &Person, agent: &str, ports: &[u16]) -> Self {
        let mut arguments = vec!["--json".to_owned(), "forward".to_owned(), agent.to_owned()];
        arguments.extend(ports.iter().map(|port| format!("0:{port}")));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut child = person.errand(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = || {
            let said: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            said["listening"].as_str().unwrap().to_owned()
        };
        let addresses = ports.iter().map(|_| address()).collect();
        Self { child, addresses, _lines: lines }
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// Sends all it gets back; waits for the end of what it gets, then says so.
const ECHO: &str = r#"
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            piece = self.request.recv(65536)
            if not piece: break
            self.request.sendall(piece)
        self.request.sendall(b"the end")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("127.0.0.1", 8124), Echo).serve_forever()
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_started_inside_is_reached_from_this_computer() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    std::fs::write(person.home().join("echo.py"), ECHO).unwrap();
    std::fs::write(person.home().join("page.html"), "<h1>inside</h1>").unwrap();
    for file in ["echo.py", "page.html"] {
        person.says(&["cp", file, &format!("{agent}:/workspace/")]);
    }
    let mut terminal = person.sits(&["attach", &agent]);
    terminal.shows("/workspace $");
    terminal.line("python3 -m http.server 8123 --bind 127.0.0.1 > /dev/null 2>&1 &");
    terminal.line("python3 echo.py &");
    let ports = format!("/v1/agents/{agent}/ports");
    e2e::world::eventually("both servers listen", async || {
        let listed = world.api.get(&ports).await.expect(200);
        let is_there =
            |port: u64| listed["items"].as_array().unwrap().iter().any(|item| item["port"] == port);
        is_there(8123) && is_there(8124)
    })
    .await;
    let forwarded = Forwarded::start(&person, &agent, &[8123, 8124, 9]);
    let [page, echo, nobody] = [0, 1, 2].map(|index: usize| forwarded.addresses[index].clone());
    let client = client();
    for _ in 0..20 {
        let answer = client.get(format!("http://{page}/page.html")).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "<h1>inside</h1>");
    }
    let many = futures::future::join_all(
        (0..32).map(|_| client.get(format!("http://{page}/page.html")).send()),
    )
    .await;
    assert!(many.into_iter().all(|answer| answer.unwrap().status() == 200));

    // Much in both directions at once, and an end in one of them.
    let mut near = TcpStream::connect(echo).unwrap();
    let mut writer = near.try_clone().unwrap();
    let sent: Vec<u8> = (0..ECHO_BYTES).map(|index| (index % 251) as u8).collect();
    let expected = [sent.as_slice(), b"the end"].concat();
    let sender = std::thread::spawn(move || {
        // All of it before anything is read.
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut came = Vec::new();
    near.read_to_end(&mut came).unwrap();
    sender.join().unwrap();
    assert!(came == expected, "{} bytes of {} came back", came.len(), expected.len());

    // Where nobody listens inside the connection ends and the others go on.
    let mut refused = TcpStream::connect(nobody).unwrap();
    let mut nothing = Vec::new();
    refused.read_to_end(&mut nothing).unwrap_or_default();
    assert!(nothing.is_empty());
    assert_eq!(client.get(format!("http://{page}/")).send().await.unwrap().status(), 200);
    drop(terminal);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_with_the_way_out() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (code, complaint) = person.fails(&["forward", &agent, &format!("{port}:80")]);
    assert_eq!(code, 2);
    assert!(complaint.contains("LOCAL:80"), "{complaint}");
    world.end().await;
}
