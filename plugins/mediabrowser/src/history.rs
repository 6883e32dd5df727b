//! The plays of a server. Neither server keeps a history, but both know of each item and user when it was played last, and whether to its
//! end.

use std::fmt;

use playrelay_sdk::capability::server_history::Page;
use playrelay_sdk::host::reports::{Completion, Playback, PlaybackState, Player, Report, Server, User};
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::json::{flag, number, text};
use playrelay_sdk::{http, server};
use serde_json::Value;

use crate::values::{guid, text as words};
use crate::{Flavor, identify, item};

/// Of what is shorter, any stop counts there. Ms.
const SHORTEST_MS: u32 = 300_000;
/// Items that are asked for at a time.
const LIMIT: usize = 100;

/// The plays since an instant, one user after the other.
pub fn plays_since(family: Flavor, cursor: Option<&str>, since: &str) -> Result<Page, Failure> {
    let api = family.api()?;
    let mut place = cursor.and_then(read_cursor).unwrap_or_default();
    let info = server::get(&format!("{api}/System/Info/Public"))?;
    let users = users(family, &api)?;
    let Some(user) = users.get(place.user) else { return Ok(last_page(Vec::new())) };
    let address = family.items_of(user.id.as_deref().unwrap_or_default());
    let answer = http::get(
        &format!(
            "{api}{address}Recursive=true&Filters=IsPlayed&IncludeItemTypes=Movie,Episode&SortBy=DatePlayed\
             &SortOrder=Descending&EnableUserData=true&Fields={}&StartIndex={}&Limit={LIMIT}",
            family.played_fields(),
            place.item
        ),
        http::ACCEPT_JSON,
    )?;
    // Who is no administrator may see a list of all, and read nobody's plays but their own.
    let is_refused = matches!(answer.status, 401 | 403);
    let rows = if is_refused { Value::Null } else { server::json_or_failure(&answer)? };
    let rows = rows["Items"].as_array().map(Vec::as_slice).unwrap_or_default();
    place.is_any_read |= !is_refused;
    let told = Server { id: guid(&info["Id"]), name: words(&info["ServerName"]) };
    let mut is_at_end = rows.len() < LIMIT;
    let mut reports = Vec::new();
    for row in rows {
        // What was ticked by hand may have no time.
        let Some(at) = text(&row["UserData"]["LastPlayedDate"]) else { continue };
        // The last one comes first.
        if is_before(&at, since) {
            is_at_end = true;
            break;
        }
        reports.extend(playback(row, &told, user, at).map(Report::Playback));
    }
    (place.user, place.item) = if is_at_end { (place.user + 1, 0) } else { (place.user, place.item + LIMIT) };
    if place.user < users.len() {
        return Ok(Page { reports, cursor: place.to_string(), more: true });
    }
    match place.is_any_read {
        true => Ok(last_page(reports)),
        false => Err(Failure::Unauthorized("the token may read nobody's plays".to_owned())),
    }
}

fn last_page(reports: Vec<Report>) -> Page {
    Page { reports, cursor: String::new(), more: false }
}

/// Where the next page begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct HistoryCursor {
    user: usize,
    item: usize,
    /// Whether the plays of anybody could be read so far.
    is_any_read: bool,
}

impl fmt::Display for HistoryCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.user, self.item, self.is_any_read)
    }
}

fn read_cursor(cursor: &str) -> Option<HistoryCursor> {
    let mut parts = cursor.split(':');
    let place = HistoryCursor {
        user: parts.next()?.parse().ok()?,
        item: parts.next()?.parse().ok()?,
        is_any_read: parts.next()?.parse().ok()?,
    };
    Some(place)
}

/// Whether an instant is earlier than another. One that cannot be read is.
fn is_before(at: &str, since: &str) -> bool {
    server::parse_instant(at).zip(server::parse_instant(since)).is_none_or(|(at, since)| at < since)
}

/// Everybody, for a key or an administrator; else who the token belongs to, where the server says who that is.
fn users(family: Flavor, api: &str) -> Result<Vec<User>, Failure> {
    let me = match family {
        Flavor::Jellyfin => myself(api)?,
        Flavor::Emby => None,
    };
    let rows = match me {
        Some(me) if !flag(&me["Policy"]["IsAdministrator"]) => vec![me],
        _ => identify::users(family, api)?,
    };
    Ok(rows
        .iter()
        .filter_map(|row| {
            Some(User {
                id: Some(guid(&row["Id"]).filter(|id| server::is_id(id))?),
                name: words(&row["Name"]),
            })
        })
        .collect())
}

/// The user of the token at a Jellyfin; absent where it is a key, which has none.
pub fn myself(api: &str) -> Result<Option<Value>, Failure> {
    let answer = http::get(&format!("{api}/Users/Me"), http::ACCEPT_JSON)?;
    match answer.status {
        400 | 404 => Ok(None),
        _ => server::json_or_failure(&answer).map(Some),
    }
}

/// A play. The server calls what it could not measure played at any stop, so that is no evidence; and what was played once goes on to be
/// called so at some servers while it is played again, or was left midway: then there is a place to resume at.
fn playback(row: &Value, server: &Server, user: &User, at: String) -> Option<Playback> {
    let item = item::item(row, &Value::Null)?;
    let is_midway = number(&row["UserData"]["PlaybackPositionTicks"]).is_some_and(|ticks| ticks > 0.0);
    if !flag(&row["UserData"]["Played"])
        || is_midway
        || item.runtime_ms.is_none_or(|runtime| runtime < SHORTEST_MS)
    {
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
