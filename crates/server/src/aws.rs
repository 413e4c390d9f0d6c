//! Roles of AWS that agents act under: the server assumes them with credentials of its own and an external id, and
//! the gateway signs with what it gets.
//!
//! Read in this order: `base` is who the server is at AWS, `question` asks a service as that, `sts` asks for roles,
//! `words` says what went wrong.
//!
//! TRUST: a role's credentials are in the memory of this process only: not in the store, no event, no log line.

pub(crate) mod base;
pub(crate) mod question;
mod sts;
mod words;

use crate::clock::now_ms;
use crate::config::AwsConfig;
use crate::secrets::{Held, Owner};
use crate::seeds::Seeds;
use anyhow::{Context, Result};
use base::Base;
use futures::future::BoxFuture;
use gateway::audit::{GrantName, Peer};
use gateway::aws::{Keys, Role, Roles, Unavailable};
use gateway::pattern::Pattern;
use gateway::policy::Policy;
use model::http::HttpClient;
use protocol::api::aws::{AwsAsked, AwsBody, ROLE_SECRETS};
use protocol::api::timestamp;
use protocol::ids::{AgentId, OrgId};
use protocol::limits::AWS_ROLE_PAUSE_MS;
use question::Failed;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sts::Assumed;
use tokio::sync::Mutex as Slot;

/// Stands where the principal is not known yet.
const NO_PRINCIPAL: &str = "arn of the principal whose credentials are configured under [aws]";
/// The session in which a role is tried.
const TRIAL: &str = "errand-trial";

/// What agents have of roles, by the role's ARN and the external id.
type Sessions = HashMap<(AgentId, String, String), Arc<Slot<Session>>>;

/// The server at AWS.
pub struct Aws {
    config: AwsConfig,
    http: HttpClient,
    principal: Slot<Option<String>>,
    sessions: Mutex<Sessions>,
    last: Mutex<Option<AwsAsked>>,
}

/// What an agent has of a role.
#[derive(Default)]
struct Session {
    assumed: Option<Assumed>,
    /// Until when AWS is not asked again, and what is said meanwhile.
    failed: Option<(i64, Unavailable)>,
}

impl Session {
    fn matters_at(&self, now_ms: i64) -> bool {
        self.good_at(now_ms).is_some()
            || self.failed.as_ref().is_some_and(|(until, _)| now_ms < *until)
    }

    fn good_at(&self, now_ms: i64) -> Option<Arc<Keys>> {
        self.assumed.as_ref().filter(|kept| now_ms < kept.expires_ms).map(|kept| kept.keys.clone())
    }
}

impl Aws {
    /// As configured.
    pub fn new(config: &AwsConfig, http: HttpClient) -> Self {
        Self {
            config: config.clone(),
            http,
            principal: Slot::default(),
            sessions: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// How agents act under roles; `role` is the team's, and of the external ids the second one the caller's own.
    pub async fn describe(
        &self,
        role: Option<String>,
        [external_id, own_external_id]: [String; 2],
    ) -> AwsBody {
        let asked = match self.config.is_configured() {
            true => self.principal().await.map(Some).map_err(|failed| words::of_server(&failed)),
            false => Ok(None),
        };
        let (principal, problem) = match asked {
            Ok(principal) => (principal, None),
            Err(problem) => (None, Some(problem)),
        };
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": principal.as_deref().unwrap_or(NO_PRINCIPAL) },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "sts:ExternalId": external_id } },
            }],
        });
        AwsBody {
            configured: self.config.is_configured(),
            principal,
            problem,
            external_id,
            own_external_id,
            trust_policy: format!("{policy:#}"),
            // Others' roles are nobody's business.
            last: lock(&self.last).clone().filter(|last| role.as_ref() == Some(&last.role)),
            role,
        }
    }

    /// Acts under a role once; says in words why that cannot be done.
    pub async fn try_role(&self, arn: &str, external_id: &str) -> Result<(), String> {
        let tried = self.assume((arn, external_id), TRIAL).await;
        tried.map(drop).map_err(|failed| words::of_role(&failed))
    }

    async fn principal(&self) -> Result<String, Failed> {
        let mut kept = self.principal.lock().await;
        if let Some(principal) = &*kept {
            return Ok(principal.clone());
        }
        let principal = self.sts().await?.caller().await?;
        *kept = Some(principal.clone());
        Ok(principal)
    }

    async fn assume(
        &self,
        (arn, external_id): (&str, &str),
        session: &str,
    ) -> Result<Assumed, Failed> {
        let assumed = async {
            let sts = self.sts().await?;
            sts.assume(arn, session, external_id, self.config.session_s).await
        };
        let assumed = assumed.await;
        let error = assumed.as_ref().err().map(words::of_role);
        if let Some(error) = &error {
            tracing::warn!(role = arn, session, error, "a role could not be assumed");
        }
        let at = timestamp(now_ms());
        *lock(&self.last) = Some(AwsAsked { role: arn.to_owned(), at, error });
        assumed
    }

    async fn sts(&self) -> Result<sts::Sts<'_>, Failed> {
        let base = Base::read(&self.config).await.map_err(Failed::NoBase)?;
        Ok(sts::Sts { config: &self.config, http: &self.http, base })
    }

    fn session(&self, agent: AgentId, role: &Role) -> Arc<Slot<Session>> {
        let now = now_ms();
        let mut sessions = lock(&self.sessions);
        // What somebody is about to use, or waits in, stays.
        sessions.retain(|_, slot| {
            Arc::strong_count(slot) > 1 || slot.try_lock().map_or(true, |it| it.matters_at(now))
        });
        let key = (agent, role.arn.clone(), role.external_id.clone());
        sessions.entry(key).or_default().clone()
    }

    /// Credentials that are good for a while. Those who ask at the same time wait for one answer.
    async fn keys(&self, agent: AgentId, role: &Role) -> Result<Arc<Keys>, Unavailable> {
        let slot = self.session(agent, role);
        let mut session = slot.lock().await;
        let now = now_ms();
        let early = i64::from(self.config.renew_before_s) * 1000;
        if let Some(keys) = session.good_at(now.saturating_add(early)) {
            return Ok(keys);
        }
        if let Some((until, why)) = session.failed.clone().filter(|(until, _)| now < *until) {
            tracing::debug!(until, "a role is not asked for again yet");
            return session.good_at(now).ok_or(why);
        }
        match self.assume((&role.arn, &role.external_id), &format!("errand-{agent}")).await {
            Ok(assumed) => {
                let keys = assumed.keys.clone();
                *session = Session { assumed: Some(assumed), failed: None };
                Ok(keys)
            }
            Err(failed) => {
                let why = Unavailable { words: words::of_role(&failed), passes: failed.passes() };
                // TRUST: a role that was taken away is not used to the end of its session; where nobody answered,
                // what was given is good until then.
                if !why.passes {
                    session.assumed = None;
                }
                session.failed = Some((now_ms().saturating_add(AWS_ROLE_PAUSE_MS), why.clone()));
                session.good_at(now_ms()).ok_or(why)
            }
        }
    }
}

