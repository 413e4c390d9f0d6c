//! The public HTTP API. Each file is one thing; the outside API's quirks live here and nowhere else.

pub mod agents;
pub mod artifacts;
pub mod audit;
pub mod aws;
pub mod body;
pub mod build_files;
pub mod builds;
pub mod diff;
pub mod environments;
pub mod error;
pub mod events;
pub mod forges;
pub mod forks;
pub mod health;
pub mod images;
pub mod keys;
pub mod live;
pub mod machine;
pub mod metadata;
pub mod pulls;
pub mod records;
pub mod restores;
pub mod runs;
pub mod secrets;
pub mod server;
pub mod session;
pub mod settings;
pub mod signing;
pub mod show;
pub mod stream;
pub mod uploads;
pub mod vault;
pub mod webhooks;
pub mod worktree;

use error::{ApiError, ApiResult};
use protocol::ids::{AgentId, RunId};
use serde::Deserialize;
use store::records::Cursor;

/// An agent's id from a path.
pub fn agent_id(text: &str) -> ApiResult<AgentId> {
    AgentId::parse(text).map_err(|bad| ApiError::invalid("id", bad))
}

/// A run's id from a path.
pub fn run_id(text: &str) -> ApiResult<RunId> {
    RunId::parse(text).map_err(|bad| ApiError::invalid("runId", bad))
}

/// Which page of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct PageQuery {
    /// 1–100, default 20.
    limit: Option<usize>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    /// The limit, checked.
    pub fn limit(&self) -> ApiResult<usize> {
        match self.limit {
            None => Ok(protocol::limits::PAGE_DEFAULT),
            Some(limit @ 1..=protocol::limits::PAGE_MAX) => Ok(limit),
            Some(limit) => Err(ApiError::invalid("limit", format!("is {limit}; choose 1 to 100"))),
        }
    }

    /// The cursor, checked.
    pub fn cursor(&self) -> ApiResult<Option<Cursor>> {
        self.cursor
            .as_deref()
            .map(|text| {
                Cursor::parse(text)
                    .ok_or_else(|| ApiError::invalid("cursor", "is not a nextCursor of this list"))
            })
            .transpose()
    }
}
