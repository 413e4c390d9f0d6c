//! Bodies about roles of AWS.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Secrets that name a role of AWS; the first one counts where both are there.
pub const ROLE_SECRETS: [&str; 2] =
    ["ERRAND_AWS_ASSUME_IAM_ROLE_ARN", "CURSOR_AWS_ASSUME_IAM_ROLE_ARN"];

/// Whether a secret of this name names a role of AWS.
pub fn is_role_secret(name: &str) -> bool {
    ROLE_SECRETS.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// How agents act under a role of AWS.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsBody {
    /// The server has credentials of its own at AWS, by which it acts under roles.
    pub configured: bool,
    /// Who the server is at AWS: whom the role's trust policy names. None where AWS could not be asked.
    pub principal: Option<String>,
    /// Why AWS could not be asked who the server is.
    pub problem: Option<String>,
    /// What the trust policy asks for, so that nobody else can have this server act under the role.
    pub external_id: String,
    /// The same for a role that the caller keeps as a secret of their own.
    pub own_external_id: String,
    /// The trust policy to paste, as JSON.
    pub trust_policy: String,
    /// The team's role, if it has one.
    pub role: Option<String>,
    /// When AWS was asked for the team's role last; none since the server started, or for another one since.
    pub last: Option<AwsAsked>,
}

/// What became of asking AWS for a role.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsAsked {
    /// The role.
    pub role: String,
    /// When.
    pub at: String,
    /// Why it was refused or failed; none: it was given.
    pub error: Option<String>,
}
