//! What a manifest declares, of every kind of manifest that is known.

use super::super::file::{File, regex};
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// Who resolves the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ecosystem {
    Npm,
    Cargo,
    Python,
    Go,
    Java,
    Ruby,
    Composer,
}

/// Where something comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The ecosystem's registry, or one that is configured.
    Registry,
    /// This repository.
    Local,
    /// A repository, an archive or a file.
    Foreign(String),
}

/// One line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) requirement: String,
    pub(super) source: Source,
    /// Whether it replaces what others ask for.
    pub(super) replaces: bool,
    /// Whether a tool wrote it down for the sake of another one.
    pub(super) indirect: bool,
}

impl Dependency {
    pub(super) fn new(
        name: impl Into<String>,
        requirement: impl Into<String>,
        source: Source,
    ) -> Self {
        Self {
            name: name.into(),
            requirement: requirement.into(),
            source,
            replaces: false,
            indirect: false,
        }
    }

    /// What is compared between two sides.
    pub(super) fn key(&self) -> String {
        let mark = if self.replaces { "replace " } else { "" };
        format!("{mark}{}", self.name)
    }
}

/// Who reads the manifest, if it is one.
pub(super) fn ecosystem(file: &File<'_>) -> Option<Ecosystem> {
    let name = file.name.to_lowercase();
    let listed = name.starts_with("requirements")
        || name.starts_with("constraints")
        || file.path.contains("requirements/");
    match (name.as_str(), file.ending.as_str()) {
        ("package.json", _) => Some(Ecosystem::Npm),
        ("cargo.toml", _) => Some(Ecosystem::Cargo),
        ("pyproject.toml" | "pipfile" | "setup.cfg" | "setup.py", _) => Some(Ecosystem::Python),
        (_, "txt" | "in") if listed => Some(Ecosystem::Python),
        ("go.mod" | "go.work", _) => Some(Ecosystem::Go),
        ("pom.xml", _) | (_, "gradle") => Some(Ecosystem::Java),
        (name, _) if name.ends_with(".gradle.kts") || name.ends_with(".versions.toml") => {
            Some(Ecosystem::Java)
        }
        ("gemfile", _) | (_, "gemspec") => Some(Ecosystem::Ruby),
        ("composer.json", _) => Some(Ecosystem::Composer),
        _ => None,
    }
}

/// All that the text declares.
pub(super) fn read(ecosystem: Ecosystem, file: &File<'_>, text: &str) -> Vec<Dependency> {
    match ecosystem {
        Ecosystem::Npm => npm(text),
        Ecosystem::Composer => composer(text),
        Ecosystem::Cargo => cargo(text),
        Ecosystem::Python if file.ending == "toml" => pyproject(text),
        Ecosystem::Python if file.name == "Pipfile" => pipfile(text),
        Ecosystem::Python if matches!(file.ending.as_str(), "txt" | "in") => requirements(text),
        Ecosystem::Python => quoted_requirements(text),
        Ecosystem::Go => go(text),
        Ecosystem::Java if file.name == "pom.xml" => maven(text),
        Ecosystem::Java if file.ending == "toml" => catalogue(text),
        Ecosystem::Java => gradle(text),
        Ecosystem::Ruby => ruby(text),
    }
}

fn npm(text: &str) -> Vec<Dependency> {
    let Ok(root) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let mut all = Vec::new();
    for table in
        ["dependencies", "devDependencies", "optionalDependencies", "overrides", "resolutions"]
    {
        for (name, value) in root.get(table).and_then(Value::as_object).into_iter().flatten() {
            let requirement = value.as_str().unwrap_or_default();
            let mut one = Dependency::new(name, requirement, npm_source(requirement));
            one.replaces = matches!(table, "overrides" | "resolutions");
            if !(one.replaces && one.source == Source::Registry) {
                all.push(one);
            }
        }
    }
    all
}

fn npm_source(requirement: &str) -> Source {
    let local = ["workspace:", "link:", "portal:", "catalog:", "file:.", "file:/"];
    if local.iter().any(|prefix| requirement.starts_with(prefix)) && !requirement.ends_with("gz") {
        return Source::Local;
    }
    let elsewhere =
        requirement.contains("://") || requirement.contains('/') || requirement.contains('#');
    if elsewhere || requirement.starts_with("npm:") || requirement.starts_with("file:") {
        return Source::Foreign(requirement.to_owned());
    }
    Source::Registry
}

