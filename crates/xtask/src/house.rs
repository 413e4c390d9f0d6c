//! A house to try: the server, where no model is configured a scripted one, and the sample repository.

use crate::dist::{self, Profile};
use crate::program::{Program, Service, say};
use crate::sample;
use anyhow::{Context, Result};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// How the variables begin any of which says that there is a model.
const MODEL_VARIABLES: [&str; 5] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "ERRAND_MODELS_",
];
/// Variables that would make the command line speak to another server.
const OTHER_SERVER: [&str; 2] = ["ERRAND_URL", "ERRAND_TOKEN"];

/// Everything that was started; it ends with this value, the server first.
pub struct House {
    /// The server.
    pub server: Service,
    /// The scripted model, where it was needed.
    pub scripted: Option<Service>,
    /// The data folder.
    pub data: PathBuf,
    /// The sample repository.
    pub repository: PathBuf,
    binaries: PathBuf,
    root: PathBuf,
}

impl House {
    /// Builds what is needed and starts all of it. Sample and logs lie in the folder, not in the
    /// data: that belongs to the server's own user where root starts it.
    pub fn start(root: &Path, folder: &Path, data: &Path, listen: Option<&str>) -> Result<Self> {
        say("Building (the first time takes some minutes) …");
        let binaries = dist::build(root, Profile::Release)?;
        for folder in [folder, data] {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("make {}", folder.display()))?;
        }
        let data = std::fs::canonicalize(data).context("find the data folder")?;
        let repository = folder.join("sample.git");
        sample::make(root, &repository)?;
        let scripted = scripted(&binaries, root, &data, &folder.join("scripted.log"))?;
        let mut serve = Program::new(binaries.join("errand"), root).args(["serve", "--data"]);
        serve = serve.args([&data]);
        if let Some(listen) = listen {
            serve = serve.args(["--listen", listen]);
        }
        if let Some(scripted) = &scripted {
            serve = serve.env("ERRAND_MODELS_SCRIPTED_URL", scripted.url());
        }
        let server = serve.serve(&folder.join("server.log"))?;
        Ok(Self { server, scripted, data, repository, binaries, root: root.to_path_buf() })
    }

    /// A command of `errand` against this server.
    pub fn errand(&self, args: &[&str]) -> Result<ExitStatus> {
        self.program().args(args).status()
    }

    /// The first errand on the sample repository, watched to its end.
    pub fn first_errand(&self) -> Result<ExitStatus> {
        let run = self.program().args(["run", "--name", "first-errand", "--repo"]);
        run.args([&self.repository]).args([sample::TASK]).status()
    }

    /// How a person calls `errand` for this server.
    pub fn how_to_call(&self) -> String {
        let binary = self.binaries.join("errand");
        let binary = binary.strip_prefix(&self.root).unwrap_or(&binary);
        format!(
            "ERRAND_URL={} ERRAND_DATA={} {}",
            self.server.url(),
            self.data.display(),
            binary.display()
        )
    }

    fn program(&self) -> Program {
        let program = Program::new(self.binaries.join("errand"), &self.root);
        let program = OTHER_SERVER.iter().fold(program, |program, name| program.without_env(name));
        program.env("ERRAND_URL", self.server.url()).env("ERRAND_DATA", &self.data)
    }
}

fn scripted(binaries: &Path, root: &Path, data: &Path, log: &Path) -> Result<Option<Service>> {
    if has_model(data)? {
        return Ok(None);
    }
    say(
        "No model is configured, so a scripted one answers: it knows the first errand by heart and \
         nothing else. Set ANTHROPIC_API_KEY or OPENAI_API_KEY for a real one.",
    );
    let program = Program::new(binaries.join("errand-scripted"), root);
    program.serve(log).map(Some)
}

/// Whether a model is configured, by variable or by file.
fn has_model(data: &Path) -> Result<bool> {
    let by_variable = std::env::vars_os().any(|(name, value)| {
        let name = name.to_string_lossy();
        !value.is_empty() && MODEL_VARIABLES.iter().any(|start| name.starts_with(start))
    });
    let file =
        std::env::var_os("ERRAND_CONFIG").map_or_else(|| data.join("errand.toml"), PathBuf::from);
    if by_variable || !file.exists() {
        return Ok(by_variable);
    }
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let table: toml::Table = text.parse().with_context(|| format!("parse {}", file.display()))?;
    Ok(table.contains_key("models"))
}

/// Whether the server can have its data below this folder: started as root it becomes another user,
/// who must be able to come here.
pub fn is_open(folder: &Path) -> bool {
    let may_enter = |folder: &Path| {
        // What is not there yet will be made, and can be entered then.
        std::fs::metadata(folder).map_or(true, |meta| meta.permissions().mode() & 0o001 != 0)
    };
    !rustix::process::geteuid().is_root() || folder.ancestors().all(may_enter)
}
