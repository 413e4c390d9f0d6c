//! `errand completions` and `errand man`: made from what [`crate::args`] says.

use crate::args::{Arguments, Completions, Man};
use crate::exit::Exit;
use crate::output::Output;
use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};

pub(super) fn completions(arguments: &Completions, output: &mut Output) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut offered(), "errand", &mut text);
    output.raw(&String::from_utf8(text).context("completions are text")?)?;
    Ok(Exit::Done)
}

/// Everything but what programs call by themselves: shells would offer that too.
fn offered() -> Command {
    let whole = Arguments::command();
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let bare = Command::new("errand").version(env!("CARGO_PKG_VERSION"));
    bare.args(whole.get_arguments().cloned()).subcommands(commands)
}

pub(super) fn man(arguments: &Man, output: &mut Output) -> Result<Exit> {
    let folder = &arguments.folder;
    let attempt = || format!("write manual pages to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(attempt)?;
    clap_mangen::generate_to(Arguments::command(), folder).with_context(attempt)?;
    output.raw(&format!("{}\n", folder.join("errand.1").display()))?;
    Ok(Exit::Done)
}
