//! The configuration: `errand.toml`, with every key also as an `ERRAND_…` variable.
//!
//! Unknown keys are errors; nothing falls back silently. The structure is the documentation: each
//! field is a key of the file under its table.

use anyhow::{Context, Result, bail};
use protocol::flow::WhenAllThree;
use protocol::limits::MODEL_STALL_MAX_S;
use sandbox::isolation::NO_VM;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod aws;
mod environment;
mod models;
mod vault;

pub use aws::AwsConfig;
pub use models::{ModelConfig, Models};
pub use vault::VaultConfig;

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on.
    pub listen: String,
    /// Address that people and links use; empty: derived from `listen`.
    pub public_url: String,
    /// Where models are.
    pub models: Models,
    /// Limits of a run.
    pub run: RunConfig,
    /// How sandboxes are made.
    pub sandbox: SandboxConfig,
    /// Images that environment files may ask for.
    pub images: ImagesConfig,
    /// Whose configuration of agents is trusted.
    pub environment: EnvironmentConfig,
    /// Machines prepared ahead.
    pub builds: BuildsConfig,
    /// What sandboxes may reach.
    pub network: NetworkConfig,
    /// Operator's own addresses that may be private.
    pub gateway: GatewayConfig,
    /// Who the server is at AWS, for [roles](aws.md) of agents.
    pub aws: AwsConfig,
    /// Where the keys of stored [secrets](secrets.md#at-rest) are.
    pub vault: VaultConfig,
    /// Who commits.
    pub git: GitConfig,
    /// Which local repositories may be used.
    pub repositories: RepositoriesConfig,
    /// Keys for ssh remotes, by host.
    pub ssh: BTreeMap<String, SshHost>,
    /// Requests a key may make, and names the server answers to.
    pub api: ApiConfig,
    /// Where ports of sandboxes are shown.
    pub preview: PreviewConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7420".to_owned(),
            public_url: String::new(),
            models: Models::default(),
            run: RunConfig::default(),
            sandbox: SandboxConfig::default(),
            images: ImagesConfig::default(),
            environment: EnvironmentConfig::default(),
            builds: BuildsConfig::default(),
            network: NetworkConfig::default(),
            gateway: GatewayConfig::default(),
            aws: AwsConfig::default(),
            vault: VaultConfig::default(),
            git: GitConfig::default(),
            repositories: RepositoriesConfig::default(),
            ssh: BTreeMap::new(),
            api: ApiConfig::default(),
            preview: PreviewConfig::default(),
        }
    }
}

/// Limits of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Model calls.
    pub steps: u32,
    /// Tokens.
    pub tokens: u64,
    /// Cents.
    pub cost_cents: u64,
    /// Minutes until the hard stop.
    pub minutes: u32,
}

impl Default for RunConfig {
    fn default() -> Self {
        use protocol::limits;
        Self {
            steps: limits::RUN_STEPS,
            tokens: limits::RUN_TOKENS,
            cost_cents: limits::RUN_COST_MICROS / 10_000,
            minutes: (limits::RUN_HARD_MS / 60_000) as u32,
        }
    }
}

/// How sandboxes are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// Memory limit in MiB.
    pub memory_mib: u64,
    /// Processes.
    pub processes: u32,
    /// CPU time in percent of one core; 0: no limit.
    pub cpu_percent: u32,
    /// `sudo` or `none`.
    pub posture: String,
    /// What walls sandboxes in: `namespaces` of the host's kernel; `oci`: what `runtime` makes of them;
    /// `vm` is refused, since no runtime for virtual machines is supported yet.
    pub isolation: String,
    /// OCI runtime that starts sandboxes if `isolation` is `oci`: `runc`, `crun` or gVisor's `runsc`, by
    /// name or path; needs a server that was started as root.
    pub runtime: PathBuf,
    /// What sandboxes have in place of the host's programs: an archive (`tar`, also with gzip) of a
    /// root file system, or a folder that is an OCI image layout; empty: the host's `/usr`, read-only.
    pub base: PathBuf,
    /// Whether all agents share one sandbox, each with a workspace of its own: weaker, see
    /// [security](security.md#shared-sandboxes); needs a server that was started as root.
    pub shared: bool,
    /// First uid of the ranges handed to sandboxes, when root.
    pub uid_base: u32,
    /// User that parses what comes from outside, when started as root; empty: stay root.
    pub user: String,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            memory_mib: 4096,
            processes: 2048,
            cpu_percent: 0,
            posture: "sudo".to_owned(),
            isolation: "namespaces".to_owned(),
            runtime: PathBuf::new(),
            base: PathBuf::new(),
            shared: false,
            uid_base: 0x4000_0000,
            user: "errand".to_owned(),
        }
    }
}

impl SandboxConfig {
    /// Name or path of the runtime that is to start sandboxes, if one is.
    pub fn oci_runtime(&self) -> Option<&Path> {
        (self.isolation == "oci").then_some(&self.runtime)
    }

