//! The app that a program was known as.

use playrelay_util::secret::Secret;

/// The app that a program was known as: a login is renewed by the same one only.
pub struct ClientKeys {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
}
