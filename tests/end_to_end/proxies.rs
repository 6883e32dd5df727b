//! The daemon behind a reverse proxy: a real one where there is one (nginx), under a sub-path, with users that it lets in; and proxies that
//! say too little or too much.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use playrelay_tests::browser::{begins, setup_code};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, TestContext, free_port};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::chromium::{Chromium, Device};

/// How long a proxy may take to come up.
const SOON: Duration = Duration::from_secs(20);

/// A running nginx. It is killed when it is dropped.
struct Nginx {
    child: Child,
    port: u16,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program: that of the system, or the one that `cargo xtask clients` unpacks.
fn program() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients/nginx/usr/sbin/nginx");
    let known = [PathBuf::from("/usr/sbin/nginx"), unpacked];
    let found = known.into_iter().find(|path| path.is_file());
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "CI has nginx: `cargo xtask clients` unpacks it"
    );
    found
}

impl Nginx {
    /// A proxy whose location `/relay/` leads to the daemon, with these lines.
    fn start(program: &Path, folder: &Path, daemon: &str, lines: &str) -> Self {
        Self::with_target(program, folder, &format!("{daemon}/"), lines)
    }

    /// The same; `target` ends with a slash where the proxy takes the prefix off.
    fn with_target(program: &Path, folder: &Path, target: &str, lines: &str) -> Self {
        let port = free_port();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {0}/nginx.pid;\nerror_log {0}/error.log;\nevents {{}}\n\
             http {{\n access_log off;\n client_body_temp_path {0}/body;\n proxy_temp_path {0}/proxy;\n fastcgi_temp_path {0}/fcgi;\n \
             uwsgi_temp_path {0}/uwsgi;\n scgi_temp_path {0}/scgi;\n server {{\n  listen 127.0.0.1:{port};\n  location /relay/ {{\n   \
             proxy_pass {target};\n   proxy_buffering off;\n   {lines}\n  }}\n }}\n}}\n",
            folder.display()
        );
        std::fs::write(folder.join("nginx.conf"), config).unwrap();
        let child = Self::spawn(program, folder, port);
        Self { child, port }
    }

    /// Starts the program with the configuration of the folder.
    fn spawn(program: &Path, folder: &Path, port: u16) -> Child {
        let child = Command::new(program)
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .arg("-e")
            .arg(folder.join("error.log"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < SOON, "nginx does not come up: {}", folder.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        child
    }

    /// Cuts all connections, and takes none.
    fn go_down(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Takes connections again, at the same address.
    fn come_up(&mut self, program: &Path, folder: &Path) {
        self.child = Self::spawn(program, folder, self.port);
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/relay{path}", self.port)
    }
}

const WHOLE: &str = "proxy_set_header Host $host:$server_port;\n   proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n   \
                     proxy_set_header X-Forwarded-Proto https;\n   proxy_set_header X-Forwarded-Prefix /relay;\n   \
                     proxy_set_header Remote-User $http_x_test_user;\n   proxy_set_header Remote-Groups $http_x_test_groups;";

/// A daemon that trusts this machine as a proxy, or not.
async fn home(is_trusted: bool) -> TestContext {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let path = home.path().join("playrelay.toml");
    let proxies = if is_trusted { "[\"127.0.0.1\"]" } else { "[\"10.9.8.7\"]" };
    let text = std::fs::read_to_string(&path).unwrap()
        + &format!(
            "\n[access]\ntrusted_proxies = {proxies}\nuser_header = \"Remote-User\"\ngroups_header = \"Remote-Groups\"\n\
             admin_groups = [\"admins\"]\n"
        );
    std::fs::write(&path, text).unwrap();
    home
}

async fn status(request: reqwest::RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_proxy_under_a_sub_path_lets_its_users_in() {
    let Some(program) = program() else {
        println!("SKIPPED: there is no nginx; `cargo xtask clients` unpacks one");
        return;
    };
    let home = home(true).await;
    let daemon = home.start();
    let nginx = Nginx::start(&program, home.path(), daemon.url(), WHOLE);
    let client = reqwest::Client::new();
    let as_user = |method: Method, path: &str, user: &str, groups: &str| {
        let request = client.request(method, nginx.url(path)).header("x-test-user", user);
        request.header("x-test-groups", groups)
    };
    // What the client says of itself goes no further than the proxy.
    let spoofed = client.get(nginx.url("/api/v1/session")).header("remote-user", "ada");
    assert_eq!(status(spoofed).await, StatusCode::UNAUTHORIZED);
    let answer = as_user(Method::GET, "/api/v1/session", "mia", "family").send().await.unwrap();
    let session: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(
        (session["name"].as_str(), session["role"].as_str()),
        (Some("mia"), Some("viewer")),
        "{session}"
    );
    let retry = |groups: &str| as_user(Method::POST, "/api/v1/outbox/1/retry", "mia", groups);
    assert_eq!(status(retry("family")).await, StatusCode::FORBIDDEN);
    assert_eq!(status(retry("family,admins")).await, StatusCode::NOT_FOUND);
    // A page of the proxy is ours, another site is not.
    let own = format!("http://127.0.0.1:{}", nginx.port);
    assert_eq!(status(retry("admins").header("origin", &own)).await, StatusCode::NOT_FOUND);
    assert_eq!(status(retry("admins").header("origin", "http://evil.example")).await, StatusCode::FORBIDDEN);
    // The cookie is for the sub-path, and for TLS only.
    let code = setup_code(&home).await;
    let first = format!("{{\"code\":{code:?},\"name\":\"ada\",\"password\":\"three words in a row\"}}");
    let request = client.post(nginx.url("/api/v1/setup")).header("content-type", "application/json");
    let answer = request.body(first).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("Path=/relay;") && cookie.ends_with("; Secure"), "{cookie}");
    // Guesses are counted by the client, and not by the proxy.
    let guess = |from: &str| {
        let request = client.post(nginx.url("/api/v1/login")).header("x-forwarded-for", from);
        request.header("content-type", "application/json").body("{\"name\":\"ada\",\"password\":\"a guess\"}")
    };
    for _ in 0..11 {
        status(guess("")).await;
    }
    assert_eq!(status(guess("")).await, StatusCode::TOO_MANY_REQUESTS);
    // Webhooks pass, with the prefix or without.
    let webhook = client.get(nginx.url("/webhook/home/0123456789abcdef"));
    assert_eq!(status(webhook).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_through_a_proxy() {
    let Some(program) = program() else {
        println!("SKIPPED: there is no nginx; `cargo xtask clients` unpacks one");
        return;
    };
    let home = home(true).await;
    let daemon = home.start();
    let nginx = Nginx::start(&program, home.path(), daemon.url(), WHOLE);
    let request = reqwest::Client::new().get(nginx.url("/api/v1/live?topics=sources"));
    let mut stream =
        request.header("x-test-user", "mia").header("last-event-id", "1-1").send().await.unwrap();
    let first = tokio::time::timeout(SOON, stream.chunk()).await.expect("it is not held back").unwrap();
    assert!(String::from_utf8_lossy(&first.unwrap()).contains("event: resync"));
}

/// Sends as a proxy would, or somebody who pretends to be one.
async fn sent(daemon: &Daemon<'_>, headers: &[(&str, &str)]) -> (StatusCode, Option<String>) {
    let mut request = reqwest::Client::new().get(format!("{}/api/v1/session", daemon.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let session: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    (status, session["name"].as_str().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_says_nothing_and_one_that_says_too_much_let_nobody_in() {
    let refused = (StatusCode::UNAUTHORIZED, None);
    let trusting = home(true).await;
    let daemon = trusting.start();
    assert_eq!(sent(&daemon, &[]).await, refused);
    assert_eq!(sent(&daemon, &[("x-forwarded-for", "192.168.1.9")]).await, refused);
    assert_eq!(sent(&daemon, &[("remote-user", "")]).await, refused);
    assert_eq!(sent(&daemon, &[("remote-user", "mallory"), ("remote-user", "ada")]).await, refused);
    assert_eq!(sent(&daemon, &[("remote-user", "ada")]).await, (StatusCode::OK, Some("ada".to_owned())));
    drop(daemon);
    let distrusting = home(false).await;
    let daemon = distrusting.start();
    assert_eq!(sent(&daemon, &[("remote-user", "ada"), ("remote-groups", "admins")]).await, refused);
    let spoofed = [("x-forwarded-for", "10.9.8.7"), ("remote-user", "ada")];
    assert_eq!(sent(&daemon, &spoofed).await, refused);
    let prefix = [("x-forwarded-prefix", "/api/v1"), ("x-forwarded-host", "evil.example")];
    assert_eq!(sent(&daemon, &prefix).await, refused);
}

/// The first page and the set-up of a member, in a browser, below a sub-path.
async fn pages_work_at(base: &str, home: &TestContext) {
    let Some(browser) = Chromium::start(base, Device::default()).await else { return };
    browser.set_up(&setup_code(home).await, "three words in a row").await;
    for place in ["history", "deliveries", "setup", "help", "now"] {
        browser.click(&format!("a[data-place={place}]")).await;
        browser.find(&format!("a[data-place={place}][aria-current]")).await;
    }
    browser.wait_for_text("live").await;
    browser.click("form[action$='/logout'] button").await;
    browser.wait_for_text("Log in").await;
    assert_eq!(browser.path().await, "/login");
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_work_behind_a_proxy_that_takes_the_sub_path_off_and_says_so() {
    let Some(program) = program() else { return };
    let home = home(true).await;
    let daemon = home.start();
    let lines = "proxy_set_header Host $host:$server_port;\n   proxy_set_header X-Forwarded-Prefix /relay;";
    let nginx = Nginx::start(&program, home.path(), daemon.url(), lines);
    pages_work_at(&nginx.url(""), &home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_work_behind_a_proxy_that_leaves_the_sub_path_on() {
    let Some(program) = program() else { return };
    let mut home = home(false).await;
    home.set("PLAYRELAY__SERVER__PUBLIC_URL", "http://relay.example/relay");
    let daemon = home.start();
    let lines = "proxy_set_header Host $host:$server_port;";
    let nginx = Nginx::with_target(&program, home.path(), daemon.url(), lines);
    pages_work_at(&nginx.url(""), &home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_stream_is_cut_says_so_and_catches_up() {
    let Some(program) = program() else { return };
    let home = home(true).await;
    let daemon = home.start();
    let lines = "proxy_set_header Host $host:$server_port;\n   proxy_set_header X-Forwarded-Prefix /relay;";
    let mut nginx = Nginx::start(&program, home.path(), daemon.url(), lines);
    let Some(browser) = Chromium::start(&nginx.url(""), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, "three words in a row").await;
    browser.open("/").await;
    browser.wait_for_text("live").await;
    nginx.go_down();
    browser.wait_for_text("no connection").await;
    daemon.plex(&begins("mia")).await;
    nginx.come_up(&program, home.path());
    browser.wait_for_text("Inception").await;
    browser.wait_for_text("live").await;
    browser.finish(&["ERR_", "Failed to fetch", "network error"]).await;
}
