//! Something that needs a person for as long as it lasts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::notifications::Urgency;

/// Something that needs a person for as long as it lasts: an account wants a login, a tracker is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is about, the same for as long as it lasts: `login:bob`.
    pub key: String,
    /// The title of the notification that begins it: a few words.
    pub title: String,
    /// A sentence or two.
    pub text: String,
    /// The title of the notification that ends it: a few words.
    pub resolved_title: String,
    /// How much its beginning disturbs. Its end disturbs nobody.
    pub urgency: Urgency,
    /// The page that shows more: `/deliveries`.
    pub page: String,
    /// The first notification comes when the condition has lasted for this long.
    pub notify_after: Duration,
    /// The least time between two notifications about it, which differ in their texts; absent if there is only one.
    pub repeat_after: Option<Duration>,
}
