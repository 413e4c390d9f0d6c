//! Finds what should not leave this computer: private keys, keys of well-known services, and files
//! that by their name hold such.
//!
//! It finds what has a known shape. A password in a sentence has none.

use regex::bytes::{Regex, RegexSet};

/// Bytes of a file that are looked at; keys stand in small files.
pub const LOOKED_AT_BYTES: u64 = 2 * 1024 * 1024;

/// What keys look like, and whose they are.
const SHAPES: [(&str, &str); 14] = [
    ("a private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ("a key of AWS", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a token of GitHub", r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
    ("a token of GitHub", r"\bgithub_pat_[A-Za-z0-9_]{60,}"),
    ("a token of GitLab", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("a token of Slack", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a key of Stripe", r"\b[rs]k_live_[A-Za-z0-9]{20,}"),
    ("a key of Google", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("a key of Anthropic", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("a key of OpenAI", r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{40,}"),
    ("a token of npm", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a token of PyPI", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}"),
    ("a key of SendGrid", r"\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{40,}"),
    (
        "a password in an address",
        r"\b[a-z][a-z0-9+]{1,15}://[^/\s:@'\x22$<{]{1,64}:[^/\s:@'\x22$<{]{6,128}@[A-Za-z0-9]",
    ),
];

/// Names of files that hold secrets.
const NAMES: [&str; 11] = [
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".netrc",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    ".pgpass",
    ".dockercfg",
    "credentials.csv",
];
/// Ends of such names.
const ENDS: [&str; 6] = [".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk"];
/// Files beside `.env` that show how one is written.
const SAMPLES: [&str; 5] = [".example", ".sample", ".template", ".dist", ".defaults"];

/// Something that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Which file.
    pub path: String,
    /// Which line, from 1; none: the file by its name.
    pub line: Option<usize>,
    /// What it looks like.
    pub what: &'static str,
}

/// The shapes, ready to be looked for.
pub struct Secrets {
    any: RegexSet,
    each: Vec<Regex>,
}

impl Secrets {
    /// Prepares the shapes.
    pub fn new() -> Result<Self, regex::Error> {
        let each = SHAPES.iter().map(|(_, shape)| Regex::new(shape)).collect::<Result<_, _>>()?;
        Ok(Self { any: RegexSet::new(SHAPES.map(|(_, shape)| shape))?, each })
    }

    /// What a file's name says.
    pub fn in_name(&self, path: &str) -> Option<Finding> {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let is_env = name == ".env" || name.starts_with(".env.");
        let is_sample = SAMPLES.iter().any(|end| name.ends_with(end));
        let held = NAMES.contains(&name.as_str()) || ENDS.iter().any(|end| name.ends_with(end));
        let what = "a file that holds secrets by its name";
        ((is_env && !is_sample) || held).then(|| Finding {
            path: path.to_owned(),
            line: None,
            what,
        })
    }

    /// What a file's content shows: the first of each shape.
    pub fn in_content(&self, path: &str, content: &[u8]) -> Vec<Finding> {
        let matched = self.any.matches(content);
        let found = matched.iter().filter_map(|number| {
            let at = self.each.get(number)?.find(content)?.start();
            let before = content.get(..at).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let (what, _) = SHAPES.get(number)?;
            Some(Finding { path: path.to_owned(), line: Some(line), what })
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_with_their_line() {
        let secrets = Secrets::new().unwrap();
        // Put together here, so that no tool takes this file for a leak.
        for (head, tail) in [
            ("AKIA", "ABCDEFGHIJKLMNOP"),
            ("ghp_", "abcdefghijklmnopqrstuvwxyz0123456789"),
            ("-----BEGIN RSA PRIVATE", " KEY-----"),
            ("sk-ant-", "REDACTED-api03-REDACTED"),
            ("postgres://user:", "hunter22@db.example/x"),
        ] {
            let text = format!("first\nkey = \"{head}{tail}\"\n");
            let found = secrets.in_content("a/b", text.as_bytes());
            assert_eq!(found.first().and_then(|finding| finding.line), Some(2), "{head}");
        }
        for fine in [
            "sk-short",
            "AKIAlowercase",
            "https://user@host/x",
            "http://a:${PASS}@h",
            "-----BEGIN PUBLIC KEY-----",
        ] {
            assert_eq!(secrets.in_content("a", fine.as_bytes()), [], "{fine}");
        }
    }

    #[test]
    fn names_tell_as_well() {
        let secrets = Secrets::new().unwrap();
        for bad in [".env", "deep/.env.production", "ID_RSA", "x/cert.p12", ".netrc"] {
            assert!(secrets.in_name(bad).is_some(), "{bad}");
        }
        for fine in
            [".env.example", ".env.local.sample", "env", "id_rsa.pub", "src/.envrc.md", "a.pem"]
        {
            assert!(secrets.in_name(fine).is_none(), "{fine}");
        }
    }
}
