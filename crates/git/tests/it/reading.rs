//! Reading files, trees, history and differences.

use git::diff::{Diff, DiffOptions, LineKind, Renames, Side, Status};
use git::objects::{EntryKind, FileContent};

use crate::fixture::Ground;

#[tokio::test]
async fn files_and_folders_of_a_commit_are_read() {
    let ground = Ground::new();
    let up = ground
        .upstream("up", &[("AGENTS.md", "be kind\n"), ("src/lib.rs", "x"), ("src/ü\nb", "y")]);
    std::os::unix::fs::symlink("AGENTS.md", up.dir.join("link")).unwrap();
    let id = up.commit(&[], "link");
    let mirror = ground.mirror(&up).await;

    let read = mirror.read_file(&id, "AGENTS.md", 100).await.unwrap().unwrap();
    assert_eq!(read.into_text().as_deref(), Some("be kind\n"));
    assert_eq!(
        mirror.read_file(&id, "AGENTS.md", 3).await.unwrap(),
        Some(FileContent::TooLarge(8))
    );
    for none in ["nope", "src", "no\npe", "../x", "/etc/passwd", "a\0b", "", ":(glob)*"] {
        assert_eq!(mirror.read_file(&id, none, 100).await.unwrap(), None, "{none:?}");
    }

    // One reader answers many questions, also after misses with line breaks in them.
    let mut reader = mirror.reader().await.unwrap();
    assert_eq!(reader.file(&id, "a\nb\nc", 10).await.unwrap(), None);
    let odd = reader.file(&id, "src/ü\nb", 10).await.unwrap();
    assert_eq!(odd, Some(FileContent::Whole(b"y".to_vec())));
    let root = reader.folder(&id, "", 10).await.unwrap().unwrap();
    let kinds: Vec<_> = root.entries.iter().map(|e| (e.shown_path(), e.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("AGENTS.md".to_owned(), EntryKind::File),
            ("link".to_owned(), EntryKind::Link),
            ("src".to_owned(), EntryKind::Folder)
        ]
    );
    assert!(reader.folder(&id, "src/", 1).await.unwrap().unwrap().truncated);
    assert!(reader.folder(&id, "AGENTS.md", 1).await.unwrap().is_none());

    let all = mirror.list_files(&id, "", 10).await.unwrap();
    assert_eq!((all.entries.len(), all.truncated), (4, false));
    assert_eq!(mirror.list_files(&id, "src", 10).await.unwrap().entries.len(), 2);
    assert!(mirror.list_files(&id, "", 3).await.unwrap().truncated);
    assert_eq!(mirror.count_files(&id).await.unwrap(), 4);
}

#[tokio::test]
async fn pointers_to_large_files_are_found_in_every_new_commit_and_in_no_old_one() {
    let ground = Ground::new();
    let pointer = |oid: &str, size: u32| {
        format!(
            "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {size}\n",
            oid.repeat(32)
        )
    };
    let old = pointer("aa", 1);
    let up = ground.upstream("up", &[("old.bin", &old), ("text", "a text")]);
    let base = up.head();
    let almost = "version https://git-lfs.github.com/spec/v1\noid sha256:short\nsize 3\n";
    let long = format!("{}{}", pointer("dd", 4), "x".repeat(1024));
    up.commit(&[("passing", &pointer("bb", 2)), ("odd", almost), ("long", &long)], "first");
    let (third, of_text) =
        (pointer("cc", 3), "talks of version https://git-lfs.github.com/spec/v1");
    std::fs::remove_file(up.dir.join("passing")).unwrap();
    let files = [
        ("a folder/new.bin", third.as_str()),
        ("again.bin", &third),
        ("old-moved", &old),
        ("talk", of_text),
    ];
    let tip = up.commit(&files, "second");
    let mirror = ground.mirror(&up).await;
    let found = mirror.new_large_files(&tip, std::slice::from_ref(&base)).await.unwrap();
    let mut found: Vec<_> =
        found.iter().map(|it| (it.oid[..2].to_owned(), it.size, it.path.as_str())).collect();
    found.sort();
    // One that lies at two paths is told once, one that came and went with its commit.
    assert_eq!(found, [("bb".to_owned(), 2, "passing"), ("cc".to_owned(), 3, "a folder/new.bin")]);
    assert_eq!(mirror.new_large_files(&tip, std::slice::from_ref(&tip)).await.unwrap(), []);
    assert_eq!(mirror.new_large_files(&tip, &[]).await.unwrap().len(), 3);
}

type Files<'a> = &'a [(&'a str, &'a str)];

