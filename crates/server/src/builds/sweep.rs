//! Removes what builds left and nobody begins with any more.

use super::{Build, Environment, all, forget};
use crate::app::App;
use crate::clock::now_ms;
use crate::images;
use anyhow::{Context, Result};
use protocol::ids::{LayerId, OrgId};
use sandbox::provider::{Layer, ProviderError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Time that a layer is left alone after it was made or used: an agent may have been opened with it
/// whose machine is still to come.
const GRACE_MS: i64 = 60 * 60 * 1000;
/// Length of a day, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Forgets builds that no machine began with for as long as is configured, and removes layers that no
/// environment names.
pub async fn sweep(app: &Arc<App>) -> Result<()> {
    let org = OrgId::default_org();
    let layers = app.provider.layers().await.context("list layers")?;
    let used: BTreeMap<LayerId, i64> =
        layers.iter().map(|layer| (layer.id, used_ms(layer))).collect();
    let oldest = now_ms().saturating_sub(i64::from(app.config.builds.keep_days) * DAY_MS);
    let mut named: BTreeSet<LayerId> = app.base.into_iter().collect();
    named.extend(images::named(app, &org, &layers, oldest).await?);
    for (key, environment) in all(app, &org).await? {
        let old = expired(&environment, &used, oldest);
        for build in &old {
            tracing::info!(layer = %build.layer, "nobody began with this build for long: it goes");
            forget(app, &org, &key, build).await?;
        }
        let stay = environment.builds.iter().filter(|build| !old.contains(build));
        named.extend(stay.map(|build| build.layer));
    }
    let newest = now_ms().saturating_sub(GRACE_MS);
    // Newest first: what stands on another layer goes before that one, in the same round.
    let unnamed = layers.iter().rev().filter(|layer| !named.contains(&layer.id));
    for layer in unnamed.filter(|layer| used_ms(layer) < newest) {
        match app.provider.remove_layer(layer.id).await {
            Ok(()) => tracing::info!(layer = %layer.id, "removed a layer that nobody begins with"),
            // A disk or another layer stands on it.
            Err(ProviderError::Refused(_)) => {}
            Err(error) => return Err(error).context("remove a layer"),
        }
    }
    Ok(())
}

fn used_ms(layer: &Layer) -> i64 {
    i64::try_from(layer.last_used_ms.max(layer.made_at_ms)).unwrap_or(i64::MAX)
}

/// Builds whose layer was used last before this moment, or that failed before it.
fn expired(environment: &Environment, used: &BTreeMap<LayerId, i64>, oldest: i64) -> Vec<Build> {
    let is_old = |build: &&Build| {
        let last = used.get(&build.layer).copied().unwrap_or(build.created_ms);
        last.max(build.created_ms) < oldest
    };
    environment.builds.iter().filter(is_old).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;
    use protocol::ids::AgentId;
    use uuid::Uuid;

    #[test]
    fn a_build_expires_by_its_last_use_not_by_its_age() {
        let build = |number| Build {
            agent: AgentId::from_uuid(Uuid::from_u128(number)),
            layer: LayerId::from_uuid(Uuid::from_u128(number)),
            origin: Origin::Asked,
            created_ms: 10,
            ready: None,
            pinned: false,
            digest: None,
        };
        let (used, unused) = (build(1), build(2));
        let environment =
            Environment { repos: Vec::new(), builds: vec![used.clone(), unused.clone()] };
        let last = BTreeMap::from([(used.layer, 90)]);
        assert_eq!(expired(&environment, &last, 50), [unused]);
        assert_eq!(expired(&environment, &last, 10), []);
    }
}
