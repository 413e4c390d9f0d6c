//! Dockerfiles of environment files: read, and carried out in sandboxes of their own.
//!
//! `recipe` says what is asked for and what is not followed, without looking at anything else;
//! `build` carries it out step by step in a machine that is made for it. What comes out is a layer like that of an
//! image from a registry, and is kept in the same records.
//!
//! TRUST: a Dockerfile is anybody's with write access to a repository. It runs as root of a namespace
//! of its own, behind the walls, the limits and the gateway of every sandbox, and sees placeholders of build secrets only.

mod build;
pub mod context;
mod mounts;
mod recipe;
mod scope;
mod scripts;
mod words;

use crate::app::App;
use crate::builder::Unfit;
use crate::images::{self, Freshness, Had, Unusable};
use anyhow::{Context as _, Result};
use build::{Built, Site};
use context::Context;
use gateway::audit::Peer;
use gateway::policy::Policy;
use git::mirror::Mirror;
use git::name::CommitId;
use git::objects::{FileContent, Reader};
pub use mounts::BuildSecret;
use protocol::environment::found::{ChosenImage, SetUpOutcome};
use protocol::environment::{Build, Dockerfile, check_dockerfile};
use protocol::failure::{Failure, Phase};
use protocol::ids::OrgId;
use protocol::limits::ENVIRONMENT_TEXT_BYTES;
use recipe::{Recipe, Source, What};
use tokio_util::sync::CancellationToken;
use words::Variables;

/// Hexadecimal digits by which two Dockerfiles of one name are told apart.
const DIGITS: usize = 12;

/// Whose build it is, and what may leave.
pub struct Owner {
    /// Whose data it is.
    pub org: OrgId,
    /// Whose log is told of what was refused on the way out.
    pub peer: Peer,
    /// What may leave.
    pub policy: Policy,
    /// What steps may be given.
    pub secrets: Vec<BuildSecret>,
    /// Set when nobody waits for it any more.
    pub cancel: CancellationToken,
}

/// The Dockerfile that an environment file asks for, as a commit has it.
pub struct Asked {
    /// What is built, for people and for comparing: the file, and what it and what it copies are.
    pub name: String,
    /// What there is to know of it.
    pub warnings: Vec<String>,
    /// What the Dockerfile says, without what it copies.
    pub text: String,
    file: String,
    recipe: Recipe,
    args: Variables,
    /// The folder that it may copy from.
    context: String,
}

impl Asked {
    /// Reads it; or says why it is not followed.
    pub async fn look(
        reader: &mut Reader,
        (mirror, commit): (&Mirror, &CommitId),
        (file, build): (&str, &Build),
    ) -> Result<std::result::Result<Self, String>> {
        let (file, text) = match &build.dockerfile {
            Dockerfile::Contents(text) => {
                (format!("{file}: dockerfileContents"), Some(text.clone()))
            }
            Dockerfile::Path(path) => {
                let most = ENVIRONMENT_TEXT_BYTES as u64;
                let found = reader.file(commit, path.as_str(), most).await;
                let found = found.context("read the Dockerfile")?;
                (path.as_str().to_owned(), found.and_then(FileContent::into_text))
            }
        };
        let Some(text) = text else {
            let words =
                format!("there is no {file} of at most {ENVIRONMENT_TEXT_BYTES} bytes of UTF-8");
            return Ok(Err(words));
        };
        let recipe = match Recipe::read(&text, &build.args) {
            Ok(recipe) => recipe,
            Err(problem) => return Ok(Err(format!("{file}, {problem}"))),
        };
        let warnings = match &build.dockerfile {
            Dockerfile::Path(path) => check_dockerfile(path, text.as_bytes()).warnings,
            // Told with the file in which it stands.
            Dockerfile::Contents(_) => Vec::new(),
        };
        let warnings = warnings.iter().map(ToString::to_string).collect();
        let context = build.context.as_str().to_owned();
        let files = match copied(&recipe, (mirror, commit, &context)).await {
            Ok(files) => files,
            Err(error) => match error.downcast::<Unfit>() {
                Ok(Unfit(words)) => return Ok(Err(format!("{file}: {words}"))),
                Err(error) => return Err(error),
            },
        };
        let whole =
            serde_json::to_vec(&(&text, &build.args, files)).context("name a Dockerfile")?;
        let digest: String = blake3::hash(&whole).to_hex().chars().take(DIGITS).collect();
        let name = format!("{file}#{digest}");
        Ok(Ok(Self { name, warnings, text, file, recipe, args: build.args.clone(), context }))
    }

