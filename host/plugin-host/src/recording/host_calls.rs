//! The calls of a guest to the host: answered, noted beside that, or answered from a record.

use std::sync::{Arc, Mutex};

use playrelay_util::lock::lock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::{Fault, FaultKind};
use crate::recording::bytes;
use crate::recording::call::{HostCall, MAX_CALL_BYTES};

/// The functions whose answer does not change during a call: a record answers them as often as it is asked.
const CONSTANT: &[&str] = &["settings.get"];
/// The function that sends a request.
const SEND: &str = "http.send";

/// Who answers the calls of a guest to the host, and whether they are noted.
#[derive(Clone, Default)]
pub enum HostCalls {
    /// The host.
    #[default]
    Live,
    /// The host. They are noted, with the call that they belong to.
    Record(Arc<Mutex<Draft>>),
    /// A record, and nobody else.
    Replay(Arc<Mutex<Answers>>),
}

/// A call that is being recorded.
#[derive(Debug, Default)]
pub struct Draft {
    pub(crate) function: Option<&'static str>,
    pub(crate) arguments: Value,
    pub(crate) host_calls: Vec<HostCall>,
    pub(crate) returned: Option<Value>,
    bytes: usize,
    unreadable: Option<String>,
}

impl Draft {
    /// Why the call cannot be recorded; absent where it can.
    pub(crate) fn refusal(&self) -> Option<String> {
        if let Some(reason) = &self.unreadable {
            return Some(reason.clone());
        }
        (self.bytes > MAX_CALL_BYTES)
            .then(|| format!("it has {} bytes; {MAX_CALL_BYTES} are kept of a call", self.bytes))
    }

    /// A value as it is kept; null where there is no room for it any more.
    fn kept(&mut self, value: &impl Serialize) -> Value {
        if self.refusal().is_some() {
            return Value::Null;
        }
        match serde_json::to_value(value) {
            Ok(value) => {
                let value = bytes::written(value);
                self.bytes += value.to_string().len();
                value
            }
            Err(error) => {
                self.unreadable = Some(format!("a value of it cannot be written: {error}"));
                Value::Null
            }
        }
    }
}

/// The answers of a record.
#[derive(Debug, Default)]
pub struct Answers {
    left: Vec<HostCall>,
    /// What the guest has asked, with the answers that it got.
    pub(crate) asked: Vec<HostCall>,
}

impl Answers {
    /// The answers of a record, in order.
    pub(crate) fn new(host_calls: Vec<HostCall>) -> Self {
        Self { left: host_calls, asked: Vec::new() }
    }

    fn answer(&mut self, function: &str, arguments: Value) -> Option<Value> {
        let is_same = |it: &HostCall| it.function == function && it.arguments == arguments;
        // Another version may say something else at the same address: what it says is shown as a difference, and the answer lets it go on.
        let is_alike = |it: &HostCall| {
            it.function == function && function == SEND && target(&it.arguments) == target(&arguments)
        };
        let place = self.left.iter().position(is_same).or_else(|| self.left.iter().position(is_alike))?;
        let is_constant = CONSTANT.contains(&function);
        let answer =
            if is_constant { self.left[place].answer.clone() } else { self.left.remove(place).answer };
        let again = self.asked.iter().any(|it| it.function == function && it.arguments == arguments);
        if !(is_constant && again) {
            self.asked.push(HostCall { function: function.to_owned(), arguments, answer: answer.clone() });
        }
        Some(answer)
    }
}

/// The verb and the address of a request.
fn target(arguments: &Value) -> (&Value, &Value) {
    (&arguments[0]["method"], &arguments[0]["url"])
}

/// Answers a call of a guest: from a record where one answers, and else with `$answer`, which is noted where a record is made.
macro_rules! host_call {
    ($state:ident, $name:literal, $arguments:expr, $answer:expr) => {{
        let question = $state.context.host_calls.question($name, &$arguments);
        match $state.context.host_calls.answer(&question)? {
            Some(answer) => Ok(answer),
            None => {
                let answer = $answer;
                $state.context.host_calls.note(question, &answer);
                Ok(answer)
            }
        }
    }};
}
pub(crate) use host_call;

/// A call of a guest to the host. It has its arguments only where a record needs them.
pub(crate) struct Question {
    function: &'static str,
    /// Absent where nobody needs them.
    arguments: Option<Value>,
}

impl HostCalls {
    /// Whether a record answers.
    pub(crate) fn is_replay(&self) -> bool {
        matches!(self, Self::Replay(_))
    }

    /// Notes the function that is called, and its arguments.
    pub(crate) fn called(&self, function: &'static str, arguments: &impl Serialize) {
        if let Self::Record(draft) = self {
            let mut draft = lock(draft);
            draft.function = Some(function);
            draft.arguments = draft.kept(arguments);
        }
    }

