//! Deliveries: retry, drop, and say what an event is about.

use playrelay_engine::mapping::TitleMapping;
use playrelay_engine::model::{Ids, Item, ItemKind, Movie, OfShow, Show};
use playrelay_engine::outbox::{DeliveryState, OutboxCommand, OutboxSelection};
use playrelay_store::Store;
use playrelay_util::clock;

use crate::operations::{OperationError, mappings};

/// Does something with events in the outbox. Gives how many there were.
///
/// # Errors
///
/// Fails where one event is named that is not there, or has been delivered or superseded, and where the database fails.
pub async fn apply(
    store: &dyn Store,
    selection: OutboxSelection,
    command: OutboxCommand,
) -> Result<usize, OperationError> {
    let done = match &command {
        OutboxCommand::Retry | OutboxCommand::Match(_) => "tried again",
        OutboxCommand::Drop => "dropped",
    };
    let found = store.apply_command(selection, command, clock::now()).await?;
    let (OutboxSelection::One(id), 0) = (selection, found) else { return Ok(found) };
    Err(match store.outbox_row(id).await? {
        Some(row) if row.state == DeliveryState::Delivered => {
            OperationError::Conflict(format!("event {id} cannot be {done}: it has been delivered"))
        }
        Some(row) => {
            OperationError::Conflict(format!("event {id} cannot be {done}: it is {}", row.state.as_str()))
        }
        None => OperationError::NotFound(format!(
            "event {id} cannot be {done}: there is no such event in the outbox; `playrelay outbox list` lists them"
        )),
    })
}

/// What an event is about, as a person says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Correction {
    /// Ids of the movie, or of the show of an episode, by catalogue.
    pub ids: Vec<(String, String)>,
    /// The season of an episode.
    pub season: Option<u32>,
    /// The numbers of an episode.
    pub episodes: Vec<u32>,
    /// Whether it is kept for later plays of the title.
    pub remember: bool,
}

/// Says what an event is about, and has it tried again; with those that wait because of the same title, where that is kept for later plays.
/// Gives the events that are tried again, the named one first.
///
/// # Errors
///
/// Fails as [`apply`] does, and where the correction does not fit the event.
pub async fn correct(
    store: &dyn Store,
    id: i64,
    correction: &Correction,
) -> Result<Vec<i64>, OperationError> {
    let row = store.outbox_row(id).await?;
    let row = row.ok_or_else(|| OperationError::NotFound(format!("there is no event {id} in the outbox")))?;
    let item = corrected(row.event.item.clone(), correction)?;
    let mapping = TitleMapping::from_correction(&row.event.item, &item).filter(|_| correction.remember);
    apply(store, OutboxSelection::One(id), OutboxCommand::Match(Box::new(item))).await?;
    let mut tried_again = vec![id];
    if let Some(mapping) = mapping {
        tried_again.extend(mappings::keep(store, mapping).await?.tried_again);
    }
    Ok(tried_again)
}

/// The item as a person corrects it: the ids that they give replace those of the item.
///
/// # Errors
///
/// Fails where the correction does not fit the item, or says nothing.
pub fn corrected(mut item: Item, correction: &Correction) -> Result<Item, OperationError> {
    fn ids<Kind>(named: &[(String, String)]) -> Ids<Kind> {
        named.iter().map(|(name, id)| (name, id)).collect()
    }
    let Correction { ids: named, season, episodes, .. } = correction;
    let has_ids = !named.is_empty();
    if !has_ids && season.is_none() && episodes.is_empty() {
        return Err(OperationError::Invalid("give --id, --season or --episode".to_owned()));
    }
    item.clear_ambiguity();
    match &mut item.kind {
        ItemKind::Movie(_) | ItemKind::Show(_) if season.is_some() || !episodes.is_empty() => {
            return Err(OperationError::Invalid(
                "only seasons and episodes have a season and a number".to_owned(),
            ));
        }
        ItemKind::Movie(movie) => {
            *movie = Movie {
                title: std::mem::take(&mut movie.title),
                original_title: None,
                // It is that of what it is not.
                year: None,
                ids: ids(named),
            };
        }
        ItemKind::Episode(episode) => {
            if has_ids {
                correct_show(&mut episode.show, ids(named));
                episode.year = None;
            }
            // Ids of the episode came from whoever was wrong about it.
            episode.ids = Ids::default();
            episode.absolute_number = None;
            episode.season = season.or(episode.season);
            if !episodes.is_empty() {
                episode.numbers.clone_from(episodes);
            }
        }
        ItemKind::Season(it) => {
            if has_ids {
                correct_show(&mut it.show, ids(named));
            }
            it.number = season.unwrap_or(it.number);
        }
        ItemKind::Show(show) => correct_show(show, ids(named)),
    }
    Ok(item)
}

/// The show is the one of these ids. The year and the original title were those of what it is not.
fn correct_show(show: &mut Show, ids: Ids<OfShow>) {
    *show = Show { title: std::mem::take(&mut show.title), original_title: None, year: None, ids };
}
