//! Secrets that a guest works with and never sees: it has a marker, and the host puts the secret in its place on the wire.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD as BASE64, URL_SAFE_NO_PAD as BASE64_URL};
use playrelay_util::lock::lock;
use playrelay_util::secret::Secret;
use serde_json::Value;

use crate::device_key::{DeviceKey, DeviceKeyError};
use crate::http::message::{Request, Response};

/// Values that one request may capture out of its answer.
pub const MAX_CAPTURES: usize = 64;
/// Secrets that one login may keep.
const MAX_SECRETS: usize = 256;
/// The longest secret. Bytes.
const MAX_SECRET_BYTES: usize = 8 << 10;
/// The longest body with secrets in it. Bytes.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Secrets shorter than this are not searched for in answers: they would be found everywhere.
const MIN_REDACTED_BYTES: usize = 6;
/// The beginning of the marker of a field of a form.
const FORM_PREFIX: &str = "{form.";

/// The secrets of a login or of a webhook, by their markers: `{form.password}`.
#[derive(Debug, Default)]
pub struct SecretPlaceholders {
    secrets: Mutex<BTreeMap<String, Secret>>,
    /// The key of the login, once its plugin has asked for one.
    device_key: Mutex<Option<Arc<DeviceKey>>>,
}

impl SecretPlaceholders {
    /// Masks for some secrets.
    pub fn new(secrets: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self { secrets: Mutex::new(secrets.into_iter().collect()), device_key: Mutex::default() }
    }

    /// Masks for the renewal of a login that has a device key.
    pub fn with_device_key(key: DeviceKey) -> Self {
        Self { device_key: Mutex::new(Some(Arc::new(key))), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        lock(&self.secrets)
    }

    /// The device key of the login, where there is one.
    pub fn device_key(&self) -> Option<Arc<DeviceKey>> {
        lock(&self.device_key).clone()
    }

    /// The device key of the login; a new one is made for the first who asks.
    ///
    /// # Errors
    ///
    /// The system gives no random numbers.
    pub fn device_key_or_new(&self) -> Result<Arc<DeviceKey>, DeviceKeyError> {
        let mut key = lock(&self.device_key);
        if let Some(key) = key.as_ref() {
            return Ok(Arc::clone(key));
        }
        Ok(Arc::clone(key.insert(Arc::new(DeviceKey::generate()?))))
    }

    /// Keeps a secret under a name, as if it had been captured.
    ///
    /// # Errors
    ///
    /// The name is not valid, or too many secrets are kept.
    pub fn keep(&self, name: &str, secret: Secret) -> Result<(), String> {
        let mut secrets = self.lock();
        let marker = Self::capture_marker(name);
        if secrets.len() >= MAX_SECRETS && !secrets.contains_key(&marker) {
            return Err(format!("a login may keep {MAX_SECRETS} secrets"));
        }
        secrets.insert(marker, secret);
        Ok(())
    }

    /// The marker of what was captured under a name.
    pub fn capture_marker(name: &str) -> String {
        format!("{{captured.{name}}}")
    }

    /// The secret behind a marker.
    pub fn secret(&self, marker: &str) -> Option<Secret> {
        self.lock().get(marker).cloned()
    }

    /// Forgets what the user typed: it is not for servers that were found on the way.
    pub fn forget_form(&self) {
        self.lock().retain(|marker, _| !marker.starts_with(FORM_PREFIX));
    }

    /// Puts the secrets in the places of their markers, written as each place wants it. Never in the name of a host: who is asked
    /// for it would learn it. An error where the request becomes too large.
    ///
    /// # Errors
    ///
    /// The request becomes too large, or a marker has no secret.
    pub fn substitute(&self, request: &mut Request) -> Result<(), String> {
        let secrets = self.lock();
        let in_url = |text: &str| substitute_in(text, &secrets, true, &percent);
        let (path, query) = (in_url(request.url.path()), request.url.query().map(in_url));
        request.url.set_path(&path);
        request.url.set_query(query.as_deref());
        for (_, value) in &mut request.headers {
            *value = substitute_in(value, &secrets, false, &|secret| secret.to_owned());
        }
        let mut kinds = request.headers.iter().filter(|(name, _)| name == "content-type");
        let is_form = kinds.any(|(_, kind)| kind.contains("form-urlencoded"));
        if let Some(body) = &request.body
            && let Ok(text) = std::str::from_utf8(body)
        {
            let markers = text.matches('{').count() + text.matches("%7B").count();
            if markers.saturating_mul(MAX_SECRET_BYTES) > MAX_BODY_BYTES * 8 {
                return Err("the body has too many markers".to_owned());
            }
            let text = substitute_in(text, &secrets, is_form, if is_form { &form_encoded } else { &in_json });
            if text.len() > MAX_BODY_BYTES {
                return Err(format!("the body is larger than {MAX_BODY_BYTES} bytes"));
            }
            request.body = Some(text.into_bytes());
        }
        Ok(())
    }

    /// Takes values out of an answer, each an RFC 6901 pointer and a name; what is not there, or empty, is left alone.
    pub fn capture(&self, response: &mut Response, captures: &[(String, String)]) {
        if let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) {
            let mut secrets = self.lock();
            for (pointer, name) in captures {
                let Some(value) = body.pointer_mut(pointer) else { continue };
                let Some(text) = value.as_str().filter(|text| !text.is_empty()) else { continue };
                let marker = Self::capture_marker(name);
                // One that is too long to be a secret is hidden all the same.
                if text.len() <= MAX_SECRET_BYTES && secrets.len() < MAX_SECRETS {
                    secrets.insert(marker.clone(), Secret::new(text));
                }
                *value = Value::from(marker);
            }
            drop(secrets);
            response.body = body.to_string().into_bytes();
        }
        self.redact(response);
    }

