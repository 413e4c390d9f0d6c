//! Carries a Dockerfile out. Each step leaves a layer, named by all that it depends on, so what was
//! done once is not done again: for whoever asks, after a crash, and in Dockerfiles that begin alike.

use super::context::{Context, Files, archived};
use super::mounts::SecretMount;
use super::recipe::{Copy, Origin, Recipe, Source, Step, What};
use super::scope::Scope;
use super::words::Variables;
use super::{Owner, scripts};
use crate::app::App;
use crate::builder::{Command, Machine, Unfit, keep_end, to_end};
use crate::egress;
use crate::images::{self, Freshness};
use crate::sandbox_spec;
use anyhow::{Context as _, Result};
use gateway::attach::Rules;
use gateway::grant::Grants;
use git::objects::EntryKind;
use protocol::ids::LayerId;
use protocol::limits::DOCKERFILE_MS;
use protocol::link::{EntryKind as Inside, Exited, Request, User};
use sandbox::link::{Followed, LinkError, PortWriter};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;

/// End of an archive.
const ARCHIVE_END: [u8; 1024] = [0; 1024];
/// Bytes of a file that is taken out of an image without a shell.
const FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Where and for whom a Dockerfile is carried out.
pub struct Site<'a> {
    /// The server.
    pub app: &'a App,
    /// Whose build it is.
    pub owner: &'a Owner,
    /// Given to its `ARG`s.
    pub args: &'a Variables,
    /// The files that it may copy.
    pub context: Context,
    /// How new its images must be.
    pub freshness: Freshness,
    /// Is given what is going on, and how much of it is done in percent.
    pub tell: &'a (dyn Fn(&str, Option<u8>) + Sync),
}

/// What came of it.
pub struct Built {
    /// What disks begin with.
    pub layer: LayerId,
    /// Variables that it gives to commands.
    pub variables: Variables,
    /// Whether anything had to be done.
    pub is_new: bool,
}

/// Carries out all that the last stage needs.
pub async fn build(site: Site<'_>, recipe: &Recipe) -> Result<Built> {
    let until = Instant::now() + Duration::from_millis(DOCKERFILE_MS);
    let needed = recipe.needed();
    let stages = needed.iter().filter_map(|index| recipe.stages.get(*index));
    let all = stages.map(|stage| stage.steps.len()).sum::<usize>().max(1);
    let done = recipe.stages.iter().map(|_| None).collect();
    let mut work = Work { site, recipe, until, done, passed: 0, all, is_new: false };
    for index in needed {
        work.stage(index).await?;
    }
    let last = work.done.pop().flatten().context("the last stage was not built")?;
    Ok(Built { layer: last.layer, variables: last.scope.env, is_new: work.is_new })
}

struct Work<'a> {
    site: Site<'a>,
    recipe: &'a Recipe,
    until: Instant,
    /// Stages so far.
    done: Vec<Option<Stage>>,
    passed: usize,
    all: usize,
    is_new: bool,
}

#[derive(Clone)]
struct Stage {
    layer: LayerId,
    scope: Scope,
}

/// What changes files.
enum Task {
    Run(Vec<String>, Vec<SecretMount>),
    Copy(Brought),
    Finish,
}

/// What a `COPY` brings, and where to.
struct Brought {
    from: From,
    into: String,
    owner: String,
    mode: String,
}

enum From {
    Repository(Files),
    Text { name: String, text: String },
    Layer { layer: LayerId, paths: Vec<String>, may_be_lone: bool },
}

impl<'a> Work<'a> {
    async fn stage(&mut self, index: usize) -> Result<()> {
        let recipe = self.recipe;
        let stage = recipe.stages.get(index).context("there is no such stage")?;
        let mut at = self.origin(&stage.from).await?;
        let mut machine = None;
        let mut carried_out = Ok(());
        for step in &stage.steps {
            let done = self.step(&mut at, &mut machine, step).await;
            carried_out = done.map_err(|error| on_line(step.line, error));
            if carried_out.is_err() {
                break;
            }
        }
        let is_last = index + 1 == recipe.stages.len();
        if carried_out.is_ok() && is_last {
            carried_out = self.change(&mut at, &mut machine, &Task::Finish, "finishing").await;
        }
        if let Some(machine) = machine {
            machine.end().await;
        }
        carried_out?;
        if let Some(place) = self.done.get_mut(index) {
            *place = Some(at);
        }
        Ok(())
    }

