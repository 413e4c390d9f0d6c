//! What people do every day stays possible: the same battery's other half.
//!
//! Registries are small ones of ours, behind the names and paths of the real ones ("against a fake"). Where
//! `ERRAND_TEST_REGISTRIES` names an address at which the real ones answer, they are used as well.

use super::BARE;
use super::sink::{Shelf, Sink};
use e2e::api::send;
use e2e::count::count;
use e2e::world::{Job, World, shell};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// Registries that are served.
const REGISTRIES: &[&str] = &[
    "registry.npmjs.org",
    "pypi.org",
    "files.pythonhosted.org",
    "deb.debian.org",
    "index.crates.io",
    "static.crates.io",
    "proxy.golang.org",
];

/// Writes the files of the registries below a folder, as `host/path`; `index` stands for an empty last part.
const MAKE: &str = r#"
import base64, gzip, hashlib, io, json, os, sys, tarfile, zipfile
root = sys.argv[1]
def put(path, data):
    path = os.path.join(root, path); os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, 'wb').write(data if isinstance(data, bytes) else data.encode())
def tgz(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w:gz') as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name); info.size = len(text); info.mode = 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()
# npm
manifest = {'name': 'lawful', 'version': '1.0.0', 'main': 'index.js'}
pack = tgz({'package/package.json': json.dumps(manifest), 'package/index.js': "module.exports = 'lawful from npm'\n"})
sum512 = 'sha512-' + base64.b64encode(hashlib.sha512(pack).digest()).decode()
dist = {'tarball': 'https://registry.npmjs.org/lawful/-/lawful-1.0.0.tgz', 'integrity': sum512, 'shasum': hashlib.sha1(pack).hexdigest()}
put('registry.npmjs.org/lawful/index', json.dumps({'name': 'lawful', 'dist-tags': {'latest': '1.0.0'}, 'versions': {'1.0.0': {**manifest, 'dist': dist}}}))
put('registry.npmjs.org/lawful/-/lawful-1.0.0.tgz', pack)
# PyPI
wheel = io.BytesIO()
with zipfile.ZipFile(wheel, 'w') as z:
    z.writestr('lawful.py', "print('lawful from pypi')\n")
    z.writestr('lawful-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: lawful\nVersion: 1.0\n')
    z.writestr('lawful-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: ours\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    z.writestr('lawful-1.0.dist-info/RECORD', 'lawful.py,,\nlawful-1.0.dist-info/METADATA,,\nlawful-1.0.dist-info/WHEEL,,\nlawful-1.0.dist-info/RECORD,,\n')
name = 'lawful-1.0-py3-none-any.whl'
put('pypi.org/simple/lawful/index', f'<!DOCTYPE html><html><body><a href="https://files.pythonhosted.org/packages/{name}#sha256={hashlib.sha256(wheel.getvalue()).hexdigest()}">{name}</a></body></html>')
put(f'files.pythonhosted.org/packages/{name}', wheel.getvalue())
# Debian
control = 'Package: lawful\nVersion: 1.0\nArchitecture: all\nMaintainer: A Person <person@example.com>\nDescription: lawful\n'
def member(name, data): return f'{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n'.encode() + data + (b'\n' if len(data) % 2 else b'')
deb = b'!<arch>\n' + member('debian-binary', b'2.0\n') + member('control.tar.gz', tgz({'./control': control})) + member('data.tar.gz', tgz({'./usr/share/lawful': 'lawful from debian\n'}))
put('deb.debian.org/debian/pool/lawful_1.0_all.deb', deb)
packages = control + f'Filename: pool/lawful_1.0_all.deb\nSize: {len(deb)}\nSHA256: {hashlib.sha256(deb).hexdigest()}\n'
put('deb.debian.org/debian/dists/stable/main/binary-amd64/Packages', packages)
put('deb.debian.org/debian/dists/stable/main/binary-arm64/Packages', packages)
sums = ''.join(f' {hashlib.sha256(packages.encode()).hexdigest()} {len(packages)} main/binary-{a}/Packages\n' for a in ('amd64', 'arm64'))
put('deb.debian.org/debian/dists/stable/Release', 'Origin: ours\nSuite: stable\nCodename: stable\nArchitectures: amd64 arm64\nComponents: main\nSHA256:\n' + sums)
# cargo
crate = tgz({'lawful-1.0.0/Cargo.toml': '[package]\nname = "lawful"\nversion = "1.0.0"\nedition = "2021"\n', 'lawful-1.0.0/src/lib.rs': 'pub const WORDS: &str = "lawful from crates";\n'})
put('index.crates.io/config.json', json.dumps({'dl': 'https://static.crates.io/crates', 'api': 'https://crates.io'}))
put('index.crates.io/la/wf/lawful', json.dumps({'name': 'lawful', 'vers': '1.0.0', 'deps': [], 'cksum': hashlib.sha256(crate).hexdigest(), 'features': {}, 'yanked': False}) + '\n')
put('static.crates.io/crates/lawful/1.0.0/download', crate)
# Go
module = io.BytesIO()
with zipfile.ZipFile(module, 'w') as z:
    z.writestr('lawful.test/lawful@v1.0.0/go.mod', 'module lawful.test/lawful\n')
    z.writestr('lawful.test/lawful@v1.0.0/lawful.go', 'package lawful\n\nconst Words = "lawful from go"\n')
at = 'proxy.golang.org/lawful.test/lawful/@v/'
put(at + 'list', 'v1.0.0\n')
put(at + 'v1.0.0.info', '{"Version": "v1.0.0", "Time": "2026-01-01T00:00:00Z"}')
put(at + 'v1.0.0.mod', 'module lawful.test/lawful\n')
put(at + 'v1.0.0.zip', module.getvalue())
"#;

/// Uses: the program they need, the line, and words that it prints.
const USES: &[(&str, &str, &str)] = &[
    ("curl", "curl -sS -m 20 https://allowed.test/curl", "GET /curl"),
    ("curl", "BARE curl -sS -m 20 https://allowed.test/bare", "GET /bare"),
    (
        "python3",
        "/usr/bin/python3 -c 'import urllib.request as u; print(u.urlopen(\"https://allowed.test/python\", timeout=20).read())'",
        "GET /python",
    ),
    (
        "node",
        "node -e 'fetch(\"https://allowed.test/fetch\").then(r => r.text()).then(console.log, e => { console.error(e.cause ?? e); process.exit(1) })'",
        "GET /fetch",
    ),
    (
        "node",
        "BARE node -e 'fetch(\"https://allowed.test/bare-fetch\").then(r => r.text()).then(console.log, e => { console.error(e.cause ?? e); process.exit(1) })'",
        "GET /bare-fetch",
    ),
    (
        "npm",
        "mkdir -p ~/n && cd ~/n && npm init -y >/dev/null && npm install --no-audit --no-fund lawful && rm -rf node_modules && npm ci --no-audit --no-fund && node -e 'console.log(require(\"lawful\"))'",
        "lawful from npm",
    ),
    (
        "pip3",
        "/usr/bin/pip3 install -q --disable-pip-version-check --target ~/p lawful && PYTHONPATH=~/p /usr/bin/python3 -m lawful",
        "lawful from pypi",
    ),
    // Without a root of its own a sandbox downloads and unpacks; `base::` installs where it has one.
    (
        "apt-get",
        "mkdir -p ~/a/state/lists/partial ~/a/cache/archives/partial && cd ~/a && echo 'deb [trusted=yes] https://deb.debian.org/debian stable main' >list && : >status && OPTIONS='-o Dir::State=/home/agent/a/state -o Dir::State::status=/home/agent/a/status -o Dir::Cache=/home/agent/a/cache -o Dir::Etc::sourcelist=/home/agent/a/list -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=' && apt-get $OPTIONS -q update && apt-get $OPTIONS -q download lawful && dpkg-deb -x lawful_1.0_all.deb out && cat out/usr/share/lawful",
        "lawful from debian",
    ),
    (
        "git",
        "git ls-remote origin && git clone -q $(git remote get-url origin) ~/again && ls ~/again",
        "calc.py",
    ),
    (
        "git",
        "git fetch -q --depth 1 origin main && echo work > work.txt && git add -A && git commit -q -m Work && git push origin HEAD",
        "recorded; Errand publishes after the run",
    ),
    (
        "git-lfs",
        "git lfs install --local && git lfs track '*.bin' && head -c 100000 /dev/urandom >large.bin && sha256sum large.bin >sum && git add -A && git commit -q -m Large && git push origin HEAD && rm -rf .git/lfs large.bin && git checkout -q . && git lfs pull && sha256sum -c sum",
        "large.bin: OK",
    ),
    (
        "go",
        "mkdir -p ~/g && cd ~/g && printf 'package main\\nimport \"lawful.test/lawful\"\\nfunc main() { println(lawful.Words) }\\n' >main.go && go mod init example.test/g && GONOSUMDB=lawful.test GOFLAGS=-mod=mod go run .",
        "lawful from go",
    ),
    (
        CARGO,
        "mkdir -p ~/c/src && cd ~/c && printf '[package]\\nname = \"c\"\\nversion = \"1.0.0\"\\n[dependencies]\\nlawful = \"1\"\\n' >Cargo.toml && echo 'fn main() { println!(\"{}\", lawful::WORDS) }' >src/main.rs && PATH=~/rust/bin:$PATH cargo build -q && target/debug/c",
        "lawful from crates",
    ),
    (
        PYTHON,
        "PYTHONPATH=~/python /usr/bin/python3 -c 'import requests, httpx; print(requests.get(\"https://allowed.test/requests\").text, httpx.get(\"https://allowed.test/httpx\").text)' | grep -c -e 'GET /requests' -e 'GET /httpx'",
        "\n2\n",
    ),
    (
        PYTHON,
        "BARE PYTHONPATH=~/python /usr/bin/python3 -c 'import aiohttp, asyncio\nasync def ask():\n    async with aiohttp.ClientSession() as s:\n        async with s.get(\"https://allowed.test/aiohttp\") as r: print(await r.text())\nasyncio.run(ask())'",
        "GET /aiohttp",
    ),
];

/// What is brought into the sandbox first: the toolchain that built this, and packages for Python.
const CARGO: &str = "rust.tar";
const PYTHON: &str = "python.tar";
const UNPACK: &str = "cd ~ && for name in *.tar; do tar -xf $name && rm $name; done; ls";
const PACKAGES: [&str; 3] = ["requests==2.32.3", "httpx==0.28.1", "aiohttp==3.11.11"];

/// Archives in this folder of what uses need that no host has in `/usr`; of those that cannot be made, none.
#[expect(clippy::disallowed_methods, reason = "pip and tar are programs of their own")]
fn brought(folder: &Path) -> Vec<&'static str> {
    if count(0, 1) == 0 {
        return Vec::new();
    }
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.is_ok_and(|output| output.status.success())
    };
    let (target, archive) = (folder.join("python"), folder.join(PYTHON));
    let (target, archive) = (target.to_str().unwrap(), archive.to_str().unwrap());
    let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-t", target];
    let mut brought = Vec::new();
    if run("/usr/bin/python3", &[&pip[..], &PACKAGES].concat())
        && run("tar", &["-cf", archive, "-C", folder.to_str().unwrap(), "python"])
    {
        brought.push(PYTHON);
    }
    let root = Path::new(env!("CARGO")).ancestors().nth(2).unwrap().to_str().unwrap();
    let archive = folder.join(CARGO);
    let parts = ["--exclude=share", "--exclude=etc", "--transform=s,^.,rust,", "."];
    if run("tar", &[&["-cf", archive.to_str().unwrap(), "-C", root], &parts[..]].concat()) {
        brought.push(CARGO);
    }
    brought
}

