//! Makes sandboxes: the leased machines in which agents work.
//!
//! [`provider`] is the contract every back end keeps and says who owes what, [`isolation`] how well
//! a machine is walled in, [`local`] the embedded back end for one Linux host, [`conformance`] the
//! suite that every back end must pass.

pub mod provider;
pub mod isolation;
pub mod local;
pub mod conformance;
pub mod link;
