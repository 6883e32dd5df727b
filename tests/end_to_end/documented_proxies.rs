//! The configurations of proxies in `docs/reverse-proxy.md`, as they stand there, in front of the daemon.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use playrelay_tests::browser::setup_code;
use playrelay_tests::harness::{TestContext, free_port};
use reqwest::StatusCode;

/// How long a proxy may take to come up, and a stream to say its first word.
const SOON: Duration = Duration::from_secs(20);

/// A proxy that runs until it is dropped.
pub struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program of a proxy: that of the system, or the one that `cargo xtask clients` unpacks.
fn program(name: &str, system: &str) -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients").join(name);
    let known = [PathBuf::from(system), unpacked.join(system.trim_start_matches('/'))];
    let found = known.into_iter().find(|path| path.is_file());
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "CI has {name}: `cargo xtask clients` unpacks it"
    );
    if found.is_none() {
        println!("SKIPPED: there is no {name}; `cargo xtask clients` unpacks one");
    }
    found
}

/// The block of a language in the page about proxies.
fn documented(language: &str) -> String {
    documented_in("reverse-proxy.md", language)
}

/// The block of a language in a page.
pub fn documented_in(page: &str, language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = fs::read_to_string(page).unwrap();
    let block = text.split_once(&format!("```{language}\n")).unwrap().1.split_once("```").unwrap().0;
    block.to_owned()
}

/// Starts a proxy, and waits until it takes connections.
fn start(mut command: Command, port: u16) -> Proxy {
    let mut proxy = Proxy(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(proxy.0.try_wait().unwrap().is_none(), "{command:?} has ended");
        assert!(began.elapsed() < SOON, "{command:?} does not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    proxy
}

/// A daemon that knows its address at the proxy.
fn home(port: u16) -> TestContext {
    let home =
        TestContext::new("[access]\ntrusted_proxies = [\"127.0.0.1\"]\n[sources.home]\nplugin = \"plex\"\n");
    let path = home.path().join("playrelay.toml");
    let text = fs::read_to_string(&path).unwrap();
    let with_url = format!("[server]\npublic_url = \"http://127.0.0.1:{port}\"\n");
    fs::write(path, text.replacen("[server]\n", &with_url, 1)).unwrap();
    home
}

/// A page, a login, a stream and a webhook get through.
async fn everything_gets_through(home: &TestContext, port: u16) {
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let client = reqwest::Client::new();
    assert_eq!(client.get(url("/setup")).send().await.unwrap().status(), StatusCode::OK);
    let first = serde_json::json!({ "code": setup_code(home).await, "name": "ada", "password": "three words in a row" });
    let request = client.post(url("/api/v1/setup")).header("content-type", "application/json");
    let answer = request.header("origin", url("")).body(first.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let stream = client.get(url("/api/v1/live?topics=sources")).header("last-event-id", "1-1");
    let mut stream = stream.header("cookie", cookie).send().await.unwrap();
    let first = tokio::time::timeout(SOON, stream.chunk()).await.expect("the proxy does not hold it back");
    assert!(String::from_utf8_lossy(&first.unwrap().unwrap()).contains("event: resync"));
    let webhook = client.get(url("/webhook/home/0123456789abcdef")).send().await.unwrap();
    assert_eq!(webhook.status(), StatusCode::UNAUTHORIZED, "it came to us, with a wrong token");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_as_documented() {
    let Some(program) = program("nginx", "/usr/sbin/nginx") else { return };
    let port = free_port();
    let home = home(port);
    let daemon = home.start();
    let block = documented("nginx").replace("http://127.0.0.1:8787", daemon.url());
    // Its own port is one that no user has: 80 and 443 need none in `Host`.
    let block = block.replace("Host $host;", "Host $host:$server_port;");
    let folder = home.path().join("nginx");
    fs::create_dir(&folder).unwrap();
    let text = format!(
        "daemon off;\nuser root;\npid {0}/pid;\nerror_log {0}/error.log;\nevents {{}}\nhttp {{\n access_log off;\n \
         client_body_temp_path {0}/body;\n proxy_temp_path {0}/proxy;\n fastcgi_temp_path {0}/fcgi;\n uwsgi_temp_path {0}/uwsgi;\n \
         scgi_temp_path {0}/scgi;\n server {{\n listen 127.0.0.1:{port};\n {block}\n }}\n}}\n",
        folder.display()
    );
    fs::write(folder.join("nginx.conf"), text).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(folder.join("nginx.conf")).arg("-e").arg(folder.join("error.log"));
    let _proxy = start(command, port);
    everything_gets_through(&home, port).await;
}

/// Caddy's program; absent where it is not installed.
pub fn caddy() -> Option<PathBuf> {
    program("caddy", "/usr/bin/caddy")
}

/// Starts Caddy with a documented configuration, at a port of this machine.
pub fn start_caddy(program: PathBuf, block: &str, folder: &Path, port: u16) -> Proxy {
    // Without a name there is no certificate to ask for.
    let block = block.replace("relay.example.org {", &format!("http://127.0.0.1:{port} {{"));
    let file = folder.join("Caddyfile");
    fs::write(&file, format!("{{\n\tadmin off\n}}\n{block}")).unwrap();
    let mut command = Command::new(program);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file).env("HOME", folder);
    start(command, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_as_documented() {
    let Some(program) = caddy() else { return };
    let port = free_port();
    let home = home(port);
    let daemon = home.start();
    let address = daemon.url().trim_start_matches("http://");
    let block = documented("caddy").replace("127.0.0.1:8787", address);
    let _proxy = start_caddy(program, &block, home.path(), port);
    everything_gets_through(&home, port).await;
}
