//! Who may do what: checks that are switched off, and checks that are gone.

mod checks;
mod settings;

use super::file::{File, Kind, Pattern, Patterns};
use crate::finding::{Family, Finding, Severity};
use std::sync::LazyLock;

pub(crate) fn find(files: &[File<'_>]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files.iter().flat_map(look).collect();
    findings.extend(checks::find(files));
    findings
}

fn look(file: &File<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match file.kind {
        Kind::Code if !file.is_test => findings.extend(CODE.find(Family::Permissions, file)),
        Kind::Code | Kind::Settings | Kind::Lock | Kind::Prose | Kind::Data => {}
    }
    findings.extend(settings::find(file));
    findings
}

macro_rules! pattern {
    ($rule:literal, $severity:ident, $regex:literal, $why:literal) => {
        Pattern { rule: $rule, severity: Severity::$severity, regex: $regex, why: $why }
    };
}
use pattern;

static CODE: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns::new(&[
        pattern!(
            "tls-check-off",
            High,
            r#"(?i)rejectUnauthorized['"]?\s*[:=]\s*false|NODE_TLS_REJECT_UNAUTHORIZED|\bverify\s*=\s*False\b|InsecureSkipVerify\s*[:=]\s*true|danger_accept_invalid_(certs|hostnames)\s*\(\s*true|NoopHostnameVerifier|ALLOW_ALL_HOSTNAME|hostnameVerifier\s*\(\s*\(?[\w\s,]*\)?\s*->\s*true|setHostnameVerifier\(.*->\s*true|CERT_NONE\b|_create_unverified_context|check_hostname\s*=\s*False|TrustAll|InsecureTrustManager|trustAllCerts|SSL_VERIFY_NONE|VERIFY_NONE\b|CURLOPT_SSL_VERIFY(PEER|HOST)\s*,\s*(0|false)|ssl_verify\s*[:=]\s*(false|0)|ServerCertificateValidationCallback|dangerous\(\)\s*\.|set_certificate_verifier|with_custom_certificate_verifier|insecure\.NewCredentials\(|strictSSL\s*:\s*false|\bInsecureIgnoreHostKey\b|StrictHostKeyChecking[ =]+no|AutoAddPolicy\(|SslVerifyMode::NONE|http\.sslVerify\s+false|curl\s+(\S+\s+)*(-k|--insecure)\b|--no-check-certificate"#,
            "who answers is not looked at any more, so anybody on the way can. Add the right certificate instead"
        ),
        pattern!(
            "tls-check-off",
            High,
            r"\bcheck(Server|Client)Trusted\s*\([^)]*\)\s*(throws\s+\w+\s*)?\{\s*\}",
            "every certificate is accepted, so anybody on the way can answer. Add the right certificate instead"
        ),
        pattern!(
            "world-writable",
            Warning,
            r"(?i)\bchmod\w*\s*\(?[^;]*?\b(0o?|0)?(777|666)\b|\bchmod\s+(-\S+\s+)*(a\+rwx|a\+w|o\+w|ugo\+rwx)|from_mode\(\s*0o(777|666)|(OpenFile|WriteFile|Mkdir(All)?|Chmod)\([^)]*0o?(777|666)\b|rwxrwxrwx|umask\s*\(?\s*0+\b|setWritable\(\s*true\s*,\s*false",
            "everybody on the machine may write it. Give it to the one who needs it"
        ),
        pattern!(
            "cors-any",
            Warning,
            r#"(?i)access-control-allow-origin['"]?\s*[,:=)]\s*['"]?\s*\*|access-control-allow-origin['"]?\s*[,:=]\s*(req|request|r|ctx|c)\b.{0,40}origin|\borigin['"]?\s*:\s*(['"]\*|true\b)|allow(ed)?_?origins?(patterns)?\s*[=(:]\s*[\[({]?\s*['"]\*|allow_any_origin\(|AllowAllOrigins\s*:\s*true|CORS_(ORIGIN_)?ALLOW_ALL(_ORIGINS)?\s*=\s*True|@CrossOrigin(\(\s*("\*"|origins\s*=\s*"\*")|\s*$)|CorsLayer::(very_)?permissive|AllowAnyOrigin|Any\)\s*//\s*cors|setAllowedOrigins\(.*"\*"|app\.use\(\s*cors\(\s*\)\s*\)|AllowOriginFunc.*return true"#,
            "any page may call this with the visitor's rights. Name the origins"
        ),
        pattern!(
            "token-unverified",
            High,
            r#"(?i)\bjwt\.decode\(\s*\w+\s*\)|jwt_?decode\(|verify_signature['"]?\s*[:=]\s*False|\bParseUnverified\(|insecure_disable_signature_validation|insecure_decode|dangerous_(insecure_)?decode|algorithms?['"]?\s*[:=(]\s*[\[{]?[^\])]*['"]none['"]|SigningMethodNone|UnsafeAllowNoneSignatureType|Algorithm\.none\(|alg['"]?\s*[:=]\s*['"]none|\.parseClaimsJwt\(|(?-i:\bJWT\.decode\()|verify\s*:\s*false|ignoreExpiration['"]?\s*:\s*true|validate_exp\s*=\s*false|verify_exp['"]?\s*[:=]\s*False|setSkipSignatureVerification|unsecured\(\)|setDisableRequireSignature"#,
            "a token is believed without its signature, so anybody can write one. Verify it"
        ),
        pattern!(
            "weak-hash",
            Warning,
            r#"(?i)(passw(or)?d|pwd|passphrase|secret|credential|token)\w*.*\b(md5|sha-?1|md4|crc32|sha256)\b|\b(md5|sha-?1)\b.*(passw(or)?d|pwd|passphrase|secret|credential)|MessageDigest\.getInstance\(\s*"(MD5|SHA-?1)"|hashlib\.(md5|sha1)\(.*passw|DESede|Cipher\.getInstance\(\s*"(DES|RC4|AES/ECB|AES")|\bDES\.new\(|MODE_ECB|createCipher\(|\bdes\.NewCipher|\brc4\.NewCipher|bcrypt\.(gensalt|hash\w*)\(.*\b[1-4]\s*\)"#,
            "this hash or cipher is easily undone. Use one that is made for passwords, or a current cipher"
        ),
        pattern!(
            "code-from-input",
            Warning,
            r#"(^|[^.\w])eval\s*\(\s*[^)'"\s]|\bnew Function\s*\(\s*[^)'"\s]|(^|[^.\w])exec\s*\(\s*(f["']|request|req\b|input|data|body|params|user|code|source|text|open)|shell\s*=\s*True|\bos\.(system|popen)\s*\(\s*(f["']|[^"')]|["'][^"']*["']\s*[+%])|\bchild_process\.exec(Sync)?\s*\(|(^|[^.\w])exec(Sync)?\s*\(\s*(`[^`]*\$\{|["'][^"']*["']\s*\+)|exec\.Command(Context)?\(.*"(ba|z)?sh"\s*,\s*"-c"\s*,\s*[^")]*("[^"]*"\s*\+|[a-zA-Z_]|fmt\.Sprintf)|getRuntime\(\)\.exec\(\s*(new String\[\]\s*\{\s*"(ba|z)?sh"|"[^"]*"\s*\+|[a-z]\w*\s*[+)]|String\.format)|ProcessBuilder\(.*"(ba)?sh"\s*,\s*"-c"|arg\("-c"\)\s*\.arg\(\s*(&?format!|[&a-z])|shell:\s*true|\bvm\.run\w*\(|ScriptEngine.*\.eval\(|\binstance_eval\b|\bsetTimeout\(\s*["'`][^"'`]*["'`]\s*\+|render_template_string\(\s*[^"')]|SpelExpressionParser|createContextualFragment|\bcommands\.getoutput"#,
            "text from outside may become a command or code. Hand over arguments, or parse it"
        ),
        pattern!(
            "unsafe-deserialise",
            Warning,
            r#"\b(pickle|cPickle|dill|cloudpickle|shelve|marshal|joblib|jsonpickle)\.(loads?|open|decode|Unpickler)\b|\byaml\.(load|load_all)\s*\([^)]*\)|yaml\.(unsafe_load|full_load|UnsafeLoader|FullLoader|Loader)|\bObjectInputStream\s*\(|\bXMLDecoder\s*\(|enableDefaultTyping|activateDefaultTyping|\bunserialize\s*\(|node-serialize|Marshal\.load|YAML\.load\s*\(|BinaryFormatter|TypeNameHandling\.(All|Auto|Objects)|torch\.load\((?:[^)]*weights_only\s*=\s*False)|allow_pickle\s*=\s*True|new Yaml\(\s*\)|XStream\(\s*\)|readObject\(\)|noent\s*[:=]\s*True|resolve_entities\s*=\s*True"#,
            "what is read here can run code of whoever wrote it. Use a format that holds data only"
        ),
        pattern!(
            "sql-by-string",
            Warning,
            r#"(?i)["'`](\s*)(select\s.*\bfrom|insert\s+into|update\s+\w+\s+set|delete\s+from|drop\s+table|alter\s+table)\b[^"`]*('?\s*["'`]\s*(\+|%|\.\s*\$|\|\|)\s*\(?[\w"$]|\$\{|["'`]\s*\.format\()|f["']{1,3}\s*(select\s.*\bfrom|insert\s+into|update\s+\w+\s+set|delete\s+from)\b.*\{|(format!|Sprintf|String\.format|formatted)\s*\(\s*&?"\s*(select\s.*\bfrom|insert\s+into|update\s+\w+\s+set|delete\s+from)\b[^"]*(\{|%)"#,
            "a query is put together from text, so its values can change what it does. Use parameters"
        ),
        pattern!(
            "auth-bypass",
            High,
            r#"(?i)\b\w*(passw(or)?d|passwd|pwd|api_?key|secret|token|otp|pin)\w*\s*(===?|==|\.equals\(|\.eq\(|\bis\b)\s*["'`][^"'`\s]{3,}["'`]|["'`][^"'`\s]{4,}["'`]\s*(===?|==|\.equals\(\s*\w*(passw|secret|token)|\s==\s*\w*(passw|secret|token))\s*\w*(passw(or)?d|secret|token)|\b(skip|bypass|disable|no)_?(auth|login|authentication|authorization|permissions?|authz|mfa|2fa|verification|signature)\w*\s*([:=(]+|==+)\s*(true|1\b|"?on)|\b(backdoor|god_?mode|master_?(key|password))\b"#,
            "a fixed value opens what should be checked. Remove it, and change that value if it was ever used"
        ),
        pattern!(
            "guard-off",
            Warning,
            r#"(?i)@csrf_exempt|csrf\(\)?\s*\.?\s*(disable\(|AbstractHttpConfigurer::disable|\w+\s*->\s*\w+\.disable)|csrf(_?protection|_enabled)?['"]?\s*[:=]\s*(false|off)|protect_from_forgery.*except|skip_before_action\s*:?(verify|auth)|skip_forgery_protection|\bhttp_?only['"]?\s*[:=(]\s*false|HttpOnly:\s*false|setHttpOnly\(false|setSecure\(false|\bsecure['"]?\s*[:=]\s*false|SESSION_COOKIE_(SECURE|HTTPONLY)\s*=\s*False|CSRF_COOKIE_SECURE\s*=\s*False|SECURE_SSL_REDIRECT\s*=\s*False|permitAll\(\)|authorize\w*\s*=\s*\[AllowAny|AllowAny\b|@PermitAll|\[AllowAnonymous\]|@AnonymousAllowed|authentication_classes\s*=\s*\[\s*\]|permission_classes\s*=\s*\[\s*\]|sameSite['"]?\s*[:=]\s*['"]none|contentSecurityPolicy['"]?\s*:\s*false|helmet\(\s*\{\s*contentSecurity.*false|nodeIntegration['"]?\s*:\s*true|contextIsolation['"]?\s*:\s*false|webSecurity['"]?\s*:\s*false|autoescape\s*=\s*False|frameOptions\(\)\.disable|X-XSS-Protection.*0|DEBUG\s*=\s*True\b"#,
            "a protection is switched off. Look whether the task asks for it, and keep it otherwise"
        ),
    ])
});
