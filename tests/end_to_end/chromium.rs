//! A real browser: Chromium, driven by chromedriver. It notes what it complains of, and which hosts it asks.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::{ParseError, Url};

/// How long something may take that happens at once.
const SOON: Duration = Duration::from_secs(20);
/// How often the driver is started at most.
const ATTEMPTS: u32 = 5;
/// How often a page is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// How the browser is held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Device {
    /// A phone, 390 points wide; a desktop otherwise.
    pub is_phone: bool,
    /// Scripts are switched off.
    pub has_no_scripts: bool,
    /// Everything is twice as large, as on a desktop at 200 %.
    pub is_zoomed: bool,
}

impl Device {
    /// A phone.
    pub const PHONE: Self = Self { is_phone: true, has_no_scripts: false, is_zoomed: false };
    /// A desktop whose scripts are switched off.
    pub const WITHOUT_SCRIPTS: Self = Self { is_phone: false, has_no_scripts: true, is_zoomed: false };
    /// A desktop at 200 %.
    pub const ZOOMED: Self = Self { is_phone: false, has_no_scripts: false, is_zoomed: true };
}

/// A running browser.
pub struct Chromium {
    /// The connection to it.
    pub driver: Client,
    base: String,
    program: Child,
}

/// Asks chromedriver for a log, and empties it. The path is chromedriver's own.
#[derive(Debug)]
struct TakeLog(&'static str);

impl WebDriverCompatibleCommand for TakeLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The driver with its browser, which would go on without it.
        let _ = kill_process_group(Pid::from_child(&self.program), Signal::KILL);
        let _ = self.program.wait();
    }
}

/// The browser: that without windows where it is installed. It takes a third less time.
fn browser() -> &'static str {
    const SHELL: &str = "/usr/bin/chromium-headless-shell";
    if Path::new(SHELL).is_file() { SHELL } else { "/usr/bin/chromium" }
}

/// Debian's chromedriver. Absent where it is not installed; CI has it.
fn chromedriver() -> Option<PathBuf> {
    let found = Some(PathBuf::from("/usr/bin/chromedriver")).filter(|path| path.is_file());
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "CI has Chromium: `cargo xtask clients` installs it"
    );
    found
}

/// Starts the driver on a free port; absent where another program took the port first.
fn spawn(program: &Path) -> Option<(Child, String)> {
    let mut child = Command::new(program)
        .arg("--port=0")
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts");
    let output = BufReader::new(child.stdout.take().expect("its output is piped"));
    let line = output.lines().map_while(Result::ok).find(|line| line.contains("successfully on port"));
    match line {
        Some(line) => {
            Some((child, line.rsplit(' ').next().unwrap_or_default().trim_end_matches('.').to_owned()))
        }
        None => {
            child.wait().expect("it has ended");
            None
        }
    }
}

