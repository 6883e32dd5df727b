//! Who sends: the plugin of an account, or e-mail.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use playrelay_engine::notifications::Notification;
use playrelay_plugin_host::capabilities::{Notify, NotifyInput};
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_util::clock;

use crate::app::App;
use crate::config::{EMAIL, Email};
use crate::notify::email;
use crate::notify::error::SendError;

/// Who sends notifications.
pub(crate) enum Notifier {
    /// The plugin of an account of `[notifiers]`.
    Plugin(Arc<Plugin>, CallTarget),
    /// `[notify.email]`
    Email(Email),
}

impl App {
    /// All notifiers that can send, by name.
    pub(crate) fn notifiers(&self) -> Vec<(String, Notifier)> {
        let accounts = self.config.notifiers.keys().filter_map(|name| {
            let (plugin, target) = self.plugin(name)?;
            Some((name.clone(), Notifier::Plugin(plugin, target)))
        });
        let email = self.config.notify.email.clone();
        accounts.chain(email.map(|email| (EMAIL.to_owned(), Notifier::Email(email)))).collect()
    }
}

impl Notifier {
    /// Sends a notification.
    ///
    /// # Errors
    ///
    /// The service was not reached, or refused it.
    pub(crate) async fn send(&self, app: &App, notification: &Notification) -> Result<(), SendError> {
        // Ids of another installation are other ones.
        let id = format!("{}/{}", app.installation, notification.id);
        let notification = Notification { id, ..notification.clone() };
        let link = app.config.server.public_url.as_ref().map(|url| format!("{url}{}", notification.page));
        match self {
            Self::Plugin(plugin, target) => {
                let input = NotifyInput { notification, link };
                match plugin.call::<Notify>(target, input).await.0 {
                    Ok(answer) => answer.map_err(|failure| from_failure(failure, clock::now())),
                    Err(fault) => Err(SendError::Later { reason: fault.to_string(), after: None }),
                }
            }
            Self::Email(settings) => {
                let has_system_roots = app.wire.without_system_roots().is_none();
                email::send(settings, &notification, link.as_deref(), has_system_roots).await
            }
        }
    }
}

fn from_failure(failure: Failure, now: Timestamp) -> SendError {
    let reason = failure.reason().to_owned();
    match failure {
        Failure::Retry { after_ms, .. } => {
            SendError::Later { reason, after: after_ms.map(|ms| Duration::from_millis(ms.into())) }
        }
        Failure::Quota { until, .. } => {
            let after = until.parse::<Timestamp>().ok().map(|until| until.duration_since(now));
            SendError::Later { reason, after: after.and_then(|after| after.try_into().ok()) }
        }
        Failure::Unauthorized(_) | Failure::Blocked(_) => SendError::until_corrected(reason),
        Failure::Rejected(_) => SendError::Refused(reason),
    }
}
