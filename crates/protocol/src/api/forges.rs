//! Bodies about hosts of repositories that are connected.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A host to connect, with the credential for it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectForge {
    /// Which words it speaks: `github`, `gitlab`, `gitea` (Forgejo, too) or `bitbucket`.
    pub kind: String,
    /// Where its pages are; none: the public one of that kind.
    pub url: Option<String>,
    /// A token: of a person, or of a project, group or workspace.
    pub token: Option<String>,
    /// The mail address that goes with a person's token at Bitbucket.
    pub email: Option<String>,
    /// Number or client id of a GitHub App, in place of a token.
    pub app_id: Option<String>,
    /// The App's private key in PEM form.
    pub private_key: Option<String>,
}

/// A host that is connected; its credential is never told.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForgeBody {
    /// Its id.
    pub id: String,
    /// Which words it speaks.
    pub kind: String,
    /// Where its pages are.
    pub url: String,
    /// What kind of credential it is: `token`, `person` or `app`.
    pub credential: String,
    /// The number of the app, or the mail address that goes with the token.
    pub name: Option<String>,
    /// Whose credential the host says it is.
    pub login: String,
    /// Scopes that the host names for it; empty where it names none.
    pub scopes: Vec<String>,
    /// When it was connected.
    pub created_at: String,
    /// When the host took the credential last, as far as somebody asked.
    pub checked_at: String,
    /// Who entered the credential.
    pub connected_by: String,
}
