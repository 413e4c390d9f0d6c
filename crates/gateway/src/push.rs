//! What a push asks for, judged before git sees a byte of it. Pure.
//!
//! The list of commands is read strictly and written anew: receive-pack is only ever given refs
//! below [`INBOX`], whatever the sandbox asked for. No hook is needed, and none ever runs.

use crate::pkt::{self, Packet};
use crate::repository::INBOX;
use git::name::{BranchName, CommitId, ObjectFormat, RefName};
use std::collections::BTreeSet;

/// Bytes of one push's command list.
pub(crate) const COMMAND_LIST_BYTES: usize = 256 * 1024;
/// Commands of one push.
pub(crate) const COMMANDS: usize = 100;
/// Commits that a shallow clone may name as its edge.
const SHALLOW_LINES: usize = 1000;
/// What a client is told it may use.
const CAPABILITIES: &str = "report-status delete-refs side-band-64k quiet ofs-delta";
/// What people read after a push was stored.
pub(crate) const RECORDED: &str = "recorded; Errand publishes after the run\n";

/// A push that is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPush {
    #[error("malformed packet line")]
    Packet,
    #[error("the command list is too long")]
    TooLong,
    #[error("malformed command")]
    Command,
    #[error("signed pushes and push options are not taken")]
    NotOffered,
    #[error("one ref is named twice")]
    Twice,
}

/// One command of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// The commit asked for; none = delete the ref.
    pub(crate) new: Option<CommitId>,
    /// The ref exactly as the client wrote it; it is named so in the answer.
    pub(crate) name: String,
}

/// The command list of a push.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandList {
    pub(crate) shallow: Vec<CommitId>,
    pub(crate) commands: Vec<Command>,
    /// Whether the client reads a report, and whether it reads bands.
    pub(crate) report: bool,
    pub(crate) bands: bool,
}

/// Reads the command list up to its flush; returns it with the bytes it took, or none where more
/// bytes are needed.
pub(crate) fn read_list(
    bytes: &[u8],
    format: ObjectFormat,
) -> Result<Option<(CommandList, usize)>, BadPush> {
    let mut list = CommandList::default();
    let mut position = 0;
    loop {
        if position > COMMAND_LIST_BYTES {
            return Err(BadPush::TooLong);
        }
        let rest = bytes.get(position..).unwrap_or_default();
        match pkt::read(rest).map_err(|_| BadPush::Packet)? {
            None if bytes.len() > COMMAND_LIST_BYTES => return Err(BadPush::TooLong),
            None => return Ok(None),
            Some((Packet::Flush, taken)) => {
                check_names(&list.commands)?;
                return Ok(Some((list, position + taken)));
            }
            Some((Packet::Data(line), taken)) => {
                read_line(&mut list, line, format)?;
                position += taken;
            }
        }
    }
}

fn check_names(commands: &[Command]) -> Result<(), BadPush> {
    let names: BTreeSet<&str> = commands.iter().map(|command| command.name.as_str()).collect();
    if names.len() == commands.len() { Ok(()) } else { Err(BadPush::Twice) }
}

fn read_line(list: &mut CommandList, line: &[u8], format: ObjectFormat) -> Result<(), BadPush> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if line.starts_with(b"push-cert") {
        return Err(BadPush::NotOffered);
    }
    if let Some(id) = line.strip_prefix(b"shallow ") {
        if !list.commands.is_empty() || list.shallow.len() >= SHALLOW_LINES {
            return Err(BadPush::Command);
        }
        list.shallow.push(object_id(id, format)?.ok_or(BadPush::Command)?);
        return Ok(());
    }
    let mut halves = line.splitn(2, |byte| *byte == 0);
    let command = halves.next().unwrap_or_default();
    match (halves.next(), list.commands.is_empty()) {
        (Some(capabilities), true) => read_capabilities(list, capabilities, format)?,
        (None, _) => {}
        (Some(_), false) => return Err(BadPush::Command),
    }
    if list.commands.len() >= COMMANDS {
        return Err(BadPush::TooLong);
    }
    list.commands.push(read_command(command, format)?);
    Ok(())
}

fn read_command(line: &[u8], format: ObjectFormat) -> Result<Command, BadPush> {
    let text = std::str::from_utf8(line).map_err(|_| BadPush::Command)?;
    let mut words = text.splitn(3, ' ');
    let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) else {
        return Err(BadPush::Command);
    };
    // The old value is only checked for its form: what a ref must be is read from the repository.
    object_id(old.as_bytes(), format)?;
    let printable = |c: char| !c.is_control() && c != ' ';
    if name.is_empty() || name.len() > 1024 || !name.chars().all(printable) {
        return Err(BadPush::Command);
    }
    Ok(Command { new: object_id(new.as_bytes(), format)?, name: name.to_owned() })
}

