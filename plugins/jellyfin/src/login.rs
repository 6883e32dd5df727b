//! Logins: Quick Connect, for which an administrator may have to switch it on, and a name with a password.

use playrelay_mediabrowser::Flavor;
use playrelay_mediabrowser::login::{self, client, expect, granted, user_name};
use playrelay_sdk::capability::auth::{Outcome, Prompt, Step};
use playrelay_sdk::host::http::Method;
use playrelay_sdk::host::types::{Failure, Field};
use playrelay_sdk::json::{flag, text};
use playrelay_sdk::login::{LoginRequest, captured, send_login_request, step};
use serde_json::{Value, json};

const HEADER: &str = "authorization";
const SCHEME: &str = "MediaBrowser";
/// A code is good for ten minutes.
const EXPIRES_S: u32 = 600;
/// Between two questions. Seconds.
const INTERVAL_S: u32 = 3;

/// Begins in one of the ways of the manifest.
pub fn begin(method: &str, form: &[Field]) -> Result<Step, Failure> {
    if method == "password" {
        return login::with_password(Flavor::Jellyfin, HEADER, SCHEME, form);
    }
    let api = Flavor::Jellyfin.api()?;
    let initiate = |method| send(method, &format!("{api}/QuickConnect/Initiate"), None, "/Secret", "secret");
    let mut answer = initiate(Method::Post)?;
    if answer.status == 405 {
        // 10.8 takes a GET (`QuickConnectController.cs`).
        answer = initiate(Method::Get)?;
    }
    expect(
        &answer,
        "Quick Connect is switched off at the server; its dashboard can switch it on, or log in with a password",
    )?;
    let body: Value = answer.json()?;
    let code = text(&body["Code"]).ok_or_else(|| Failure::Rejected("the server gave no code".to_owned()))?;
    let prompt = Prompt {
        url: format!("{api}/web/#/quickconnect"),
        complete_url: None,
        code,
        expires_s: EXPIRES_S,
        interval_s: INTERVAL_S,
    };
    step(Outcome::Prompt(prompt), &())
}

/// Asks whether the code was entered; if so, the secret becomes a token.
pub fn poll() -> Result<Step, Failure> {
    let api = Flavor::Jellyfin.api()?;
    let url = format!("{api}/QuickConnect/Connect?secret={}", captured("secret"));
    let answer = send(Method::Get, &url, None, "/none", "none")?;
    if answer.status == 404 {
        return step(Outcome::Expired, &());
    }
    expect(&answer, "the server refused to say whether the code was entered")?;
    let body: Value = answer.json()?;
    if !flag(&body["Authenticated"]) {
        return step(Outcome::Pending, &());
    }
    let body = json!({ "Secret": captured("secret") }).to_string();
    let url = format!("{api}/Users/AuthenticateWithQuickConnect");
    let answer = send(Method::Post, &url, Some(body), "/AccessToken", "token")?;
    expect(&answer, "the server refused the code although it was entered")?;
    granted(user_name(&answer))
}

fn send(
    method: Method,
    url: &str,
    body: Option<String>,
    pointer: &str,
    name: &str,
) -> Result<playrelay_sdk::http::Response, Failure> {
    let client = client(SCHEME);
    send_login_request(LoginRequest {
        method,
        url,
        headers: &[(HEADER, &client), ("content-type", "application/json"), ("accept", "application/json")],
        body,
        captures: vec![(pointer.to_owned(), name.to_owned())],
    })
}
