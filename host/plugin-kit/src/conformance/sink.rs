//! Each failure of a service, in the place of each of its answers.

use std::sync::Arc;

use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::http::Response;

use serde_json::Value;

use crate::KitError;
use crate::case::{Call, Case};
use crate::cassette::{Cassette, Reply};
use crate::conformance::report::ConformanceReport;
use crate::runner;
use crate::runner::CallOutput;
use crate::subject::Subject;

/// What a sink must make of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// The host tries again.
    Retry,
    /// The host waits, as long as the service says where it says so.
    Wait,
    /// The host asks for a login, or pauses the account.
    Login,
    /// Anything but "it was stored".
    NotStored,
    /// Anything but a fault.
    Anything,
}

/// The failures, each with a name.
fn failures() -> Vec<(String, Reply, Expected)> {
    let response = |status: u16, headers: &[(&str, &str)], body: &str| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Reply::Response(Response { status, headers, body: body.as_bytes().to_vec() })
    };
    let page = "<html><body>Bad gateway</body></html>";
    let mut all = vec![
        ("the service cannot be reached".to_owned(), Reply::Unreachable, Expected::Retry),
        ("the connection breaks".to_owned(), Reply::Interrupted, Expected::Retry),
        ("an answer that is too large".to_owned(), Reply::TooLarge, Expected::Anything),
        ("401".to_owned(), response(401, &[], ""), Expected::Login),
        ("403".to_owned(), response(403, &[], ""), Expected::NotStored),
        ("400".to_owned(), response(400, &[], ""), Expected::NotStored),
        ("404".to_owned(), response(404, &[], ""), Expected::NotStored),
        ("409".to_owned(), response(409, &[], ""), Expected::Anything),
        ("422".to_owned(), response(422, &[], "{}"), Expected::NotStored),
        ("429".to_owned(), response(429, &[], ""), Expected::Wait),
        ("429 with retry-after".to_owned(), response(429, &[("retry-after", "7")], ""), Expected::Wait),
        ("200 without a body".to_owned(), response(200, &[], ""), Expected::Anything),
        (
            "200 with a web page".to_owned(),
            response(200, &[("content-type", "text/html")], page),
            Expected::Retry,
        ),
        (
            "200 with half of its JSON".to_owned(),
            response(200, &[], "{\"added\":{\"movies\":"),
            Expected::Anything,
        ),
        ("200 with other JSON".to_owned(), response(200, &[], "[null, 7, {\"a\": []}]"), Expected::Anything),
    ];
    for status in [408, 425, 500, 502, 503, 504, 520] {
        all.push((status.to_string(), response(status, &[], page), Expected::Retry));
    }
    all
}

/// Puts each failure in the place of each answer of a test.
pub(super) async fn faults(
    subject: &Subject,
    case: &Case,
    report: &mut ConformanceReport,
) -> Result<(), KitError> {
    for place in 0..case.exchanges.len() {
        for (what, reply, expected) in failures() {
            // Of a notification it is enough that the service took it: what it answers then is its own affair.
            let is_free = matches!(case.call, Call::Notify(_)) && what.starts_with("200 ");
            let is_free = is_free || case.exchanges[place].is_optional;
            let expected = if is_free { Expected::Anything } else { expected };
            let mut exchanges = case.exchanges.clone();
            exchanges[place].reply = reply;
            let target = subject.target(&case.settings, Arc::new(Cassette::new(exchanges)), case.at)?;
            let found = runner::call(&subject.plugin, &target, &case.call, case.at).await;
            report.count(&found.cost);
            let exchange = &case.exchanges[place];
            let name = format!("{}, {what} of {} {}", case.name(), exchange.method, exchange.url);
            match found.result {
                Err(fault) => report.add_fault(&name, &fault),
                Ok(CallOutput::Service(answer)) => {
                    let complaint = complaint(&of_batch(answer), expected, &what);
                    report.faults.extend(complaint.map(|text| format!("{name}: {text}")));
                }
                Ok(CallOutput::Reports(_)) => {}
            }
        }
    }
    Ok(())
}

