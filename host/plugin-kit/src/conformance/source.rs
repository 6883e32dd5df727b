//! Messages that are cut, empty, huge or nonsense.

use std::sync::Arc;

use playrelay_plugin_host::capabilities::WebhookRequest;
use playrelay_plugin_host::fault::FaultKind;
use playrelay_plugin_host::limits::LARGE_INPUT;

use crate::KitError;
use crate::case::{Call, Case};
use crate::cassette::Cassette;
use crate::conformance::report::ConformanceReport;
use crate::runner;
use crate::runner::CallOutput;
use crate::subject::Subject;

/// A large message. Bytes.
const LARGE: usize = 1 << 20;
/// Brackets in brackets.
const DEPTH: usize = 10_000;

/// A text, spoiled in many ways, each with a name.
fn spoiled(text: &str) -> Vec<(String, String)> {
    let named = |name: &str, text: String| (name.to_owned(), text);
    let mut all = vec![
        named("empty", String::new()),
        named("null", "null".to_owned()),
        named("a number", "7".to_owned()),
        named("an empty object", "{}".to_owned()),
        named("an empty list", "[]".to_owned()),
        named("a web page", "<!doctype html><title>502 Bad Gateway</title>".to_owned()),
        named("control characters", "\u{0}\u{1b}[2J\u{202e}\u{feff}".to_owned()),
        named("emoji", "👩‍👩‍👧‍👦".repeat(64)),
        named("brackets in brackets", "[".repeat(DEPTH)),
        named("a large text", "a".repeat(LARGE)),
        named("a large JSON text", format!("{{\"event\":\"{}\"}}", "é".repeat(LARGE / 2))),
        named("with a byte order mark", format!("\u{feff}{text}")),
        named("twice", format!("{text}{text}")),
        named("numbers as texts", quoted_numbers(text)),
        named("texts as numbers", text.replace('"', "")),
        named("null for each text", nulls(text)),
        named("other names", text.replace("\":", "x\":")),
    ];
    for eighth in 1..8 {
        let mut end = text.len() * eighth / 8;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        all.push((format!("cut after {eighth} of 8 parts"), text[..end].to_owned()));
    }
    all
}

/// JSON with its numbers in quotes.
fn quoted_numbers(text: &str) -> String {
    edited(text, |value| {
        if value.is_number() {
            *value = value.to_string().into();
        }
    })
}

/// JSON with null in the place of each text.
fn nulls(text: &str) -> String {
    edited(text, |value| {
        if value.is_string() {
            *value = serde_json::Value::Null;
        }
    })
}

/// JSON with a change to each of its values; other text as it is.
fn edited(text: &str, change: fn(&mut serde_json::Value)) -> String {
    fn walk(value: &mut serde_json::Value, change: fn(&mut serde_json::Value)) {
        match value {
            serde_json::Value::Array(list) => list.iter_mut().for_each(|it| walk(it, change)),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(|it| walk(it, change)),
            scalar => change(scalar),
        }
    }
    let Ok(mut value) = serde_json::from_str(text) else { return text.to_owned() };
    walk(&mut value, change);
    value.to_string()
}

/// Calls twice, and complains of a fault and of two results that differ.
async fn judge(
    subject: &Subject,
    case: &Case,
    call: Call,
    what: &str,
    report: &mut ConformanceReport,
) -> Result<(), KitError> {
    let is_large = match &call {
        Call::Webhook(request) => {
            request.body.len() + request.form.iter().map(|(_, value)| value.len()).sum::<usize>()
                > LARGE_INPUT
        }
        Call::Messages(texts) => texts.iter().map(String::len).sum::<usize>() > LARGE_INPUT,
        Call::Enrich(_) | Call::Sink(_) | Call::Batch(_) | Call::Check | Call::Notify(_) => false,
    };
    let mut results = Vec::new();
    for _ in 0..2 {
        let target = subject.target(&case.settings, Arc::new(Cassette::default()), case.at)?;
        let found = runner::call(&subject.plugin, &target, &call, case.at).await;
        report.count(&found.cost);
        match found.result {
            Ok(CallOutput::Reports(result)) => results.push(format!("{result:?}")),
            Ok(CallOutput::Service(_)) => {}
            // What a large input costs is no fault of a plugin: the daemon does not count it either.
            Err(fault)
                if is_large && matches!(fault.kind, FaultKind::Cpu | FaultKind::Memory | FaultKind::Wall) =>
            {
                return Ok(());
            }
            Err(fault) => {
                report.add_fault(&format!("{}, {what}", case.name()), &fault);
                return Ok(());
            }
        }
    }
    if results.first() != results.last() {
        report.faults.push(format!("{}, {what}: the same message gave two results", case.name()));
    }
    Ok(())
}

/// Spoils a webhook: its body, and each field of its form.
pub(super) async fn webhook(
    subject: &Subject,
    case: &Case,
    request: &WebhookRequest,
    report: &mut ConformanceReport,
) -> Result<(), KitError> {
    if request.form.is_empty() {
        for (what, body) in spoiled(&request.body) {
            let request = WebhookRequest { body, ..request.clone() };
            judge(subject, case, Call::Webhook(request), &what, report).await?;
        }
    }
    for index in 0..request.form.len() {
        for (what, value) in spoiled(&request.form[index].1) {
            let mut request = request.clone();
            let what = format!("{} of the form: {what}", request.form[index].0);
            request.form[index].1 = value;
            judge(subject, case, Call::Webhook(request), &what, report).await?;
        }
    }
    let bare = [
        ("without headers", WebhookRequest { headers: Vec::new(), ..request.clone() }),
        ("without a media type", WebhookRequest { media_type: String::new(), ..request.clone() }),
        ("without its form", WebhookRequest { form: Vec::new(), ..request.clone() }),
        ("nothing at all", WebhookRequest::default()),
    ];
    for (what, request) in bare {
        judge(subject, case, Call::Webhook(request), what, report).await?;
    }
    Ok(())
}

/// Spoils each message of a connection, alone.
pub(super) async fn messages(
    subject: &Subject,
    case: &Case,
    texts: &[String],
    report: &mut ConformanceReport,
) -> Result<(), KitError> {
    for text in texts {
        for (what, text) in spoiled(text) {
            judge(subject, case, Call::Messages(vec![text]), &what, report).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_spoiled_value_by_value() {
        let text = r#"{"a":1,"b":["x",2.5]}"#;
        assert_eq!(quoted_numbers(text), r#"{"a":"1","b":["x","2.5"]}"#);
        assert_eq!(nulls(text), r#"{"a":1,"b":[null,2.5]}"#);
        assert_eq!(nulls("no json"), "no json");
        let all = spoiled("é{}");
        assert!(all.iter().any(|(what, text)| what == "cut after 4 of 8 parts" && text == "é"), "{all:?}");
    }
}
