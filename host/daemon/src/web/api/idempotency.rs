//! Creates that are sent twice create one thing: the second gets the first one's answer.
//!
//! Answers are kept in memory, since some carry a secret that is shown once: for a day, and no longer than the daemon runs.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::HeaderMap;
use playrelay_store::TokenHash;
use playrelay_util::lock::lock;
use tokio::time::Instant;

use crate::web::access::principal::Principal;
use crate::web::access::random;
use crate::web::api::problem::{Problem, ProblemCode};

/// The header.
const HEADER: &str = "idempotency-key";
/// Letters of a key.
const MAX_LETTERS: usize = 200;
/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Answers that are kept.
const MAX_ANSWERS: usize = 1_000;

/// Answers by the key of their request.
#[derive(Default)]
pub struct IdempotencyKeys(Mutex<HashMap<(String, String), Answer>>);

struct Answer {
    /// The hash of the request that was answered.
    request: TokenHash,
    /// The answer; absent while the request is worked on.
    body: Option<serde_json::Value>,
    at: Instant,
}

/// A request that is worked on, by its key. Where no answer follows, the key is free again.
pub struct Claim<'a> {
    keys: &'a IdempotencyKeys,
    key: Option<(String, String)>,
}

/// What a key says of a request.
pub enum Claimed<'a> {
    /// It is the first of its key, or has none.
    First(Claim<'a>),
    /// It was answered.
    Answered(serde_json::Value),
}

impl IdempotencyKeys {
    /// Looks at the key of a request.
    ///
    /// # Errors
    ///
    /// Fails where the key is too long, belongs to another request, or to one that is still worked on.
    pub fn claim(
        &self,
        headers: &HeaderMap,
        principal: &Principal,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<Claimed<'_>, Problem> {
        let Some(key) = headers.get(HEADER) else {
            return Ok(Claimed::First(Claim { keys: self, key: None }));
        };
        let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_LETTERS);
        let key = key.ok_or_else(|| {
            let detail =
                format!("the header Idempotency-Key is empty, no text, or longer than {MAX_LETTERS} letters");
            Problem::new(ProblemCode::InvalidRequest, detail, "send a random text, such as a UUID")
        })?;
        let text = serde_json::to_string(body).unwrap_or_default();
        let request = random::hash(&format!("{path}\n{text}"));
        let key = (principal.name().to_owned(), key.to_owned());
        let mut answers = lock(&self.0);
        let now = Instant::now();
        answers.retain(|_, answer| now.duration_since(answer.at) < KEPT_FOR);
        match answers.get(&key) {
            Some(known) if known.request != request => {
                let detail = "the Idempotency-Key was sent with another request";
                return Err(Problem::new(ProblemCode::Conflict, detail, "send another key"));
            }
            Some(Answer { body: Some(body), .. }) => return Ok(Claimed::Answered(body.clone())),
            Some(_) => {
                let detail = "a request with this Idempotency-Key is being worked on";
                return Err(Problem::new(ProblemCode::Conflict, detail, "send it again in a moment"));
            }
            None => {}
        }
        if answers.len() >= MAX_ANSWERS {
            let oldest = answers.iter().min_by_key(|(_, answer)| answer.at).map(|(key, _)| key.clone());
            oldest.map(|oldest| answers.remove(&oldest));
        }
        answers.insert(key.clone(), Answer { request, body: None, at: now });
        Ok(Claimed::First(Claim { keys: self, key: Some(key) }))
    }
}

impl Claim<'_> {
    /// Keeps the answer.
    pub fn answer(mut self, body: &impl serde::Serialize) {
        let Some(key) = self.key.take() else { return };
        let mut answers = lock(&self.keys.0);
        match (answers.get_mut(&key), serde_json::to_value(body)) {
            (Some(answer), Ok(body)) => answer.body = Some(body),
            (_, Err(_)) => drop(answers.remove(&key)),
            (None, Ok(_)) => {}
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            lock(&self.keys.0).remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use playrelay_store::Role;

    use super::*;
    use crate::web::access::principal::Identity;

    fn claim<'a>(keys: &'a IdempotencyKeys, key: &'static str, body: &str) -> Result<Claimed<'a>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, key.parse().unwrap());
        let ada = Principal::with_role(Identity::AdminToken, Role::Admin);
        keys.claim(&headers, &ada, "/api/v1/tokens", &body)
    }

    #[test]
    fn the_second_request_gets_the_answer_of_the_first() {
        let keys = IdempotencyKeys::default();
        let Ok(Claimed::First(first)) = claim(&keys, "k", "a") else { panic!("it is the first") };
        assert!(claim(&keys, "k", "a").is_err_and(|problem| problem.detail.contains("worked on")));
        first.answer(&"done");
        assert!(matches!(claim(&keys, "k", "a"), Ok(Claimed::Answered(body)) if body == "done"));
        assert!(claim(&keys, "k", "b").is_err_and(|problem| problem.detail.contains("another request")));
        assert!(matches!(claim(&keys, "other", "a"), Ok(Claimed::First(_))));
    }

    #[test]
    fn a_request_that_failed_may_come_again() {
        let keys = IdempotencyKeys::default();
        drop(claim(&keys, "k", "a"));
        assert!(matches!(claim(&keys, "k", "b"), Ok(Claimed::First(_))));
    }

    #[test]
    fn a_key_has_letters_and_not_too_many() {
        let keys = IdempotencyKeys::default();
        assert!(claim(&keys, "", "a").is_err());
    }
}
