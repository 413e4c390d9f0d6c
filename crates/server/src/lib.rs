//! The server: everything below it put together behind one HTTP API.
//!
//! Read [`router`] first: it is the table of contents. A request goes through [`auth`] and [`door`]
//! to an agent's [`agents::Handle`], which decides, commits and shows; the [`driver`] of the agent
//! then carries out [`effects`]. [`live`] and [`watch`] are what people see of it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the server reads the log for the few events each reader needs; the agent crate, which decides, matches every one"
)]

pub mod router;
pub mod api;
pub mod auth;
pub mod web;
pub mod keys;
pub mod rate;
pub mod door;
pub mod agents;
pub mod projection;
pub mod live;
pub mod watch;
pub mod presence;
pub mod roster;
pub mod settings;
pub mod driver;
pub mod alarm;
pub mod sweeper;
pub mod retention;
pub mod effects;
pub mod commits;
pub mod gate;
pub mod lfs;
pub mod evidence;
pub mod record;
pub mod findings;
pub mod images;
pub mod dockerfile;
pub mod journal;
pub mod workspace;
pub mod machines;
pub mod network;
pub mod opening;
pub mod terminals;
pub mod browser;
pub mod port_stream;
pub mod socket_stream;
pub mod ssh;
pub mod preview;
pub mod sandbox_spec;
pub mod seeds;
pub mod forges;
pub mod signing;
pub mod aws;
pub mod bases;
pub mod egress;
pub mod flow;
pub mod first_look;
pub mod environments;
pub mod dependencies;
pub mod builder;
pub mod saved_environments;
pub mod secrets;
pub mod vault;
pub mod redact;
pub mod builds;
pub mod leaks;
pub mod forks;
pub mod starts;
pub mod artifacts;
pub mod audit;
pub mod witness;
pub mod repositories;
pub mod triggers;
pub mod uploads;
pub mod pull_requests;
pub mod catalog;
pub mod models_inside;
pub mod config;
pub mod doctor;
pub mod privileges;
pub mod clock;
pub mod disk;
pub mod app;
pub mod serve;
