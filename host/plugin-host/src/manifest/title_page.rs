//! Pages of titles at a catalogue's site: an address that somebody copies out of a browser names an id.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// `[title-pages]`: the addresses under which a site shows titles, with the id's catalogue in braces:
/// `https://catalogue.example/movie/{catalogue}`.
///
/// An id ends at the first hyphen, since sites put a title behind it; a `{slug}` is all of its part of the path.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TitlePages {
    /// Of films.
    #[serde(default)]
    pub movie: Vec<TitlePage>,
    /// Of shows.
    #[serde(default)]
    pub show: Vec<TitlePage>,
}

/// The address of such a page.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TitlePage {
    host: String,
    /// The parts of the path before the id.
    before: Vec<String>,
    /// The catalogue whose id it is.
    catalogue: String,
}

/// An id that is all of its part of the path.
const SLUG: &str = "slug";
/// Bytes of an id in an address.
const MAX_ID_BYTES: usize = 100;

impl TitlePage {
    /// The catalogue and the id, where the address is that of such a page. What follows the id does not matter, nor `www.`, `app.` and `m.` before
    /// the host.
    pub fn read(&self, url: &Url) -> Option<(String, String)> {
        let mut parts = url.path_segments()?;
        let is_here = bare_host(url.host_str()?) == self.host
            && self.before.iter().all(|expected| parts.next() == Some(expected.as_str()));
        let part = parts.next().filter(|_| is_here)?;
        let id = if self.catalogue == SLUG { part } else { part.split('-').next()? };
        let is_id = (1..=MAX_ID_BYTES).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_id.then(|| (self.catalogue.clone(), id.to_owned()))
    }
}

/// A host without what sites put before their name.
fn bare_host(host: &str) -> &str {
    ["www.", "app.", "m."].iter().find_map(|prefix| host.strip_prefix(prefix)).unwrap_or(host)
}

impl TryFrom<String> for TitlePage {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || {
            format!(
                "title page {text:?}; expected https://HOST/PATH/{{CATALOGUE}}, where CATALOGUE is of a-z and ends the address"
            )
        };
        let address = text.strip_prefix("https://").ok_or_else(refused)?;
        let mut parts = address.split('/');
        let (host, mut before) = (parts.next().ok_or_else(refused)?, parts.collect::<Vec<_>>());
        let catalogue = before.pop().and_then(|it| it.strip_prefix('{')?.strip_suffix('}'));
        let catalogue = catalogue
            .filter(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_lowercase()))
            .ok_or_else(refused)?;
        let is_plain = |part: &&str| !part.is_empty() && !part.contains(['{', '}', '?', '#', '@', ':']);
        if !host.contains('.') || !before.iter().chain([&host]).all(is_plain) {
            return Err(refused());
        }
        Ok(Self {
            host: bare_host(host).to_lowercase(),
            before: before.into_iter().map(str::to_owned).collect(),
            catalogue: catalogue.to_owned(),
        })
    }
}

impl From<TitlePage> for String {
    fn from(page: TitlePage) -> Self {
        let before: String = page.before.iter().map(|part| format!("{part}/")).collect();
        format!("https://{}/{before}{{{}}}", page.host, page.catalogue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> TitlePage {
        text.to_owned().try_into().unwrap()
    }

    fn read(page: &TitlePage, address: &str) -> Option<(String, String)> {
        page.read(&Url::parse(address).unwrap())
    }

    #[test]
    fn an_address_names_an_id() {
        let numbered = page("https://catalogue.example/movie/{catalogue}");
        let named = page("https://www.site.example/{slug}");
        let id = |catalogue: &str, id: &str| Some((catalogue.to_owned(), id.to_owned()));
        for (page, address, expected) in [
            (&numbered, "https://catalogue.example/movie/603", id("catalogue", "603")),
            (&numbered, "https://www.catalogue.example/movie/603-the-matrix?x=1#y", id("catalogue", "603")),
            (&numbered, "https://catalogue.example/movie/603/cast", id("catalogue", "603")),
            (&numbered, "https://catalogue.example/tv/603", None),
            (&numbered, "https://catalogue.example/movie/", None),
            (&numbered, "https://catalogue.example.evil.example/movie/603", None),
            (&numbered, "https://evil.example/catalogue.example/movie/603", None),
            (&numbered, "https://catalogue.example/movie/60%33", None),
            (&named, "https://app.site.example/300-2006", id("slug", "300-2006")),
        ] {
            assert_eq!(read(page, address), expected, "{address}");
        }
    }

    #[test]
    fn a_page_has_one_id_at_its_end() {
        let text = "https://catalogue.example/movie/{catalogue}";
        assert_eq!(String::from(page(text)), text);
        for odd in [
            "",
            "http://catalogue.example/{catalogue}",
            "https://catalogue.example/movie/",
            "https://catalogue.example/{catalogue}/movie",
            "https://catalogue.example/{a}/{b}",
            "https://catalogue.example//{a}",
            "https://{host}/{a}",
            "https://me@catalogue.example/{a}",
            "https://catalogue/{a}",
            "https://catalogue.example/{A1}",
        ] {
            assert!(TitlePage::try_from(odd.to_owned()).is_err(), "{odd}");
        }
    }
}
