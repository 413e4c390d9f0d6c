//! Roles of AWS from end to end: an unmodified SDK and the command line inside, moto outside, which is given the
//! signatures of a role whose keys were never inside.

use e2e::api::send;
use e2e::count::count;
use e2e::world::{Job, World, shell};
use fakes::certificates::{Certified, certified};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The server's own keys, and the role.
const BASE: (&str, &str) = ("AKIAE2ESERVERSOWNKEY", "e2eServersOwnSecretKeyThatNobodyHasInside");
const ROLE: &str = "arn:aws:iam::123456789012:role/agents";
const SECRET: &str = "/v1/team/secrets/ERRAND_AWS_ASSUME_IAM_ROLE_ARN";
/// Seconds for which moto takes the keys of a role, and for which the server uses them at most.
const TAKEN_S: u32 = 6;
const USED_S: u32 = 3;
const NAMES: [&str; 5] = [
    "s3.eu-west-1.amazonaws.com",
    "errand-bucket.s3.eu-west-1.amazonaws.com",
    "errand-bucket.s3.amazonaws.com",
    "sts.eu-west-1.amazonaws.com",
    "sqs.eu-west-1.amazonaws.com",
];
/// What looks for keys in every file and every environment that can be read inside.
const LOOK: &str = "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' > ~/environs; \
    grep -rlFf ~/needles / --exclude=needles --exclude-dir=tools --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr 2>/dev/null; echo looked";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("aws")
}

/// Where both are made.
fn made() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("aws")
}

/// Python with moto, and a folder with what programs inside use, as the two lists pin it; none without Python or
/// without network.
pub fn installed() -> Option<PathBuf> {
    let (folder, made) = (folder(), made());
    let lists = ["outside.txt", "inside.txt"];
    let wanted: String =
        lists.iter().map(|list| std::fs::read_to_string(folder.join(list)).unwrap()).collect();
    let (python, done) = (made.join("bin/python"), made.join("done"));
    if std::fs::read_to_string(&done).is_ok_and(|found| found == wanted) {
        return Some(python);
    }
    let run = |program: &Path, arguments: &[&str]| {
        #[expect(clippy::disallowed_methods, reason = "Python and pip are programs of their own")]
        let mut command = Command::new(program);
        let output = command.args(arguments).current_dir(&folder).output().ok()?;
        output.status.success().then_some(())
    };
    let (whole, tools) = (made.to_str()?, made.join("tools"));
    let tools = tools.to_str()?;
    run(Path::new("python3"), &["-m", "venv", "--clear", whole])?;
    run(&python, &["-m", "pip", "install", "-q", "-r", "outside.txt"])?;
    run(&python, &["-m", "pip", "install", "-q", "--upgrade", "-t", tools, "-r", "inside.txt"])?;
    run(Path::new("tar"), &["-czf", made.join("tools.tgz").to_str()?, "-C", tools, "."])?;
    std::fs::write(done, wanted).ok()?;
    Some(python)
}

/// moto behind TLS, with what it does not look at checked before it.
pub struct Outside {
    folder: tempfile::TempDir,
    process: Child,
    told: Arc<Mutex<Vec<Value>>>,
    plain: u64,
    tls: u64,
    kms_key: String,
    _reading: JoinHandle<()>,
}

impl Outside {
    /// Starts it.
    pub fn start(python: &Path) -> Self {
        let files = tempfile::tempdir().unwrap();
        // The server reads the authority as the user that it runs as.
        std::fs::set_permissions(files.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = |name: &str| files.path().join(name);
        certify(&path);
        #[expect(clippy::disallowed_methods, reason = "moto is a program of its own")]
        let mut command = Command::new(python);
        let mut process = command
            .arg(folder().join("aws.py"))
            .args([BASE.0, BASE.1])
            .arg(path("external-id"))
            .arg(TAKEN_S.to_string())
            .args([path("leaf.pem"), path("key.pem")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ports: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = told.clone();
        let reading = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().extend(serde_json::from_str(&line));
            }
        });
        let port = |at: usize| ports[at].as_u64().unwrap();
        let (plain, tls) = (port(1), port(2));
        let kms_key = ports[3].as_str().unwrap().to_owned();
        Self { folder: files, process, told, plain, tls, kms_key, _reading: reading }
    }

