//! The one HTTP client: shared connection pool, TLS by ring, limits on waiting.

use std::sync::Once;
use std::time::Duration;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept for the next request.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Longest wait for the next byte; reasoning models may think that long in silence.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);
/// How we name ourselves.
const USER_AGENT: &str = concat!("errand/", env!("CARGO_PKG_VERSION"));

/// Makes ring the process-wide TLS provider. Harmless when called again.
pub fn install_crypto() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("another TLS provider was installed before");
        }
    });
}

/// The HTTP client that everybody shares; cloning it shares the connection pool.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    stall_timeout: Duration,
}

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client")]
pub struct HttpClientError(#[source] reqwest::Error);

impl HttpClient {
    /// Makes the client; once per process.
    pub fn new() -> Result<Self, HttpClientError> {
        install_crypto();
        let client = builder().build().or_else(|error| {
            // A machine without certificate authorities can still reach http:// addresses; trusting
            // nobody is stricter, never weaker.
            tracing::warn!(%error, "no certificate authorities found, https requests will fail: install ca-certificates");
            builder().tls_certs_only([]).build()
        });
        Ok(Self { client: client.map_err(HttpClientError)?, stall_timeout: STALL_TIMEOUT })
    }

    /// The same client with another limit on silence.
    #[must_use]
    pub fn with_stall_timeout(mut self, stall_timeout: Duration) -> Self {
        self.stall_timeout = stall_timeout;
        self
    }

    /// The client underneath, for requests to others than models.
    pub const fn inner(&self) -> &reqwest::Client {
        &self.client
    }

    /// Longest wait for the next byte of an answer.
    pub const fn stall_timeout(&self) -> Duration {
        self.stall_timeout
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tcp_nodelay(true)
        // TRUST: a redirect could carry a key or a prompt to a host nobody configured.
        .redirect(reqwest::redirect::Policy::none())
}
