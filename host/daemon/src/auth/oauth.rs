//! Requests of a login by OAuth 2, and their answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use playrelay_plugin_host::account::Account;
use playrelay_plugin_host::http::RequestPurpose;
use playrelay_plugin_host::http::client::REQUEST_TIMEOUT;
use playrelay_plugin_host::http::message::{HttpError, Request, Response};
use playrelay_plugin_host::manifest::{DeviceLogin, Encoding, part};
use playrelay_plugin_host::template::Template;
use playrelay_util::secret::Secret;
use serde_json::Value;
use url::Url;

/// Fills parameters; those that name a setting that is not set are left out.
pub(crate) fn render_parameters(
    account: &Account,
    parameters: &BTreeMap<String, Template>,
) -> Vec<(String, Secret)> {
    let fill = |(name, template): (&String, &Template)| {
        Some((name.clone(), account.outbound.render(template, None).ok()?))
    };
    parameters.iter().filter_map(fill).collect()
}

/// Sends the body of a step of a login.
pub(crate) async fn post(
    account: &Account,
    login: &DeviceLogin,
    url: &Template,
    fields: &[(String, Secret)],
) -> Result<Response, HttpError> {
    let url = Url::parse(&account.outbound.render_public(url)).map_err(|error| {
        HttpError::Denied(format!("the address of the login is not a valid URL: {error}"))
    })?;
    let pairs = fields.iter().map(|(name, value)| (name.as_str(), value.expose()));
    let (content_type, body) = match login.encoding {
        Encoding::Json => {
            let fields: serde_json::Map<_, _> =
                pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
            ("application/json", Value::Object(fields).to_string())
        }
        Encoding::Form => (
            "application/x-www-form-urlencoded",
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish(),
        ),
    };
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers.extend(
        render_parameters(account, &login.headers)
            .into_iter()
            .map(|(name, value)| (name, value.expose().to_owned())),
    );
    let request = Request {
        method: reqwest::Method::POST,
        url,
        headers,
        body: Some(body.into_bytes()),
        timeout: REQUEST_TIMEOUT,
    };
    account.outbound.send(request, RequestPurpose::Login).await
}

/// Reads an OAuth 2 token answer.
pub(crate) fn read_tokens(answer: &Response, now: Timestamp) -> Result<BTreeMap<String, Secret>, String> {
    let body: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| "the service's login answer cannot be read".to_owned())?;
    let access = body[part::ACCESS].as_str().ok_or("the service's login answer has no access token")?;
    let mut tokens = BTreeMap::from([
        (part::ACCESS.to_owned(), Secret::new(access)),
        (part::OBTAINED.to_owned(), Secret::new(now.as_second().to_string())),
    ]);
    if let Some(refresh) = body[part::REFRESH].as_str() {
        tokens.insert(part::REFRESH.to_owned(), Secret::new(refresh));
    }
    if let Some(seconds) = body["expires_in"].as_i64() {
        tokens.insert(part::EXPIRES.to_owned(), Secret::new((now.as_second() + seconds).to_string()));
    }
    Ok(tokens)
}
