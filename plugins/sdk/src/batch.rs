//! Many events in one request, for services that take lists: `{"movies": […], "shows": […]}`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::capability::sink_batch::BatchResult;
use crate::host::types::{Failure, Outcome, Receipt};
use crate::tracker;

/// Fields of an entry that do not say which title it is.
const FACTS: [&str; 5] = ["seasons", "watched_at", "rating", "rated_at", "use_tvdb_anime_seasons"];

/// A body that is put together of the bodies of single events.
#[derive(Debug, Default)]
struct BatchBody {
    lists: Map<String, Value>,
    /// What is named already: an episode that is named twice would be told with the time of one of the two.
    named: HashSet<String>,
}

impl BatchBody {
    /// Adds the body of one event. False where the batch names the same thing already: such an event is sent alone.
    fn add(&mut self, body: &Value) -> bool {
        let Some(lists) = body.as_object() else { return false };
        if !self.named.insert(without_times(body).to_string()) {
            return false;
        }
        for (list, entries) in lists {
            let all = self.lists.entry(list.clone()).or_insert_with(|| Value::Array(Vec::new()));
            for entry in entries.as_array().into_iter().flatten() {
                push(all, entry);
            }
        }
        true
    }

    /// The body.
    fn into_value(self) -> Value {
        Value::Object(self.lists)
    }
}

/// Adds an entry to a list. Episodes of a show go below the show where it is named in the same way.
fn push(list: &mut Value, entry: &Value) {
    let Some(list) = list.as_array_mut() else { return };
    let Some(seasons) = entry["seasons"].as_array() else {
        list.push(entry.clone());
        return;
    };
    let same = list.iter_mut().find(|other| {
        other["seasons"].is_array()
            && other["use_tvdb_anime_seasons"] == entry["use_tvdb_anime_seasons"]
            && identity(other) == identity(entry)
    });
    let Some(show) = same else {
        list.push(entry.clone());
        return;
    };
    let Some(known) = show["seasons"].as_array_mut() else { return };
    for season in seasons {
        let same = known.iter_mut().find(|other| {
            other["number"] == season["number"]
                && other["episodes"].is_array()
                && season["episodes"].is_array()
        });
        let episodes = season["episodes"].as_array().into_iter().flatten().cloned();
        match same.and_then(|season| season["episodes"].as_array_mut()) {
            Some(known) => known.extend(episodes),
            None => known.push(season.clone()),
        }
    }
}

