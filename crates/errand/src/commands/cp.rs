//! `errand cp`: files and folders to and from a machine.

use super::{Cx, machine};
use crate::args::Copy;
use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::style::{Line, Style};
use crate::text;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::path::{Component, Path, PathBuf};

/// Where paths of a machine begin that are not absolute.
const WORKSPACE: &str = "/workspace";
/// Files of one copy; more is work for `errand down` or rsync.
const FILES: usize = 100_000;

/// One end of a copy.
#[derive(Debug, PartialEq, Eq)]
enum End<'a> {
    Here(&'a Path),
    There { agent: &'a str, path: &'a str },
}

/// What the server says of one file.
#[derive(Debug, Clone, Deserialize)]
struct Entry {
    path: String,
    kind: String,
    #[serde(default)]
    size: u64,
}

#[derive(Debug, Deserialize)]
struct Entries {
    items: Vec<Entry>,
    #[serde(default)]
    more: bool,
}

/// What was copied.
#[derive(Debug, Default)]
struct Copied {
    files: usize,
    bytes: u64,
    left_out: Vec<String>,
}

pub(super) async fn cp(cx: Cx<'_>, arguments: &Copy) -> Result<Exit> {
    let Cx { client, output } = cx;
    let copied = match (end(&arguments.from), end(&arguments.to)) {
        (End::There { agent, path }, End::Here(to)) => {
            let agent = machine::awake(&client, Some(&mut *output), agent).await?;
            Machine { client: &client, agent: &agent.id, output }.fetch(path, to).await?
        }
        (End::Here(from), End::There { agent, path }) => {
            let agent = machine::awake(&client, Some(&mut *output), agent).await?;
            Machine { client: &client, agent: &agent.id, output }.send(from, path).await?
        }
        _ => {
            let message = "one side is a path of this computer, the other AGENT:PATH";
            return Err(Trouble::usage(message).into());
        }
    };
    if output.is_for_program() {
        output.json(
            &json!({ "files": copied.files, "bytes": copied.bytes, "leftOut": copied.left_out }),
        )?;
        return Ok(Exit::Done);
    }
    for path in &copied.left_out {
        output
            .line(Line::of(Style::Warn, format!("! left out, neither file nor folder: {path}")))?;
    }
    let what = format!("{} files, {}", copied.files, text::bytes(copied.bytes));
    output.line(Line::of(Style::Good, "✓ ").and(Style::Plain, what))?;
    Ok(Exit::Done)
}

/// `AGENT:PATH`, unless a slash comes first: that is how a file with a colon is named.
fn end(text: &str) -> End<'_> {
    match text.split_once(':') {
        Some((agent, path)) if !agent.is_empty() && !agent.contains('/') => {
            End::There { agent, path }
        }
        Some(_) | None => End::Here(Path::new(text)),
    }
}

struct Machine<'a> {
    client: &'a Client,
    agent: &'a str,
    output: &'a mut Output,
}

