//! Which way to listen is open to whom (`SessionInfoWebSocketListener.cs`, 10.8 to 10.11): a socket that may not be used opens all
//! the same, and stays silent.

use playrelay_mediabrowser::history::myself;
use playrelay_mediabrowser::realtime::{poll, socket};
use playrelay_mediabrowser::{Flavor, segments};
use playrelay_sdk::capability::realtime::{Connection, MessageResult};
use playrelay_sdk::host::reports::Report;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::json::{flag, text};
use playrelay_sdk::server;

/// Since when it matters who asks, and since when it does not any more.
const ADMINS_ONLY: (u32, u32) = (10, 9);
const KEYS_TOO: (u32, u32) = (10, 10);
const EVERYBODY: (u32, u32) = (10, 11);

/// The ways to connect, the best first.
pub fn connect() -> Result<Vec<Connection>, Failure> {
    let api = Flavor::Jellyfin.api()?;
    let info = server::get(&format!("{api}/System/Info/Public"))?;
    let version = version(text(&info["Version"]).unwrap_or_default().as_str());
    let may_listen = match version {
        Some(version) if version >= EVERYBODY || version < ADMINS_ONLY => true,
        // A key has no user to be asked about.
        Some(version) => match myself(&api)? {
            Some(user) => flag(&user["Policy"]["IsAdministrator"]),
            None => version >= KEYS_TOO,
        },
        None => true,
    };
    let socket = socket(Flavor::Jellyfin, "/socket?deviceId=playrelay", true);
    Ok(if may_listen { vec![socket, poll(Flavor::Jellyfin)] } else { vec![poll(Flavor::Jellyfin)] })
}

/// The same step, with where the credits begin: what a session plays says nothing of it.
pub fn with_credits(mut step: MessageResult) -> MessageResult {
    for report in &mut step.reports {
        let Report::Snapshot(snapshot) = report else { continue };
        for playback in snapshot.sessions.iter_mut().filter(|it| it.credits_start_ms.is_none()) {
            let id = playback.item.server_ref.as_deref();
            playback.credits_start_ms = id.and_then(|id| segments::credits_start(Flavor::Jellyfin, id));
        }
    }
    step
}

/// Its first two numbers.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!((version("10.9.11"), version("10.11.7")), (Some((10, 9)), Some((10, 11))));
        assert!(version("10.11.0") > version("10.9.0"));
        assert_eq!((version("12"), version("")), (None, None));
    }
}
