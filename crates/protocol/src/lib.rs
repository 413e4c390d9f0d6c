//! Every word that crosses a process: ids, events, inputs, limits, the guest link and the public API.
//!
//! Read in this order: [`ids`] names things, [`content`] is what a conversation is made of,
//! [`event`] is what happened (durable), [`delta`] what is seen live only, [`input`] what may be
//! asked of an agent, [`failure`] how things go wrong, [`flow`] what an agent has read and
//! could carry out, [`limits`] every limit with its name,
//! [`environment`] what a repository says about its machine, [`link`] how the server speaks to a
//! guest, [`record`] what is signed about a pushed commit, [`api`] the public HTTP bodies.
//!
//! Plain data only: no IO, no clock, no randomness (ids are minted from values passed in).

pub mod ids;
pub mod content;
pub mod event;
pub mod delta;
pub mod input;
pub mod failure;
pub mod flow;
pub mod process;
pub mod limits;
pub mod environment;
pub mod link;
pub mod record;
#[cfg(feature = "api")]
pub mod api;
