//! Secrets that are made up, and their hashes.

use playrelay_store::TokenHash;
use playrelay_util::secret::Secret;
use sha2::{Digest, Sha256};

/// The start of an API token, by which scanners of published text find it.
pub const API_TOKEN_PREFIX: &str = "pr_";
/// Letters and digits.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Letters of 256 random bits.
const TOKEN_LETTERS: usize = 43;
/// Letters and digits that nobody confuses on a screen.
const CODE_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Letters of a code that people type.
const CODE_LETTERS: usize = 8;

/// The system gives no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes: {0}")]
pub struct RandomError(String);

/// A token of 43 letters and digits: 256 random bits.
///
/// # Errors
///
/// Fails where the system gives no random bytes.
pub fn token() -> Result<Secret, RandomError> {
    letters(BASE62, TOKEN_LETTERS).map(Secret::new)
}

/// A code for people, in two groups: `K7QF-93MD`, 40 random bits.
///
/// # Errors
///
/// Fails where the system gives no random bytes.
pub fn code() -> Result<Secret, RandomError> {
    let text = letters(CODE_ALPHABET, CODE_LETTERS)?;
    let (first, second) = text.split_at(CODE_LETTERS / 2);
    Ok(Secret::new(format!("{first}-{second}")))
}

/// A code as somebody typed it, without what makes no difference: case, blanks and hyphens.
pub fn normalized_code(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// The SHA-256 of a secret that cannot be guessed.
pub fn hash(secret: &str) -> TokenHash {
    hash_bytes(secret.as_bytes())
}

/// The SHA-256 of some bytes.
pub fn hash_bytes(bytes: &[u8]) -> TokenHash {
    Sha256::digest(bytes).into()
}

/// A short name for what has a hash, for lists: 16 hexadecimal digits.
pub fn id(hash: &TokenHash) -> String {
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// So many letters, each as likely as the others.
fn letters(alphabet: &[u8], count: usize) -> Result<String, RandomError> {
    let fair = 256 / alphabet.len() * alphabet.len();
    let mut text = String::with_capacity(count);
    let mut bytes = [0; 64];
    while text.len() < count {
        getrandom::fill(&mut bytes).map_err(|error| RandomError(error.to_string()))?;
        let drawn = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        text.extend(drawn.take(count - text.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_codes_have_their_form() {
        let token = token().unwrap();
        assert_eq!(token.expose().len(), TOKEN_LETTERS);
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(token, super::token().unwrap());
        let code = code().unwrap();
        assert_eq!(code.expose().len(), CODE_LETTERS + 1);
        let typed = format!(" {} ", code.expose().to_lowercase().replace('-', " "));
        assert_eq!(normalized_code(&typed), normalized_code(code.expose()));
    }

    #[test]
    fn ids_are_the_start_of_a_hash() {
        assert_eq!(id(&hash("")), "e3b0c44298fc1c14");
    }
}
