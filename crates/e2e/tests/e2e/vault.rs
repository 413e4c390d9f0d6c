//! The key of stored values, replaced while the server works and is killed, and kept by KMS.

use crate::aws::{Outside, installed};
use crate::base::refusal_in;
use e2e::api::send;
use e2e::count::{count, seeded};
use e2e::world::{World, eventually, shell};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Enough for several batches.
const SECRETS: usize = 450;

async fn put(world: &World, name: &str, value: &str) {
    let path = format!("/v1/team/secrets/{name}");
    let body = json!({ "value": value, "plain": true });
    let answer = send(&path, world.api.request(Method::PUT, &path).json(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

async fn vault(world: &World) -> Value {
    world.api.get("/v1/vault").await.expect(200)
}

async fn rotated(world: &World) {
    eventually("all values are wrapped with the newest key", async || {
        let vault = vault(world).await;
        vault["rotating"] == false && vault["waiting"] == 0
    })
    .await;
}

async fn remove_older(world: &World) -> Value {
    world.api.delete("/v1/vault/older-keys").await.expect(200)
}

fn keys(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.data().join("keys")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut keys: Vec<_> = names.filter(|name| name.starts_with("kek")).collect();
    keys.sort();
    keys
}

/// An agent is given the value of a secret.
async fn is_given(world: &World, value: &str) {
    let job = world.chore(&[shell("echo $SHOP_KEY | rev"), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    let turned: String = value.chars().rev().collect();
    assert!(outputs[0].contains(&turned), "{outputs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_replaced_under_a_server_that_is_killed_meanwhile() {
    let mut world = World::start().await;
    let mut rng = seeded();
    put(&world, "SHOP_KEY", "first-value-of-shop").await;
    for number in 1..count(120, SECRETS) {
        put(&world, &format!("KEY_{number}"), &format!("a-value-of-{number}")).await;
    }
    let rounds = count(3, 12);
    for _ in 0..rounds {
        world.api.poke("/v1/vault/rotate").await.expect(200);
        tokio::time::sleep(Duration::from_millis(rng.u64(0..40))).await;
        world.kill();
        world.boot();
        rotated(&world).await;
    }
    let newest = rounds as u64 + 1;
    assert_eq!(vault(&world).await["current"], newest);
    let doctor = world.api.get("/v1/doctor").await.expect(200).to_string();
    assert!(doctor.contains("errand vault remove-old"), "{doctor}");
    let removed = remove_older(&world).await;
    assert_eq!(removed["removed"].as_array().unwrap().len(), rounds, "{removed:#}");
    assert_eq!(keys(&world), [format!("kek.{newest}")]);
    world.kill();
    world.boot();
    is_given(&world, "first-value-of-shop").await;
    let records = world.api.get("/v1/audit?kind=vault&limit=100").await.expect(200).to_string();
    for kind in ["vault.rotated", "vault.rewrapped", "vault.keys_removed"] {
        assert!(records.contains(kind), "{records}");
    }
    let made = world.api.post("/v1/api-keys", &json!({ "name": "other" })).await.expect(201);
    let other = world.api.with_token(made["token"].as_str().unwrap());
    other.poke("/v1/vault/rotate").await.refused(403, "role_forbidden");
    other.get("/v1/vault").await.refused(403, "role_forbidden");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_keeps_the_key_and_without_it_the_server_does_not_start() {
    if count(0, 1) == 0 {
        println!("SKIPPED 1: KMS is tried with ERRAND_TEST_COUNTS=full only");
        return;
    }
    let Some(python) = installed() else {
        println!("SKIPPED 1: moto is not installed: python3 or its network is missing");
        return;
    };
    let mut outside = Outside::start(&python);
    let (key, url) = (outside.kms_key(), outside.plain());
    let vault_table = format!("[vault]\nkms_key = {key:?}\nkms_url = {url:?}\n");
    let mut world = World::with(&(outside.config() + &vault_table)).await;
    put(&world, "SHOP_KEY", "first-value-of-shop").await;
    assert_eq!(keys(&world), ["kek.1.sealed"]);
    world.api.poke("/v1/vault/rotate").await.expect(200);
    rotated(&world).await;
    remove_older(&world).await;
    assert_eq!(keys(&world), ["kek.2.sealed"]);
    let shown = vault(&world).await;
    assert_eq!(shown["generations"][0]["kmsKey"], outside.kms_key(), "{shown:#}");
    world.kill();
    world.boot();
    is_given(&world, "first-value-of-shop").await;

    // As another generation KMS opens it for nobody.
    world.kill();
    let folder = world.data().join("keys");
    let named = |name: &str| folder.join(name);
    // Not a copy: the file belongs to the server's user.
    std::fs::hard_link(named("kek.2.sealed"), named("kek.3.sealed")).unwrap();
    let said = refusal_in(&world.data());
    assert!(said.contains("kek.3.sealed") && said.contains("InvalidCiphertext"), "{said}");
    std::fs::remove_file(named("kek.3.sealed")).unwrap();

    // Back to a file: KMS is asked once more, and then never again.
    let file = world.data().join("errand.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&format!("{:?}", outside.kms_key()), "\"\"")).unwrap();
    world.boot();
    is_given(&world, "first-value-of-shop").await;
    world.api.poke("/v1/vault/rotate").await.expect(200);
    rotated(&world).await;
    world.kill();
    std::fs::rename(named("kek.3"), named("away")).unwrap();
    assert!(refusal_in(&world.data()).contains("generation 3"));
    std::fs::rename(named("away"), named("kek.3")).unwrap();
    outside.stop();
    world.boot();
    assert_eq!(remove_older(&world).await["removed"], json!([2]));
    is_given(&world, "first-value-of-shop").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_kms_is_away_says_so_and_ends() {
    let mut world = World::start().await;
    world.kill();
    let file = world.data().join("errand.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    // Nobody listens there.
    text += "\n[aws]\naccess_key_id = \"AKIA\"\nsecret_access_key = \"x\"\n[vault]\n\
             kms_key = \"arn:aws:kms:eu-west-1:123456789012:key/a\"\nkms_url = \"http://127.0.0.1:9/\"\n";
    let before = std::fs::read_to_string(&file).unwrap();
    let sealed = world.data().join("keys/kek.2.sealed");
    let kept =
        json!({ "kmsKey": "arn:aws:kms:eu-west-1:123456789012:key/a", "ciphertext": "AA==" });
    std::fs::write(&file, text).unwrap();
    std::fs::write(&sealed, kept.to_string()).unwrap();
    let owner = std::fs::metadata(world.data().join("keys/kek")).unwrap();
    std::fs::set_permissions(&sealed, owner.permissions()).unwrap();
    use std::os::unix::fs::MetadataExt as _;
    std::os::unix::fs::chown(&sealed, Some(owner.uid()), Some(owner.gid())).unwrap();
    let said = refusal_in(&world.data());
    assert!(said.contains("kek.2.sealed") && said.contains("KMS gave no answer"), "{said}");
    std::fs::remove_file(&sealed).unwrap();
    std::fs::write(&file, before).unwrap();
    world.boot();
    world.end().await;
}
