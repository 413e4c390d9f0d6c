//! Editors, agents and git itself: what acts as soon as a folder is opened or checked out.

use super::super::file::{File, Pattern, Patterns, regex};
use super::found;
use crate::change::{Line, Mode};
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::sync::LazyLock;

static INSTRUCTIONS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?xi)(^|/)(agents?\.md|agents\.override\.md|claude(\.local)?\.md|gemini\.md|qwen\.md|crush\.md|
        warp\.md|skill\.md|replit\.md|\.cursorrules|\.windsurfrules|\.clinerules|\.goosehints|\.rules|
        copilot-instructions\.md|\.aider\.conf\.yml|\.roorules)$
        |(^|/)(\.cursor/(rules|commands)|\.windsurf|\.clinerules|\.roo|\.junie|\.continue|\.agents?|\.amazonq|\.kiro|
        \.augment|\.trae|\.claude/(commands|agents|skills|rules)|\.codex/(prompts|skills)|\.gemini/commands|
        \.opencode|\.github/(instructions|prompts|chatmodes|agents|skills))/",
    )
});
static TOOLS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?xi)(^|/)(\.?mcp(\.local)?\.json|mcp_settings\.json|mcp-config\.json|opencode\.jsonc?|
        \.claude\.json)$
        |(^|/)(\.cursor/(mcp|environment|hooks|cli|permissions)\.json|\.cursor/hooks/|\.claude/(settings|hooks)|\.codex/config\.toml|
        \.codex/hooks|\.gemini/settings\.json|\.vscode/mcp\.json|\.errand/)",
    )
});
static SETTING: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?i)"[^"]*(path|interpreter|command|executable|automation|shell|server|sdk\b|binary|\.env\b|env\.|profiles|autoapprove|allowautomatictasks|workspace\.trust|runon|args\b|hook|tasks?\.|node\b|proxy|schemas|strictssl|chat\.tools)[^"]*"\s*:"#,
    )
});
static TASK: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?i)"(command|runOn|args|program|runtimeExecutable|runtimeArgs|preLaunchTask|postDebugTask|script|task|build_systems|cmd|shell_cmd|options|env|type)"\s*:"#,
    )
});
static ATTRIBUTES: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns::new(&[
        Pattern {
            rule: "git-attributes",
            severity: Severity::Warning,
            regex: r"\s(filter|merge|diff|textconv)=(?:[^lu\s]|l[^f]|u[^n])",
            why: "git passes files through a program of the developer's configuration. Look which",
        },
        Pattern {
            rule: "git-attributes",
            severity: Severity::Notice,
            regex: r"\s(-diff|binary|linguist-generated(=true)?|linguist-vendored|export-subst|export-ignore|working-tree-encoding)\b",
            why: "files are hidden from reviews or changed on their way. Look at them all the same",
        },
    ])
});
static MODULE: LazyLock<Regex> = LazyLock::new(|| regex(r"^\s*(url|update|branch|ignore)\s*="));

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    let mut findings = submodule(file);
    if file.lines.added.is_empty()
        && file.change.new_text().is_some()
        && !INSTRUCTIONS.is_match(file.path)
    {
        return findings;
    }
    findings.extend(agents(file));
    if !file.is_deleted() {
        findings.extend(editor(file));
    }
    if file.name == ".gitattributes" {
        findings.extend(ATTRIBUTES.find(Family::Executes, file));
    }
    if file.name == ".gitmodules" {
        let why = |line: Line<'_>| {
            format!(
                "where a submodule comes from is changed: `{}`. Look who owns that repository",
                quote(line.text)
            )
        };
        let line = file.gained_or_changed(&MODULE);
        findings.extend(
            line.map(|line| {
                found(file, "submodule", Severity::Warning, Some(line.number), why(line))
            }),
        );
    }
    findings
}

fn submodule(file: &File<'_>) -> Vec<Finding> {
    let is_one = file.change.new.as_ref().is_some_and(|side| side.mode == Mode::Submodule);
    if !is_one {
        return Vec::new();
    }
    let why = "another repository's commit is built in here, and this diff does not show it. Look \
               at what changes there";
    vec![found(file, "submodule", Severity::Notice, None, why)]
}

fn agents(file: &File<'_>) -> Option<Finding> {
    let (rule, why) = if TOOLS.is_match(file.path) {
        (
            "agent-tools",
            "agents of everybody who opens this folder start what stands here. Look what it runs",
        )
    } else if INSTRUCTIONS.is_match(file.path) {
        (
            "agent-instructions",
            "agents will take this for instructions. Read it as you would read code",
        )
    } else {
        return None;
    };
    Some(found(file, rule, Severity::Warning, file.first_line(), why))
}

fn editor(file: &File<'_>) -> Option<Finding> {
    let path = file.path;
    let within = |folder: &str| path.starts_with(folder) || path.contains(&format!("/{folder}"));
    let settings = (within(".vscode/") && file.name == "settings.json")
        || file.ending == "code-workspace"
        || (within(".zed/") && file.name == "settings.json");
    let tasks = (within(".vscode/") && matches!(file.name, "tasks.json" | "launch.json"))
        || within(".fleet/")
        || (within(".zed/") && file.name != "settings.json")
        || file.ending == "sublime-project";
    let whole = (within(".idea/")
        && (path.contains("runConfigurations/")
            || path.contains("externalTools")
            || path.contains("watcherTasks")
            || path.contains("/tools/")
            || path.contains("workspace.xml")
            || path.contains("startup.xml")))
        || path.ends_with(".run.xml")
        || matches!(
            file.name,
            ".vimrc"
                | ".exrc"
                | ".nvim.lua"
                | ".nvimrc"
                | ".lvimrc"
                | ".dir-locals.el"
                | ".gdbinit"
                | ".lldbinit"
                | ".irbrc"
                | ".pryrc"
                | ".Rprofile"
                | ".pythonrc"
        );
    let line = if settings {
        file.gained_or_changed(&SETTING)
    } else if tasks {
        file.gained_or_changed(&TASK)
    } else if whole {
        file.lines.added.first().copied()
    } else {
        None
    }?;
    let why = format!(
        "`{}`: the editor may run this for whoever opens the folder. Read it first",
        quote(line.text)
    );
    Some(found(file, "editor-task", Severity::Warning, Some(line.number), why))
}
