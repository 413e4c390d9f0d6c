//! Real sandboxes on this host, with a stand-in guest.
//!
//! Whatever is tried inside, is tried inside a user namespace: the launcher knows no other way. The
//! host's settings, mounts, control groups and processes are compared before and after.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside test functions"
)]

mod it {
    pub mod bench;
    mod abuse;
    mod base;
    mod certificate;
    mod far_end;
    mod guest;
    mod host;
    mod layers;
    mod life;
    mod network;
    mod oci;
    mod portable;
    mod posture;
    mod shared;
}
