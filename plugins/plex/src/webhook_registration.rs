//! Webhooks of a plex.tv account (`/api/v2/user/webhooks`, as python-plexapi uses it): the list is written as a whole.

use playrelay_sdk::failure;
use playrelay_sdk::host::http::Method;
use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::{self, Response, join_setting};
use playrelay_sdk::json::text;
use playrelay_sdk::login::{LoginRequest, send_login_request};
use serde_json::Value;

/// Whether the address is among the account's.
pub fn is_registered(url: &str) -> Result<bool, Failure> {
    Ok(list()?.iter().any(|known| known == url))
}

/// Adds the address.
pub fn register(url: &str, replaces: Option<&str>) -> Result<(), Failure> {
    let mut urls = list()?;
    urls.retain(|known| Some(known.as_str()) != replaces && known != url);
    urls.push(url.to_owned());
    write(&urls)
}

/// Takes the address off.
pub fn remove(url: &str) -> Result<(), Failure> {
    let mut urls = list()?;
    urls.retain(|known| known != url);
    write(&urls)
}

fn address() -> String {
    join_setting("account_url", "/api/v2/user/webhooks")
}

fn list() -> Result<Vec<String>, Failure> {
    let answer = http::get(&address(), http::ACCEPT_JSON)?;
    let body: Value = read(&answer)?;
    // The list is written as a whole: what cannot be read must not be lost.
    let rows =
        body.as_array().map(|rows| rows.iter().map(|row| text(&row["url"])).collect::<Option<Vec<_>>>());
    rows.flatten().ok_or_else(|| Failure::Rejected("plex.tv's list of webhooks cannot be read".to_owned()))
}

fn write(urls: &[String]) -> Result<(), Failure> {
    if urls.iter().any(|url| http::is_redacted(url)) {
        let text = "another webhook of the account has its token in the address; change the list at app.plex.tv by hand";
        return Err(Failure::Rejected(text.to_owned()));
    }
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for url in urls {
        form.append_pair("urls[]", url);
    }
    if urls.is_empty() {
        form.append_pair("urls", "");
    }
    let answer = send_login_request(LoginRequest {
        method: Method::Post,
        url: &address(),
        headers: &[("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")],
        body: Some(form.finish()),
        captures: Vec::new(),
    })?;
    read(&answer).map(|_| ())
}

fn read(answer: &Response) -> Result<Value, Failure> {
    match answer.status {
        200..=299 if answer.text().trim().is_empty() => Ok(Value::Null),
        200..=299 => answer.json(),
        401 => Err(Failure::Unauthorized(
            "plex.tv refused the token: it must be of the account itself".to_owned(),
        )),
        402 | 403 => {
            Err(Failure::Rejected("this Plex account has no Plex Pass, which webhooks need".to_owned()))
        }
        _ => Err(failure::from_status(answer, "plex.tv")),
    }
}
