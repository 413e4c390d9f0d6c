//! Snapshots that environment files name: builds and kept machines by the ids of their layers.

use super::{Environment, key, read};
use crate::app::App;
use crate::images::{Had, Unusable};
use anyhow::Result;
use protocol::environment::found::{ChosenImage, SetUpOutcome};
use protocol::event::RepoSettings;
use protocol::failure::{Failure, Phase};
use protocol::ids::{LayerId, OrgId};

/// Why no snapshot of Errand's can have this id; none: one may.
pub fn refusal(id: &str) -> Option<String> {
    LayerId::parse(id).err().map(|_| {
        format!(
            "{id:?} is no id that this server gave; `errand snapshot` and `errand build` print one, \
             as layer-…"
        )
    })
}

/// The snapshot of this id, if it was made for these repositories: what is on the disk of others is
/// not for those who may only see these.
pub async fn snapshot(app: &App, org: &OrgId, repos: &[RepoSettings], id: &str) -> Result<Had> {
    let known = read(app, org, &key(repos)).await?;
    let there = known.and_then(|(known, _)| find(&known, id));
    there.ok_or_else(|| {
        let message = format!(
            "there is no snapshot {id} of these repositories: it went because nobody began with it for \
             long, or it is another server's; `errand build ls --repo …` lists what there is"
        );
        Unusable(Failure::new(Phase::SetUp, "snapshot_unknown", message)).into()
    })
}

fn find(known: &Environment, id: &str) -> Option<Had> {
    let wanted = LayerId::parse(id).ok()?;
    let build = known.builds.iter().find(|build| build.layer == wanted)?;
    let below = build.ready.as_ref()?.image.as_ref();
    let image = ChosenImage {
        reference: id.to_owned(),
        digest: below.map(|image| image.digest.clone()).unwrap_or_default(),
        variables: below.map(|image| image.variables.clone()).unwrap_or_default(),
    };
    Some(Had { image, layer: build.layer, outcome: SetUpOutcome::Kept })
}
