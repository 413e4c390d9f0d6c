//! What holds for agents opened from now on, as an administrator has set it.

use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use anyhow::{Context, Result};
use gateway::pattern::Pattern;
use git::url::RemoteUrl;
use protocol::api::agents::CreateAgent;
use protocol::api::settings::{AllowedHost, SettingsBody, UpdateSettings};
use protocol::ids::OrgId;
use protocol::limits::{ALLOW_ENTRY_BYTES, ALLOWED_HOSTS};
use store::kv::{Expect, Put};

/// Kind of the record.
const KIND: &str = "settings";
/// Its key.
const KEY: &str = "organisation";
/// Longest retention, in days: a hundred years say "never" better by leaving it out.
const RETENTION_DAYS: u32 = 36_500;

/// The settings, with the version that a change must find.
async fn entry(app: &App, org: &OrgId) -> Result<(SettingsBody, Expect)> {
    let entry = app.store.get(org, KIND, KEY).await.context("read the settings")?;
    let Some(entry) = entry else { return Ok((SettingsBody::default(), Expect::Absent)) };
    let settings = serde_json::from_str(&entry.body).context("read the settings")?;
    Ok((settings, Expect::Version(entry.version)))
}

/// The settings as they are.
pub async fn read(app: &App, org: &OrgId) -> Result<SettingsBody> {
    Ok(entry(app, org).await?.0)
}

/// Changes what the update names; of two at once none undoes the other. The settings before and after.
pub async fn change(
    app: &App,
    org: &OrgId,
    update: UpdateSettings,
) -> ApiResult<(SettingsBody, SettingsBody)> {
    check(app, &update)?;
    loop {
        let (before, expect) = entry(app, org).await?;
        let mut settings = before.clone();
        apply(&mut settings, update.clone());
        if kept(app, org, expect, &settings).await? {
            return Ok((before, settings));
        }
    }
}

fn check(app: &App, update: &UpdateSettings) -> ApiResult<()> {
    if let Some(Some(model)) = &update.default_model {
        crate::door::model(app, Some(model))?;
    }
    if let Some(Some(url)) = &update.default_repository {
        RemoteUrl::parse(url).map_err(|problem| ApiError::invalid("defaultRepository", problem))?;
    }
    if let Some(Some(branch)) = &update.base_branch {
        git::name::StartingRef::parse(branch)
            .map_err(|problem| ApiError::invalid("baseBranch", problem))?;
    }
    if let Some(Some(days)) = update.retention_days
        && !(1..=RETENTION_DAYS).contains(&days)
    {
        let message = format!("is {days}; choose 1 to {RETENTION_DAYS}, or null for ever");
        return Err(ApiError::invalid("retentionDays", message));
    }
    if let Some(commands) = &update.startup_commands {
        crate::door::startup_commands(commands)?;
    }
    check_hosts(update.allowed_hosts.as_deref().unwrap_or_default())
}

fn check_hosts(hosts: &[AllowedHost]) -> ApiResult<()> {
    if hosts.len() > ALLOWED_HOSTS {
        let message = format!("are {}; at most {ALLOWED_HOSTS} are kept", hosts.len());
        return Err(ApiError::invalid("allowedHosts", message));
    }
    for (at, host) in hosts.iter().enumerate() {
        if host.entry.len() > ALLOW_ENTRY_BYTES {
            let message = format!("is longer than {ALLOW_ENTRY_BYTES} bytes");
            return Err(ApiError::invalid(&format!("allowedHosts.{at}.entry"), message));
        }
        let entry = Pattern::parse(&host.entry);
        entry.map_err(|bad| ApiError::invalid(&format!("allowedHosts.{at}.entry"), bad))?;
        if let Some(url) = &host.repository {
            let field = format!("allowedHosts.{at}.repository");
            RemoteUrl::parse(url).map_err(|bad| ApiError::invalid(&field, bad))?;
        }
    }
    Ok(())
}

/// Adds hosts to those that the settings name; those that are there already stay.
pub async fn allow_hosts(app: &App, org: &OrgId, hosts: Vec<AllowedHost>) -> ApiResult<()> {
    loop {
        let (settings, expect) = entry(app, org).await?;
        let mut all = settings.allowed_hosts.clone();
        all.extend(hosts.iter().filter(|host| !settings.allowed_hosts.contains(host)).cloned());
        check_hosts(&all)?;
        let settings = SettingsBody { allowed_hosts: all, ..settings };
        if kept(app, org, expect, &settings).await? {
            return Ok(());
        }
    }
}

/// Whether nobody else was quicker.
async fn kept(app: &App, org: &OrgId, expect: Expect, settings: &SettingsBody) -> Result<bool> {
    let body = serde_json::to_string(settings).context("write the settings")?;
    let put = app.store.put(org, KIND, KEY, expect, &body).await.context("keep the settings")?;
    Ok(matches!(put, Put::Done(_)))
}

fn apply(settings: &mut SettingsBody, update: UpdateSettings) {
    fn put<T>(place: &mut T, given: Option<T>) {
        if let Some(given) = given {
            *place = given;
        }
    }
    put(&mut settings.default_model, update.default_model);
    put(&mut settings.default_repository, update.default_repository);
    put(&mut settings.base_branch, update.base_branch);
    put(&mut settings.display_agent_summary, update.display_agent_summary);
    put(
        &mut settings.display_agent_summary_in_external_channels,
        update.display_agent_summary_in_external_channels,
    );
    put(&mut settings.privacy_mode, update.privacy_mode);
    put(&mut settings.retention_days, update.retention_days);
    put(&mut settings.startup_commands, update.startup_commands);
    put(&mut settings.network_mode, update.network_mode);
    put(&mut settings.allowed_hosts, update.allowed_hosts);
    put(&mut settings.when_all_three, update.when_all_three);
}

/// Puts the defaults where a new agent's request says nothing.
pub fn fill(settings: &SettingsBody, body: &mut CreateAgent) {
    if body.model.is_none() {
        body.model.clone_from(&settings.default_model);
    }
    if body.startup_commands.is_none() {
        body.startup_commands = Some(settings.startup_commands.clone());
    }
    // An agent that pushes to its starting ref is told that ref by the person, never by a default.
    if body.work_on_current_branch == Some(true) {
        return;
    }
    for repo in &mut body.repos {
        if repo.starting_ref.is_none() && repo.pr_url.is_none() {
            repo.starting_ref.clone_from(&settings.base_branch);
        }
    }
}
