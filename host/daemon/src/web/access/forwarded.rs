//! What a reverse proxy says of a request. Only the word of a proxy that `[access]` trusts counts; all others' is removed, so that
//! nothing behind this sees it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use crate::app::CurrentApp;
use crate::config::Access;

/// Headers of proxies: read where the proxy is trusted, and removed in any case.
const FORWARDED: [&str; 7] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-forwarded-port",
    "x-real-ip",
    "forwarded",
];
/// Addresses of a chain of proxies that are looked at.
const MAX_HOPS: usize = 16;
/// Letters of a prefix.
const MAX_PREFIX: usize = 100;

/// The way on which a request came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The sender's address: the last one that no trusted proxy vouches for.
    pub client: IpAddr,
    /// Whether the browser speaks TLS, as a trusted proxy says.
    pub is_https: bool,
    /// What stands in front of every path in the browser, without a slash at its end; empty where nothing does.
    pub base: String,
    /// The user that a trusted proxy let in.
    pub user: Option<ProxyUser>,
}

/// A user that a trusted proxy let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUser {
    /// The name.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// Prepares each request before it is routed.
#[derive(Clone)]
pub struct Front {
    app: CurrentApp,
    /// The path of `public_url`.
    base: String,
}

impl Front {
    /// The front of a daemon. `public_url` is that of its start.
    pub fn new(app: CurrentApp, public_url: Option<&str>) -> Self {
        let path = public_url.and_then(|url| Url::parse(url).ok()).map(|url| url.path().to_owned());
        Self { app, base: path.map(|path| prefix(&path)).unwrap_or_default() }
    }

    /// Replaces the sender's address by the real one, takes the base off the path, and removes what strangers say of themselves.
    pub fn prepare<Body>(&self, peer: SocketAddr, request: &mut Request<Body>) {
        let app = self.app.get();
        let origin = origin(&app.config.access, peer.ip(), &self.base, request.headers_mut());
        let port = if origin.client == peer.ip() { peer.port() } else { 0 };
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(origin.client, port)));
        if let Some(uri) = without_base(request.uri(), &origin.base) {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(origin);
    }
}

/// Reads, and removes, what a proxy says.
fn origin(access: &Access, peer: IpAddr, base: &str, headers: &mut HeaderMap) -> Origin {
    let is_trusted = access.is_trusted(peer);
    let mut origin =
        Origin { client: peer.to_canonical(), is_https: false, base: base.to_owned(), user: None };
    if is_trusted {
        origin.client = client(access, peer, headers);
        origin.is_https =
            last(headers, "x-forwarded-proto").is_some_and(|it| it.eq_ignore_ascii_case("https"));
        if let Some(stated) = last(headers, "x-forwarded-prefix").map(|text| prefix(&text)) {
            origin.base = stated;
        }
        origin.user = user(access, headers);
        let host = last(headers, "x-forwarded-host").and_then(|host| HeaderValue::from_str(&host).ok());
        if let Some(host) = host {
            headers.insert(header::HOST, host);
        }
    }
    let named = [&access.user_header, &access.groups_header].into_iter().flatten().map(String::as_str);
    for name in FORWARDED.into_iter().chain(named) {
        headers.remove(name);
    }
    origin
}

/// The last address of the chain that is no trusted proxy.
fn client(access: &Access, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut client = peer.to_canonical();
    for hop in chain.iter().rev().take(MAX_HOPS) {
        let Some(address) = address(hop) else { break };
        client = address.to_canonical();
        if !access.is_trusted(client) {
            break;
        }
    }
    client
}

/// An address, as proxies write it: with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_matches(['[', ']']);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn user(access: &Access, headers: &HeaderMap) -> Option<ProxyUser> {
    let mut names = headers.get_all(access.user_header.as_deref()?).iter();
    let name = names.next()?.to_str().ok()?.trim().to_owned();
    // Two names are one too many: somebody sent one along, and the proxy did not take it off.
    if name.is_empty() || names.next().is_some() {
        return None;
    }
    let groups = access.groups_header.as_deref().and_then(|header| last_whole(headers, header));
    let groups = groups.unwrap_or_default();
    let groups = groups.split([',', '|']).map(str::trim).filter(|group| !group.is_empty());
    Some(ProxyUser { name, groups: groups.map(str::to_owned).collect() })
}

/// The last value of a header that may be a list: what the nearest proxy has added.
fn last(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = last_whole(headers, name)?;
    let last = value.rsplit(',').next()?.trim();
    (!last.is_empty()).then(|| last.to_owned())
}