fn composer(text: &str) -> Vec<Dependency> {
    let Ok(root) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let tables =
        ["require", "require-dev"].into_iter().filter_map(|table| root.get(table)?.as_object());
    let pairs = tables.flatten();
    pairs
        .filter(|(name, _)| name.contains('/'))
        .map(|(name, value)| {
            Dependency::new(name, value.as_str().unwrap_or_default(), Source::Registry)
        })
        .collect()
}

fn cargo(text: &str) -> Vec<Dependency> {
    let Ok(root) = text.parse::<toml::Table>() else { return Vec::new() };
    let mut all = Vec::new();
    cargo_tables(&root, &mut all);
    if let Some(shared) = root.get("workspace").and_then(toml::Value::as_table) {
        cargo_tables(shared, &mut all);
    }
    for target in root.get("target").and_then(toml::Value::as_table).into_iter().flatten() {
        if let Some(table) = target.1.as_table() {
            cargo_tables(table, &mut all);
        }
    }
    let patches = root.get("patch").and_then(toml::Value::as_table).into_iter().flatten();
    let replaced = root.get("replace").into_iter();
    for table in patches.map(|(_, table)| table).chain(replaced).filter_map(toml::Value::as_table) {
        for (name, value) in table {
            let mut one = cargo_one(name, value);
            one.replaces = true;
            all.push(one);
        }
    }
    all
}

fn cargo_tables(table: &toml::Table, all: &mut Vec<Dependency>) {
    for name in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (name, value) in table.get(name).and_then(toml::Value::as_table).into_iter().flatten() {
            all.push(cargo_one(name, value));
        }
    }
}

fn cargo_one(name: &str, value: &toml::Value) -> Dependency {
    let field = |key: &str| value.get(key).and_then(toml::Value::as_str);
    let name = field("package").unwrap_or(name);
    let requirement = value.as_str().or_else(|| field("version")).unwrap_or_default();
    let shared = value.get("workspace").is_some();
    let source = match (field("git"), field("registry").or(field("registry-index"))) {
        (Some(url), _) => Source::Foreign(url.to_owned()),
        (None, Some(registry)) => Source::Foreign(format!("registry {registry}")),
        (None, None) if shared || field("path").is_some() => Source::Local,
        (None, None) => Source::Registry,
    };
    Dependency::new(name, requirement, source)
}

static REQUIREMENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:@\s*(\S+)|([^;#\\]*))")
});

fn requirement(text: &str) -> Option<Dependency> {
    let text = text.trim();
    let editable = text.strip_prefix("-e ").map(str::trim);
    let plain = editable.unwrap_or(text);
    if plain.starts_with("git+")
        || plain.contains("://")
            && !plain.contains(" @ ")
            && !plain.starts_with('-')
            && !plain.contains('@')
        || plain.starts_with("git@")
    {
        let name = plain.split("egg=").nth(1).unwrap_or(plain);
        return Some(Dependency::new(name, "", Source::Foreign(plain.to_owned())));
    }
    if plain.starts_with(['.', '/', '-', '#']) {
        return None;
    }
    let found = REQUIREMENT.captures(plain)?;
    let name = found.get(1)?.as_str().to_lowercase().replace(['_', '.'], "-");
    let source = match found.get(2).map(|url| url.as_str()) {
        Some(url) if url.starts_with("file:") => Source::Local,
        Some(url) => Source::Foreign(url.to_owned()),
        None => Source::Registry,
    };
    let version = found.get(3).map(|version| version.as_str().trim()).unwrap_or_default();
    Some(Dependency::new(name, version, source))
}

fn requirements(text: &str) -> Vec<Dependency> {
    let head = text.lines().take(4);
    let compiled =
        head.filter(|line| line.starts_with('#')).any(|line| line.contains("autogenerated"));
    let one = |line| Some(Dependency { indirect: compiled, ..requirement(line)? });
    text.lines().filter_map(one).collect()
}

