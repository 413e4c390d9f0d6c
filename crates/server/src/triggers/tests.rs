//! Who may steer, with which words, and what all others achieve: nothing.

mod command;
mod decide;
mod hosts;
mod untrusted;
