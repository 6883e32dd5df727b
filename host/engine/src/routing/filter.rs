//! The filters of a route. They fail closed: if a filter needs a value that is unknown, the event is left out, and the verdict says so.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use crate::code::Code;
use crate::model::{Content, Item, ItemKind, Player, normalize};
use crate::policy::{self, Policy};
use crate::timeline::Rejection;

/// Names that are let through, and names that are not. Empty lists ask for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameFilter {
    /// Only these.
    pub only: Vec<String>,
    /// Not these.
    pub except: Vec<String>,
}

/// The codes of a filter by names.
struct FilterCodes {
    /// No name is among those that are asked for.
    unlisted: Code,
    /// A name is among those that are left out.
    excepted: Code,
    /// The name is unknown.
    unknown: Code,
}

const SERVER: FilterCodes =
    FilterCodes { unlisted: Code::Server, excepted: Code::ServerExcepted, unknown: Code::ServerUnknown };
const LIBRARY: FilterCodes =
    FilterCodes { unlisted: Code::Library, excepted: Code::LibraryExcepted, unknown: Code::LibraryUnknown };
const DEVICE: FilterCodes =
    FilterCodes { unlisted: Code::Device, excepted: Code::DeviceExcepted, unknown: Code::DeviceUnknown };

impl NameFilter {
    /// Refuses what goes by one or several names, of which a list may have any. The first is the one that people use: where
    /// that is not known, nobody can say that an exception does not mean it.
    fn refuse(&self, what: &'static str, codes: &FilterCodes, names: &[Option<&str>]) -> Option<Rejection> {
        if self.only.is_empty() && self.except.is_empty() {
            return None;
        }
        let known: Vec<&str> = names.iter().flatten().copied().filter(|name| !name.is_empty()).collect();
        let is_nameless = names.first().copied().flatten().is_none_or(str::is_empty);
        let Some(shown) = known.first().filter(|_| self.except.is_empty() || !is_nameless) else {
            let text = format!("the {what} is not known, and the route asks for it");
            return Some(Rejection { code: codes.unknown.clone(), text });
        };
        let among = |list: &[String]| {
            list.iter().any(|entry| known.iter().any(|name| normalize(name) == normalize(entry)))
        };
        if among(&self.except) {
            let text = format!("{what} {shown:?} is among `{}`", self.except.join(", "));
            return Some(Rejection { code: codes.excepted.clone(), text });
        }
        (!self.only.is_empty() && !among(&self.only)).then(|| {
            let text = format!("{what} {shown:?} is not among `{}`", self.only.join(", "));
            Rejection { code: codes.unlisted.clone(), text }
        })
    }
}

/// A path, or a pattern with `*`, `?` and `**`, and all below it. Letters' case and the kind of slash make no difference.
#[derive(Clone, Debug)]
pub struct PathRule {
    text: String,
    matcher: Option<GlobMatcher>,
}

impl PartialEq for PathRule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl PathRule {
    /// Reads a rule. Fails where a pattern is none.
    ///
    /// # Errors
    ///
    /// The pattern is not valid; the text says why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plain = normalized(text);
        let matcher = match plain.contains(['*', '?']) {
            true => {
                // Brackets and braces stand in the names of folders: `Kids [HD]`, `Film {id-12}`.
                let escaped: String = plain.chars().map(literal).collect();
                let glob = GlobBuilder::new(escaped.trim_end_matches('/')).literal_separator(true).build();
                Some(glob.map_err(|error| error.kind().to_string())?.compile_matcher())
            }
            false => None,
        };
        Ok(Self { text: plain.trim_end_matches('/').to_owned(), matcher })
    }

    fn matches(&self, path: &str) -> bool {
        let path = normalized(path);
        match &self.matcher {
            Some(matcher) => Path::new(&path).ancestors().any(|path| matcher.is_match(path)),
            None => {
                path.strip_prefix(&self.text).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

/// A letter of a pattern, with what has a meaning of its own in patterns made plain.
fn literal(letter: char) -> String {
    if matches!(letter, '[' | ']' | '{' | '}') { format!("[{letter}]") } else { letter.to_string() }
}

fn normalized(path: &str) -> String {
    normalize(path).replace('\\', "/")
}

/// The filters of a route, for all users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters {
    /// Servers, by name or id.
    pub servers: NameFilter,
    /// Libraries, by name.
    pub libraries: NameFilter,
    /// Devices, by name, id or app.
    pub devices: NameFilter,
    /// Kinds of items; empty for all.
    pub kinds: Vec<Kind>,
    /// Files must lie in one of these; empty for anywhere.
    pub paths: Vec<PathRule>,
    /// Files must not lie in any of these.
    pub except_paths: Vec<PathRule>,
    /// Editions that are left out.
    pub except_editions: Vec<String>,
}

/// A kind of item that can be watched or rated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A film.
    Movie,
    /// An episode, a season or a show.
    Show,
}

impl Kind {
    /// Reads a kind as it stands in the configuration.
    pub fn parse(text: &str) -> Option<Self> {
        match normalize(text).as_str() {
            "movie" | "movies" => Some(Self::Movie),
            "episode" | "episodes" | "show" | "shows" => Some(Self::Show),
            _ => None,
        }
    }

    fn of(item: &Item) -> Self {
        match item.kind {
            ItemKind::Movie(_) => Self::Movie,
            ItemKind::Episode(_) | ItemKind::Season(_) | ItemKind::Show(_) => Self::Show,
        }
    }
}

/// The facts that filters compare.
#[derive(Clone, Copy, Debug)]
pub struct FilterSubject<'a> {
    /// The server's id.
    pub server: &'a str,
    /// The server's name.
    pub server_name: Option<&'a str>,
    /// The player; absent where nothing plays.
    pub player: Option<&'a Player>,
    /// The library's name.
    pub library: Option<&'a str>,
    /// The files.
    pub paths: &'a [String],
    /// The item.
    pub item: &'a Item,
    /// The kind of content.
    pub content: Content,
}

