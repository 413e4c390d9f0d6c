//! Messages to an agent, and where those were asked that came through a forge.

use protocol::content::{AskedAt, Prompt};

/// What is shown of a message.
#[derive(Debug, Default)]
pub struct Message {
    /// What was asked, without the texts by others that came with it.
    pub order: String,
    /// Where it was asked, if that was at a forge.
    pub place: Option<String>,
}

impl Message {
    /// From the log.
    pub fn of(prompt: &Prompt, principal: &str) -> Self {
        let place = prompt.asked_at.as_deref().map(|asked| place(asked, principal));
        Self { order: prompt.order().to_owned(), place }
    }
}

fn place(asked: &AskedAt, principal: &str) -> String {
    let AskedAt { thread, fix, .. } = asked;
    let thread = format!("{}#{}", thread.repository, thread.number);
    match fix {
        Some(count) => format!("mending failing checks of {thread}, {count} in a row"),
        None => format!("asked in {thread} by {principal}"),
    }
}
