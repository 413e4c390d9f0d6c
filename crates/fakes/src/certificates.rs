//! Certificates of an authority that nobody knows, for hosts behind TLS.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// What a host behind TLS needs, and what its clients must trust.
pub struct Certified {
    /// The host's side; its protocols are the caller's to add.
    pub config: ServerConfig,
    /// The authority that signed.
    pub authority: CertificateDer<'static>,
    /// The same as text.
    pub pem: String,
    /// The host's own certificate as text.
    pub leaf_pem: String,
    /// Its key as text.
    pub key_pem: String,
}

/// A fresh authority and a certificate for these names.
pub fn certified(names: &[impl AsRef<str>]) -> anyhow::Result<Certified> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // OpenSSL takes a certificate whose issuer has its own name for one that signed itself.
    params.distinguished_name.push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key)?;
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate()?;
    let names: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
    let leaf = CertificateParams::new(names)?.signed_by(&leaf_key, &issuer)?;
    let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)?;
    Ok(Certified {
        config,
        authority: root.der().clone(),
        pem: root.pem(),
        leaf_pem: leaf.pem(),
        key_pem: leaf_key.serialize_pem(),
    })
}
