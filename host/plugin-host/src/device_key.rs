//! The key of a device at a service that knows devices by keys: Ed25519, with JSON Web Keys and Tokens (RFC 8037, 7638, 7519).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use jiff::Timestamp;
use playrelay_util::secret::Secret;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const SEED_BYTES: usize = 32;
/// The claims of one token. Bytes.
const CLAIMS_BYTES_LIMIT: usize = 4 << 10;
/// How long a token may be valid. Seconds.
const TOKEN_LIFETIME_S_LIMIT: u32 = 600;

/// Why a key cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceKeyError {
    /// The system gave no random numbers.
    #[error("the system gave no random numbers for a device key")]
    Random,
    /// The stored bytes are no key.
    #[error("the stored device key cannot be read; log in again")]
    Stored,
    /// The claims cannot be signed.
    #[error("claims to sign are a JSON object of at most {CLAIMS_BYTES_LIMIT} bytes")]
    Claims,
}

/// A key pair.
pub struct DeviceKey {
    seed: Zeroizing<[u8; SEED_BYTES]>,
    pair: Ed25519KeyPair,
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(***)")
    }
}

impl DeviceKey {
    /// Makes a new one.
    ///
    /// # Errors
    ///
    /// The system gives no random numbers.
    pub fn generate() -> Result<Self, DeviceKeyError> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        SystemRandom::new().fill(seed.as_mut_slice()).map_err(|_| DeviceKeyError::Random)?;
        Self::of(seed)
    }

    /// Reads one that was stored with [`Self::to_stored`].
    ///
    /// # Errors
    ///
    /// The stored bytes are no key.
    pub fn from_stored(stored: &Secret) -> Result<Self, DeviceKeyError> {
        let bytes = BASE64_URL.decode(stored.expose()).map(Zeroizing::new);
        let seed = bytes.ok().and_then(|bytes| bytes.as_slice().try_into().ok());
        Self::of(Zeroizing::new(seed.ok_or(DeviceKeyError::Stored)?))
    }

    fn of(seed: Zeroizing<[u8; SEED_BYTES]>) -> Result<Self, DeviceKeyError> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| DeviceKeyError::Stored)?;
        Ok(Self { seed, pair })
    }

    /// The private key as text, for the vault.
    pub fn to_stored(&self) -> Secret {
        Secret::new(BASE64_URL.encode(self.seed.as_slice()))
    }

    /// The public key as a JSON Web Key.
    pub fn public_jwk(&self) -> Value {
        json!({
            "kty": "OKP", "crv": "Ed25519", "x": self.x(), "use": "sig", "alg": "EdDSA", "kid": self.thumbprint(),
        })
    }

    fn x(&self) -> String {
        BASE64_URL.encode(self.pair.public_key())
    }

    /// RFC 7638: the digest of the required members in alphabetical order, without spaces.
    fn thumbprint(&self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        BASE64_URL.encode(Sha256::digest(members))
    }

    /// Signs claims as a JSON Web Token, valid from `now` for `lifetime_s` seconds at most.
    ///
    /// # Errors
    ///
    /// The claims are no JSON object, or are too large.
    pub fn sign(&self, claims: &str, lifetime_s: u32, now: Timestamp) -> Result<Secret, DeviceKeyError> {
        if claims.len() > CLAIMS_BYTES_LIMIT {
            return Err(DeviceKeyError::Claims);
        }
        let Ok(Value::Object(mut claims)) = serde_json::from_str(claims) else {
            return Err(DeviceKeyError::Claims);
        };
        let lifetime_s = i64::from(lifetime_s.min(TOKEN_LIFETIME_S_LIMIT));
        claims.insert("iat".to_owned(), json!(now.as_second()));
        claims.insert("exp".to_owned(), json!(now.as_second() + lifetime_s));
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.thumbprint() });
        let part = |it: Value| BASE64_URL.encode(it.to_string());
        let signed = format!("{}.{}", part(header), part(claims.into()));
        let signature = BASE64_URL.encode(self.pair.sign(signed.as_bytes()));
        Ok(Secret::new(format!("{signed}.{signature}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037, appendix A.
    fn example() -> DeviceKey {
        DeviceKey::from_stored(&Secret::new("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")).unwrap()
    }

    #[test]
    fn the_key_of_the_rfc_has_its_thumbprint() {
        let jwk = example().public_jwk();
        assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(jwk["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(jwk.get("d").is_none(), "the private half was shown");
    }

    #[test]
    fn a_token_is_signed_and_ends() {
        let key = example();
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let token = key.sign(r#"{"nonce":"n","exp":9}"#, 9_000, now).unwrap();
        let (signed, signature) = token.expose().rsplit_once('.').unwrap();
        let public =
            ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key.pair.public_key());
        public.verify(signed.as_bytes(), &BASE64_URL.decode(signature).unwrap()).unwrap();
        let claims = BASE64_URL.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims, json!({ "nonce": "n", "iat": 1_790_000_000, "exp": 1_790_000_600 }));
    }

    #[test]
    fn what_is_no_key_and_what_are_no_claims_is_refused() {
        for stored in ["", "nWGx", "%"] {
            assert!(DeviceKey::from_stored(&Secret::new(stored)).is_err(), "{stored}");
        }
        for claims in ["", "[]", "1", &format!("{{\"a\":\"{}\"}}", "x".repeat(CLAIMS_BYTES_LIMIT))] {
            assert!(example().sign(claims, 1, Timestamp::UNIX_EPOCH).is_err(), "{claims}");
        }
    }

    #[test]
    fn a_new_key_is_read_back_as_it_was_stored() {
        let key = DeviceKey::generate().unwrap();
        let read = DeviceKey::from_stored(&key.to_stored()).unwrap();
        assert_eq!(read.public_jwk(), key.public_jwk());
        assert_ne!(DeviceKey::generate().unwrap().public_jwk(), key.public_jwk());
    }
}
