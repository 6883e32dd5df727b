//! Removes secrets, addresses and the identity of people from a recorded call, so that it can still be made once more.
//!
//! A value that tells something gives way to a pseudonym, and to the same one wherever it stands in the record: a plugin that compares two values,
//! or hands one on, does so again. What tells something is known by its name, as in [`redaction`](crate::record::redaction). What a plugin says is
//! redacted by what it was told: its words are its own, and a replay has to give the same ones.

use std::collections::BTreeSet;

use playrelay_plugin_host::recording::{CallResult, HostCall, RecordedCall};
use serde_json::{Map, Value, json};
use url::Url;

use crate::record::pseudonym::PseudonymKey;
use crate::record::redaction::{is_personal_name, is_telling_name, names_person};

/// A text of fewer characters is looked for as a whole value only: it may be a part of any word.
const SHORTEST_PART: usize = 3;
/// A number of fewer digits is looked for by its name only: it may be a time or a year.
const SHORTEST_NUMBER: usize = 6;

/// Fields of the contract that hold a plugin's own words: the code of a report, the path of a connection. What it was told is taken out of them too.
const OF_CONTRACT: [&str; 2] = ["code", "path"];

/// The reason why a call cannot be redacted, and so is not kept.
#[derive(Debug, thiserror::Error)]
#[error("nobody can tell what is personal in {0}")]
pub struct Unreadable(&'static str);

/// A call as it may be shown to others.
///
/// # Errors
///
/// A webhook of it is no JSON: nobody can tell what stands in it.
pub fn redacted_call(mut call: RecordedCall, key: &PseudonymKey) -> Result<RecordedCall, Unreadable> {
    if call.function == "webhook.parse" && is_opaque(&call.arguments[0]["body"]) {
        return Err(Unreadable("a webhook that is no JSON"));
    }
    let mut heard = call.arguments.to_string();
    for host_call in &mut call.host_calls {
        leave_out_opaque_answer(host_call);
        heard.push_str(&host_call.answer.to_string());
    }
    let heard = heard.to_lowercase();
    let mut redactor = Redactor { key, heard, found: BTreeSet::new(), origins: BTreeSet::new() };
    for host_call in &call.host_calls {
        redactor.find_in_answer(host_call);
    }
    redactor.find(&call.arguments, false);
    for host_call in &mut call.host_calls {
        redactor.redact_host_call(host_call);
    }
    redactor.redact(&mut call.arguments, false, Speaker::Service);
    match &mut call.result {
        CallResult::Returned(value) => redactor.redact(value, false, Speaker::Plugin),
        CallResult::Failed(reason) => *reason = redactor.without_found(reason),
    }
    Ok(call)
}

/// Whose words a value holds.
#[derive(Clone, Copy, PartialEq)]
enum Speaker {
    /// A server, a tracker or the user: fields are named by what they hold.
    Service,
    /// The plugin: its fields are those of the contract.
    Plugin,
}

/// What was found in a call.
struct Redactor<'a> {
    key: &'a PseudonymKey,
    /// All that the plugin was told, in lower case.
    heard: String,
    /// Texts that tell something.
    found: BTreeSet<String>,
    /// Origins of addresses that the user has typed.
    origins: BTreeSet<String>,
}

