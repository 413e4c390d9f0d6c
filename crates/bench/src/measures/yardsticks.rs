//! What the machine itself costs, so that figures of different machines can be compared.

use crate::api::client;
use crate::figure::{Figures, Unit, milliseconds};
use crate::process::program;
use anyhow::{Context, Result};
use fakes::scripted::Server as Model;
use fakes::scripted::script::Script;
use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

/// Starting a program and waiting for its end.
pub const FORK: &str = "yardstick: fork, exec, wait for /bin/true";
/// A request and its answer on a connection that is open.
pub const HTTP: &str = "yardstick: plain HTTP round trip";
/// Making one small write durable.
pub const SYNC: &str = "yardstick: append 4 KiB and fdatasync";

/// How often each is measured.
const RUNS: usize = 100;

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    figures.add(FORK, Unit::Milliseconds, forks()?);
    figures.add(HTTP, Unit::Milliseconds, round_trips().await?);
    figures.add(SYNC, Unit::Milliseconds, syncs()?);
    Ok(())
}

fn forks() -> Result<Vec<f64>> {
    let mut samples = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        program("/bin/true").status().context("run /bin/true")?;
        samples.push(milliseconds(started.elapsed()));
    }
    Ok(samples)
}

async fn round_trips() -> Result<Vec<f64>> {
    let server = Model::start(Script::bench(0)).await?;
    let (client, url) = (client()?, format!("{}/v1/models", server.url()));
    let mut samples = Vec::new();
    for round in 0..=RUNS {
        let started = Instant::now();
        client.get(&url).send().await?.bytes().await?;
        // The first one opens the connection.
        if round > 0 {
            samples.push(milliseconds(started.elapsed()));
        }
    }
    drop(client);
    server.stop().await;
    Ok(samples)
}

fn syncs() -> Result<Vec<f64>> {
    let folder = tempfile::tempdir()?;
    let mut file = File::create(folder.path().join("log"))?;
    let mut samples = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        samples.push(milliseconds(started.elapsed()));
    }
    Ok(samples)
}
