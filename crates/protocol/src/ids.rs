//! Ids, each its own type, with the text form the public API fixes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("not {expected}: {given:?}")]
pub struct BadId {
    /// What was expected, in words.
    pub expected: &'static str,
    /// What was given, cut to 80 characters.
    pub given: String,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of the text form.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a uuid that the caller minted.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Parses the text form, refusing anything else.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                let bad = || BadId { expected: $expected, given: text.chars().take(80).collect() };
                let rest = text.strip_prefix($prefix).ok_or_else(bad)?;
                // Only the hyphenated form: one id has one spelling.
                if rest.len() != 36 {
                    return Err(bad());
                }
                Uuid::try_parse(rest).map(Self).map_err(|_| bad())
            }

            /// The bare uuid.
            pub const fn uuid(&self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}{}", $prefix, self.0.hyphenated())
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::parse(&text)
            }
        }
        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::parse(text)
            }
        }
    };
}

uuid_id!(
    /// A durable worker: one conversation, one branch per repository, one workspace.
    AgentId, "bc-", "an agent id (bc-<uuid>)"
);
uuid_id!(
    /// One prompt and all work until the agent yields.
    RunId, "run-", "a run id (run-<uuid>)"
);
uuid_id!(
    /// A message that steers a running run.
    MessageId, "msg-", "a message id (msg-<uuid>)"
);
uuid_id!(
    /// Something a person is asked.
    QuestionId, "q-", "a question id (q-<uuid>)"
);
uuid_id!(
    /// A read-only part of a disk, on which other disks stand.
    LayerId, "layer-", "a layer id (layer-<uuid>)"
);

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }
    };
}

number!(
    /// Position in an agent's log; dense, the first event is 1, 0 is "before everything".
    Seq, u64
);
number!(
    /// Incarnation of an agent's sandbox; the first is 1.
    Epoch, u64
);
number!(
    /// Fencing number of a lease; a sink refuses any lower one.
    Term, u64
);
number!(
    /// Number of a step within its agent, from 1.
    Step, u64
);

/// The owner of data; part of every key. A single-user install has exactly `default`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgId(pub String);

impl OrgId {
    /// The organisation of a single-user install.
    pub fn default_org() -> Self {
        Self("default".to_owned())
    }
}

impl std::fmt::Display for OrgId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of a tool call as the model gave it, made unique per agent; also the guest's operation id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub String);

impl std::fmt::Display for CallId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Idempotency key of one effect: agent, epoch or run, and the effect's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectKey(pub String);

impl std::fmt::Display for EffectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_spelling() {
        let text = "bc-0190b5a4-7c3e-7bde-8f00-0123456789ab";
        assert_eq!(AgentId::parse(text).map(|id| id.to_string()), Ok(text.to_owned()));
        for bad in [
            "",
            "bc-",
            "run-0190b5a4-7c3e-7bde-8f00-0123456789ab",
            "bc-0190b5a47c3e7bde8f000123456789ab",
        ] {
            assert!(AgentId::parse(bad).is_err(), "{bad}");
        }
    }
}
