//! The server's own history (`/status/sessions/history/all`): what it has counted, of all users where the token is the owner's.

use playrelay_sdk::capability::server_history::Page;
use playrelay_sdk::host::reports::{Completion, Playback, PlaybackState, Player, Report, Server, User};
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::server;
use serde_json::Value;

use crate::{api, metadata};

/// Plays that are asked for at a time.
const LIMIT: usize = 100;

/// The plays that the server counted since an instant, the oldest first. The cursor is the number of plays before.
pub fn plays_since(cursor: Option<&str>, since: &str) -> Result<Page, Failure> {
    let start: usize = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let since = server::parse_instant(since).map_or(0, |since| since.as_second());
    let root = api::get("/")?;
    let accounts = api::get("/accounts")?;
    // The name of the parameter ends in `>`.
    let rows = api::get(&format!(
        "/status/sessions/history/all?sort=viewedAt:asc&viewedAt%3E={since}&X-Plex-Container-Start={start}\
         &X-Plex-Container-Size={LIMIT}"
    ))?;
    let told = Server { id: text(&root["machineIdentifier"]), name: text(&root["friendlyName"]) };
    let rows: Vec<&Value> = rows["Metadata"].as_array().into_iter().flatten().collect();
    let reports = rows.iter().filter_map(|row| playback(row, &told, &accounts)).map(Report::Playback);
    Ok(Page {
        reports: reports.collect(),
        cursor: (start + rows.len()).to_string(),
        more: rows.len() == LIMIT,
    })
}

fn playback(row: &Value, server: &Server, accounts: &Value) -> Option<Playback> {
    if !matches!(row["type"].as_str(), Some("movie" | "episode")) {
        return None;
    }
    let id = text(&row["accountID"])?;
    let mut known = accounts["Account"].as_array().into_iter().flatten();
    let account = known.find(|account| text(&account["id"]).as_ref() == Some(&id));
    let viewed: i64 = whole(&row["viewedAt"])?;
    Some(Playback {
        server: server.clone(),
        user: User { name: account.and_then(|account| text(&account["name"])), id: Some(id) },
        player: Player { id: None, name: None, product: None },
        session: None,
        item: metadata::item(row)?,
        state: PlaybackState::Stopped,
        position_ms: None,
        completion: Completion::Counted,
        credits_start_ms: None,
        content: metadata::content(row),
        library: text(&row["librarySectionTitle"]),
        paths: Vec::new(),
        at: Some(server::from_unix(viewed)?),
        ext: metadata::local_id(&row["accountID"]).into_iter().collect(),
    })
}
