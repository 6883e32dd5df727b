//! Notifications: what was said, who sends it, and a try.

use jiff::Timestamp;
use playrelay_engine::notifications::Urgency;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::config::{EMAIL, unknown_key_message};
use crate::notify::{self, state};
use crate::operations::OperationError;

/// How notifications stand.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NotificationReport {
    /// Who sends them.
    pub notifiers: Vec<NotifierSummary>,
    /// What needs a person now.
    pub conditions: Vec<ConditionSummary>,
}

/// Who sends notifications.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NotifierSummary {
    /// The name in the configuration; `email` for `[notify.email]`.
    #[schema(example = "phone")]
    pub name: String,
    /// The plugin; absent for e-mail, which the host sends.
    #[schema(example = "gotify")]
    pub plugin: Option<String>,
    /// Whether it can send: its plugin serves.
    pub ready: bool,
    /// Notifications that wait.
    pub waiting: usize,
    /// When one was last sent; absent if none was.
    pub sent_at: Option<Timestamp>,
    /// Why the last attempt failed, one sentence; absent if it did not.
    #[schema(example = "gotify refuses the token")]
    pub failure: Option<String>,
}

/// Something that needs a person for as long as it lasts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConditionSummary {
    /// What it is about.
    #[schema(example = "login:bob")]
    pub key: String,
    /// A few words.
    #[schema(example = "bob wants a new login")]
    pub title: String,
    /// A sentence or two; can be empty.
    pub text: String,
    /// `low`, `normal` or `high`.
    #[schema(value_type = String, example = "high")]
    pub urgency: Urgency,
    /// Since when it lasts.
    pub since: Timestamp,
    /// When it was said; absent if it was not yet.
    pub said_at: Option<Timestamp>,
}

/// Looks at how notifications stand.
///
/// # Errors
///
/// Fails where the database cannot be read.
pub async fn report(app: &App) -> Result<NotificationReport, OperationError> {
    let accounts = app.config.notifiers.iter().map(|(name, account)| (name.as_str(), Some(&account.plugin)));
    let email = app.config.notify.email.as_ref().map(|_| (EMAIL, None));
    let mut notifiers = Vec::new();
    for (name, plugin) in accounts.chain(email) {
        let queue = state::queue(&app.store, name).await?;
        notifiers.push(NotifierSummary {
            name: name.to_owned(),
            plugin: plugin.cloned(),
            ready: plugin.is_none() || app.plugin(name).is_some(),
            waiting: queue.len(),
            sent_at: queue.sent_at,
            failure: queue.failure.clone(),
        });
    }
    let ledger = state::ledger(&app.store).await?;
    let conditions = ledger.lasting().filter(|_| !notifiers.is_empty()).map(|lasting| ConditionSummary {
        key: lasting.condition.key.clone(),
        title: lasting.condition.title.clone(),
        text: lasting.condition.text.clone(),
        urgency: lasting.condition.urgency,
        since: lasting.since,
        said_at: lasting.notified_at,
    });
    let conditions = conditions.collect();
    Ok(NotificationReport { notifiers, conditions })
}

/// Sends a notification that says it is a test, at once, through one notifier.
///
/// # Errors
///
/// Fails where there is no such notifier, or its service does not take the notification; the error says why.
pub async fn send_test(app: &App, name: &str) -> Result<(), OperationError> {
    if let Some(sent) = notify::send_test(app, name).await {
        return sent.map_err(|error| OperationError::Upstream(error.to_string()));
    }
    if app.config.notifiers.contains_key(name) {
        let text = format!("the plugin of notifier {name:?} does not serve; see `playrelay plugin list`");
        return Err(OperationError::Conflict(text));
    }
    let email = app.config.notify.email.as_ref().map(|_| EMAIL.to_owned());
    let known: Vec<String> = app.config.notifiers.keys().cloned().chain(email).collect();
    Err(OperationError::NotFound(unknown_key_message("notifier", name, "the configuration", &known)))
}
