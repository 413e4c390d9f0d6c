//! Disks that are frozen, and disks that begin with what another held.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use protocol::ids::{Epoch, LayerId, OrgId};
use rustix::process::Signal;
use sandbox::local::layers::freeze::Step;
use sandbox::provider::{Layer, Provider, ProviderError, SandboxSpec};

use super::abuse;
use super::bench::{Bench, Inside, example, is_root};
use super::host::Host;

/// Lists every entry of the disk with all that belongs to it, times of folders' own roots left out.
const LIST: &str = r#"
    cd /; set -- workspace home/agent opt var/tmp
    find $@ -mindepth 1 -path opt/errand -prune -o -type d -printf '%p %y %m %U %G %T@\n' \
        -o -printf '%p %y %m %U %G %n %s %T@ %l\n' | LC_ALL=C sort
    find $@ -path opt/errand -prune -o -type f -size -100k -print0 | LC_ALL=C sort -z \
        | xargs -0 cat | sha256sum
    stat -c %i workspace/d/one workspace/d/two | uniq | wc -l
    perl -e '($p, $n, $v) = ("/workspace/d/one", "user.note", "\0" x 9); syscall(GETXATTR, $p, $n, $v, 9); print $v'
    perl -e '($p, $n, $v) = ("/workspace/d", "user.note", "\0" x 9); syscall(GETXATTR, $p, $n, $v, 9); print $v'"#;
/// Makes one of everything, as the agent.
pub const MAKE: &str = r#"
    umask 022; mkdir -p /workspace/d/e ~/.cache /var/tmp/shut
    echo one > /workspace/d/one; chmod 640 /workspace/d/one; ln /workspace/d/one /workspace/d/two
    ln -s one /workspace/d/link; ln -s /etc/shadow ~/outside; ln -s ../../../../.. ~/up
    mkfifo /workspace/d/pipe; chmod 2750 /workspace/d/e; printf '#!/bin/sh\n' > ~/run; chmod 755 ~/run
    touch -d 2001-02-03T04:05:06 /workspace/d/link ~/run; chmod 700 /var/tmp/shut
    cd /workspace; mkdir names; cd names
    touch -- -rf ' ' "$(printf 'a\nb')" "$(printf '\377\376')" '$(id)' 'a:b,c\d' .wh.one \
        "$(head -c 255 /dev/zero | tr '\0' n)"
    mkdir -p "$(printf 'x/%.0s' $(seq 40))"; truncate -s 1G sparse
    perl -e '($p, $n, $v) = @ARGV; syscall(SETXATTR, $p, $n, $v, 5, 0) == 0 or die' \
        /workspace/d/one user.note hello
    perl -e '($p, $n, $v) = @ARGV; syscall(SETXATTR, $p, $n, $v, 5, 0) == 0 or die' \
        /workspace/d user.note there"#;

fn numbered(script: &str) -> String {
    let set = libc::SYS_setxattr.to_string();
    let get = libc::SYS_getxattr.to_string();
    script.replace("SETXATTR", &set).replace("GETXATTR", &get)
}

pub fn layer_id() -> LayerId {
    LayerId::from_uuid(uuid::Uuid::new_v4())
}

pub async fn list(inside: &mut Inside) -> String {
    // Its root sees into closed directories; an ordinary user's agent owns everything anyway.
    let user = if is_root() { "as-root" } else { "as-agent" };
    let (code, text) = inside.run(user, &["sh", "-c", &numbered(LIST)]).await;
    assert_eq!(code, 0, "{text}");
    text
}

pub async fn must(inside: &mut Inside, script: &str) -> String {
    let (code, text) = inside.sh(&format!("set -e; {}", numbered(script))).await;
    assert_eq!(code, 0, "{script}: {text}");
    text
}

/// Stops the machine, freezes its disk, and starts the next epoch.
pub async fn freeze(bench: &Bench, spec: &mut SandboxSpec) -> (Layer, Inside) {
    bench.provider.stop(spec.key).await.unwrap();
    let layer = bench.provider.freeze(spec.key.agent, layer_id()).await.unwrap();
    spec.key.epoch = spec.key.epoch.next();
    bench.provider.create(spec).await.unwrap();
    (layer, bench.inside(spec.key).await)
}

