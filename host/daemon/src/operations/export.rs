//! Plays and ratings, as files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use playrelay_engine::model::User;
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::transition::Rating;
use playrelay_store::SharedStore;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::exports::history::{ExportFormat, HistoryExport, WrittenFile};
use crate::operations::OperationError;
use crate::operations::people::PersonHistory;

/// Plays that are read at once.
const PAGE_PLAYS: u32 = 1_000;

/// Whose plays and ratings are written.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// Everybody's.
    Everybody,
    /// Those of whoever has this name or this id at a server.
    User(&'a str),
    /// Those of a person: of these viewers.
    Viewers(&'a [Viewer]),
}

impl Whose<'_> {
    fn includes(self, viewer: &Viewer, of: &User) -> bool {
        match self {
            Self::Everybody => true,
            Self::User(name) => is_called(viewer, of, name),
            Self::Viewers(viewers) => viewers.contains(viewer),
        }
    }
}

/// The archive that [`export_archive`] writes.
const ARCHIVE: &str = "export.zip";

/// Writes the plays and ratings of a person into an archive in `folder`, which is otherwise empty. Gives its path.
///
/// # Errors
///
/// There is nothing to export; the folder cannot be written; the database cannot be read.
pub async fn export_archive(
    store: &SharedStore,
    format: ExportFormat,
    folder: &Path,
    person: &PersonHistory,
) -> Result<PathBuf, OperationError> {
    let files_in = folder.join("files");
    let viewers = person.viewers();
    let zone = person.person.zone.clone();
    let files = export(store, format, &files_in, Whose::Viewers(&viewers), zone).await?;
    if files.is_empty() {
        let name = &person.person.name;
        return Err(OperationError::Conflict(format!(
            "there is nothing to export: {name} has nothing of this kind"
        )));
    }
    let archive = folder.join(ARCHIVE);
    let path = archive.clone();
    let written = tokio::task::spawn_blocking(move || compress(&path, &files_in, &files)).await;
    let failed = |error: &dyn std::fmt::Display| {
        OperationError::Conflict(format!("{} cannot be written: {error}", archive.display()))
    };
    written.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    Ok(archive)
}

fn compress(archive: &Path, folder: &Path, files: &[WrittenFile]) -> io::Result<()> {
    let mut zip = ZipWriter::new(BufWriter::new(File::create_new(archive)?));
    for file in files {
        zip.start_file(&file.name, SimpleFileOptions::default())?;
        io::copy(&mut File::open(folder.join(&file.name))?, &mut zip)?;
    }
    zip.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

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
    whose: Whose<'_>,
    zone: TimeZone,
) -> Result<Vec<WrittenFile>, OperationError> {
    let ratings = store.ratings_since(Timestamp::MIN).await?;
    check_user(store, format, whose, &ratings).await?;
    let failed = |error| OperationError::Conflict(format!("{} cannot be written: {error}", folder.display()));
    let mut export = HistoryExport::begin(format, folder, zone).map_err(failed)?;
    for rating in ratings.iter().filter(|rating| whose.includes(&rating.viewer, &rating.rated.user)) {
        export.rating(rating).map_err(failed)?;
    }
    visit_plays(store, |play| match whose.includes(&play.viewer, &play.user) {
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
    whose: Whose<'_>,
    ratings: &[Rating],
) -> Result<(), OperationError> {
    let user = match whose {
        Whose::Viewers(_) => return Ok(()),
        Whose::Everybody if !format.is_of_one_person() => return Ok(()),
        Whose::Everybody => None,
        Whose::User(name) => Some(name),
    };
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
