//! `playrelay export`: what somebody has watched and rated belongs to them, in forms that others read.

use std::fs;
use std::io::{Cursor, Read};
use std::path::PathBuf;

use playrelay_tests::harness::{Daemon, TestContext, WEBHOOK_TOKEN};
use playrelay_tests::plex_webhook::{episode, event, movie};
use reqwest::Method;
use serde_json::{Value, json};

const MIA: (u32, &str) = (31_646_104, "mia");
const ADA: (u32, &str) = (1, "ada");
const A_DAY: i64 = 24 * 60 * 60;

/// Mia watches a film, an episode, and the film again; she begins another one, and rates two. Ada watches one.
async fn evenings() -> TestContext {
    let mut home =
        TestContext::new(&format!("[sources.home]\nplugin = \"plex\"\nwebhook_token = {WEBHOOK_TOKEN:?}\n"));
    let clock = home.set_clock(&[]);
    {
        let daemon = home.start();
        let mirror = movie("1", "Mirror, \"The\"", 1975, 6_420_000, &["imdb://tt0072443", "tmdb://1396"]);
        let pilot = episode("2", "Breaking Bad", 1, 1, 3_480_000, &["tvdb://349232"]);
        let stalker = movie("3", "Stalker", 1979, 9_720_000, &["imdb://tt0079944"]);
        tell(&daemon, "media.scrobble", &mirror, MIA, None).await;
        clock.pass(A_DAY);
        tell(&daemon, "media.scrobble", &pilot, MIA, None).await;
        tell(&daemon, "media.scrobble", &stalker, ADA, None).await;
        clock.pass(10 * A_DAY);
        tell(&daemon, "media.scrobble", &mirror, MIA, None).await;
        tell(&daemon, "media.play", &stalker, MIA, None).await;
        tell(&daemon, "media.rate", &mirror, MIA, Some(9)).await;
        tell(&daemon, "media.rate", &stalker, MIA, Some(7)).await;
    }
    home
}

async fn tell(daemon: &Daemon<'_>, name: &str, item: &Value, who: (u32, &str), rating: Option<u8>) {
    let mut message = event(name, item, None, who, "TV");
    if let Some(rating) = rating {
        message["rating"] = json!(rating);
    }
    let id = daemon.plex(&message).await;
    daemon.settled(id).await;
}

/// Exports into a new folder, and gives its files by their names.
fn export(home: &TestContext, format: &str, more: &[&str]) -> Vec<(String, u64, String)> {
    let folder = folder(home, format);
    let report = home.json(&[&["export", format, folder.to_str().unwrap()], more].concat());
    let files = report["files"].as_array().unwrap();
    let file = |file: &Value| {
        let name = file["name"].as_str().unwrap().to_owned();
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        (name, file["rows"].as_u64().unwrap(), text)
    };
    files.iter().map(file).collect()
}

