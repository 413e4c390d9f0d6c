//! What the commands take that step into an agent's machine, and those about this command line.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `errand attach`.
#[derive(Debug, Args)]
pub struct Attach {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// Which terminal; one that does not exist is opened
    #[arg(default_value = "main")]
    pub terminal: String,
    /// Look on; what is typed does not go there
    #[arg(long)]
    pub read_only: bool,
}

/// `errand forward`.
#[derive(Debug, Args)]
pub struct Forward {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// PORT of the machine, or LOCAL:PORT; may be given several times
    #[arg(required = true, value_parser = ports)]
    pub ports: Vec<Ports>,
}

/// Which port of this computer leads to which of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Of this computer; 0: any that is free.
    pub local: u16,
    /// Of the machine.
    pub remote: u16,
}

/// `errand ssh`.
#[derive(Debug, Args)]
pub struct Ssh {
    /// Id, beginning of the id, or name
    pub agent: String,
    /// Handed to ssh: options, or a command to run there
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,
}

/// `errand cp`.
#[derive(Debug, Args)]
pub struct Copy {
    /// A file or folder: PATH of this computer, or AGENT:PATH
    pub from: String,
    /// Where it goes: PATH of this computer, or AGENT:PATH
    pub to: String,
}

/// `errand open`.
#[derive(Debug, Args)]
pub struct Open {
    /// Id, beginning of the id, or name; default: the list of agents
    pub agent: Option<String>,
    /// Only print the address; it signs in whoever opens it first, within a minute
    #[arg(long)]
    pub print: bool,
}

/// `errand context`.
#[derive(Debug, Subcommand)]
pub enum Context {
    /// List the servers that `errand login` stored
    Ls,
    /// Speak to this one from now on
    Use {
        /// Its name
        name: String,
    },
    /// Forget a server and its key
    Rm {
        /// Its name
        name: String,
    },
}

/// `errand completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell
    pub shell: clap_complete::Shell,
}

/// `errand man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Folder the pages are written to
    pub folder: PathBuf,
}

fn ports(text: &str) -> Result<Ports, String> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port @ 1..) => Ok(port),
        Ok(0) | Err(_) => Err(format!("{text:?} is no port: write PORT or LOCAL:PORT, 1 to 65535")),
    };
    match text.split_once(':') {
        None => port(text).map(|port| Ports { local: port, remote: port }),
        Some(("0", remote)) => port(remote).map(|remote| Ports { local: 0, remote }),
        Some((local, remote)) => Ok(Ports { local: port(local)?, remote: port(remote)? }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_pairs() {
        assert_eq!(ports("3000"), Ok(Ports { local: 3000, remote: 3000 }));
        assert_eq!(ports("8080:3000"), Ok(Ports { local: 8080, remote: 3000 }));
        assert_eq!(ports("0:3000"), Ok(Ports { local: 0, remote: 3000 }));
        for bad in ["", "0", "a", "1:", ":1", "70000", "1:2:3", "-1"] {
            assert!(ports(bad).is_err(), "{bad}");
        }
    }
}
