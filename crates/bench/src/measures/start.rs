//! The server by itself: time until it is ready, memory when nothing happens.

use crate::figure::{Figures, Unit, milliseconds};
use crate::process::{Family, Server, resident};
use crate::world;
use anyhow::Result;
use std::time::Duration;

/// Servers that are started, each way.
const RUNS: usize = 10;
/// Silence before memory is looked at.
const IDLE: Duration = Duration::from_secs(2);
/// Servers whose memory is looked at.
const MEMORY_RUNS: usize = 3;
/// Milliseconds until the `ready` line.
const READY_TARGET_MS: f64 = 300.0;
/// Resident mebibytes of an idle server.
const IDLE_TARGET_MIB: f64 = 40.0;

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let folder = world::folder("http://127.0.0.1:9")?;
        let (data, log) = (folder.path().join("data"), folder.path().join("server.log"));
        for samples in [&mut first, &mut again] {
            let server = Server::start(&data, &log)?;
            samples.push(milliseconds(server.ready_after));
            server.stop()?;
        }
    }
    let ready = "server ready, empty data folder";
    figures.add_with_target(ready, Unit::Milliseconds, first, READY_TARGET_MS);
    figures.add_with_target("server ready, restart", Unit::Milliseconds, again, READY_TARGET_MS);
    memory(figures).await
}

async fn memory(figures: &mut Figures) -> Result<()> {
    let (mut servers, mut launchers) = (Vec::new(), Vec::new());
    for _ in 0..MEMORY_RUNS {
        let folder = world::folder("http://127.0.0.1:9")?;
        let (data, log) = (folder.path().join("data"), folder.path().join("server.log"));
        let server = Server::start(&data, &log)?;
        tokio::time::sleep(IDLE).await;
        let family = Family::of(server.pid(), &data);
        servers.push(mebibytes(resident(server.pid())));
        launchers.push(mebibytes(family.launcher.iter().map(|pid| resident(*pid)).sum()));
        server.stop()?;
    }
    figures.add_with_target("idle server, resident", Unit::Mebibytes, servers, IDLE_TARGET_MIB);
    figures.add("idle launcher, resident", Unit::Mebibytes, launchers);
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
