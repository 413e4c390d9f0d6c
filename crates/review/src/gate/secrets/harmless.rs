//! Values that stand where a secret will stand, and open nothing.

use super::check;
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Words of templates and documentation, in small letters; chance hardly spells one of them.
const WORDS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "dummy",
    "redacted",
    "xxxx",
    "your_",
    "your-",
    "yourtoken",
    "yourkey",
    "yourpassword",
    "yoursecret",
    "not-a-",
    "not_a_",
    "notasecret",
    "replace",
    "insert",
    "sample",
    "****",
    "....",
    "${",
    "{{",
    "}}",
    "$(",
    "<%",
    "%(",
    "deadbeef",
    "0123456789",
    "1234567890",
    "abcdefghij",
    "foobar",
    "todo",
    "…",
    "fake",
    // What the documents show that define these tokens.
    "2yotnfzfejr1z",
    "tgzv3jokf0xg5",
    "czzcagrsa3f0mz",
];
/// What passwords of tests and templates are made of.
const PLAIN: &[&str] = &[
    "test",
    "pass",
    "secret",
    "admin",
    "hunter2",
    "qwerty",
    "letmein",
    "1234",
    "default",
    "token",
    "user",
    "root",
    "postgres",
    "mysql",
    "guest",
    "swordfish",
    "correct",
    "staple",
    "mock",
    "bogus",
    "wrong",
    "invalid",
    "valid",
    "value",
    "string",
    "hello",
    "demo",
    "temp",
    "local",
    "dev",
    "null",
    "undefined",
    "none",
    "credential",
    "bearer",
    "key",
    "name",
    "expected",
    "random",
    "foo",
    "bar",
    "baz",
    "abc",
    "xyz",
    "some",
    "my-",
    "my_",
    "the_",
    "old",
    "new",
    "first",
    "second",
    "anything",
];

static STAND_IN: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| finder(WORDS));
static PLAIN_WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| finder(PLAIN));

fn finder(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
}

fn holds(finder: &Option<AhoCorasick>, value: &str) -> bool {
    finder.as_ref().is_some_and(|finder| finder.is_match(value))
}

/// Whether a value says that it only stands for one, or repeats itself as none does by chance.
pub(super) fn is_stand_in(value: &str) -> bool {
    holds(&STAND_IN, value) || has_run(value, 7)
}

/// Whether a value that has no shape is one that people write into tests and templates, or names where the secret is.
pub(super) fn is_plain(value: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphabetic() || "_-./ :".contains(c);
    (holds(&PLAIN_WORDS, value) && !is_strong(value))
        || is_stand_in(value)
        || has_run(value, 4)
        || value
            .starts_with(['$', '<', '%', '{', '[', '(', '@', '#', '&', '!', '/', '~', '*', '\\'])
        || (value.chars().all(is_word) && !check::is_shuffled(value))
        || is_uuid(value)
}

/// Whether a value is mixed as a strong password, or so long and random that a short word in it is chance.
fn is_strong(value: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_punctuation() && !b"_-./:".contains(&byte);
    let is_long = value.len() >= 24
        && check::entropy(value) >= 4.0
        && value.bytes().filter(u8::is_ascii_digit).count() >= 3;
    check::is_mixed(value) && (is_long || value.bytes().any(is_sign))
}

fn has_run(value: &str, least: usize) -> bool {
    let (mut last, mut run) = (None, 0);
    value.bytes().any(|byte| {
        run = if last == Some(byte) { run + 1 } else { 1 };
        last = Some(byte);
        run >= least
    })
}

fn is_uuid(value: &str) -> bool {
    let parts: Vec<_> = value.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && value.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Whether a file lists what was fetched, with sums that look like chance.
pub(super) fn is_lock_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    const NAMES: &[&str] =
        &["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.sum", "deno.lock"];
    NAMES.contains(&name) || name.ends_with(".lock") || name.ends_with(".lockfile")
}

/// Whether a file is there to be tried out, where passwords are made up.
pub(super) fn is_trial(path: &str) -> bool {
    const PARTS: &[&str] =
        &["test", "spec", "fixture", "mock", "example", "sample", "fake", "e2e", "bench", "docs"];
    let lower = path.to_ascii_lowercase();
    let is_prose = [".md", ".rst", ".adoc", ".txt"].iter().any(|end| lower.ends_with(end));
    // `latest` is no test, and `LoginTest` is one.
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    is_prose
        || words.any(|word| PARTS.iter().any(|part| word.starts_with(part)))
        || ["Test", "Spec", "Mock", "Fake"].iter().any(|part| path.contains(part))
}
