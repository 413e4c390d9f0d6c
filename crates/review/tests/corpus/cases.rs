//! Reads the cases; `README.md` beside it says how they are written.

use review::change::{Change, Content, Mode, Side};
use std::path::Path;

/// One diff and what the rules must say about it.
pub struct Case {
    pub name: String,
    pub language: String,
    pub half: Half,
    pub expected: Vec<String>,
    pub changes: Vec<Change>,
    pub owners: Option<String>,
}

/// Whether a case could be looked at while the rules were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Seen,
    HeldOut,
}

/// What a rule must find.
pub fn bad() -> Vec<Case> {
    read("bad")
}

/// What no rule may raise an alarm about.
pub fn harmless() -> Vec<Case> {
    read("harmless")
}

/// What a rule must find, written after the rules.
pub fn later() -> Vec<Case> {
    read("later")
}

fn read(folder: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap());
    texts.flat_map(|text| cases(&text)).collect()
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut file: Option<File> = None;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("= ") {
            finish(&mut cases, file.take());
            let (language, name) = title.split_once(": ").unwrap();
            let half = if hash(name).is_multiple_of(2) { Half::Seen } else { Half::HeldOut };
            let (name, language) = (name.to_owned(), language.to_owned());
            let (expected, changes, owners) = (Vec::new(), Vec::new(), None);
            cases.push(Case { name, language, half, expected, changes, owners });
        } else if let Some(rule) = line.strip_prefix("! ") {
            cases.last_mut().unwrap().expected.push(rule.to_owned());
        } else if let Some(header) = line.strip_prefix('@') {
            finish(&mut cases, file.replace(File::new(header)));
        } else if !line.is_empty() {
            file.as_mut().unwrap().push(line);
        }
    }
    finish(&mut cases, file);
    cases
}

fn finish(cases: &mut [Case], file: Option<File>) {
    let Some(file) = file else { return };
    let case = cases.last_mut().unwrap();
    for number in 0..file.copies {
        let change = file.change(number);
        if change.old == change.new {
            case.owners = change.new.and_then(|side| side.text().map(str::to_owned));
        } else {
            case.changes.push(change);
        }
    }
}

/// A file as it is written in a case.
struct File {
    path: String,
    flags: Vec<String>,
    copies: usize,
    old: String,
    new: String,
}

impl File {
    fn new(header: &str) -> Self {
        let (copies, header) = match header.strip_prefix('@') {
            Some(rest) => {
                let (copies, rest) = rest.trim().split_once(' ').unwrap();
                (copies.parse().unwrap(), rest)
            }
            None => (1, header),
        };
        let mut words = header.split_whitespace().map(str::to_owned);
        let path = words.next().unwrap();
        let (old, new) = (String::new(), String::new());
        Self { path, flags: words.collect(), copies, old, new }
    }

    fn push(&mut self, line: &str) {
        let (times, line) = match line.strip_prefix("* ") {
            Some(rest) => {
                let (times, line) = rest.split_once(' ').unwrap();
                (times.parse().unwrap(), line)
            }
            None => (1, line),
        };
        for number in 0..times {
            let text = expand(line.get(1..).unwrap(), number);
            let sides = match line.chars().next().unwrap() {
                '-' => [Some(&mut self.old), None],
                '+' => [None, Some(&mut self.new)],
                ' ' => [Some(&mut self.old), Some(&mut self.new)],
                other => panic!("{other} in {line}"),
            };
            for side in sides.into_iter().flatten() {
                side.push_str(&text);
                side.push('\n');
            }
        }
    }

    fn change(&self, number: usize) -> Change {
        let path = self.path.replace("{n}", &number.to_string());
        let at = |flag: &str| self.flags.iter().position(|given| given == flag);
        let old_path = at("from").map(|from| self.flags[from + 1].clone());
        if let Some(binary) = at("binary") {
            let bytes = binary_of(&self.flags[binary + 1], self.flags[binary + 2].parse().unwrap());
            let side = |bytes: Vec<u8>| {
                let content = Content::Binary(bytes.clone());
                Some(Side { mode: Mode::File, bytes: bytes.len() as u64, content })
            };
            let old = at("changed").and_then(|_| side([&bytes[..], b"old"].concat()));
            return Change { path, old_path, old, new: side(bytes) };
        }
        let side = |text: &str, mode: Mode| {
            let content = Content::Text(text.to_owned());
            (!text.is_empty()).then_some(Side { mode, bytes: text.len() as u64, content })
        };
        let mode = if at("submodule").is_some() { Mode::Submodule } else { Mode::File };
        let now = if at("exec").is_some() { Mode::Executable } else { mode };
        Change { path, old_path, old: side(&self.old, mode), new: side(&self.new, now) }
    }
}

fn binary_of(kind: &str, length: usize) -> Vec<u8> {
    let magic: &[u8] = match kind {
        "elf" => b"\x7fELF\x02\x01\x01\0",
        "zip" => b"PK\x03\x04",
        "png" => b"\x89PNG\r\n\x1a\n",
        "wasm" => b"\0asm\x01\0\0\0",
        "gzip" => b"\x1f\x8b\x08\0",
        "other" => b"\xcb\r\r\n\0\0\0\0",
        unknown => panic!("{unknown}"),
    };
    let mut bytes = magic.to_vec();
    let mut random = fastrand::Rng::with_seed(7);
    bytes.extend((magic.len()..length).map(|_| random.u8(..)));
    bytes
}

/// Puts in the line's number, and text of the kind and length that is asked for.
fn expand(line: &str, number: usize) -> String {
    let mut out = line.replace("{n}", &number.to_string());
    for (kind, letters) in [
        ("{base64:", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
        ("{hex:", "0123456789abcdef"),
        ("{bytes:", ""),
        ("{minified:", "var a=b;if(c){d(e,f)}else{g=h[i]||j};"),
    ] {
        while let Some(start) = out.find(kind) {
            let end = start + out[start..].find('}').unwrap();
            let length: usize = out[start + kind.len()..end].parse().unwrap();
            let mut random = fastrand::Rng::with_seed(length as u64);
            let letters: Vec<char> = letters.chars().collect();
            let random_letter = |_| letters[random.usize(..letters.len())];
            let text: String = match kind {
                "{bytes:" => (0..length).map(|_| format!("{}, ", random.u8(..))).collect(),
                "{minified:" => letters.iter().cycle().take(length).collect(),
                _ => (0..length).map(random_letter).collect(),
            };
            out.replace_range(start..=end, &text);
        }
    }
    out
}

/// FNV-1a, 64 bits.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
