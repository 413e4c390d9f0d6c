//! Keys in the operating system's keychain: the Keychain of macOS, the Secret Service of a Linux desktop.
//!
//! Each call runs on a thread of its own: the D-Bus client blocks, which a runtime does not allow.

#[cfg(test)]
use fake::Entry;
#[cfg(not(test))]
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

/// A keychain in memory: tests must not touch a person's own, and most machines that test have none.
#[cfg(test)]
mod fake {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    static KEYS: Mutex<BTreeMap<(String, String), String>> = Mutex::new(BTreeMap::new());

    pub struct Entry(String, String);

    impl Entry {
        pub fn new(service: &str, account: &str) -> Result<Self, String> {
            Ok(Self(service.to_owned(), account.to_owned()))
        }

        pub fn set_password(&self, password: &str) -> Result<(), String> {
            keys().insert(self.key(), password.to_owned());
            Ok(())
        }

        pub fn get_password(&self) -> Result<String, String> {
            keys().get(&self.key()).cloned().ok_or_else(|| "there is no such entry".to_owned())
        }

        pub fn delete_credential(&self) -> Result<(), String> {
            keys().remove(&self.key()).map(drop).ok_or_else(|| "there is no such entry".to_owned())
        }

        fn key(&self) -> (String, String) {
            (self.0.clone(), self.1.clone())
        }
    }

    fn keys() -> MutexGuard<'static, BTreeMap<(String, String), String>> {
        KEYS.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
