//! What a diff holds that a person should look at, and what may not leave at all. Pure: files in, findings out.
//!
//! Read in this order: [`change`] is what is looked at; [`gate`] is what may not leave.

pub mod change;
pub mod gate;