async fn diff_of(files: (Files<'_>, Files<'_>), options: &DiffOptions) -> Diff {
    let ground = Ground::new();
    let up = ground.upstream("up", files.0);
    let old = up.head();
    for (path, _) in files.0 {
        std::fs::remove_file(up.dir.join(path)).unwrap();
    }
    let new = up.commit(files.1, "second");
    let mirror = ground.mirror(&up).await;
    let diff = mirror.diff(Side::Commit(&old), Side::Commit(&new), options).await.unwrap();
    let stat = mirror.diff_stat(Side::Commit(&old), Side::Commit(&new), options).await.unwrap();
    let counts = |diff: &Diff| -> Vec<_> {
        diff.files
            .iter()
            .map(|f| (f.path().to_owned(), f.additions, f.deletions, f.binary))
            .collect()
    };
    assert_eq!(counts(&diff), counts(&stat));
    diff
}

#[tokio::test]
async fn hunks_belong_to_their_files_whatever_the_names() {
    let odd = [
        "a b",
        "ü",
        "tab\there",
        "line\nbreak",
        "quote\"d",
        "-dash",
        ":colon",
        "x\n@@ -1 +1 @@\n+y",
        "b/a",
    ];
    let old: Vec<_> = odd.iter().map(|name| (*name, "same\nold\n")).collect();
    let new: Vec<_> = odd.iter().map(|name| (*name, "same\nnew\n")).collect();
    let diff = diff_of((&old, &new), &DiffOptions::default()).await;
    assert_eq!(diff.files.len(), odd.len());
    for file in &diff.files {
        assert!(odd.contains(&file.path()), "{:?}", file.path());
        assert_eq!((file.status, file.additions, file.deletions), (Status::Modified, 1, 1));
        let lines: Vec<_> = file.hunks[0].lines.iter().map(|l| (l.kind, l.text.as_str())).collect();
        let (context, removed, added) = (LineKind::Context, LineKind::Removed, LineKind::Added);
        assert_eq!(lines, [(context, "same"), (removed, "old"), (added, "new")]);
    }
}

