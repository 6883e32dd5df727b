//! `cargo xtask bench library`: with 200,000 plays of 20 people, how long each page takes at the 99th percentile, and whether webhooks are stored as fast
//! as with none.

#![forbid(unsafe_code)]

use std::path::Path;
use std::time::{Duration, Instant};

use playrelay_tests::browser::Browser;
use playrelay_tests::harness::{Daemon, TestContext};
use playrelay_tests::plex_webhook;
use reqwest::Method;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

/// Plays that are stored.
const PLAYS: u32 = 200_000;
/// People who have them.
const PEOPLE: u32 = 20;
/// Genres that there are, and those of a film.
const GENRES: u32 = 20;
const GENRES_EACH: u32 = 3;
/// Films that they watched, each.
const FILMS: u32 = 2_000;
/// How often each page is asked for.
const ROUNDS: usize = 100;
/// Webhooks of a measurement.
const WEBHOOKS: u32 = 1_000;
/// The pages.
const PAGES: [&str; 12] = [
    "/",
    "/history",
    "/library?person=viewer-7",
    "/library?person=viewer-7&order=name&offset=600",
    "/library?person=viewer-7&name=number+19",
    "/library/shows?person=viewer-7",
    "/library/titles/100007?person=viewer-7",
    "/library/statistics?person=viewer-7",
    "/library/statistics?person=viewer-7&range=year",
    "/library/watchlist?person=viewer-7",
    "/library/import?person=viewer-7",
    "/library/jobs?person=viewer-7",
];

#[tokio::main]
async fn main() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let cookie;
    let empty;
    {
        let daemon = home.start();
        let mut reader = Browser::new(&daemon);
        reader.set_up(&home).await;
        cookie = reader.cookie.clone();
        empty = ingest(&daemon, 0).await;
    }
    fill(&home.data().join("playrelay.db"));
    let daemon = home.start();
    let mut reader = Browser::new(&daemon);
    reader.cookie = cookie;
    println!("{PLAYS} plays of {PEOPLE} people; {ROUNDS} requests each");
    for page in PAGES {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let answer = reader.request(Method::GET, page).send().await.expect("the daemon answers");
            assert!(answer.status().is_success(), "{page}: {}", answer.status());
            let text = answer.text().await.expect("the daemon answers");
            assert!(page != PAGES[2] || text.contains(&format!("{FILMS} films")), "the plays are not there");
            times.push(began.elapsed());
        }
        times.sort();
        let ms = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
        println!("  {page:<52} median {:>6.1} ms   p99 {:>6.1} ms", ms(50), ms(99));
    }
    let full = ingest(&daemon, WEBHOOKS).await;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(WEBHOOKS);
    println!(
        "a webhook, from its sending to its verdict: {:.0} us with none, {:.0} us with all, ratio {:.2}",
        each(empty),
        each(full),
        full.as_secs_f64() / empty.as_secs_f64()
    );
}

/// How long it takes until so many webhooks about different films are settled, sent by one server one after the other.
async fn ingest(daemon: &Daemon<'_>, first: u32) -> Duration {
    let began = Instant::now();
    let mut last = 0;
    for number in first..first + WEBHOOKS {
        let key = format!("ingest-{number}");
        let film =
            plex_webhook::movie(&key, &key, 2010, 6_000_000, &[&format!("tmdb://{}", 9_000_000 + number)]);
        last = daemon.plex(&plex_webhook::event("media.play", &film, Some(0), (7, "viewer-7"), "TV")).await;
    }
    daemon.settled(last).await;
    began.elapsed()
}

/// Stores plays like the first that is there, of many people and films, over four years.
fn fill(database: &Path) {
    let mut connection = Connection::open(database).expect("the database is there");
    let body: String = connection
        .query_row("SELECT body FROM plays ORDER BY started_at LIMIT 1", [], |row| row.get(0))
        .expect("a play is there");
    let mut body: Value = serde_json::from_str(&body).expect("a play is JSON");
    let now: i64 =
        connection.query_row("SELECT MAX(started_at) FROM plays", [], |row| row.get(0)).expect("a time");
    let transaction = connection.transaction().expect("nobody else uses it");
    for film in 0..FILMS {
        let title = format!(
            r#"{{"kind":"movie","title":"Film number {film}","original_title":null,"year":{},"ids":{{"tmdb":"{film}"}},"server_ref":null,"server_show_ref":null,"runtime_ms":null}}"#,
            1960 + film % 60
        );
        transaction
            .execute(
                "INSERT INTO titles (id, household, kind, name, year, body) VALUES (?1, 'home', 'movie', ?2, ?3, ?4)",
                params![100_000 + film, format!("Film number {film}"), 1960 + film % 60, title],
            )
            .expect("a title can be stored");
        transaction
            .execute(
                "INSERT INTO title_keys (household, key, title) VALUES ('home', ?1, ?2)",
                params![format!("movie:tmdb:{film}"), 100_000 + film],
            )
            .expect("a key can be stored");
        for genre in 0..GENRES_EACH {
            transaction
                .execute(
                    "INSERT INTO title_genres (household, title, genre) VALUES ('home', ?1, ?2)",
                    params![100_000 + film, format!("Genre {}", (film + genre * 5) % GENRES)],
                )
                .expect("a genre can be stored");
        }
    }
    for play in 0..PLAYS {
        let (person, film) = (play % PEOPLE, play / PEOPLE * 7 % FILMS);
        let at = now - i64::from(play) * 630_000 - 60_000;
        let viewer = format!("viewer-{person}");
        body["id"] = json!(format!("play-{play}"));
        body["viewer"] = json!({ "server": "a-server", "user": viewer });
        body["user"] = json!({ "id": viewer, "name": viewer });
        transaction
            .execute(
                "INSERT INTO plays (household, id, server, user, started_at, last_seen_at, ended_at, watched_at, body, title, counted_at, is_movie,
                                    runtime_ms)
                 VALUES ('home', ?1, 'a-server', ?2, ?3, ?3, ?3, ?3, ?4, ?5, ?3, 1, 6000000)",
                params![format!("play-{play}"), viewer, at, body.to_string(), 100_000 + film],
            )
            .expect("a play can be stored");
    }
    transaction.commit().expect("all of them can be stored");
}
