//! Addresses of pictures.

use playrelay_sdk::capability::metadata::{Picture, PictureKind};
use playrelay_sdk::host::types::{Failure, Item, ItemKind};
use playrelay_sdk::{http, ids};

use crate::{api, find};

/// The poster and the backdrop of a movie or a show; of the show for its seasons and episodes.
pub fn of(item: &Item) -> Result<Vec<Picture>, Failure> {
    let path = match &item.kind {
        ItemKind::Movie(movie) => match ids::find(&movie.ids, "tmdb") {
            Some(id) => Some(format!("/3/movie/{id}")),
            None => find::movie_id(movie)?.map(|id| format!("/3/movie/{id}")),
        },
        ItemKind::Show(show) => find::show_id(show)?.map(|id| format!("/3/tv/{id}")),
        ItemKind::Season(season) => find::show_id(&season.show)?.map(|id| format!("/3/tv/{id}")),
        ItemKind::Episode(episode) => find::show_id(&episode.show)?.map(|id| format!("/3/tv/{id}")),
    };
    let Some(path) = path else { return Ok(Vec::new()) };
    let Some(found) = api::get(&path)? else { return Ok(Vec::new()) };
    let picture = |kind, key: &str, size: &str, width| {
        let file = found[key].as_str()?;
        let url = http::join_setting("pictures_url", &format!("/t/p/{size}{file}"));
        Some(Picture { kind, url, width: Some(width), height: None })
    };
    let pictures = [
        picture(PictureKind::Poster, "poster_path", "w342", 342),
        picture(PictureKind::Backdrop, "backdrop_path", "w1280", 1280),
    ];
    Ok(pictures.into_iter().flatten().collect())
}
