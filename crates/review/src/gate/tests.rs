//! What the gate does as a whole: what it is given, what it says, and what it never says.

use super::*;
use crate::change::{Change, Content, Mode, Side};
use fastrand::Rng;

pub(crate) fn side(content: Content) -> Side {
    let bytes = match &content {
        Content::Text(text) => text.len(),
        Content::Binary(bytes) => bytes.len(),
        Content::Unread(_) => 0,
    };
    Side { mode: Mode::File, bytes: bytes as u64, content }
}

pub(crate) fn changed(path: &str, old: Option<&str>, new: &str) -> Change {
    let text = |text: &str| side(Content::Text(text.to_owned()));
    Change { path: path.to_owned(), old_path: None, old: old.map(text), new: Some(text(new)) }
}

pub(crate) fn added(path: &str, text: &str) -> Change {
    changed(path, None, text)
}

pub(crate) fn binary(path: &str, bytes: &[u8]) -> Change {
    let new = Some(side(Content::Binary(bytes.to_vec())));
    Change { path: path.to_owned(), old_path: None, old: None, new }
}

pub(crate) fn nothing_known() -> Known {
    Known::new([7; 32], []).unwrap()
}

pub(crate) fn judged(changes: &[Change]) -> Vec<Stop> {
    judge(changes, &[], &nothing_known(), &Limits::default())
}

/// The rules that stop, each with its line.
pub(crate) fn rules(changes: &[Change]) -> Vec<String> {
    let line = |stop: &Stop| stop.line.map(|line| format!(":{line}")).unwrap_or_default();
    judged(changes).iter().map(|stop| format!("{}{}", stop.rule, line(stop))).collect()
}

/// A token of a forge, whose checksum does not fit.
fn token(mark: char) -> String {
    ["gh", "p_", &mark.to_string(), "9fK2mQx7LzR4tVb8NcWy3HsJd6GpAe1Uo"].concat() + "5T"
}

fn known(secret: &str) -> Known {
    let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let spellings = vec![secret.as_bytes().to_vec(), hex.into_bytes()];
    Known::new([7; 32], [("DEPLOY_KEY".to_owned(), spellings)]).unwrap()
}

fn with_known(secret: &str, changes: &[Change]) -> Vec<Stop> {
    judge(changes, &[], &known(secret), &Limits::default())
}

#[test]
fn only_what_is_added_stops() {
    let (old, new) = (token('a'), token('b'));
    let before = format!("one\nkey {old}\n");
    assert_eq!(rules(&[changed("a", Some(&before), &format!("{before}two\n"))]), [""; 0]);
    let after = format!("{before}two\nkey {new}\n");
    assert_eq!(rules(&[changed("a", Some(&before), &after)]), ["secret.github-token:4"]);
    let deleted = Change { new: None, ..added("a", &after) };
    assert_eq!(rules(&[Change { old: added("a", &after).new, ..deleted }]), [""; 0]);
}

#[test]
fn a_mark_is_of_one_text_at_one_place_under_one_key() {
    let mark = |path: &str, text: &str| judged(&[added(path, text)]).remove(0).mark;
    let first = mark("a", &token('a'));
    assert_eq!(first, mark("a", &format!("\n\nmoved {}", token('a'))));
    assert_ne!(first, mark("a", &token('b')));
    assert_ne!(first, mark("b", &token('a')));
    let turned = mark("a.py", "ok = 1 # \u{202e} seen");
    assert_eq!(turned, mark("a.py", "\nok = 1 # \u{202e} seen"));
    assert_ne!(turned, mark("a.py", "ok = 1 # \u{202e} not seen"));
    let other = Known::new([8; 32], []).unwrap();
    let stops = judge(&[added("a", &token('a'))], &[], &other, &Limits::default());
    assert_ne!(first, stops[0].mark);
}

