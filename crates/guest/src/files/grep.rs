//! Lines by regular expression, without the files that git ignores.

use super::glob::{WALK_TIME, matcher, walk};
use super::{open, resolve};
use crate::ops::fault;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{
    BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkContextKind, SinkMatch,
};
use protocol::link::{Answer, Fault, FaultCode, Grep, GrepLine, Matches};
use std::io;
use std::path::Path;
use std::time::Instant;

/// Matching lines answered at most, whatever was asked.
const LINES: usize = 10_000;
/// Lines of context at most.
const CONTEXT_LINES: usize = 50;
/// Bytes of one line that are shown.
const LINE_BYTES: usize = 1000;
/// Memory for one line while searching.
const HEAP_BYTES: usize = 16 * 1024 * 1024;
/// Memory for the compiled expression.
const REGEX_BYTES: usize = 8 * 1024 * 1024;

/// Finds the lines.
pub fn lines(wanted: &Grep) -> Result<Answer, Fault> {
    let root = resolve(&wanted.cwd, &wanted.path)?;
    let regex = RegexMatcherBuilder::new()
        .case_insensitive(wanted.ignore_case)
        .size_limit(REGEX_BYTES)
        .line_terminator(Some(b'\n'))
        .build(&wanted.pattern)
        .map_err(|error| {
            fault(FaultCode::BadRequest, format!("not a regular expression: {error}"))
        })?;
    let glob = wanted.glob.as_deref().map(matcher).transpose()?;
    let context = (wanted.context as usize).min(CONTEXT_LINES);
    let mut searcher = SearcherBuilder::new()
        .line_number(true)
        .before_context(context)
        .after_context(context)
        .binary_detection(BinaryDetection::quit(0))
        .heap_limit(Some(HEAP_BYTES))
        .build();
    let mut found = Collector::new((wanted.limit as usize).min(LINES));
    for entry in walk(&root, &wanted.path)? {
        // What cannot be read is not found.
        let Ok(entry) = entry else { continue };
        let relative = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        // Asked for one file: its own name is what is shown.
        let shown =
            if relative.as_os_str().is_empty() { Path::new(&wanted.path) } else { relative };
        let plain = entry.file_type().is_some_and(|file_type| !file_type.is_dir());
        if !plain || glob.as_ref().is_some_and(|glob| !glob.is_match(shown)) {
            continue;
        }
        found.search(&mut searcher, &regex, entry.path(), shown);
        if found.full || found.started.elapsed() > WALK_TIME {
            found.full = true;
            break;
        }
    }
    Ok(Answer::Matches(Matches { lines: found.lines, files: found.files, more: found.full }))
}

struct Collector {
    lines: Vec<GrepLine>,
    files: u32,
    matches: usize,
    limit: usize,
    full: bool,
    path: String,
    started: Instant,
}

impl Collector {
    fn new(limit: usize) -> Self {
        Self {
            lines: Vec::new(),
            files: 0,
            matches: 0,
            limit,
            full: false,
            path: String::new(),
            started: Instant::now(),
        }
    }

    fn search(&mut self, searcher: &mut Searcher, regex: &RegexMatcher, path: &Path, shown: &Path) {
        let Ok((file, _)) = open(path, "") else { return };
        self.path = shown.to_string_lossy().into_owned();
        let before = self.matches;
        // A file that fails half-way shows what was found until then.
        drop(searcher.search_file(regex, &file, &mut *self));
        self.files += u32::from(self.matches > before);
    }

    fn keep(&mut self, line: Option<u64>, bytes: &[u8], context: bool) {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        if text.len() > LINE_BYTES {
            text.truncate(text.floor_char_boundary(LINE_BYTES));
            text.push('…');
        }
        self.lines.push(GrepLine {
            path: self.path.clone(),
            line: line.unwrap_or(0),
            text,
            context,
        });
    }
}

impl Sink for &mut Collector {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        if self.matches >= self.limit {
            self.full = true;
            return Ok(false);
        }
        self.matches += 1;
        self.keep(found.line_number(), found.bytes(), false);
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, found: &SinkContext<'_>) -> io::Result<bool> {
        match found.kind() {
            SinkContextKind::Before | SinkContextKind::After => {
                self.keep(found.line_number(), found.bytes(), true);
            }
            SinkContextKind::Other => {}
        }
        Ok(true)
    }
}
