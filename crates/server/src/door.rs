//! The door: what a person asks, parsed once into the protocol's types. Every way in makes the same
//! inputs here; beyond it nothing is a bare string that should be an id, a branch or a URL.

use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use crate::clock::now_ms;
use axum::http::StatusCode;
use base64::Engine as _;
use git::name::{BranchName, CommitId, StartingRef, TreeId};
use git::url::RemoteUrl;
use protocol::api::agents::{CreateAgent, LimitsBody, RepoBody};
use protocol::api::runs::{Prompt as PromptBody, PromptImage};
use protocol::content::{Image, Prompt, Source};
use protocol::event::{ModelChoice, PullWishes, RepoSettings, RunLimits, Settings, UploadStart};
use protocol::ids::AgentId;
use protocol::limits;
use std::collections::{BTreeMap, BTreeSet};

/// Shortest text that makes a name readable in a list.
const NAME_FROM_PROMPT_CHARS: usize = 60;

/// A message with its images stored.
pub async fn prompt(
    app: &App,
    caller: &Caller,
    agent: AgentId,
    body: &PromptBody,
) -> ApiResult<Prompt> {
    if body.text.trim().is_empty() {
        return Err(ApiError::invalid("prompt.text", "is empty: say what is to be done"));
    }
    let count = body.text.chars().count();
    if count > limits::PROMPT_CHARS {
        return Err(ApiError::invalid(
            "prompt.text",
            format!("has {count} characters; at most {} fit", limits::PROMPT_CHARS),
        ));
    }
    if body.images.len() > limits::PROMPT_IMAGES {
        let message =
            format!("has {} images; at most {} fit", body.images.len(), limits::PROMPT_IMAGES);
        return Err(ApiError::invalid("prompt.images", message));
    }
    let mut images = Vec::new();
    for (index, image) in body.images.iter().enumerate() {
        let field = format!("prompt.images[{index}]");
        let (bytes, mime_type) = image_bytes(&field, image)?;
        let size = bytes.len() as u64;
        let owner = agent.to_string();
        let blob = app
            .store
            .put_blob(&caller.org, &owner, &bytes, now_ms())
            .await
            .map_err(anyhow::Error::from)?;
        images.push(Image { mime_type, blob: blob.digest, size });
    }
    let source = if caller.admin { Source::Owner } else { Source::Member };
    Ok(Prompt { images, ..Prompt::of(body.text.clone(), source) })
}

fn image_bytes(field: &str, image: &PromptImage) -> ApiResult<(Vec<u8>, String)> {
    let wrong = |problem: &str| ApiError::invalid(field, problem);
    if image.dimension.is_some_and(|size| size.width == 0 || size.height == 0) {
        return Err(wrong("dimension: width and height are at least 1"));
    }
    let data = match (&image.data, &image.url) {
        (Some(data), None) => data,
        (None, Some(_)) => {
            return Err(wrong(
                "url: images are not fetched for you; send the bytes as base64 in `data`",
            ));
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(wrong("needs exactly one of `data` and `url`"));
        }
    };
    let mime =
        image.mime_type.as_deref().ok_or_else(|| wrong("mimeType: is required with `data`"))?;
    if data.len() / 4 * 3 > limits::IMAGE_BYTES + 3 {
        return Err(wrong("data: is larger than 15 MB"));
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data)
        .map_err(|_| wrong("data: is not base64"))?;
    if bytes.len() > limits::IMAGE_BYTES {
        return Err(wrong("data: is larger than 15 MB"));
    }
    let real = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => return Err(wrong("data: is not a png, jpeg, gif or webp image")),
    };
    if real != mime {
        return Err(wrong(&format!("mimeType: says {mime}, the bytes are {real}")));
    }
    Ok((bytes, real.to_owned()))
}

