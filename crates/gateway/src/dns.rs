//! Answers a sandbox's questions for names, out of the policy alone.
//!
//! TRUST: nothing that is asked here is asked of anybody else, so a name cannot carry anything out. An allowed
//! name gets an address that means something in this sandbox only ([`crate::names`]); what the name leads to
//! is found out when it is connected to, as for the proxy. Every other name does not exist, which programs
//! give up on at once.

use crate::attach::{AttachedSandbox, Attachment};
use crate::host::{Authority, BadHost, Host};
use crate::policy::{Access, Denial, DenialCode, HTTPS_PORT, INTERNAL_HOST, bad_host_denial};
use crate::witness::{self, Caller};
use protocol::link::Transport;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::Instant;

/// Questions of one sandbox that are answered in a second; more wait, and are lost where too many do.
pub const QUESTIONS_PER_SECOND: u32 = 500;
/// Time that an answer may be kept inside, in seconds.
const KEPT_SECONDS: u32 = 60;
/// Bytes of a question over UDP; real ones are far shorter.
const QUESTION_BYTES: usize = 4096;
/// Bytes of a name as it is sent.
const NAME_BYTES: usize = 255;
const HEADER_BYTES: usize = 12;
/// Pause after a failed receive.
const PAUSE: Duration = Duration::from_millis(100);

const TYPE_A: u16 = 1;
const TYPE_SRV: u16 = 33;
const TYPE_ANY: u16 = 255;
const CLASS_IN: u16 = 1;
/// Where the name of the question begins, as an answer refers to it.
const NAME_REFERENCE: [u8; 2] = [0xc0, 0x0c];

/// What an answer says at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Fine = 0,
    Malformed = 1,
    NoSuchName = 3,
    NotKnownHow = 4,
}

/// One question, as it stands in a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Question<'a> {
    /// It as it was sent, which the answer repeats.
    pub(crate) bytes: &'a [u8],
    pub(crate) name: String,
    kind: u16,
    class: u16,
}

/// Limits how much one sandbox asks.
#[derive(Default)]
pub(crate) struct Pace(Mutex<Option<(Instant, u32)>>);

impl Pace {
    /// Waits until one more question may be answered.
    async fn wait(&self) {
        loop {
            let Some(until) = self.take() else { return };
            tokio::time::sleep_until(until).await;
        }
    }

    /// Takes one question's place, or says when there will be more.
    fn take(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut pace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, used) = pace.filter(|(until, _)| *until > now).unwrap_or_else(|| {
            let until = now + Duration::from_secs(1);
            (until, 0)
        });
        let is_full = used >= QUESTIONS_PER_SECOND;
        *pace = Some((until, if is_full { used } else { used + 1 }));
        is_full.then_some(until)
    }
}

/// What is answered, and what of it is a refusal.
struct Answered {
    bytes: Vec<u8>,
    denial: Option<Denial>,
}

/// Answers what comes to a socket, until it is stopped.
pub(crate) async fn serve_packets(socket: UdpSocket, sandbox: &Arc<AttachedSandbox>) {
    let socket = Arc::new(socket);
    let mut packet = vec![0; QUESTION_BYTES];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut packet).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        sandbox.pace.wait().await;
        let answered = packet.get(..length).and_then(|asked| answer(asked, sandbox));
        let Some(Answered { bytes, denial }) = answered else { continue };
        let caller = Caller { transport: Transport::Udp, address: from };
        let (socket, own) = (Arc::clone(&socket), Attachment::of(sandbox, caller));
        let answering = async move {
            if let Some(denial) = &denial {
                witness::denied(denial, &own).await;
            }
            if let Err(error) = socket.send_to(&bytes, from).await {
                tracing::debug!(%error, agent.id = %own.peer.agent, "an answer for a name was not taken");
            }
        };
        // Others are not to wait while somebody looks who was refused.
        sandbox.tracker.spawn(sandbox.stop.clone().run_until_cancelled_owned(answering));
    }
}

/// Answers what comes over a connection, until it ends or idles.
pub(crate) async fn serve_stream(mut stream: TcpStream, attachment: &Attachment) {
    loop {
        let asked = tokio::time::timeout(attachment.parts.idle, receive(&mut stream)).await;
        let Ok(Ok(asked)) = asked else { return };
        attachment.pace.wait().await;
        let Some(Answered { bytes, denial }) = answer(&asked, attachment) else { return };
        if let Some(denial) = &denial {
            witness::denied(denial, attachment).await;
        }
        let length = u16::try_from(bytes.len()).unwrap_or_default().to_be_bytes();
        let sending = stream.write_all(&[&length, bytes.as_slice()].concat()).await;
        if sending.is_err() {
            return;
        }
    }
}

