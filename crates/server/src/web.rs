//! The web app inside the binary: every address that is not the API's and no file shows the app.
//!
//! Built with the feature `ui` it is embedded as `web/dist` has it, packed forms included; without,
//! a plain page says how to build it, so that building Errand needs nothing but Rust.

use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::addresses::host_of;
use crate::auth::{one_use, shell};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// The page that is the app.
const INDEX: &str = "index.html";
/// Folder whose names change with their content.
const HASHED: &str = "assets/";
/// How long a file with a hash in its name may be kept: a year, in seconds.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Kept, but asked for again each time.
const ASK_AGAIN: &str = "no-cache";
/// Packed forms, best first: what a browser calls them, how the files end.
const PACKED: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Shown where no app was built in.
#[cfg(not(feature = "ui"))]
const WITHOUT: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
    <meta name=viewport content='width=device-width'><title>Errand</title><h1>Errand</h1>\
    <p>This server was built without its web app. <code>make build</code> builds it in where Node is \
    installed.</p><p>The command line does everything: <code>errand ls</code>, \
    <code>errand run --repo … \"task\"</code>, <code>errand watch …</code>. The API is described at \
    <a href=/openapi.json>/openapi.json</a>.</p></html>";

/// A file of the app.
struct File {
    bytes: Bytes,
    digest: String,
}

/// Whether the app is built in.
pub const fn is_built_in() -> bool {
    cfg!(feature = "ui")
}

#[cfg(feature = "ui")]
fn find(path: &str) -> Option<File> {
    #[derive(rust_embed::RustEmbed)]
    #[folder = "../../web/dist"]
    struct Built;
    let file = Built::get(path)?;
    let bytes = match file.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Some(File { bytes, digest: hex::encode(file.metadata.sha256_hash()) })
}

#[cfg(not(feature = "ui"))]
fn find(path: &str) -> Option<File> {
    let digest = blake3::hash(WITHOUT.as_bytes()).to_hex().to_string();
    (path == INDEX).then(|| File { bytes: Bytes::from_static(WITHOUT.as_bytes()), digest })
}

/// Answers what no route of the API has answered.
pub async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads || path == "v1" || path.starts_with("v1/") {
        return missing();
    }
    if path != INDEX
        && let Some(response) = file(&find, path, request.headers())
    {
        return response;
    }
    // An old page asks for a part that is gone: the app in its place would be run as a script.
    if path.starts_with(HASHED) {
        return missing();
    }
    page(&app, &request).unwrap_or_else(|error| ApiError::from(error).into_response())
}

fn missing() -> Response {
    let message = "there is nothing at this address; see /openapi.json";
    ApiError::not_found("not_found", message).into_response()
}

/// A file as it was built, packed if the browser takes that.
fn file(find: &dyn Fn(&str) -> Option<File>, path: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = find(path).filter(|_| PACKED.iter().all(|(_, end)| !path.ends_with(end)))?;
    let wanted = accepted(headers);
    let packed = PACKED.iter().filter(|(name, _)| wanted(name)).find_map(|(name, end)| {
        let file = find(&format!("{path}{end}"))?;
        Some((*name, file))
    });
    let (packing, chosen) = match packed {
        Some((name, file)) => (Some(name), file),
        None => (None, plain),
    };
    let tag = format!("\"{}\"", chosen.digest);
    let cache = if path.starts_with(HASHED) { FOR_EVER } else { ASK_AGAIN };
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        value.to_str().is_ok_and(|value| value.split(',').any(|known| known.trim() == tag))
    });
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(chosen.bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if let Some(packing) = packing {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(packing));
    }
    Some(response)
}

/// Which packings a browser takes.
fn accepted(headers: &HeaderMap) -> impl Fn(&str) -> bool {
    let all: Vec<String> = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter(|item| {
            let quality = item.split_once(";q=").and_then(|(_, q)| q.trim().parse().ok());
            quality.is_none_or(|quality: f32| quality > 0.0)
        })
        .map(|item| item.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .collect();
    move |name| all.iter().any(|accepted| accepted == name)
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The app's page, which is made for each answer: it names the style sheets that are its own.
fn page(app: &App, request: &Request) -> anyhow::Result<Response> {
    let built = find(INDEX).map(|file| file.bytes).unwrap_or_default();
    let nonce = one_use::random_token()?;
    let text = with_nonce(&String::from_utf8_lossy(&built), &nonce);
    let mut response = Body::from(text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(INDEX)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
    if let Some(host) = host_of(request.uri(), request.headers()) {
        let policy = shell::policy(app, &host, Some(&nonce));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy)?);
    }
    Ok(response)
}

/// Libraries that make style sheets find the nonce here; as an attribute it cannot be read by them.
fn with_nonce(page: &str, nonce: &str) -> String {
    page.replacen("<head>", &format!("<head>\n<meta property=\"csp-nonce\" nonce=\"{nonce}\">"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(path: &str) -> Option<File> {
        let text = match path {
            "assets/a-1.js" | "assets/a-1.js.br" | "assets/a-1.js.gz" | "icon.svg" => path,
            _ => return None,
        };
        Some(File { bytes: Bytes::from(text.to_owned()), digest: format!("digest of {text}") })
    }

    fn ask(path: &str, given: &[(header::HeaderName, &str)]) -> Option<(u16, [String; 4])> {
        let headers = given.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let response = file(&built, path, &headers.collect())?;
        let text = |name| {
            let value = response.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let names =
            [header::CONTENT_ENCODING, header::CONTENT_TYPE, header::CACHE_CONTROL, header::ETAG];
        Some((response.status().as_u16(), names.map(text)))
    }

    #[test]
    fn files_are_sent_packed_to_those_who_take_that() {
        let packing = |accept: &str| {
            ask("assets/a-1.js", &[(header::ACCEPT_ENCODING, accept)])
                .map(|(_, [packing, ..])| packing)
        };
        assert_eq!(packing("gzip, deflate, br, zstd").as_deref(), Some("br"));
        assert_eq!(packing("gzip").as_deref(), Some("gzip"));
        assert_eq!(packing("br;q=0, gzip;q=0.5").as_deref(), Some("gzip"));
        assert_eq!(packing("identity").as_deref(), Some(""));
        assert!(ask("assets/a-1.js.br", &[]).is_none(), "a packed form is no file of its own");
    }

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        let (status, [_, kind, cache, tag]) = ask("assets/a-1.js", &[]).unwrap();
        assert_eq!((status, kind.as_str()), (200, "text/javascript; charset=utf-8"));
        assert_eq!(cache, FOR_EVER);
        assert_eq!(tag, "\"digest of assets/a-1.js\"");
        let (_, [_, _, cache, tag]) = ask("icon.svg", &[]).unwrap();
        assert_eq!(cache, ASK_AGAIN);
        assert_eq!(ask("icon.svg", &[(header::IF_NONE_MATCH, &tag)]).unwrap().0, 304);
        assert_eq!(ask("icon.svg", &[(header::IF_NONE_MATCH, "\"x\", \"y\"")]).unwrap().0, 200);
        assert!(ask("nothing.svg", &[]).is_none());
    }

    #[test]
    fn the_page_names_its_nonce_once() {
        let page = with_nonce("<html><head><title>x</title></head>", "abc");
        assert!(
            page.contains("<meta property=\"csp-nonce\" nonce=\"abc\"><title>")
                || page.contains("nonce=\"abc\">"),
            "{page}"
        );
        assert_eq!(page.matches("abc").count(), 1);
    }
}
