//! Machines of images that environment files ask for.

use e2e::samples::Repository;
use e2e::world::{Job, World, eventually, prompt, shell};
use fakes::image;
use fakes::registry::Registry;
use fakes::scripted::script::Turn;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

/// Where the file lies.
const FILE: &str = ".errand/environment.json";
/// Tells what the machine is made of, and what its commands are given.
const LOOK: &str = "cat /etc/marker ~/installs 2>&1; echo $GREETING; echo $PATH; echo $HOME";
/// Name and password at the registry.
const LOGIN: (&str, &str) = ("puller", "secret-of-the-registry");

/// The archive of an image whose marker has this text.
pub fn archive(text: &str) -> Vec<u8> {
    let folder = tempfile::Builder::new().prefix("errand-image-").tempdir().unwrap();
    let root = folder.path().join("root");
    image::root_in(&root, &[], &[("etc/marker", text)]).unwrap();
    archived(&root)
}

/// An archive of what a folder holds.
pub fn archived(folder: &Path) -> Vec<u8> {
    let mut file = image::archive(folder, tempfile::tempfile().unwrap()).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    bytes
}

/// A registry that asks for a login, a server that has it, and the folder where that lies.
pub async fn with_registry() -> (Registry, TempDir, World) {
    let (user, password) = LOGIN;
    let registry = Registry::start(Some((user.to_owned(), password.to_owned()))).await.unwrap();
    let address = registry.address;
    let secrets = tempfile::Builder::new().prefix("errand-login-").tempdir().unwrap();
    fs::set_permissions(secrets.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = secrets.path().join("password");
    fs::write(&file, password).unwrap();
    let config = format!(
        "[images]\nregistries = [\"{address}\"]\nplain_http = [\"{address}\"]\n\
         [images.logins.\"{address}\"]\nuser = {user:?}\npassword_file = {file:?}\n"
    );
    let world = World::with(&config).await;
    (registry, secrets, world)
}

pub fn asking(world: &World, name: &str, file: &Value) -> Repository {
    let repository = world.repository(name);
    repository.push("main", "Describe the machine", &[(FILE, &file.to_string())]);
    repository
}

/// What the log tells of the image: how it went, and the failure's code.
pub async fn chosen(world: &World, agent: &str) -> (String, String) {
    let events = world.events(agent).await;
    let event = events.iter().map(|entry| &entry["event"]);
    let chosen = event.filter(|event| event["type"] == "ImageChosen").collect::<Vec<_>>();
    let [chosen] = chosen.as_slice() else { panic!("{chosen:?}") };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&chosen["outcome"]["type"]), text(&chosen["outcome"]["failure"]["code"]))
}

