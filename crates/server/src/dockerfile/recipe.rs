//! What a Dockerfile asks for, read without looking at anything else.
//!
//! What is not followed is a problem and never left out in silence, unless it says only how an image is
//! later started (`CMD`, `EXPOSE`, …), which nobody does here.

use super::mounts::{SecretMount, mount};
use super::words::{Reading, Variables};
use parse_dockerfile as parser;
use parser::{Command, Flag, Instruction, Source as Named, UnescapedString};
use std::fmt;

/// Steps that are followed of all stages together.
const STEPS: usize = 200;
/// Characters of a step that people are shown.
const SHOWN_CHARS: usize = 100;
/// Ends of names that `ADD` would unpack.
const ARCHIVES: [&str; 8] = [".tar", ".gz", ".tgz", ".xz", ".txz", ".bz2", ".tbz2", ".zst"];

/// A Dockerfile that can be followed.
#[derive(Debug, PartialEq, Eq)]
pub struct Recipe {
    /// In their order; the last one is what is built.
    pub stages: Vec<Stage>,
    /// Takes the next sign's meaning away.
    pub escape: char,
    /// What was set before the first stage.
    pub globals: Variables,
}

/// What begins with a `FROM`.
#[derive(Debug, PartialEq, Eq)]
pub struct Stage {
    /// What it begins with.
    pub from: Origin,
    /// What is done then.
    pub steps: Vec<Step>,
}

/// Files of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From a registry.
    Image(String),
    /// An earlier stage.
    Stage(usize),
}

/// One instruction.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it begins.
    pub line: usize,
    /// For people.
    pub shown: String,
    /// What it asks for. Variables still stand in it.
    pub what: What,
}

/// What an instruction asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum What {
    /// Variables of everything that follows, and of the image.
    Env(String),
    /// Variables of the build.
    Arg(String),
    /// A command, and the build secrets that it is given.
    Run(Run, Vec<SecretMount>),
    /// Files.
    Copy(Copy),
    /// The folder of what follows.
    Workdir(String),
    /// The user of what follows.
    User(String),
    /// What runs commands that are a text.
    Shell(Vec<String>),
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// Text for a shell.
    Text(String),
    /// A program and its arguments.
    Program(Vec<String>),
}

/// Files that are brought in.
#[derive(Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where they are; none: in the repository.
    pub from: Option<Origin>,
    /// Which.
    pub sources: Vec<Source>,
    /// Where they go.
    pub into: String,
    /// Whose they are.
    pub owner: Option<String>,
    /// What may be done with them.
    pub mode: Option<String>,
}

/// A file that is brought in.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// By its path, in which `*`, `?` and `[…]` may stand.
    Path(String),
    /// As it stands in the Dockerfile.
    Text {
        /// What it says.
        text: String,
        /// Whether variables in it are replaced.
        expand: bool,
    },
}

/// Why a Dockerfile is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub line: usize,
    /// What, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Recipe {
    /// Reads a Dockerfile; `args` are given to its `ARG`s.
    pub fn read(text: &str, args: &Variables) -> Result<Self, Problem> {
        let document = parser::parse(text).map_err(|error| Problem {
            line: error.line().max(1),
            message: format!("is not understood: {error}"),
        })?;
        let escape = document.parser_directives.escape.as_ref().map_or('\\', |one| one.value.value);
        let mut reader = Reader { text, escape, names: Vec::new(), steps: 0 };
        let mut globals = platform();
        for arg in document.global_args() {
            let line = reader.line(arg.arg.span.start);
            let problem = |message| Problem { line, message };
            for (name, value) in
                declared(&arg.arguments.value, escape, &globals, args).map_err(problem)?
            {
                globals.extend(value.map(|value| (name, value)));
            }
        }
        let mut stages = Vec::new();
        for stage in document.stages() {
            stages.push(reader.stage(&stage, &globals)?);
        }
        Ok(Self { stages, escape, globals })
    }

    /// The stages that the last one needs, in their order.
    pub fn needed(&self) -> Vec<usize> {
        let mut needed: Vec<bool> = self.stages.iter().map(|_| false).collect();
        if let Some(last) = needed.last_mut() {
            *last = true;
        }
        // Each names earlier ones only.
        for (index, stage) in self.stages.iter().enumerate().rev() {
            if needed.get(index) != Some(&true) {
                continue;
            }
            for origin in stage.origins() {
                if let Origin::Stage(earlier) = origin
                    && let Some(one) = needed.get_mut(*earlier)
                {
                    *one = true;
                }
            }
        }
        let all = needed.into_iter().enumerate().filter(|(_, needed)| *needed);
        all.map(|(index, _)| index).collect()
    }

    /// The images from registries that it needs.
    pub fn images(&self) -> impl Iterator<Item = &str> {
        let needed = self.needed().into_iter().filter_map(|index| self.stages.get(index));
        needed.flat_map(Stage::origins).filter_map(|origin| match origin {
            Origin::Image(image) => Some(image.as_str()),
            Origin::Stage(_) => None,
        })
    }

    /// Whether files of the repository come into it.
    pub fn copies_files(&self) -> bool {
        let steps = self.stages.iter().flat_map(|stage| &stage.steps);
        let is_path = |source: &Source| matches!(source, Source::Path(_));
        steps.into_iter().any(|step| match &step.what {
            What::Copy(copy) => copy.from.is_none() && copy.sources.iter().any(is_path),
            _ => false,
        })
    }
}

