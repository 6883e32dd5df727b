//! PostgreSQL for tests: a cluster of its own on this machine, by the programs of Debian's package `postgresql`, as a user without rights.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The user of clusters, who may do everything in them.
pub const USER: &str = "playrelay";
/// Their password, which nobody asks for.
pub const PASSWORD: &str = "a-password-of-the-store";
/// How long a cluster may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// A user and a group without rights, where the test is run as root: PostgreSQL refuses to be.
const NOBODY: u32 = 65_534;
/// Ends the server when the test is gone, however that ended: the input of this shell ends then.
const WATCHDOG: &str = r#""$@" & server=$!; read -r _; kill -INT "$server"; wait "$server""#;

/// A server with its data.
pub struct Cluster {
    port: u16,
    watchdog: Child,
    folder: TempDir,
    programs: PathBuf,
    settings: Vec<String>,
    databases: AtomicU32,
}

impl Cluster {
    /// The cluster of this process, started when it is first asked for. Absent where PostgreSQL is not installed; CI must have it.
    ///
    /// # Panics
    ///
    /// The programs are there and do not work, or are missing in CI.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&["fsync=off", "full_page_writes=off"])).as_ref()
    }

    /// A cluster with settings of its own.
    ///
    /// # Panics
    ///
    /// The programs are there and do not work, or are missing in CI.
    pub fn start(settings: &[&str]) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "CI has PostgreSQL: `apt-get install postgresql`");
            println!("SKIPPED: PostgreSQL is not on this machine");
            return None;
        };
        let folder = data_folder();
        let made = without_rights(&programs.join("initdb"))
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--username", USER])
            .arg(folder.path().join("data"))
            .output()
            .expect("initdb can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(Self::run(folder, programs, free_port(), settings))
    }

    /// A standby of a primary, which follows it and answers at this port. The primary waits for it from now on before it confirms anything.
    ///
    /// # Panics
    ///
    /// The programs do not work.
    pub fn standby_of(primary: &Self, port: u16) -> Self {
        let folder = data_folder();
        let copied = without_rights(&primary.programs.join("pg_basebackup"))
            .args(["--host", "127.0.0.1", "--port", &primary.port.to_string(), "--username", USER])
            .args([
                "--checkpoint=fast",
                "--no-sync",
                "--write-recovery-conf",
                "--wal-method=stream",
                "--pgdata",
            ])
            .arg(folder.path().join("data"))
            .output()
            .expect("pg_basebackup can be started");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let settings: Vec<&str> = primary.settings.iter().map(String::as_str).collect();
        let standby = Self::run(folder, primary.programs.clone(), port, &settings);
        primary.query("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        primary.query("postgres", "SELECT pg_reload_conf()");
        let start = Instant::now();
        while primary.query("postgres", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
            != "1"
        {
            assert!(start.elapsed() < START_TIMEOUT, "the standby does not follow: {}", standby.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        standby
    }

    /// Makes a primary of a standby.
    ///
    /// # Panics
    ///
    /// The server refuses.
    pub fn promote(&self) {
        assert_eq!(self.query("postgres", "SELECT pg_promote()"), "t", "{}", self.log());
        // What it had of the primary's settings: it has no standby yet.
        self.query("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
        self.query("postgres", "SELECT pg_reload_conf()");
    }

    /// Kills it: `kill -9`.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn kill(&self) {
        let file = fs::read_to_string(self.folder.path().join("data/postmaster.pid")).expect("it runs");
        let pid = file.lines().next().and_then(|line| line.parse().ok()).and_then(Pid::from_raw);
        kill_process(pid.expect("a number"), Signal::KILL).expect("it is ours");
    }

    /// Ends it. It can be started again.
    pub fn stop(&mut self) {
        drop(self.watchdog.stdin.take());
        // It ends by itself.
        let _ = self.watchdog.wait();
    }

    /// Starts it after it was ended.
    ///
    /// # Panics
    ///
    /// It does not come up.
    pub fn start_again(&mut self) {
        let data = self.folder.path().join("data");
        self.watchdog = watch(&self.programs, &data, self.port, &self.settings, self.folder.path());
        self.wait();
    }

    fn run(folder: TempDir, programs: PathBuf, port: u16, settings: &[&str]) -> Self {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let cluster = Self {
            port,
            watchdog: watch(&programs, &folder.path().join("data"), port, &settings, folder.path()),
            folder,
            programs,
            settings,
            databases: AtomicU32::new(0),
        };
        cluster.wait();
        cluster
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database. Gives its address.
    ///
    /// # Panics
    ///
    /// The server refuses.
    pub fn database(&self) -> String {
        let name = self.make_database();
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    /// Makes an empty database. Gives its name.
    ///
    /// # Panics
    ///
    /// The server refuses.
    pub fn make_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Has a statement done in a database, and gives its answer.
    ///
    /// # Panics
    ///
    /// The server refuses.
    pub fn query(&self, database: &str, statement: &str) -> String {
        let output = self.psql(database, statement).output().expect("psql can be started");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn psql(&self, database: &str, statement: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--host", "127.0.0.1"]);
        command.args(["--port", &self.port.to_string(), "--username", USER, "--dbname", database]);
        command.args(["--command", statement]);
        command
    }

    fn wait(&self) {
        let start = Instant::now();
        while !self.psql("postgres", "SELECT 1").output().expect("psql can be started").status.success() {
            assert!(start.elapsed() < START_TIMEOUT, "PostgreSQL does not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its data is removed after it.
        self.stop();
    }
}

/// A folder for a cluster, and in it one for its data that belongs to the user who runs it.
fn data_folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder in ours");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("a folder of ours");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("a folder of ours");
    if is_root() {
        chown(&data, Some(NOBODY), Some(NOBODY)).expect("root may give folders away");
    }
    folder
}

fn watch(programs: &Path, data: &Path, port: u16, settings: &[String], folder: &Path) -> Child {
    let log =
        fs::File::options().append(true).create(true).open(folder.join("log")).expect("a file in our folder");
    let mut command = without_rights(Path::new("/bin/sh"));
    command.args(["-c", WATCHDOG, "sh"]).arg(programs.join("postgres")).arg("-D").arg(data);
    let ours = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "max_connections=200".to_owned(),
    ];
    for setting in ours.iter().map(String::as_str).chain(settings.iter().map(String::as_str)) {
        command.args(["-c", setting]);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().expect("a shell can be started")
}

/// A program, run as nobody where the test is run as root.
fn without_rights(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/").env("LC_ALL", "C.UTF-8");
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The folder of the programs: of the newest version that Debian has installed, or of the PATH.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.pop().or_else(|| std::env::split_paths(&path).find(|folder| folder.join("initdb").exists()))
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    socket.local_addr().expect("it is bound").port()
}
