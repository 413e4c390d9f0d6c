//! `errand cp`: files and folders both ways, large ones, hostile names, links left out.

use super::idle;
use super::person::Person;
use e2e::world::World;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

/// A file that does not fit into any buffer.
const LARGE_BYTES: usize = 100_000_000;

/// Bytes that no compression makes small.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    bytes
}

fn listed(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_go_there_and_come_back() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let home = person.home();
    fs::write(home.join("note.txt"), "a note\n").unwrap();
    let there = |path: &str| format!("{agent}:{path}");
    let said = person.says(&["cp", "note.txt", &there("/workspace/")]);
    assert!(said.contains("1 files"), "{said}");
    person.says(&["cp", &there("/workspace/note.txt"), "back.txt"]);
    assert_eq!(fs::read_to_string(home.join("back.txt")).unwrap(), "a note\n");
    // Relative to the workspace, over a file that is there, and empty.
    fs::write(home.join("note.txt"), "").unwrap();
    person.says(&["cp", "note.txt", &there("note.txt")]);
    person.says(&["cp", &there("note.txt"), "back.txt"]);
    assert_eq!(fs::read(home.join("back.txt")).unwrap(), b"");

    let tree = home.join("tree");
    let odd =
        ["a b", "-rf", "ümläut", "semi;colon&", "quote'\"", "new\nline", "per%2fcent", "#hash?x"];
    for name in odd {
        fs::create_dir_all(tree.join(name).join("deep")).unwrap();
        fs::write(tree.join(name).join("deep/file"), name).unwrap();
    }
    fs::create_dir(tree.join("empty")).unwrap();
    symlink("/etc/passwd", tree.join("link")).unwrap();
    symlink("/etc", tree.join("links")).unwrap();
    fs::write(tree.join(std::ffi::OsStr::from_bytes(b"no-\xff-utf8")), "x").unwrap();
    let said = person.says(&["--json", "cp", "tree", &there("/workspace/")]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["files"], odd.len());
    assert_eq!(said["leftOut"].as_array().map(Vec::len), Some(3), "{said}");
    person.says(&["cp", &there("/workspace/tree"), "again"]);
    let mut expected: Vec<String> = odd.map(str::to_owned).to_vec();
    expected.push("empty".to_owned());
    expected.sort();
    assert_eq!(listed(&home.join("again")), expected);
    for name in odd {
        assert_eq!(
            fs::read_to_string(home.join("again").join(name).join("deep/file")).unwrap(),
            name
        );
    }
    // Into a folder that is there, under its own name.
    fs::create_dir(home.join("into")).unwrap();
    person.says(&["cp", &there("tree/a b"), "into"]);
    assert_eq!(listed(&home.join("into")), ["a b"]);
    let (code, complaint) = person.fails(&["cp", &there("/workspace/nowhere"), "x"]);
    assert_eq!(code, 5, "{complaint}");
    assert!(!home.join("x").exists());
    assert_eq!(person.fails(&["cp", "a", "b"]).0, 2);
    let (code, complaint) = person.fails(&["cp", "missing", &there("/workspace/")]);
    assert!(code != 0 && complaint.contains("missing"), "{complaint}");
    let (_, complaint) = person.fails(&["cp", "note.txt", &there("/etc/passwd")]);
    assert!(!complaint.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_go_there_and_come_back() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let large = noise(LARGE_BYTES);
    fs::write(person.home().join("large"), &large).unwrap();
    let began = Instant::now();
    person.says(&["cp", "large", &format!("{agent}:/workspace/large")]);
    let sent = began.elapsed();
    person.says(&["cp", &format!("{agent}:/workspace/large"), "back"]);
    let fetched = began.elapsed() - sent;
    assert!(fs::read(person.home().join("back")).unwrap() == large, "the bytes are the same");
    println!("100 MB: there in {sent:?}, back in {fetched:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_and_links_inside_lead_nowhere_outside() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let home = person.home();
    let mut terminal = person.sits(&["attach", &agent]);
    terminal.shows("/workspace $");
    terminal
        .line("mkdir -p out/sub; cd out; echo in > sub/file; ln -s /etc/passwd link; ln -s / root");
    terminal.line(r"mkfifo pipe; echo x > $'esc\033]0;title\a'; echo x > '..\x'; echo x > .errand-part; echo do''ne");
    terminal.shows("\ndone");
    drop(terminal);
    let shown = person.errand(&["cp", &format!("{agent}:/workspace/out"), "got"]).output().unwrap();
    assert!(shown.status.success(), "{shown:?}");
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(!text.contains('\x1b') && !text.contains('\x07'), "{text:?}");
    for left_out in ["link", "root", "pipe"] {
        assert!(text.contains(&format!("out/{left_out}")), "{left_out} is named: {text}");
        assert!(!home.join("got").join(left_out).exists());
    }
    assert_eq!(fs::read_to_string(home.join("got/sub/file")).unwrap(), "in\n");
    let names = listed(&home.join("got"));
    assert!(
        names.iter().any(|name| name.starts_with(".."))
            && names.contains(&".errand-part".to_owned()),
        "{names:?}"
    );
    // A link on this side, where a file of the machine would go, is replaced and not followed.
    fs::write(home.join("victim"), "untouched").unwrap();
    fs::create_dir_all(home.join("trap/sub")).unwrap();
    symlink(home.join("victim"), home.join("trap/sub/file")).unwrap();
    person.says(&["cp", &format!("{agent}:/workspace/out/sub/file"), "trap/sub/file"]);
    assert_eq!(fs::read_to_string(home.join("victim")).unwrap(), "untouched");
    world.end().await;
}
