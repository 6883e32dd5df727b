//! The first steps of somebody who has only the README, and what stumbles there.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, WEBHOOK_TOKEN, binary, sources_to_trakt_config, trakt_account};
use playrelay_tests::{harness, jellyfin_webhook as jellyfin};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long something may take.
const DEADLINE: Duration = Duration::from_secs(60);
const MIA: (&str, &str) = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");

/// Runs the program in a folder, as somebody does who types it there.
fn typed(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).current_dir(folder).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

/// Newcomer 14.
#[test]
fn in_a_wrong_folder_nothing_is_made_and_that_is_said() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        &["check"][..],
        &["status"],
        &["events"],
        &["event", "1"],
        &["outbox", "list"],
        &["users", "list"],
        &["doctor"],
        &["webhooks"],
        &["connect", "bob"],
        &["token"],
    ] {
        let output = typed(folder.path(), arguments);
        let said = text(&output);
        assert!(
            !output.status.success() && said.contains("there is no playrelay.toml in"),
            "{arguments:?}: {said}"
        );
        assert!(said.contains("playrelay init"), "{arguments:?}: {said}");
    }
    assert!(
        typed(folder.path(), &["plugin", "list"]).status.success(),
        "the bundled plugins can be looked at"
    );
    assert!(is_empty(folder.path()), "nothing is made");
}

