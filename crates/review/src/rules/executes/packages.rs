//! What package managers run at install, where they fetch, and the hooks of git.

use super::super::file::{File, Kind, regex};
use super::super::outline::{Entry, outline};
use super::found;
use crate::finding::{Finding, Severity, quote};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Scripts that run because something is installed, packed or published.
const LIFECYCLE: &[&str] = &[
    "preinstall",
    "install",
    "postinstall",
    "preprepare",
    "prepare",
    "postprepare",
    "prepublish",
    "prepublishOnly",
    "prepack",
    "postpack",
    "preuninstall",
    "uninstall",
    "postuninstall",
    "dependencies",
    "preversion",
    "version",
    "postversion",
];
/// Whose hooks are used everywhere.
const KNOWN_HOOKS: &[&str] = &[
    "pre-commit",
    "astral-sh",
    "psf",
    "PyCQA",
    "codespell-project",
    "asottile",
    "adrienverge",
    "igorshubovych",
    "shellcheck-py",
    "pre-commit-ci",
    "gitleaks",
    "rhysd",
    "woodruffw",
    "zizmorcore",
];
/// Hooks that git runs.
const HOOKS: &[&str] = &[
    "applypatch-msg",
    "commit-msg",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-merge",
    "post-rewrite",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "post-receive",
    "post-update",
    "update",
    "fsmonitor-watchman",
];

/// Scripts of one file that are told.
const SCRIPTS: usize = 50;

static LIFECYCLE_LINE: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#""(pre|post)?(install|prepare|uninstall|pack|publish(Only)?)"\s*:\s*""#)
});
static COMPOSER_SCRIPT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        "^(pre|post)-(install|update|autoload|root|create|package|status|archive|dependencies)[a-z-]*$",
    )
});
static MANAGER_KEY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?xi)^\s*"?(//|@[\w-]+:registry|registry\b|npmRegistryServer|npmPublishRegistry|npmScopes|
        yarnPath|yarn-path|plugins\b|enableScripts|unsafeHttpWhitelist|enableStrictSsl|strict-ssl\s*[:=]\s*false|
        checksumBehavior|script-shell|node-options|ignore-scripts\s*[:=]\s*false|git\b|_auth|cafile|ca\b|https?-?proxy|
        only-?built-?dependencies|dangerously|index-url|extra-index-url|find-links|trusted-host|no-index|
        index\b|\[\[?(index|registr|source|tool\.uv\.(index|sources)|registries)|replace-with|
        <mirror|<repository|<url|<server|<pluginRepository|GOPROXY|GOFLAGS|GONOSUM|GOINSECURE|GOPRIVATE|
        GONOSUMDB|GOSUMDB|scopes|BUNDLE_|username|repository|allprojects|maven\b|preload)"#,
    )
});
static GO_ENVIRONMENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(GOFLAGS\S*-insecure|GONOSUMCHECK|GONOSUMDB|GOINSECURE|GOSUMDB\s*[=:]\s*.?off|GOPROXY\s*[=:]|PIP_(EXTRA_)?INDEX_URL|PIP_TRUSTED_HOST|NPM_CONFIG_REGISTRY|UV_(EXTRA_)?INDEX(_URL)?\s*[=:]|CARGO_REGISTRIES_\w+)",
    )
});
static FLOATING: LazyLock<Regex> = LazyLock::new(|| regex(r"^v?[0-9][\w.+-]*$|^[0-9a-f]{40}$"));

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    [scripts(file), manager(file), hooks(file)].concat()
}

fn scripts(file: &File<'_>) -> Vec<Finding> {
    let composer = file.name == "composer.json";
    if file.is_deleted() || !(file.name == "package.json" || composer) {
        return Vec::new();
    }
    let (Some(new), old) = (parse(file.new_text()), parse(file.old()).unwrap_or_default()) else {
        let line = file.gained(&LIFECYCLE_LINE);
        return line.map(|line| script(file, Some(line.number), line.text)).into_iter().collect();
    };
    let Some(now) = new.get("scripts").and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (name, value) in now {
        let called = if composer {
            COMPOSER_SCRIPT.is_match(name)
        } else {
            LIFECYCLE.contains(&name.as_str())
        };
        let before = old.get("scripts").and_then(|scripts| scripts.get(name));
        if called && before != Some(value) && findings.len() < SCRIPTS {
            let line = file.line_of(&format!("\"{name}\""));
            findings.push(script(file, line, &format!("{name}: {value}")));
        }
    }
    findings
}

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn script(file: &File<'_>, line: Option<u32>, text: &str) -> Finding {
    let why = format!(
        "`{}` runs whenever this is installed or packed, on every machine. Read what it calls, or \
         make it a script that is called by name",
        quote(text)
    );
    found(file, "package-script", Severity::Warning, line, why)
}

