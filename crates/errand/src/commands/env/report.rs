//! What `errand env check` says: one document for programs, lines for people.

use super::find::Found;
use crate::style::{Line, Shown, Style};
use crate::text::padded;
use anyhow::{Context, Result};
use protocol::environment::explain::{Explained, explain};
use protocol::environment::place::Place;
use protocol::environment::remark::{Reference, ReferenceKind, Remark, Remarks};
use protocol::environment::{Base, Build, Dockerfile, Understood, check_dockerfile, read};
use protocol::limits::{ENVIRONMENT_BYTES, ENVIRONMENT_TEXT_BYTES};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Columns of a field's name.
const KEY_COLUMNS: usize = 24;

/// Everything that is known of a repository's environment file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// It can be used.
    #[serde(rename = "ok")]
    pub(super) is_ok: bool,
    /// The file that counts; none where there is none.
    file: Option<String>,
    why: String,
    /// Files that are there too and are not read.
    passed_over: Vec<&'static str>,
    /// What it says, as `.errand/environment.json` would say it.
    environment: Option<Value>,
    variables: BTreeMap<String, String>,
    explained: Vec<Explained>,
    problems: Vec<Remark>,
    warnings: Vec<Remark>,
}

impl Report {
    /// Reads the file and what it refers to.
    pub(super) fn of(found: &Found) -> Result<Self> {
        let (outcome, warnings, references) = match &found.file {
            Some(file) => {
                let reading = read(found.place, &head(file, ENVIRONMENT_BYTES)?);
                (reading.outcome, reading.warnings, reading.references)
            }
            None => (Ok(Understood::default()), Vec::new(), Vec::new()),
        };
        let mut remarks = Remarks { problems: Vec::new(), warnings };
        let understood = match outcome {
            Ok(understood) => Some(understood),
            Err(problems) => {
                remarks.problems = problems;
                None
            }
        };
        for reference in references {
            look_at(&found.root, reference, &mut remarks)?;
        }
        if let Some(Base::Build(build)) = understood.as_ref().map(|one| &one.environment.base)
            && remarks.problems.is_empty()
        {
            remarks.warnings.extend(not_followed(&found.root, found.place, build)?);
        }
        let Remarks { mut problems, mut warnings } = remarks;
        let file = found.file.as_ref().map(|file| shown(file, &found.root));
        if let Some(shown) = &file {
            // A named file was read as if it were another.
            let read_as = found.place.path();
            let all = problems.iter_mut().chain(&mut warnings);
            for remark in all.filter(|remark| remark.file == read_as) {
                remark.file.clone_from(shown);
            }
        }
        Ok(Self {
            is_ok: problems.is_empty(),
            file,
            why: found.why.clone(),
            passed_over: found.passed_over.iter().map(|place| place.path()).collect(),
            environment: understood.as_ref().map(|understood| understood.environment.to_file()),
            explained: understood.as_ref().map(explain).unwrap_or_default(),
            variables: understood.map(|understood| understood.variables).unwrap_or_default(),
            problems,
            warnings,
        })
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<Shown> {
        let head = match &self.file {
            Some(file) => Line::of(Style::Bold, file).and(Style::Dim, format!("  {}", self.why)),
            None => Line::of(Style::Bold, "no environment file")
                .and(Style::Dim, format!("  {}", self.why)),
        };
        let mut all = vec![Shown::Whole(head), Shown::Gap];
        all.extend(self.explained.iter().flat_map(field));
        all.push(Shown::Gap);
        all.extend(self.warnings.iter().map(|one| remark(Style::Warn, "!", one)));
        all.extend(self.problems.iter().map(|one| remark(Style::Bad, "✗", one)));
        all.push(Shown::Gap);
        all.push(Shown::Whole(self.summary()));
        all
    }

    fn summary(&self) -> Line {
        match (self.problems.len(), self.file.is_some()) {
            (0, true) => Line::of(Style::Good, "✓ this file can be used"),
            (0, false) => Line::of(Style::Good, "✓ every agent starts from the defaults"),
            (1, _) => Line::of(Style::Bad, "✗ 1 problem keeps this file from being used"),
            (count, _) => {
                Line::of(Style::Bad, format!("✗ {count} problems keep this file from being used"))
            }
        }
    }
}

fn field(one: &Explained) -> Vec<Shown> {
    let style = if one.is_default { Style::Dim } else { Style::Plain };
    let mark = if one.is_default { "  (default)" } else { "" };
    let key = |index| padded(if index == 0 { one.key } else { "" }, KEY_COLUMNS);
    let lines = one.lines.iter().enumerate().map(|(index, text)| {
        let line = Line::of(Style::Plain, "  ").and(Style::Bold, key(index));
        Shown::Whole(line.and(style, text).and(Style::Dim, mark))
    });
    lines.collect()
}

fn remark(style: Style, sign: &str, one: &Remark) -> Shown {
    let place = format!("{}:{}:{}", one.file, one.line, one.column);
    let line = Line::of(style, format!("{sign} ")).and(Style::Dim, format!("{place}  "));
    let line = match one.key.as_str() {
        "" => line,
        key => line.and(Style::Bold, key).and(Style::Plain, ": "),
    };
    Shown::Whole(line.and(Style::Plain, &one.message))
}

fn shown(file: &Path, root: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

/// The beginning of a file, one byte more than may be there.
fn head(file: &Path, most: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let open = File::open(file).with_context(|| format!("open {}", file.display()))?;
    let most = u64::try_from(most)?.saturating_add(1);
    open.take(most).read_to_end(&mut bytes).with_context(|| format!("read {}", file.display()))?;
    Ok(bytes)
}

/// What a server would not follow of a Dockerfile.
fn not_followed(root: &Path, place: Place, build: &Build) -> Result<Option<Remark>> {
    let (file, text) = match &build.dockerfile {
        Dockerfile::Path(path) => {
            let bytes = head(&root.join(path.as_str()), ENVIRONMENT_TEXT_BYTES)?;
            (path.to_string(), String::from_utf8_lossy(&bytes).into_owned())
        }
        Dockerfile::Contents(text) => (place.path().to_owned(), text.clone()),
    };
    let problem = server::dockerfile::problem(&text, &build.args);
    Ok(problem.map(|(line, message)| Remark {
        code: "not_followed",
        file,
        line,
        column: 1,
        key: "build".to_owned(),
        message: format!("{message} (agents would begin without it)"),
    }))
}

/// Looks for what the file refers to, and into a Dockerfile.
fn look_at(root: &Path, reference: Reference, remarks: &mut Remarks) -> Result<()> {
    let Reference { path, kind, mut missing } = reference;
    // TRUST: a path cannot leave the repository, but a link in the repository can.
    let real = root.join(path.as_str()).canonicalize().ok();
    let is_outside = real.as_ref().is_some_and(|real| !real.starts_with(root));
    if is_outside {
        missing.message = "leads out of the repository by a link: copy what is there".to_owned();
    }
    let real = real.filter(|real| match kind {
        ReferenceKind::Dockerfile => real.is_file(),
        ReferenceKind::Context => real.is_dir(),
    });
    match (real.filter(|_| !is_outside), kind) {
        (None, _) => remarks.problems.push(missing),
        (Some(_), ReferenceKind::Context) => {}
        (Some(file), ReferenceKind::Dockerfile) => {
            let found = check_dockerfile(&path, &head(&file, ENVIRONMENT_TEXT_BYTES)?);
            remarks.problems.extend(found.problems);
            remarks.warnings.extend(found.warnings);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::find::find;
    use super::*;
    use crate::style::plain;

    fn report(files: &[(&str, &str)]) -> (tempfile::TempDir, Report) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(".git")).unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let report = Report::of(&find(Some(dir.path())).unwrap()).unwrap();
        (dir, report)
    }

    #[test]
    fn a_good_file_is_explained_with_its_defaults() {
        let text = r#"{"name": "shop", "install": "npm ci\nnpm run dev", "ports": [{"port": 80}]}"#;
        let (_dir, report) =
            report(&[(".errand/environment.json", text), (".devcontainer.json", "{}")]);
        assert!(report.is_ok);
        let shown = plain(&report.lines());
        for line in [
            ".errand/environment.json  Errand's own place comes first; .devcontainer.json is there too and is not read\n",
            "\n  base                    the default image  (default)\n",
            "\n  install                 npm ci\n                          npm run dev\n",
            "\n  ports                   80\n",
            "\n! .errand/environment.json:1:18  install: \"npm run dev\" looks like a program",
            "\n✓ this file can be used\n",
        ] {
            assert!(shown.contains(line), "{line}\n{shown}");
        }
    }

    #[test]
    fn every_problem_is_shown_with_its_place() {
        let (_dir, report) =
            report(&[(".cursor/environment.json", "{\n  \"env\": {},\n  \"ports\": 1,\n}")]);
        assert!(!report.is_ok && report.environment.is_none());
        let shown = plain(&report.lines());
        let expected = ".cursor/environment.json  there is no file at Errand's own place\n\n\
            ✗ .cursor/environment.json:2:3  env: does not belong into this file: give variables with `errand run --env NAME=VALUE`, or as `envVars` over the API\n\
            ✗ .cursor/environment.json:3:12  ports: is a number, but has to be a list of objects: [{\"port\": 3000, \"name\": …}]\n\
            ✗ .cursor/environment.json:3:13  nothing follows this comma: remove it\n\n\
            ✗ 3 problems keep this file from being used\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_a_build_refers_to_has_to_be_in_the_repository() {
        let text = r#"{"build": {"dockerfile": "Dockerfile", "context": "../app"}}"#;
        let file = (".errand/environment.json", text);
        let codes = |remarks: &[Remark]| remarks.iter().map(|one| one.code).collect::<Vec<_>>();
        let (_dir, missing) = report(&[file]);
        assert_eq!(codes(&missing.problems), ["missing_file", "missing_file"]);
        let docker = (".errand/Dockerfile", "FROM a\nCOPY . /app\n");
        let (dir, good) = report(&[file, docker, ("app/x", "")]);
        assert_eq!(
            (codes(&good.problems), codes(&good.warnings)),
            (vec![], vec!["copies_project"])
        );
        assert!(
            plain(&good.lines()).contains("! .errand/Dockerfile:2:1  build.dockerfile: copies")
        );

        let outside = tempfile::tempdir().unwrap();
        std::fs::remove_dir_all(dir.path().join("app")).unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("app")).unwrap();
        let linked = Report::of(&find(Some(dir.path())).unwrap()).unwrap();
        assert!(linked.problems[0].message.contains("by a link"), "{:?}", linked.problems);
    }

    #[test]
    fn a_repository_without_a_file_has_the_defaults() {
        let (_dir, report) = report(&[]);
        assert!(report.is_ok && report.explained.iter().all(|one| one.is_default));
        assert!(plain(&report.lines()).starts_with("no environment file  there is none in "));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["ok"], &json["file"]), (&Value::Bool(true), &Value::Null));
        assert_eq!(json["environment"], serde_json::json!({}));
    }

    #[test]
    fn remarks_on_a_named_file_name_that_file() {
        let (dir, _) = report(&[("x/my.json", "{\"a\": 1}")]);
        let report = Report::of(&find(Some(&dir.path().join("x/my.json"))).unwrap()).unwrap();
        assert_eq!(report.problems[0].file, "x/my.json");
        assert_eq!(report.file.as_deref(), Some("x/my.json"));
    }
}
