//! Bodies about signing in: sessions of browsers, codes that start one, tickets that open a socket.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/session`: exactly one of the two.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// An API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A code of `POST /v1/session/codes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// `GET /v1/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Name of the key that the session stands for.
    pub principal: String,
    /// May change settings, manage keys and merge.
    pub admin: bool,
    /// ISO 8601; only of a session, a key has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// Answer to `POST /v1/session/codes`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignInCode {
    /// Works once.
    pub code: String,
    /// ISO 8601.
    pub expires_at: String,
}

/// `POST /v1/tickets`: no fields yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTicket {}

/// Answer to `POST /v1/tickets`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// Works once, for the caller who asked for it.
    pub ticket: String,
    /// ISO 8601.
    pub expires_at: String,
}
