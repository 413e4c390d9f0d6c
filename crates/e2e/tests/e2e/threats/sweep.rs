//! A sweep of a live sandbox, from outside: no credential that it may use is in it, in whatever spelling.

use super::canary;
use super::sink::{Shelf, Sink};
use e2e::api::send;
use e2e::host;
use e2e::world::{World, eventually, shell};
use fakes::scripted::Options;
use fakes::scripted::script::Turn;
use gateway::spelling::spellings;
use reqwest::Method;
use serde_json::json;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Credentials by the variable whose placeholder stands inside, and their hosts.
const CREDENTIALS: &[(&str, &str, &str)] = &[
    ("API_TOKEN", "sk_live_sweptRuntimeGrant\"+/7f3a91c2", "api.test"),
    ("GIT_HOST_TOKEN", "ghp_sweptGitCredential5d81e0b4", "git.test"),
    ("NPM_TOKEN", "npm_sweptPackageToken90c7d2aa", "registry.npmjs.org"),
];
/// The operator's key for models.
const MODEL_KEY: &str = "sk-ant-sweptModelKey41bb76de";
/// Bytes of memory read at once.
const CHUNK: usize = 1 << 20;

/// What is looked for: one spelling a line.
struct Patterns(tempfile::NamedTempFile);

impl Patterns {
    fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for spelling in secrets.into_iter().flat_map(spellings) {
            file.write_all(&spelling).unwrap();
            file.write_all(b"\n").unwrap();
        }
        Self(file)
    }

    #[expect(clippy::disallowed_methods, reason = "the search is that of a program made for it")]
    fn grep(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("grep");
        command.env("LC_ALL", "C").args(["-a", "-F", "-f"]).arg(self.0.path()).args(arguments);
        command
    }

    /// What is found in a stream.
    fn in_stream(&self, feed: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<String> {
        let mut child =
            self.grep(&["-o"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        feed(&mut |bytes| stdin.write_all(bytes).unwrap());
        drop(stdin);
        let found = child.wait_with_output().unwrap().stdout;
        String::from_utf8_lossy(&found).lines().map(str::to_owned).collect()
    }

    /// Files below a folder that hold one of them.
    fn in_files(&self, folder: &Path) -> Vec<String> {
        let output = self
            .grep(&["-r", "-l", "-D", "skip", "--exclude=errand.toml"])
            .arg(folder)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// What is found in a process: its memory, its variables, its words. None: it may not be read.
    fn in_process(&self, pid: u32) -> Option<(Vec<String>, usize)> {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
        let mut memory = File::open(format!("/proc/{pid}/mem")).ok()?;
        let mut seen = 0;
        let found = self.in_stream(|feed| {
            for part in ["environ", "cmdline"] {
                feed(&std::fs::read(format!("/proc/{pid}/{part}")).unwrap_or_default());
                feed(b"\n");
            }
            for line in maps
                .lines()
                .filter(|line| line.split(' ').nth(1).is_some_and(|way| way.starts_with('r')))
            {
                seen += region(&mut memory, line, feed);
                feed(b"\n");
            }
        });
        Some((found, seen))
    }
}

/// Reads one region of memory; gives how many bytes could be.
fn region(memory: &mut File, line: &str, feed: &mut dyn FnMut(&[u8])) -> usize {
    let range = line.split(' ').next().unwrap();
    let (from, to) = range.split_once('-').unwrap();
    let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
    let (mut at, mut buffer, mut seen) = (from, vec![0; CHUNK], 0);
    while at < to && memory.seek(SeekFrom::Start(at)).is_ok() {
        let most = usize::try_from(to - at).unwrap().min(CHUNK);
        // Pages of devices and of what was cut off meanwhile cannot be read.
        let Ok(count) = memory.read(&mut buffer[..most]) else { break };
        if count == 0 {
            break;
        }
        feed(&buffer[..count]);
        (at, seen) = (at + count as u64, seen + count);
    }
    seen
}

/// Uses every credential as programs do, leaves what they leave, and stays.
fn work(planted: &str) -> String {
    format!(
        "curl -sS -m 20 -H \"Authorization: Bearer $API_TOKEN\" https://api.test/one -o /tmp/one; \
         echo \"https://me:$GIT_HOST_TOKEN@git.test\" > ~/.git-credentials; git config --global credential.helper store; \
         git ls-remote https://git.test/private/lib 2>/dev/null; \
         echo \"//registry.npmjs.org/:_authToken=$NPM_TOKEN\" > ~/.npmrc; \
         curl -sS -m 20 -H \"Authorization: Bearer $NPM_TOKEN\" https://registry.npmjs.org/private -o ~/package; \
         curl -sS -m 20 -H \"x-api-key: $ERRAND_MODEL_TOKEN\" -H 'content-type: application/json' \
         -d '{{\"model\":\"priced\",\"max_tokens\":100,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello.\"}}]}}' \
         http://errand.internal/model/anthropic/v1/messages -o ~/answer; \
         echo {planted} | tee ~/planted > /tmp/planted; env > ~/variables; \
         PLANTED={planted} /usr/bin/python3 -c 'import os, time; kept = os.environ[\"PLANTED\"] * 100; print(\"up\", flush=True); time.sleep(600)'"
    )
}

async fn world(sink: &Sink, names: &[String]) -> World {
    let config = format!(
        "[models]\ndefault = \"priced\"\ninside = true\n[[models.list]]\nid = \"priced\"\ndialect = \"anthropic\"\n\
         base_url = \"MODEL\"\napi_key = {MODEL_KEY:?}\ninput_price = 3.0\noutput_price = 15.0\n\
         [builds]\nautomatic = false\n{}",
        sink.gateway(names)
    );
    let world = World::with_model(
        &config,
        Options { key: Some(MODEL_KEY.to_owned()), ..Options::default() },
    )
    .await;
    for (name, value, host) in CREDENTIALS {
        let secret = json!({"value": value, "type": "runtime_secret", "hosts": [host]});
        let put = world.api.request(Method::PUT, &format!("/v1/team/secrets/{name}")).json(&secret);
        send("set a secret", put).await.expect(201);
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_sandbox_holds_no_credential_in_any_spelling() {
    let names: Vec<_> = CREDENTIALS.iter().map(|(.., host)| (*host).to_owned()).collect();
    let sink = Sink::start(&names, Shelf::new()).await;
    let world = world(&sink, &names).await;
    let (repository, planted) = (world.repository("sample"), canary());
    let job = world.errand(&repository, &[shell(work(&planted)), Turn::say("Done.")]).await;
    let mut watcher = world.watch(&job.agent);
    while !watcher
        .deltas
        .iter()
        .any(|delta| delta["text"].as_str().is_some_and(|text| text.contains("up")))
    {
        watcher.peek().await;
    }
    for (name, value, host) in CREDENTIALS {
        let sent = sink.under(host);
        assert!(super::holds(&sent, value), "{name} was used: {}", String::from_utf8_lossy(&sent));
    }
    let secrets = CREDENTIALS.iter().map(|(_, value, _)| *value).chain([MODEL_KEY]);
    let (secret, control) = (Patterns::of(secrets), Patterns::of([planted.as_str()]));
    memory(&job.agent, &secret, &control);
    folders(&job.agent, &secret, &control);
    files(&world, &secret, &control);

    // What is kept of the machine, and what others would begin with.
    world.api.poke(&format!("/v1/agents/{}/runs/{}/cancel", job.agent, job.run)).await;
    world.ended_as(&job, "CANCELLED").await;
    let kept = world.api.poke(&format!("/v1/agents/{}/snapshot", job.agent)).await.expect(202);
    let layer = kept["layer"].as_str().unwrap().to_owned();
    eventually("the snapshot is ready", async || {
        let builds = world.api.get("/v1/builds").await;
        builds.body["items"].as_array().is_some_and(|items| {
            items.iter().any(|build| build["layer"] == layer && build["status"] == "READY")
        })
    })
    .await;
    let found = control.in_files(&world.data().join("machines"));
    assert!(
        found.iter().any(|file| file.contains("layers")),
        "the sweep is blind in layers: {found:?}"
    );
    files(&world, &secret, &control);
    let events = serde_json::to_vec(&world.events(&job.agent).await).unwrap();
    assert_eq!(secret.in_stream(|feed| feed(&events)), Vec::<String>::new(), "the log");
    world.end().await;
}

/// All processes of the sandbox.
fn memory(agent: &str, secret: &Patterns, control: &Patterns) {
    let processes = host::processes_of_agent(agent);
    assert!(!processes.is_empty(), "no process of the sandbox is seen");
    let (mut bytes, mut planted) = (0, 0);
    for process in &processes {
        let Some((found, seen)) = secret.in_process(process.pid) else {
            println!("skipped 1: the memory of {} may not be read by this user", process.command);
            continue;
        };
        assert_eq!(found, Vec::<String>::new(), "{}", process.command);
        bytes += seen;
        planted += control.in_process(process.pid).map_or(0, |(found, _)| found.len());
    }
    println!(
        "{} processes, {bytes} bytes of memory, {planted} times what was planted",
        processes.len()
    );
    assert!(bytes == 0 || planted > 2, "the sweep is blind: {planted} of what was planted");
}

/// The folders of the sandbox that are memory, as its own processes see them.
fn folders(agent: &str, secret: &Patterns, control: &Patterns) {
    let processes = host::processes_of_agent(agent);
    let root = processes.first().map(|process| format!("/proc/{}/root", process.pid)).unwrap();
    if std::fs::read_dir(&root).is_err() {
        println!("skipped 1: the sandbox's folders may not be read by this user");
        return;
    }
    let mut planted = Vec::new();
    for folder in ["etc", "home", "opt", "run", "tmp", "var/tmp", "workspace", "dev/shm"] {
        let folder = Path::new(&root).join(folder);
        assert_eq!(secret.in_files(&folder), Vec::<String>::new(), "files inside");
        planted.extend(control.in_files(&folder));
    }
    assert!(
        planted.iter().any(|file| file.ends_with("tmp/planted")),
        "the sweep is blind: {planted:?}"
    );
}

/// All that lies on the host of agents and machines, the server's own records included.
fn files(world: &World, secret: &Patterns, control: &Patterns) {
    assert_eq!(secret.in_files(&world.data()), Vec::<String>::new(), "files of the server");
    let found = control.in_files(&world.data());
    assert!(found.iter().any(|file| file.ends_with("/planted")), "the sweep is blind: {found:?}");
}
