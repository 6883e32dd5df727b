//! What was played: neither server keeps a history, but both know of each item and user when it was played last, and whether to its
//! end.

use playrelay_sdk::capability::server_history::Page;
use playrelay_sdk::host::reports::{Completion, Playback, PlaybackState, Player, Report, Server, User};
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::json::{flag, text};
use playrelay_sdk::{failure, http, server};
use serde_json::Value;

use crate::item;
use crate::look_up::api;
use crate::text::{guid, text as words};

/// Of what is shorter, any stop counts there. Ms.
const SHORTEST_MS: u32 = 300_000;
/// Items that are asked for at a time.
const LIMIT: usize = 100;

/// Where the user stands in an address that asks for items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// `/Items?UserId=`
    Query,
    /// `/Users/{id}/Items`
    Path,
}

/// What was played since an instant, a user after the other. The cursor is the user's place, and the item's.
pub fn since(prefix: &str, of: Of, cursor: Option<&str>, since: &str) -> Result<Page, Failure> {
    let api = api(prefix)?;
    let (place, start) = cursor.and_then(read_cursor).unwrap_or((0, 0));
    let info = server::get(&format!("{api}/System/Info/Public"))?;
    let users = users(&api)?;
    let Some(user) = users.get(place) else {
        return Ok(Page { reports: Vec::new(), cursor: String::new(), more: false });
    };
    let id = user.id.clone().unwrap_or_default();
    let address = match of {
        Of::Query => format!("{api}/Items?UserId={id}&"),
        Of::Path => format!("{api}/Users/{id}/Items?"),
    };
    let rows = server::get(&format!(
        "{address}Recursive=true&Filters=IsPlayed&IncludeItemTypes=Movie,Episode&SortBy=DatePlayed&SortOrder=Descending\
         &EnableUserData=true&Fields=ProviderIds,Path&StartIndex={start}&Limit={LIMIT}"
    ))?;
    let rows: Vec<Value> = rows["Items"].as_array().cloned().unwrap_or_default();
    let told = Server { id: guid(&info["Id"]), name: words(&info["ServerName"]) };
    let mut is_at_end = rows.len() < LIMIT;
    let mut reports = Vec::new();
    for row in &rows {
        let Some(at) = text(&row["UserData"]["LastPlayedDate"]) else { continue };
        // The last one comes first.
        if is_before(&at, since) {
            is_at_end = true;
            break;
        }
        reports.extend(playback(row, &told, user, at).map(Report::Playback));
    }
    let next = if is_at_end { (place + 1, 0) } else { (place, start + LIMIT) };
    let more = next.0 < users.len();
    Ok(Page { reports, cursor: format!("{}:{}", next.0, next.1), more })
}

fn read_cursor(cursor: &str) -> Option<(usize, usize)> {
    let (user, item) = cursor.split_once(':')?;
    Some((user.parse().ok()?, item.parse().ok()?))
}

/// Whether an instant is earlier than another. One that cannot be read is.
fn is_before(at: &str, since: &str) -> bool {
    server::instant(at).zip(server::instant(since)).is_none_or(|(at, since)| at < since)
}

/// Everybody, for a key or an administrator; else who the token belongs to.
fn users(api: &str) -> Result<Vec<User>, Failure> {
    let all = http::get(&format!("{api}/Users"), http::ACCEPT_JSON)?;
    let rows: Value = match all.status {
        401 | 403 => Value::from(vec![server::get(&format!("{api}/Users/Me"))?]),
        _ => server::answer(&all)?,
    };
    let rows = rows.as_array().ok_or_else(|| failure::retry("the users are no list".to_owned()))?;
    let is_id = |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    Ok(rows
        .iter()
        .filter_map(|row| Some(User { id: Some(guid(&row["Id"]).filter(is_id)?), name: words(&row["Name"]) }))
        .collect())
}

/// A play. The server calls what it could not measure played at any stop, so that is no evidence.
fn playback(row: &Value, server: &Server, user: &User, at: String) -> Option<Playback> {
    let item = item::item(row, &Value::Null)?;
    if !flag(&row["UserData"]["Played"]) || item.runtime_ms.is_none_or(|runtime| runtime < SHORTEST_MS) {
        return None;
    }
    Some(Playback {
        server: server.clone(),
        user: user.clone(),
        player: Player { id: None, name: None, product: None },
        session: None,
        state: PlaybackState::Stopped,
        position_ms: None,
        completion: Completion::Counted,
        credits_start_ms: None,
        content: item::content(row),
        library: None,
        paths: text(&row["Path"]).into_iter().collect(),
        at: Some(at),
        ext: Vec::new(),
        item,
    })
}
