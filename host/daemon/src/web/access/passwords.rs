//! Passwords of members: Argon2id with 19 MiB, two rounds and one lane, as OWASP recommends.

use std::sync::Arc;

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use playrelay_util::secret::Secret;
use tokio::sync::Semaphore;

/// Letters that a password has at least.
pub const MIN_LETTERS: usize = 10;
/// Letters that a password has at most: more would only cost time.
pub const MAX_LETTERS: usize = 1_000;
/// Bytes of salt.
const SALT_BYTES: usize = 16;

/// Why a password is not taken, or cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It is too short or too long.
    #[error("the password has {0} letters; expected {MIN_LETTERS} to {MAX_LETTERS}")]
    Length(usize),
    /// It is one of those that everybody tries first.
    #[error(
        "the password is one of those that are tried first; choose another, three words in a row are good"
    )]
    Common,
    /// The system is out of memory or of random bytes.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

/// Whether a new password may be taken.
///
/// # Errors
///
/// Says why not, and what is expected.
pub fn check_new(password: &Secret, name: &str) -> Result<(), PasswordError> {
    let text = password.expose();
    let letters = text.chars().count();
    if !(MIN_LETTERS..=MAX_LETTERS).contains(&letters) {
        return Err(PasswordError::Length(letters));
    }
    let lower = text.to_lowercase();
    let is_one_letter = lower.chars().all(|letter| lower.starts_with(letter));
    let is_run = |run: &str| run.contains(&lower) || run.chars().rev().collect::<String>().contains(&lower);
    const RUNS: [&str; 3] =
        ["01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm"];
    const WORDS: [&str; 8] =
        ["password", "playrelay", "letmein", "welcome", "admin", "iloveyou", "qwerty", "changeme"];
    let without_digits = lower.trim_matches(|letter: char| !letter.is_ascii_alphabetic());
    let is_word = WORDS.iter().any(|word| without_digits == *word || lower == word.repeat(2));
    let is_name = !name.is_empty() && without_digits == name.to_lowercase();
    if is_one_letter || is_word || is_name || RUNS.iter().any(|run| is_run(run)) {
        return Err(PasswordError::Common);
    }
    Ok(())
}

/// Hashes a password, in PHC form. At most one is hashed or checked at a time.
///
/// # Errors
///
/// Fails where the system is out of memory or of random bytes.
pub async fn hash(password: &Secret, turn: &Arc<Semaphore>) -> Result<String, PasswordError> {
    let password = password.clone();
    in_turn(turn, move || {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
        let hash = Argon2::default().hash_password_with_salt(password.expose().as_bytes(), &salt);
        hash.map(|hash: PasswordHash| hash.to_string()).map_err(|error| error.to_string())
    })
    .await
}

/// Whether a password is that of a hash. Without a hash as much work is done, so that the time does not tell who has an account.
///
/// # Errors
///
/// Fails where the system is out of memory.
pub async fn verify(
    password: &Secret,
    hash: Option<String>,
    turn: &Arc<Semaphore>,
) -> Result<bool, PasswordError> {
    /// The hash of a random password that nobody knows.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$2wQx8m1Vq0a7cHnEJ5r6Yg$Lq0b3yS7f9dRk2T1uVwXzA4cE6gI8kM0oQ2sU4wY6a0";
    let password = password.clone();
    in_turn(turn, move || {
        let is_there = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let hash = PasswordHash::new(&hash).map_err(|error| error.to_string())?;
        let is_right = Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok();
        Ok(is_right && is_there)
    })
    .await
}

async fn in_turn<T: Send + 'static>(
    turn: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, PasswordError> {
    let failed = |error: &dyn std::fmt::Display| PasswordError::Hash(error.to_string());
    // The permit goes with the work: a client that hangs up does not let a second one in.
    let permit = Arc::clone(turn).acquire_owned().await.map_err(|error| failed(&error))?;
    let done = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(permit);
        result
    });
    done.await.map_err(|error| failed(&error))?.map_err(PasswordError::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let turn = Arc::new(Semaphore::new(1));
        let secret = |text: &str| Secret::new(text.to_owned());
        let hash = hash(&secret("three words in a row"), &turn).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(&secret("three words in a row"), Some(hash.clone()), &turn).await.unwrap());
        assert!(!verify(&secret("three words in a raw"), Some(hash), &turn).await.unwrap());
        assert!(!verify(&secret("three words in a row"), None, &turn).await.unwrap());
    }

    #[test]
    fn passwords_that_everybody_tries_are_refused() {
        let check = |text: &str| check_new(&Secret::new(text.to_owned()), "adalovelace");
        for text in
            ["aaaaaaaaaaaa", "1234567890", "0987654321", "password123", "Playrelay2026", "AdaLovelace1"]
        {
            assert!(matches!(check(text), Err(PasswordError::Common)), "{text}");
        }
        assert!(matches!(check("short"), Err(PasswordError::Length(5))));
        assert!(matches!(check(&"x".repeat(2_000)), Err(PasswordError::Length(2_000))));
        assert!(check("three words in a row").is_ok());
    }
}
