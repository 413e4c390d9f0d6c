//! Stands for every host outside: answers TLS and plain HTTP under all names, and keeps every byte it is sent.

use fakes::certificates::{Certified, certified};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What one connection was dialled as, and what came over it.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// The name in the TLS greeting; empty where there was none.
    pub name: String,
    /// All bytes, as they were before TLS.
    pub bytes: Vec<u8>,
}

/// What is served: content by host and path.
pub type Shelf = BTreeMap<String, Vec<u8>>;

/// The sink; ends when dropped.
pub struct Sink {
    pub port: u16,
    authority: tempfile::NamedTempFile,
    taken: Arc<Mutex<Vec<Taken>>>,
    _serving: JoinSet<()>,
}

struct Far {
    acceptor: TlsAcceptor,
    shelf: Shelf,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Sink {
    /// Listens on loopback with a certificate for these names.
    pub async fn start(names: &[String], shelf: Shelf) -> Self {
        let Certified { config, pem, .. } = certified(names).unwrap();
        let mut authority = tempfile::NamedTempFile::new().unwrap();
        authority.write_all(pem.as_bytes()).unwrap();
        // The server reads it as the user that it runs as.
        let readable = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(authority.path(), readable).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let packets = UdpSocket::bind(("127.0.0.1", port)).await.unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let far = Arc::new(Far {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            shelf,
            taken: taken.clone(),
        });
        let mut serving = JoinSet::new();
        let kept = taken.clone();
        serving.spawn(async move {
            let mut packet = vec![0; 65_536];
            while let Ok(count) = packets.recv(&mut packet).await {
                let bytes = packet[..count].to_vec();
                kept.lock().unwrap().push(Taken { name: "udp".to_owned(), bytes });
            }
        });
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(far.clone().take(stream));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { port, authority, taken, _serving: serving }
    }

    /// Everything so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// All bytes that came under a name.
    pub fn under(&self, name: &str) -> Vec<u8> {
        let taken = self.taken();
        taken.into_iter().filter(|taken| taken.name == name).flat_map(|taken| taken.bytes).collect()
    }

    /// The part of `errand.toml` that leads these names here.
    pub fn gateway(&self, names: &[String]) -> String {
        let mut text =
            format!("[gateway]\nca_file = {:?}\n[gateway.upstreams]\n", self.authority.path());
        for name in names {
            text += &format!("{name:?} = \"127.0.0.1:{}\"\n", self.port);
        }
        text
    }
}

impl Far {
    async fn take(self: Arc<Self>, stream: TcpStream) {
        let place = {
            let mut taken = self.taken.lock().unwrap();
            taken.push(Taken::default());
            taken.len() - 1
        };
        let mut first = [0];
        let is_tls =
            stream.peek(&mut first).await.is_ok_and(|count| count == 1) && first[0] == 0x16;
        if !is_tls {
            return self.converse(stream, place).await;
        }
        // A gateway that refuses the certificate closes here.
        let Ok(stream) = self.acceptor.accept(stream).await else { return };
        let name = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
        self.taken.lock().unwrap()[place].name = name;
        self.converse(stream, place).await;
    }

    /// One request after the other; whatever comes is kept before it is understood.
    async fn converse(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, place: usize) {
        let (mut waiting, mut buffer) = (Vec::new(), vec![0; 65_536]);
        while let Ok(count) = stream.read(&mut buffer).await {
            if count == 0 {
                return;
            }
            self.taken.lock().unwrap()[place].bytes.extend_from_slice(&buffer[..count]);
            waiting.extend_from_slice(&buffer[..count]);
            while let Some(length) = request_length(&waiting) {
                let request: Vec<u8> = waiting.drain(..length).collect();
                if stream.write_all(&self.answer(&request)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// What is on the shelf, a redirect or a question for a credential where one belongs, else the request itself.
    fn answer(&self, request: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(request);
        let path = text.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let host = header(&text, "host").unwrap_or_default();
        if path == "/redirect" {
            let to = "http://169.254.169.254/latest/meta-data/";
            let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            return head.into_bytes();
        }
        if host.starts_with("git.") && header(&text, "authorization").is_none() {
            return b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        let key = format!("{host}{path}");
        let (status, body) = match self.shelf.get(&key) {
            Some(found) => ("200 OK", found.clone()),
            None if self.shelf.keys().any(|key| key.starts_with(&format!("{host}/"))) => {
                ("404 Not Found", Vec::new())
            }
            None => ("200 OK", request.to_vec()),
        };
        let kind = if path.ends_with(".html") || path.ends_with('/') {
            "text/html"
        } else {
            "application/octet-stream"
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        let body = if request.starts_with(b"HEAD") { Vec::new() } else { body };
        [head.into_bytes(), body].concat()
    }
}

fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lines = text.lines().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Bytes of the first request, once all of it is there.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]);
    if header(&text, "transfer-encoding").is_some() {
        let end = bytes[head..].windows(5).position(|five| five == b"0\r\n\r\n")?;
        return Some(head + end + 5);
    }
    let body: usize =
        header(&text, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    (bytes.len() >= head + body).then_some(head + body)
}
