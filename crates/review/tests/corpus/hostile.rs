//! Diffs that were made to break the reader: any bytes under every name that a rule knows.

use review::change::{Change, Content, Mode, Side};
use review::rules::{Diff, find};

/// Names that lead into every rule.
const PATHS: &[&str] = &[
    ".github/workflows/ci.yml",
    ".gitlab-ci.yml",
    ".circleci/config.yml",
    "Jenkinsfile",
    ".husky/pre-commit",
    ".pre-commit-config.yaml",
    "package.json",
    "composer.json",
    ".npmrc",
    "build.rs",
    "src/lib.rs",
    "setup.py",
    "tests/conftest.py",
    "a.pth",
    "pyproject.toml",
    "pom.xml",
    "build.gradle",
    "gradle/wrapper/gradle-wrapper.properties",
    "Makefile",
    "gen.go",
    "CMakeLists.txt",
    "extconf.rb",
    "Gemfile",
    ".cargo/config.toml",
    "Cargo.toml",
    "Dockerfile",
    ".devcontainer/devcontainer.json",
    "docker-compose.yml",
    ".vscode/settings.json",
    ".vscode/tasks.json",
    ".idea/runConfigurations/a.xml",
    "AGENTS.md",
    ".mcp.json",
    ".gitattributes",
    ".gitmodules",
    ".envrc",
    "a.service",
    "main.tf",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "Cargo.lock",
    "poetry.lock",
    "go.mod",
    "go.sum",
    "uv.lock",
    "Gemfile.lock",
    "composer.lock",
    "Pipfile",
    "Pipfile.lock",
    "requirements.txt",
    "gradle/libs.versions.toml",
    "src/auth/login.ts",
    "src/a.test.ts",
    "tests/test_a.py",
    "a_test.go",
    "src/test/java/ATest.java",
    "jest.config.js",
    "a.snap",
    "policy.json",
    "CODEOWNERS",
    "LICENSE",
    "public/a.min.js",
    "a.sql",
    "a.csproj",
    "",
    "/",
    "a//b/",
];
/// Pieces that lead deep into the readers.
const PIECES: &[&str] = &[
    "on:\n",
    "  - uses: a/b@c\n",
    "run: |\n",
    "permissions: write-all\n",
    "${{ secrets.A }}",
    "{",
    "[",
    "\"scripts\": {\"postinstall\": \"a\"}",
    "]",
    "}",
    "[[package]]\n",
    "name = \"a\"\n",
    "source = ",
    "<plugin>",
    "<dependency>",
    "</dependency>",
    "FROM ",
    "@",
    "\"",
    "'",
    "`",
    "\\",
    "\n",
    "\t",
    " ",
    "*",
    "**/",
    "=> ",
    "https://",
    "git+",
    "==1",
    "--hash=sha256:00",
    "expect(",
    "assert!(",
    "#[test]\n",
    "def test_a():\n",
    "it.skip('",
    "return true",
    "eval(atob(",
    "аa",
    "\u{202e}",
    "\0",
    "0x41, ",
    "- ",
    "a: ",
];

fn side(random: &mut fastrand::Rng) -> Option<Side> {
    let mode = random.choice([Mode::File, Mode::Executable, Mode::Symlink, Mode::Submodule])?;
    let mut text = String::new();
    for _ in 0..random.usize(..120) {
        match random.u8(..8) {
            0 => text.extend((0..random.usize(..40)).map(|_| random.char(..))),
            1 => text.push_str(&random.choice(PIECES)?.repeat(random.usize(1..60))),
            _ => text.push_str(random.choice(PIECES)?),
        }
    }
    let content = match random.u8(..10) {
        0 => return None,
        1 => Content::Unread("b1".to_owned()),
        2 => Content::Binary(text.into_bytes()),
        _ => Content::Text(text),
    };
    Some(Side { mode, bytes: random.u64(..1 << 40), content })
}

#[test]
fn no_bytes_under_any_name_stop_the_rules() {
    for seed in 0..4 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut changes = Vec::new();
        for path in PATHS {
            let old_path = random.bool().then(|| "old".to_owned());
            let (old, new) = (side(&mut random), side(&mut random));
            changes.push(Change { path: (*path).to_owned(), old_path, old, new });
        }
        let owners: String = (0..50).filter_map(|_| random.choice(PIECES).copied()).collect();
        let diff = Diff { changes: &changes, owners: Some(&owners) };
        let findings = find(diff);
        assert_eq!(findings, find(diff), "seed {seed}: the same diff, the same findings");
        assert!(!findings.is_empty(), "seed {seed}");
    }
}

#[test]
fn depth_and_length_stop_no_rule() {
    let long = [
        "[".repeat(20_000),
        "{\"a\":".repeat(10_000),
        "a.".repeat(10_000),
        "- ".repeat(10_000),
        "\\x41".repeat(5_000),
        "a = ".repeat(5_000),
        "curl | ".repeat(3_000),
        format!("{}\n", " a:".repeat(5_000)),
        (0..3_000).map(|n| format!("{}a:\n", " ".repeat(n % 300))).collect(),
    ];
    for text in long {
        let content = Content::Text(text);
        let new = Some(Side { mode: Mode::File, bytes: 1, content });
        let change = |path: &&str| Change {
            path: (*path).to_owned(),
            old_path: None,
            old: None,
            new: new.clone(),
        };
        let changes: Vec<Change> = PATHS.iter().map(change).collect();
        let findings = find(Diff { changes: &changes, owners: new.as_ref().unwrap().text() });
        assert!(findings.iter().all(|finding| finding.why.len() < 1_000));
    }
}

#[test]
fn a_diff_of_ten_thousand_files_is_judged() {
    let changes = super::many_files(10_000);
    let findings =
        find(Diff { changes: &changes, owners: Some("* @acme/all\n/area7/ @acme/seven\n") });
    let of = |rule: &str| findings.iter().filter(|finding| finding.rule == rule).count();
    assert_eq!((of("diff-spread"), of("diff-large"), of("owned-file")), (1, 1, 2));
    assert_eq!(of("tls-check-off"), 50, "{findings:#?}");
}
