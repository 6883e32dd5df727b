//! A Kodi without a screen and without a network, with one film in its library.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The folder with what a Kodi needs beside its program.
const SHARED_FILES: &str = "/usr/share/kodi";
/// How long Kodi may take for anything.
const DEADLINE: Duration = Duration::from_secs(90);
/// Between two looks whether something has happened.
const INTERVAL: Duration = Duration::from_millis(200);
/// The player of films.
const PLAYER: u32 = 1;

/// A running Kodi. It ends when it is dropped.
pub(crate) struct Kodi {
    program: Child,
    display: Child,
    port: u16,
    _home: TempDir,
}

impl Kodi {
    /// Starts one, and waits until its library has the film.
    pub(crate) async fn start() -> Self {
        let home = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let films = home.path().join("films");
        write_film(&films.join("Mirror (1975)"));
        let user_data = home.path().join(".kodi/userdata");
        write_settings(&user_data, &films, port);
        let (display, name) = start_display();
        let program = program();
        let program = Command::new(&program)
            .args(["--windowing=x11", "--gl-interface=GLX"])
            .env("HOME", home.path())
            .env("DISPLAY", name)
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("KODI_HOME", SHARED_FILES)
            .env("KODI_BIN_HOME", program.parent().unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let kodi = Self { program, display, port, _home: home };
        kodi.until("its start", "JSONRPC.Ping", &json!({}), |answer| answer == "pong").await;
        add_to_library(&user_data, &films);
        kodi.call("VideoLibrary.Scan", &json!({})).await.unwrap();
        let has_film = |answer: &Value| answer["movies"][0]["movieid"] == 1;
        kodi.until("the library", "VideoLibrary.GetMovies", &json!({}), has_film).await;
        kodi
    }

    /// The address of its websocket.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Plays the film.
    pub(crate) async fn play_film(&self) {
        self.call("Player.Open", &json!({ "item": { "movieid": 1 } })).await.unwrap();
        let plays = |answer: &Value| answer[0]["playerid"] == PLAYER;
        self.until("the film", "Player.GetActivePlayers", &json!({}), plays).await;
    }

    /// Winds to a percentage.
    pub(crate) async fn wind_to(&self, percentage: u32) {
        let to = json!({ "playerid": PLAYER, "value": { "percentage": percentage } });
        self.call("Player.Seek", &to).await.unwrap();
    }

    /// Stops what plays.
    pub(crate) async fn stop(&self) {
        self.call("Player.Stop", &json!({ "playerid": PLAYER })).await.unwrap();
    }

    async fn until(&self, what: &str, method: &str, parameters: &Value, holds: impl Fn(&Value) -> bool) {
        let end = Instant::now() + DEADLINE;
        loop {
            let answer = self.call(method, parameters).await;
            if answer.as_ref().is_ok_and(&holds) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain for {what}: {answer:?}");
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Calls a method. Kodi answers on the same connection, between what it notifies of.
    async fn call(&self, method: &str, parameters: &Value) -> std::io::Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": "test", "method": method, "params": parameters });
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(request.to_string().as_bytes()).await?;
        let mut received = Vec::new();
        loop {
            if stream.read_buf(&mut received).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let messages = serde_json::Deserializer::from_slice(&received).into_iter::<Value>();
            // The last one may not be there wholly yet.
            if let Some(answer) = messages.map_while(Result::ok).find(|message| message["id"] == "test") {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return Ok(answer["result"].clone());
            }
        }
    }
}

impl Drop for Kodi {
    fn drop(&mut self) {
        for child in [&mut self.program, &mut self.display] {
            // One that has ended by itself is no trouble.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The program of Debian's package, whose folder has the name of the machine.
fn program() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut programs = folders.map(|folder| folder.path().join("kodi/kodi.bin"));
    programs.find(|program| program.is_file()).expect("kodi-bin, kodi-data, xvfb and ffmpeg are installed")
}

/// Starts a screen that nobody sees, and gives its name.
fn start_display() -> (Child, String) {
    let mut display = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "320x240x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut number = String::new();
    BufReader::new(display.stdout.take().unwrap()).read_line(&mut number).unwrap();
    (display, format!(":{}", number.trim()))
}

/// Half an hour of a test picture, and what is known of it.
fn write_film(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let made = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=1", "-t", "1800"])
        .args(["-c:v", "mpeg4", "-pix_fmt", "yuv420p"])
        .arg(folder.join("Mirror (1975).mp4"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let known = "<movie><title>Mirror</title><premiered>1975-03-07</premiered>\
        <uniqueid type=\"imdb\" default=\"true\">tt0072443</uniqueid></movie>";
    fs::write(folder.join("Mirror (1975).nfo"), known).unwrap();
}

/// The films, the port of JSON-RPC; nothing is fetched, and nothing is offered to the network.
fn write_settings(user_data: &Path, films: &Path, port: u16) {
    fs::create_dir_all(user_data).unwrap();
    let advanced =
        format!("<advancedsettings><jsonrpc><tcpport>{port}</tcpport></jsonrpc></advancedsettings>");
    fs::write(user_data.join("advancedsettings.xml"), advanced).unwrap();
    let sources = format!(
        "<sources><video><default pathversion=\"1\"></default><source><name>Films</name><path pathversion=\"1\">{}/</path></source></video></sources>",
        films.display()
    );
    fs::write(user_data.join("sources.xml"), sources).unwrap();
    let settings = "<settings version=\"2\"><setting id=\"services.zeroconf\">false</setting>\
        <setting id=\"general.addonupdates\">2</setting></settings>";
    fs::write(user_data.join("guisettings.xml"), settings).unwrap();
}

/// Says that a folder has films, which only the pages of Kodi can do otherwise. What is known of them lies beside them.
fn add_to_library(user_data: &Path, films: &Path) {
    let mut files = fs::read_dir(user_data.join("Database")).unwrap().flatten().map(|file| file.path());
    let is_library = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("MyVideos");
    let library = Connection::open(files.find(is_library).unwrap()).unwrap();
    library.busy_timeout(DEADLINE).unwrap();
    let added = library.execute(
        "INSERT INTO path (strPath, strContent, strScraper, scanRecursive, useFolderNames, strSettings, noUpdate, exclude)
         VALUES (?1, 'movies', 'metadata.local', 2147483647, 1, '', 0, 0)",
        [format!("{}/", films.display())],
    );
    assert_eq!(added.unwrap(), 1);
}
