//! The batch interface of a remote: where contents are read and sent, as itself says.
//!
//! TRUST: people name a repository's host; every other one is named by whoever answers there, who may be the agent's
//! accomplice. It is resolved once, its address judged like one that a sandbox asks for, and that one dialled. What
//! lets us in at the repository's host is sent there and nowhere else.

use super::shelf::content_of;
use crate::app::App;
use anyhow::{Context, Result, bail};
use futures::StreamExt as _;
use gateway::address::Floor;
use gateway::host::{Authority, Host};
use gateway::large_files::{Content, MEDIA, Pointer};
use git::name::RefName;
use git::remote::Remote;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// Contents that one request names.
const ASKED_AT_ONCE: usize = 100;
/// Time for an answer that is no content.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Bytes of such an answer.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Characters of what a remote says that are told.
const WORDS: usize = 500;
/// Headers that a remote does not choose.
const OUR_OWN: [&str; 8] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "upgrade",
    "expect",
    "proxy-authorization",
];

/// What no repetition mends, in plain words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// What is done with contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Download,
    Upload,
}

/// What a remote says of one content.
pub struct Answered {
    actions: BTreeMap<String, Action>,
    /// Why there is nothing to be done.
    pub error: Option<String>,
}

/// A request that is to be made.
#[derive(Debug, Clone, Deserialize)]
pub struct Action {
    href: String,
    #[serde(default)]
    header: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Batch {
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
    #[serde(default)]
    actions: Option<BTreeMap<String, Action>>,
    error: Option<ObjectError>,
}

#[derive(Deserialize)]
struct ObjectError {
    message: String,
}

impl Answered {
    /// Where a content is read.
    pub fn download(&mut self) -> Option<Action> {
        self.actions.remove("download")
    }

    /// Whether the remote wants the content.
    pub fn wants(&self) -> bool {
        self.actions.contains_key("upload")
    }
}

/// A remote that is asked over http.
pub struct Far<'a> {
    app: &'a App,
    remote: &'a Remote,
}

impl<'a> Far<'a> {
    /// The remote, if it is one that is asked over http.
    pub fn new(app: &'a App, remote: &'a Remote) -> Option<Self> {
        remote.url.as_str().starts_with("http").then_some(Self { app, remote })
    }

    fn url(&self) -> &str {
        self.remote.url.as_str()
    }

    /// What the remote says of these, in their order.
    pub async fn ask(
        &self,
        operation: Operation,
        pointers: &[Pointer],
        of: Option<&RefName>,
    ) -> Result<Vec<Answered>> {
        let mut all = Vec::new();
        for some in pointers.chunks(ASKED_AT_ONCE) {
            let mut told = self.batch(operation, some, of).await?;
            for pointer in some {
                let object = told.remove(pointer.oid());
                let silent = || Refused("the remote says nothing of it".to_owned());
                let Object { actions, error, .. } = object.ok_or_else(silent)?;
                let error = error.map(|error| plain(&error.message));
                all.push(Answered { actions: actions.unwrap_or_default(), error });
            }
        }
        Ok(all)
    }

    async fn batch(
        &self,
        operation: Operation,
        pointers: &[Pointer],
        of: Option<&RefName>,
    ) -> Result<BTreeMap<String, Object>> {
        let url = self.url();
        let ending = if url.ends_with(".git") { "" } else { ".git" };
        let address = format!("{url}{ending}/info/lfs/objects/batch");
        let objects: Vec<_> =
            pointers.iter().map(|it| json!({ "oid": it.oid(), "size": it.size() })).collect();
        let name = match operation {
            Operation::Download => "download",
            Operation::Upload => "upload",
        };
        let mut body = json!({
            "operation": name, "transfers": ["basic"], "hash_algo": "sha256", "objects": objects,
        });
        if let (Some(of), Some(fields)) = (of, body.as_object_mut()) {
            fields.insert("ref".to_owned(), json!({ "name": of.as_str() }));
        }
        let place = Action { href: address, header: BTreeMap::new() };
        let request = self.request(Method::POST, &place).await?.timeout(ANSWER_TIME);
        let answer = request
            .header("accept", MEDIA)
            .header("content-type", MEDIA)
            .body(body.to_string())
            .send()
            .await
            .context("ask the remote about large files")?;
        let answer = accepted(answer).context("ask the remote about large files")?;
        let bytes = bounded(answer).await?;
        let batch: Batch =
            serde_json::from_slice(&bytes).context("read the remote's answer about large files")?;
        Ok(batch.objects.into_iter().map(|object| (object.oid.clone(), object)).collect())
    }

    /// Begins to read a content.
    pub async fn read(&self, action: &Action) -> Result<Content> {
        let request = self.request(Method::GET, action).await?;
        let answer = accepted(request.send().await.context("read a large file")?)?;
        Ok(answer.bytes_stream().map(|piece| piece.map_err(std::io::Error::other)).boxed())
    }

    /// Sends a content that the remote wants, and has it verified.
    pub async fn send(&self, pointer: &Pointer, answered: &Answered, file: &Path) -> Result<()> {
        let Some(put) = answered.actions.get("upload") else { return Ok(()) };
        let request = self.request(Method::PUT, put).await?;
        let request = request
            .header("content-length", pointer.size())
            .body(reqwest::Body::wrap_stream(content_of(file).await?));
        accepted(request.send().await.context("send a large file")?)?;
        let Some(verify) = answered.actions.get("verify") else { return Ok(()) };
        let object = json!({ "oid": pointer.oid(), "size": pointer.size() });
        let request = self.request(Method::POST, verify).await?.timeout(ANSWER_TIME);
        let request = request.header("accept", MEDIA).header("content-type", MEDIA);
        let answer = request.body(object.to_string()).send().await;
        accepted(answer.context("have a large file verified")?).map(drop)
    }

