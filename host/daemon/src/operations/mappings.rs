//! Mappings: what a person keeps for titles that catalogues call otherwise.

use playrelay_engine::mapping::TitleMapping;
use playrelay_engine::model::Item;
use playrelay_engine::outbox::{DeliveryState, OutboxCommand, OutboxRow, OutboxSelection};
use playrelay_store::{DeliveryFilter, Store, StoredMapping};
use playrelay_util::clock;

use crate::operations::OperationError;

/// Deliveries that are looked at for one mapping: those that a person has to look at are few.
const MAX_WAITING: u32 = 500;

/// All mappings, the oldest first.
///
/// # Errors
///
/// Fails where the database does.
pub async fn list(store: &dyn Store) -> Result<Vec<StoredMapping>, OperationError> {
    Ok(store.mappings().await?)
}

/// A mapping.
///
/// # Errors
///
/// Fails where there is no such one, or the database fails.
pub async fn find(store: &dyn Store, id: i64) -> Result<StoredMapping, OperationError> {
    let found = store.mappings().await?.into_iter().find(|stored| stored.id == id);
    found.ok_or_else(|| missing(id))
}

/// What a mapping was kept for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMapping {
    /// Its number.
    pub id: i64,
    /// The deliveries of the title that waited for a person, and are tried again.
    pub tried_again: Vec<i64>,
}

/// Keeps a mapping for later plays of a title, and tries what waits for a person because of that title again.
///
/// # Errors
///
/// Fails where the mapping cannot be kept, there are too many, or the database fails.
pub async fn keep(store: &dyn Store, mapping: TitleMapping) -> Result<KeptMapping, OperationError> {
    mapping.validate().map_err(|error| OperationError::Invalid(error.to_string()))?;
    let id = store.add_mapping(mapping, clock::now()).await?.ok_or_else(|| {
        OperationError::Conflict(
            "there are as many mappings as are kept; remove one that is not needed any more".to_owned(),
        )
    })?;
    let kept = find(store, id).await?.mapping;
    let mut tried_again = Vec::new();
    for (row, item) in waiting(store, &kept).await? {
        let command = OutboxCommand::Match(Box::new(item));
        if store.apply_command(OutboxSelection::One(row.id), command, clock::now()).await? > 0 {
            tried_again.push(row.id);
        }
    }
    Ok(KeptMapping { id, tried_again })
}

/// Held and unmatched deliveries that a mapping applies to, each with its mapped item.
///
/// # Errors
///
/// Fails where the database does.
pub async fn waiting(
    store: &dyn Store,
    mapping: &TitleMapping,
) -> Result<Vec<(OutboxRow, Item)>, OperationError> {
    let states = vec![DeliveryState::Held, DeliveryState::Unmatched];
    let filter = DeliveryFilter { before: None, states, tracker: None, limit: MAX_WAITING };
    let rows = store.deliveries(filter).await?.into_iter();
    let mapped = rows.filter_map(|row| mapping.apply(&row.event.item).map(|(item, _)| (row, item)));
    Ok(mapped.collect())
}

/// Replaces a mapping.
///
/// # Errors
///
/// Fails where the mapping cannot be kept, there is no such one, or the database fails.
pub async fn replace(store: &dyn Store, id: i64, mapping: TitleMapping) -> Result<(), OperationError> {
    mapping.validate().map_err(|error| OperationError::Invalid(error.to_string()))?;
    match store.replace_mapping(id, mapping).await? {
        true => Ok(()),
        false => Err(missing(id)),
    }
}

/// Forgets a mapping. What was mapped by it stays as it is.
///
/// # Errors
///
/// Fails where there is no such one, or the database fails.
pub async fn remove(store: &dyn Store, id: i64) -> Result<(), OperationError> {
    match store.remove_mapping(id).await? {
        true => Ok(()),
        false => Err(missing(id)),
    }
}

fn missing(id: i64) -> OperationError {
    OperationError::NotFound(format!("there is no mapping {id}; `playrelay mapping list` lists them"))
}
