//! The link with a PIN (plex.tv/link), for a token without end or, with a device key, for one that is renewed; and the choice of a server:
//! the account's own and those that others share with it.

use playrelay_sdk::capability::auth::{Choice, Outcome, Prompt, Step};
use playrelay_sdk::host::http::Method;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::join_setting;
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::login::{self, Server, captured, field, read_state, step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jwt;
use crate::plex_tv::{ACCOUNT, read, send, server_token, servers};

/// The choice of none of them.
const NO_SERVER: &str = "none";
/// Between two questions: once a second is allowed. Seconds.
const INTERVAL_S: u32 = 2;

/// The state between two steps.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    pin: i64,
    /// How often the PIN was asked about since the device's token was signed; absent in a login without a device key.
    polls_since_signed: Option<u32>,
    /// Each with its place in the answer, under which its token was captured.
    servers: Vec<(usize, Server)>,
    chosen: Option<usize>,
}

/// Asks for a PIN, in one of the ways of the manifest.
pub fn begin(method: &str) -> Result<Step, Failure> {
    let has_key = method == jwt::METHOD;
    let answer = match has_key {
        true => jwt::ask_for_pin()?,
        false => send(Method::Post, &join_setting("account_url", "/api/v2/pins"), None, Vec::new())?,
    };
    let body = read(&answer)?;
    let (Some(pin), Some(code)) = (whole(&body["id"]), text(&body["code"])) else {
        return Err(Failure::Rejected("plex.tv gave no PIN".to_owned()));
    };
    let prompt = Prompt {
        url: "https://plex.tv/link".to_owned(),
        complete_url: Some(format!("https://plex.tv/link/?pin={code}")),
        code,
        expires_s: whole(&body["expiresIn"]).unwrap_or(900),
        interval_s: INTERVAL_S,
    };
    let polls_since_signed = has_key.then_some(jwt::POLLS_PER_SIGNATURE);
    step(Outcome::Prompt(prompt), &State { pin, polls_since_signed, ..State::default() })
}

/// Asks whether the PIN was entered, and then for the servers; and whether the one that was chosen is the one that answers.
pub fn poll(state: &[u8]) -> Result<Step, Failure> {
    let mut memory: State = read_state(state)?;
    if let Some(chosen) = memory.chosen {
        return verify_server(memory, chosen);
    }
    let captures = vec![("/authToken".to_owned(), ACCOUNT.to_owned())];
    let answer = match &mut memory.polls_since_signed {
        Some(polls) => jwt::ask_about_pin(memory.pin, polls, captures)?,
        None => {
            let url = join_setting("account_url", &format!("/api/v2/pins/{}", memory.pin));
            send(Method::Get, &url, None, captures)?
        }
    };
    if answer.status == 404 {
        return step(Outcome::Expired, &memory);
    }
    if text(&read(&answer)?["authToken"]).is_none() {
        return step(Outcome::Pending, &memory);
    }
    memory.servers = servers()?;
    match memory.servers.as_slice() {
        [] => granted(&memory, None),
        several => {
            let choices =
                several.iter().map(|(place, it)| Choice { id: place.to_string(), label: it.name.clone() });
            let none = Choice {
                id: NO_SERVER.to_owned(),
                label: "No server: only the account, for its watchlist".to_owned(),
            };
            let choices = choices.chain(std::iter::once(none));
            step(Outcome::Choose(choices.collect()), &memory)
        }
    }
}

/// Takes the server that was chosen.
pub fn choose(id: &str, state: &[u8]) -> Result<Step, Failure> {
    let mut memory: State = read_state(state)?;
    if id == NO_SERVER {
        return granted(&memory, None);
    }
    let chosen = memory.servers.iter().position(|(place, _)| place.to_string() == id);
    let chosen = chosen.ok_or_else(|| Failure::Rejected("there is no such server".to_owned()))?;
    memory.chosen = Some(chosen);
    step(Outcome::Settings(memory.servers[chosen].1.urls()), &memory)
}

/// Gives the token to the server that was chosen, and to no other that answers at one of its addresses.
fn verify_server(mut memory: State, chosen: usize) -> Result<Step, Failure> {
    let Some((_, server)) = memory.servers.get_mut(chosen) else { return granted(&memory, None) };
    // It says who it is without a token.
    let answer = send(Method::Get, &join_setting("url", "/identity"), None, Vec::new())?;
    let told: Value = answer.json().unwrap_or_default();
    let told = text(&told["MediaContainer"]["machineIdentifier"]);
    if answer.status == 200 && told.is_some() && told == server.id {
        return granted(&memory, Some(chosen));
    }
    server.discard_current_address()?;
    let urls = server.urls();
    step(Outcome::Settings(urls), &memory)
}

/// The account, and a server with its own token, which is the one to use there; without one no address is known any more.
fn granted(memory: &State, chosen: Option<usize>) -> Result<Step, Failure> {
    let server = chosen.and_then(|chosen| memory.servers.get(chosen));
    let more = match server {
        Some((place, _)) => field("token", captured(&server_token(*place))),
        None => field("url", ""),
    };
    let mut grant = login::grant(vec![field("account_token", captured(ACCOUNT)), more], user_name());
    if memory.polls_since_signed.is_some() {
        jwt::remember_server(server.and_then(|(_, server)| server.id.as_deref()))?;
        grant.expires_s = Some(jwt::LIFETIME_S);
    }
    login::granted(grant)
}

/// The name of the account at plex.tv. A login is good without it.
fn user_name() -> Option<String> {
    let account = captured(ACCOUNT);
    let answer =
        send(Method::Get, &join_setting("account_url", "/api/v2/user"), Some(&account), Vec::new()).ok()?;
    crate::account::name(&answer.json().ok()?)
}

/// Ending the token would end it for the whole device.
pub fn revoke() -> Option<String> {
    Some("the device \u{201c}Playrelay\u{201d} stays among the authorized devices at app.plex.tv until it is removed there".to_owned())
}
