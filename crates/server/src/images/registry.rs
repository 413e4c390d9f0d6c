//! Fetches images from registries into a folder.

use super::Unusable;
use super::layout::{begin, blob, hexadecimal, layer_named};
use crate::config::ImagesConfig;
use crate::effects::failed;
use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use protocol::failure::{Failure, Phase};
use protocol::ids::LayerId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

/// Time to reach a registry.
const CONNECT: Duration = Duration::from_secs(10);
/// Time without a byte after which a registry is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of an image's configuration.
const CONFIG_BYTES: u64 = 1024 * 1024;
/// Bytes of all archives of an image, as they are sent.
const IMAGE_BYTES: u64 = 32 * 1024 * 1024 * 1024;
/// Archives of an image.
const ARCHIVES: usize = 256;
/// Archives fetched at once.
const AT_ONCE: usize = 3;
/// Variables taken over of an image.
const VARIABLES: usize = 200;
/// Bytes of the value of one.
const VALUE_BYTES: usize = 4096;
/// Variables of an image that mean nothing here: what they speak of is the sandbox's own.
const NOT_TAKEN: [&str; 6] = ["HOME", "USER", "LOGNAME", "SHELL", "TERM", "GIT_CONFIG_SYSTEM"];
/// What of ours comes before an image's programs.
const OURS: &str = "/opt/errand/bin";

/// The registries that are spoken to.
pub struct Registry {
    client: Client,
    logins: BTreeMap<String, (String, PathBuf)>,
}

/// An image that a registry has.
pub struct Looked {
    reference: Reference,
    /// Digest of its manifest for this machine.
    pub digest: String,
    /// What it gives to commands.
    pub variables: BTreeMap<String, String>,
    archives: Vec<OciDescriptor>,
}

/// What of an image's configuration matters here.
#[derive(Deserialize)]
struct Configuration {
    config: Option<Execution>,
}

#[derive(Deserialize)]
struct Execution {
    #[serde(rename = "Env")]
    env: Option<Vec<String>>,
}

impl Looked {
    /// The layer that it becomes.
    pub fn layer(&self) -> LayerId {
        layer_named(self.archives.iter().map(|archive| archive.digest.as_str()))
    }

    /// How it is called.
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }
}

/// Reads a reference, and refuses what no registry may be asked for.
pub fn parse(config: &ImagesConfig, text: &str) -> Result<Reference, Unusable> {
    let invalid = |why: &dyn std::fmt::Display| {
        unusable("image_invalid", format!("{text:?} is no image: {why}; write registry/name:tag"))
    };
    let parsed = text.parse::<Reference>().map_err(|bad| invalid(&bad))?;
    // What parses references lets large letters pass after a registry's name was put before them.
    if parsed.repository().contains(char::is_uppercase) {
        return Err(invalid(&"names of images have small letters only"));
    }
    let registry = parsed.registry();
    if config.registries.iter().any(|known| known == registry) {
        return Ok(parsed);
    }
    let message = format!(
        "{text} is not fetched: this server may not ask {registry}; its operator can list it as \
         `registries` under [images] of errand.toml"
    );
    Err(unusable("image_refused", message))
}

