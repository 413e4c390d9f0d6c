//! Bytes to and from a server that are no JSON: pieces of uploads, and packs.

use super::Client;
use anyhow::Result;
use protocol::api::sync::Upload;
use reqwest::{Method, Response};
use serde::Serialize;
use std::time::Duration;

/// Longest wait for one piece to be taken.
const PIECE_TIMEOUT: Duration = Duration::from_secs(120);

impl Client {
    /// Sends a piece of an upload; nothing is tried again here.
    pub async fn piece(&self, id: &str, offset: u64, bytes: Vec<u8>) -> Result<Upload> {
        let request = self.request(Method::PATCH, &["uploads", id], &[])?;
        let request = request.header("upload-offset", offset).timeout(PIECE_TIMEOUT).body(bytes);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let response = self.accepted(response).await?;
        response.json().await.map_err(|error| self.odd(&error).into())
    }

    /// `GET` whose answer is a stream of bytes.
    pub async fn get_for_bytes(&self, path: &[&str]) -> Result<Response> {
        self.get_bytes_of(path, &[]).await
    }

    /// The same with a query.
    pub async fn get_bytes_of(&self, path: &[&str], query: &[(&str, String)]) -> Result<Response> {
        let request = self.request(Method::GET, path, query)?;
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        Ok(self.accepted(response).await?)
    }

    /// `POST` whose answer is a stream of bytes.
    pub async fn post_for_bytes(&self, path: &[&str], body: &impl Serialize) -> Result<Response> {
        let request = self.request(Method::POST, path, &[])?.json(body);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        Ok(self.accepted(response).await?)
    }
}
