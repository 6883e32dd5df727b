//! What plex.tv knows of devices that log in with a key: their keys, its nonces, and the tokens that it gave.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use jiff::Timestamp;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

/// How long a token is valid. Seconds.
const TOKEN_LIFETIME_S: i64 = 7 * 24 * 60 * 60;
/// How long a nonce is valid, and a token that a device signs. Seconds.
const NONCE_LIFETIME_S: i64 = 300;
/// Nonces that a minute gives.
const NONCES_PER_MINUTE: usize = 10;
/// A token has expired. Not in any RFC.
const TOKEN_EXPIRED: u16 = 498;

/// The keys of the devices, and the tokens that they got.
#[derive(Default)]
pub struct DeviceKeys {
    /// The public keys, by their `kid`.
    keys: BTreeMap<String, Value>,
    /// With the time at which each was given.
    nonces: BTreeMap<String, Timestamp>,
    used_nonces: BTreeSet<String>,
    /// With the end of each.
    tokens: BTreeMap<String, Timestamp>,
}

impl DeviceKeys {
    /// Takes a public key, and no private one. Gives its `kid`.
    pub fn register(&mut self, jwk: &Value) -> Result<String, StatusCode> {
        let is = |name: &str, value: &str| jwk[name] == value;
        let x = jwk["x"].as_str().and_then(|x| BASE64_URL.decode(x).ok());
        let kid = jwk["kid"].as_str().filter(|kid| !kid.is_empty());
        let is_key = is("kty", "OKP") && is("crv", "Ed25519") && is("alg", "EdDSA") && is("use", "sig");
        match (kid, x) {
            (Some(kid), Some(x)) if is_key && x.len() == 32 && jwk.get("d").is_none() => {
                self.keys.insert(kid.to_owned(), jwk.clone());
                Ok(kid.to_owned())
            }
            _ => Err(StatusCode::BAD_REQUEST),
        }
    }

    /// A nonce, unless there were too many.
    pub fn nonce(&mut self, now: Timestamp) -> Result<String, StatusCode> {
        let recent = self.nonces.values().filter(|at| now.as_second() - at.as_second() < 60).count();
        if recent >= NONCES_PER_MINUTE {
            return Err(StatusCode::TOO_MANY_REQUESTS);
        }
        let nonce = format!("5f0c9e1a-nonce-{}", self.nonces.len());
        self.nonces.insert(nonce.clone(), now);
        Ok(nonce)
    }

    /// Checks a token that a device has signed: gives its nonce, and the `kid` of its key.
    pub fn check(&self, token: &str, device: &str, now: Timestamp) -> Result<(String, String), StatusCode> {
        let refused = StatusCode::UNPROCESSABLE_ENTITY;
        let (signed, signature) = token.rsplit_once('.').ok_or(refused)?;
        let (header, claims) = signed.split_once('.').ok_or(refused)?;
        let read =
            |part: &str| -> Option<Value> { serde_json::from_slice(&BASE64_URL.decode(part).ok()?).ok() };
        let (header, claims) = (read(header).ok_or(refused)?, read(claims).ok_or(refused)?);
        let kid = header["kid"].as_str().ok_or(refused)?;
        let key = self.keys.get(kid).and_then(|key| BASE64_URL.decode(key["x"].as_str()?).ok());
        let signature = BASE64_URL.decode(signature).map_err(|_| refused)?;
        let is_signed = UnparsedPublicKey::new(&ED25519, key.ok_or(refused)?)
            .verify(signed.as_bytes(), &signature)
            .is_ok();
        let nonce = claims["nonce"].as_str().ok_or(refused)?;
        let given = self.nonces.get(nonce).ok_or(refused)?;
        let (issued, ends) = (claims["iat"].as_i64().ok_or(refused)?, claims["exp"].as_i64().ok_or(refused)?);
        let is_right = header["alg"] == "EdDSA"
            && claims["aud"] == "plex.tv"
            && claims["iss"] == device
            && claims["scope"].as_str().is_some_and(|scope| !scope.is_empty())
            && issued <= now.as_second() + 1
            && ends - issued <= NONCE_LIFETIME_S;
        if !is_signed || !is_right {
            return Err(refused);
        }
        if ends <= now.as_second() || now.as_second() - given.as_second() > NONCE_LIFETIME_S {
            return Err(StatusCode::from_u16(TOKEN_EXPIRED).expect("a status is between 100 and 999"));
        }
        Ok((nonce.to_owned(), kid.to_owned()))
    }

    /// Exchanges a token that a device has signed for one of plex.tv. Its nonce serves once.
    pub fn exchange(&mut self, token: &str, device: &str, now: Timestamp) -> Result<String, StatusCode> {
        let (nonce, _) = self.check(token, device, now)?;
        if !self.used_nonces.insert(nonce) {
            return Err(StatusCode::UNPROCESSABLE_ENTITY);
        }
        Ok(self.issue(now))
    }

    /// Gives a token.
    pub fn issue(&mut self, now: Timestamp) -> String {
        let part = |it: Value| BASE64_URL.encode(it.to_string());
        let claims =
            json!({ "iss": "plex.tv", "exp": now.as_second() + TOKEN_LIFETIME_S, "n": self.tokens.len() });
        let header = part(json!({ "alg": "EdDSA", "typ": "JWT" }));
        let token = format!("{header}.{}.a-signature", part(claims));
        let end = Timestamp::from_second(now.as_second() + TOKEN_LIFETIME_S).expect("a test's time");
        self.tokens.insert(token.clone(), end);
        token
    }

    /// What is wrong with a token; absent where it is good.
    pub fn refusal(&self, token: &str, now: Timestamp) -> Option<StatusCode> {
        match self.tokens.get(token) {
            None => Some(StatusCode::UNAUTHORIZED),
            Some(end) if *end <= now => StatusCode::from_u16(TOKEN_EXPIRED).ok(),
            Some(_) => None,
        }
    }

    /// All tokens.
    pub fn tokens(&self) -> Vec<String> {
        self.tokens.keys().cloned().collect()
    }

    /// All tokens have expired.
    pub fn expire_tokens(&mut self) {
        self.tokens.values_mut().for_each(|end| *end = Timestamp::UNIX_EPOCH);
    }

    /// The user has removed the device.
    pub fn forget(&mut self) {
        self.keys.clear();
        self.expire_tokens();
    }
}