impl Registry {
    /// As the operator has it.
    pub fn new(config: &ImagesConfig) -> Result<Self> {
        let client = Client::try_from(ClientConfig {
            protocol: ClientProtocol::HttpsExcept(config.plain_http.clone()),
            connect_timeout: Some(CONNECT),
            read_timeout: Some(SILENCE),
            user_agent: concat!("errand/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        });
        let logins = config.logins.iter().map(|(registry, login)| {
            (registry.clone(), (login.user.clone(), login.password_file.clone()))
        });
        Ok(Self {
            client: client.context("make the client of registries")?,
            logins: logins.collect(),
        })
    }

    fn login(&self, registry: &str) -> Result<RegistryAuth> {
        let Some((user, file)) = self.logins.get(registry) else {
            return Ok(RegistryAuth::Anonymous);
        };
        let password = std::fs::read_to_string(file)
            .with_context(|| format!("images.logins.{registry}: read {}", file.display()))?;
        Ok(RegistryAuth::Basic(user.clone(), password.trim().to_owned()))
    }

    /// Asks what a reference means now.
    pub async fn look_up(&self, reference: &Reference) -> Result<Looked> {
        let login = self.login(reference.registry())?;
        let found = self.client.pull_image_manifest(reference, &login).await;
        let (manifest, digest) = found.map_err(|error| explain(reference, error))?;
        let archives = manifest.layers;
        let bytes = archives.iter().fold(0_u64, |sum, one| sum.saturating_add(size(one)));
        if archives.is_empty() || archives.len() > ARCHIVES || bytes > IMAGE_BYTES {
            let count = archives.len();
            let message = format!(
                "{reference} has {count} archives of {bytes} bytes: at most {ARCHIVES} of {IMAGE_BYTES} are fetched"
            );
            return Err(unusable("image_too_large", message).into());
        }
        for one in archives.iter().chain([&manifest.config]) {
            hexadecimal(&one.digest)
                .map_err(|bad| unusable("image_invalid", format!("{reference}: {bad}")))?;
        }
        let variables = self.variables(reference, &manifest.config).await?;
        Ok(Looked { reference: reference.clone(), digest, variables, archives })
    }

    async fn variables(
        &self,
        reference: &Reference,
        config: &OciDescriptor,
    ) -> Result<BTreeMap<String, String>> {
        let mut bytes = Vec::new();
        let mut stream = self.blob(reference, config).await?;
        let mut left = CONFIG_BYTES;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| broken(reference, &error))?;
            left = left.checked_sub(chunk.len() as u64).ok_or_else(|| {
                unusable("image_invalid", format!("{reference}: its configuration is too large"))
            })?;
            bytes.extend_from_slice(&chunk);
        }
        let read: Configuration = serde_json::from_slice(&bytes).map_err(|bad| {
            unusable("image_invalid", format!("{reference}: its configuration: {bad}"))
        })?;
        Ok(taken(&read.config.and_then(|config| config.env).unwrap_or_default()))
    }

    /// Fetches the archives into a folder, in which the image is found then. What a former try brought
    /// whole is not fetched again.
    pub async fn fetch(
        &self,
        looked: &Looked,
        into: &Path,
        tell: impl Fn(u8) + Sync,
    ) -> Result<()> {
        let digests: Vec<&str> = looked.archives.iter().map(|one| one.digest.as_str()).collect();
        begin(into, &digests)?;
        let all = looked.archives.iter().fold(0_u64, |sum, one| sum.saturating_add(size(one)));
        let (done, told) = (AtomicU64::new(0), AtomicU64::new(0));
        let progress = |bytes: u64| {
            let done = done.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
            let percent = done.saturating_mul(100).checked_div(all).unwrap_or(100).min(100);
            if told.fetch_max(percent, Ordering::Relaxed) < percent {
                tell(u8::try_from(percent).unwrap_or(100));
            }
        };
        let fetches = looked.archives.iter().map(|one| {
            let fetch = self.archive(looked, one, into, &progress);
            fetch.boxed()
        });
        let fetches: Vec<_> = fetches.collect();
        let mut fetches = futures::stream::iter(fetches).buffer_unordered(AT_ONCE);
        while let Some(fetched) = fetches.next().await {
            fetched?;
        }
        Ok(())
    }

    async fn archive(
        &self,
        looked: &Looked,
        archive: &OciDescriptor,
        into: &Path,
        progress: &(impl Fn(u64) + Sync),
    ) -> Result<()> {
        let (reference, bytes) = (&looked.reference, size(archive));
        let place = blob(into, hexadecimal(&archive.digest)?);
        if tokio::fs::try_exists(&place).await.context("look for an archive")? {
            progress(bytes);
            return Ok(());
        }
        let part = place.with_extension("part");
        let mut file = File::create(&part).await.context("write an archive")?;
        let mut stream = self.blob(reference, archive).await?;
        let mut left = bytes;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| broken(reference, &error))?;
            let count = chunk.len() as u64;
            left = left.checked_sub(count).ok_or_else(|| {
                let message = format!("{reference}: an archive is larger than the image says");
                unusable("image_invalid", message)
            })?;
            file.write_all(&chunk).await.context("write an archive")?;
            progress(count);
        }
        if left > 0 {
            return Err(cut(reference, "it ended early"));
        }
        file.flush().await.context("write an archive")?;
        tokio::fs::rename(&part, &place).await.context("keep an archive")
    }

    async fn blob(&self, reference: &Reference, blob: &OciDescriptor) -> Result<Stream> {
        // TRUST: an image may name other addresses for its parts; only its registry is asked.
        let blob = OciDescriptor { urls: None, ..blob.clone() };
        let stream = self.client.pull_blob_stream(reference, &blob).await;
        Ok(stream.map_err(|error| explain(reference, error))?.stream)
    }
}

