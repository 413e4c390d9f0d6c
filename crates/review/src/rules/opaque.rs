//! What a person cannot read: binaries, packed and encoded code, names that deceive.

use super::file::{File, Kind, Pattern, Patterns, regex};
use crate::change::{Content, Line, Mode, Side};
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::sync::LazyLock;

/// Characters of a line of code above which nobody reads it.
const LONG_LINE: usize = 1_000;
/// Bytes of a picture above which somebody is told.
const PICTURE_BYTES: u64 = 1024 * 1024;

/// Bytes of a test's data above which somebody is told.
const FIXTURE_BYTES: u64 = 64 * 1024;

const PICTURES: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "webp", "ico", "bmp", "avif", "tiff", "woff", "woff2", "ttf",
    "otf", "eot", "mp3", "mp4", "webm", "ogg", "wav", "pdf", "icns", "heic",
];
const DOCUMENTS: &[&str] = &["docx", "xlsx", "pptx", "odt", "ods", "odp"];

static PACKED: LazyLock<Patterns> = LazyLock::new(|| {
    const WHY: &str =
        "this code was packed so that it cannot be read, and it runs. Ask for the source";
    Patterns::new(&[
        Pattern {
            rule: "packed-code",
            severity: Severity::High,
            regex: r"(?i)\b(eval|exec|Function|setTimeout|execScript|compile|instance_eval|assert|create_function|Invoke-Expression|iex|loadstring|defineClass)\s*\(?.{0,80}\b(atob|unescape|decodeURIComponent|fromCharCode|b64decode|base64_decode|base64\.decode\w*|decompress|inflate|gzinflate|fromhex|unhexlify|marshal\.loads|codecs\.decode|bytes\.fromhex|rot13|rot_13|FromBase64String|Buffer\.from|a85decode|getDecoder|function\s*\(\s*p\s*,\s*a\s*,\s*c)",
            why: WHY,
        },
        Pattern {
            rule: "packed-code",
            severity: Severity::High,
            regex: r"_0x[0-9a-f]{4,}.*_0x[0-9a-f]{4,}.*_0x[0-9a-f]{4,}|fromCharCode\(\s*(0x[0-9a-f]+|\d{1,3})(\s*,\s*(0x[0-9a-f]+|\d{1,3})){9,}|(\\x[0-9a-fA-F]{2}){12,}|(\\u00[0-9a-fA-F]{2}){12,}|(chr\(\d+\)\s*[+.]\s*){6,}|\[\]\[\(!\[\]\+\[\]\)",
            why: WHY,
        },
        Pattern {
            rule: "packed-code",
            severity: Severity::High,
            regex: r"(?i)\b__import__\(.{0,60}(b64decode|decode\()|importlib.{0,40}(b64decode|fromhex)|getattr\(\s*__builtins__|require\(\s*(Buffer|atob|\[)|(process|global|window|globalThis)\s*\[\s*.{0,20}(atob|fromCharCode|\\x)",
            why: WHY,
        },
    ])
});
static BASE64: LazyLock<Regex> = LazyLock::new(|| regex(r"[A-Za-z0-9+/_-]{160,}={0,2}"));
static HEX: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)[0-9a-f]{200,}|(0x[0-9a-f]{2},\s*){100,}|(\\x[0-9a-f]{2}){60,}|(\d{1,3},\s*){200,}")
});
static WORD: LazyLock<Regex> = LazyLock::new(|| regex(r"[\p{L}\p{N}_]{2,64}"));

pub(crate) fn find(files: &[File<'_>]) -> Vec<Finding> {
    files.iter().filter(|file| !file.is_deleted()).flat_map(look).collect()
}

fn found(
    file: &File<'_>,
    rule: &'static str,
    severity: Severity,
    line: Option<u32>,
    why: impl Into<String>,
) -> Finding {
    file.found(Family::Opaque, rule, severity, line, why)
}

fn look(file: &File<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = binary(file).into_iter().chain(mode(file)).collect();
    if !matches!(file.kind, Kind::Code | Kind::Settings)
        && !matches!(file.ending.as_str(), "html" | "htm" | "svg")
    {
        return findings;
    }
    // Data is not run; its escapes are how it spells what cannot be typed.
    if !file.ending.starts_with("json") {
        findings.extend(PACKED.find(Family::Opaque, file));
    }
    if file.kind == Kind::Code {
        findings.extend(blob(file));
        findings.extend(long(file));
        findings.extend(deceiving(file));
    }
    findings
}

/// What its first bytes say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Program,
    Archive,
    Other,
}

fn form(bytes: &[u8]) -> Form {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let macho = [
        [0xfe, 0xed, 0xfa, 0xce],
        [0xfe, 0xed, 0xfa, 0xcf],
        [0xce, 0xfa, 0xed, 0xfe],
        [0xcf, 0xfa, 0xed, 0xfe],
    ];
    if starts(b"\x7fELF")
        || starts(b"MZ")
        || starts(b"\0asm")
        || starts(&[0xca, 0xfe, 0xba, 0xbe])
        || starts(b"!<arch>")
        || starts(b"dex\n")
        || macho.iter().any(|magic| starts(magic))
    {
        return Form::Program;
    }
    let archives: [&[u8]; 8] = [
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"\xfd7zXZ",
        b"BZh",
        b"7z\xbc\xaf",
        b"Rar!",
        b"\x28\xb5\x2f\xfd",
        b"\xed\xab\xee\xdb",
    ];
    let tar = bytes.get(257..262) == Some(b"ustar");
    if tar || archives.iter().any(|magic| starts(magic)) { Form::Archive } else { Form::Other }
}

