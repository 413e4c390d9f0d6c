//! Measures freezing, starting on layers and merging them: `measure_layers <empty directory>`.
//!
//! Prints medians in milliseconds. The folder frozen holds 100,000 small files and 500 MB besides.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::Instant;

use protocol::ids::{AgentId, Epoch, LayerId, OrgId};
use sandbox::local::launcher::LauncherConfig;
use sandbox::local::lease::UidPool;
use sandbox::local::{LocalConfig, LocalProvider, SHIM_BINARY, start_launcher};
use sandbox::provider::{Provider, SandboxKey, SandboxSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Directories of the folder, and small files in each.
const DIRECTORIES: usize = 1000;
const FILES: usize = 100;
/// Large files, and bytes of each.
const LARGE_FILES: usize = 50;
const LARGE_BYTES: usize = 10_000_000;
/// Freezes of a full folder, and starts of each kind.
const FREEZES: usize = 3;
const STARTS: usize = 41;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let dir = PathBuf::from(std::env::args().nth(1).ok_or("name an empty directory")?);
    let here = std::env::current_exe()?;
    let examples = here.parent().ok_or("no directory")?;
    let config = LocalConfig {
        shim: examples.parent().ok_or("no directory")?.join(SHIM_BINARY),
        launcher: LauncherConfig {
            state_dir: dir.join("state"),
            guest: examples.join("stand_in_guest"),
            uid_pool: UidPool::default(),
            repository_roots: Vec::new(),
            runtime: None,
            shared: false,
        },
    };
    let provider = LocalProvider::new(start_launcher(&config)?)?;
    let meter = Meter { provider, state: config.launcher.state_dir };
    let mut freezes = Vec::new();
    let mut settles = Vec::new();
    let mut layer = None;
    for _ in 0..FREEZES {
        let (spec, made, frozen, settled) = meter.freeze_full().await?;
        freezes.push(frozen);
        settles.push(settled);
        meter.provider.destroy(spec.key).await?;
        layer = Some(made);
    }
    say(&format!("freeze {}, settle {}", median(freezes), median(settles)))?;
    let layer = layer.ok_or("nothing was frozen")?;
    let (mut empty, mut full) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        empty.push(meter.start(&[]).await?);
        full.push(meter.start(&[layer]).await?);
    }
    say(&format!(
        "create to first command: empty {}, on the layer {}",
        median(empty),
        median(full)
    ))?;
    meter.deep(layer).await
}

struct Meter {
    provider: LocalProvider,
    state: PathBuf,
}

impl Meter {
    async fn freeze_full(&self) -> Outcome<(SandboxSpec, LayerId, f64, f64)> {
        let spec = fresh();
        self.provider.create(&spec).await?;
        self.provider.stop(spec.key).await?;
        fill(&self.state.join("disks").join(spec.key.agent.to_string()).join("workspace"))?;
        let layer = LayerId::from_uuid(uuid::Uuid::new_v4());
        let begun = Instant::now();
        self.provider.freeze(spec.key.agent, layer).await?;
        let frozen = milliseconds(begun);
        let begun = Instant::now();
        let size = self.provider.settle(layer).await?.size.ok_or("no size")?;
        let settled = milliseconds(begun);
        say(&format!("freeze {frozen:.2}, settle {settled:.0}, {size:?}"))?;
        Ok((spec, layer, frozen, settled))
    }

    async fn start(&self, layers: &[LayerId]) -> Outcome<f64> {
        let mut spec = fresh();
        spec.layers = layers.to_vec();
        let begun = Instant::now();
        self.provider.create(&spec).await?;
        self.run(spec.key, "true").await?;
        let took = milliseconds(begun);
        self.provider.destroy(spec.key).await?;
        Ok(took)
    }

    async fn run(&self, key: SandboxKey, line: &str) -> Outcome {
        let mut link = self.provider.connect(key).await?;
        let line = serde_json::to_string(&["as-agent", "sh", "-c", line])?;
        link.write_all(format!("{line}\n").as_bytes()).await?;
        while link.read_u8().await? != b'\n' {}
        Ok(())
    }

    /// Sixteen layers over the full one: starting on them, and merging them.
    async fn deep(&self, layer: LayerId) -> Outcome {
        let mut spec = fresh();
        spec.layers = vec![layer];
        let mut top = layer;
        for round in 0..16_u64 {
            spec.key.epoch = Epoch(round + 1);
            self.provider.create(&spec).await?;
            self.run(spec.key, &format!("echo {round} > /workspace/round; touch ~/{round}"))
                .await?;
            self.provider.stop(spec.key).await?;
            top = LayerId::from_uuid(uuid::Uuid::new_v4());
            self.provider.freeze(spec.key.agent, top).await?;
        }
        let mut deep = Vec::new();
        for _ in 0..STARTS {
            deep.push(self.start(&[top]).await?);
        }
        let begun = Instant::now();
        let flat = LayerId::from_uuid(uuid::Uuid::new_v4());
        self.provider.flatten(spec.key.agent, flat).await?;
        let took = milliseconds(begun);
        say(&format!(
            "create to first command on 17 layers {}, merging them {took:.0}",
            median(deep)
        ))
    }
}

fn fresh() -> SandboxSpec {
    let agent = AgentId::from_uuid(uuid::Uuid::new_v4());
    SandboxSpec::new(SandboxKey { agent, epoch: Epoch(1) }, OrgId::default_org())
}

fn fill(folder: &Path) -> Outcome {
    let owner = folder.metadata()?;
    let own = |path: &Path| chown(path, Some(owner.uid()), Some(owner.gid()));
    for directory in 0..DIRECTORIES {
        let directory = folder.join(directory.to_string());
        fs::create_dir(&directory)?;
        own(&directory)?;
        for file in 0..FILES {
            let file = directory.join(file.to_string());
            fs::write(&file, "small")?;
            own(&file)?;
        }
    }
    let block = vec![7; LARGE_BYTES];
    for file in 0..LARGE_FILES {
        let file = folder.join(format!("large-{file}"));
        fs::write(&file, &block)?;
        own(&file)?;
    }
    Ok(())
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}

fn median(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    format!("{middle:.2}")
}

fn say(line: &str) -> Outcome {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
