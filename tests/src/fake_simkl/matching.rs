//! How requests name things, and answers do.

use serde_json::{Map, Value, json};

use crate::catalogue::{Entry, is_named, shares_id};

/// Ids of the entry of one season of anime.
const ANIME_IDS: [&str; 4] = ["mal", "anidb", "anilist", "kitsu"];

/// The title that a scrobble names: `movie`, `show` with `episode`, or `anime` with `episode`.
pub fn find<'a>(catalogue: &'a [Entry], named: &Value) -> Option<&'a Entry> {
    let wrapper = ["show", "anime"].into_iter().find(|wrapper| named[*wrapper].is_object());
    catalogue.iter().find(|entry| match (entry, wrapper) {
        (Entry::Movie { title, year, ids }, None) => is_named(&named["movie"], title, *year, ids),
        (Entry::Episode { show, show_year, show_ids, season, number, ids, .. }, Some(wrapper)) => {
            let (show_named, episode) = (&named[wrapper], &named["episode"]);
            if episode["ids"].is_object() {
                // They beat the numbers; one that is unknown is not found.
                return shares_id(&episode["ids"], &only(ids, &["tvdb", "anidb"]));
            }
            let of_season = shares_id(&show_named["ids"], &only(show_ids, &ANIME_IDS));
            if of_season && episode["season"].is_null() {
                return episode["number"] == json!(number);
            }
            episode["season"] == json!(season)
                && episode["number"] == json!(number)
                && (is_named(show_named, show, *show_year, show_ids))
        }
        _ => false,
    })
}

fn only(ids: &Map<String, Value>, known: &[&str]) -> Map<String, Value> {
    ids.iter()
        .filter(|(name, _)| known.contains(&name.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// Ids as answers have them: text, but for SIMKL's own.
pub fn as_text(ids: &Map<String, Value>) -> Value {
    ids.iter()
        .filter(|(name, _)| *name != "trakt" && *name != "slug")
        .map(|(name, id)| {
            let id = match (name.as_str(), id) {
                ("simkl", id) => id.clone(),
                (_, Value::String(text)) => json!(text),
                (_, id) => json!(id.to_string()),
            };
            (name.clone(), id)
        })
        .collect::<Map<_, _>>()
        .into()
}

/// How an answer names it; anime has numbers of its own.
pub fn describe(entry: &Entry) -> Value {
    match entry {
        Entry::Movie { title, year, ids } => {
            json!({ "movie": { "title": title, "year": year, "anime_type": null, "ids": as_text(ids) } })
        }
        Entry::Episode { show, show_year, show_ids, season, number, .. } => {
            let is_anime = ANIME_IDS.iter().any(|name| show_ids.contains_key(*name));
            let title = json!({ "title": show, "year": show_year, "ids": as_text(show_ids) });
            if is_anime {
                json!({ "anime": title, "episode": { "season": 1, "number": number, "title": "",
                    "tvdb_season": season, "tvdb_number": number } })
            } else {
                json!({ "show": title, "episode": { "season": season, "number": number, "title": "" } })
            }
        }
    }
}

/// The things that a body of `/sync` names: an episode each, or a title as a whole.
pub enum Named {
    /// A movie or an episode, with the time at which it was watched.
    Thing(Entry, Option<String>),
    /// A show as a whole, with its rating.
    Whole(String),
    /// Nobody knows it.
    Unknown(&'static str, Value),
}

/// All of them.
pub fn all(catalogue: &[Entry], body: &Value) -> Vec<Named> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let time = |from: &Value| from["watched_at"].as_str().map(str::to_owned);
    let mut found = Vec::new();
    for movie in list(&body["movies"]) {
        let named = json!({ "movie": movie });
        found.push(match find(catalogue, &named) {
            Some(entry) => Named::Thing(entry.clone(), time(&movie)),
            None => Named::Unknown("movies", movie),
        });
    }
    for show in list(&body["shows"]) {
        if !show["seasons"].is_array() {
            found.push(match title(catalogue, &show, false) {
                Some(title) => Named::Whole(title),
                None => Named::Unknown("shows", show),
            });
            continue;
        }
        for season in list(&show["seasons"]) {
            for episode in list(&season["episodes"]) {
                let named = json!({ "show": show, "episode": {
                    "season": season["number"], "number": episode["number"] } });
                // The entry of a season of anime has one season: the first.
                let by_season = json!({ "anime": show, "episode": { "number": episode["number"] } });
                let of_entry = season["number"] == 1 && show["use_tvdb_anime_seasons"] != true;
                let with_ids = json!({ "show": show, "episode": episode });
                let entry = if episode["ids"].is_object() {
                    find(catalogue, &with_ids)
                } else {
                    find(catalogue, &named)
                        .or_else(|| of_entry.then(|| find(catalogue, &by_season)).flatten())
                };
                found.push(match entry {
                    Some(entry) => Named::Thing(entry.clone(), time(&episode)),
                    None => Named::Unknown("episodes", show.clone()),
                });
            }
        }
    }
    found
}

/// The title of a movie or a show that is named.
pub fn title(catalogue: &[Entry], named: &Value, is_movie: bool) -> Option<String> {
    let is_it = |entry: &&Entry| {
        entry.is_movie() == is_movie && is_named(named, entry.title(), entry.title_year(), entry.title_ids())
    };
    catalogue.iter().find(is_it).map(|entry| entry.title().to_owned())
}
