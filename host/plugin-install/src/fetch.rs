//! Fetches a plugin, and checks what was expected of it.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use playrelay_plugin_host::artifact::{Digest, SIZE_LIMIT};

use crate::error::FetchError;
use crate::fetched::Fetched;
use crate::signature::{PublicKey, SIGNATURE_LIMIT_BYTES, Signature};
use crate::source::Source;
use crate::{https, registry};

/// The longest that everything together may take: the plugin, its signature, the registry's login.
const FETCH_TIMEOUT: Duration = Duration::from_secs(300);

/// What a plugin must be.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// The digest of the component; absent where any will do.
    pub digest: Option<Digest>,
    /// The key that it must be signed with; absent where it need not be signed.
    pub key: Option<PublicKey>,
}

/// Reads `sha256:` and 64 hexadecimal digits; the first part may be left out.
///
/// # Errors
///
/// The text is something else.
pub fn parse_digest(text: &str) -> Result<Digest, FetchError> {
    let digits = text.trim().strip_prefix("sha256:").unwrap_or(text.trim()).to_ascii_lowercase();
    Digest::from_hex(&digits).ok_or_else(|| FetchError::Digest(text.to_owned()))
}

/// Fetches a plugin.
///
/// # Errors
///
/// It cannot be fetched within five minutes, it is too large, or its digest or signature is another one. An address of a web server needs a digest or a
/// key.
pub async fn fetch(source: &Source, expected: &Expectation) -> Result<Fetched, FetchError> {
    let fetched =
        tokio::time::timeout(FETCH_TIMEOUT, fetch_without_timeout(source, expected)).await.map_err(
            |_| FetchError::Timeout { source_text: source.to_string(), seconds: FETCH_TIMEOUT.as_secs() },
        )??;
    match &expected.digest {
        Some(digest) if *digest != fetched.digest => Err(FetchError::OtherDigest {
            source_text: source.to_string(),
            expected: digest.clone(),
            found: fetched.digest,
        }),
        _ => Ok(fetched),
    }
}

async fn fetch_without_timeout(source: &Source, expected: &Expectation) -> Result<Fetched, FetchError> {
    let key = expected.key.as_ref();
    match source {
        Source::File(path) => {
            let bytes = read_file(path, SIZE_LIMIT)?;
            let mut beside = path.as_os_str().to_owned();
            beside.push(".minisig");
            let beside = Path::new(&beside);
            let signature = match beside.is_file() {
                true => Some(read_file(beside, SIGNATURE_LIMIT_BYTES)?),
                false => None,
            };
            signed_beside(source, bytes, signature, key)
        }
        Source::Https(url) => {
            if expected.digest.is_none() && key.is_none() {
                return Err(FetchError::DigestMissing { source_text: source.to_string() });
            }
            let (bytes, signature) = https::fetch(url).await?;
            signed_beside(source, bytes, signature, key)
        }
        Source::Registry(reference) => registry::fetch(reference, key).await,
    }
}

/// A plugin whose signature lies beside it.
fn signed_beside(
    source: &Source,
    bytes: Vec<u8>,
    signature: Option<Vec<u8>>,
    key: Option<&PublicKey>,
) -> Result<Fetched, FetchError> {
    let signature = Signature::of_minisign(&bytes, signature.as_deref(), key).map_err(|reason| {
        let key = key.map(ToString::to_string).unwrap_or_default();
        FetchError::Signature { source_text: source.to_string(), key, reason }
    })?;
    Ok(Fetched { digest: Digest::of(&bytes), bytes, resolved: None, signature })
}

fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, FetchError> {
    let unreadable = |reason: String| FetchError::unreachable(&path.display(), reason);
    let facts = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if !facts.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    match bytes.len() > limit {
        true => Err(FetchError::Size { source_text: path.display().to_string() }),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_64_digits() {
        let digits = "0123456789abcdef".repeat(4);
        assert_eq!(parse_digest(&format!("sha256:{}", digits.to_uppercase())).unwrap().as_str(), digits);
        assert_eq!(parse_digest(&digits).unwrap().as_str(), digits);
        for wrong in ["", "sha256:", "sha256:0123", &digits[1..], &"g".repeat(64), &format!("md5:{digits}")] {
            assert!(parse_digest(wrong).is_err(), "{wrong}");
        }
    }
}
