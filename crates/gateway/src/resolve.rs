//! From a judged name to addresses: asked once per connection, and never for a denied name.

use futures::future::BoxFuture;
use std::net::IpAddr;

/// Resolves names for the gateway.
pub trait Resolver: Send + Sync {
    /// The addresses of a canonical name, in the order to try them.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>>;
}

/// The resolver of the machine that the server runs on.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            // The final dot keeps the machine's search list out: the name judged is the name asked.
            let absolute = format!("{name}.");
            let found = tokio::net::lookup_host((absolute.as_str(), 0)).await?;
            Ok(found.map(|socket| socket.ip()).collect())
        })
    }
}
