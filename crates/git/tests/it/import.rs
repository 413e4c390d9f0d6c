//! Packs from strangers: good ones arrive, bad ones leave nothing.

use std::path::Path;
use std::time::Duration;

use git::agent_repo::AgentRepo;
use git::error::Error;
use git::name::{CommitId, TreeId};
use git::pack::{ImportLimits, Tip};

use crate::fixture::{Ground, Upstream, git_bytes, git_in};

const LIMITS: ImportLimits = ImportLimits {
    pack_bytes: 8 * 1024 * 1024,
    time: Duration::from_secs(30),
    memory_bytes: 512 * 1024 * 1024,
};

fn pack(from: &Path, revs: &str) -> Vec<u8> {
    git_bytes(from, &["pack-objects", "--revs", "--thin", "--stdout", "-q"], revs)
}

fn files_below(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { 1 + files_below(&path) } else { 1 }).sum()
}

async fn import(
    agent: &AgentRepo,
    mut bytes: &[u8],
    tips: &[Tip],
    known: &[CommitId],
) -> Result<(), Error> {
    agent.import_pack(&mut bytes, LIMITS, tips, known).await
}

async fn refused(agent: &AgentRepo, bytes: &[u8], tips: &[Tip], known: &[CommitId]) -> Error {
    let objects = agent.dir().join("objects");
    let before = files_below(&objects);
    let error = import(agent, bytes, tips, known).await.unwrap_err();
    assert_eq!(files_below(&objects), before, "a refused pack left something: {error}");
    error
}

struct Scene {
    up: Upstream,
    agent: AgentRepo,
    base: CommitId,
    _ground: Ground,
}

async fn scene() -> Scene {
    let ground = Ground::new();
    let up = ground.upstream("up", &[("a", &"line\n".repeat(500)), ("dir/b", "1")]);
    let agent = ground.agent(&up).await;
    Scene { base: up.head(), up, agent, _ground: ground }
}

#[tokio::test]
async fn a_thin_pack_and_a_bare_tree_arrive() {
    let Scene { up, agent, base, _ground } = scene().await;
    let next = up.commit(&[("a", &("line\n".repeat(500) + "more"))], "next");
    let thin = pack(&up.dir, &format!("{next}\n^{base}\n"));
    import(&agent, &thin, &[Tip::Commit(next.clone())], std::slice::from_ref(&base)).await.unwrap();
    assert!(agent.has_commit(&next).await.unwrap());
    // The same once more is no mistake.
    import(&agent, &thin, &[Tip::Commit(next.clone())], &[base]).await.unwrap();

    std::fs::write(up.dir.join("c"), "new").unwrap();
    up.git(&["add", "-A"]);
    let tree = TreeId::parse(up.git(&["write-tree"]).trim()).unwrap();
    let bytes = pack(&up.dir, &format!("{tree}\n^{next}\n"));
    import(&agent, &bytes, &[Tip::Tree(tree)], &[next]).await.unwrap();
}

#[tokio::test]
async fn damaged_and_incomplete_packs_are_refused() {
    let Scene { up, agent, base, _ground } = scene().await;
    let middle = up.commit(&[("a", "2")], "middle");
    let next = up.commit(&[("a", "3")], "next");
    let good = pack(&up.dir, &format!("{next}\n^{base}\n"));
    let tips = [Tip::Commit(next.clone())];
    let known = [base.clone()];

    let mut flipped = good.clone();
    let half = flipped.len() / 2;
    flipped[half] ^= 0xff;
    let gap = pack(&up.dir, &format!("{next}\n^{middle}\n"));
    let other = pack(&up.dir, &format!("{middle}\n^{base}\n"));
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("no pack", &b"hello, this is no pack at all"[..]),
        ("cut", &good[..good.len() - 30]),
        ("flipped", &flipped),
        ("a gap in history", &gap),
        ("another commit", &other),
    ] {
        let error = refused(&agent, bytes, &tips, &known).await;
        assert!(matches!(error, Error::BadObjects { .. }), "{what}: {error:?}");
    }
    let wrong_kind = [Tip::Tree(TreeId::parse(next.as_str()).unwrap())];
    refused(&agent, &good, &wrong_kind, &known).await;
    import(&agent, &good, &tips, &known).await.unwrap();
}

