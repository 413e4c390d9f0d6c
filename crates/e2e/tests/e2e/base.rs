//! Machines on a base image: what is installed into it is there for the next agent.

use e2e::process::binary;
use e2e::world::{World, eventually, shell};
use fakes::image;
use fakes::scripted::script::Turn;
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Puts a program where only root may.
const INSTALL: &str = "printf '#!/bin/sh\necho brought\n' > tool && chmod 755 tool \
    && sudo cp tool /usr/local/bin/tool && rm tool && echo once >> ~/installs";

/// A folder with an image that the server's user may read.
fn image() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::Builder::new().prefix("errand-image-").tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let root = folder.path().join("root");
    let files = [("etc/marker", "from the image\n"), ("usr/local/bin/here", "")];
    image::root_in(&root, &[], &files).unwrap();
    let archive = folder.path().join("base.tar");
    image::archive(&root, File::create_new(&archive).unwrap()).unwrap();
    (folder, archive)
}

fn on(image: &Path) -> String {
    format!("[sandbox]\nbase = {image:?}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_installed_into_a_base_image_is_there_for_the_next_agent() {
    let (_folder, archive) = image();
    let mut world = World::with(&on(&archive)).await;
    let repository = world.repository("sample");
    let text = json!({ "install": INSTALL }).to_string();
    repository.push("main", "Describe the machine", &[(".errand/environment.json", &text)]);
    let look = "cat /etc/marker ~/installs; tool; sudo touch /usr/own; ls /usr; id -un";
    let seen = "from the image\nonce\nbrought\nbin\nlib\nlib64\nlocal\nown\nagent";
    let turns = [shell(look), Turn::say("Done.")];
    let first = world.errand(&repository, &turns).await;
    world.ended_as(&first, "FINISHED").await;
    assert!(world.outputs(&first.agent).await[0].contains(seen));
    eventually("a build is over", async || {
        let builds = world.api.get("/v1/builds").await.expect(200);
        builds["items"].as_array().unwrap().iter().any(|build| build["status"] == "READY")
    })
    .await;
    world.kill();
    world.boot();
    assert_eq!(world.log_text().matches("unpacking the base image").count(), 1);
    let second = world.errand(&repository, &turns).await;
    world.ended_as(&second, "FINISHED").await;
    let output = &world.outputs(&second.agent).await[0];
    assert!(output.contains(seen), "installed again, or not at all: {output}");
    let doctor = world.api.get("/v1/doctor").await.expect(200).to_string();
    assert!(!doctor.contains("the host's /usr is seen"), "{doctor}");
    world.end().await;
}

/// What a server says that must not start.
pub fn refusal(config: &str) -> String {
    let data = tempfile::Builder::new().prefix("errand-e2e-").tempdir().unwrap();
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(data.path().join("errand.toml"), config).unwrap();
    refusal_in(data.path())
}

/// The same with a data folder that is there.
pub fn refusal_in(data: &Path) -> String {
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data"];
    #[expect(clippy::disallowed_methods, reason = "a server that is not meant to come up")]
    let output = Command::new(binary()).args(serve).arg(data).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_server_does_not_start_without_the_base_image_it_was_told_of() {
    let (folder, archive) = image();
    fs::remove_file(folder.path().join("root/usr/bin/git")).unwrap();
    image::archive(&folder.path().join("root"), File::create(&archive).unwrap()).unwrap();
    for (path, words) in [
        (archive.as_path(), "the image has no git"),
        (Path::new("/nowhere/base.tar"), "cannot be read by the server's user"),
        (Path::new("base.tar"), "the path must begin with /"),
        (folder.path(), "it is no OCI image layout"),
    ] {
        let said = refusal(&on(path));
        assert!(said.contains("sandbox.base") && said.contains(words), "{said}");
    }
}
