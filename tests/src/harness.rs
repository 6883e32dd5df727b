//! The real binary: started on a free port with a data folder of its own, killed, and started again.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, mpsc};

use playrelay_test_postgres::Cluster;
use serde_json::Value;
use tempfile::TempDir;

pub use crate::binary::binary;
use crate::clock::Clock;
pub use crate::daemon::{Daemon, TestClock, event_of};
pub use crate::deadline::DEADLINE;
use crate::fake_mdblist::FakeMdbList;
use crate::fake_plex::FakePlex;
use crate::fake_simkl::FakeSimkl;
use crate::fake_tmdb::FakeTmdb;
use crate::fake_trakt::{CLIENT_ID, CLIENT_SECRET, FakeTrakt};
use crate::{fake_mdblist, fake_plex, fake_tmdb, warm_cache};

/// The variable of a run of tests that names the store of each home: `postgres`, or a file where it is not set.
const STORE_VARIABLE: &str = "PLAYRELAY_TEST_STORE";
/// The variable of the program with the address of its store.
pub const STORE_URL: &str = "PLAYRELAY__STORE__URL";

/// The address of an empty database of PostgreSQL.
///
/// # Panics
///
/// PostgreSQL is not installed.
pub fn postgres_database() -> String {
    Cluster::shared().expect("PostgreSQL is installed: `apt-get install postgresql`").database()
}

/// The variable with which tests take as long as it takes: `cargo xtask test --long`.
pub const LONG_TESTS: &str = "PLAYRELAY_LONG_TESTS";
/// The token in the address of the webhook.
pub const WEBHOOK_TOKEN: &str = "webhook-token-0123456789";

/// How many plugins are built into the binary: the folders of `plugins/` that have a manifest.
pub fn bundled_plugins() -> usize {
    let entries = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins"))
        .expect("the folder is part of the repository");
    entries.flatten().filter(|entry| entry.path().join("plugin.toml").is_file()).count()
}

/// Where `cargo xtask test` has put the guests that tests load.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fixtures").join(name)
}

/// Captured messages of real servers, where they are there. They are no part of this project.
pub fn payloads() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/payloads");
    folder.is_dir().then_some(folder)
}

/// A Plex server without an address, these accounts as they stand in the configuration, and a route to each of the trackers that
/// are named, with some more keys.
pub fn plex_to(accounts: &[String], trackers: &[&str], route: &str) -> String {
    let mut config = format!("[sources.home]\nplugin = \"plex\"\nwebhook_token = {WEBHOOK_TOKEN:?}\n\n");
    for account in accounts {
        config.push_str(account);
        config.push('\n');
    }
    for tracker in trackers {
        config.push_str(&format!(
            "[[routes]]\nsource = \"home\"\ntracker = {tracker:?}\nusers = [\"*\"]\n{route}\n\n"
        ));
    }
    config
}

/// An account at a Trakt.
pub fn trakt_account(name: &str, trakt: &FakeTrakt) -> String {
    format!(
        "[trackers.{name}]\nplugin = \"trakt\"\nclient_id = {CLIENT_ID:?}\nclient_secret = {CLIENT_SECRET:?}\n\
         api_url = {0:?}\nauth_url = {0:?}\n",
        trakt.server.url()
    )
}

/// An account at a SIMKL.
pub fn simkl_account(name: &str, simkl: &FakeSimkl, client_id: &str) -> String {
    let url = simkl.server.url();
    format!("[trackers.{name}]\nplugin = \"simkl\"\nclient_id = {client_id:?}\napi_url = {url:?}\n")
}

/// An account at an MDBList: with its key, or with a client id to log in with.
pub fn mdblist_account(name: &str, mdblist: &FakeMdbList, with_key: bool) -> String {
    let url = mdblist.server.url();
    let way = match with_key {
        true => format!("api_key = {:?}", fake_mdblist::API_KEY),
        false => format!("client_id = {:?}", fake_mdblist::CLIENT_ID),
    };
    format!("[trackers.{name}]\nplugin = \"mdblist\"\n{way}\napi_url = {url:?}\n")
}

/// A catalogue at a TMDb.
pub fn tmdb_account(tmdb: &FakeTmdb) -> String {
    let url = tmdb.server.url();
    format!(
        "[catalogues.films]\nplugin = \"tmdb\"\nread_token = {:?}\napi_url = {url:?}\npictures_url = {url:?}\n",
        fake_tmdb::READ_TOKEN
    )
}

