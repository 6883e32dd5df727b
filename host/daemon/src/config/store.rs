//! `[store]`: where everything is kept.

use std::collections::BTreeMap;

use playrelay_util::secret::Secret;

use crate::config::document::{ConfigError, SpannedValue};
use crate::config::section::Section;

/// `[store]`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreOptions {
    /// The address of a PostgreSQL database; absent for a file in the data folder.
    pub url: Option<Secret>,
}

/// Whether a text is an address of PostgreSQL, by its scheme.
pub fn is_server_address(text: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
}

/// Reads the section.
pub(super) fn read(keys: BTreeMap<String, SpannedValue>, problems: &mut Vec<ConfigError>) -> StoreOptions {
    let mut section = Section::new("[store]", keys, problems);
    let place = section.location("url");
    let url = section.text("url");
    if let Some(url) = &url
        && !is_server_address(url)
    {
        // It may hold a password: it is not shown.
        let text = "`url` in [store] is no address of PostgreSQL; expected \"postgres://USER:PASSWORD@HOST/DATABASE\", or no such key for \
                    a file in the data folder";
        section.error(place, text.to_owned());
    }
    section.finish();
    StoreOptions { url: url.map(Secret::new) }
}
