//! Which secrets an agent has: every name once, from the first level that has it.

use super::{Listed, Owner, Phase};
use crate::saved_environments::same;
use protocol::api::secrets::SecretKind;
use std::collections::BTreeSet;

/// The secrets of one owner.
pub(super) struct Level {
    pub(super) owner: Owner,
    pub(super) secrets: Vec<Listed>,
}

/// One that an agent has.
pub(super) struct Chosen {
    pub(super) owner: Owner,
    pub(super) listed: Listed,
}

/// Of these levels, first ones first. What is not for this phase hides others nevertheless.
pub(super) fn choose(
    levels: Vec<Level>,
    launched: &[String],
    repos: &[String],
    phase: Phase,
) -> Vec<Chosen> {
    let mut taken: BTreeSet<String> = launched.iter().map(|name| name.to_lowercase()).collect();
    let mut all = Vec::new();
    for Level { owner, secrets } in levels {
        let mut theirs: Vec<_> = secrets
            .into_iter()
            .filter_map(|listed| Some((rank(&listed.entry.repos, repos)?, listed)))
            .collect();
        // Of several for several repositories of an agent, that of the first one.
        theirs.sort_by_key(|(rank, _)| *rank);
        for (_, listed) in theirs {
            if taken.insert(listed.entry.name.to_lowercase()) {
                all.push(Chosen { owner: owner.clone(), listed });
            }
        }
    }
    all.retain(|chosen| match chosen.listed.entry.kind {
        SecretKind::BuildSecret => phase != Phase::Work,
        SecretKind::EnvironmentVariable | SecretKind::RuntimeSecret => true,
    });
    all.sort_by(|a, b| a.listed.entry.name.cmp(&b.listed.entry.name));
    all
}

/// For which of an agent's repositories it is; none = for none of them.
fn rank(scope: &[String], repos: &[String]) -> Option<usize> {
    if scope.is_empty() {
        return Some(repos.len());
    }
    let scope: BTreeSet<String> = scope.iter().map(|url| same(url)).collect();
    repos.iter().position(|repo| scope.contains(repo))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Entry;

    const A: &str = "https://git.example.com/team/a";
    const B: &str = "https://git.example.com/team/b";

    fn secret(id: &str, name: &str, kind: SecretKind, repos: &[&str]) -> Listed {
        let entry = Entry {
            name: name.to_owned(),
            kind,
            repos: repos.iter().map(|url| (*url).to_owned()).collect(),
            hosts: Vec::new(),
            places: Vec::new(),
            plain: true,
            value: 1,
            created_ms: 0,
            updated_ms: 0,
            updated_by: String::new(),
        };
        Listed { id: id.to_owned(), entry }
    }

    fn runtime(id: &str, name: &str, repos: &[&str]) -> Listed {
        secret(id, name, SecretKind::RuntimeSecret, repos)
    }

    fn ids(levels: &[&[Listed]], launched: &[&str], repos: &[&str], phase: Phase) -> Vec<String> {
        let level = |secrets: &&[Listed]| Level { owner: Owner::Team, secrets: secrets.to_vec() };
        let launched: Vec<_> = launched.iter().map(|name| (*name).to_owned()).collect();
        let repos: Vec<_> = repos.iter().map(|url| same(url)).collect();
        let chosen = choose(levels.iter().map(level).collect(), &launched, &repos, phase);
        chosen.into_iter().map(|chosen| chosen.listed.id).collect()
    }

    #[test]
    fn the_first_level_with_a_name_hides_it_further_down() {
        let environment = [runtime("e", "TOKEN", &[])];
        let personal = [runtime("p", "token", &[]), runtime("p2", "MINE", &[])];
        let team =
            [runtime("t", "Token", &[]), runtime("t2", "mine", &[]), runtime("t3", "OURS", &[])];
        for (levels, launched, expected) in [
            (&[&environment[..], &personal, &team][..], &[][..], &["p2", "t3", "e"][..]),
            (&[&personal[..], &team], &[], &["p2", "t3", "p"]),
            (&[&[], &[], &team[..]], &[], &["t3", "t", "t2"]),
            (&[&environment[..], &personal, &team], &["tOKEN"], &["p2", "t3"]),
        ] {
            let mut found = ids(levels, launched, &[A], Phase::Work);
            found.sort();
            let mut expected: Vec<_> = expected.iter().map(|id| (*id).to_owned()).collect();
            expected.sort();
            assert_eq!(found, expected, "{launched:?}");
        }
    }

    #[test]
    fn of_versions_for_repositories_the_agent_has_that_of_its_own() {
        let team = [
            runtime("a", "TOKEN", &[A, "https://git.example.com/team/c"]),
            runtime("b", "TOKEN", &["git@git.example.com:team/b.git"]),
        ];
        for (repos, expected) in [
            (&[A][..], &["a"][..]),
            (&["https://git.example.com/team/a.git"], &["a"]),
            (&[B], &["b"]),
            (&[B, A], &["b"]),
            (&[A, B], &["a"]),
            (&["https://git.example.com/team/d"], &[]),
            (&[], &[]),
        ] {
            assert_eq!(ids(&[&team], &[], repos, Phase::Work), expected, "{repos:?}");
        }
    }

    #[test]
    fn one_for_other_repositories_hides_nothing() {
        let environment = [runtime("e", "TOKEN", &[A])];
        let team = [runtime("t", "TOKEN", &[])];
        assert_eq!(ids(&[&environment, &team], &[], &[B], Phase::Work), ["t"]);
        assert_eq!(ids(&[&environment, &team], &[], &[A], Phase::Work), ["e"]);
    }

    #[test]
    fn a_secret_of_builds_is_there_for_builds_only_and_hides_what_has_its_name() {
        let environment = [secret("e", "TOKEN", SecretKind::BuildSecret, &[])];
        let team = [runtime("t", "token", &[]), runtime("t2", "OTHER", &[])];
        assert_eq!(ids(&[&environment, &team], &[], &[], Phase::Work), ["t2"]);
        assert_eq!(ids(&[&environment, &team], &[], &[], Phase::Build), ["t2", "e"]);
    }
}
