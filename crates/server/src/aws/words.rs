//! What STS said, and what to do about it, in words. Pure.
//!
//! TRUST: agents read these words, so they name neither the external id nor anything of the server's own keys.

use super::question::Failed;

/// Why a role cannot be had.
pub(super) fn of_role(failed: &Failed) -> String {
    match failed {
        Failed::Refused { code, message } => match code.as_str() {
            "AccessDenied" => format!(
                "STS refused the role (AccessDenied: {message}); its trust policy must name this server's principal and \
                 external id (`errand aws` shows what to paste), and the principal must be allowed sts:AssumeRole on it; \
                 a changed policy takes AWS some seconds"
            ),
            "ValidationError" => format!(
                "STS could not read the request (ValidationError: {message}); check the role's ARN, and that the role \
                 allows sessions as long as aws.session_s"
            ),
            "RegionDisabledException" => format!(
                "STS is switched off for this account in the region (RegionDisabledException: {message}); choose \
                 another aws.region in errand.toml"
            ),
            _ => of_server(failed),
        },
        Failed::NoBase(_) | Failed::Unanswered(_) => of_server(failed),
    }
}

/// Why the server itself is not known to AWS.
pub(super) fn of_server(failed: &Failed) -> String {
    match failed {
        Failed::NoBase(why) => format!("{why}; the operator sets them, see docs/aws.md"),
        Failed::Unanswered(why) => {
            format!("STS gave no answer ({why}); the server needs a way to it, and a right clock")
        }
        Failed::Refused { code, message } => {
            let what = match code.as_str() {
                "InvalidClientTokenId" | "UnrecognizedClientException" => {
                    "AWS does not know the server's access key: check [aws] in errand.toml"
                }
                "SignatureDoesNotMatch" => {
                    "the server's secret key is wrong, or its clock: check [aws] in errand.toml"
                }
                "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
                    "the server's own keys have come to their end: renew aws.credentials_file"
                }
                _ => "check the role, and [aws] in errand.toml",
            };
            format!("STS refused ({code}: {message}); {what}")
        }
    }
}
