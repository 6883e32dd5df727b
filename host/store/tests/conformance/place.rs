//! Where a store is tested.

use std::path::Path;
use std::sync::Arc;

use playrelay_store::copy::Database;
use playrelay_store::{OwnerStore, SqlStore, open_file, open_server};
use playrelay_test_postgres::Cluster;
use playrelay_util::secret::Secret;
use tempfile::TempDir;

/// An empty database.
pub enum Place {
    File(TempDir),
    Server(Secret),
}

impl Place {
    pub fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// Absent where PostgreSQL is not installed.
    pub fn server() -> Option<Self> {
        Cluster::shared().map(|cluster| Self::Server(Secret::new(cluster.database())))
    }

    pub async fn store(&self) -> SqlStore {
        match self {
            Self::File(folder) => open_file(&folder.path().join("test.db")).unwrap(),
            Self::Server(url) => open_server(url).await.unwrap(),
        }
    }

    pub fn database(&self) -> Database {
        match self {
            Self::File(folder) => Database::File(folder.path().join("test.db")),
            Self::Server(url) => Database::Server(url.clone()),
        }
    }

    /// The folder of a file.
    pub fn folder(&self) -> &Path {
        match self {
            Self::File(folder) => folder.path(),
            Self::Server(_) => panic!("a server has no folder here"),
        }
    }

    /// Has statements done beside the store.
    pub fn execute(&self, on_file: &str, on_server: &str) {
        match self {
            Self::File(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("test.db")).unwrap();
                connection.execute_batch(on_file).unwrap();
            }
            Self::Server(url) => {
                let name = url.expose().rsplit('/').next().unwrap().split('?').next().unwrap();
                Cluster::shared().unwrap().query(name, on_server);
            }
        }
    }

    pub async fn open(&self) -> Arc<dyn OwnerStore> {
        Arc::new(self.store().await)
    }
}

/// Makes a test for each store of functions that take a [`Place`].
macro_rules! each_store {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::place::Place::file()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                if let Some(place) = crate::place::Place::server() {
                    super::$test(place).await;
                }
            })*
        }
    };
}
pub(crate) use each_store;
