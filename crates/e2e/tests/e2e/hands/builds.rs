//! Builds as people start them, and carry them from one server to another.

use super::person::Person;
use e2e::samples::Repository;
use e2e::world::World;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_build_goes_to_another_server_in_a_file() {
    let (here, there) = (World::start().await, World::start().await);
    let repository = here.repository("sample");
    let (giving, taking) = (Person::of(&here), Person::of(&there));
    giving.says(&["build", "start", "--repo", &repository.url()]);
    let listed: Value = serde_json::from_str(&giving.says(&["--json", "build", "ls"])).unwrap();
    let layer = listed["items"][0]["layer"].as_str().unwrap();
    let written = giving.says(&["build", "export", layer, "-o", "web.tar.zst"]);
    assert!(written.contains("web.tar.zst"), "{written}");
    let (code, complaint) = giving.fails(&["build", "export", layer, "-o", "web.tar.zst"]);
    assert!(code == 2 && complaint.contains("is there already"), "{code} {complaint}");

    let same = Repository::empty(&there.repos(), "sample");
    repository.git(&["push", &same.url(), "main"]);
    let file = giving.home().join("web.tar.zst");
    let import = ["build", "import", file.to_str().unwrap(), "--repo", &same.url()];
    let taken = taking.says(&import);
    assert!(taken.contains(&format!("new agents begin with {layer}")), "{taken}");
    let (code, complaint) = taking.fails(&import);
    assert!(code == 2 && complaint.contains("already"), "{code} {complaint}");
    std::fs::write(&file, "something else").unwrap();
    let (code, complaint) = taking.fails(&import);
    assert!(code == 2 && complaint.contains("no file that `errand build export` wrote"), "{code}");
    there.end().await;
    here.end().await;
}
