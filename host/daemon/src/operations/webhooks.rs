//! Webhooks of sources: their addresses, their registration at the servers, and other tokens.

use jiff::{SignedDuration, Timestamp};
use playrelay_store::vault::VaultError;
use playrelay_store::watermarks;
use playrelay_store::watermarks::Watermark;
use serde::Serialize;
use url::Url;

use crate::app::{App, AppError};
use crate::operations::{OperationError, unknown_source};
use crate::webhooks::registration::{Registration, RegistrationAction, Tokens, encode_path_segment, rotate};

/// The address of a source's webhook.
#[derive(Clone, Debug, Serialize)]
pub struct WebhookAddress {
    /// The source's name.
    pub source: String,
    /// The address, with its secret.
    pub url: String,
    /// Until when the token before still works, UTC; absent without such a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_token_until: Option<Timestamp>,
    /// When the token before was used last, UTC; absent if it was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_token_used_at: Option<Timestamp>,
}

/// The addresses of all sources.
///
/// # Errors
///
/// Fails where the vault or the database cannot be used.
pub async fn addresses(app: &App) -> Result<Vec<WebhookAddress>, OperationError> {
    let mut addresses = Vec::new();
    for source in app.config.sources.keys() {
        let tokens = app.webhook_tokens(source).await?;
        let used = watermarks::read(&app.store, source, Watermark::OldTokenUsed).await?;
        addresses.push(WebhookAddress {
            source: source.clone(),
            url: address(app, source, &tokens),
            old_token_until: tokens.old_until(),
            old_token_used_at: used.filter(|_| tokens.old_until().is_some()),
        });
    }
    Ok(addresses)
}

/// The address of a source with a token.
pub fn address(app: &App, source: &str, tokens: &Tokens) -> String {
    format!("{}/webhook/{source}/{}", app.base_url(), encode_path_segment(tokens.current.expose()))
}

/// Has a source's server send its webhooks here, or stop, or say whether it does.
///
/// # Errors
///
/// Fails where there is no such source, no `public_url` is set, or the server does not do it. The text of a failed registration says how
/// to do it by hand.
pub async fn perform(app: &App, source: &str, action: RegistrationAction) -> Result<bool, OperationError> {
    let registration = find(app, source).await?;
    if app.config.server.public_url.is_none() {
        let text = "set `public_url` in [server] to the address at which your media server reaches Playrelay, \
                    \"http://192.168.1.5:8787\"";
        return Err(OperationError::Conflict(text.to_owned()));
    }
    registration.perform(action, app.credentials.vault()).await.map_err(|reason| {
        let by_hand = match action {
            RegistrationAction::Register => registration.instructions(),
            RegistrationAction::Verify | RegistrationAction::Remove => String::new(),
        };
        let by_hand = if by_hand.is_empty() { by_hand } else { format!("\nBy hand: {by_hand}") };
        OperationError::Upstream(format!("{reason}{by_hand}"))
    })
}

/// Sends the test message of a source's plugin to the source's address, as its server would. Gives the event's id; absent where the plugin
/// has no such message.
///
/// # Errors
///
/// Fails where there is no such source, no daemon listens, or this daemon does not take the message at that address.
pub async fn send_test(app: &App, source: &str) -> Result<Option<i64>, OperationError> {
    let registration = find(app, source).await?;
    let facts = registration.plugin.manifest.provides.webhook.as_ref();
    let Some(message) = facts.and_then(|facts| facts.test.as_ref()) else { return Ok(None) };
    let base = match (&app.config.server.public_url, app.listening_at()) {
        (Some(url), _) => url.clone(),
        (None, Some(address)) => format!("http://{address}"),
        (None, None) => {
            return Err(OperationError::Conflict("no daemon listens; start `playrelay serve`".to_owned()));
        }
    };
    let refused = |reason: String| {
        let remedy = "look at `public_url` in [server], and at the proxy in between";
        OperationError::Upstream(format!("the test message did not arrive at {base}: {reason}; {remedy}"))
    };
    let (content_type, body) = message.request();
    let address = Registration { base: base.clone(), ..registration }.address();
    let url =
        Url::parse(address.expose()).map_err(|error| refused(format!("that is no address: {error}")))?;
    let (status, text) =
        app.send_to_self(&url, &content_type, body).await.map_err(|error| refused(error.to_string()))?;
    let event = text.trim().rsplit(' ').next().and_then(|id| id.parse().ok());
    match (status, event) {
        (200..=299, Some(event)) => Ok(Some(event)),
        _ => Err(refused(format!("another program is there, which answered {status}"))),
    }
}

/// Gives a source's address another token. The one before works for some hours longer; with `force` one that does already ends now.
///
/// # Errors
///
/// Fails where there is no such source, its token stands in the configuration, or the token before that one is still valid.
pub async fn rotate_token(
    app: &App,
    source: &str,
    hours: i64,
    force: bool,
) -> Result<Tokens, OperationError> {
    let configured = app.config.sources.get(source).ok_or_else(|| unknown_source(app, source))?;
    if configured.source.webhook_token.is_some() {
        return Err(OperationError::Conflict(format!(
            "{}: [sources.{source}] has a `webhook_token` of its own; change it there, or remove it and Playrelay keeps one",
            configured.place
        )));
    }
    let before = match app.webhook_tokens(source).await {
        Err(AppError::Vault(VaultError::WrongKey(_))) if force => None,
        before => before?.old_until(),
    };
    if let Some(until) = before.filter(|_| !force) {
        return Err(OperationError::Conflict(format!(
            "the previous token is valid until {until}; use --force to end it now"
        )));
    }
    let rotated = rotate(app.credentials.vault(), source, SignedDuration::from_hours(hours)).await;
    let tokens = rotated.map_err(AppError::from)?;
    // What is noted is the use of another one.
    watermarks::erase(&app.store, source, Watermark::OldTokenUsed).await?;
    Ok(tokens)
}

/// The registration of a source.
///
/// # Errors
///
/// Fails where there is no such source, its plugin does not serve, or the vault cannot be used.
pub async fn find(app: &App, source: &str) -> Result<Registration, OperationError> {
    app.registration(source).await?.ok_or_else(|| unknown_source(app, source))
}
