//! Keys in the operating system's keychain: the Keychain of macOS, the Secret Service of a Linux desktop.
//!
//! Each call runs on a thread of its own: the D-Bus client blocks, which a runtime does not allow.

use keyring::v1::Entry;

/// Under which name keys are listed there.
const SERVICE: &str = "errand";

/// Puts a key there.
pub fn store(account: &str, token: &str) -> Result<(), String> {
    apart(|| entry(account)?.set_password(token).map_err(|error| error.to_string()))
}

/// The key of this account.
pub fn read(account: &str) -> Result<String, String> {
    apart(|| entry(account)?.get_password().map_err(|error| error.to_string()))
}

/// Removes the key of this account; a keychain that has none or is gone is as good.
pub fn forget(account: &str) {
    drop(apart(|| entry(account)?.delete_credential().map_err(|error| error.to_string())));
}

fn entry(account: &str) -> Result<Entry, String> {
    Entry::new(SERVICE, account).map_err(|error| error.to_string())
}

fn apart<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        scope.spawn(work).join().unwrap_or_else(|_| Err("it failed".to_owned()))
    })
}