    /// Where it answers without TLS.
    pub fn plain(&self) -> String {
        format!("http://127.0.0.1:{}/", self.plain)
    }

    /// The ARN of a key in its KMS.
    pub fn kms_key(&self) -> &str {
        &self.kms_key
    }

    /// What a server is told of it.
    pub fn config(&self) -> String {
        let upstreams: String =
            NAMES.iter().map(|name| format!("{name:?} = \"127.0.0.1:{}\"\n", self.tls)).collect();
        format!(
            "[aws]\naccess_key_id = {:?}\nsecret_access_key = {:?}\nregion = \"eu-west-1\"\n\
             sts_url = \"http://127.0.0.1:{}/\"\nsession_s = 3600\nrenew_before_s = {}\n\
             [gateway]\nca_file = {:?}\n[gateway.upstreams]\n{upstreams}",
            BASE.0,
            BASE.1,
            self.plain,
            3600 - USED_S,
            self.folder.path().join("root.pem"),
        )
    }

    /// Ends it, if it is there; its certificate stays.
    pub fn stop(&mut self) {
        self.process.kill().unwrap_or_default();
        self.process.wait().map(drop).unwrap_or_default();
    }

    fn trusts(&self, external_id: &str) {
        std::fs::write(self.folder.path().join("external-id"), external_id).unwrap();
    }

    fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.stop();
    }
}

fn certify(path: &impl Fn(&str) -> PathBuf) {
    let Certified { pem, leaf_pem, key_pem, .. } = certified(&NAMES).unwrap();
    for (name, text) in [("root.pem", pem), ("leaf.pem", leaf_pem), ("key.pem", key_pem)] {
        std::fs::write(path(name), text).unwrap();
    }
}