impl Filters {
    /// Whether the server must be asked for the library or the files where a message does not say.
    pub fn needs_location(&self) -> bool {
        let NameFilter { only, except } = &self.libraries;
        !(only.is_empty() && except.is_empty() && self.paths.is_empty() && self.except_paths.is_empty())
    }

    /// The first rule that leaves something out.
    pub fn refuse(&self, seen: &FilterSubject<'_>, policy: &Policy) -> Option<Rejection> {
        policy::content(seen.content, policy)
            .or_else(|| self.kind(seen.item))
            .or_else(|| self.servers.refuse("server", &SERVER, &[seen.server_name, Some(seen.server)]))
            .or_else(|| self.libraries.refuse("library", &LIBRARY, &[seen.library]))
            .or_else(|| self.device(seen))
            .or_else(|| self.path(seen.paths))
            .or_else(|| self.edition(seen.item))
    }

    fn kind(&self, item: &Item) -> Option<Rejection> {
        (!self.kinds.is_empty() && !self.kinds.contains(&Kind::of(item))).then(|| Rejection {
            code: Code::Kind,
            text: format!("{item} is of a kind that is not among `kinds`"),
        })
    }

    /// A rating or a mark is made on no device that anybody tells of, so that no list of devices can ask for one.
    fn device(&self, seen: &FilterSubject<'_>) -> Option<Rejection> {
        let player = seen.player?;
        let names = [player.name.as_deref(), player.id.as_deref(), player.product.as_deref()];
        self.devices.refuse("device", &DEVICE, &names)
    }

    fn path(&self, paths: &[String]) -> Option<Rejection> {
        if self.paths.is_empty() && self.except_paths.is_empty() {
            return None;
        }
        if paths.is_empty() {
            let text = "no file is known, and the route asks for its path".to_owned();
            return Some(Rejection { code: Code::PathUnknown, text });
        }
        let found = |rules: &[PathRule]| {
            let mut matches = paths.iter().flat_map(|path| rules.iter().map(move |rule| (path, rule)));
            matches
                .find(|(path, rule)| rule.matches(path))
                .map(|(path, rule)| (path.clone(), rule.text.clone()))
        };
        if let Some((path, rule)) = found(&self.except_paths) {
            let text = format!("{path:?} is in `{rule}`");
            return Some(Rejection { code: Code::PathExcepted, text });
        }
        (!self.paths.is_empty() && found(&self.paths).is_none()).then(|| Rejection {
            code: Code::Path,
            text: format!("{:?} is in none of `paths`", paths.join(", ")),
        })
    }

