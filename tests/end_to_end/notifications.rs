//! Notifications: what needs a person is said once, by each notifier, and has an end.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use playrelay_tests::fake_mail_server::{self, FakeMailServer};
use playrelay_tests::fake_push_services::FakePushServices;
use playrelay_tests::fake_simkl::{self, FakeSimkl};
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{Daemon, TestContext, fixture, plex_to, simkl_account};
use playrelay_tests::plex_webhook::{event, movie};
use playrelay_tests::tls_proxy::TlsProxy;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/notifications";
const MIA: (u32, &str) = (31_646_104, "mia");
/// Longer than a round, and than it takes until a condition is over. Seconds.
const A_WHILE: i64 = 6 * 60;

/// The section for e-mail by a mail server.
fn email(server: &FakeMailServer, to: &str) -> String {
    format!(
        "[notify.email]\nserver = \"smtp+plain://{}\"\nuser = {:?}\npassword = {:?}\nfrom = \"Playrelay <relay@example.com>\"\nto = [{to:?}]\n\n",
        server.address(),
        fake_mail_server::USER,
        fake_mail_server::PASSWORD
    )
}

async fn watch(daemon: &Daemon<'_>, title: &str) -> i64 {
    let (year, id) =
        if title == "Inception" { (2010, "imdb://tt1375666") } else { (1975, "imdb://tt0072443") };
    let film = movie(title, title, year, 7_200_000, &[id]);
    daemon.plex(&event("media.scrobble", &film, None, MIA, "TV")).await
}

/// A home with a tracker that is logged in, and some more sections.
async fn at_simkl(more: &str) -> (FakeSimkl, TestContext) {
    let simkl = FakeSimkl::start().await;
    let account = simkl_account("bob", &simkl, fake_simkl::CLIENT_ID);
    let home = TestContext::new(&format!("{more}{}", plex_to(&[account], &["bob"], "")));
    home.connect().await;
    (simkl, home)
}

