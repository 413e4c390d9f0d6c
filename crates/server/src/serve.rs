//! `errand serve`: puts the parts together, and takes them apart in order.

use crate::agents::Agents;
use crate::app::{App, AppCell, LocalFarEnd};
use crate::auth::Auth;
use crate::auth::addresses::Addresses;
use crate::aws::Aws;
use crate::browser::Browsers;
use crate::builder::Builders;
use crate::builds::Manifests;
use crate::config::Config;
use crate::findings::Judged;
use crate::first_look::FirstLooks;
use crate::forges::Forges;
use crate::images::Images;
use crate::keys::Keys;
use crate::machines::Machines;
use crate::models_inside::ModelsInside;
use crate::presence::Presence;
use crate::preview::Previews;
use crate::privileges::Identity;
use crate::pull_requests::StoredPullRequests;
use crate::rate::Rate;
use crate::roster::{self, Roster};
use crate::saved_environments::SavedEnvironments;
use crate::secrets::Secrets;
use crate::seeds::Seeds;
use crate::signing::SigningKeys;
use crate::ssh::HostKey;
use crate::starts::Starts;
use crate::terminals::Terminals;
use crate::vault::kms::Kms;
use crate::{alarm, audit, catalog, clock, images, retention, router, sweeper, triggers, vault};
use anyhow::{Context, Result};
use axum::serve::ListenerExt as _;
use gateway::address::{Floor, Upstream};
use gateway::attach::{CONNECTION_IDLE, Gateway, Parts};
use gateway::budget::Limits;
use gateway::host::Host;
use gateway::resolve::SystemResolver;
use gateway::tls::Trust;
use gateway::transparent::KernelDestinations;
use git::remote::FarEndProgram;
use git::runner::Git;
use model::http::HttpClient;
use protocol::ids::LayerId;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sandbox::local::far_end::{FarEnds, inherited_program};
use sandbox::local::{LauncherHandle, LocalConfig, LocalProvider, start_launcher};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Folder of the launcher's own in the data folder.
const MACHINES: &str = "machines";
/// Time the server's tasks get to end when it is told to.
const FAREWELL: Duration = Duration::from_secs(10);
/// Time for the folder's lock to come free: a program that a killed server was just starting holds it
/// until it runs.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Pause between two looks at it.
const LOCK_POLL: Duration = Duration::from_millis(10);

/// What the command line decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder.
    pub data: PathBuf,
    /// As read.
    pub config: Config,
    /// Folder with the small binaries; normally beside this one.
    pub binaries: PathBuf,
}

/// The parts that must be made before there are threads.
pub struct Prepared {
    options: Options,
    launcher: LauncherHandle,
    listener: std::net::TcpListener,
    identity: Identity,
    far_end: Option<FarEndProgram>,
    _lock: std::fs::File,
}

/// Makes the data folder, starts the launcher, which keeps the privileges it is started with, and
/// gives up those of this process.
pub fn prepare(options: Options) -> Result<Prepared> {
    let data = std::path::absolute(&options.data).context("find the data folder")?;
    std::fs::create_dir_all(&data)
        .with_context(|| format!("make the data folder {}", data.display()))?;
    // Whoever may enter it reads transcripts: only its owner may.
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700))
        .context("close the data folder to others")?;
    let lock = lock(&data)?;
    let config = &options.config;
    let identity = Identity::choose(&config.sandbox.user)?;
    identity.adopt(&data)?;
    let listener = std::net::TcpListener::bind(&config.listen)
        .with_context(|| format!("listen on {}", config.listen))?;
    let mut local = LocalConfig::beside(&options.binaries, &data.join(MACHINES));
    local.launcher.uid_pool.base = config.sandbox.uid_base;
    local.launcher.repository_roots.clone_from(&config.repositories.roots);
    local.launcher.shared = config.sandbox.shared;
    local.launcher.runtime = config.sandbox.oci_runtime().map(Path::to_owned);
    let launcher = start_launcher(&local).context("start the launcher of sandboxes")?;
    let program = identity.is_dropped().then(|| inherited_program(&local)).transpose();
    let program = program.context("find the launcher's binary")?;
    identity.assume(&data)?;
    let far_end = program.map(|program| open_far_ends(program, &launcher, &data)).transpose()?;
    let options = Options { data, ..options };
    Ok(Prepared { options, launcher, listener, identity, far_end, _lock: lock })
}

/// As somebody who may not read other people's repositories, has the launcher serve them.
fn open_far_ends(program: String, launcher: &LauncherHandle, data: &Path) -> Result<FarEndProgram> {
    let far_ends =
        FarEnds::open(program, &data.join("run")).context("open the socket of far ends")?;
    launcher.serve_far_ends(&far_ends.listener).context("have repositories served")?;
    Ok(FarEndProgram(far_ends.program))
}