/// The settings of a new agent.
pub fn settings(
    app: &App,
    caller: &Caller,
    id: AgentId,
    body: &CreateAgent,
) -> ApiResult<Settings> {
    refuse_unsupported(body)?;
    let repos = repos(app, caller, &body.repos)?;
    let name = name(body.name.as_deref(), &body.prompt.text)?;
    let branch = branch(body, &repos, id, &name)?;
    let env = env_vars(body.env_vars.as_ref(), body.run_env_vars.as_ref())?;
    Ok(Settings {
        principal: caller.name.clone(),
        opener: Some(caller.opener()),
        model: model(app, body.model.as_ref())?,
        mode: body.mode.unwrap_or_default(),
        auto_create_pr: body.auto_create_pr.unwrap_or(false),
        skip_reviewer_request: body.skip_reviewer_request.unwrap_or(false),
        pull: pull_wishes(body)?,
        work_on_current_branch: body.work_on_current_branch.unwrap_or(false),
        branch_name: body.branch_name.clone(),
        env_names: env.into_keys().collect(),
        startup_commands: startup_commands(body.startup_commands.as_deref().unwrap_or_default())?,
        metadata: metadata(body.metadata.as_ref())?,
        privacy_mode: false,
        limits: run_limits(app.config.run_limits(), body.limits.as_ref())?,
        provider: "local".to_owned(),
        may_have_image: app.takes_images() && !repos.is_empty(),
        layers: Vec::new(),
        image: None,
        build: None,
        forked_from: None,
        extra: None,
        name,
        repos,
        branch,
    })
}

fn pull_wishes(body: &CreateAgent) -> ApiResult<PullWishes> {
    let names = |field: &str, given: &Option<Vec<String>>, most: usize| {
        let given = given.clone().unwrap_or_default();
        let wrong = |name: &String| {
            name.trim().is_empty()
                || name.chars().count() > limits::NAME_CHARS
                || name.chars().any(char::is_control)
        };
        if given.len() > most {
            let message = format!("has {} entries; at most {most} fit", given.len());
            return Err(ApiError::invalid(field, message));
        }
        match given.iter().position(wrong) {
            Some(at) => {
                let field = format!("{field}[{at}]");
                Err(ApiError::invalid(&field, "needs 1 to 100 characters on one line"))
            }
            None => Ok(given),
        }
    };
    Ok(PullWishes {
        draft: body.draft_pr.unwrap_or(false),
        reviewers: names("reviewers", &body.reviewers, limits::REVIEWERS)?,
        labels: names("labels", &body.labels, limits::LABELS)?,
    })
}

/// Commands that run each time a machine comes up.
pub fn startup_commands(commands: &[String]) -> ApiResult<Vec<String>> {
    let (count, most) = (commands.len(), limits::STARTUP_COMMANDS);
    if count > most {
        let message = format!("has {count} entries; at most {most} fit");
        return Err(ApiError::invalid("startupCommands", message));
    }
    for (at, command) in commands.iter().enumerate() {
        let wrong = |problem: &str| ApiError::invalid(&format!("startupCommands[{at}]"), problem);
        if command.trim().is_empty() {
            return Err(wrong("is empty"));
        }
        if command.chars().count() > limits::STARTUP_COMMAND_CHARS {
            let most = limits::STARTUP_COMMAND_CHARS;
            return Err(wrong(&format!(
                "is longer than {most} characters: put it into a script of the repository"
            )));
        }
        if command.contains('\0') {
            return Err(wrong("has a NUL character"));
        }
    }
    Ok(commands.to_vec())
}

fn refuse_unsupported(body: &CreateAgent) -> ApiResult<()> {
    if body.mcp_servers.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(ApiError::not_implemented("mcpServers", "a list of MCP servers"));
    }
    if body.custom_subagents.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(ApiError::not_implemented("customSubagents", "a list of subagents"));
    }
    match &body.env {
        None => Ok(()),
        Some(env) if env.kind == "cloud" && env.name.is_none() => Ok(()),
        Some(env) if matches!(env.kind.as_str(), "cloud" | "pool" | "machine") => {
            let name = env.name.as_deref().unwrap_or("default");
            Err(ApiError::invalid(
                "env.name",
                format!("there is no {} named {name:?} here", env.kind),
            ))
        }
        Some(env) => Err(ApiError::invalid(
            "env.type",
            format!("is {:?}; choose cloud, pool or machine", env.kind),
        )),
    }
}

