//! The only way out of a sandbox: an HTTP proxy that judges names and addresses, and the endpoint
//! through which an agent reaches its own repository.
//!
//! Read in this order: [`host`] is the one spelling of a host, [`policy`] judges names,
//! [`packages`] lists the registries, [`address`] judges what names resolve to, [`audit`] is told,
//! [`attach`] ties listening sockets to a sandbox, [`proxy`] serves them.

pub mod host;
pub mod policy;
pub mod packages;
pub mod address;
pub mod audit;
pub mod resolve;