/// The conditions that last, by their keys.
fn keys(report: &Value) -> Vec<String> {
    let conditions = report["conditions"].as_array().unwrap();
    conditions.iter().map(|condition| condition["key"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_login_is_said_once_by_everybody_and_ends() {
    let (push, mail) = (FakePushServices::start().await, FakeMailServer::start().await);
    let notifiers: String = ["gotify", "discord", "apprise", "json"].map(|it| push.account(it)).concat();
    let (simkl, mut home) = at_simkl(&format!("{notifiers}{}", email(&mail, "Mia <mia@example.com>"))).await;
    let config = std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    let config = config.replacen("[server]\n", "[server]\npublic_url = \"https://relay.example\"\n", 1);
    std::fs::write(home.path().join("playrelay.toml"), config).unwrap();
    let clock = home.set_clock(&[simkl.clock()]);
    let mut daemon = home.start();
    simkl.expire(true);
    let id = watch(&daemon, "Inception").await;
    daemon.until(id, "a refusal", |story| story["outbox"][0]["attempts"] == 1).await;
    clock.pass(60);
    push.until("the beginning everywhere", |push| push.shown().len() == 4).await;
    let begun = "bob wants a new login".to_owned();
    for shown in push.shown() {
        assert_eq!(shown.title, begun, "{shown:#?}");
        let message = shown.message.to_string();
        assert!(message.contains("https://relay.example/accounts/bob"), "{message}");
        assert!(message.contains("1 delivery waits; nothing is lost."), "{message}");
    }
    let of = |service: &str| push.shown().into_iter().find(|shown| shown.service == service).unwrap().message;
    assert_eq!(of("gotify")["priority"], 8);
    assert_eq!((&of("json")["urgency"], &of("json")["resolved"]), (&json!("high"), &json!(false)));
    assert_eq!(of("apprise")["type"], "failure");
    let mails = mail.until(1).await;
    assert_eq!(mails[0].to, ["<mia@example.com>"]);
    assert!(mails[0].text.contains("Subject: bob wants a new login\r\n"), "{}", mails[0].text);
    // It goes on, and the daemon is started again: nothing is said twice.
    let report = daemon.get_until(PATH, "a queue that is empty", |report| {
        report["notifiers"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["waiting"] == 0 && !it["sent_at"].is_null())
    });
    assert_eq!(keys(&report.await), ["login:bob"]);
    clock.pass(A_WHILE);
    daemon.restart();
    clock.pass(A_WHILE);
    assert_eq!((push.shown().len(), mail.mails().len()), (4, 1));
    // Somebody logs in: what waited goes out, and a while later the end is said.
    home.connect().await;
    daemon.until(id, "the delivery", |story| story["outbox"][0]["state"] == "delivered").await;
    let gone = |report: &Value| report["conditions"][0]["key"] != "login:bob";
    clock.pass(60);
    for _ in 0..3 {
        clock.pass(A_WHILE);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    daemon.get_until(PATH, "the end", gone).await;
    push.until("the end everywhere", |push| push.shown().len() == 8).await;
    let over = "bob is logged in again".to_owned();
    for service in ["gotify", "discord", "apprise", "json"] {
        assert_eq!(push.titles(service), [begun.clone(), over.clone()], "{service}");
    }
    let mails = mail.until(2).await;
    let header = |text: &str, name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap_or_default()
    };
    // Two mails of one conversation.
    let (first, second) = (&mails[0].text, &mails[1].text);
    assert_eq!(header(first, "References: "), header(second, "References: "));
    assert_ne!(header(first, "Message-ID: "), header(second, "Message-ID: "));
    assert!(header(second, "Subject: ").contains("bob is logged in again"), "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notifier_that_is_away_gets_everything_later_and_once() {
    let push = FakePushServices::start().await;
    let (simkl, mut home) = at_simkl(&push.account("gotify")).await;
    let clock = home.set_clock(&[simkl.clock()]);
    let mut daemon = home.start();
    push.faults().next("/gotify/message", 1, Fault::status(502));
    simkl.expire(true);
    let id = watch(&daemon, "Inception").await;
    daemon.until(id, "a refusal", |story| story["outbox"][0]["attempts"] == 1).await;
    clock.pass(60);
    let failed = |report: &Value| {
        let failure = report["notifiers"][0]["failure"].as_str().unwrap_or_default();
        failure.contains("Gotify answered 502") && report["notifiers"][0]["waiting"] == 1
    };
    daemon.get_until(PATH, "a failure", failed).await;
    let said = home.run(&["notify", "list"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.contains(
            "gotify (gotify): nothing was sent yet; 1 waiting; the last attempt failed: Gotify answered 502"
        ),
        "{said}"
    );
    assert!(said.contains(": bob wants a new login (said at "), "{said}");
    // It waits on disk.
    daemon.restart();
    clock.pass(A_WHILE);
    push.until("the notification", |push| push.shown().len() == 1).await;
    let sent = |report: &Value| {
        report["notifiers"][0]["failure"].is_null() && report["notifiers"][0]["waiting"] == 0
    };
    daemon.get_until(PATH, "no failure", sent).await;
    clock.pass(A_WHILE);
    assert_eq!(push.titles("gotify"), ["bob wants a new login"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_night_says_nothing_of_what_begins_and_ends_in_it() {
    let push = FakePushServices::start().await;
    let here = |hours: i64| {
        let at = Timestamp::now() + SignedDuration::from_hours(hours);
        at.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string()
    };
    let quiet = format!("[notify]\nquiet = \"{}-{}\"\n\n", here(-1), here(3));
    let (simkl, mut home) = at_simkl(&(quiet + &push.account("json"))).await;
    home.set("TZ", "UTC");
    let clock = home.set_clock(&[simkl.clock()]);
    let daemon = home.start();
    simkl.expire(true);
    let id = watch(&daemon, "Inception").await;
    daemon.until(id, "a refusal", |story| story["outbox"][0]["attempts"] == 1).await;
    clock.pass(60);
    let waits = |report: &Value| report["notifiers"][0]["waiting"] == 1;
    daemon.get_until(PATH, "a notification that waits", waits).await;
    home.connect().await;
    daemon.until(id, "the delivery", |story| story["outbox"][0]["state"] == "delivered").await;
    clock.pass(60);
    let is_away = |report: &Value| keys(report) == ["login:bob"];
    daemon.get_until(PATH, "a round", is_away).await;
    for _ in 0..3 {
        clock.pass(A_WHILE);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let is_over = |report: &Value| keys(report).is_empty() && report["notifiers"][0]["waiting"] == 0;
    daemon.get_until(PATH, "nothing to say", is_over).await;
    // In the morning there is nothing to say; what begins then is said.
    clock.pass(4 * 60 * 60);
    simkl.expire(true);
    let id = watch(&daemon, "Mirror").await;
    daemon.until(id, "a refusal", |story| story["outbox"][0]["attempts"] == 1).await;
    clock.pass(60);
    push.until("a notification", |push| !push.shown().is_empty()).await;
    assert_eq!(push.titles("json"), ["bob wants a new login"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_waits_is_said_until_it_is_approved() {
    let push = FakePushServices::start().await;
    let mut home = TestContext::new(&push.account("gotify"));
    let clock = home.set_clock(&[]);
    let daemon = home.start();
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(fixture("sound.wasm"), folder.join("sound.wasm")).unwrap();
    let is_found = |plugins: &Value| plugins.to_string().contains("\"sound\"");
    daemon.get_until("/api/v1/plugins", "the plugin", is_found).await;
    clock.pass(60);
    push.until("the beginning", |push| push.titles("gotify") == ["Plugin sound waits for your approval"])
        .await;
    assert!(home.run(&["plugin", "approve", "sound", "--yes"]).status.success());
    let is_active = |plugins: &Value| !plugins.to_string().contains("\"pending\"");
    daemon.get_until("/api/v1/plugins", "the approved plugin", is_active).await;
    clock.pass(60);
    daemon.get_until(PATH, "a round", |report| keys(report) == ["plugin-waits:sound"]).await;
    for _ in 0..3 {
        clock.pass(A_WHILE);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    push.until("the end", |push| push.titles("gotify").len() == 2).await;
    assert_eq!(push.titles("gotify")[1], "Plugin sound does not wait any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn plays_are_said_only_where_somebody_asks_for_them() {
    let push = FakePushServices::start().await;
    let (simkl, mut home) = at_simkl(&format!("[notify]\nplays = true\n\n{}", push.account("json"))).await;
    let clock = home.set_clock(&[simkl.clock()]);
    let daemon = home.start();
    clock.pass(60);
    daemon.get_until(PATH, "a round", |report| keys(report).is_empty()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let id = watch(&daemon, "Inception").await;
    daemon.until(id, "the delivery", |story| story["outbox"][0]["state"] == "delivered").await;
    clock.pass(60);
    push.until("the play", |push| !push.shown().is_empty()).await;
    let shown = push.shown();
    assert_eq!(shown[0].title, "mia watched Inception (2010)", "{shown:#?}");
    assert_eq!(
        (&shown[0].message["text"], &shown[0].message["urgency"]),
        (&json!("It goes to bob."), &json!("low"))
    );
    clock.pass(A_WHILE);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(push.shown().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_reaches_everybody_or_says_why_not() {
    let (push, mail) = (FakePushServices::start().await, FakeMailServer::start().await);
    let services = ["gotify", "discord", "apprise", "json"];
    let notifiers: String = services.map(|it| push.account(it)).concat();
    let home = TestContext::new(&format!("{notifiers}{}", email(&mail, "mia@example.com")));
    for name in services.iter().chain(&["email"]) {
        let (is_sent, said) = home.run_with_fakes(&["notify", "test", name]).await;
        assert!(is_sent && said.contains(&format!("{name}: the test was sent.")), "{name}: {said}");
    }
    assert_eq!(push.shown().len(), 4);
    assert!(push.shown().iter().all(|shown| shown.title == "Playrelay can reach you"), "{:#?}", push.shown());
    assert_eq!(mail.mails().len(), 1);
    // By the API, too.
    let daemon = home.start();
    let test = async |name: &str| {
        let answer = daemon.api(Method::POST, &format!("{PATH}/{name}/test")).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    assert_eq!(test("gotify").await.0, StatusCode::NO_CONTENT);
    let (status, problem) = test("gotfy").await;
    assert!(status == StatusCode::NOT_FOUND && problem.contains("did you mean `gotify`?"), "{problem}");
    push.faults().next("/gotify/message", 1, Fault::status(401));
    let (status, problem) = test("gotify").await;
    assert!(
        status.is_server_error() && problem.contains("look at the token in the settings"),
        "{status} {problem}"
    );
    // No secret is told to anybody.
    for secret in ["AzyoeNS.D4iJLVa", "a-token_of-the-webhook", fake_mail_server::PASSWORD] {
        assert!(!home.log().contains(secret), "{secret} is in the log");
        let seen = push
            .calls()
            .into_iter()
            .find(|call| call.path.contains(secret) && !call.path.contains("/discord/"));
        assert!(seen.is_none(), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_refuses_says_why() {
    let mail = FakeMailServer::start().await;
    let refused = async |email: String| {
        let home = TestContext::new(&email);
        let (is_sent, said) = home.run_with_fakes(&["notify", "test", "email"]).await;
        assert!(!is_sent, "{said}");
        assert!(!said.contains(fake_mail_server::PASSWORD), "{said}");
        said
    };
    let said = refused(email(&mail, "nobody@example.org")).await;
    assert!(said.contains("No such user here"), "{said}");
    let wrong = email(&mail, "mia@example.com").replace("user = \"relay\"", "user = \"rely\"");
    assert!(refused(wrong).await.contains("Username and password not accepted"));
    // A server without TLS where TLS was asked for.
    let plain = email(&mail, "mia@example.com").replace("smtp+plain://", "smtp://");
    let said = refused(plain).await;
    assert!(said.contains("mail server 127.0.0.1"), "{said}");
    assert!(mail.mails().is_empty());
}

/// By TLS from the first byte, and by TLS after a greeting.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_to_a_server_whose_certificate_is_trusted_and_to_no_other() {
    let plain = FakeMailServer::start().await;
    let front = TlsProxy::before(&format!("http://{}", plain.address())).await;
    let front_address = front.url().trim_start_matches("https://").to_owned();
    let (upgrading, certificate) = FakeMailServer::start_with_tls().await;
    for (server, address, scheme, certificate) in [
        (&plain, front_address, "smtps", front.certificate()),
        (&upgrading, upgrading.named_address(), "smtp", certificate.as_str()),
    ] {
        let section = email(server, "mia@example.com")
            .replace(&format!("smtp+plain://{}", server.address()), &format!("{scheme}://{address}"));
        let mut home = TestContext::new(&section);
        let authorities = home.path().join("authorities.pem");
        let (_, other) = FakeMailServer::start_with_tls().await;
        std::fs::write(&authorities, other).unwrap();
        home.set("SSL_CERT_FILE", authorities.to_str().unwrap());
        let (is_sent, said) = home.run_with_fakes(&["notify", "test", "email"]).await;
        assert!(!is_sent && said.contains("certificate"), "{scheme}: {said}");
        assert!(server.mails().is_empty(), "{scheme}");
        std::fs::write(&authorities, certificate).unwrap();
        let (is_sent, said) = home.run_with_fakes(&["notify", "test", "email"]).await;
        assert!(is_sent, "{scheme}: {said}");
        assert_eq!(server.mails()[0].to, ["<mia@example.com>"]);
    }
}

#[test]
fn mistakes_of_the_configuration_say_what_is_right() {
    let check = |config: &str| {
        let home = TestContext::new(config);
        let output = home.run(&["check"]);
        assert!(!output.status.success(), "{config}");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    for (config, expected) in [
        (
            "[notify]\nquiet = \"10pm\"\n",
            "`quiet` in [notify] is \"10pm\"; expected two times such as \"22:00-07:00\"",
        ),
        ("[notifers.phone]\nplugin = \"gotify\"\n", "did you mean `notifiers`?"),
        ("[notifiers.phone]\nplugin = \"trakt\"\n", "expected one that provides notify"),
        (
            "[notifiers.email]\nplugin = \"gotify\"\n",
            "\"email\" is the name of [notify.email]; expected another name",
        ),
        (
            "[notify.email]\nserver = \"mail.example.com\"\nfrom = \"a@example.com\"\nto = \"b@example.com\"\n",
            "expected \"smtps://HOST\"",
        ),
        (
            "[notify.email]\nserver = \"smtps://mail.example.com\"\nfrom = \"me\"\nto = \"b@example.com\"\n",
            "`from` in [notify.email] is \"me\"",
        ),
        (
            "[notify.email]\nserver = \"smtps://mail.example.com\"\nfrom = \"a@example.com\"\n",
            "[notify.email] has no `to`",
        ),
        (
            "[notify.email]\nserver = \"smtps://mail.example.com\"\nfrom = \"a@example.com\"\nto = \"b@example.com\"\nuser = \"a\"\n",
            "has one of `user` and `password`",
        ),
    ] {
        let said = check(config);
        assert!(said.contains(expected), "{config}: {said}");
    }
}

/// An import waits for a decision, and that it has ended is said once.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_waits_and_one_that_ended_are_said() {
    let push = FakePushServices::start().await;
    let mut home = TestContext::new(&format!("{}[people.mia]\n", push.account("json")));
    let clock = home.set_clock(&[]);
    let daemon = home.start();
    // The first round begins the count: what ended before it is nobody's news.
    clock.pass(60);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let path = "/api/v1/people/mia/imports?format=movary&file=history.csv";
    let table = "title,year,tmdbId,imdbId,watchedAt,comment,location\nHeat,1995,,,2024-01-01,,\n";
    let job: Value = daemon.api(Method::POST, path).body(table).send().await.unwrap().json().await.unwrap();
    let path = format!("/api/v1/jobs/{}", job["id"]);
    daemon.get_until(&path, "the preview", |job| job["state"] == "ready").await;
    clock.pass(60);
    push.until("that it waits", |push| {
        push.titles("json") == ["The import of history.csv for mia waits for you"]
    })
    .await;
    daemon.api(Method::POST, &format!("{path}/continue")).send().await.unwrap();
    daemon.get_until(&path, "the end", |job| job["state"] == "done").await;
    clock.pass(60);
    push.until("that it has ended", |push| {
        push.titles("json").iter().any(|title| title == "The import of history.csv for mia has ended")
    })
    .await;
    clock.pass(A_WHILE);
    push.until("that it does not wait", |push| push.titles("json").len() == 3).await;
    assert_eq!(
        push.titles("json").last().unwrap(),
        "The import of history.csv for mia does not wait any more"
    );
}