    async fn origin(&self, origin: &Origin) -> Result<Stage> {
        match origin {
            Origin::Stage(index) => {
                let mut stage =
                    self.done.get(*index).cloned().flatten().context("not built yet")?;
                stage.scope.args = Variables::new();
                Ok(stage)
            }
            Origin::Image(reference) => {
                let Site { app, owner, freshness, tell, .. } = &self.site;
                let tell = |what: &str, percent| tell(&format!("{reference}: {what}"), percent);
                let had = images::any(app, &owner.org, reference, *freshness, tell).await?;
                Ok(Stage { layer: had.layer, scope: Scope::new(had.image.variables) })
            }
        }
    }

    async fn step(
        &mut self,
        at: &mut Stage,
        machine: &mut Option<Machine<'a>>,
        step: &Step,
    ) -> Result<()> {
        self.passed += 1;
        let (recipe, scope) = (self.recipe, &mut at.scope);
        let unfit = |words: String| anyhow::Error::from(Unfit(words));
        match &step.what {
            What::Env(text) => scope.set(recipe, text).map_err(unfit)?,
            What::Arg(text) => scope.declare(recipe, text, self.site.args).map_err(unfit)?,
            What::Workdir(text) => scope.enter(&scope.word(recipe, text).map_err(unfit)?),
            What::User(text) => scope.user = scope.word(recipe, text).map_err(unfit)?,
            What::Shell(words) => scope.shell.clone_from(words),
            What::Run(run, mounts) => {
                let task = Task::Run(scope.argv(run), self.given(mounts).map_err(unfit)?);
                self.change(at, machine, &task, &step.shown).await?;
            }
            What::Copy(copy) => {
                let task = Task::Copy(self.brought(&at.scope, copy).await?);
                self.change(at, machine, &task, &step.shown).await?;
            }
        }
        Ok(())
    }

    /// Those that there are; one that must be there and is not ends the build.
    fn given(&self, mounts: &[SecretMount]) -> Result<Vec<SecretMount>, String> {
        let secrets = &self.site.owner.secrets;
        let is_there = |mount: &&SecretMount| mount.among(secrets).is_some();
        match mounts.iter().find(|mount| mount.is_required && !is_there(mount)) {
            Some(missing) => Err(missing.missing()),
            None => Ok(mounts.iter().filter(is_there).cloned().collect()),
        }
    }

    async fn brought(&mut self, scope: &Scope, copy: &Copy) -> Result<Brought> {
        let word = |text: &str| scope.word(self.recipe, text).map_err(Unfit);
        let mut paths = Vec::new();
        let mut text = None;
        for source in &copy.sources {
            match source {
                Source::Path(path) => paths.push(word(path)?),
                Source::Text { text: said, expand: true } => {
                    text = Some(scope.text(self.recipe, said).map_err(Unfit)?);
                }
                Source::Text { text: said, expand: false } => text = Some(said.clone()),
            }
        }
        let into = word(&copy.into)?;
        let owner = copy.owner.as_deref().map(word).transpose()?;
        let mode = copy.mode.as_deref().map(word).transpose()?;
        let is_folder = into.ends_with('/') || into == "." || into.ends_with("/.");
        let place = scope.place(&into);
        let from = match (&copy.from, text) {
            (_, Some(text)) if is_folder => {
                let message =
                    format!("COPY <<NAME {into}: name a file, not a folder ({} bytes)", text.len());
                return Err(Unfit(message).into());
            }
            (_, Some(text)) => {
                let name = place.rsplit('/').next().unwrap_or_default().to_owned();
                From::Text { name, text }
            }
            (None, None) => {
                let mut files = self.site.context.pick(&paths).await?;
                files.lone = files.lone.filter(|_| !is_folder);
                From::Repository(files)
            }
            (Some(origin), None) => {
                let layer = self.origin(origin).await?.layer;
                let root = Scope::new(Variables::new());
                let paths: Vec<_> = paths.iter().map(|path| root.place(path)).collect();
                let is_pattern = paths.iter().any(|path| path.contains(['*', '?', '[']));
                let may_be_lone = paths.len() == 1 && !is_pattern && !is_folder;
                From::Layer { layer, paths, may_be_lone }
            }
        };
        let (owner, mode) = (owner.unwrap_or_else(|| "0:0".to_owned()), mode.unwrap_or_default());
        Ok(Brought { from, into: place, owner, mode })
    }

