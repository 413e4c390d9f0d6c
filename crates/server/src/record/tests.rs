//! Records as bytes: what holds, and that nothing that was changed does.

use super::envelope::{Checked, Doubt, RawSigner, check, digest, peek, seal};
use super::signers::Signers;
use super::*;
use crate::signing::SigningKey;
use git::commit::{CommitDraft, Signature, Signing, When};
use git::name::{CommitId, TreeId};
use protocol::content::{Prompt, Source, ToolResult, Usage};
use protocol::event::AskOptions;
use protocol::ids::{CallId, Epoch, Step};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// 2026-11-23T10:00:00Z.
const AT_MS: i64 = 1_795_428_000_000;

fn line(key: &SigningKey, options: &str) -> String {
    format!("errand@localhost {options}{}\n", key.public())
}

fn statement() -> Statement {
    let record = RunRecord {
        agent: "bc-1".to_owned(),
        at: timestamp(AT_MS),
        branch: "errand/fix".to_owned(),
        executions: vec![Execution {
            command: "make test".to_owned(),
            exit_code: Some(0),
            duration_ms: 5,
            by: Witness::Sandbox,
        }],
        ..RunRecord::default()
    };
    let digest = CommitDigest { git_commit: COMMIT.to_owned() };
    Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: vec![Subject { name: "git.example/o/r".to_owned(), digest }],
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate: record,
    }
}

fn doubt(record: &str, signers: &str) -> String {
    check(record.as_bytes(), &Signers::parse(signers).unwrap()).unwrap_err().0
}

#[test]
fn a_record_holds_for_those_who_may_sign_and_is_the_same_each_time() {
    let key = SigningKey::of_seed(&[7; 32]);
    let record = seal(&statement(), &key).unwrap();
    assert_eq!(record, seal(&statement(), &key).unwrap());
    let signers = Signers::parse(&line(&key, "namespaces=\"git\" ")).unwrap();
    for whole in [record.clone(), format!("{record}\n")] {
        let Checked { statement: said, commit, key: name, signer } =
            check(whole.as_bytes(), &signers).unwrap();
        assert_eq!((said, commit.as_str(), name), (statement(), COMMIT, key.fingerprint()));
        assert_eq!(signer, "errand@localhost");
    }
    assert_eq!(peek(&record).unwrap(), (statement(), key.fingerprint()));
    assert_eq!(digest("abc").get(..8), Some("ba7816bf"));

    let other = SigningKey::of_seed(&[8; 32]);
    assert!(doubt(&record, &line(&other, "")).contains("not on the list"));
    assert!(doubt(&record, "").contains("not on the list"));
    assert!(doubt(&record, &line(&key, "namespaces=\"file\" ")).contains("not allowed to sign"));
    let retired = |at| format!("namespaces=\"git\",valid-before=\"{at}\" ");
    assert!(doubt(&record, &line(&key, &retired("20261123095959Z"))).contains("retired"));
    let in_time = Signers::parse(&line(&key, &retired("20261123100001Z"))).unwrap();
    assert!(check(record.as_bytes(), &in_time).is_ok());
    let later = line(&key, "valid-after=\"20261123100001Z\" ");
    assert!(doubt(&record, &later).contains("not allowed to sign yet"));
    // Another line for the same key may allow it.
    let both = Signers::parse(&format!("{later}{}", line(&key, ""))).unwrap();
    assert!(check(record.as_bytes(), &both).is_ok());
}

#[test]
fn a_record_with_any_byte_changed_or_left_out_holds_no_more() {
    let key = SigningKey::of_seed(&[7; 32]);
    let signers = Signers::parse(&line(&key, "")).unwrap();
    let record = seal(&statement(), &key).unwrap().into_bytes();
    assert!(check(&record, &signers).is_ok());
    let refused = |changed: &[u8], what: &str| {
        assert!(check(changed, &signers).is_err(), "{what}");
    };
    for index in 0..record.len() {
        let mut changed = record.clone();
        changed[index] ^= 1 << (index % 8);
        refused(&changed, &format!("byte {index}"));
        let mut without = record.clone();
        without.remove(index);
        refused(&without, &format!("without byte {index}"));
    }
    refused(&record[..record.len() / 2], "half");
    refused(&[record.as_slice(), b"\n\n"].concat(), "with an empty line");
    refused(&[record.as_slice(), b"\r\n"].concat(), "with another end of line");
}