/// Puts an archive into the sandbox, where the next run unpacks it.
async fn put(world: &World, job: &Job, folder: &Path, name: &str) {
    let path = format!("/v1/agents/{}/files/content?path=/home/agent/{name}", job.agent);
    let content = tokio::fs::File::open(folder.join(name)).await.unwrap();
    let answer = world.api.request(Method::PUT, &path).body(content).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

fn is_here(program: &str) -> bool {
    Path::new("/usr/bin").join(program).is_file() || program == "git"
}

#[expect(clippy::disallowed_methods, reason = "packages are made by the languages' own means")]
fn shelf() -> Shelf {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("/usr/bin/python3").args(["-c", MAKE]).arg(folder.path()).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: without Python there are no packages to install");
        return Shelf::new();
    }
    let mut shelf = Shelf::new();
    gather(folder.path(), folder.path(), &mut shelf);
    shelf
}

fn gather(root: &Path, folder: &Path, into: &mut Shelf) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, into);
            continue;
        }
        let key = path.strip_prefix(root).unwrap().display().to_string();
        let bytes = std::fs::read(&path).unwrap();
        if let Some(folder) = key.strip_suffix("/index") {
            into.insert(folder.to_owned(), bytes.clone());
            into.insert(format!("{folder}/"), bytes);
        } else {
            into.insert(key, bytes);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_every_day_works() {
    let names: Vec<_> =
        REGISTRIES.iter().chain(&["allowed.test"]).map(|name| (*name).to_owned()).collect();
    let sink = Sink::start(&names, shelf()).await;
    let world =
        World::with(&format!("[network]\nallow = [\"allowed.test\"]\n{}", sink.gateway(&names)))
            .await;
    let secret =
        json!({"value": "ghp_lawful0123456789", "type": "runtime_secret", "hosts": ["api.test"]});
    let set = world.api.request(Method::PUT, "/v1/team/secrets/API_TOKEN").json(&secret);
    send("set a secret", set).await.expect(201);
    let repository = world.repository("sample");
    let folder = tempfile::tempdir().unwrap();
    let brought = brought(folder.path());
    let job = world.errand(&repository, &[shell("true"), Turn::say("Up.")]).await;
    world.ended_as(&job, "FINISHED").await;
    for name in &brought {
        put(&world, &job, folder.path(), name).await;
    }
    let (mut turns, mut uses, mut skipped) = (vec![shell(UNPACK)], Vec::new(), 0);
    for entry in USES {
        if !is_here(entry.0) && !brought.contains(&entry.0) {
            println!("skipped: this host has no {}, or counts are not full", entry.0);
            skipped += 1;
            continue;
        }
        turns.push(shell(format!("( {} ) 2>&1", entry.1.replace("BARE", BARE))));
        uses.push(entry);
    }
    turns.push(Turn::say("Done."));
    let again = world.send(&job.agent, &turns).await;
    world.ended_as(&again, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await.split_off(2);
    let failed: Vec<_> = uses
        .iter()
        .zip(&outputs)
        .filter(|((_, _, said), output)| {
            !output.starts_with("Exit code 0.") || !output.contains(said)
        })
        .map(|((_, line, _), output)| format!("{line}\n{output}"))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert_eq!(super::denials(&world, &job.agent).await, Vec::<String>::new());
    // It has a grant and read a page: the rule of two has closed what nothing of this needs.
    assert_eq!(world.agent(&job.agent).await["flow"]["state"], "closed");
    let mut lawful: Vec<_> = uses
        .iter()
        .filter(|(name, line, _)| !line.contains("allowed.test") && !brought.contains(name))
        .map(|(_, line, _)| shell(format!("( {} ) 2>&1", line.replace("BARE", BARE))))
        .collect();
    lawful.push(Turn::say("Done."));
    let errand = world.errand(&repository, &lawful).await;
    world.ended_as(&errand, "FINISHED").await;
    let flow = world.agent(&errand.agent).await["flow"].clone();
    assert_eq!((&flow["state"], &flow["secrets"]), (&json!("apart"), &json!(["API_TOKEN"])));
    println!("{} uses work (registries: against a fake), {skipped} skipped", uses.len());
    world.end().await;
}

/// The same against the real registries: hosts, and uses in one workspace, one after the other.
const REAL_HOSTS: &[&str] = &[
    "registry.npmjs.org",
    "pypi.org",
    "files.pythonhosted.org",
    "index.crates.io",
    "static.crates.io",
    "crates.io",
    "deb.debian.org",
    "proxy.golang.org",
    "sum.golang.org",
];
const REAL_USES: &[(&str, &str, &str)] = &[
    (
        "npm",
        "mkdir -p ~/n && cd ~/n && npm init -y >/dev/null && npm install --no-audit --no-fund mocha && rm -rf node_modules && npm ci --no-audit --no-fund && npx mocha --version && echo worked",
        "worked",
    ),
    (
        "pip3",
        "/usr/bin/python3 -m venv ~/v && ~/v/bin/pip install -q requests httpx aiohttp && echo worked",
        "worked",
    ),
    (
        "pip3",
        "~/v/bin/python -c 'import requests, httpx; print(requests.get(\"https://pypi.org/simple/requests/\").status_code, httpx.get(\"https://pypi.org/simple/httpx/\").status_code)'",
        "200 200",
    ),
    (
        "pip3",
        "~/v/bin/python -c 'import aiohttp, asyncio\nasync def ask(env):\n    async with aiohttp.ClientSession(trust_env=env) as s:\n        async with s.get(\"https://pypi.org/simple/aiohttp/\") as r: print(r.status)\nasyncio.run(ask(True)); asyncio.run(ask(False))'",
        "200\n200",
    ),
    (
        CARGO,
        "export PATH=~/rust/bin:$PATH && cargo new ~/c && cd ~/c && cargo add itoa && cargo build && echo worked",
        "worked",
    ),
    (
        "apt-get",
        "mkdir -p ~/a/state/lists/partial ~/a/cache/archives/partial && cd ~/a && echo 'deb [trusted=yes] https://deb.debian.org/debian bookworm main' >list && : >status && OPTIONS='-o Dir::State=/home/agent/a/state -o Dir::State::status=/home/agent/a/status -o Dir::Cache=/home/agent/a/cache -o Dir::Etc::sourcelist=/home/agent/a/list -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=' && apt-get $OPTIONS -q update && apt-get $OPTIONS -q download hello && dpkg-deb -x hello_*.deb out && out/usr/bin/hello && echo worked",
        "worked",
    ),
    (
        "go",
        "mkdir -p ~/g && cd ~/g && go mod init example.com/g && go get golang.org/x/text@latest && echo worked",
        "worked",
    ),
];

#[expect(clippy::disallowed_methods, reason = "whoever runs the test says where registries are")]
fn registries() -> Option<String> {
    std::env::var("ERRAND_TEST_REGISTRIES").ok()
}

/// Whether this address answers for a host, with its certificate.
#[expect(clippy::disallowed_methods, reason = "curl is a program of its own")]
fn answers(address: &str, host: &str) -> bool {
    let to = format!("{host}:443:{address}:443");
    let mut curl = Command::new("curl");
    curl.args(["-s", "-m", "20", "-o", "/dev/null", "--connect-to", &to]);
    curl.arg(format!("https://{host}/")).status().is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn real_registries_work_where_they_can_be_reached() {
    let Some(address) = registries() else {
        println!(
            "skipped {}: ERRAND_TEST_REGISTRIES names no address of real registries",
            REAL_USES.len()
        );
        return;
    };
    let mut config = String::from("[run]\nminutes = 20\n[gateway.upstreams]\n");
    for host in REAL_HOSTS {
        config += &format!("{host:?} = {address:?}\n");
    }
    let world = World::with(&config).await;
    let folder = tempfile::tempdir().unwrap();
    let brought = brought(folder.path());
    let job = world.chore(&[shell("true"), Turn::say("Up.")]).await;
    world.ended_as(&job, "FINISHED").await;
    for name in &brought {
        put(&world, &job, folder.path(), name).await;
    }
    let modules = answers(&address, "proxy.golang.org");
    let (here, gone): (Vec<_>, Vec<_>) = REAL_USES.iter().partition(|(program, ..)| {
        (is_here(program) || brought.contains(program)) && (modules || *program != "go")
    });
    let mut turns = vec![shell(UNPACK)];
    turns.extend(here.iter().map(|(_, line, _)| shell(format!("( {line} ) 2>&1"))));
    turns.push(Turn::say("Done."));
    let again = world.send(&job.agent, &turns).await;
    world.ended_as(&again, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await.split_off(2);
    for ((_, line, said), output) in here.iter().zip(outputs) {
        assert!(output.contains(said), "{line}\n{output}");
    }
    let missing: Vec<_> = gone.iter().map(|(program, ..)| *program).collect();
    println!(
        "{} uses of real registries work, skipped {}: this host has no {missing:?}, or nobody answers for it",
        here.len(),
        gone.len()
    );
    world.end().await;
}