/// A pack of one commit with one odd tree entry.
fn odd_pack(
    up: &Upstream,
    mode: &str,
    kind: &str,
    object: &str,
    name: &str,
) -> (Vec<u8>, CommitId) {
    let line = format!("{mode} {kind} {object}\t{name}\0");
    let tree = if name == ".git"
        || name.eq_ignore_ascii_case(".git")
        || name == ".."
        || name.contains('/')
    {
        raw_tree(up, mode, name, object)
    } else {
        git_in(&up.dir, &["mktree", "-z", "--missing"], line.as_bytes()).trim().to_owned()
    };
    let commit = git_in(&up.dir, &["commit-tree", &tree, "-m", "odd"], b"").trim().to_owned();
    let bytes = git_bytes(
        &up.dir,
        &["pack-objects", "--stdout", "-q"],
        &format!("{commit}\n{tree}\n{object}\n"),
    );
    (bytes, CommitId::parse(&commit).unwrap())
}

fn raw_tree(up: &Upstream, mode: &str, name: &str, object: &str) -> String {
    let mut raw = format!("{} {name}\0", mode.trim_start_matches('0')).into_bytes();
    for pair in object.as_bytes().chunks(2) {
        raw.push(u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    }
    let args = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
    git_in(&up.dir, &args, &raw).trim().to_owned()
}

#[tokio::test]
async fn trees_that_would_write_into_dot_git_are_refused() {
    let Scene { up, agent, base, _ground } = scene().await;
    let blob = git_in(&up.dir, &["hash-object", "-w", "--stdin"], b"[core]\n\tfsmonitor=x\n");
    let blob = blob.trim();
    for name in [".git", ".GIT", ".Git", "..", "a/b"] {
        let (bytes, commit) = odd_pack(&up, "100644", "blob", blob, name);
        let error =
            refused(&agent, &bytes, &[Tip::Commit(commit)], std::slice::from_ref(&base)).await;
        assert!(matches!(error, Error::BadObjects { .. }), "{name}: {error:?}");
    }
    let modules = b"[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=touch\n";
    let modules = git_in(&up.dir, &["hash-object", "-w", "--stdin"], modules);
    let (bytes, commit) = odd_pack(&up, "100644", "blob", modules.trim(), ".gitmodules");
    let error = refused(&agent, &bytes, &[Tip::Commit(commit)], std::slice::from_ref(&base)).await;
    assert!(matches!(error, Error::BadObjects { .. }), "{error:?}");
    let (bytes, commit) = odd_pack(&up, "120000", "blob", modules.trim(), ".gitmodules");
    refused(&agent, &bytes, &[Tip::Commit(commit)], &[base]).await;
}

#[tokio::test]
async fn a_pack_beyond_its_limits_is_refused() {
    let Scene { up, agent, base, _ground } = scene().await;
    let mut noise = String::new();
    for n in 0..200_000u64 {
        noise.push_str(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string());
    }
    let next = up.commit(&[("noise", &noise)], "noise");
    let bytes = pack(&up.dir, &format!("{next}\n^{base}\n"));
    let limits = ImportLimits { pack_bytes: 100_000, ..LIMITS };
    let tips = [Tip::Commit(next)];
    let mut source = bytes.as_slice();
    let error = agent
        .import_pack(&mut source, limits, &tips, std::slice::from_ref(&base))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");

    // A sender that stops in the middle does not hold the place for ever.
    let limits = ImportLimits { time: Duration::from_millis(200), ..LIMITS };
    let (mut stalled, _keep) = tokio::io::duplex(64);
    let error = agent.import_pack(&mut stalled, limits, &tips, &[base]).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert!(
        !std::fs::read_dir(agent.dir().join("objects"))
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with("incoming-") })
    );
}

#[tokio::test]
async fn many_small_packs_are_joined_without_loss() {
    let Scene { up, agent, mut base, _ground } = scene().await;
    let first = base.clone();
    for n in 0..45 {
        let next = up.commit(&[("a", &n.to_string())], "next");
        let bytes = pack(&up.dir, &format!("{next}\n^{base}\n"));
        import(&agent, &bytes, &[Tip::Commit(next.clone())], &[base]).await.unwrap();
        base = next;
    }
    agent.tidy().await.unwrap();
    let packs = std::fs::read_dir(agent.dir().join("objects/pack")).unwrap().count();
    assert!(packs < 45, "{packs}");
    let history = agent.commits_between(&[base], &[first], 100).await.unwrap();
    assert_eq!(history.commits.len(), 45);
}

#[tokio::test]
async fn what_a_crash_left_is_swept() {
    let Scene { agent, _ground, .. } = scene().await;
    let objects = agent.dir().join("objects");
    let before = files_below(&objects);
    std::fs::create_dir_all(objects.join("incoming-x/pack")).unwrap();
    std::fs::create_dir_all(objects.join("tmp_objdir-incoming-y")).unwrap();
    std::fs::write(objects.join("pack/tmp_pack_z"), "half").unwrap();
    agent.sweep().unwrap();
    assert_eq!(files_below(&objects), before);
}