/// Two servers on one folder would take each other's agents.
fn lock(data: &Path) -> Result<std::fs::File> {
    // The folder itself: a file in it could be a link that the server's user put there for root.
    let file = std::fs::File::open(data).context("open the data folder")?;
    let deadline = Instant::now() + LOCK_WAIT;
    while let Err(refused) = file.try_lock() {
        if Instant::now() >= deadline {
            let words = format!("{} is in use by another errand server", data.display());
            return Err(refused).context(words);
        }
        std::thread::sleep(LOCK_POLL);
    }
    Ok(file)
}

/// Serves until told to stop; `ready` is told the address once requests are accepted.
pub async fn run(
    prepared: Prepared,
    stop: CancellationToken,
    ready: impl FnOnce(&str, &Path),
) -> Result<()> {
    let Prepared { options, launcher, listener, identity, far_end, _lock } = prepared;
    listener.set_nonblocking(true).context("listen")?;
    let listener = TcpListener::from_std(listener).context("listen")?;
    let address = listener.local_addr().context("read the address")?;
    let cell = Arc::<AppCell>::default();
    let (denials, waiting) = audit::channel(&cell);
    let (app, token_path) =
        build(options, launcher, address, (cell, denials), (identity, far_end)).await?;
    app.tasks.spawn(audit::record(Arc::clone(&app), waiting));
    app.tasks.spawn(audit::windows::keep(Arc::clone(&app)));
    app.tasks.spawn(alarm::ring(Arc::clone(&app)));
    app.tasks.spawn(sweeper::sweep(Arc::clone(&app)));
    app.tasks.spawn(roster::tell(Arc::clone(&app)));
    app.tasks.spawn(retention::keep(Arc::clone(&app)));
    app.tasks.spawn(vault::resume(Arc::clone(&app)));
    app.tasks.spawn(triggers::work::work(Arc::clone(&app)));
    app.tasks.spawn(triggers::tell::carry(Arc::clone(&app)));
    ready(&app.public_url, &token_path);
    let service = router::router(Arc::clone(&app));
    // A key press must not wait for the next one.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let serving = axum::serve(listener, service);
    tokio::select! {
        served = serving => served.context("serve requests")?,
        () = stop.cancelled() => {}
    }
    // Open streams are cut: their readers resume where they were.
    app.shutdown.cancel();
    app.tasks.close();
    if tokio::time::timeout(FAREWELL, app.tasks.wait()).await.is_err() {
        tracing::warn!(tasks = app.tasks.len(), "some tasks did not end in time");
    }
    app.gateway.shut_down().await;
    // What was open told its end just now.
    audit::windows::flush(&app).await;
    app.store.close().await;
    Ok(())
}

/// What every sandbox's gateway has.
async fn build(
    options: Options,
    launcher: LauncherHandle,
    address: SocketAddr,
    (cell, denials): (Arc<AppCell>, audit::Channel),
    (identity, far_end): (Identity, Option<FarEndProgram>),
) -> Result<(Arc<App>, PathBuf)> {
    let Options { data, config, .. } = options;
    let (store, http) = store(&data, &config).await?;
    let (keys, token_path) = Keys::open(&data, clock::now_ms())?;
    let public_url = public_url(&config, address);
    let link_key = link_key(&data)?;
    let catalog = catalog::catalog(&config.models)?;
    let models_inside = ModelsInside::of(&config.models, &catalog, &link_key, &cell)?;
    let seeds = Seeds::open(&store).await?;
    let aws = Arc::new(Aws::new(&config.aws, http.clone()));
    let windows = denials.windows();
    let parts = parts(&config, denials, models_inside.clone(), Arc::clone(&aws), &cell)?;
    let provider = Arc::new(LocalProvider::new(launcher).context("speak to the launcher")?);
    let app = App {
        catalog,
        models_inside,
        forges: Forges::open(&store, http.inner().clone()).await?,
        http,
        aws,
        git: Git::new().context("find git")?,
        far_end: far_end.map(|program| LocalFarEnd { program, keeper: Arc::clone(&provider) }),
        identity,
        base: base(&config, &provider).await?,
        provider,
        images: Images::open(&data, &config.images)?,
        builders: Builders::default(),
        signing: SigningKeys::open(&store).await?,
        seeds,
        gateway: Gateway::new(parts),
        windows,
        cell,
        pull_requests: Arc::new(StoredPullRequests(store.clone())),
        first_looks: FirstLooks::default(),
        saved_environments: SavedEnvironments::default(),
        rotation: Arc::default(),
        secrets: Secrets::default(),
        starts: Starts::open(&data)?,
        ssh_key: HostKey::open(&data)?,
        terminals: Terminals::default(),
        manifests: Manifests::default(),
        judged: Judged::default(),
        browsers: Browsers::default(),
        previews: Previews::default(),
        machines: Machines::default(),
        agents: Agents::new(store.clone()),
        addresses: Addresses::new(&config, address, &public_url)?,
        auth: Auth::default(),
        presence: Presence::default(),
        roster: Roster::default(),
        rate: Rate::new(&config.api),
        // One server has a data folder at a time (its lock says so), so a restart takes its own leases
        // over at once.
        holder: "server".to_owned(),
        tasks: TaskTracker::new(),
        shutdown: CancellationToken::new(),
        keys,
        store,
        link_key,
        public_url,
        data,
        config,
    };
    Ok((begun(app), token_path))
}