async fn put(world: &World, job: &Job, name: &str, content: Vec<u8>) {
    let path = format!("/v1/agents/{}/files/content?path=/home/agent/{name}", job.agent);
    let answer = world.api.request(Method::PUT, &path).body(content).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

async fn run(world: &World, job: &Job, command: &str) -> String {
    let job = world.send(&job.agent, &[shell(command), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    world.outputs(&job.agent).await.pop().unwrap()
}

/// A role is kept only if the server can act under it, which the trust policy decides.
async fn keep_role(world: &World, outside: &Outside) {
    let body = json!({ "value": ROLE });
    let put = || send("name a role", world.api.request(Method::PUT, SECRET).json(&body));
    let refused = put().await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("aws_role_refused"), "{}", refused.text);
    assert!(refused.text.contains("AccessDenied") && refused.text.contains("external id"));
    let shown = world.api.get("/v1/team/aws").await.expect(200);
    let external_id = shown["externalId"].as_str().unwrap();
    assert!(shown["trustPolicy"].as_str().unwrap().contains(external_id), "{shown:#}");
    assert!(shown["principal"].as_str().unwrap().contains(":user/"), "{shown:#}");
    assert!(shown["last"].is_null() && shown["role"].is_null(), "it was not kept: {shown:#}");
    outside.trusts(external_id);
    assert_eq!(put().await.status, 201);
    let check = async || world.api.post("/v1/team/aws/check", &json!({})).await.expect(200);
    outside.trusts("another");
    let checked = check().await;
    assert!(checked["last"]["error"].as_str().unwrap().contains("AccessDenied"), "{checked:#}");
    outside.trusts(external_id);
    let checked = check().await;
    assert!(checked["last"]["error"].is_null() && checked["role"] == ROLE, "{checked:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_inside_acts_under_a_role_whose_keys_are_never_there() {
    if count(0, 1) == 0 {
        println!("SKIPPED 1: SDKs of AWS are tried with ERRAND_TEST_COUNTS=full only");
        return;
    }
    let Some(python) = installed() else {
        println!("SKIPPED 1: moto and boto3 are not installed: python3 or its network is missing");
        return;
    };
    let outside = Outside::start(&python);
    let world = World::with(&outside.config()).await;
    keep_role(&world, &outside).await;
    let job = world.chore(&[shell("env | grep AWS_"), Turn::say("Up.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let variables = world.outputs(&job.agent).await.remove(0);
    assert!(variables.contains("AWS_ACCESS_KEY_ID=ASIA"), "{variables}");
    assert!(variables.contains("AWS_SESSION_TOKEN=errand"), "{variables}");
    assert!(variables.contains("AWS_REGION=eu-west-1"), "{variables}");

    put(&world, &job, "tools.tgz", std::fs::read(made().join("tools.tgz")).unwrap()).await;
    put(&world, &job, "inside.py", std::fs::read(folder().join("inside.py")).unwrap()).await;
    let script = "cd ~ && mkdir tools && tar -xzf tools.tgz -C tools && \
                  PYTHONPATH=tools /usr/bin/python3 inside.py 5 2>&1";
    let output = run(&world, &job, script).await;
    for line in [
        "WHO arn:aws:sts::123456789012:assumed-role/agents/errand-bc-",
        "GET b'hello'",
        "PART b'el'",
        "LARGE True",
        "LIST ['a key/with+signs ü', 'large']",
        "PRESIGNED b'hello'",
        "PUT 200",
        "QUEUE https://sqs.eu-west-1.amazonaws.com/",
        "ASSUME AccessDenied: Errand denied the request",
        "FOREIGN AccessDenied: Errand denied the request",
        "ANONYMOUS AccessDenied: Errand denied",
        "REGION AccessDenied: Errand denied the request",
    ] {
        assert!(output.contains(line), "{line}: {output}");
    }
    assert_eq!(output.matches("AGAIN 3").count(), 5, "{output}");
    let cli = run(&world, &job, CLI).await;
    assert!(
        cli.contains("errand-bucket") && cli.contains("large") && cli.contains("SAME"),
        "{cli}"
    );
    oracle(&world, &job, &outside).await;
    world.end().await;
}

/// The command line, as its documentation says.
const CLI: &str = "cd ~ && export PYTHONPATH=tools; aws() { /usr/bin/python3 tools/bin/aws \"$@\" 2>&1; }; \
     aws s3 ls; aws s3 ls s3://errand-bucket; aws s3 cp s3://errand-bucket/large third && cmp large third && echo SAME";

/// What moto was sent, and what is inside.
async fn oracle(world: &World, job: &Job, outside: &Outside) {
    let told = outside.told();
    let used: std::collections::BTreeSet<&str> =
        told.iter().filter(|line| line[0] == "s3").map(|line| line[2].as_str().unwrap()).collect();
    assert!(used.iter().all(|key| key.starts_with("ASIA")), "{used:?}");
    // The first keys and three renewals.
    assert!(used.len() >= 4, "{used:?}");
    let asked = told.iter().filter(|line| line[1] == "AssumeRole");
    let asked = asked.map(|line| line[2].as_str().unwrap());
    let (refused, asked): (Vec<_>, Vec<_>) = asked.partition(|key| *key == "external id");
    assert_eq!(refused.len(), 2, "before the role trusted the server, and while it did not");
    assert!(asked.iter().all(|key| *key == BASE.0), "only the server asks: {asked:?}");
    let keys: Vec<_> = told
        .iter()
        .filter(|line| line[0] == "keys")
        .flat_map(|line| [line[1].as_str().unwrap(), line[2].as_str().unwrap()])
        .chain([BASE.0, BASE.1])
        .chain(used.iter().copied())
        .collect();
    assert!(keys.len() > 10);
    put(world, job, "needles", (keys.join("\n") + "\n").into_bytes()).await;
    let found = run(world, job, LOOK).await;
    assert_eq!(found, "Exit code 0.\nlooked\n");
    let whole = serde_json::to_string(&world.events(&job.agent).await).unwrap();
    for key in keys {
        assert!(!whole.contains(key), "the log holds {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_of_the_server_no_role_is_kept_and_the_reason_is_told() {
    let world = World::start().await;
    let put = |value: &str| world.api.request(Method::PUT, SECRET).json(&json!({ "value": value }));
    let refused = send("name a role", put(ROLE)).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("aws_role_refused") && refused.text.contains("[aws]"));
    let refused = send("name something else", put("arn:aws:iam::123456789012:user/me")).await;
    assert!(refused.text.contains("validation_error"), "{}", refused.text);
    let shown = world.api.get("/v1/team/aws").await.expect(200);
    assert_eq!(shown["configured"], false);
    assert!(shown["externalId"].as_str().unwrap().starts_with("errand-"), "{shown:#}");
    let job = world.chore(&[shell("echo \"[$AWS_ACCESS_KEY_ID]\""), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[0].contains("[]"));
    world.end().await;
}
