//! Keys in the operating system's keychain: the Keychain of macOS, the Secret Service of a Linux desktop.
//!
//! Each call runs on a thread of its own: the D-Bus client blocks, which a runtime does not allow.

use keyring::v1::Entry;

/// Under which name keys are listed there.
const SERVICE: &str = "errand";

/// Puts the key for this address there.
pub fn store(url: &str, token: &str) -> Result<(), String> {
    apart(|| entry(url)?.set_password(token).map_err(|error| error.to_string()))
}

/// The key for this address.
pub fn read(url: &str) -> Result<String, String> {
    apart(|| entry(url)?.get_password().map_err(|error| error.to_string()))
}

/// Removes the key for this address; a keychain that has none or is gone is as good.
pub fn forget(url: &str) {
    drop(apart(|| entry(url)?.delete_credential().map_err(|error| error.to_string())));
}

fn entry(url: &str) -> Result<Entry, String> {
    Entry::new(SERVICE, url).map_err(|error| error.to_string())
}

fn apart<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        scope.spawn(work).join().unwrap_or_else(|_| Err("it failed".to_owned()))
    })
}