/// The answer for a batch: the failure of the first of its events that failed.
fn of_batch(answer: Result<Value, Failure>) -> Result<Value, Failure> {
    let answer = answer?;
    let failures = answer["results"].as_array().into_iter().flatten().map(|result| &result["failure"]);
    match failures.filter_map(failure_of).next() {
        Some(failure) => Err(failure),
        None => Ok(answer),
    }
}

/// Reads a failure from the form that tests keep; absent if the value is not a failure.
fn failure_of(kept: &Value) -> Option<Failure> {
    let text = |name: &str| kept[name].as_str().map(str::to_owned);
    let after_ms = kept["after_ms"].as_u64().and_then(|ms| ms.try_into().ok());
    let retry = text("retry").map(|reason| Failure::Retry { after_ms, reason });
    let until = text("until").unwrap_or_default();
    let quota = text("quota").map(|reason| Failure::Quota { until, reason });
    let login = text("unauthorized").map(Failure::Unauthorized).or(text("blocked").map(Failure::Blocked));
    retry.or(quota).or(login).or(text("rejected").map(Failure::Rejected))
}

/// What is wrong with an answer; absent where nothing is.
fn complaint(answer: &Result<Value, Failure>, expected: Expected, what: &str) -> Option<String> {
    let found = match answer {
        Ok(answer) => format!("the receipt {}", answer["receipt"]["outcome"]),
        Err(failure) => format!("{failure:?}"),
    };
    let (is_right, wanted) = match expected {
        Expected::Anything => (true, ""),
        Expected::Retry => {
            (matches!(answer, Err(Failure::Retry { .. })), "`retry`, so that the event is sent again")
        }
        Expected::Wait => {
            let asked = what.contains("retry-after");
            let is_right = match answer {
                Err(Failure::Retry { after_ms, .. }) => !asked || after_ms.is_some_and(|ms| ms >= 7_000),
                Err(Failure::Quota { .. }) => true,
                _ => false,
            };
            (is_right, "`retry` with the service's `retry-after` in `after-ms`, or `quota`")
        }
        Expected::Login => (
            matches!(answer, Err(Failure::Unauthorized(_) | Failure::Blocked(_))),
            "`unauthorized`, so that the host asks for a login",
        ),
        Expected::NotStored => {
            let is_accepted = |it: &Value| it["receipt"]["outcome"] == "accepted";
            let mut of_batch = answer.iter().filter_map(|it| it["results"].as_array()).flatten();
            let is_stored = answer.as_ref().is_ok_and(is_accepted) || of_batch.any(is_accepted);
            (!is_stored, "anything but `accepted`: nothing was stored")
        }
    };
    (!is_right).then(|| format!("it gives {found}; expected {wanted}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_fails_as_its_events_do() {
        let results = |result: Value| of_batch(Ok(json!({ "results": ["alone", result] })));
        let retry = json!({ "failure": { "retry": "busy", "after_ms": 7_000 } });
        assert_eq!(complaint(&results(retry), Expected::Wait, "429 with retry-after"), None);
        let blocked = json!({ "failure": { "blocked": "no" } });
        assert_eq!(complaint(&results(blocked), Expected::Login, "401"), None);
        let accepted = json!({ "receipt": { "outcome": "accepted" } });
        assert!(complaint(&results(accepted.clone()), Expected::Retry, "500").is_some());
        assert!(complaint(&results(accepted), Expected::NotStored, "403").is_some());
    }

    #[test]
    fn answers_are_judged() {
        let accepted = Ok(json!({ "receipt": { "outcome": "accepted" } }));
        let retry = |after_ms| Err(Failure::Retry { after_ms, reason: "busy".to_owned() });
        assert_eq!(complaint(&accepted, Expected::Anything, ""), None);
        assert!(complaint(&accepted, Expected::NotStored, "").is_some_and(|it| it.contains("accepted")));
        assert!(complaint(&accepted, Expected::Retry, "").is_some());
        assert_eq!(complaint(&retry(None), Expected::Wait, "429"), None);
        assert!(complaint(&retry(None), Expected::Wait, "429 with retry-after").is_some());
        assert_eq!(complaint(&retry(Some(7_000)), Expected::Wait, "429 with retry-after"), None);
        assert_eq!(complaint(&Err(Failure::Blocked("x".to_owned())), Expected::Login, "401"), None);
    }
}
