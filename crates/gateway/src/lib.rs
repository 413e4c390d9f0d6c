//! The only way out of a sandbox: an HTTP proxy that judges names and addresses, and the endpoint
//! through which an agent reaches its own repositories.
//!
//! Read in this order: [`host`] is the one spelling of a host, [`policy`] judges names, `packages`
//! lists the registries, [`address`] judges what names resolve to, [`audit`] is told, [`attach`]
//! ties listening sockets to a sandbox, [`proxy`] serves them: a tunnel, a forwarded request, or
//! the internal host with its [`git_endpoint`] and what an
//! environment file adds to that ([`dependency`]).

pub mod host;
pub mod policy;
pub mod packages;
pub mod address;
pub mod audit;
pub mod resolve;
pub mod repository;
pub mod attach;
pub mod proxy;
mod dial;
mod traffic;
mod hello;
mod tunnel;
mod forward;
mod reply;
mod internal;
pub mod git_endpoint;
pub mod dependency;
mod upload;
mod push;
mod pkt;
