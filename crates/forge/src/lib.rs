//! The host of repositories and pull requests, whichever it is.
//!
//! Read in this order: [`pull_request`] is the noun, [`forge`] the trait and who owes what,
//! [`bare`] the forge of any git remote without an API (Errand keeps the pull requests itself,
//! behind [`store`]), [`host`] how those with an API are asked, [`github`], [`gitea`], [`gitlab`] and
//! [`bitbucket`] which these are, [`account`] a credential for any of them, [`webhook`] what hosts tell by
//! themselves, [`describe`] writes
//! title and body from the facts of a run, [`progress`] what a thread is told, [`claims`] compares an answer with the [`commands`] that
//! ran, [`conformance`] is run on every forge.

pub mod pull_request;
pub mod around;
pub mod forge;
pub mod store;
pub mod bare;
pub mod host;
mod wire;
pub mod github;
pub mod gitea;
pub mod gitlab;
pub mod bitbucket;
pub mod account;
pub mod webhook;
pub mod describe;
pub mod progress;
pub mod claims;
pub mod commands;
mod markdown;
pub mod conformance;
