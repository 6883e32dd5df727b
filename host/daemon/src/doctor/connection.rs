//! The connection of an account, step by step: name, connection, certificate, login, rights. It is tested before the account is saved.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use playrelay_plugin_host::account::Account;
use playrelay_plugin_host::http::Reach;
use playrelay_store::vault;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::app::App;
use crate::doctor::findings::Findings;
use crate::doctor::source::check_server;
use crate::doctor::tracker::check_service;
use crate::notify;
use crate::realtime::client::RealtimeClient;
use crate::webhooks::registration::{Registration, RegistrationAction, Tokens};

/// How long a name may take to resolve, and a connection to open.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// Tests the connection of an account. The app may be one that only would be: nothing is stored.
pub(crate) async fn test(app: &App, name: &str, found: &mut Findings) {
    let Some((plugin, target)) = app.plugin(name) else {
        return found.error("plugin", "its plugin does not serve", "see `playrelay plugin list`");
    };
    let source = app.config.sources.get(name).map(|it| &it.source);
    // A source that only takes webhooks speaks to nobody.
    let server = target.account.outbound.server().filter(|_| source.is_none() || app.has_address(name));
    if let Some((url, reach)) = &server
        && !is_reachable(&target.account, url, *reach, found).await
    {
        return;
    }
    let login = app.credentials.load(name, &plugin.manifest.plugin.id).await;
    if target.account.needs_login() && matches!(login, Ok(None)) {
        return found.note("login", "nobody is logged in yet", "log in: that comes next");
    }
    let Some(source) = source else {
        check_service(app, &plugin, &target, found).await;
        if !found.has_errors() && app.config.notifiers.contains_key(name) {
            match notify::send_test(app, name).await {
                Some(Ok(())) => found.ok("notification", "a test was sent: it should be there now"),
                Some(Err(error)) => {
                    found.error("notification", error.to_string(), "correct what the service complains of");
                }
                None => {}
            }
        }
        return;
    };
    if server.is_none() {
        return found.ok("webhooks", "it takes webhooks as they come, and asks no server");
    }
    let client = RealtimeClient { plugin: Arc::clone(&plugin), target: target.clone() };
    check_server(app, &client, source.mode, found).await;
    let can_register = plugin.manifest.provides.webhook_registration.is_some();
    if source.mode.takes_webhooks() && can_register && !found.has_errors() {
        match vault::random_token() {
            Ok(current) => {
                // An address that nobody has: the question is whether the server lets us look.
                let tokens = Tokens { current, old: None, told: None };
                let registration = Registration { plugin, target, base: app.base_url(), tokens };
                may_register(app, &registration, found).await;
            }
            Err(error) => found.error("webhooks", error.to_string(), "look at the system's random numbers"),
        }
    }
}

/// Whether a program takes connections at an address, and its certificate is trusted. Nothing is asked of it.
async fn is_reachable(account: &Account, url: &Url, reach: Reach, found: &mut Findings) -> bool {
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        found.error("address", format!("{url} has no host"), "correct the address");
        return false;
    };
    let addresses: Vec<IpAddr> = match host {
        Host::Ipv4(address) => vec![address.into()],
        Host::Ipv6(address) => vec![address.into()],
        Host::Domain(name) => match timeout(STEP_TIMEOUT, lookup_host((name, port))).await {
            Ok(Ok(known)) => {
                let mut known: Vec<IpAddr> = known.map(|address| address.ip()).collect();
                known.dedup();
                let words: Vec<String> = known.iter().map(ToString::to_string).collect();
                found.ok("name", format!("the name {name} is known: {}", words.join(", ")));
                known
            }
            Ok(Err(error)) => {
                let text = format!("the name {name} is not known: {error}");
                found.error("name", text, "correct the address, or enter the server's IP address");
                return false;
            }
            Err(_) => {
                let text = format!("the name {name} was not resolved within {} s", STEP_TIMEOUT.as_secs());
                found.error("name", text, "look at this machine's DNS, or enter the server's IP address");
                return false;
            }
        },
    };
    let mut refusal = "no address of it may be reached".to_owned();
    let mut connected = None;
    for address in addresses.into_iter().filter(|address| reach.admits(*address)) {
        let address = SocketAddr::from((address, port));
        match timeout(STEP_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                connected = Some((address, stream));
                break;
            }
            Ok(Err(error)) => refusal = format!("{address}: {error}"),
            Err(_) => refusal = format!("{address}: no answer within {} s", STEP_TIMEOUT.as_secs()),
        }
    }
    let Some((address, stream)) = connected else {
        found.error(
            "connection",
            format!("no program takes connections there: {refusal}"),
            "see whether the server runs, and correct the address, the port or the firewall",
        );
        return false;
    };
    found.ok("connection", format!("{address} takes connections"));
    url.scheme() == "http" || is_trusted(account, url, stream, found).await
}

/// Whether the certificate that a server shows is trusted.
async fn is_trusted(account: &Account, url: &Url, stream: TcpStream, found: &mut Findings) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let shown = match ServerName::try_from(host) {
        Ok(name) => {
            timeout(STEP_TIMEOUT, TlsConnector::from(account.outbound.tls()).connect(name, stream)).await
        }
        Err(error) => {
            found.error("certificate", format!("the host has no valid name: {error}"), "correct the address");
            return false;
        }
    };
    let reason = match shown {
        Ok(Ok(_)) => {
            found.ok("certificate", "its certificate is trusted");
            return true;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no certificate came within {} s", STEP_TIMEOUT.as_secs()),
    };
    let remedy = "correct the scheme (http or https) or the port; a certificate of your own is trusted by `tls_fingerprint`";
    found.error("certificate", format!("no secure connection can be opened: {reason}"), remedy);
    false
}

/// Whether webhooks can be registered at the server by a click.
async fn may_register(app: &App, registration: &Registration, found: &mut Findings) {
    match registration.perform(RegistrationAction::Verify, app.credentials.vault()).await {
        Ok(_) => found.ok("webhooks", "its webhooks can be registered by a click"),
        Err(reason) => found.note(
            "webhooks",
            format!("its webhooks cannot be registered by a click: {reason}"),
            "enter the address at the server by hand: Set-up, Webhooks",
        ),
    }
}
