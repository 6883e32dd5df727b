//! Titles and numbers that catalogues call otherwise: what is mended once is kept, and each mapping stands on the story of the play.

use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_tmdb::FakeTmdb;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, TestContext, plex_to, tmdb_account, trakt_account};
use playrelay_tests::plex_webhook::{episode, event};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const HOUR: u32 = 3_600_000;
/// The show that the fakes know, at TMDb.
const SHOW: &str = "1396";

async fn set_up(extra: &str) -> (FakeTrakt, FakeTmdb, TestContext) {
    let (trakt, tmdb) = (FakeTrakt::start().await, FakeTmdb::start().await);
    let accounts = [trakt_account("bob", &trakt), tmdb_account(&tmdb)];
    let home = TestContext::new(&(plex_to(&accounts, &["bob"], "") + extra));
    home.connect().await;
    (trakt, tmdb, home)
}

/// An episode of the show that the fakes know, without ids of its own: the numbers count.
fn numbered(key: &str, season: u32, number: u32) -> Value {
    let mut item = episode(key, "Breaking Bad", season, number, HOUR, &[]);
    item.as_object_mut().unwrap().remove("grandparentRatingKey");
    item["grandparentGuid"] = json!("com.plexapp.agents.thetvdb://81189?lang=en");
    item
}

/// Watches an item, and gives its story once the delivery is in one of these states.
async fn watch(daemon: &Daemon<'_>, item: &Value, states: &[&str]) -> Value {
    let id = daemon.plex(&event("media.scrobble", item, None, SEAN, "TV")).await;
    let is_there =
        |story: &Value| story["outbox"][0]["state"].as_str().is_some_and(|it| states.contains(&it));
    daemon.until(id, "its delivery", is_there).await
}

fn steps<'a>(story: &'a Value, code: &str) -> Vec<&'a str> {
    let steps = story["timeline"].as_array().unwrap().iter().filter(|step| step["code"] == code);
    steps.filter_map(|step| step["text"].as_str()).collect()
}