/// What the gateway calls knows from here on whose it is.
fn begun(app: App) -> Arc<App> {
    let app = Arc::new(app);
    app.cell.fill(&app);
    app
}

/// The store, whose keys KMS may keep, and what that is asked with.
async fn store(data: &Path, config: &Config) -> Result<(Store, HttpClient)> {
    let http = http(config)?;
    let kms = Arc::new(Kms::new(&config.vault, &config.aws, http.clone()));
    Ok((Store::open_with(data, Some(kms)).await.context("open the store")?, http))
}

/// What sandboxes have beneath them where no image is asked for; none: the host's programs.
async fn base(config: &Config, provider: &LocalProvider) -> Result<Option<LayerId>> {
    match config.sandbox.base.as_os_str().is_empty() {
        true => Ok(None),
        false => Ok(Some(images::base(provider, &config.sandbox.base).await?)),
    }
}

fn parts(
    config: &Config,
    denials: audit::Channel,
    models: Option<Arc<ModelsInside>>,
    aws: Arc<Aws>,
    cell: &Arc<AppCell>,
) -> Result<Parts> {
    // Fails now rather than at the first sandbox.
    crate::sandbox_spec::policy(config)?;
    Ok(Parts {
        floor: floor(config)?,
        resolver: Arc::new(SystemResolver),
        destinations: Arc::new(KernelDestinations),
        audit: Arc::new(denials),
        trust: trust(config)?,
        limits: upload_limits(config),
        models: models.map(|models| models as _),
        roles: Some(aws),
        witness: Some(Arc::clone(cell) as _),
        readings: Some(Arc::clone(cell) as _),
        idle: CONNECTION_IDLE,
    })
}

fn http(config: &Config) -> Result<HttpClient> {
    let stall = Duration::from_secs(config.models.stall_seconds);
    Ok(HttpClient::new().context("make the HTTP client")?.with_stall_timeout(stall))
}

/// The address that people and links use.
fn public_url(config: &Config, address: SocketAddr) -> String {
    match config.public_url.trim_end_matches('/') {
        "" => format!("http://{address}"),
        url => url.to_owned(),
    }
}

/// The key that signs links; lost with the data folder, and so are the links.
fn link_key(data: &Path) -> Result<[u8; 32]> {
    let path = data.join("keys").join("links");
    if let Ok(bytes) = std::fs::read(&path)
        && let Ok(key) = <[u8; 32]>::try_from(bytes.as_slice())
    {
        return Ok(key);
    }
    let mut key = [0; 32];
    let (first, second) = key.split_at_mut(16);
    first.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    second.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    let key = *blake3::hash(&key).as_bytes();
    std::fs::write(&path, key).context("keep the key of links")?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .context("close the key of links to others")?;
    Ok(key)
}

fn upload_limits(config: &Config) -> Limits {
    let host = config.network.upload_mib.saturating_mul(1024 * 1024);
    Limits { host, agent: host.saturating_mul(4) }
}

/// The authorities that the system trusts, and the operator's own.
fn trust(config: &Config) -> Result<Trust> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some authorities of the system are not trusted");
    }
    let (_, unusable) = roots.add_parsable_certificates(found.certs);
    if unusable > 0 {
        tracing::debug!(unusable, "some authorities of the system cannot be used");
    }
    if !config.gateway.ca_file.as_os_str().is_empty() {
        let path = &config.gateway.ca_file;
        let read = || format!("gateway.ca_file: read {}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).with_context(read)? {
            roots.add(certificate.with_context(read)?).with_context(read)?;
        }
    }
    if roots.is_empty() {
        tracing::warn!("no authority is trusted: sandboxes reach nothing over TLS");
    }
    Trust::new(roots)
}

pub(crate) fn floor(config: &Config) -> Result<Floor> {
    let mut upstreams = BTreeMap::new();
    for (name, target) in &config.gateway.upstreams {
        let field = || format!("gateway.upstreams.{name}");
        let host = Host::parse(name).with_context(field)?;
        let upstream = match target.parse::<SocketAddr>() {
            Ok(socket) => Upstream { address: socket.ip(), port: Some(socket.port()) },
            Err(_) => Upstream { address: target.parse().with_context(field)?, port: None },
        };
        tracing::info!(name, target, "an operator's upstream may be reached from sandboxes");
        upstreams.insert(host, upstream);
    }
    Floor::new(upstreams, Vec::new()).context("read gateway.upstreams")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_comes_free_is_taken_and_one_that_does_not_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        let release = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(held);
        });
        let taken = lock(folder.path()).unwrap();
        release.join().unwrap();
        let refused = lock(folder.path()).unwrap_err();
        assert!(refused.to_string().contains("in use by another"), "{refused}");
        drop(taken);
    }
}
