//! Commands that fetch what they run, or send what they find, in files whose lines are run.

use super::super::file::{File, Kind, Pattern, Patterns};
use crate::finding::{Family, Finding, Severity};
use std::sync::LazyLock;

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
    ])
});

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    // Tests of what is refused name it in their strings.
    let runs = (file.kind == Kind::Code && (!file.is_test || file.ending == "sh"))
        || file.kind == Kind::Settings
        || file.path.contains("hooks/")
        || file.path.starts_with(".husky/");
    if runs { PATTERNS.find(Family::Executes, file) } else { Vec::new() }
}
