//! The built-in harness: the loop that drives a model. It runs in the server and works in a sandbox
//! through traits, so it needs neither sandbox nor server to be tested.
//!
//! Read in this order: [`turn`] is what a run needs and `steps` the loop; [`workspace`] and [`journal`] are its hands and its
//! memory, implemented by the server. Inside: `transcript` folds the log into the conversation,
//! `ask` and `listen` speak with the model, `calls` carries out tool calls with `tools`, `context`
//! and [`instructions`] are what the model is told beforehand, `compact` and `limits` keep a run
//! within its bounds, `blame` says in plain words why a model failed.
//!
//! What is absent: no process is started here, no file opened, no clock read; nothing is kept that
//! is not a fold of the log.

pub mod turn;
pub mod workspace;
pub mod journal;
pub mod instructions;
mod steps;
mod log;
mod transcript;
mod said;
pub mod hidden;
mod context;
mod ask;
mod listen;
mod calls;
mod kept;
mod tools;
mod compact;
mod limits;
mod blame;