fn manager(file: &File<'_>) -> Vec<Finding> {
    let lower = file.name.to_lowercase();
    let whole = matches!(
        lower.as_str(),
        ".pnpmfile.cjs"
            | ".pnpmfile.mjs"
            | "pnpmfile.js"
            | ".pnp.cjs"
            | ".pnp.js"
            | ".pnp.loader.mjs"
    ) || file.path.contains(".yarn/plugins/")
        || file.path.contains(".yarn/releases/");
    let keyed = matches!(
        lower.as_str(),
        ".npmrc"
            | "npmrc"
            | ".yarnrc"
            | ".yarnrc.yml"
            | "pip.conf"
            | "pip.ini"
            | ".pypirc"
            | "uv.toml"
            | "settings.xml"
            | "init.gradle"
            | "init.gradle.kts"
            | "go.env"
            | "bunfig.toml"
            | "auth.json"
            | "nuget.config"
            | ".condarc"
            | "pnpm-workspace.yaml"
            | ".pydistutils.cfg"
    ) || file.path.contains(".bundle/config");
    let why = |what: &str| {
        format!(
            "{what} decides what package managers fetch or run. Look whether the task asks for it"
        )
    };
    let rule = "package-manager-config";
    if whole && !file.is_deleted() {
        return vec![found(file, rule, Severity::Warning, file.first_line(), why("this file"))];
    }
    let line = if keyed { file.gained_or_changed(&MANAGER_KEY) } else { None };
    let script = file.kind == Kind::Settings || matches!(file.ending.as_str(), "sh" | "bash");
    let line = line.or_else(|| {
        let elsewhere = !keyed && script && !file.is_test;
        elsewhere.then(|| file.gained(&GO_ENVIRONMENT)).flatten()
    });
    let finding = |line: crate::change::Line<'_>| {
        let why = why(&format!("`{}`", quote(line.text)));
        found(file, rule, Severity::Warning, Some(line.number), why)
    };
    line.map(finding).into_iter().collect()
}

fn hooks(file: &File<'_>) -> Vec<Finding> {
    if file.is_deleted() {
        return Vec::new();
    }
    if file.name == ".pre-commit-config.yaml" || file.name == ".pre-commit-config.yml" {
        return pre_commit(file);
    }
    let of_git = HOOKS.contains(&file.name);
    let husky = file.path.starts_with(".husky/") || file.path.contains("/.husky/");
    let folder = file.path.contains("hooks/") && of_git;
    let runner = matches!(
        file.name,
        "lefthook.yml"
            | "lefthook.yaml"
            | ".lefthook.yml"
            | "lefthook.toml"
            | "lefthook.json"
            | "lefthook-local.yml"
            | ".huskyrc"
            | ".huskyrc.json"
            | "simple-git-hooks.json"
            | ".simple-git-hooks.json"
            | ".simple-git-hooks.cjs"
            | ".overcommit.yml"
    ) || file.path.starts_with(".lefthook/");
    let hidden = [".githooks/", ".git-hooks/"].iter().any(|dir| file.path.starts_with(dir));
    if !(husky || folder || runner || hidden) || file.lines.added.is_empty() {
        return Vec::new();
    }
    vec![hook(
        file,
        file.first_line(),
        "commands that git runs on every developer's machine change",
    )]
}

fn hook(file: &File<'_>, line: Option<u32>, what: &str) -> Finding {
    let why = format!("{what}. Read them before you check out this branch");
    found(file, "git-hook", Severity::Warning, line, why)
}

fn pre_commit(file: &File<'_>) -> Vec<Finding> {
    let (old, new) = (outline(file.old()), outline(file.new_text()));
    let known = |url: &str| {
        KNOWN_HOOKS.iter().any(|owner| url.contains(&format!("://github.com/{owner}/")))
    };
    let moving = |entry: &Entry<'_>| entry.is("rev") && !FLOATING.is_match(entry.value);
    let matters = |entry: &&Entry<'_>| {
        (entry.is("repo") && !known(entry.value))
            || entry.is("entry")
            || entry.below("additional_dependencies")
            || moving(entry)
    };
    let before: BTreeSet<&str> = old.iter().filter(matters).map(|entry| entry.value).collect();
    let fresh = new.iter().filter(matters).find(|entry| !before.contains(entry.value));
    let what = |entry: &Entry<'_>| {
        format!("git will run `{}` on every developer's machine", quote(entry.value))
    };
    fresh.map(|entry| hook(file, Some(entry.number), &what(entry))).into_iter().collect()
}