#[test]
fn what_is_signed_and_is_no_record_is_refused() {
    let key = SigningKey::of_seed(&[7; 32]);
    let signers = line(&key, "");
    let with = |change: fn(&mut Statement)| {
        let mut statement = statement();
        change(&mut statement);
        doubt(&seal(&statement, &key).unwrap(), &signers)
    };
    assert!(with(|it| it.kind.push('x')).contains("no record"));
    assert!(with(|it| it.predicate_type.push('x')).contains("no record"));
    assert!(with(|it| it.subject.clear()).contains("exactly one commit"));
    assert!(with(|it| it.subject.push(it.subject[0].clone())).contains("exactly one commit"));
    assert!(with(|it| it.subject[0].digest.git_commit.clear()).contains("no record"));
    assert!(with(|it| it.predicate.at.clear()).contains("when"));
    // A commit's signature of the same key is none of a record.
    let record = seal(&statement(), &key).unwrap();
    let mut envelope: protocol::record::Envelope = serde_json::from_str(&record).unwrap();
    envelope.payload_type = "text/plain".to_owned();
    assert!(doubt(&serde_json::to_string(&envelope).unwrap(), &signers).contains("something else"));
    let pretty = serde_json::to_string_pretty(&envelope).unwrap();
    assert!(doubt(&pretty, &signers).contains("another way"));
}

#[test]
fn a_list_of_signers_with_something_unknown_is_refused_as_a_whole() {
    let key = SigningKey::of_seed(&[7; 32]);
    let fine = line(&key, "");
    for (line, why) in [
        ("errand@localhost cert-authority ssh-ed25519 AAAA", "no public key"),
        (&line(&key, "cert-authority "), "cert-authority"),
        (&line(&key, "valid-before=\"tomorrow\" "), "no time"),
        (&line(&key, "valid-before=\"20261123\" "), "no time"),
        ("nothing", "ends too early"),
    ] {
        let Doubt(told) = Signers::parse(&format!("# all\n\n{fine}{line}")).unwrap_err();
        assert!(told.contains(why) && told.contains("line 4"), "{line}: {told}");
    }
    let quoted = format!("\"one, two\" namespaces=\"file,git\" {}", key.public());
    assert_eq!(Signers::parse(&quoted).unwrap().keys().count(), 1);
}

#[test]
fn a_commit_holds_with_its_signature_and_not_with_another_content() {
    let key = SigningKey::of_seed(&[7; 32]);
    let signers = Signers::parse(&line(&key, "namespaces=\"git\" ")).unwrap();
    let when = When { seconds: AT_MS / 1000, offset_minutes: 0 };
    let who = Signature { name: "a".to_owned(), email: "a@x".to_owned(), when };
    let draft = CommitDraft {
        tree: TreeId::parse(COMMIT).unwrap(),
        parents: vec![CommitId::parse(COMMIT).unwrap()],
        author: who.clone(),
        committer: who,
        message: "One\n\ngpgsig no header\n and no end of one".to_owned(),
        trailers: Vec::new(),
    };
    let signed = draft.stored(Signing(Some(&key))).unwrap();
    let check = |bytes: &[u8], signers: &Signers| {
        commit::check(&CommitId::parse(COMMIT).unwrap(), bytes, signers).map_err(|Doubt(why)| why)
    };
    assert_eq!(check(&signed, &signers).as_deref(), Ok("errand@localhost"));
    assert!(check(&draft.payload(), &signers).unwrap_err().contains("not signed"));
    let text = String::from_utf8(signed.clone()).unwrap();
    let changed = text.replacen("One", "Two", 1);
    assert!(check(changed.as_bytes(), &signers).unwrap_err().contains("not of this content"));
    let block = text.split_once("gpgsig").unwrap().1.split_once("\n\n").unwrap().0;
    let twice = text.replacen("gpgsig", &format!("gpgsig{block}\ngpgsig"), 1);
    assert!(check(twice.as_bytes(), &signers).unwrap_err().contains("several"));
    let before = line(&key, "valid-before=\"20261123095959Z\" ");
    let retired = Signers::parse(&before).unwrap();
    assert!(check(&signed, &retired).unwrap_err().contains("retired"));
}

