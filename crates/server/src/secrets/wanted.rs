//! What a secret is to be, checked; and which one of several is meant.

use super::{Entry, Listed, known};
use crate::api::error::{ApiError, ApiResult};
use crate::aws;
use crate::saved_environments::same;
use axum::http::StatusCode;
use gateway::pattern::Pattern;
use git::url::RemoteUrl;
use protocol::api::aws::is_role_secret;
use protocol::api::secrets::{PutSecret, SecretKind, SecretPlace};
use protocol::limits::{
    ENV_NAME_BYTES, SECRET_HOSTS, SECRET_REPOS, SECRET_VALUE_BYTES, SECRET_VALUE_LEAST_BYTES,
};
use std::collections::BTreeSet;
use store::sealed::Secret;

/// Names that decide how programs are loaded or where they connect to.
const RESERVED: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "LD_PRELOAD"];
/// What no name may contain.
const RESERVED_PART: &str = "CURSOR_SANDBOX";
/// What no name may begin with.
const RESERVED_BEGINNING: &str = "ERRAND_";
/// What to do without hosts.
const NO_HOSTS: &str = "name who is given the value, as in [\"api.example.com\"]: the sandbox is then given a \
    placeholder only. Or choose `plain`: programs in the sandbox, and so the model, can then read the value and send \
    it anywhere";

/// The same of a build secret.
const NO_BUILD_HOSTS: &str = "name who is given the value, as in [\"npm.example.com\"]: `install` and the steps of a \
    Dockerfile are given a placeholder only";
/// Why there is no plain build secret.
const NO_PLAIN_BUILD: &str = "is not for build secrets: what `install` and Dockerfiles leave is for everybody, so they \
    are given a placeholder only. Name the hosts that are given the value, as in [\"npm.example.com\"]";

/// What a secret is to be; what is none stays as it is.
pub struct Wanted {
    /// Its value.
    pub value: Secret,
    /// What becomes of it.
    pub kind: Option<SecretKind>,
    /// Only for these repositories; empty: for all.
    pub repos: Option<Vec<String>>,
    /// Who is given a grant's value.
    pub hosts: Option<Vec<String>>,
    /// Where in a request.
    pub places: Option<Vec<SecretPlace>>,
    /// The value of a runtime secret is a variable.
    pub plain: Option<bool>,
}

impl From<PutSecret> for Wanted {
    fn from(body: PutSecret) -> Self {
        let repos = body.repos.map(|repos| repos.into_iter().map(|repo| repo.url).collect());
        let PutSecret { value, kind, hosts, places, plain, .. } = body;
        Self { value: Secret::new(value.0), kind, repos, hosts, places, plain }
    }
}

impl Wanted {
    /// The value and what is to be kept with it, over what was there.
    pub(super) fn entry(self, name: &str, before: Option<&Entry>) -> ApiResult<(Secret, Entry)> {
        check_name(name)?;
        if is_role_secret(name) {
            return self.role(name, before);
        }
        let kind = self.kind.or(before.map(|before| before.kind));
        let kind = kind.unwrap_or(SecretKind::RuntimeSecret);
        let alike = before.filter(|before| before.kind == kind);
        let (hosts, places, plain) = match kind {
            SecretKind::BuildSecret if self.plain == Some(true) => {
                return Err(ApiError::invalid("plain", NO_PLAIN_BUILD));
            }
            SecretKind::RuntimeSecret | SecretKind::BuildSecret => self.reach(name, alike)?,
            SecretKind::EnvironmentVariable => self.reaches_nobody()?,
        };
        check_value(self.value.expose(), kind, plain)?;
        let repos = self.repos.or_else(|| before.map(|before| before.repos.clone()));
        let entry = Entry {
            name: name.to_owned(),
            kind,
            repos: checked_repos(repos.unwrap_or_default())?,
            hosts,
            places,
            plain,
            value: before.map_or(1, |before| before.value.saturating_add(1)),
            created_ms: before.map_or(0, |before| before.created_ms),
            updated_ms: 0,
            updated_by: String::new(),
        };
        Ok((self.value, entry))
    }

    /// A role of AWS: the sandbox is given no value of it, and no host either.
    fn role(self, name: &str, before: Option<&Entry>) -> ApiResult<(Secret, Entry)> {
        let is_other = self.kind.is_some_and(|kind| kind != SecretKind::RuntimeSecret);
        if is_other || self.plain == Some(true) {
            let message = "is chosen for a role of AWS already: leave type and plain out";
            return Err(ApiError::invalid("type", message));
        }
        if !aws::is_role(self.value.expose()) {
            let message = "is no role: give its ARN, as in arn:aws:iam::123456789012:role/agents";
            return Err(ApiError::invalid("value", message));
        }
        let repos = self.repos.or_else(|| before.map(|before| before.repos.clone()));
        let entry = Entry {
            name: name.to_owned(),
            kind: SecretKind::RuntimeSecret,
            repos: checked_repos(repos.unwrap_or_default())?,
            hosts: Vec::new(),
            places: Vec::new(),
            plain: false,
            value: before.map_or(1, |before| before.value.saturating_add(1)),
            created_ms: before.map_or(0, |before| before.created_ms),
            updated_ms: 0,
            updated_by: String::new(),
        };
        Ok((self.value, entry))
    }