    /// Puts the markers in the places of their secrets, wherever they stand in an answer, however they are written.
    pub fn redact(&self, response: &mut Response) {
        let secrets = self.lock();
        let hide = |text: &str| {
            let long = secrets.iter().filter(|(_, secret)| secret.expose().len() >= MIN_REDACTED_BYTES);
            long.fold(text.to_owned(), |text, (marker, secret)| {
                written(secret.expose())
                    .into_iter()
                    .fold(text, |text, written| text.replace(&written, marker))
            })
        };
        for (_, value) in &mut response.headers {
            *value = hide(value);
        }
        response.body = hide(&String::from_utf8_lossy(&response.body)).into_bytes();
    }
}

/// Fills markers in one pass: what a secret contains is never taken for a marker. Where braces are written escaped, so are markers.
fn substitute_in(
    text: &str,
    secrets: &BTreeMap<String, Secret>,
    is_escaped: bool,
    write: &dyn Fn(&str) -> String,
) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    'rest: while let Some(letter) = rest.chars().next() {
        for (marker, secret) in secrets.iter().filter(|_| matches!(letter, '{' | '%')) {
            let escaped = percent(marker);
            let braces = marker.replace('{', "%7B").replace('}', "%7D");
            let written = [marker.as_str(), &escaped, &braces];
            let known = written.iter().take(if is_escaped { 3 } else { 1 });
            if let Some(after) = known.into_iter().find_map(|it| rest.strip_prefix(*it)) {
                filled.push_str(&write(secret.expose()));
                rest = after;
                continue 'rest;
            }
        }
        filled.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    filled
}

/// A secret in all the ways in which answers write it: as it is, in JSON, with escapes for whatever is no letter, in a URL, in base64.
pub fn written(secret: &str) -> Vec<String> {
    let escaped: String = secret
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter.to_string()
            } else {
                format!("\\u{:04x}", u32::from(letter))
            }
        })
        .collect();
    let strict: String =
        secret
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
    let upper = escaped.split("\\u").enumerate().map(|(place, part)| match (place, part.get(..4)) {
        (1.., Some(digits)) => format!("\\u{}{}", digits.to_ascii_uppercase(), &part[4..]),
        _ => part.to_owned(),
    });
    let bytes = secret.as_bytes();
    let mut all = vec![
        secret.to_owned(),
        in_json(secret),
        upper.collect(),
        escaped,
        percent(secret),
        form_encoded(secret),
        strict,
        BASE64.encode(bytes),
        BASE64_URL.encode(bytes),
        bytes.iter().map(|byte| format!("%{byte:02X}")).collect(),
        bytes.iter().map(|byte| format!("%{byte:02x}")).collect(),
        secret.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect(),
        secret.chars().map(|letter| format!("\\u{:04X}", u32::from(letter))).collect(),
    ];
    all.dedup();
    all
}

/// As it stands within an address: in its path as in its query, where a plus sign would be another thing.
pub(crate) fn percent(text: &str) -> String {
    form_encoded(text).replace('+', "%20")
}

