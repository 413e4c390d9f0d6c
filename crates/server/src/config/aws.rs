//! Who the server is at AWS, from where agents have their roles.

use anyhow::{Context, Result, bail};
use gateway::pattern::Pattern;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// Shortest session of a role that AWS gives, in seconds.
const SESSION_LEAST_S: u32 = 900;
/// Longest one, in seconds; a server that is a role itself has 3600.
const SESSION_MOST_S: u32 = 43_200;

/// The `[aws]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsConfig {
    /// Id of the server's access key, which may do no more than `sts:AssumeRole`.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// File with keys in place of these, as AWS's own programs write it; read again for each session, so
    /// that whatever renews it is followed.
    pub credentials_file: PathBuf,
    /// Which keys of the file.
    pub profile: String,
    /// Region of STS, and `AWS_REGION` inside unless something else sets it.
    pub region: String,
    /// Another address of STS.
    pub sts_url: String,
    /// Hosts besides AWS's own where requests are signed with the role, as in `s3.example.com`.
    pub endpoints: Vec<String>,
    /// Seconds of a role's session.
    pub session_s: u32,
    /// Seconds before its end from which on another one is asked for.
    pub renew_before_s: u32,
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self {
            access_key_id: String::new(),
            secret_access_key: String::new(),
            credentials_file: PathBuf::new(),
            profile: "default".to_owned(),
            region: "us-east-1".to_owned(),
            sts_url: String::new(),
            endpoints: Vec::new(),
            session_s: 3600,
            renew_before_s: 300,
        }
    }
}

impl AwsConfig {
    /// Whether the server has keys.
    pub fn is_configured(&self) -> bool {
        !(self.access_key_id.is_empty() && self.credentials_file.as_os_str().is_empty())
    }

    /// Where STS is.
    pub fn sts(&self) -> Result<Url> {
        if !self.sts_url.is_empty() {
            return Url::parse(&self.sts_url).context("aws.sts_url: is no address");
        }
        let region = &self.region;
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        let url = format!("https://sts.{region}.amazonaws.com{china}/");
        Url::parse(&url).context("aws.region: is no region")
    }

    /// Refuses what cannot be meant.
    pub(super) fn check(&self) -> Result<()> {
        if self.access_key_id.is_empty() != self.secret_access_key.is_empty() {
            bail!(
                "aws.access_key_id: stands with aws.secret_access_key, and one of the two is empty"
            );
        }
        if !self.access_key_id.is_empty() && !self.credentials_file.as_os_str().is_empty() {
            bail!(
                "aws.credentials_file: is set, and so is aws.access_key_id: leave one of the two out"
            );
        }
        let is_region =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.region.is_empty() || !self.region.bytes().all(is_region) {
            bail!("aws.region: is {:?}; name one as in \"eu-west-1\"", self.region);
        }
        if !(SESSION_LEAST_S..=SESSION_MOST_S).contains(&self.session_s) {
            bail!(
                "aws.session_s: is {}; choose {SESSION_LEAST_S} to {SESSION_MOST_S}",
                self.session_s
            );
        }
        if self.renew_before_s >= self.session_s {
            bail!("aws.renew_before_s: is {}; choose less than aws.session_s", self.renew_before_s);
        }
        for entry in &self.endpoints {
            Pattern::parse(entry).context("aws.endpoints")?;
        }
        self.sts().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: fn(&mut AwsConfig)) -> String {
        let mut config = AwsConfig::default();
        config.check().unwrap();
        change(&mut config);
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        assert!(refusal(|it| it.access_key_id = "AKIA".into()).starts_with("aws.access_key_id"));
        assert!(refusal(|it| it.region = "eu west".into()).starts_with("aws.region"));
        assert!(refusal(|it| it.session_s = 60).starts_with("aws.session_s"));
        assert!(refusal(|it| it.renew_before_s = 3600).starts_with("aws.renew_before_s"));
        assert!(refusal(|it| it.endpoints = vec!["*".into()]).starts_with("aws.endpoints"));
        assert!(refusal(|it| it.sts_url = "sts".into()).starts_with("aws.sts_url"));
    }

    #[test]
    fn sts_is_that_of_the_region() {
        let of = |region: &str| {
            let config = AwsConfig { region: region.into(), ..AwsConfig::default() };
            config.sts().unwrap().to_string()
        };
        assert_eq!(of("eu-west-1"), "https://sts.eu-west-1.amazonaws.com/");
        assert_eq!(of("cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn/");
    }
}
