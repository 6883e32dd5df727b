//! A server, and the pool of connections to it.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use futures_util::stream::{self, BoxStream, StreamExt};
use playrelay_util::authorities::Authorities;
use playrelay_util::secret::Secret;
use tokio::runtime::Handle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::sql::{Connection, Error, PostgresConnection, Result};
use crate::{Household, StoreError};

/// Connections of one node: few wait, and a server has a hundred or so in all.
const MAX_CONNECTIONS: usize = 10;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server may leave what was sent to it unacknowledged, and how long a connection may be silent until it is asked.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long to wait for a connection of the pool.
const POOL_TIMEOUT: Duration = Duration::from_secs(10);
/// What each session is told: a statement that waits longer has failed, and a transaction of a program that is gone is taken back.
const SESSION_OPTIONS: &str =
    "-c statement_timeout=60s -c lock_timeout=20s -c idle_in_transaction_session_timeout=30s";

/// What a server says of itself on a connection. The connection works only while this is asked for the next message.
pub type ServerMessages = BoxStream<'static, std::result::Result<AsyncMessage, tokio_postgres::Error>>;

/// A server, and the connections to it.
#[derive(Clone)]
pub struct PostgresServer {
    pool: Pool,
    config: Arc<Config>,
    /// Absent where connections are never encrypted.
    tls: Option<MakeRustlsConnect>,
    runtime: Handle,
    place: Arc<str>,
}

impl PostgresServer {
    /// A server by its address. No connection is made yet. Must be called on a runtime, which carries the connections.
    ///
    /// # Errors
    ///
    /// The address cannot be read.
    pub fn new(url: &Secret) -> std::result::Result<Self, StoreError> {
        let failed =
            |reason: String| StoreError::Database { path: "the address in [store] url".to_owned(), reason };
        let mut config = Config::from_str(url.expose()).map_err(|error| {
            failed(format!("{error}; expected `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"))
        })?;
        let options = config.get_options().map(|options| format!("{options} {SESSION_OPTIONS}"));
        config.options(options.as_deref().unwrap_or(SESSION_OPTIONS));
        config.application_name("playrelay");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        // A server that is gone without a word is given up, and not waited for.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE_TIMEOUT);
        }
        config.keepalives_idle(SILENCE_TIMEOUT);
        if config.get_hosts().is_empty() {
            return Err(failed(
                "it names no server; expected `postgres://USER:PASSWORD@HOST:PORT/DATABASE`".to_owned(),
            ));
        }
        let place = place(&config);
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => Some(
                Authorities::load()
                    .and_then(|authorities| authorities.client())
                    .map(MakeRustlsConnect::new)
                    .map_err(|error| {
                        failed(format!("whose certificates are believed cannot be read: {error}"))
                    })?,
            ),
        };
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &tls {
            None => Manager::from_config(config.clone(), NoTls, recycling),
            Some(tls) => Manager::from_config(config.clone(), tls.clone(), recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(MAX_CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(POOL_TIMEOUT))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { pool, config: Arc::new(config), tls, runtime: Handle::current(), place: place.into() })
    }

    /// Where it is, without user and password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// A connection beside the pool, with what the server says on it of itself.
    ///
    /// # Errors
    ///
    /// The server cannot be reached or refuses.
    pub async fn connect_alone(&self) -> Result<(Client, ServerMessages)> {
        Ok(match &self.tls {
            None => {
                let (client, mut connection) = self.config.connect(NoTls).await?;
                (client, stream::poll_fn(move |context| connection.poll_message(context)).boxed())
            }
            Some(tls) => {
                let (client, mut connection) = self.config.connect(tls.clone()).await?;
                (client, stream::poll_fn(move |context| connection.poll_message(context)).boxed())
            }
        })
    }

    /// A connection of the pool. Blocks.
    ///
    /// # Errors
    ///
    /// The server cannot be reached or refuses.
    pub fn connect(&self) -> Result<Connection> {
        self.client().map(Connection::Postgres)
    }

    fn client(&self) -> Result<PostgresConnection> {
        let client: Object = self.runtime.block_on(self.pool.get()).map_err(|error| match error {
            PoolError::Backend(error) => Error::Postgres(error),
            error => Error::NoConnection(format!("no connection could be had: {error}")),
        })?;
        Ok(PostgresConnection::new(client, self.runtime.clone()))
    }

    /// Writes as a household without waiting for its other writers: only rows that these do not touch. Blocks.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or those of the work: nothing is written then.
    pub fn write_apart<T>(
        &self,
        household: &Household,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let client = self.client()?;
        client.begin()?;
        let entered = client.enter_apart(household);
        let connection = Connection::Postgres(client);
        let result =
            entered.and_then(|()| work(&connection)).and_then(|value| connection.commit().map(|()| value));
        if result.is_err() {
            // Where it fails as well the connection is lost, and the transaction with it.
            let _ = connection.rollback();
        }
        result
    }

    /// Reads one state of the database as a household. Blocks.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or those of the work.
    pub fn read<T>(&self, household: &Household, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let client = self.client()?;
        client.begin_reading()?;
        let entered = client.enter_apart(household);
        let connection = Connection::Postgres(client);
        let result = entered.and_then(|()| work(&connection));
        // Nothing was written. Where it fails, the connection is lost, and the next one is another.
        let ended = connection.rollback();
        result.and_then(|value| ended.map(|()| value))
    }
}

/// The hosts and the database of an address.
fn place(config: &Config) -> String {
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let port = config.get_ports().get(at).or(config.get_ports().first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => folder.display().to_string(),
        }
    });
    format!("postgres://{}/{}", hosts.collect::<Vec<_>>().join(","), config.get_dbname().unwrap_or_default())
}
