//! `playrelay import`: histories of other programs, row by row: what is new, known, twice there, unclear, without identity, not for us; written when
//! somebody says so, and taken back as a whole.

use std::fs;
use std::io::Write;

use playrelay_tests::harness::{Daemon, TestContext, WEBHOOK_TOKEN};
use playrelay_tests::plex_webhook::{event, movie};
use reqwest::Method;
use serde_json::{Value, json};

const MIA: (u32, &str) = (31_646_104, "mia");

/// Mia, two hours east of UTC.
fn context() -> TestContext {
    TestContext::new(&format!(
        "[sources.home]\nplugin = \"plex\"\nwebhook_token = {WEBHOOK_TOKEN:?}\n\
         [people.mia]\nusers = [\"mia\"]\ntimezone = \"Africa/Johannesburg\"\n"
    ))
}

/// A file of mia's, and what came of the import: the job and its rows.
fn import(home: &TestContext, format: &str, name: &str, text: &str, more: &[&str]) -> (Value, Vec<Value>) {
    let path = home.path().join(name);
    fs::write(&path, text).unwrap();
    import_file(home, format, path.to_str().unwrap(), more)
}

fn import_file(home: &TestContext, format: &str, path: &str, more: &[&str]) -> (Value, Vec<Value>) {
    let job = home.json(&[&["import", format, path, "--user", "mia"], more].concat());
    let shown = home.json(&["jobs", "show", &job["id"].to_string()]);
    (job, shown["rows"].as_array().unwrap().clone())
}

/// The states of rows with what they are about.
fn states(rows: &[Value]) -> Vec<(&str, &str)> {
    rows.iter().map(|row| (row["what"].as_str().unwrap(), row["state"].as_str().unwrap())).collect()
}

