//! Transfers by curl, as programs in a sandbox make them.

use super::host::NAME;
use super::line::Way;
use crate::process::program;
use anyhow::{Context, Result, ensure};
use std::fs::File;
use tempfile::NamedTempFile;

/// A client that fetches and sends so many bytes.
pub struct Curl {
    bytes: u64,
    /// What is sent.
    file: NamedTempFile,
}

impl Curl {
    /// One for transfers of this size.
    pub fn new(bytes: u64) -> Result<Self> {
        let file = NamedTempFile::new()?;
        File::options().write(true).open(file.path())?.set_len(bytes)?;
        Ok(Self { bytes, file })
    }

    /// Seconds that one takes, with connecting.
    pub fn transfer(&self, way: &Way, direction: &str) -> Result<f64> {
        let mut curl = program("curl");
        curl.env_clear().args(["--silent", "--fail", "--http1.1", "--output", "/dev/null"]);
        curl.args(["--write-out", "%{time_total} %{size_download} %{size_upload}"]);
        let bytes = self.bytes;
        let (path, moved) = match direction {
            "down" => (format!("/{bytes}"), format!("{bytes} 0")),
            _ => ("/".to_owned(), format!("0 {bytes}")),
        };
        if direction == "up" {
            // Asking first whether the body is wanted is waiting, which is not what is measured.
            curl.arg("--upload-file").arg(self.file.path()).args(["--header", "expect:"]);
        }
        let (scheme, trusted) = match &way.trusted {
            Some(pem) => ("https", Some(pem_file(pem)?)),
            None => ("http", None),
        };
        if let Some(trusted) = &trusted {
            curl.arg("--cacert").arg(trusted.path());
        }
        let host = match &way.tunnel {
            Some(target) => {
                curl.args(["--proxytunnel", "--proxy", &way.address.to_string()]);
                target.clone()
            }
            None => {
                curl.args(["--connect-to", &format!("::{}", way.address)]);
                NAME.to_owned()
            }
        };
        let output = curl.arg(format!("{scheme}://{host}{path}")).output().context("run curl")?;
        ensure!(output.status.success(), "curl ended with {}", output.status);
        let said = String::from_utf8(output.stdout)?;
        let (seconds, counts) = said.split_once(' ').context("curl says its time")?;
        ensure!(counts == moved, "curl moved {counts} bytes instead of {moved}");
        seconds.parse().context("read curl's time")
    }
}

fn pem_file(pem: &str) -> Result<NamedTempFile> {
    let file = NamedTempFile::new()?;
    std::fs::write(file.path(), pem)?;
    Ok(file)
}
