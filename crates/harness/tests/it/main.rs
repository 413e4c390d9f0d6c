//! The loop against a real HTTP model, a real directory with real commands, and a log in memory.

mod crash;
mod limits;
mod people;
mod tools;
mod turns;
mod world;