    /// Notes what the function returned.
    pub(crate) fn returned(&self, result: &impl Serialize) {
        if let Self::Record(draft) = self {
            let mut draft = lock(draft);
            draft.returned = Some(draft.kept(result));
        }
    }

    /// A question of a guest. `arguments` is a tuple.
    pub(crate) fn question(&self, function: &'static str, arguments: &impl Serialize) -> Question {
        let arguments = match self {
            Self::Live => None,
            Self::Record(draft) => Some(lock(draft).kept(arguments)),
            Self::Replay(_) => serde_json::to_value(arguments).ok().map(bytes::written),
        };
        Question { function, arguments }
    }

    /// The answer of a record; absent where the host is to answer.
    ///
    /// # Errors
    ///
    /// The record has no answer to this question: the version before did not ask it.
    pub(crate) fn answer<A: DeserializeOwned>(&self, question: &Question) -> wasmtime::Result<Option<A>> {
        let Self::Replay(answers) = self else { return Ok(None) };
        let function = question.function;
        let arguments = question.arguments.clone().unwrap_or_default();
        let shown = arguments.to_string();
        let fault = |text: String| Fault::new(FaultKind::Host, text);
        let answer = lock(answers)
            .answer(function, arguments)
            .ok_or_else(|| fault(format!("the record has no answer to {function} {shown}")))?;
        let answer = serde_json::from_value(bytes::read(answer)).map_err(|error| {
            fault(format!("the record's answer to {function} does not fit the contract: {error}"))
        })?;
        Ok(Some(answer))
    }

    /// Notes the answer of the host.
    pub(crate) fn note(&self, question: Question, answer: &impl Serialize) {
        if let (Self::Record(draft), Some(arguments)) = (self, question.arguments) {
            let mut draft = lock(draft);
            let answer = draft.kept(answer);
            // A setting that is asked for twice has the same answer.
            let is_known = CONSTANT.contains(&question.function)
                && draft
                    .host_calls
                    .iter()
                    .any(|it| it.function == question.function && it.arguments == arguments);
            if draft.refusal().is_none() && !is_known {
                draft.host_calls.push(HostCall { function: question.function.to_owned(), arguments, answer });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn host_call(function: &str, arguments: Value, answer: Value) -> HostCall {
        HostCall { function: function.to_owned(), arguments, answer }
    }

    #[test]
    fn a_record_answers_each_question_once_and_a_setting_again_and_again() {
        let log = HostCalls::Replay(Arc::new(Mutex::new(Answers::new(vec![
            host_call("kv.get", json!(["cursor"]), json!("first")),
            host_call("kv.get", json!(["cursor"]), json!("second")),
            host_call("settings.get", json!(["url"]), json!("https://x.example")),
        ]))));
        let ask = |function: &'static str, key: &str| {
            log.answer::<String>(&log.question(function, &(key,))).map_err(|error| error.to_string())
        };
        assert_eq!(ask("kv.get", "cursor"), Ok(Some("first".to_owned())));
        assert_eq!(ask("settings.get", "url"), Ok(Some("https://x.example".to_owned())));
        assert_eq!(ask("kv.get", "cursor"), Ok(Some("second".to_owned())));
        assert_eq!(ask("settings.get", "url"), Ok(Some("https://x.example".to_owned())));
        assert!(ask("kv.get", "cursor").unwrap_err().contains(r#"no answer to kv.get ["cursor"]"#));
    }

    #[test]
    fn a_request_with_another_body_is_answered_and_kept_apart() {
        let request = |body: &str| json!([{ "method": "post", "url": "https://x.example/a", "body": body }]);
        let mut answers = Answers::new(vec![host_call("http.send", request("old"), json!(200))]);
        assert_eq!(
            answers.answer("http.send", json!([{ "method": "get", "url": "https://x.example/a" }])),
            None
        );
        assert_eq!(answers.answer("http.send", request("new")), Some(json!(200)));
        assert_eq!(answers.asked[0].arguments, request("new"));
    }

    #[test]
    fn a_call_that_is_too_large_is_not_recorded() {
        let draft = Arc::new(Mutex::new(Draft::default()));
        let log = HostCalls::Record(Arc::clone(&draft));
        log.called("sink.submit", &("x".repeat(MAX_CALL_BYTES / 2),));
        assert_eq!(lock(&draft).refusal(), None);
        log.note(log.question("kv.get", &("key",)), &"y".repeat(MAX_CALL_BYTES));
        assert!(lock(&draft).refusal().is_some_and(|reason| reason.contains("are kept of a call")));
        assert!(lock(&draft).host_calls.is_empty());
    }
}
