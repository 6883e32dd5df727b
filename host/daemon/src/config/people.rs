//! `[people.NAME]`

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use playrelay_engine::library::person::{Person, ServerAccount};
use playrelay_engine::library::recording::Records;

use crate::config::account::AccountConfig;
use crate::config::document::{ConfigError, SpannedValue, Value};
use crate::config::schedule::Schedule;
use crate::config::section::{Section, unknown_key_message};
use crate::exports::history::ExportFormat;

/// Letters of a name.
const MAX_NAME: usize = 64;

/// `[people.NAME]`
#[derive(Clone, Debug, PartialEq)]
pub struct PersonConfig {
    /// Whose plays are theirs, and their time zone.
    pub person: Person,
    /// What their own webhook address records.
    pub records: Records,
    /// The accounts whose watchlists are read into theirs.
    pub watchlist_from: Vec<String>,
    /// When they are read; absent where they are read only by hand.
    pub watchlist_schedule: Option<Schedule>,
    /// When an archive of their history is written; absent where that is done only by hand.
    pub export_schedule: Option<Schedule>,
    /// Its form.
    pub export_format: ExportFormat,
}

/// Reads all people. `accounts` are those whose watchlists can be read.
pub(super) fn read(
    keys: BTreeMap<String, SpannedValue>,
    sources: &BTreeMap<String, AccountConfig>,
    trackers: &BTreeMap<String, AccountConfig>,
    problems: &mut Vec<ConfigError>,
) -> BTreeMap<String, PersonConfig> {
    let mut people = BTreeMap::new();
    for (name, node) in keys {
        let Value::Table(table) = node.value else {
            let text =
                format!("`{name}` in [people] is {}; expected a section [people.{name}]", node.value.kind());
            problems.push(ConfigError { place: node.place, text });
            continue;
        };
        let mut section = Section::new(format!("[people.{name}]"), table, problems);
        if name.trim().is_empty()
            || name.len() > MAX_NAME
            || name.contains(|letter: char| letter.is_control())
        {
            let text = format!("{name:?} is not a valid name; expected 1 to {MAX_NAME} letters");
            section.error(node.place.clone(), text);
        }
        let is_source = |name: &str| sources.contains_key(name);
        let users = section.texts("users").unwrap_or_default();
        let users = users.iter().filter(|user| !user.trim().is_empty());
        let accounts = users.map(|user| ServerAccount::parse(user, is_source)).collect();
        let zone = zone(&mut section);
        let records = records(&mut section);
        let watchlist_from = watchlist_from(&mut section, sources, trackers);
        let watchlist_schedule = schedule(&mut section, "watchlist_schedule", &zone);
        let export_schedule = schedule(&mut section, "export_schedule", &zone);
        let export_format = export_format(&mut section);
        section.finish();
        let person = Person { name: name.clone(), accounts, zone };
        let config = PersonConfig {
            person,
            records,
            watchlist_from,
            watchlist_schedule,
            export_schedule,
            export_format,
        };
        people.insert(name, config);
    }
    people
}

fn zone(section: &mut Section<'_>) -> TimeZone {
    let place = section.location("timezone");
    let Some(name) = section.text("timezone") else { return TimeZone::system() };
    TimeZone::get(&name).unwrap_or_else(|_| {
        let text = format!(
            "`timezone` in {} is {name:?}; expected the name of a time zone such as \"Europe/Berlin\"",
            section.name()
        );
        section.error(place, text);
        TimeZone::UTC
    })
}

/// Plays and ratings, unless the section says one of them.
fn records(section: &mut Section<'_>) -> Records {
    const WORDS: [&str; 2] = ["plays", "ratings"];
    let place = section.location("records");
    let Some(words) = section.texts("records") else { return Records { plays: true, ratings: true } };
    for word in words.iter().filter(|word| !WORDS.contains(&word.as_str())) {
        let within = format!("`records` of {}", section.name());
        let known = WORDS.map(str::to_owned);
        section.error(place.clone(), unknown_key_message("word", word, &within, &known));
    }
    let has = |word: &str| words.iter().any(|known| known == word);
    Records { plays: has("plays"), ratings: has("ratings") }
}

fn watchlist_from(
    section: &mut Section<'_>,
    sources: &BTreeMap<String, AccountConfig>,
    trackers: &BTreeMap<String, AccountConfig>,
) -> Vec<String> {
    let place = section.location("watchlist_from");
    let accounts = section.texts("watchlist_from").unwrap_or_default();
    for name in accounts.iter().filter(|name| !sources.contains_key(*name) && !trackers.contains_key(*name)) {
        let known: Vec<String> = sources.keys().chain(trackers.keys()).cloned().collect();
        let within = format!("`watchlist_from` of {}", section.name());
        section.error(place.clone(), unknown_key_message("account", name, &within, &known));
    }
    accounts
}

fn export_format(section: &mut Section<'_>) -> ExportFormat {
    let place = section.location("export_format");
    let Some(word) = section.text("export_format") else { return ExportFormat::Jsonl };
    ExportFormat::parse(&word).unwrap_or_else(|| {
        let known = ExportFormat::ALL.map(ExportFormat::as_str).join(", ");
        let text = format!("`export_format` in {} is {word:?}; expected one of {known}", section.name());
        section.error(place, text);
        ExportFormat::Jsonl
    })
}

fn schedule(section: &mut Section<'_>, key: &str, zone: &TimeZone) -> Option<Schedule> {
    let place = section.location(key);
    let text = section.text(key)?;
    match Schedule::parse(&text, zone) {
        Ok(schedule) => Some(schedule),
        Err(reason) => {
            let text = format!(
                "`{key}` in {} is {text:?}: {reason}; expected an interval such as \"6h\", or a cron expression such as \
                 \"0 4 * * *\"",
                section.name()
            );
            section.error(place, text);
            None
        }
    }
}
