//! Outside systems for tests and demonstrations: real HTTP servers that enforce their protocols.
//!
//! [`scripted`] is a model provider that follows a script, [`image`] a base image of this host's own
//! programs, [`registry`] a registry that such images are fetched from, [`git_host`] a host of repositories over HTTP,
//! [`forges`] hosts with pull requests, [`certificates`] what hosts behind TLS need.

pub mod certificates;
pub mod forges;
pub mod git_host;
pub mod image;
pub mod large_files;
pub mod registry;
pub mod scripted;
