//! Public keys of authors, and whether they have signed a plugin: with minisign, beside a file; with cosign, beside an image of a registry.
//!
//! Sources: <https://jedisct1.github.io/minisign/>, <https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use playrelay_plugin_host::artifact::Digest;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::error::FetchError;

/// A signature of minisign has about 300 bytes, what cosign signs a few more.
pub(crate) const SIGNATURE_LIMIT_BYTES: usize = 16 << 10;
/// How a public key of P-256 begins as `SubjectPublicKeyInfo` (RFC 5480). 65 bytes follow, a point.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of a point that is not compressed.
const P256_POINT_BYTES: usize = 65;

/// The public key of an author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Minisign(minisign_verify::PublicKey),
    /// A point of P-256.
    Cosign(Vec<u8>),
}

impl PublicKey {
    /// Reads minisign's key, as a line or as its file, or cosign's `cosign.pub`.
    ///
    /// # Errors
    ///
    /// The text is neither.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        let text = text.trim();
        let refused = |error: &dyn fmt::Display| FetchError::Key(error.to_string());
        if text.starts_with("-----BEGIN") {
            let der =
                SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).map_err(|error| refused(&error))?;
            let point = der
                .strip_prefix(&P256_PREFIX)
                .filter(|point| point.len() == P256_POINT_BYTES)
                .ok_or_else(|| FetchError::Key("it is of another kind than P-256".to_owned()))?;
            return Ok(Self { kind: Kind::Cosign(point.to_owned()), text: text.to_owned() });
        }
        let line = text.lines().last().unwrap_or_default().trim();
        let key = minisign_verify::PublicKey::from_base64(line).map_err(|error| refused(&error))?;
        Ok(Self { kind: Kind::Minisign(key), text: line.to_owned() })
    }

    /// The key as it can be read again.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this key's owner has signed an image. `payload` is what was signed, `signature` is Base64 of ASN.1.
    pub(crate) fn has_signed_image(&self, digest: &str, payload: &[u8], signature: &str) -> bool {
        let Kind::Cosign(point) = &self.kind else { return false };
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
        if key.verify(payload, &signature).is_err() {
            return false;
        }
        // It may be the signature of another image.
        let Ok(payload) = serde_json::from_slice::<Value>(payload) else { return false };
        let critical = &payload["critical"];
        critical["type"] == "cosign container image signature"
            && critical["image"]["docker-manifest-digest"] == digest
    }
}

impl fmt::Display for PublicKey {
    /// Minisign's key as it is; the digest of another one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Minisign(_) => f.write_str(&self.text),
            Kind::Cosign(point) => write!(f, "P-256 sha256:{}", Digest::of(point)),
        }
    }
}

/// Whether a plugin is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// It is not.
    Missing,
    /// There is a signature, and no key to check it with.
    Unchecked,
    /// The owner of this key, which was given, has signed it. For people.
    Checked(String),
}

impl Signature {
    /// Judges what lies beside a file. The error is the reason for people.
    pub(crate) fn of_minisign(
        bytes: &[u8],
        signature: Option<&[u8]>,
        key: Option<&PublicKey>,
    ) -> Result<Self, String> {
        let Some(key) = key else {
            return Ok(if signature.is_some() { Self::Unchecked } else { Self::Missing });
        };
        let Kind::Minisign(public_key) = &key.kind else {
            return Err("a file is signed with minisign; the key is one of cosign".to_owned());
        };
        let signature = signature.ok_or("there is no file beside it that ends with .minisig")?;
        let text = std::str::from_utf8(signature).map_err(|_| "its signature is not text")?;
        let signature = minisign_verify::Signature::decode(text).map_err(|error| error.to_string())?;
        public_key.verify(bytes, &signature, false).map_err(|error| error.to_string())?;
        Ok(Self::Checked(key.to_string()))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("not signed"),
            Self::Unchecked => {
                f.write_str("signed, and not checked: `--key` takes the public key of the author")
            }
            Self::Checked(key) => write!(f, "signed with {key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;

    /// The example of minisign-verify's documentation: the signature of `test`.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==";

    fn pem(point: &[u8]) -> String {
        let der = [P256_PREFIX.as_slice(), point].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }

    #[test]
    fn a_signature_of_minisign_is_for_these_bytes_and_this_key() {
        let key = PublicKey::parse(KEY).unwrap();
        let as_file = PublicKey::parse(&format!("untrusted comment: minisign public key\n{KEY}\n")).unwrap();
        assert_eq!(key, as_file);
        assert_eq!(PublicKey::parse(key.as_str()).unwrap(), key);
        let judge = |bytes: &[u8], signature: Option<&str>, key| {
            Signature::of_minisign(bytes, signature.map(str::as_bytes), key)
        };
        assert_eq!(judge(b"test", Some(SIGNATURE), Some(&key)), Ok(Signature::Checked(KEY.to_owned())));
        assert_eq!(judge(b"test", Some(SIGNATURE), None), Ok(Signature::Unchecked));
        assert_eq!(judge(b"test", None, None), Ok(Signature::Missing));
        assert!(judge(b"Test", Some(SIGNATURE), Some(&key)).is_err());
        assert!(judge(b"test", None, Some(&key)).is_err());
        assert!(judge(b"test", Some("RUQ"), Some(&key)).is_err());
    }

    #[test]
    fn a_signature_of_cosign_is_for_this_image_and_this_key() {
        let random = SystemRandom::new();
        let pair = || {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap()
        };
        let (author, stranger) = (pair(), pair());
        let digest = format!("sha256:{}", "1".repeat(64));
        let payload = |kind: &str| {
            serde_json::json!({ "critical": { "identity": { "docker-reference": "" }, "type": kind,
                "image": { "docker-manifest-digest": digest } }, "optional": null })
            .to_string()
        };
        let signed = payload("cosign container image signature");
        let sign = |text: &str| STANDARD.encode(author.sign(&random, text.as_bytes()).unwrap());
        let key = PublicKey::parse(&pem(author.public_key().as_ref())).unwrap();
        assert!(key.to_string().starts_with("P-256 sha256:"), "{key}");
        assert_eq!(PublicKey::parse(key.as_str()).unwrap(), key);
        assert!(key.has_signed_image(&digest, signed.as_bytes(), &sign(&signed)));
        assert!(!key.has_signed_image(&"2".repeat(71), signed.as_bytes(), &sign(&signed)), "another image");
        let other = payload("a note");
        assert!(!key.has_signed_image(&digest, other.as_bytes(), &sign(&other)), "another kind");
        assert!(!key.has_signed_image(&digest, signed.as_bytes(), "####"), "no Base64");
        let other = PublicKey::parse(&pem(stranger.public_key().as_ref())).unwrap();
        assert!(!other.has_signed_image(&digest, signed.as_bytes(), &sign(&signed)), "another key");
        assert!(!PublicKey::parse(KEY).unwrap().has_signed_image(&digest, signed.as_bytes(), &sign(&signed)));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for wrong in ["", "RWQ", "-----BEGIN PUBLIC KEY-----", &pem(&[4; 64]), &pem(&[4; 66])] {
            let error = PublicKey::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("expected a public key of minisign"), "{error}");
        }
    }
}
