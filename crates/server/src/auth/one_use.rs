//! What works once and for a short while: codes that sign a browser in, tickets that open a socket.
//!
//! Only digests are held, in memory: after a restart the page asks for another one.

use anyhow::{Context, Result};
use protocol::limits::UNUSED_TICKETS;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// A fresh token of 256 random bits, in letters that headers and addresses take.
pub fn random_token() -> Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).context("get random bytes")?;
    Ok(hex::encode(bytes))
}

/// The digest under which a token is known.
///
/// TRUST: a token has 256 random bits, so a plain digest cannot be guessed back and comparing digests
/// tells nothing about a token.
pub fn digest(token: &str) -> String {
    blake3::hash(token.as_bytes()).to_hex().to_string()
}

/// Tokens that were given out and not used yet.
#[derive(Debug)]
pub struct OneUse<T> {
    life_ms: u64,
    waiting: Mutex<HashMap<String, Waiting<T>>>,
}

#[derive(Debug)]
struct Waiting<T> {
    owner: String,
    value: T,
    expires_ms: i64,
}

/// A token and its end.
pub struct Issued {
    /// Shown to the caller, kept nowhere.
    pub token: String,
    /// When it stops working.
    pub expires_ms: i64,
}

impl<T> OneUse<T> {
    /// Tokens that live this long.
    pub fn new(life_ms: u64) -> Self {
        Self { life_ms, waiting: Mutex::default() }
    }

    /// A token for this value; none = the owner has too many that wait.
    pub fn issue(&self, owner: &str, value: T, now_ms: i64) -> Result<Option<Issued>> {
        let token = random_token()?;
        let expires_ms = now_ms.saturating_add_unsigned(self.life_ms);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, waiting| waiting.expires_ms > now_ms);
        if waiting.values().filter(|waiting| waiting.owner == owner).count() >= UNUSED_TICKETS {
            return Ok(None);
        }
        waiting.insert(digest(&token), Waiting { owner: owner.to_owned(), value, expires_ms });
        Ok(Some(Issued { token, expires_ms }))
    }

    /// What the token stands for; it does not work again.
    pub fn redeem(&self, token: &str, now_ms: i64) -> Option<T> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let found = waiting.remove(&digest(token))?;
        (found.expires_ms > now_ms).then_some(found.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_works_once_and_in_time() {
        let tickets = OneUse::new(30);
        let issued = tickets.issue("ada", 7, 1000).unwrap().unwrap();
        assert_eq!(issued.token.len(), 64);
        assert_eq!(tickets.redeem("another", 1001), None);
        assert_eq!(tickets.redeem(&issued.token, 1001), Some(7));
        assert_eq!(tickets.redeem(&issued.token, 1001), None);
        let late = tickets.issue("ada", 8, 1000).unwrap().unwrap();
        assert_eq!(tickets.redeem(&late.token, late.expires_ms), None);
    }

    #[test]
    fn one_owner_cannot_fill_the_place_of_others() {
        let tickets = OneUse::new(30);
        for _ in 0..UNUSED_TICKETS {
            assert!(tickets.issue("ada", (), 0).unwrap().is_some());
        }
        assert!(tickets.issue("ada", (), 0).unwrap().is_none());
        assert!(tickets.issue("bob", (), 0).unwrap().is_some());
        assert!(tickets.issue("ada", (), 30).unwrap().is_some(), "the old ones are over");
    }
}