    fn check_shared(&self) -> Result<()> {
        if self.shared && self.isolation == "oci" {
            bail!(
                "sandbox.shared: is true, but sandbox.isolation is \"oci\", and an OCI runtime starts no \
                 shared sandboxes: choose \"namespaces\" there, or false here"
            );
        }
        if self.shared && !self.base.as_os_str().is_empty() {
            bail!(
                "sandbox.shared: is true, but sandbox.base is {:?}, and every agent changes a base image \
                 in a way of its own: remove that, or choose false here",
                self.base
            );
        }
        Ok(())
    }

    fn check_isolation(&self) -> Result<()> {
        let has_runtime = !self.runtime.as_os_str().is_empty();
        match (self.isolation.as_str(), has_runtime) {
            ("namespaces", false) | ("oci", true) => Ok(()),
            ("namespaces", true) => bail!(
                "sandbox.runtime: is {:?}, but sandbox.isolation is \"namespaces\": choose \"oci\" there, \
                 or remove this",
                self.runtime
            ),
            ("oci", false) => bail!(
                "sandbox.runtime: is empty, but sandbox.isolation is \"oci\": give \"runc\", \"crun\" or \
                 \"runsc\", or the path of one of them"
            ),
            ("vm", _) => {
                bail!("sandbox.isolation: is \"vm\", but {NO_VM}; choose \"namespaces\" or \"oci\"")
            }
            (other, _) => {
                bail!("sandbox.isolation: is {other:?}; choose \"namespaces\" or \"oci\"")
            }
        }
    }
}

/// Images that environment files may ask for; needs a server that was started as root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImagesConfig {
    /// Registries that the server fetches from, with a port if need be; none: no images.
    pub registries: Vec<String>,
    /// Those of them that are spoken to without TLS.
    pub plain_http: Vec<String>,
    /// Who the server is at a registry; every environment file may use what that one can see.
    pub logins: BTreeMap<String, RegistryLogin>,
}

impl Default for ImagesConfig {
    fn default() -> Self {
        let known = [
            "docker.io",
            "ghcr.io",
            "quay.io",
            "gcr.io",
            "public.ecr.aws",
            "mcr.microsoft.com",
            "registry.gitlab.com",
            "registry.k8s.io",
        ];
        let registries = known.map(str::to_owned).to_vec();
        Self { registries, plain_http: Vec::new(), logins: BTreeMap::new() }
    }
}

/// Who the server is at one registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryLogin {
    /// The user's name.
    pub user: String,
    /// File with the password or token.
    pub password_file: PathBuf,
}

/// Machines prepared ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BuildsConfig {
    /// Build whenever an agent had to run `install` itself, for the next one.
    pub automatic: bool,
    /// Days after which a build goes that no agent began with.
    pub keep_days: u32,
}

impl Default for BuildsConfig {
    fn default() -> Self {
        Self { automatic: true, keep_days: 90 }
    }
}

/// Whose configuration of agents is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvironmentConfig {
    /// Branches whose environment files and instructions are trusted like those of the default branch, as
    /// `release` or `release/*`; see [environment](environment.md#trust).
    pub trusted_branches: Vec<String>,
}

/// What sandboxes may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// `offline`, `packages`, `allowlist` or `open`.
    pub mode: String,
    /// Hosts allowed besides: `example.com`, `*.example.com`, `GET https://example.com/v1/*`; see
    /// [security](security.md#what-leaves-a-sandbox).
    pub allow: Vec<String>,
    /// MiB that one agent may send to one host; four times as much in all.
    pub upload_mib: u64,
    /// What happens where an agent read what nobody here wrote, has secrets and could carry data out: `narrow`,
    /// `ask` or `allow`; see [security](security.md#rule-of-two).
    pub when_all_three: WhenAllThree,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            mode: "packages".to_owned(),
            allow: Vec::new(),
            upload_mib: 256,
            when_all_three: WhenAllThree::Narrow,
        }
    }
}

/// The operator's own upstreams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// `name = address:port`: names that may lead to private addresses.
    pub upstreams: BTreeMap<String, String>,
    /// File with certificates (PEM) of authorities that vouch for hosts, besides those that the system trusts.
    pub ca_file: PathBuf,
}

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GitConfig {
    /// Author and committer of every commit.
    pub name: String,
    /// Their mail address.
    pub email: String,
}

impl Default for GitConfig {
    fn default() -> Self {
        Self { name: "errand".to_owned(), email: "errand@localhost".to_owned() }
    }
}

/// Which local repositories may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepositoriesConfig {
    /// Folders below which a local path may be a repository.
    pub roots: Vec<PathBuf>,
}

impl Default for RepositoriesConfig {
    fn default() -> Self {
        Self { roots: vec![PathBuf::from("/")] }
    }
}

/// How to reach one ssh host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshHost {
    /// Private key file.
    pub key: PathBuf,
    /// File with the host's public key.
    pub known_hosts: PathBuf,
}

