//! The account at plex.tv (`/api/v2/user`, as python-plexapi asks it).

use playrelay_sdk::capability::check::AccountInfo;
use playrelay_sdk::failure;
use playrelay_sdk::host::types::{Failure, Field};
use playrelay_sdk::http::{self, join_setting};
use playrelay_sdk::json::{flag, text};
use serde_json::Value;

/// Asks plex.tv whose the token is.
pub fn check() -> Result<AccountInfo, Failure> {
    let answer = http::get(&join_setting("account_url", "/api/v2/user"), http::ACCEPT_JSON)?;
    match answer.status {
        200..=299 => {}
        401 | 403 => return Err(Failure::Unauthorized("plex.tv refused the token".to_owned())),
        _ => return Err(failure::from_status(&answer, "plex.tv")),
    }
    let user: Value = answer.json()?;
    let plan = if flag(&user["subscription"]["active"]) { "Plex Pass" } else { "no Plex Pass" };
    Ok(AccountInfo {
        name: name(&user).unwrap_or_default(),
        id: text(&user["id"]),
        details: vec![Field { name: "plan".to_owned(), value: plan.to_owned() }],
    })
}

/// The name of an account.
pub fn name(user: &Value) -> Option<String> {
    text(&user["username"]).or_else(|| text(&user["title"]))
}
