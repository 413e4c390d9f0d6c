//! What a diff holds that a person should look at, and what may not leave at all. Pure: files in, findings out.
//!
//! Read in this order: [`change`] is what is looked at; [`gate`] is what may not leave; [`rules`] say what they see as
//! [`finding`]s, [`score`] adds them up, and [`render`] writes both for people. [`judge`] is where a model may say something,
//! which counts nowhere.

pub mod change;
pub mod gate;
pub mod finding;
pub mod rules;
pub mod score;
pub mod judge;
pub mod render;
