//! What of a request goes inside, and what of an answer comes out.

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method};

/// Cookie that lets a browser stay.
const COOKIE: &str = "errand_preview";
/// The same where the address is https: no other name can set it.
const SECURE_COOKIE: &str = "__Host-errand_preview";
/// What cookies of ours begin with.
const OUR_COOKIES: [&str; 3] = ["errand_", "__host-errand", "__secure-errand"];
/// What headers of ours begin with.
const OUR_HEADERS: &str = "x-errand-";
/// Headers about one connection, which end at the proxy.
const HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
];
/// Headers that say who forwarded what, which we say ourselves.
const FORWARDED: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-request-id",
];
/// Headers of an answer that would outlive or outreach its own origin.
const OUTREACHING: [&str; 5] = [
    "strict-transport-security",
    "alt-svc",
    "public-key-pins",
    "service-worker-allowed",
    "x-request-id",
];

/// Name of our cookie.
pub const fn cookie_name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_COOKIE } else { COOKIE }
}

/// The values of all cookies of this name.
pub fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    pairs(headers).filter_map(move |pair| {
        let (given, value) = pair.split_once('=')?;
        (given.trim() == name).then(|| value.trim())
    })
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .map(str::trim)
}

/// Whether a request comes from the preview's own page, or is somebody opening it.
///
/// TRUST: previews are one site to a browser, so it sends their cookies along with what one preview's
/// page asks of another. Only the browser's own word about the origin tells them apart.
pub fn is_meant(method: &Method, headers: &HeaderMap, origin: &str) -> bool {
    if headers.get_all(header::ORIGIN).iter().any(|given| given.as_bytes() != origin.as_bytes()) {
        return false;
    }
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => true,
        Some(_) => {
            *method == Method::GET
                && is("sec-fetch-mode", "navigate")
                && is("sec-fetch-dest", "document")
        }
    }
}

/// What goes inside.
pub struct Inward<'a> {
    /// The preview's own origin.
    pub origin: &'a str,
    /// The port inside.
    pub port: u16,
    /// The connection changes its protocol.
    pub is_upgrade: bool,
    /// The request carries a key of this server, which is none of the port's business.
    pub has_our_key: bool,
}

impl Inward<'_> {
    /// The headers that the port is sent.
    pub fn filter(&self, headers: &HeaderMap) -> HeaderMap {
        let mut kept = HeaderMap::new();
        let named = named_by_connection(headers);
        for (name, value) in headers {
            let text = name.as_str();
            let dropped = HOP.contains(&text)
                || FORWARDED.contains(&text)
                || named.iter().any(|named| named == text)
                || text.starts_with(OUR_HEADERS)
                || matches!(*name, header::COOKIE | header::HOST | header::UPGRADE)
                || (*name == header::AUTHORIZATION && self.has_our_key);
            if !dropped {
                kept.append(name.clone(), self.at_home(name, value));
            }
        }
        let cookies: Vec<&str> = pairs(headers).filter(|pair| !is_our_cookie(pair)).collect();
        if !cookies.is_empty() {
            put(&mut kept, header::COOKIE, &cookies.join("; "));
        }
        put(&mut kept, header::HOST, &format!("localhost:{}", self.port));
        if let Some((scheme, host)) = self.origin.split_once("://") {
            put(&mut kept, HeaderName::from_static("x-forwarded-host"), host);
            put(&mut kept, HeaderName::from_static("x-forwarded-proto"), scheme);
        }
        if self.is_upgrade
            && let Some(protocol) = headers.get(header::UPGRADE)
        {
            kept.insert(header::UPGRADE, protocol.clone());
            kept.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        }
        kept
    }

    /// Development servers refuse names they do not know; inside, the preview is `localhost`.
    fn at_home(&self, name: &HeaderName, value: &HeaderValue) -> HeaderValue {
        if !matches!(*name, header::ORIGIN | header::REFERER) {
            return value.clone();
        }
        let home = value
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix(self.origin))
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
            .and_then(|rest| {
                HeaderValue::from_str(&format!("http://localhost:{}{rest}", self.port)).ok()
            });
        home.unwrap_or_else(|| value.clone())
    }
}

/// The headers that the browser is sent.
pub fn outward(headers: &HeaderMap, port: u16, is_upgrade: bool) -> HeaderMap {
    let mut kept = HeaderMap::new();
    let named = named_by_connection(headers);
    for (name, value) in headers {
        let text = name.as_str();
        let dropped = HOP.contains(&text)
            || OUTREACHING.contains(&text)
            || named.iter().any(|named| named == text)
            || *name == header::UPGRADE;
        if dropped {
            continue;
        }
        if *name == header::SET_COOKIE {
            if let Some(cookie) = value.to_str().ok().and_then(confined) {
                put_more(&mut kept, header::SET_COOKIE, &cookie);
            }
        } else if *name == header::LOCATION {
            let text = value.to_str().ok().and_then(|text| relative(text, port));
            let value = text.and_then(|text| HeaderValue::from_str(text).ok());
            kept.append(name.clone(), value.unwrap_or_else(|| headers[name].clone()));
        } else {
            kept.append(name.clone(), value.clone());
        }
    }
    if is_upgrade && let Some(protocol) = headers.get(header::UPGRADE) {
        kept.insert(header::UPGRADE, protocol.clone());
        kept.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    } else {
        // Keeps pages of one preview from joining another's by giving up their own name.
        let cluster = HeaderName::from_static("origin-agent-cluster");
        kept.insert(cluster, HeaderValue::from_static("?1"));
    }
    kept
}

fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let lists = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn is_our_cookie(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
    OUR_COOKIES.iter().any(|prefix| name.starts_with(prefix))
}

/// A cookie for its own host alone; none where it would take the name of ours.
fn confined(cookie: &str) -> Option<String> {
    if is_our_cookie(cookie.split(';').next().unwrap_or_default()) {
        return None;
    }
    let kept = cookie.split(';').enumerate().filter(|(nth, part)| {
        let attribute = part.split('=').next().unwrap_or_default().trim();
        *nth == 0 || !attribute.eq_ignore_ascii_case("domain")
    });
    let kept: Vec<&str> = kept.map(|(_, part)| part.trim()).collect();
    Some(kept.join("; "))
}

/// A redirection to the port itself stays on the preview.
fn relative(location: &str, port: u16) -> Option<&str> {
    ["localhost", "127.0.0.1", "[::1]"].iter().find_map(|host| {
        let rest = location.strip_prefix(&format!("http://{host}:{port}"))?;
        match rest {
            "" => Some("/"),
            // Two slashes would begin another host's name.
            rest if rest.starts_with('/') && !rest.starts_with("//") => Some(rest),
            _ => None,
        }
    })
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn put_more(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "http://p1.preview.localhost:7420";

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        headers
    }

    fn inward(headers: &[(&str, &str)]) -> HeaderMap {
        let inward = Inward { origin: ORIGIN, port: 3000, is_upgrade: false, has_our_key: true };
        inward.filter(&map(headers))
    }

    #[test]
    fn nothing_of_the_platform_goes_inside() {
        let sent = inward(&[
            ("host", "p1.preview.localhost:7420"),
            ("cookie", "errand_preview=secret; theirs=1"),
            ("cookie", "__Host-errand_session=secret; Errand_session=x; other=2"),
            ("authorization", "Bearer errand_x"),
            ("x-errand-client", "web"),
            ("x-request-id", "1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("connection", "close, x-own"),
            ("x-own", "1"),
            ("accept", "text/html"),
        ]);
        let expected = map(&[
            ("accept", "text/html"),
            ("cookie", "theirs=1; other=2"),
            ("host", "localhost:3000"),
            ("x-forwarded-host", "p1.preview.localhost:7420"),
            ("x-forwarded-proto", "http"),
        ]);
        assert_eq!(sent, expected);
    }

    #[test]
    fn the_page_is_at_home_inside() {
        let sent =
            inward(&[("origin", ORIGIN), ("referer", "http://p1.preview.localhost:7420/a?b")]);
        assert_eq!(sent["origin"], "http://localhost:3000");
        assert_eq!(sent["referer"], "http://localhost:3000/a?b");
        let foreign = inward(&[("referer", "http://p1.preview.localhost:74201/")]);
        assert_eq!(foreign["referer"], "http://p1.preview.localhost:74201/");
    }

    #[test]
    fn an_answer_reaches_no_further_than_its_origin() {
        let shown = outward(
            &map(&[
                ("set-cookie", "a=1; Path=/; Domain=preview.localhost; HttpOnly"),
                ("set-cookie", "errand_preview=stolen"),
                ("set-cookie", "b=2; DOMAIN = localhost"),
                ("strict-transport-security", "max-age=1; includeSubDomains"),
                ("location", "http://localhost:3000/next?x=1"),
                ("service-worker-allowed", "/"),
                ("transfer-encoding", "chunked"),
                ("content-type", "text/html"),
            ]),
            3000,
            false,
        );
        let cookies: Vec<_> = shown.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1; Path=/; HttpOnly", "b=2"]);
        assert_eq!(shown["location"], "/next?x=1");
        assert_eq!(shown.len(), 5, "{shown:?}");
        for elsewhere in ["http://localhost:3000//evil.example", "http://localhost:30001/"] {
            let shown = outward(&map(&[("location", elsewhere)]), 3000, false);
            assert_eq!(shown["location"], elsewhere);
        }
    }

    #[test]
    fn another_sites_page_may_open_a_preview_and_nothing_else() {
        let is =
            |method: Method, headers: &[(&str, &str)]| is_meant(&method, &map(headers), ORIGIN);
        let opening = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert!(is(Method::GET, &opening));
        assert!(!is(Method::POST, &opening));
        assert!(is(Method::POST, &[("sec-fetch-site", "same-origin"), ("origin", ORIGIN)]));
        assert!(is(Method::GET, &[]), "a program without a browser has the cookie or nothing");
        assert!(!is(Method::GET, &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")]));
        assert!(!is(Method::GET, &[("origin", "http://p2.preview.localhost:7420")]));
        assert!(!is(Method::GET, &[("origin", "null")]));
    }
}