/// The repositories of a request.
pub fn repos(app: &App, caller: &Caller, bodies: &[RepoBody]) -> ApiResult<Vec<RepoSettings>> {
    if bodies.len() > limits::REPOS {
        return Err(ApiError::invalid(
            "repos",
            format!("has {} entries; at most {} fit", bodies.len(), limits::REPOS),
        ));
    }
    let mut folders = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut repos = Vec::new();
    for (index, body) in bodies.iter().enumerate() {
        let field = format!("repos[{index}].url");
        let url =
            RemoteUrl::parse(&body.url).map_err(|problem| ApiError::invalid(&field, problem))?;
        if !seen.insert(url.to_string()) {
            return Err(ApiError::invalid(&field, "is listed twice"));
        }
        allow_local(app, caller, &url, &field)?;
        if let Some(starting) = &body.starting_ref {
            StartingRef::parse(starting).map_err(|problem| {
                ApiError::invalid(&format!("repos[{index}].startingRef"), problem)
            })?;
        }
        let folder = free_folder(&mut folders, url.name());
        repos.push(RepoSettings {
            url: body.url.clone(),
            starting_ref: body.starting_ref.clone(),
            pr_url: body.pr_url.clone(),
            folder,
            upload: upload(index, body)?,
        });
    }
    Ok(repos)
}

/// A worktree that was sent, its names checked; the bytes are checked when the agent begins.
fn upload(index: usize, body: &RepoBody) -> ApiResult<Option<UploadStart>> {
    let Some(upload) = &body.upload else { return Ok(None) };
    let wrong = |field: &str, bad: &dyn std::fmt::Display| {
        ApiError::invalid(&format!("repos[{index}].upload.{field}"), bad)
    };
    CommitId::parse(&upload.head).map_err(|bad| wrong("head", &bad))?;
    TreeId::parse(&upload.tree).map_err(|bad| wrong("tree", &bad))?;
    if let Some(base) = &upload.base {
        CommitId::parse(base).map_err(|bad| wrong("base", &bad))?;
    }
    Ok(Some(upload.clone()))
}

/// Whether this caller may open an agent on a repository that another agent has.
pub fn allow_repository(app: &App, caller: &Caller, url: &str) -> ApiResult<()> {
    let url = RemoteUrl::parse(url).map_err(|problem| ApiError::invalid("repos", problem))?;
    allow_local(app, caller, &url, "repos")
}

/// TRUST: a path on this machine is a right of its own; only the installation's own token has it.
fn allow_local(app: &App, caller: &Caller, url: &RemoteUrl, field: &str) -> ApiResult<()> {
    let Some(path) = url.local_path() else { return Ok(()) };
    let refused = |message: String| {
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "repository_access",
            format!("{field}: {message}"),
        ))
    };
    if !caller.admin {
        return refused(
            "a path on the server's machine needs the installation's own token".to_owned(),
        );
    }
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if app.config.repositories.roots.iter().any(|root| real.starts_with(root)) {
        Ok(())
    } else {
        refused(format!("{} is outside of repositories.roots", real.display()))
    }
}

fn free_folder(taken: &mut BTreeSet<String>, wanted: String) -> String {
    let mut folder = wanted.clone();
    let mut number = 2;
    while !taken.insert(folder.clone()) {
        folder = format!("{wanted}-{number}");
        number += 1;
    }
    folder
}

