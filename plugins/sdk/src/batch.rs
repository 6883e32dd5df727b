//! Many events in one request, for services that take lists: `{"movies": […], "shows": […]}`.

use serde_json::{Map, Value};

use crate::capability::sink::Event;
use crate::capability::sink_batch::BatchResult;
use crate::host::types::{ExternalId, Failure, Item, ItemKind, Outcome, Receipt, Show};
use crate::tracker;

/// Fields of an entry that do not say which title it is.
const FACTS: [&str; 5] = ["seasons", "watched_at", "rating", "rated_at", "use_tvdb_anime_seasons"];

/// A body that is put together of the bodies of single events.
#[derive(Debug, Default)]
struct BatchBody(Map<String, Value>);

impl BatchBody {
    /// Adds the body of one event.
    fn add(&mut self, body: &Value) {
        for (list, entries) in body.as_object().into_iter().flatten() {
            let all = self.0.entry(list.clone()).or_insert_with(|| Value::Array(Vec::new()));
            for entry in entries.as_array().into_iter().flatten() {
                push(all, entry);
            }
        }
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

/// Which title an entry names.
fn identity(entry: &Value) -> Vec<(&String, &Value)> {
    let fields = entry.as_object().into_iter().flatten();
    fields.filter(|(name, _)| !FACTS.contains(&name.as_str())).collect()
}

/// The entries of an answer that the service does not know; absent where it does not list them: then the answer proves nothing.
fn missing(answer: &Value) -> Option<Vec<&Value>> {
    let mut entries = Vec::new();
    for list in answer["not_found"].as_object()?.values() {
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

/// What a service stored of a batch.
pub enum Stored {
    /// So many entries: fewer than were sent and are known prove nothing.
    Count(u64),
    /// It counts only what is new to it.
    Uncounted,
}

/// Sends what can be sent of these events in one request. `body_of` gives the body of one; absent where it has to be sent alone. `stored` reads the
/// answer. Of two events of one title the second is sent alone: it may be the same play, told by another server.
///
/// # Errors
///
/// Those of `request`, which gets the whole body and gives the answer of a success. If an earlier request of the call stored something, the failure
/// is that of these events alone.
pub fn send(
    events: &[Event],
    indexes: &[usize],
    body_of: impl Fn(&Event) -> Option<Value>,
    note: impl Fn(&Event) -> String,
    results: &mut [BatchResult],
    stored: impl Fn(&Value) -> Stored,
    request: impl FnOnce(&Value) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let (mut all, mut sent, mut bodies) = (BatchBody::default(), Vec::<usize>::new(), Vec::new());
    for index in indexes {
        let event = &events[*index];
        if !sent.iter().any(|other| is_same_item(&events[*other].item, &event.item))
            && let Some(body) = body_of(event)
        {
            all.add(&body);
            sent.push(*index);
            bodies.push(body);
        }
    }
    if sent.is_empty() {
        return Ok(());
    }
    match request(&Value::Object(all.0)) {
        Ok(answer) => {
            let found = answered(&answer, &stored(&answer), &bodies, |place| note(&events[sent[place]]));
            sent.into_iter().zip(found).for_each(|(index, result)| results[index] = result);
            Ok(())
        }
        Err(failure) if results.iter().any(|result| matches!(result, BatchResult::Receipt(_))) => {
            sent.into_iter().for_each(|index| results[index] = BatchResult::Failure(failure.clone()));
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

/// The results of a request that was answered. An event whose entry the service does not know is sent alone, where its other names are tried. If the
/// answer does not tell which those are, or the service stored fewer than it knows, all are.
fn answered(
    answer: &Value,
    stored: &Stored,
    bodies: &[Value],
    note: impl Fn(usize) -> String,
) -> Vec<BatchResult> {
    let all_alone = || bodies.iter().map(|_| BatchResult::Alone).collect();
    let Some(missing) = missing(answer) else { return all_alone() };
    let is_missing = |body: &Value| missing.iter().any(|entry| is_in(entry, body));
    let known = bodies.iter().filter(|body| !is_missing(body)).count() as u64;
    let is_proven = match stored {
        Stored::Count(count) => *count >= known,
        Stored::Uncounted => true,
    };
    if !is_proven || !missing.iter().all(|entry| bodies.iter().any(|body| is_in(entry, body))) {
        return all_alone();
    }
    let one = |(index, body)| match is_missing(body) {
        true => BatchResult::Alone,
        false => BatchResult::Receipt(tracker::receipt(Outcome::Accepted, note(index))),
    };
    bodies.iter().enumerate().map(one).collect()
}

/// Whether two items may be the same: they share an id, or the show and a number, or their titles are equal.
fn is_same_item(one: &Item, other: &Item) -> bool {
    let shares = |one: &[ExternalId], other: &[ExternalId]| one.iter().any(|id| other.contains(id));
    let is_title = |one: &str, other: &str| !one.is_empty() && one.to_lowercase() == other.to_lowercase();
    let is_show =
        |one: &Show, other: &Show| shares(&one.ids, &other.ids) || is_title(&one.title, &other.title);
    match (&one.kind, &other.kind) {
        (ItemKind::Movie(one), ItemKind::Movie(other)) => {
            shares(&one.ids, &other.ids) || is_title(&one.title, &other.title)
        }
        (ItemKind::Episode(one), ItemKind::Episode(other)) => {
            let shares_number = one.numbers.iter().any(|number| other.numbers.contains(number));
            let is_place = one.season == other.season && shares_number;
            shares(&one.ids, &other.ids) || (is_place && is_show(&one.show, &other.show))
        }
        (ItemKind::Season(one), ItemKind::Season(other)) => {
            one.number == other.number && is_show(&one.show, &other.show)
        }
        (ItemKind::Show(one), ItemKind::Show(other)) => is_show(one, other),
        _ => false,
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
    fn episodes_go_below_their_show() {
        let mut body = BatchBody::default();
        body.add(&json!({ "movies": [{ "ids": { "imdb": "tt1" }, "watched_at": "a" }] }));
        for (show, season, number) in [("1", 1, 1), ("1", 1, 2), ("1", 2, 1), ("2", 1, 1)] {
            body.add(&episode(show, season, number));
        }
        let all = Value::Object(body.0);
        assert_eq!(all["movies"].as_array().map(Vec::len), Some(1));
        assert_eq!(all["shows"].as_array().map(Vec::len), Some(2));
        assert_eq!(all["shows"][0]["seasons"][0]["episodes"].as_array().map(Vec::len), Some(2));
        assert_eq!(all["shows"][0]["seasons"][1]["number"], 2);
    }

    #[test]
    fn what_an_answer_does_not_prove_is_sent_alone() {
        let bodies = [
            json!({ "movies": [{ "ids": { "imdb": "tt1", "tmdb": 7 } }] }),
            json!({ "movies": [{ "ids": { "imdb": "tt2" } }] }),
            episode("5", 1, 1),
        ];
        let alone = |answer: Value, stored: Stored| -> Vec<bool> {
            let results = answered(&answer, &stored, &bodies, |_| String::new());
            results.iter().map(|result| matches!(result, BatchResult::Alone)).collect()
        };
        let none_missing = || json!({ "not_found": { "movies": [], "shows": 0 } });
        let first_missing = || json!({ "not_found": { "movies": [{ "ids": { "tmdb": "7" } }] } });
        assert_eq!(alone(none_missing(), Stored::Count(3)), [false; 3]);
        assert_eq!(alone(none_missing(), Stored::Uncounted), [false; 3]);
        assert_eq!(alone(none_missing(), Stored::Count(2)), [true; 3], "one of them was not stored");
        assert_eq!(alone(first_missing(), Stored::Count(2)), [true, false, false]);
        for answer in [json!({}), json!(null), json!([7]), json!({ "added": { "movies": 3 } })] {
            assert_eq!(alone(answer.clone(), Stored::Uncounted), [true; 3], "{answer}");
        }
        let unknown = json!({ "not_found": { "movies": [{ "ids": { "imdb": "tt9" } }] } });
        assert_eq!(alone(unknown, Stored::Count(3)), [true; 3]);
        assert_eq!(alone(json!({ "not_found": { "movies": 2 } }), Stored::Count(3)), [true; 3]);
    }
}