/// An object id of the repository's own length; none for the one that means "no object".
fn object_id(bytes: &[u8], format: ObjectFormat) -> Result<Option<CommitId>, BadPush> {
    let length = match format {
        ObjectFormat::Sha1 => 40,
        ObjectFormat::Sha256 => 64,
    };
    let text = std::str::from_utf8(bytes).map_err(|_| BadPush::Command)?;
    if text.len() != length {
        return Err(BadPush::Command);
    }
    if text.bytes().all(|byte| byte == b'0') {
        return Ok(None);
    }
    CommitId::parse(text).map(Some).map_err(|_| BadPush::Command)
}

fn read_capabilities(
    list: &mut CommandList,
    bytes: &[u8],
    format: ObjectFormat,
) -> Result<(), BadPush> {
    let text = std::str::from_utf8(bytes).map_err(|_| BadPush::Command)?;
    for word in text.split_ascii_whitespace() {
        match word.split_once('=') {
            Some(("object-format", value)) if value != format_name(format) => {
                return Err(BadPush::Command);
            }
            Some(("push-cert", _)) => return Err(BadPush::NotOffered),
            Some(_) => {}
            None if word == "push-options" || word == "atomic" => return Err(BadPush::NotOffered),
            None => {
                list.report |= word == "report-status";
                list.bands |= word == "side-band-64k";
            }
        }
    }
    Ok(())
}

/// The name of a hash as the protocol spells it.
pub(crate) const fn format_name(format: ObjectFormat) -> &'static str {
    match format {
        ObjectFormat::Sha1 => "sha1",
        ObjectFormat::Sha256 => "sha256",
    }
}

/// Where a command's commit is kept, or why it is refused.
pub(crate) fn judge(command: &Command, branch: &BranchName) -> Result<RefName, String> {
    if command.new.is_none() {
        return Err("Errand deletes no refs".to_owned());
    }
    let own = branch.to_ref();
    let stored = if command.name == own.as_str() {
        format!("{INBOX}{branch}")
    } else if command.name.starts_with(INBOX) {
        command.name.clone()
    } else {
        return Err(format!("only {own} may be pushed from here"));
    };
    RefName::parse(&stored).map_err(|bad| bad.to_string())
}

/// One command as receive-pack is given it.
pub(crate) struct Rewritten<'a> {
    /// What the stored ref is now.
    pub(crate) old: Option<CommitId>,
    /// What it shall be.
    pub(crate) new: &'a CommitId,
    /// The stored ref.
    pub(crate) stored: &'a RefName,
}

/// Writes the command list for receive-pack.
pub(crate) fn write_list(
    shallow: &[CommitId],
    commands: &[Rewritten<'_>],
    format: ObjectFormat,
) -> Vec<u8> {
    let mut out = Vec::new();
    for id in shallow {
        pkt::line(&mut out, format!("shallow {id}").as_bytes());
    }
    let mut capabilities =
        format!("\0report-status side-band-64k quiet object-format={}", format_name(format));
    for Rewritten { old, new, stored } in commands {
        let zero = "0".repeat(new.as_str().len());
        let old = old.as_ref().map_or(zero.as_str(), CommitId::as_str);
        pkt::line(&mut out, format!("{old} {new} {stored}{capabilities}").as_bytes());
        capabilities.clear();
    }
    pkt::flush(&mut out);
    out
}

/// The first answer of a push: the branches, and what a client may use.
pub(crate) fn advertise(refs: &[(RefName, CommitId)], format: ObjectFormat) -> Vec<u8> {
    let mut out = Vec::new();
    pkt::line(&mut out, b"# service=git-receive-pack\n");
    pkt::flush(&mut out);
    let name = format_name(format);
    let mut tail = format!("\0{CAPABILITIES} object-format={name} agent=errand");
    if refs.is_empty() {
        let zero = "0".repeat(if format == ObjectFormat::Sha1 { 40 } else { 64 });
        pkt::line(&mut out, format!("{zero} capabilities^{{}}{tail}\n").as_bytes());
    }
    for (name, id) in refs {
        pkt::line(&mut out, format!("{id} {name}{tail}\n").as_bytes());
        tail.clear();
    }
    pkt::flush(&mut out);
    out
}

/// What receive-pack said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Why the pack as a whole was refused.
    pub(crate) unpack_error: Option<String>,
    /// Stored refs that were moved.
    pub(crate) moved: BTreeSet<String>,
    /// Stored refs that were not, with the reason.
    pub(crate) refused: Vec<(String, String)>,
    /// Its words for the person.
    pub(crate) words: String,
}

