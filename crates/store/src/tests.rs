//! Tests of this backend: conformance, every statement, crashes, a full disk, and economy.

mod audit;
mod crash;
mod economy;
mod faults;
mod crowd;
mod statements;
mod vault;

use crate::Store;
use crate::conformance::conformance;

#[tokio::test]
async fn a_store_in_memory_conforms() {
    conformance(&Store::memory().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_disk_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance(&Store::open(folder.path()).await.unwrap()).await;
}
