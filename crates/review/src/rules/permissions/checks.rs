//! Checks of rights that were there and are not any more, or that always say yes.

use super::super::file::{File, Kind, regex};
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Lines above a changed one in which its function's name is looked for.
const ABOVE: usize = 12;

static AUTH_PATH: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(^|[/_.-])(auth\w*|login|session\w*|permission\w*|acl|rbac|crypto\w*|oauth\w*|saml|oidc|jwt|token\w*|secur\w*|passwords?|credential\w*|polic(y|ies)|access\w*|guard\w*|sso|mfa|identity)([/_.-]|$)",
    )
});
static GUARD: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?xi)
        @(PreAuthorize|PostAuthorize|Secured|RolesAllowed|login_required|permission_required|user_passes_test|
          requires?_\w*|admin_required|jwt_required|UseGuards|Authenticated|RequiresPermissions|staff_member_required|
          auth\.\w+|authorize\w*|authenticated\w*)
        |\b(require|ensure|check|assert|must|verify|validate|enforce)_?\w*(auth\w*|admin|login|permission\w*|role\w*|owner\w*|signature|access|token|session|scope\w*|csrf|user|hmac|member\w*|tenant|claims|password|certificate)\b
        |\b(is|has|can|may)_?(admin|authenticated|authorized|authorised|permitted|allowed|owner|permission\w*|role\w*|access|logged_?in|signed_?in)\b
        |\b(can|may)_?(read|write|delete|edit|manage|view)\b
        |\blogin_required\b
        |\b(authz|authorizer|enforcer|guard|acl|rbac|access_?control)\s*(\.|::)\s*\w+
        |\b(policy|permissions?|signature)\s*(\.|::)\s*(can|allow|check|verify|enforce|authori|require|has|is_|permit)\w*
        |\b(authorize|authorise|authenticate)\w*\s*\(
        |\b(compare_digest|constant_time_eq|ct_eq|ConstantTimeCompare|timingSafeEqual|hmac\.Equal|verify_password|bcrypt\.(compare|checkpw)|check_password\w*|password_verify|BCrypt\.checkpw|passwordEncoder\.matches)\b
        |\b(StatusForbidden|StatusUnauthorized|PermissionDenied|Forbidden|Unauthorized|Unauthorised|AccessDenied\w*|HTTP_40[13]\w*|NotAuthorized)\b",
    )
});
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)^(Status)?(Forbidden|Unauthori[sz]ed)|Denied|HTTP_40|NotAuthorized")
});
static YES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^\s*(return\s+(true|\(?true,\s*nil\)?|Ok\(\(\)\)|Ok\(true\)|nil|None|Decision\.ALLOW|ALLOW)\s*;?|true|Ok\(true\)|Ok\(\(\)\)|.*(=>|->)\s*true\s*[;,)]*)\s*$",
    )
});
static DECIDES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?xi)\b(fn|def|func|function|bool(ean)?|const|public|private|protected|static|async|let|var|export)\b.*
        \b((is|has|can|may|check|verify|ensure|require|validate|should|allow|assert|user)_?\w*
        (auth\w*|allow\w*|permi\w*|admin\w*|access\w*|owner\w*|role\w*|signature\w*|password\w*|token\w*|login\w*|read|write|delete|edit|valid\w*|trust\w*|member\w*|claims)
        |authori[sz]e\w*|authenticate\w*|permits?|allows?|allowed|verify|is_?valid)\b",
    )
});
static DOOR: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?i)(header|query|cookie|param|env|getenv|environ|argv|user_?agent)\w*.{0,60}(debug|bypass|skip|internal|master|backdoor|override|trusted?|test-?mode|magic|secret|impersonat|sudo)|(hostname|host|remote_?addr|ip)\s*(===?|==|\.equals\()\s*["'](127\.0\.0\.1|localhost)"#,
    )
});

pub(super) fn find(files: &[File<'_>]) -> Vec<Finding> {
    let code = |file: &&File<'_>| {
        file.kind == Kind::Code && !file.is_test && !file.name.ends_with(".d.ts")
    };
    let added: BTreeMap<&str, usize> = counted(files.iter().filter(code), |file| {
        file.lines.added.iter().map(|line| line.text).collect()
    });
    let mut findings = Vec::new();
    for file in files.iter().filter(code) {
        findings.extend(removed(file, &added));
        findings.extend(always(file));
        findings.extend(door(file));
        if AUTH_PATH.is_match(file.path) && !file.is_new() {
            let why = "code that decides who may do what is changed";
            findings.push(file.found(
                Family::Permissions,
                "auth-code",
                Severity::Info,
                file.first_line(),
                why,
            ));
        }
    }
    findings
}

