//! Logins of both servers: a name and a password.

use playrelay_sdk::capability::auth::Step;
use playrelay_sdk::host::http::Method;
use playrelay_sdk::host::settings;
use playrelay_sdk::host::types::{Failure, Field};
use playrelay_sdk::http::Response;
use playrelay_sdk::json::text;
use playrelay_sdk::login::{LoginRequest, captured, field, form_value, grant, send_login_request};
use playrelay_sdk::{failure, http};
use serde_json::{Value, json};

use crate::Flavor;

/// The header that names this client. Both servers require all four parts.
pub fn client(scheme: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    // A server ends the login of a device that logs in once more: each installation is a device of its own.
    let device = settings::get("host.instance").unwrap_or_default();
    format!(
        "{scheme} Client=\"Playrelay\", Device=\"Playrelay\", DeviceId=\"{device}\", Version=\"{version}\""
    )
}

/// Logs in with a name and a password. `header` and `scheme` are how the server is told who we are.
pub fn with_password(family: Flavor, header: &str, scheme: &str, form: &[Field]) -> Result<Step, Failure> {
    let client = client(scheme);
    let answer = send_login_request(LoginRequest {
        method: Method::Post,
        url: &format!("{}/Users/AuthenticateByName", family.api()?),
        headers: &[(header, &client), ("content-type", "application/json"), ("accept", "application/json")],
        body: Some(
            json!({ "Username": form_value(form, "user"), "Pw": form_value(form, "password") }).to_string(),
        ),
        captures: vec![("/AccessToken".to_owned(), "token".to_owned())],
    })?;
    expect(&answer, "the server refused the name or the password")?;
    granted(user_name(&answer))
}

/// It is done: the token is captured. `name` is that of the user.
pub fn granted(name: Option<String>) -> Result<Step, Failure> {
    playrelay_sdk::login::granted(grant(vec![field("token", captured("token"))], name))
}

/// The user's name in the answer to a login.
pub fn user_name(answer: &Response) -> Option<String> {
    text(&answer.json::<Value>().ok()?["User"]["Name"])
}

/// An answer of success, or why not.
pub fn expect(answer: &Response, refusal: &str) -> Result<(), Failure> {
    match answer.status {
        200..=299 => Ok(()),
        400 | 401 | 403 => Err(Failure::Rejected(format!("{refusal} ({})", answer.status))),
        _ => Err(failure::from_status(answer, "the server")),
    }
}

/// Ends the login: the server forgets its token.
pub fn revoke(family: Flavor) -> Result<Option<String>, Failure> {
    let url = format!("{}/Sessions/Logout", family.api()?);
    let answer = http::send_empty(Method::Post, &url, &[])?;
    Ok((!(200..300).contains(&answer.status)).then(|| {
        format!(
            "the server answered {} when it was to forget the login; its dashboard lists devices",
            answer.status
        )
    }))
}
