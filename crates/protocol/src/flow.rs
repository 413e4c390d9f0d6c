//! Where information comes from that an agent reads, and where it could go: what the rule of two is about.
//!
//! No agent may have all three at once unless people want it so: text that nobody here wrote or reviewed, secrets, and a
//! way on which data can be carried out.

use serde::{Deserialize, Serialize};

/// How far the least trusted text may be trusted that an agent has read, from the least.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Integrity {
    /// What a host answered that is no registry of packages: written by whoever may write there.
    Web,
    /// What somebody wrote who is not of the organisation, or a commit that is on none of its branches.
    Outsider,
    /// What a registry of packages gave.
    Packages,
    /// The repository's own files, names and messages.
    Repository,
    /// What people of the organisation wrote.
    #[default]
    Member,
}

impl Integrity {
    /// Whether nobody of the organisation wrote or reviewed it. Packages are named by what was reviewed, and are code
    /// that runs anyway.
    pub const fn is_untrusted(self) -> bool {
        match self {
            Self::Web | Self::Outsider => true,
            Self::Packages | Self::Repository | Self::Member => false,
        }
    }
}

/// What happens where an agent has all three, from the laxest to the strictest.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenAllThree {
    /// It is recorded, and stands in the pull request.
    Allow,
    /// Nothing is carried out until a person allows it, who is asked.
    Ask,
    /// Nothing is carried out; a person may allow it.
    #[default]
    Narrow,
}

impl WhenAllThree {
    /// Whether a way out is closed.
    pub const fn closes(self) -> bool {
        match self {
            Self::Ask | Self::Narrow => true,
            Self::Allow => false,
        }
    }
}

/// What the rule of two goes by, as far as the server has to tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Legs {
    /// Names of the secrets that the sandbox has or stands for.
    pub secrets: Vec<String>,
    /// Where data could be carried: entries of its allow-list, without the hosts of its own grants.
    pub outward: Vec<String>,
    /// What the administrator wants.
    pub when_all_three: WhenAllThree,
}

/// Something that lowered what an agent's words are worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// To what.
    pub integrity: Integrity,
    /// What was read first, in words.
    pub source: String,
}
