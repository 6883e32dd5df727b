//! Reads which title somebody means: an address out of a browser, or a catalogue and an id.

use playrelay_engine::model::{Item, ItemKind};
use playrelay_plugin_host::manifest::{Manifest, TitlePage};
use url::Url;

use crate::app::App;
use crate::operations::deliveries::Correction;

/// Sites without a plugin, whose addresses are known here.
const KNOWN_SITES: [&str; 2] = ["IMDb", "TheTVDB"];

/// What can be read: the sites that are known here, and those whose plugin says how its addresses look.
pub(super) struct TitleInput<'a> {
    sites: Vec<(&'a str, &'a [TitlePage])>,
}

impl<'a> TitleInput<'a> {
    /// For titles of the kind of an item; an episode is found by its show.
    pub(super) fn new(app: &'a App, kind: &ItemKind) -> Self {
        let is_movie = matches!(kind, ItemKind::Movie(_));
        let pages_of = |manifest: &'a Manifest| match is_movie {
            true => manifest.title_pages.movie.as_slice(),
            false => manifest.title_pages.show.as_slice(),
        };
        let manifests = app.plugins.serving().map(|plugin| &*plugin.manifest);
        let sites = manifests.map(|manifest| (manifest.plugin.name.as_str(), pages_of(manifest)));
        Self { sites: sites.filter(|(_, pages)| !pages.is_empty()).collect() }
    }

    /// The names of the sites, in words: "IMDb, TheTVDB or Catalogue".
    pub(super) fn sites(&self) -> String {
        let names: Vec<&str> =
            KNOWN_SITES.into_iter().chain(self.sites.iter().map(|(name, _)| *name)).collect();
        let (last, others) = names.split_last().expect("the known sites are among them");
        format!("{} or {last}", others.join(", "))
    }

    /// The catalogue and the id that an address or a text names.
    pub(super) fn read(&self, text: &str) -> Option<(String, String)> {
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        match Url::parse(&with_scheme) {
            Ok(url) if url.host_str().is_some_and(|host| host.contains('.')) => self.read_address(&url),
            _ => read_pair(text),
        }
    }

    /// The correction that somebody has typed: a title, a season and an episode, each empty where it stays as it is.
    ///
    /// # Errors
    ///
    /// Says what was typed, and what was expected.
    pub(super) fn correction(
        &self,
        item: &Item,
        title: &str,
        season: &str,
        episode: &str,
    ) -> Result<Correction, String> {
        let number = |text: &str, what: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("The {what} is {text:?}; expected a number.")),
        };
        let ids = match title {
            "" => Vec::new(),
            text => vec![self.read(text).ok_or_else(|| {
                format!(
                    "{text:?} names no title; expected an address at {} with the id in it, or a catalogue and an id such as tvdb 121361.",
                    self.sites()
                )
            })?],
        };
        let season = number(season, "season")?;
        let episodes: Vec<u32> = number(episode, "episode")?.into_iter().collect();
        if ids.is_empty() && season.is_none() && episodes.is_empty() {
            return Err(match item.kind {
                ItemKind::Episode(_) => {
                    "Nothing is entered; expected the show, the season or the episode.".to_owned()
                }
                _ => "Nothing is entered; expected the title.".to_owned(),
            });
        }
        Ok(Correction { ids, season, episodes, remember: false })
    }

    fn read_address(&self, url: &Url) -> Option<(String, String)> {
        let words: Vec<&str> = url.path_segments()?.collect();
        let host = url.host_str()?.trim_start_matches("www.").trim_start_matches("m.");
        match host {
            "imdb.com" => words.iter().find(|word| is_imdb(word)).map(|id| found("imdb", id)),
            "thetvdb.com" => {
                let of_query =
                    url.query_pairs().find(|(name, _)| name == "id").map(|(_, id)| id.into_owned());
                let of_path = || words.iter().rev().find(|word| is_number(word)).map(|id| (*id).to_owned());
                of_query.or_else(of_path).filter(|id| is_number(id)).map(|id| found("tvdb", &id))
            }
            _ => self.sites.iter().flat_map(|(_, pages)| *pages).find_map(|page| page.read(url)),
        }
    }
}

/// A catalogue and an id; an id of IMDb shows by itself what it is.
fn read_pair(text: &str) -> Option<(String, String)> {
    let mut words = text.split([' ', ':', '=', '/']).filter(|word| !word.is_empty());
    match (words.next()?, words.next(), words.next()) {
        (id, None, None) if is_imdb(id) => Some(found("imdb", id)),
        (catalogue, Some(id), None) => {
            let catalogue = catalogue.to_lowercase();
            let is_id = if catalogue == "imdb" { is_imdb(id) } else { is_name(&catalogue) && is_number(id) };
            is_id.then(|| found(&catalogue, id))
        }
        _ => None,
    }
}

fn found(catalogue: &str, id: &str) -> (String, String) {
    (catalogue.to_owned(), id.to_owned())
}

fn is_imdb(word: &str) -> bool {
    word.len() > 4 && word.starts_with("tt") && word[2..].bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.len() < 12 && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(word: &str) -> bool {
    (2..=16).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ids_name_titles() {
        let cases = [
            ("https://www.imdb.com/title/tt1375666/?ref_=x", Some(("imdb", "tt1375666"))),
            ("m.imdb.com/title/tt1375666", Some(("imdb", "tt1375666"))),
            ("https://thetvdb.com/?tab=series&id=121361", Some(("tvdb", "121361"))),
            ("https://www.thetvdb.com/dereferrer/series/121361", Some(("tvdb", "121361"))),
            ("tt1375666", Some(("imdb", "tt1375666"))),
            ("catalogue 27205", Some(("catalogue", "27205"))),
            ("TVDB:121361", Some(("tvdb", "121361"))),
            ("27205", None),
            ("imdb 27205", None),
            ("https://evil.example/title/tt1375666", None),
            ("https://thetvdb.com/series/game-of-thrones", None),
            ("Inception", None),
            ("https://www.catalogue.example/movie/27205-inception", Some(("catalogue", "27205"))),
            ("catalogue.example/movie/27205", Some(("catalogue", "27205"))),
            ("", None),
        ];
        let pages = ["https://catalogue.example/movie/{catalogue}".to_owned().try_into().unwrap()];
        let input = TitleInput { sites: vec![("Catalogue", &pages)] };
        assert_eq!(input.sites(), "IMDb, TheTVDB or Catalogue");
        for (text, expected) in cases {
            let expected = expected.map(|(catalogue, id)| (catalogue.to_owned(), id.to_owned()));
            assert_eq!(input.read(text), expected, "{text}");
        }
    }
}