impl Machine<'_> {
    async fn stat(&self, path: &str) -> Result<Entry> {
        self.client.get(&["agents", self.agent, "files", "stat"], &query(path)).await
    }

    async fn fetch(&mut self, from: &str, to: &Path) -> Result<Copied> {
        let found = self.stat(&absolute(from)).await?;
        let name = last_part(&found.path).unwrap_or("files");
        let target = if to.is_dir() { to.join(name) } else { to.to_path_buf() };
        let mut copied = Copied::default();
        let mut waiting = VecDeque::from([(found, target)]);
        while let Some((entry, target)) = waiting.pop_front() {
            match entry.kind.as_str() {
                "file" => self.fetch_file(&entry, &target, &mut copied).await?,
                "directory" => {
                    std::fs::create_dir_all(&target)
                        .with_context(|| format!("make {}", target.display()))?;
                    for child in self.list(&entry.path).await? {
                        // TRUST: the name comes from the sandbox; anything but one plain part would
                        // lead out of the target.
                        let Some(name) = last_part(&child.path).filter(|name| is_plain(name))
                        else {
                            copied.left_out.push(child.path);
                            continue;
                        };
                        let target = target.join(name);
                        waiting.push_back((child, target));
                    }
                }
                _ => copied.left_out.push(entry.path),
            }
            if waiting.len() + copied.files > FILES {
                return Err(Trouble::usage(format!(
                    "more than {FILES} files: use `errand down`, or rsync over `errand ssh`"
                ))
                .into());
            }
        }
        Ok(copied)
    }

    async fn fetch_file(
        &mut self,
        entry: &Entry,
        target: &Path,
        copied: &mut Copied,
    ) -> Result<()> {
        let path = ["agents", self.agent, "files", "content"];
        let show = |done: u64| progress(&entry.path, done, entry.size);
        let output = &mut *self.output;
        copied.bytes += self
            .client
            .download(&path, &query(&entry.path), target, |done| output.status(Some(&show(done))))
            .await?;
        copied.files += 1;
        Ok(self.output.status(None)?)
    }

    async fn list(&self, path: &str) -> Result<Vec<Entry>> {
        let listed: Entries =
            self.client.get(&["agents", self.agent, "files"], &query(path)).await?;
        if listed.more {
            return Err(Trouble::usage(format!(
                "{path} has more entries than are listed: use `errand down`, or rsync over `errand ssh`"
            ))
            .into());
        }
        Ok(listed.items)
    }

    async fn send(&mut self, from: &Path, to: &str) -> Result<Copied> {
        let to = absolute(to);
        let into = match self.stat(&to).await {
            Ok(found) => found.kind == "directory",
            Err(error) if is_missing(&error) => to.ends_with('/'),
            Err(error) => return Err(error),
        };
        let name = from
            .canonicalize()
            .with_context(|| format!("read {}", from.display()))?
            .file_name()
            .and_then(|name| name.to_str().map(str::to_owned))
            .ok_or_else(|| Trouble::usage(format!("{} has no name in UTF-8", from.display())))?;
        let target = if into { format!("{}/{name}", to.trim_end_matches('/')) } else { to };
        let mut copied = Copied::default();
        let mut waiting = VecDeque::from([(from.to_path_buf(), target)]);
        while let Some((path, target)) = waiting.pop_front() {
            let attempt = || format!("read {}", path.display());
            // The one that was named may be a link; those below are left out.
            let is_named = path == from;
            let meta = match is_named {
                true => path.metadata(),
                false => path.symlink_metadata(),
            };
            let meta = meta.with_context(attempt)?;
            if meta.is_file() {
                self.send_file(&path, &target, meta.len(), &mut copied).await?;
            } else if meta.is_dir() {
                let directories = ["agents", self.agent, "files", "directories"];
                self.client.tell(&directories, &json!({ "path": target })).await?;
                for child in std::fs::read_dir(&path).with_context(attempt)? {
                    let child = child.with_context(attempt)?;
                    match child.file_name().to_str() {
                        Some(name) => waiting.push_back((child.path(), format!("{target}/{name}"))),
                        None => copied.left_out.push(child.path().display().to_string()),
                    }
                }
            } else {
                copied.left_out.push(path.display().to_string());
            }
        }
        Ok(copied)
    }

    async fn send_file(
        &mut self,
        from: &Path,
        to: &str,
        size: u64,
        copied: &mut Copied,
    ) -> Result<()> {
        self.output.status(Some(&progress(to, 0, size)))?;
        let path = ["agents", self.agent, "files", "content"];
        self.client.upload(&path, &query(to), from).await?;
        copied.files += 1;
        copied.bytes += size;
        Ok(self.output.status(None)?)
    }
}

/// Relative paths begin in the workspace.
fn absolute(path: &str) -> String {
    match path.trim_start_matches("./") {
        "" | "." => WORKSPACE.to_owned(),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => format!("{WORKSPACE}/{relative}"),
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Trouble>().is_some_and(|trouble| trouble.exit == Exit::NotFound)
}

fn query(path: &str) -> [(&'static str, String); 1] {
    [("path", path.to_owned())]
}

fn progress(path: &str, done: u64, size: u64) -> String {
    format!("{path}  {} of {}", text::bytes(done), text::bytes(size))
}

fn last_part(path: &str) -> Option<&str> {
    path.trim_end_matches('/').rsplit('/').next().filter(|part| !part.is_empty())
}

fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let first = parts.next();
    matches!(first, Some(Component::Normal(_))) && parts.next().is_none() && !name.contains('\0')
}

/// Where a file is written before it takes its place.
pub(crate) fn beside(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".errand-part");
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_apart() {
        let there = |agent, path| End::There { agent, path };
        assert_eq!(end("bc-1:/workspace/a"), there("bc-1", "/workspace/a"));
        assert_eq!(end("my agent:a"), there("my agent", "a"));
        for here in ["a", "./a:b", "/a:b", ":a"] {
            assert_eq!(end(here), End::Here(Path::new(here)), "{here}");
        }
    }

    #[test]
    fn paths_inside_begin_in_the_workspace() {
        for (typed, path) in [
            ("", "/workspace"),
            (".", "/workspace"),
            ("./", "/workspace"),
            ("a/", "/workspace/a/"),
            ("./a", "/workspace/a"),
            ("/tmp/a", "/tmp/a"),
        ] {
            assert_eq!(absolute(typed), path, "{typed:?}");
        }
    }

    #[test]
    fn names_of_the_sandbox_stay_in_the_target() {
        for good in ["a", ".a", "a b", "-rf"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "/a", "a\0"] {
            assert!(!is_plain(bad), "{bad}");
        }
        assert_eq!(last_part("/workspace/a/"), Some("a"));
        assert_eq!(last_part("/"), None);
    }
}
