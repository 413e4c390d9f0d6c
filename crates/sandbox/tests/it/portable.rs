//! Snapshots as files that another server takes in.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;

use protocol::ids::{LayerId, OrgId};
use sandbox::provider::{Contents, Layer, Provider, ProviderError};
use tar::{Builder, EntryType};

use super::base::{add, archive, as_root, written};
use super::bench::{Bench, is_root};
use super::host::Host;
use super::layers::{CHANGE, MAKE, freeze, layer_id, list, must};

const PLAIN: Contents = Contents::Packed { has_root: false };

/// A layer of one server in a file.
async fn pack(bench: &Bench, layer: LayerId) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let into = file.reopen().unwrap().into();
    bench.provider.pack(layer, &OrgId::default_org(), into).await.unwrap();
    file
}

async fn take(bench: &Bench, what: Contents, file: File) -> Result<Layer, ProviderError> {
    let archives: [OwnedFd; 1] = [file.into()];
    bench.provider.unpack(layer_id(), &OrgId::default_org(), what, &archives).await
}

#[tokio::test]
async fn another_server_finds_every_file_as_it_was() {
    let host = Host::look();
    let (here, there) = (Bench::new(), Bench::new());
    let (mut spec, mut inside) = here.start().await;
    must(&mut inside, MAKE).await;
    let long = "cd /workspace/d; ln -s $(head -c 300 /dev/zero | tr '\\0' l) far; \
        ln -s './..//x' odd; ln -s \"$(printf 'a\\nb')\" lines; chmod 500 e";
    must(&mut inside, long).await;
    if is_root() {
        let line = "mkdir /opt/made; echo r > /opt/made/root; echo w > /opt/made/web; \
            chown 33:33 /opt/made/web; chmod 4755 /opt/made/root; chown 33 /opt";
        assert_eq!(inside.run("as-root", &["sh", "-c", line]).await.0, 0);
    }
    let one = list(&mut inside).await;
    let (first, mut inside) = freeze(&here, &mut spec).await;
    must(&mut inside, "chmod 700 /workspace/d/e; test -L /workspace/d/far").await;
    must(&mut inside, CHANGE).await;
    let two = list(&mut inside).await;
    let (second, _) = freeze(&here, &mut spec).await;
    assert_eq!(second.below, [first.id]);
    for (layer, expected) in [(first.id, one), (second.id, two)] {
        let file = pack(&here, layer).await;
        let size = file.as_file().metadata().unwrap().len();
        assert!(size < 1 << 20, "a hole of 1 GiB takes space: {size}");
        let taken = take(&there, PLAIN, file.reopen().unwrap()).await.unwrap();
        assert!(taken.below.is_empty() && !taken.has_root && taken.lacks.is_empty(), "{taken:?}");
        assert!(taken.size.unwrap().bytes < 1 << 20, "a hole was filled: {taken:?}");
        let (started, mut inside) = there.start_with(|spec| spec.layers = vec![taken.id]).await;
        assert_eq!(list(&mut inside).await, expected);
        if is_root() {
            let owner = inside.sh("stat -c %u /opt").await;
            assert_eq!(owner, (0, "33".to_owned()));
        }
        there.provider.destroy(started.key).await.unwrap();
    }
    here.provider.destroy(spec.key).await.unwrap();
    host.assert_unchanged();
}

#[tokio::test]
async fn a_root_file_system_goes_along() {
    if !is_root() {
        println!("skipped: base images need a server that is root (1 test)");
        return;
    }
    let (here, there) = (Bench::new(), Bench::new());
    let image: [OwnedFd; 1] = [archive(&[])];
    let org = OrgId::default_org();
    let base = here.provider.unpack(layer_id(), &org, Contents::Image, &image).await.unwrap();
    assert!(base.has_root);
    let (mut spec, mut inside) = here.start_with(|spec| spec.layers = vec![base.id]).await;
    as_root(&mut inside, "echo changed > /etc/marker; rm -r /srv/folder; echo x > /srv/new").await;
    let seen = "cat /etc/marker /srv/new /opt/kept/file; ls /srv";
    let expected = inside.sh(seen).await;
    assert_eq!(expected, (0, "changed\nx\nkept\nfile\nfull\nnew".to_owned()));
    let (layer, _) = freeze(&here, &mut spec).await;
    let file = pack(&here, layer.id).await;
    let what = Contents::Packed { has_root: true };
    let taken = take(&there, what, file.reopen().unwrap()).await.unwrap();
    assert!(taken.has_root && taken.below.is_empty() && taken.lacks.is_empty(), "{taken:?}");
    let (started, mut inside) = there.start_with(|spec| spec.layers = vec![taken.id]).await;
    assert_eq!(inside.sh(seen).await, expected);
    there.provider.destroy(started.key).await.unwrap();
    // Without having been announced it is no snapshot.
    let refused = take(&there, PLAIN, file.reopen().unwrap()).await.unwrap_err().to_string();
    assert!(refused.contains("unpack the snapshot: "), "{refused}");
    here.provider.destroy(spec.key).await.unwrap();
}

