//! Unified diffs in colours, and their counts.

use crate::style::{Line, Shown, Style};
use crate::text;
use protocol::api::agents::{FileDiff, RepoDiff};
use protocol::event::DiffStat;

/// Signs of the longest bar.
const BAR: u64 = 40;

/// A diff counted, in words and colours.
pub fn counted(stat: &DiffStat) -> Line {
    Line::of(Style::Plain, text::count(u64::from(stat.files), "file"))
        .and(Style::Good, format!(" +{}", text::number(stat.additions)))
        .and(Style::Bad, format!(" -{}", text::number(stat.deletions)))
}

/// One line of a patch in the look of its kind.
pub fn patch_line(indent: &str, line: &str) -> Line {
    let style = match line.as_bytes().first() {
        Some(b'+') => Style::Good,
        Some(b'-') => Style::Bad,
        Some(b'@') => Style::Accent,
        Some(b'\\') => Style::Dim,
        Some(_) | None => Style::Plain,
    };
    Line::of(Style::Plain, indent).and(style, line)
}

/// A repository's diff for a person.
pub fn whole(repo: &RepoDiff) -> Vec<Shown> {
    let mut shown = vec![Shown::Line(head(repo))];
    for file in &repo.files {
        shown.push(Shown::Gap);
        shown.extend(
            file_head(file).into_iter().map(|line| Shown::Line(Line::of(Style::Bold, line))),
        );
        shown.extend(file.patch.lines().map(|line| Shown::Whole(patch_line("", line))));
    }
    shown.extend(left_out(repo));
    shown
}

/// A repository's diff as text for a file or another program: nothing added, nothing taken out.
pub fn raw(repo: &RepoDiff) -> String {
    let mut all = String::new();
    for file in &repo.files {
        for line in file_head(file) {
            all.push_str(&line);
            all.push('\n');
        }
        all.push_str(&file.patch);
        if !file.patch.is_empty() && !file.patch.ends_with('\n') {
            all.push('\n');
        }
    }
    all
}

/// How much changed in which file.
pub fn stat(repo: &RepoDiff) -> Vec<Shown> {
    let mut shown = vec![Shown::Line(head(repo))];
    let wide = repo.files.iter().map(|file| text::width(&name(file))).max().unwrap_or(0).min(60);
    let most = repo.files.iter().map(|file| file.additions + file.deletions).max().unwrap_or(0);
    for file in &repo.files {
        let changed = file.additions + file.deletions;
        let line = Line::of(Style::Plain, format!("  {}  ", text::padded(&name(file), wide)));
        let line = match file.binary {
            true => line.and(Style::Dim, "binary"),
            false => line
                .and(Style::Dim, format!("{changed:>5} "))
                .and(Style::Good, bar('+', file.additions, most))
                .and(Style::Bad, bar('-', file.deletions, most)),
        };
        shown.push(Shown::Line(line));
    }
    shown.extend(left_out(repo));
    shown
}

fn head(repo: &RepoDiff) -> Line {
    let from = text::short_commit(&repo.base);
    let to = text::short_commit(&repo.head);
    let line = Line::of(Style::Bold, &repo.repo_url)
        .and(Style::Dim, format!("  {} {from}..{to}  ", repo.branch));
    let stat = &repo.stat;
    line.and(Style::Plain, text::count(u64::from(stat.files), "file"))
        .and(Style::Good, format!(" +{}", text::number(stat.additions)))
        .and(Style::Bad, format!(" -{}", text::number(stat.deletions)))
}

fn left_out(repo: &RepoDiff) -> Option<Shown> {
    let text = "Some of the diff was left out because of its size; the branch has all of it.";
    repo.truncated.then(|| Shown::Line(Line::of(Style::Warn, text)))
}

fn name(file: &FileDiff) -> String {
    match &file.old_path {
        Some(old) => format!("{old} → {}", file.path),
        None => file.path.clone(),
    }
}

