//! An import tells trackers nothing unless somebody asks; where they ask, it goes in lists, and each watch once. Rows that nobody could match are matched by
//! hand, and delivered then.

use std::fs;

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, WEBHOOK_TOKEN, trakt_account};
use reqwest::Method;
use serde_json::{Value, json};

/// Mia, in UTC, with a tracker that no route leads to.
async fn context() -> (FakeTrakt, TestContext) {
    let trakt = FakeTrakt::start().await;
    let account = trakt_account("bob", &trakt);
    let home = TestContext::new(&format!(
        "[sources.home]\nplugin = \"plex\"\nwebhook_token = {WEBHOOK_TOKEN:?}\n{account}\n[people.mia]\nusers = [\"mia\"]\ntimezone = \"UTC\"\n"
    ));
    home.connect().await;
    (trakt, home)
}

const TABLE: &str = "title,year,tmdbId,imdbId,watchedAt,comment,location\n\
                     Inception,2010,27205,tt1375666,2024-01-01,,\n\
                     Inception,2010,27205,tt1375666,2024-02-01,,\n\
                     Mirror,1975,1396,tt0072443,2024-01-03,,\n\
                     Guardians of the Galaxy,2014,118340,tt2015381,2024-01-04,,\n\
                     Inception,2010,27205,tt1375666,,,\n";

fn import(home: &TestContext, format: &str, name: &str, text: &str, more: &[&str]) -> Value {
    let path = home.path().join(name);
    fs::write(&path, text).unwrap();
    home.json(&[&["import", format, path.to_str().unwrap(), "--user", "mia"], more].concat())
}