    /// Who is given the value of a runtime secret, and where; or that it is plain.
    fn reach(
        &self,
        name: &str,
        before: Option<&Entry>,
    ) -> ApiResult<(Vec<String>, Vec<SecretPlace>, bool)> {
        let chooses_hosts = self.hosts.as_ref().is_some_and(|hosts| !hosts.is_empty());
        let was_plain = before.is_some_and(|before| before.plain) && !chooses_hosts;
        if self.plain.unwrap_or(was_plain) {
            if chooses_hosts {
                return Err(ApiError::invalid(
                    "plain",
                    "a plain secret has no hosts: leave one of the two out",
                ));
            }
            return Ok((Vec::new(), Vec::new(), true));
        }
        let known = known::of(name);
        let before = before.filter(|before| !before.plain);
        let hosts = match (&self.hosts, before, known) {
            (Some(hosts), ..) => hosts.clone(),
            (None, Some(before), _) => before.hosts.clone(),
            (None, None, Some((hosts, _))) => hosts.iter().map(|host| (*host).to_owned()).collect(),
            (None, None, None) => Vec::new(),
        };
        let places = match (&self.places, before, known) {
            (Some(places), ..) => places.clone(),
            (None, Some(before), _) => before.places.clone(),
            (None, None, Some((_, places))) => places.to_vec(),
            (None, None, None) => known::PLACES.to_vec(),
        };
        if places.is_empty() {
            return Err(ApiError::invalid(
                "places",
                "is empty: choose of header, basic, query and body",
            ));
        }
        let places: BTreeSet<_> = places.into_iter().collect();
        Ok((
            checked_hosts(hosts, self.kind.or(before.map(|before| before.kind)))?,
            places.into_iter().collect(),
            false,
        ))
    }

    fn reaches_nobody(&self) -> ApiResult<(Vec<String>, Vec<SecretPlace>, bool)> {
        let refused = |field: &str| {
            let message =
                "is not for type environment_variable: leave it out, or choose another type";
            Err(ApiError::invalid(field, message))
        };
        if self.hosts.as_ref().is_some_and(|hosts| !hosts.is_empty()) {
            return refused("hosts");
        }
        if self.places.as_ref().is_some_and(|places| !places.is_empty()) {
            return refused("places");
        }
        if self.plain == Some(true) {
            return refused("plain");
        }
        Ok((Vec::new(), Vec::new(), false))
    }
}

fn check_name(name: &str) -> ApiResult<()> {
    let mut signs = name.chars();
    let starts = signs.next().is_some_and(|sign| sign.is_ascii_alphabetic() || sign == '_');
    let goes_on = signs.all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
    if !starts || !goes_on || name.len() > ENV_NAME_BYTES {
        let message = format!(
            "has letters, digits and underscores, does not begin with a digit, and is at most {ENV_NAME_BYTES} \
             characters long"
        );
        return Err(ApiError::invalid("name", message));
    }
    let upper = name.to_ascii_uppercase();
    if RESERVED.contains(&upper.as_str())
        || upper.contains(RESERVED_PART)
        || (upper.starts_with(RESERVED_BEGINNING) && !is_role_secret(name))
    {
        return Err(ApiError::invalid("name", format!("{name} is reserved: choose another one")));
    }
    Ok(())
}

fn check_value(value: &str, kind: SecretKind, plain: bool) -> ApiResult<()> {
    let wrong = |problem: String| Err(ApiError::invalid("value", problem));
    if value.is_empty() || value.len() > SECRET_VALUE_BYTES {
        return wrong(format!("needs 1 to {SECRET_VALUE_BYTES} bytes"));
    }
    if value.contains('\0') {
        return wrong("has a NUL character".to_owned());
    }
    if kind == SecretKind::EnvironmentVariable {
        return Ok(());
    }
    if value.trim().len() < SECRET_VALUE_LEAST_BYTES {
        return wrong(format!(
            "of a secret has at least {SECRET_VALUE_LEAST_BYTES} bytes: a shorter one cannot be told from other \
             text. What is no secret is an environment_variable"
        ));
    }
    // Of a request's line or header a line break would make two.
    if !plain && value.chars().any(char::is_control) {
        return wrong("of a grant has no line breaks or other control characters".to_owned());
    }
    Ok(())
}

