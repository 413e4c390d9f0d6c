//! Placeholders across the borders of pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::fuzzing::swap(bytes));
