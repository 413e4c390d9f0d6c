//! What an agent's sandbox may do on its way out: the operator's network, narrowed or filled by the environment file,
//! and what people allowed this agent besides. Never farther than the operator's mode.

use crate::agents::Handle;
use crate::app::App;
use crate::aws;
use crate::dockerfile::BuildSecret;
use crate::environments::{self, Followed, Reach};
use crate::flow;
use crate::network::Network;
use crate::secrets::{self, Held, Phase};
use agent::flow::Flow;
use agent::state::{Allowed, Living};
use anyhow::{Context, Result};
use gateway::attach::Rules;
use gateway::audit::Peer;
use gateway::aws::Role;
use gateway::grant::{Grant, Grants, Places};
use gateway::pattern::Pattern;
use gateway::policy::{EgressMode, Policy, covers_registry};
use protocol::api::secrets::{SecretKind, SecretPlace};
use protocol::event::Event;
use protocol::flow::Legs;
use protocol::ids::{AgentId, OrgId};
use secrecy::SecretString;

/// What an agent may do as long as its ways out are not closed, and what decides about that.
struct Reachable {
    rules: Rules,
    /// The hosts of its own grants.
    own: Vec<Pattern>,
    legs: Legs,
}

impl Reachable {
    /// What is left of it where the rule of two closes ways out.
    fn under(self, flow: &Flow) -> Rules {
        let Rules { policy, grants, aws } = self.rules;
        let Some(reading) = flow.meeting().filter(|_| flow.is_closed()) else {
            return Rules { policy, grants, aws };
        };
        let closed = flow::closed(flow, reading, self.own);
        let policy = policy.closed(closed.clone());
        let aws = aws.map(|role| Role { otherwise: role.otherwise.clone().closed(closed), ..role });
        Rules { policy, grants, aws }
    }
}

/// What an agent may do now. Whoever asks has its turn (`Handle::serving`): what decides about it is told to its log
/// before anybody may do it.
pub async fn of(
    app: &App,
    handle: &Handle,
    living: &Living,
    followed: Option<&Followed>,
) -> Result<Rules> {
    let reachable = reachable(app, handle, living, followed).await?;
    if living.settings.build.is_some() || !living.flow.is_news(&reachable.legs) {
        return Ok(reachable.under(&living.flow));
    }
    let told = Event::LegsChanged { legs: reachable.legs.clone() };
    handle.report(vec![told], None).await.context("record what an agent could carry out")?;
    Ok(reachable.under(&handle.view().await?.living()?.flow))
}

async fn reachable(
    app: &App,
    handle: &Handle,
    living: &Living,
    followed: Option<&Followed>,
) -> Result<Reachable> {
    let network = network_of(app, &handle.org, living).await?;
    let reach = |followed: &Followed| Reach::of(&network, &followed.understood.environment);
    let phase = secrets::phase_of(living);
    let policy = match followed.map(reach).transpose()? {
        Some(reach) if phase == Phase::Build => reach.while_preparing(&network).policy(&network)?,
        Some(reach) => reach.policy(&network)?,
        None => network.policy()?,
    };
    let policy = with(policy, &living.allowed)?;
    let held = secrets::of_agent(app, &handle.org, living, phase).await?;
    let (grants, plain) = credentials(app, handle, &held).await?;
    let policy = with_grants(policy, &grants);
    let whose = (&handle.org, handle.id);
    let role = aws::role((&app.config.aws, &app.seeds), whose, &held, &policy)?;
    let policy = with_role(policy, role.as_ref());
    let own: Vec<_> = grants
        .iter()
        .flat_map(|grant| grant.hosts.iter().cloned())
        .chain(role.iter().flat_map(|role| Role::opens(&role.endpoints)))
        .collect();
    let legs = Legs {
        secrets: named(living, &held),
        outward: policy.outward(&own),
        when_all_three: network.when_all_three,
    };
    let rules = Rules { policy, grants: Grants::new(grants, plain), aws: role };
    Ok(Reachable { rules, own, legs })
}

