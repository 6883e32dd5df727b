//! Helpers for logins: requests from whose answers the host keeps secrets.

use serde::{Deserialize, Serialize};

use crate::capability::auth::{Grant, Outcome, Step};
use crate::host::http::{self, Body, Capture, Method, Request};
use crate::host::settings;
use crate::host::types::{Failure, Field};
use crate::http::Response;

/// A request of a login.
pub struct LoginRequest<'a> {
    /// The verb.
    pub method: Method,
    /// The address.
    pub url: &'a str,
    /// Headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, of the type that the headers say.
    pub body: Option<String>,
    /// The secrets that the host keeps from the answer: pointers and names.
    pub captures: Vec<(String, String)>,
}

/// Sends it.
pub fn send_login_request(ask: LoginRequest<'_>) -> Result<Response, Failure> {
    let field = |(name, value): &(&str, &str)| Field { name: (*name).to_owned(), value: (*value).to_owned() };
    let request = Request {
        method: ask.method,
        url: ask.url.to_owned(),
        headers: ask.headers.iter().map(field).collect(),
        body: ask.body.map_or(Body::None, Body::Text),
        timeout_ms: None,
        captures: ask.captures.into_iter().map(|(pointer, secret)| Capture { pointer, secret }).collect(),
    };
    http::send(&request).map(Response::from).map_err(crate::failure::from_http_error)
}

/// Stands for what was captured under a name.
pub fn captured(name: &str) -> String {
    format!("{{captured.{name}}}")
}

/// A named value.
pub fn field(name: &str, value: impl Into<String>) -> Field {
    Field { name: name.to_owned(), value: value.into() }
}

/// The grant of a login that is valid until the service refuses it.
pub fn grant(settings: Vec<Field>, account_name: Option<String>) -> Grant {
    Grant { settings, account_name, expires_s: None }
}

/// The end of a login.
pub fn granted(grant: Grant) -> Result<Step, Failure> {
    step(Outcome::Granted(grant), &())
}

/// The failure of a plugin that cannot renew a login.
pub fn cannot_renew() -> Result<Grant, Failure> {
    Err(Failure::Unauthorized("this login cannot be renewed".to_owned()))
}

/// A step, with what is to be remembered until the next.
pub fn step(outcome: Outcome, memory: &impl Serialize) -> Result<Step, Failure> {
    let state = serde_json::to_vec(memory).map_err(|error| Failure::Rejected(error.to_string()))?;
    Ok(Step { outcome, state })
}

/// Reads the state of a login.
pub fn read_state<'a, T: Deserialize<'a>>(state: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(state).map_err(|error| {
        Failure::Rejected(format!("the state of the login cannot be read: {error}; start again"))
    })
}

/// A server that a login has found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Server {
    /// As shown to who chooses.
    pub name: String,
    /// The id of the server; absent if the service gives none.
    pub id: Option<String>,
    /// The best one first.
    pub addresses: Vec<String>,
}

impl Server {
    /// Its addresses: the host takes the first one that answers as `url`.
    pub fn urls(&self) -> Vec<Field> {
        self.addresses.iter().map(|address| field("url", address.clone())).collect()
    }

    /// Another server answers at `url`: a home has an address that many homes have. Strikes it off; an error where no other is left.
    pub fn discard_current_address(&mut self) -> Result<(), Failure> {
        let here = settings::get("url").unwrap_or_default();
        let before = self.addresses.len();
        self.addresses.retain(|address| *address != here);
        if self.addresses.len() == before {
            return Err(Failure::Rejected(format!(
                "another server than {} answers at {here}; correct `url`, or choose the server that is there",
                self.name
            )));
        }
        match self.addresses.is_empty() {
            true => Err(Failure::Rejected(format!("{} answers at none of its addresses", self.name))),
            false => Ok(()),
        }
    }
}

/// The value of a field of the form.
pub fn form_value(form: &[Field], name: &str) -> String {
    form.iter().find(|field| field.name == name).map(|field| field.value.clone()).unwrap_or_default()
}
