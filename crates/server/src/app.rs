//! What a server is made of; every handler and every effect is given it.

use crate::agents::Agents;
use crate::audit::windows::Windows;
use crate::auth::Auth;
use crate::auth::addresses::Addresses;
use crate::aws::Aws;
use crate::browser::Browsers;
use crate::builder::Builders;
use crate::builds::Manifests;
use crate::clock::now_ms;
use crate::config::Config;
use crate::findings::Judged;
use crate::first_look::FirstLooks;
use crate::forges::Forges;
use crate::images::Images;
use crate::keys::Keys;
use crate::machines::Machines;
use crate::models_inside::ModelsInside;
use crate::presence::Presence;
use crate::preview::Previews;
use crate::privileges::Identity;
use crate::pull_requests::StoredPullRequests;
use crate::rate::Rate;
use crate::roster::Roster;
use crate::saved_environments::SavedEnvironments;
use crate::secrets::Secrets;
use crate::seeds::Seeds;
use crate::signing::SigningKeys;
use crate::ssh::HostKey;
use crate::starts::Starts;
use crate::terminals::Terminals;
use crate::vault::Rotation;
use anyhow::Result;
use gateway::attach::Gateway;
use git::remote::FarEndProgram;
use git::runner::Git;
use model::catalog::Catalog;
use model::http::HttpClient;
use protocol::api::agents::DoctorCheck;
use protocol::ids::{AgentId, LayerId, OrgId};
use sandbox::local::LocalProvider;
use sandbox::provider::Provider;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use store::Store;
use store::sealed::{SealedValue, Secret};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The way to the app from what it is made of, such as what the gateway asks; empty until there is one, and once it
/// is gone.
#[derive(Default)]
pub struct AppCell(OnceLock<Weak<App>>);

impl AppCell {
    /// There it is.
    pub fn fill(&self, app: &Arc<App>) {
        self.0.get_or_init(|| Arc::downgrade(app));
    }

    /// The app.
    pub fn get(&self) -> Option<Arc<App>> {
        self.0.get()?.upgrade()
    }
}

/// A running server.
pub struct App {
    /// As read at start.
    pub config: Config,
    /// The data folder.
    pub data: PathBuf,
    /// Address that people and links use, without a slash at the end.
    pub public_url: String,
    /// Names this process among the holders of leases.
    pub holder: String,
    /// Everything that lasts.
    pub store: Store,
    /// Starts git.
    pub git: Git,
    /// The one HTTP client.
    pub http: HttpClient,
    /// The server at AWS.
    pub aws: Arc<Aws>,
    /// The models.
    pub catalog: Catalog,
    /// Which of them programs inside sandboxes may ask; none unless configured.
    pub models_inside: Option<Arc<ModelsInside>>,
    /// Makes sandboxes.
    pub provider: Arc<dyn Provider>,
    /// What they stand on in place of the host's programs, if the operator has it so.
    pub base: Option<LayerId>,
    /// Fetches what they stand on by their environment file.
    pub images: Images,
    /// Machines in which layers are made.
    pub builders: Builders,
    /// What is derived for sandboxes.
    pub seeds: Seeds,
    /// The keys that sign commits.
    pub signing: SigningKeys,
    /// The only way out of them.
    pub gateway: Gateway,
    /// The way from those that it calls back to this.
    pub cell: Arc<AppCell>,
    /// What left in the last seconds.
    pub windows: Arc<Windows>,
    /// Hosts of repositories that are connected.
    pub forges: Forges,
    /// Pull requests kept by Errand itself.
    pub pull_requests: Arc<StoredPullRequests>,
    /// Signs links that carry their own right.
    pub link_key: [u8; 32],
    /// Who the server runs as.
    pub identity: Identity,
    /// Repositories of this host, where the server may not read them itself.
    pub far_end: Option<LocalFarEnd>,
    /// What the model is told of repositories before it looks itself.
    pub first_looks: FirstLooks,
    /// Lets environments that are kept here be changed one at a time.
    pub saved_environments: SavedEnvironments,
    /// How the key of stored values is changed.
    pub rotation: Arc<Rotation>,
    /// Lets secrets be changed one at a time.
    pub secrets: Secrets,
    /// What agents that start from the same commit share.
    pub starts: Starts,
    /// The key of machines' SSH.
    pub ssh_key: HostKey,
    /// People at terminals.
    pub terminals: Terminals,
    /// What builds bring that runs by itself, as far as somebody asked.
    pub manifests: Manifests,
    /// What diffs hold that somebody asked for lately.
    pub judged: Judged,
    /// People at browsers.
    pub browsers: Browsers,
    /// Browsers that may see ports of sandboxes.
    pub previews: Previews,
    /// Links to sandboxes.
    pub machines: Machines,
    /// Agents that are awake.
    pub agents: Agents,
    /// Keys of the API.
    pub keys: Keys,
    /// Names and origins that are ours.
    pub addresses: Addresses,
    /// Codes, tickets, and what hangs on a credential.
    pub auth: Auth,
    /// Who watches which agent.
    pub presence: Presence,
    /// Tells lists what changed.
    pub roster: Roster,
    /// Requests a key may make.
    pub rate: Rate,
    /// Every task of the server; awaited before it ends.
    pub tasks: TaskTracker,
    /// Ends the server.
    pub shutdown: CancellationToken,
}

