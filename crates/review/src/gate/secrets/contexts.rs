//! Secrets that have no shape of their own: the words beside them tell.

use super::{Format, Proof, Seen, check, harmless};

/// All of them, the more exact ones first.
pub(super) const FORMATS: &[Format] = &[
    Format {
        id: "aws-secret-key",
        what: "an AWS secret access key",
        keywords: &["aws", "secretaccesskey", "secret_access_key"],
        pattern: r#"(?i)(?:aws.{0,30}?(?:secret|sk)|secret_?access_?key).{0,24}?["'=:\s]["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"#,
        floor: 400,
        proof: Proof::Must(check::is_mixed),
    },
    Format {
        id: "aws-session-token",
        what: "an AWS session token",
        keywords: &["session_token", "sessiontoken"],
        pattern: r#"(?i)aws_?session_?token["']?\s{0,4}[=:]\s{0,4}["']?([A-Za-z0-9/+=]{100,1500})"#,
        floor: 400,
        proof: Proof::Must(check::is_mixed),
    },
    Format {
        id: "cloudflare-token",
        what: "a Cloudflare token",
        keywords: &["cloudflare", "cf_api"],
        pattern: r#"(?i)(?:cloudflare|cf_api)[a-z_. -]{0,20}(?:token|key)["']?\s{0,4}[=:]\s{0,4}["']?([a-zA-Z0-9_-]{37,40})(?:[^A-Za-z0-9_-]|$)"#,
        floor: 350,
        proof: Proof::Words(has_digit),
    },
    Format {
        id: "datadog-key",
        what: "a Datadog key",
        keywords: &["datadog", "dd_api_key", "dd_app_key", "dd-api-key"],
        pattern: r#"(?i)(?:datadog|dd)[a-z_. -]{0,12}key["']?\s{0,4}[=:]\s{0,4}["']?([a-f0-9]{32,40})(?:[^A-Za-z0-9_-]|$)"#,
        floor: 300,
        proof: Proof::Shape,
    },
    Format {
        id: "forge-token",
        what: "the token of a forge",
        keywords: &["gitea", "forgejo", "codeberg", "gogs"],
        pattern: r#"(?i)(?:gitea|forgejo|codeberg|gogs)[a-z_. -]{0,20}(?:token|pat|key)["']?\s{0,4}[=:]\s{0,4}["']?([a-f0-9]{40})(?:[^A-Za-z0-9_-]|$)"#,
        floor: 300,
        proof: Proof::Shape,
    },
    Format {
        id: "okta-token",
        what: "an Okta token",
        keywords: &["okta", "ssws"],
        pattern: r#"(?i)(?:okta|ssws).{0,30}?["'=:\s]["']?(00[A-Za-z0-9_-]{40})(?:[^A-Za-z0-9_-]|$)"#,
        floor: 350,
        proof: Proof::Must(check::is_mixed),
    },
    Format {
        id: "wireguard-key",
        what: "a WireGuard private key",
        keywords: &["privatekey", "presharedkey"],
        pattern: r#"(?:PrivateKey|PresharedKey)\s{0,4}=\s{0,4}["']?([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"#,
        floor: 400,
        proof: Proof::Must(check::is_mixed),
    },
    Format {
        id: "private-jwk",
        what: "a private JSON web key",
        keywords: &["\"kty\"", "\\\"kty\\\""],
        pattern: r#"\\?"d\\?"\s{0,4}:\s{0,4}\\?"([A-Za-z0-9_-]{40,700})\\?""#,
        floor: 400,
        proof: Proof::Must(check::is_mixed),
    },
    Format {
        id: "registry-login",
        what: "a login of a package registry",
        keywords: &["_authtoken", "_auth", "_password"],
        pattern: r#":_(?:authToken|auth|password)\s{0,4}=\s{0,4}["']?([A-Za-z0-9_.+/=-]{16,300})"#,
        floor: 300,
        proof: Proof::Words(has_digit),
    },
    Format {
        id: "docker-login",
        what: "a login of a container registry",
        keywords: &["\"auth\""],
        pattern: r#""auth"\s{0,4}:\s{0,4}"([A-Za-z0-9+/]{16,400}={0,2})""#,
        floor: 300,
        proof: Proof::Must(check::is_login),
    },
    Format {
        id: "basic-login",
        what: "a login in a header",
        keywords: &["basic "],
        pattern: r#"(?i)authorization["']?\s{0,4}[:=,]\s{0,4}["']?basic ([A-Za-z0-9+/]{12,400}={0,2})"#,
        floor: 300,
        proof: Proof::Must(check::is_login),
    },
    Format {
        id: "bearer-token",
        what: "a token in a header",
        keywords: &["bearer ", "token "],
        pattern: r#"(?i)authorization["']?\s{0,4}[:=,]\s{0,4}["'`]?(?:bearer|token) ([A-Za-z0-9_.~+/=-]{20,2000})"#,
        floor: 350,
        proof: Proof::Words(is_random),
    },
    Format {
        id: "address-password",
        what: "a password in an address",
        keywords: &["://"],
        pattern: r#"[A-Za-z][A-Za-z0-9+.-]{1,24}://[^\s:/@'"`<>{}$\[\]]{0,80}:([^\s/@'"`<>{}$\\:]{6,200})@[A-Za-z0-9\[][A-Za-z0-9.:\[\]_-]{1,120}"#,
        floor: 250,
        proof: Proof::Words(is_address_password),
    },
    Format {
        id: "connection-password",
        what: "a password for a database",
        keywords: &["password=", "pwd=", "password ="],
        pattern: r#"(?i)(?:server|host|data source|jdbc:[a-z0-9]{2,12}|user(?: id|name)?|uid)[=:][^\n"']{1,200}?[;?& ](?:password|pwd)\s?=\s?([^;&\s"'<>{}$]{8,128})"#,
        floor: 275,
        proof: Proof::Words(is_password),
    },
    Format {
        id: "netrc-password",
        what: "a password of a .netrc file",
        keywords: &["machine "],
        pattern: r"machine\s{1,4}[^\s]{3,120}\s{1,4}login\s{1,4}[^\s]{1,120}\s{1,4}password\s{1,4}([^\s]{8,200})",
        floor: 275,
        proof: Proof::Words(is_password),
    },
    Format {
        id: "curl-login",
        what: "a login on a command line",
        keywords: &["curl "],
        pattern: r#"curl\s[^\n]{0,300}?(?:-u|--user)[ =]["']?[^\s:"'$]{1,80}:([^\s"'$<]{8,120})"#,
        floor: 275,
        proof: Proof::Words(is_password),
    },
    Format {
        id: "quoted-value",
        what: "a secret in quotes",
        keywords: &[
            "passw",
            "passphrase",
            "secret",
            "token",
            "api_key",
            "apikey",
            "api-key",
            "access_key",
            "accesskey",
            "auth_key",
            "authkey",
            "private_key",
            "privatekey",
            "credential",
            "pwd",
        ],
        pattern: r#"(?i)(?:passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|auth|private|signing|encryption|master|account)[_-]?key|credentials?)(?:[_-]?(?:key|value|base|hash))?["'`]?\]?\s{0,8}(?::[ ]?&?(?:'static )?(?:str|string)\s?=|:=|=>|=|:|,)\s{0,8}(?:b|r|f|u|@)?["'`]([^\s"'`\\]{8,200})["'`]"#,
        floor: 275,
        proof: Proof::Words(is_quoted_secret),
    },
    Format {
        id: "plain-value",
        what: "a secret in a settings file",
        keywords: &[
            "passw",
            "passphrase",
            "secret",
            "token",
            "api_key",
            "apikey",
            "api-key",
            "access_key",
            "auth_key",
            "private_key",
            "credential",
        ],
        pattern: r#"(?i)^\s{0,40}(?:export |set |env |- |-e )?\s?["']?[a-z0-9_.-]{0,60}?(?:passw(?:or)?d|passphrase|secret|token|(?:api|access|auth|private|signing|encryption|master|account)[_-]?key|credentials?)(?:[_-]?(?:key|value|base))?["']?\s{0,4}[=:]\s{0,4}([^\s"'`#;,(){}<>]{12,200})\s{0,8}(?:$|#)"#,
        floor: 325,
        proof: Proof::Words(is_settings_secret),
    },
];