impl Roles for Aws {
    fn credentials<'a>(
        &'a self,
        peer: Peer,
        role: &'a Role,
    ) -> BoxFuture<'a, Result<Arc<Keys>, Unavailable>> {
        Box::pin(self.keys(peer.agent, role))
    }
}

/// No code that holds such a lock can panic halfway through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which of an agent's secrets names its role.
fn chosen(held: &[Held]) -> Option<&Held> {
    let named = |name: &&str| held.iter().find(|held| held.name.eq_ignore_ascii_case(name));
    ROLE_SECRETS.iter().find_map(named)
}

/// What stands for the role's keys inside.
fn inside(key: &[u8; 32], agent: AgentId, held: &Held) -> Keys {
    Keys::placeholder(key, &agent.to_string(), held.value.expose())
}

/// The role that an agent acts under, besides what it may do `otherwise`.
pub fn role(
    (config, seeds): (&AwsConfig, &Seeds),
    (org, agent): (&OrgId, AgentId),
    held: &[Held],
    otherwise: &Policy,
) -> Result<Option<Role>> {
    let Some(held) = chosen(held) else { return Ok(None) };
    Ok(Some(Role {
        name: GrantName { name: held.name.clone(), id: held.id.clone() },
        arn: held.value.expose().to_owned(),
        external_id: external_id(seeds, org, &held.owner),
        inside: Arc::new(inside(&seeds.placeholders(), agent, held)),
        endpoints: endpoints(config)?,
        otherwise: otherwise.clone(),
    }))
}

/// What the trust policy of a role asks for that is kept by this owner.
///
/// TRUST: what is everybody's, or a saved environment's, only an administrator keeps.
pub fn external_id(seeds: &Seeds, org: &OrgId, owner: &Owner) -> String {
    match owner {
        Owner::User(key) => seeds.external_id(org, Some(key)),
        Owner::Environment(_) | Owner::Team => seeds.external_id(org, None),
    }
}

/// Hosts besides AWS's own where requests are signed.
pub fn endpoints(config: &AwsConfig) -> Result<Vec<Pattern>> {
    let parse = |entry: &String| Pattern::parse(entry).map(Pattern::opened);
    config.endpoints.iter().map(parse).collect::<Result<_, _>>().context("aws.endpoints")
}

/// The variables by which programs inside find their keys. What an agent brings itself stays: keys of two owners are
/// worth nothing together.
pub fn variables(
    (config, key): (&AwsConfig, &[u8; 32]),
    agent: AgentId,
    held: &[Held],
    has: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    let Some(held) = chosen(held).filter(|_| !KEYS.into_iter().any(&has)) else {
        return Vec::new();
    };
    let keys = inside(key, agent, held);
    let exposed = |secret: &secrecy::SecretString| {
        use secrecy::ExposeSecret as _;
        secret.expose_secret().to_owned()
    };
    let token = keys.token.as_ref().map(exposed).unwrap_or_default();
    let values = [keys.id.clone(), exposed(&keys.secret), token];
    let keys = KEYS.into_iter().zip(values);
    let regions = ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name, config.region.clone()));
    let all = keys.chain(regions.into_iter().filter(|(name, _)| !has(name)));
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What the model is told.
pub fn fact(held: &[Held]) -> Option<String> {
    chosen(held).map(|_| {
        "AWS_ACCESS_KEY_ID and its like hold placeholders. Use SDKs of AWS and its command line as they are: requests to \
         *.amazonaws.com are signed anew, under a role, on their way. What answers with credentials (assume-role, \
         get-session-token, ECR logins) is refused."
            .to_owned()
    })
}

/// Whether a text can be the ARN of a role.
pub fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return false };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte);
    matches!(*partition, "aws" | "aws-cn" | "aws-us-gov")
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && resource
            .strip_prefix("role/")
            .is_some_and(|name| !name.is_empty() && name.len() <= 576 && name.bytes().all(is_name))
}

#[cfg(test)]
mod tests;
