//! The keys by which Errand signs its commits and what it records of runs: Ed25519, kept in the vault, used here and
//! nowhere else.
//!
//! Signatures are those of SSH, which git checks with a list of allowed signers and forges with the key in the bot's
//! account. The same commit is signed the same way again, so what a crash interrupted is made anew with the same ids.

use crate::app::App;
use crate::clock::now_ms;
use crate::record::envelope::RawSigner;
use anyhow::{Context as _, Result, anyhow};
use git::commit::Signer;
use protocol::api::signing::{SigningKeyBody, SigningKeysBody};
use protocol::api::timestamp;
use protocol::ids::OrgId;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::{HashAlg, LineEnding, PublicKey};
use russh::keys::{PrivateKey, ssh_key};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError, RwLock};
use store::Store;
use store::sealed::{SealedValue, Secret};

/// Whose values the keys are.
const OWNER: &str = "signing";
/// What git's signatures are for.
const NAMESPACE: &str = "git";
const SEED_BYTES: usize = 32;

/// A key as it is kept.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    number: u32,
    public: String,
    /// What the key is made of; gone once it is retired.
    seed: Option<String>,
    created_ms: i64,
    retired_ms: Option<i64>,
}

/// All keys of an installation.
pub struct SigningKeys {
    kept: RwLock<Keys>,
    turn: tokio::sync::Mutex<()>,
}

struct Keys {
    /// Oldest first; the last one signs.
    all: Vec<Kept>,
    current: Arc<SigningKey>,
}

/// The key that signs now.
pub struct SigningKey(PrivateKey);

#[cfg(test)]
impl SigningKey {
    pub(crate) fn of_seed(seed: &[u8; SEED_BYTES]) -> Self {
        Self(PrivateKey::from(Ed25519Keypair::from_seed(seed)))
    }

    pub(crate) fn public(&self) -> String {
        self.0.public_key().to_openssh().unwrap()
    }
}

impl Signer for SigningKey {
    fn sign(&self, payload: &[u8]) -> git::error::Result<String> {
        let sign = || self.0.sign(NAMESPACE, HashAlg::Sha512, payload)?.to_pem(LineEnding::LF);
        sign().map_err(|error: ssh_key::Error| git::error::Error::Other {
            attempt: "sign a commit",
            stderr: error.to_string(),
        })
    }
}

impl RawSigner for SigningKey {
    fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    fn sign_raw(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let signature =
            self.0.try_sign(bytes).map_err(|error| anyhow!("sign a record: {error}"))?;
        Ok(signature.as_bytes().to_vec())
    }
}

impl SigningKeys {
    /// Reads the keys, or makes the first.
    pub async fn open(store: &Store) -> Result<Self> {
        let org = OrgId::default_org();
        let mut all = Vec::new();
        for name in store.sealed_names(&org, OWNER).await.context("list the signing keys")? {
            let value = store.unseal(&org, OWNER, &name).await.context("open a signing key")?;
            let value = value.context("a signing key is gone")?;
            all.push(serde_json::from_str::<Kept>(value.expose()).context("read a signing key")?);
        }
        all.sort_by_key(|kept| kept.number);
        if all.last().is_none_or(|kept| kept.seed.is_none()) {
            all.push(made(store, all.len()).await?);
        }
        // A crash in the middle of a rotation left the one before in use, too.
        let before = all.len() - 1;
        for kept in all.iter_mut().take(before).filter(|kept| kept.seed.is_some()) {
            retire(store, kept).await?;
        }
        let current = Arc::new(key_of(all.last().context("there is no signing key")?)?);
        Ok(Self { kept: RwLock::new(Keys { all, current }), turn: tokio::sync::Mutex::default() })
    }

    /// The key that signs now.
    pub fn current(&self) -> Arc<SigningKey> {
        Arc::clone(&self.kept.read().unwrap_or_else(PoisonError::into_inner).current)
    }