/// A source, a tracker and a route between them for everybody.
pub fn plex_to_trakt_config(plex: Option<&FakePlex>, trakt: &FakeTrakt) -> String {
    let server = plex.map_or_else(String::new, |plex| {
        format!("url = {:?}\ntoken = {:?}\n", plex.server.url(), fake_plex::TOKEN)
    });
    format!(
        "[sources.home]\nplugin = \"plex\"\nwebhook_token = {WEBHOOK_TOKEN:?}\n{server}\n\
         [trackers.bob]\nplugin = \"trakt\"\nclient_id = {CLIENT_ID:?}\nclient_secret = {CLIENT_SECRET:?}\n\
         api_url = {0:?}\nauth_url = {0:?}\n\n[[routes]]\nsource = \"home\"\ntracker = \"bob\"\nusers = [\"*\"]\n",
        trakt.server.url()
    )
}

/// A tracker, and a source of each of these plugins that is named after it, with a route for everybody.
pub fn sources_to_trakt_config(plugins: &[&str], trakt: &FakeTrakt, route: &str) -> String {
    let mut config = format!(
        "[trackers.bob]\nplugin = \"trakt\"\nclient_id = {CLIENT_ID:?}\nclient_secret = {CLIENT_SECRET:?}\n\
         api_url = {0:?}\nauth_url = {0:?}\n",
        trakt.server.url()
    );
    for plugin in plugins {
        config.push_str(&format!(
            "\n[sources.{plugin}]\nplugin = {plugin:?}\nwebhook_token = \"{WEBHOOK_TOKEN}-{plugin}\"\n\n\
             [[routes]]\nsource = {plugin:?}\ntracker = \"bob\"\nusers = [\"*\"]\n{route}\n"
        ));
    }
    config
}

/// A home whose source has a server, at this address and with this token, and a tracker that is logged in; with a route between them for
/// everybody, with some more keys.
pub async fn server_to_trakt(
    (plugin, mode): (&str, &str),
    (url, token): (&str, &str),
    route: &str,
) -> (FakeTrakt, TestContext) {
    let trakt = FakeTrakt::start().await;
    let config = sources_to_trakt_config(&[plugin], &trakt, route);
    let bare = format!("plugin = {plugin:?}\n");
    let with_server = format!("{bare}mode = {mode:?}\nurl = {url:?}\ntoken = {token:?}\n");
    let home = TestContext::new(&config.replace(&bare, &with_server));
    home.connect().await;
    (trakt, home)
}

