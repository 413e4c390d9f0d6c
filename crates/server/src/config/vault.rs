//! Where the keys that wrap those of stored values are kept.

use super::AwsConfig;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The `[vault]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VaultConfig {
    /// ARN of a key of AWS KMS, under which new keys of the [vault](secrets.md#at-rest) lie on the disk; empty: they are
    /// files. What is there changes with `errand vault rotate`.
    pub kms_key: String,
    /// Another address of KMS.
    pub kms_url: String,
}

impl VaultConfig {
    /// The region in the ARN of a key or an alias of KMS.
    pub fn region(arn: &str) -> Option<&str> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, "kms", region, account, resource] = parts.as_slice() else {
            return None;
        };
        let is_plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let named = ["key/", "alias/"].into_iter().any(|kind| {
            resource
                .strip_prefix(kind)
                .is_some_and(|name| name.split('/').all(|part| is_plain(&part.replace('_', "-"))))
        });
        let is_arn = partition.starts_with("aws") && is_plain(region) && is_plain(account) && named;
        is_arn.then_some(*region)
    }

    /// Where the KMS of a key is.
    pub fn kms(&self, arn: &str) -> Result<Url> {
        let region = Self::region(arn).context("vault.kms_key: is no ARN of a key")?;
        if !self.kms_url.is_empty() {
            return Url::parse(&self.kms_url).context("vault.kms_url: is no address");
        }
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        let url = format!("https://kms.{region}.amazonaws.com{china}/");
        Url::parse(&url).context("vault.kms_key: is no ARN of a key")
    }

    /// Refuses what cannot be meant.
    pub(super) fn check(&self, aws: &AwsConfig) -> Result<()> {
        if !self.kms_url.is_empty() {
            let url = Url::parse(&self.kms_url).context("vault.kms_url: is no address")?;
            // TRUST: the answer of KMS holds the key itself.
            if url.scheme() != "https" && !is_here(&url) {
                bail!(
                    "vault.kms_url: is {url}; over anything but https keys could be read on their way"
                );
            }
        }
        if self.kms_key.is_empty() {
            return Ok(());
        }
        if Self::region(&self.kms_key).is_none() {
            bail!(
                "vault.kms_key: is {:?}; give the ARN of a key, as in \"arn:aws:kms:eu-west-1:123456789012:key/…\"",
                self.kms_key
            );
        }
        if !aws.is_configured() {
            bail!(
                "vault.kms_key: is set, but the server has no keys to ask KMS with: set them under [aws]"
            );
        }
        Ok(())
    }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/mrk-12ab";

    fn refusal(key: &str, url: &str, aws: &AwsConfig) -> String {
        let config = VaultConfig { kms_key: key.to_owned(), kms_url: url.to_owned() };
        config.check(aws).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let none = AwsConfig::default();
        let aws = AwsConfig { credentials_file: "keys".into(), ..AwsConfig::default() };
        assert_eq!(refusal("", "", &none), "");
        assert_eq!(refusal(KEY, "http://127.0.0.1:1/", &aws), "");
        assert_eq!(refusal("arn:aws-cn:kms:cn-north-1:123456789012:alias/a_b/c", "", &aws), "");
        assert!(refusal(KEY, "", &none).contains("[aws]"));
        for wrong in [
            "key",
            "arn:aws:iam::123456789012:role/a",
            "arn:aws:kms::1:key/a",
            "arn:aws:kms:eu:1:key/",
        ] {
            assert!(refusal(wrong, "", &aws).starts_with("vault.kms_key"), "{wrong}");
        }
        for wrong in ["kms", "http://kms.example.com/", "http://127.0.0.1.example.com/"] {
            assert!(refusal(KEY, wrong, &aws).starts_with("vault.kms_url"), "{wrong}");
        }
    }

    #[test]
    fn kms_is_that_of_the_keys_region() {
        let url = VaultConfig::default().kms(KEY).unwrap();
        assert_eq!(url.as_str(), "https://kms.eu-west-1.amazonaws.com/");
    }
}