impl Chromium {
    /// Starts a browser for the pages at an address. Absent, and said, where there is no Chromium.
    pub async fn start(base: &str, device: Device) -> Option<Self> {
        let Some(program) = chromedriver() else {
            eprintln!("SKIPPED: a test with a browser: there is no /usr/bin/chromedriver");
            return None;
        };
        let (child, port) = (0..ATTEMPTS).find_map(|_| spawn(&program)).expect("chromedriver says its port");
        let mut options = json!({
            "binary": browser(),
            "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"],
        });
        if device.is_phone {
            let metrics = json!({ "width": 390, "height": 844, "pixelRatio": 2, "touch": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        if device.is_zoomed {
            // The browser's own zoom does the same to the page: half as many points, each twice as large.
            let metrics =
                json!({ "width": 640, "height": 450, "pixelRatio": 2, "touch": false, "mobile": false });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        if device.has_no_scripts {
            options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let capabilities = json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is written as an object") };
        let driver = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts");
        Some(Self { driver, base: base.to_owned(), program: child })
    }

    /// What a log holds since it was last taken.
    async fn log(&self, kind: &'static str) -> Vec<Value> {
        let log = self.driver.issue_cmd(TakeLog(kind)).await.expect("chromedriver keeps logs");
        log.as_array().expect("a log is a list").clone()
    }

    /// Opens a page of the daemon.
    pub async fn open(&self, path: &str) {
        self.driver
            .goto(&format!("{}{path}", self.base))
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Opens a tab, and goes there.
    pub async fn new_tab(&self) {
        let tab = self.driver.new_window(true).await.expect("a tab opens");
        self.driver.switch_to_window(tab.handle).await.expect("it is there");
    }

    /// The address of the page, without what stands before every path.
    pub async fn path(&self) -> String {
        let url = self.driver.current_url().await.expect("a page is open").to_string();
        url.strip_prefix(&self.base).unwrap_or(&url).to_owned()
    }

    /// Waits for an element that fits a selector of CSS.
    pub async fn find(&self, selector: &str) -> Element {
        let end = Instant::now() + SOON;
        loop {
            match self.driver.find(Locator::Css(selector)).await {
                Ok(element) => return element,
                Err(_) if Instant::now() < end => sleep(INTERVAL).await,
                Err(error) => panic!("{selector} at {}: {error}\n{}", self.path().await, self.text().await),
            }
        }
    }

    /// Clicks on an element, once it stays where it is: a page that changes meanwhile would be hit somewhere else.
    pub async fn click(&self, selector: &str) {
        let end = Instant::now() + SOON;
        let mut before = None;
        let element = loop {
            let element = self.find(selector).await;
            // To the middle, away from the bar of a phone. Where scripts are off it stays where it is, and the click says what is wrong.
            let place = serde_json::to_value(&element).expect("an element is JSON");
            let _ =
                self.driver.execute("arguments[0].scrollIntoView({ block: 'center' })", vec![place]).await;
            // One that was drawn anew meanwhile is nowhere.
            let there = element.rectangle().await.ok();
            if (there.is_some() && there == before) || Instant::now() > end {
                break element;
            }
            before = there;
            sleep(INTERVAL).await;
        };
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Enters text into a field, in place of what is there.
    pub async fn fill(&self, selector: &str, text: &str) {
        let field = self.find(selector).await;
        field.clear().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
        field.send_keys(text).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// The text of the page, as it is seen.
    pub async fn text(&self) -> String {
        match self.driver.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the page says something, without that it is loaded again.
    pub async fn wait_for_text(&self, text: &str) {
        let end = Instant::now() + SOON;
        while !self.text().await.contains(text) {
            assert!(Instant::now() < end, "{text:?} is not at {}:\n{}", self.path().await, self.text().await);
            sleep(INTERVAL).await;
        }
    }

    /// Runs a script in the page. Gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        let returned = self.driver.execute(script, Vec::new()).await;
        returned.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Adds the first member with the code of the set-up, through the page.
    pub async fn set_up(&self, code: &str, password: &str) {
        self.open("/").await;
        self.fill("input[name=code]", code).await;
        self.fill("input[name=name]", "ada").await;
        self.fill("input[name=password]", password).await;
        self.click("form button.primary").await;
        self.find("nav.nav").await;
    }

    /// What axe finds against accessibility that is serious or critical: rule and element. Absent, and said, where axe is not installed.
    pub async fn axe(&self) -> Option<Vec<String>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../target/clients/node/node_modules/axe-core/axe.min.js");
        let Ok(script) = std::fs::read_to_string(script) else {
            assert!(std::env::var_os("CI").is_none(), "CI has axe: `cargo xtask clients` installs it");
            eprintln!("SKIPPED: a look with axe: `cargo xtask clients` installs it");
            return None;
        };
        self.driver.execute(&script, Vec::new()).await.expect("axe is a script");
        let run = "const done = arguments[0]; \
                   axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((found) => done( \
                   found.violations.filter((it) => ['serious', 'critical'].includes(it.impact)) \
                   .map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(' ')}`)))";
        let found = self.driver.execute_async(run, Vec::new()).await.expect("axe runs");
        Some(serde_json::from_value(found).expect("a list of texts"))
    }

    /// Whether the page fits the screen: nobody has to scroll sideways.
    pub async fn fits(&self) -> bool {
        self.run("return document.documentElement.scrollWidth <= window.innerWidth").await == json!(true)
    }

    /// Ends the browser. Nothing was complained of but what contains one of these texts, and no other host was asked.
    pub async fn finish(self, expected: &[&str]) {
        let complaints: Vec<String> = self
            .log("browser")
            .await
            .iter()
            .filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].to_string())
            .collect();
        let requests: Vec<String> = self.log("performance").await.iter().filter_map(requested).collect();
        self.driver.clone().close().await.expect("Chromium ends");
        let unexpected: Vec<&String> =
            complaints.iter().filter(|text| !expected.iter().any(|known| text.contains(known))).collect();
        assert!(unexpected.is_empty(), "{unexpected:#?}");
        let host = self.base.split('/').nth(2).expect("the base is an address");
        let elsewhere: Vec<&String> = requests
            .iter()
            .filter(|url| url.starts_with("http") && url.split('/').nth(2) != Some(host))
            .collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
        assert!(!requests.is_empty(), "requests were noted");
    }
}

/// The address that an entry of the performance log says was asked; absent for any other entry.
fn requested(entry: &Value) -> Option<String> {
    let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
    let is_request = event["message"]["method"] == "Network.requestWillBeSent";
    is_request.then(|| event["message"]["params"]["request"]["url"].as_str().map(str::to_owned))?
}
