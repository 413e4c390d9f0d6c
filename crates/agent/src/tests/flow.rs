//! Untrusted text, secrets, and a way out: never all three unless people want it.

use super::story::{Story, message, prompt, run, settings};
use crate::flow::Flow;
use crate::fork::inherited;
use protocol::content::{Prompt, Source};
use protocol::event::{
    AskOptions, Configuration, ConfigurationTrust, Event, Logged, RepoBase, RunStatus,
};
use protocol::failure::Refusal;
use protocol::flow::{Integrity, Legs, Reading, WhenAllThree};
use protocol::ids::{Epoch, Seq};
use protocol::input::{Input, WhenBusy};

fn legs(secrets: &[&str], outward: &[&str], when_all_three: WhenAllThree) -> Legs {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Legs { secrets: owned(secrets), outward: owned(outward), when_all_three }
}

fn tells(story: &mut Story, legs: Legs) {
    story.report(Event::LegsChanged { legs });
}

fn reads(story: &mut Story, integrity: Integrity) {
    let reading = Reading { integrity, source: format!("{integrity:?}") };
    story.report(Event::IntegrityLowered { epoch: Epoch(1), reading });
}

fn allows(story: &mut Story, integrity: Integrity) -> Result<usize, Refusal> {
    let given = story.give(Input::AllowFlow { integrity, principal: "somebody".to_owned() });
    story.settle();
    given
}

fn is_closed(story: &Story) -> bool {
    story.living().flow.is_closed()
}

fn met(story: &Story) -> Vec<Integrity> {
    let level = |event: &Event| match event {
        Event::AllThreeMet { reading, .. } => Some(reading.integrity),
        _ => None,
    };
    story.log.iter().filter_map(level).collect()
}

const NARROW: WhenAllThree = WhenAllThree::Narrow;

#[test]
fn any_two_of_three_close_nothing_and_the_third_does() {
    for last in 0..3 {
        let mut story = Story::working(settings());
        let acts: [fn(&mut Story, &mut Legs); 3] = [
            |story, _| reads(story, Integrity::Web),
            |story, legs| {
                legs.secrets.push("TOKEN".to_owned());
                tells(story, legs.clone());
            },
            |story, legs| {
                legs.outward.push("a.example".to_owned());
                tells(story, legs.clone());
            },
        ];
        let mut now = legs(&[], &[], NARROW);
        for nth in [last + 1, last + 2] {
            acts[nth % 3](&mut story, &mut now);
            assert!(!is_closed(&story), "{last}");
        }
        acts[last](&mut story, &mut now);
        assert!(is_closed(&story) && met(&story) == [Integrity::Web], "{last}");
    }
}

#[test]
fn packages_and_the_repository_close_nothing() {
    let mut story = Story::working(settings());
    tells(&mut story, legs(&["TOKEN"], &["a.example"], NARROW));
    assert_eq!(story.living().flow.integrity(), Integrity::Repository);
    reads(&mut story, Integrity::Packages);
    assert!(!is_closed(&story) && met(&story).is_empty());
}

#[test]
fn a_message_of_an_outsider_counts_like_what_was_fetched() {
    let mut story = Story::working(settings());
    tells(&mut story, legs(&["TOKEN"], &["a.example"], NARROW));
    let prompt = Prompt { source: Source::Outsider, ..prompt() };
    let (options, when_busy) = (AskOptions::default(), WhenBusy::Steer);
    let (principal, message) = ("forge".to_owned(), message(1));
    let ask = Input::Ask { run: run(2), prompt, options, when_busy, principal, message };
    story.give(ask).unwrap();
    assert!(is_closed(&story), "at once, before anything is decided");
    story.settle();
    assert_eq!(met(&story), [Integrity::Outsider]);
}

#[test]
fn files_of_a_commit_that_no_branch_has_are_an_outsiders() {
    for (trust, expected) in [
        (ConfigurationTrust::DefaultBranch, Integrity::Repository),
        (ConfigurationTrust::Changed, Integrity::Repository),
        (ConfigurationTrust::Stranger, Integrity::Outsider),
    ] {
        let text = str::to_owned;
        let base = RepoBase {
            url: text("https://forge.test/r"),
            base_branch: text("main"),
            commit: text("b0"),
            default_branch: text("main"),
            head: None,
            configuration: Some(Configuration { digest: text("d"), trust }),
            merged: None,
        };
        let mut flow = Flow::default();
        flow.apply(&Event::BaseResolved { run: run(1), repos: vec![base] });
        assert_eq!(flow.integrity(), expected, "{trust:?}");
    }
}

#[test]
fn what_a_person_allows_holds_until_something_is_trusted_less() {
    let mut story = Story::working(settings());
    tells(&mut story, legs(&["TOKEN"], &["a.example"], NARROW));
    reads(&mut story, Integrity::Outsider);
    assert_eq!(allows(&mut story, Integrity::Web), Err(Refusal::FlowLowered));
    assert_eq!(allows(&mut story, Integrity::Outsider), Ok(1));
    assert!(!is_closed(&story));
    assert_eq!(allows(&mut story, Integrity::Outsider), Ok(0));
    reads(&mut story, Integrity::Web);
    assert!(is_closed(&story));
    assert_eq!(met(&story), [Integrity::Outsider, Integrity::Web]);
    assert_eq!(allows(&mut story, Integrity::Outsider), Err(Refusal::FlowLowered));
}

#[test]
fn a_secret_that_is_gone_was_known_all_the_same() {
    let mut story = Story::working(settings());
    tells(&mut story, legs(&["TOKEN"], &["a.example"], NARROW));
    tells(&mut story, legs(&[], &[], NARROW));
    reads(&mut story, Integrity::Web);
    assert!(!is_closed(&story));
    tells(&mut story, legs(&[], &["a.example"], NARROW));
    assert!(is_closed(&story));
    story.refused(Event::LegsChanged { legs: legs(&[], &["a.example"], NARROW) });
}

#[test]
fn what_the_administrator_allows_is_recorded_and_nothing_is_closed() {
    let mut story = Story::working(settings());
    tells(&mut story, legs(&["TOKEN"], &["a.example"], WhenAllThree::Allow));
    reads(&mut story, Integrity::Web);
    assert!(!is_closed(&story) && met(&story) == [Integrity::Web]);
    tells(&mut story, legs(&["TOKEN"], &["a.example"], WhenAllThree::Ask));
    assert!(is_closed(&story) && met(&story).len() == 2);
}

#[test]
fn a_fork_has_read_what_the_other_one_had() {
    let mut story = Story::working(settings());
    tells(&mut story, legs(&["TOKEN"], &["a.example"], NARROW));
    reads(&mut story, Integrity::Web);
    let (status, failure) = (RunStatus::Finished, None);
    let (result, duration_ms) = (String::new(), 1);
    let ended = Event::RunEnded { run: run(1), status, failure, result, duration_ms };
    let events = story.log.into_iter().chain([ended]);
    let log: Vec<_> = events.map(|event| Logged { seq: Seq(1), at_ms: 1, event }).collect();
    let inherited = inherited(&log, run(1)).unwrap();
    let mut flow = Flow::default();
    inherited.iter().for_each(|event| flow.apply(event));
    assert_eq!(flow.integrity(), Integrity::Web);
    assert_eq!((flow.legs.secrets.len(), flow.legs.outward.len()), (1, 0));
}
