//! The server name in a TLS greeting, read without terminating the connection.
//!
//! A strict reader of the first TLS record(s) of a client. It exists for one question: does the
//! sandbox greet the host that was judged?

use crate::host::Host;

/// Bytes of a greeting that are read before giving up on it.
pub(crate) const HELLO_BYTES: usize = 32 * 1024;

const RECORD_HANDSHAKE: u8 = 22;
const HANDSHAKE_CLIENT_HELLO: u8 = 1;
const EXTENSION_SERVER_NAME: u16 = 0;
const NAME_TYPE_HOST: u8 = 0;

/// What the bytes so far say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hello {
    /// More bytes are needed.
    Partial,
    /// A greeting for this host.
    Named(Host),
    /// A greeting without a server name.
    Unnamed,
    /// No TLS greeting.
    NotTls,
}

/// Reads a greeting.
pub(crate) fn read_hello(bytes: &[u8]) -> Hello {
    match handshake(bytes) {
        Ok(message) => server_name(&message).unwrap_or(Hello::NotTls),
        Err(verdict) => verdict,
    }
}

/// Collects the handshake message, which may be spread over several records.
fn handshake(bytes: &[u8]) -> Result<Vec<u8>, Hello> {
    let mut message = Vec::new();
    let mut rest = Reader(bytes);
    loop {
        if rest.0.is_empty() {
            return Err(Hello::Partial);
        }
        if rest.0.first() != Some(&RECORD_HANDSHAKE) {
            return Err(Hello::NotTls);
        }
        if rest.0.get(1).is_some_and(|major| *major != 3) {
            return Err(Hello::NotTls);
        }
        let Some(fragment) = rest.take(3).and_then(|_| rest.block16()) else {
            return Err(Hello::Partial);
        };
        if fragment.is_empty() {
            return Err(Hello::NotTls);
        }
        message.extend_from_slice(fragment);
        let mut head = Reader(&message);
        let (Some(kind), Some(length)) = (head.byte(), head.number(3)) else { continue };
        if kind != HANDSHAKE_CLIENT_HELLO {
            return Err(Hello::NotTls);
        }
        if let Some(body) = head.take(length) {
            return Ok(body.to_vec());
        }
    }
}

fn server_name(message: &[u8]) -> Option<Hello> {
    let mut body = Reader(message);
    body.take(2 + 32)?; // version and random
    body.block8()?; // session id
    body.block16()?; // cipher suites
    body.block8()?; // compression methods
    if body.0.is_empty() {
        return Some(Hello::Unnamed);
    }
    let mut extensions = Reader(body.block16()?);
    let mut found = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let data = extensions.block16()?;
        if kind != usize::from(EXTENSION_SERVER_NAME) {
            continue;
        }
        if found.is_some() {
            return None;
        }
        found = Some(listed_name(data)?);
    }
    Some(found.map_or(Hello::Unnamed, Hello::Named))
}

/// Exactly one name: a list of two would leave open which one the far end takes.
fn listed_name(data: &[u8]) -> Option<Host> {
    let mut list = Reader(data);
    let mut names = Reader(list.block16()?);
    if names.byte()? != NAME_TYPE_HOST {
        return None;
    }
    let name = names.block16()?;
    if !names.0.is_empty() || !list.0.is_empty() {
        return None;
    }
    Host::parse(std::str::from_utf8(name).ok()?).ok()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }
    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }
    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |value, byte| (value << 8) | usize::from(*byte)))
    }
    fn block8(&mut self) -> Option<&'a [u8]> {
        let length = self.number(1)?;
        self.take(length)
    }
    fn block16(&mut self) -> Option<&'a [u8]> {
        let length = self.number(2)?;
        self.take(length)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A minimal greeting with the given server names.
    pub(crate) fn greeting(names: &[&str]) -> Vec<u8> {
        let block16 = |bytes: &[u8]| {
            let mut out = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
            out.extend_from_slice(bytes);
            out
        };
        let mut extensions = vec![0xfe, 0x0d, 0, 1, 7];
        if !names.is_empty() {
            let list: Vec<u8> =
                names.iter().flat_map(|n| [vec![0], block16(n.as_bytes())].concat()).collect();
            extensions.extend([vec![0, 0], block16(&block16(&list))].concat());
        }
        let body = [
            vec![3, 3],
            vec![9; 32],
            vec![0],
            block16(&[0x13, 1]),
            vec![1, 0],
            block16(&extensions),
        ]
        .concat();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let message = [&[1], &length[1..], body.as_slice()].concat();
        [vec![22, 3, 1], block16(&message)].concat()
    }

    #[test]
    fn the_server_name_is_read_in_its_canonical_form() {
        let host = Host::parse("allowed.example").unwrap();
        assert_eq!(read_hello(&greeting(&["ALLOWED.example"])), Hello::Named(host));
        assert_eq!(read_hello(&greeting(&[])), Hello::Unnamed);
        assert_eq!(read_hello(&greeting(&["a.example", "b.example"])), Hello::NotTls);
        assert_eq!(read_hello(&greeting(&["evil\0.example"])), Hello::NotTls);
    }

    #[test]
    fn a_greeting_may_come_in_pieces() {
        let whole = greeting(&["allowed.example"]);
        for cut in 0..whole.len() {
            assert_eq!(read_hello(&whole[..cut]), Hello::Partial, "{cut}");
        }
        let (head, body) = whole.split_at(5);
        let mut records = Vec::new();
        for piece in body.chunks(7) {
            records.extend([22, 3, 1, 0, u8::try_from(piece.len()).unwrap()]);
            records.extend_from_slice(piece);
        }
        assert_eq!(read_hello(&records), read_hello(&[head, body].concat()));
    }

    #[test]
    fn anything_else_is_no_greeting() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"SSH-2.0-x",
            &[22, 2, 0, 0, 1, 1],
            &[22, 3, 1, 0, 0, 22],
            &[22, 3, 1, 0, 4, 2, 0, 0, 0],
        ] {
            assert_eq!(read_hello(bytes), Hello::NotTls, "{bytes:?}");
        }
        let whole = greeting(&["allowed.example"]);
        for index in 0..whole.len() {
            let mut bent = whole.clone();
            bent[index] ^= 0xff;
            // Never a panic, whatever is bent.
            read_hello(&bent);
        }
    }
}
