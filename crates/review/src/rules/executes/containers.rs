//! Images, containers of developers, and what machines run by themselves.

use super::super::file::{File, Kind, Pattern, Patterns, regex};
use super::found;
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static FROM: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?im)^\s*FROM\s+(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?"));
static DOCKERFILE: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns::new(&[
        Pattern {
            rule: "container-build",
            severity: Severity::Warning,
            regex: r"(?i)^\s*ADD\s+(--\S+\s+)*(https?|git|ssh)(://|@)",
            why: "a file of the network comes into the image without its hash. Fetch a fixed version and compare it",
        },
        Pattern {
            rule: "container-build",
            severity: Severity::Notice,
            regex: r"(?i)^\s*(ONBUILD\s|USER\s+(root|0)\b|SHELL\s|RUN\s+.*--mount=type=(secret|ssh)|RUN\s+.*--(security=insecure|network=host)|#\s*syntax\s*=\s*\S*/\S*/)",
            why: "the image is built or run with more than it had. Look whether it needs that",
        },
    ])
});
static DEVCONTAINER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#""(initializeCommand|onCreateCommand|updateContentCommand|postCreateCommand|postStartCommand|postAttachCommand|runArgs|mounts|workspaceMount|privileged|capAdd|securityOpt|features|dockerComposeFile|dockerfile|dockerFile|entrypoint|remoteUser|image|ghcr\.io/[^"]*)"\s*:"#,
    )
});
static IMAGE_NAME: LazyLock<Regex> = LazyLock::new(|| regex(r#""image"\s*:\s*"([^":@]+)"#));
static SCHEDULE: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns::new(&[
        Pattern {
            rule: "scheduled-task",
            severity: Severity::Warning,
            regex: r"\b(crontab\s+(-\S+\s+)*[-\w/]|systemctl\s+(--\S+\s+)*enable|launchctl\s+(load|bootstrap)|schtasks\s+/create|update-rc\.d|at\s+now)\b|/etc/(cron|rc\.local|init\.d|systemd)|^\s*kind:\s*CronJob\b|^\s*@reboot\b|RUN\+=",
            why: "something runs by itself, again and again. Look whether the task asks for it",
        },
        Pattern {
            rule: "shell-startup",
            severity: Severity::Warning,
            regex: r"(>>?|\btee\s+(-a\s+)?)\s*\S*(\.(bash|zsh)rc|\.(bash_)?profile|\.zshenv|/etc/profile)",
            why: "what every shell runs at its start is written. Look whether the task asks for it",
        },
    ])
});
static TERRAFORM: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns::new(&[
        Pattern {
            rule: "provisioner",
            severity: Severity::Warning,
            regex: r#"\bprovisioner\s+"(local-exec|remote-exec|file)"|\bdata\s+"external"|\blocal-exec\b"#,
            why: "runs a program when the infrastructure is planned or applied. Read it first",
        },
        Pattern {
            rule: "provisioner",
            severity: Severity::Notice,
            regex: r#"\bsource\s*=\s*"(git::|https?://|github\.com/|git@|s3::)"#,
            why: "a module comes from elsewhere. Name a fixed version of somebody you trust",
        },
    ])
});

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    if file.is_deleted() {
        return Vec::new();
    }
    let lower = file.name.to_lowercase();
    let mut findings = by_itself(file, &lower);
    if lower.starts_with("dockerfile")
        || lower.starts_with("containerfile")
        || file.ending == "dockerfile"
    {
        findings.extend(DOCKERFILE.find(Family::Executes, file));
        findings.extend(base(file));
    }
    if lower == "devcontainer.json" || lower == ".devcontainer.json" {
        findings.extend(developers(file));
    }
    if matches!(file.ending.as_str(), "tf" | "hcl") || lower.ends_with(".tf.json") {
        findings.extend(TERRAFORM.find(Family::Executes, file));
    }
    findings
}

