//! The only place that starts git on the server: trusted bare repositories that we created, and remotes.
//!
//! argv only, an empty environment, our own configuration, no hooks, and a limit on time, bytes and
//! processes for every call. Read in this order: [`name`] and [`url`] parse what people type,
//! [`runner`] starts git, [`remote`] asks another host, [`mirror`] keeps our copy of a repository,
//! [`agent_repo`] borrows from it, [`repo`] is what both share (read, write, compare, push),
//! [`handover`] makes a workspace's work into commits of ours, and [`service`] serves a repository
//! to somebody else's git. [`worktree`] works on a person's own computer.
//!
//! What is absent: no working tree, no index, no foreign `.git` directory is ever opened on the
//! server; on a person's computer, none of their configuration is obeyed that names a program.

pub mod agent_repo;
pub mod brought;
pub mod bundle;
pub mod changed;
pub mod commit;
pub mod diff;
pub mod error;
pub mod handover;
pub mod history;
pub mod large_files;
mod layout;
mod left_behind;
mod loose;
pub mod mirror;
pub mod name;
pub mod objects;
pub mod pack;
pub mod push;
pub mod refs;
pub mod remote;
pub mod repo;
pub mod runner;
pub mod service;
pub mod url;
pub mod worktree;
