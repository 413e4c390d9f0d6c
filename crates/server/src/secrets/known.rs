//! Well-known names of secrets, and who is meant to be given their values.
//!
//! TRUST: a name stands here only where everybody means the same service by it, and a host only where nobody but that
//! service answers.

use protocol::api::secrets::SecretPlace::{self, Basic, Body, Header, Query};

/// Where most credentials stand.
pub(super) const PLACES: [SecretPlace; 2] = [Header, Basic];

/// Names, hosts, places.
type Row = (&'static [&'static str], &'static [&'static str], &'static [SecretPlace]);

const TABLE: [Row; 19] = [
    (&["ANTHROPIC_API_KEY"], &["api.anthropic.com"], &PLACES),
    (&["OPENAI_API_KEY"], &["api.openai.com"], &PLACES),
    (&["GEMINI_API_KEY"], &["generativelanguage.googleapis.com"], &[Header, Query]),
    (&["MISTRAL_API_KEY"], &["api.mistral.ai"], &PLACES),
    (&["OPENROUTER_API_KEY"], &["openrouter.ai"], &PLACES),
    (&["GROQ_API_KEY"], &["api.groq.com"], &PLACES),
    (&["HF_TOKEN"], &["huggingface.co"], &PLACES),
    (&["NPM_TOKEN", "NODE_AUTH_TOKEN"], &["registry.npmjs.org"], &PLACES),
    (
        &["GITHUB_TOKEN", "GH_TOKEN"],
        &["api.github.com", "github.com", "uploads.github.com"],
        &PLACES,
    ),
    (&["GITLAB_TOKEN"], &["gitlab.com"], &PLACES),
    (&["PYPI_TOKEN", "PYPI_API_TOKEN", "UV_PUBLISH_TOKEN"], &["upload.pypi.org"], &PLACES),
    (&["CARGO_REGISTRY_TOKEN"], &["crates.io"], &PLACES),
    (&["GEM_HOST_API_KEY"], &["rubygems.org"], &PLACES),
    (&["CLOUDFLARE_API_TOKEN"], &["api.cloudflare.com"], &PLACES),
    (&["DIGITALOCEAN_TOKEN"], &["api.digitalocean.com"], &PLACES),
    (&["VERCEL_TOKEN"], &["api.vercel.com"], &PLACES),
    (&["STRIPE_SECRET_KEY"], &["api.stripe.com"], &PLACES),
    (&["SLACK_BOT_TOKEN"], &["slack.com"], &[Header, Body]),
    (&["LINEAR_API_KEY"], &["api.linear.app"], &PLACES),
];

/// Hosts and places of a well-known name.
pub(super) fn of(name: &str) -> Option<(&'static [&'static str], &'static [SecretPlace])> {
    let is_it = |known: &&str| known.eq_ignore_ascii_case(name);
    TABLE.iter().find(|(names, ..)| names.iter().any(is_it)).map(|row| (row.1, row.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::pattern::Pattern;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_stands_there_once_with_hosts_that_can_be_allowed() {
        let mut seen = BTreeSet::new();
        for (names, hosts, places) in TABLE {
            assert!(!hosts.is_empty() && !places.is_empty());
            for host in hosts {
                Pattern::parse(host).unwrap();
                assert!(!host.contains('*'), "{host}: whose names are below it is not known");
            }
            for name in names {
                assert!(seen.insert(name.to_ascii_uppercase()), "{name}");
            }
        }
        assert_eq!(of("npm_token").unwrap().0, ["registry.npmjs.org"]);
        assert!(of("NPM_TOKEN_2").is_none());
    }
}
