//! `errand login`: checks a key and stores it with the server's address.

use crate::args::Login;
use crate::client::Client;
use crate::contexts::{Contexts, Kept};
use crate::exit::{Exit, Trouble};
use crate::output::{self, Output};
use crate::settings::{self, Settings, Surroundings};
use crate::style::{Line, Style};
use anyhow::{Context, Result};
use protocol::api::metadata::Me;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;
use std::io::{IsTerminal as _, Read as _, Stdin};

/// Longest key that is read.
const TOKEN_BYTES_MAX: u64 = 4096;

pub(super) async fn login(
    arguments: &Login,
    around: &Surroundings,
    output: &mut Output,
) -> Result<Exit> {
    let url = settings::parse_url(&arguments.url)?;
    let path = around.login_file()?;
    // Never an argument: those are seen by everybody on the machine.
    let token = read_token()?;
    let client = Client::new(Settings {
        url: url.clone(),
        token: token.clone(),
        source: "what you typed".to_owned(),
    })?;
    let me: Me = client.get(&["me"], &[]).await?;
    let mut all = Contexts::load(&path)?;
    let kept = all.put(&arguments.name, url.as_str(), &token);
    all.save(&path)?;
    if output.is_for_program() {
        output.json(&json!({ "context": arguments.name, "url": url.as_str(),
            "apiKeyName": me.api_key_name, "file": path, "keychain": kept == Kept::Keychain }))?;
        return Ok(Exit::Done);
    }
    let place = match kept {
        Kept::Keychain => "the keychain".to_owned(),
        Kept::File => path.display().to_string(),
    };
    let line = Line::of(Style::Good, "✓ ").and(Style::Plain, format!("{url} knows you as "));
    output.line(
        line.and(Style::Bold, &me.api_key_name)
            .and(Style::Dim, format!("  (key stored in {place})")),
    )?;
    if url.scheme() == "http" && !settings::is_loopback(&url) {
        let text =
            "! this address is not encrypted: everybody on the way can read the key; use https://";
        output.line(Line::of(Style::Warn, text))?;
    }
    Ok(Exit::Done)
}

fn read_token() -> Result<String> {
    let text = read_hidden("API key: ", TOKEN_BYTES_MAX).context("read the key")?;
    let token = text.trim();
    if token.is_empty() || token.chars().any(|sign| !sign.is_ascii_graphic()) {
        return Err(Trouble::usage(
            "that is no API key: it is one word; `errand key create` makes one",
        )
        .into());
    }
    Ok(token.to_owned())
}

/// A line that is typed and not shown, or all of what is no terminal, up to so many bytes.
pub(super) fn read_hidden(question: &str, bytes_max: u64) -> Result<String> {
    let stdin = std::io::stdin();
    let mut text = String::new();
    if stdin.is_terminal() {
        // Before the question: whoever answers at once is not shown either.
        let hidden = Hidden::begin(stdin).context("hide what is typed")?;
        output::ask(question)?;
        hidden.stdin.read_line(&mut text)?;
        drop(hidden);
        output::ask("\n")?;
    } else {
        stdin.take(bytes_max).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// A terminal that does not show what is typed, until dropped.
struct Hidden {
    stdin: Stdin,
    before: Termios,
}

impl Hidden {
    fn begin(stdin: Stdin) -> rustix::io::Result<Self> {
        let before = tcgetattr(&stdin)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &quiet)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing helps when the terminal is gone.
        tcsetattr(&self.stdin, OptionalActions::Now, &self.before).ok();
    }
}
