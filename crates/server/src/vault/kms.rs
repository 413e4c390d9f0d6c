//! Keys of the vault that AWS KMS opens: only what it encrypted lies on the disk.
//!
//! TRUST: KMS is told which generation a key is of (its encryption context), and refuses to open it as another one.

use crate::aws::base::Base;
use crate::aws::question::{Failed, Question, SHOWN};
use crate::config::{AwsConfig, VaultConfig};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::http::HttpClient;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::vault::{Asked, KeyService, MadeKey};

/// What KMS speaks.
const JSON: &str = "application/x-amz-json-1.1";

/// KMS, asked as the server.
pub struct Kms {
    vault: VaultConfig,
    aws: AwsConfig,
    http: HttpClient,
}

/// What lies on the disk.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnDisk {
    kms_key: String,
    ciphertext: String,
}

impl Kms {
    /// As configured.
    pub fn new(vault: &VaultConfig, aws: &AwsConfig, http: HttpClient) -> Self {
        Self { vault: vault.clone(), aws: aws.clone(), http }
    }

    async fn ask(&self, arn: &str, action: &str, body: Value) -> Result<Answer, String> {
        let base =
            Base::read(&self.aws).await.map_err(|why| format!("{why}; see docs/secrets.md"))?;
        let url = self.vault.kms(arn).map_err(|error| format!("{error:#}"))?;
        let target = format!("TrentService.{action}");
        let question = Question {
            url,
            scope: (VaultConfig::region(arn).unwrap_or_default(), "kms"),
            headers: &[("content-type", JSON), ("x-amz-target", &target)],
            body: body.to_string(),
        };
        let (status, answer) = question.ask(&self.http, &base).await.map_err(|why| told(&why))?;
        let answer = SecretString::from(answer);
        if status.is_success() {
            let unread = |_| told(&Failed::Unanswered("its answer cannot be read".to_owned()));
            return serde_json::from_str(answer.expose_secret()).map_err(unread);
        }
        let refused: Refused = serde_json::from_str(answer.expose_secret()).unwrap_or_default();
        if refused.code.is_empty() || !status.is_client_error() {
            return Err(told(&Failed::Unanswered(format!("it answered {status}"))));
        }
        let short = |text: &str| text.chars().take(SHOWN).collect();
        let code = refused.code.rsplit('#').next().unwrap_or_default();
        Err(told(&Failed::Refused { code: short(code), message: short(&refused.message) }))
    }
}

/// What KMS says.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    ciphertext_blob: String,
    key_id: String,
    plaintext: String,
}

impl Answer {
    fn key(self) -> Result<SecretSlice<u8>, String> {
        let text = SecretString::from(self.plaintext);
        let key = STANDARD.decode(text.expose_secret());
        key.map(Into::into).map_err(|_| "the key in the answer of KMS cannot be read".to_owned())
    }
}

/// Why it did not do it.
#[derive(Deserialize, Default)]
struct Refused {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

/// What a key is bound to.
fn context(generation: u64) -> Value {
    json!({ "errand": "vault", "generation": generation.to_string() })
}

impl KeyService for Kms {
    fn makes(&self) -> bool {
        !self.vault.kms_key.is_empty()
    }

    fn make(&self, generation: u64) -> Asked<'_, MadeKey> {
        Box::pin(async move {
            let wanted = &self.vault.kms_key;
            let body = json!({
                "KeyId": wanted, "KeySpec": "AES_256", "EncryptionContext": context(generation),
            });
            let mut answer = self.ask(wanted, "GenerateDataKey", body).await?;
            // An alias may name another key one day; this is the one that opens it.
            let kms_key = std::mem::take(&mut answer.key_id);
            let ciphertext = std::mem::take(&mut answer.ciphertext_blob);
            let kept = serde_json::to_vec(&OnDisk { kms_key, ciphertext });
            let kept = kept.map_err(|error| error.to_string())?;
            Ok(MadeKey { key: answer.key()?, kept })
        })
    }

    fn open<'a>(&'a self, generation: u64, kept: &'a [u8]) -> Asked<'a, SecretSlice<u8>> {
        Box::pin(async move {
            let unread = |error| format!("it is not what was kept: {error}");
            let OnDisk { kms_key, ciphertext } = serde_json::from_slice(kept).map_err(unread)?;
            let body = json!({
                "KeyId": kms_key, "CiphertextBlob": ciphertext, "EncryptionContext": context(generation),
            });
            self.ask(&kms_key, "Decrypt", body).await?.key()
        })
    }

    fn name(&self, kept: &[u8]) -> String {
        let on_disk: Option<OnDisk> = serde_json::from_slice(kept).ok();
        on_disk.map(|on_disk| on_disk.kms_key).unwrap_or_default()
    }
}

/// What went wrong, and what to do about it, for the operator.
fn told(failed: &Failed) -> String {
    match failed {
        Failed::NoBase(why) => why.clone(),
        Failed::Unanswered(why) => {
            format!("KMS gave no answer ({why}); the server needs a way to it, and a right clock")
        }
        Failed::Refused { code, message } => {
            let what = match code.as_str() {
                "AccessDeniedException" => {
                    "the server's principal needs kms:GenerateDataKey and kms:Decrypt on the key"
                }
                "NotFoundException" => "check vault.kms_key and its region",
                "DisabledException" | "KMSInvalidStateException" => {
                    "the key is disabled, or is to be deleted: enable it at AWS"
                }
                "InvalidCiphertextException" | "IncorrectKeyException" => {
                    "the file was changed or is of another generation: put it back from your backup"
                }
                _ => "check [aws] and [vault] in errand.toml",
            };
            format!("KMS refused ({code}: {message}); {what}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_with_what_to_do() {
        let refused = r#"{"__type":"com.amazon#AccessDeniedException","Message":"not you"}"#;
        let refused: Refused = serde_json::from_str(refused).unwrap();
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("com.amazon#AccessDeniedException", "not you")
        );
        let code = "AccessDeniedException".to_owned();
        let words = told(&Failed::Refused { code, message: refused.message });
        assert!(words.contains("not you") && words.contains("kms:Decrypt"), "{words}");
    }
}
