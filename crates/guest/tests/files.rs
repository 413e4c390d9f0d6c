//! File tools.

use super::*;
use protocol::link::{
    CAPABILITY_DRAFT, EditFile, EntryKind, Glob, Grep, ListDir, ReadFile, WriteFile,
};
use std::os::unix::fs::PermissionsExt as _;
use tokio::io::AsyncReadExt as _;

pub fn read(machine: &Machine, path: &str) -> Request {
    Request::ReadFile(ReadFile {
        cwd: machine.workspace(),
        path: path.into(),
        offset_line: 0,
        limit_lines: 2000,
        max_bytes: 100_000,
    })
}

fn write(machine: &Machine, op: &str, path: &str, content: &str) -> Request {
    Request::WriteFile(WriteFile {
        op: id(op),
        cwd: machine.workspace(),
        path: path.into(),
        content: content.into(),
        mode: None,
    })
}

fn edit(machine: &Machine, op: &str, path: &str, old: &str, new: &str) -> Request {
    Request::EditFile(EditFile {
        op: id(op),
        cwd: machine.workspace(),
        path: path.into(),
        old: old.into(),
        new: new.into(),
        all: false,
    })
}

#[tokio::test]
async fn lines_are_read_from_an_offset_up_to_the_limits() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let text: String = (1..=10).map(|line| format!("line {line} ü\n")).collect();
    std::fs::write(machine.path("f"), text.trim_end()).unwrap();
    let wanted = |offset_line, limit_lines, max_bytes| {
        let (cwd, path) = (machine.workspace(), "f".to_owned());
        Request::ReadFile(ReadFile { cwd, path, offset_line, limit_lines, max_bytes })
    };
    for (request, text, lines, truncated) in [
        (wanted(8, 5, 1000), "line 9 ü\nline 10 ü", 2, false),
        (wanted(1, 1, 1000), "line 2 ü\n", 1, true),
        (wanted(0, 9, 8), "line 1 ", 1, true),
        (wanted(99, 9, 8), "", 0, false),
    ] {
        let Answer::File(file) = link.request(request).await.unwrap() else { panic!() };
        assert_eq!((file.text.as_str(), file.lines, file.truncated), (text, lines, truncated));
        assert_eq!((file.total_lines, file.lossy), (10, false));
    }
}

#[tokio::test]
async fn what_is_no_text_file_is_refused_in_words() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    std::fs::write(machine.path("bin"), b"a\0b").unwrap();
    std::fs::create_dir(machine.path("dir")).unwrap();
    let status = link.start(machine.shell("fifo", "mkfifo pipe")).await;
    assert!(status.is_ok() && link.wait(id("fifo")).await.unwrap().code == Some(0));
    for (path, words, code) in [
        ("bin", "binary", FaultCode::Unsuitable),
        ("dir", "is a directory", FaultCode::Unsuitable),
        ("pipe", "not a plain file", FaultCode::Unsuitable),
        ("/dev/zero", "not a plain file", FaultCode::Unsuitable),
        ("none", "does not exist", FaultCode::NotFound),
        ("bin/x", "no directory", FaultCode::NotFound),
        ("", "empty", FaultCode::BadRequest),
        ("a\0b", "zero byte", FaultCode::BadRequest),
    ] {
        let fault = refused(&link, read(&machine, path)).await;
        assert!(fault.code == code && fault.message.contains(words), "{path:?}: {fault:?}");
    }
    let fault = refused(&link, write(&machine, "w", "pipe", "x")).await;
    assert_eq!(fault.code, FaultCode::Unsuitable);
}

#[tokio::test]
async fn a_write_is_atomic_keeps_the_mode_and_follows_a_link() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let outside = machine.folder.path().join("outside");
    std::fs::write(&outside, "old").unwrap();
    std::fs::set_permissions(&outside, std::fs::Permissions::from_mode(0o750)).unwrap();
    std::os::unix::fs::symlink(&outside, machine.path("l")).unwrap();
    let written = link.request(write(&machine, "a", "l", "new")).await.unwrap();
    assert_eq!(written, Answer::Written { bytes: 3, created: false });
    assert!(machine.path("l").is_symlink());
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "new");
    assert_eq!(std::fs::metadata(&outside).unwrap().permissions().mode() & 0o777, 0o750);
    let written = link.request(write(&machine, "b", "deep/er/f", "x")).await.unwrap();
    assert_eq!(written, Answer::Written { bytes: 1, created: true });
    let entries = std::fs::read_dir(machine.path("deep/er")).unwrap().count();
    assert_eq!(entries, 1, "a draft was left");
}

