//! A `BaseItemDto` becomes an item.

use playrelay_sdk::host::reports::Content;
use playrelay_sdk::host::types::{Episode, ExternalId, Field, Item, ItemKind, Movie, Season, Show};
use playrelay_sdk::ids::external;
use playrelay_sdk::json::{flag, text, whole};
use playrelay_sdk::server::{edition, without_year};
use playrelay_sdk::titles;
use serde_json::Value;

use crate::values::{guid, length, ms, text as words, year};

/// Names of the chapter with the closing credits.
const CREDITS: [&str; 3] = ["credits", "end credits", "closing credits"];

/// The most episodes that one file is believed to hold.
const LONGEST_RANGE: u32 = 50;

/// The item, where it is a movie, an episode, a season or a series. `series` is its show's own DTO, where that is known.
pub fn item(dto: &Value, series: &Value) -> Option<Item> {
    let kind = match kind(dto)? {
        "Movie" => ItemKind::Movie(Movie {
            title: words(&dto["Name"]).unwrap_or_default(),
            original_title: words(&dto["OriginalTitle"]),
            year: whole(&dto["ProductionYear"]).or_else(|| year(&dto["PremiereDate"])),
            ids: ids(&dto["ProviderIds"]),
        }),
        "Episode" => ItemKind::Episode(Episode {
            show: show_of(dto, series),
            season: whole(&dto["ParentIndexNumber"]),
            numbers: numbers(whole(&dto["IndexNumber"]), whole(&dto["IndexNumberEnd"])),
            absolute_number: whole(&dto["AbsoluteEpisodeNumber"]),
            title: words(&dto["EpisodeTitle"]).or_else(|| words(&dto["Name"])),
            year: whole(&dto["ProductionYear"]).or_else(|| year(&dto["PremiereDate"])),
            ids: ids(&dto["ProviderIds"]),
        }),
        "Season" => ItemKind::Season(Season {
            show: show_of(dto, series),
            number: whole(&dto["IndexNumber"])?,
            ids: ids(&dto["ProviderIds"]),
        }),
        _ => ItemKind::Show(show(dto)),
    };
    let edition = text(&dto["Path"]).and_then(|path| edition(&path).map(str::to_owned));
    let ext = edition.map(|value| Field { name: "edition".to_owned(), value });
    let air_date = titles::air_date(&kind, &dto["PremiereDate"]);
    Some(Item {
        kind,
        server_ref: guid(&dto["Id"]),
        server_show_ref: guid(&dto["SeriesId"]),
        runtime_ms: length(&dto["RunTimeTicks"]),
        ext: ext.into_iter().chain(air_date).collect(),
    })
}