    /// Why it is not built whatever it is; none: it may be.
    pub fn refusal(&self, config: &crate::config::Config) -> Option<String> {
        if config.sandbox.posture == "none" {
            return Some(
                "its steps run as root, and this server gives no sandbox a root".to_owned(),
            );
        }
        self.recipe.images().find_map(|image| images::refusal(&config.images, image))
    }
}

impl Asked {
    /// What is kept of it for these secrets: what one of them fetched is not for builds that do not have it.
    fn kept_as(&self, owner: &Owner) -> String {
        let mut ids: Vec<&str> = Vec::new();
        for step in self.recipe.stages.iter().flat_map(|stage| &stage.steps) {
            if let What::Run(_, mounts) = &step.what {
                let given = mounts.iter().filter_map(|mount| mount.among(&owner.secrets));
                ids.extend(given.map(|secret| secret.id.as_str()));
            }
        }
        if ids.is_empty() {
            return self.name.clone();
        }
        ids.sort_unstable();
        ids.dedup();
        format!("{}+{}", self.name, ids.join("+"))
    }
}

/// Why a Dockerfile with these arguments would not be followed, and in which line.
pub fn problem(text: &str, args: &Variables) -> Option<(usize, String)> {
    Recipe::read(text, args).err().map(|problem| (problem.line, problem.message))
}

/// Names all files that come out of the repository. Of what a variable names only the image tells.
async fn copied(
    recipe: &Recipe,
    (mirror, commit, context): (&Mirror, &CommitId, &str),
) -> Result<Vec<String>> {
    if !recipe.copies_files() {
        return Ok(Vec::new());
    }
    let mut context = Context::open(mirror, commit, context).await?;
    let mut named = Vec::new();
    for step in recipe.stages.iter().flat_map(|stage| &stage.steps) {
        let What::Copy(copy) = &step.what else { continue };
        if copy.from.is_some() {
            continue;
        }
        for source in &copy.sources {
            let Source::Path(path) = source else { continue };
            let path = if path.contains('$') { "." } else { path.as_str() };
            named.extend(context.identity(path).await?);
        }
    }
    Ok(named)
}

/// What it leaves, built if it is not there. `tell` is given what is going on, and how much of it is
/// done in percent.
pub async fn get(
    app: &App,
    owner: &Owner,
    asked: &Asked,
    (mirror, commit): (&Mirror, &CommitId),
    freshness: Freshness,
    tell: &(dyn Fn(&str, Option<u8>) + Sync),
) -> Result<Had> {
    let kept_as = asked.kept_as(owner);
    if freshness == Freshness::Recent
        && let Some(mut had) = images::known(app, &owner.org, &kept_as).await?
    {
        had.image.reference.clone_from(&asked.name);
        return Ok(had);
    }
    let context = Context::open(mirror, commit, &asked.context).await?;
    let site = Site { app, owner, args: &asked.args, context, freshness, tell };
    let built = Box::pin(build::build(site, &asked.recipe)).await;
    let Built { layer, variables, is_new } =
        built.map_err(|error| match error.downcast::<Unfit>() {
            Ok(Unfit(words)) => {
                let message = format!("{}, {words}", asked.file);
                Unusable(Failure::new(Phase::SetUp, "build_failed", message)).into()
            }
            Err(error) => error,
        })?;
    let outcome = if is_new { SetUpOutcome::Done } else { SetUpOutcome::Kept };
    let variables = images::for_commands(variables);
    let mut image = ChosenImage { reference: kept_as, digest: String::new(), variables };
    images::remember(app, &owner.org, &image, layer).await?;
    image.reference.clone_from(&asked.name);
    Ok(Had { image, layer, outcome })
}
