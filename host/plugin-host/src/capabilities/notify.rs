//! `notify`

use playrelay_engine::notifications::{Notification, Urgency};
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::notify;
use crate::bindings::exports::playrelay::plugin::notify::Guest;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::convert;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;

/// Shows a notification to people.
pub enum Notify {}

/// A notification with the address of its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyInput {
    /// The notification.
    pub notification: Notification,
    /// The address of the page that shows more; absent if the host does not know its own address.
    pub link: Option<String>,
}

impl Capability for Notify {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    type Input = NotifyInput;
    type Output = Result<(), Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        NotifyInput { notification, link }: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let sent = notify::Notification {
            id: notification.id,
            condition: notification.condition,
            title: notification.title,
            text: notification.text,
            urgency: match notification.urgency {
                Urgency::Low => notify::Urgency::Low,
                Urgency::Normal => notify::Urgency::Normal,
                Urgency::High => notify::Urgency::High,
            },
            link,
            resolved: notification.resolved,
            at: notification.at.to_string(),
        };
        let answer = guest_call!(store, "notify.send", guest.call_send(&sent));
        Ok(answer.map_err(convert::failure))
    }
}
