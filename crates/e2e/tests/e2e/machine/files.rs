//! Files of a machine: large ones, strange names, two people at one file.

use super::awake;
use e2e::api::send;
use e2e::world::World;
use reqwest::Method;
use serde_json::{Value, json};

/// Bytes of a large file.
const LARGE: usize = 100 * 1024 * 1024;

fn at(agent: &str, what: &str, path: &str) -> String {
    let encoded: String = path.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/v1/agents/{agent}/files{what}?path={encoded}")
}

async fn put(
    world: &World,
    agent: &str,
    path: &str,
    bytes: Vec<u8>,
    condition: Option<(&str, &str)>,
) -> e2e::api::Answer {
    let mut request = world.api.request(Method::PUT, &at(agent, "/content", path)).body(bytes);
    if let Some((name, value)) = condition {
        request = request.header(name, value);
    }
    send("PUT", request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_go_in_and_come_out_again() {
    let world = World::start().await;
    let agent = awake(&world).await;
    let mut rng = fastrand::Rng::with_seed(7);
    let bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(LARGE).collect();
    let begun = std::time::Instant::now();
    let written = put(&world, &agent, "/workspace/large", bytes.clone(), None).await.expect(200);
    assert_eq!((written["size"].as_u64(), &written["created"]), (Some(LARGE as u64), &json!(true)));
    let up = begun.elapsed();
    let begun = std::time::Instant::now();
    let path = at(&agent, "/content", "/workspace/large");
    let response = world.api.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(response.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(response.headers()["etag"].to_str().unwrap(), written["etag"]);
    let back = response.bytes().await.unwrap();
    println!("100 MiB: {up:?} in, {:?} out", begun.elapsed());
    assert!(back == bytes);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_names() {
    let world = World::start().await;
    let agent = awake(&world).await;
    let names = [
        "a b",
        "quote\"s",
        "new\nline",
        "\u{1b}[31mred",
        "..hidden",
        "-rf",
        "\u{202e}txt.exe",
        "ünï",
        "<script>",
        "%2e%2e",
        "a\\b",
        "CON",
        "'; rm -rf .; '",
    ];
    for name in names {
        let path = format!("/workspace/odd/{name}");
        put(&world, &agent, &path, name.as_bytes().to_vec(), None).await.expect(200);
        let back = world.api.get(&at(&agent, "/content", &path)).await;
        assert_eq!((back.status, back.text.as_str()), (200, name), "{name:?}");
    }
    let list = world.api.get(&at(&agent, "", "/workspace/odd")).await.expect(200);
    let mut listed: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    let mut expected: Vec<Value> = names.iter().map(|name| json!(name)).collect();
    listed.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(listed, expected);
    world.api.get(&at(&agent, "", "relative")).await.refused(400, "validation_error");
    world.api.get(&at(&agent, "/content", "/workspace")).await.refused(409, "unsuitable_inside");
    world.api.get(&at(&agent, "/content", "/nothing")).await.refused(404, "not_found_inside");
    put(&world, &agent, "/usr/bin/mine", Vec::new(), None).await.refused(403, "denied_inside");
    // Outside means the sandbox's own outside: the host's files are not there.
    let data = world.data().display().to_string();
    world.api.get(&at(&agent, "", &data)).await.refused(404, "not_found_inside");
    world.api.delete(&at(&agent, "", "/workspace/odd")).await.refused(409, "unsuitable_inside");
    let whole = format!("{}&recursive=true", at(&agent, "", "/workspace/odd"));
    assert_eq!(world.api.delete(&whole).await.status, 204);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_else_saved_meanwhile_is_not_lost() {
    let world = World::start().await;
    let agent = awake(&world).await;
    let path = "/workspace/notes.md";
    let new = Some(("if-none-match", "*"));
    let first = put(&world, &agent, path, b"one".to_vec(), new).await.expect(200);
    put(&world, &agent, path, b"two".to_vec(), new).await.refused(412, "file_changed");
    let known = first["etag"].as_str().unwrap();
    let second = put(&world, &agent, path, b"two".to_vec(), Some(("if-match", known))).await;
    let second = second.expect(200);
    put(&world, &agent, path, b"mine".to_vec(), Some(("if-match", known)))
        .await
        .refused(412, "file_changed");
    let stat = world.api.get(&at(&agent, "/stat", path)).await.expect(200);
    assert_eq!((&stat["etag"], &stat["kind"]), (&second["etag"], &json!("file")));
    assert_eq!(world.api.get(&at(&agent, "/content", path)).await.text, "two");
    let folder = json!({"path": "/workspace/a/b/c"});
    let made = world.api.post(&format!("/v1/agents/{agent}/files/directories"), &folder).await;
    assert_eq!(made.status, 204, "{}", made.text);
    world.api.get(&at(&agent, "", "/workspace/a/b/c")).await.expect(200);
    world.end().await;
}
