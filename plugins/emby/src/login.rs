//! Logins: a name with a password, and Emby Connect, which knows the servers of a person.

use playrelay_mediabrowser::Flavor;
use playrelay_mediabrowser::login::{self, client, expect, granted};
use playrelay_sdk::capability::auth::{Choice, Outcome, Step};
use playrelay_sdk::host::http::Method;
use playrelay_sdk::host::types::{Failure, Field};
use playrelay_sdk::http::{ACCEPT_JSON, join_setting};
use playrelay_sdk::json::text;
use playrelay_sdk::login::{
    LoginRequest, Server, captured, form_value, read_state, send_login_request, step,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const HEADER: &str = "x-emby-authorization";
const SCHEME: &str = "Emby";
/// Servers that a person may have.
const MAX_SERVERS: usize = 24;

/// The state of a login with Emby Connect.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    user: String,
    name: Option<String>,
    servers: Vec<Server>,
    chosen: Option<usize>,
}

/// Begins in one of the ways of the manifest.
pub fn begin(method: &str, form: &[Field]) -> Result<Step, Failure> {
    if method == "password" {
        return login::with_password(Flavor::Emby, HEADER, SCHEME, form);
    }
    let application = format!("Playrelay/{}", env!("CARGO_PKG_VERSION"));
    let encode = |value: String| {
        // A marker stays as it is: the host writes what it stands for as a form wants it.
        if value.starts_with('{') {
            value
        } else {
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
        }
    };
    let answer = send_login_request(LoginRequest {
        method: Method::Post,
        url: &join_setting("connect_url", "/service/user/authenticate"),
        headers: &[("x-application", &application), ("content-type", "application/x-www-form-urlencoded")],
        body: Some(format!(
            "nameOrEmail={}&rawpw={}",
            encode(form_value(form, "user")),
            encode(form_value(form, "password"))
        )),
        captures: vec![("/AccessToken".to_owned(), "connect".to_owned())],
    })?;
    expect(&answer, "Emby Connect refused the name or the password")?;
    let body: Value = answer.json()?;
    let user = text(&body["User"]["Id"])
        .ok_or_else(|| Failure::Rejected("Emby Connect named no user".to_owned()))?;
    let name = text(&body["User"]["Name"]);
    let answer = send_login_request(LoginRequest {
        method: Method::Get,
        url: &join_setting("connect_url", &format!("/service/servers?userId={user}")),
        headers: &[("x-application", &application), ("x-connect-usertoken", &captured("connect"))],
        body: None,
        captures: (0..MAX_SERVERS)
            .map(|place| (format!("/{place}/AccessKey"), format!("server-{place}")))
            .collect(),
    })?;
    expect(&answer, "Emby Connect refused to list the servers")?;
    let body: Value = answer.json()?;
    let servers: Vec<Server> = body.as_array().into_iter().flatten().take(MAX_SERVERS).map(found).collect();
    let memory = State { user, name, servers, chosen: None };
    match memory.servers.len() {
        0 => Err(Failure::Rejected("Emby Connect knows no server of this person".to_owned())),
        _ => {
            let choices = memory.servers.iter().enumerate();
            let choices = choices.map(|(place, it)| Choice { id: place.to_string(), label: it.name.clone() });
            step(Outcome::Choose(choices.collect()), &memory)
        }
    }
}

/// A server, with its address at home first.
fn found(server: &Value) -> Server {
    let addresses = ["LocalAddress", "Url"].iter().filter_map(|name| text(&server[*name])).collect();
    Server {
        name: text(&server["Name"]).unwrap_or_else(|| "a server".to_owned()),
        id: text(&server["SystemId"]),
        addresses,
    }
}

fn find(memory: &mut State, place: usize) -> Result<Step, Failure> {
    let server = memory.servers.get(place);
    let server = server.ok_or_else(|| Failure::Rejected("there is no such server".to_owned()))?;
    let fields = server.urls();
    memory.chosen = Some(place);
    step(Outcome::Settings(fields), memory)
}

/// Goes on with the server that was chosen.
pub fn choose(id: &str, state: &[u8]) -> Result<Step, Failure> {
    let mut memory: State = read_state(state)?;
    find(&mut memory, id.parse().unwrap_or(usize::MAX))
}

/// Whether the server that answers is the one that was chosen.
fn matches_server(server: &Server) -> Result<bool, Failure> {
    let answer = send_login_request(LoginRequest {
        method: Method::Get,
        url: &format!("{}/System/Info/Public", Flavor::Emby.api()?),
        headers: ACCEPT_JSON,
        body: None,
        captures: Vec::new(),
    })?;
    let told: Value = answer.json().unwrap_or_default();
    Ok(answer.status == 200 && (server.id.is_none() || text(&told["Id"]) == server.id))
}

/// At the server itself its key becomes a token.
pub fn poll(state: &[u8]) -> Result<Step, Failure> {
    let mut memory: State = read_state(state)?;
    let Some(place) = memory.chosen else { return step(Outcome::Pending, &memory) };
    if !matches_server(&memory.servers[place])? {
        memory.servers[place].discard_current_address()?;
        return find(&mut memory, place);
    }
    let client = client(SCHEME);
    let answer = send_login_request(LoginRequest {
        method: Method::Get,
        url: &format!("{}/Connect/Exchange?format=json&ConnectUserId={}", Flavor::Emby.api()?, memory.user),
        headers: &[(HEADER, &client), ("x-emby-token", &captured(&format!("server-{place}")))],
        body: None,
        captures: vec![("/AccessToken".to_owned(), "token".to_owned())],
    })?;
    expect(&answer, "the server refused what Emby Connect gave")?;
    granted(memory.name)
}
