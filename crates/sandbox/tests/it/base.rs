//! Sandboxes on a base image: its root file system in place of the host's programs.

use std::fs::{self, File};
use std::io::Seek;
use std::os::fd::OwnedFd;

use fakes::image;
use protocol::ids::{LayerId, OrgId};
use sandbox::isolation::WallState;
use sandbox::provider::{Contents, Layer, Provider, ProviderError};
use tar::{Builder, EntryType, Header};

use super::bench::{Bench, Inside, is_root, stand_in_guest};
use super::host::Host;

/// What the image has besides programs.
const FILES: [(&str, &str); 6] = [
    ("etc/passwd", "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n"),
    ("etc/marker", "image\n"),
    ("opt/kept/file", "kept\n"),
    ("srv/full/old", "old\n"),
    ("srv/folder/in", "in\n"),
    ("srv/file", "file\n"),
];

/// An archive of an image without these files.
pub fn archive(without: &[&str]) -> OwnedFd {
    let dir = tempfile::tempdir().unwrap();
    image::root_in(dir.path(), &[stand_in_guest()], &FILES).unwrap();
    for path in without {
        fs::remove_file(dir.path().join(path)).unwrap();
    }
    image::archive(dir.path(), tempfile::tempfile().unwrap()).unwrap().into()
}

pub fn written(fill: impl FnOnce(&mut Builder<File>)) -> OwnedFd {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut tar = Builder::new(file.reopen().unwrap());
    fill(&mut tar);
    tar.finish().unwrap();
    file.reopen().unwrap().into()
}

/// Adds an entry under a name that a well-meant writer would refuse.
pub fn add(tar: &mut Builder<File>, kind: EntryType, name: &str, link: &str, text: &str) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header.set_size(text.len() as u64);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.name[..name.len()].copy_from_slice(name.as_bytes());
    gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    tar.append(&header, text.as_bytes()).unwrap();
}

fn layer_id() -> LayerId {
    LayerId::from_uuid(uuid::Uuid::new_v4())
}

async fn unpack(bench: &Bench, archives: &[OwnedFd]) -> Result<Layer, ProviderError> {
    bench.provider.unpack(layer_id(), &OrgId::default_org(), Contents::Image, archives).await
}

/// An image, ready to start on.
pub async fn image(bench: &Bench) -> LayerId {
    unpack(bench, &[archive(&[])]).await.unwrap().id
}

pub async fn as_root(inside: &mut Inside, line: &str) -> String {
    let (code, text) = inside.run("as-root", &["sh", "-c", line]).await;
    assert_eq!(code, 0, "{line}: {text}");
    text
}

#[tokio::test]
async fn a_sandbox_on_a_base_image_has_its_programs_and_keeps_what_its_root_changes() {
    if !is_root() {
        println!("skipped: base images need a server that is root (1 test)");
        return;
    }
    let host = Host::look();
    work_on_image(&Bench::new()).await;
    host.assert_unchanged();
}

/// Changes an image as root, and finds that again in forks and in the next sandbox.
pub async fn work_on_image(bench: &Bench) {
    let base = unpack(bench, &[archive(&[])]).await.unwrap();
    assert!(base.below.is_empty() && base.size.unwrap().files > 20, "{base:?}");
    let again = bench.provider.unpack(base.id, &base.org, Contents::Image, &[]).await.unwrap();
    assert_eq!(again.id, base.id);
    let (mut spec, mut inside) = bench.start_with(|spec| spec.layers = vec![base.id]).await;
    let machine = bench.provider.find(spec.key).await.unwrap().unwrap();
    assert_eq!(machine.isolation.wall("root_file_system").unwrap().state, WallState::Enforced);
    let seen = "id -un; cat /etc/marker /opt/kept/file; ls -d /usr/share /.* / 2>&1; ls /home";
    let nothing = "No such file or directory";
    let nothing = ["/usr/share", "/.*"].map(|it| format!("ls: cannot access '{it}': {nothing}"));
    let expected = format!("agent\nimage\nkept\n{}\n/\nagent", nothing.join("\n"));
    assert_eq!(inside.sh(seen).await, (0, expected));
    let (code, words) = inside.sh("touch /usr/bin/mine").await;
    assert!(code != 0 && words.contains("Permission denied"), "{words}");
    as_root(&mut inside, "echo echo made > /usr/bin/made; chmod 755 /usr/bin/made; rm /etc/marker")
        .await;
    let seen = "made; test ! -e /etc/marker; stat -c '%u %g' /usr/bin/made /usr/bin/cat";
    let expected = (0, "made\n0 0\n0 0".to_owned());
    assert_eq!(inside.sh(seen).await, expected);
    bench.provider.stop(spec.key).await.unwrap();
    let kept = bench.provider.freeze(spec.key.agent, layer_id()).await.unwrap();
    assert_eq!(kept.below, [base.id]);
    let (fork, mut in_fork) = bench.start_with(|spec| spec.layers = vec![kept.id]).await;
    assert_eq!(in_fork.sh(seen).await, expected, "a fork");
    let (fresh, mut in_fresh) = bench.start_with(|spec| spec.layers = vec![base.id]).await;
    assert_eq!(in_fresh.sh("cat /etc/marker").await.1, "image", "the image itself changed");
    bench.provider.flatten(spec.key.agent, layer_id()).await.unwrap();
    spec.key.epoch = spec.key.epoch.next();
    bench.provider.create(&spec).await.unwrap();
    assert_eq!(bench.inside(spec.key).await.sh(seen).await, expected, "merged with the image");
    assert!(bench.provider.validate(&[base.id]).await.is_ok());
    for key in [spec.key, fork.key, fresh.key] {
        bench.provider.destroy(key).await.unwrap();
    }
}

