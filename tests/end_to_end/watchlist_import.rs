//! Watchlists of accounts, read into a person's own: what Movary does for Plex, and more.

use playrelay_tests::fake_plex_tv;
use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{Daemon, TestContext};
use reqwest::Method;
use serde_json::{Value, json};

const LIST: &str = "/library/sections/watchlist/all";

fn context(plex: &FakePlexTv, more: &str) -> TestContext {
    let (url, token) = (plex.server.url(), fake_plex_tv::TOKEN);
    TestContext::new(&format!(
        "[trackers.list]\nplugin = \"plex\"\ntoken = {token:?}\ndiscover_url = {url:?}\nmetadata_url = {url:?}\n\
         [people.mia]\ntimezone = \"Europe/Berlin\"\n{more}"
    ))
}

/// The job that the newest request has become.
async fn import(daemon: &Daemon<'_>) -> i64 {
    let asked =
        daemon.api(Method::POST, "/api/v1/people/mia/watchlist/import").json(&json!({ "account": "list" }));
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let job: Value = answer.json().await.unwrap();
    job["id"].as_i64().unwrap()
}

async fn ended(daemon: &Daemon<'_>, id: i64) -> Value {
    let is_over = |job: &Value| !["waiting", "running"].contains(&job["state"].as_str().unwrap());
    daemon.get_until(&format!("/api/v1/jobs/{id}"), "the end of the job", is_over).await
}

/// Mia's list, as the API pages it.
async fn listed(daemon: &Daemon<'_>) -> Vec<String> {
    let (mut titles, mut offset) = (Vec::new(), 0);
    loop {
        let page = daemon.get(&format!("/api/v1/people/mia/watchlist?limit=500&offset={offset}")).await;
        let items = page["items"].as_array().unwrap();
        titles.extend(items.iter().map(|it| it["title"]["title"].as_str().unwrap().to_owned()));
        match page["next"].as_u64() {
            Some(next) => offset = next,
            None => return titles,
        }
    }
}

/// "Missing movies imported to the Movary Watchlist are put at the beginning of the list in the same order as they are in Plex." Films and shows.
#[tokio::test(flavor = "multi_thread")]
async fn missing_titles_come_in_front_in_the_order_of_plex() {
    let plex = FakePlexTv::start(&["Inception", "Breaking Bad"]).await;
    let home = context(&plex, "");
    let daemon = home.start();
    let first = ended(&daemon, import(&daemon).await).await;
    assert_eq!(
        (&first["state"], &first["message"]),
        (&json!("done"), &json!("2 titles read, 2 of them new"))
    );
    // What was put on the list last is its first entry.
    assert_eq!(listed(&daemon).await, ["Breaking Bad", "Inception"]);
    plex.add_to_watchlist(&["Mirror", "Guardians of the Galaxy"]);
    let second = ended(&daemon, import(&daemon).await).await;
    assert_eq!(second["rows"], json!({ "known": 2, "new": 2 }), "{second:#}");
    let expected = ["Guardians of the Galaxy", "Mirror", "Breaking Bad", "Inception"];
    assert_eq!(listed(&daemon).await, expected);
    // Nothing new: nothing changes. What is gone at Plex stays here.
    let third = ended(&daemon, import(&daemon).await).await;
    assert_eq!(third["rows"], json!({ "known": 4 }), "{third:#}");
    assert_eq!(listed(&daemon).await, expected);
    // "See the status/history of past jobs."
    let jobs = daemon.get("/api/v1/jobs?person=mia").await;
    let states: Vec<&Value> = jobs["items"].as_array().unwrap().iter().map(|job| &job["state"]).collect();
    assert_eq!(states, ["done", "done", "done"]);
    // Taking one back takes back what it wrote, and nothing else.
    let undo = daemon.api(Method::POST, &format!("/api/v1/jobs/{}/undo", second["id"])).send().await.unwrap();
    assert!(undo.status().is_success());
    assert_eq!(listed(&daemon).await, ["Breaking Bad", "Inception"]);
    let again =
        daemon.api(Method::POST, &format!("/api/v1/jobs/{}/undo", second["id"])).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 409);
    assert!(plex.calls().iter().all(|call| call.method == "GET"), "nothing is told to the account");
}

/// "You can directly trigger an import via CLI." Beside the daemon, and without one.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_by_command_ends_with_its_counts() {
    let plex = FakePlexTv::start(&["Inception", "Breaking Bad"]).await;
    let home = context(&plex, "");
    let arguments = ["watchlist", "import", "--source", "list", "--user", "mia"];
    let (success, text) = home.run_with_fakes(&arguments).await;
    assert!(success && text.contains("2 titles read, 2 of them new"), "{text}");
    {
        let _daemon = home.start();
        plex.add_to_watchlist(&["Mirror"]);
        let (success, text) = home.run_with_fakes(&arguments).await;
        assert!(success && text.contains("3 titles read, 1 of them new"), "{text}");
    }
    let shown = home.json(&["watchlist", "show", "--user", "mia"]);
    let titles: Vec<&str> =
        shown.as_array().unwrap().iter().map(|it| it["title"].as_str().unwrap()).collect();
    assert_eq!(titles.len(), 3);
    assert!(titles[0].starts_with("Mirror"), "{titles:?}");
    let (success, text) =
        home.run_with_fakes(&["watchlist", "import", "--source", "lsit", "--user", "mia"]).await;
    assert!(!success && text.contains("did you mean `list`"), "{text}");
    let (success, text) =
        home.run_with_fakes(&["watchlist", "import", "--source", "list", "--user", "bob"]).await;
    assert!(!success && text.contains("unknown person `bob`"), "{text}");
}

