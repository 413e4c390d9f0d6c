//! Programs that know no proxy: they reach what is allowed by its name, and nothing else.

use e2e::world::{World, shell};
use fakes::scripted::script::Turn;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

/// Without a word about proxies.
const BARE: &str = "unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY \
                    NO_PROXY NODE_USE_ENV_PROXY; ";

/// An HTTP server of the operator's; keeps what it was sent.
struct Far {
    port: u16,
    got: Arc<Mutex<Vec<u8>>>,
    _serving: JoinSet<()>,
}

impl Far {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = got.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                kept.lock().unwrap().extend(head);
                let answer =
                    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nreached";
                stream.write_all(answer.as_bytes()).await.unwrap_or_default();
            }
        });
        Self { port, got, _serving: serving }
    }

    fn got(&self) -> String {
        String::from_utf8_lossy(&self.got.lock().unwrap()).into_owned()
    }

    fn config(&self) -> String {
        format!(
            "[network]\nmode = \"allowlist\"\nallow = [\"allowed.test\", \"forge.test:22\"]\n\
             [gateway.upstreams]\n\"allowed.test\" = \"127.0.0.1:{port}\"\n\
             \"sink.test\" = \"127.0.0.1:{port}\"\n\"forge.test\" = \"127.0.0.1:{port}\"\n",
            port = self.port
        )
    }
}

/// Programs of the host's that a sandbox has too, each with the address to fetch.
fn fetchers(address: &str) -> Vec<(&'static str, String)> {
    let python = format!(
        "import urllib.request as u; print(u.urlopen(\"{address}\", timeout=20).read().decode())"
    );
    let node = format!(
        "fetch(\"{address}\").then(r => r.text()).then(console.log, e => {{ console.error(e.cause ?? e); process.exit(1) }})"
    );
    let all = [
        ("/usr/bin/curl", format!("/usr/bin/curl -sS -m 20 {address}")),
        ("/usr/bin/python3", format!("/usr/bin/python3 -c '{python}'")),
        ("/usr/bin/node", format!("/usr/bin/node -e '{node}'")),
    ];
    all.into_iter().filter(|(path, _)| std::path::Path::new(path).is_file()).collect()
}