#[test]
fn a_stop_never_holds_the_secret() {
    let secret = "tr0ub4dor and three";
    let own = token('a');
    let (hex, path) = (known(secret), format!("keys/{secret}.txt"));
    let text = format!("{own}\n{secret}\npassword = \"x{secret}9!Q\"\u{202e}");
    let message = Message { commit: "0123456789abcdef".to_owned(), text: text.clone() };
    let stops = judge(&[added(&path, &text)], &[message], &hex, &Limits::default());
    assert!(stops.len() >= 6, "{stops:#?}");
    for stop in &stops {
        let said = format!("{stop:?}");
        assert!(!said.contains(secret) && !said.contains(&own[..8]), "{said}");
    }
    assert_eq!(stops.iter().find_map(|stop| stop.path.clone()).unwrap(), "keys/….txt");
}

#[test]
fn known_values_are_found_in_text_bytes_paths_and_messages() {
    let secret = "correct horse 9";
    let rules = |change: Change| -> Vec<_> {
        let stops = with_known(secret, &[change]);
        stops.iter().map(|stop| (stop.rule.clone(), stop.line)).collect()
    };
    let stop = |line| vec![("secret.known".to_owned(), line)];
    assert_eq!(rules(added("a", &format!("x\n  let k = '{secret}';"))), stop(Some(2)));
    assert_eq!(rules(added(secret, "")), stop(None));
    let bytes = [&[0, 159, 146], secret.as_bytes(), &[0]].concat();
    assert_eq!(rules(binary("a", &bytes)), stop(None));
    let there =
        Change { old: binary("a", &bytes).new, ..binary("a", &[&bytes[..], b"x"].concat()) };
    assert_eq!(rules(there), []);
    assert_eq!(rules(added("a", "correct horse 8")), []);
    let message = Message { commit: "c0ffee".to_owned(), text: format!("Fix\n\n{secret}") };
    let stops = judge(&[], &[message], &known(secret), &Limits::default());
    assert_eq!((stops.len(), stops[0].line), (1, Some(3)));
    assert!(stops[0].why.contains("DEPLOY_KEY") && stops[0].why.contains("c0ffee"), "{stops:?}");
}

#[test]
fn known_values_are_found_across_the_ends_of_lines() {
    let secret = ["0a1b2c3d4e5f6071", "8293a4b5c6d7e8f9"].concat();
    let (secret, (first, second)) = (secret.as_str(), secret.split_at(13));
    for text in [
        format!("{first}\n{second}"),
        format!("key: |\n  {first}\r\n  {second}\n"),
        format!("const K = \"{first}\" +\n    \"{second}\";"),
        format!("# {first}\n# {second}"),
        format!("K=({first}\\\n{second})"),
    ] {
        let stops = with_known(secret, &[added("a", &text)]);
        assert_eq!(stops.len(), 1, "{text}");
    }
    // One half was there, the other comes.
    let change = changed("a", Some(&format!("{first}\n")), &format!("{first}\n{second}\n"));
    assert_eq!(with_known(secret, &[change])[0].line, Some(2));
    let change =
        changed("a", Some(&format!("{first}\n{second}\n")), &format!("{first}\n{second}\nx\n"));
    assert_eq!(with_known(secret, &[change]), []);
}

#[test]
fn another_encoding_hides_nothing() {
    let text = format!("key {}\r\n", token('a'));
    let latin = [b"caf\xe9\n", text.as_bytes()].concat();
    assert_eq!(rules(&[binary("a", &latin)]), ["secret.github-token:2"]);
    let little = text.encode_utf16().flat_map(u16::to_le_bytes);
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(little).collect();
    assert_eq!(rules(&[binary("a.ps1", &wide)]), ["secret.github-token:1"]);
}

#[test]
fn a_submodule_and_what_did_not_change_are_left_alone() {
    let mut module = added("lib", &token('a'));
    module.new.as_mut().unwrap().mode = Mode::Submodule;
    assert_eq!(rules(&[module]), [""; 0]);
    let text = format!("{}\u{202e}", token('a'));
    assert_eq!(rules(&[changed("a", Some(&text), &text)]), [""; 0]);
}