/// "You could create a cronjob to regularly import your watchlist": here it is a key of the configuration.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_asks_for_imports() {
    let plex = FakePlexTv::start(&["Inception"]).await;
    let mut home = context(&plex, "watchlist_from = [\"list\"]\nwatchlist_schedule = \"6h\"\n");
    let clock = home.set_clock(&[]);
    let daemon = home.start();
    let done = |count: usize| {
        move |jobs: &Value| {
            jobs["items"].as_array().unwrap().iter().filter(|it| it["state"] == "done").count() == count
        }
    };
    daemon.get_until("/api/v1/jobs", "the first import", done(1)).await;
    clock.pass(6 * 60 * 60 + 1);
    daemon.get_until("/api/v1/jobs", "the next import", done(2)).await;
    let jobs = daemon.get("/api/v1/jobs").await;
    assert_eq!(jobs["items"].as_array().unwrap().len(), 2, "{jobs:#}");
}

/// A dead token ends the job with what to do, and after that it goes on from where it was. A service that is away for a while ends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_failed_says_why_and_goes_on() {
    let plex = FakePlexTv::start(&["Inception"]).await;
    let home = context(&plex, "");
    let daemon = home.start();
    plex.faults().next(LIST, 1, Fault::status(503));
    plex.faults().next(LIST, 1, Fault::status(401));
    let id = import(&daemon).await;
    let failed = ended(&daemon, id).await;
    let message = failed["message"].as_str().unwrap();
    assert!(failed["state"] == "failed" && message.contains("log in again"), "{failed:#}");
    let go_on = daemon.api(Method::POST, &format!("/api/v1/jobs/{id}/continue")).send().await.unwrap();
    assert!(go_on.status().is_success());
    assert_eq!(ended(&daemon, id).await["state"], "done");
    assert_eq!(listed(&daemon).await, ["Inception"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_titles_survive_two_kills() {
    let plex = FakePlexTv::start(&[]).await;
    let expected = plex.fill_watchlist(3_000);
    let home = context(&plex, "");
    plex.faults().next(LIST, 2, Fault::retry_after(429, 1));
    let mut daemon = home.start();
    let id = import(&daemon).await;
    for pages in [600, 1_800] {
        let path = format!("/api/v1/jobs/{id}");
        daemon.get_until(&path, "some pages", |job| job["done"].as_u64().unwrap() >= pages).await;
        daemon.kill();
        daemon = home.start();
    }
    let job = ended(&daemon, id).await;
    assert_eq!((&job["state"], &job["done"]), (&json!("done"), &json!(3_000)), "{job:#}");
    assert_eq!(listed(&daemon).await, expected);
    // A page is read again where the program was killed before it was stored, and no other one.
    let answered =
        plex.calls().iter().filter(|call| call.path.starts_with(LIST) && call.status == 200).count();
    assert!((30..=32).contains(&answered), "{answered} pages were read");
    let calls = plex.calls();
    let pairs = calls.windows(2).filter(|pair| pair[0].status == 429);
    for pair in pairs {
        let waited = pair[1].at.duration_since(pair[0].at).as_millis();
        assert!(waited >= 1_000, "asked again after {waited} ms, and Plex had said a second");
    }
}

/// A person ends a job: what comes after is not done, and the job says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_can_be_cancelled_and_goes_on_later() {
    let plex = FakePlexTv::start(&[]).await;
    let expected = plex.fill_watchlist(400);
    plex.faults().next(LIST, 3, Fault::Slow(std::time::Duration::from_millis(400)));
    let home = context(&plex, "");
    let daemon = home.start();
    let id = import(&daemon).await;
    assert_eq!(import(&daemon).await, id, "one that does the same is under way");
    let path = format!("/api/v1/jobs/{id}");
    daemon.get_until(&path, "a page", |job| job["done"].as_u64().unwrap() >= 100).await;
    let cancel = daemon.api(Method::POST, &format!("{path}/cancel")).send().await.unwrap();
    assert!(cancel.status().is_success());
    assert_eq!(ended(&daemon, id).await["state"], "cancelled");
    assert!(listed(&daemon).await.is_empty());
    let go_on = daemon.api(Method::POST, &format!("{path}/continue")).send().await.unwrap();
    assert!(go_on.status().is_success());
    assert_eq!(ended(&daemon, id).await["state"], "done");
    assert_eq!(listed(&daemon).await, expected);
}