/// Newcomer 9, 15 and 17.
#[test]
fn commands_that_look_make_nothing_and_paths_are_those_of_the_configuration() {
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = folder.path().join("playrelay.toml");
    std::fs::write(&config, "[server]\ndata_dir = \"kept\"\n\n[plugins]\ndir = \"more\"\n").unwrap();
    std::fs::create_dir(folder.path().join("more")).unwrap();
    std::fs::write(folder.path().join("more/odd.wasm"), "no plugin").unwrap();
    let config = config.to_str().unwrap();
    let run = |arguments: &[&str]| typed(elsewhere.path(), &[&["--config", config], arguments].concat());
    for (arguments, words) in [
        (&["events"][..], "nothing has been received yet"),
        (&["outbox", "list"], "nothing waits"),
        (&["users", "list"], "nobody is held"),
        (&["users", "list", "--all"], "nobody has been seen yet"),
        (&["status"], "no daemon runs here"),
        (&["plugin", "list"], "odd.wasm"),
        (&["check"], "the configuration is sound: 0 sources"),
        (&["doctor"], "no daemon uses this data folder"),
    ] {
        let said = text(&run(arguments));
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert!(!folder.path().join("kept").exists() && is_empty(elsewhere.path()), "nothing is made");
    assert!(run(&["webhooks"]).status.success());
    assert!(folder.path().join("kept/playrelay.db").exists() && is_empty(elsewhere.path()));
}

/// Newcomer 16 and 48.
#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_appears_is_taken_over_and_a_hangup_reads_it_again() {
    let folder = TempDir::new().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut daemon = Command::new(binary())
        .arg("serve")
        .current_dir(folder.path())
        .env("PLAYRELAY__SERVER__LISTEN", format!("127.0.0.1:{port}"))
        .stderr(log)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let client = harness::client();
    let until = async |what: &str, holds: &dyn Fn(u16, &str) -> bool| {
        let end = Instant::now() + DEADLINE;
        loop {
            let url = format!("http://127.0.0.1:{port}/webhook/attic/{WEBHOOK_TOKEN}");
            let status = match client.get(url).send().await {
                Ok(answer) => answer.status().as_u16(),
                Err(_) => 0,
            };
            let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
            if holds(status, &log) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain for {what}: {status}\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    until("the start", &|status, log| status == 404 && log.contains("playrelay init")).await;
    let config = format!("[sources.attic]\nplugin = \"jellyfin\"\nwebhook_token = {WEBHOOK_TOKEN:?}\n");
    std::fs::write(folder.path().join("playrelay.toml"), config).unwrap();
    until("the source", &|status, _| status == 200).await;
    let pid = Pid::from_raw(daemon.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    until("the reading", &|_, log| {
        log.contains("SIGHUP") && log.matches("the changed configuration is taken over").count() == 2
    })
    .await;
    assert!(daemon.try_wait().unwrap().is_none(), "it goes on");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

/// Newcomer 10, 18, 20, 23, 25 and 26.
#[test]
fn mistakes_are_said_with_what_was_found() {
    for (config, words) in [
        ("[scrobble]\nwatched_at = 0.8\n", "is 0.8; expected a percentage from 20 to 100, such as 80"),
        ("[scrobble]\nwatched_at = 0\n", "is 0; expected a percentage from 20"),
        ("[scrobble]\nsuppress_start_at = 19\n", "is 19; expected a percentage from 20"),
        ("[scrobble]\nwatched_at = 800\n", "is 800; expected a percentage"),
        ("[scrobble]\nmin_duration = \"2 minutes\"\n", "is \"2 minutes\"; expected a duration"),
        ("[scrobble]\nheartbeat = \"often\"\n", "is \"often\"; expected false, or a duration"),
        ("[delivery]\nretry_first = \"0s\"\n", "would be asked all the time"),
        ("[trackers.bob]\nplugin = trakt\n", "text stands in quotes"),
        ("[trackers.bob]\nplugin: trakt\n", "expected TOML"),
        ("[trackers.bob]\nplugin = \u{201c}trakt\u{201d}\n", "typographic"),
        ("[sources.a]\nplugin = \"trakt\"\nclient_id = \"x\"\n", "provides auth"),
    ] {
        let home = TestContext::new(config);
        let output = home.run(&["check"]);
        let said = text(&output);
        let is_role = words == "provides auth";
        assert!(!output.status.success() && (is_role || said.contains(words)), "{config}: {said}");
        if is_role {
            assert_eq!(said.matches("error: ").count(), 1, "one cause, one complaint: {said}");
        }
    }
    let sound = "[scrobble]\nwatched_at = 20\n[sources.a]\nplugin = \"jellyfin\"\nurl = \" http://127.0.0.1:9 \"\ntoken = \" t \"\n";
    assert!(TestContext::new(sound).run(&["check"]).status.success(), "blanks around values are cut");
    let mut home = TestContext::new("[trackers.bob-simkl]\nplugin = \"simkl\"\n");
    home.set("PLAYRELAY__TRACKERS__BOB_SIMKL__CLIENT_ID", "an-id");
    let output = home.run(&["check"]);
    assert!(output.status.success(), "{}", text(&output));
    home.set("PLAYRELAY_SERVER_LISTEN", "127.0.0.1:1");
    let said = text(&home.run(&["check"]));
    assert!(said.contains("PLAYRELAY__SERVER__LISTEN"), "{said}");
}

/// Newcomer 19 and 20.
#[test]
fn what_is_probably_not_meant_is_warned_of() {
    let trakt = "[trackers.bob]\nplugin = \"trakt\"\nclient_id = \"x\"\nclient_secret = \"y\"\n";
    let home = |name: &str, more: &str| format!("[sources.{name}]\nplugin = \"jellyfin\"\n{more}\n");
    let route = "[[routes]]\nsource = \"a\"\ntracker = \"bob\"\nusers = [\"mia\"]\n";
    for (config, words) in [
        (
            format!("{trakt}{}", home("a", "")),
            vec!["no route begins at [sources.a]", "no route leads to [trackers.bob]"],
        ),
        (format!("{trakt}{}{route}{route}", home("a", "")), vec!["is there twice"]),
        (format!("{trakt}{}{route}", home("a", "mode = \"watch\"")), vec!["hears nothing"]),
        (
            format!(
                "{trakt}{}{}{route}{}",
                home("a", "url = \"http://127.0.0.1:9\"\ntoken = \"t\""),
                home("b", "url = \"http://127.0.0.1:9/\"\ntoken = \"t\""),
                route.replace("\"a\"", "\"b\"")
            ),
            vec!["have the same address"],
        ),
        ("[plugins]\ndir = \"missing\"\n".to_owned(), vec!["is not there"]),
    ] {
        let home = TestContext::new(&config);
        let output = home.run(&["check"]);
        let said = text(&output);
        for words in words {
            assert!(
                output.status.success() && said.contains("warning: ") && said.contains(words),
                "{words}: {said}"
            );
            let doctor = text(&home.run(&["doctor"]));
            let is_of_routes = config.contains("[[routes]]") || !words.starts_with("no route");
            assert!(!is_of_routes || doctor.contains(words), "{words}: {doctor}");
        }
    }
}

/// Newcomer 42 and 44.
#[test]
fn pipes_end_quietly_and_a_log_filter_is_known() {
    let home = TestContext::new("");
    for _ in 0..5 {
        for command in ["plugin list", "plugin inspect trakt --json", "completions bash", "--help"] {
            let config = home.path().join("playrelay.toml");
            let line = format!("'{}' --config '{}' {command} | true", binary().display(), config.display());
            let output = Command::new("bash").arg("-c").arg(line).output().unwrap();
            assert!(!text(&output).contains("panicked"), "{command}: {}", text(&output));
        }
    }
    for filter in ["verbose", "trace2", "warn,plugin"] {
        let mut home = TestContext::new("");
        home.set("PLAYRELAY_LOG", filter);
        let output = home.run(&["check"]);
        assert!(
            !output.status.success() && text(&output).contains("expected one of"),
            "{filter}: {}",
            text(&output)
        );
    }
    let mut home = TestContext::new("");
    home.set("PLAYRELAY_LOG", "");
    assert!(home.run(&["check"]).status.success());
}

/// Newcomer 8: a small image without certificates starts with those that are built in, and says so.
#[test]
fn without_certificates_it_starts_with_those_that_are_built_in() {
    let mut home =
        TestContext::new("[sources.a]\nplugin = \"jellyfin\"\nurl = \"http://127.0.0.1:9\"\ntoken = \"t\"\n");
    let missing = home.path().join("missing").display().to_string();
    home.set("SSL_CERT_FILE", &missing);
    home.set("SSL_CERT_DIR", &missing);
    assert!(home.run(&["check"]).status.success());
    let _daemon = home.start();
    let log = home.log();
    assert!(log.contains("built into the program") && log.contains("ca-certificates"), "{log}");
    let found = text(&home.run(&["doctor"]));
    assert!(found.contains("built into the program") && found.contains("ca-certificates"), "{found}");
}

/// Newcomer 43: what somebody reaches for.
#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_written_by_asking() {
    let folder = TempDir::new().unwrap();
    let trakt = FakeTrakt::start().await;
    let url = trakt.server.url();
    let api = format!("api_url={url}");
    let auth = format!("auth_url={url}");
    let answers = [
        "init",
        "--no-questions",
        "--source",
        "jellyfin",
        "--tracker",
        "trakt",
        "--user",
        "mia",
        "--set",
        "url=http://127.0.0.1:9",
        "--set",
        "token=a-key",
        "--set",
        "client_id=x",
        "--set",
        "client_secret=y",
        "--set",
        &api,
        "--set",
        &auth,
    ];
    let output = typed(folder.path(), &answers);
    assert!(output.status.success(), "{}", text(&output));
    let written = std::fs::read_to_string(folder.path().join("playrelay.toml")).unwrap();
    assert!(written.contains("users = [\"mia\"]") && written.contains("# "), "{written}");
    let check = typed(folder.path(), &["check"]);
    assert!(check.status.success() && !text(&check).contains("warning"), "{}\n{written}", text(&check));
    let again = typed(folder.path(), &answers);
    assert!(!again.status.success() && text(&again).contains("is there already"), "{}", text(&again));
    assert!(!folder.path().join("playrelay-data").exists(), "nothing else is made");
    let unknown =
        typed(TempDir::new().unwrap().path(), &["init", "--source", "jelyfin", "--tracker", "trakt"]);
    assert!(text(&unknown).contains("did you mean `jellyfin`"), "{}", text(&unknown));
}

/// Newcomer 34, 39, 40 and 41.
#[tokio::test(flavor = "multi_thread")]
async fn lists_say_who_and_what_and_fit_the_terminal() {
    let trakt = FakeTrakt::start().await;
    let config = sources_to_trakt_config(&["jellyfin"], &trakt, "").replace("[\"*\"]", "[\"mia\"]");
    let mut home = TestContext::new(&config);
    home.connect().await;
    home.set("COLUMNS", "80");
    let daemon = home.start();
    let film = jellyfin::movie(&"7".repeat(32), "Inception", 2010, 7_200_000, &[("imdb", "tt1375666")]);
    let start = jellyfin::event("PlaybackStart", &film, Some(0), MIA, "TV");
    let first = daemon.json("jellyfin", &start).await;
    let kid = ("60e1109a03fd4e13a3a5dd9bb27e08ec", "kid");
    let mirror = jellyfin::movie(&"8".repeat(32), "Mirror", 1975, 6_000_000, &[("imdb", "tt0072443")]);
    let second =
        daemon.json("jellyfin", &jellyfin::event("PlaybackStart", &mirror, Some(0), kid, "Tablet")).await;
    daemon.until(first, "its delivery", |story| story["outbox"][0]["state"] == "delivered").await;
    daemon.settled(second).await;
    assert!(home.log().contains("no route names kid"), "it is said once");
    let events = home.json(&["events"]);
    assert_eq!(
        (&events[0]["user"], &events[1]["item"]),
        (&Value::from("kid"), &Value::from("Inception (2010)"))
    );
    let shown = text(&home.run(&["events"]));
    assert!(
        shown.contains("mia \u{b7} Inception (2010)") && shown.contains("playing \u{2192} bob"),
        "{shown}"
    );
    for arguments in [
        &["events"][..],
        &["event", "1"],
        &["outbox", "list"],
        &["users", "list", "--all"],
        &["plugin", "list"],
        &["status"],
        &["doctor"],
        &["--help"],
    ] {
        let output = home.run(arguments);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        // An address is not broken.
        let wide = shown.lines().find(|line| line.chars().count() > 80 && !line.contains("http"));
        assert_eq!(wide, None, "{arguments:?}: {shown}");
    }
    for (filter, count) in [
        (&["--user", "MIA"][..], 1),
        (&["--title", "mirr"], 1),
        (&["--outcome", "held"], 1),
        (&["--source", "jellyfin"], 2),
        (&["--source", "nobody"], 0),
    ] {
        let found = home.json(&[&["events"][..], filter].concat());
        assert_eq!(found.as_array().unwrap().len(), count, "{filter:?}: {found:#}");
    }
    assert!(text(&home.run(&["events", "--user", "nobody"])).contains("no event fits"));
    let status = home.json(&["status"]);
    assert_eq!(
        (&status["running"], &status["held"][0]),
        (&Value::from(true), &Value::from("kid (id:60e1109a03fd4e13a3a5dd9bb27e08ec)"))
    );
    assert!(status["playing"].as_array().unwrap().iter().any(|it| it["title"] == "Inception"), "{status:#}");
    assert_eq!(home.json(&["users", "list", "--all"])["routed"][0]["user"]["name"], "mia");
    for (arguments, words) in [
        (&["users", "ignore", "kid"][..], "nothing is sent"),
        (&["users", "unassign", "kid"], "are held from now on"),
        (&["users", "assign", "mia", "bob"], "whoever a route mentions"),
        (&["connect", "bob", "--field", "a=b"], "mean nothing"),
    ] {
        let (_, said) = home.run_with_fakes(arguments).await;
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert_eq!(home.json(&["users", "list"])[0]["decision"], "held");
}

/// Newcomer 33, and 9 of the issue.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_says_who_is_not_logged_in_and_a_heartbeat_can_be_set() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::new(&trakt_account("bob", &trakt));
    let _daemon = home.start();
    let end = Instant::now() + DEADLINE;
    while !home.log().contains("nobody is logged in") {
        assert!(Instant::now() < end, "{}", home.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mdblist = "[sources.a]\nplugin = \"jellyfin\"\n[trackers.m]\nplugin = \"mdblist\"\napi_key = \"k\"\n[[routes]]\nsource = \"a\"\n\
                   tracker = \"m\"\nusers = [\"mia\"]\nheartbeat = ";
    // This tracker wants none: what is set is no mistake. One that wants some is in `javascript`.
    for set in ["\"1s\"", "false", "true", "\"2h\"", "\"off\""] {
        let output = TestContext::new(&format!("{mdblist}{set}\n")).run(&["check"]);
        assert!(output.status.success(), "{set}: {}", text(&output));
    }
}