fn last_whole(headers: &HeaderMap, name: &str) -> Option<String> {
    let name: HeaderName = name.parse().ok()?;
    headers.get_all(name).iter().next_back()?.to_str().ok().map(str::to_owned)
}

/// A prefix of paths, with a slash in front and without one at its end; empty for any other text.
fn prefix(text: &str) -> String {
    let path = text.trim().trim_end_matches('/');
    let is_path = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= MAX_PREFIX
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte))
        && !path.contains("..");
    if is_path { path.to_owned() } else { String::new() }
}

/// An address without the base in front of its path; absent where it has none, as behind a proxy that takes it off.
fn without_base(uri: &Uri, base: &str) -> Option<Uri> {
    if base.is_empty() {
        return None;
    }
    let rest = uri.path_and_query()?.as_str().strip_prefix(base)?;
    let rest = match rest.as_bytes().first() {
        Some(b'/') => rest.to_owned(),
        None | Some(b'?') => format!("/{rest}"),
        // Another word that begins alike.
        Some(_) => return None,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(rest.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        Access {
            trusted_proxies: vec!["10.0.0.2/32".parse().unwrap(), "10.1.0.0/16".parse().unwrap()],
            user_header: Some("remote-user".to_owned()),
            groups_header: Some("remote-groups".to_owned()),
            ..Access::default()
        }
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn told(peer: &str, lines: &[(&'static str, &str)]) -> (Origin, HeaderMap) {
        let mut headers = headers(lines);
        let origin = origin(&access(), peer.parse().unwrap(), "/relay", &mut headers);
        (origin, headers)
    }

    #[test]
    fn a_stranger_is_not_believed_and_nobody_behind_sees_what_it_said() {
        let lines = [
            ("x-forwarded-for", "192.168.1.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-prefix", "/evil"),
            ("remote-user", "ada"),
            ("remote-groups", "admins"),
            ("host", "relay"),
        ];
        let (origin, headers) = told("10.0.0.3", &lines);
        let client = "10.0.0.3".parse().unwrap();
        assert_eq!(origin, Origin { client, is_https: false, base: "/relay".to_owned(), user: None });
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[header::HOST], "relay");
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        let lines = [
            ("x-forwarded-for", "1.2.3.4, 192.168.1.9"),
            ("x-forwarded-for", "10.1.0.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "relay.example.org"),
            ("x-forwarded-prefix", "/tv/"),
            ("remote-user", "ada"),
            ("remote-groups", "users, admins"),
        ];
        let (origin, headers) = told("10.0.0.2", &lines);
        // The first address is what the client said of itself.
        assert_eq!(origin.client, "192.168.1.9".parse::<IpAddr>().unwrap());
        assert!(origin.is_https);
        assert_eq!(origin.base, "/tv");
        let groups = vec!["users".to_owned(), "admins".to_owned()];
        assert_eq!(origin.user, Some(ProxyUser { name: "ada".to_owned(), groups }));
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[header::HOST], "relay.example.org");
    }

    #[test]
    fn a_proxy_that_says_nothing_is_the_client_itself() {
        let (origin, _) = told("10.0.0.2", &[]);
        assert_eq!(origin.client, "10.0.0.2".parse::<IpAddr>().unwrap());
        assert_eq!((origin.user, origin.is_https), (None, false));
    }

    #[test]
    fn two_users_are_none() {
        let (origin, headers) = told("10.0.0.2", &[("remote-user", "mallory"), ("remote-user", "ada")]);
        assert_eq!((origin.user, headers.len()), (None, 0));
    }

    #[test]
    fn what_is_no_prefix_is_left_out() {
        for text in ["", "/", "relay", "//evil.example", "/a/../b", "/a b", "/<script>"] {
            assert_eq!(prefix(text), "", "{text}");
        }
        assert_eq!(prefix("/a/b/"), "/a/b");
    }

    #[test]
    fn the_base_is_taken_off_once() {
        let path = |uri: &str| {
            let uri: Uri = uri.parse().unwrap();
            without_base(&uri, "/relay").map(|uri| uri.to_string())
        };
        assert_eq!(path("/relay/api/v1/events?limit=1").as_deref(), Some("/api/v1/events?limit=1"));
        assert_eq!(path("/relay").as_deref(), Some("/"));
        assert_eq!(path("/relay?x=1").as_deref(), Some("/?x=1"));
        assert_eq!(path("/relay/relay/x").as_deref(), Some("/relay/x"));
        assert_eq!(path("/relays/x"), None);
        assert_eq!(path("/api"), None);
    }
}
