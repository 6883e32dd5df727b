//! Plays and ratings, as files.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use playrelay_engine::model::User;
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::transition::Rating;
use playrelay_store::SharedStore;

use crate::exports::history::{ExportFormat, HistoryExport, WrittenFile};
use crate::operations::OperationError;

/// Plays that are read at once.
const PAGE_PLAYS: u32 = 1_000;

/// Writes the plays and ratings of one user, or of everybody, into a folder, and gives what was written. `zone` says on which day something was watched,
/// where a form has days only.
///
/// # Errors
///
/// Nobody was seen who is called `user`; the form is for one person and there are several; the folder is not empty or cannot be written; the database
/// cannot be read.
pub async fn export(
    store: &SharedStore,
    format: ExportFormat,
    folder: &Path,
    user: Option<&str>,
    zone: TimeZone,
) -> Result<Vec<WrittenFile>, OperationError> {
    let ratings = store.ratings_since(Timestamp::MIN).await?;
    check_user(store, format, user, &ratings).await?;
    let is_wanted = |viewer: &Viewer, of: &User| user.is_none_or(|user| is_called(viewer, of, user));
    let failed = |error| OperationError::Conflict(format!("{} cannot be written: {error}", folder.display()));
    let mut export = HistoryExport::begin(format, folder, zone).map_err(failed)?;
    for rating in ratings.iter().filter(|rating| is_wanted(&rating.viewer, &rating.rated.user)) {
        export.rating(rating).map_err(failed)?;
    }
    visit_plays(store, |play| match is_wanted(&play.viewer, &play.user) {
        true => export.play(&play).map_err(failed),
        false => Ok(()),
    })
    .await?;
    export.finish().map_err(failed)
}

/// Visits all plays, the newest first, until a visit fails.
async fn visit_plays(
    store: &SharedStore,
    mut visit: impl FnMut(Play) -> Result<(), OperationError>,
) -> Result<(), OperationError> {
    let mut before = None;
    loop {
        let page = store.plays(before.take(), PAGE_PLAYS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        before = Some((last.started_at, last.id.clone()));
        page.into_iter().try_for_each(&mut visit)?;
    }
}

/// Whether somebody has this name, or this id.
fn is_called(viewer: &Viewer, user: &User, name: &str) -> bool {
    viewer.name(user) == name || viewer.user == name
}

/// Refuses a user whom nobody has seen, and several people where a form is for one.
async fn check_user(
    store: &SharedStore,
    format: ExportFormat,
    user: Option<&str>,
    ratings: &[Rating],
) -> Result<(), OperationError> {
    if user.is_none() && !format.is_of_one_person() {
        return Ok(());
    }
    let mut seen: Vec<(Viewer, User)> =
        ratings.iter().map(|rating| (rating.viewer.clone(), rating.rated.user.clone())).collect();
    seen.extend(viewers(store).await?);
    let names: BTreeSet<&str> = seen.iter().map(|(viewer, user)| viewer.name(user)).collect();
    let list = names.iter().copied().collect::<Vec<_>>().join(", ");
    match user {
        Some(user) if !seen.iter().any(|(viewer, of)| is_called(viewer, of, user)) => {
            let known = if list.is_empty() { "nobody".to_owned() } else { list };
            Err(OperationError::NotFound(format!(
                "nobody called {user:?} was seen watching; there is {known}"
            )))
        }
        None if names.len() > 1 => Err(OperationError::Conflict(format!(
            "this form has no place for whose a play is, and there are plays of {list}; choose with --user NAME"
        ))),
        _ => Ok(()),
    }
}

/// Everybody who has a play.
async fn viewers(store: &SharedStore) -> Result<Vec<(Viewer, User)>, OperationError> {
    let (mut viewers, mut known) = (Vec::new(), BTreeSet::new());
    visit_plays(store, |play| {
        if known.insert((play.viewer.clone(), play.user.name.clone())) {
            viewers.push((play.viewer, play.user));
        }
        Ok(())
    })
    .await?;
    Ok(viewers)
}
