//! What shells and `man` are given.

use super::person::{Person, said};
use e2e::world::World;

/// A shell, and how it only reads what it is given.
const SHELLS: [(&str, &str, &[&str]); 3] =
    [("bash", "bash", &["-n"]), ("zsh", "zsh", &["-n"]), ("fish", "fish", &["--no-execute"])];

#[tokio::test(flavor = "multi_thread")]
async fn completions_parse_and_manual_pages_render() {
    let world = World::start().await;
    let person = Person::of(&world);
    let is_there = |program: &str| person.program(program).arg("--version").output().is_ok();
    let mut tried = Vec::new();
    for (shell, program, read) in SHELLS {
        let text = person.says(&["completions", shell]);
        assert!(text.contains("attach") && text.contains("ssh-config"), "{shell}");
        assert!(!text.contains("ssh-proxy"), "{shell}: the inner command stays hidden");
        std::fs::write(person.home().join(shell), text).unwrap();
        if is_there(program) {
            said(person.program(program).args(read).arg(shell).output().unwrap(), &[program]);
            tried.push(program);
        }
    }
    assert!(tried.contains(&"bash"));
    person.says(&["man", "pages"]);
    let pages = std::fs::read_dir(person.home().join("pages")).unwrap();
    let names: Vec<String> =
        pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    for wanted in ["errand.1", "errand-attach.1", "errand-cp.1", "errand-context-use.1"] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} in {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("proxy")), "{names:?}");
    if is_there("groff") {
        for name in &names {
            let path = person.home().join("pages").join(name);
            let output = person
                .program("groff")
                .args(["-man", "-Tutf8", "-ww", "-z"])
                .arg(&path)
                .output()
                .unwrap();
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && complaint.is_empty(), "{name}: {complaint}");
        }
        tried.push("groff");
    }
    println!("{} manual pages; read by {tried:?}", names.len());
    world.end().await;
}
