//! An image as it lies on the disk: an archive, or a folder that is an OCI image layout.

use anyhow::{Context, Result, bail};
use protocol::ids::LayerId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use uuid::Builder;

/// The first document of an image.
const INDEX: &str = "index.json";
/// Where the blobs of an image are.
const BLOBS: &str = "blobs/sha256";
/// Bytes of a document of an image.
const DOCUMENT_BYTES: u64 = 4 * 1024 * 1024;
/// Documents that may lead to each other.
const DOCUMENTS: usize = 4;
/// Bytes read at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// An image as it lies there.
pub struct Image {
    /// Its name among the layers, which follows from what it is.
    pub layer: LayerId,
    archives: Vec<Archive>,
}

/// One of its archives.
struct Archive {
    path: PathBuf,
    /// SHA-256 in hexadecimal digits, where the image says it.
    digest: Option<String>,
}

impl Image {
    /// Finds out what lies at this path, and reads little of it.
    pub fn find(path: &Path) -> Result<Self> {
        if !path.is_absolute() {
            bail!("the path must begin with /");
        }
        let meta = path.metadata().context("it cannot be read by the server's user")?;
        if meta.is_dir() {
            return Self::of_layout(path);
        }
        // An archive is known by its place and its time: reading it whole would hold up every start.
        let name =
            format!("{}\0{}\0{}.{}", path.display(), meta.len(), meta.mtime(), meta.mtime_nsec());
        let archives = vec![Archive { path: path.to_owned(), digest: None }];
        Ok(Self { layer: layer_of(name.as_bytes()), archives })
    }

    /// An OCI image layout.
    fn of_layout(folder: &Path) -> Result<Self> {
        let file = folder.join(INDEX);
        let mut document: Document = read(&file).context("it is no OCI image layout")?;
        for _ in 0..DOCUMENTS {
            if let Some(layers) = &document.layers {
                let archives = layers.iter().map(|layer| {
                    let digest = hexadecimal(&layer.digest)?;
                    Ok(Archive { path: blob(folder, digest), digest: Some(digest.to_owned()) })
                });
                let archives: Vec<Archive> = archives.collect::<Result<_>>()?;
                let layer = layer_named(layers.iter().map(|layer| layer.digest.as_str()));
                return Ok(Self { layer, archives });
            }
            let next = ours(document.manifests.as_deref().unwrap_or_default())?;
            document = read(&blob(folder, hexadecimal(&next.digest)?))?;
        }
        bail!("its documents lead from one to the next and never to layers")
    }

    /// Opens the archives, each only if it is what the image says.
    pub fn open(self) -> Result<Vec<OwnedFd>> {
        let mut opened = Vec::new();
        for Archive { path, digest } in self.archives {
            let mut file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
            if let Some(digest) = digest {
                check(&file, &digest).with_context(|| format!("read {}", path.display()))?;
                file.rewind().context("read an archive")?;
            }
            opened.push(file.into());
        }
        Ok(opened)
    }
}

/// What an image's documents say, as far as it matters here.
#[derive(Serialize, Deserialize)]
struct Document {
    manifests: Option<Vec<Descriptor>>,
    layers: Option<Vec<Descriptor>>,
}

#[derive(Serialize, Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Serialize, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

/// The image for this machine.
fn ours(manifests: &[Descriptor]) -> Result<&Descriptor> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let fits = |one: &&Descriptor| {
        let is_ours =
            |platform: &Platform| platform.os == "linux" && platform.architecture == architecture;
        one.platform.as_ref().is_none_or(is_ours)
    };
    let found = manifests.iter().find(fits);
    found.with_context(|| format!("it has no image for linux/{architecture}"))
}

/// The layer of an image with these digests, lowest first.
pub fn layer_named<'a>(digests: impl Iterator<Item = &'a str>) -> LayerId {
    let names: Vec<&str> = digests.collect();
    layer_of(names.join("\0").as_bytes())
}

/// Makes a folder in which an image with these digests is found once their blobs are there.
pub fn begin(folder: &Path, digests: &[&str]) -> Result<()> {
    std::fs::create_dir_all(folder.join(BLOBS)).context("make the folder of an image")?;
    let layers = digests.iter().map(|digest| {
        hexadecimal(digest)?;
        Ok(Descriptor { digest: (*digest).to_owned(), platform: None })
    });
    let layers = layers.collect::<Result<Vec<_>>>()?;
    let document = Document { manifests: None, layers: Some(layers) };
    let text = serde_json::to_string(&document).context("write an image's document")?;
    std::fs::write(folder.join(INDEX), text).context("write an image's document")
}

