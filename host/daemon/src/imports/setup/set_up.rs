//! What another program's set-up becomes.

use std::collections::BTreeMap;

use playrelay_util::secret::Secret;

/// What another program's set-up becomes.
#[derive(Debug, Default)]
pub struct SetUp {
    /// Sections for the configuration. No secret stands in them.
    pub sections: String,
    /// Secret settings of accounts: the account, the key, the value.
    pub settings: Vec<(String, String, Secret)>,
    /// Logins of accounts.
    pub logins: Vec<SavedLogin>,
    /// The tokens of webhook addresses that are entered at servers, by source.
    pub webhook_tokens: Vec<(String, Secret)>,
    /// The names of the sources, trackers and routes that were found, in words.
    pub found: Vec<String>,
    /// What a person has to know or do.
    pub notes: Vec<String>,
}

/// A login that another program was given.
#[derive(Debug)]
pub struct SavedLogin {
    /// The account.
    pub account: String,
    /// The plugin of the account.
    pub plugin: &'static str,
    /// The tokens, by their names.
    pub parts: BTreeMap<String, Secret>,
}

/// Why a set-up cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The app is not said.
    #[error(
        "the logins are renewed by the app that they were given to; say which with --client-id and --client-secret"
    )]
    App,
    /// A file is missing or cannot be read.
    #[error("{path} cannot be read: {error}")]
    File {
        /// The file.
        path: String,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is not what it should be: {reason}")]
    Form {
        /// The file.
        path: String,
        /// What was found, and what was expected.
        reason: String,
    },
    /// A secret is encrypted, and the key is missing or wrong.
    #[error(
        "{place} is encrypted, and {reason}; put .cw_master_key beside the file, or set CW_CONFIG_KEY to the key that the program had"
    )]
    Key {
        /// The key of the file.
        place: String,
        /// What is wrong with the key.
        reason: String,
    },
}
