//! The bundle: what an OCI runtime is told, and with which words it is started.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use super::{Kind, Runtime};
use crate::local::child::SMALL_NAMES;
use crate::local::root::{MASKED_DIRS, MASKED_FILES, READ_ONLY};
use crate::provider::{Posture, SandboxSpec};

/// Where the bundle, the root and the runtime's own files lie while it runs: memory that it alone sees.
pub const STAGE: &str = "/run";
/// The sandbox's root, there.
pub const ROOT: &str = "/run/root";
/// The bundle, there.
pub const BUNDLE: &str = "/run/bundle";
/// The runtime's own files, there.
pub const STATE: &str = "/run/state";
/// Where our own binary is seen inside, which closes what is still open.
pub const INSIDE: &str = "/opt/errand/bin/errand-shim";
/// What the runtime calls the sandbox; nobody else is there to be told apart from.
const NAME: &str = "sandbox";

/// What the first process is told: its words and its variables.
#[derive(Debug)]
pub struct Start {
    /// The guest's words.
    pub arguments: Vec<String>,
    /// The guest's variables, as `name=value`.
    pub environment: Vec<String>,
}

/// The configuration of a sandbox.
pub fn configuration(spec: &SandboxSpec, kind: Kind, start: &Start) -> Value {
    let posture = match spec.posture {
        Posture::Sudo => "sudo",
        Posture::None => "none",
    };
    let control = kind.control().to_string();
    let mut words = vec![INSIDE, "inside", posture, control.as_str()];
    words.extend(start.arguments.iter().map(String::as_str));
    // One more than the guest keeps: with it, what is inside takes it away from all others.
    let capabilities: Vec<_> = SMALL_NAMES.into_iter().chain(["CAP_SETPCAP"]).collect();
    let namespaces = ["pid", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }));
    json!({
        "ociVersion": "1.0.2",
        "hostname": spec.hostname,
        "root": { "path": ROOT, "readonly": false },
        "mounts": mounts(kind),
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "cwd": "/workspace",
            "args": words,
            "env": start.environment,
            "noNewPrivileges": true,
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
                "inheritable": capabilities,
            },
        },
        // User, network and cgroup namespace are those the runtime itself is in.
        "linux": {
            "namespaces": namespaces,
            "maskedPaths": below_proc(&[&MASKED_FILES[..], &MASKED_DIRS[..]].concat()),
            "readonlyPaths": below_proc(&READ_ONLY),
        },
    })
}

fn below_proc(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("/proc/{name}")).collect()
}

/// What the runtime mounts on the root, which brings all else along.
fn mounts(kind: Kind) -> Value {
    let processes = json!({
        "destination": "/proc", "type": "proc", "source": "proc",
        "options": ["nosuid", "noexec", "nodev"],
    });
    match kind {
        // Said to be there already, lest the runtime makes another one.
        Kind::Runc | Kind::Crun => json!([processes, {
            "destination": "/dev", "type": "bind", "source": format!("{ROOT}/dev"),
            "options": ["rbind", "nosuid", "nodev", "noexec", "ro"],
        }]),
        // Devices are its own kernel's.
        Kind::Runsc => json!([processes]),
    }
}

/// The words with which the runtime is started; the first is its own name.
pub fn words(runtime: &Runtime) -> Vec<OsString> {
    let (first, second): (&[&str], &[&str]) = match runtime.kind {
        Kind::Runc => (&[], &["--preserve-fds", "1"]),
        Kind::Crun => (&["--cgroup-manager=disabled"], &["--preserve-fds", "1"]),
        // Its own network would not see the gateway's sockets; the host's, here, is the sandbox's. What
        // is written must reach the agent's disk, not memory over it; and times of files must be those
        // of the disk, since its own end with it.
        Kind::Runsc => (
            &["--network=host", "--ignore-cgroups", "--overlay2=none", "--file-access=shared"],
            &[],
        ),
    };
    let name = runtime.path.file_name().unwrap_or(Path::new("runtime").as_os_str());
    let mut words = vec![name.to_owned(), "--root".into(), STATE.into()];
    words.extend(first.iter().map(Into::into));
    words.push("run".into());
    words.extend(second.iter().map(Into::into));
    words.extend(["--bundle", BUNDLE, NAME].map(Into::into));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::SandboxKey;
    use protocol::ids::{AgentId, Epoch, OrgId};

    #[test]
    fn a_bundle_gives_the_small_set_and_names_no_namespace_of_ours() {
        let agent = AgentId::from_uuid(uuid::Uuid::new_v4());
        let key = SandboxKey { agent, epoch: Epoch(1) };
        let spec = SandboxSpec::new(key, OrgId::default_org());
        let start =
            Start { arguments: vec!["errand-guest".into()], environment: vec!["A=b".into()] };
        for kind in [Kind::Runc, Kind::Crun, Kind::Runsc] {
            let told = configuration(&spec, kind, &start);
            assert_eq!(told["process"]["noNewPrivileges"], true);
            assert_eq!(told["process"]["env"], json!(["A=b"]));
            let bounding = told["process"]["capabilities"]["bounding"].as_array().unwrap();
            assert_eq!(bounding.len(), 8, "{bounding:?}");
            let namespaces = told["linux"]["namespaces"].to_string();
            assert!(!namespaces.contains("user") && !namespaces.contains("network"));
            assert!(told["linux"]["readonlyPaths"].to_string().contains("/proc/sys"));
        }
    }
}