impl Redactor<'_> {
    fn find_in_answer(&mut self, host_call: &HostCall) {
        if host_call.function != "settings.get" {
            return self.find(&host_call.answer, false);
        }
        let Some(text) = host_call.answer.as_str() else { return };
        match Url::parse(text) {
            Ok(url) if url.has_host() => drop(self.origins.insert(url.origin().ascii_serialization())),
            _ if host_call.arguments[0].as_str().is_some_and(is_telling_setting) => {
                self.note(text);
            }
            _ => {}
        }
    }

    /// Collects what tells something.
    fn find(&mut self, value: &Value, is_person: bool) {
        match value {
            Value::Object(fields) => match named_value(fields) {
                Some((name, value)) if is_telling_name(name) || names_person(name) => self.note(value),
                Some((_, value)) => self.find_in_text(value),
                None => {
                    for (name, value) in fields {
                        match tells(name, value, is_person, Speaker::Service) {
                            true => self.note_all(value),
                            false => self.find(value, names_person(name)),
                        }
                    }
                }
            },
            Value::Array(items) => items.iter().for_each(|item| self.find(item, is_person)),
            Value::String(text) => self.find_in_text(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn find_in_text(&mut self, text: &str) {
        if let Some(value) = json_in(text) {
            self.find(&value, false);
        } else if let Some(url) = web_address(text) {
            let telling = url.query_pairs().filter(|(name, _)| is_telling_name(name));
            telling.for_each(|(_, value)| self.note(&value));
        }
    }

    fn note_all(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.note(text),
            Value::Number(number) => self.note(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.note_all(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.note_all(field)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn note(&mut self, text: &str) {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let shortest = if is_number { SHORTEST_NUMBER } else { SHORTEST_PART };
        if text.chars().count() >= shortest && !matches!(text, "true" | "false") {
            self.found.insert(text.to_owned());
        }
    }

    fn redact_host_call(&self, host_call: &mut HostCall) {
        if host_call.function == "settings.get" {
            let key = host_call.arguments[0].as_str().unwrap_or_default().to_owned();
            let is_telling = is_telling_setting(&key);
            match &mut host_call.answer {
                Value::String(text) if is_telling && web_address(text).is_none() => {
                    *text = self.key.pseudonym(text);
                }
                answer => self.redact(answer, false, Speaker::Service),
            }
            return;
        }
        self.redact(&mut host_call.arguments, false, Speaker::Plugin);
        self.redact(&mut host_call.answer, false, Speaker::Service);
    }

    fn redact(&self, value: &mut Value, is_person: bool, speaker: Speaker) {
        match value {
            Value::Object(fields) => {
                let telling =
                    named_value(fields).map(|(name, _)| is_telling(name, speaker) || names_person(name));
                if let (Some(is_telling), Some(value)) = (telling, fields.get_mut("value")) {
                    return match is_telling {
                        true => self.replace_all(value, speaker),
                        false => self.redact(value, false, speaker),
                    };
                }
                for (name, value) in fields {
                    match tells(name, value, is_person, speaker) {
                        true => self.replace_all(value, speaker),
                        false => self.redact(value, names_person(name), speaker),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact(item, is_person, speaker)),
            Value::String(text) => *text = self.redacted_text(text, speaker),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn redacted_text(&self, text: &str, speaker: Speaker) -> String {
        if let Some(mut value) = json_in(text) {
            self.redact(&mut value, false, speaker);
            return value.to_string();
        }
        let Some(url) = web_address(text) else { return self.without_found(text) };
        let origin = url.origin().ascii_serialization();
        if speaker == Speaker::Service && !self.origins.contains(&origin) {
            // Addresses of pictures carry tokens.
            return self.key.pseudonym(text);
        }
        let rest = text.strip_prefix(origin.as_str());
        match rest.filter(|_| self.origins.contains(&origin)) {
            Some(rest) => format!("{}{}", self.key.pseudonym(&origin), self.without_found(rest)),
            None => self.without_found(text),
        }
    }

    /// Puts pseudonyms in the place of all that stands in a value. What a plugin says without having been told is a word of its code, and nobody's.
    fn replace_all(&self, value: &mut Value, speaker: Speaker) {
        let is_own_word =
            |text: &str| speaker == Speaker::Plugin && !self.heard.contains(&text.to_lowercase());
        match value {
            Value::String(text) if is_own_word(text) => {}
            Value::Number(number) if is_own_word(&number.to_string()) => {}
            Value::String(text) => *text = self.key.pseudonym(text),
            Value::Number(number) => {
                let number = self.key.pseudonym(&number.to_string()).parse::<u64>();
                *value = number.map_or(json!(0), Value::from);
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace_all(item, speaker)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.replace_all(field, speaker)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// A text with pseudonyms in place of what was found, where that stands as a word of its own.
    fn without_found(&self, text: &str) -> String {
        if self.found.contains(text) {
            return self.key.pseudonym(text);
        }
        let mut rest = text;
        let mut redacted = String::with_capacity(text.len());
        while let Some(first) = rest.chars().next() {
            let starts_word = !redacted.chars().next_back().is_some_and(char::is_alphanumeric);
            let longest = |found: &&String| {
                rest.strip_prefix(found.as_str())
                    .is_some_and(|after| !after.chars().next().is_some_and(char::is_alphanumeric))
            };
            let found = self.found.iter().filter(longest).max_by_key(|found| found.len());
            match found.filter(|_| starts_word) {
                Some(found) => {
                    redacted.push_str(&self.key.pseudonym(found));
                    rest = &rest[found.len()..];
                }
                None => {
                    redacted.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        redacted
    }
}

/// Whether a setting tells something. The name of an installation tells its calls from those of others.
fn is_telling_setting(key: &str) -> bool {
    is_telling_name(key) || names_person(key) || key == "host.instance"
}

/// Whether a field tells something. That of a person may hold the name alone.
fn tells(name: &str, value: &Value, is_person: bool, speaker: Speaker) -> bool {
    is_telling(name, speaker)
        || (is_person && is_personal_name(name))
        || (names_person(name) && value.is_string())
}

fn is_telling(name: &str, speaker: Speaker) -> bool {
    is_telling_name(name) && (speaker == Speaker::Service || !OF_CONTRACT.contains(&name))
}

/// The name and the value of a field of a form, a query or the headers.
fn named_value(fields: &Map<String, Value>) -> Option<(&str, &str)> {
    if fields.len() != 2 {
        return None;
    }
    Some((fields.get("name")?.as_str()?, fields.get("value")?.as_str()?))
}

/// JSON that is the text of a body.
fn json_in(text: &str) -> Option<Value> {
    let is_candidate = text.trim_start().starts_with(['{', '[']);
    if is_candidate { serde_json::from_str(text).ok() } else { None }
}

fn web_address(text: &str) -> Option<Url> {
    let is_candidate = text.starts_with("http://") || text.starts_with("https://");
    if is_candidate { Url::parse(text).ok() } else { None }
}

/// Whether a body is not JSON: names in it cannot be found.
fn is_opaque(body: &Value) -> bool {
    body.as_str().is_some_and(|text| !text.trim().is_empty() && json_in(text).is_none())
}

/// Takes the body out of an answer that is no JSON.
fn leave_out_opaque_answer(host_call: &mut HostCall) {
    let body = match host_call.function.as_str() {
        "http.send" => host_call.answer.pointer_mut("/Ok/body/Text"),
        _ => None,
    };
    if let Some(body) = body.filter(|body| is_opaque(body)) {
        *body = json!(format!("[left out: {} bytes that are no JSON]", body.as_str().map_or(0, str::len)));
    }
    if let Some(bytes) = host_call.answer.pointer_mut("/Ok/body/Bytes") {
        *bytes = json!([]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: Value, host_calls: Value, result: Value) -> RecordedCall {
        let call = json!({
            "at": "2026-11-30T12:00:00Z", "plugin": "a-plugin", "version": "0.1.0", "digest": "00", "function": "webhook.parse", "cpu_ms": 250,
            "arguments": arguments, "host_calls": host_calls, "result": result,
        });
        serde_json::from_value(call).unwrap()
    }

    fn redacted(call: RecordedCall) -> Value {
        serde_json::to_value(redacted_call(call, &PseudonymKey::new([7; 32])).unwrap()).unwrap()
    }

    #[test]
    fn the_same_value_has_the_same_pseudonym_wherever_it_stands() {
        let key = PseudonymKey::new([7; 32]);
        let body = json!({
            "Event": "Play", "User": { "Name": "mia", "Id": 120 }, "Title": "Mia goes to Miami with mia", "Year": 120,
            "ServerId": "0e7f44197df844fc4a503f7366b746ad", "thumb": "https://pictures.example/u/1?c=9",
        });
        let result = json!({ "Ok": [{ "Playback": {
            "user": { "name": "mia", "id": "120" }, "server": { "id": "0e7f44197df844fc4a503f7366b746ad" },
            "ext": [{ "name": "note", "value": "from mia" }], "code": "mia-code",
        } }] });
        let call = redacted(call(
            json!([{ "headers": [{ "name": "x-server-token", "value": "s3cret" }], "body": body.to_string() }]),
            json!([{ "function": "settings.get", "arguments": ["server-url"], "answer": "https://home.example:8096" },
                   { "function": "http.send", "arguments": [{ "url": "https://home.example:8096/Users?name=mia" }],
                     "answer": { "Ok": { "status": 502, "body": { "Text": "<html>mia</html>" } } } }]),
            json!({ "returned": result }),
        ));
        let (mia, server) = (key.pseudonym("mia"), key.pseudonym("0e7f44197df844fc4a503f7366b746ad"));
        let body: Value = serde_json::from_str(call["arguments"][0]["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["User"]["Name"], mia.as_str());
        assert_eq!(body["Title"], format!("Mia goes to Miami with {mia}"));
        assert_eq!((&body["Year"], &body["ServerId"]), (&json!(120), &json!(server)));
        assert!(
            !call["arguments"].to_string().contains("s3cret")
                && !call.to_string().contains("pictures.example")
        );
        let playback = &call["result"]["returned"]["Ok"][0]["Playback"];
        assert_eq!(playback["user"]["name"], mia.as_str());
        assert_eq!(playback["user"]["id"], body["User"]["Id"].to_string());
        assert_eq!(playback["server"]["id"], server.as_str());
        assert_eq!(playback["ext"][0]["value"], format!("from {mia}"));
        assert_eq!(playback["code"], "mia-code".replace("mia", &mia));
        let origin = key.pseudonym("https://home.example:8096");
        assert_eq!(call["host_calls"][0]["answer"], origin.as_str());
        assert_eq!(call["host_calls"][1]["arguments"][0]["url"], format!("{origin}/Users?name={mia}"));
        assert_eq!(
            call["host_calls"][1]["answer"]["Ok"]["body"]["Text"],
            "[left out: 16 bytes that are no JSON]"
        );
    }

    #[test]
    fn addresses_of_public_services_and_the_words_of_a_plugin_stay() {
        let headers = json!([{ "name": "x-client-identifier", "value": "playrelay" }, { "name": "x-user-token", "value": "MIA" }]);
        let call = redacted(call(
            json!([{ "body": "", "form": [{ "name": "user", "value": "mia" }] }]),
            json!([{ "function": "http.send", "arguments": [{ "url": "https://api.example/sync?id=1", "headers": headers }],
                     "answer": { "Err": "TooLarge" } }]),
            json!({ "returned": { "Ok": [{ "Ignored": { "code": "library", "detail": "not a film" } }] } }),
        ));
        let sent = &call["host_calls"][0]["arguments"][0];
        assert_eq!(sent["url"], "https://api.example/sync?id=1");
        // What it was told in other letters is not a word of its own.
        assert_eq!(
            (&sent["headers"][0]["value"], sent["headers"][1]["value"] == "MIA"),
            (&json!("playrelay"), false)
        );
        assert_eq!(call["result"]["returned"]["Ok"][0]["Ignored"]["code"], "library");
    }

    #[test]
    fn a_webhook_that_cannot_be_read_is_not_kept() {
        let call = call(json!([{ "body": "mia watches" }]), json!([]), json!({ "failed": "no JSON" }));
        assert!(redacted_call(call, &PseudonymKey::new([7; 32])).is_err());
    }
}