/// As it stands in a form.
fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// As it stands within the quotes of a JSON text.
fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
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

    fn answer(body: &str) -> Response {
        Response { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_secret_is_written_as_its_place_wants_it() {
        let placeholders = SecretPlaceholders::new([("{form.p}".to_owned(), Secret::new("a\"b&c d\""))]);
        let mut json = request("application/json", r#"{"Pw":"{form.p}"}"#);
        placeholders.substitute(&mut json).unwrap();
        assert_eq!(json.url.as_str(), "https://a.example/x?secret=a%22b%26c%20d%22");
        assert_eq!(json.body.unwrap(), br#"{"Pw":"a\"b&c d\""}"#);
        assert_eq!(json.headers[1].1, "a\"b&c d\"");
        let mut form = request("application/x-www-form-urlencoded", "pw=%7Bform.p%7D&x=1");
        placeholders.substitute(&mut form).unwrap();
        assert_eq!(form.body.unwrap(), b"pw=a%22b%26c+d%22&x=1");
    }

    #[test]
    fn no_host_learns_a_secret_by_its_own_name() {
        let placeholders = SecretPlaceholders::new([("{form.p}".to_owned(), Secret::new("deadbeef"))]);
        let mut request = request("application/json", "");
        let Ok(url) = "https://{form.p}.evil.example/".parse() else { return };
        request.url = url;
        placeholders.substitute(&mut request).unwrap();
        assert!(!request.url.as_str().contains("deadbeef"), "{}", request.url);
    }

    #[test]
    fn secrets_are_no_markers_and_there_are_not_endlessly_many() {
        let placeholders = SecretPlaceholders::new([
            ("{captured.a}".to_owned(), Secret::new("x{form.p}")),
            ("{form.p}".to_owned(), Secret::new("password")),
        ]);
        let mut once = request("text/plain", "{captured.a}");
        placeholders.substitute(&mut once).unwrap();
        assert_eq!(once.body.unwrap(), b"x{form.p}");
        let mut many = request("text/plain", &"{form.p}".repeat(1 << 20));
        assert!(placeholders.substitute(&mut many).is_err());
        placeholders.forget_form();
        assert!(placeholders.secret("{form.p}").is_none() && placeholders.secret("{captured.a}").is_some());
    }

    #[test]
    fn a_secret_is_known_in_whatever_form_it_is_echoed() {
        let secret = "S3cr3t-Tok+en/=&\"x";
        let all = written(secret);
        for form in [
            secret,
            "S3cr3t-Tok+en/=&\\\"x",
            "S3cr3t\\u002dTok\\u002ben\\u002f\\u003d\\u0026\\u0022x",
            "S3cr3t\\u002DTok\\u002Ben\\u002F\\u003D\\u0026\\u0022x",
            "S3cr3t-Tok%2Ben%2F%3D%26%22x",
            "S3cr3t%2DTok%2Ben%2F%3D%26%22x",
            "UzNjcjN0LVRvaytlbi89JiJ4",
        ] {
            assert!(all.iter().any(|written| written == form), "{form}: {all:?}");
        }
    }

    #[test]
    fn what_is_captured_is_hidden_from_then_on() {
        let placeholders = SecretPlaceholders::new([("{form.p}".to_owned(), Secret::new("pass\"word"))]);
        let mut first = answer(r#"{"a":[{"token":"secret-token"}],"b":null}"#);
        let captures = [("/a/0/token", "t"), ("/b", "none"), ("/c", "gone")]
            .map(|(at, name)| (at.to_owned(), name.to_owned()));
        placeholders.capture(&mut first, &captures);
        assert_eq!(String::from_utf8(first.body).unwrap(), r#"{"a":[{"token":"{captured.t}"}],"b":null}"#);
        for (said, heard) in [
            ("it is secret-token again", "it is {captured.t} again"),
            ("<p>pass\"word</p>", "<p>{form.p}</p>"),
            ("pass%22word, pass\\\"word", "{form.p}, {form.p}"),
        ] {
            let mut echo = answer(said);
            placeholders.capture(&mut echo, &captures);
            assert_eq!(String::from_utf8(echo.body).unwrap(), heard);
        }
        assert_eq!(placeholders.secret("{captured.t}").unwrap().expose(), "secret-token");
        assert!(placeholders.secret("{captured.none}").is_none());
    }
}
