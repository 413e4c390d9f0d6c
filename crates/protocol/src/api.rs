//! The bodies of the public HTTP API, field for field.
//!
//! A superset of the Cloud Agents API that existing clients speak: `agents`, `runs`, `usage`, `me`,
//! `models`, `repositories`, `artifacts`; ours are `branchName`, `whenBusy`, `events`, `diff`,
//! `pull-requests`, `session`, `live`, `settings`, `audit`, `traffic`, `builds`, grants among `secrets`, versions of `environments`, and the `error` of a run. Unknown request keys are refused by name.

pub mod agents;
pub mod audit;
pub mod aws;
pub mod browser;
pub mod builds;
pub mod environments;
pub mod live;
pub mod machine;
pub mod metadata;
pub mod records;
pub mod review;
pub mod runs;
pub mod secrets;
pub mod session;
pub mod settings;
pub mod sync;
pub mod forges;
pub mod signing;
pub mod vault;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The envelope of every error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// The error itself.
    pub error: ErrorDetail,
}

/// What went wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetail {
    /// Stable, snake case.
    pub code: String,
    /// Plain words: names the field and what to do.
    pub message: String,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help_url: Option<String>,
    /// The integration concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The answer to calls that only name what they acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IdBody {
    /// The id acted on.
    pub id: String,
}

/// Milliseconds since 1970 as the ISO 8601 text of the API.
pub fn timestamp(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .unwrap_or_else(|_| "1970-01-01T00:00:00.000Z".to_owned())
}

/// An ISO 8601 text as milliseconds since 1970; none where it is no time.
pub fn moment(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_have_milliseconds_and_zulu() {
        assert_eq!(super::timestamp(1_791_115_200_000), "2026-10-04T12:00:00.000Z");
        assert_eq!(super::timestamp(1_791_115_200_007), "2026-10-04T12:00:00.007Z");
        assert_eq!(super::moment("2026-10-04T12:00:00.007Z"), Some(1_791_115_200_007));
        assert_eq!(super::moment("yesterday"), None);
    }
}
