//! Commands that fetch what they run, or send what they find, in files whose lines are run.

use super::super::file::{File, Kind, Pattern, Patterns, regex};
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Downloads of one file that are followed.
const FETCHED: usize = 20;

const RULE: &str = "fetch-and-run";
const RUNS: &str = "runs what it fetches, and nobody has seen that. Fetch a fixed version, compare \
                    its hash, then run it";
const SENDS: &str = "sends something of the machine away. Ask what it is for, and remove it";

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns::new(&[
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r"(?i)\b(curl|wget|fetch|iwr|irm|invoke-webrequest|aria2c)\b[^|]*\|\s*(sudo\s+(-\S+\s+)*)?(env\s+)?(/\S*/)?(ba|z|da|k|fi)?sh\b",
            why: RUNS,
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r"(?i)\b(curl|wget|iwr|irm|invoke-webrequest)\b[^|]*\|\s*(sudo\s+)?(python[0-9.]*|node|perl|ruby|php|iex|invoke-expression)\b",
            why: RUNS,
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r#"(?i)(\b(ba|z)?sh|\bsource|\beval|\biex|(^|\s)\.)\s+(-c\s+)?(<\(|"?\$\(|["'(]?`?)\s*(curl|wget|iwr|irm)\b"#,
            why: RUNS,
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r"(?i)\b(curl|wget)\b.*(&&|;)\s*(chmod\s+(\+x|[0-7]*[1357][0-7]*)|(ba)?sh|python[0-9.]*|node)\s",
            why: RUNS,
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r"(?i)(base64\s+(-d|-D|--decode)|xxd\s+-r|openssl\s+enc\s+-d|gunzip|rev|tr\s+\S+\s+\S+)[^|]*\|\s*(ba|z|da)?(sh|python[0-9.]*|node|perl)\b",
            why: "decodes something and runs it. Write the command so that it can be read",
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r"(?i)(\b(env|printenv|set|export -p)\b|\.env\b|id_(rsa|ed25519)|credentials|\.aws/|\.ssh/|\.netrc|/proc/self/environ)[^|]*(\|[^|]*)*\|\s*(curl|wget|nc|ncat|socat|base64)\b",
            why: SENDS,
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r#"(?i)\bcurl\b.*\s(-d|-F|-T|--data(-binary|-raw|-urlencode)?|--form|--upload-file)[ =]?["']?\S*(@-|\$\(|`|\$\{?\{?\s*(secrets|[A-Z_]*(TOKEN|SECRET|PASSWORD|KEY)))"#,
            why: SENDS,
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r"(?i)/dev/(tcp|udp)/|\b(nc|ncat)\b.*\s-(e|c)\b|\bsocat\b.*\bexec:|\bmkfifo\b.*\bnc\b",
            why: "opens a shell to another machine. Remove it",
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r"(?i)powershell(\.exe)?\b.*\s-(e|en|enc|encodedcommand)\s|frombase64string.*(iex|invoke-expression)|(iex|invoke-expression)\b.*(downloadstring|frombase64string)",
            why: RUNS,
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r#"(?i)\b(npx|bunx|pnpm dlx|yarn dlx|uvx|pipx run|go run|pip[0-9.]* install|npm (i|install))\b.*\s["']?(https?://|git\+)"#,
            why: RUNS,
        },
        Pattern {
            rule: RULE,
            severity: Severity::High,
            regex: r"\b(exec|eval|Function|compile|runInThisContext|instance_eval)\s*\(.{0,80}\b(urlopen|urlretrieve|requests\.get|httpx\.get|fetch|https?\.get|Net::HTTP|URI\.open|file_get_contents|DownloadString)\b",
            why: RUNS,
        },
    ])
});

/// Where a download is put.
static PUT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?i)\b(?:curl|wget|iwr|invoke-webrequest)\b.*?(?:\s-[a-z]*o[ =]?|--output[ =]|--output-document[ =]|-outfile |\s>\s*)["']?([^\s"';&|-][^\s"';&|]*)"#,
    )
});
/// All of the environment at once.
static ENVIRONMENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\bos\.Environ\(\)|\b(dict|str|repr|list|dumps)\(\s*(dict\()?os\.environ\b|os\.environ\.(copy|items)\(|JSON\.stringify\(\s*process\.env\s*[,)]|Object\.(entries|keys|values|assign)\([^)]*process\.env\s*\)|\.\.\.process\.env\b|System\.getenv\(\s*\)|\benv::vars(_os)?\(\)|\bENV\.to_(h|a|json)|\$_ENV\b\s*[,)]",
    )
});
/// Something that leaves the machine.
static SENDING: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\bfetch\(|urlopen|\b(requests|httpx|axios|got|reqwest|ureq|http|https|client|session)(\.|::)(post|put|request|patch|send)\w*\b|http\.NewRequest|HttpRequest|openConnection|new URL\(|\bsocket\.|TcpStream|net\.Dial|UdpSocket|sendBeacon|Net::HTTP|XMLHttpRequest|WebSocket\(|dns\.resolve|getaddrinfo|sendmail|smtplib",
    )
});

/// A file that is fetched on one line and run on another.
fn run_later(file: &File<'_>) -> Option<Finding> {
    let script = file.kind == Kind::Settings
        || matches!(file.ending.as_str(), "sh" | "bash" | "zsh" | "ps1" | "bat");
    if !script || !PUT.is_match(&file.added) {
        return None;
    }
    let put: BTreeSet<&str> = file
        .lines
        .added
        .iter()
        .flat_map(|line| PUT.captures_iter(line.text).filter_map(|found| found.get(1)))
        .map(|name| name.as_str())
        .take(FETCHED)
        .collect();
    let runs = |text: &str, name: &str| {
        let text = text.trim().trim_start_matches(['-', ' ', '@', '"']);
        let text = text.strip_prefix("run: ").or(text.strip_prefix("RUN ")).unwrap_or(text);
        let mut words = text.split([' ', '"', '\'', ';']).filter(|word| !word.is_empty());
        let first = words.next().unwrap_or_default();
        let called = first == name || first.strip_prefix("./") == Some(name);
        let starts =
            ["sh", "bash", "source", ".", "chmod", "python", "python3", "node", "sudo", "perl"];
        called || (starts.contains(&first) && words.any(|word| word == name))
    };
    let line = file.lines.added.iter().find(|line| put.iter().any(|name| runs(line.text, name)))?;
    let why = format!("`{}` {RUNS}", quote(line.text));
    Some(file.found(Family::Executes, RULE, Severity::High, Some(line.number), why))
}

/// Code that sends all of the environment, secrets with it.
fn environment(file: &File<'_>) -> Option<Finding> {
    if file.kind != Kind::Code || file.is_test || !SENDING.is_match(&file.added) {
        return None;
    }
    let line = file.gained(&ENVIRONMENT)?;
    let why = format!(
        "`{}` takes the whole environment, secrets with it, and something is sent nearby. Name the variables that are needed",
        quote(line.text)
    );
    Some(file.found(
        Family::Executes,
        "code-sends-environment",
        Severity::High,
        Some(line.number),
        why,
    ))
}

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    // Tests of what is refused name it in their strings.
    let runs = (file.kind == Kind::Code && (!file.is_test || file.ending == "sh"))
        || file.kind == Kind::Settings
        || file.path.contains("hooks/")
        || file.path.starts_with(".husky/");
    let mut findings = if runs { PATTERNS.find(Family::Executes, file) } else { Vec::new() };
    findings.extend(run_later(file));
    findings.extend(environment(file));
    findings
}
