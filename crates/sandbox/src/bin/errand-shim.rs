//! The local provider's small processes: the launcher, a sandbox's shim, the holder of what shared
//! sandboxes have in common, and a guest for probing.
//!
//! Started by the server only. The role is the first argument; everything else comes over the socket
//! that is its standard input. Only the roles `far-end`, which git starts, and `inside`, which an OCI
//! runtime starts, have further arguments.

use std::process::ExitCode;

use sandbox::local::commons::holder;
use sandbox::local::layers::portable::pack;
use sandbox::local::layers::{flatten, manifest, search, unpack};
use sandbox::local::oci::inside;
use sandbox::local::{far_end, launcher, repository, shim, take_standard_input};

fn main() -> ExitCode {
    let role = std::env::args().nth(1);
    let role = role.unwrap_or_default();
    let result = match role.as_str() {
        // It stands where a guest would, while a host is probed; its shim ends it.
        "guest" => loop {
            std::thread::park();
        },
        "launcher" => take_standard_input().and_then(launcher::run),
        "repository" => take_standard_input().and_then(repository::run),
        "flatten" => take_standard_input().and_then(flatten::run),
        "manifest" => take_standard_input().and_then(manifest::run),
        "pack" => take_standard_input().and_then(pack::run),
        "search" => take_standard_input().and_then(search::run),
        "unpack" => take_standard_input().and_then(unpack::run),
        "inside" => inside::run(&std::env::args().skip(2).collect::<Vec<_>>()),
        "far-end" => return far_end::run(std::env::args().skip(2)),
        "holder" => take_standard_input().and_then(holder::run),
        "shim" => take_standard_input().and_then(shim::run),
        _ => Err(std::io::Error::other("started by the Errand server only")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write;
            writeln!(std::io::stderr(), "errand-shim {role}: {error}").ok();
            ExitCode::FAILURE
        }
    }
}