#[tokio::test]
async fn what_differs_is_listed_with_both_contents_and_renamed_files_as_one() {
    let ground = Ground::new();
    let long = "line\n".repeat(40);
    let up = ground.upstream("up", &[("gone", "x\n"), ("old", &long), (":x\ny", "a"), ("is", "a")]);
    let base = up.head();
    for gone in ["gone", "old", "is"] {
        std::fs::remove_file(up.dir.join(gone)).unwrap();
    }
    std::os::unix::fs::symlink("/etc", up.dir.join("is")).unwrap();
    let tip = up.commit(&[("new", &long), (":x\ny", "b")], "change");
    let mirror = ground.mirror(&up).await;
    let changed = mirror.changed(&base, &tip).await.unwrap();
    assert!(!changed.truncated);
    let mut reader = mirror.reader().await.unwrap();
    let mut told = Vec::new();
    for entry in changed.entries {
        let [mut old, mut new] = [None, None];
        for (side, told) in [(entry.old, &mut old), (entry.new, &mut new)] {
            let Some((kind, id)) = side else { continue };
            let text = reader.blob(&id, 1_000).await.unwrap().unwrap().into_text().unwrap();
            *told = Some((kind, text));
        }
        let name = |path: Vec<u8>| String::from_utf8(path).unwrap();
        told.push((name(entry.path), entry.old_path.map(name), old, new));
    }
    let file = |text: &str| Some((EntryKind::File, text.to_owned()));
    let link = Some((EntryKind::Link, "/etc".to_owned()));
    let entry = |path: &str, was: Option<&str>, old, new| {
        (path.to_owned(), was.map(str::to_owned), old, new)
    };
    let expected = [
        entry(":x\ny", None, file("a"), file("b")),
        entry("gone", None, file("x\n"), None),
        entry("is", None, file("a"), link),
        entry("new", Some("old"), file(&long), file(&long)),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn every_kind_of_change_is_typed() {
    let long = "line\n".repeat(40);
    let old = [
        ("gone", "x\n"),
        ("old-name", long.as_str()),
        ("bin", "\0\u{1}"),
        ("crlf", "a\r\n"),
        ("end", "a"),
    ];
    let new = [
        ("fresh", "y\n"),
        ("new-name", long.as_str()),
        ("bin", "\0\u{2}"),
        ("crlf", "b\r\n"),
        ("end", "b"),
    ];
    let diff = diff_of((&old, &new), &DiffOptions::default()).await;
    let file = |path: &str| diff.files.iter().find(|f| f.path() == path).unwrap();
    assert_eq!(file("gone").status, Status::Deleted);
    assert_eq!((file("fresh").status, file("fresh").old_path.as_deref()), (Status::Added, None));
    assert_eq!(file("new-name").status, Status::Renamed);
    assert_eq!(file("new-name").old_path.as_deref(), Some("old-name"));
    assert!(file("bin").binary && file("bin").hunks.is_empty());
    assert_eq!(file("crlf").hunks[0].lines[1].text, "b\r");
    assert!(file("end").hunks[0].lines.iter().all(|line| line.unterminated));

    let options = DiffOptions { renames: Renames::Ignore, ..DiffOptions::default() };
    let plain = diff_of((&old, &new), &options).await;
    assert!(plain.files.iter().all(|f| f.status != Status::Renamed));
}

#[tokio::test]
async fn a_file_that_becomes_a_link_keeps_the_others_in_step() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1\n"), ("b", "1\n"), ("c", "1\n")]);
    let old = up.head();
    std::fs::remove_file(up.dir.join("b")).unwrap();
    std::os::unix::fs::symlink("a", up.dir.join("b")).unwrap();
    let new = up.commit(&[("a", "2\n"), ("c", "2\n")], "second");
    let mirror = ground.mirror(&up).await;
    let options = DiffOptions::default();
    let diff = mirror.diff(Side::Commit(&old), Side::Commit(&new), &options).await.unwrap();
    assert_eq!(diff.files[1].status, Status::Retyped);
    assert_eq!(diff.files[1].new_kind, Some(EntryKind::Link));
    assert_eq!(diff.files[2].hunks[0].lines[1].text, "2");
    let all = mirror.diff(Side::Empty, Side::Commit(&new), &options).await.unwrap();
    assert!(all.files.iter().all(|f| f.status == Status::Added));
}

#[tokio::test]
async fn committed_attributes_cannot_hide_lines() {
    let ground = Ground::new();
    let up =
        ground.upstream("up", &[(".gitattributes", "* -diff\n*.rs binary\n"), ("a.rs", "1\n")]);
    let old = up.head();
    let new = up.commit(&[("a.rs", "2\n")], "second");
    let mirror = ground.mirror(&up).await;
    let options = DiffOptions::default();
    let diff = mirror.diff(Side::Commit(&old), Side::Commit(&new), &options).await.unwrap();
    assert!(!diff.files[0].binary);
    assert_eq!((diff.files[0].additions, diff.files[0].hunks.len()), (1, 1));
}

#[tokio::test]
async fn a_diff_beyond_its_limit_keeps_names_and_counts() {
    let big = "line\n".repeat(10_000);
    let options = DiffOptions { max_bytes: 4096, ..DiffOptions::default() };
    let diff = diff_of((&[("z", "")], &[("a", &big), ("b", "x\n"), ("z", "")]), &options).await;
    assert!(diff.truncated);
    assert_eq!(diff.files.iter().map(|f| f.additions).collect::<Vec<_>>(), [10_000, 1]);
    assert!(diff.files[1].hunks.is_empty());
    let only_b = DiffOptions { paths: vec!["b".to_owned()], ..DiffOptions::default() };
    let diff = diff_of((&[("z", "")], &[("a", &big), ("b", "x\n"), ("z", "")]), &only_b).await;
    assert_eq!((diff.files.len(), diff.truncated), (1, false));
}

#[tokio::test]
async fn history_is_told_in_order_with_its_authors() {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", "1")]);
    let first = up.head();
    let second = up.commit(&[("a", "2")], "Second\n\nWith a body: \"x\"\tand ü\n");
    up.git(&["checkout", "-q", "-b", "side", first.as_str()]);
    let side = up.commit(&[("b", "1")], "Side");
    up.git(&["checkout", "-q", "main"]);
    up.git(&["merge", "-q", "--no-ff", "-m", "Merge", "side"]);
    let merge = up.head();
    let mirror = ground.mirror(&up).await;

    let listed = mirror
        .commits_between(std::slice::from_ref(&merge), std::slice::from_ref(&first), 10)
        .await
        .unwrap();
    assert_eq!((listed.commits.len(), listed.truncated), (3, false));
    let last = &listed.commits[2];
    assert_eq!((&last.id, &last.parents), (&merge, &vec![second.clone(), side.clone()]));
    let told = listed.commits.iter().find(|c| c.id == second).unwrap();
    assert_eq!(told.message.trim_end(), "Second\n\nWith a body: \"x\"\tand ü");
    assert_eq!((told.author.when.seconds, told.author.when.offset_minutes), (1_700_000_000, 330));
    assert_eq!(told.tree, mirror.tree_of(&second).await.unwrap());
    assert!(mirror.commits_between(std::slice::from_ref(&merge), &[], 1).await.unwrap().truncated);
    // An id that is not here excludes nothing.
    let unknown = git::name::CommitId::parse(&"1".repeat(40)).unwrap();
    let all = mirror
        .commits_between(std::slice::from_ref(&merge), std::slice::from_ref(&unknown), 10)
        .await
        .unwrap();
    assert_eq!(all.commits.len(), 4);

    assert!(mirror.is_ancestor(&first, &merge).await.unwrap());
    assert!(!mirror.is_ancestor(&second, &side).await.unwrap());
    assert_eq!(mirror.merge_base(&second, &side).await.unwrap(), Some(first));
    assert!(mirror.is_ancestor(&unknown, &merge).await.is_err());
}
