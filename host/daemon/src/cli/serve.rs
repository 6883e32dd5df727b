//! `playrelay serve`

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::print;
use crate::config::{Config, DEFAULT_FILE};
use crate::daemon::Ready;
use crate::platform::container::is_container;

pub(crate) async fn run(config: Config) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Serve).await?;
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| CliError::Other(error.to_string()))?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping");
    };
    let file = app.config.file.clone();
    let public_url = app.config.server.public_url.clone();
    let (sources, trackers) = (app.config.sources.len(), app.config.trackers.len());
    let ready = |ready: Ready| {
        let address = ready.address;
        tracing::info!(%address, sources, trackers, "ready");
        if let Some(code) = &ready.setup_code {
            let is_sure = public_url.is_some() || !is_container();
            let url = public_url.unwrap_or_else(|| format!("http://{}", reachable(address)));
            // A terminal that is gone is no reason not to serve.
            if let Err(error) = show_setup(&url, code.expose(), is_sure) {
                tracing::warn!("the code of the set-up cannot be printed: {error}");
            }
        }
        if sources == 0 {
            let folder = std::env::current_dir().unwrap_or_default();
            let file = file.unwrap_or_else(|| folder.join(DEFAULT_FILE));
            tracing::info!(
                "there are no sources yet: add one on the page, or with `playrelay init`, which writes {}; it is taken over as soon as it is there",
                file.display()
            );
        } else {
            tracing::info!(
                "`playrelay webhooks` shows the addresses for the media servers, `playrelay events` what came"
            );
        }
    };
    Ok(Box::pin(app.serve(ready, stop)).await?)
}

/// Shows the address and the code with which the first member is added. Inside of a container nobody is sure of the address.
fn show_setup(url: &str, code: &str, is_sure: bool) -> Result<(), CliError> {
    say!("Nobody can log in yet. The code of the set-up is {code}, at {url}");
    print::qr(url)?;
    if !is_sure {
        say!(
            "That is the address of the container. From another machine, open http://<address of this machine>:<published port>; `public_url` in \
             [server] makes it known."
        );
    }
    Ok(())
}

/// An address at which a browser on another machine may reach us, where we listen on all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    SocketAddr::new(own_address().unwrap_or(Ipv4Addr::LOCALHOST.into()), address.port())
}

/// The address from which this machine would speak to others. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    /// An address for examples (RFC 5737): where the way to it leaves from is all that is asked.
    const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