    /// Makes a new key and retires the one before, whose private half is thrown away.
    pub async fn rotate(&self, store: &Store) -> Result<()> {
        let _alone = self.turn.lock().await;
        let mut all = self.kept.read().unwrap_or_else(PoisonError::into_inner).all.clone();
        let new = made(store, all.len()).await?;
        let current = Arc::new(key_of(&new)?);
        all.push(new);
        let mut kept = Keys { all: all.clone(), current };
        // What is signed from here on is signed by the new one.
        std::mem::swap(&mut *self.kept.write().unwrap_or_else(PoisonError::into_inner), &mut kept);
        let before = all.len() - 1;
        for kept in all.iter_mut().take(before).filter(|kept| kept.seed.is_some()) {
            retire(store, kept).await?;
        }
        self.kept.write().unwrap_or_else(PoisonError::into_inner).all = all;
        Ok(())
    }

    /// What everybody may know of them, newest first, for the bot of this address.
    pub fn shown(&self, email: &str) -> SigningKeysBody {
        let all = self.kept.read().unwrap_or_else(PoisonError::into_inner).all.clone();
        let lines = all.iter().rev().map(|kept| allowed_signer(email, kept));
        let allowed_signers = lines.collect();
        let body = |kept: Kept| SigningKeyBody {
            fingerprint: fingerprint(&kept.public),
            public_key: kept.public,
            created_at: timestamp(kept.created_ms),
            retired_at: kept.retired_ms.map(timestamp),
        };
        SigningKeysBody { items: all.into_iter().rev().map(body).collect(), allowed_signers }
    }
}

/// A line for git's `gpg.ssh.allowedSignersFile`.
fn allowed_signer(email: &str, Kept { public, retired_ms, .. }: &Kept) -> String {
    let until = retired_ms.map(|ms| {
        // Commits tell whole seconds: what was signed in the last one still counts.
        let at = jiff::Timestamp::from_second(ms / 1000 + 1).unwrap_or_default();
        format!(",valid-before=\"{}\"", at.strftime("%Y%m%d%H%M%SZ"))
    });
    format!("{email} namespaces=\"{NAMESPACE}\"{} {public}\n", until.unwrap_or_default())
}

fn fingerprint(public: &str) -> String {
    let key = PublicKey::from_openssh(public).ok();
    key.map(|key| key.fingerprint(HashAlg::Sha256).to_string()).unwrap_or_default()
}

fn key_of(kept: &Kept) -> Result<SigningKey> {
    let mut seed = [0; SEED_BYTES];
    let text = kept.seed.as_deref().context("the signing key has no private half")?;
    hex::decode_to_slice(text, &mut seed).context("read a signing key")?;
    Ok(SigningKey(PrivateKey::from(Ed25519Keypair::from_seed(&seed))))
}

async fn made(store: &Store, before: usize) -> Result<Kept> {
    let mut seed = [0; SEED_BYTES];
    getrandom::fill(&mut seed).map_err(|error| anyhow!("no random bytes: {error}"))?;
    let private = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let kept = Kept {
        number: u32::try_from(before + 1).context("too many signing keys")?,
        public: private.public_key().to_openssh().context("write a public key")?,
        seed: Some(hex::encode(seed)),
        created_ms: now_ms(),
        retired_ms: None,
    };
    keep(store, &kept).await?;
    Ok(kept)
}

async fn retire(store: &Store, kept: &mut Kept) -> Result<()> {
    kept.seed = None;
    kept.retired_ms = Some(now_ms());
    keep(store, kept).await
}

async fn keep(store: &Store, kept: &Kept) -> Result<()> {
    let value = SealedValue {
        owner: OWNER.to_owned(),
        // Names sort as their numbers do.
        name: format!("{:06}", kept.number),
        value: Secret::new(serde_json::to_string(kept).context("write a signing key")?),
        at_ms: kept.created_ms,
    };
    store.seal(&OrgId::default_org(), value).await.context("keep a signing key")
}

impl App {
    /// What signs the commits that are made now.
    pub fn signer(&self) -> Arc<SigningKey> {
        self.signing.current()
    }
}