#[tokio::test]
async fn an_edit_made_ready_changes_nothing_and_is_made_only_as_it_was_foreseen() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    assert!(link.can(CAPABILITY_DRAFT));
    let git = machine.path(".git");
    std::fs::create_dir(&git).unwrap();
    let file = machine.path("f");
    let text = || std::fs::read_to_string(&file).unwrap();
    let drafts = || {
        let entries = std::fs::read_dir(&git).unwrap().map(|entry| entry.unwrap());
        entries.filter(|entry| entry.metadata().is_ok_and(|found| found.len() > 0)).count()
    };
    let (mut made, mut other) = (0, 0);
    for (number, (meanwhile, new)) in
        [(None, "A"), (Some("0 a 1"), "A"), (None, "B"), (Some("c"), "A")].iter().enumerate()
    {
        std::fs::write(&file, "a b").unwrap();
        let op = format!("e{number}");
        let Request::EditFile(foreseen) = edit(&machine, &op, "f", "a", "A") else { panic!() };
        assert_eq!(link.request(Request::DraftEdit(foreseen)).await.unwrap(), Answer::Done);
        while drafts() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        assert_eq!(text(), "a b", "changed before it was asked for");
        if let Some(meanwhile) = meanwhile {
            std::fs::write(&file, meanwhile).unwrap();
        }
        let before = text();
        let answer = link.request(edit(&machine, &op, "f", "a", new)).await;
        if before.matches('a').count() == 1 {
            assert!(matches!(answer, Ok(Answer::Edited(_))), "{answer:?}");
            assert_eq!(text(), before.replace('a', new));
            made += 1;
        } else {
            assert!(answer.is_err() && text() == before);
            other += 1;
        }
        while drafts() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    assert_eq!((made, other), (3, 1));
    assert!(std::fs::read_dir(&git).unwrap().count() <= 1, "more than a file for the next draft");
}

#[tokio::test]
async fn a_mutating_call_is_carried_out_once() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    std::fs::write(machine.path("f"), "a b").unwrap();
    let first = link.request(edit(&machine, "e", "f", "a", "a a")).await.unwrap();
    let again = machine.link().await.request(edit(&machine, "e", "f", "a", "a a")).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(std::fs::read_to_string(machine.path("f")).unwrap(), "a a b");
    let link = machine.link().await;
    let fault = refused(&link, edit(&machine, "e2", "f", "none", "x")).await;
    assert_eq!(fault.code, FaultCode::NoMatch);
    std::fs::write(machine.path("f"), "none").unwrap();
    // The same name: told the same again, although it would succeed now.
    assert_eq!(refused(&link, edit(&machine, "e2", "f", "none", "x")).await, fault);
}

#[tokio::test]
async fn a_large_file_is_written_and_read_back() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let text = "0123456789abcde\n".repeat(200_000);
    link.request(write(&machine, "w", "f", &text)).await.unwrap();
    let mut bytes = Vec::new();
    let mut file = link.download(machine.workspace(), "f".into()).await.unwrap();
    file.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes == text.as_bytes());
    let upload = Request::Upload {
        op: id("u"),
        cwd: machine.workspace(),
        path: "g".into(),
        mode: Some(0o755),
        expect: None,
    };
    let answer = link.send(upload, bytes.as_slice()).await.unwrap();
    assert_eq!(answer, Answer::Written { bytes: text.len() as u64, created: true });
    assert!(std::fs::read(machine.path("g")).unwrap() == bytes);
}

#[tokio::test]
async fn directories_globs_and_greps_leave_out_what_git_ignores() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    for (path, text) in [
        (".gitignore", "target\n"),
        ("src/main.rs", "fn main() {\n    needle();\n}\n"),
        ("src/deep/lib.rs", "// Needle\n"),
        ("target/x.rs", "needle\n"),
        (".git/needle.rs", "needle\n"),
        ("bin.rs", "needle\0\n"),
    ] {
        let path = machine.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let cwd = machine.workspace();
    let list = ListDir { cwd: cwd.clone(), path: ".".into(), depth: 2, limit: 100 };
    let Answer::Listing(listing) = link.request(Request::ListDir(list)).await.unwrap() else {
        panic!()
    };
    let paths: Vec<&str> = listing.entries.iter().map(|entry| entry.path.as_str()).collect();
    let all =
        [".git", ".gitignore", "bin.rs", "src", "src/deep", "src/main.rs", "target", "target/x.rs"];
    assert_eq!((paths.as_slice(), listing.entries[0].kind), (&all[..], EntryKind::Directory));
    let glob = |pattern: &str| {
        let (cwd, path) = (cwd.clone(), ".".into());
        Request::Glob(Glob { cwd, pattern: pattern.into(), path, limit: 10 })
    };
    for (pattern, expected) in [("*.rs", 3), ("src/**/*.rs", 2), ("src/*.rs", 1), ("*.{py,md}", 0)]
    {
        let Answer::Paths { paths, more } = link.request(glob(pattern)).await.unwrap() else {
            panic!()
        };
        assert_eq!((paths.len(), more), (expected, false), "{pattern}: {paths:?}");
    }
    assert_eq!(refused(&link, glob("[")).await.code, FaultCode::BadRequest);
    let grep = |pattern: &str, limit, context| {
        let (cwd, path, glob) = (cwd.clone(), ".".into(), Some("*.rs".into()));
        Request::Grep(Grep {
            cwd,
            pattern: pattern.into(),
            path,
            glob,
            ignore_case: true,
            context,
            limit,
        })
    };
    let Answer::Matches(found) = link.request(grep("needle", 10, 1)).await.unwrap() else {
        panic!()
    };
    let shown: Vec<(&str, u64, bool)> =
        found.lines.iter().map(|line| (line.path.as_str(), line.line, line.context)).collect();
    let main = "src/main.rs";
    assert_eq!(
        shown,
        [("src/deep/lib.rs", 1, false), (main, 1, true), (main, 2, false), (main, 3, true)]
    );
    assert_eq!((found.files, found.more), (2, false));
    let Answer::Matches(found) = link.request(grep("needle", 1, 0)).await.unwrap() else {
        panic!()
    };
    assert_eq!((found.lines.len(), found.more), (1, true));
    assert_eq!(refused(&link, grep("(", 1, 0)).await.code, FaultCode::BadRequest);
}

