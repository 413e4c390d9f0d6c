//! What can be the ARN of a role.

use super::*;

#[test]
fn a_role_is_told_from_other_texts() {
    for arn in [
        "arn:aws:iam::123456789012:role/agents",
        "arn:aws-cn:iam::123456789012:role/path/to/agents",
        "arn:aws-us-gov:iam::123456789012:role/a.b@c+d=e,f_g-h",
    ] {
        assert!(is_role(arn), "{arn}");
    }
    for arn in [
        "",
        "agents",
        "arn:aws:iam::123456789012:user/me",
        "arn:aws:iam::123:role/agents",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/a b",
        "arn:aws:sts::123456789012:assumed-role/a/b",
        " arn:aws:iam::123456789012:role/agents",
    ] {
        assert!(!is_role(arn), "{arn}");
    }
}