async fn fork(bench: &Bench, layer: LayerId) -> (SandboxSpec, Inside) {
    bench.start_with(|spec| spec.layers = vec![layer]).await
}

fn is_refused<T>(result: Result<T, ProviderError>, word: &str) -> bool {
    matches!(result, Err(ProviderError::Refused(words)) if words.contains(word))
}

#[tokio::test]
async fn a_fork_finds_every_file_as_it_was_and_nobody_sees_the_others_changes() {
    let host = Host::look();
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    must(&mut inside, MAKE).await;
    if is_root() {
        let line = "mkdir /opt/made; echo r > /opt/made/root; echo w > /opt/made/web; \
            chown 33:33 /opt/made/web; chmod 4755 /opt/made/root";
        assert_eq!(inside.run("as-root", &["sh", "-c", line]).await.0, 0);
    }
    let before = list(&mut inside).await;
    assert!(before.contains("names/-rf f 644 1000 1000"), "{before}");
    let (layer, mut inside) = freeze(&bench, &mut spec).await;
    assert_eq!(list(&mut inside).await, before);
    let (forked, mut in_fork) = fork(&bench, layer.id).await;
    assert_eq!(list(&mut in_fork).await, before);
    if is_root() {
        let (_, a) = inside.sh("cat /proc/self/uid_map").await;
        let (_, b) = in_fork.sh("cat /proc/self/uid_map").await;
        assert_ne!(a, b, "two sandboxes share user ids");
        let line = "stat -c '%U %u %a' /opt/made/root /opt/made/web";
        assert_eq!(in_fork.sh(line).await.1, "root 0 4755\nwww-data 33 644");
    }
    must(&mut in_fork, "echo theirs > /workspace/d/one; rm ~/run; echo x > ~/new").await;
    must(&mut inside, "echo ours > /workspace/d/one; rm -r /workspace/names; echo y > ~/more")
        .await;
    assert_eq!(
        must(
            &mut in_fork,
            "cat /workspace/d/one; stat -c %u:%a /workspace/d/one; ls ~; ls /workspace"
        )
        .await,
        "theirs\n1000:640\nnew\noutside\nup\nd\nnames"
    );
    assert_eq!(
        must(&mut inside, "cat /workspace/d/one; ls ~; ls /workspace").await,
        "ours\nmore\noutside\nrun\nup\nd"
    );
    let (third, mut in_third) = fork(&bench, layer.id).await;
    assert_eq!(list(&mut in_third).await, before, "the layer itself changed");
    for key in [spec.key, forked.key, third.key] {
        bench.provider.destroy(key).await.unwrap();
    }
    bench.provider.remove_layer(layer.id).await.unwrap();
    host.assert_unchanged();
}

/// Changes of every kind to what lies in a layer.
pub const CHANGE: &str = r"
    cd /workspace; rm d/link; rm -r d/e; mkdir d/e; echo fresh > d/e/fresh; chmod 600 ~/run
    rm -r names; echo file > names; mv ~/outside ~/moved; rm -r /var/tmp/shut
    mkdir -p left/below; echo x > left/below/x";
const CHANGE_AGAIN: &str = r"
    cd /workspace; rm names; mkdir names; echo y > names/y; rm -r left/below; mkdir left/below
    echo again >> ~/run; rm d/e/fresh; ln names/y names/z; mv left right; test ! -e left";

#[tokio::test]
async fn deleted_and_replaced_files_stay_so_two_layers_deep_and_merged() {
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    must(&mut inside, MAKE).await;
    let (first, mut inside) = freeze(&bench, &mut spec).await;
    must(&mut inside, CHANGE).await;
    let changed = list(&mut inside).await;
    assert!(!changed.contains("names/") && !changed.contains("d/link"), "{changed}");
    let (second, mut inside) = freeze(&bench, &mut spec).await;
    assert_eq!((second.below.as_slice(), second.parent()), ([first.id].as_slice(), Some(first.id)));
    assert_eq!(list(&mut inside).await, changed);
    let (forked, mut in_fork) = fork(&bench, second.id).await;
    assert_eq!(list(&mut in_fork).await, changed);
    must(&mut inside, CHANGE_AGAIN).await;
    let last = list(&mut inside).await;
    let (third, mut inside) = freeze(&bench, &mut spec).await;
    assert_eq!(list(&mut inside).await, last);
    let (deep, mut in_deep) = fork(&bench, third.id).await;
    assert_eq!(list(&mut in_deep).await, last);
    assert_eq!(list(&mut in_fork).await, changed, "a fork saw a later layer");
    for key in [deep.key, forked.key] {
        bench.provider.destroy(key).await.unwrap();
    }
    merged_layers_show_the_same(&bench, &mut spec, &third, &last).await;
    bench.provider.destroy(spec.key).await.unwrap();
}