/// Requests a key may make, and names the server answers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// Requests per second of one key, on average.
    pub requests_per_second: u32,
    /// Requests one key may make at once.
    pub burst: u32,
    /// Host names the server answers to, besides those of `listen`, `public_url` and `localhost`.
    pub hosts: Vec<String>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self { requests_per_second: 500, burst: 2000, hosts: Vec::new() }
    }
}

/// Where ports of sandboxes are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreviewConfig {
    /// `https://*.preview.example.com`; empty: `http://*.preview.localhost` at the listening port.
    pub address: String,
}

impl Config {
    /// Reads the file (absent is fine unless it was named) and lays the environment over it.
    pub fn load(named: Option<&Path>, data: &Path) -> Result<Self> {
        let path = named.map_or_else(|| data.join("errand.toml"), Path::to_path_buf);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                String::new()
            }
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        let mut table: toml::Table =
            toml::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        let variables: BTreeMap<String, String> = std::env::vars().collect();
        environment::lay_over(&mut table, variables.clone().into_iter())?;
        let mut config: Self =
            table.try_into().with_context(|| format!("read the keys of {}", path.display()))?;
        config.models = config.models.with_vendor_variables(|name| variables.get(name).cloned());
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        if !matches!(self.sandbox.posture.as_str(), "sudo" | "none") {
            bail!("sandbox.posture: is {:?}; choose \"sudo\" or \"none\"", self.sandbox.posture);
        }
        self.sandbox.check_isolation()?;
        self.sandbox.check_shared()?;
        self.aws.check()?;
        self.vault.check(&self.aws)?;
        if !matches!(self.network.mode.as_str(), "offline" | "packages" | "allowlist" | "open") {
            bail!(
                "network.mode: is {:?}; choose \"offline\", \"packages\", \"allowlist\" or \"open\"",
                self.network.mode
            );
        }
        if self.run.minutes == 0 || self.run.minutes > 480 {
            bail!("run.minutes: is {}; choose 1 to 480", self.run.minutes);
        }
        if !(1..=MODEL_STALL_MAX_S).contains(&self.models.stall_seconds) {
            bail!(
                "models.stall_seconds: is {}; choose 1 to {MODEL_STALL_MAX_S}",
                self.models.stall_seconds
            );
        }
        Ok(())
    }

    /// The limits of a run as configured.
    pub fn run_limits(&self) -> protocol::event::RunLimits {
        let hard_time_ms = u64::from(self.run.minutes) * 60_000;
        protocol::event::RunLimits {
            steps: self.run.steps,
            tokens: self.run.tokens,
            cost_micros: self.run.cost_cents * 10_000,
            soft_time_ms: soft_time(hard_time_ms),
            hard_time_ms,
        }
    }
}

/// When the model is told to wrap up: two minutes before the hard stop, or at four fifths of a short one.
pub fn soft_time(hard_ms: u64) -> u64 {
    hard_ms.saturating_sub(protocol::limits::RUN_SOFT_BEFORE_MS).max(hard_ms / 5 * 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(isolation: &str, runtime: &str) -> Result<()> {
        let mut config = Config::default();
        isolation.clone_into(&mut config.sandbox.isolation);
        config.sandbox.runtime = runtime.into();
        config.check()
    }

    fn refusal(isolation: &str, runtime: &str) -> String {
        check(isolation, runtime).unwrap_err().to_string()
    }

    #[test]
    fn a_wall_that_nobody_can_build_is_refused_by_name() {
        assert!(check("namespaces", "").is_ok());
        let vm = refusal("vm", "");
        assert!(vm.starts_with("sandbox.isolation: is \"vm\", but no runtime"), "{vm}");
        assert!(vm.contains("/dev/kvm alone never counts"), "{vm}");
        let none = refusal("none", "");
        assert!(none.starts_with("sandbox.isolation: is \"none\"; choose"), "{none}");
    }

    #[test]
    fn a_runtime_is_named_where_one_is_to_be_used_and_nowhere_else() {
        assert!(check("oci", "runc").is_ok());
        let missing = refusal("oci", "");
        assert!(missing.starts_with("sandbox.runtime: is empty"), "{missing}");
        let unused = refusal("namespaces", "runc");
        assert!(unused.starts_with("sandbox.runtime: is \"runc\", but"), "{unused}");
    }

    #[test]
    fn sandboxes_are_not_shared_unless_asked_for_and_possible() {
        assert!(!Config::default().sandbox.shared);
        let check = |change: fn(&mut SandboxConfig)| {
            let mut config = Config::default();
            config.sandbox.shared = true;
            change(&mut config.sandbox);
            config.check().map_err(|error| error.to_string())
        };
        assert_eq!(check(|_| ()), Ok(()));
        let oci = check(|sandbox| {
            sandbox.isolation = "oci".to_owned();
            sandbox.runtime = "runc".into();
        });
        assert!(oci.unwrap_err().starts_with("sandbox.shared: is true, but sandbox.isolation"));
        let base = check(|sandbox| sandbox.base = "/image.tar".into());
        assert!(base.unwrap_err().starts_with("sandbox.shared: is true, but sandbox.base"));
    }
}
