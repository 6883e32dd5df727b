//! Why a plugin cannot be fetched.

use std::fmt;

use playrelay_plugin_host::artifact::{Digest, SIZE_LIMIT};

/// Why a plugin cannot be fetched. Each text says what helps.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text names no place.
    #[error(
        "{text:?} is no source of a plugin ({reason}); expected a file, an https address or a place in a registry, as ./notebook.wasm, \
         https://example.org/notebook.wasm or ghcr.io/someone/notebook:1.2"
    )]
    Source {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An address was given without the digest of what is behind it.
    #[error(
        "{source_text} may have something else tomorrow; add `--digest sha256:…`, which the author publishes beside the file, so that exactly this file is \
         installed"
    )]
    DigestMissing {
        /// The address.
        source_text: String,
    },
    /// The text is no digest.
    #[error("{0:?} is no digest; expected `sha256:` and 64 hexadecimal digits")]
    Digest(String),
    /// The bytes are others.
    #[error(
        "{source_text} has the digest sha256:{found}, and sha256:{expected} was expected: it is another file"
    )]
    OtherDigest {
        /// Where they are from.
        source_text: String,
        /// What was asked for.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
    /// Too many bytes.
    #[error("{source_text} is larger than {SIZE_LIMIT} bytes, which a plugin may have")]
    Size {
        /// Where they are from.
        source_text: String,
    },
    /// It took too long.
    #[error("{source_text} did not come within {seconds} s; try once more")]
    Timeout {
        /// Where it is.
        source_text: String,
        /// How long it was waited for. Seconds.
        seconds: u64,
    },
    /// The file, the server or the registry does not give it.
    #[error("{source_text} cannot be fetched: {reason}")]
    Unreachable {
        /// Where it is.
        source_text: String,
        /// The reason that the system, the server or the registry gave.
        reason: String,
    },
    /// What the registry has is no component.
    #[error(
        "{source_text} is no plugin: {reason}; expected one layer of the type application/wasm, as `wkg oci push` makes it"
    )]
    Layout {
        /// Where it is.
        source_text: String,
        /// What it is.
        reason: String,
    },
    /// The text is no public key.
    #[error(
        "the key cannot be used: {0}; expected a public key of minisign (RW…), or of cosign (a PEM file with a P-256 key)"
    )]
    Key(String),
    /// The signature is missing, or of somebody else.
    #[error("{source_text} is not signed with the key {key}: {reason}")]
    Signature {
        /// Where it is.
        source_text: String,
        /// The key that was expected, for people.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

impl FetchError {
    /// The file, the server or the registry does not give it.
    pub(crate) fn unreachable(source: &dyn fmt::Display, reason: impl Into<String>) -> Self {
        Self::Unreachable { source_text: source.to_string(), reason: reason.into() }
    }
}

/// What is wrong at the bottom: the errors above it only say that a request failed.
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
