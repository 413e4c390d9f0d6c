//! Which file is meant: the repository's own, or one that was named.

use crate::exit::Trouble;
use protocol::environment::place::{Format, Place, choose};
use std::path::{Path, PathBuf};

/// A repository with its environment file, if it has one.
#[derive(Debug)]
pub(super) struct Found {
    /// The repository, or what stands for one.
    pub(super) root: PathBuf,
    /// The file; none where there is none at any place.
    pub(super) file: Option<PathBuf>,
    /// Where the file is, or is taken to be.
    pub(super) place: Place,
    /// Why this one.
    pub(super) why: String,
    /// Files that are there too.
    pub(super) passed_over: Vec<Place>,
}

/// Finds the file.
pub(super) fn find(path: Option<&Path>) -> Result<Found, Trouble> {
    let path = path.unwrap_or(Path::new("."));
    let real = path
        .canonicalize()
        .map_err(|error| Trouble::usage(format!("{}: {error}", path.display())))?;
    if real.is_dir() {
        return Ok(in_repository(root_of(&real)));
    }
    if real.is_file() {
        return Ok(named(real));
    }
    Err(Trouble::usage(format!("{} is neither file nor folder", path.display())))
}

fn in_repository(root: PathBuf) -> Found {
    match choose(|place| root.join(place.path()).is_file()) {
        Some(choice) => Found {
            file: Some(root.join(choice.place.path())),
            place: choice.place,
            why: choice.why(),
            passed_over: choice.passed_over,
            root,
        },
        None => {
            let looked: Vec<&str> = Place::ALL.iter().map(|place| place.path()).collect();
            let why = format!("there is none in {}: {}", root.display(), looked.join(", "));
            Found { root, file: None, place: Place::Errand, why, passed_over: Vec::new() }
        }
    }
}

/// A file that was named counts because it was; its name says how it is read.
fn named(file: PathBuf) -> Found {
    let (place, root) = Place::ALL
        .into_iter()
        .find(|place| file.ends_with(place.path()))
        .and_then(|place| {
            let depth = Path::new(place.path()).components().count();
            Some((place, file.ancestors().nth(depth)?.to_path_buf()))
        })
        .unwrap_or_else(|| (place_like(&file), root_of(file.parent().unwrap_or(&file))));
    let why = match file == root.join(place.path()) {
        true => "it was named".to_owned(),
        false => format!("it was named; paths in it are read as if it were {}", place.path()),
    };
    Found { file: Some(file), place, why, passed_over: Vec::new(), root }
}

fn place_like(file: &Path) -> Place {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let wanted = match name.contains("devcontainer") {
        true => Format::Devcontainer,
        false => Format::Environment,
    };
    Place::ALL.into_iter().find(|place| place.format() == wanted).unwrap_or(Place::Errand)
}

/// The repository around a folder, or else the folder.
pub(super) fn root_of(folder: &Path) -> PathBuf {
    let root = folder.ancestors().find(|above| above.join(".git").exists());
    root.unwrap_or(folder).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_around_a_folder_is_searched_and_a_named_file_counts_as_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for folder in [".git", "src/deep", ".cursor", ".errand", "other"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let found = find(Some(&root.join("src/deep"))).unwrap();
        assert_eq!((found.file, found.root.as_path()), (None, root.as_path()));
        assert!(found.why.contains(".errand/environment.json, .cursor/"), "{}", found.why);

        for place in [Place::Cursor, Place::Errand] {
            let file = root.join(place.path());
            std::fs::write(&file, "{}").unwrap();
            let found = find(Some(&root.join("src/deep"))).unwrap();
            assert_eq!((found.file, found.place), (Some(file.clone()), place));
            let found = find(Some(&file)).unwrap();
            assert_eq!((found.place, found.root.as_path()), (place, root.as_path()));
            assert_eq!(found.why, "it was named");
        }
        let found = find(Some(&root)).unwrap();
        assert_eq!(found.passed_over, [Place::Cursor]);

        std::fs::write(root.join("other/my-devcontainer.json"), "{}").unwrap();
        let found = find(Some(&root.join("other/my-devcontainer.json"))).unwrap();
        assert_eq!((found.place, found.root.as_path()), (Place::Devcontainer, root.as_path()));
        assert!(found.why.contains("as if it were"), "{}", found.why);
        assert!(find(Some(&root.join("none"))).is_err());
    }
}