#[tokio::test]
async fn removing_needs_to_be_told_about_full_directories() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    std::fs::create_dir(machine.path("d")).unwrap();
    std::fs::write(machine.path("d/f"), "").unwrap();
    let remove = |op: &str, recursive| Request::Remove {
        op: id(op),
        cwd: machine.workspace(),
        path: "d".into(),
        recursive,
    };
    assert_eq!(refused(&link, remove("a", false)).await.code, FaultCode::Unsuitable);
    link.request(remove("b", true)).await.unwrap();
    assert_eq!(refused(&link, remove("c", true)).await.code, FaultCode::NotFound);
}

#[tokio::test]
async fn file_tools_and_commands_have_the_rights_of_the_agents_user_alone() {
    assert!(rustix::process::geteuid().is_root(), "this test needs root to become another user");
    let ids = guest::sys::Ids { uid: 61234, gid: 61234 };
    let mut machine = Machine::with(|config| config.agent = Some(ids));
    let everyone = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(machine.folder.path(), everyone).unwrap();
    std::os::unix::fs::chown(machine.path(""), Some(61234), Some(61234)).unwrap();
    let secret = machine.folder.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&secret, machine.path("l")).unwrap();
    let link = machine.link().await;
    for request in [
        read(&machine, "l"),
        write(&machine, "w", "l", "x"),
        write(&machine, "w2", "/etc/errand-test", "x"),
        edit(&machine, "e", "l", "secret", "x"),
    ] {
        assert_eq!(refused(&link, request).await.code, FaultCode::Denied);
    }
    link.request(write(&machine, "w3", "own", "x")).await.unwrap();
    let owner =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(machine.path("own")).unwrap());
    assert_eq!(owner, 61234);
    let script = "id -u; grep -E '^(Cap|NoNewPrivs)' /proc/self/status; cat l";
    link.start(machine.shell("a", script)).await.unwrap();
    assert_eq!(link.wait(id("a")).await.unwrap().code, Some(1));
    let text = stdout(&link, "a").await;
    let zero = "0000000000000000";
    let expected =
        ["Inh", "Prm", "Eff", "Bnd", "Amb"].map(|set| format!("Cap{set}:\t{zero}\n")).concat();
    assert_eq!(text, format!("61234\n{expected}NoNewPrivs:\t1\n"));
}

fn upload(machine: &Machine, op: &str, expect: Option<String>) -> Request {
    let (cwd, path) = (machine.workspace(), "kept".to_owned());
    Request::Upload { op: id(op), cwd, path, mode: None, expect }
}

#[tokio::test]
async fn a_file_that_somebody_changed_meanwhile_is_not_overwritten() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    link.send(upload(&machine, "a", Some(String::new())), &b"one"[..]).await.unwrap();
    let stat = Request::Stat { cwd: machine.workspace(), path: "kept".into(), follow: true };
    let Answer::Found(found) = link.request(stat).await.unwrap() else { panic!("not found") };
    std::fs::write(machine.path("kept"), "two").unwrap();
    for (op, expect) in [("b", found.version), ("c", String::new())] {
        match link.send(upload(&machine, op, Some(expect)), &b"mine"[..]).await {
            Err(LinkError::Fault(fault)) => assert_eq!(fault.code, FaultCode::Changed),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(std::fs::read_to_string(machine.path("kept")).unwrap(), "two");
    assert_eq!(std::fs::read_dir(machine.workspace()).unwrap().count(), 1, "a draft was left");
}