fn watches(trakt: &FakeTrakt) -> Vec<String> {
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let mut told: Vec<String> =
        trakt.history().iter().map(|row| format!("{} {}", row.entry.name(), day(row.watched_at))).collect();
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_told_in_lists_and_each_watch_once() {
    let (trakt, home) = context().await;
    import(
        &home,
        "movary",
        "silent.csv",
        "title,year,tmdbId,imdbId,watchedAt,comment,location\nMirror,1975,1396,,2020-01-03,,\n",
        &["--yes"],
    );
    let job = import(&home, "movary", "history.csv", TABLE, &["--yes", "--tell", "bob"]);
    assert_eq!(job["state"], "done", "{job:#}");
    let daemon = home.start();
    let is_told = |list: &Value| {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|job| job["kind"] == "import-delivery" && job["state"] == "done")
    };
    let jobs = daemon.get_until("/api/v1/jobs", "the tracker is told", is_told).await;
    let told = jobs["items"].as_array().unwrap().iter().find(|job| job["kind"] == "import-delivery").unwrap();
    assert_eq!(told["message"], "4 events for bob wait in the outbox", "{jobs:#}");
    trakt.until("all of it", |trakt| trakt.history().len() == 4).await;
    let expected = [
        "Guardians of the Galaxy 2024-01-04",
        "Inception 2024-01-01",
        "Inception 2024-02-01",
        "Mirror 2024-01-03",
    ];
    assert_eq!(watches(&trakt), expected, "an import of which nobody asked to tell is not told");
    let writes =
        trakt.calls().iter().filter(|call| call.path == "/sync/history" && call.method == "POST").count();
    assert!(writes <= 2, "{writes} requests for 4 watches");
    // Its story says whence it came, and each delivery is on it.
    let events = daemon.get("/api/v1/events").await;
    let story = daemon.get(&format!("/api/v1/events/{}", events["items"][0]["id"])).await;
    assert_eq!(
        (&story["source"], &story["verdict"]["code"]),
        (&json!("import"), &json!("imported")),
        "{story:#}"
    );
    assert_eq!(story["outbox"].as_array().unwrap().len(), 4);
    // Asked again, nothing is told twice.
    let answer = daemon
        .api(Method::POST, &format!("/api/v1/jobs/{}/deliveries", job["id"]))
        .json(&json!({ "tracker": "bob" }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    let again: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let path = format!("/api/v1/jobs/{}", again["id"]);
    daemon.get_until(&path, "told again", |job| job["state"] == "done").await;
    let waiting = daemon.get("/api/v1/outbox?state=waiting").await;
    assert_eq!((waiting["events"].as_array().unwrap().len(), watches(&trakt).len()), (0, 4), "{waiting:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_of_an_import_that_is_taken_back_is_not_sent() {
    let (trakt, home) = context().await;
    let job = import(&home, "movary", "history.csv", TABLE, &["--yes"]);
    let id = job["id"].to_string();
    // No daemon runs, so all of it waits.
    let tell = home.run(&["jobs", "tell", &id, "--tracker", "bob"]);
    assert!(String::from_utf8_lossy(&tell.stdout).contains("4 events for bob"), "{tell:?}");
    assert!(home.run(&["jobs", "undo", &id]).status.success());
    let states: Vec<Value> =
        home.json(&["outbox", "list"]).as_array().unwrap().iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["dropped", "dropped", "dropped", "dropped"]);
    for (arguments, words) in [
        (["jobs", "tell", id.as_str(), "--tracker", "bob"], "trackers are told of an import that is done"),
        (["jobs", "tell", id.as_str(), "--tracker", "bab"], "trackers are told of an import that is done"),
        (["jobs", "tell", "77", "--tracker", "bob"], "there is no job 77"),
    ] {
        let text = String::from_utf8_lossy(&home.run(&arguments).stderr).into_owned();
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
    let path = home.path().join("watched-history-1.json");
    fs::write(&path, "[]").unwrap();
    for (tracker, words) in [("bob", "would count them twice"), ("bab", "did you mean `bob`?")] {
        let arguments = ["import", "trakt", path.to_str().unwrap(), "--user", "mia", "--tell", tracker];
        let text = String::from_utf8_lossy(&home.run(&arguments).stderr).into_owned();
        assert!(text.contains(words), "{tracker}: {text}");
    }
    assert!(watches(&trakt).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_unclear_is_matched_later_and_delivered() {
    let (trakt, home) = context().await;
    let two = "title,year,tmdbId,imdbId,watchedAt,comment,location\nMirror,1975,1396,,2024-01-01,,\nMirror,2005,9999,,2024-01-02,,\n";
    import(&home, "movary", "two.csv", two, &["--yes"]);
    let unclear = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n2023-05-01,Mirror,,https://boxd.it/b,,,,2023-05-01\n2023-05-02,Inception,2010,https://boxd.it/c,,,,2023-05-02\n";
    let job = import(&home, "letterboxd", "diary.csv", unclear, &["--yes"]);
    let id = job["id"].to_string();
    assert_eq!(job["message"], "1 rows imported", "{job:#}");
    let daemon = home.start();
    let rows = daemon.get(&format!("/api/v1/jobs/{id}/rows?state=unclear")).await;
    let number = rows["items"][0]["number"].to_string();
    let say = async |body: Value| {
        let answer = daemon
            .api(Method::POST, &format!("/api/v1/jobs/{id}/rows/{number}/match"))
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap())
    };
    assert_eq!(say(json!({})).await.0, 422, "it says nothing");
    assert_eq!(say(json!({ "season": 1 })).await.0, 422, "a film has no season");
    let (status, row) = say(json!({ "ids": { "tmdb": "1396" } })).await;
    assert_eq!((status, &row["state"]), (200, &json!("written")), "{row:#}");
    assert_eq!(say(json!({ "ids": { "tmdb": "1396" } })).await.0, 409, "it is clear now");
    let plays = daemon.get("/api/v1/plays").await;
    let mirrors =
        plays["items"].as_array().unwrap().iter().filter(|play| play["title"]["title"] == "Mirror").count();
    assert_eq!(mirrors, 3, "{plays:#}");
    let tell = home.run_with_fakes(&["jobs", "tell", &id, "--tracker", "bob"]).await;
    assert!(tell.0, "{}", tell.1);
    trakt.until("both", |trakt| trakt.history().len() == 2).await;
    assert_eq!(watches(&trakt), ["Inception 2023-05-02", "Mirror 2023-05-01"]);
}
