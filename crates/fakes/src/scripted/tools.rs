//! Maps a purpose (read, edit, run, …) onto the tools that a request declares.
//!
//! Every harness names its tools and parameters differently; they are recognised by name. Where a
//! purpose has no tool of its own, the shell does it.

use super::answer::Call;
use super::script::Do;
use super::seen::{Seen, Tool};
use serde_json::{Map, Value, json};

const READ: &[&str] = &["read_file", "read", "view", "view_file", "readfile", "open_file", "cat"];
const LIST: &[&str] = &["list_files", "list_directory", "list_dir", "list", "ls", "listfiles"];
const EDIT: &[&str] =
    &["edit_file", "edit", "replace", "str_replace", "search_replace", "editfile"];
const WRITE: &[&str] = &["write_file", "write", "create_file", "writefile"];
const SHELL: &[&str] = &[
    "shell",
    "bash",
    "run_shell_command",
    "exec_command",
    "shell_command",
    "run_command",
    "run_terminal_cmd",
    "execute_command",
    "local_shell",
    "exec",
    "command",
    "terminal",
];

const PATH: &[&str] = &[
    "path",
    "file_path",
    "filePath",
    "filename",
    "target_file",
    "absolute_path",
    "dir_path",
    "file",
    "directory",
    "dir",
];
const OLD: &[&str] =
    &["old_string", "oldString", "old", "old_str", "old_text", "oldText", "search"];
const NEW: &[&str] =
    &["new_string", "newString", "new", "new_str", "new_text", "newText", "replace", "replacement"];
const CONTENT: &[&str] = &["content", "contents", "text", "file_text"];
const COMMAND: &[&str] = &["command", "cmd", "script", "commands"];

/// Phrases by which harnesses tell the model its working folder.
const FOLDER_PHRASES: &[&str] =
    &["working directory:", "workspace folder:", "current directory:", "<cwd>", "cwd:"];

/// The tool call that does this, or `None` where no declared tool can.
pub(crate) fn call(doing: &Do, seen: &Seen) -> Option<Call> {
    match doing {
        Do::Call { name, arguments } => Some(exactly(name, arguments)),
        Do::Read(path) => with(seen, READ, |tool| tool.path(path))
            .or_else(|| shell(seen, &format!("cat -- {}", quoted(path)))),
        Do::List(path) => with(seen, LIST, |tool| tool.path(path))
            .or_else(|| shell(seen, &format!("ls -la -- {}", quoted(path)))),
        Do::Edit { path, old, new } => {
            with(seen, EDIT, |tool| tool.path(path)?.replacement(old, new))
                .or_else(|| shell(seen, &sed(path, old, new)))
        }
        Do::Write { path, content } => with(seen, WRITE, |tool| {
            tool.path(path)?.put(CONTENT, content)
        })
        .or_else(|| shell(seen, &format!("printf %s {} > {}", quoted(content), quoted(path)))),
        Do::Shell(command) => shell(seen, command),
    }
}

fn exactly(name: &str, arguments: &Value) -> Call {
    let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), ToOwned::to_owned);
    Call { name: name.to_owned(), arguments }
}

fn shell(seen: &Seen, command: &str) -> Option<Call> {
    with(seen, SHELL, |tool| tool.command(command))
}

/// Fills in the first declared tool of these names.
fn with<'a>(
    seen: &'a Seen,
    names: &[&str],
    fill: impl FnOnce(Filling<'a>) -> Option<Filling<'a>>,
) -> Option<Call> {
    let tool = names
        .iter()
        .find_map(|name| seen.tools.iter().find(|tool| tool.name.eq_ignore_ascii_case(name)))?;
    let filling = Filling { tool, seen, arguments: Map::new() };
    Some(fill(filling)?.finish())
}

/// A call whose arguments are being filled in.
struct Filling<'a> {
    tool: &'a Tool,
    seen: &'a Seen,
    arguments: Map<String, Value>,
}