async fn receive(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut asked = vec![0; usize::from(length)];
    stream.read_exact(&mut asked).await?;
    Ok(asked)
}

/// The answer to a packet; none for what is no question.
fn answer(packet: &[u8], sandbox: &AttachedSandbox) -> Option<Answered> {
    let header = packet.get(..HEADER_BYTES)?;
    let is_question = header.get(2).is_some_and(|flags| flags & 0x80 == 0);
    if !is_question {
        return None;
    }
    let question = match read(packet) {
        Ok(question) => question,
        Err(code) => {
            return Some(Answered { bytes: compose(header, None, code, None), denial: None });
        }
    };
    let (code, address, denial) = match look_up(&question, sandbox) {
        Ok(address) if question.kind == TYPE_A || question.kind == TYPE_ANY => {
            (Code::Fine, Some(address), None)
        }
        Ok(_) => (Code::Fine, None, None),
        Err(Unknown { code, denial }) => (code, None, denial),
    };
    // Programs ask this beside what they were told to reach.
    let denial = denial.filter(|_| !is_asked_unasked(&question));
    Some(Answered { bytes: compose(header, Some(&question), code, address), denial })
}

/// Reads the one question of a packet. What may come after it, as what the client can do, is left alone.
pub(crate) fn read(packet: &[u8]) -> Result<Question<'_>, Code> {
    let two = |at: usize| {
        let bytes = packet.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u16::from_be_bytes).ok_or(Code::Malformed)
    };
    if packet.get(2).is_some_and(|flags| flags & 0x78 != 0) {
        return Err(Code::NotKnownHow);
    }
    let (questions, answers, authorities) = (two(4)?, two(6)?, two(8)?);
    if (questions, answers, authorities) != (1, 0, 0) {
        return Err(Code::Malformed);
    }
    let mut name = String::new();
    let mut at = HEADER_BYTES;
    loop {
        let length = usize::from(*packet.get(at).ok_or(Code::Malformed)?);
        let label = packet.get(at + 1..at + 1 + length).ok_or(Code::Malformed)?;
        at += 1 + length;
        // Longer ones are references, which have nothing to refer to.
        if length > 63 || at - HEADER_BYTES > NAME_BYTES {
            return Err(Code::Malformed);
        }
        if length == 0 {
            break;
        }
        if !name.is_empty() {
            name.push('.');
        }
        // A dot within a label is not one between two: it must not be read as another name.
        let odd = |byte: &u8| if byte.is_ascii_graphic() && *byte != b'.' { *byte } else { b'?' };
        name.extend(label.iter().map(|byte| char::from(odd(byte))));
    }
    let bytes = packet.get(HEADER_BYTES..at + 4).ok_or(Code::Malformed)?;
    Ok(Question { bytes, name, kind: two(at)?, class: two(at + 2)? })
}

/// Why a name has no address.
struct Unknown {
    code: Code,
    denial: Option<Denial>,
}

impl From<Code> for Unknown {
    fn from(code: Code) -> Self {
        Self { code, denial: None }
    }
}

impl From<Denial> for Unknown {
    fn from(denial: Denial) -> Self {
        Self { code: Code::NoSuchName, denial: Some(denial) }
    }
}

/// The address of a name that may be reached. Whether this port of it may be is judged when it is.
fn look_up(question: &Question<'_>, sandbox: &AttachedSandbox) -> Result<Ipv4Addr, Unknown> {
    if question.class != CLASS_IN {
        return Err(Code::NotKnownHow.into());
    }
    let host = match Host::parse(&question.name) {
        Ok(host) => host,
        Err(BadHost::Empty) => return Err(Code::NoSuchName.into()),
        Err(reason) => return Err(bad_host_denial(&question.name, reason).into()),
    };
    let target = Authority { host, port: HTTPS_PORT };
    let Some(name) = target.host.name() else { return Err(Code::NoSuchName.into()) };
    if name == INTERNAL_HOST {
        return Ok(sandbox.names.give(name));
    }
    match sandbox.rules().policy.judge(&target, Access::Connect) {
        Err(denial) if denial.code != DenialCode::PortNotAllowed => Err(denial.into()),
        Ok(_) | Err(_) => Ok(sandbox.names.give(name)),
    }
}

/// Whether it is a service record, or who an address is.
fn is_asked_unasked(question: &Question<'_>) -> bool {
    question.kind == TYPE_SRV || question.name.to_ascii_lowercase().ends_with(".arpa")
}

