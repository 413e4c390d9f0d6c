//! Rights that are given in configuration: clouds, clusters, containers, machines.

use super::super::file::{File, Kind, Pattern, Patterns};
use super::pattern;
use crate::finding::{Family, Finding, Severity};
use std::sync::LazyLock;

static SETTINGS: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns::new(&[
        pattern!(
            "iam-wildcard",
            High,
            r#"(?i)"(not)?action"\s*:\s*\[?\s*"([a-z0-9-]+:)?\*"|"resource"\s*:\s*\[?\s*"\*"|"principal"\s*:\s*(\{\s*"aws"\s*:\s*)?"\*"|^\s*(not)?actions?\s*[:=]\s*\[?\s*"?'?([a-z0-9-]+:)?\*|^\s*-\s*["']?(iam|s3|sts|ec2|kms|secretsmanager):\*|^\s*-?\s*(verbs|resources|apiGroups):\s*\[?\s*["']?\*|\brole\s*[:=]\s*"?roles/(owner|editor)|AdministratorAccess|^\s*name:\s*cluster-admin\b|\bresources?\s*=\s*\[?\s*"\*"|PowerUserAccess|IAMFullAccess|\b(GRANT\s+ALL|WITH\s+GRANT\s+OPTION|SUPERUSER)\b"#,
            "this gives all rights there are. Name those that are needed"
        ),
        pattern!(
            "network-open",
            Warning,
            r#"(?i)\b(cidr_blocks?|source_ranges|cidr_ip|CidrIp|source_address_prefix|ipv6_cidr_blocks|allowed_ips?|cidr_ipv4)["']?\s*[:=]\s*\[?\s*["'](0\.0\.0\.0/0|::/0|\*|Internet)|\bacl\s*=\s*"public-read|block_public_(acls|policy)\s*=\s*false|restrict_public_buckets\s*=\s*false|publicly_accessible\s*=\s*true|\ballUsers\b|allAuthenticatedUsers|public_network_access_enabled\s*=\s*true|"AccessControl"\s*:\s*"PublicRead|AccessControl:\s*PublicRead|authorized_networks.*0\.0\.0\.0/0"#,
            "the whole network can reach this. Name who may"
        ),
        pattern!(
            "privileged-container",
            High,
            r#"(?i)\bprivileged['"]?\s*[:=]\s*true|--privileged\b|docker\.sock|containerd\.sock|\bhost(Network|PID|IPC)['"]?\s*:\s*true|network_mode['"]?\s*:\s*["']?host|\b(pid|ipc|userns_mode|uts)\s*:\s*["']?host\b|cap_add|--cap-add|\bSYS_(ADMIN|PTRACE|MODULE|RAWIO)\b|NET_ADMIN|allowPrivilegeEscalation['"]?\s*:\s*true|runAsUser['"]?\s*:\s*0\b|runAsNonRoot['"]?\s*:\s*false|readOnlyRootFilesystem['"]?\s*:\s*false|(seccomp|apparmor)[=:]\s*unconfined|hostPath\s*:|--security-opt|--(net|network|pid)[= ]host|^\s*-\s*["']?/(:|etc|root|proc|sys|var/run)\S*:"#,
            "the container may do what its machine may. Take it back, or say why it is needed"
        ),
        pattern!(
            "passwordless-sudo",
            High,
            r"(?i)\bNOPASSWD\b|ALL\s*=\s*\(ALL(:ALL)?\)\s*ALL|!authenticate|\bchmod\s+(\S+\s+)*([ug]\+s|[2467]7\d\d)\b|\bsetcap\s|PermitRootLogin\s+yes|PasswordAuthentication\s+yes|PermitEmptyPasswords\s+yes|become:\s*(yes|true)\s*#|/etc/sudoers",
            "programs may become root without being asked. Give only the right that is needed"
        ),
        pattern!(
            "world-writable",
            Warning,
            r"(?i)\bchmod\s+(-\S+\s+)*(0?777|0?666|a\+rwx|a\+w|o\+w)\b|--chmod=0?777|\bmode:\s*['\x22]?0?(777|666)\b|\bumask\s+0+\b|defaultMode:\s*0?(777|511)\b",
            "everybody on the machine may write it. Give it to the one who needs it"
        ),
        pattern!(
            "tls-check-off",
            High,
            r#"(?i)insecure-?skip-?(tls-?)?verify['"]?\s*[:=]\s*"?true|\bNODE_TLS_REJECT_UNAUTHORIZED|\bstrict-?ssl\s*[:=]\s*false|sslVerify\s*[:=]?\s*false|curl\s+(\S+\s+)*(-k|--insecure)\s|--no-check-certificate|GIT_SSL_NO_VERIFY|PYTHONHTTPSVERIFY\s*[:=]\s*['"]?0|\bverify_ssl\s*[:=]\s*false|ssl_verify\s*[:=]\s*false|proxy_ssl_verify\s+off|validate_certs:\s*(no|false)|\binsecure\s*[:=]\s*true|sslmode=disable|trustServerCertificate=true|StrictHostKeyChecking[ =]no"#,
            "who answers is not looked at any more, so anybody on the way can. Add the right certificate instead"
        ),
        pattern!(
            "cors-any",
            Warning,
            r#"(?i)access-control-allow-origin['"]?\s*[:,=]?\s*['"]?\*|\ballow(ed)?[-_]?origins?['"]?\s*[:=]\s*\[?\s*['"]\*"#,
            "any page may call this with the visitor's rights. Name the origins"
        ),
        pattern!(
            "guard-off",
            Warning,
            r#"(?i)\bcsrf[\w.-]*\s*[:=]\s*(false|off|disabled)|\bauth(entication|orization)?[\w.-]*(enabled|required)\s*[:=]\s*(false|off|no)|anonymous[\w.-]*\s*[:=]\s*(true|on|allow)|management\.endpoints\.web\.exposure\.include\s*[:=]\s*\*|security[\w.-]*enabled\s*[:=]\s*false|^\s*DEBUG\s*[:=]\s*['"]?(True|1)\b|\bsecure['"]?\s*[:=]\s*false|http-?only['"]?\s*[:=]\s*false"#,
            "a protection is switched off. Look whether the task asks for it, and keep it otherwise"
        ),
    ])
});

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    let machine = file.kind == Kind::Settings
        || matches!(file.ending.as_str(), "sh" | "bash" | "sql" | "tpl" | "tmpl")
        || file.path.contains("sudoers");
    if !machine || file.is_test {
        return Vec::new();
    }
    SETTINGS.find(Family::Permissions, file)
}
