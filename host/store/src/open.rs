//! Stores, opened.

use std::path::Path;

use playrelay_util::secret::Secret;

use crate::postgres::PostgresServer;
use crate::sql::{Connection, SqliteConnection};
use crate::sql_store::SqlStore;
use crate::{Household, StoreError, postgres, sqlite};

/// Opens the store in a file, for the household `home`. A missing file is made; an older one is copied beside itself, and then migrated.
///
/// # Errors
///
/// The file cannot be opened, written or copied, it is no database, or a newer program wrote it. Nothing is changed then.
pub fn open_file(path: &Path) -> Result<SqlStore, StoreError> {
    let failed = |reason: String| StoreError::Database { path: path.display().to_string(), reason };
    let writer = sqlite::open_connection(path).map_err(|error| failed(error.to_string()))?;
    let reader = sqlite::connect(path).map_err(|error| failed(error.to_string()))?;
    let reader = Connection::Sqlite(SqliteConnection(reader));
    SqlStore::of_file(path, writer, reader, Household::home()).map_err(|error| failed(error.to_string()))
}

/// Connects to the store on a server, for the household `home`, and brings its tables up to this program's version. Must be called on a
/// runtime, which carries the connections.
///
/// `url` is `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with several hosts by commas where a standby may take over.
///
/// # Errors
///
/// The address cannot be read, the server cannot be reached or refuses, its settings let it lose confirmed writes, or a newer program wrote the
/// database.
pub async fn open_server(url: &Secret) -> Result<SqlStore, StoreError> {
    let server = PostgresServer::new(url)?;
    let place = server.place().to_owned();
    let failed = |reason: String| StoreError::Database { path: place.clone(), reason };
    let migrated = server.clone();
    tokio::task::spawn_blocking(move || postgres::migrate(&migrated))
        .await
        .map_err(|_| StoreError::Closed)?
        .map_err(|error| failed(error.to_string()))?;
    SqlStore::of_server(server, Household::home()).map_err(|error| failed(error.to_string()))
}