fn exported(home: &TestContext, name: &str) -> Vec<Value> {
    let folder = home.path().join(name);
    home.json(&["export", "jsonl", folder.to_str().unwrap(), "--user", "mia"]);
    let text = fs::read_to_string(folder.join("plays.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Mia watched Mirror by Plex: the rest of the file is compared with that.
async fn watched_mirror(home: &TestContext) -> String {
    let daemon = home.start();
    let mirror = movie("1", "Mirror", 1975, 6_420_000, &["imdb://tt0072443", "tmdb://1396"]);
    let id = daemon.plex(&event("media.scrobble", &mirror, None, MIA, "TV")).await;
    daemon.settled(id).await;
    let plays = daemon.get("/api/v1/plays").await;
    plays["items"][0]["watched_at"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_trakt_is_shown_imported_once_and_taken_back() {
    let home = context();
    let at = watched_mirror(&home).await;
    let history = json!([
        { "id": 1, "watched_at": at, "action": "scrobble", "type": "movie",
          "movie": { "title": "Mirror", "year": 1975, "ids": { "trakt": 1, "imdb": "tt0072443", "tmdb": 1396 } } },
        { "id": 2, "watched_at": "2024-03-01T20:00:00.000Z", "action": "watch", "type": "episode",
          "episode": { "season": 1, "number": 2, "title": "Cat's in the Bag...", "ids": { "tvdb": 349_235 } },
          "show": { "title": "Breaking Bad", "year": 2008, "ids": { "tvdb": 81_189 } } },
        { "id": 3, "watched_at": "2024-03-01T20:00:00.000Z", "action": "watch", "type": "episode",
          "episode": { "season": 1, "number": 2, "title": "Cat's in the Bag...", "ids": { "tvdb": 349_235 } },
          "show": { "title": "Breaking Bad", "year": 2008, "ids": { "tvdb": 81_189 } } },
        { "id": 4, "watched_at": "2024-03-02T20:00:00.000Z", "type": "movie", "movie": { "title": "", "ids": {} } },
        { "id": 5, "watched_at": "2024-03-02T20:00:00.000Z", "type": "person", "person": { "name": "Andrei" } },
    ]);
    // As Trakt sends it: a zip whose files are numbered, with the second before the tenth.
    let path = home.path().join("export.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in [
        ("watched-history-10.json", "[]".to_owned()),
        ("watched-history-2.json", history.to_string()),
        (
            "ratings-movies.json",
            json!([{ "rated_at": "2024-04-01T10:00:00Z", "rating": 9, "type": "movie",
          "movie": { "title": "Stalker", "year": 1979, "ids": { "imdb": "tt0079944" } } }])
            .to_string(),
        ),
        (
            "lists-watchlist.json",
            json!([{ "rank": 1, "listed_at": "2024-05-01T10:00:00Z", "type": "show",
          "show": { "title": "Severance", "year": 2022, "ids": { "tmdb": 95_396 } } }])
            .to_string(),
        ),
        ("user-profile.json", "{}".to_owned()),
    ] {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    let (job, rows) = import_file(&home, "trakt", path.to_str().unwrap(), &[]);
    let pilot = "Breaking Bad S01E02 \u{201c}Cat's in the Bag...\u{201d}";
    assert_eq!(
        states(&rows),
        [
            ("Mirror (1975)", "known"),
            (pilot, "new"),
            (pilot, "repeated"),
            ("", "no-identity"),
            ("person", "not-for-us"),
            ("Stalker (1979)", "new"),
            ("Severance (2022)", "new")
        ]
    );
    assert!(
        rows[3]["reason"].as_str().unwrap().contains("watched-history-2.json, row 4: the row has neither"),
        "{rows:#?}"
    );
    assert_eq!(job["state"], "ready");
    assert_eq!(exported(&home, "before").len(), 1, "nothing is written before somebody says so");
    let (job, rows) = import_file(&home, "trakt", path.to_str().unwrap(), &["--yes"]);
    assert_eq!((&job["state"], &job["message"]), (&json!("done"), &json!("3 rows imported")), "{rows:#?}");
    let plays = exported(&home, "after");
    let imported = plays.iter().find(|play| play["title"] == "Breaking Bad").unwrap();
    assert_eq!(imported["watched_at"], "2024-03-01T20:00:00Z");
    assert_eq!(plays.len(), 2);
    let list = home.json(&["watchlist", "show", "--user", "mia"]);
    assert_eq!(list[0]["title"], "Severance (2022)");
    // The same again is known as a whole, and changes nothing.
    let (again, rows) = import_file(&home, "trakt", path.to_str().unwrap(), &["--yes"]);
    assert_eq!(again["message"], "0 rows imported", "{rows:#?}");
    assert_eq!(exported(&home, "again").len(), 2);
    let undo = home.run(&["jobs", "undo", &job["id"].to_string()]);
    assert_eq!(
        String::from_utf8_lossy(&undo.stdout),
        "taken back: 1 play, 1 rating, 1 title of the watchlist\n"
    );
    let plays = exported(&home, "undone");
    assert_eq!((plays.len(), &plays[0]["title"]), (1, &json!("Mirror")), "what was watched stays");
    assert!(home.json(&["watchlist", "show", "--user", "mia"]).as_array().unwrap().is_empty());
}

/// It has no ids, and days without a time: they are days of the person.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_letterboxd_counts_the_diary_once() {
    let home = context();
    let path = home.path().join("letterboxd.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in [
        (
            "watched.csv",
            "Date,Name,Year,Letterboxd URI\n2024-01-01,Heat,1995,https://boxd.it/a\n2024-01-01,Solaris,1972,https://boxd.it/b\n",
        ),
        (
            "diary.csv",
            "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n2024-02-02,Heat,1995,https://boxd.it/a,4.5,,,2024-02-01\n2024-03-02,Heat,1995,https://boxd.it/a,,Yes,,2024-03-01\n",
        ),
        ("ratings.csv", "Date,Name,Year,Letterboxd URI,Rating\n2024-02-02,Heat,1995,https://boxd.it/a,4.5\n"),
        ("watchlist.csv", "Date,Name,Year,Letterboxd URI\n2024-01-01,Stalker,1979,https://boxd.it/c\n"),
        ("lists/best.csv", "not a table of ours"),
        (
            "deleted/diary.csv",
            "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n2020-02-02,Gone,2000,https://boxd.it/d,,,,2020-02-01\n",
        ),
    ] {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    let (job, rows) = import_file(&home, "letterboxd", path.to_str().unwrap(), &["--yes"]);
    assert_eq!(job["state"], "done", "{rows:#?}");
    assert_eq!(
        states(&rows),
        [
            ("Heat (1995)", "written"),
            ("Heat (1995)", "written"),
            ("Heat (1995)", "repeated"),
            ("Heat (1995)", "written"),
            ("Heat (1995)", "repeated"),
            ("Solaris (1972)", "written"),
            ("Stalker (1979)", "written")
        ]
    );
    let plays = exported(&home, "plays");
    let times: Vec<&str> = plays.iter().map(|play| play["watched_at"].as_str().unwrap()).collect();
    // Noon of the day, two hours east; the day of Solaris nobody knows.
    assert_eq!(times, ["2024-03-01T10:00:00Z", "2024-02-01T10:00:00Z", "1970-01-01T00:00:00Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_movary_are_known_by_their_columns() {
    let home = context();
    watched_mirror(&home).await;
    let day = home.json(&["events", "--limit", "1"]);
    let at: jiff::Timestamp = day[0]["received_at"].as_str().unwrap().parse().unwrap();
    let today = at.to_zoned(jiff::tz::TimeZone::get("Africa/Johannesburg").unwrap()).date();
    let history = format!(
        "title,year,tmdbId,imdbId,watchedAt,comment,location\nMirror,1975,1396,tt0072443,{today},,\nStalker,1979,1398,tt0079944,,,\n\
         Stalker,1979,1398,tt0079944,,,\n,,,,2024-01-01,,\n"
    );
    let (_, rows) = import(&home, "movary", "history.csv", &history, &["--yes"]);
    assert_eq!(
        states(&rows),
        [
            ("Mirror (1975)", "known"),
            ("Stalker (1979)", "written"),
            ("Stalker (1979)", "repeated"),
            ("", "no-identity")
        ]
    );
    let ratings = "title,year,tmdbId,imdbId,userRating\nStalker,1979,1398,,8\nSolaris,1972,593,,none\n";
    let (_, rows) = import(&home, "movary", "ratings.csv", ratings, &["--yes"]);
    assert_eq!(states(&rows), [("Stalker (1979)", "written"), ("Solaris (1972)", "no-identity")]);
    let list = "title,year,tmdbId,imdbId,addedAt\nSolaris,1972,593,,2024-01-01 10:00:00\n";
    let (_, rows) = import(&home, "movary", "watchlist.csv", list, &["--yes"]);
    assert_eq!(states(&rows), [("Solaris (1972)", "written")]);
    let nothing = home.path().join("else.csv");
    fs::write(&nothing, "a,b\n1,2\n").unwrap();
    let refused = home.run(&["import", "movary", nothing.to_str().unwrap(), "--user", "mia"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && said.contains("none of the columns watchedAt, userRating and addedAt"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_simkl_has_films_episodes_ratings_and_the_list() {
    let home = context();
    let backup = json!({
        "movies": [
            { "status": "completed", "last_watched_at": "2024-01-01T20:00:00Z", "user_rating": 8, "user_rated_at": "2024-01-02T08:00:00Z",
              "movie": { "title": "Heat", "year": 1995, "ids": { "simkl": 1, "imdb": "tt0113277", "tmdb": "949" } } },
            { "status": "plantowatch", "added_to_watchlist_at": "2024-01-03T08:00:00Z", "movie": { "title": "Solaris", "year": 1972, "ids": { "tmdb": "593" } } },
            { "status": "dropped", "movie": { "title": "Gigli", "year": 2003, "ids": { "tmdb": "8046" } } } ],
        "shows": [
            { "status": "watching", "show": { "title": "Fargo", "year": 2014, "ids": { "tvdb": "269613" } },
              "seasons": [{ "number": 1, "episodes": [{ "number": 1, "watched_at": "2024-02-01T20:00:00Z" }, { "number": 2 }] }] } ],
        "anime": [] });
    let (_, rows) = import(&home, "simkl", "SimklBackup.json", &backup.to_string(), &["--yes"]);
    assert_eq!(
        states(&rows),
        [
            ("Heat (1995)", "written"),
            ("Heat (1995)", "written"),
            ("Solaris (1972)", "written"),
            ("Gigli (2003)", "not-for-us"),
            ("Fargo S01E01", "written"),
            ("Fargo S01E02", "written")
        ]
    );
    let table = "SIMKL_ID,Title,Type,Year,Watchlist,LastEpWatched,WatchedDate,Rating,Memo,TVDB,TMDB,IMDB\n\
                 1,Heat,movie,1995,completed,,01-01-2024 20:10:00,,,,949,tt0113277\n\
                 9,Fargo,tv,2014,watching,S02E02,,9,,269613,,\n";
    let (_, rows) = import(&home, "simkl", "simkl.csv", table, &["--yes"]);
    assert_eq!(
        states(&rows),
        [
            ("Heat (1995)", "known"),
            ("Fargo S02E01", "written"),
            ("Fargo S02E02", "written"),
            ("Fargo", "unclear"),
            ("Fargo (2014)", "written")
        ]
    );
    assert!(rows[3]["reason"].as_str().unwrap().contains("import SimklBackup.json"), "{rows:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tables_say_what_they_have() {
    let home = context();
    let yamtrack = "media_id,source,media_type,title,season_number,episode_number,score,status,end_date\n\
                    949,tmdb,movie,Heat,,,9,Completed,2024-01-01 20:00:00+00:00\n\
                    1396,tmdb,episode,Breaking Bad,1,1,,Completed,\n\
                    1396,tmdb,tv,Breaking Bad,,,,In progress,\n\
                    42,igdb,game,Portal,,,10,Completed,2024-01-01\n\
                    1396,tmdb,episode,Breaking Bad,,,,Completed,2024-01-01\n";
    let (_, rows) = import(&home, "yamtrack", "yamtrack.csv", yamtrack, &["--yes"]);
    assert_eq!(
        states(&rows),
        [
            ("Heat", "written"),
            ("Heat", "written"),
            ("Breaking Bad S01E01", "written"),
            ("Breaking Bad", "not-for-us"),
            ("Portal", "not-for-us"),
            ("Breaking Bad", "no-identity")
        ]
    );
    let imdb = "Const,Your Rating,Date Rated,Title,URL,Title Type,Year\n\
                tt0113277,8,2024-05-01,Heat,https://www.imdb.com/title/tt0113277,Movie,1995\n\
                tt0959621,10,2024-05-01,Breaking Bad: Pilot,https://www.imdb.com/title/tt0959621,TV Episode,2008\n\
                tt0400000,7,2024-05-01,A Game,https://www.imdb.com/title/tt0400000,Video Game,2007\n";
    let (_, rows) = import(&home, "imdb", "ratings.csv", imdb, &["--yes"]);
    assert_eq!(
        states(&rows),
        [
            ("Heat (1995)", "written"),
            ("Breaking Bad \u{201c}Pilot\u{201d}", "written"),
            ("A Game", "not-for-us")
        ]
    );
    let list = "Position,Const,Created,Modified,Description,Title,URL,Title Type,Year,Your Rating,Date Rated\n\
                1,tt0079944,2024-01-01,2024-01-01,,Stalker,https://www.imdb.com/title/tt0079944,Movie,1979,,\n";
    let (_, rows) = import(&home, "imdb", "watchlist.csv", list, &["--yes"]);
    assert_eq!(states(&rows), [("Stalker (1979)", "written")]);
    let tv_time = "uuid,user_id,type,series_name,series_id,season_number,episode_number,episode_id,movie_name,created_at\n\
                   a,1,watch,Fargo,269613,1,3,4711,,2019-01-01 20:00:00\n\
                   b,1,watch,,,,,,Solaris,2019-01-02 20:00:00\n\
                   c,1,towatch,,,,,,Nostalghia,2019-01-03 20:00:00\n\
                   d,1,follow,Fargo,269613,,,,,2019-01-01 19:00:00\n";
    let path = home.path().join("gdpr.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in
        [("gdpr/tracking-prod-records.csv", tv_time), ("gdpr/access_token.csv", "secret\nabc\n")]
    {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    let (_, rows) = import_file(&home, "tv-time", path.to_str().unwrap(), &["--yes"]);
    assert_eq!(
        states(&rows),
        [
            ("Fargo S01E03", "written"),
            ("Solaris", "written"),
            ("Nostalghia", "written"),
            ("Fargo", "not-for-us")
        ]
    );
    // A title of several films of that name is not guessed.
    let two = "title,year,tmdbId,imdbId,watchedAt,comment,location\nSolaris,1972,593,,2024-01-01,,\nSolaris,2002,2103,,2024-01-02,,\n";
    import(&home, "movary", "two.csv", two, &["--yes"]);
    let unclear = "Date,Name,Year,Letterboxd URI\n2024-01-01,Solaris,,https://boxd.it/b\n";
    let (_, rows) = import(&home, "letterboxd", "watched.csv", unclear, &[]);
    assert_eq!(states(&rows), [("Solaris", "unclear")], "{rows:#?}");
    assert!(rows[0]["reason"].as_str().unwrap().contains("add the year or an id"), "{rows:#?}");
}

/// What a zip says of its sizes is not believed, and its names are never paths.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_history_is_refused_with_its_reason() {
    let home = context();
    let bomb = home.path().join("bomb.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&bomb).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("../../watched-history-1.json", options).unwrap();
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..520 {
        zip.write_all(&zeros).unwrap();
    }
    zip.finish().unwrap();
    for (name, bytes, expected) in [
        ("bomb.zip", None, "inflates to more than 500 MB"),
        ("cut.zip", Some(fs::read(&bomb).unwrap()[..1000].to_vec()), "the zip cannot be read"),
        ("empty.json", Some(b"{}".to_vec()), "nothing in it has the form of Trakt"),
        ("watched-history-1.json", Some(b"{}".to_vec()), "it is no list of JSON objects"),
    ] {
        let path = home.path().join(name);
        if let Some(bytes) = bytes {
            fs::write(&path, bytes).unwrap();
        }
        let refused = home.run(&["import", "trakt", path.to_str().unwrap(), "--user", "mia"]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains(expected), "{name}: {said}");
    }
    assert!(!home.path().join("watched-history-1.json.out").exists());
}

/// By the API, while the daemon is killed in the middle of writing: nothing is lost, nothing is there twice.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_survives_a_kill() {
    let home = context();
    let mut daemon = home.start();
    let rows: Vec<Value> = (0..6_000)
        .map(|number| {
            json!({ "id": number, "watched_at": format!("2023-{:02}-{:02}T20:{:02}:00Z", number % 12 + 1, number % 28 + 1, number % 60),
                    "type": "movie", "movie": { "title": format!("Film {number}"), "year": 2000, "ids": { "tmdb": number + 1 } } })
        })
        .collect();
    let path = "/api/v1/people/mia/imports?format=trakt&file=watched-history-1.json";
    let answer =
        daemon.api(Method::POST, path).body(serde_json::to_vec(&rows).unwrap()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let job: Value = answer.json().await.unwrap();
    let path = format!("/api/v1/jobs/{}", job["id"]);
    let ready = daemon.get_until(&path, "the preview", |job| job["state"] == "ready").await;
    assert_eq!(ready["rows"], json!({ "new": 6_000 }), "{ready:#}");
    let go_on = |daemon: &Daemon<'_>| daemon.api(Method::POST, &format!("{path}/continue")).send();
    assert!(go_on(&daemon).await.unwrap().status().is_success());
    daemon.get_until(&path, "a part", |job| job["done"].as_u64().unwrap() >= 500).await;
    daemon.kill();
    daemon = home.start();
    let done = daemon.get_until(&path, "the end", |job| job["state"] == "done").await;
    assert_eq!(
        (&done["message"], &done["rows"]),
        (&json!("6000 rows imported"), &json!({ "written": 6_000 }))
    );
    drop(daemon);
    assert_eq!(exported(&home, "all").len(), 6_000);
}