/// Archives that nobody packs, and what is said to them.
fn made_up() -> Vec<(OwnedFd, &'static str)> {
    use EntryType::{Block, Char, Directory, Link, Regular, Symlink};
    let entries = |entries: &[(EntryType, &str, &str)]| {
        let entries = entries.to_vec();
        written(move |tar: &mut Builder<File>| {
            for (kind, name, link) in entries {
                add(tar, kind, name, link, "");
            }
        })
    };
    let work = (Directory, "workspace", "");
    vec![
        (entries(&[(Regular, "stack", "")]), "it is no folder"),
        (entries(&[(Regular, "workspace", "")]), "only folders are on top"),
        (entries(&[(Symlink, "workspace", "/etc")]), "only folders are on top"),
        (entries(&[work, (Regular, "workspace/../stack", "")]), "leads out"),
        (entries(&[(Regular, "/etc/x", "")]), "leads out"),
        (entries(&[(Directory, "root", "")]), "\"root\": "),
        (entries(&[work, (Char, "workspace/null", "")]), "a snapshot has no Char"),
        (entries(&[work, (Block, "workspace/disk", "")]), "a snapshot has no Block"),
        (
            entries(&[work, (Symlink, "workspace/l", "/"), (Regular, "workspace/l/x", "")]),
            "\"workspace/l/x\": ",
        ),
        (
            entries(&[work, (Symlink, "workspace/l", "."), (Link, "workspace/x", "workspace/l/y")]),
            "\"workspace/x\": ",
        ),
        (entries(&[work, (Link, "workspace/x", "../agent")]), "leads out"),
        (entries(&[work, (Link, "workspace/x", "stack")]), "a further name of nothing"),
        (
            entries(&[work, (Regular, "workspace/x", ""), (Regular, "workspace/x", "")]),
            "\"workspace/x\": ",
        ),
        (entries(&[work, (Regular, "workspace/a/x", "")]), "\"workspace/a/x\": "),
    ]
}

/// A small file whose reader would need more memory than anybody has a use for.
fn hoard() -> Vec<u8> {
    const PIECE: usize = 16 << 20;
    const PIECES: usize = 72;
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(EntryType::XHeader);
    header.set_path("workspace").unwrap();
    header.set_size((PIECE * PIECES) as u64);
    header.set_cksum();
    let frame = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    [frame(header.as_bytes()), frame(&vec![b'1'; PIECE]).repeat(PIECES)].concat()
}

#[tokio::test]
async fn what_nobody_packed_is_refused_and_leaves_nothing() {
    let host = Host::look();
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    must(&mut inside, "head -c 1M /dev/urandom > /workspace/noise").await;
    let (layer, _) = freeze(&bench, &mut spec).await;
    let file = pack(&bench, layer.id).await;
    let whole = fs::read(file.path()).unwrap();
    let of = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        OwnedFd::from(file.reopen().unwrap())
    };
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let mut cases = made_up();
    cases.push((of(&changed), "unpack the snapshot: "));
    cases.push((of(&whole[..middle]), "unpack the snapshot: "));
    cases.push((of(&whole[..whole.len() - 1]), "unpack the snapshot: "));
    cases.push((of(b"not an archive at all"), "unpack the snapshot: "));
    cases.push((of(&hoard()), "more than 1 GiB of memory"));
    for (file, words) in cases {
        let refused = take(&bench, PLAIN, file.into()).await.unwrap_err();
        println!("{refused}");
        assert!(matches!(&refused, ProviderError::Refused(it) if it.contains(words)), "{refused}");
    }
    assert_eq!(bench.provider.layers().await.unwrap().len(), 1, "only the one that was frozen");
    let making = bench.config.launcher.state_dir.join("making");
    assert_eq!(fs::read_dir(making).unwrap().count(), 0);
    bench.provider.destroy(spec.key).await.unwrap();
    host.assert_unchanged();
}

#[tokio::test]
async fn packing_ends_where_nobody_reads_and_other_peoples_layers_are_unknown() {
    let bench = Bench::new();
    let (mut spec, mut inside) = bench.start().await;
    must(&mut inside, "head -c 20M /dev/urandom > /workspace/noise").await;
    let (layer, _) = freeze(&bench, &mut spec).await;
    let (read, write) = rustix::pipe::pipe().unwrap();
    drop(read);
    let org = OrgId::default_org();
    let ended = bench.provider.pack(layer.id, &org, write).await.unwrap_err().to_string();
    assert!(ended.contains("Broken pipe"), "{ended}");
    let other = OrgId("other".to_owned());
    for (layer, org) in [(layer.id, other), (layer_id(), org)] {
        let into = tempfile::tempfile().unwrap();
        let refused = bench.provider.pack(layer, &org, into.into()).await.unwrap_err();
        assert!(refused.to_string().contains("there is no layer"), "{refused}");
    }
    bench.provider.destroy(spec.key).await.unwrap();
}