fn folder(home: &TestContext, name: &str) -> PathBuf {
    home.path().join(format!("export-{name}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_written_for_programs_and_for_tables() {
    let home = evenings().await;
    let files = export(&home, "jsonl", &[]);
    let names: Vec<_> = files.iter().map(|(name, rows, _)| (name.as_str(), *rows)).collect();
    assert_eq!(names, [("plays.jsonl", 5), ("ratings.jsonl", 2)]);
    let plays: Vec<Value> = files[0].2.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // The newest first. What was only begun is there, and does not count as watched.
    assert_eq!((&plays[0]["title"], &plays[0]["watched_at"]), (&json!("Stalker"), &Value::Null));
    let again = &plays[1];
    assert_eq!((&again["title"], &again["imdb"]), (&json!("Mirror, \"The\""), &json!("tt0072443")));
    assert!(again["watched_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{again:#}");
    let pilot = plays.iter().find(|play| play["kind"] == "episode").unwrap();
    let expected = (json!("Breaking Bad"), json!(1), json!([1]), json!("349232"));
    let found = [&pilot["title"], &pilot["season"], &pilot["episodes"], &pilot["tvdb"]].map(Value::clone);
    assert_eq!((found[0].clone(), found[1].clone(), found[2].clone(), found[3].clone()), expected);
    // A table has the same rows, also of one person alone.
    let files = export(&home, "csv", &["--user", "mia"]);
    let names: Vec<_> = files.iter().map(|(name, rows, _)| (name.as_str(), *rows)).collect();
    assert_eq!(names, [("plays.csv", 4), ("ratings.csv", 2)]);
    let mut lines = files[0].2.lines();
    assert!(lines.next().unwrap().starts_with("id,user,server,device,kind,title,year,season,episodes,"));
    assert_eq!(files[0].2.matches(",movie,\"Mirror, \"\"The\"\"\",1975,").count(), 2, "{}", files[0].2);
    // The name as a column: an id in hexadecimal digits may hold these letters.
    assert!(!files[0].2.contains(",ada,"), "{}", files[0].2);
}

/// What a person takes along from the page is what the command writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_their_history_along_as_an_archive() {
    let home = evenings().await;
    let daemon = home.start();
    let page =
        daemon.api(Method::GET, "/library/import?person=mia").send().await.unwrap().text().await.unwrap();
    for format in ["jsonl", "csv", "trakt"] {
        let path = format!("/api/v1/people/mia/export?format={format}");
        assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
        let answer = daemon.api(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/zip");
        let mut zip = zip::ZipArchive::new(Cursor::new(answer.bytes().await.unwrap())).unwrap();
        let written = export(&home, format, &["--user", "mia"]);
        assert_eq!(zip.len(), written.len(), "{format}");
        for (name, _, expected) in written {
            let mut text = String::new();
            zip.by_name(&name).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, expected, "{format} {name}");
        }
    }
    let status = async |path: &str| daemon.api(Method::GET, path).send().await.unwrap().status().as_u16();
    assert_eq!(status("/api/v1/people/mia/export?format=xml").await, 422);
    assert_eq!(status("/api/v1/people/nobody/export?format=csv").await, 404);
}

/// An archive is also written by a job: when somebody asks, and by the schedule of a person.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_written_by_a_job() {
    let home = evenings().await;
    let config = home.path().join("playrelay.toml");
    let people = "\n[people.mia]\nusers = [\"mia\"]\nexport_schedule = \"7d\"\nexport_format = \"trakt\"\n";
    fs::write(&config, fs::read_to_string(&config).unwrap() + people).unwrap();
    let daemon = home.start();
    let first = |list: &Value| list["items"][0]["state"] == "done";
    let jobs = daemon.get_until("/api/v1/jobs", "the archive of the schedule", first).await;
    let scheduled = &jobs["items"][0];
    assert_eq!(
        (&scheduled["kind"], &scheduled["about"], &scheduled["person"]),
        (&json!("export"), &json!("trakt"), &json!("mia"))
    );
    let asked = daemon.api(Method::POST, "/api/v1/people/mia/exports").json(&json!({ "format": "csv" }));
    let job: Value = serde_json::from_str(&asked.send().await.unwrap().text().await.unwrap()).unwrap();
    let path = format!("/api/v1/jobs/{}", job["id"]);
    daemon.get_until(&path, "its end", |job| job["state"] == "done").await;
    let answer = daemon.api(Method::GET, &format!("{path}/file")).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/zip");
    let mut zip = zip::ZipArchive::new(Cursor::new(answer.bytes().await.unwrap())).unwrap();
    let mut text = String::new();
    zip.by_name("plays.csv").unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("Breaking Bad") && !text.contains(",ada,"), "{text}");
    let page = daemon
        .api(Method::GET, &format!("/library/jobs/{}", job["id"]))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains(&format!("href=\"{path}/file\"")), "{page}");
    for (method, path, status) in
        [(Method::GET, "/api/v1/jobs/999/file", 404), (Method::POST, "/api/v1/people/nobody/exports", 404)]
    {
        let answer = daemon.api(method, path).json(&json!({ "format": "csv" })).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_services_read_what_one_person_watched() {
    let home = evenings().await;
    // Their forms have no place for whose a play is.
    let mixed = home.run(&["export", "trakt", folder(&home, "mixed").to_str().unwrap()]);
    let said = String::from_utf8(mixed.stderr).unwrap();
    assert!(!mixed.status.success() && said.contains("ada, mia") && said.contains("--user"), "{said}");
    let nobody = home.run(&["export", "trakt", folder(&home, "none").to_str().unwrap(), "--user", "bob"]);
    let said = String::from_utf8(nobody.stderr).unwrap();
    assert!(!nobody.status.success() && said.contains("nobody called \"bob\""), "{said}");
    let files = export(&home, "trakt", &["--user", "mia"]);
    let names: Vec<_> = files.iter().map(|(name, rows, _)| (name.as_str(), *rows)).collect();
    assert_eq!(names, [("watched-history-1.json", 3), ("ratings-movies.json", 2)]);
    let history: Value = serde_json::from_str(&files[0].2).unwrap();
    let (again, pilot) = (&history[0], &history[1]);
    assert_eq!(again["movie"]["ids"], json!({ "imdb": "tt0072443", "tmdb": 1396 }));
    assert_eq!((&again["type"], &again["action"]), (&json!("movie"), &json!("scrobble")));
    assert_eq!((&pilot["episode"]["season"], &pilot["episode"]["number"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&pilot["show"]["title"], &pilot["episode"]["ids"]),
        (&json!("Breaking Bad"), &json!({ "tvdb": 349_232 }))
    );
    let ids: Vec<u64> = history.as_array().unwrap().iter().map(|play| play["id"].as_u64().unwrap()).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    let ratings: Value = serde_json::from_str(&files[1].2).unwrap();
    assert!(
        ratings
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["rating"] == 9 && it["movie"]["title"] == "Mirror, \"The\"")
    );
    // Days are those of the person: at one time it is another day on the other side of the earth.
    let days = |zone: &str| -> Vec<String> {
        let folder = folder(&home, &zone.replace('/', "-"));
        let files = home.json(&[
            "export",
            "letterboxd",
            folder.to_str().unwrap(),
            "--user",
            "mia",
            "--timezone",
            zone,
        ]);
        assert_eq!(files["files"], json!([{ "name": "letterboxd-1.csv", "rows": 3 }]));
        let text = fs::read_to_string(folder.join("letterboxd-1.csv")).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    let (east, west) = (days("Pacific/Kiritimati"), days("Pacific/Niue"));
    assert_eq!(east[0], "tmdbID,imdbID,Title,Year,WatchedDate,Rating10,Rewatch");
    // Rated and not watched; watched; watched again, with the rating.
    assert_eq!(east[1], ",tt0079944,Stalker,1979,,7,false");
    assert!(
        east[2].starts_with("1396,tt0072443,\"Mirror, \"\"The\"\"\",1975,2") && east[2].ends_with(",,false"),
        "{east:?}"
    );
    assert!(east[3].ends_with(",9,true"), "{east:?}");
    assert!(east[2] != west[2] && east[3] != west[3], "{east:?} {west:?}");
    // What somebody keeps is not mixed with what is new.
    let full = home.run(&["export", "trakt", folder(&home, "trakt").to_str().unwrap(), "--user", "mia"]);
    assert!(
        !full.status.success() && String::from_utf8(full.stderr).unwrap().contains("something in it already")
    );
}

#[test]
fn without_plays_that_is_said() {
    let home = TestContext::without_data_dir("");
    let none = home.run(&["export", "csv", folder(&home, "none").to_str().unwrap()]);
    assert!(
        none.status.success()
            && String::from_utf8(none.stdout).unwrap().contains("there is nothing to export")
    );
    assert!(!home.data().exists());
}
