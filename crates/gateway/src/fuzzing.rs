//! What must hold whatever bytes come in. Each function takes any bytes and panics where it does not hold; `make fuzz`
//! searches for such bytes, and the tests here try mutations of the seeds.
#![expect(clippy::expect_used, reason = "to panic is how a finding is told")]

mod head;

pub use head::request_head;

use crate::dns;
use crate::hello::{Hello, read_hello};
use crate::host::{Authority, Host};
use crate::pattern::Pattern;
use crate::pkt::{self, Packet};
use crate::push::{self, Rewritten};
use crate::repository::INBOX;
use crate::swap::Swaps;
use git::name::{BranchName, ObjectFormat};
use std::net::IpAddr;

/// A text is one host in one spelling, and an entry of a list covers what its labels say.
pub fn host(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(address) = text.parse::<IpAddr>()
        && address.is_ipv4()
    {
        assert_eq!(Host::parse(text), Ok(Host::from_address(address)), "an address is no name");
    }
    let Ok(host) = Host::parse(text) else {
        assert!(Authority::parse(text, Some(443)).is_err() || text.contains(':'), "{text:?}");
        return;
    };
    let shown = host.to_string();
    assert_eq!(Host::parse(&shown), Ok(host.clone()), "one spelling");
    let authority = Authority { host: host.clone(), port: 8443 };
    assert_eq!(Authority::parse(&authority.to_string(), None), Ok(authority));
    let Some(name) = host.name() else { return };
    assert!(name.parse::<IpAddr>().is_err(), "{name:?} would be dialled as an address");
    assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')));
    assert!(!name.ends_with('.') && name.len() <= 253);
    for (entry, covers) in [
        ("allowed.test", name == "allowed.test"),
        ("*.allowed.test", name.strip_suffix(".allowed.test").is_some_and(|rest| !rest.is_empty())),
    ] {
        let pattern = Pattern::parse(entry).expect("an entry");
        assert_eq!(pattern.covers_host(&host), covers, "{entry} and {name:?}");
    }
}

/// An entry of an allow-list is read without a panic, and what it covers is one of its methods and paths.
pub fn entry(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(pattern) = Pattern::parse(text) else { return };
    let hosts = ["allowed.test", "a.allowed.test", "other.test"]
        .map(|name| Host::parse(name).expect("a name"));
    for host in &hosts {
        // No entry without a star covers more than one name.
        if pattern.covers_host(host) && !text.contains('*') {
            assert!(
                text.to_ascii_lowercase().contains(&host.to_string()),
                "{text:?} covers {host}"
            );
        }
    }
    assert!(!pattern.covers_port(0), "{text:?} covers port 0");
}

/// The list of a push is read the same however it is cut, and only one's own refs come of it.
pub fn push_list(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let format = if first & 1 == 0 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 };
    let branch = BranchName::parse("errand/fuzz").expect("a branch");
    let read = push::read_list(bytes, format);
    let cut = usize::from(first) * bytes.len() / 256;
    match push::read_list(bytes.get(..cut).unwrap_or_default(), format) {
        Ok(None) => {}
        early => assert_eq!(early, read, "a part is read as the whole or asks for more"),
    }
    let Ok(Some((list, taken))) = read else { return };
    assert!(taken <= bytes.len(), "no more is taken than there is");
    assert!(list.commands.len() <= push::COMMANDS);
    let mut stored = Vec::new();
    for command in &list.commands {
        let Ok(name) = push::judge(command, &branch) else { continue };
        assert!(name.as_str().starts_with(INBOX), "{name} is not below {INBOX}");
        stored.push((command.new.clone().expect("a commit"), name));
    }
    let rewritten: Vec<_> =
        stored.iter().map(|(new, stored)| Rewritten { old: None, new, stored }).collect();
    let written = push::write_list(&list.shallow, &rewritten, format);
    let (again, all) = push::read_list(&written, format).expect("ours is read").expect("whole");
    assert_eq!((again.shallow.len(), all), (list.shallow.len(), written.len()));
    let names = again.commands.iter().map(|command| command.name.as_str());
    assert!(names.eq(stored.iter().map(|(_, name)| name.as_str())), "only what was judged");
}

