//! Roles of AWS: a sandbox signs its requests with a key that is worth nothing, and on the way to AWS they are signed
//! anew with short-lived credentials of the role.
//!
//! Read in this order: [`sign`] is Signature Version 4, `presented` reads what a sandbox signed, `place` tells AWS's
//! own hosts from those that anybody may have there, `handed_out` names what would bring credentials inside, `exchange`
//! signs anew, `told` says in AWS's form what was refused.
//!
//! TRUST: of the role's credentials only the key's id and the session token are ever on a wire, and both are worth
//! nothing without the secret key, which signs here and goes nowhere.

pub mod sign;
pub(crate) mod presented;
mod place;
mod handed_out;
pub(crate) mod exchange;
pub(crate) mod told;

use crate::audit::{GrantName, Peer};
use crate::host::Authority;
use crate::pattern::{Pattern, Scheme};
use crate::policy::Policy;
use crate::spelling::spellings;
use crate::swap::Swaps;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::{Arc, OnceLock};

/// What the hosts of AWS end with.
pub const DOMAINS: [&str; 2] = ["amazonaws.com", "amazonaws.com.cn"];
/// The beginning of ids of short-lived keys.
const TEMPORARY: &str = "ASIA";
/// Letters of an id.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Those after its beginning.
const ID_LETTERS: usize = 16;
/// Bytes of a secret key.
const SECRET_BYTES: usize = 40;

/// A pair of keys with the token of its session.
pub struct Keys {
    /// The id, which is no secret.
    pub id: String,
    /// What signs.
    pub secret: SecretString,
    /// Which session; none for keys that last.
    pub token: Option<SecretString>,
    scrub: OnceLock<Option<Swaps>>,
}

impl Keys {
    /// Keys of a session, or lasting ones.
    pub const fn new(id: String, secret: SecretString, token: Option<SecretString>) -> Self {
        Self { id, secret, token, scrub: OnceLock::new() }
    }

    /// What stands for a role's keys inside one agent's sandbox: the same whenever it is asked for, another one for every
    /// other agent and role, and of the shape that programs expect.
    pub fn placeholder(key: &[u8; 32], agent: &str, role: &str) -> Self {
        let derive = |what: &str| {
            let mut hasher = blake3::Hasher::new_keyed(key);
            for text in ["aws", what, agent, role] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
            hasher.finalize()
        };
        let letters = derive("id").as_bytes().iter().take(ID_LETTERS).fold(
            String::from(TEMPORARY),
            |mut id, byte| {
                id.extend(LETTERS.get(usize::from(byte % 32)).map(|letter| char::from(*letter)));
                id
            },
        );
        let secret: String = derive("secret").to_hex().chars().take(SECRET_BYTES).collect();
        let token = format!("errand{}", derive("token").to_hex());
        Self::new(letters, secret.into(), Some(token.into()))
    }

    /// Replaces these keys by others in what is answered, wherever it repeats them, and leaves every length as it is.
    fn scrub(&self, inside: &Self) -> Option<Swaps> {
        let made = self.scrub.get_or_init(|| {
            let pair = |real: &str, stands: &str| -> Vec<_> {
                let fill = |length: usize| stands.bytes().cycle().take(length).collect();
                let all = spellings(real).into_iter();
                all.map(|found| (found.clone(), fill(found.len()))).collect()
            };
            let mut pairs = pair(&self.id, &inside.id);
            if let (Some(token), Some(stands)) = (&self.token, &inside.token) {
                pairs.extend(pair(token.expose_secret(), stands.expose_secret()));
            }
            Swaps::new(pairs)
        });
        made.clone()
    }
}

/// A role that an agent acts under.
#[derive(Clone)]
pub struct Role {
    /// The secret that names it.
    pub name: GrantName,
    /// Its ARN.
    pub arn: String,
    /// What its trust policy asks for.
    pub external_id: String,
    /// What the sandbox has in place of its keys.
    pub inside: Arc<Keys>,
    /// Hosts besides AWS's own where requests are signed with it.
    pub endpoints: Vec<Pattern>,
    /// What the agent may reach without it, and so without a signature.
    pub otherwise: Policy,
}

impl Role {
    /// What is reached because there is a role.
    pub fn opens(endpoints: &[Pattern]) -> Vec<Pattern> {
        let own =
            DOMAINS.iter().filter_map(|name| Pattern::parse(&format!("https://*.{name}")).ok());
        own.chain(endpoints.iter().cloned()).collect()
    }

    /// Whether requests to a host are signed with it.
    pub(crate) fn covers(&self, target: &Authority, scheme: Scheme) -> bool {
        let is_own = scheme == Scheme::Https && place::domain(&target.host).is_some();
        is_own || self.is_endpoint(target, scheme)
    }

    pub(crate) fn is_endpoint(&self, target: &Authority, scheme: Scheme) -> bool {
        self.endpoints.iter().any(|pattern| {
            pattern.covers_host(&target.host)
                && pattern.covers_port(target.port)
                // In the clear only where somebody wrote so.
                && (scheme == Scheme::Https || pattern.scheme() == Some(Scheme::Http))
                && pattern.covers_scheme(scheme)
        })
    }
}

/// Why a role's credentials cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// Plain words: why, and what to do.
    pub words: String,
    /// It may be better in a moment.
    pub passes: bool,
}

/// Acts under roles.
pub trait Roles: Send + Sync {
    /// Credentials of a role for an agent's session, which last for the next moments.
    fn credentials<'a>(
        &'a self,
        peer: Peer,
        role: &'a Role,
    ) -> BoxFuture<'a, Result<Arc<Keys>, Unavailable>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_have_the_shape_of_keys_and_are_an_agents_own() {
        let one = Keys::placeholder(&[7; 32], "one", "role");
        assert!(one.id.starts_with("ASIA") && one.id.len() == 20, "{}", one.id);
        assert!(one.id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
        assert_eq!(one.secret.expose_secret().len(), 40);
        assert_eq!(one.id, Keys::placeholder(&[7; 32], "one", "role").id);
        for other in [
            Keys::placeholder(&[7; 32], "two", "role"),
            Keys::placeholder(&[7; 32], "one", "other"),
            Keys::placeholder(&[8; 32], "one", "role"),
        ] {
            assert_ne!(one.id, other.id);
            assert_ne!(one.secret.expose_secret(), other.secret.expose_secret());
        }
    }

    #[test]
    fn answers_keep_their_length_where_keys_are_taken_out() {
        let inside = Keys::placeholder(&[7; 32], "one", "role");
        let token = "IQoJb3JpZ2luX2Vj/real+token==";
        let real = Keys::new("ASIAREALREALREALREAL".into(), "s".into(), Some(token.into()));
        let scrub = real.scrub(&inside).unwrap();
        let answer = format!("<Id>{}</Id><T>{token}</T>", real.id);
        let left = String::from_utf8(scrub.all(answer.as_bytes())).unwrap();
        assert_eq!(left.len(), answer.len());
        assert!(left.contains(&format!("<Id>{}</Id>", inside.id)), "{left}");
        assert!(!left.contains("real"), "{left}");
    }
}