#[test]
fn size_stops_files_and_diffs() {
    let limits = Limits { file_bytes: 10, diff_files: 2, diff_bytes: 25 };
    let rules = |changes: &[Change]| -> Vec<_> {
        let stops = judge(changes, &[], &nothing_known(), &limits);
        stops.into_iter().map(|stop| stop.rule).collect()
    };
    let fits = [added("a", "0123456789"), added("b", "0123456789")];
    assert_eq!(rules(&fits), [""; 0]);
    assert_eq!(rules(&[added("a", "0123456789!")]), ["size.file"]);
    let many = ["a", "b", "c"].map(|path| added(path, "0123456789"));
    assert_eq!(rules(&many), ["size.files", "size.diff"]);
    let unread = |name: &str| {
        let mut unread = added("a", "");
        unread.new = Some(Side { bytes: 9, ..side(Content::Unread(name.to_owned())) });
        [unread]
    };
    assert_eq!(rules(&unread("b1")), ["size.unread"]);
    // Of the same size, and not the same.
    let mark = |changes: &[Change]| judge(changes, &[], &nothing_known(), &limits).remove(0).mark;
    assert_ne!(mark(&unread("b1")), mark(&unread("b2")));
    assert_ne!(mark(&[added("a", "0123456789!")]), mark(&[added("a", "0123456789?")]));
    let other = ["a", "b", "c"].map(|path| added(path, "9876543210"));
    assert_ne!(mark(&many), mark(&other));
    assert_eq!(mark(&many), mark(&many));
    let defaults = Limits::default();
    assert_eq!((defaults.file_bytes, defaults.diff_bytes), (50 << 20, 200 << 20));
}

#[test]
fn of_very_many_stops_none_is_lost() {
    let text = |last: &str| {
        let lines =
            (0..LISTED_STOPS + 50).map(|n| format!("n{n}\u{202e}{}\n", "\u{202e}".repeat(n)));
        lines.collect::<String>() + last
    };
    let stops = judged(&[added("a", &text(""))]);
    assert_eq!(stops.len(), LISTED_STOPS + 1);
    let last = stops.last().unwrap();
    assert_eq!((last.rule.as_str(), &last.why[..7]), ("more", "50 more"));
    assert_ne!(judged(&[added("a", &text("\u{200b}"))]).last().unwrap().mark, last.mark);
}

#[test]
fn any_bytes_are_judged() {
    let mut rng = Rng::with_seed(3);
    let words = [
        "\u{202e}",
        "ghp_",
        "password = \"",
        "-----BEGIN PRIVATE KEY-----",
        "eyJ",
        "://",
        ":",
        "@",
        "\n",
        "é",
        "\u{fe0f}",
        "\u{455}",
        ".git",
        "/",
        "..",
        "\0",
        "\u{feff}",
    ];
    for _ in 0..400 {
        let text: String = (0..rng.usize(0..60))
            .map(|_| {
                if rng.bool() {
                    words[rng.usize(0..words.len())].to_owned()
                } else {
                    rng.char(..).to_string()
                }
            })
            .collect();
        let bytes: Vec<u8> = (0..rng.usize(0..300)).map(|_| rng.u8(..)).collect();
        let mut link = added(&text, &text);
        link.new.as_mut().unwrap().mode = Mode::Symlink;
        let message = Message { commit: text.clone(), text: text.clone() };
        let changes = [link, changed("b", Some(&text), &text.repeat(2)), binary("c", &bytes)];
        let stops = judge(&changes, &[message], &known("secret"), &Limits::default());
        assert_eq!(
            stops,
            judge(
                &changes,
                &[Message { commit: text.clone(), text }],
                &known("secret"),
                &Limits::default()
            )
        );
    }
}

/// Bytes of a text that repeats itself.
const REPEATED_BYTES: usize = 200_000;

/// Were the work to grow with the square of the size, this would not end within the time that a test has.
#[test]
fn long_hostile_repeats_are_judged_to_their_end() {
    for part in [
        "password=",
        "a://b:c",
        "sk-",
        "-----BEGIN PRIVATE KEY-----\n",
        "eyJaaaaaaaaaaaa.eyJ",
        "\u{455}c ",
        "\u{202e}",
        "aws secret ",
        "authorization: bearer ",
        "curl -u ",
        "\"",
        "x\n",
        "glpat-aaaaaaaaaaaaaaaaaaaaa",
        "e\u{301}",
    ] {
        let text = part.repeat(REPEATED_BYTES / part.len());
        judged(&[added("a.rs", &text), added("b.env", &text)]);
    }
}