async fn merged_layers_show_the_same(
    bench: &Bench,
    spec: &mut SandboxSpec,
    top: &Layer,
    expected: &str,
) {
    let (agent, id) = (spec.key.agent, layer_id());
    assert!(is_refused(bench.provider.flatten(agent, id).await, "stop it first"));
    bench.provider.stop(spec.key).await.unwrap();
    for _ in 0..2 {
        let merged = bench.provider.flatten(agent, id).await.unwrap();
        assert_eq!((merged.id, merged.parent()), (id, None));
    }
    let size = bench.provider.settle(id).await.unwrap().size.unwrap();
    assert!(size.files > 5 && size.bytes < 1 << 20, "a hole was filled: {size:?}");
    for gone in [top.id].into_iter().chain(top.below.iter().rev().copied()) {
        bench.provider.remove_layer(gone).await.unwrap();
    }
    spec.key.epoch = spec.key.epoch.next();
    bench.provider.create(spec).await.unwrap();
    assert_eq!(list(&mut bench.inside(spec.key).await).await, expected);
    let (forked, mut in_fork) = fork(bench, id).await;
    assert_eq!(list(&mut in_fork).await, expected);
    bench.provider.destroy(forked.key).await.unwrap();
}

#[tokio::test]
async fn layers_are_weighed_kept_while_used_and_removed_when_old() {
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    must(&mut inside, "head -c 1M /dev/urandom > /workspace/a; ln /workspace/a /workspace/b").await;
    let (first, mut inside) = freeze(&bench, &mut spec).await;
    must(&mut inside, "echo x > ~/x").await;
    let (second, _inside) = freeze(&bench, &mut spec).await;
    let size = bench.provider.settle(first.id).await.unwrap().size.unwrap();
    assert!((1 << 20..2 << 20).contains(&size.bytes), "{size:?}");
    let listed = bench.provider.layers().await.unwrap();
    assert_eq!(listed.iter().map(|l| l.id).collect::<Vec<_>>(), [first.id, second.id]);
    assert!(listed.iter().all(|l| l.made_at_ms > 0 && l.last_used_ms >= l.made_at_ms));
    assert!(is_refused(bench.provider.remove_layer(first.id).await, "stands on"));
    bench.provider.destroy(spec.key).await.unwrap();
    assert!(is_refused(bench.provider.remove_layer(first.id).await, "stands on"));
    // Only the upper one was used since: the lower one is needed by it.
    let (forked, _) = fork(&bench, second.id).await;
    bench.provider.destroy(forked.key).await.unwrap();
    let used = bench.provider.layers().await.unwrap().pop().unwrap().last_used_ms;
    assert_eq!(bench.provider.remove_unused_layers(used).await.unwrap(), []);
    let removed = bench.provider.remove_unused_layers(u64::MAX).await.unwrap();
    assert_eq!(removed, [second.id, first.id]);
    for dir in ["layers", "making", "trash", "disks", "leases"] {
        let dir = bench.config.launcher.state_dir.join(dir);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "{dir:?}");
    }
}

