//! SSH with the stock client: commands, terminals, files, ports.

use super::{awake, socket};
use e2e::world::World;
use futures::{SinkExt as _, StreamExt as _};
use russh::{ChannelMsg, Sig};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

/// What a `ProxyCommand` does, behind a port of the loopback.
struct Door {
    port: u16,
    folder: tempfile::TempDir,
    _tasks: JoinSet<()>,
}

impl Door {
    async fn open(world: &World, agent: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (host, token) =
            (world.api.base.trim_start_matches("http://").to_owned(), world.api.token.clone());
        let path = format!("/v1/agents/{agent}/ssh");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let socket = socket::open_at(&host, &path, &token).await.unwrap();
                connections.spawn(carry(stream, socket));
            }
        });
        let folder = tempfile::Builder::new().prefix("errand-ssh-").tempdir().unwrap();
        Self { port, folder, _tasks: tasks }
    }

    fn options(&self) -> Vec<String> {
        let hosts = self.folder.path().join("known_hosts");
        let mut options = Vec::new();
        for option in [
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=accept-new".to_owned(),
            format!("UserKnownHostsFile={}", hosts.display()),
            "IdentityFile=/dev/null".to_owned(),
            "LogLevel=ERROR".to_owned(),
        ] {
            options.extend(["-o".to_owned(), option]);
        }
        options
    }

    #[expect(clippy::disallowed_methods, reason = "the stock client is what is tested")]
    async fn run(
        &self,
        program: &str,
        arguments: &[&str],
        input: &[u8],
    ) -> (Option<i32>, Vec<u8>, String) {
        let mut command = tokio::process::Command::new(program);
        command.args(self.options()).args(arguments).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let mut feeding = JoinSet::new();
        feeding.spawn(async move {
            stdin.write_all(&input).await.unwrap_or_default();
        });
        let waiting =
            tokio::time::timeout(std::time::Duration::from_secs(120), child.wait_with_output());
        let output =
            waiting.await.unwrap_or_else(|_| panic!("{program} {arguments:?} hangs")).unwrap();
        (output.status.code(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    async fn ssh(&self, arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
        let port = self.port.to_string();
        let mut all = vec!["-p", &port];
        all.extend_from_slice(arguments);
        let (status, out, err) = self.run("ssh", &all, input).await;
        (status, String::from_utf8_lossy(&out).into_owned(), err)
    }
}

async fn carry(stream: TcpStream, socket: socket::Socket) {
    let (mut reader, mut writer) = stream.into_split();
    let (mut out, mut incoming) = socket.inner.split();
    let outward = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read) = reader.read(&mut buffer).await
            && read > 0
        {
            if out.send(Message::Binary(buffer[..read].to_vec().into())).await.is_err() {
                return;
            }
        }
    };
    let inward = async {
        while let Some(Ok(Message::Binary(bytes))) = incoming.next().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = outward => {} () = inward => {} }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_client_runs_commands_and_terminals() {
    let world = World::start().await;
    let agent = awake(&world).await;
    let door = Door::open(&world, &agent).await;
    let (status, out, err) =
        door.ssh(&["agent@127.0.0.1", "whoami; pwd; echo bad >&2; exit 7"], b"").await;
    assert_eq!((status, out.as_str(), err.as_str()), (Some(7), "agent\n/workspace\n", "bad\n"));
    let (status, out, _) = door.ssh(&["agent@127.0.0.1", "cat; echo end"], b"one\ntwo\n").await;
    assert_eq!((status, out.as_str()), (Some(0), "one\ntwo\nend\n"));
    let large = "x".repeat(5_000_000);
    let (status, out, err) = door.ssh(&["agent@127.0.0.1", "cat"], large.as_bytes()).await;
    assert!(status == Some(0) && out == large, "{status:?} {} {err}", out.len());
    let (status, out, err) =
        door.ssh(&["-tt", "agent@127.0.0.1", "tty; stty size; exit 3"], b"").await;
    assert!(status == Some(3) && out.contains("/dev/pts/"), "{status:?} {out} {err}");
    let (status, out, _) =
        door.ssh(&["-tt", "agent@127.0.0.1"], b"echo in$((1+1))\nexit 4\n").await;
    assert!(status == Some(4) && out.contains("in2"), "{status:?} {out}");
    let (_, out, _) =
        door.ssh(&["-o", "SetEnv=LC_X=given", "agent@127.0.0.1", "echo $LC_X"], b"").await;
    assert_eq!(out, "given\n");
    // What is not the sandbox itself is not reached through it.
    let (status, _, err) = door.ssh(&["-W", "192.0.2.1:80", "agent@127.0.0.1"], b"").await;
    assert!(status != Some(0) && err.contains("forwarding failed"), "{err}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_copied_by_scp_sftp_and_rsync() {
    let world = World::start().await;
    let agent = awake(&world).await;
    let door = Door::open(&world, &agent).await;
    let port = door.port.to_string();
    let here = door.folder.path();
    let mut rng = fastrand::Rng::with_seed(3);
    let content: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(8_000_000).collect();
    let (local, back) = (here.join("lo cal"), here.join("back"));
    std::fs::write(&local, &content).unwrap();
    let (from, to) = (local.display().to_string(), back.display().to_string());
    let there = "agent@127.0.0.1:/workspace/far";
    let (status, _, err) = door.run("scp", &["-P", &port, "-p", &from, there], b"").await;
    assert_eq!(status, Some(0), "{err}");
    let (status, _, err) = door.run("scp", &["-P", &port, there, &to], b"").await;
    assert_eq!(status, Some(0), "{err}");
    assert!(std::fs::read(&back).unwrap() == content);
    let batch = "mkdir d\nput \"LOCAL\" d/x\nrename d/x d/y\nls -l d\nchmod 600 d/y\nsymlink y d/z\nget d/z BACK\nrm d/z\nrm d/y\nrmdir d\n"
        .replace("LOCAL", &from)
        .replace("BACK", &here.join("third").display().to_string());
    let arguments = ["-P", &port, "-b", "-", "agent@127.0.0.1"];
    let (status, out, err) = door.run("sftp", &arguments, batch.as_bytes()).await;
    assert_eq!(status, Some(0), "{} {err}", String::from_utf8_lossy(&out));
    assert!(std::fs::read(here.join("third")).unwrap() == content);
    let tree = here.join("tree");
    for nth in 0..50 {
        std::fs::create_dir_all(tree.join(format!("d{nth}"))).unwrap();
        std::fs::write(tree.join(format!("d{nth}/f")), vec![nth; 1000]).unwrap();
    }
    let shell = format!("ssh -p {port} {}", door.options().join(" "));
    let from = format!("{}/", tree.display());
    // Needed on both sides: sandboxes see this machine's programs.
    if !Path::new("/usr/bin/rsync").exists() {
        println!("skipped: rsync is not installed, so it was not run over SSH");
        return world.end().await;
    }
    rsync(&["-a", "-e", &shell, &from, "agent@127.0.0.1:/workspace/tree/"]).await;
    let again = format!("{}/", here.join("again").display());
    rsync(&["-a", "-e", &shell, "agent@127.0.0.1:/workspace/tree/", &again]).await;
    for nth in 0..50_u8 {
        assert_eq!(std::fs::read(here.join(format!("again/d{nth}/f"))).unwrap(), vec![nth; 1000]);
    }
    world.end().await;
}

#[expect(clippy::disallowed_methods, reason = "the stock program is what is tested")]
async fn rsync(arguments: &[&str]) {
    let output = tokio::process::Command::new("rsync").args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A client that says what the stock one never does.
struct Anyone;

impl russh::client::Handler for Anyone {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// What came of a command that was sent a signal as soon as it said `begun`.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is of no interest here")]
async fn signalled(
    door: &Door,
    command: &str,
    signal: Sig,
) -> (String, Option<u32>, Option<String>) {
    let config = std::sync::Arc::new(russh::client::Config::default());
    let address = ("127.0.0.1", door.port);
    let mut client = russh::client::connect(config, address, Anyone).await.unwrap();
    assert!(client.authenticate_none("agent").await.unwrap().success());
    let mut channel = client.channel_open_session().await.unwrap();
    channel.exec(true, command).await.unwrap();
    let (mut said, mut status, mut ended_by, mut sent) = (String::new(), None, None, false);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => said.push_str(&String::from_utf8_lossy(&data)),
            ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
            ChannelMsg::ExitSignal { signal_name, .. } => {
                ended_by = Some(format!("{signal_name:?}"))
            }
            _ => {}
        }
        if said.contains("begun") && !sent {
            sent = true;
            channel.signal(signal.clone()).await.unwrap();
        }
    }
    (said, status, ended_by)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reaches_the_command_and_what_ends_it_is_told() {
    let world = World::start().await;
    let agent = awake(&world).await;
    let door = Door::open(&world, &agent).await;
    let until = "echo begun; while :; do sleep 0.05; done";
    let heard = |name: &str| format!("trap 'echo heard {name}; exit 5' {name}; {until}");
    for (name, signal) in [
        ("USR1", Sig::USR1),
        ("HUP", Sig::HUP),
        ("INT", Sig::INT),
        ("TERM", Sig::TERM),
        ("USR2", Sig::Custom("USR2@openssh.com".to_owned())),
    ] {
        let (said, status, ended_by) = signalled(&door, &heard(name), signal).await;
        assert!(said.contains(&format!("heard {name}")), "{name}: {said}");
        assert_eq!((status, ended_by), (Some(5), None), "{name}");
    }
    for signal in [Sig::KILL, Sig::TERM, Sig::USR1] {
        let (_, status, ended_by) = signalled(&door, until, signal.clone()).await;
        assert_eq!((status, ended_by), (None, Some(format!("{signal:?}"))));
    }
    // A polite one that is not obeyed leaves the command alone.
    let patient = "trap '' TERM; echo begun; sleep 1; echo went on";
    let (said, status, _) = signalled(&door, patient, Sig::TERM).await;
    assert!(said.contains("went on") && status == Some(0), "{said} {status:?}");
    world.end().await;
}
