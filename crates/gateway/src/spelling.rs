//! How programs write a secret into files, requests and answers. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeSet;

/// Bytes of a secret that can be told from chance; shorter ones occur everywhere.
pub const LEAST_BYTES: usize = 8;
/// What addresses leave as it is, besides letters and digits.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A secret as it is, and as programs write it: base64 wherever it stands in what is encoded, hexadecimal,
/// percent signs, JSON.
pub fn spellings(secret: &str) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::from([secret.as_bytes().to_vec()]);
    for before in 0..3 {
        let shifted = [vec![0; before], secret.as_bytes().to_vec()].concat();
        // The signs at both ends depend on what stands beside the secret.
        let whole = shifted.len() / 3 * 4;
        let first = [0, 2, 3].get(before).copied().unwrap_or_default();
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            if let Some(sure) = encoded.get(first..whole).filter(|sure| sure.len() >= LEAST_BYTES) {
                all.insert(sure.as_bytes().to_vec());
            }
        }
    }
    all.insert(hex::encode(secret).into_bytes());
    all.insert(hex::encode_upper(secret).into_bytes());
    all.insert(utf8_percent_encode(secret, UNRESERVED).to_string().into_bytes());
    let json = serde_json::Value::from(secret).to_string();
    all.insert(json.trim_matches('"').as_bytes().to_vec());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_secret_is_found_wherever_it_stands() {
        let secret = "s3cr\"t+value/é";
        let all = spellings(secret);
        let holds = |text: &str| {
            all.iter().any(|spelling| {
                text.as_bytes().windows(spelling.len()).any(|part| part == spelling.as_slice())
            })
        };
        for before in ["", "u", "us", "user:", "somebody:"] {
            for after in ["", "x", "xy", "xyz"] {
                let text = format!("{before}{secret}{after}");
                assert!(holds(&STANDARD_NO_PAD.encode(&text)), "base64 of {text}");
                assert!(holds(&URL_SAFE_NO_PAD.encode(&text)), "base64url of {text}");
                assert!(holds(&hex::encode(&text)) && holds(&hex::encode_upper(&text)));
            }
        }
        assert!(holds("https://u:s3cr%22t%2Bvalue%2F%C3%A9@host/"));
        assert!(holds(&serde_json::json!({"token": secret}).to_string()));
        assert!(!holds("s3cr\"t+valu"));
    }
}
