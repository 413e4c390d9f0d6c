//! Files as they are: downloads into a file, uploads from one.

use super::Client;
use crate::commands::cp::beside;
use crate::exit::Trouble;
use anyhow::{Context as _, Result};
use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// A transfer in which nothing moves for so long is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Longest wait until an upload is stored, beside one second for each megabyte.
const STORE_MAX: Duration = Duration::from_secs(120);

impl Client {
    /// Writes what is there into `target`, which is whole or as it was. Tells bytes as they come.
    pub async fn download(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        target: &Path,
        mut tell: impl FnMut(u64) -> std::io::Result<()>,
    ) -> Result<u64> {
        let request = self.request(Method::GET, path, query)?;
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let mut response = self.accepted(response).await?;
        let attempt = || format!("write {}", target.display());
        let part = beside(target);
        let mut file = tokio::fs::File::create(&part).await.with_context(attempt)?;
        let mut done = 0;
        let outcome = loop {
            match tokio::time::timeout(SILENCE_MAX, response.chunk()).await {
                Err(_) => break Err(Trouble::unreachable("the download stands still").into()),
                Ok(Err(error)) => break Err(self.unreachable(&error).into()),
                Ok(Ok(None)) => break Ok(done),
                Ok(Ok(Some(bytes))) => {
                    file.write_all(&bytes).await.with_context(attempt)?;
                    done += bytes.len() as u64;
                    tell(done)?;
                }
            }
        };
        file.flush().await.with_context(attempt)?;
        drop(file);
        if outcome.is_ok() {
            tokio::fs::rename(&part, target).await.with_context(attempt)?;
        } else {
            // A part that cannot be removed is in nobody's way.
            tokio::fs::remove_file(&part).await.ok();
        }
        outcome
    }

    /// Puts the bytes of a file there.
    pub async fn upload(&self, path: &[&str], query: &[(&str, String)], from: &Path) -> Result<()> {
        self.send_file(self.request(Method::PUT, path, query)?, from).await.map(drop)
    }

    /// Posts the bytes of a file.
    pub async fn post_file<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        from: &Path,
    ) -> Result<T> {
        let response = self.send_file(self.request(Method::POST, path, query)?, from).await?;
        Ok(response.json().await.map_err(|error| self.unreachable(&error))?)
    }

    async fn send_file(&self, request: RequestBuilder, from: &Path) -> Result<Response> {
        let attempt = || format!("read {}", from.display());
        let file = tokio::fs::File::open(from).await.with_context(attempt)?;
        let length = file.metadata().await.with_context(attempt)?.len();
        let request = request
            .header(reqwest::header::CONTENT_LENGTH, length)
            .timeout(STORE_MAX + Duration::from_secs(length / 1_000_000))
            .body(file);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        Ok(self.accepted(response).await?)
    }
}
