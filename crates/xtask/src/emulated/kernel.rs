//! A kernel and its modules, taken out of a package of Debian's. Nothing is installed.

use super::program;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The package that stands for Debian's current kernel. The one made for clouds is smaller, but can read
/// no files of this host: it has no 9p.
const STANDS_FOR: &str = "linux-image-amd64";
const HINT: &str = "apt-get update may help; or name the package of a kernel with --package";

/// A kernel that can be booted.
#[derive(Debug)]
pub struct Kernel {
    /// What is booted.
    pub image: PathBuf,
    /// Its name.
    pub release: String,
    modules: PathBuf,
}

/// Fetches the package of Debian's kernel into this folder, unless it lies there.
pub fn download(folder: &Path) -> Result<PathBuf> {
    let depends = program("apt-cache", folder).context(HINT)?.args(["depends", STANDS_FOR]);
    let depends = depends.output().context(HINT)?;
    let name = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: linux-image-"));
    let name = name.map(|rest| format!("linux-image-{rest}"));
    let name = name.with_context(|| format!("no kernel stands behind {STANDS_FOR}: {HINT}"))?;
    let fetch = program("apt-get", folder).context(HINT)?.args(["-qq", "download", &name]);
    fetch.run().context(HINT)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).context("list packages")? {
        let entry = entry.context("list packages")?;
        if entry.file_name().to_string_lossy().starts_with(&format!("{name}_")) {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    // An older version may lie there too.
    let newest = found.into_iter().max().with_context(|| format!("find {name}: {HINT}"))?;
    Ok(newest.1)
}

impl Kernel {
    /// Unpacks it into a folder.
    pub fn unpack(package: &Path, folder: &Path) -> Result<Self> {
        let package = std::fs::canonicalize(package)
            .with_context(|| format!("find {}", package.display()))?;
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        program("dpkg-deb", folder)?.args([Path::new("-x"), &package, folder]).run()?;
        let roots = ["lib/modules", "usr/lib/modules"].map(|root| folder.join(root));
        let root = roots.iter().find(|root| root.is_dir());
        let root = root.with_context(|| format!("{} holds no modules", package.display()))?;
        let mut found = std::fs::read_dir(root).context("list modules")?;
        let modules = found.next().context("the package's folder of modules is empty")??.path();
        let release =
            modules.file_name().context("name the kernel")?.to_string_lossy().into_owned();
        let image = folder.join(format!("boot/vmlinuz-{release}"));
        if !image.is_file() {
            bail!("{} holds no kernel", package.display());
        }
        Ok(Self { image, release, modules })
    }

    /// The files of these modules and of all that they need, in the order in which they can be loaded.
    pub fn modules(&self, wanted: &[&str]) -> Result<Vec<PathBuf>> {
        let built_in = std::fs::read_to_string(self.modules.join("modules.builtin"));
        let built_in = built_in.context("read the list of what the kernel holds itself")?;
        let mut shelf = Shelf::default();
        shelf.fill(&self.modules.join("kernel"))?;
        shelf.built_in = built_in.lines().map(module_name).collect();
        for name in wanted {
            shelf.take(name)?;
        }
        Ok(shelf.taken)
    }
}

/// Where modules are taken from.
#[derive(Debug, Default)]
struct Shelf {
    files: BTreeMap<String, PathBuf>,
    built_in: Vec<String>,
    taken: Vec<PathBuf>,
}

impl Shelf {
    fn fill(&mut self, folder: &Path) -> Result<()> {
        let attempt = || format!("list {}", folder.display());
        for entry in std::fs::read_dir(folder).with_context(attempt)? {
            let entry = entry.with_context(attempt)?;
            let path = entry.path();
            if entry.file_type().with_context(attempt)?.is_dir() {
                self.fill(&path)?;
            } else if path.extension().is_some_and(|ending| ending == "ko") {
                self.files.insert(module_name(&path.to_string_lossy()), path);
            }
        }
        Ok(())
    }

    fn take(&mut self, name: &str) -> Result<()> {
        let name = name.replace('-', "_");
        if self.built_in.contains(&name) {
            return Ok(());
        }
        let file = self.files.get(&name).cloned();
        let file = file.with_context(|| format!("this kernel has no module {name}"))?;
        if self.taken.contains(&file) {
            return Ok(());
        }
        let bytes = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        for needed in depends(&bytes) {
            self.take(&needed)?;
        }
        self.taken.push(file);
        Ok(())
    }
}

/// Name of a module from its file's; a name may be written with either line.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.trim_end_matches(".ko").replace('-', "_")
}

/// The modules that this one names as needed.
fn depends(module: &[u8]) -> Vec<String> {
    let list = module.split(|&byte| byte == 0).find_map(|part| part.strip_prefix(b"depends="));
    let list = String::from_utf8_lossy(list.unwrap_or_default()).into_owned();
    list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_after_what_they_need_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path().join("kernel/fs");
        std::fs::create_dir_all(&kernel).unwrap();
        for (name, needs) in
            [("top", "low-one,mid"), ("mid", "low_one,inside"), ("low-one", ""), ("other", "mid")]
        {
            let text = format!("\x7fELF\0license=GPL\0depends={needs}\0name={name}\0");
            std::fs::write(kernel.join(format!("{name}.ko")), text).unwrap();
        }
        std::fs::write(dir.path().join("modules.builtin"), "kernel/lib/inside.ko\n").unwrap();
        let (image, release) = (PathBuf::new(), String::new());
        let made = Kernel { image, release, modules: dir.path().to_owned() };
        let found = made.modules(&["top", "mid"]).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap()).collect();
        assert_eq!(names, ["low-one.ko", "mid.ko", "top.ko"]);
        let absent = made.modules(&["absent"]).unwrap_err().to_string();
        assert!(absent.contains("no module absent"), "{absent}");
    }
}
