//! The stock clients of SSH through `errand ssh` and `ssh-config`.

use super::idle;
use super::person::{Person, said};
use super::terminal::Terminal;
use e2e::world::World;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Bytes of a file that is copied.
const FILE_BYTES: usize = 20_000_000;

/// `ssh` and its like, told by `ssh-config` how to get there.
fn client(person: &Person, program: &str, options: &[&str]) -> Command {
    let file = person.home().join("ssh_config");
    fs::write(&file, person.says(&["ssh-config"])).unwrap();
    let mut command = person.program(program);
    for (name, value) in person.errand(&[]).get_envs() {
        command.envs(value.map(|value| (name, value)));
    }
    command.arg("-F").arg(file).args(options);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_ssh_runs_commands_and_sits_at_a_terminal() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let output =
        person.errand(&["ssh", &agent, "echo out; echo err >&2; exit 7"]).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (b"out\n".as_slice(), b"err\n".as_slice())
    );
    let mut child = client(&person, "ssh", &[&agent, "tr a-z A-Z | sort"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"b\na\n").unwrap();
    assert_eq!(said(child.wait_with_output().unwrap(), &["ssh"]), "A\nB\n");
    let mut terminal = Terminal::open(&person.errand(&["ssh", &agent]), (100, 30));
    terminal.shows("$");
    terminal.line("echo typed-$((40+2)); stty size");
    terminal.shows("typed-42");
    terminal.shows("30 100");
    terminal.resize(90, 20);
    terminal.line("stty size");
    terminal.shows("20 90");
    // It says so once it is what the terminal's keys reach.
    terminal.line("sh -c 'echo g\"\"o; exec sleep 100'");
    terminal.shows("\ngo");
    terminal.keys("\x03");
    terminal.shows("^C");
    terminal.line("echo inter''rupted");
    terminal.shows("\ninterrupted");
    terminal.line("exit 3");
    assert_eq!(terminal.ends(), 3);
    terminal.is_left_tidy();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_scp_sftp_and_rsync_carry_files() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let home = person.home();
    let mut large = vec![0; FILE_BYTES];
    fastrand::Rng::with_seed(3).fill(&mut large);
    fs::write(home.join("large"), &large).unwrap();
    let there = |path: &str| format!("{agent}:{path}");
    for (program, modern) in [("scp", "-s"), ("scp", "-O")] {
        said(
            client(&person, program, &[modern, "large", &there("/workspace/large")])
                .output()
                .unwrap(),
            &[program, modern],
        );
        said(
            client(&person, program, &[modern, &there("/workspace/large"), "back"])
                .output()
                .unwrap(),
            &[program, modern],
        );
        assert!(fs::read(home.join("back")).unwrap() == large, "{program} {modern}");
        fs::remove_file(home.join("back")).unwrap();
    }
    fs::write(home.join("batch"), "cd /workspace\nmkdir made\nput large made/again\nrename made/again made/renamed\nget made/renamed back\nls -l made\nrm made/renamed\nrmdir made\n").unwrap();
    said(client(&person, "sftp", &["-b", "batch", &agent]).output().unwrap(), &["sftp"]);
    assert!(fs::read(home.join("back")).unwrap() == large);
    let tree = home.join("tree");
    for index in 0..50 {
        let folder = tree.join(format!("folder {}", index % 5));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("file {index}")), vec![b'x'; index * 100]).unwrap();
    }
    // Needed on both sides: sandboxes see this machine's programs.
    if !Path::new("/usr/bin/rsync").exists() {
        println!("skipped: rsync is not installed, so it was not run over `errand ssh`");
        return world.end().await;
    }
    let rsync = |arguments: &[&str]| {
        let shell = format!("ssh -F {}", home.join("ssh_config").display());
        let mut command = person.program("rsync");
        for (name, value) in person.errand(&[]).get_envs() {
            command.envs(value.map(|value| (name, value)));
        }
        said(
            command
                .args(["-rlpt", "-i", "--checksum", "-e", &shell])
                .args(arguments)
                .output()
                .unwrap(),
            arguments,
        )
    };
    rsync(&["tree/", &there("/workspace/tree/")]);
    assert_eq!(rsync(&["tree/", &there("/workspace/tree/")]), "", "nothing is left to do");
    rsync(&[&there("/workspace/tree/"), "tree2/"]);
    assert_eq!(rsync(&["tree/", "tree2/"]), "");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_ssh_forwards_ports() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    // `-W` is one connection on standard input and output.
    let script = "python3 -c 'import socketserver as s\nclass H(s.StreamRequestHandler):\n def handle(self): self.wfile.write(self.rfile.readline().upper())\ns.TCPServer.allow_reuse_address=True\nS=s.TCPServer((\"127.0.0.1\",8125),H)\nprint(1,flush=True)\nS.handle_request()'";
    let mut server =
        client(&person, "ssh", &[&agent, script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = [0; 2];
    std::io::Read::read_exact(server.stdout.as_mut().unwrap(), &mut line).unwrap();
    let mut near = client(&person, "ssh", &["-W", "127.0.0.1:8125", &agent])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    near.stdin.as_mut().unwrap().write_all(b"through\n").unwrap();
    assert_eq!(said(near.wait_with_output().unwrap(), &["ssh -W"]), "THROUGH\n");
    assert!(server.wait().unwrap().success());
    world.end().await;
}
