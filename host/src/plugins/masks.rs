//! Secrets that a guest works with and never sees: it has a marker, and the host puts the secret in its place on the wire.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::http::{Request, Response};
use crate::secret::Secret;

/// Secrets that are captured in one login.
const MOST: usize = 64;
/// Secrets shorter than this are not searched for in answers: they would be found everywhere.
const SHORTEST: usize = 6;

/// The secrets of a login or of a webhook, by their markers: `{form.password}`.
#[derive(Debug, Default)]
pub struct Masks(Mutex<BTreeMap<String, Secret>>);

impl Masks {
    /// Masks for some secrets.
    pub fn new(secrets: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self(Mutex::new(secrets.into_iter().collect()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The marker of what was captured under a name.
    pub fn captured(name: &str) -> String {
        format!("{{captured.{name}}}")
    }

    /// The secret behind a marker.
    pub fn secret(&self, marker: &str) -> Option<Secret> {
        self.lock().get(marker).cloned()
    }

    /// Puts the secrets in the places of their markers, written as each place wants it.
    pub fn unmask(&self, request: &mut Request) {
        let secrets = self.lock();
        let encoded =
            |secret: &Secret| url::form_urlencoded::byte_serialize(secret.expose().as_bytes()).collect();
        let url = request.url.as_str();
        // A URL has the braces of a marker escaped, in its query and in its path.
        let in_url = secrets.iter().fold(url.to_owned(), |url, (marker, secret)| {
            let secret: String = encoded(secret);
            let escaped = marker.replace('{', "%7B").replace('}', "%7D");
            url.replace(marker.as_str(), &secret).replace(&escaped, &secret)
        });
        if in_url != url
            && let Ok(url) = in_url.parse()
        {
            request.url = url;
        }
        for (_, value) in &mut request.headers {
            *value = secrets.iter().fold(value.clone(), |value, (marker, secret)| {
                value.replace(marker.as_str(), secret.expose())
            });
        }
        let kind =
            request.headers.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| kind.as_str());
        let is_form = kind.is_some_and(|kind| kind.contains("form-urlencoded"));
        if let Some(body) = &request.body
            && let Ok(text) = std::str::from_utf8(body)
        {
            let written = |secret: &Secret| -> String {
                match is_form {
                    true => encoded(secret),
                    // As it stands within the quotes of a JSON text.
                    false => Value::from(secret.expose()).to_string().trim_matches('"').to_owned(),
                }
            };
            let text = secrets.iter().fold(text.to_owned(), |text, (marker, secret)| {
                let escaped: String = url::form_urlencoded::byte_serialize(marker.as_bytes()).collect();
                let secret = written(secret);
                text.replace(marker.as_str(), &secret).replace(&escaped, &secret)
            });
            request.body = Some(text.into_bytes());
        }
    }

    /// Takes values out of an answer, each an RFC 6901 pointer and a name; what is not there, or empty, is left alone.
    pub fn capture(&self, response: &mut Response, captures: &[(String, String)]) {
        let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else { return };
        let mut secrets = self.lock();
        for (pointer, name) in captures.iter().take(MOST) {
            let Some(value) = body.pointer_mut(pointer) else { continue };
            let Some(text) = value.as_str().filter(|text| !text.is_empty()) else { continue };
            let marker = Self::captured(name);
            secrets.insert(marker.clone(), Secret::new(text));
            *value = Value::from(marker);
        }
        drop(secrets);
        response.body = body.to_string().into_bytes();
        self.mask(response);
    }

    /// Puts the markers in the places of their secrets, wherever they stand in an answer.
    pub fn mask(&self, response: &mut Response) {
        let secrets = self.lock();
        let hide = |text: &str| {
            let long = secrets.iter().filter(|(_, secret)| secret.expose().len() >= SHORTEST);
            long.fold(text.to_owned(), |text, (marker, secret)| text.replace(secret.expose(), marker))
        };
        for (_, value) in &mut response.headers {
            *value = hide(value);
        }
        response.body = hide(&String::from_utf8_lossy(&response.body)).into_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: &str, body: &str) -> Request {
        Request {
            method: reqwest::Method::POST,
            url: "https://a.example/x?secret={form.p}".parse().unwrap(),
            headers: vec![
                ("content-type".to_owned(), kind.to_owned()),
                ("x-token".to_owned(), "{form.p}".to_owned()),
            ],
            body: Some(body.as_bytes().to_vec()),
            timeout: std::time::Duration::from_secs(1),
        }
    }

    #[test]
    fn a_secret_is_written_as_its_place_wants_it() {
        let masks = Masks::new([("{form.p}".to_owned(), Secret::new("a\"b&c d"))]);
        let mut json = request("application/json", r#"{"Pw":"{form.p}"}"#);
        masks.unmask(&mut json);
        assert_eq!(json.url.as_str(), "https://a.example/x?secret=a%22b%26c+d");
        assert_eq!(json.body.unwrap(), br#"{"Pw":"a\"b&c d"}"#);
        assert_eq!(json.headers[1].1, "a\"b&c d");
        let mut form = request("application/x-www-form-urlencoded", "pw=%7Bform.p%7D&x=1");
        masks.unmask(&mut form);
        assert_eq!(form.body.unwrap(), b"pw=a%22b%26c+d&x=1");
    }

    #[test]
    fn what_is_captured_is_hidden_from_then_on() {
        let masks = Masks::default();
        let answer =
            |body: &str| Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() };
        let mut first = answer(r#"{"a":[{"token":"secret-token"}],"b":null}"#);
        let captures = [("/a/0/token", "t"), ("/b", "none"), ("/c", "gone")]
            .map(|(at, name)| (at.to_owned(), name.to_owned()));
        masks.capture(&mut first, &captures);
        assert_eq!(String::from_utf8(first.body).unwrap(), r#"{"a":[{"token":"{captured.t}"}],"b":null}"#);
        let mut second = answer("it is secret-token again");
        masks.mask(&mut second);
        assert_eq!(second.body, b"it is {captured.t} again");
        assert_eq!(masks.secret("{captured.t}").unwrap().expose(), "secret-token");
        assert!(masks.secret("{captured.none}").is_none());
    }
}
