//! The one-time code of the first start: whoever reads the daemon's output owns the daemon.

use std::sync::Mutex;

use playrelay_util::lock::lock;
use playrelay_util::secret::Secret;
use subtle::ConstantTimeEq;

use crate::web::access::random;
use crate::web::access::random::RandomError;

/// Wrong codes, from wherever, after which there is another code.
const MAX_WRONG_CODES: u32 = 50;

/// The code, while nobody can log in.
#[derive(Debug, Default)]
pub struct SetupCode(Mutex<Option<Current>>);

#[derive(Debug)]
struct Current {
    code: Secret,
    wrong: u32,
}

/// What a code that somebody typed is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The right one.
    Right,
    /// A wrong one.
    Wrong,
    /// A wrong one, and one too many: this is the new code, for the daemon's output.
    Replaced(Secret),
    /// There is no code.
    None,
}

impl SetupCode {
    /// Makes a code, or gives the one that was made.
    ///
    /// # Errors
    ///
    /// Fails where the system gives no random bytes.
    pub fn begin(&self) -> Result<Secret, RandomError> {
        let mut current = lock(&self.0);
        if let Some(current) = &*current {
            return Ok(current.code.clone());
        }
        let code = random::code()?;
        *current = Some(Current { code: code.clone(), wrong: 0 });
        Ok(code)
    }

    /// Ends the set-up: no code is right any more.
    pub fn end(&self) {
        *lock(&self.0) = None;
    }

    /// Looks at a code that somebody typed.
    ///
    /// # Errors
    ///
    /// Fails where the code has to be replaced, and the system gives no random bytes. No code is right then.
    pub fn check(&self, typed: &str) -> Result<Checked, RandomError> {
        let mut current = lock(&self.0);
        let Some(known) = &mut *current else { return Ok(Checked::None) };
        let (typed, code) = (random::normalized_code(typed), random::normalized_code(known.code.expose()));
        if bool::from(typed.as_bytes().ct_eq(code.as_bytes())) {
            return Ok(Checked::Right);
        }
        known.wrong += 1;
        if known.wrong < MAX_WRONG_CODES {
            return Ok(Checked::Wrong);
        }
        *current = None;
        let code = random::code()?;
        *current = Some(Current { code: code.clone(), wrong: 0 });
        Ok(Checked::Replaced(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_right_until_the_set_up_ends() {
        let setup = SetupCode::default();
        assert_eq!(setup.check("K7QF-93MD").unwrap(), Checked::None);
        let code = setup.begin().unwrap();
        assert_eq!(setup.begin().unwrap(), code);
        assert_eq!(setup.check(&code.expose().to_lowercase()).unwrap(), Checked::Right);
        assert_eq!(setup.check("").unwrap(), Checked::Wrong);
        setup.end();
        assert_eq!(setup.check(code.expose()).unwrap(), Checked::None);
    }

    #[test]
    fn a_code_that_is_guessed_at_is_replaced() {
        let setup = SetupCode::default();
        let first = setup.begin().unwrap();
        let wrong = (1..MAX_WRONG_CODES).all(|_| setup.check("wrong").unwrap() == Checked::Wrong);
        assert!(wrong);
        let Checked::Replaced(second) = setup.check("wrong").unwrap() else { panic!("it is replaced") };
        assert_ne!(first, second);
        assert_eq!(setup.check(first.expose()).unwrap(), Checked::Wrong);
        assert_eq!(setup.check(second.expose()).unwrap(), Checked::Right);
    }
}