/// A port of this machine that nobody listens at.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A client of HTTP, ready to speak TLS.
pub fn client() -> reqwest::Client {
    // Every test does this; the first counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A home: a data folder with a configuration, in which the daemon can run.
pub struct TestContext {
    folder: PathBuf,
    /// Removes the folder at the end, where it is ours.
    _temporary: Option<TempDir>,
    log: Arc<Mutex<String>>,
    printed: Arc<Mutex<String>>,
    environment: Vec<(String, String)>,
    /// For requests to the daemon.
    pub client: reqwest::Client,
}

impl TestContext {
    /// A home with this configuration; `[server]` is added. The bundled plugins are compiled already.
    pub fn new(config: &str) -> Self {
        let home = Self::without_data_dir(config);
        warm_cache::warm(&home.data());
        home
    }

    /// The same without a data folder, as it is before the very first start.
    pub fn without_data_dir(config: &str) -> Self {
        let temporary = TempDir::new().expect("a temporary folder");
        Self::set_up(temporary.path().to_owned(), Some(temporary), config)
    }

    fn set_up(folder: PathBuf, temporary: Option<TempDir>, config: &str) -> Self {
        let data = folder.join("data").display().to_string();
        let server = format!("[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = {data:?}\n\n");
        std::fs::write(folder.join("playrelay.toml"), server + config).expect("a file in our folder");
        let mut environment = vec![("PLAYRELAY_LOG".to_owned(), "trace".to_owned())];
        if std::env::var(STORE_VARIABLE).is_ok_and(|store| store == "postgres") {
            environment.push((STORE_URL.to_owned(), postgres_database()));
        }
        Self {
            folder,
            _temporary: temporary,
            log: Arc::default(),
            printed: Arc::default(),
            environment,
            client: client(),
        }
    }

    /// The same in a folder that stays; what was there is removed.
    pub fn at(folder: &Path, config: &str) -> Self {
        if folder.exists() {
            std::fs::remove_dir_all(folder).expect("the folder is ours");
        }
        std::fs::create_dir_all(folder).expect("a folder below target");
        Self::set_up(folder.to_owned(), None, config)
    }

    /// The usual home: a Plex server, a Trakt account, and a route between them for everybody.
    pub fn plex_to_trakt(plex: Option<&FakePlex>, trakt: &FakeTrakt, more: &str) -> Self {
        Self::new(&format!("{more}\n{}", plex_to_trakt_config(plex, trakt)))
    }

    /// The usual home with a Trakt of its own, in which the account is logged in.
    pub async fn logged_in(more: &str) -> (FakeTrakt, Self) {
        let trakt = FakeTrakt::start().await;
        let home = Self::plex_to_trakt(None, &trakt, more);
        home.connect().await;
        (trakt, home)
    }

    /// Sets a variable for everything that runs here.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Takes back what [`set`](Self::set) said of a variable.
    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder with the configuration.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Everything that was logged so far, by all daemons and commands here.
    pub fn log(&self) -> String {
        self.log.lock().expect("no thread panics while it holds the lock").clone()
    }

    /// Everything that daemons here have printed on standard output: the code of the set-up.
    pub fn printed(&self) -> String {
        self.printed.lock().expect("no thread panics while it holds the lock").clone()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .arg("--config")
            .arg(self.folder.join("playrelay.toml"))
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command and returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("the binary can be started");
        self.log.lock().expect("no panics").push_str(&String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs a command that must succeed, and reads its JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    /// Logs the account `bob` in.
    pub async fn connect(&self) {
        self.connect_account("bob").await;
    }

    /// Logs an account in.
    pub async fn connect_account(&self, account: &str) {
        let (success, text) = self.run_with_fakes(&["connect", account]).await;
        assert!(success, "{text}");
    }

    /// Runs a command while the fakes go on. Gives whether it succeeded, and all that it said.
    pub async fn run_with_fakes(&self, arguments: &[&str]) -> (bool, String) {
        self.output_of(self.command(arguments)).await
    }

    async fn output_of(&self, command: Command) -> (bool, String) {
        let output = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await
            .expect("the binary can be started");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        self.log.lock().expect("no panics").push_str(&err);
        (output.status.success(), format!("{out}{err}"))
    }

    /// Gives the daemon, all commands and some services one clock that the test moves; see [`TestClock`].
    pub fn set_clock(&mut self, clocks: &[&Clock]) -> TestClock {
        let file = self.folder.join("clock");
        self.set(
            "PLAYRELAY_TEST_CLOCK_OFFSET_FILE",
            file.to_str().expect("a temporary folder has a plain name"),
        );
        for clock in clocks {
            clock.follow(file.clone());
        }
        TestClock { file, passed: AtomicI64::new(0) }
    }

    /// Starts the daemon and waits until it is ready.
    pub fn start(&self) -> Daemon<'_> {
        self.start_as(self.command(&["serve"]))
    }

    /// The same with at most so many open files.
    pub fn start_with_files(&self, most: u32) -> Daemon<'_> {
        self.start_as(self.command_within(&format!("ulimit -n {most}"), &["serve"]))
    }

    /// Runs a command, as [`run`](Self::run) does, within limits that a shell sets.
    pub async fn say_within(&self, limits: &str, arguments: &[&str]) -> (bool, String) {
        self.output_of(self.command_within(limits, arguments)).await
    }

    fn command_within(&self, limits: &str, arguments: &[&str]) -> Command {
        let command = self.command(arguments);
        let mut limited = Command::new("sh");
        limited.arg("-c").arg(format!("{limits}; exec \"$0\" \"$@\"")).arg(command.get_program());
        limited.args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                limited.env(name, value);
            }
        }
        limited
    }

    fn start_as(&self, mut command: Command) -> Daemon<'_> {
        let mut child =
            command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary can be started");
        let stderr = child.stderr.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        let log = Arc::clone(&self.printed);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                log.lock().expect("no thread panics while it holds the lock").push_str(&(line + "\n"));
            }
        });
        let (ready, address) = mpsc::channel();
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once("ready address=") {
                    let address = rest.split_whitespace().next().unwrap_or_default().to_owned();
                    // The test may have ended already.
                    let _ = ready.send(address);
                }
                let mut log = log.lock().expect("no thread panics while it holds the lock");
                log.push_str(&line);
                log.push('\n');
            }
        });
        match address.recv_timeout(DEADLINE) {
            Ok(address) => Daemon { home: self, child, url: format!("http://{address}") },
            Err(_) => {
                let _ = child.kill();
                panic!("the daemon did not come up:\n{}", self.log());
            }
        }
    }
}

/// Holds a database, so that nobody else can write to it until the guard is dropped.
pub fn lock_database(database: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(database).expect("the database is there");
    connection.busy_timeout(DEADLINE).expect("a database that is open");
    connection.execute_batch("BEGIN IMMEDIATE").expect("the daemon lets go of it between two transactions");
    connection
}
