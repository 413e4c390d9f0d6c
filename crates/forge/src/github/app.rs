//! A GitHub App: signs for itself, and gets tokens narrowed to one repository and what is needed.

use crate::forge::{ForgeError, Result};
use crate::host::{Authorize, Clock, Fixed, Host, PAGE_ENTRIES, Repository, Request};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderName};
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Seconds that our clock may be ahead of the host's.
const CLOCK_SKEW_S: i64 = 60;
/// Seconds that one of the app's own signatures is good for; the host allows ten minutes.
const JWT_S: i64 = 9 * 60;
/// Seconds before its end at which a token is made anew.
const MARGIN_S: i64 = 5 * 60;
/// What a token may do: no more than pull requests need.
const PERMISSIONS: [(&str, &str); 8] = [
    ("metadata", "read"),
    ("contents", "write"),
    ("pull_requests", "write"),
    ("issues", "write"),
    ("statuses", "write"),
    ("checks", "read"),
    ("actions", "read"),
    ("members", "read"),
];

/// An app and its tokens; one for the whole process, so that tokens are shared.
pub struct App {
    id: String,
    key: Arc<dyn SigningKey>,
    clock: Clock,
    tokens: Mutex<BTreeMap<String, Token>>,
}

#[derive(Clone)]
struct Token {
    value: SecretString,
    ends_at: i64,
    permissions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Installed {
    id: u64,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Made {
    token: String,
    expires_at: String,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

impl App {
    /// An app by its number or client id, with the private key that the host gave out for it.
    pub fn new(id: String, key_pem: &SecretString, clock: Clock) -> Result<Self> {
        let bad = || ForgeError::Rejected {
            detail: "the app's private key is no RSA key in PEM form: paste the whole file"
                .to_owned(),
        };
        let der = PrivateKeyDer::from_pem_slice(key_pem.expose_secret().as_bytes());
        let key = rustls::crypto::ring::sign::RsaSigningKey::new(&der.map_err(|_| bad())?);
        let key = Arc::new(key.map_err(|_| bad())?);
        Ok(Self { id, key, clock, tokens: Mutex::default() })
    }

    /// The app's own word for who it is, good for some minutes.
    fn jwt(&self) -> Result<SecretString> {
        let now = (self.clock)();
        let claims = json!({"iat": now - CLOCK_SKEW_S, "exp": now + JWT_S, "iss": self.id});
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message =
            format!("{}.{}", encode(&json!({"alg": "RS256", "typ": "JWT"})), encode(&claims));
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]);
        let signature = signer.and_then(|signer| signer.sign(message.as_bytes()).ok());
        let signature = signature.ok_or(ForgeError::Credential)?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }

    /// Asks as the app itself.
    pub(crate) fn as_itself(self: &Arc<Self>) -> Arc<dyn Authorize> {
        Arc::new(AsApp(Arc::clone(self)))
    }

    /// Where it is installed.
    pub(crate) async fn installations(&self, own: &Host) -> Result<Vec<u64>> {
        let path = format!("/app/installations?per_page={PAGE_ENTRIES}");
        let found = own.list::<Installed>(&path).await?.entries;
        Ok(found.into_iter().map(|installed| installed.id).collect())
    }

    /// Asks as an installation, which repositories it has and nothing else.
    pub(crate) async fn of_installation(
        &self,
        own: &Host,
        installation: u64,
    ) -> Result<Arc<dyn Authorize>> {
        let path = format!("/app/installations/{installation}/access_tokens");
        let body = json!({"permissions": {"metadata": "read"}});
        let made: Made = own.read(Request::write(Method::POST, path, body).harmless()).await?;
        Ok(Arc::new(Fixed::bearer(&made.token.into())))
    }

    async fn token(&self, own: &Host, repository: &Repository) -> Result<Token> {
        let key = format!("{} {}", own.api(), repository.path().to_lowercase());
        let mut tokens = self.tokens.lock().await;
        if let Some(token) = tokens.get(&key)
            && own.now() < token.ends_at - MARGIN_S
        {
            return Ok(token.clone());
        }
        let found = own.find(format!("/repos/{}/installation", repository.path())).await?;
        let installed: Installed = found.ok_or_else(|| ForgeError::Denied {
            detail: "the app is not installed for this repository: install it there".to_owned(),
        })?;
        // Asking for what an installation was not given is refused as a whole.
        let granted = |name: &str| installed.permissions.contains_key(name);
        let narrow: BTreeMap<_, _> =
            PERMISSIONS.into_iter().filter(|(name, _)| granted(name)).collect();
        let path = format!("/app/installations/{}/access_tokens", installed.id);
        let body = json!({"repositories": [repository.name], "permissions": narrow});
        let made: Made = own.read(Request::write(Method::POST, path, body).harmless()).await?;
        // One whose end cannot be read is asked for again each time.
        let ends_at = made.expires_at.parse().map_or(0, jiff::Timestamp::as_second);
        let token = Token { value: made.token.into(), ends_at, permissions: made.permissions };
        tokens.insert(key, token.clone());
        Ok(token)
    }
}

/// Asks as the app itself.
pub(super) struct AsApp(pub(super) Arc<App>);

#[async_trait]
impl Authorize for AsApp {
    async fn header(&self) -> Result<(HeaderName, SecretString)> {
        Ok((AUTHORIZATION, format!("Bearer {}", self.0.jwt()?.expose_secret()).into()))
    }
}

/// Asks as the app's installation for one repository.
pub(super) struct AsInstallation {
    pub(super) app: Arc<App>,
    pub(super) own: Host,
    pub(super) repository: Repository,
}

#[derive(Deserialize)]
struct AppTold {
    slug: String,
}

impl AsInstallation {
    /// The name under which the app writes.
    pub(super) async fn login(&self) -> Result<String> {
        let told: AppTold = self.own.read(Request::get("/app")).await?;
        Ok(format!("{}[bot]", told.slug))
    }

    /// What the token may do.
    pub(super) async fn permissions(&self) -> Result<BTreeMap<String, String>> {
        Ok(self.app.token(&self.own, &self.repository).await?.permissions)
    }

    pub(super) async fn token(&self) -> Result<SecretString> {
        Ok(self.app.token(&self.own, &self.repository).await?.value)
    }
}

#[async_trait]
impl Authorize for AsInstallation {
    async fn header(&self) -> Result<(HeaderName, SecretString)> {
        Ok((AUTHORIZATION, format!("Bearer {}", self.token().await?.expose_secret()).into()))
    }

    async fn refused(&self) {
        self.app.tokens.lock().await.clear();
    }
}
