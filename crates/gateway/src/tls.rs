//! The two ends of an opened connection: a certificate of the sandbox's own authority towards the sandbox, and the
//! public authorities towards the host.
//!
//! Each incarnation of a sandbox has an authority of its own. Its key is derived, kept nowhere and never inside; its
//! certificate is trusted in that sandbox alone and for a day. All leaves of one sandbox share a key, so that a new
//! host costs one signature.

use crate::host::Host;
use anyhow::{Context, Result};
use p256::pkcs8::EncodePrivateKey as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long an authority is trusted, from an hour before it is made.
const VALID: Duration = Duration::from_secs(25 * 60 * 60);
/// How far a sandbox's clock may be behind.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);
/// Hosts whose certificates one sandbox's gateway keeps.
const KEPT: usize = 256;
/// HTTP/2 as it is negotiated.
pub(crate) const H2: &[u8] = b"h2";
/// HTTP/1.1 as it is negotiated.
pub(crate) const HTTP_11: &[u8] = b"http/1.1";

/// The authority of one incarnation of a sandbox.
pub struct SandboxAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    leaf: KeyPair,
    made: SystemTime,
    kept: Mutex<HashMap<(Host, bool), Arc<ServerConfig>>>,
}

impl SandboxAuthority {
    /// The authority that a seed gives: the same whenever it is asked for, so that a sandbox outlives its server.
    /// `now_ms` is in milliseconds since 1970.
    pub fn new(seed: &[u8; 32], sandbox: &str, now_ms: i64) -> Result<Self> {
        let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
        let key = key(seed, "authority")?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Errand");
        params.distinguished_name.push(DnType::CommonName, format!("Errand gateway of {sandbox}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = (now - CLOCK_SKEW).into();
        params.not_after = (now - CLOCK_SKEW + VALID).into();
        let certificate = params.self_signed(&key).context("sign the authority")?.pem();
        let leaf = self::key(seed, "leaf")?;
        let issuer = Issuer::new(params, key);
        Ok(Self { issuer, certificate, leaf, made: now, kept: Mutex::default() })
    }

    /// The certificate that the sandbox trusts, as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// How the gateway answers a greeting for a host, with the protocol that the host speaks.
    pub(crate) fn server(&self, host: &Host, is_h2: bool) -> Result<Arc<ServerConfig>> {
        let place = (host.clone(), is_h2);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = kept.get(&place) {
            return Ok(Arc::clone(config));
        }
        let chain = vec![self.certify(host)?];
        let leaf = PrivatePkcs8KeyDer::from(self.leaf.serialize_der());
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .context("choose versions of TLS")?
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::Pkcs8(leaf))
            .context("use a leaf certificate")?;
        config.alpn_protocols = if is_h2 { vec![H2.to_vec()] } else { vec![HTTP_11.to_vec()] };
        // Whoever asks for more hosts than are kept pays with signatures, not with memory.
        if kept.len() >= KEPT {
            kept.clear();
        }
        let config = Arc::new(config);
        kept.insert(place, Arc::clone(&config));
        Ok(config)
    }

    fn certify(&self, host: &Host) -> Result<CertificateDer<'static>> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![match host {
            Host::Name(name) => SanType::DnsName(name.as_str().try_into().context("name a host")?),
            Host::Address(address) => SanType::IpAddress(*address),
        }];
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = (self.made - CLOCK_SKEW).into();
        params.not_after = (self.made - CLOCK_SKEW + VALID).into();
        let certificate = params.signed_by(&self.leaf, &self.issuer).context("sign a leaf")?;
        Ok(certificate.der().clone())
    }
}

/// A key of the seed for one purpose.
fn key(seed: &[u8; 32], purpose: &str) -> Result<KeyPair> {
    for attempt in 0..8_u8 {
        let mut hasher = blake3::Hasher::new_keyed(seed);
        hasher.update(purpose.as_bytes()).update(&[attempt]);
        // Nearly every text of this length is a key.
        let Ok(secret) = p256::SecretKey::from_slice(hasher.finalize().as_bytes()) else {
            continue;
        };
        let der = secret.to_pkcs8_der().context("write a key")?;
        return KeyPair::try_from(der.as_bytes()).context("read a key");
    }
    anyhow::bail!("no key in eight attempts")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Which authorities vouch for hosts.
#[derive(Clone)]
pub struct Trust {
    both: Arc<ClientConfig>,
    h2: Arc<ClientConfig>,
    http11: Arc<ClientConfig>,
}

impl Trust {
    /// Trust in these authorities.
    pub fn new(roots: RootCertStore) -> Result<Self> {
        let roots = Arc::new(roots);
        let client = |protocols: &[&[u8]]| {
            let mut config = ClientConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .context("choose versions of TLS")?
                .with_root_certificates(Arc::clone(&roots))
                .with_no_client_auth();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            anyhow::Ok(Arc::new(config))
        };
        Ok(Self { both: client(&[H2, HTTP_11])?, h2: client(&[H2])?, http11: client(&[HTTP_11])? })
    }

    /// How a host is greeted, with what the sandbox speaks.
    pub(crate) fn client(&self, is_h2: bool, is_http11: bool) -> Arc<ClientConfig> {
        Arc::clone(match (is_h2, is_http11) {
            (true, true) => &self.both,
            (true, false) => &self.h2,
            (false, _) => &self.http11,
        })
    }
}

/// The name that a host's certificate has to carry.
pub(crate) fn server_name(host: &Host) -> Result<ServerName<'static>> {
    Ok(match host {
        Host::Name(name) => ServerName::try_from(name.clone()).context("name a host")?,
        Host::Address(IpAddr::V4(address)) => ServerName::from(IpAddr::V4(*address)),
        Host::Address(IpAddr::V6(address)) => ServerName::from(IpAddr::V6(*address)),
    })
}
