//! `[server]`

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use playrelay_plugin_host::http::Origin;
use playrelay_util::secret::Secret;

use crate::config::document::{ConfigError, SpannedValue};
use crate::config::section::Section;

/// Where the daemon listens unless the configuration says another port.
pub const DEFAULT_PORT: u16 = 8787;
/// Letters of the password: it is chosen by people, and tried by strangers.
const SHORTEST_PASSWORD: usize = 12;
/// The least that webhooks may send. Bytes.
const MIN_MAX_BODY: usize = 64 << 10;
/// The least time that stories are kept.
const MIN_RETENTION: Duration = Duration::from_secs(60 * 60);

/// `[server]`
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The data folder.
    pub data_dir: PathBuf,
    /// How media servers reach us, for the addresses that we show.
    pub public_url: Option<String>,
    /// The largest request. Bytes.
    pub max_body: usize,
    /// How long requests and their stories are kept. Plays are kept for good.
    pub keep_events: Duration,
    /// The password of the API; absent if only the token opens it.
    pub admin_password: Option<Secret>,
}

impl Server {
    /// The address at which this machine reaches a daemon that listens on a port: loopback, where it listens on all addresses.
    pub fn local_address(&self, port: u16) -> SocketAddr {
        let ip = match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, port)
    }
}

pub(super) fn read(keys: BTreeMap<String, SpannedValue>, problems: &mut Vec<ConfigError>) -> Server {
    let mut section = Section::new("[server]", keys, problems);
    let place = section.location("listen");
    let listen = section.text("listen").unwrap_or_else(|| format!("0.0.0.0:{DEFAULT_PORT}"));
    let address = listen.parse().unwrap_or_else(|_| {
        let text =
            format!("`listen` in [server] is {listen:?}; expected an IP address and a port, \"127.0.0.1:8787\" or \"0.0.0.0:8787\"");
        section.error(place, text);
        SocketAddr::from(([0, 0, 0, 0], DEFAULT_PORT))
    });
    let data_dir = section.text("data_dir").map_or_else(|| PathBuf::from("playrelay-data"), PathBuf::from);
    let place = section.location("public_url");
    let public_url = section.text("public_url").map(|url| url.trim_end_matches('/').to_owned());
    if let Some(url) = &public_url
        && (Origin::parse(url).is_err() || url.contains('?'))
    {
        let text = "`public_url` in [server] is no address; expected one that begins with http:// or https:// and has neither a \
                    password nor a query, \"http://192.168.1.5:8787\"";
        section.error(place, text.to_owned());
    }
    let place = section.location("max_body");
    let max_body =
        section.size("max_body").map_or(10 << 20, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if max_body < MIN_MAX_BODY {
        let text = format!(
            "`max_body` in [server] is too small; expected at least {MIN_MAX_BODY} bytes, since webhooks carry pictures"
        );
        section.error(place, text);
    }
    let place = section.location("keep_events");
    let keep_events = section.duration("keep_events").unwrap_or(Duration::from_secs(90 * 24 * 60 * 60));
    if keep_events < MIN_RETENTION {
        let text = "`keep_events` in [server] is too short; expected at least \"1h\", since stories are made of them";
        section.error(place, text.to_owned());
    }
    let place = section.location("admin_password");
    let admin_password = section.text("admin_password").map(Secret::new);
    if admin_password.as_ref().is_some_and(|password| password.expose().trim().len() < SHORTEST_PASSWORD) {
        let text = format!(
            "`admin_password` in [server] is too short; expected {SHORTEST_PASSWORD} letters or more, or no such key"
        );
        section.error(place, text);
    }
    section.finish();
    Server { listen: address, data_dir, public_url, max_body, keep_events, admin_password }
}
