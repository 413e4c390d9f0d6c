//! `errand serve`: the server in this process, until it is told to stop.

use crate::args::Serve;
use crate::exit::Exit;
use crate::output::{self, Reader};
use crate::parts;
use crate::settings::Surroundings;
use anyhow::{Context, Result};
use server::config::Config;
use server::serve::Options;
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::EnvFilter;

/// What is logged unless `ERRAND_LOG` says otherwise.
const LOG_DEFAULT: &str = "info";

/// Serves until SIGINT or SIGTERM.
pub fn serve(arguments: &Serve, around: &Surroundings, reader: Reader) -> Result<Exit> {
    let filter = EnvFilter::try_new(around.log_filter().unwrap_or(LOG_DEFAULT))
        .context("read the variable ERRAND_LOG")?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match reader {
        Reader::Program => log.json().init(),
        Reader::Person => log.with_ansi(false).init(),
    }
    // The launcher must start while this process has one thread, so the runtime comes after it.
    let options = options(arguments, around)?;
    parts::check(&options.binaries)?;
    let prepared = server::serve::prepare(options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let listening = tasks.spawn(stop_when_told(stop.clone())?);
        let ready = |url: &str, token: &Path| {
            tracing::info!(url, token = %token.display(), "ready");
            if let Err(error) = output::announce(reader, url, token) {
                tracing::warn!(%error, "nobody reads standard output");
            }
        };
        let served = server::serve::run(prepared, stop, ready).await;
        listening.abort();
        served
    })?;
    Ok(Exit::Done)
}

fn options(arguments: &Serve, around: &Surroundings) -> Result<Options> {
    let data = match &arguments.data {
        Some(data) => data.clone(),
        None => around.data_folder()?,
    };
    let mut config = Config::load(arguments.config.as_deref(), &data)?;
    if let Some(listen) = &arguments.listen {
        config.listen.clone_from(listen);
    }
    if let Some(url) = &arguments.public_url {
        config.public_url.clone_from(url);
    }
    let binary = std::env::current_exe().context("find this binary")?;
    let binaries = binary.parent().context("find the folder of this binary")?.to_path_buf();
    Ok(Options { data, config, binaries })
}

fn stop_when_told(stop: CancellationToken) -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for signals")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
        stop.cancel();
    })
}
