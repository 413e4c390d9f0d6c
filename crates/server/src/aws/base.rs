//! Who the server is at AWS: keys from its configuration, or from a file that others keep fresh.

use crate::config::AwsConfig;
use gateway::aws::Keys;
use secrecy::SecretString;
use std::path::Path;

/// The server's own keys.
pub(crate) struct Base(pub(crate) Keys);

impl Base {
    /// Read whenever they are used, so that keys that were replaced count at once.
    pub(crate) async fn read(config: &AwsConfig) -> Result<Self, String> {
        if !config.access_key_id.is_empty() {
            let secret = SecretString::from(config.secret_access_key.as_str());
            return Ok(Self(Keys::new(config.access_key_id.clone(), secret, None)));
        }
        if config.credentials_file.as_os_str().is_empty() {
            return Err("no keys are configured under [aws] in errand.toml".to_owned());
        }
        let path = &config.credentials_file;
        let text = tokio::fs::read_to_string(path)
            .await
            .map_err(|error| format!("aws.credentials_file: read {}: {error}", path.display()))?;
        profile(&text, &config.profile, path)
    }
}

fn profile(text: &str, wanted: &str, path: &Path) -> Result<Base, String> {
    let mut found = [None, None, None];
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let name = name.trim();
            is_inside = name.strip_prefix("profile ").unwrap_or(name).trim() == wanted;
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| is_inside) else { continue };
        let at = match name.trim() {
            "aws_access_key_id" => 0,
            "aws_secret_access_key" => 1,
            "aws_session_token" => 2,
            _ => continue,
        };
        if let Some(place) = found.get_mut(at) {
            *place = Some(value.trim().to_owned());
        }
    }
    match found {
        [Some(id), Some(secret), token] => {
            Ok(Base(Keys::new(id, secret.into(), token.map(Into::into))))
        }
        _ => Err(format!(
            "aws.credentials_file: {} has no aws_access_key_id and aws_secret_access_key in [{wanted}]",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn keys_are_those_of_the_profile() {
        let text = "[default]\naws_access_key_id = one\naws_secret_access_key=a\n\n[ other ]\n\
                    aws_access_key_id=two\naws_secret_access_key = b=c\naws_session_token = t\n";
        let path = Path::new("credentials");
        let keys = |name| profile(text, name, path).map(|Base(keys)| keys);
        let one = keys("default").ok().unwrap();
        assert!(one.id == "one" && one.secret.expose_secret() == "a" && one.token.is_none());
        let two = keys("other").ok().unwrap();
        assert!(two.id == "two" && two.secret.expose_secret() == "b=c");
        assert_eq!(two.token.unwrap().expose_secret(), "t");
        assert!(keys("third").err().unwrap().contains("[third]"));
    }
}