fn checked_hosts(hosts: Vec<String>, kind: Option<SecretKind>) -> ApiResult<Vec<String>> {
    if hosts.is_empty() {
        let words = match kind {
            Some(SecretKind::BuildSecret) => NO_BUILD_HOSTS,
            Some(SecretKind::RuntimeSecret | SecretKind::EnvironmentVariable) | None => NO_HOSTS,
        };
        let message = format!("hosts: {words}");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "secret_hosts_required", message));
    }
    if hosts.len() > SECRET_HOSTS {
        let count = hosts.len();
        return Err(ApiError::invalid(
            "hosts",
            format!("has {count} entries; at most {SECRET_HOSTS} fit"),
        ));
    }
    let mut seen = BTreeSet::new();
    for (index, host) in hosts.iter().enumerate() {
        let field = format!("hosts[{index}]");
        Pattern::parse(host).map_err(|bad| ApiError::invalid(&field, bad))?;
        if !seen.insert(host.to_ascii_lowercase()) {
            return Err(ApiError::invalid(&field, "is listed twice"));
        }
    }
    Ok(hosts)
}

fn checked_repos(repos: Vec<String>) -> ApiResult<Vec<String>> {
    if repos.len() > SECRET_REPOS {
        let count = repos.len();
        return Err(ApiError::invalid(
            "repos",
            format!("has {count} entries; at most {SECRET_REPOS} fit"),
        ));
    }
    let mut seen = BTreeSet::new();
    for (index, url) in repos.iter().enumerate() {
        let field = format!("repos[{index}].url");
        let parsed = RemoteUrl::parse(url).map_err(|bad| ApiError::invalid(&field, bad))?;
        if !seen.insert(parsed.display()) {
            return Err(ApiError::invalid(&field, "is listed twice"));
        }
    }
    Ok(repos)
}

/// There is no such secret.
fn missing(name: &str) -> ApiError {
    ApiError::not_found(
        "secret_not_found",
        format!("there is no secret {name} here; the list shows which there are"),
    )
}

fn ambiguous(name: &str, found: &[&Listed]) -> ApiError {
    let each = |listed: &&Listed| format!("{} for {}", listed.id, listed.entry.repos.join(", "));
    let all: Vec<_> = found.iter().map(each).collect();
    let message = format!("id: there are several secrets {name}, so say which: {}", all.join("; "));
    ApiError::new(StatusCode::CONFLICT, "secret_name_ambiguous", message)
}

/// The one of this name, or of this name and id.
pub(super) fn named<'a>(all: &'a [Listed], name: &str, id: Option<&str>) -> ApiResult<&'a Listed> {
    let found: Vec<_> = all
        .iter()
        .filter(|listed| listed.entry.name == name && id.is_none_or(|id| listed.id == id))
        .collect();
    match found.as_slice() {
        [] => Err(missing(name)),
        [only] => Ok(only),
        [_, _, ..] => Err(ambiguous(name, &found)),
    }
}

/// The one that a change is about; none = it makes a new one.
pub(super) fn target<'a>(
    all: &'a [Listed],
    name: &str,
    id: Option<&str>,
    repos: Option<&[String]>,
) -> ApiResult<Option<&'a Listed>> {
    let other = all
        .iter()
        .find(|listed| listed.entry.name.eq_ignore_ascii_case(name) && listed.entry.name != name);
    if let Some(other) = other {
        let message = format!(
            "name: there is a secret {} already, and case tells no two apart: change that one",
            other.entry.name
        );
        return Err(ApiError::new(StatusCode::CONFLICT, "secret_name_conflict", message));
    }
    if id.is_some() {
        return named(all, name, id).map(Some);
    }
    let found: Vec<_> = all.iter().filter(|listed| listed.entry.name == name).collect();
    match (found.as_slice(), repos) {
        ([], _) => Ok(None),
        ([only], None) => Ok(Some(only)),
        ([_, _, ..], None) => Err(ambiguous(name, &found)),
        (_, Some(repos)) => {
            let wanted = scope(repos);
            Ok(found.into_iter().find(|listed| scope(&listed.entry.repos) == wanted))
        }
    }
}

/// No agent has two of a name from one owner.
pub(super) fn free(all: &[Listed], own: Option<&Listed>, entry: &Entry) -> ApiResult<()> {
    let wanted = scope(&entry.repos);
    let others = all.iter().filter(|listed| listed.entry.name == entry.name);
    for other in others.filter(|listed| own.is_none_or(|own| own.id != listed.id)) {
        let theirs = scope(&other.entry.repos);
        if wanted.is_empty() || theirs.is_empty() || !wanted.is_disjoint(&theirs) {
            let whose = if theirs.is_empty() {
                "all repositories".to_owned()
            } else {
                other.entry.repos.join(", ")
            };
            let message = format!(
                "repos: the secret {} of this name is for {whose}, and a repository has one: change that one (its id \
                 as `id`), or take the repository out there first",
                other.id
            );
            return Err(ApiError::new(StatusCode::CONFLICT, "secret_scope_conflict", message));
        }
    }
    Ok(())
}

fn scope(repos: &[String]) -> BTreeSet<String> {
    repos.iter().map(|url| same(url)).collect()
}
