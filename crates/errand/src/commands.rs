//! Every command, one file each.

mod agents;
mod answer;
mod cancel;
mod diff;
mod doctor;
mod key;
mod login;
mod ls;
mod models;
mod pr;
mod prompt;
mod run;
mod send;
mod show;
mod watch;

use crate::args::Command;
use crate::client::Client;
use crate::exit::Exit;
use crate::output::Output;
use crate::settings::{Settings, Surroundings};
use anyhow::Result;

/// Carries out one command.
pub async fn carry_out(
    command: Command,
    around: &Surroundings,
    output: &mut Output,
) -> Result<Exit> {
    if let Command::Login(arguments) = &command {
        return login::login(arguments, around, output).await;
    }
    if matches!(command, Command::Doctor) {
        return doctor::doctor(around, output).await;
    }
    let client = Client::new(Settings::decide(around)?)?;
    let cx = Cx { client, output };
    match command {
        Command::Run(arguments) => run::run(cx, &arguments).await,
        Command::Ls(arguments) => ls::ls(cx, &arguments).await,
        Command::Show(arguments) => show::show(cx, &arguments).await,
        Command::Watch(arguments) => watch::watch(cx, &arguments).await,
        Command::Send(arguments) => send::send(cx, &arguments).await,
        Command::Cancel(arguments) => cancel::cancel(cx, &arguments).await,
        Command::Answer(arguments) => answer::answer(cx, &arguments).await,
        Command::Diff(arguments) => diff::diff(cx, &arguments).await,
        Command::Pr(arguments) => pr::pr(cx, &arguments).await,
        Command::Archive(arguments) => agents::archive(cx, &arguments).await,
        Command::Unarchive(arguments) => agents::unarchive(cx, &arguments).await,
        Command::Rm(arguments) => agents::rm(cx, &arguments).await,
        Command::Models => models::models(cx).await,
        Command::Key(arguments) => key::key(cx, &arguments).await,
        Command::Doctor | Command::Login(_) | Command::Serve(_) => Ok(Exit::Usage),
    }
}

/// What a command works with.
struct Cx<'a> {
    client: Client,
    output: &'a mut Output,
}