static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"["']([A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?\s*(?:[<>=~!]=?|@)[^"']+)["']"#)
});

fn quoted_requirements(text: &str) -> Vec<Dependency> {
    QUOTED.captures_iter(text).filter_map(|found| requirement(found.get(1)?.as_str())).collect()
}

fn pyproject(text: &str) -> Vec<Dependency> {
    let Ok(root) = text.parse::<toml::Table>() else { return Vec::new() };
    let root = toml::Value::Table(root);
    let at = |path: &str| path.split('/').try_fold(&root, |value, key| value.get(key));
    let mut all: Vec<Dependency> = Vec::new();
    let mut list = |value: Option<&toml::Value>| {
        let items = value.and_then(toml::Value::as_array).into_iter().flatten();
        all.extend(items.filter_map(|item| requirement(item.as_str()?)));
    };
    list(at("project/dependencies"));
    list(at("build-system/requires"));
    for tables in ["project/optional-dependencies", "dependency-groups"] {
        for (_, value) in at(tables).and_then(toml::Value::as_table).into_iter().flatten() {
            list(Some(value));
        }
    }
    all.extend(python_table(at("tool/poetry/dependencies")));
    all.extend(python_table(at("tool/poetry/dev-dependencies")));
    for (_, group) in at("tool/poetry/group").and_then(toml::Value::as_table).into_iter().flatten()
    {
        all.extend(python_table(group.get("dependencies")));
    }
    for mut one in python_table(at("tool/uv/sources")) {
        one.replaces = true;
        if one.source != Source::Registry {
            all.push(one);
        }
    }
    all
}

fn python_table(value: Option<&toml::Value>) -> Vec<Dependency> {
    let table = value.and_then(toml::Value::as_table).into_iter().flatten();
    let one = |(name, value): (&String, &toml::Value)| {
        let field = |key: &str| value.get(key).and_then(toml::Value::as_str);
        let source = match field("git").or(field("url")) {
            Some(place) => Source::Foreign(place.to_owned()),
            None if field("path").is_some() || value.get("workspace").is_some() => Source::Local,
            None => Source::Registry,
        };
        let requirement = value.as_str().or(field("version")).unwrap_or_default();
        Dependency::new(name.to_lowercase(), requirement, source)
    };
    table.filter(|(name, _)| name.as_str() != "python").map(one).collect()
}

fn pipfile(text: &str) -> Vec<Dependency> {
    let Ok(root) = text.parse::<toml::Table>() else { return Vec::new() };
    ["packages", "dev-packages"].iter().flat_map(|table| python_table(root.get(*table))).collect()
}

static GO_LINE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^\s*(?:require\s+)?([a-z0-9.-]+\.[a-z]+/\S+)\s+(v\S+)"));
static GO_REPLACE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^\s*(?:replace\s+)?(\S+)(?:\s+v\S+)?\s+=>\s+(\S+)(?:\s+(v\S+))?"));

fn go(text: &str) -> Vec<Dependency> {
    let mut all = Vec::new();
    for line in text.lines() {
        if let Some(found) = GO_REPLACE.captures(line) {
            let part = |at: usize| found.get(at).map(|part| part.as_str()).unwrap_or_default();
            let target = part(2);
            let local = target.starts_with("./") || target.starts_with("../");
            let source = if local { Source::Local } else { Source::Foreign(target.to_owned()) };
            let mut one = Dependency::new(part(1), part(3), source);
            one.replaces = true;
            all.push(one);
        } else if let Some(found) = GO_LINE.captures(line) {
            let part = |at: usize| found.get(at).map(|part| part.as_str()).unwrap_or_default();
            let mut one = Dependency::new(part(1), part(2), Source::Registry);
            one.indirect = line.trim_end().ends_with("// indirect");
            all.push(one);
        }
    }
    all
}

static MAVEN: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?s)<(?:dependency|parent)>\s*(.{0,2000}?)</(?:dependency|parent)>"));
static MAVEN_FIELD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"<(groupId|artifactId|version|systemPath)>\s*([^<]{0,300}?)\s*</"));

