//! A commit's own signature, checked without git and without `ssh-keygen`. Pure.

use super::envelope::Doubt;
use super::signers::{NAMESPACE, Signers};
use git::name::{CommitId, ObjectFormat};
use russh::keys::PublicKey;
use russh::keys::ssh_key::SshSig;

/// Whose signature the commit has, which must hold, and be of somebody who may sign. The bytes are those by which the
/// commit is named.
pub fn check(id: &CommitId, bytes: &[u8], signers: &Signers) -> Result<String, Doubt> {
    let header = match ObjectFormat::of(id.as_str()) {
        ObjectFormat::Sha1 => "gpgsig",
        ObjectFormat::Sha256 => "gpgsig-sha256",
    };
    let (payload, signature) = split(bytes, header)?;
    let none = |_| Doubt("it has no signature of SSH".to_owned());
    let signature = SshSig::from_pem(signature).map_err(none)?;
    let key = PublicKey::from(signature.public_key().clone());
    key.verify(NAMESPACE, &payload, &signature)
        .map_err(|_| Doubt("its signature is not of this content".to_owned()))?;
    let at = seconds(&payload).ok_or_else(|| Doubt("it does not say when".to_owned()))?;
    signers.allowed(&key, NAMESPACE, at).map(str::to_owned)
}

/// What was signed, and the signature.
fn split(bytes: &[u8], header: &str) -> Result<(Vec<u8>, Vec<u8>), Doubt> {
    let (mut payload, mut signature) = (Vec::with_capacity(bytes.len()), Vec::new());
    let (mut is_inside, mut is_head, mut found) = (false, true, 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        is_inside = is_inside && line.starts_with(b" ");
        if is_head && is_inside {
            signature.extend_from_slice(line.get(1..).unwrap_or_default());
            continue;
        }
        is_head = is_head && line != b"\n";
        let value = line.strip_prefix(header.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
        match value.filter(|_| is_head) {
            Some(value) => {
                (is_inside, found) = (true, found + 1);
                signature.extend_from_slice(value);
            }
            None => payload.extend_from_slice(line),
        }
    }
    match found {
        1 => Ok((payload, signature)),
        0 => Err(Doubt("it is not signed".to_owned())),
        _ => Err(Doubt("it has several signatures".to_owned())),
    }
}

/// When the commit was made, by its own word.
fn seconds(payload: &[u8]) -> Option<i64> {
    let text = String::from_utf8_lossy(payload);
    let head = text.split("\n\n").next()?;
    let line = head.lines().find(|line| line.starts_with("committer "))?;
    line.rsplit(' ').nth(1)?.parse().ok()
}
