//! The installation's own secret, from which what sandboxes know of us is derived, so that it is kept nowhere else and
//! a sandbox outlives its server: the authorities that they trust, the placeholders that they hold.

use crate::clock;
use anyhow::{Context, Result};
use gateway::tls::SandboxAuthority;
use protocol::ids::OrgId;
use sandbox::provider::SandboxKey;
use secrecy::SecretString;
use store::Store;
use store::sealed::{SealedValue, Secret};
use uuid::Uuid;

/// Whose value the secret is.
const OWNER: &str = "installation";
/// Its name.
const NAME: &str = "seed";

/// What everything is derived from.
pub struct Seeds {
    root: [u8; 32],
}

impl Seeds {
    /// The secret of this installation, made at the first start.
    pub async fn open(store: &Store) -> Result<Self> {
        let org = OrgId::default_org();
        if let Some(kept) = store.unseal(&org, OWNER, NAME).await.context("open the seed")? {
            let mut root = [0; 32];
            hex::decode_to_slice(kept.expose(), &mut root).context("read the seed")?;
            return Ok(Self { root });
        }
        let mut root = [0; 32];
        getrandom::fill(&mut root).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        let value = SealedValue {
            owner: OWNER.to_owned(),
            name: NAME.to_owned(),
            value: Secret::new(hex::encode(root)),
            at_ms: clock::now_ms(),
        };
        store.seal(&org, value).await.context("keep the seed")?;
        Ok(Self { root })
    }

    /// The authority that one incarnation of a sandbox trusts.
    pub fn authority(&self, key: SandboxKey) -> Result<SandboxAuthority> {
        let name = key.to_string();
        SandboxAuthority::new(&self.derived("authority", &name), &name, clock::now_ms())
    }

    /// The key by which placeholders are made.
    pub fn placeholders(&self) -> [u8; 32] {
        self.derived("placeholders", "")
    }

    /// The key by which what stops a push is marked.
    pub fn push_marks(&self) -> [u8; 32] {
        self.derived("push marks", "")
    }

    /// What a host signs its deliveries with: another one for each repository of a connection, so that whoever enters
    /// it at one repository speaks for no other; that of no repository speaks for all.
    pub fn webhook(&self, connection: &str, repository: Option<&str>) -> SecretString {
        let of = repository.map_or_else(String::new, str::to_lowercase);
        SecretString::from(hex::encode(self.derived("webhook", &format!("{connection}\n{of}"))))
    }

    /// The uuid of what comes of something outside, the same each time it is asked for.
    pub fn uuid_of(&self, purpose: &str, of: &str) -> Uuid {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = self.derived(purpose, of);
        uuid::Builder::from_custom_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
            .into_uuid()
    }

    /// What trust policies of roles at AWS ask for, in four parts: one of an organisation, and one of each key, so
    /// that nobody has the server act under a role of others by naming it as their own.
    pub fn external_id(&self, org: &OrgId, key: Option<&str>) -> String {
        let of = key.map_or_else(|| org.to_string(), |key| format!("{org} {key}"));
        let digits = hex::encode(self.derived("aws external id", &of));
        let part = |from: usize| digits.get(from..from + 8).unwrap_or_default();
        format!("errand-{}-{}-{}", part(0), part(8), part(16))
    }

    fn derived(&self, purpose: &str, of: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.root);
        hasher.update(&(purpose.len() as u64).to_le_bytes());
        hasher.update(purpose.as_bytes());
        hasher.update(of.as_bytes());
        *hasher.finalize().as_bytes()
    }
}
