//! The key store of goplaxt: a folder with `ID.username`, `ID.access` and `ID.refresh` for each person.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use playrelay_plugin_host::manifest::part;
use playrelay_util::secret::Secret;

use crate::imports::setup::client_keys::ClientKeys;
use crate::imports::setup::sections::Sections;
use crate::imports::setup::set_up::{SavedLogin, SetUp, SetUpError};

/// Reads a key store. A login is renewed by the same app only.
///
/// # Errors
///
/// The folder cannot be read, or has no person in it.
pub fn read(folder: &Path, keys: &ClientKeys) -> Result<SetUp, SetUpError> {
    let shown = folder.display().to_string();
    let failed = |error| SetUpError::File { path: shown.clone(), error };
    let mut people: BTreeMap<String, String> = BTreeMap::new();
    for file in fs::read_dir(folder).map_err(failed)? {
        let path = file.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "username")
            && let Some(id) = path.file_stem().and_then(|stem| stem.to_str())
        {
            let name = fs::read_to_string(&path).map_err(failed)?;
            people.insert(id.to_owned(), name.trim().to_owned());
        }
    }
    if people.is_empty() {
        let reason = "there is no file ID.username in it; expected the folder keystore of goplaxt".to_owned();
        return Err(SetUpError::Form { path: shown, reason });
    }
    let mut set_up = SetUp::default();
    let mut sections = Sections::default();
    sections.begin("[sources.plex]");
    sections.text("plugin", "plex");
    for (id, user) in &people {
        let part_of = |ending: &str| {
            let text = fs::read_to_string(folder.join(format!("{id}.{ending}"))).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let letter =
            |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        let account = format!("trakt-{}", user.chars().map(letter).collect::<String>());
        sections.begin(&format!("[trackers.{account}]"));
        sections.text("plugin", "trakt");
        sections.text("client_id", &keys.id);
        set_up.settings.push((account.clone(), "client_secret".to_owned(), keys.secret.clone()));
        match part_of("access") {
            Some(access) => {
                let mut parts = BTreeMap::from([(part::ACCESS.to_owned(), Secret::new(access))]);
                parts.extend(part_of("refresh").map(|it| (part::REFRESH.to_owned(), Secret::new(it))));
                set_up.logins.push(SavedLogin { account: account.clone(), plugin: "trakt", parts });
            }
            None => set_up
                .notes
                .push(format!("{account} has no login; log in with `playrelay connect {account}`")),
        }
        sections.begin("[[routes]]");
        sections.text("source", "plex");
        sections.text("tracker", &account);
        sections.texts("users", std::slice::from_ref(user));
        set_up.found.push(format!("tracker {account}, and a route to it for {user}"));
    }
    let note = "goplaxt's own addresses, /api?id=…, lead nowhere: put the address that `playrelay webhooks` shows into Plex in their place";
    set_up.notes.push(note.to_owned());
    set_up.sections = sections.finish();
    Ok(set_up)
}
