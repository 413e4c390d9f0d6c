//! Prints what documents repeat: `openapi` the API's description, `configuration` all defaults.
#![expect(clippy::print_stdout, reason = "printing is all this program does")]

use anyhow::{Context, bail};
use server::config::Config;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("openapi") => {
            let document = server::router::document();
            println!("{}", serde_json::to_string_pretty(&document).context("write the document")?);
        }
        Some("configuration") => {
            let defaults = toml::to_string(&Config::default()).context("write the defaults")?;
            print!("{defaults}");
        }
        _ => bail!("say openapi or configuration"),
    }
    Ok(())
}