/// The name that was given, or one from the prompt.
pub fn name(given: Option<&str>, prompt: &str) -> ApiResult<String> {
    match given {
        Some(name) => checked_name("name", name),
        None => Ok(name_from_prompt(prompt)),
    }
}

/// A name of 1–100 characters on one line.
pub fn checked_name(field: &str, name: &str) -> ApiResult<String> {
    let name = name.trim();
    let count = name.chars().count();
    if count == 0 || count > limits::NAME_CHARS || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(field, "needs 1 to 100 characters on one line"));
    }
    Ok(name.to_owned())
}

fn name_from_prompt(prompt: &str) -> String {
    let line = prompt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("Errand");
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    if clean.chars().count() <= NAME_FROM_PROMPT_CHARS {
        return clean;
    }
    let cut: String = clean.chars().take(NAME_FROM_PROMPT_CHARS).collect();
    let word_end =
        cut.rfind(' ').filter(|end| *end > NAME_FROM_PROMPT_CHARS / 2).unwrap_or(cut.len());
    format!("{}…", cut.get(..word_end).unwrap_or(&cut).trim_end())
}

fn branch(
    body: &CreateAgent,
    repos: &[RepoSettings],
    id: AgentId,
    name: &str,
) -> ApiResult<String> {
    if body.work_on_current_branch == Some(true) {
        if body.branch_name.is_some() {
            return Err(bad_branch("cannot be combined with workOnCurrentBranch"));
        }
        let starting = repos.first().and_then(|repo| repo.starting_ref.clone());
        let starting = starting.ok_or_else(|| {
            ApiError::invalid("workOnCurrentBranch", "needs repos[0].startingRef: the branch to push to, which is not the default branch")
        })?;
        // TRUST: one that names none would be pushed to where it starts.
        let other = repos.iter().position(|repo| repo.starting_ref.as_ref() != Some(&starting));
        return match other {
            Some(at) => {
                let field = format!("repos[{at}].startingRef");
                let problem = format!(
                    "with workOnCurrentBranch all repositories are pushed to one branch: name {starting:?} here, too"
                );
                Err(ApiError::invalid(&field, problem))
            }
            None => Ok(starting),
        };
    }
    match &body.branch_name {
        Some(branch) if repos.is_empty() => {
            Err(bad_branch(format!("{branch:?} needs a repository")))
        }
        Some(branch) => branch_name(branch),
        None => own_branch(id, name),
    }
}

fn bad_branch(problem: impl std::fmt::Display) -> ApiError {
    let message = format!("branchName: {problem}");
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_branch_name", message)
}

/// A branch that somebody named.
pub fn branch_name(name: &str) -> ApiResult<String> {
    BranchName::parse(name).map(|branch| branch.to_string()).map_err(bad_branch)
}

/// The branch of an agent for which nobody named one.
pub fn own_branch(id: AgentId, name: &str) -> ApiResult<String> {
    let suffix = id.uuid().simple().to_string();
    // The last characters of a uuid are random in every version. So many that thousands of agents with
    // the same task in one repository do not meet.
    let suffix = suffix.get(22..).unwrap_or(&suffix);
    let branch = BranchName::for_task("errand/", name, suffix).map_err(bad_branch)?;
    Ok(branch.to_string())
}

/// A model of the list, by id or alias.
pub fn model(app: &App, wanted: Option<&ModelChoice>) -> ApiResult<ModelChoice> {
    let unknown =
        |message: String| ApiError::new(StatusCode::BAD_REQUEST, "invalid_model", message);
    let Some(choice) = wanted else {
        let entry = app.catalog.default_entry().ok_or_else(|| {
            unknown("model: none is configured; set ANTHROPIC_API_KEY or OPENAI_API_KEY for the server, or add one under [[models.list]]".to_owned())
        })?;
        return Ok(ModelChoice { id: entry.id.clone(), params: Vec::new() });
    };
    let id = if choice.id == "default" {
        app.catalog.default_entry()
    } else {
        app.catalog.find(&choice.id)
    };
    let entry = id.ok_or_else(|| {
        let known: Vec<_> = app.catalog.entries().iter().map(|entry| entry.id.as_str()).collect();
        unknown(format!("model.id: {:?} is not in the list: {}", choice.id, known.join(", ")))
    })?;
    for param in &choice.params {
        let known = entry.parameters.iter().find(|known| known.id == param.id);
        if !known.is_some_and(|known| known.values.contains(&param.value)) {
            return Err(unknown(format!(
                "model.params: {} has no parameter {:?} with value {:?}",
                entry.id, param.id, param.value
            )));
        }
    }
    Ok(ModelChoice { id: entry.id.clone(), params: choice.params.clone() })
}