/// Names of what is worth hiding, given plainly or not. Build secrets end before the agent begins.
fn named(living: &Living, held: &[Held]) -> Vec<String> {
    let counts =
        |held: &&Held| held.kind != SecretKind::BuildSecret && (held.is_hidden() || held.is_role());
    let names = held.iter().filter(counts).map(|held| held.name.clone());
    let mut names: Vec<_> = names.chain(living.settings.env_names.iter().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What the organisation lets agents of its repositories do.
pub async fn network_of(app: &App, org: &OrgId, living: &Living) -> Result<Network> {
    let repositories: Vec<_> = living.settings.repos.iter().map(|repo| repo.url.as_str()).collect();
    Network::of(app, org, &repositories).await
}

/// What the agent's secrets let it be, and the values that it knows itself.
async fn credentials(
    app: &App,
    handle: &Handle,
    held: &[Held],
) -> Result<(Vec<Grant>, Vec<SecretString>)> {
    let (mut grants, mut plain) = (Vec::new(), Vec::new());
    for held in held {
        if held.is_grant() {
            grants.push(grant(app, handle.id, held)?);
        } else if !held.is_role() {
            plain.push(SecretString::from(held.value.expose()));
        }
    }
    let launched = app.variables(&handle.org, handle.id).await?;
    plain.extend(launched.into_iter().map(|(_, value)| SecretString::from(value)));
    Ok((grants, plain))
}

/// What steps of a Dockerfile may be given, for an agent or a build.
pub async fn build_secrets(
    app: &App,
    handle: &Handle,
    living: &Living,
) -> Result<Vec<BuildSecret>> {
    let held = secrets::of_agent(app, &handle.org, living, Phase::Build).await?;
    let of_builds = held.iter().filter(|held| held.kind == SecretKind::BuildSecret);
    let secret =
        |held: &Held| Ok(BuildSecret { id: held.id.clone(), grant: grant(app, handle.id, held)? });
    of_builds.filter(|held| held.is_grant()).map(secret).collect()
}

fn grant(app: &App, agent: AgentId, held: &Held) -> Result<Grant> {
    let hosts = held.hosts.iter().map(|host| Pattern::parse(host).map(Pattern::opened));
    let is_in = |place| held.places.contains(&place);
    Ok(Grant {
        name: held.name.clone(),
        id: held.id.clone(),
        placeholder: held.placeholder(app, agent),
        value: SecretString::from(held.value.expose()),
        hosts: hosts.collect::<Result<_, _>>().context("read the hosts of a secret")?,
        places: Places {
            header: is_in(SecretPlace::Header),
            basic: is_in(SecretPlace::Basic),
            query: is_in(SecretPlace::Query),
            body: is_in(SecretPlace::Body),
        },
    })
}

/// Where a credential may go one may go, too; but a registry is only read, also with one.
pub fn with_grants(policy: Policy, grants: &[Grant]) -> Policy {
    if !may_be_added_to(policy.mode()) {
        return policy;
    }
    let hosts = grants.iter().flat_map(|grant| &grant.hosts);
    policy.and(hosts.filter(|host| !covers_registry(host)).cloned().collect())
}

/// And where a role may act.
fn with_role(policy: Policy, role: Option<&Role>) -> Policy {
    match role {
        Some(role) if may_be_added_to(policy.mode()) => policy.and(Role::opens(&role.endpoints)),
        Some(_) | None => policy,
    }
}

/// The policy with what people allowed; where nothing may be added, nothing is.
fn with(policy: Policy, allowed: &[Allowed]) -> Result<Policy> {
    if !may_be_added_to(policy.mode()) {
        return Ok(policy);
    }
    let entries = allowed.iter().map(|allowed| Pattern::parse(&allowed.entry));
    Ok(policy.and(entries.collect::<Result<Vec<_>, _>>().context("read allowed hosts")?))
}

/// Whether the operator leaves it to others to name hosts.
pub const fn may_be_added_to(mode: EgressMode) -> bool {
    match mode {
        EgressMode::Packages | EgressMode::Open => true,
        EgressMode::Offline | EgressMode::Allowlist => false,
    }
}

/// What a machine may do in which the server checks an agent's commit: as far as the agent's own, without a credential.
pub async fn without_credentials(app: &App, handle: &Handle) -> Result<Rules> {
    let view = handle.view().await?;
    let living = view.living()?;
    let followed = environments::followed(app, &handle.org, living).await?;
    let rules = reachable(app, handle, living, followed.as_ref()).await?.under(&living.flow);
    Ok(Rules { policy: rules.policy, grants: Grants::default(), aws: None })
}

/// The mode that holds for an agent.
pub async fn mode(app: &App, handle: &Handle) -> Result<EgressMode> {
    Ok(policy(app, handle).await?.mode())
}

/// What holds for an agent as long as its ways out are not closed.
pub async fn policy(app: &App, handle: &Handle) -> Result<Policy> {
    let view = handle.view().await?;
    let living = view.living()?;
    let followed = environments::followed(app, &handle.org, living).await?;
    Ok(reachable(app, handle, living, followed.as_ref()).await?.rules.policy)
}

/// What becomes of what was opened under other rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// It goes on, unless it carries out what may not be carried any more.
    Stays,
    /// It ends.
    Ends,
}

/// Has the gateway follow what an agent may do now, where it serves its sandbox.
pub async fn follow(app: &App, handle: &Handle) -> Result<()> {
    change(app, handle, Opened::Stays).await
}

/// The same, and ends what was opened while the sandbox could do more.
pub async fn narrow(app: &App, handle: &Handle) -> Result<()> {
    change(app, handle, Opened::Ends).await
}

/// One at a time: what was looked at earlier never takes the place of what was looked at later.
async fn change(app: &App, handle: &Handle, opened: Opened) -> Result<()> {
    let _turn = handle.serving.lock().await;
    let Some(machine) = app.machines.get(handle.id).filter(|machine| machine.gateway.is_some())
    else {
        return Ok(());
    };
    let view = handle.view().await?;
    let living = view.living()?;
    let followed = environments::followed(app, &handle.org, living).await?;
    let rules = of(app, handle, living, followed.as_ref()).await?;
    let peer = Peer { agent: handle.id, epoch: machine.epoch };
    match (opened, rules.policy.why_closed().is_some()) {
        (Opened::Ends, _) => app.gateway.narrow(peer, rules),
        (Opened::Stays, true) => app.gateway.close(peer, rules),
        (Opened::Stays, false) => app.gateway.update(peer, rules),
    };
    Ok(())
}

/// TRUST: it may have had more than it may now.
fn shut(app: &App, agent: AgentId) {
    let Some(machine) = app.machines.get(agent) else { return };
    let policy = Policy::new(EgressMode::Offline, Vec::new());
    let rules = Rules { policy, grants: Grants::default(), aws: None };
    app.gateway.narrow(Peer { agent, epoch: machine.epoch }, rules);
}

/// The same for all whose sandbox is up: what they may do has changed for many.
pub async fn follow_all(app: &App) {
    for agent in app.machines.up() {
        let handle = app.agents.handle(&OrgId::default_org(), agent);
        if let Err(error) = follow(app, &handle).await {
            let error = format!("{error:#}");
            tracing::warn!(agent.id = %agent, error, "what an agent may reach is not known: nothing until its next message");
            shut(app, agent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::host::Authority;
    use gateway::pattern::{Ask, Scheme};
    use gateway::policy::Access;

    #[test]
    fn a_grant_opens_its_own_hosts_and_no_registry_for_writing() {
        let grant = |host: &str| Grant {
            name: "TOKEN".to_owned(),
            id: "secv_1".to_owned(),
            placeholder: "errand".to_owned(),
            value: SecretString::from("value"),
            hosts: vec![Pattern::parse(host).unwrap()],
            places: Places::default(),
        };
        let grants = ["api.example", "registry.npmjs.org", "*.pypi.org"].map(grant);
        let policy = with_grants(Policy::new(EgressMode::Packages, vec![]), &grants);
        for (host, writes) in
            [("api.example", true), ("registry.npmjs.org", false), ("upload.pypi.org", false)]
        {
            let target = Authority::parse(host, Some(443)).unwrap();
            let ask = Ask { scheme: Scheme::Https, method: "PUT", path: "/", websocket: false };
            let judged = policy.judge(&target, Access::Request(&ask));
            assert_eq!(judged.is_ok(), writes, "{host}");
        }
    }

    #[test]
    fn what_is_allowed_is_added_where_the_operator_leaves_that_to_others() {
        let allowed = [Allowed { entry: "extra.example".to_owned(), run: None }];
        let target = Authority::parse("extra.example:443", None).unwrap();
        for (mode, expected) in [
            (EgressMode::Offline, false),
            (EgressMode::Allowlist, false),
            (EgressMode::Packages, true),
            (EgressMode::Open, true),
        ] {
            let policy = with(Policy::new(mode, vec![]), &allowed).unwrap();
            assert_eq!(policy.judge(&target, Access::Connect).is_ok(), expected, "{mode:?}");
        }
    }
}
