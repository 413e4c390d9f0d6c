//! Serves the scripted model: `make run` and `make demo` need no account with it, and foreign
//! harnesses and vendors' SDKs can be pointed at it (the prompt may hold a script).
//! `errand-scripted [address]` prints one line `ready <url>`.
#![expect(clippy::print_stdout, reason = "the address is this program's output")]

use fakes::scripted::script::Script;
use fakes::scripted::{Options, Server};
use std::time::Duration;

/// Waits that let a person follow what a real model would stream.
const FIRST_BYTE: Duration = Duration::from_millis(250);
const PER_EVENT: Duration = Duration::from_millis(12);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let options = Options { first_byte: FIRST_BYTE, per_event: PER_EVENT, ..Options::default() };
    let server = Server::listen(address.parse()?, Script::by_prompt(), options).await?;
    println!("ready {}", server.url());
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(())
}
