//! `[mappings]`: files that say what catalogues call a title.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use url::Url;

use crate::config::document::{ConfigError, SpannedValue};
use crate::config::schedule::Schedule;
use crate::config::section::Section;

/// How often a file is read again where nothing is said of it.
const DEFAULT_REFRESH: &str = "7d";

/// Where a file of mappings comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingFile {
    /// A file of this machine.
    Path(PathBuf),
    /// An https address.
    Url(Url),
}

impl std::fmt::Display for MappingFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// `[mappings]`
#[derive(Clone, Debug, PartialEq)]
pub struct MappingOptions {
    /// The file that maps ids of anime catalogues; absent without one.
    pub anime: Option<MappingFile>,
    /// When it is read again.
    pub refresh: Schedule,
}

/// Reads the section.
pub(super) fn read(keys: BTreeMap<String, SpannedValue>, problems: &mut Vec<ConfigError>) -> MappingOptions {
    let mut section = Section::new("[mappings]", keys, problems);
    let place = section.location("anime");
    let anime = section.text("anime").and_then(|text| match text.split_once("://") {
        None => Some(MappingFile::Path(PathBuf::from(text))),
        Some(("https", _)) if Url::parse(&text).is_ok() => Url::parse(&text).ok().map(MappingFile::Url),
        Some(_) => {
            let text = format!(
                "`anime` in [mappings] is {text:?}; expected the path of a file, or an https address"
            );
            section.error(place, text);
            None
        }
    });
    let zone = TimeZone::system();
    let place = section.location("refresh");
    let refresh = section.text("refresh").unwrap_or_else(|| DEFAULT_REFRESH.to_owned());
    let refresh = Schedule::parse(&refresh, &zone).or_else(|reason| {
        let text = format!(
            "`refresh` in [mappings] is {refresh:?}: {reason}; expected an interval such as \"7d\", or a cron expression such as \"0 4 * * 1\""
        );
        section.error(place, text);
        Schedule::parse(DEFAULT_REFRESH, &zone)
    });
    section.finish();
    MappingOptions { anime, refresh: refresh.expect("the default is a valid interval") }
}