    /// Does what was not done before under the same conditions.
    async fn change(
        &mut self,
        at: &mut Stage,
        machine: &mut Option<Machine<'a>>,
        task: &Task,
        shown: &str,
    ) -> Result<()> {
        let layer = self.layer(at, task)?;
        let (app, owner) = (self.site.app, self.site.owner);
        let turn = app.images.turn(layer);
        let _turn = turn.lock().await;
        if images::is_there(&*app.provider, layer).await? {
            at.layer = layer;
            // It is no longer where the next step begins.
            if let Some(machine) = machine.take() {
                machine.end().await;
            }
            return Ok(());
        }
        self.is_new = true;
        self.tell(shown, "");
        let machine =
            machine.get_or_insert_with(|| Machine::new(app, &owner.org, at.layer, &owner.cancel));
        machine.reach(owner.peer, self.rules(task));
        match task {
            Task::Run(argv, mounts) => {
                self.run(machine, &at.scope, (argv, mounts), shown).await?;
            }
            Task::Copy(brought) => self.copy(machine, brought).await?,
            Task::Finish => self.finish(machine, &at.scope).await?,
        }
        machine.keep(at.layer, layer).await?;
        at.layer = layer;
        Ok(())
    }

    /// What a step leaves, by all that it depends on.
    fn layer(&self, at: &Stage, task: &Task) -> Result<LayerId> {
        let owner = self.site.owner;
        let network = match task {
            Task::Run(_, mounts) => {
                // By whose secret, not by what it is worth: a new value prepares nothing anew.
                let given = mounts.iter().filter_map(|mount| mount.among(&owner.secrets));
                let given: Vec<_> = given.map(|secret| (&secret.id, &secret.grant.hosts)).collect();
                let given = if given.is_empty() { String::new() } else { format!("{given:?}") };
                format!("{:?}{given}", owner.policy)
            }
            Task::Copy(_) | Task::Finish => String::new(),
        };
        let (before, key) = (at.layer.to_string(), task.key(&at.scope)?);
        let all = [owner.org.0.as_str(), before.as_str(), network.as_str(), key.as_str()];
        Ok(images::layer_named(all.into_iter()))
    }

    /// What may leave while this is done: only what is mounted is granted, and only then.
    fn rules(&self, task: &Task) -> Rules {
        let owner = self.site.owner;
        let mounts = match task {
            Task::Run(_, mounts) => mounts.as_slice(),
            Task::Copy(_) | Task::Finish => &[],
        };
        let given = mounts.iter().filter_map(|mount| mount.among(&owner.secrets));
        let grants: Vec<_> = given.map(|secret| secret.grant.clone()).collect();
        let policy = egress::with_grants(owner.policy.clone(), &grants);
        Rules { policy, grants: Grants::new(grants, Vec::new()), aws: None }
    }

    fn tell(&self, shown: &str, said: &str) {
        let percent = u8::try_from(self.passed * 100 / (self.all + 1)).unwrap_or(100);
        let colon = if said.is_empty() { "" } else { ": " };
        (self.site.tell)(&format!("{shown}{colon}{said}"), Some(percent));
    }

    fn command(&self, scope: Option<&Scope>, argv: Vec<String>) -> Result<Command> {
        let left = self.until.saturating_duration_since(Instant::now());
        let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        if timeout_ms == 0 {
            return Err(too_long());
        }
        let own = scope.map(Scope::variables).unwrap_or_default();
        let env = sandbox_spec::build_variables(own);
        Ok(Command { argv, env, cwd: "/".to_owned(), user: User::Root, timeout_ms })
    }

