//! The contents of small blobs, with one git for any number of them.

use super::{Repo, Started, code, collect, complaint};
use crate::exec::{self, Pipe};
use crate::ops::fault;
use protocol::link::{Fault, FaultCode};
use std::ops::Range;

/// What is asked: the size of an object, or its size and content. Git ends by an assertion when it
/// is not asked for the type too.
const ARGS: [&str; 3] = ["cat-file", "--batch-command=%(objectsize) %(objecttype)", "--buffer"];
const IS_BLOB: &str = " blob";
/// Git answers what it was asked so far.
const FLUSH: &str = "flush\n";
const READ_BYTES: usize = 64 * 1024;

/// The contents of those whose size is in the range, with their places in the list.
pub async fn of_size(
    repo: &Repo,
    ids: &[&str],
    sizes: Range<u64>,
) -> Result<Vec<(usize, Vec<u8>)>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let Started { mut child, mut guard, stdin, stdout, stderr } = repo.start(&ARGS)?;
    let talk = async {
        let (asked, lines) = tokio::join!(ask(&stdin, "info", ids), read_lines(&stdout, ids.len()));
        let lines = asked.and(lines)?;
        let size = |line: &str| line.strip_suffix(IS_BLOB)?.parse().ok();
        let fits = |line: &str| size(line).is_some_and(|size| sizes.contains(&size));
        let small: Vec<usize> =
            lines.lines().enumerate().filter(|(_, line)| fits(line)).map(|(at, _)| at).collect();
        let wanted: Vec<&str> = small.iter().filter_map(|at| ids.get(*at).copied()).collect();
        let asking = async {
            // A git that ended says so by what it answered.
            drop(ask(&stdin, "contents", &wanted).await);
            drop(stdin);
        };
        let ((), contents) = tokio::join!(asking, collect(&stdout));
        Ok((small, contents?))
    };
    let (talked, complaints, code) = tokio::join!(talk, collect(&stderr), code(&mut child));
    guard.gone();
    if code? != 0 {
        return Err(complaint(&ARGS, &complaints?));
    }
    let (small, contents) = talked?;
    let mut rest = contents.as_slice();
    Ok(small.into_iter().map_while(|at| Some((at, next(&mut rest)?.to_vec()))).collect())
}

async fn ask(stdin: &Pipe, command: &str, ids: &[&str]) -> Result<(), Fault> {
    let mut text: String = ids.iter().map(|id| format!("{command} {id}\n")).collect();
    text.push_str(FLUSH);
    let sent = exec::write_all(stdin, text.as_bytes()).await;
    sent.map_err(|error| fault(FaultCode::Failed, format!("git does not listen: {error}")))
}

async fn read_lines(stdout: &Pipe, count: usize) -> Result<String, Fault> {
    let mut text = Vec::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut seen = 0;
    while seen < count {
        let read = exec::read(stdout, &mut buffer).await.unwrap_or(0);
        let piece = buffer.get(..read).unwrap_or_default();
        if piece.is_empty() {
            return Err(fault(FaultCode::Failed, "git ended in the middle of an answer"));
        }
        seen += piece.iter().filter(|byte| **byte == b'\n').count();
        text.extend_from_slice(piece);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// One blob of an answer: its size on a line, its bytes, the end of a line.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (size, after) = rest.split_at_checked(end)?;
    let size: usize = std::str::from_utf8(size).ok()?.strip_suffix(IS_BLOB)?.parse().ok()?;
    let (content, after) = after.get(1..)?.split_at_checked(size)?;
    *rest = after.get(1..)?;
    Some(content)
}
