//! Requests to plex.tv during a login, and the servers of an account.

use playrelay_sdk::failure;
use playrelay_sdk::host::http::Method;
use playrelay_sdk::host::settings;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::{Response, join_setting};
use playrelay_sdk::json::{flag, text};
use playrelay_sdk::login::{LoginRequest, Server, captured, send_login_request};
use serde_json::Value;

/// The name under which the account's token is captured.
pub const ACCOUNT: &str = "account";
/// Servers that an account may see.
const MAX_SERVERS: usize = 32;

/// The servers of the account, one's own first, each with its place in the answer, under which its token is captured.
pub fn servers() -> Result<Vec<(usize, Server)>, Failure> {
    let tokens = (0..MAX_SERVERS).map(|place| (format!("/{place}/accessToken"), server_token(place)));
    let url = join_setting("account_url", "/api/v2/resources?includeHttps=1&includeRelay=1&includeIPv6=1");
    let answer = read(&send(Method::Get, &url, Some(&captured(ACCOUNT)), tokens.collect())?)?;
    let resources = answer.as_array().into_iter().flatten().take(MAX_SERVERS).enumerate();
    let mut servers: Vec<(bool, (usize, Server))> =
        resources.filter_map(|(place, it)| Some((!flag(&it["owned"]), (place, found(it)?)))).collect();
    servers.sort_by_key(|(is_shared, _)| *is_shared);
    Ok(servers.into_iter().map(|(_, found)| found).collect())
}

/// The name under which a server's token is captured.
pub fn server_token(place: usize) -> String {
    format!("server-{place}")
}

fn found(resource: &Value) -> Option<Server> {
    let token = text(&resource["accessToken"]);
    if token.is_none() || !text(&resource["provides"])?.split(',').any(|it| it.trim() == "server") {
        return None;
    }
    let name = text(&resource["name"]).unwrap_or_else(|| "a server".to_owned());
    let mut connections: Vec<&Value> = resource["connections"].as_array().into_iter().flatten().collect();
    // At home first, then over the internet, and through a relay only where nothing else answers.
    connections.sort_by_key(|it| (flag(&it["relay"]), !flag(&it["local"])));
    let addresses: Vec<String> = connections.iter().filter_map(|it| text(&it["uri"])).collect();
    let whose = match flag(&resource["owned"]) {
        true => "your own".to_owned(),
        false => {
            format!("shared by {}", text(&resource["sourceTitle"]).unwrap_or_else(|| "somebody".to_owned()))
        }
    };
    let id = text(&resource["clientIdentifier"]);
    (!addresses.is_empty()).then(|| Server { name: format!("{name} ({whose})"), id, addresses })
}

/// A request for a login, without a body.
pub fn send(
    method: Method,
    url: &str,
    token: Option<&str>,
    captures: Vec<(String, String)>,
) -> Result<Response, Failure> {
    send_body(method, url, token, None, captures)
}

/// The same with a body of JSON.
pub fn send_body(
    method: Method,
    url: &str,
    token: Option<&str>,
    body: Option<&Value>,
    captures: Vec<(String, String)>,
) -> Result<Response, Failure> {
    let instance = settings::get("host.instance").unwrap_or_default();
    let mut headers = vec![
        ("accept", "application/json"),
        ("x-plex-client-identifier", &instance),
        ("x-plex-product", "Playrelay"),
        ("x-plex-version", env!("CARGO_PKG_VERSION")),
        ("x-plex-device-name", "Playrelay"),
    ];
    headers.extend(token.map(|token| ("x-plex-token", token)));
    headers.extend(body.map(|_| ("content-type", "application/json")));
    send_login_request(LoginRequest {
        method,
        url,
        headers: &headers,
        body: body.map(Value::to_string),
        captures,
    })
}

/// The body of an answer of success.
pub fn read(answer: &Response) -> Result<Value, Failure> {
    match answer.status {
        200..=299 => answer.json(),
        _ => Err(failure::from_status(answer, "plex.tv")),
    }
}
