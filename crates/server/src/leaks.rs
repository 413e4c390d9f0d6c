//! Looks for secrets in what is kept for others: the values of an agent's variables, as they are and as programs
//! commonly write them, on the disk with which other agents shall begin.
//!
//! Which variables of an agent are secret is not said anywhere, so it is told from them: a name with a word for it, the shape of
//! a well-known token, an address with a password. Others (`NODE_ENV=production`) stand in every other file.

use crate::app::App;
use crate::secrets::{self, Phase};
use agent::state::Living;
use anyhow::{Context, Result};
use gateway::spelling::{LEAST_BYTES, spellings};
use protocol::ids::{AgentId, LayerId, OrgId};
use sandbox::provider::{Found, Needle};

/// Bytes of it that are looked for, from its middle: what keys begin and end with is the same for all.
const MOST_BYTES: usize = 128;
/// Parts of names that tell of a secret.
const WORDS: [&str; 11] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "PRIVATE",
    "KEY",
    "AUTH",
    "COOKIE",
    "WEBHOOK",
];
/// How well-known tokens begin.
const BEGINNINGS: [&str; 16] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "sk-",
    "sk_live_",
    "rk_live_",
    "xox",
    "AKIA",
    "npm_",
    "pypi-",
    "eyJ",
    "-----BEGIN",
];
/// Where values of an agent's variables lie in what its disk was given since it began.
pub async fn found(
    app: &App,
    (org, agent): (&OrgId, AgentId),
    layer: LayerId,
    living: &Living,
) -> Result<Vec<Found>> {
    let below = &living.settings.layers;
    let variables = app.variables(org, agent).await?;
    let mut needles: Vec<_> =
        variables.iter().flat_map(|(name, value)| needles(name, value)).collect();
    let held = secrets::of_agent(app, org, living, Phase::Any).await?;
    for held in held.iter().filter(|held| held.is_hidden()) {
        needles.extend(spelled(&held.name, held.value.expose()));
    }
    if needles.is_empty() {
        return Ok(Vec::new());
    }
    app.provider.search(layer, org, below, needles).await.context("look for secrets")
}

/// What a person is told.
pub fn words(found: &[Found]) -> String {
    let places: Vec<_> =
        found.iter().map(|Found { name, path }| format!("{name} in {}", shown(path))).collect();
    format!(
        "the disk holds the values of variables of this agent: {}. Remove them and keep the machine again, or keep \
         it as it is (`errand snapshot --with-secrets`)",
        places.join(", ")
    )
}

/// A path of a disk's folder as it is inside.
pub fn shown(path: &str) -> String {
    match path.split_once('/') {
        Some(("home", rest)) => format!("/home/agent/{rest}"),
        Some(("vartmp", rest)) => format!("/var/tmp/{rest}"),
        Some(("root", rest)) => format!("/{rest}"),
        _ => format!("/{path}"),
    }
}

fn needles(name: &str, value: &str) -> Vec<Needle> {
    let Some(secret) = secret(name, value).filter(|secret| secret.len() >= LEAST_BYTES) else {
        return Vec::new();
    };
    spelled(name, secret)
}

fn spelled(name: &str, secret: &str) -> Vec<Needle> {
    let spellings = spellings(middle(secret)).into_iter();
    spellings.map(|bytes| Needle { name: name.to_owned(), bytes }).collect()
}

/// The part of a value that nobody else shall have, if there is one.
fn secret<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    let name = name.to_ascii_uppercase();
    let begins = BEGINNINGS.iter().any(|beginning| value.starts_with(beginning));
    if begins || WORDS.iter().any(|word| name.contains(word)) {
        return Some(value.trim());
    }
    let (_, rest) = value.split_once("://")?;
    let (user, _) = rest.split('/').next()?.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

fn middle(secret: &str) -> &str {
    let from = secret.len().saturating_sub(MOST_BYTES) / 2;
    let to = secret.len().min(from + MOST_BYTES);
    let from = secret.ceil_char_boundary(from);
    secret.get(from..secret.floor_char_boundary(to)).unwrap_or(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_other_values() {
        for (name, value, expected) in [
            ("NPM_TOKEN", "abcdefgh", Some("abcdefgh")),
            ("npm_token", " abcdefgh\n", Some("abcdefgh")),
            ("X", "ghp_0123456789", Some("ghp_0123456789")),
            ("DATABASE_URL", "postgres://me:hunter22@db.example/x", Some("hunter22")),
            ("DATABASE_URL", "postgres://localhost/x", None),
            ("NODE_ENV", "production", None),
            ("HOMEPAGE", "https://example.com/a@b:c", None),
        ] {
            assert_eq!(secret(name, value), expected, "{name}={value}");
        }
        assert!(needles("API_KEY", "short").is_empty(), "it would be found everywhere");
    }

    #[test]
    fn of_a_long_secret_the_middle_is_looked_for() {
        let key = format!(
            "-----BEGIN KEY-----\n{}é{}\n-----END KEY-----",
            "a".repeat(2000),
            "b".repeat(2000)
        );
        let middle = middle(&key);
        assert!(key.contains(middle) && (MOST_BYTES - 2..=MOST_BYTES).contains(&middle.len()));
        assert!(middle.contains("aéb"), "{middle}");
        assert_eq!(super::middle("short é"), "short é");
        let most = needles("SSH_KEY", &key).iter().map(|needle| needle.bytes.len()).max();
        assert!(most.unwrap() <= 3 * MOST_BYTES, "{most:?}");
        // All that an agent can have fits into one message to the launcher.
        let all: Vec<_> = (0..50).flat_map(|_| needles(&"KEY_".repeat(60), &key)).collect();
        assert!(serde_json::to_vec(&all).unwrap().len() < 1024 * 1024);
    }
}