/// Packet lines come back as they were written, and an answer of git's is read without a panic.
pub fn packets(bytes: &[u8]) {
    push::read_outcome(bytes);
    let mut rest = bytes;
    while let Ok(Some((packet, taken))) = pkt::read(rest) {
        let mut again = Vec::new();
        match packet {
            Packet::Flush => pkt::flush(&mut again),
            Packet::Data(data) => pkt::line(&mut again, data),
        }
        let given = rest.get(..taken).expect("no more is taken than there is");
        // An empty line has a spelling that is read and never written.
        assert!(again.is_empty() || again.eq_ignore_ascii_case(given));
        rest = rest.get(taken..).unwrap_or_default();
    }
}

/// A stream cut anywhere is replaced in as if it were whole, and nothing that is looked for is left.
pub fn swap(bytes: &[u8]) {
    let pairs = [("aaab", "X"), ("ab", "YY"), ("secret", "S"), ("secretary", "T"), ("etx", "")];
    let swaps = Swaps::new(pairs.map(|(from, to)| (from.into(), to.into()))).expect("needles");
    let (cuts, text) = bytes.split_at(bytes.len() / 4);
    let whole = naive(text, &pairs);
    assert_eq!(swaps.all(text), whole, "the same as by hand");
    let (mut stream, mut out, mut rest) = (swaps.stream(), Vec::new(), text);
    for cut in cuts {
        let (piece, later) = rest.split_at(usize::from(*cut % 16).min(rest.len()));
        out.extend(stream.push(piece));
        rest = later;
    }
    out.extend(stream.push(rest));
    out.extend(stream.finish());
    assert_eq!(out, whole, "cuts change nothing");
    assert_eq!(stream.swapped(), swaps.touches(text));
}

/// The leftmost and of these the longest, looked for by hand.
fn naive(text: &[u8], pairs: &[(&str, &str)]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((byte, later)) = rest.split_first() {
        let here = pairs.iter().filter(|(from, _)| rest.starts_with(from.as_bytes()));
        if let Some((from, to)) = here.max_by_key(|(from, _)| from.len()) {
            out.extend(to.as_bytes());
            rest = rest.get(from.len()..).unwrap_or_default();
        } else {
            out.push(*byte);
            rest = later;
        }
    }
    out
}

/// A greeting is read the same however it is cut: more bytes never change a name that was read.
pub fn greeting(bytes: &[u8]) {
    let whole = read_hello(bytes);
    for cut in [bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(1)] {
        match read_hello(bytes.get(..cut).unwrap_or_default()) {
            Hello::Partial => {}
            early @ (Hello::Named(_) | Hello::Unnamed | Hello::NotTls) => assert_eq!(early, whole),
        }
    }
}

/// A question for a name is read within its packet, and its name is one host or none.
pub fn question(bytes: &[u8]) {
    let Ok(question) = dns::read(bytes) else { return };
    assert!(question.bytes.len() <= bytes.len());
    assert!(question.name.len() <= 255 && question.name.is_ascii());
    if let Ok(host) = Host::parse(&question.name)
        && let Some(name) = host.name()
    {
        assert!(question.name.eq_ignore_ascii_case(name), "{:?} became {name:?}", question.name);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Mutations of each seed; fuzzing proper makes millions.
    const MUTATIONS: usize = 300;

    type Target = (&'static str, fn(&[u8]));

    /// Every target with the seeds of its own in `crates/fuzz/seeds`.
    const TARGETS: [Target; 8] = [
        ("host", super::host),
        ("entry", super::entry),
        ("push_list", super::push_list),
        ("packets", super::packets),
        ("swap", super::swap),
        ("greeting", super::greeting),
        ("question", super::question),
        ("request_head", super::request_head),
    ];

    fn mutated(random: &mut fastrand::Rng, seed: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..=bytes.len());
            match random.u8(..4) {
                0 => bytes.insert(at, random.u8(..)),
                1 if at < bytes.len() => bytes[at] = random.u8(..),
                2 => bytes.truncate(at),
                _ => bytes.extend_from_within(at / 2..at),
            }
        }
        bytes
    }

    #[test]
    fn seeds_and_their_mutations_hold() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
        let mut random = fastrand::Rng::with_seed(7);
        for (name, target) in TARGETS {
            let mut count = 0;
            for seed in std::fs::read_dir(seeds.join(name)).expect("seeds") {
                let seed = std::fs::read(seed.unwrap().path()).unwrap();
                target(&seed);
                (0..MUTATIONS).for_each(|_| target(&mutated(&mut random, &seed)));
                count += 1;
            }
            assert!(count > 1, "{name} has {count} seeds");
        }
    }
}
