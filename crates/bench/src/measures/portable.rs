//! Snapshots as files: how long one takes to write, and what an agent waits that begins with one.

use super::snapshots::{build, fill, first_result};
use crate::figure::{Figures, Unit, milliseconds};
use crate::repository::Repository;
use crate::world::World;
use anyhow::{Context, Result, ensure};
use futures::StreamExt as _;
use reqwest::{Body, Method};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio::io::AsyncWriteExt as _;

/// Times that each is done.
const RUNS: usize = 5;
/// Seconds in which a folder of 500 MB is in a file.
const TARGET_S: f64 = 3.0;

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let here = World::start(0).await?;
    let there = World::start(0).await?;
    let dependencies = here.repository_with("dependencies", |work| fill(work, 0))?;
    let large = here.repository_with("large", |work| fill(work, 100_000))?;
    let folder = tempfile::tempdir().context("make a folder")?;
    for (what, repository, target) in [
        ("500 MB in 5,000 files", &dependencies, Some(TARGET_S)),
        ("the same and 100,000 files", &large, None),
    ] {
        build(&here, repository).await?;
        let layer = layer(&here, repository).await?;
        let path = format!("/v1/builds/{layer}/file");
        let mut written = Vec::new();
        for _ in 0..RUNS {
            let begun = Instant::now();
            fetch(&here, &path, &folder.path().join(&layer)).await?;
            written.push(milliseconds(begun.elapsed()) / 1000.0);
        }
        let name = format!("snapshot into a file: {what}");
        match target {
            Some(target) => figures.add_with_target(&name, Unit::Seconds, written, target),
            None => figures.add(&name, Unit::Seconds, written),
        }
        let file = folder.path().join(&layer);
        let begun = Instant::now();
        send(&there, &file).await?;
        let taken = milliseconds(begun.elapsed()) / 1000.0;
        figures.add(&format!("  taken in by another server: {what}"), Unit::Seconds, vec![taken]);
        let mut waits = Vec::new();
        for _ in 0..RUNS {
            let (agent, waited) = first_result(&there, repository).await?;
            waits.push(waited);
            there.archive(&agent).await?;
            there.without_sandboxes().await?;
            there.delete(&[agent]).await?;
        }
        let name = "  POST to first tool result there";
        figures.add(&format!("{name}: {what}"), Unit::Milliseconds, waits);
    }
    here.end(&[]).await?;
    there.end(&[]).await
}

async fn layer(world: &World, repository: &Repository) -> Result<String> {
    let builds = world.api.get(&format!("/v1/builds?repo={}", repository.url())).await?;
    let layer = builds.pointer("/items/0/layer").and_then(Value::as_str);
    Ok(layer.context("read the build")?.to_owned())
}

async fn fetch(world: &World, path: &str, file: &Path) -> Result<()> {
    let response = world.api.request(Method::GET, path).send().await.context("export")?;
    let mut bytes = response.error_for_status().context("export")?.bytes_stream();
    let mut file = tokio::fs::File::create(file).await.context("make a file")?;
    while let Some(bytes) = bytes.next().await {
        file.write_all(&bytes.context("export")?).await.context("write a file")?;
    }
    file.flush().await.context("write a file")
}

async fn send(world: &World, file: &PathBuf) -> Result<()> {
    let body = Body::from(tokio::fs::File::open(file).await.context("open a file")?);
    let request = world.api.request(Method::POST, "/v1/builds/file").body(body);
    let response = request.send().await.context("import")?;
    let status = response.status();
    let text = response.text().await.context("import")?;
    ensure!(status.as_u16() == 201, "import: {status}: {text}");
    Ok(())
}