    async fn run(
        &self,
        machine: &mut Machine<'_>,
        scope: &Scope,
        (argv, mounts): (&[String], &[SecretMount]),
        shown: &str,
    ) -> Result<()> {
        let words = [scope.folder.clone(), scope.user.clone()].into_iter().chain(argv.to_vec());
        let run = scripts::script(scripts::RUN, words);
        let (mut files, mut count, mut env) = (Vec::new(), 0_usize, Vec::new());
        for mount in mounts {
            let Some(secret) = mount.among(&self.site.owner.secrets) else { continue };
            let placeholder = &secret.grant.placeholder;
            env.extend(mount.env.as_ref().map(|name| (name.clone(), placeholder.clone())));
            if let Some(target) = &mount.target {
                let (mode, owner) = (mount.mode.clone(), mount.owner.clone());
                files.extend([scope.place(target), mode, owner, placeholder.clone()]);
                count += 1;
            }
        }
        let whole = match count {
            0 => run,
            _ => {
                let words = [count.to_string()].into_iter().chain(files).chain(run);
                scripts::script(scripts::WITH_SECRETS, words)
            }
        };
        let mut command = self.command(Some(scope), whole)?;
        command.env.retain(|(name, _)| env.iter().all(|(own, _)| own != name));
        command.env.extend(env);
        let (exited, said) = machine.run(command, |text| self.tell(shown, text)).await?;
        ended(&exited, &said)
    }

    async fn finish(&self, machine: &mut Machine<'_>, scope: &Scope) -> Result<()> {
        let command = self.command(Some(scope), scripts::script(scripts::FINISH, []))?;
        let (exited, said) = machine.run(command, |_| ()).await?;
        ended(&exited, &said)?;
        let lacking: Vec<&str> = said.split_whitespace().collect();
        if lacking.is_empty() {
            return Ok(());
        }
        Err(Unfit(images::lacking(&lacking)).into())
    }

    async fn copy(&mut self, machine: &mut Machine<'_>, brought: &Brought) -> Result<()> {
        let From::Layer { layer, .. } = &brought.from else {
            return self.bring(machine, brought, None).await;
        };
        let owner = self.site.owner;
        let mut source = Machine::new(self.site.app, &owner.org, *layer, &owner.cancel);
        let done = self.bring(machine, brought, Some(&mut source)).await;
        source.end().await;
        done
    }

    async fn bring(
        &mut self,
        machine: &mut Machine<'_>,
        brought: &Brought,
        mut source: Option<&mut Machine<'_>>,
    ) -> Result<()> {
        let lone = match (&brought.from, &mut source) {
            (From::Repository(files), _) => files.lone.clone(),
            (From::Text { name, .. }, _) => Some(name.clone()),
            (From::Layer { paths, may_be_lone: true, .. }, Some(source)) => match paths.first() {
                Some(path) if !self.is_folder(source, path).await? => {
                    path.rsplit('/').next().map(str::to_owned)
                }
                Some(_) | None => None,
            },
            (From::Layer { .. }, _) => None,
        };
        let Brought { into, owner, mode, from } = brought;
        let words = [into.clone(), lone.unwrap_or_default(), owner.clone(), mode.clone()];
        let command = self.command(None, scripts::script(scripts::COPY_IN, words))?;
        let (mut follow, writer) = machine.pipe(command).await?;
        // Where the other end is gone, it says why.
        if let Err(error) = self.send(from, source, &writer).await
            && !error.is::<LinkError>()
        {
            return Err(error);
        }
        writer.end().await.ok();
        let (exited, said) = to_end(&mut follow, |_| ()).await?;
        ended(&exited, &said)
    }

    async fn send(
        &mut self,
        from: &From,
        source: Option<&mut Machine<'_>>,
        into: &PortWriter,
    ) -> Result<()> {
        match from {
            From::Repository(files) => {
                for picked in &files.picked {
                    into.write(&self.site.context.archived(picked).await?).await?;
                }
            }
            From::Text { name, text } => {
                into.write(&archived(name, EntryKind::File, text.as_bytes())?).await?;
            }
            From::Layer { paths, .. } => {
                let source = source.context("there is no machine to copy from")?;
                return self.send_out_of(source, paths, into).await;
            }
        }
        Ok(into.write(&ARCHIVE_END).await?)
    }

    async fn send_out_of(
        &self,
        source: &mut Machine<'_>,
        paths: &[String],
        into: &PortWriter,
    ) -> Result<()> {
        let words = scripts::script(scripts::COPY_OUT, paths.to_vec());
        let (mut follow, _input) = match source.pipe(self.command(None, words)?).await {
            Err(error) if error.is::<Unfit>() => {
                return self.without_shell(source, paths, into).await;
            }
            begun => begun?,
        };
        let mut said = String::new();
        loop {
            match follow.next().await? {
                Followed::Stdout(bytes) => into.write(&bytes).await?,
                Followed::Stderr(bytes) => keep_end(&mut said, &bytes),
                Followed::Exited(exited) => return ended(&exited, &said),
            }
        }
    }

