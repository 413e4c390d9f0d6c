//! What a Dockerfile's `RUN` wants mounted: build secrets, as the placeholders that the gateway knows. Caches and memory
//! begin empty, which is what they are without anything being done.
//!
//! TRUST: a file with a placeholder is there only while its command runs, so it is in no layer, and what it says is worth
//! nothing anywhere else.

use gateway::grant::Grant;
use serde::Serialize;

/// Where secrets are, unless a step says otherwise.
const FOLDER: &str = "/run/secrets";
/// What is part of every layer.
const KEPT: &str = "/tmp";

/// A build secret that a command wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretMount {
    /// Its name, as the step has it.
    pub id: String,
    /// The file that it is in; none: in no file.
    pub target: Option<String>,
    /// The variable that it is in.
    pub env: Option<String>,
    /// Without it the step is not done.
    pub is_required: bool,
    /// What may be done with the file.
    pub mode: String,
    /// Whose the file is.
    pub owner: String,
}

/// A build secret that there is.
#[derive(Clone)]
pub struct BuildSecret {
    /// Names it whatever its value is.
    pub id: String,
    /// What the gateway knows of it.
    pub grant: Grant,
}

impl SecretMount {
    /// The one that is meant: where an id is written with other signs than a variable has, these are `_`.
    pub fn among<'a>(&self, secrets: &'a [BuildSecret]) -> Option<&'a BuildSecret> {
        let name = self.id.replace(|sign: char| !sign.is_ascii_alphanumeric(), "_");
        secrets.iter().find(|secret| secret.grant.name.eq_ignore_ascii_case(&name))
    }

    /// Why the step cannot be done.
    pub fn missing(&self) -> String {
        format!(
            "there is no build secret {} that this build is given: `errand secret set {} --kind build --host HOST`, with \
             `--team` where builds for everybody need it, too",
            self.id,
            self.id.replace(|sign: char| !sign.is_ascii_alphanumeric(), "_").to_ascii_uppercase()
        )
    }
}

/// What a flag of `RUN` asks for; or that it is not followed.
pub fn mount(flag: &str, value: &str) -> Result<Option<SecretMount>, String> {
    match (flag, value) {
        ("network", "default") | ("security", "sandbox") => return Ok(None),
        ("mount", _) => {}
        (name, _) => return Err(format!("RUN --{name} is not followed: leave it out")),
    }
    let parts: Vec<(&str, &str)> =
        value.split(',').map(|part| part.split_once('=').unwrap_or((part, "true"))).collect();
    let said = |names: &[&str]| {
        parts.iter().find(|(name, _)| names.contains(name)).map(|(_, value)| *value)
    };
    let is_required = said(&["required"]) == Some("true");
    match said(&["type"]).unwrap_or("bind") {
        "cache" | "tmpfs" => Ok(None),
        "ssh" if !is_required => Ok(None),
        "secret" => secret(said, is_required).map(Some),
        kind => Err(format!("RUN --mount=type={kind} is not followed: use COPY")),
    }
}

fn secret<'a>(
    said: impl Fn(&[&str]) -> Option<&'a str>,
    is_required: bool,
) -> Result<SecretMount, String> {
    let target = said(&["target", "dst", "destination"]);
    let env = said(&["env"]).map(str::to_owned);
    let id = said(&["id"]).or_else(|| target.and_then(|target| target.rsplit('/').next()));
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        return Err("RUN --mount=type=secret: name the secret, as in id=NPM_TOKEN".to_owned());
    };
    let target = match (target, &env) {
        (Some(target), _) => Some(target.to_owned()),
        (None, Some(_)) => None,
        (None, None) => Some(format!("{FOLDER}/{id}")),
    };
    for text in target.iter().chain(&env).map(String::as_str).chain([id]) {
        let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "_-./".contains(sign);
        if !text.chars().all(is_plain) || text.split('/').any(|part| part == "..") {
            return Err(format!(
                "RUN --mount=type=secret: {text:?} has letters, digits and `_ - . /` only, and no `..`"
            ));
        }
    }
    if target.as_deref().is_some_and(|target| target == KEPT || target.starts_with("/tmp/")) {
        return Err(
            "RUN --mount=type=secret: what is in /tmp is kept, so choose another target".to_owned()
        );
    }
    let number = |names: &[&str], otherwise: &str| {
        let text = said(names).unwrap_or(otherwise);
        let is_number = !text.is_empty() && text.chars().all(|sign| sign.is_ascii_digit());
        let words =
            || format!("RUN --mount=type=secret: {} is a number, not {text:?}", names.concat());
        is_number.then(|| text.to_owned()).ok_or_else(words)
    };
    let owner = format!("{}:{}", number(&["uid"], "0")?, number(&["gid"], "0")?);
    let mode = number(&["mode"], "0400")?;
    Ok(SecretMount { id: id.to_owned(), target, env, is_required, mode, owner })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(value: &str) -> SecretMount {
        mount("mount", value).unwrap().unwrap()
    }

    #[test]
    fn a_secret_is_in_a_file_or_a_variable_by_the_rules_of_dockerfiles() {
        let plain = wanted("type=secret,id=npm-token");
        assert_eq!(plain.target.as_deref(), Some("/run/secrets/npm-token"));
        assert_eq!((plain.mode.as_str(), plain.owner.as_str()), ("0400", "0:0"));
        assert!(plain.env.is_none() && !plain.is_required);
        let variable = wanted("type=secret,id=A,env=TOKEN,required");
        assert_eq!((variable.target, variable.env.as_deref()), (None, Some("TOKEN")));
        assert!(variable.is_required);
        let both = wanted("type=secret,target=/srv/.npmrc,env=B,uid=7,gid=8,mode=0444");
        assert_eq!((both.id.as_str(), both.target.as_deref()), (".npmrc", Some("/srv/.npmrc")));
        assert_eq!((both.mode.as_str(), both.owner.as_str()), ("0444", "7:8"));
    }

    #[test]
    fn what_would_be_kept_or_is_no_name_is_refused() {
        for (value, words) in [
            ("type=secret", "name the secret"),
            ("type=secret,id=a,target=/tmp/a", "/tmp is kept"),
            ("type=secret,id=a,target=/srv/../tmp/a", "no `..`"),
            ("type=secret,id=a,target=/a b", "letters, digits"),
            ("type=secret,id=$A", "letters, digits"),
            ("type=secret,id=a,mode=u+r", "mode is a number"),
            ("type=ssh,required", "type=ssh"),
            ("from=x", "type=bind"),
        ] {
            let refused = mount("mount", value).unwrap_err();
            assert!(refused.contains(words), "{value}: {refused}");
        }
        assert_eq!(mount("mount", "type=ssh"), Ok(None));
    }
}
