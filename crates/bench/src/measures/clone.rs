//! A large repository cloned inside a sandbox, through the gateway, beside plain git with the same mirror.

use crate::figure::{Figures, Unit};
use crate::process::program;
use crate::watch::Watch;
use crate::world::World;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Files of the repository, and bytes of each.
const FILES: usize = 20_000;
const FILE_BYTES: usize = 4096;
/// Clones, one warming up.
const RUNS: usize = 6;
/// How much longer than plain git it may take.
const TARGET: f64 = 1.3;
const PLAIN: &str = "plain clone of 20,000 files and 80 MiB from the mirror";

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let world = World::start(0).await?;
    let repository = world.repository_with("large", fill)?;
    let line = format!(
        "u=$(git remote get-url origin); for n in $(seq {RUNS}); do rm -rf /tmp/clone; a=$(date +%s%N); \
         git clone -q $u /tmp/clone && b=$(date +%s%N) && echo took $(( (b - a) / 1000000 )) ms; done; \
         git -C /tmp/clone ls-files | wc -l"
    );
    let script = serde_json::json!({"turns": [
        {"calls": [{"shell": line}]},
        {"text": "Done."},
    ]});
    let prompt = format!("Do as the script says.\nscript: {script}");
    let agent = world.open(&prompt, Some(&repository)).await?;
    let events = Watch::open(&world.api, &agent.id).await?.until("ToolReturned").await?;
    let told = &events.last().context("no tool was called")?.data;
    ensure!(told.contains(&(FILES + 2).to_string()), "the clone was not whole: {told}");
    let inside: Vec<f64> = told
        .split("took ")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next()?.parse::<f64>().ok())
        .map(|ms| ms / 1000.0)
        .skip(1)
        .collect();
    ensure!(inside.len() == RUNS - 1, "not every clone told its time: {told}");
    world.finished(&agent).await?;
    let plain = plain(&mirror(&world.data())?)?;
    let base = crate::figure::percentile(&sorted(&plain), 50.0);
    figures.add(PLAIN, Unit::Seconds, plain);
    figures.add("the same inside a sandbox, through the gateway", Unit::Seconds, inside.clone());
    let ratios = inside.into_iter().map(|seconds| seconds / base).collect();
    figures.add_with_target("  longer than plain git", Unit::Times, ratios, TARGET);
    world.end(&[agent]).await
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut samples = samples.to_vec();
    samples.sort_by(f64::total_cmp);
    samples
}

/// Text that packs as source does not: each file is its own.
fn fill(work: &Path) -> Result<()> {
    let mut state = 1_u64;
    for number in 0..FILES {
        let folder = work.join(format!("d{:03}", number % 500));
        fs::create_dir_all(&folder)?;
        let mut text = String::with_capacity(FILE_BYTES);
        while text.len() < FILE_BYTES {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(&format!("{state:016x}\n"));
        }
        fs::write(folder.join(format!("f{number}.txt")), text)?;
    }
    Ok(())
}

/// The one mirror of the server.
fn mirror(data: &Path) -> Result<PathBuf> {
    let output = program("find").arg(data).args(["-name", "HEAD", "-path", "*mirror*"]).output()?;
    let text = String::from_utf8(output.stdout).context("read a path")?;
    let head = text.lines().next().context("the server has no mirror")?;
    Path::new(head).parent().map(Path::to_path_buf).context("read a path")
}

/// Seconds of each clone.
fn plain(mirror: &Path) -> Result<Vec<f64>> {
    // In memory, as `/tmp` of a sandbox is.
    let folder = tempfile::tempdir_in("/dev/shm")?;
    // The mirror belongs to the user of the server's git.
    let config = folder.path().join("gitconfig");
    fs::write(&config, "[safe]\n\tdirectory = *\n")?;
    let target = folder.path().join("clone");
    let mut samples = Vec::new();
    for run in 0..RUNS {
        let begun = Instant::now();
        let status = program("git")
            .args(["clone", "-q", "--branch", "main"])
            .env("GIT_CONFIG_GLOBAL", &config)
            .arg(format!("file://{}", mirror.display()))
            .arg(&target)
            .status()?;
        ensure!(status.success(), "git clone ended with {status}");
        if run > 0 {
            samples.push(begun.elapsed().as_secs_f64());
        }
        fs::remove_dir_all(&target)?;
    }
    Ok(samples)
}
