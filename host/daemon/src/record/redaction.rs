//! Removes secrets, addresses and the identity of people from a record. Titles, ids of titles, times and numbers stay: without them a
//! record says nothing.

use playrelay_plugin_host::http::{Request, Response};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::record::exchange::Exchange;

/// The text in place of one that was removed.
const REDACTED: &str = "[redacted]";
/// The largest body that is kept. Bytes.
const LARGEST_BODY: usize = 256 << 10;
/// Parts of the names of fields and parameters whose values go, in lower case and without separators.
const TELLING_PARTS: [&str; 16] = [
    "token",
    "secret",
    "password",
    "apikey",
    "accesskey",
    "authorization",
    "email",
    "address",
    "endpoint",
    "username",
    "friendlyname",
    "avatar",
    "devicecode",
    "usercode",
    "clientid",
    "captcha",
];
/// Whole names whose values go.
const TELLING_NAMES: [&str; 21] = [
    "pw",
    "ip",
    "code",
    "uuid",
    "useruuid",
    "slug",
    "location",
    "about",
    "age",
    "dob",
    "gender",
    "joinedat",
    "userid",
    "accountid",
    "deviceid",
    "devicename",
    "machineidentifier",
    "clientidentifier",
    "serverid",
    "servername",
    "path",
];
/// Names of objects that describe a person: their name and id are redacted as well.
const PEOPLE: [&str; 4] = ["user", "account", "accounts", "users"];

/// An exchange as it may be shown to others.
pub fn redacted(service: &str, request: &Request, response: &Response) -> Exchange {
    let is_form = request.headers.iter().any(|(name, value)| {
        name == "content-type" && value.starts_with("application/x-www-form-urlencoded")
    });
    Exchange {
        service: service.to_owned(),
        method: request.method.to_string(),
        path: path(&request.url),
        request: body(request.body.as_deref().unwrap_or_default(), is_form),
        status: response.status,
        answer: body(&response.body, false),
        is_faulty: false,
    }
}

/// A value as it may be shown to others.
pub fn redacted_value(mut value: Value) -> Value {
    redact(&mut value, false);
    value
}

/// A body as it may be shown to others: JSON is redacted, a form becomes an object, and what is neither is left out.
pub fn redacted_body(bytes: &[u8], is_form: bool) -> Value {
    body(bytes, is_form)
}

/// Whether the value of a field or a header of this name is not to be shown to others.
pub fn is_telling_name(name: &str) -> bool {
    is_telling(name)
}

/// Whether a field of this name describes a person: their name and their id are in it.
pub fn names_person(name: &str) -> bool {
    PEOPLE.contains(&plain(name).as_str())
}

/// Whether a field of a person tells who they are.
pub fn is_personal_name(name: &str) -> bool {
    matches!(plain(name).as_str(), "name" | "id" | "title")
}

/// The path, and the query with its telling values redacted.
fn path(url: &url::Url) -> String {
    if url.query().is_none() {
        return url.path().to_owned();
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in url.query_pairs() {
        query.append_pair(&name, if is_telling(&name) { REDACTED } else { &value });
    }
    format!("{}?{}", url.path(), query.finish())
}

fn body(bytes: &[u8], is_form: bool) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    if bytes.len() > LARGEST_BODY {
        return json!(format!("[left out: {} bytes]", bytes.len()));
    }
    let read = if is_form {
        let fields = form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), json!(value)));
        Some(Value::Object(fields.collect::<Map<_, _>>()))
    } else {
        serde_json::from_slice(bytes).ok()
    };
    match read {
        Some(mut value) => {
            redact(&mut value, false);
            value
        }
        // Nobody knows what stands in it.
        None => json!(format!("[left out: {} bytes that are no JSON]", bytes.len())),
    }
}

/// Redacts what is telling by its name. Of a person the name and the id are telling, too.
fn redact(value: &mut Value, is_person: bool) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_telling(name) || (is_person && is_personal_name(name)) {
                    blank(value);
                } else {
                    redact(value, names_person(name));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, is_person)),
        Value::String(text) => {
            // Addresses of pictures carry tokens.
            if text.starts_with("http://") || text.starts_with("https://") {
                REDACTED.clone_into(text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The same kind of value, which says nothing.
fn blank(value: &mut Value) {
    match value {
        Value::String(text) => REDACTED.clone_into(text),
        Value::Number(_) => *value = json!(0),
        Value::Array(items) => items.iter_mut().for_each(blank),
        // The ids of a title stand in objects whose name is telling elsewhere.
        Value::Object(fields) => fields.values_mut().for_each(blank),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_telling(name: &str) -> bool {
    let plain = plain(name);
    TELLING_NAMES.contains(&plain.as_str()) || TELLING_PARTS.iter().any(|part| plain.contains(part))
}

/// `X-Server-Token` and `access_token` are `xservertoken` and `accesstoken`.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_personal_goes_and_what_was_watched_stays() {
        let request = Request {
            method: reqwest::Method::POST,
            url: "https://api.example/sync?client_id=0123&type=movie&X-Server-Token=abc".parse().unwrap(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Some(br#"{"movies":[{"title":"Inception","ids":{"imdb":"tt1375666"}}]}"#.to_vec()),
            timeout: Duration::from_secs(1),
        };
        let answer = json!({
            "id": 7, "title": "Inception", "thumb": "https://pictures.example/users/1?c=1", "remoteEndPoint": "192.168.1.7",
            "User": { "Id": "50e1", "Name": "mia", "Email": "mia@example.org", "Policy": { "IsAdministrator": true } },
            "sessions": [{ "UserName": "mia", "NowPlayingItem": { "Id": "9", "Name": "Mirror" } }],
            "limits": { "watchlist": { "item_count": 100 } }, "access_token": "xyz", "expires_in": 3_600,
        });
        let response = Response { status: 200, headers: Vec::new(), body: answer.to_string().into_bytes() };
        let exchange = redacted("a-plugin", &request, &response);
        assert_eq!(exchange.path, "/sync?client_id=%5Bredacted%5D&type=movie&X-Server-Token=%5Bredacted%5D");
        assert_eq!(exchange.request["movies"][0]["ids"]["imdb"], "tt1375666");
        assert_eq!(
            exchange.answer,
            json!({
                "id": 7, "title": "Inception", "thumb": "[redacted]", "remoteEndPoint": "[redacted]",
                "User": { "Id": "[redacted]", "Name": "[redacted]", "Email": "[redacted]", "Policy": { "IsAdministrator": true } },
                "sessions": [{ "UserName": "[redacted]", "NowPlayingItem": { "Id": "9", "Name": "Mirror" } }],
                "limits": { "watchlist": { "item_count": 100 } }, "access_token": "[redacted]", "expires_in": 3_600,
            })
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let left_out = |bytes: &[u8]| body(bytes, false).as_str().unwrap_or_default().to_owned();
        assert_eq!(left_out(b"<html>mia</html>"), "[left out: 16 bytes that are no JSON]");
        assert!(left_out(&vec![b'1'; LARGEST_BODY + 1]).starts_with("[left out: 262145 bytes]"));
        assert_eq!(body(b"pw=x&user=mia", true), json!({ "pw": "[redacted]", "user": "mia" }));
    }
}