fn file_head(file: &FileDiff) -> Vec<String> {
    let old = file.old_path.as_deref().unwrap_or(&file.path);
    let mut lines = vec![format!("diff --git a/{old} b/{}", file.path)];
    match file.status.as_str() {
        "renamed" => {
            lines.extend([format!("rename from {old}"), format!("rename to {}", file.path)])
        }
        "copied" => lines.extend([format!("copy from {old}"), format!("copy to {}", file.path)]),
        "added" => lines.push("new file".to_owned()),
        "deleted" => lines.push("deleted file".to_owned()),
        _ => {}
    }
    if file.binary {
        lines.push(format!("Binary files a/{old} and b/{} differ", file.path));
    } else if !file.patch.is_empty() {
        let none = "/dev/null".to_owned();
        let before = if file.status == "added" { none.clone() } else { format!("a/{old}") };
        let after = if file.status == "deleted" { none } else { format!("b/{}", file.path) };
        lines.extend([format!("--- {before}"), format!("+++ {after}")]);
    }
    lines
}

/// At least one sign for anything, at most [`BAR`] for the largest sum.
fn bar(sign: char, value: u64, most: u64) -> String {
    let length = if most <= BAR { value } else { (value * BAR).div_ceil(most) };
    std::iter::repeat_n(sign, usize::try_from(length).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::{Colour, plain};

    fn repo() -> RepoDiff {
        let file = |path: &str, old: Option<&str>, status: &str, patch: &str| FileDiff {
            path: path.to_owned(),
            old_path: old.map(str::to_owned),
            status: status.to_owned(),
            old_mode: None,
            new_mode: None,
            binary: path.ends_with(".png"),
            additions: patch.lines().filter(|line| line.starts_with('+')).count() as u64,
            deletions: patch.lines().filter(|line| line.starts_with('-')).count() as u64,
            patch: patch.to_owned(),
        };
        RepoDiff {
            repo_url: "git.example/o/r".to_owned(),
            branch: "errand/x".to_owned(),
            base: "1111111111111111".to_owned(),
            head: "2222222222222222".to_owned(),
            stat: DiffStat { files: 3, additions: 2, deletions: 1 },
            commits: Vec::new(),
            files: vec![
                file("a.rs", None, "modified", "@@ -1,1 +1,1 @@\n-old\n+new\x1b[2J\n"),
                file("b.txt", None, "added", "@@ -0,0 +1,1 @@\n+b\r\n"),
                file("p.png", Some("q.png"), "renamed", ""),
            ],
            truncated: false,
        }
    }

    #[test]
    fn a_diff_is_shown_harmless_and_coloured() {
        let shown = whole(&repo());
        let text = plain(&shown);
        assert!(text.starts_with("git.example/o/r  errand/x 1111111111..2222222222  3 files +2 -1\n\ndiff --git a/a.rs b/a.rs\n--- a/a.rs\n+++ b/a.rs\n@@ -1,1 +1,1 @@\n-old\n+new\n"), "{text}");
        assert!(
            text.contains("new file\n--- /dev/null\n+++ b/b.txt\n@@ -0,0 +1,1 @@\n+b\n"),
            "{text}"
        );
        assert!(text.contains("rename from q.png\nrename to p.png\nBinary files"), "{text}");
        let line = patch_line("  ", "+x").render(Colour::Always, None);
        assert_eq!(line, "  \x1b[32m+x\x1b[0m");
    }

    #[test]
    fn a_program_gets_the_patch_byte_for_byte() {
        let text = raw(&repo());
        assert!(text.contains("\n-old\n+new\x1b[2J\ndiff --git"), "{text:?}");
        assert!(text.contains("+b\r\n"), "{text:?}");
    }

    #[test]
    fn counts_have_bars_of_their_size() {
        let text = plain(&stat(&repo()));
        assert!(text.contains("  a.rs               2 +-\n"), "{text}");
        assert!(text.contains("q.png → p.png  binary"), "{text}");
        assert_eq!(bar('+', 1, 100_000).len(), 1);
        assert_eq!(bar('+', 100_000, 100_000).len(), 40);
        assert_eq!(bar('+', 0, 100_000), "");
    }
}