/// Variables for the sandbox, checked; `later` ones hide earlier ones of the same name.
pub fn env_vars(
    first: Option<&BTreeMap<String, String>>,
    later: Option<&BTreeMap<String, String>>,
) -> ApiResult<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for (name, value) in first.into_iter().flatten().chain(later.into_iter().flatten()) {
        check_variable(name, value)?;
        all.insert(name.clone(), value.clone());
    }
    if all.len() > limits::ENV_VARS {
        return Err(ApiError::invalid(
            "envVars",
            format!("has {} entries; at most {} fit", all.len(), limits::ENV_VARS),
        ));
    }
    Ok(all)
}

fn check_variable(name: &str, value: &str) -> ApiResult<()> {
    let wrong = |problem: &str| Err(ApiError::invalid(&format!("envVars.{name}"), problem));
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts
        || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        || name.len() > limits::ENV_NAME_BYTES
    {
        return wrong(
            "a name has letters, digits and underscores, does not begin with a digit, and has at most 255 characters",
        );
    }
    let upper = name.to_ascii_uppercase();
    let reserved = ["CURSOR_", "ERRAND_"].iter().any(|prefix| upper.starts_with(prefix));
    if reserved
        || matches!(
            upper.as_str(),
            "HTTP_PROXY" | "HTTPS_PROXY" | "ALL_PROXY" | "NO_PROXY" | "LD_PRELOAD"
        )
    {
        return wrong("this name is reserved");
    }
    if value.len() > limits::ENV_VALUE_BYTES || value.contains('\0') {
        return wrong("a value has at most 4096 bytes and no NUL");
    }
    Ok(())
}

fn metadata(body: Option<&BTreeMap<String, String>>) -> ApiResult<BTreeMap<String, String>> {
    let metadata = body.cloned().unwrap_or_default();
    let too_long = metadata.iter().any(|(key, value)| {
        key.len() > limits::ENV_NAME_BYTES || value.len() > limits::ENV_VALUE_BYTES
    });
    if metadata.len() > limits::METADATA_ENTRIES || too_long {
        return Err(ApiError::invalid(
            "metadata",
            "has at most 50 entries with keys of 255 and values of 4096 bytes",
        ));
    }
    Ok(metadata)
}

fn run_limits(mut limits: RunLimits, body: Option<&LimitsBody>) -> ApiResult<RunLimits> {
    let Some(body) = body else { return Ok(limits) };
    limits.steps = body.steps.unwrap_or(limits.steps);
    limits.tokens = body.tokens.unwrap_or(limits.tokens);
    limits.cost_micros =
        body.cost_cents.map_or(limits.cost_micros, |cents| cents.saturating_mul(10_000));
    if let Some(minutes) = body.minutes {
        if !(1..=480).contains(&minutes) {
            return Err(ApiError::invalid("limits.minutes", "choose 1 to 480"));
        }
        limits.hard_time_ms = u64::from(minutes) * 60_000;
        limits.soft_time_ms = crate::config::soft_time(limits.hard_time_ms);
    }
    if limits.steps == 0 || limits.tokens == 0 {
        return Err(ApiError::invalid("limits", "steps and tokens are at least 1"));
    }
    Ok(limits)
}
