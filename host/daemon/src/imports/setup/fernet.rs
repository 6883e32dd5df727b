//! Secrets that were encrypted with Fernet: AES-128 in CBC mode, with an HMAC-SHA-256 before it is opened (github.com/fernet/spec).

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use cbc::Decryptor;
use hmac::{Hmac, KeyInit, Mac};
use playrelay_util::secret::Secret;
use sha2::{Digest, Sha256};

/// The only version of a token.
const VERSION: u8 = 0x80;
/// Bytes of the version and the time.
const HEAD: usize = 9;
/// Bytes of the initialization vector.
const IV: usize = 16;
/// Bytes of the HMAC.
const MAC: usize = 32;

/// The key of a program: 32 bytes in base64. Anything else is hashed first, as CrossWatch does.
pub(super) fn key(text: &Secret) -> [u8; 32] {
    let text = text.expose().trim();
    let decoded = URL_SAFE.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    decoded.unwrap_or_else(|| Sha256::digest(text.as_bytes()).into())
}

/// Opens a token; absent where the key is another one, or the token is damaged.
pub(super) fn open(key: &[u8; 32], token: &str) -> Option<Secret> {
    let (signing, encryption) = key.split_at(16);
    let bytes = URL_SAFE.decode(token.trim()).ok()?;
    let (signed, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
    let mut expected = Hmac::<Sha256>::new_from_slice(signing).ok()?;
    expected.update(signed);
    expected.verify_slice(mac).ok()?;
    let (head, rest) = signed.split_at_checked(HEAD)?;
    let (iv, sealed) = rest.split_at_checked(IV)?;
    if head.first() != Some(&VERSION) {
        return None;
    }
    let cipher = Decryptor::<Aes128>::new_from_slices(encryption, iv).ok()?;
    let mut opened = sealed.to_vec();
    let text = cipher.decrypt_padded::<Pkcs7>(&mut opened).ok()?.to_vec();
    String::from_utf8(text).ok().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn the_example_of_the_specification_opens() {
        let key = key(&Secret::new("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="));
        let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        assert_eq!(open(&key, token).unwrap().expose(), "hello");
        let wrong = super::key(&Secret::new("another key"));
        assert!(open(&wrong, token).is_none());
        for damaged in ["", "gAAA", &token.replace("AAEC", "AAED")] {
            assert!(open(&key, damaged).is_none(), "{damaged}");
        }
    }
}
