//! From a judged name to an open connection: resolve once, judge every address, dial exactly those.

use crate::address::{Floor, Upstream};
use crate::host::{Authority, Host};
use crate::policy::{Denial, address_denial};
use crate::resolve::Resolver;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;

/// Time to resolve a name.
const RESOLVE_TIME: Duration = Duration::from_secs(10);
/// Time to connect to one address.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const ADDRESSES_TRIED: usize = 4;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoConnection {
    /// The name leads to where nobody may go.
    Denied(Denial),
    /// It may be reached but cannot: plain words.
    Failed(String),
}

/// Connects to a destination that was already judged by name.
pub(crate) async fn dial(
    target: &Authority,
    floor: &Floor,
    resolver: &dyn Resolver,
) -> Result<TcpStream, NoConnection> {
    let mut last = "it has no address".to_owned();
    for socket in candidates(target, floor, resolver).await? {
        match tokio::time::timeout(CONNECT_TIME, TcpStream::connect(socket)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = "no answer in time".to_owned(),
        }
    }
    Err(NoConnection::Failed(format!("Errand could not connect to {target}: {last}.")))
}

/// The addresses that may be dialled. Whoever answers for the name twice with different addresses
/// gains nothing: it is asked once, and what was judged is what is dialled.
pub(crate) async fn candidates(
    target: &Authority,
    floor: &Floor,
    resolver: &dyn Resolver,
) -> Result<Vec<SocketAddr>, NoConnection> {
    if let Some(Upstream { address, port }) = floor.upstream(&target.host) {
        return Ok(vec![SocketAddr::new(address, port.unwrap_or(target.port))]);
    }
    let addresses = match &target.host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => resolve(name, target, resolver).await?,
    };
    let mut allowed = Vec::new();
    let mut denied = None;
    for address in addresses {
        match floor.judge(address) {
            Ok(()) => allowed.push(SocketAddr::new(address, target.port)),
            Err(reason) => denied = Some(address_denial(target, address, reason)),
        }
    }
    allowed.truncate(ADDRESSES_TRIED);
    match denied {
        Some(denial) if allowed.is_empty() => Err(NoConnection::Denied(denial)),
        _ => Ok(allowed),
    }
}

async fn resolve(
    name: &str,
    target: &Authority,
    resolver: &dyn Resolver,
) -> Result<Vec<IpAddr>, NoConnection> {
    let failed = |why: String| {
        NoConnection::Failed(format!("Errand could not find the address of {target}: {why}."))
    };
    match tokio::time::timeout(RESOLVE_TIME, resolver.resolve(name)).await {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("no answer in time".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::BoxFuture;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Answers the same list to every question and counts the questions.
    struct Answers(Vec<IpAddr>, AtomicU32);

    impl Resolver for Answers {
        fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Ok(self.0.clone()) })
        }
    }

    #[tokio::test]
    async fn only_judged_addresses_are_left_to_dial() {
        let table: [(&[&str], &[&str]); 3] = [
            (
                &["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111"],
                &["1.1.1.1:443", "[2606:4700::1111]:443"],
            ),
            (&["::ffff:127.0.0.1"], &[]),
            (
                &["8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.4", "8.8.8.5"],
                &["8.8.8.1:443", "8.8.8.2:443", "8.8.8.3:443", "8.8.8.4:443"],
            ),
        ];
        let target = Authority::parse("mixed.example:443", None).unwrap();
        for (answers, expected) in table {
            let answers = answers.iter().map(|text| text.parse().unwrap()).collect();
            let resolver = Answers(answers, AtomicU32::new(0));
            let found = candidates(&target, &Floor::default(), &resolver).await;
            let shown: Vec<String> =
                found.unwrap_or_default().iter().map(ToString::to_string).collect();
            assert_eq!(shown, expected);
            assert_eq!(resolver.1.load(Ordering::Relaxed), 1);
        }
    }
}
