//! Builds as people start them, and carry them from one server to another.

use super::person::Person;
use e2e::samples::Repository;
use e2e::world::World;
use serde_json::{Value, json};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_an_install_leaves_that_runs_by_itself_is_told() {
    let world = World::with("[builds]\nautomatic = false\n").await;
    let (repository, person) = (world.repository("sample"), Person::of(&world));
    let build = |install: &str| {
        let file = json!({ "install": install }).to_string();
        repository.push("main", "Describe the machine", &[(".errand/environment.json", &file)]);
        person.says(&["build", "start", "--repo", &repository.url()]);
        let listed: Value = serde_json::from_str(&person.says(&["--json", "build", "ls"])).unwrap();
        let of = |name: &str| listed["items"][0][name].as_str().unwrap().to_owned();
        (of("id"), of("layer"))
    };
    let told = |layer: &str| -> Value {
        serde_json::from_str(&person.says(&["--json", "build", "changes", layer])).unwrap()
    };
    let words = |told: &Value| -> Vec<String> {
        let word = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        let items = told["items"].as_array().unwrap().iter();
        items.map(|it| ["change", "kind", "path"].map(|name| word(it, name)).join(" ")).collect()
    };

    let good = "mkdir -p ~/.local/bin && cd ~/.local/bin && echo tool > tool && chmod +x tool && \
                echo '# ours' >> ~/.bashrc";
    let (first, layer) = build(good);
    let text = person.says(&["build", "changes", &layer]);
    assert!(text.contains("what it brings that runs by itself:"), "{text}");
    let expected =
        ["added startup /home/agent/.bashrc", "added program /home/agent/.local/bin/tool"];
    assert_eq!(words(&told(&layer)), expected);
    let (_, same) = build(&format!("{good} && true"));
    let text = person.says(&["build", "changes", &same]);
    assert!(text.starts_with("nothing that runs by itself differs from bc-"), "{text}");
    assert_eq!(told(&same)["beside"], first);

    let trojan = "echo evil > git && chmod +x git && ln -s /tmp/evil ssh && \
                  echo 'touch ~/ran' >> ~/.bashrc && git config --global core.pager 'touch ~/ran'";
    let (_, layer) = build(&format!("{good} && {trojan}"));
    let expected = [
        "changed startup /home/agent/.bashrc",
        "added startup /home/agent/.gitconfig",
        "added knownProgram /home/agent/.local/bin/git",
        "added knownProgram /home/agent/.local/bin/ssh",
    ];
    assert_eq!(words(&told(&layer)), expected, "T-CTX 08, 09");

    // A crowd hides nothing of what matters.
    let crowd = "seq -f x%g 2100 | xargs touch && chmod +x x*";
    let (_, layer) = build(&format!("{good} && {crowd} && echo other > git && chmod +x git"));
    let (told, text) = (told(&layer), person.says(&["build", "changes", &layer]));
    assert_eq!(told["whole"], false);
    assert!(words(&told).contains(&"changed knownProgram /home/agent/.local/bin/git".to_owned()));
    assert!(text.contains("it brings more programs than are told here"), "{text}");
    world.end().await;
}