fn base(file: &File<'_>) -> Option<Finding> {
    let images = |text: &'_ str| -> BTreeSet<String> {
        let stages: BTreeSet<String> = FROM
            .captures_iter(text)
            .filter_map(|found| Some(found.get(2)?.as_str().to_lowercase()))
            .collect();
        let names = FROM.captures_iter(text).filter_map(|found| {
            let image = found.get(1)?.as_str();
            let name = image.split('@').next().unwrap_or(image);
            let tag =
                name.rfind(':').filter(|at| !name.get(*at..).unwrap_or_default().contains('/'));
            Some(name.get(..tag.unwrap_or(name.len())).unwrap_or(name).to_lowercase())
        });
        names.filter(|name| !stages.contains(name)).collect()
    };
    let known = |name: &&String| {
        let official = !name.contains('/') || name.starts_with("docker.io/library/");
        let makers = [
            "gcr.io/distroless/",
            "mcr.microsoft.com/",
            "public.ecr.aws/docker/library/",
            "registry.access.redhat.com/",
            "cgr.dev/chainguard/",
        ];
        !official && !makers.iter().any(|maker| name.starts_with(maker))
    };
    let before = images(file.old());
    let now = images(file.new_text());
    let fresh = now.difference(&before).find(known)?;
    let why = format!(
        "the image is built on `{}`, which is nobody's official image. Look who makes it",
        quote(fresh)
    );
    Some(found(
        file,
        "container-build",
        Severity::Notice,
        file.line_of("FROM").or(file.first_line()),
        why,
    ))
}

fn developers(file: &File<'_>) -> Vec<Finding> {
    let image =
        |text| IMAGE_NAME.captures(text).and_then(|found| found.get(1)).map(|name| name.as_str());
    let same_image = image(file.old()) == image(file.new_text());
    let plain = |text: &str| text.contains("\"image\"") && same_image;
    let line =
        file.lines.added.iter().find(|line| DEVCONTAINER.is_match(line.text) && !plain(line.text));
    let why = |text: &str| {
        format!(
            "`{}` runs or reaches out when a developer opens the folder. Read it first",
            quote(text)
        )
    };
    let finding = |line: &crate::change::Line<'_>| {
        found(file, "container-build", Severity::Warning, Some(line.number), why(line.text))
    };
    line.map(finding).into_iter().collect()
}

fn by_itself(file: &File<'_>, lower: &str) -> Vec<Finding> {
    let unit = matches!(file.ending.as_str(), "service" | "timer" | "path" | "socket")
        && file.new_text().contains("[Unit]")
        || matches!(file.ending.as_str(), "service" | "timer");
    let cron = file.path.contains("cron.d/")
        || file.path.contains("cron.daily/")
        || file.path.contains("cron.hourly/")
        || lower == "crontab"
        || file.ending == "cron"
        || file.ending == "crontab";
    let apple = file.ending == "plist" && file.new_text().contains("ProgramArguments");
    let desktop =
        file.path.contains("autostart/") || file.path.contains("init.d/") || lower == "rc.local";
    if (unit || cron || apple || desktop) && !file.lines.added.is_empty() {
        let why = "this makes a machine run something by itself. Look whether the task asks for it";
        return vec![found(file, "scheduled-task", Severity::Warning, file.first_line(), why)];
    }
    let shell = matches!(
        lower,
        ".envrc"
            | ".bashrc"
            | ".zshrc"
            | ".zshenv"
            | ".profile"
            | ".bash_profile"
            | ".bash_login"
            | ".zprofile"
            | "bash.bashrc"
            | "config.fish"
            | ".autoenv"
            | ".env.fish"
            | ".cshrc"
            | ".kshrc"
    ) || file.path.contains("etc/profile")
        || file.path.contains("fish/conf.d/");
    if shell && !file.lines.added.is_empty() {
        let why = "every shell runs this at its start. Read it before you use this branch";
        return vec![found(file, "shell-startup", Severity::Warning, file.first_line(), why)];
    }
    let script = matches!(file.ending.as_str(), "sh" | "bash" | "zsh" | "ps1" | "bat");
    if !(file.kind == Kind::Settings || script) || file.is_test {
        return Vec::new();
    }
    SCHEDULE.find(Family::Executes, file)
}
