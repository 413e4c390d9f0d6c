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

/// What orders that come from a host may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TriggersBody {
    /// The name by which agents are asked in comments, without the `@`.
    pub name: String,
    /// Labels that give an issue to an agent; none is given by labels where there are none.
    pub labels: Vec<String>,
    /// Whether failing checks are mended where nobody said anything on the pull request.
    pub autofix: bool,
    /// Whether a review that wants changes counts without the name.
    pub reviews: bool,
    /// Logins of other programs, which are not listened to.
    pub bots: Vec<String>,
}

impl Default for TriggersBody {
    fn default() -> Self {
        let name = "errand".to_owned();
        Self { labels: vec![name.clone()], name, autofix: true, reviews: true, bots: Vec::new() }
    }
}

/// What is entered at a host so that it tells what happens there.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookBody {
    /// Where deliveries go.
    pub url: String,
    /// What they are signed with.
    pub secret: String,
    /// The repository that it speaks for; none: for all that the host has.
    pub repository: Option<String>,
    /// What the host is to tell, in its own words.
    pub events: Vec<String>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryBody {
    /// `taken`, `known` where it came before, or `ignored`.
    pub outcome: String,
    /// Why it is ignored.
    pub reason: Option<String>,
}

/// What was done about a delivery.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeBody {
    /// The host's name for it.
    pub delivery: String,
    /// The repository.
    pub repository: String,
    /// Whose deed it was, by their name there.
    pub actor: String,
    /// When this was decided.
    pub at: String,
    /// What was done, or why nothing.
    pub outcome: String,
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
    /// What people may ask for there.
    pub triggers: TriggersBody,
}
