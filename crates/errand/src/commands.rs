//! Every command, one file each.

mod agents;
mod allow;
mod answer;
mod aws;
mod attach;
mod audit;
mod build;
mod cancel;
mod context;
pub mod cp;
mod diff;
mod doctor;
mod env;
mod fork;
mod forward;
mod key;
mod login;
mod ls;
mod machine;
mod models;
mod open;
mod pr;
mod prompt;
mod run;
mod secret;
mod send;
mod shell;
mod show;
mod traffic;
mod up;
mod forge;
mod signing;
mod vault;
mod verify;
mod ssh;
mod watch;

use crate::args::Command;
use crate::args::audit::Audit;
use crate::args::env::Env;
use crate::client::Client;
use crate::exit::Exit;
use crate::output::Output;
use crate::settings::{Settings, Surroundings};
use crate::sync;
use anyhow::Result;

/// Carries out one command.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others speak to a server, below")]
pub async fn carry_out(
    command: Command,
    around: &Surroundings,
    output: &mut Output,
) -> Result<Exit> {
    match &command {
        Command::Login(arguments) => return login::login(arguments, around, output).await,
        Command::Doctor => return doctor::doctor(around, output).await,
        Command::Env(Env::Check(arguments)) => return env::check(arguments, output),
        Command::Env(Env::Schema) => return env::print_schema(output),
        Command::Context(action) => return context::context(action, around, output),
        Command::Completions(arguments) => return shell::completions(arguments, output),
        Command::Man(arguments) => return shell::man(arguments, output),
        Command::Audit(Audit::Verify(arguments)) => {
            if let Some(file) = &arguments.file {
                return audit::verify_file(arguments, file, output);
            }
        }
        Command::Verify(arguments) if arguments.is_offline() => {
            return verify::offline(arguments, output).await;
        }
        _ => {}
    }
    Box::pin(with_server(command, around, output)).await
}

async fn with_server(command: Command, around: &Surroundings, output: &mut Output) -> Result<Exit> {
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
        Command::Allow(arguments) => allow::allow(cx, arguments).await,
        Command::Diff(arguments) => diff::diff(cx, &arguments).await,
        Command::Pr(arguments) => pr::pr(cx, &arguments).await,
        Command::Verify(arguments) => Box::pin(verify::verify(cx, &arguments)).await,
        Command::Attach(arguments) => attach::attach(cx, &arguments).await,
        Command::Forward(arguments) => forward::forward(cx, &arguments).await,
        Command::Ssh(arguments) => ssh::ssh(cx, around, &arguments).await,
        Command::SshConfig => ssh::config(cx, around),
        Command::SshProxy(arguments) => ssh::proxy(cx, &arguments).await,
        Command::Cp(arguments) => cp::cp(cx, &arguments).await,
        Command::Up(arguments) => Box::pin(up::up(cx, around, &arguments)).await,
        Command::Down(arguments) => {
            Box::pin(sync::down::down(&cx.client, cx.output, around, &arguments)).await
        }
        Command::Open(arguments) => open::open(cx, &arguments).await,
        Command::Archive(arguments) => agents::archive(cx, &arguments).await,
        Command::Unarchive(arguments) => agents::unarchive(cx, &arguments).await,
        Command::Rm(arguments) => agents::rm(cx, &arguments).await,
        Command::Build(action) => build::build(cx, &action).await,
        Command::Fork(arguments) => fork::fork(cx, &arguments).await,
        Command::Restore(arguments) => send::restore(cx, &arguments).await,
        Command::Snapshot(arguments) => build::snapshot(cx, &arguments).await,
        Command::Env(Env::Init(arguments)) => Box::pin(env::init(cx, &arguments)).await,
        Command::Env(Env::Ls) => env::saved::ls(cx).await,
        Command::Env(Env::Show(arguments)) => env::saved::show(cx, &arguments).await,
        Command::Env(Env::Save(arguments)) => env::saved::save(cx, &arguments).await,
        Command::Env(Env::Rm(wanted)) => env::saved::rm(cx, &wanted).await,
        Command::Env(Env::History(wanted)) => env::saved::history(cx, &wanted).await,
        Command::Env(Env::Restore(arguments)) => env::saved::restore(cx, &arguments).await,
        Command::Models => models::models(cx).await,
        Command::Aws(arguments) => aws::aws(cx, &arguments).await,
        Command::Key(arguments) => key::key(cx, &arguments).await,
        Command::Secret(action) => Box::pin(secret::secret(cx, &action)).await,
        Command::Vault(action) => vault::vault(cx, action).await,
        Command::Forge(action) => forge::forge(cx, action).await,
        Command::SigningKey(action) => signing::signing_key(cx, action).await,
        Command::Traffic(arguments) => traffic::traffic(cx, &arguments).await,
        Command::Audit(Audit::List(arguments)) => Box::pin(audit::list(cx, &arguments)).await,
        Command::Audit(Audit::Export) => audit::export(cx).await,
        Command::Audit(Audit::Verify(arguments)) => audit::verify(cx, &arguments).await,
        Command::Audit(Audit::Head) => audit::head(cx).await,
        // Carried out above, or before there was a runtime.
        Command::Doctor
        | Command::Env(Env::Check(_) | Env::Schema)
        | Command::Login(_)
        | Command::Context(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Serve(_) => Ok(Exit::Usage),
    }
}

/// What a command works with.
struct Cx<'a> {
    client: Client,
    output: &'a mut Output,
}
