//! A statement in its envelope: signed, and checked. Pure.
//!
//! The signature is plain Ed25519 over DSSE's encoding, so whatever reads DSSE checks it, and `openssl` and Python do
//! with the key's 32 bytes. A signature of SSH would have needed `ssh-keygen` of everybody. The key is the one that
//! signs commits, and none of the two can be taken for the other: what SSH signs begins with `SSHSIG`, this with
//! `DSSEv1`.
//!
//! TRUST: a record is checked as bytes. What reads the same and is written in another way is refused, so whatever is
//! changed in it shows, also what the signature does not cover.

use super::signers::{NAMESPACE, Signers};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git::name::CommitId;
use protocol::limits::RECORD_BYTES;
use protocol::record::{
    Envelope, EnvelopeSignature, PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, Statement,
};
use russh::keys::signature::Verifier as _;
use russh::keys::ssh_key::{Algorithm, HashAlg, Signature};
use sha2::{Digest as _, Sha256};

/// Why a record, a commit or a list of signers does not hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Doubt(pub String);

/// A record whose signature holds.
#[derive(Debug)]
pub struct Checked {
    /// What it says.
    pub statement: Statement,
    /// The commit that it is about.
    pub commit: CommitId,
    /// The key's fingerprint.
    pub key: String,
    /// Whose key the list says it is.
    pub signer: String,
}

/// Signs bytes with Ed25519.
pub trait RawSigner {
    /// The key's fingerprint.
    fn fingerprint(&self) -> String;
    /// The signature.
    fn sign_raw(&self, bytes: &[u8]) -> anyhow::Result<Vec<u8>>;
}

/// The bytes of a record.
pub fn seal(statement: &Statement, signer: &impl RawSigner) -> anyhow::Result<String> {
    let payload = serde_json::to_vec(statement)?;
    let signature = signer.sign_raw(&encoding(PAYLOAD_TYPE, &payload))?;
    let envelope = Envelope {
        payload: STANDARD.encode(payload),
        payload_type: PAYLOAD_TYPE.to_owned(),
        signatures: vec![EnvelopeSignature {
            keyid: signer.fingerprint(),
            sig: STANDARD.encode(signature),
        }],
    };
    Ok(serde_json::to_string(&envelope)?)
}

/// What names a record.
pub fn digest(record: &str) -> String {
    hex::encode(Sha256::digest(record.as_bytes()))
}

/// What a record says, whoever signed it.
pub fn peek(record: &str) -> Result<(Statement, String), Doubt> {
    let envelope: Envelope = serde_json::from_str(record).map_err(|_| no_record())?;
    let key = envelope.signatures.into_iter().next().map(|signature| signature.keyid);
    Ok((statement(&decoded(&envelope.payload)?)?, key.unwrap_or_default()))
}

/// Checks a record's signature, and that its signer was allowed to when it was made.
pub fn check(record: &[u8], signers: &Signers) -> Result<Checked, Doubt> {
    if record.len() > RECORD_BYTES {
        return Err(Doubt(format!("it has more than {RECORD_BYTES} bytes")));
    }
    // A file may end like a text.
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    let envelope: Envelope = serde_json::from_slice(record).map_err(|_| no_record())?;
    if serde_json::to_vec(&envelope).ok().as_deref() != Some(record) {
        return Err(Doubt("it is written in another way than Errand writes it".to_owned()));
    }
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(Doubt("it says that something else is inside".to_owned()));
    }
    let [signed] = envelope.signatures.as_slice() else {
        return Err(Doubt("it has not exactly one signature".to_owned()));
    };
    let payload = decoded(&envelope.payload)?;
    let signature = Signature::new(Algorithm::Ed25519, decoded(&signed.sig)?);
    let signature = signature.map_err(|_| Doubt("its signature is none".to_owned()))?;
    let key = signers
        .keys()
        .find(|key| key.fingerprint(HashAlg::Sha256).to_string() == signed.keyid)
        .ok_or_else(|| Doubt("its key is not on the list of allowed signers".to_owned()))?;
    key.key_data()
        .verify(&encoding(PAYLOAD_TYPE, &payload), &signature)
        .map_err(|_| Doubt("its signature is not of this content".to_owned()))?;
    // TRUST: nothing of the content is looked at before this line.
    let statement = statement(&payload)?;
    let commit = commit(&statement)?;
    let at: jiff::Timestamp =
        statement.predicate.at.parse().map_err(|_| Doubt("it does not say when".to_owned()))?;
    let signer = signers.allowed(key, NAMESPACE, at.as_second())?.to_owned();
    Ok(Checked { commit, key: signed.keyid.clone(), signer, statement })
}

fn no_record() -> Doubt {
    Doubt("it is no record of a run".to_owned())
}

fn decoded(text: &str) -> Result<Vec<u8>, Doubt> {
    STANDARD.decode(text).map_err(|_| no_record())
}

fn statement(payload: &[u8]) -> Result<Statement, Doubt> {
    let statement: Statement = serde_json::from_slice(payload).map_err(|_| no_record())?;
    let is_ours = statement.kind == STATEMENT_TYPE && statement.predicate_type == PREDICATE_TYPE;
    if is_ours { Ok(statement) } else { Err(no_record()) }
}

fn commit(statement: &Statement) -> Result<CommitId, Doubt> {
    let [subject] = statement.subject.as_slice() else {
        return Err(Doubt("it is not about exactly one commit".to_owned()));
    };
    CommitId::parse(&subject.digest.git_commit).map_err(|_| no_record())
}

/// What DSSE has signed: the type and the content, each with its length.
fn encoding(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}