async fn tried(world: &World, lines: &[String]) -> (String, String) {
    let mut script = String::from(BARE);
    for (number, line) in lines.iter().enumerate() {
        writeln!(script, "echo; echo '#{number}'; ( {line} ) 2>&1 </dev/null; echo \" = $?\"")
            .unwrap();
    }
    let job = world.chore(&[shell(script), Turn::say("I tried.")]).await;
    world.ended_as(&job, "FINISHED").await;
    (world.outputs(&job.agent).await.remove(0), job.agent)
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_reach_an_allowed_host_by_its_name_without_knowing_of_a_proxy() {
    let far = Far::start().await;
    let world = World::with(&far.config()).await;
    let fetchers = fetchers("http://allowed.test/fetched");
    assert!(fetchers.len() > 1, "{fetchers:?}");
    let mut lines: Vec<_> = fetchers.iter().map(|(_, line)| line.clone()).collect();
    lines.push("curl -sS -m 20 http://errand.internal/nothing".to_owned());
    let (output, _) = tried(&world, &lines).await;
    println!("{output}");
    assert_eq!(output.matches("reached").count(), fetchers.len(), "{output}");
    assert!(output.contains("Errand has nothing at this address."), "{output}");
    assert_eq!(far.got().matches("GET /fetched HTTP/1.1").count(), fetchers.len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn git_reaches_its_repository_without_knowing_of_a_proxy() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let line = format!("{BARE} cd /workspace/sample; git -c http.proxy= ls-remote origin 2>&1");
    let job = world.errand(&repository, &[shell(line), Turn::say("Listed.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let output = world.outputs(&job.agent).await.remove(0);
    assert!(output.starts_with("Exit code 0.") && output.contains("refs/heads/main"), "{output}");
    world.end().await;
}

/// What must be refused, and words that the program says then. `SINK` is the port of the operator's server.
const REFUSED: &[(&str, &str)] = &[
    ("curl -sS -m 20 http://sink.test/", "Could not resolve host"),
    ("curl -sS -m 20 https://sink.test/", "Could not resolve host"),
    (
        "/usr/bin/python3 -c 'import socket; socket.getaddrinfo(\"7365637265.sink.test\", 80)'",
        "not known",
    ),
    ("curl -sS -m 20 -f http://203.0.113.7/", "403"),
    ("curl -sS -m 20 -f http://127.0.0.1:SINK/", "connect to"),
    ("curl -sS -m 20 https://203.0.113.7/", "access denied"),
    ("curl -sS -m 20 -f --resolve allowed.test:80:203.0.113.7 http://allowed.test/", "403"),
    ("curl -sS -m 20 -f -H 'Host: sink.test' http://allowed.test/", "403"),
    ("curl -sS -m 20 -f http://[2001:db8::7]/", "403"),
    ("curl -sS -m 20 -k https://[2606:4700::1111]/", "access denied"),
    ("curl -sS -m 20 http://198.18.200.1/ -f", "403"),
    ("curl -sS -m 20 https://allowed.test:8443/", "access denied"),
    ("curl -sS -m 20 http://allowed.test:25/", ""),
    ("ssh -o StrictHostKeyChecking=no -o BatchMode=yes git@forge.test true", "git remote set-url"),
    ("ping -c1 -W1 1.1.1.1", ""),
    ("bash -c 'exec 3<>/dev/udp/203.0.113.7/443; echo x >&3; echo y >&3'", "refused"),
];

/// Asks a server by its address for a name, as programs do that trust no settings.
const ASK: &str = "import socket, struct\n\
def ask(server, name):\n    s = socket.socket(socket.AF_INET6 if ':' in server else socket.AF_INET, socket.SOCK_DGRAM)\n    \
s.settimeout(10)\n    q = b'\\x12\\x34\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0' + b''.join(bytes([len(l)]) + l.encode() for l in name.split('.')) + b'\\0\\0\\x01\\0\\x01'\n    \
s.sendto(q, (server, 53))\n    a = s.recv(512)\n    return (a[3] & 15, socket.inet_ntoa(a[-4:])[:6] if a[7] else None)\n\
for server in ('8.8.8.8', '127.0.0.53', '2001:4860:4860::8888'):\n    print(ask(server, 'allowed.test'), ask(server, 'sink.test'))\n";

#[tokio::test(flavor = "multi_thread")]
async fn everything_else_is_refused_and_noted() {
    let far = Far::start().await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let sink = other.local_addr().unwrap().port().to_string();
    let world = World::with(&far.config()).await;
    let mut lines: Vec<_> = REFUSED.iter().map(|(line, _)| line.replace("SINK", &sink)).collect();
    let is_there = |program: &str| std::path::Path::new("/usr/bin").join(program).is_file();
    lines.push(format!("/usr/bin/python3 - <<'END'\n{ASK}END\n"));
    let (output, agent) = tried(&world, &lines).await;
    println!("{output}");
    for (number, (line, words)) in REFUSED.iter().enumerate() {
        let said = output.split(&format!("#{number}\n")).nth(1).unwrap();
        let said = said.split("\n#").next().unwrap();
        let (said, code) = said.rsplit_once(" = ").unwrap();
        assert_ne!(code.trim(), "0", "{line}: {said}");
        let program = line.split(' ').next().unwrap().rsplit('/').next().unwrap();
        if is_there(program) {
            assert!(said.contains(words), "{line}: {said}");
        } else {
            println!("skipped: this host has no {program}");
        }
        // 28 is curl's word for a time that ran out, 124 that of others.
        assert!(!["28", "124"].contains(&code.trim()), "{line} waited: {said}");
    }
    assert_eq!(output.matches("(0, '198.18') (3, None)").count(), 3, "{output}");
    assert_eq!(far.got(), "", "bytes left");
    other.set_nonblocking(true).unwrap();
    assert!(other.accept().is_err(), "a connection left");
    let events = world.events(&agent).await;
    let denied: Vec<_> = events
        .iter()
        .map(|entry| &entry["event"])
        .filter(|event| event["type"] == "Denied")
        .map(|event| {
            format!(
                "{}:{} {}",
                event["host"].as_str().unwrap(),
                event["port"],
                event["code"].as_str().unwrap()
            )
        })
        .collect();
    println!("{denied:#?}");
    for expected in [
        "sink.test:443 host_not_allowed",
        "7365637265.sink.test:443 host_not_allowed",
        "203.0.113.7:80 address_not_allowed",
        "203.0.113.7:443 address_not_allowed",
        "[2001:db8::7]:80 address_not_allowed",
        "[2606:4700::1111]:443 address_not_allowed",
        "198.18.200.1:80 address_not_allowed",
        "allowed.test:80 name_mismatch",
        "allowed.test:8443 port_not_allowed",
        "allowed.test:25 port_not_allowed",
    ] {
        assert!(denied.iter().any(|denial| denial == expected), "{expected}: {denied:#?}");
    }
    world.end().await;
}
