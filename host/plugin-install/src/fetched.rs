//! A plugin that was fetched.

use playrelay_plugin_host::artifact::Digest;

use crate::signature::Signature;

/// A plugin that was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// The component. Nobody has looked at it yet.
    pub bytes: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
    /// The place with the digest that its tag stands for; absent where the source is not in a registry.
    pub resolved: Option<String>,
    /// Whether it is signed.
    pub signature: Signature,
}
