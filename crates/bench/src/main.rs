//! `make bench`: measures the release binaries as a user meets them, by HTTP and by looking at processes.
//!
//! The model is scripted and answers at once, so what is measured is Errand. Prints a table and
//! writes `target/bench.json`. Arguments name the groups to measure; without any, all are.

mod figure;
mod world;
mod api;
mod watch;
mod process;
mod repository;
mod measures {
    //! What is measured, one file per group.
    pub mod clone;
    pub mod crowd;
    pub mod errand;
    pub mod gateway;
    pub mod memory;
    pub mod request;
    pub mod sandboxes;
    pub mod portable;
    pub mod snapshots;
    pub mod start;
    pub mod sync;
    pub mod yardsticks;
}

use anyhow::{Context, Result, bail};
use figure::Figures;
use measures::{
    clone, crowd, errand, gateway, memory, portable, request, sandboxes, snapshots, start, sync,
    yardsticks,
};
use std::io::Write as _;

/// The groups, in the order in which they are measured.
const GROUPS: [&str; 13] = [
    "yardsticks",
    "start",
    "request",
    "errand",
    "sandboxes",
    "snapshots",
    "portable",
    "live",
    "sleeping",
    "crowd",
    "sync",
    "gateway",
    "clone",
];

fn main() -> Result<()> {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = chosen.iter().find(|name| !GROUPS.contains(&name.as_str())) {
        bail!("there is no group {unknown:?}; choose from {}", GROUPS.join(", "));
    }
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("cryptography was set up twice"))?;
    let this = std::env::current_exe().context("find this program")?;
    let target = this.ancestors().nth(2).context("find the target folder")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut figures = Figures::default();
    for group in GROUPS {
        if chosen.is_empty() || chosen.iter().any(|name| name == group) {
            let measured = runtime.block_on(measure(group, &mut figures));
            measured.with_context(|| format!("measure {group}"))?;
        }
    }
    let path = target.join("bench.json");
    let json = serde_json::to_vec_pretty(&figures.json())?;
    std::fs::write(&path, json).with_context(|| format!("write {}", path.display()))?;
    let mut out = std::io::stdout().lock();
    write!(out, "\n{}\nwritten to {}\n", figures.table(), path.display())?;
    Ok(())
}

async fn measure(group: &str, figures: &mut Figures) -> Result<()> {
    writeln!(std::io::stderr().lock(), "measuring {group} …")?;
    match group {
        "yardsticks" => yardsticks::measure(figures).await,
        "start" => start::measure(figures).await,
        "request" => request::measure(figures).await,
        "errand" => errand::measure(figures).await,
        "sandboxes" => sandboxes::measure(figures).await,
        "snapshots" => snapshots::measure(figures).await,
        "portable" => portable::measure(figures).await,
        "live" => memory::live(figures).await,
        "sleeping" => memory::sleeping(figures).await,
        "crowd" => crowd::measure(figures).await,
        "sync" => sync::measure(figures).await,
        "gateway" => tokio::task::block_in_place(|| gateway::measure(figures)),
        _ => clone::measure(figures).await,
    }
}
