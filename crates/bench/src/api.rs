//! The public API as a client uses it.

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(60);

/// A client with the installation's own token.
#[derive(Clone)]
pub struct Api {
    /// The server's address.
    pub base: String,
    /// The installation's own token.
    pub token: String,
    client: Client,
}

/// An HTTP client without proxies.
pub fn client() -> Result<Client> {
    Client::builder().no_proxy().tcp_nodelay(true).build().context("make an HTTP client")
}

impl Api {
    /// A client of this server.
    pub fn new(base: &str, token: &str) -> Result<Self> {
        Ok(Self { base: base.to_owned(), token: token.to_owned(), client: client()? })
    }

    /// A request with the key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let (status, body) = answer(self.request(Method::GET, path)).await?;
        success("GET", path, status, body)
    }

    /// Sends JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let (status, body) = answer(self.request(Method::POST, path).json(body)).await?;
        success("POST", path, status, body)
    }

    /// Removes.
    pub async fn delete(&self, path: &str) -> Result<()> {
        let (status, body) = answer(self.request(Method::DELETE, path)).await?;
        success("DELETE", path, status, body).map(drop)
    }

    /// Whether there is something at a path.
    pub async fn is_there(&self, path: &str) -> Result<bool> {
        Ok(answer(self.request(Method::GET, path)).await?.0 != 404)
    }
}

async fn answer(request: RequestBuilder) -> Result<(u16, String)> {
    let response = request.timeout(ANSWER).send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

fn success(method: &str, path: &str, status: u16, body: String) -> Result<Value> {
    if !(200..300).contains(&status) {
        bail!("{method} {path}: {status} {body}");
    }
    Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
}
