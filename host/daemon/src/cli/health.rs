//! `playrelay health`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use playrelay_plugin_host::http::client::HttpClient;
use url::Url;

use crate::app::adapters::IDENTITY;
use crate::cli::error::CliError;
use crate::config::Config;

pub(crate) async fn run(config: &Config) -> Result<(), CliError> {
    let listen = config.server.listen;
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = format!("http://{}/readyz", SocketAddr::new(ip, listen.port()));
    let url = Url::parse(&address).map_err(|error| CliError::Other(error.to_string()))?;
    let wire = HttpClient::new(IDENTITY).map_err(CliError::Other)?;
    match wire.probe_body(&url, "ok").await {
        Ok(()) => {
            say!("ok");
            Ok(())
        }
        Err(error) => Err(CliError::Other(format!("the daemon is not well: {error}"))),
    }
}