impl Outcome {
    /// A pack of which nothing was taken.
    pub(crate) fn refused(reason: String) -> Self {
        let words = format!("Errand refused the push: {reason}.\n");
        Self { unpack_error: Some(reason), words, ..Self::default() }
    }
}

/// Reads the multiplexed answer of receive-pack; what is malformed counts as "not moved".
pub(crate) fn read_outcome(bytes: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut report = Vec::new();
    let mut rest = bytes;
    while let Ok(Some((Packet::Data(data), taken))) = pkt::read(rest) {
        match data.split_first() {
            Some((1, content)) => report.extend_from_slice(content),
            Some((_, content)) => outcome.words.push_str(&String::from_utf8_lossy(content)),
            None => {}
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    let mut rest = report.as_slice();
    while let Ok(Some((Packet::Data(data), taken))) = pkt::read(rest) {
        read_status(&mut outcome, &String::from_utf8_lossy(data));
        rest = rest.get(taken..).unwrap_or_default();
    }
    outcome
}

fn read_status(outcome: &mut Outcome, line: &str) {
    let line = line.trim_end_matches('\n');
    if let Some(verdict) = line.strip_prefix("unpack ") {
        outcome.unpack_error = (verdict != "ok").then(|| verdict.to_owned());
    } else if let Some(name) = line.strip_prefix("ok ") {
        outcome.moved.insert(name.to_owned());
    } else if let Some((name, reason)) =
        line.strip_prefix("ng ").and_then(|rest| rest.split_once(' '))
    {
        outcome.refused.push((name.to_owned(), reason.to_owned()));
    }
}

/// Writes the answer for the client: per ref as it was asked for, either stored or why not.
pub(crate) fn write_report(
    list: &CommandList,
    unpack_error: Option<&str>,
    verdicts: &[(String, Result<(), String>)],
    words: &str,
) -> Vec<u8> {
    let mut report = Vec::new();
    if list.report {
        pkt::line(
            &mut report,
            format!("unpack {}\n", one_line(unpack_error.unwrap_or("ok"))).as_bytes(),
        );
        for (name, verdict) in verdicts {
            let status = match verdict {
                Ok(()) => format!("ok {name}\n"),
                Err(reason) => format!("ng {name} {}\n", one_line(reason)),
            };
            pkt::line(&mut report, status.as_bytes());
        }
        pkt::flush(&mut report);
    }
    if !list.bands {
        return report;
    }
    let mut out = Vec::new();
    pkt::band(&mut out, pkt::Band::Words, words.as_bytes());
    pkt::band(&mut out, pkt::Band::Data, &report);
    pkt::flush(&mut out);
    out
}

fn one_line(text: &str) -> String {
    text.chars().take(400).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn list(lines: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in lines {
            pkt::line(&mut out, line.as_bytes());
        }
        pkt::flush(&mut out);
        out
    }

    fn parsed(lines: &[&str]) -> Result<CommandList, BadPush> {
        read_list(&list(lines), ObjectFormat::Sha1).map(|found| found.unwrap().0)
    }

    #[test]
    fn a_push_is_read_in_pieces() {
        let first = format!("{A} {B} refs/heads/x\0 report-status side-band-64k agent=git/2.47");
        let second = format!("{ZERO} {B} refs/tags/y\n");
        let mut bytes = list(&[&format!("shallow {A}"), &first, &second]);
        bytes.extend_from_slice(b"PACK....");
        let end = bytes.len() - 8;
        for cut in 0..end {
            assert_eq!(read_list(&bytes[..cut], ObjectFormat::Sha1), Ok(None), "{cut}");
        }
        let (found, taken) = read_list(&bytes, ObjectFormat::Sha1).unwrap().unwrap();
        assert_eq!((taken, found.commands.len(), found.shallow.len()), (end, 2, 1));
        assert!(found.report && found.bands);
        assert_eq!(found.commands[1].name, "refs/tags/y");
    }

    #[test]
    fn malformed_pushes_are_refused() {
        let table: [(&[&str], BadPush); 11] = [
            (&["x"], BadPush::Command),
            (&[&format!("{A} {B}")], BadPush::Command),
            (&[&format!("{A} {B} ")], BadPush::Command),
            (&[&format!("{A}  {B} refs/heads/x")], BadPush::Command),
            (&[&format!("{A} {}Z refs/heads/x", &B[1..])], BadPush::Command),
            (&[&format!("{A} {B}00 refs/heads/x")], BadPush::Command),
            (&[&format!("{A} {B} refs/heads/x\ny")], BadPush::Command),
            (
                &[
                    &format!("{A} {B} refs/heads/x"),
                    &format!("{A} {B} refs/heads/y\0report-status"),
                ],
                BadPush::Command,
            ),
            (&[&format!("{A} {B} refs/heads/x"), &format!("{A} {A} refs/heads/x")], BadPush::Twice),
            (&["push-cert\0x"], BadPush::NotOffered),
            (&[&format!("{A} {B} refs/heads/x\0push-options")], BadPush::NotOffered),
        ];
        for (lines, expected) in table {
            assert_eq!(parsed(lines), Err(expected), "{lines:?}");
        }
        assert_eq!(read_list(b"0003", ObjectFormat::Sha1), Err(BadPush::Packet));
        let many = vec![b'a'; COMMAND_LIST_BYTES + 1];
        assert!(read_list(&many, ObjectFormat::Sha1).is_err());
    }

    #[test]
    fn bent_bytes_never_smuggle_a_ref_past_the_judge() {
        let branch = BranchName::parse("errand/fix").unwrap();
        let line = format!("{A} {B} refs/heads/errand/fix\0report-status side-band-64k");
        let good = list(&[&line]);
        let mut accepted = 0;
        for index in 0..good.len() {
            for bit in 0..8 {
                let mut bent = good.clone();
                bent[index] ^= 1 << bit;
                let Ok(Some((found, _))) = read_list(&bent, ObjectFormat::Sha1) else { continue };
                for command in &found.commands {
                    if let Ok(stored) = judge(command, &branch) {
                        accepted += 1;
                        assert_eq!(stored.as_str(), "refs/errand/inbox/errand/fix");
                    }
                }
            }
        }
        assert!(accepted > 10, "bent ids are still ids: {accepted}");
    }

    #[test]
    fn only_the_agents_branch_and_the_inbox_may_be_pushed() {
        let branch = BranchName::parse("errand/fix").unwrap();
        let verdict = |name: &str, new: Option<&str>| {
            let new = new.map(|id| CommitId::parse(id).unwrap());
            judge(&Command { new, name: name.to_owned() }, &branch).map(|stored| stored.to_string())
        };
        let inbox = Ok("refs/errand/inbox/errand/fix".to_owned());
        assert_eq!(verdict("refs/heads/errand/fix", Some(A)), inbox);
        assert_eq!(
            verdict("refs/errand/inbox/tree", Some(A)),
            Ok("refs/errand/inbox/tree".to_owned())
        );
        for name in [
            "refs/heads/main",
            "refs/heads/errand/fix/",
            "refs/heads/errand/fixx",
            "refs/tags/v1",
            "HEAD",
            "refs/errand/inbox/",
            "refs/errand/inbox/../../heads/main",
            "refs/errand/inbox/a..b",
            "refs/errand/published",
            "refs/heads/../heads/main",
            "refs/errand/inbox/-x/.lock",
            "refs/errand/inbox/a.lock",
        ] {
            assert!(verdict(name, Some(A)).is_err(), "{name}");
        }
        assert!(verdict("refs/heads/errand/fix", None).is_err());
    }

    #[test]
    fn the_answer_names_refs_as_they_were_asked_for() {
        let report = list(&[
            "unpack ok\n",
            "ok refs/errand/inbox/x\n",
            "ng refs/errand/inbox/y failed to lock\n",
        ]);
        let mut bytes = Vec::new();
        pkt::band(&mut bytes, pkt::Band::Words, b"remote words\n");
        pkt::band(&mut bytes, pkt::Band::Data, &report);
        pkt::flush(&mut bytes);
        let outcome = read_outcome(&bytes);
        assert!(outcome.moved.contains("refs/errand/inbox/x"));
        assert_eq!(
            outcome.refused,
            [("refs/errand/inbox/y".to_owned(), "failed to lock".to_owned())]
        );
        assert_eq!((outcome.words.as_str(), outcome.unpack_error), ("remote words\n", None));

        let asked = CommandList { report: true, bands: false, ..CommandList::default() };
        let verdicts = [
            ("refs/heads/x".to_owned(), Ok(())),
            ("refs/heads/y".to_owned(), Err("no\nway".to_owned())),
        ];
        let written = write_report(&asked, None, &verdicts, RECORDED);
        assert_eq!(
            written,
            list(&["unpack ok\n", "ok refs/heads/x\n", "ng refs/heads/y no way\n"])
        );
    }
}