/// The kind of a DTO. The flags decide for programmes and recordings.
fn kind(dto: &Value) -> Option<&'static str> {
    match dto["Type"].as_str()? {
        "Movie" => Some("Movie"),
        "Episode" => Some("Episode"),
        "Season" => Some("Season"),
        "Series" => Some("Series"),
        "Program" | "LiveTvProgram" | "Recording" | "LiveTvRecording" => {
            if flag(&dto["IsMovie"]) {
                Some("Movie")
            } else if flag(&dto["IsSeries"]) || text(&dto["SeriesName"]).is_some() {
                Some("Episode")
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Where an item comes from. Trailers and themes have a type or a mark of their own.
pub fn content(dto: &Value) -> Content {
    let kind = dto["Type"].as_str().unwrap_or_default();
    if text(&dto["ExtraType"]).is_some() || flag(&dto["IsThemeMedia"]) {
        Content::Extra
    } else if kind.ends_with("Recording") {
        Content::Recording
    } else if kind.ends_with("Program") || flag(&dto["IsLive"]) || dto["SourceType"] == "LiveTV" {
        Content::LiveTv
    } else {
        Content::OnDemand
    }
}

/// Where the credits begin: at the server's own marker, or at a chapter of that name.
pub fn credits(dto: &Value) -> Option<u32> {
    let chapters = dto["Chapters"].as_array()?;
    let is_marked = |chapter: &&Value| chapter["MarkerType"] == "CreditsStart";
    let is_named = |chapter: &&Value| {
        let name = chapter["Name"].as_str().unwrap_or_default().to_lowercase();
        CREDITS.contains(&name.as_str())
    };
    let credits = chapters.iter().find(is_marked).or_else(|| chapters.iter().rfind(is_named))?;
    ms(&credits["StartPositionTicks"])
}

/// A `ProviderIds` object: its keys come in any case, and some name no catalogue of titles (`TmdbCollection`, `EIDR`).
pub fn ids(providers: &Value) -> Vec<ExternalId> {
    let mut ids: Vec<ExternalId> = Vec::new();
    for (key, value) in providers.as_object().into_iter().flatten() {
        let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let namespace = match key.as_str() {
            "themoviedb" => "tmdb",
            "thetvdb" => "tvdb",
            "myanimelist" => "mal",
            other => other,
        };
        // Of two in one namespace the host takes the older one.
        ids.extend(text(value).and_then(|value| external(namespace, &value)));
    }
    ids
}

/// A series from its own DTO.
pub fn show(dto: &Value) -> Show {
    let (title, suffix) = without_year(&words(&dto["Name"]).unwrap_or_default());
    Show {
        title,
        original_title: words(&dto["OriginalTitle"]),
        year: whole(&dto["ProductionYear"]).or_else(|| year(&dto["PremiereDate"])).or(suffix),
        ids: ids(&dto["ProviderIds"]),
    }
}

/// The show of an episode or a season: from its own DTO where that came along, else what the episode's says of it.
fn show_of(dto: &Value, series: &Value) -> Show {
    let (title, suffix) = without_year(&words(&dto["SeriesName"]).unwrap_or_default());
    let told = Show {
        title,
        original_title: None,
        year: whole(&dto["SeriesProductionYear"]).or(suffix),
        ids: ids(&dto["SeriesProviderIds"]),
    };
    if !series.is_object() {
        return told;
    }
    let own = show(series);
    Show {
        title: if told.title.is_empty() { own.title } else { told.title },
        original_title: own.original_title,
        year: own.year.or(told.year),
        ids: if own.ids.is_empty() { told.ids } else { own.ids },
    }
}

/// The episodes of a file that holds `first` to `last`.
fn numbers(first: Option<u32>, last: Option<u32>) -> Vec<u32> {
    match (first, last) {
        (Some(first), Some(last)) if last > first && last - first < LONGEST_RANGE => (first..=last).collect(),
        (Some(first), _) => vec![first],
        (None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_providers_come_in_any_case() {
        let providers = json!({
            "IMDB": "tt0322259", "tmdb": "584", "The Tvdb": "20800", "TmdbCollection": "9485", "EIDR": "10.5240/x",
            "official website": "https://example.org", "MyAnimeList": "47160", "AniDB": "0", "Wikidata": "Q1",
        });
        let mut found: Vec<_> =
            ids(&providers).iter().map(|id| format!("{}:{}", id.namespace, id.value)).collect();
        found.sort();
        assert_eq!(found, ["imdb:tt0322259", "mal:47160", "tmdb:584", "tvdb:20800"]);
    }

    #[test]
    fn a_file_holds_a_range_of_episodes() {
        assert_eq!(numbers(Some(14), Some(15)), [14, 15]);
        assert_eq!(numbers(Some(0), None), [0]);
        for end in [Some(14), Some(3), Some(9_000_000), None] {
            assert_eq!(numbers(Some(14), end), [14], "{end:?}");
        }
        assert!(numbers(None, Some(3)).is_empty());
    }

    #[test]
    fn what_is_no_film_or_episode_is_none() {
        for kind in
            ["Audio", "Trailer", "TvChannel", "MusicVideo", "Video", "BoxSet", "LiveTvProgram", "Program"]
        {
            assert_eq!(item(&json!({ "Type": kind, "Name": "x", "Id": "1" }), &Value::Null), None, "{kind}");
        }
        let programme = json!({ "Type": "Program", "IsMovie": true, "Name": "x" });
        assert!(item(&programme, &Value::Null).is_some());
        assert_eq!(content(&programme), Content::LiveTv);
        assert_eq!(content(&json!({ "Type": "Movie", "ExtraType": "Trailer" })), Content::Extra);
        assert_eq!(content(&json!({ "Type": "Recording" })), Content::Recording);
        assert_eq!(content(&json!({ "Type": "Episode" })), Content::OnDemand);
    }
}
