//! TMDb as a catalogue.
//!
//! Facts: developer.themoviedb.org. This product uses the TMDB API but is not endorsed or certified by TMDB.

mod airing;
mod api;
mod artwork;
mod find;
mod numbering;

use playrelay_sdk::capability;
use playrelay_sdk::capability::metadata::{Candidate, Picture};
use playrelay_sdk::host::types::{Failure, Item};

/// The plugin.
struct Tmdb;

impl capability::metadata::Guest for Tmdb {
    fn find(item: Item) -> Result<Vec<Candidate>, Failure> {
        find::find(&item)
    }

    fn artwork(item: Item) -> Result<Vec<Picture>, Failure> {
        artwork::of(&item)
    }
}

impl capability::airing::Guest for Tmdb {
    fn last_aired(show: Item) -> Result<Option<Item>, Failure> {
        airing::last_aired(&show)
    }
}

impl capability::numbering::Guest for Tmdb {
    fn locate(episode: Item, order: capability::numbering::Order) -> Result<Option<Item>, Failure> {
        numbering::locate(&episode, order)
    }
}

impl capability::check::Guest for Tmdb {
    fn account() -> Result<capability::check::AccountInfo, Failure> {
        api::get("/3/configuration")?;
        Ok(capability::check::AccountInfo {
            name: "the key is good".to_owned(),
            id: None,
            details: Vec::new(),
        })
    }
}

capability::metadata::export_metadata!(Tmdb with_types_in capability::metadata);
capability::airing::export_airing!(Tmdb with_types_in capability::airing);
capability::numbering::export_numbering!(Tmdb with_types_in capability::numbering);
capability::check::export_check!(Tmdb with_types_in capability::check);
