//! From a workspace's files and history to commits on the remote and back, compared with plain git.

mod desk;
mod files;
mod history;
mod others;
