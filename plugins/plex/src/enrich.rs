//! A second look at the server: ids, numbers and runtime of the item, and the ids of its show.

use playrelay_sdk::host::types::{Episode, Failure, Field, Item, ItemKind, Show};
use playrelay_sdk::json::{text, whole};
use playrelay_sdk::{file_names, server};
use serde_json::{Map, Value};

use crate::{api, metadata};

/// How long the ids of a show are kept. Seconds.
const SHOW_TTL_S: u32 = 24 * 60 * 60;

/// Fills in what `item` lacks. Of one that is gone the show may still be there.
pub fn resolve(wanted: Item) -> Result<Item, Failure> {
    let asked = match &wanted.server_ref {
        Some(rating_key) => api::item(rating_key),
        None => Err(Failure::Rejected("the event names no item of the server".to_owned())),
    };
    let (found, gone) = match asked {
        Ok(found) => (found, None),
        Err(Failure::Rejected(reason)) if wanted.server_show_ref.is_some() => (Value::Null, Some(reason)),
        Err(failure) => return Err(failure),
    };
    let show_ref = wanted.server_show_ref.clone();
    let mut item = metadata::item(&found).unwrap_or(wanted);
    item.server_show_ref = item.server_show_ref.or(show_ref);
    if let ItemKind::Episode(episode) = &mut item.kind {
        fill_in_numbers(episode, &found)?;
    }
    let field = |name: &str, value: String| Field { name: name.to_owned(), value };
    item.ext.extend(text(&found["librarySectionTitle"]).map(|library| field("library", library)));
    item.ext.extend(metadata::credits(&found).map(|ms| field("credits-start-ms", ms.to_string())));
    item.ext.extend(metadata::paths(&found).into_iter().map(|path| field("path", path)));
    if let Some(show_key) = item.server_show_ref.clone()
        && let Some(own_show) = show_of(&mut item)
        && own_show.ids.is_empty()
    {
        let show = match (look_up_show(&show_key), &gone) {
            (Err(Failure::Rejected(_)), Some(reason)) => return Err(Failure::Rejected(reason.clone())),
            // What is known of the item itself is worth having without its show.
            (Err(Failure::Rejected(_)), None) => Value::Null,
            (found, _) => found?,
        };
        if let Some(ItemKind::Show(show)) = metadata::item(&show).map(|item| item.kind) {
            own_show.ids = show.ids;
            own_show.year = show.year.or(own_show.year);
            own_show.original_title = show.original_title;
        }
    }
    Ok(item)
}

/// All episodes of the file, where its name gives several: those that the library holds for the same file, else those of the name.
fn fill_in_numbers(episode: &mut Episode, found: &Value) -> Result<(), Failure> {
    let [number] = episode.numbers.as_slice() else { return Ok(()) };
    let paths = metadata::paths(found);
    let named = paths.iter().find_map(|path| {
        let (season, numbers) = file_names::episodes(path)?;
        let is_of_this = Some(season) == episode.season && numbers.contains(number) && numbers.len() > 1;
        is_of_this.then_some(numbers)
    });
    let Some(named) = named else { return Ok(()) };
    let siblings = match text(&found["parentRatingKey"]).filter(|key| server::is_id(key)) {
        Some(season) => match api::children(&season) {
            // A season that is gone says nothing.
            Err(Failure::Rejected(_)) => Vec::new(),
            answer => answer?,
        },
        None => Vec::new(),
    };
    let shares_a_file = |sibling: &&Value| metadata::paths(sibling).iter().any(|path| paths.contains(path));
    let in_library = siblings.iter().filter(shares_a_file);
    let mut numbers: Vec<u32> = in_library.filter_map(|sibling| whole(&sibling["index"])).collect();
    numbers.sort_unstable();
    numbers.dedup();
    episode.numbers = if numbers.len() > 1 && numbers.contains(number) { numbers } else { named };
    Ok(())
}

/// The show that an item is of.
fn show_of(item: &mut Item) -> Option<&mut Show> {
    match &mut item.kind {
        ItemKind::Episode(episode) => Some(&mut episode.show),
        ItemKind::Season(season) => Some(&mut season.show),
        ItemKind::Movie(_) | ItemKind::Show(_) => None,
    }
}

/// The show, from the small store where an episode of it was looked up before.
fn look_up_show(rating_key: &str) -> Result<Value, Failure> {
    let key = format!("show:{rating_key}");
    if let Some(show) = server::cache_get(&key) {
        return Ok(show);
    }
    let found = api::item(rating_key)?;
    let fields = ["type", "title", "originalTitle", "year", "guid", "Guid", "ratingKey"];
    let show: Map<_, _> = fields.iter().map(|field| ((*field).to_owned(), found[*field].clone())).collect();
    let show = Value::Object(show);
    server::cache_put(&key, &show, SHOW_TTL_S);
    Ok(show)
}