impl Stage {
    fn origins(&self) -> impl Iterator<Item = &Origin> {
        let copied = self.steps.iter().filter_map(|step| match &step.what {
            What::Copy(copy) => copy.from.as_ref(),
            _ => None,
        });
        std::iter::once(&self.from).chain(copied)
    }
}

/// What every build may use of the machine that it is for.
fn platform() -> Variables {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let mut known = Variables::new();
    for side in ["TARGET", "BUILD"] {
        known.insert(format!("{side}PLATFORM"), format!("linux/{arch}"));
        known.insert(format!("{side}OS"), "linux".to_owned());
        known.insert(format!("{side}ARCH"), arch.to_owned());
    }
    known
}

/// What an `ARG` declares: names, with their values where they have any.
pub fn declared(
    text: &str,
    escape: char,
    known: &Variables,
    given: &Variables,
) -> Result<Vec<(String, Option<String>)>, String> {
    let mut declared = Vec::new();
    for word in (Reading { escape, variables: known }).words(text)? {
        let (name, default) = match word.split_once('=') {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (word.as_str(), None),
        };
        let name = super::words::name(name)?;
        let value = given.get(&name).cloned().or(default);
        declared.push((name, value));
    }
    Ok(declared)
}

struct Reader<'t> {
    text: &'t str,
    escape: char,
    /// Of the stages so far.
    names: Vec<Option<String>>,
    steps: usize,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn stage(
        &mut self,
        stage: &parser::Stage<'_, '_>,
        globals: &Variables,
    ) -> Result<Stage, Problem> {
        let line = self.line(stage.from.from.span.start);
        let problem = |message: String| Problem { line, message };
        let reading = Reading { escape: self.escape, variables: globals };
        for flag in &stage.from.options {
            self.platform_flag(flag, reading).map_err(problem)?;
        }
        let from = reading.word(&stage.from.image.value).map_err(problem)?;
        let origin = self.origin(&from);
        if from.is_empty() || from == "scratch" {
            let message = "FROM scratch has no shell and no git: begin with an image of a system";
            return Err(problem(message.to_owned()));
        }
        let mut steps = Vec::new();
        for instruction in stage.instructions {
            if let Some((line, what)) = self.step(instruction)? {
                steps.push(Step { line, shown: self.shown(line), what });
            }
        }
        self.steps += steps.len();
        if self.steps > STEPS {
            return Err(problem(format!("the Dockerfile has more than {STEPS} steps")));
        }
        let name = stage.from.as_.as_ref().map(|(_, name)| name.value.to_lowercase());
        self.names.push(name);
        Ok(Stage { from: origin, steps })
    }

    fn platform_flag(&self, flag: &Flag<'_>, reading: Reading<'_>) -> Result<(), String> {
        let value = flag.value.as_ref().map(|value| reading.word(&value.value)).transpose()?;
        let own = platform().remove("TARGETPLATFORM");
        if flag.name.value == "platform" && value == own {
            return Ok(());
        }
        let own = own.unwrap_or_default();
        Err(format!(
            "FROM is followed for this machine's {own} only: leave --{} out",
            flag.name.value
        ))
    }

    fn origin(&self, name: &str) -> Origin {
        let lower = name.to_lowercase();
        let is_it = |known: &Option<String>| known.as_deref() == Some(lower.as_str());
        self.names
            .iter()
            .rposition(is_it)
            .map_or_else(|| Origin::Image(name.to_owned()), Origin::Stage)
    }

    /// As it is written, without what follows on other lines.
    fn shown(&self, line: usize) -> String {
        let text = self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
        text.chars().take(SHOWN_CHARS).collect()
    }

    fn step(&self, instruction: &Instruction<'_>) -> Result<Option<(usize, What)>, Problem> {
        let (at, what) = match instruction {
            Instruction::Env(env) => (env.env.span.start, Ok(What::Env(owned(&env.arguments)))),
            Instruction::Arg(arg) => (arg.arg.span.start, Ok(What::Arg(owned(&arg.arguments)))),
            Instruction::Run(run) => (run.run.span.start, self.run(run)),
            Instruction::Copy(copy) => {
                let what = self.copy("COPY", &copy.options, &copy.src, &copy.dest);
                (copy.copy.span.start, what.map(What::Copy))
            }
            Instruction::Add(add) => {
                let what = self.copy("ADD", &add.options, &add.src, &add.dest);
                (add.add.span.start, what.and_then(plain_files).map(What::Copy))
            }
            Instruction::Workdir(one) => {
                (one.workdir.span.start, Ok(What::Workdir(owned(&one.arguments))))
            }
            Instruction::User(user) => {
                (user.user.span.start, Ok(What::User(owned(&user.arguments))))
            }
            Instruction::Shell(shell) => {
                let words = shell.arguments.iter().map(owned).collect();
                (shell.shell.span.start, Ok(What::Shell(words)))
            }
            // How the image would be started, and what is written on it.
            _ => return Ok(None),
        };
        let line = self.line(at);
        what.map(|what| Some((line, what))).map_err(|message| Problem { line, message })
    }

    fn run(&self, run: &parser::RunInstruction<'_>) -> Result<What, String> {
        let mut secrets = Vec::new();
        for flag in &run.options {
            let value = flag.value.as_ref().map(owned).unwrap_or_default();
            secrets.extend(mount(&flag.name.value, &value)?);
        }
        self.command(run).map(|run| What::Run(run, secrets))
    }

    fn command(&self, run: &parser::RunInstruction<'_>) -> Result<Run, String> {
        match (&run.arguments, run.here_docs.as_slice()) {
            (Command::Exec(words), _) => Ok(Run::Program(words.value.iter().map(owned).collect())),
            (Command::Shell(text), []) => Ok(Run::Text(joined(text.value, self.escape))),
            (Command::Shell(text), [one]) if text.value.trim().is_empty() => {
                Ok(Run::Text(one.value.clone().into_owned()))
            }
            _ => Err("RUN <<NAME is followed where nothing else stands on its line".to_owned()),
        }
    }

    fn copy(
        &self,
        word: &str,
        flags: &[Flag<'_>],
        sources: &[Named<'_>],
        into: &UnescapedString<'_>,
    ) -> Result<Copy, String> {
        let (mut from, mut owner, mut mode) = (None, None, None);
        for flag in flags {
            let value = flag.value.as_ref().map(owned);
            match (&*flag.name.value, value) {
                ("from", Some(name)) if word == "COPY" => from = Some(self.copied_from(&name)?),
                ("chown", Some(value)) => owner = Some(value),
                ("chmod", Some(value)) => mode = Some(value),
                // Says how layers are kept, not what is in them.
                ("link", _) => {}
                (name, _) => return Err(format!("{word} --{name} is not followed: leave it out")),
            }
        }
        let sources = sources.iter().map(|source| match source {
            Named::Path(path) => Ok(Source::Path(owned(path))),
            Named::HereDoc(one) => {
                Ok(Source::Text { text: one.value.clone().into_owned(), expand: one.expand })
            }
            _ => Err(format!("{word} has a source that is not understood")),
        });
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        if sources.len() > 1 && sources.iter().any(|source| matches!(source, Source::Text { .. })) {
            return Err(format!("{word} takes one <<NAME at a time"));
        }
        Ok(Copy { from, sources, into: owned(into), owner, mode })
    }

    fn copied_from(&self, name: &str) -> Result<Origin, String> {
        match name.parse::<usize>() {
            Ok(number) if number < self.names.len() => Ok(Origin::Stage(number)),
            Ok(number) => Err(format!("COPY --from={number}: there is no such stage before it")),
            Err(_) => Ok(self.origin(name)),
        }
    }
}

/// `ADD` as far as it does what `COPY` does.
fn plain_files(add: Copy) -> Result<Copy, String> {
    for source in &add.sources {
        let Source::Path(path) = source else { continue };
        if path.contains("://") || path.starts_with("git@") {
            return Err("ADD of an address is not followed: use RUN with curl or git".to_owned());
        }
        if ARCHIVES.iter().any(|end| path.ends_with(end)) {
            return Err("ADD of an archive is not followed: use COPY, and RUN with tar".to_owned());
        }
    }
    Ok(add)
}

/// A command that goes over several lines, as one; comments between them are left out.
fn joined(text: &str, escape: char) -> String {
    let mut whole = String::new();
    let mut goes_on = false;
    for line in text.lines() {
        if goes_on && (line.trim().is_empty() || line.trim_start().starts_with('#')) {
            continue;
        }
        let cut = line.trim_end().strip_suffix(escape);
        goes_on = cut.is_some();
        whole.push_str(cut.unwrap_or(line));
    }
    whole
}

fn owned(text: &UnescapedString<'_>) -> String {
    text.value.clone().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Recipe, Problem> {
        Recipe::read(text, &Variables::from([("GIVEN".to_owned(), "3".to_owned())]))
    }

    #[test]
    fn a_dockerfile_is_read_as_it_is_meant() {
        let recipe = read(
            "# syntax=docker/dockerfile:1\nARG GIVEN=1\nARG BASE=debian:$GIVEN\nFROM $BASE AS base\n\
             ENV A=1 \\\n  B=\"two words\"\nRUN apt-get update && \\\n  # not this\n\n  apt-get install git\n\
             FROM node:24 AS unused\nFROM base\nCOPY --from=ghcr.io/tool:1 --chown=1:1 /tool /usr/bin/\n\
             COPY --from=0 /a /b\nSHELL [\"/bin/bash\", \"-c\"]\nRUN [\"/x\", \"y z\"]\nRUN <<EOF\nset -e\necho $A\nEOF\n\
             WORKDIR /src\nUSER node\nCOPY a.txt b*.txt ./\nCMD [\"x\"]\nEXPOSE 80\n",
        );
        let recipe = recipe.unwrap();
        assert_eq!(recipe.needed(), [0, 2]);
        assert_eq!(recipe.images().collect::<Vec<_>>(), ["debian:3", "ghcr.io/tool:1"]);
        assert!(recipe.copies_files());
        let first = &recipe.stages[0];
        assert_eq!(first.from, Origin::Image("debian:3".to_owned()));
        let What::Env(env) = &first.steps[0].what else { panic!("{first:?}") };
        let pairs = Reading { escape: '\\', variables: &Variables::new() }.pairs(env).unwrap();
        assert_eq!(pairs[1], ("B".to_owned(), "two words".to_owned()));
        let text = "apt-get update &&   apt-get install git".to_owned();
        assert_eq!(first.steps[1].what, What::Run(Run::Text(text), Vec::new()));
        let last = &recipe.stages[2];
        assert_eq!(last.from, Origin::Stage(0));
        let program = vec!["/x".to_owned(), "y z".to_owned()];
        assert_eq!(last.steps[3].what, What::Run(Run::Program(program), Vec::new()));
        let script = "set -e\necho $A\n".to_owned();
        assert_eq!(last.steps[4].what, What::Run(Run::Text(script), Vec::new()));
        assert_eq!((last.steps.len(), last.steps[0].line), (8, 13));
        assert_eq!(last.steps[0].shown, "COPY --from=ghcr.io/tool:1 --chown=1:1 /tool /usr/bin/");
    }

    #[test]
    fn what_is_not_followed_is_told_with_its_line() {
        let table = [
            ("", 1, "not understood"),
            ("FROM scratch\n", 1, "begin with an image"),
            ("FROM a\nFROOM b\n", 2, "not understood"),
            ("FROM --platform=linux/s390x a\n", 1, "leave --platform out"),
            ("FROM a\nADD https://a.example/x /x\n", 2, "use RUN"),
            ("FROM a\nADD x.tar.gz /x\n", 2, "use COPY"),
            ("FROM a\n\nRUN --mount=type=bind,target=/x ls\n", 3, "type=bind"),
            ("FROM a\nRUN --mount=type=ssh,required=true ls\n", 2, "type=ssh"),
            ("FROM a\nRUN --mount=type=secret ls\n", 2, "name the secret"),
            ("FROM a\nRUN --security=insecure ls\n", 2, "--security"),
            ("FROM a\nCOPY --parents a b\n", 2, "--parents"),
            ("FROM a\nCOPY --from=3 a b\n", 2, "no such stage"),
            ("FROM ${A\n", 1, "never closed"),
            ("FROM a\nRUN <<EOF cat\nx\nEOF\n", 2, "nothing else"),
        ];
        for (text, line, words) in table {
            let problem = read(text).unwrap_err();
            assert_eq!(problem.line, line, "{text:?}: {problem}");
            assert!(problem.message.contains(words), "{text:?}: {problem}");
        }
        assert!(read("FROM a\nRUN --mount=type=cache,target=/c --network=default ls\n").is_ok());
    }
}
