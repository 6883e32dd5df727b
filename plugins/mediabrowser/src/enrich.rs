//! A second look at the server: ids, numbers, runtime and files of the item, its show, and its library.

use playrelay_sdk::host::types::{Failure, Field, Item, ItemKind};
use playrelay_sdk::json::text;
use playrelay_sdk::{http, server};
use serde_json::{Map, Value, json};

use crate::values::guid;
use crate::{Flavor, item, segments};

/// How long shows and libraries are kept. Seconds.
const SHOW_TTL_S: u32 = 24 * 60 * 60;

/// Fills in what `wanted` lacks. Of an item that is gone the show may still be there.
pub fn resolve(family: Flavor, wanted: &Item) -> Result<Item, Failure> {
    let id = wanted.server_ref.as_deref().filter(|id| server::is_id(id));
    let show = wanted.server_show_ref.as_deref().filter(|id| server::is_id(id));
    let known = show.and_then(|show| server::cache_get(&show_key(show)));
    let asked: Vec<&str> = id.into_iter().chain(show.filter(|_| known.is_none())).collect();
    if id.is_none() && show.is_none() {
        return Err(Failure::Rejected("the event names no item of the server".to_owned()));
    }
    let mut answers = if asked.is_empty() { Vec::new() } else { items(family, &asked)? };
    let dto = id.and_then(|id| take(&mut answers, id));
    let of_item = || guid(&dto.as_ref()?["SeriesId"]).filter(|id| server::is_id(id));
    let show = show.map(str::to_owned).or_else(of_item);
    let series = match (known, &show) {
        (Some(known), _) => known,
        (None, None) => Value::Null,
        (None, Some(show)) => match take(&mut answers, show) {
            Some(found) => keep_show(show, &found),
            None if !asked.contains(&show.as_str()) => {
                items(family, &[show])?.pop().map_or(Value::Null, |found| keep_show(show, &found))
            }
            None => Value::Null,
        },
    };
    let gone = || Failure::Rejected("the server no longer has this item".to_owned());
    let Some(dto) = dto else { return with_show(wanted, &series).ok_or_else(gone) };
    let mut found = item::item(&dto, &series).ok_or_else(|| {
        Failure::Rejected("the server says that this is not a movie or an episode".to_owned())
    })?;
    let field = |name: &str, value: String| Field { name: name.to_owned(), value };
    found.ext.extend(text(&dto["Path"]).map(|path| field("path", path)));
    let of_library = show.as_deref().or(id).and_then(|id| library(&family.api().ok()?, id));
    found.ext.extend(of_library.map(|library| field("library", library)));
    let credits = item::credits(&dto).or_else(|| segments::credits_start(family, id?));
    found.ext.extend(credits.map(|ms| field("credits-start-ms", ms.to_string())));
    Ok(found)
}

/// An item that the server does not have, with what it has of its show.
fn with_show(wanted: &Item, series: &Value) -> Option<Item> {
    let show = series.is_object().then(|| item::show(series))?;
    let mut found = wanted.clone();
    match &mut found.kind {
        ItemKind::Episode(episode) => episode.show = show,
        ItemKind::Season(season) => season.show = show,
        ItemKind::Movie(_) | ItemKind::Show(_) => return None,
    }
    Some(found)
}

fn items(family: Flavor, ids: &[&str]) -> Result<Vec<Value>, Failure> {
    let (api, fields) = (family.api()?, family.item_fields());
    let url = format!("{api}/Items?Ids={}&Fields={fields}", ids.join(","));
    let mut answer = server::get(&url)?;
    Ok(match answer["Items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    })
}

fn take(answers: &mut Vec<Value>, id: &str) -> Option<Value> {
    let place = answers.iter().position(|dto| guid(&dto["Id"]).as_deref() == Some(id))?;
    Some(answers.swap_remove(place))
}

/// The facts of a show that are cached.
fn keep_show(id: &str, dto: &Value) -> Value {
    let fields = ["Type", "Name", "OriginalTitle", "ProductionYear", "ProviderIds"];
    let kept: Map<_, _> = fields.iter().map(|field| ((*field).to_owned(), dto[*field].clone())).collect();
    let kept = Value::Object(kept);
    server::cache_put(&show_key(id), &kept, SHOW_TTL_S);
    kept
}

fn show_key(id: &str) -> String {
    format!("show:{id}")
}

/// The library of an item. A server that does not say costs the library's name, nothing else.
fn library(api: &str, id: &str) -> Option<String> {
    let key = format!("library:{id}");
    if let Some(known) = server::cache_get(&key) {
        return text(&known);
    }
    let response = http::get(&format!("{api}/Items/{id}/Ancestors"), http::ACCEPT_JSON).ok()?;
    let ancestors = server::json_or_failure(&response).ok()?;
    let folder = ancestors.as_array()?.iter().find(|ancestor| ancestor["Type"] == "CollectionFolder")?;
    let name = text(&folder["Name"])?;
    server::cache_put(&key, &json!(name), SHOW_TTL_S);
    Some(name)
}
