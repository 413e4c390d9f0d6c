//! Sums, and how much of a value is chance.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Bits that each byte carries, by how often each occurs.
pub(super) fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = value.len() as f64;
    let share = |count: &u32| f64::from(*count) / length;
    counts.iter().filter(|count| **count > 0).map(share).map(|p| -p * p.log2()).sum()
}

/// The checksum of zip and gzip.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

/// A number in six digits of base 62.
pub(super) fn base62(mut number: u32) -> String {
    let mut digits = vec!['0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((number % 62) as usize).map_or('0', |byte| char::from(*byte));
        number /= 62;
    }
    digits.into_iter().collect()
}

/// Whether the last six signs are the checksum of the others after the `_`, as some forges and registries have it.
pub(super) fn ends_in_base62_sum(token: &str) -> bool {
    token
        .rsplit_once('_')
        .and_then(|(_, rest)| rest.split_at_checked(rest.len().checked_sub(6)?))
        .is_some_and(|(random, sum)| random.len() >= 20 && base62(crc32(random.as_bytes())) == sum)
}

/// Whether a token with its signature says how it was signed, and is not the one that documentation shows.
pub(super) fn is_signed_token(token: &str) -> bool {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    let (Some(header), Some(payload)) = (parts.next(), parts.next()) else { return false };
    let (header, payload) = (String::from_utf8_lossy(&header), String::from_utf8_lossy(&payload));
    let header: String = header.split_whitespace().collect();
    header.contains("\"alg\":\"")
        && !header.to_ascii_lowercase().contains("\"alg\":\"none\"")
        && !["\"1234567890\"", "{\"some\":\"payload\"}"].iter().any(|shown| payload.contains(shown))
        && payload.starts_with('{')
}

/// Whether this is the base64 of a name and a password.
pub(super) fn is_login(value: &str) -> bool {
    let decoded = STANDARD.decode(value).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(&decoded) else { return false };
    text.split_once(':').is_some_and(|(name, password)| {
        let is_shown = text.chars().all(|c| c.is_ascii_graphic());
        is_shown && !name.is_empty() && password.len() >= 6 && !super::harmless::is_plain(password)
    })
}

/// Whether the first part is the base64 of a number, as chat bots have it.
pub(super) fn begins_with_a_number(token: &str) -> bool {
    let first = token.split('.').next().unwrap_or_default();
    let decoded = URL_SAFE_NO_PAD.decode(first).unwrap_or_default();
    decoded.len() >= 17 && decoded.iter().all(u8::is_ascii_digit)
}

/// Whether small and large letters and digits are mixed, as chance mixes them.
pub(super) fn is_mixed(value: &str) -> bool {
    let has = |of: fn(&u8) -> bool| value.as_bytes().iter().any(of);
    has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)
}

/// Whether small and large letters and digits follow one another as in a value of chance, and not as in a name.
pub(super) fn is_shuffled(value: &str) -> bool {
    let class =
        |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase(), byte.is_ascii_lowercase());
    let changes = value.as_bytes().windows(2).filter(|pair| match pair {
        [a, b] => class(*a) != class(*b),
        _ => false,
    });
    value.len() >= 16 && changes.count() * 2 >= value.len()
}