async fn look(world: &World, repository: &Repository) -> (Job, String) {
    let job = world.errand(repository, &[shell(LOOK), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let output = world.outputs(&job.agent).await[0].clone();
    (job, output)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_made_of_the_image_that_its_environment_asks_for() {
    let (registry, _secrets, world) = with_registry().await;
    let bytes = archive("first image\n");
    let env = ["GREETING=hello", "PATH=/opt/tools/bin:/usr/bin:/bin", "HOME=/root"];
    let image = registry.put(("shop", "1"), &[&bytes], &env);
    let file = json!({ "image": image, "install": "echo once >> ~/installs" });
    let repository = asking(&world, "sample", &file);
    let (first, output) = look(&world, &repository).await;
    assert_eq!(chosen(&world, &first.agent).await.0, "done");
    let seen =
        "first image\nonce\nhello\n/opt/errand/bin:/opt/tools/bin:/usr/bin:/bin\n/home/agent";
    assert!(output.contains(seen), "{output}");
    eventually("a build is over", async || {
        let builds = world.api.get("/v1/builds").await.expect(200);
        builds["items"].as_array().unwrap().iter().any(|build| build["status"] == "READY")
    })
    .await;
    assert!(registry.asked().iter().any(|path| path.starts_with("blob ")));

    // The next one begins with what was built, and nobody is asked for that.
    registry.down(true);
    let (second, output) = look(&world, &repository).await;
    assert_eq!(chosen(&world, &second.agent).await.0, "kept");
    assert!(output.contains(seen), "{output}");
    assert_eq!(registry.asked(), [""; 0]);
    let builds = world.api.get("/v1/builds").await.expect(200);
    let build = &builds["items"][0];
    assert_eq!((&build["current"], &build["image"]), (&json!(true), &json!(image)), "{builds}");

    // A fork goes on with the disk and the variables of the other.
    let body = json!({"prompt": {"text": prompt(&[shell(LOOK), Turn::say("Done.")])}});
    let path = format!("/v1/agents/{}/forks", second.agent);
    let forked = world.api.post(&path, &body).await.expect(201);
    let id = |what: &str| forked[what]["id"].as_str().unwrap().to_owned();
    let fork = Job { agent: id("agent"), run: id("run") };
    world.ended_as(&fork, "FINISHED").await;
    let outputs = world.outputs(&fork.agent).await;
    assert!(outputs.last().unwrap().contains(seen), "{outputs:?}");
    world.delete(&fork.agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_waited_for_over_a_registry_and_a_server_that_come_back() {
    let (registry, _secrets, mut world) = with_registry().await;
    let image = registry.put(("shop", "1"), &[&archive("first image\n")], &[]);
    let repository = asking(&world, "sample", &json!({ "image": image }));
    registry.down(true);
    let job = world.errand(&repository, &[shell(LOOK), Turn::say("Done.")]).await;
    eventually("an attempt failed", async || {
        let events = world.events(&job.agent).await;
        events.iter().any(|entry| entry["event"]["failure"]["code"] == "image_unreachable")
    })
    .await;
    assert!(world.outputs(&job.agent).await.is_empty(), "tools wait for the machine");
    world.kill();
    registry.down(false);
    world.boot();
    world.ended_as(&job, "FINISHED").await;
    assert_eq!(chosen(&world, &job.agent).await.0, "done");
    assert!(world.outputs(&job.agent).await[0].contains("first image"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_image_an_agent_works_with_the_default_programs_and_says_so() {
    let (registry, _secrets, world) = with_registry().await;
    let spoiled = registry.put(("spoiled", "1"), &[&archive("never\n")], &[]);
    registry.spoil();
    let odd = registry.put(("odd", "1"), &[b"no archive at all"], &[]);
    let locked = Registry::start(Some(("other".to_owned(), "login".to_owned()))).await.unwrap();
    let unlisted = locked.put(("shop", "1"), &[&archive("never\n")], &[]);
    let missing = format!("{}/nothing:1", registry.address);
    for (image, code) in
        [(missing, "image_unknown"), (spoiled, "image_invalid"), (odd, "image_not_unpacked")]
    {
        let repository = asking(&world, code, &json!({ "image": image }));
        let (job, output) = look(&world, &repository).await;
        assert_eq!(chosen(&world, &job.agent).await, ("failed".to_owned(), code.to_owned()));
        assert!(output.contains("/etc/marker: No such file"), "{image}: {output}");
        let events = world.events(&job.agent).await;
        let told = events.iter().any(|entry| entry["event"]["code"] == "set_up_failed");
        assert!(told, "the model is told of {image}");
    }
    let repository = asking(&world, "unlisted", &json!({ "image": unlisted }));
    let (job, _) = look(&world, &repository).await;
    let events = world.events(&job.agent).await;
    let read = events.iter().find(|entry| entry["event"]["type"] == "EnvironmentRead").unwrap();
    let warning = read["event"]["environment"]["warnings"][0].as_str().unwrap();
    assert!(warning.contains("this server may not ask"), "{warning}");
    assert_eq!(locked.asked(), [""; 0], "nobody spoke to it");
    world.end().await;
}
