//! Serves the scripted model by hand, for foreign harnesses and vendors' SDKs:
//! `cargo run -p fakes --example scripted -- 127.0.0.1:7421` (the prompt may hold a script).
#![expect(clippy::print_stdout, reason = "the address is this program's output")]

use fakes::scripted::script::Script;
use fakes::scripted::{Options, Server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let server = Server::listen(address.parse()?, Script::by_prompt(), Options::default()).await?;
    println!("ready {}", server.url());
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(())
}