#[tokio::test]
async fn what_an_agent_plants_in_its_root_leads_nowhere() {
    if !is_root() {
        println!("skipped: base images need a server that is root (1 test)");
        return;
    }
    let host = Host::look();
    let bench = Bench::new();
    let base = unpack(&bench, &[archive(&[])]).await.unwrap();
    let (mut spec, mut inside) = bench.start_with(|spec| spec.layers = vec![base.id]).await;
    let place = tempfile::tempdir_in("/tmp").unwrap();
    std::os::unix::fs::chown(place.path(), Some(0), Some(0)).unwrap();
    fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o1777))
        .unwrap();
    let outside = place.path().display();
    for plant in [
        format!("rm -rf /etc; ln -s /.old{outside} /etc; ln -s /.old{outside} /sys/x"),
        "rm -rf /etc; mkdir /etc; mkfifo /etc/hosts /etc/hostname; mkdir -p /etc/gitconfig/x"
            .into(),
        "rm -rf /var/run /srv; ln -s / /var/run; ln -s / /.old; ln -s / /.layers".to_owned(),
        "rm -rf /.old /.layers; ln -s /proc /.proc; mkdir /.root; ln -s /.proc /.old".to_owned(),
    ] {
        inside.run("as-root", &["sh", "-c", &plant]).await;
        bench.provider.stop(spec.key).await.unwrap();
        spec.key.epoch = spec.key.epoch.next();
        bench.provider.create(&spec).await.unwrap();
        inside = bench.inside(spec.key).await;
        let seen = inside.sh("cat /etc/hosts; ls -d /etc/; test -f /etc/gitconfig").await;
        assert!(seen.0 == 0 && seen.1.contains("127.0.0.1\tlocalhost"), "{plant}: {seen:?}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{plant} reached the host");
    }
    bench.provider.destroy(spec.key).await.unwrap();
    host.assert_unchanged();
}

#[tokio::test]
async fn archives_lie_over_each_other_and_hostile_ones_reach_nothing() {
    if !is_root() {
        println!("skipped: base images need a server that is root (1 test)");
        return;
    }
    let bench = Bench::new();
    let upper = written(|tar| {
        use EntryType::{Char, Directory, Link, Regular, Symlink};
        for (kind, name, link, text) in [
            (Regular, "etc/.wh.marker", "", ""),
            (Regular, "srv/full/new", "", "new"),
            (Regular, "srv/full/.wh..wh..opq", "", ""),
            (Regular, "srv/folder", "", "now a file"),
            (Directory, "srv/file", "", ""),
            (Symlink, "evil", "/srv", ""),
            (Regular, "evil/planted", "", "inside"),
            (Symlink, "far", "../../../../../../..", ""),
            (Regular, "far/srv/far", "", "inside too"),
            (Link, "srv/again", "srv/full/new", ""),
            (Char, "srv/device", "", ""),
            (Regular, "/srv/absolute", "", "absolute"),
        ] {
            add(tar, kind, name, link, text);
        }
    });
    let mut packed = tempfile::tempfile().unwrap();
    zstd::stream::copy_encode(File::from(archive(&[])), &mut packed, 1).unwrap();
    packed.rewind().unwrap();
    let base = unpack(&bench, &[packed.into(), upper]).await.unwrap();
    let (spec, mut inside) = bench.start_with(|spec| spec.layers = vec![base.id]).await;
    let seen = inside.sh("cd /srv; ls -A . full file; cat planted far absolute folder again").await;
    let names = ".:\nabsolute\nagain\nfar\nfile\nfolder\nfull\nplanted\n\nfile:\n\nfull:\nnew";
    let texts = "insideinside tooabsolutenow a filenew";
    assert_eq!(seen, (0, format!("{names}\n{texts}")));
    assert_ne!(inside.sh("test -e /etc/marker").await.0, 0);
    bench.provider.destroy(spec.key).await.unwrap();
    let leaves = written(|tar| add(tar, EntryType::Regular, "srv/../../out", "", "out"));
    let long = "text".repeat(200);
    let cut = File::from(written(|tar| add(tar, EntryType::Regular, "srv/x", "", &long)));
    cut.set_len(700).unwrap();
    let cut = OwnedFd::from(cut);
    let zstd = {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), [0x28, 0xb5, 0x2f, 0xfd, 0, 0]).unwrap();
        OwnedFd::from(file.reopen().unwrap())
    };
    for (archives, words) in [
        (vec![archive(&[]), leaves], "leads out of the image"),
        (vec![archive(&[]), zstd], "incomplete frame"),
        (vec![cut], ""),
    ] {
        let refused = unpack(&bench, &archives).await.unwrap_err().to_string();
        assert!(refused.contains("unpack the image") && refused.contains(words), "{refused}");
    }
    // What agents need is told of each; a Dockerfile can bring it.
    for (archives, lacks) in
        [(vec![archive(&["usr/bin/git"])], vec!["git"]), (vec![], vec!["bash", "git"])]
    {
        assert_eq!(unpack(&bench, &archives).await.unwrap().lacks, lacks);
    }
    assert_eq!(base.lacks, [""; 0]);
    let state = &bench.config.launcher.state_dir;
    assert_eq!(
        fs::read_dir(state.join("making")).unwrap().count(),
        0,
        "something half-made is left"
    );
    assert_eq!(fs::read_dir(state.join("layers")).unwrap().count(), 3);
}
