//! What an agent's sandbox may do on its way out: the operator's network, narrowed or filled by the environment file,
//! and what people allowed this agent besides. Never farther than the operator's mode.

use crate::agents::Handle;
use crate::app::App;
use crate::environments::{self, Followed, Reach};
use crate::sandbox_spec;
use agent::state::{Allowed, Living};
use anyhow::{Context, Result};
use gateway::attach::Rules;
use gateway::audit::Peer;
use gateway::grant::Grants;
use gateway::pattern::Pattern;
use gateway::policy::{EgressMode, Policy};
use protocol::ids::OrgId;

/// What an agent may do now.
pub async fn rules(app: &App, org: &OrgId, living: &Living) -> Result<Rules> {
    let followed = environments::followed(app, org, living).await?;
    of(app, living, followed.as_ref())
}

/// The same, where what it follows is known.
pub fn of(app: &App, living: &Living, followed: Option<&Followed>) -> Result<Rules> {
    let config = &app.config;
    let reach =
        followed.map(|followed| Reach::of(config, &followed.understood.environment)).transpose()?;
    let policy = match &reach {
        Some(reach) => reach.policy(config)?,
        None => sandbox_spec::policy(config)?,
    };
    let policy = with(policy, &living.allowed)?;
    Ok(Rules { policy, grants: Grants::default() })
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

/// The mode that holds for an agent.
pub async fn mode(app: &App, handle: &Handle) -> Result<EgressMode> {
    let view = handle.view().await?;
    Ok(rules(app, &handle.org, view.living()?).await?.policy.mode())
}

/// Has the gateway follow what an agent may do now, where it serves its sandbox.
pub async fn follow(app: &App, handle: &Handle) -> Result<()> {
    let Some(machine) = app.machines.get(handle.id).filter(|machine| machine.gateway.is_some())
    else {
        return Ok(());
    };
    let view = handle.view().await?;
    let rules = rules(app, &handle.org, view.living()?).await?;
    app.gateway.update(Peer { agent: handle.id, epoch: machine.epoch }, rules);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::host::Authority;
    use gateway::policy::Access;

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