fn layer_of(name: &[u8]) -> LayerId {
    let mut bytes = [0; 16];
    blake3::Hasher::new().update(name).finalize_xof().fill(&mut bytes);
    LayerId::from_uuid(Builder::from_custom_bytes(bytes).into_uuid())
}

/// Where a blob lies whose digest has these digits.
pub fn blob(folder: &Path, digits: &str) -> PathBuf {
    folder.join(BLOBS).join(digits)
}

/// The digits of a digest, which become a file's name.
pub fn hexadecimal(digest: &str) -> Result<&str> {
    let digits = digest
        .strip_prefix("sha256:")
        .filter(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits.with_context(|| format!("{digest:?} is no sha256 digest"))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let words = || format!("read {}", path.display());
    let file = File::open(path).with_context(words)?;
    let mut bytes = Vec::new();
    file.take(DOCUMENT_BYTES).read_to_end(&mut bytes).with_context(words)?;
    serde_json::from_slice(&bytes).with_context(words)
}

fn check(mut file: &File, digest: &str) -> Result<()> {
    let (mut hasher, mut chunk) = (Sha256::new(), vec![0; CHUNK_BYTES]);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => hasher.update(chunk.get(..count).unwrap_or_default()),
        }
    }
    if hex::encode(hasher.finalize()) != digest.to_ascii_lowercase() {
        bail!("it is damaged: its digest is another one");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) -> String {
        let digest = hex::encode(Sha256::digest(text));
        std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        std::fs::write(blob(path, &digest), text).unwrap();
        format!("sha256:{digest}")
    }

    fn layout(folder: &Path, architecture: &str) {
        let layers = ["one", "two"].map(|text| write(folder, text));
        let layers = layers.map(|digest| serde_json::json!({"digest": digest, "size": 3}));
        let manifest = write(folder, &serde_json::json!({"layers": layers}).to_string());
        let platform = serde_json::json!({"os": "linux", "architecture": architecture});
        let inner = serde_json::json!({"manifests": [
            {"digest": write(folder, "{}"), "platform": {"os": "linux", "architecture": "vax"}},
            {"digest": manifest, "platform": platform},
        ]});
        let inner = write(folder, &inner.to_string());
        let index = serde_json::json!({"manifests": [{"digest": inner}]});
        std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    }

    fn architecture() -> &'static str {
        if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
    }

    #[test]
    fn a_layout_is_read_for_this_machine_and_its_archives_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        layout(folder.path(), architecture());
        let image = Image::find(folder.path()).unwrap();
        assert_eq!(image.layer, Image::find(folder.path()).unwrap().layer, "known again");
        let mut texts = Vec::new();
        for archive in Image::find(folder.path()).unwrap().open().unwrap() {
            texts.push(std::io::read_to_string(File::from(archive)).unwrap());
        }
        assert_eq!(texts, ["one", "two"]);
        std::fs::write(&image.archives[1].path, "other").unwrap();
        assert!(format!("{:#}", image.open().unwrap_err()).contains("is damaged"));
    }

    #[test]
    fn what_is_no_image_for_this_machine_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let words = |path: &Path| format!("{:#}", Image::find(path).err().unwrap());
        assert!(words(folder.path()).contains("no OCI image layout"));
        assert!(words(Path::new("relative")).contains("must begin with /"));
        assert!(words(Path::new("/nowhere.tar")).contains("cannot be read"));
        layout(folder.path(), "s390x");
        assert!(words(folder.path()).contains("no image for linux/"));
        let evil = r#"{"layers": [{"digest": "sha256:../../../etc/passwd"}]}"#;
        std::fs::write(folder.path().join("index.json"), evil).unwrap();
        assert!(words(folder.path()).contains("is no sha256 digest"));
        let index = format!(r#"{{"manifests": [{{"digest": "{}"}}]}}"#, write(folder.path(), "{}"));
        std::fs::write(folder.path().join("index.json"), index).unwrap();
        assert!(words(folder.path()).contains("no image for linux/"));
    }

    #[test]
    fn an_archive_that_changed_is_another_image() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base.tar");
        std::fs::write(&path, "a").unwrap();
        let first = Image::find(&path).unwrap().layer;
        assert_eq!(first, Image::find(&path).unwrap().layer);
        std::fs::write(&path, "ab").unwrap();
        assert_ne!(first, Image::find(&path).unwrap().layer);
    }
}
