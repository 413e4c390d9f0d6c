//! Judges a folder as if all of it were new: `judge FOLDER…` prints what would stop, and how often each rule did.
#![expect(clippy::print_stdout, reason = "printing is all this program does")]

use review::change::{Change, Content, Mode, Side};
use review::gate::{Known, LISTED_STOPS, Limits, judge};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let known = Known::new([0; 32], [])?;
    let limits = Limits { diff_files: usize::MAX, diff_bytes: u64::MAX, ..Limits::default() };
    let (mut files, mut bytes, mut by_rule) = (0, 0, BTreeMap::<String, usize>::new());
    let mut seconds = 0.0;
    for folder in std::env::args().skip(1) {
        let changes = read(Path::new(&folder))?;
        let begun = Instant::now();
        // In parts, so that none has more stops than are listed.
        for part in changes.chunks(LISTED_STOPS / 10) {
            for stop in judge(part, &[], &known, &limits) {
                let line = stop.line.map(|line| format!(":{line}")).unwrap_or_default();
                println!(
                    "{folder}/{}{line} {} {}",
                    stop.path.unwrap_or_default(),
                    stop.rule,
                    stop.why
                );
                *by_rule.entry(stop.rule).or_default() += 1;
            }
        }
        seconds += begun.elapsed().as_secs_f64();
        files += changes.len();
        bytes += changes.iter().filter_map(|change| Some(change.new.as_ref()?.bytes)).sum::<u64>();
    }
    println!("{files} files, {} MiB, {seconds:.1} s", bytes >> 20);
    for (rule, count) in by_rule {
        println!("{count:6} {rule}");
    }
    Ok(())
}

fn read(folder: &Path) -> Result<Vec<Change>, Box<dyn Error>> {
    let mut changes = Vec::new();
    for entry in ignore::WalkBuilder::new(folder)
        .hidden(false)
        .filter_entry(|e| e.file_name() != ".git")
        .build()
    {
        let entry = entry?;
        let data = entry.path().symlink_metadata()?;
        let (mode, bytes) = if data.is_symlink() {
            (Mode::Symlink, fs::read_link(entry.path())?.into_os_string().into_encoded_bytes())
        } else if data.is_file() {
            let is_run = data.permissions().mode() & 0o100 != 0;
            (if is_run { Mode::Executable } else { Mode::File }, fs::read(entry.path())?)
        } else {
            continue;
        };
        let size = bytes.len() as u64;
        let content = match String::from_utf8(bytes) {
            Ok(text) => Content::Text(text),
            Err(error) => Content::Binary(error.into_bytes()),
        };
        let path = entry.path().strip_prefix(folder)?.to_string_lossy().into_owned();
        let new = Some(Side { mode, bytes: size, content });
        changes.push(Change { path, old_path: None, old: None, new });
    }
    Ok(changes)
}
