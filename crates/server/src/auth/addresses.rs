//! Our own addresses: which `Host` a request may name, and which `Origin` is ours.
//!
//! TRUST: a page of a foreign name that resolves to this machine speaks to us with its own name as
//! `Host`. Names are compared without the port: whoever forwards a port keeps the name, and another
//! port of an allowed name is no way around what stands behind this.

use crate::config::Config;
use anyhow::{Context, Result, bail};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use url::Url;

/// The addresses of a running server.
#[derive(Debug)]
pub struct Addresses {
    /// Origin of the public address.
    public: String,
    public_host: String,
    is_secure: bool,
    names: BTreeSet<String>,
    /// It listens everywhere, so any address of the machine may be named; a number is nobody's name.
    any_number: bool,
    preview: String,
}

impl Addresses {
    /// From where it listens and what the configuration adds.
    pub fn new(config: &Config, listen: SocketAddr, public_url: &str) -> Result<Self> {
        let url = Url::parse(public_url)
            .with_context(|| format!("public_url: {public_url:?} is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            bail!("public_url: is {public_url:?}; choose an http or https address");
        }
        let public_host = url.host_str().map(plain).context("public_url: names no host")?;
        let mut names: BTreeSet<_> = [public_host.clone(), "localhost".to_owned()].into();
        names.extend(["127.0.0.1", "::1"].map(str::to_owned));
        names.insert(listen.ip().to_string());
        if let Some((name, _)) = config.listen.rsplit_once(':') {
            names.insert(plain(name));
        }
        for name in &config.api.hosts {
            let authority: Option<Authority> = name.parse().ok();
            let alone = authority.filter(|authority| authority.host().len() == name.len());
            let host = alone.with_context(|| {
                format!("api.hosts: {name:?} is not a host name; write it without scheme and port")
            })?;
            names.insert(plain(host.as_str()));
        }
        names.remove("0.0.0.0");
        names.remove("::");
        let preview = match config.preview.address.as_str() {
            "" => format!("http://*.preview.localhost:{}", listen.port()),
            address => preview(address)?,
        };
        Ok(Self {
            public: url.origin().ascii_serialization(),
            public_host,
            is_secure: url.scheme() == "https",
            names,
            any_number: listen.ip().is_unspecified(),
            preview,
        })
    }

    /// People use an https address.
    pub const fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Where previews appear, with `*` for the label.
    pub fn preview(&self) -> &str {
        &self.preview
    }

    /// Whether a `Host` names this server.
    pub fn is_ours(&self, authority: &Authority) -> bool {
        let host = plain(authority.host());
        self.names.contains(&host) || self.any_number && host.parse::<IpAddr>().is_ok()
    }

    /// Whether a page of this origin, answered under this `Host`, is our own.
    pub fn is_own_origin(&self, origin: &str, host: &Authority) -> bool {
        if origin.eq_ignore_ascii_case(&self.public) {
            return true;
        }
        let Some((scheme, name)) = origin.split_once("://") else { return false };
        let same = name.eq_ignore_ascii_case(host.as_str());
        match scheme {
            "https" => same,
            // TRUST: where the address is https, its plain twin may be anybody's on the way.
            "http" => same && !(self.is_secure && plain(host.host()) == self.public_host),
            _ => false,
        }
    }
}

fn preview(address: &str) -> Result<String> {
    let wrong =
        || format!("preview.address: {address:?}; write it like https://*.preview.example.com");
    let (scheme, rest) = address.split_once("://*.").with_context(wrong)?;
    let url = Url::parse(&format!("{scheme}://x.{rest}")).with_context(wrong)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !matches!(scheme, "http" | "https") || !bare || url.host_str().is_none() {
        bail!(wrong());
    }
    Ok(address.trim_end_matches('/').to_owned())
}

/// A name as it is compared: no brackets, no final dot, small letters.
fn plain(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// The one host that a request names.
pub fn host_of(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut named = headers.get_all(header::HOST).iter();
    let first = named.next().map(|value| value.to_str().ok()?.parse::<Authority>().ok());
    if named.next().is_some() {
        return None;
    }
    let host = match (uri.authority(), first) {
        (Some(authority), None) => authority.clone(),
        (Some(authority), Some(Some(host))) if *authority == host => host,
        (None, Some(Some(host))) => host,
        (Some(_), Some(_)) | (None, Some(None) | None) => return None,
    };
    (!host.as_str().contains('@')).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(listen: &str, public: &str, hosts: &[&str]) -> Addresses {
        let mut config = Config { listen: listen.to_owned(), ..Config::default() };
        config.api.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Addresses::new(&config, listen.parse().unwrap(), public).unwrap()
    }

    fn authority(text: &str) -> Authority {
        text.parse().unwrap()
    }

    #[test]
    fn only_our_own_names_are_ours() {
        let local = addresses("127.0.0.1:7420", "http://127.0.0.1:7420", &["errand.lan"]);
        for ours in ["127.0.0.1:7420", "localhost:9000", "LOCALHOST.", "[::1]:7420", "errand.lan"] {
            assert!(local.is_ours(&authority(ours)), "{ours}");
        }
        for foreign in ["evil.example", "10.0.0.1", "x.localhost", "127.0.0.1.evil.example"] {
            assert!(!local.is_ours(&authority(foreign)), "{foreign}");
        }
        let everywhere = addresses("0.0.0.0:7420", "https://errand.example.com", &[]);
        assert!(everywhere.is_ours(&authority("192.168.1.5:7420")));
        assert!(everywhere.is_ours(&authority("errand.example.com")));
        assert!(!everywhere.is_ours(&authority("evil.example")));
    }

    #[test]
    fn only_our_own_origins_are_ours() {
        let local = addresses("127.0.0.1:7420", "http://127.0.0.1:7420", &[]);
        let host = authority("localhost:7420");
        assert!(local.is_own_origin("http://localhost:7420", &host));
        assert!(local.is_own_origin("http://127.0.0.1:7420", &host));
        for foreign in
            ["null", "", "http://localhost:3000", "http://a.localhost:7420", "ftp://localhost:7420"]
        {
            assert!(!local.is_own_origin(foreign, &host), "{foreign}");
        }
        let secure = addresses("127.0.0.1:7420", "https://errand.example.com", &[]);
        let host = authority("errand.example.com");
        assert!(secure.is_own_origin("https://errand.example.com", &host));
        assert!(!secure.is_own_origin("http://errand.example.com", &host));
    }

    #[test]
    fn a_request_names_one_host() {
        let one = |uri: &str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            host_of(&uri.parse().unwrap(), &headers).map(|host| host.to_string())
        };
        assert_eq!(one("/", &["a:1"]).as_deref(), Some("a:1"));
        assert_eq!(one("http://a:1/", &["a:1"]).as_deref(), Some("a:1"));
        assert_eq!(one("/", &[]), None);
        assert_eq!(one("/", &["a", "b"]), None);
        assert_eq!(one("http://a/", &["b"]), None);
        assert_eq!(one("/", &["user@a"]), None);
    }

    #[test]
    fn wrong_addresses_in_the_configuration_are_named() {
        let listen = "127.0.0.1:1".parse().unwrap();
        let fail = |config: &Config, url: &str| {
            format!("{:#}", Addresses::new(config, listen, url).unwrap_err())
        };
        let mut config = Config::default();
        assert!(fail(&config, "ftp://x").contains("public_url"));
        config.api.hosts = vec!["http://x".to_owned()];
        assert!(fail(&config, "http://x").contains("api.hosts"));
        config.api.hosts.clear();
        config.preview.address = "https://preview.example.com".to_owned();
        assert!(fail(&config, "http://x").contains("preview.address"));
    }
}
