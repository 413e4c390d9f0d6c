//! `todo_write`: the to-do list that the person sees.

use super::{Cx, Output, Reach, Tool, Trouble, spec, typed};
use async_trait::async_trait;
use model::conversation::ToolSpec;
use protocol::content::{Todo, TodoState};
use protocol::event::Event;
use serde::Deserialize;
use serde_json::{Value, json};

/// Entries at most.
const ENTRIES: usize = 100;

pub(crate) struct TodoWrite;

#[derive(Deserialize)]
struct Arguments {
    todos: Vec<Todo>,
}

#[async_trait]
impl Tool for TodoWrite {
    fn spec(&self) -> ToolSpec {
        let item = json!({
            "type": "object",
            "properties": {
                "text": { "type": "string" },
                "state": { "enum": ["pending", "in_progress", "done", "dropped"] },
            },
            "required": ["text", "state"],
        });
        let properties = json!({ "todos": { "type": "array", "items": item } });
        spec(
            "todo_write",
            "Replaces the to-do list. Keep one for work of three steps or more.",
            &properties,
            &["todos"],
        )
    }

    fn reach(&self) -> Reach {
        Reach::Elsewhere
    }

    async fn call(&self, cx: &Cx, arguments: Value) -> Result<Output, Trouble> {
        let Arguments { todos } = typed(arguments)?;
        if todos.len() > ENTRIES {
            return Err(Trouble::Told(format!("A to-do list has at most {ENTRIES} entries.")));
        }
        let done = todos.iter().filter(|todo| todo.state == TodoState::Done).count();
        let text = format!("{done} of {} done.", todos.len());
        let events = vec![Event::TodosChanged { run: cx.run, todos }];
        Ok(Output { events, ..Output::text(text) })
    }
}
