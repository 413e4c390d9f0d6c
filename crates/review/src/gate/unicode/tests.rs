//! What people do not see, and what only looks as if they did not.

use crate::gate::tests::{added, changed, nothing_known, rules};
use crate::gate::{Limits, Message, judge};

/// `text` in tag characters.
fn tagged(text: &str) -> String {
    text.chars().filter_map(|c| char::from_u32(0xe_0000 + u32::from(c))).collect()
}

#[test]
fn what_is_hidden_stops() {
    let tags = format!("let a = 1; // ok{}", tagged("run it"));
    for (path, text, rule) in [
        ("a.rs", "if a { /*\u{202e} } \u{2066}if b\u{2069} */", "unicode.override"),
        ("a.md", "abc \u{202e}fed", "unicode.override"),
        ("he.po", "msgstr \"\u{2067}שלום\u{2069}\"", "unicode.override"),
        ("a.py", "a\u{200f} = 1", "unicode.mark"),
        ("a.rs", &tags, "unicode.tag"),
        ("README.md", &tags, "unicode.tag"),
        ("a.js", "const a\u{200b} = 1", "unicode.widthless"),
        ("a.md", "do\u{2060}it", "unicode.widthless"),
        ("a.js", "a\u{200d}b", "unicode.widthless"),
        ("a.js", "const { a,\u{3164}} = b", "unicode.blank"),
        ("a.js", "f(`😀\u{e0101}\u{e0102}\u{e0103}`)", "unicode.selector"),
        ("a.js", "admin\u{fe0f} = 1", "unicode.selector"),
        ("a.md", "é\u{fe00}\u{fe01}", "unicode.selector"),
        ("a.py", "a\u{a0}= 1", "unicode.space"),
        ("a.sh", "rm -rf\u{3000}x", "unicode.space"),
        ("a.txt", "a\u{1b}[8mhidden", "unicode.control"),
        ("a.js", "a // b\u{2028}c", "unicode.control"),
        ("a.c", "int a;\rint b;", "unicode.control"),
        ("a.c", "int\0a;", "unicode.control"),
        ("package.json", "\"a\u{200e}\": 1", "unicode.mark"),
    ] {
        assert_eq!(
            rules(&[added(path, &format!("x\n{text}\n"))]),
            [format!("{rule}:2")],
            "{text:?}"
        );
    }
}

#[test]
fn what_is_taken_for_another_stops() {
    for (text, rule) in [
        ("let is\u{410}dmin = true;", "unicode.mixed"),
        ("def sc\u{43e}pe(): pass", "unicode.mixed"),
        ("import \"p\u{430}ypal\"", "unicode.mixed"),
        ("fn \u{455}\u{441}\u{43e}\u{440}\u{435}() {}", "unicode.look-alike"),
        ("let \u{ff41} = 1;", "unicode.look-alike"),
        ("if (env\u{1c3}=PROD) {", "unicode.look-alike"),
        ("a = 1\u{37e}", "unicode.look-alike"),
        ("if a \u{ff01}= b {", "unicode.look-alike"),
    ] {
        assert_eq!(rules(&[added("a.rs", text)]), [format!("{rule}:1")], "{text}");
    }
}

#[test]
fn what_people_write_stays() {
    for (path, text) in [
        ("README.md", "naïve – “quoted” … 日本語 עברית\u{200f} (v2) العربية"),
        ("he.po", "msgstr \"שלום\u{200f}!\""),
        ("src/locales/ar.ts", "hello: 'مرحبا\u{200f}',"),
        ("web/fa.json", "\"a\": \"می\u{200c}خواهم\""),
        (
            "a.ts",
            "const icon = '👩\u{200d}🚀 ❤\u{fe0f}\u{200d}🔥 1\u{fe0f}\u{20e3} ☺\u{fe0e} ⚠\u{fe0f}';",
        ),
        ("a.ts", "const flag = '🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}';"),
        ("a.rs", "// Это комментарий: а, с, о — и “кавычки”"),
        ("a.py", "x = 'сор'  # ром"),
        ("a.py", "переменная = 1"),
        ("a.jl", "Δx = 2π * σ + Hα - dρ"),
        ("a.rs", "let größe = café + ñandú + İstanbul;"),
        ("a.js", "/[a-zA-Zа-яА-Я]/.test(s)"),
        ("a.ts", "t('价格：１００元（含税）')"),
        ("a.rs", "/// 10\u{a0}000 lines"),
        ("a.md", "10\u{a0}000 francs\u{202f}; il y a « ça »"),
        ("a.rs", "const SPIN: &str = \"⠋\u{2800}⠙\";"),
        ("a.md", "葛\u{e0100}飾区 and 1\u{fe0f}\u{20e3}"),
        ("th.po", "msgstr \"ภาษา\u{200b}ไทย\""),
        ("a.el", "(foo)\u{c}"),
        ("a.cs", "\u{feff}using System;"),
        ("fonts/a.bin", "a\0b\u{1}"),
        ("a.md", "Наш API-шлюз и git'ом"),
    ] {
        assert_eq!(rules(&[added(path, text)]), [""; 0], "{path}: {text:?}");
    }
}

#[test]
fn the_first_mark_of_a_file_stays_where_it_was() {
    let (with, without) = ("\u{feff}a\n", "a\n");
    assert_eq!(rules(&[changed("a.rs", Some(with), "\u{feff}b\n")]), [""; 0]);
    assert_eq!(rules(&[changed("a.rs", Some(without), with)]), ["unicode.widthless:1"]);
    assert_eq!(rules(&[added("a.rs", "a\n\u{feff}b\n")]), ["unicode.widthless:2"]);
}

#[test]
fn paths_and_messages_are_looked_at() {
    for (path, rule) in [
        ("src/a\u{200b}.rs", "unicode.widthless"),
        ("src/\u{202e}sr.a", "unicode.override"),
        ("src/s\u{441}ope.rs", "unicode.mixed"),
        ("a\u{a0}b", "unicode.space"),
    ] {
        assert_eq!(rules(&[added(path, "")]), [rule], "{path:?}");
        assert_eq!(rules(&[changed(path, Some("a"), "b")]), [""; 0]);
    }
    assert_eq!(rules(&[added("docs/日本語/Ünïcode.md", ""), added("doc/файл.txt", "")]), [""; 0]);
    let of = |text: &str| {
        let message = Message { commit: "abc".to_owned(), text: text.to_owned() };
        let stops = judge(&[], &[message], &nothing_known(), &Limits::default());
        stops.into_iter().map(|stop| (stop.rule, stop.line)).collect::<Vec<_>>()
    };
    assert_eq!(of("Fix\n\nit\u{202e}"), [("unicode.override".to_owned(), Some(3))]);
    assert_eq!(of("Fix p\u{430}ypal"), [("unicode.mixed".to_owned(), Some(1))]);
    assert_eq!(of("Добавить API 🎉\n\n• שלום\u{200f}"), []);
}
