//! Paths: where they begin, what the literal values mean, and that none leaves the repository.

use super::super::path::RepoPath;
use super::super::place::Place;
use super::super::read;
use super::super::remark::ReferenceKind;
use super::super::{Base, Dockerfile};
use super::{problems_at, told, understood_at};

fn resolved(place: Place, written: &str) -> Option<String> {
    RepoPath::resolve(place, written).ok().map(|path| path.to_string())
}

#[test]
fn paths_begin_in_the_files_folder_and_three_values_mean_the_repository() {
    for (place, written, expected) in [
        (Place::Cursor, "Dockerfile", ".cursor/Dockerfile"),
        (Place::Cursor, "./Dockerfile", ".cursor/Dockerfile"),
        (Place::Cursor, "../docker//web/./Dockerfile", "docker/web/Dockerfile"),
        (Place::Cursor, "a/../b", ".cursor/b"),
        (Place::Cursor, "..dots", ".cursor/..dots"),
        (Place::Cursor, ".", "."),
        (Place::Cursor, "./", "."),
        (Place::Cursor, "..", "."),
        (Place::Cursor, "../", "."),
        (Place::Errand, "Dockerfile", ".errand/Dockerfile"),
        (Place::Errand, "..", "."),
        (Place::Devcontainer, ".", ".devcontainer"),
        (Place::Devcontainer, "..", "."),
        (Place::DevcontainerAtTop, ".", "."),
        (Place::DevcontainerAtTop, "docker/Dockerfile", "docker/Dockerfile"),
    ] {
        assert_eq!(resolved(place, written).as_deref(), Some(expected), "{place:?} {written}");
    }
}

#[test]
fn no_path_leaves_the_repository() {
    for (place, written) in [
        (Place::Cursor, "../.."),
        (Place::Cursor, "../../x"),
        (Place::Cursor, "a/../../../x"),
        (Place::DevcontainerAtTop, ".."),
        (Place::DevcontainerAtTop, "a/../../b"),
        (Place::Cursor, "/etc/passwd"),
        (Place::Cursor, "C:/x"),
        (Place::Cursor, "~/x"),
        (Place::Cursor, "..\\x"),
        (Place::Cursor, "../.git/hooks"),
        (Place::Cursor, "../sub/.GIT/x"),
        (Place::Cursor, ""),
        (Place::Cursor, " "),
        (Place::Cursor, "a\nb"),
    ] {
        assert_eq!(resolved(place, written), None, "{written}");
    }
}

#[test]
fn a_context_that_is_not_named_is_the_files_folder() {
    for (place, expected) in [
        (Place::Cursor, ".cursor"),
        (Place::Errand, ".errand"),
        (Place::Devcontainer, ".devcontainer"),
        (Place::DevcontainerAtTop, "."),
    ] {
        let understood = understood_at(place, r#"{"build": {"dockerfile": "sub/D"}}"#);
        let Base::Build(build) = understood.environment.base else { panic!("{place:?}") };
        assert_eq!(build.context.to_string(), expected);
        let file = RepoPath::resolve(place, "sub/D").unwrap();
        assert_eq!(build.dockerfile, Dockerfile::Path(file));
    }
}

#[test]
fn a_bad_path_is_told_with_its_place() {
    let told =
        problems_at(Place::Cursor, r#"{"build": {"dockerfile": "../../D", "context": "/"}}"#);
    let expected = "1:26 bad_path build.dockerfile: \"../../D\" leads out of the repository: paths begin in .cursor\n\
                    1:48 bad_path build.context: \"/\" is absolute: write it relative to the file's folder, as in ../Dockerfile";
    assert_eq!(told, expected);
    for folder in [".", "..", "../docker/", "../.cursor"] {
        let told =
            problems_at(Place::Cursor, &format!(r#"{{"build": {{"dockerfile": "{folder}"}}}}"#));
        assert!(told.contains("is a folder"), "{folder}: {told}");
    }
}

#[test]
fn what_a_file_refers_to_is_handed_on_with_what_to_say_if_it_is_missing() {
    let text = r#"{"build": {"dockerfile": "Dockerfile", "context": "../app"}}"#;
    let references = read(Place::Cursor, text.as_bytes()).references;
    let kinds: Vec<(&str, ReferenceKind)> =
        references.iter().map(|one| (one.path.as_str(), one.kind)).collect();
    let expected =
        [("app", ReferenceKind::Context), (".cursor/Dockerfile", ReferenceKind::Dockerfile)];
    assert_eq!(kinds, expected);
    let missing: Vec<_> = references.into_iter().map(|one| one.missing).collect();
    assert_eq!(
        told(&missing),
        "1:51 missing_file build.context: there is no folder app in the repository: correct the path\n\
         1:26 missing_file build.dockerfile: there is no file .cursor/Dockerfile in the repository: correct the path"
    );
}