fn names(trakt: &FakeTrakt) -> Vec<String> {
    trakt.history().iter().map(|row| row.entry.name()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_that_is_mended_is_kept_for_the_show() {
    let (trakt, _tmdb, home) = set_up("").await;
    let daemon = home.start();
    let first = watch(&daemon, &numbered("1", 9, 1), &["unmatched"]).await;
    let second = watch(&daemon, &numbered("2", 9, 2), &["unmatched"]).await;
    let row = first["outbox"][0]["id"].to_string();
    let arguments = ["outbox", "match", &row, "--season", "1", "--episode", "1", "--remember"];
    let (is_well, text) = home.run_with_fakes(&arguments).await;
    assert!(is_well && text.contains("2 events are tried again"), "{text}");
    for story in [&first, &second] {
        let id = story["id"].as_i64().unwrap();
        daemon.until(id, "the delivery", |story| story["outbox"][0]["state"] == "delivered").await;
    }
    // A later play needs nobody, and its story says why it is another one.
    let story = watch(&daemon, &numbered("3", 9, 3), &["delivered", "unmatched"]).await;
    assert_eq!(story["outbox"][0]["state"], "delivered", "{story:#}");
    let mapped = steps(&story, "mapped");
    assert!(mapped.len() == 1 && mapped[0].contains("S09E03") && mapped[0].contains("S01E03"), "{story:#}");
    assert_eq!(names(&trakt), ["Breaking Bad 1x01", "Breaking Bad 1x02", "Breaking Bad 1x03"]);
    // So does a replay.
    let replay = home.json(&["replay", &story["id"].to_string()]);
    assert_eq!(replay["differences"], json!([]), "{replay:#}");
    let list = home.json(&["mapping", "list"]);
    assert_eq!(
        list[0]["shifts"],
        json!([{ "season": 9, "first": 1, "last": null, "to_season": 1, "offset": 0 }])
    );
    assert!(home.run(&["mapping", "remove", "1"]).status.success());
    let story = watch(&daemon, &numbered("4", 9, 4), &["delivered", "unmatched"]).await;
    assert_eq!(
        story["outbox"][0]["state"], "unmatched",
        "a mapping that is forgotten is not used: {story:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_another_order_are_mapped_by_the_catalogue() {
    let (trakt, tmdb, home) = set_up("").await;
    tmdb.add_episode_group(SHOW, 3, &[(1, &[(1, 2), (1, 1)])]);
    let daemon = home.start();
    let show = ["Breaking Bad", "--told-id", "tvdb=81189"];
    assert!(home.run(&[&["mapping", "add"][..], &show, &["--order", "dvd"]].concat()).status.success());
    let story = watch(&daemon, &numbered("1", 1, 1), &["delivered"]).await;
    assert!(steps(&story, "mapped")[0].contains("of the order dvd"), "{story:#}");
    assert_eq!(story["outbox"][0]["item"]["ids"]["tvdb"], "349235", "{story:#}");
    assert_eq!(names(&trakt), ["Breaking Bad 1x02"]);
    // What the order does not have is not told with numbers that are known to be wrong.
    let story = watch(&daemon, &numbered("3", 1, 3), &["held", "delivered"]).await;
    assert_eq!(story["outbox"][0]["state"], "held", "{story:#}");
    assert!(steps(&story, "not-mapped")[0].contains("does not know it in that order"), "{story:#}");
    assert_eq!(names(&trakt).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn absolute_numbers_and_days_are_mapped_without_anybody() {
    let (trakt, tmdb, home) = set_up("").await;
    tmdb.add_episode_group(SHOW, 2, &[(1, &[(1, 1)]), (2, &[(1, 2), (1, 3)])]);
    tmdb.set_air_date(SHOW, 1, 1, "2008-01-20");
    tmdb.set_air_date(SHOW, 1, 2, "2008-01-27");
    let daemon = home.start();
    let mut counted = numbered("1", 1, 1);
    counted.as_object_mut().unwrap().retain(|field, _| field != "parentIndex" && field != "index");
    counted["absoluteIndex"] = json!(3);
    let story = watch(&daemon, &counted, &["delivered", "unmatched"]).await;
    assert!(steps(&story, "mapped").len() == 1, "{story:#}");
    let mut daily = numbered("2", 2008, 27);
    daily["originallyAvailableAt"] = json!("2008-01-27");
    let story = watch(&daemon, &daily, &["delivered", "unmatched"]).await;
    assert!(steps(&story, "mapped")[0].contains("S2008E27"), "{story:#}");
    assert_eq!(names(&trakt), ["Breaking Bad 1x03", "Breaking Bad 1x02"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_special_that_trackers_hold_as_a_film() {
    let (trakt, _tmdb, home) = set_up("").await;
    let daemon = home.start();
    let film = ["mapping", "add", "Breaking Bad", "--film", "S0E4=imdb:tt0072443"];
    assert!(home.run(&film).status.success());
    let mut special = numbered("1", 0, 4);
    special["title"] = json!("Mirror");
    let story = watch(&daemon, &special, &["delivered", "unmatched"]).await;
    assert_eq!(story["outbox"][0]["state"], "delivered", "{story:#}");
    assert_eq!(names(&trakt), ["Mirror"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn anime_is_mapped_by_a_file_that_is_read_again() {
    let (trakt, _tmdb, home) = set_up("\n[mappings]\nanime = \"anime.json\"\n").await;
    let file = home.path().join("anime.json");
    std::fs::write(&file, r#"{"17494": {"tvdb_id": 81189, "tvdb_season": 1, "tvdb_epoffset": 1}}"#).unwrap();
    let daemon = home.start();
    let refreshed = |list: &Value| list["items"][0]["state"] == "done";
    let jobs = daemon.get_until("/api/v1/jobs", "the file is read", refreshed).await;
    assert_eq!(jobs["items"][0]["kind"], "anime-refresh", "{jobs:#}");
    assert_eq!(jobs["items"][0]["message"], "1 anime are mapped", "{jobs:#}");
    let mut first = episode("1", "Breaking Bad: The Second Part", 1, 1, HOUR, &[]);
    first.as_object_mut().unwrap().remove("grandparentRatingKey");
    first["guid"] = json!("com.plexapp.agents.hama://anidb-17494/1/1?lang=en");
    let story = watch(&daemon, &first, &["delivered", "unmatched"]).await;
    assert!(steps(&story, "mapped")[0].contains("by the mapping file of anime"), "{story:#}");
    assert_eq!(names(&trakt), ["Breaking Bad 1x02"]);
    // A file that is none any more leaves what was read.
    std::fs::write(&file, "{}").unwrap();
    let kept = std::fs::read_to_string(home.data().join("anime-mappings.json")).unwrap();
    assert!(kept.contains("17494"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_episodes_in_one_file_of_plex_count_both() {
    let server = FakePlex::start().await;
    let media = json!([{ "id": 7, "Part": [{ "id": 8, "key": "/library/parts/8/file.mkv", "file": "/tv/Breaking Bad - S01E01-E02.mkv" }] }]);
    for (key, number, guid) in [("1", 1, "tvdb://349232"), ("2", 2, "tvdb://349235")] {
        let mut item = episode(key, "Breaking Bad", 1, number, HOUR, &[guid]);
        item["parentRatingKey"] = json!("100");
        item["Media"] = media.clone();
        server.add(item);
    }
    server.add(json!({ "ratingKey": "10", "type": "show", "title": "Breaking Bad", "year": 2008, "Guid": [{ "id": "tvdb://81189" }] }));
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(Some(&server), &trakt, "");
    home.connect().await;
    let daemon = home.start();
    let item = episode("1", "Breaking Bad", 1, 1, HOUR, &["tvdb://349232"]);
    let id = daemon.plex(&event("media.scrobble", &item, None, SEAN, "TV")).await;
    let story = daemon.until(id, "the watch", |story| story["outbox"][0]["state"] == "delivered").await;
    assert_eq!(story["outbox"][0]["item"]["numbers"], json!([1, 2]), "{story:#}");
    assert_eq!(names(&trakt), ["Breaking Bad 1x01", "Breaking Bad 1x02"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_are_kept_changed_and_forgotten_by_programs() {
    let (_trakt, _tmdb, home) = set_up("").await;
    let daemon = home.start();
    let send = async |method: reqwest::Method, path: &str, body: Value| {
        let answer = daemon.api(method, path).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap_or_default())
    };
    let told = json!({ "kind": "show", "title": "Heron", "year": null, "ids": { "tvdb": "7" } });
    let body = |rest: Value| {
        let mut body = json!({ "told": told });
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        body
    };
    let post = reqwest::Method::POST;
    for (rest, words) in [
        (json!({}), "maps nothing"),
        (json!({ "order": "random" }), "expected one of aired"),
        (json!({ "shifts": ["2=1"] }), "is no shift"),
        (json!({ "films": ["S0E1=x"] }), "no episode that is a film"),
        (json!({ "told": { "kind": "movie", "title": "Heron" }, "order": "dvd" }), "a film has no episodes"),
        (json!({ "told": { "kind": "show", "title": " " }, "order": "dvd" }), "names no title"),
    ] {
        let (status, answer) = send(post.clone(), "/api/v1/mappings", body(rest.clone())).await;
        assert_eq!(status, 422, "{rest}: {answer:#}");
        assert!(answer["detail"].as_str().unwrap().contains(words), "{rest}: {answer:#}");
    }
    let (status, kept) =
        send(post.clone(), "/api/v1/mappings", body(json!({ "shifts": ["S2=S1E13"] }))).await;
    assert_eq!((status, &kept["id"]), (201, &json!(1)));
    // A title has one mapping.
    let (_, again) = send(post, "/api/v1/mappings", body(json!({ "order": "absolute" }))).await;
    assert_eq!(again["id"], 1);
    let kept_mapping = async || daemon.get("/api/v1/mappings").await["items"][0]["mapping"].clone();
    let mapping = kept_mapping().await;
    assert_eq!((&mapping["shifts"], &mapping["order"]), (&json!(["S2=S1E13"]), &json!("absolute")));
    let put = reqwest::Method::PUT;
    assert_eq!(send(put.clone(), "/api/v1/mappings/1", body(json!({ "ids": { "tvdb": "8" } }))).await.0, 204);
    assert_eq!(send(put, "/api/v1/mappings/2", body(json!({ "ids": { "tvdb": "8" } }))).await.0, 404);
    let mapping = kept_mapping().await;
    assert_eq!((&mapping["shifts"], &mapping["ids"]), (&json!([]), &json!({ "tvdb": "8" })));
    for status in [204, 404] {
        assert_eq!(send(reqwest::Method::DELETE, "/api/v1/mappings/1", Value::Null).await.0, status);
    }
}
