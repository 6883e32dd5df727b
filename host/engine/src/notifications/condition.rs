//! Something that needs a person for as long as it lasts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::notifications::Urgency;

/// Something that needs a person for as long as it lasts: an account wants a login, a tracker is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is about, the same for as long as it lasts: `login:bob`.
    pub key: String,
    /// What is said when it begins: a few words.
    pub title: String,
    /// A sentence or two.
    pub text: String,
    /// What is said when it is over: a few words.
    pub over: String,
    /// How much its beginning disturbs. Its end disturbs nobody.
    pub urgency: Urgency,
    /// The page that shows more: `/deliveries`.
    pub page: String,
    /// For how long it must have lasted before it is said.
    pub said_after: Duration,
    /// How long it takes until it is said again with another text; absent: it is said once.
    pub repeated_after: Option<Duration>,
}
