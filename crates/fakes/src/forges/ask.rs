//! A request taken apart, and an answer put together.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Entries of a page where the request names no number, and the most it may name.
const PAGE_ENTRIES: usize = 30;
const PAGE_ENTRIES_MAX: usize = 100;

/// A request to an API.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: String,
    /// The path's segments, decoded.
    pub(super) path: Vec<String>,
    pub(super) raw_path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Value,
    headers: BTreeMap<String, String>,
    address: SocketAddr,
}

impl Ask {
    pub(super) fn new(parts: &Parts, body: &[u8], address: SocketAddr) -> Self {
        let text = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let query = parts.uri.query().unwrap_or_default().split('&');
        let query = query
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (text(&name.replace('+', " ")), text(&value.replace('+', " "))));
        let headers = parts.headers.iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().trim_matches('/').split('/').map(text).collect(),
            raw_path: parts.uri.path().to_owned(),
            query: query.collect(),
            body: serde_json::from_slice(body).unwrap_or(Value::Null),
            headers: headers.collect(),
            address,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A text of the body, if it is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }

    /// Texts of a list of the body.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.body.get(name).and_then(Value::as_array);
        let items = items.into_iter().flatten().filter_map(Value::as_str);
        items.map(ToOwned::to_owned).collect()
    }

    /// The host's own address.
    pub(super) fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A page of a list, the others linked in a header.
    pub(super) fn page(&self, items: Vec<Value>) -> Reply {
        self.page_in(items, Value::Array)
    }

    /// The same, with the entries packed into something.
    pub(super) fn page_in(
        &self,
        items: Vec<Value>,
        pack: impl FnOnce(Vec<Value>) -> Value,
    ) -> Reply {
        let (page, size, total) = (self.page_number(), self.page_size(), items.len());
        let shown = items.into_iter().skip((page - 1) * size).take(size).collect();
        let mut reply = Reply::new(200, pack(shown));
        if page * size < total {
            let next = format!("<{}>; rel=\"next\"", self.page_url(page + 1));
            let last = format!("<{}>; rel=\"last\"", self.page_url(total.div_ceil(size)));
            reply.headers.push(("link", format!("{next}, {last}")));
        }
        reply
    }

    pub(super) fn page_number(&self) -> usize {
        self.query("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1)
    }

    pub(super) fn page_size(&self) -> usize {
        let names = ["per_page", "limit", "pagelen"];
        let size = names.iter().find_map(|name| self.query(name)?.parse().ok());
        size.unwrap_or(PAGE_ENTRIES).clamp(1, PAGE_ENTRIES_MAX)
    }

    pub(super) fn page_url(&self, page: usize) -> String {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let others = self.query.iter().filter(|(name, _)| *name != "page");
        let mut query: Vec<String> =
            others.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        query.push(format!("page={page}"));
        format!("{}{}?{}", self.root(), self.raw_path, query.join("&"))
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
    /// What is no JSON.
    pub(super) text: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), text: None, headers: Vec::new() }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: None, text: None, headers: Vec::new() }
    }

    pub(super) fn text(text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::empty(200) }
    }

    /// Says that it is elsewhere.
    pub(super) fn moved(status: u16, to: String) -> Self {
        Self { headers: vec![("location", to)], ..Self::empty(status) }
    }

    pub(super) fn plain(status: u16, message: &str) -> Self {
        Self::new(status, json!({"message": message}))
    }

    pub(super) fn limited(wait_s: u64) -> Self {
        let mut reply = Self::plain(429, "You have exceeded a rate limit. Wait a few minutes.");
        reply.headers.push(("retry-after", wait_s.to_string()));
        reply
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let kind = if self.text.is_some() { "text/plain" } else { "application/json" };
        let body = self.body.map(|body| body.to_string()).or(self.text);
        let mut response = Response::new(body.map_or_else(Body::empty, Body::from));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static(kind));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