#[tokio::test]
async fn a_disk_begins_only_with_layers_of_its_own_organisation_and_keeps_what_it_began_with() {
    let bench = Bench::new();
    let (mut spec, _) = bench.start().await;
    let (layer, _) = freeze(&bench, &mut spec).await;
    let mut other = super::bench::spec();
    other.org = OrgId("other".to_owned());
    other.layers = vec![layer.id];
    assert!(is_refused(bench.provider.create(&other).await, "there is no layer"));
    let mut later = spec.clone();
    later.key.epoch = later.key.epoch.next();
    later.layers = vec![layer.id];
    assert!(is_refused(bench.provider.create(&later).await, "began with other layers"));
    let (mut forked, mut inside) = fork(&bench, layer.id).await;
    must(&mut inside, "echo kept > ~/note").await;
    forked.key.epoch = Epoch(2);
    bench.provider.create(&forked).await.unwrap();
    assert_eq!(must(&mut bench.inside(forked.key).await, "cat ~/note").await, "kept");
    for key in [spec.key, forked.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

#[tokio::test]
async fn layers_of_several_agents_lie_over_each_other_in_the_order_asked_for() {
    let bench = Bench::new();
    let mut made = Vec::new();
    for name in ["first", "second"] {
        let (mut spec, mut inside) = bench.start().await;
        let line =
            format!("echo {name} > ~/both; mkdir -p ~/dir; touch ~/dir/{name} /workspace/{name}");
        must(&mut inside, &line).await;
        let (below, mut inside) = freeze(&bench, &mut spec).await;
        must(&mut inside, "touch ~/dir/upper").await;
        let (layer, _) = freeze(&bench, &mut spec).await;
        bench.provider.destroy(spec.key).await.unwrap();
        made.extend([below.id, layer.id]);
    }
    let [a, b, c, d] = made.as_slice() else { panic!("{made:?}") };
    for (asked, stack, top) in
        [([*b, *d], [*a, *b, *c, *d], "second"), ([*d, *b], [*c, *d, *a, *b], "first")]
    {
        let (spec, mut inside) = bench.start_with(|spec| spec.layers = asked.to_vec()).await;
        let seen = must(&mut inside, "cat ~/both; ls ~/dir /workspace; stat -c %u ~/dir/*").await;
        let all = "/home/agent/dir:\nfirst\nsecond\nupper\n\n/workspace:\nfirst\nsecond";
        assert_eq!(seen, format!("{top}\n{all}\n1000\n1000\n1000"));
        must(&mut inside, "echo new >> ~/dir/first; chmod 600 ~/dir/second").await;
        bench.provider.stop(spec.key).await.unwrap();
        let layer = bench.provider.freeze(spec.key.agent, layer_id()).await.unwrap();
        assert_eq!(layer.below, stack);
        bench.provider.destroy(spec.key).await.unwrap();
    }
}

/// A repository of some files, with a name for its author.
const REPOSITORY: &str = r"
    cd /workspace; git init -q -b main r; cd r; git config user.name a; git config user.email a@b
    for i in $(seq 50); do mkdir -p d$i; echo $i > d$i/f; done; git add .; git commit -q -m one";
/// Work on it that touches every part of it.
const GIT_WORK: &str = r"
    cd /workspace/r; git status --porcelain; git switch -q -c work; echo new >> d1/f; git rm -q d2/f
    git mv d3/f d3/g; mv d4 moved; git add -A; git commit -q -m two; git gc -q; git switch -q main
    git merge -q work; git fsck --strict; git stash list; git status --porcelain; cat d1/f d3/g moved/f
    git clone -q . ../copy; git -C ../copy rev-list --count HEAD; ls -d d2 d4 2>&1 | grep -c 'No such'";

#[tokio::test]
async fn git_works_on_a_repository_in_a_layer() {
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    must(&mut inside, REPOSITORY).await;
    let (layer, mut inside) = freeze(&bench, &mut spec).await;
    let (forked, mut in_fork) = fork(&bench, layer.id).await;
    for inside in [&mut inside, &mut in_fork] {
        assert_eq!(must(inside, GIT_WORK).await, "1\nnew\n3\n4\n2\n2");
    }
    for key in [spec.key, forked.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

#[tokio::test]
async fn a_disk_of_before_layers_goes_on_and_can_be_frozen() {
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    must(&mut inside, MAKE).await;
    let before = list(&mut inside).await;
    bench.provider.stop(spec.key).await.unwrap();
    let disk = bench.config.launcher.state_dir.join("disks").join(spec.key.agent.to_string());
    for fact in ["org", "ids", "began", "stack"] {
        fs::remove_file(disk.join(fact)).unwrap();
    }
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o700)).unwrap();
    let (layer, mut inside) = freeze(&bench, &mut spec).await;
    assert_eq!((layer.org, layer.below), (spec.org.clone(), Vec::new()));
    assert_eq!(list(&mut inside).await, before);
    bench.provider.destroy(spec.key).await.unwrap();
}

fn stress(arguments: &[&str]) -> Output {
    let program: PathBuf = example("freeze_at_the_limit");
    #[expect(clippy::disallowed_methods, reason = "the process is killed, so it cannot be ours")]
    let mut command = Command::new(program);
    command.args(arguments).output().unwrap()
}

#[tokio::test]
async fn a_kill_at_any_step_of_freezing_leaves_the_old_state_or_the_new_one() {
    let mut bench = Bench::new();
    for (index, step) in Step::ALL.into_iter().enumerate() {
        let (mut spec, mut inside) = bench.start().await;
        must(&mut inside, MAKE).await;
        let before = list(&mut inside).await;
        bench.provider.stop(spec.key).await.unwrap();
        let (agent, layer) = (spec.key.agent, layer_id());
        let state = bench.config.launcher.state_dir.display().to_string();
        let (step_index, id) = (index.to_string(), layer.to_string());
        let killed = stress(&["die", &state, &agent.to_string(), &id, &step_index]);
        assert_eq!(killed.status.signal(), Some(Signal::KILL.as_raw()), "{step:?}: {killed:?}");
        if index % 2 == 0 {
            bench = bench.restart();
        }
        spec.key.epoch = Epoch(2);
        bench.provider.create(&spec).await.unwrap();
        assert_eq!(list(&mut bench.inside(spec.key).await).await, before, "after {step:?}");
        let layers = bench.provider.layers().await.unwrap();
        let made = layers.iter().any(|made| made.id == layer);
        assert_eq!(made, index >= 3, "after {step:?}");
        bench.provider.stop(spec.key).await.unwrap();
        assert_eq!(bench.provider.freeze(agent, layer).await.unwrap().id, layer);
        let (forked, mut in_fork) = fork(&bench, layer).await;
        assert_eq!(list(&mut in_fork).await, before, "after {step:?}");
        for key in [spec.key, forked.key] {
            bench.provider.destroy(key).await.unwrap();
        }
        bench.provider.remove_layer(layer).await.unwrap();
        let making = bench.config.launcher.state_dir.join("making");
        assert_eq!(fs::read_dir(making).unwrap().count(), 0, "after {step:?}");
    }
}

#[test]
fn a_full_disk_leaves_the_old_state_and_says_so() {
    let host = Host::look();
    let dir = tempfile::tempdir().unwrap();
    let done = stress(&["full", &dir.path().display().to_string()]);
    assert!(done.status.success(), "{done:?}");
    let text = String::from_utf8(done.stdout).unwrap();
    println!("{text}");
    assert!(text.starts_with("frozen with room for ") && !text.ends_with(" 0\n"), "{text}");
    host.assert_unchanged();
}

#[tokio::test]
async fn a_hostile_root_gets_nowhere_through_layers() {
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    // Forged marks of overlay's, while the folders are still plain.
    let line = r#"cd /workspace; mkdir opaque redirect; echo m > metacopy; echo o > origin
        for mark in opaque redirect metacopy origin; do
            perl -e '($p, $n, $v) = @ARGV; syscall(SETXATTR, $p, $n, $v, 9, 0) == 0 or die' \
                /workspace/$mark user.overlay.$mark /../../etc
        done; echo done"#;
    assert_eq!(must(&mut inside, line).await, "done");
    let (layer, mut inside) = freeze(&bench, &mut spec).await;
    let seen =
        inside.sh("cd /workspace; ls -A opaque redirect; cat metacopy origin 2>&1; ls").await.1;
    println!("{seen}");
    assert!(!seen.contains("shadow") && !seen.contains("passwd"), "{seen}");
    for user in ["as-agent", "as-root"] {
        abuse::try_calls(&mut inside, user).await;
        abuse::try_files(&mut inside, user).await;
        for line in [
            "ls -d /.layers /.old /merged 2>/dev/null; grep -c ' /.layers' /proc/self/mountinfo",
            "mount -o remount,rw /workspace 2>/dev/null; umount /workspace 2>/dev/null; echo 0",
        ] {
            assert_eq!(inside.run(user, &["sh", "-c", line]).await.1.lines().last(), Some("0"));
        }
    }
    bench.provider.destroy(spec.key).await.unwrap();
    bench.provider.remove_layer(layer.id).await.unwrap();
}
