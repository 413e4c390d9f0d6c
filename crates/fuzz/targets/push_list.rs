//! Lists of refs in a push.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::fuzzing::push_list(bytes));
