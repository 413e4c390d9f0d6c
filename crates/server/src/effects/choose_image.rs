//! Brings the image or the snapshot that the environment file asks for, or the build on it, before
//! there is a machine.

use super::{Failed, Job};
use crate::dockerfile::Owner;
use crate::environments::{self, Reach};
use crate::images::{self, Freshness, Had, Unusable};
use crate::{builds, dockerfile, egress};
use anyhow::{Context as _, Result};
use gateway::audit::Peer;
use protocol::environment::Base;
use protocol::environment::found::{ChosenImage, SetUpOutcome};
use protocol::event::Event;
use protocol::failure::Failure;
use protocol::ids::{Epoch, RunId};
use protocol::limits::EFFECT_ATTEMPTS;
use std::collections::BTreeMap;
use std::time::Instant;

/// What is going on belongs to the machine that is to come.
const TO_COME: Epoch = Epoch(1);

/// Chooses what the disk begins with.
pub async fn run(job: &Job, run: RunId, reference: &str) -> Result<()> {
    let began = Instant::now();
    let (image, layers, outcome) = match choose(job, reference).await {
        Ok(Had { image, layer, outcome }) => (image, vec![layer], outcome),
        Err(error) => {
            let failure = final_failure(job, error).await?;
            let reference = reference.to_owned();
            let image =
                ChosenImage { reference, digest: String::new(), variables: BTreeMap::new() };
            (image, Vec::new(), SetUpOutcome::Failed { failure })
        }
    };
    let image = Box::new(image);
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    job.report(vec![Event::ImageChosen { run, image, layers, outcome, duration_ms }]).await
}

/// An agent begins with what was built on the image; a build is made of the image as it is now.
async fn choose(job: &Job, reference: &str) -> Result<Had> {
    let view = job.view().await?;
    let settings = &view.living()?.settings;
    let (app, org) = (&job.app, &job.handle.org);
    let freshness = match &settings.build {
        Some(_) => Freshness::Now,
        None => Freshness::Recent,
    };
    if freshness == Freshness::Recent
        && let Some((image, layer)) = builds::on_image(app, org, &settings.repos, reference).await?
    {
        return Ok(Had { image, layer, outcome: SetUpOutcome::Kept });
    }
    let tell = |what: &str, percent| {
        job.progress(TO_COME, "image", format!("{reference}: {what}"), percent);
    };
    let followed = environments::followed(app, org, view.living()?).await?;
    let followed = followed.context("the environment file is not there any more")?;
    if let Base::Snapshot(id) = &followed.understood.environment.base {
        return builds::snapshot(app, org, &settings.repos, id).await;
    }
    let Some(asked) = followed.dockerfile.filter(|asked| asked.name == reference) else {
        return images::get(app, org, reference, freshness, tell).await;
    };
    let network = egress::network_of(app, org, view.living()?).await?;
    let owner = Owner {
        org: org.clone(),
        peer: Peer { agent: job.handle.id, epoch: TO_COME },
        policy: Reach::of(&network, &followed.understood.environment)?.policy(&network)?,
        secrets: egress::build_secrets(app, &job.handle, view.living()?).await?,
        cancel: job.cancel.clone(),
    };
    let place = (&followed.mirror, &followed.commit);
    dockerfile::get(app, &owner, &asked, place, freshness, &tell).await
}

/// The failure that the agent goes on with; others are tried again.
async fn final_failure(job: &Job, error: anyhow::Error) -> Result<Failure> {
    let error = match error.downcast::<Unusable>() {
        Ok(Unusable(failure)) => return Ok(failure),
        Err(error) => error.downcast::<Failed>()?,
    };
    let view = job.view().await?;
    let mut failing = view.living()?.failing.iter();
    let before = failing.find(|failing| failing.key == job.key).map_or(0, |known| known.attempts);
    // Reported and not left to the next plan, so that the model is told too.
    if before.saturating_add(1) < EFFECT_ATTEMPTS { Err(error.into()) } else { Ok(error.0) }
}
