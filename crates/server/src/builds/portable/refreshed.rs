//! What git noted about files is not true of copies of them: their inodes and times of change are
//! others. Git looks at them all once more here, in a machine of its own, so that no agent has to.

use super::About;
use crate::app::App;
use crate::builder::{Command, Machine};
use crate::sandbox_spec;
use anyhow::Result;
use protocol::ids::{LayerId, OrgId};
use protocol::link::User;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time to look at the files of one repository. Nothing is wrong if it is not enough.
const LOOK: Duration = Duration::from_secs(120);

/// The layer by the name of the build, upon the copy.
pub async fn refreshed(app: &App, org: &OrgId, about: &About, copy: LayerId) -> Result<()> {
    let wanted = CancellationToken::new();
    let mut machine = Machine::new(app, org, copy, &wanted);
    let mut done = Ok(());
    for folder in &about.folders {
        done = look(&mut machine, folder).await;
        if done.is_err() {
            break;
        }
    }
    if done.is_ok() {
        done = machine.keep(copy, about.layer).await;
    }
    machine.end().await;
    done
}

async fn look(machine: &mut Machine<'_>, folder: &str) -> Result<()> {
    let words = ["git", "-C", &format!("/workspace/{folder}"), "update-index", "-q", "--refresh"];
    let command = Command {
        argv: words.map(str::to_owned).to_vec(),
        env: sandbox_spec::build_variables(BTreeMap::new()),
        cwd: "/".to_owned(),
        // Whose files these are: to anybody else git would say that it does not trust them.
        user: User::Agent,
        timeout_ms: u64::try_from(LOOK.as_millis()).unwrap_or(u64::MAX),
    };
    let (exited, said) = machine.run(command, |_| ()).await?;
    tracing::debug!(folder, ?exited, said, "git looked at the files of a snapshot");
    Ok(())
}