    /// A request of this action, with what the remote wants to see.
    async fn request(&self, method: Method, action: &Action) -> Result<RequestBuilder> {
        let client = self.client_for(&action.href).await?;
        let mut request = client.request(method, &action.href);
        let own = || action.header.iter().filter(|(name, _)| !is_our_own(name));
        for (name, value) in own() {
            request = request.header(name, value);
        }
        if let Some(header) = &self.remote.access.header
            && place(self.url())? == place(&action.href)?
        {
            let (name, value) = header.parts();
            if !own().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
                request = request.header(name, value);
            }
        }
        Ok(request)
    }

    /// A client for an address that the remote named.
    async fn client_for(&self, href: &str) -> Result<Client> {
        let ((own_scheme, own), (scheme, named)) = (place(self.url())?, place(href)?);
        if own == named && own_scheme == scheme {
            let Some(pinned) = &self.remote.access.pinned else {
                return Ok(self.app.http.inner().clone());
            };
            let sockets: Vec<_> =
                pinned.iter().map(|address| SocketAddr::new(*address, named.port)).collect();
            return pinned_to(&named, &sockets);
        }
        let floor = crate::serve::floor(&self.app.config)?;
        let addresses = match (&named.host, floor.upstream(&named.host)) {
            (_, Some(upstream)) => {
                vec![SocketAddr::new(upstream.address, upstream.port.unwrap_or(named.port))]
            }
            (Host::Address(address), None) => judged(&floor, [*address], named.port),
            (Host::Name(name), None) => {
                let found = tokio::net::lookup_host((format!("{name}."), named.port)).await;
                let found = found.with_context(|| format!("find the address of {name}"))?;
                judged(&floor, found.map(|socket| socket.ip()), named.port)
            }
        };
        if addresses.is_empty() {
            let words = format!(
                "the remote keeps it at {named}, which leads to a private or special address; if that is meant, name \
                 it in gateway.upstreams"
            );
            return Err(Refused(words).into());
        }
        pinned_to(&named, &addresses)
    }
}

fn is_our_own(name: &str) -> bool {
    OUR_OWN.iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn pinned_to(target: &Authority, addresses: &[SocketAddr]) -> Result<Client> {
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(&target.host.to_string(), addresses)
        .build();
    client.context("make a client for large files")
}

/// An answer that says yes; what no repetition mends is told apart.
fn accepted(answer: Response) -> Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let words = format!("the remote answered {status}");
    match status {
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::GONE
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::INSUFFICIENT_STORAGE
        | StatusCode::NOT_IMPLEMENTED => Err(Refused(words).into()),
        _ => bail!(words),
    }
}

async fn bounded(mut answer: Response) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.context("read the remote's answer")? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > ANSWER_BYTES {
            bail!("the remote's answer about large files has more than {ANSWER_BYTES} bytes");
        }
    }
    Ok(bytes)
}

/// What a remote said, fit to be told.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORDS).collect()
}

/// Of these addresses those that may be dialled.
fn judged(floor: &Floor, found: impl IntoIterator<Item = IpAddr>, port: u16) -> Vec<SocketAddr> {
    let allowed = found.into_iter().filter(|address| floor.judge(*address).is_ok());
    allowed.map(|address| SocketAddr::new(address, port)).collect()
}

/// Scheme, host and port of an address.
fn place(address: &str) -> Result<(String, Authority)> {
    let url = Url::parse(address).context("read an address of a large file")?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() {
        bail!("an address of a large file is neither http nor https, or names a user");
    }
    let host = url.host_str().context("an address of a large file has no host")?;
    let port = url.port_or_known_default().context("an address of a large file has no port")?;
    let target = Authority { host: Host::parse(host)?, port };
    // TRUST: in another spelling, as with a dot at the end, the name would be looked up anew where it is dialled.
    if target.host.name().is_some_and(|name| name != host) {
        bail!("an address of a large file spells the host {} in another way", target.host);
    }
    Ok((url.scheme().to_owned(), target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_by_scheme_host_and_port_in_one_form() {
        let of = |text: &str| place(text).map(|(scheme, at)| format!("{scheme} {at}")).ok();
        assert_eq!(of("https://Forge.Example/a").as_deref(), Some("https forge.example:443"));
        assert_eq!(of("http://127.1:8080/a").as_deref(), Some("http 127.0.0.1:8080"));
        assert_eq!(of("http://[::ffff:127.0.0.1]/a").as_deref(), Some("http 127.0.0.1:80"));
        for bad in [
            "ftp://a.example/x",
            "http://a.example./x",
            "https://me@a.example/x",
            "file:///etc/passwd",
            "x",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_public_addresses_are_left() {
        let found = ["10.0.0.1", "1.1.1.1", "169.254.169.254", "::1", "127.0.0.1"];
        let found = found.map(|text| text.parse().unwrap());
        assert_eq!(judged(&Floor::default(), found, 443), ["1.1.1.1:443".parse().unwrap()]);
    }
}
