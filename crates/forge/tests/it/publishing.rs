//! Publishing where every request may be lost, doubled, late, or the last thing that we did.

use crate::fixture::{count, first_seed, git};
use crate::hosts::{Hosted, hosted, name};
use fakes::forges::{Carried, Fault, Kind};
use fastrand::Rng;
use forge::forge::ForgeError;
use forge::pull_request::{Content, PullRequest, Stage};

/// Requests of a publication that may be struck.
const STRUCK: usize = 9;
/// Times a publication is begun again before the test gives up.
const BEGUN: usize = 40;

fn fault(rng: &mut Rng) -> Fault {
    let carried = if rng.bool() { Carried::Yes } else { Carried::No };
    match rng.u8(0..7) {
        0 | 1 => Fault::Lost(carried),
        2 => Fault::Duplicated,
        3 => Fault::Late { after: rng.u32(0..8) },
        4 => Fault::Failed(carried),
        5 => Fault::Hung(carried),
        _ => Fault::Limited { wait_s: 1 },
    }
}

/// Begins again as the driver does: from the start, until it is known to be done.
async fn published(hosted: &Hosted, content: &Content) -> PullRequest {
    for _ in 0..BEGUN {
        let made = tokio::select! {
            made = hosted.forge.create(content.clone()) => made,
            // The process dies here, and with it the request.
            () = hosted.host.hung() => continue,
        };
        match made {
            Ok(made) => return made,
            Err(
                ForgeError::OutcomeUnknown { .. }
                | ForgeError::Unreachable { .. }
                | ForgeError::RateLimited { .. },
            ) => {}
            Err(other) => panic!("{other}: {other:?}"),
        }
    }
    panic!("never published");
}

/// Each request of a publication, struck by each fault.
async fn every_request_is_struck(hosted: &Hosted, kind: Kind) {
    let ground = &hosted.place.ground;
    let faults = [
        Fault::Lost(Carried::Yes),
        Fault::Lost(Carried::No),
        Fault::Duplicated,
        Fault::Late { after: 0 },
        Fault::Late { after: 3 },
        Fault::Failed(Carried::Yes),
        Fault::Failed(Carried::No),
        Fault::Hung(Carried::Yes),
        Fault::Hung(Carried::No),
    ];
    for fault in faults {
        for struck in 0..STRUCK {
            hosted.host.with(|hall| hall.repositories.clear());
            hosted.host.strike(struck, fault);
            let content = ground.content(&ground.clean, "Title");
            let made = published(hosted, &content).await;
            hosted.host.settle();
            let again = published(hosted, &content).await;
            assert_eq!(again, made, "{fault:?} of request {struck}");
            let kept = hosted.host.with(|hall| hall.repository(name(kind)).pulls.len());
            assert_eq!(kept, 1, "{fault:?} of request {struck}");
        }
    }
}

async fn one_pull_request_comes_of_it(kind: Kind) {
    let hosted = hosted(kind).await;
    every_request_is_struck(&hosted, kind).await;
    let ground = &hosted.place.ground;
    let refs = || git(&hosted.place.remote, &["for-each-ref"]);
    let before = refs();
    let seeds = first_seed()..first_seed() + count(200, 1000);
    let mut struck = 0;
    for seed in seeds {
        let mut rng = Rng::with_seed(seed);
        hosted.host.with(|hall| hall.repositories.clear());
        let already = rng.bool();
        let draft = ground.content(&ground.clean, "First");
        let ready = Content { stage: Stage::Ready, ..ground.content(&ground.clean, "Second") };
        if already {
            hosted.forge.create(draft.clone()).await.unwrap();
        }
        let asked = hosted.host.asked().len();
        for _ in 0..rng.usize(1..=3) {
            hosted.host.strike(rng.usize(0..STRUCK), fault(&mut rng));
        }
        let wanted = if rng.bool() { draft } else { ready };
        let made = published(&hosted, &wanted).await;
        struck += usize::from(hosted.host.asked().len() - asked > STRUCK);
        assert_eq!(made.content, wanted, "seed {seed}");
        // What was late arrives after all, and another run publishes the same branch.
        hosted.host.settle();
        let last = Content { title: "Last".to_owned(), ..wanted };
        let again = published(&hosted, &last).await;
        assert_eq!((again.number, again.content), (made.number, last), "seed {seed}");
        let kept = hosted.host.with(|hall| hall.repository(name(kind)).pulls.len());
        assert_eq!(kept, 1, "seed {seed}: one pull request, and none that was closed again");
    }
    assert!(struck > 10, "most faults struck nothing");
    assert_eq!(refs(), before, "publishing touches no branch");
}

#[tokio::test]
async fn github_has_one_pull_request_whatever_happens() {
    one_pull_request_comes_of_it(Kind::Github).await;
}

#[tokio::test]
async fn gitea_has_one_pull_request_whatever_happens() {
    one_pull_request_comes_of_it(Kind::Gitea).await;
}

#[tokio::test]
async fn gitlab_has_one_pull_request_whatever_happens() {
    one_pull_request_comes_of_it(Kind::Gitlab).await;
}

#[tokio::test]
async fn bitbucket_has_one_pull_request_whatever_happens() {
    one_pull_request_comes_of_it(Kind::Bitbucket).await;
}
