//! The public API as a client sees it: requests in, status, headers and JSON out.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

/// A client with a key.
#[derive(Debug, Clone)]
pub struct Api {
    /// Where the server answers.
    pub base: String,
    /// The key.
    pub token: String,
    client: Client,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, null where it was not JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
    what: String,
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text);
        self.body
    }

    /// The message, if the answer is an error of this status and code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> String {
        let error = &self.body["error"];
        assert_eq!(
            (self.status, error["code"].as_str()),
            (status, Some(code)),
            "{}: {}",
            self.what,
            self.text
        );
        error["message"].as_str().expect("a message").to_owned()
    }
}

/// A client without limits of its own and without proxies.
pub fn client() -> Client {
    // Whoever was first has installed the same.
    rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
    Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build().unwrap()
}

impl Api {
    /// A client of this server.
    pub fn new(base: &str, token: &str) -> Self {
        Self { base: base.to_owned(), token: token.to_owned(), client: client() }
    }

    /// The same with another key.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// A request without a key.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// A request with the key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        send(path, self.request(Method::GET, path)).await
    }

    /// Sends JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(path, self.request(Method::POST, path).json(body)).await
    }

    /// Sends nothing.
    pub async fn poke(&self, path: &str) -> Answer {
        send(path, self.request(Method::POST, path)).await
    }

    /// Removes.
    pub async fn delete(&self, path: &str) -> Answer {
        send(path, self.request(Method::DELETE, path)).await
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(what: &str, request: RequestBuilder) -> Answer {
    let response = request
        .timeout(Duration::from_secs(60))
        .send()
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, body, text, what: what.to_owned() }
}
