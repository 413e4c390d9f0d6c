//! The resolver of the machine that the server runs on, in whose place every question is kept.
//!
//! The server is started where `/etc/resolv.conf` names this one; only root can arrange that.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

/// Names below it lead to the host's own loopback.
pub const INSIDE: &str = "inside.test";

/// A resolver; it serves until the test's process ends.
pub struct Questions {
    asked: Arc<Mutex<Vec<String>>>,
    settings: tempfile::NamedTempFile,
}

impl Questions {
    /// Listens where only this process does; where that is not allowed, why.
    pub fn listen() -> Result<Self, String> {
        let id = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 77, id[2], id[3]);
        let socket = UdpSocket::bind(SocketAddrV4::new(address, 53))
            .map_err(|error| format!("{address}:53: {error}"))?;
        let mut settings = tempfile::NamedTempFile::new().unwrap();
        writeln!(settings, "nameserver {address}\noptions timeout:1 attempts:1").unwrap();
        std::fs::set_permissions(settings.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((count, from)) = socket.recv_from(&mut packet) {
                let (name, answer) = answered(&packet[..count]);
                kept.lock().unwrap().push(name);
                socket.send_to(&answer, from).map(drop).unwrap_or_default();
            }
        });
        Ok(Self { asked, settings })
    }

    /// Names that were asked for, in order, once for each kind of address.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// What starts a program that asks here.
    pub fn wrapper(&self) -> Vec<String> {
        let script = r#"mount --bind "$0" /etc/resolv.conf && exec "$@""#;
        let words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script];
        let mut words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        words.push(self.settings.path().display().to_string());
        words
    }
}

/// The name asked for, and the answer: an address below [`INSIDE`], else that there is no such name.
fn answered(packet: &[u8]) -> (String, Vec<u8>) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while let Some(length) = packet.get(at).copied().map(usize::from).filter(|length| *length > 0) {
        labels.push(
            String::from_utf8_lossy(packet.get(at + 1..at + 1 + length).unwrap_or_default())
                .into_owned(),
        );
        at += 1 + length;
    }
    let name = labels.join(".");
    let end = (at + 5).min(packet.len());
    let mut answer = packet[..end].to_vec();
    let is_known = name.ends_with(INSIDE);
    let is_v4 = packet.get(at + 2) == Some(&1);
    answer[2..4].copy_from_slice(&[0x81, if is_known { 0x80 } else { 0x83 }]);
    answer[6..12].copy_from_slice(&[0, u8::from(is_known && is_v4), 0, 0, 0, 0]);
    if is_known && is_v4 {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    (name, answer)
}