fn maven(text: &str) -> Vec<Dependency> {
    let one = |found: regex::Captures<'_>| {
        let body = found.get(1)?.as_str();
        let field = |name: &str| {
            let of =
                |found: &regex::Captures<'_>| found.get(1).is_some_and(|key| key.as_str() == name);
            let value = MAVEN_FIELD.captures_iter(body).find(of)?.get(2)?.as_str();
            Some(value.to_owned())
        };
        let source = field("systemPath").map_or(Source::Registry, Source::Foreign);
        let name = format!("{}:{}", field("groupId")?, field("artifactId")?);
        Some(Dependency::new(name, field("version").unwrap_or_default(), source))
    };
    MAVEN.captures_iter(text).filter_map(one).collect()
}

static GRADLE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"^\s*(?:[a-z]\w*(?:mplementation|pi|ompileOnly|untimeOnly|rocessor|lasspath|ompile|latform)|implementation|api|kapt|ksp|classpath|compile)\s*\(?\s*(?:platform\s*\(\s*|enforcedPlatform\s*\(\s*)?["']([\w.-]+:[\w.-]+)(?::([^"'@]+))?"#,
    )
});
static GRADLE_FILES: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"\b(files|fileTree)\s*\(?\s*(?:dir:\s*)?["']([^"']+)|\bflatDir\b"#));

fn gradle(text: &str) -> Vec<Dependency> {
    let mut all = Vec::new();
    for line in text.lines() {
        let part = |found: &regex::Captures<'_>, at: usize| {
            found.get(at).map(|part| part.as_str().to_owned()).unwrap_or_default()
        };
        if let Some(found) = GRADLE.captures(line) {
            all.push(Dependency::new(part(&found, 1), part(&found, 2), Source::Registry));
        } else if let Some(found) = GRADLE_FILES.captures(line) {
            let path = part(&found, 2);
            if path.is_empty() || path.contains(".jar") || path.contains("lib") {
                all.push(Dependency::new(format!("files {path}"), "", Source::Foreign(path)));
            }
        }
    }
    all
}

fn catalogue(text: &str) -> Vec<Dependency> {
    let Ok(root) = text.parse::<toml::Table>() else { return Vec::new() };
    let versions = root.get("versions").and_then(toml::Value::as_table).into_iter().flatten();
    let mut all: Vec<Dependency> = versions
        .filter_map(|(name, value)| {
            let mut one =
                Dependency::new(format!("version {name}"), value.as_str()?, Source::Registry);
            one.replaces = true;
            Some(one)
        })
        .collect();
    all.retain(|one| !one.requirement.is_empty());
    for (_, value) in root.get("libraries").and_then(toml::Value::as_table).into_iter().flatten() {
        let field = |key: &str| value.get(key).and_then(toml::Value::as_str);
        let module = field("module")
            .map(str::to_owned)
            .or_else(|| Some(format!("{}:{}", field("group")?, field("name")?)));
        let name = module.or_else(|| Some(value.as_str()?.rsplit_once(':')?.0.to_owned()));
        all.extend(name.map(|name| {
            Dependency::new(name, field("version").unwrap_or_default(), Source::Registry)
        }));
    }
    all
}

static GEM: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"^\s*(?:gem|\w+\.add_(?:\w+_)?dependency)\s*\(?\s*["']([\w.-]+)["'](?:\s*,\s*["']([^"']+)["'])?(.*)$"#,
    )
});
static GEM_PLACE: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"\b(?:git|github|gist|bitbucket|source):?\s*(?:=>)?\s*["']([^"']+)"#));

fn ruby(text: &str) -> Vec<Dependency> {
    let one = |line: &str| {
        let found = GEM.captures(line)?;
        let part = |at: usize| found.get(at).map(|part| part.as_str()).unwrap_or_default();
        let place = GEM_PLACE.captures(part(3)).and_then(|found| found.get(1));
        let local = part(3).contains("path:") || part(3).contains(":path");
        let source = match place {
            Some(place) => Source::Foreign(place.as_str().to_owned()),
            None if local => Source::Local,
            None => Source::Registry,
        };
        Some(Dependency::new(part(1), part(2), source))
    };
    text.lines().filter_map(one).collect()
}