type Stream = BoxStream<'static, std::io::Result<Bytes>>;

fn size(blob: &OciDescriptor) -> u64 {
    u64::try_from(blob.size).unwrap_or(0)
}

fn unusable(code: &str, message: String) -> Unusable {
    Unusable(Failure::new(Phase::SetUp, code, message))
}

/// May pass.
fn cut(reference: &Reference, why: impl std::fmt::Display) -> anyhow::Error {
    failed(Phase::SetUp, "image_unreachable", format!("{reference} could not be fetched: {why}"))
}

/// A stream that ended in an error; what it brought is compared with its digest at the end.
fn broken(reference: &Reference, error: &std::io::Error) -> anyhow::Error {
    if error.get_ref().is_some_and(|inner| inner.is::<DigestError>()) {
        return unusable("image_invalid", format!("{reference} is damaged: {error}")).into();
    }
    cut(reference, error)
}

/// What a registry said, in words.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest may pass")]
fn explain(reference: &Reference, error: OciDistributionError) -> anyhow::Error {
    let registry = reference.registry();
    let refused = || {
        let message = format!(
            "{registry} does not give {reference} to this server ({error}): it does not exist, or \
             needs a login, which the operator can write under [images.logins] of errand.toml"
        );
        unusable("image_unknown", message).into()
    };
    match &error {
        OciDistributionError::ImageManifestNotFoundError(_)
        | OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_) => refused(),
        OciDistributionError::ServerError { code: 400..=499, .. } => refused(),
        OciDistributionError::RegistryError { envelope, .. }
            if !envelope.errors.iter().any(|one| one.code == OciErrorCode::Toomanyrequests) =>
        {
            refused()
        }
        OciDistributionError::UnsupportedMediaTypeError(_)
        | OciDistributionError::UnsupportedSchemaVersionError(_)
        | OciDistributionError::ManifestParsingError(_)
        | OciDistributionError::VersionedParsingError(_)
        | OciDistributionError::SpecViolationError(_)
        | OciDistributionError::DigestError(_) => {
            unusable("image_invalid", format!("{reference} cannot be read: {error}")).into()
        }
        _ => cut(reference, anyhow!(error).root_cause()),
    }
}

/// What of an image's variables is taken over.
fn taken(env: &[String]) -> BTreeMap<String, String> {
    let pairs = env.iter().filter_map(|line| line.split_once('='));
    for_commands(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// Variables of an image as commands get them.
pub fn for_commands(
    variables: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let mut taken = BTreeMap::new();
    for (name, value) in variables {
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let is_ours = NOT_TAKEN.contains(&name.as_str())
            || name.to_ascii_lowercase().ends_with("_proxy")
            || name.starts_with("ERRAND_");
        if !is_name || is_ours || value.contains('\0') || value.len() > VALUE_BYTES {
            continue;
        }
        let is_bare = name == "PATH" && !value.split(':').any(|part| part == OURS);
        let value = if is_bare { format!("{OURS}:{value}") } else { value };
        taken.insert(name, value);
        if taken.len() == VARIABLES {
            break;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registries_that_are_listed_are_asked() {
        let config = ImagesConfig::default();
        let words = |text: &str| parse(&config, text).unwrap_err().0;
        for text in [
            "debian",
            "node:24",
            "ghcr.io/shop/base@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        ] {
            assert!(parse(&config, text).is_ok(), "{text}");
        }
        for text in ["10.0.0.1:5000/a", "localhost:5000/a:1", "registry.shop.example/a"] {
            assert_eq!(words(text).code, "image_refused", "{text}");
        }
        assert_eq!(words("UPPER/case").code, "image_invalid");
    }

    #[test]
    fn variables_of_an_image_are_taken_but_not_what_is_the_sandboxs_own() {
        let env = [
            "PATH=/usr/local/cargo/bin:/usr/bin",
            "CARGO_HOME=/usr/local/cargo",
            "EMPTY=",
            "HOME=/root",
            "https_proxy=http://evil",
            "HTTPS_PROXY=http://evil",
            "ERRAND_AGENT_ID=1",
            "no-name=1",
            "=1",
            "nothing",
            "NUL=a\0b",
            "1A=x",
        ];
        let taken = taken(&env.map(str::to_owned));
        let names: Vec<&str> = taken.keys().map(String::as_str).collect();
        assert_eq!(names, ["CARGO_HOME", "EMPTY", "PATH"]);
        assert_eq!(taken["PATH"], "/opt/errand/bin:/usr/local/cargo/bin:/usr/bin");
    }
}