/// A body without the times in it.
fn without_times(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(without_times).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "watched_at" && *name != "rated_at" && *name != "rating")
            .map(|(name, value)| (name.clone(), without_times(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// Which title an entry names.
fn identity(entry: &Value) -> Vec<(&String, &Value)> {
    let fields = entry.as_object().into_iter().flatten();
    fields.filter(|(name, _)| !FACTS.contains(&name.as_str())).collect()
}

/// The entries of an answer that the service does not know; absent where it only counts them.
fn missing(answer: &Value) -> Option<Vec<&Value>> {
    let lists = answer["not_found"].as_object();
    let mut entries = Vec::new();
    for list in lists.into_iter().flat_map(|lists| lists.values()) {
        match list {
            Value::Array(list) => entries.extend(list),
            Value::Number(count) if count.as_u64() == Some(0) => {}
            Value::Null => {}
            _ => return None,
        }
    }
    Some(entries)
}

/// Whether an entry that the service does not know is one of a body: they share an id, or have the same title.
fn is_in(missing: &Value, body: &Value) -> bool {
    let entries = body.as_object().into_iter().flat_map(|lists| lists.values());
    entries.filter_map(Value::as_array).flatten().any(|entry| is_same(missing, entry))
}

fn is_same(one: &Value, other: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let ids = |value: &Value| value["ids"].as_object().cloned().unwrap_or_default();
    let (mine, theirs) = (ids(one), ids(other));
    let shares = mine.iter().any(|(name, id)| {
        !id.is_null() && theirs.get(name).is_some_and(|other| !other.is_null() && text(other) == text(id))
    });
    let has_title = one["title"].as_str().is_some_and(|title| !title.is_empty());
    shares || (mine.is_empty() && theirs.is_empty() && has_title && one["title"] == other["title"])
}

/// Sends what can be sent of these events in one request. `body_of` gives the body of one; absent where it has to be sent alone.
///
/// # Errors
///
/// Those of `request`, which gets the whole body and gives the answer of a success.
pub fn send(
    indexes: &[usize],
    body_of: impl Fn(usize) -> Option<Value>,
    note: impl Fn(usize) -> String,
    results: &mut [BatchResult],
    request: impl FnOnce(&Value) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let (mut all, mut sent, mut bodies) = (BatchBody::default(), Vec::new(), Vec::new());
    for index in indexes {
        if let Some(body) = body_of(*index)
            && all.add(&body)
        {
            sent.push(*index);
            bodies.push(body);
        }
    }
    if sent.is_empty() {
        return Ok(());
    }
    let answer = request(&all.into_value())?;
    let found = answered(&answer, &bodies, |place| note(sent[place]));
    for (index, result) in sent.into_iter().zip(found) {
        results[index] = result;
    }
    Ok(())
}

/// The results of a request that was answered: those whose entries the service does not know are sent alone, where their other names are tried. Where
/// it cannot be told whose they are, all are.
fn answered(answer: &Value, bodies: &[Value], note: impl Fn(usize) -> String) -> Vec<BatchResult> {
    let accepted = |index: usize| BatchResult::Receipt(tracker::receipt(Outcome::Accepted, note(index)));
    let is_known = |missing: &&Value| bodies.iter().any(|body| is_in(missing, body));
    match missing(answer) {
        Some(missing) if missing.iter().all(is_known) => {
            let is_missing = |body: &Value| missing.iter().any(|entry| is_in(entry, body));
            let one = |(index, body)| if is_missing(body) { BatchResult::Alone } else { accepted(index) };
            bodies.iter().enumerate().map(one).collect()
        }
        _ => bodies.iter().map(|_| BatchResult::Alone).collect(),
    }
}

/// The result of an event that the service has already.
pub fn duplicate(note: &str) -> BatchResult {
    BatchResult::Receipt(Receipt {
        outcome: Outcome::Duplicate,
        remote_id: None,
        matched: Vec::new(),
        note: Some(note.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn episode(show: &str, season: u32, number: u32) -> Value {
        let episodes = json!([{ "number": number, "watched_at": "2026-01-01T20:00:00Z" }]);
        json!({ "shows": [{ "ids": { "tvdb": show }, "seasons": [{ "number": season, "episodes": episodes }] }] })
    }

    #[test]
    fn episodes_go_below_their_show_and_nothing_is_named_twice() {
        let mut body = BatchBody::default();
        assert!(body.add(&json!({ "movies": [{ "ids": { "imdb": "tt1" }, "watched_at": "a" }] })));
        for (show, season, number) in [("1", 1, 1), ("1", 1, 2), ("1", 2, 1), ("2", 1, 1)] {
            assert!(body.add(&episode(show, season, number)));
        }
        let mut again = episode("1", 1, 2);
        again["shows"][0]["seasons"][0]["episodes"][0]["watched_at"] = json!("2026-02-02T20:00:00Z");
        assert!(!body.add(&again), "the same episode at another time is sent alone");
        let all = body.into_value();
        assert_eq!(all["movies"].as_array().map(Vec::len), Some(1));
        assert_eq!(all["shows"].as_array().map(Vec::len), Some(2));
        assert_eq!(all["shows"][0]["seasons"][0]["episodes"].as_array().map(Vec::len), Some(2));
        assert_eq!(all["shows"][0]["seasons"][1]["number"], 2);
    }

    #[test]
    fn what_is_not_found_is_sent_alone_and_what_cannot_be_told_apart_too() {
        let bodies = [
            json!({ "movies": [{ "ids": { "imdb": "tt1", "tmdb": 7 } }] }),
            json!({ "movies": [{ "ids": { "imdb": "tt2" } }] }),
            episode("5", 1, 1),
        ];
        let alone = |answer: Value| -> Vec<bool> {
            let results = answered(&answer, &bodies, |_| String::new());
            results.iter().map(|result| matches!(result, BatchResult::Alone)).collect()
        };
        assert_eq!(alone(json!({ "not_found": { "movies": [], "shows": 0 } })), [false; 3]);
        assert_eq!(alone(json!({})), [false; 3]);
        let answer = json!({ "not_found": { "movies": [{ "ids": { "tmdb": "7" } }] } });
        assert_eq!(alone(answer), [true, false, false]);
        assert_eq!(alone(json!({ "not_found": { "movies": [{ "ids": { "imdb": "tt9" } }] } })), [true; 3]);
        assert_eq!(alone(json!({ "not_found": { "movies": 2 } })), [true; 3]);
    }
}
