//! Households: whose data a store holds.

use std::sync::Arc;

/// A household: its sources, accounts, users and plays are apart from those of all others, under the same names or not. Playrelay
/// serves one today, [`Household::home`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Household(Arc<str>);

impl Household {
    /// A household by its name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The only household of a program that serves one.
    pub fn home() -> Self {
        Self::new("home")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