impl Filling<'_> {
    fn parameter(&self, names: &[&str]) -> Option<(String, &Value)> {
        let properties = self.tool.schema.get("properties")?;
        names.iter().find_map(|&name| Some((name.to_owned(), properties.get(name)?)))
    }

    fn put(mut self, names: &[&str], value: &str) -> Option<Self> {
        let (name, _) = self.parameter(names)?;
        self.arguments.insert(name, value.into());
        Some(self)
    }

    /// Some tools take absolute paths only, and say so.
    fn path(mut self, path: &str) -> Option<Self> {
        let (name, schema) = self.parameter(PATH)?;
        let described = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let wants_absolute =
            name.contains("absolute") || described.to_ascii_lowercase().contains("absolute");
        let folder = folder(&self.seen.context).filter(|_| wants_absolute);
        let value = match folder {
            Some(folder) if path == "." => folder.to_owned(),
            Some(folder) => format!("{}/{path}", folder.trim_end_matches('/')),
            None => path.to_owned(),
        };
        self.arguments.insert(name, value.into());
        Some(self)
    }

    /// Old and new text, side by side or as the only entry of a list of edits.
    fn replacement(mut self, old: &str, new: &str) -> Option<Self> {
        if self.parameter(OLD).is_some() {
            return self.put(OLD, old)?.put(NEW, new);
        }
        let (list, schema) = self.parameter(&["edits", "replacements"])?;
        let properties = schema.get("items")?.get("properties")?;
        let named = |names: &[&str]| {
            let known = names.iter().find(|&&name| properties.get(name).is_some());
            known.map(|&name| name.to_owned())
        };
        let (old_name, new_name) = (named(OLD)?, named(NEW)?);
        self.arguments.insert(list, json!([{ old_name: old, new_name: new }]));
        Some(self)
    }

    fn command(mut self, command: &str) -> Option<Self> {
        let (name, schema) = self.parameter(COMMAND)?;
        let value = match schema.get("type").and_then(Value::as_str) {
            Some("array") => json!(["bash", "-lc", command]),
            Some(_) | None => json!(command),
        };
        self.arguments.insert(name, value);
        Some(self)
    }

    /// Gives every other required parameter a harmless value.
    fn finish(mut self) -> Call {
        let required = self.tool.schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if self.arguments.contains_key(name) {
                continue;
            }
            let schema = self.tool.schema.get("properties").and_then(|all| all.get(name));
            let value = schema.map_or(Value::Null, harmless);
            self.arguments.insert(name.to_owned(), value);
        }
        let arguments = Value::Object(self.arguments).to_string();
        Call { name: self.tool.name.clone(), arguments }
    }
}

fn harmless(schema: &Value) -> Value {
    let first = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first());
    if let Some(value) = first {
        return value.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => json!(false),
        Some("integer" | "number") => json!(1),
        Some("array") => json!([]),
        Some("object") => json!({}),
        Some(_) | None => json!("scripted step"),
    }
}

fn folder(context: &str) -> Option<&str> {
    let lower = context.to_ascii_lowercase();
    FOLDER_PHRASES.iter().find_map(|phrase| {
        let after = context.get(lower.find(phrase)? + phrase.len()..)?;
        let path = after.trim_start().split(['\n', '<', ' ', '`', '"']).next()?;
        path.starts_with('/').then_some(path)
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// An edit for harnesses without an edit tool.
fn sed(path: &str, old: &str, new: &str) -> String {
    let escaped = |text: &str| {
        text.chars().fold(String::new(), |mut out, c| {
            if r"\/.*[]^$&".contains(c) {
                out.push('\\');
            }
            out.push(c);
            out
        })
    };
    let program = format!("s/{}/{}/", escaped(old), escaped(new));
    format!("sed -i {} {}", quoted(&program), quoted(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, schema: Value) -> Seen {
        let tools = vec![Tool { name: name.to_owned(), schema }];
        Seen { tools, context: "Working directory: /w/x\n".to_owned(), ..Seen::default() }
    }

    fn arguments(doing: &Do, seen: &Seen) -> Value {
        serde_json::from_str(&call(doing, seen).unwrap().arguments).unwrap()
    }

    #[test]
    fn absolute_paths_are_given_to_tools_that_ask_for_them() {
        let schema = json!({"properties": {"file_path": {"description": "The absolute path"}}});
        let arguments = arguments(&Do::Read("a.py".into()), &seen("Read", schema));
        assert_eq!(arguments, json!({"file_path": "/w/x/a.py"}));
    }

    #[test]
    fn without_an_edit_tool_the_shell_edits() {
        let schema =
            json!({"properties": {"command": {"type": "array"}, "why": {}}, "required": ["why"]});
        let edit = Do::Edit { path: "a".into(), old: "x.y".into(), new: "1/2".into() };
        let arguments = arguments(&edit, &seen("shell", schema));
        assert_eq!(arguments["command"][2], json!(r"sed -i 's/x\.y/1\/2/' 'a'"));
        assert_eq!(arguments["why"], json!("scripted step"));
    }

    #[test]
    fn lists_of_edits_are_understood() {
        let item = json!({"properties": {"oldText": {}, "newText": {}}});
        let schema = json!({"properties": {"path": {}, "edits": {"items": item}}});
        let edit = Do::Edit { path: "a".into(), old: "x".into(), new: "y".into() };
        let arguments = arguments(&edit, &seen("edit", schema));
        assert_eq!(arguments["edits"], json!([{"oldText": "x", "newText": "y"}]));
    }

    #[test]
    fn without_any_tool_nothing_is_called() {
        assert!(call(&Do::Shell("true".into()), &Seen::default()).is_none());
    }
}