/// Who checks, without what is asked: `authz` of `authz.can_read`.
fn root(guard: &str) -> &str {
    let guard = guard.trim_start_matches('@');
    guard.split(['.', ':', '(', ' ']).next().unwrap_or(guard)
}

/// How often each check is named in what is taken from the files.
fn counted<'a>(
    files: impl Iterator<Item = &'a File<'a>>,
    lines: impl Fn(&'a File<'a>) -> Vec<&'a str>,
) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for file in files {
        for line in lines(file).into_iter().filter(|line| !file.is_comment(line)) {
            for guard in GUARD.find_iter(line) {
                *counts.entry(guard.as_str()).or_insert(0) += 1;
            }
        }
    }
    counts
}

/// Checks that stood here and stand nowhere now.
fn removed(file: &File<'_>, everywhere: &BTreeMap<&str, usize>) -> Option<Finding> {
    if file.is_deleted() && !AUTH_PATH.is_match(file.path) {
        return None;
    }
    let import = |text: &str| {
        let text = text.trim_start();
        ["import ", "from ", "use ", "pub use ", "require("]
            .iter()
            .any(|word| text.starts_with(word))
    };
    let guards = |lines: &[crate::change::Line<'_>]| -> usize {
        let of =
            |line: &&crate::change::Line<'_>| !file.is_comment(line.text) && !import(line.text);
        lines.iter().filter(of).map(|line| GUARD.find_iter(line.text).count()).sum()
    };
    let names: BTreeSet<&str> = file
        .lines
        .added
        .iter()
        .flat_map(|line| GUARD.find_iter(line.text).map(|guard| guard.as_str()))
        .collect();
    if guards(&file.lines.removed) <= guards(&file.lines.added) {
        return None;
    }
    let added: BTreeSet<&str> = names.iter().map(|guard| root(guard)).collect();
    let gone = file.lines.removed.iter().find(|line| {
        let lost = |guard: regex::Match<'_>| {
            let guard = guard.as_str();
            let kept = added.contains(root(guard)) || everywhere.contains_key(guard);
            // A refusal that is written another way is still one.
            let rewritten = REFUSAL.is_match(guard) && !names.is_empty();
            !kept && !rewritten
        };
        !file.is_comment(line.text) && !import(line.text) && GUARD.find_iter(line.text).any(lost)
    })?;
    let why = format!(
        "a check is gone and nothing like it takes its place: `{}`. Put it back, or show where it is done now",
        quote(gone.text)
    );
    let line = Some(gone.number);
    let found = file.found(Family::Permissions, "check-removed", Severity::Warning, line, why);
    Some(found.of_removed())
}

/// A function that decides, and now only says yes.
fn always(file: &File<'_>) -> Option<Finding> {
    if file.lines.removed.is_empty() {
        return None;
    }
    let line = file.gained(&YES)?;
    let decides = |text: &str| DECIDES.is_match(text);
    let at = usize::try_from(line.number).unwrap_or_default();
    let above = file.new_text().lines().take(at).skip(at.saturating_sub(ABOVE));
    let near = above.filter(|text| !file.is_comment(text)).any(decides);
    let mut replaced = file
        .lines
        .removed
        .iter()
        .filter(|line| !line.text.trim().is_empty() && !YES.is_match(line.text));
    if !near || replaced.next().is_none() || adds_logic(file) {
        return None;
    }
    let why = format!(
        "a decision about rights no longer looks at anything: `{}`. Put the check back",
        quote(line.text)
    );
    Some(file.found(Family::Permissions, "auth-bypass", Severity::High, Some(line.number), why))
}

/// Whether more is added than the answer.
fn adds_logic(file: &File<'_>) -> bool {
    let logic = |text: &str| {
        ["if ", "if(", "match ", "switch", "for ", "==", "contains", "includes"]
            .iter()
            .any(|word| text.contains(word))
    };
    file.lines.added.iter().any(|line| !file.is_comment(line.text) && logic(line.text))
}

/// A way in by something that the caller says of himself.
fn door(file: &File<'_>) -> Option<Finding> {
    if !AUTH_PATH.is_match(file.path)
        && !GUARD.is_match(file.new_text().get(..20_000).unwrap_or(file.new_text()))
    {
        return None;
    }
    let line = file.gained(&DOOR).filter(|line| {
        line.text.contains("if") || line.text.contains("return") || line.text.contains("||")
    })?;
    let why = format!(
        "what the caller says of himself may open the door: `{}`. Ask for proof",
        quote(line.text)
    );
    let severity = if AUTH_PATH.is_match(file.path) { Severity::High } else { Severity::Notice };
    Some(file.found(Family::Permissions, "auth-bypass", severity, Some(line.number), why))
}
