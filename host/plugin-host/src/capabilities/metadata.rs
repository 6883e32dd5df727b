//! `metadata`

use playrelay_engine::model::Item;
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::metadata::{
    self as contract, Candidate, Guest, PictureKind,
};
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::failure::Failure;
use crate::limits::Budget;
use crate::recording::functions::guest_call;
use crate::{convert, text};

/// Finds what an item is, with a confidence from 0 to 1, the best first.
pub enum Find {}

impl Capability for Find {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    type Input = Item;
    type Output = Result<Vec<(Item, f64)>, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        item: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let item = convert::to_guest(&item);
        let answer = guest_call!(store, "metadata.find", guest.call_find(&item));
        let candidates = answer.map(|candidates| {
            let candidate = |it: Candidate| (convert::item(it.item), it.confidence);
            candidates.into_iter().take(text::ENTRIES).map(candidate).collect()
        });
        Ok(candidates.map_err(convert::failure))
    }
}

/// Knows the pictures of an item.
pub enum Artwork {}

/// A picture of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// `poster`, `backdrop` or `still`.
    pub kind: &'static str,
    /// The URL.
    pub url: String,
}

impl Capability for Artwork {
    type Interface = Guest;
    const BUDGET: Budget = Budget::SERVICE;
    type Input = Item;
    type Output = Result<Vec<Picture>, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        item: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let item = convert::to_guest(&item);
        let answer = guest_call!(store, "metadata.artwork", guest.call_artwork(&item));
        let kind = |kind| match kind {
            PictureKind::Poster => "poster",
            PictureKind::Backdrop => "backdrop",
            PictureKind::Still => "still",
        };
        let pictures = answer.map(|pictures| {
            let picture = |it: contract::Picture| {
                Some(Picture { kind: kind(it.kind), url: text::whole(it.url, text::PATH)? })
            };
            pictures.into_iter().take(text::ENTRIES).filter_map(picture).collect()
        });
        Ok(pictures.map_err(convert::failure))
    }
}