    /// Single files of images that hold a program and nothing else.
    async fn without_shell(
        &self,
        source: &mut Machine<'_>,
        paths: &[String],
        into: &PortWriter,
    ) -> Result<()> {
        let link = source.link().await?;
        for path in paths {
            let name = path.rsplit('/').next().unwrap_or_default();
            let found = found(&link, path).await?;
            if found.kind != Inside::File || found.size > FILE_BYTES {
                let words =
                    format!("{path}: of an image without a shell single files can be copied");
                return Err(Unfit(words).into());
            }
            let (mut bytes, kind) = (
                Vec::new(),
                match found.mode & 0o111 {
                    0 => EntryKind::File,
                    _ => EntryKind::Executable,
                },
            );
            let file = link.download("/".to_owned(), path.clone()).await?;
            file.take(FILE_BYTES)
                .read_to_end(&mut bytes)
                .await
                .context("read a file of an image")?;
            into.write(&archived(name, kind, &bytes)?).await?;
        }
        Ok(into.write(&ARCHIVE_END).await?)
    }

    async fn is_folder(&self, source: &mut Machine<'_>, path: &str) -> Result<bool> {
        let words = scripts::script(scripts::IS_FOLDER, [path.to_owned()]);
        match source.run(self.command(None, words)?, |_| ()).await {
            Ok((exited, _)) => Ok(exited.code == Some(0)),
            Err(error) if error.is::<Unfit>() => {
                let link = source.link().await?;
                Ok(found(&link, path).await?.kind == Inside::Directory)
            }
            Err(error) => Err(error),
        }
    }
}

fn on_line(line: usize, error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Unfit>() {
        Ok(Unfit(words)) => Unfit(format!("line {line}: {words}")).into(),
        Err(error) => error,
    }
}

async fn found(link: &sandbox::link::Link, path: &str) -> Result<protocol::link::Found> {
    let stat = Request::Stat { cwd: "/".to_owned(), path: path.to_owned(), follow: true };
    match link.request(stat).await {
        Ok(protocol::link::Answer::Found(found)) => Ok(found),
        Ok(_) => anyhow::bail!("the guest answered something else"),
        Err(LinkError::Fault(fault)) => Err(Unfit(format!("{path}: {}", fault.message)).into()),
        Err(error) => Err(error.into()),
    }
}

impl Task {
    /// All that its outcome depends on, beside the files that are there.
    fn key(&self, scope: &Scope) -> Result<String> {
        let key = match self {
            Self::Run(argv, mounts) if mounts.is_empty() => {
                serde_json::to_string(&("run", scope, argv))
            }
            Self::Run(argv, mounts) => serde_json::to_string(&("run", scope, argv, mounts)),
            Self::Finish => serde_json::to_string(&("finish", scope.env.get("PATH"))),
            Self::Copy(Brought { from, into, owner, mode }) => {
                let from = match from {
                    From::Repository(files) => serde_json::to_value((files.names(), &files.lone)),
                    From::Text { name, text } => serde_json::to_value((name, text)),
                    From::Layer { layer, paths, may_be_lone } => {
                        serde_json::to_value((layer, paths, may_be_lone))
                    }
                };
                serde_json::to_string(&("copy", from.context("name a step")?, into, owner, mode))
            }
        };
        key.context("name a step")
    }
}

fn ended(exited: &Exited, said: &str) -> Result<()> {
    if exited.timed_out {
        return Err(too_long());
    }
    let how = match (exited.code, exited.signal) {
        (Some(0), _) => return Ok(()),
        (Some(code), _) => format!("ended with status {code}"),
        (None, signal) => format!("was ended by signal {}", signal.unwrap_or_default()),
    };
    let said = match said.trim() {
        "" => "It printed nothing.".to_owned(),
        said => format!("It printed last:\n{said}"),
    };
    Err(Unfit(format!("{how}. {said}")).into())
}

fn too_long() -> anyhow::Error {
    let minutes = DOCKERFILE_MS / 60_000;
    Unfit(format!(
        "the Dockerfile was not done within {minutes} min; nothing may keep running in it"
    ))
    .into()
}