fn has_digit(seen: &Seen<'_>) -> bool {
    seen.value.bytes().any(|byte| byte.is_ascii_digit()) && !harmless::is_plain(seen.value)
}

fn is_random(seen: &Seen<'_>) -> bool {
    !harmless::is_plain(seen.value)
        && seen.value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && (seen.value.bytes().any(|byte| byte.is_ascii_digit()) || check::is_shuffled(seen.value))
}

/// A password that is not made of what tests and templates are made of; where things are tried out it has to be long.
fn is_password(seen: &Seen<'_>) -> bool {
    is_random(seen) && (!harmless::is_trial(seen.path) || seen.value.len() >= 16)
}

fn is_address_password(seen: &Seen<'_>) -> bool {
    let host = seen.whole.rsplit('@').next().unwrap_or_default();
    let is_here = ["localhost", "127.", "[::1]", "0.0.0.0", "host", "db", "example"]
        .iter()
        .any(|start| host.starts_with(start) || host.contains(".example"));
    let is_trial = is_here || harmless::is_trial(seen.path);
    let is_long = seen.value.len() >= 16 && check::entropy(seen.value) >= 3.0;
    !harmless::is_plain(seen.value) && (is_long || (!is_trial && has_digit(seen)))
}

fn is_quoted_secret(seen: &Seen<'_>) -> bool {
    let value = seen.value;
    if harmless::is_lock_file(seen.path) || !is_password(seen) || is_called(value) {
        return false;
    }
    // Names of things are words with a digit at most; a password mixes.
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let signs = value
        .bytes()
        .filter(|byte| byte.is_ascii_punctuation() && !b"_-./:".contains(byte))
        .count();
    let is_hex = value.len() >= 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_chance = value.len() >= 16
        && check::entropy(value) >= 3.5
        && (digits >= 2 || check::is_shuffled(value));
    is_hex || is_chance || (digits + signs >= 2 && signs >= 1)
}

