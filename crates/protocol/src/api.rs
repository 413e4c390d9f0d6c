//! The bodies of the public HTTP API.