fn binary(file: &File<'_>) -> Option<Finding> {
    let new = file.change.new.as_ref()?;
    let kilobytes = new.bytes.div_ceil(1024);
    let bytes = match (&new.content, new.mode) {
        (_, Mode::Symlink | Mode::Submodule)
        | (Content::Text(_), Mode::File | Mode::Executable) => return None,
        (Content::Unread(_), Mode::File | Mode::Executable) => {
            let why = format!(
                "a file of {kilobytes} KiB is too large to be looked at. Look whether it belongs here"
            );
            return Some(found(file, "binary-added", Severity::Notice, None, why));
        }
        (Content::Binary(bytes), Mode::File | Mode::Executable) => bytes,
    };
    let (ending, form) = (file.ending.as_str(), form(bytes));
    let (rule, severity, what) = match form {
        Form::Program => ("executable-file", Severity::High, "a program"),
        Form::Archive if !DOCUMENTS.contains(&ending) => {
            ("vendored-archive", Severity::Warning, "an archive")
        }
        Form::Archive | Form::Other
            if matches!(
                ending,
                "exe" | "dll" | "so" | "dylib" | "bin" | "com" | "msi" | "class" | "wasm" | "node"
            ) =>
        {
            ("executable-file", Severity::High, "a program")
        }
        Form::Archive | Form::Other
            if (PICTURES.contains(&ending) || DOCUMENTS.contains(&ending))
                && new.bytes <= PICTURE_BYTES =>
        {
            ("binary-added", Severity::Info, "a picture or document")
        }
        Form::Other if file.is_test && new.bytes <= FIXTURE_BYTES => {
            ("binary-added", Severity::Info, "data of a test")
        }
        Form::Archive | Form::Other => ("binary-added", Severity::Notice, "bytes"),
    };
    let why = format!(
        "{what} of {kilobytes} KiB that this diff cannot show. Ask where it comes from, or build it from source"
    );
    Some(found(file, rule, severity, None, why))
}

fn mode(file: &File<'_>) -> Option<Finding> {
    let of = |side: &Option<Side>| side.as_ref().map(|side| side.mode);
    let becomes =
        of(&file.change.old) == Some(Mode::File) && of(&file.change.new) == Some(Mode::Executable);
    let script = matches!(file.ending.as_str(), "sh" | "bash" | "py" | "rb" | "pl")
        || file.name == "gradlew"
        || file.name == "mvnw";
    let severity = if script { Severity::Info } else { Severity::Notice };
    let why = "this file may be run from now on. Look whether it should";
    becomes.then(|| found(file, "mode-executable", severity, None, why))
}

/// Whether the text looks random rather than written.
fn is_random(text: &str) -> bool {
    let any = |of: fn(&char) -> bool| text.chars().take(400).filter(of).count();
    any(|c| c.is_ascii_digit()) > 8
        && any(|c| c.is_ascii_uppercase()) > 16
        && any(|c| c.is_ascii_lowercase()) > 16
}

fn blob(file: &File<'_>) -> Option<Finding> {
    let shown = |line: &str| {
        line.contains("data:image/")
            || line.contains("data:font/")
            || line.contains("sha512-")
            || line.contains("integrity")
    };
    let encoded = |line: &&Line<'_>| {
        line.text.len() >= 160
            && (HEX.is_match(line.text)
                || BASE64.find_iter(line.text).any(|found| is_random(found.as_str())))
            && !shown(line.text)
    };
    let line = file.lines.added.iter().find(encoded)?;
    let severity = if file.is_test { Severity::Notice } else { Severity::Warning };
    let why = format!(
        "encoded text stands in code where nobody can read it: `{}`. Keep data in a file of its own, with its origin",
        quote(line.text)
    );
    Some(found(file, "encoded-blob", severity, Some(line.number), why))
}

fn long(file: &File<'_>) -> Option<Finding> {
    let minified = file.name.contains(".min.");
    let line = file
        .lines
        .added
        .iter()
        .find(|line| line.text.len() > LONG_LINE)
        .or_else(|| file.lines.added.first().filter(|_| minified))?;
    let why = format!(
        "a line of {} characters, which nobody reads. Keep the source, and make this from it",
        line.text.len()
    );
    Some(found(file, "long-line", Severity::Notice, Some(line.number), why))
}

/// Letters of other alphabets that look like ours.
fn is_double(c: char) -> bool {
    matches!(c, '\u{ff21}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}')
        || "аеорсухіјѕһԁԛԝѵАВЕЅЗІЈКМНОРСТУХҮԚԜοαρνικτυχγωςΑΒΕΖΗΙΚΜΝΟΡΤΥΧɑɡɩⅼℓ".contains(c)
}

fn deceiving(file: &File<'_>) -> Option<Finding> {
    let mixed =
        |word: &str| word.chars().any(is_double) && word.chars().any(|c| c.is_ascii_alphabetic());
    let line = file.lines.added.iter().find(|line| {
        !line.text.is_ascii() && WORD.find_iter(line.text).any(|word| mixed(word.as_str()))
    })?;
    let word = WORD.find_iter(line.text).find(|word| mixed(word.as_str()))?;
    let shown: String = word
        .as_str()
        .chars()
        .flat_map(|c| {
            if c.is_ascii() { c.to_string() } else { format!("<U+{:04X}>", u32::from(c)) }
                .chars()
                .collect::<Vec<_>>()
        })
        .collect();
    let why = format!(
        "the name `{}` mixes alphabets and reads like another one. Write it with one alphabet",
        quote(&shown)
    );
    Some(found(file, "mixed-script-identifier", Severity::Warning, Some(line.number), why))
}
