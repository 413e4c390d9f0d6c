//! Several crates together, from outside.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, whose helpers stand outside of test functions"
)]

mod git_matrix;
