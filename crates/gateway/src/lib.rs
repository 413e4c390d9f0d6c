//! The only way out of a sandbox: a proxy that judges names, requests and addresses, puts credentials in where they
//! belong, and the endpoint through which an agent reaches its own repositories.
//!
//! Read in this order: [`host`] is the one spelling of a host, [`pattern`] an entry of an allow-list, [`policy`]
//! judges by them, `packages` lists the registries, [`address`] judges what names resolve to, [`grant`] exchanges
//! placeholders for credentials, [`aws`] signs requests anew, [`budget`] bounds what is sent, [`reading`] is asked before what is read counts, [`audit`] is told, [`witness`] says which process it was, [`attach`] ties listening sockets
//! to a sandbox, [`proxy`] serves them: a `tunnel`, which is opened (`opened`) where it can be, a request that is
//! forwarded, or the internal host with its [`git_endpoint`], what an environment file adds to that ([`dependency`]),
//! the contents that pointers in repositories stand for ([`large_files`]), and models for programs inside ([`model_endpoint`]). For what knows no proxy, [`dns`] gives out addresses that stand for [`names`], and
//! [`transparent`] serves the connections to them.

pub mod host;
pub mod pattern;
pub mod policy;
pub mod packages;
pub mod address;
pub mod spelling;
pub mod swap;
pub mod grant;
pub mod aws;
pub mod budget;
pub mod reading;
pub mod audit;
pub mod witness;
pub mod resolve;
pub mod tls;
pub mod repository;
pub mod attach;
pub mod proxy;
pub mod names;
pub mod dns;
pub mod transparent;
mod heads;
mod bodies;
mod dial;
mod far;
mod traffic;
mod splice;
mod hello;
mod tunnel;
mod opened;
mod forward;
mod websocket;
mod reply;
mod internal;
pub mod git_endpoint;
pub mod dependency;
pub mod large_files;
pub mod model_endpoint;
mod upload;
mod unpack;
mod push;
mod pkt;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