fn compose(
    header: &[u8],
    question: Option<&Question<'_>>,
    code: Code,
    address: Option<Ipv4Addr>,
) -> Vec<u8> {
    let mut bytes = header.get(..2).unwrap_or_default().to_vec();
    // An answer, to this kind of question, with recursion as it was asked for.
    let kept = header.get(2).map_or(0, |flags| flags & 0x79);
    bytes.extend([0x80 | kept, 0x80 | code as u8]);
    let counts = [u8::from(question.is_some()), u8::from(address.is_some()), 0, 0];
    bytes.extend(counts.into_iter().flat_map(|count| [0, count]));
    bytes.extend(question.map_or(&[][..], |question| question.bytes));
    if let Some(address) = address {
        bytes.extend(NAME_REFERENCE);
        bytes.extend(TYPE_A.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        bytes.extend(KEPT_SECONDS.to_be_bytes());
        bytes.extend([0, 4]);
        bytes.extend(address.octets());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(name: &[u8], kind: u16) -> Vec<u8> {
        let header = [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        [&header[..], name, &kind.to_be_bytes(), &[0, 1]].concat()
    }

    #[test]
    fn a_question_is_read_as_it_was_sent() {
        let sent = packet(b"\x07Allowed\x07example\0", 28);
        let question = read(&sent).unwrap();
        assert_eq!((question.name.as_str(), question.kind), ("Allowed.example", 28));
        assert_eq!(question.bytes, &sent[12..]);
        // What the client can do comes after it.
        let with_more = [&sent[..], &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]].concat();
        assert_eq!(read(&with_more), Ok(question));
        assert_eq!(read(&packet(b"\0", 1)).unwrap().name, "");
    }

    #[test]
    fn a_dot_or_a_zero_within_a_label_makes_no_other_name() {
        for name in
            [&b"\x0fallowed.example\0"[..], b"\x08allowed\0\x07example\0", b"\x02\xc3\xbc\0"]
        {
            let sent = packet(name, 1);
            let name = read(&sent).unwrap().name;
            assert!(name.contains('?') && Host::parse(&name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_no_question_is_malformed() {
        let long: Vec<u8> = (0..5).flat_map(|_| [&[63][..], &[b'a'; 63]].concat()).collect();
        let bent = |at: usize, byte: u8| {
            let mut sent = packet(b"\x01a\0", 1);
            sent[at] = byte;
            sent
        };
        for sent in [
            packet(b"\xc0\x0c", 1),
            packet(b"\x40a\0", 1),
            packet(b"\x05a\0", 1),
            packet(&[&long[..], &[0]].concat(), 1),
            packet(b"\x01a", 1),
            bent(5, 0),
            bent(5, 2),
            bent(7, 1),
            bent(9, 1),
            [0; 12].to_vec(),
        ] {
            assert_eq!(read(&sent), Err(Code::Malformed), "{sent:?}");
        }
        assert_eq!(read(&bent(2, 0x10)), Err(Code::NotKnownHow));
    }

    #[test]
    fn no_packet_is_read_beyond_its_end() {
        let whole = packet(b"\x07allowed\x07example\0", 1);
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]), Err(Code::Malformed), "{cut}");
        }
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200_000 {
            let mut bent = whole.clone();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bent.len());
                bent[at] = random.u8(..);
            }
            bent.truncate(random.usize(..=bent.len()));
            if let Ok(question) = read(&bent) {
                assert!(question.bytes.len() <= NAME_BYTES + 4 && question.name.is_ascii());
            }
        }
    }

    #[test]
    fn an_answer_repeats_the_question() {
        let sent = packet(b"\x01a\0", 1);
        let question = read(&sent).unwrap();
        let address = Ipv4Addr::new(198, 18, 0, 2);
        let got = compose(&sent[..12], Some(&question), Code::Fine, Some(address));
        assert_eq!(got[..12], [0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(got[12..19], sent[12..]);
        assert_eq!(got[19..], [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 2]);
        let got = compose(&sent[..12], Some(&question), Code::NoSuchName, None);
        assert_eq!(got[2..8], [0x81, 0x83, 0, 1, 0, 0]);
        assert_eq!(compose(&sent[..12], None, Code::Malformed, None).len(), 12);
    }

    #[tokio::test]
    async fn who_asks_too_much_waits() {
        let pace = Pace::default();
        let begun = Instant::now();
        for _ in 0..QUESTIONS_PER_SECOND {
            assert_eq!(pace.take(), None);
        }
        assert!(pace.take().unwrap() <= begun + Duration::from_secs(2));
        pace.wait().await;
        assert!(begun.elapsed() >= Duration::from_secs(1));
    }
}
