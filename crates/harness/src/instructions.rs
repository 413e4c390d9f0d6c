//! Instruction files: which ones count, in which order, and how much of them.

/// Bytes of one instruction file that the model is shown.
pub const FILE_BYTES: usize = 32 * 1024;
/// Bytes of all instruction files together at the start of a run.
pub const TOTAL_BYTES: usize = 64 * 1024;
/// Folders looked into above a path that is touched.
const DEPTH_MAX: usize = 20;
/// Files below the root that one call may bring in.
const NESTED_MAX: usize = 4;
/// The names that count, best first: of one folder only the first that exists is used.
const NAMES: [&str; 4] = ["AGENTS.md", "CLAUDE.md", "GEMINI.md", ".github/copilot-instructions.md"];
/// Folder of rules; all its `*.mdc` files count beside the above.
pub const RULES_FOLDER: &str = ".cursor/rules";

/// What to read at the root of a repository, from the base commit.
pub struct Wanted {
    /// Of these the first that exists.
    pub first_of: &'static [&'static str],
    /// All files with this ending in this folder, by name.
    pub all_in: (&'static str, &'static str),
}

/// The instruction files of a repository's root.
pub const fn wanted() -> Wanted {
    Wanted { first_of: &NAMES, all_in: (RULES_FOLDER, ".mdc") }
}

/// The text of a rules file, without its front matter; `None` if it is not always to be applied.
pub fn rule_text(text: &str) -> Option<&str> {
    let Some(rest) = text.strip_prefix("---\n") else { return Some(text) };
    let Some((front, body)) = rest.split_once("\n---") else { return Some(text) };
    let always = front.lines().any(|line| line.replace(' ', "") == "alwaysApply:true");
    always.then(|| body.trim_start_matches(['-', '\n']))
}

/// The files as they stand before the model: each and all of them within their caps.
pub(crate) fn shown(files: &[(String, String)]) -> String {
    let mut text = String::new();
    for (path, content) in files {
        let room = TOTAL_BYTES.saturating_sub(text.len()).min(FILE_BYTES);
        if room == 0 {
            text.push_str(&format!(
                "[{path} was left out: instruction files are too long together.]\n"
            ));
            continue;
        }
        text.push_str(&one(path, content, room));
    }
    text
}

/// One file as it stands before the model.
pub(crate) fn one(path: &str, content: &str, max_bytes: usize) -> String {
    let content = crate::hidden::stripped(content.trim());
    let (content, _) = crate::tools::clip(content, max_bytes, "Read the file for the rest.");
    format!("<instructions path=\"{path}\">\n{content}\n</instructions>\n")
}

/// Instruction files that may lie between a repository's root (not included) and a path, outermost
/// first.
pub(crate) fn above(roots: &[String], cwd: &str, path: &str) -> Vec<String> {
    let absolute = if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
    let Some((root, rest)) = roots.iter().find_map(|root| {
        let rest = absolute.strip_prefix(root.as_str())?.strip_prefix('/')?;
        Some((root, rest))
    }) else {
        return Vec::new();
    };
    let mut folder = root.clone();
    let mut found = Vec::new();
    let folders: Vec<&str> =
        rest.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for part in folders.iter().take(folders.len().saturating_sub(1)).take(DEPTH_MAX) {
        if *part == ".." {
            return Vec::new();
        }
        folder = format!("{folder}/{part}");
        found.push(format!("{folder}/AGENTS.md"));
    }
    let skipped = found.len().saturating_sub(NESTED_MAX);
    found.split_off(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_files_are_those_between_root_and_path() {
        let roots = ["/workspace/x".to_owned()];
        let found = above(&roots, "/workspace/x", "a/b/c.rs");
        assert_eq!(found, ["/workspace/x/a/AGENTS.md", "/workspace/x/a/b/AGENTS.md"]);
        assert_eq!(above(&roots, "/", "/workspace/x/a/c.rs"), ["/workspace/x/a/AGENTS.md"]);
        for none in ["c.rs", "/etc/passwd", "/workspace/xy/a/b", "a/../../b/c"] {
            assert!(above(&roots, "/workspace/x", none).is_empty(), "{none}");
        }
    }

    #[test]
    fn rules_count_when_they_always_apply() {
        assert_eq!(rule_text("plain"), Some("plain"));
        assert_eq!(rule_text("---\nalwaysApply: true\n---\nBe brief."), Some("Be brief."));
        assert_eq!(rule_text("---\nglobs: *.rs\nalwaysApply: false\n---\nBe brief."), None);
    }

    #[test]
    fn long_instructions_are_cut_and_the_last_ones_left_out() {
        let file = |name: &str| (name.to_owned(), "x".repeat(40_000));
        let text = shown(&[file("a"), file("b"), file("c")]);
        assert!(text.len() < TOTAL_BYTES + 1024, "{}", text.len());
        assert!(text.contains("bytes left out here") && text.contains("path=\"b\""));
    }
}
