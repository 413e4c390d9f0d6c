//! Build scripts and what starts with an interpreter, a compiler or a build tool.

use super::super::file::{File, Pattern, Patterns, regex};
use super::found;
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

const BUILD: &str = "build-script";
const STARTS: &str = "runs while the project is built, and reaches beyond it. Read what it does \
                      before you build this branch";

static RUST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\bCommand::new|\bprocess::(\{|Command)|\b(std::)?net::|TcpStream|UdpSocket|\b(reqwest|ureq|curl|hyper|attohttpc|minreq)::|\bfs::(write|remove|read_dir|copy|rename|File::create)|\bread_dir\(|env::(var|var_os)\("(HOME|USER|PATH|SSH|AWS|GITHUB|CI|CARGO_REGISTRY|TOKEN)|home_dir\(|include_bytes!|\blibloading\b|from_str_radix\("#,
    )
});
static PYTHON: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(subprocess|socket|urllib|requests|httpx|http\.client|ftplib|ctypes|pty)\b|\bos\.(system|popen|exec\w*|spawn\w*|fork)\b|\b(exec|eval|compile|__import__)\s*\(|\b(b64decode|fromhex|marshal|urlretrieve|urlopen)\b|cmdclass|site-packages|\batexit\b",
    )
});
static GRADLE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\.execute\(\)|\b(exec|javaexec)\s*(\{|\()|\bcommandLine\b|ProcessBuilder|Runtime\.getRuntime|new\s+URL\(|\bURL\(|URI\([^)]*\)\.toURL|\.openStream\(|\bant\.(exec|get)\b|providers\.exec|\btype:\s*Exec\b|<Exec>|register<Exec>|System\.getenv\("#,
    )
});
static CMAKE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(execute_process|exec_program|externalproject_add|fetchcontent_declare|cpmaddpackage)\b|\bfile\s*\(\s*download\b",
    )
});
static RUBY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\bsystem\b\s*\(?|`[^`]+`|%x|\bexec\b|Open3|IO\.popen|Net::HTTP|open-uri|\beval\b|\.extensions\b"#,
    )
});
static CARGO_KEY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"^\s*(rustc|rustc-wrapper|rustc-workspace-wrapper|rustdoc|linker|runner|ar|credential-provider|replace-with|registry|index|git-fetch-with-cli|global-credential-providers|[A-Z_]+)\s*=|^\s*\[(env|source|registr|patch)"#,
    )
});
static BACKEND: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"^\s*(build-backend|backend-path)\s*=|^\s*\[tool\.(hatch\.build\.hooks|pdm\.build|poetry\.build|setuptools\.cmdclass|hatch\.metadata\.hooks)|^\s*\[project\.entry-points\.["']?(pytest11|distutils|setuptools)|^\s*(build-script|custom-hook)\s*="#,
    )
});
static GENERATE: LazyLock<Regex> = LazyLock::new(|| regex(r"^//go:generate\s+(.+)$"));
static KNOWN_GENERATOR: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(stringer|mockgen|mockery|moq|protoc|buf|sqlc|enumer|controller-gen|counterfeiter|easyjson|wire|ent|oapi-codegen|gofmt|go tool \S+|go run (\./|\.\./|golang\.org/x/|go\.uber\.org/|google\.golang\.org/|k8s\.io/|sigs\.k8s\.io/))(\s|$|\S)",
    )
});
static OTHERS: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns::new(&[
        Pattern {
            rule: BUILD,
            severity: Severity::Warning,
            regex: r"<Exec\s+Command|<UsingTask\b|<Import\s+Project=.(http|\.\.)",
            why: STARTS,
        },
        Pattern {
            rule: BUILD,
            severity: Severity::Notice,
            regex: r"\b(run_command|repository_ctx\.(execute|download)|genrule|http_archive|git_repository)\s*\(",
            why: STARTS,
        },
    ])
});

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    if file.is_deleted() {
        return Vec::new();
    }
    [scripts(file), python_startup(file), plugins(file), wrapper(file), make(file), generate(file)]
        .concat()
}

fn scripts(file: &File<'_>) -> Vec<Finding> {
    let lower = file.name.to_lowercase();
    let (new_is_enough, regex): (bool, &Regex) = match (lower.as_str(), file.ending.as_str()) {
        ("build.rs", _) => (true, &RUST),
        (_, "rs") if file.new_text().contains("proc_macro") => (false, &RUST),
        ("setup.py", _) => (false, &PYTHON),
        ("pyproject.toml", _) => (false, &BACKEND),
        ("extconf.rb" | "rakefile" | "gemfile", _) | (_, "gemspec") => {
            (lower == "extconf.rb", &RUBY)
        }
        ("cmakelists.txt", _) | (_, "cmake") => (false, &CMAKE),
        ("binding.gyp", _) => (true, &CMAKE),
        (_, "gradle") => (false, &GRADLE),
        (_, "kts") if lower.ends_with(".gradle.kts") => (false, &GRADLE),
        _ if file.path.contains("buildSrc/") => (false, &GRADLE),
        _ if is_cargo_config(file) => (false, &CARGO_KEY),
        (_, "csproj" | "targets" | "props" | "build" | "bzl" | "bazel")
        | ("workspace" | "build" | "meson.build", _) => {
            return OTHERS.find(Family::Executes, file);
        }
        _ => return Vec::new(),
    };
    if let Some(line) = file.gained(regex) {
        let why = format!("`{}` {STARTS}", quote(line.text));
        return vec![found(file, BUILD, Severity::Warning, Some(line.number), why)];
    }
    if file.is_new() && new_is_enough {
        let why = "this build script is new: it runs on every machine that builds. Read it first";
        return vec![found(file, BUILD, Severity::Notice, file.first_line(), why)];
    }
    Vec::new()
}

fn is_cargo_config(file: &File<'_>) -> bool {
    file.path.ends_with(".cargo/config.toml") || file.path.ends_with(".cargo/config")
}

fn python_startup(file: &File<'_>) -> Vec<Finding> {
    let always =
        matches!(file.name, "sitecustomize.py" | "usercustomize.py") || file.ending == "pth";
    let line = match file.name {
        _ if always && !file.lines.added.is_empty() => file.first_line(),
        "conftest.py" | "noxfile.py" | "tasks.py" | "dodo.py" => {
            file.gained(&PYTHON).map(|line| line.number)
        }
        _ => None,
    };
    let why = "this runs as soon as the interpreter or the tests start, and does more than prepare \
               them. Look whether it has to";
    let finding = |line| found(file, "python-startup", Severity::Warning, Some(line), why);
    line.map(finding).into_iter().collect()
}

static PLUGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?s)<(?:plugin|extension)>\s*(?:<groupId>([^<]{0,200})</groupId>)?\s*<artifactId>([^<]{0,200})</artifactId>",
    )
});
static GRADLE_PLUGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"\b(?:id|kotlin)\s*\(?\s*["']([\w.-]+)["']|apply\s+plugin:\s*["']([\w.-]+)["']"#)
});
static APPLIED: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"apply\s*\(?\s*from\s*[:=]\s*(uri\()?["']https?:"#));
/// Plugins whose work is to run something.
const RUNNERS: &[&str] = &[
    "exec-maven-plugin",
    "maven-antrun-plugin",
    "gmaven-plugin",
    "gmavenplus-plugin",
    "groovy-maven-plugin",
    "download-maven-plugin",
    "frontend-maven-plugin",
    "wagon-maven-plugin",
];
/// Whose plugins do not surprise.
const KNOWN_PLUGINS: &[&str] = &[
    "org.apache.maven.plugins",
    "maven-",
    "org.springframework",
    "io.spring",
    "org.jetbrains",
    "org.jacoco",
    "jacoco",
    "java",
    "application",
    "war",
    "groovy",
    "scala",
    "jvm",
    "kotlin",
    "checkstyle",
    "pmd",
    "com.github.spotbugs",
    "com.diffplug",
    "com.google",
    "com.android",
    "io.quarkus",
    "org.sonar",
    "idea",
    "eclipse",
    "signing",
    "maven-publish",
    "spring-boot-maven-plugin",
    "com.github.ben-manes",
    "org.codehaus.mojo.versions",
    "io.micronaut",
    "org.gradle",
    "antlr",
];

/// New plugins of one file that are told.
const PLUGINS: usize = 50;

fn plugins(file: &File<'_>) -> Vec<Finding> {
    let maven = file.name == "pom.xml" || file.path.ends_with(".mvn/extensions.xml");
    let gradle = file.ending == "gradle" || file.name.ends_with(".gradle.kts");
    let mut findings = Vec::new();
    let names = |text: &str| -> BTreeSet<String> {
        let regex = if maven { &PLUGIN } else { &GRADLE_PLUGIN };
        let joined = |found: regex::Captures<'_>| {
            let part =
                |at: usize| found.get(at).map(|part| part.as_str().trim()).unwrap_or_default();
            [part(1), part(2)].join(" ").trim().to_owned()
        };
        regex.captures_iter(text).map(joined).collect()
    };
    if !maven && !gradle {
        return findings;
    }
    for name in names(file.new_text()).difference(&names(file.old())).take(PLUGINS) {
        let last = name.rsplit(' ').next().unwrap_or_default();
        let severity = if RUNNERS.contains(&last) {
            Severity::Warning
        } else if KNOWN_PLUGINS.iter().any(|known| name.starts_with(known)) {
            Severity::Info
        } else {
            Severity::Notice
        };
        let why = format!("a new plugin runs in every build: `{}`. Look who makes it", quote(name));
        findings.push(found(file, "build-plugin", severity, file.line_of(last), why));
    }
    if let Some(line) = file.gained(&APPLIED) {
        let why = "the build runs a script from the network. Keep it in the repository";
        findings.push(found(file, "build-plugin", Severity::High, Some(line.number), why));
    }
    findings
}

static DISTRIBUTION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?m)^\s*(?:distributionUrl|wrapperUrl)\s*=\s*https?\\?://([^/\s]+)"));

fn wrapper(file: &File<'_>) -> Vec<Finding> {
    let rule = "build-wrapper";
    let script = matches!(file.name, "gradlew" | "gradlew.bat" | "mvnw" | "mvnw.cmd");
    let jar = file.name == "gradle-wrapper.jar" || file.name == "maven-wrapper.jar";
    let java = file.path.ends_with(".mvn/jvm.config") || file.path.ends_with(".mvn/maven.config");
    if script || jar || java {
        let why = "this starts every build. Compare it with what the tool's own makers publish";
        let severity = if jar { Severity::High } else { Severity::Warning };
        return vec![found(file, rule, severity, file.first_line(), why)];
    }
    if !matches!(file.name, "gradle-wrapper.properties" | "maven-wrapper.properties") {
        return Vec::new();
    }
    let known =
        ["services.gradle.org", "downloads.gradle.org", "repo.maven.apache.org", "repo1.maven.org"];
    let host = |text| {
        DISTRIBUTION
            .captures_iter(text)
            .filter_map(|found| found.get(1))
            .map(|host| host.as_str())
            .find(|host| !known.contains(host))
    };
    let sum = |text: &str| text.contains("Sha256Sum");
    let why = if let Some(host) = host(file.new_text()).filter(|now| host(file.old()) != Some(now))
    {
        format!(
            "the build tool is fetched from `{}`, not from its makers. Put it back",
            quote(host)
        )
    } else if sum(file.old()) && !sum(file.new_text()) {
        "the build tool's hash is no longer compared. Put it back".to_owned()
    } else {
        return Vec::new();
    };
    vec![found(file, rule, Severity::High, file.first_line(), why)]
}

static ASKS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\$\(shell\s|\w\s*!=\s*\S|^\s*-?include\s+\S*(http|/tmp|\$\(shell)|^\s*(SHELL|\.SHELLFLAGS|\.DEFAULT_GOAL)\s*[:?]?=",
    )
});
static CALLS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\t[@-]*\s*((ba|z)?sh|source|\.|python[0-9.]*|node|perl|ruby|curl|wget|eval|sudo)\s|^\t[@-]*\s*\./",
    )
});

fn make(file: &File<'_>) -> Vec<Finding> {
    let lower = file.name.to_lowercase();
    if !(lower == "makefile"
        || lower == "gnumakefile"
        || file.ending == "mk"
        || lower == "justfile")
    {
        return Vec::new();
    }
    let rule = "make-default";
    if let Some(line) = file.gained(&ASKS) {
        let why = format!(
            "`{}` runs whenever the file is read, whatever target is asked for. Look what it calls",
            quote(line.text)
        );
        return vec![found(file, rule, Severity::Notice, Some(line.number), why)];
    }
    let (old, new) = (default_target(file.old()), default_target(file.new_text()));
    let (Some(old), Some(new)) = (old, new) else { return Vec::new() };
    let calls: Vec<&str> = new.recipe.iter().filter(|line| CALLS.is_match(line)).copied().collect();
    let fresh = calls.iter().any(|line| !old.recipe.contains(line));
    if (old.head == new.head && !fresh) || file.is_new() {
        return Vec::new();
    }
    let why = format!(
        "what `make` does without a target is changed: `{}`. Look what it runs now",
        quote(new.head)
    );
    vec![found(file, rule, Severity::Notice, file.line_of(new.head).or(file.first_line()), why)]
}

struct Target<'a> {
    head: &'a str,
    recipe: Vec<&'a str>,
}

fn default_target(text: &str) -> Option<Target<'_>> {
    let is_head = |line: &&str| {
        let first = line.chars().next().unwrap_or('#');
        !first.is_whitespace()
            && !matches!(first, '#' | '.')
            && line.contains(':')
            && !line.contains(":=")
            && !line.split(':').next().unwrap_or_default().contains('=')
    };
    let mut lines = text.lines().skip_while(|line| !is_head(line));
    let head = lines.next()?;
    Some(Target { head, recipe: lines.take_while(|line| line.starts_with('\t')).collect() })
}

fn generate(file: &File<'_>) -> Vec<Finding> {
    if file.ending != "go" {
        return Vec::new();
    }
    let gained = |line: &&crate::change::Line<'_>| {
        let command = GENERATE.captures(line.text).and_then(|found| found.get(1));
        let strange = |command: &str| !KNOWN_GENERATOR.is_match(command) || command.contains('@');
        command.is_some_and(|command| strange(command.as_str()))
            && !file.lines.removed.iter().any(|was| was.text == line.text)
    };
    let found_one = |line: &crate::change::Line<'_>| {
        let why = format!(
            "`{}` runs something of elsewhere on `go generate`. Name a fixed version, and look at it",
            quote(line.text)
        );
        found(file, "generate-directive", Severity::Warning, Some(line.number), why)
    };
    file.lines.added.iter().find(gained).map(found_one).into_iter().collect()
}