fn is_settings_secret(seen: &Seen<'_>) -> bool {
    const ENDS: &[&str] = &[
        ".env",
        ".ini",
        ".cfg",
        ".conf",
        ".properties",
        ".yaml",
        ".yml",
        ".toml",
        ".tfvars",
        ".sh",
        ".envrc",
        ".npmrc",
        ".pypirc",
    ];
    let name = seen.path.rsplit('/').next().unwrap_or_default();
    let is_settings = ENDS.iter().any(|end| name.ends_with(end))
        || name.starts_with(".env")
        || name.starts_with("Dockerfile")
        || name.is_empty();
    is_settings
        && !harmless::is_lock_file(seen.path)
        && is_password(seen)
        && !is_called(seen.value)
        && (seen.value.bytes().filter(u8::is_ascii_digit).count() >= 2
            || check::is_shuffled(seen.value))
}

/// Whether a value is a name, an address, a path, a number with its unit or something to be worked out.
fn is_called(value: &str) -> bool {
    let is_segment = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_dotted = !check::is_shuffled(value)
        && value.contains(['.', ':', '/', '-'])
        && value
            .split(['.', ':', '/', '-'])
            .all(|part| part.chars().all(is_segment) && part.len() <= 14);
    is_dotted
        || value.contains("://")
        || value.contains("::")
        || value.contains("->")
        || value.contains(['(', ')', '<', '>', '[', ']', '{', '}', '|'])
        || value.starts_with("sha256")
        || value.starts_with("sha512")
        || value.starts_with("sha384")
        || value.starts_with("arn:")
        || value.starts_with("ssh-")
}