    fn edition(&self, item: &Item) -> Option<Rejection> {
        let edition = item.ext("edition")?;
        let excepted = self.except_editions.iter().any(|excepted| normalize(excepted) == normalize(edition));
        excepted.then(|| Rejection {
            code: Code::EditionExcepted,
            text: format!("edition {edition:?} is among `{}`", self.except_editions.join(", ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Movie;

    fn item() -> Item {
        Item {
            kind: ItemKind::Movie(Movie { title: "Solaris".to_owned(), ..Movie::default() }),
            server_ref: None,
            server_show_ref: None,
            runtime_ms: None,
            ext: vec![("edition".to_owned(), "Director's Cut".to_owned())],
        }
    }

    fn refused(
        filters: &Filters,
        library: Option<&str>,
        paths: &[&str],
        player: Option<&str>,
    ) -> Option<String> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let player = player.map(|name| Player { name: Some(name.to_owned()), ..Player::default() });
        let seen = FilterSubject {
            server: "abc123",
            server_name: Some("Dachboden"),
            player: player.as_ref(),
            library,
            paths: &paths,
            item: &item(),
            content: Content::OnDemand,
        };
        filters.refuse(&seen, &Policy::default()).map(|refusal| refusal.code.as_str().to_owned())
    }

    fn names(only: &[&str], except: &[&str]) -> NameFilter {
        let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        NameFilter { only: owned(only), except: owned(except) }
    }

    fn rules(rules: &[&str]) -> Vec<PathRule> {
        rules.iter().map(|rule| PathRule::parse(rule).unwrap()).collect()
    }

    #[test]
    fn what_is_asked_for_must_be_known() {
        let library = Filters { libraries: names(&["Filme"], &[]), ..Filters::default() };
        assert_eq!(refused(&library, None, &[], None).as_deref(), Some("library-unknown"));
        assert_eq!(refused(&library, Some("Kinder"), &[], None).as_deref(), Some("library"));
        assert_eq!(refused(&library, Some("FILME"), &[], None), None);
        let except = Filters { libraries: names(&[], &["Kinder"]), ..Filters::default() };
        assert_eq!(refused(&except, None, &[], None).as_deref(), Some("library-unknown"));
        assert_eq!(refused(&except, Some("kinder"), &[], None).as_deref(), Some("library-excepted"));
        let path = Filters { except_paths: rules(&["/kids"]), ..Filters::default() };
        assert_eq!(refused(&path, None, &[], None).as_deref(), Some("path-unknown"));
        assert_eq!(refused(&Filters::default(), None, &[], None), None);
    }

    #[test]
    fn servers_go_by_name_or_id() {
        for (only, code) in [("dachboden", None), ("ABC123", None), ("Keller", Some("server"))] {
            let filters = Filters { servers: names(&[only], &[]), ..Filters::default() };
            assert_eq!(refused(&filters, None, &[], None).as_deref(), code, "{only}");
        }
    }

    #[test]
    fn names_are_compared_as_people_read_them() {
        let filters = Filters { libraries: names(&["Fa\u{308}lle", "アニメ"], &[]), ..Filters::default() };
        assert_eq!(refused(&filters, Some("FÄLLE"), &[], None), None);
        assert_eq!(refused(&filters, Some("ｱﾆﾒ"), &[], None), None);
        assert_eq!(refused(&filters, Some("映画"), &[], None).as_deref(), Some("library"));
    }

    #[test]
    fn a_path_is_a_folder_or_a_pattern() {
        let filters =
            Filters { except_paths: rules(&["/media/Kids/", "**/*trailer*"]), ..Filters::default() };
        for (path, code) in [
            ("/media/kids/a.mkv", Some("path-excepted")),
            ("\\media\\Kids\\a.mkv", Some("path-excepted")),
            ("/media/kids-not/a.mkv", None),
            ("/media/films/a-Trailer.mkv", Some("path-excepted")),
            ("/media/films/a.mkv", None),
        ] {
            assert_eq!(refused(&filters, None, &[path], None).as_deref(), code, "{path}");
        }
        let only = Filters { paths: rules(&["d:\\filme"]), ..Filters::default() };
        assert_eq!(refused(&only, None, &["D:\\Filme\\x.mkv"], None), None);
        assert_eq!(refused(&only, None, &["/x.mkv"], None).as_deref(), Some("path"));
        let bracketed =
            Filters { except_paths: rules(&["/media/Kids [HD]", "/media/*/{id-12}"]), ..Filters::default() };
        for path in ["/media/kids [hd]/x.mkv", "/media/film/{id-12}/x.mkv"] {
            assert_eq!(refused(&bracketed, None, &[path], None).as_deref(), Some("path-excepted"), "{path}");
        }
        assert_eq!(refused(&bracketed, None, &["/media/kids h/x.mkv"], None), None);
    }

    #[test]
    fn devices_are_asked_for_where_something_plays() {
        let filters = Filters { devices: names(&[], &["Kitchen"]), ..Filters::default() };
        assert_eq!(refused(&filters, None, &[], Some("kitchen")).as_deref(), Some("device-excepted"));
        assert_eq!(refused(&filters, None, &[], Some("TV")), None);
        assert_eq!(refused(&filters, None, &[], None), None, "a rating is made on no device");
        let editions = Filters { except_editions: vec!["director's cut".to_owned()], ..Filters::default() };
        assert_eq!(refused(&editions, None, &[], None).as_deref(), Some("edition-excepted"));
        let kinds = Filters { kinds: vec![Kind::Show], ..Filters::default() };
        assert_eq!(refused(&kinds, None, &[], None).as_deref(), Some("kind"));
    }
}
