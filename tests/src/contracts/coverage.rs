//! Which requests of the plugins no test has sent: paths are found in the plugins' code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::contracts::Deviations;
use crate::exchanges::Exchange;

/// Plugins, and the services that they speak to.
const SERVICES: [(&str, &[&str]); 8] = [
    ("trakt", &["trakt"]),
    ("simkl", &["simkl"]),
    ("mdblist", &["mdblist"]),
    ("tmdb", &["tmdb"]),
    ("plex", &["plex", "plex-tv"]),
    ("jellyfin", &["jellyfin"]),
    ("emby", &["emby", "emby-connect"]),
    ("mediabrowser", &["jellyfin", "emby"]),
];

/// Paths in the code of plugins that no exchange has.
pub fn untried_paths(plugins: &Path, exchanges: &[Exchange], deviations: &Deviations) -> Result<Vec<String>> {
    let mut untried = Vec::new();
    for (plugin, services) in SERVICES {
        let of_service = exchanges.iter().filter(|it| services.contains(&it.service.as_str()));
        let tried: BTreeSet<&str> =
            of_service.map(|it| it.path.split('?').next().unwrap_or_default()).collect();
        for path in paths(&plugins.join(plugin))? {
            let is_tried = tried.iter().any(|tried| fits(&path, tried));
            if !is_tried && !deviations.is_no_path(&path) {
                untried.push(format!("{plugin}: {path}"));
            }
        }
    }
    Ok(untried)
}

/// Whether a path was made of a template: `{…}` stands for anything, and there may be a server's own path in front.
fn fits(template: &str, tried: &str) -> bool {
    let (wanted, found): (Vec<&str>, Vec<&str>) = (
        template.trim_end_matches('/').split('/').collect(),
        tried.trim_end_matches('/').split('/').collect(),
    );
    let Some(extra) = found.len().checked_sub(wanted.len()) else { return false };
    extra <= 1 && wanted[1..].iter().zip(&found[1 + extra..]).all(|(wanted, found)| part_fits(wanted, found))
}

fn part_fits(wanted: &str, found: &str) -> bool {
    match (wanted.find('{'), wanted.rfind('}')) {
        (Some(begin), Some(end)) => {
            found.len() >= wanted.len() - (end + 1 - begin)
                && found.starts_with(&wanted[..begin])
                && found.ends_with(&wanted[end + 1..])
        }
        _ => wanted.eq_ignore_ascii_case(found),
    }
}

/// Texts in the code of a plugin that begin with a slash, without queries, and without those of its unit tests.
fn paths(plugin: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![plugin.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path)?;
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in lines {
                    found.extend(line.split('"').skip(1).step_by(2).filter_map(path_in));
                }
            }
        }
    }
    Ok(found)
}

/// The path in a text: `{api}/Users` and `/sync/history?x` have one.
fn path_in(text: &str) -> Option<String> {
    let after_api = text.strip_prefix("{api}").or_else(|| text.strip_prefix("{}")).unwrap_or(text);
    let path = after_api.split('?').next()?;
    let is_path = path.len() > 1
        && path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/{}_-.:".contains(&byte));
    is_path.then(|| path.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_fit_what_was_made_of_them() {
        assert!(fits("/sync/ratings/{list}/{RATINGS}", "/sync/ratings/movies/1,2"));
        assert!(fits("/Users/{user}/Items", "/emby/Users/7/Items"));
        assert!(fits("/scrobble/{verb}{rewatch}", "/scrobble/stop"));
        assert!(!fits("/sync/history", "/sync/history/remove"));
        assert!(!fits("/sync/playback/{id}", "/sync/history/7"));
        assert_eq!(path_in("{api}/Users/Query?x=1").as_deref(), Some("/Users/Query"));
        assert_eq!(path_in("it ended / began"), None);
    }
}
