//! Answers that a fake gives instead of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer, without doing anything.
    Answer {
        /// The status.
        status: u16,
        /// Headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
    /// Nothing is done, and the connection is cut off.
    CutBefore,
    /// What was asked for is done, and the connection is cut off before the answer.
    CutAfter,
    /// The answer comes this late.
    Slow(Duration),
}

impl Fault {
    /// An answer with nothing but a status.
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: String::new() }
    }

    /// An answer with a status and `Retry-After` in seconds.
    pub fn retry_after(status: u16, seconds: u32) -> Self {
        Self::Answer { status, headers: vec![("retry-after", seconds.to_string())], body: String::new() }
    }

    /// Its answer, where it is one.
    pub fn answer(&self) -> Option<Response<Body>> {
        let Self::Answer { status, headers, body } = self else { return None };
        let mut response = Response::new(Body::from(body.clone()));
        response.extensions_mut().insert(Faulty);
        *response.status_mut() = StatusCode::from_u16(*status).expect("a test's status");
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a test's header");
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        Some(response)
    }
}

/// Marks an answer that is no service's own.
#[derive(Clone, Copy, Debug)]
pub struct Faulty;

#[derive(Debug)]
struct Rule {
    path: String,
    is_exact: bool,
    fault: Fault,
    left: Option<u32>,
}

/// Faults that are switched on. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

impl Faults {
    /// The next `times` requests whose path begins so go wrong.
    pub fn next(&self, path: &str, times: u32, fault: Fault) {
        self.add(path, false, Some(times), fault);
    }

    /// The next `times` requests with exactly this path and query go wrong.
    pub fn next_exactly(&self, path: &str, times: u32, fault: Fault) {
        self.add(path, true, Some(times), fault);
    }

    /// All requests whose path begins so go wrong, until [`clear`](Self::clear).
    pub fn always(&self, path: &str, fault: Fault) {
        self.add(path, false, None, fault);
    }

    /// Switches all faults off.
    pub fn clear(&self) {
        self.0.lock().expect("no test panics while it holds the lock").clear();
    }

    fn add(&self, path: &str, is_exact: bool, left: Option<u32>, fault: Fault) {
        let rule = Rule { path: path.to_owned(), is_exact, fault, left };
        self.0.lock().expect("no test panics while it holds the lock").push(rule);
    }

    /// The fault for a request, which is used up by this.
    pub fn take(&self, path: &str) -> Option<Fault> {
        let mut rules = self.0.lock().expect("no test panics while it holds the lock");
        let fits = |rule: &Rule| match rule.is_exact {
            true => path == rule.path,
            false => path.starts_with(&rule.path),
        };
        let rule = rules.iter_mut().find(|rule| fits(rule) && rule.left != Some(0))?;
        if let Some(left) = &mut rule.left {
            *left -= 1;
        }
        Some(rule.fault.clone())
    }
}