/// The launcher as the way into repositories of this host.
pub struct LocalFarEnd {
    /// What git starts to fetch and push.
    pub program: FarEndProgram,
    /// Keeps large files there.
    pub keeper: Arc<LocalProvider>,
}

impl App {
    /// Variables of an agent, ready to be sealed with the events that name them.
    pub fn sealed_variables(
        &self,
        agent: AgentId,
        variables: &BTreeMap<String, String>,
    ) -> Vec<SealedValue> {
        let seal = |(name, value): (&String, &String)| SealedValue {
            owner: variable_owner(agent),
            name: name.clone(),
            value: Secret::new(value.clone()),
            at_ms: now_ms(),
        };
        variables.iter().map(seal).collect()
    }

    /// The variables of an agent in plain text, for its sandbox only.
    pub async fn variables(&self, org: &OrgId, agent: AgentId) -> Result<Vec<(String, String)>> {
        let owner = variable_owner(agent);
        let mut variables = Vec::new();
        for name in self.store.sealed_names(org, &owner).await? {
            if let Some(value) = self.store.unseal(org, &owner, &name).await? {
                variables.push((name, value.expose().to_owned()));
            }
        }
        Ok(variables)
    }

    /// Whether machines may begin with images that environment files ask for.
    pub fn takes_images(&self) -> bool {
        let is_root = !matches!(self.identity, Identity::Ordinary { .. });
        // What agents share has a root already.
        is_root && !self.config.sandbox.shared && !self.config.images.registries.is_empty()
    }

    /// Counters for `/metrics`: name, kind, help, value.
    pub fn counters(&self) -> Vec<(&'static str, &'static str, &'static str, u64)> {
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        vec![
            ("errand_agents_awake", "gauge", "Agents held in memory.", count(self.agents.awake())),
            (
                "errand_sandboxes_linked",
                "gauge",
                "Sandboxes that can be spoken to.",
                count(self.machines.count()),
            ),
            ("errand_tasks", "gauge", "Tasks of the server.", count(self.tasks.len())),
        ]
    }

    /// What the provider finds on this host.
    pub async fn provider_checks(&self) -> Result<Vec<DoctorCheck>> {
        let mut checks = vec![self.identity.check()];
        let report = match self.provider.validate(self.base.as_slice()).await {
            Ok(report) => report,
            Err(error) => {
                let check = DoctorCheck {
                    name: "sandbox".to_owned(),
                    state: "missing".to_owned(),
                    detail: error.to_string(),
                };
                checks.push(check);
                return Ok(checks);
            }
        };
        checks.extend(crate::doctor::checks(&report));
        Ok(checks)
    }
}

/// Owner of an agent's variables among the sealed values.
fn variable_owner(agent: AgentId) -> String {
    // The store forgets what belongs to an agent with the agent.
    agent.to_string()
}
