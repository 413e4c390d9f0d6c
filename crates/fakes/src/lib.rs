//! Outside systems for tests and demonstrations: real HTTP servers that enforce their protocols.
//!
//! [`scripted`] is a model provider that follows a script.

pub mod scripted;
