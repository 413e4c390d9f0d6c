//! What a diff holds that a person should look at, and what may not leave at all. Pure: files in, findings out.
//!
//! Read in this order: [`change`] is what is looked at.

pub mod change;