fn log(events: Vec<Event>) -> Vec<Logged> {
    let events = events.into_iter().zip(1u64..);
    let logged =
        |(event, seq): (Event, u64)| Logged { seq: Seq(seq), at_ms: AT_MS + seq as i64, event };
    events.map(logged).collect()
}

#[test]
fn a_record_tells_what_the_log_has_and_keeps_texts_and_secrets_to_itself() {
    let [first, second] = [1u128, 2].map(|id| RunId::from_uuid(uuid::Uuid::from_u128(id)));
    let asked = |run, principal: &str, automatic| Event::Asked {
        run,
        prompt: Prompt::of("abc".to_owned(), Source::Owner),
        options: AskOptions { automatic, ..AskOptions::default() },
        principal: principal.to_owned(),
    };
    let call = CallId("c".to_owned());
    let (step, epoch) = (Step(1), Epoch(1));
    let shell = serde_json::json!({"command": "check hunter2hunter2"}).to_string();
    let finished = |run, cost_micros| Event::StepFinished {
        run,
        step,
        usage: Usage::default(),
        cost_micros,
        duration_ms: 1,
        stop: "end".to_owned(),
    };
    let result = ToolResult {
        text: String::new(),
        is_error: false,
        detail: Some(serde_json::json!({"exitCode": 3})),
        truncated: false,
    };
    let log = log(vec![
        asked(first, "ann", false),
        Event::RunStarted { run: first },
        finished(first, 5),
        asked(second, "errand", true),
        Event::RunStarted { run: second },
        Event::StepStarted { run: second, step, attempt: 1, model: "m-1".to_owned() },
        Event::ToolCalled {
            run: second,
            step,
            call: call.clone(),
            epoch,
            name: "shell".to_owned(),
            arguments: shell,
        },
        Event::ToolReturned { run: second, step, call, result, duration_ms: 9 },
        finished(second, 7),
        Event::StopAllowed {
            mark: "m".to_owned(),
            reason: "sample".to_owned(),
            principal: "bob".to_owned(),
        },
        Event::HostAllowed { entry: "x.test".to_owned(), run: None, principal: "ann".to_owned() },
    ]);
    let record = of_log(second, &log, &Redactor::new(["hunter2hunter2"]));
    // What Errand asked itself was part of what somebody asked for.
    assert_eq!((record.requester.as_str(), record.cost_micros, record.duration_ms), ("ann", 7, 6));
    assert_eq!(record.messages.len(), 2);
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(record.messages[0].sha256, abc);
    assert_eq!(record.models, ["m-1"]);
    let [execution] = record.executions.as_slice() else { panic!("{record:?}") };
    assert_eq!((execution.command.as_str(), execution.exit_code), ("check [REDACTED]", Some(3)));
    let told: Vec<_> = record.exceptions.iter().map(|it| (&*it.kind, &*it.what, &*it.by)).collect();
    assert_eq!(told, [("push", "m", "bob"), ("host", "x.test", "ann")]);
    assert_eq!(record.exceptions[0].reason.as_deref(), Some("sample"));
    assert_eq!(record, of_log(second, &log, &Redactor::new(["hunter2hunter2"])));
}

#[test]
fn lists_that_are_too_long_keep_what_is_newest_and_say_so() {
    let mut rows: Vec<usize> = (0..RECORD_ROWS + 3).collect();
    assert_eq!(newest(&mut rows), 3);
    assert_eq!((rows.len(), rows[0]), (RECORD_ROWS, 3));
}
