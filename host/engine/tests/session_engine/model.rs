//! Ids, items, reports and users: what is the same, what is missing, and how each reads.

use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::event::{Action, DeliveryClass};
use playrelay_engine::model::{
    Episode, Ids, Item, ItemKind, Marked, Movie, OfMovie, Player, Rated, Report, Season, Server, Show, User,
};
use playrelay_engine::now_playing::{SourceInfo, watching};
use playrelay_engine::outbox::DeliveryState;
use playrelay_engine::policy::Policy;
use playrelay_engine::state::SessionState;
use playrelay_engine::timeline::{Outcome, Stage, Verdict, Verdicts};

use crate::story::*;

fn ids<Kind>(pairs: &[(&str, &str)]) -> Ids<Kind> {
    pairs.iter().copied().collect()
}

fn movie(title: &str, year: Option<u16>, of: &[(&str, &str)]) -> Item {
    Item::of(ItemKind::Movie(Movie { title: title.to_owned(), year, ids: ids(of), ..Movie::default() }))
}

fn show(title: &str, year: Option<u16>, of: &[(&str, &str)]) -> Show {
    Show { title: title.to_owned(), year, ids: ids(of), ..Show::default() }
}

fn episode(show: Show, season: u32, numbers: &[u32]) -> Item {
    Item::of(ItemKind::Episode(Episode {
        show,
        season: Some(season),
        numbers: numbers.to_vec(),
        ..Episode::default()
    }))
}

#[test]
fn ids_keep_the_older_of_two_and_leave_out_what_is_none() {
    let mut known: Ids<OfMovie> = Ids::default();
    assert!(known.is_empty() && known.to_string() == "no ids");
    for value in ["", "  ", "0"] {
        known.insert("imdb", value);
    }
    assert!(known.is_empty());
    known.insert(" IMDB ", " tt2 ");
    known.insert("mal", "100");
    // The lower number stays, in whatever order they come.
    for (value, stays) in [("20", "20"), ("100", "20"), ("3", "3"), ("3", "3"), ("21", "3")] {
        known.insert("mal", value);
        assert_eq!(known.get("mal"), Some(stays));
    }
    assert_eq!((known.len(), known.is_empty()), (2, false));
    assert_eq!(known.iter().collect::<Vec<_>>(), [("imdb", "tt2"), ("mal", "3")]);
    assert_eq!(known.to_string(), "imdb:tt2 mal:3");
    assert_eq!(format!("{known:?}"), "{\"imdb\": \"tt2\", \"mal\": \"3\"}");
    let has =
        |names: &[&str]| known.has_any(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert!(has(&["tvdb", "mal"]) && !has(&["tvdb"]) && !has(&[]));
    assert_ne!(known, Ids::default());
    let other = ids(&[("mal", "4"), ("tvdb", "9")]);
    known.fill_from(&other);
    assert_eq!(known.to_string(), "imdb:tt2 mal:3 tvdb:9");
    let agrees = |theirs: &[(&str, &str)]| known.agrees_with(&ids(theirs));
    assert_eq!(agrees(&[("imdb", "tt2"), ("mal", "8")]), Some(true), "the first that both have");
    assert_eq!((agrees(&[("mal", "8")]), agrees(&[("kitsu", "8")])), (Some(false), None));
}

fn of_every_kind() -> Vec<Item> {
    let series = || show("The Wire", Some(2002), &[("tvdb", "79126")]);
    let bare = || show("The Wire", None, &[]);
    let with_title = |item: Item, title: &str| match item.kind {
        ItemKind::Episode(it) => Item::of(ItemKind::Episode(Episode { title: Some(title.to_owned()), ..it })),
        kind => Item::of(kind),
    };
    let with_ids = |item: Item, of: &[(&str, &str)]| match item.kind {
        ItemKind::Episode(it) => Item::of(ItemKind::Episode(Episode { ids: ids(of), ..it })),
        kind => Item::of(kind),
    };
    vec![
        movie("Mirror", Some(1975), &[("imdb", "tt0072443"), ("mal", "1396")]),
        movie("Mirror", None, &[]),
        movie("", None, &[]),
        Item { server_ref: Some("7".to_owned()), ..movie("Mirror", Some(1975), &[]) },
        Item::of(ItemKind::Show(series())),
        Item::of(ItemKind::Show(bare())),
        Item::of(ItemKind::Season(Season { show: series(), number: 2, ..Season::default() })),
        Item::of(ItemKind::Season(Season { show: bare(), number: 0, ..Season::default() })),
        episode(series(), 1, &[3]),
        episode(bare(), 1, &[3, 4]),
        with_title(episode(bare(), 1, &[]), "The Target"),
        with_title(episode(show("", None, &[]), 1, &[]), ""),
        with_ids(episode(series(), 1, &[1]), &[("tvdb", "307109")]),
    ]
}

#[test]
fn items_have_keys_names_and_ids() {
    let mut text = String::new();
    for item in of_every_kind() {
        text += &format!(
            "{item}\n  key {}\n  catalogue {}\n  ids {}\n  incomplete {} / {} with a runtime\n",
            item.key(),
            item.catalogue_key(),
            item.describe_ids(),
            item.is_incomplete(),
            Item { runtime_ms: Some(1), ..item.clone() }.is_incomplete(),
        );
    }
    insta::assert_snapshot!("items", text);
}

#[test]
fn what_is_the_same() {
    let titled = |show: Show, title: Option<&str>| {
        Item::of(ItemKind::Episode(Episode { show, title: title.map(str::to_owned), ..Episode::default() }))
    };
    let by_id = |item: Item, id: &str| Item { server_ref: Some(id.to_owned()), ..item };
    let wire = || show("The Wire", Some(2002), &[]);
    let cases = [
        (movie("Mirror", Some(1975), &[]), movie("mirror", Some(1975), &[]), true),
        (movie("Mirror", Some(1975), &[]), movie("Mirror", None, &[]), true),
        (movie("Mirror", Some(1975), &[]), movie("Mirror", Some(2001), &[]), false),
        (movie("Mirror", None, &[]), movie("Stalker", None, &[]), false),
        (movie("", None, &[]), movie("", Some(1975), &[]), false),
        (movie("", None, &[]), movie("", None, &[]), true),
        // Ids decide where both have one of a kind.
        (movie("Mirror", None, &[("imdb", "1")]), movie("Zerkalo", None, &[("imdb", "1")]), true),
        (movie("Mirror", None, &[("imdb", "1")]), movie("Mirror", None, &[("imdb", "2")]), false),
        (movie("Mirror", None, &[("imdb", "1")]), movie("Mirror", None, &[("mal", "2")]), true),
        // The server's own id decides above all.
        (by_id(movie("Mirror", None, &[]), "7"), by_id(movie("Stalker", None, &[]), "7"), true),
        (by_id(movie("Mirror", None, &[]), "7"), by_id(movie("Mirror", None, &[]), "8"), false),
        (by_id(movie("Mirror", None, &[]), "7"), movie("Mirror", None, &[]), true),
        (episode(wire(), 1, &[3]), episode(wire(), 1, &[3]), true),
        (episode(wire(), 1, &[3, 4]), episode(wire(), 1, &[3]), true),
        (episode(wire(), 1, &[3]), episode(wire(), 1, &[4]), false),
        (episode(wire(), 1, &[3]), episode(wire(), 2, &[3]), false),
        (episode(wire(), 1, &[3]), episode(show("Treme", Some(2002), &[]), 1, &[3]), false),
        // The key of an episode without ids has the title of its show, and not the year.
        (episode(wire(), 1, &[3]), episode(show("The Wire", Some(2020), &[]), 1, &[3]), true),
        (episode(wire(), 1, &[3, 4]), episode(show("The Wire", Some(2020), &[]), 1, &[3]), false),
        (episode(wire(), 1, &[3]), episode(show("the wire", None, &[]), 1, &[3]), true),
        (
            episode(show("A", None, &[("tvdb", "1")]), 1, &[3]),
            episode(show("B", None, &[("tvdb", "1")]), 1, &[3]),
            true,
        ),
        (titled(wire(), Some("The Target")), titled(wire(), Some("the target")), true),
        (titled(wire(), Some("The Target")), titled(wire(), Some("The Buys")), false),
        (titled(wire(), Some("The Target")), titled(wire(), None), false),
        (titled(wire(), Some("The Target")), episode(wire(), 1, &[1]), false),
        (movie("The Wire", Some(2002), &[]), Item::of(ItemKind::Show(wire())), false),
        (Item::of(ItemKind::Show(wire())), Item::of(ItemKind::Show(wire())), true),
    ];
    for (one, other, same) in cases {
        assert_eq!(one.is_same(&other), same, "{one:?} and {other:?}");
        assert_eq!(other.is_same(&one), same, "{other:?} and {one:?}");
    }
}

#[test]
fn gaps_are_filled_and_nothing_is_replaced() {
    let json = |item: &Item| serde_json::to_string_pretty(item).unwrap();
    let full_show =
        || Show { original_title: Some("O".to_owned()), ..show("Their show", Some(2002), &[("tvdb", "5")]) };
    let full_movie = Movie {
        original_title: Some("Zerkalo".to_owned()),
        ..Movie {
            title: "Theirs".to_owned(),
            year: Some(1975),
            ids: ids(&[("mal", "1396")]),
            ..Movie::default()
        }
    };
    let full_episode = Episode {
        show: full_show(),
        season: Some(1),
        numbers: vec![3],
        absolute_number: Some(9),
        title: Some("The Buys".to_owned()),
        year: Some(2002),
        ids: ids(&[("imdb", "tt1"), ("tvdb", "5")]),
    };
    let kinds: [(ItemKind, ItemKind); 4] = [
        (ItemKind::Movie(Movie::default()), ItemKind::Movie(full_movie)),
        (ItemKind::Episode(Episode::default()), ItemKind::Episode(full_episode)),
        (
            ItemKind::Season(Season::default()),
            ItemKind::Season(Season { show: full_show(), number: 0, ids: ids(&[("mal", "3")]) }),
        ),
        (ItemKind::Show(Show::default()), ItemKind::Show(full_show())),
    ];
    let mut text = String::new();
    for (empty, full) in kinds {
        let full = Item {
            server_ref: Some("7".to_owned()),
            server_show_ref: Some("8".to_owned()),
            runtime_ms: Some(1_000),
            ext: vec![("library".to_owned(), "Films".to_owned()), ("path".to_owned(), "/a".to_owned())],
            kind: full,
        };
        let mut item = Item::of(empty);
        item.fill_from(&full);
        text += &format!("{}\n", json(&item));
        // A second time changes nothing, and neither does another kind of thing.
        let before = item.clone();
        item.fill_from(&full);
        item.fill_from(&movie("Another", Some(1), &[]));
        item.fill_from(&Item::of(ItemKind::Show(show("Another", Some(1), &[]))));
        assert_eq!(item, before);
    }
    insta::assert_snapshot!("filled", text);
}

#[test]
fn a_doubt_is_kept_until_ids_say_what_it_is() {
    let doubtful = movie("Mirror", None, &[]).with_ambiguity("Mirror (1975) or Mirror (2001)".to_owned());
    assert_eq!(doubtful.ambiguity(), Some("Mirror (1975) or Mirror (2001)"));
    assert_eq!(doubtful.with_ambiguity("another".to_owned()).ext.len(), 1);
    let on_server = Item {
        server_ref: Some("7".to_owned()),
        runtime_ms: Some(1),
        ext: [doubtful.ext.clone(), vec![("library".to_owned(), "Films".to_owned())]].concat(),
        ..doubtful.clone()
    };
    assert_eq!(on_server.without_server_refs(), doubtful);
    let mut known = movie("Mirror", None, &[("imdb", "1")]);
    known.fill_from(&doubtful);
    assert_eq!(known.ambiguity(), None, "it is known what this is");
    let mut unknown = movie("Mirror", None, &[]);
    unknown.fill_from(&doubtful);
    assert!(unknown.ambiguity().is_some());
    unknown.fill_from(&movie("Mirror", None, &[]));
    assert!(unknown.ambiguity().is_some(), "that says nothing");
    unknown.fill_from(&movie("Mirror", None, &[("imdb", "1")]));
    assert_eq!(unknown.ambiguity(), None);
    let mut files = movie("Mirror", None, &[]);
    files.ext = [("path", "/a"), ("edition", "Cut"), ("path", "/b")]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .into();
    assert_eq!(files.take_ext("path"), ["/a", "/b"]);
    assert_eq!((files.ext.len(), files.ext("edition")), (1, Some("Cut")));
    assert!(files.take_ext("path").is_empty());
}

#[test]
fn users_and_reports_say_whom_and_what() {
    let user = |name: Option<&str>, id: Option<&str>| User {
        name: name.map(str::to_owned),
        id: id.map(str::to_owned),
        ..User::default()
    };
    let shown =
        [user(Some("mia"), Some("1")), user(Some("mia"), None), user(None, Some("1")), user(None, None)];
    assert_eq!(shown.map(|user| user.to_string()), ["mia (id:1)", "mia", "id:1", "nobody"]);
    let server = Server { id: "s".to_owned(), name: None, source: "home".to_owned() };
    let at: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
    let film = || report(&told(0, "A", What::Play, Some(1)), at);
    let Report::Playback(playback) = film() else { panic!() };
    let item = playback.item.clone();
    let listed = Report::Snapshot { server: server.clone(), sessions: vec![playback.clone(), playback], at };
    let rated = Report::Rated(Rated {
        server: server.clone(),
        user: user(None, None),
        item: item.clone(),
        rating: None,
        library: None,
        paths: vec![],
        at,
    });
    let marked = Report::Marked(Marked {
        server,
        user: user(None, None),
        item,
        watched: true,
        library: None,
        paths: vec![],
        at,
    });
    let lost = Report::ConnectionLost { source: "home".to_owned(), at };
    for (mut report, items, parts) in
        [(film(), 1, 1), (listed, 2, 3), (rated, 1, 1), (marked, 1, 1), (lost, 0, 1)]
    {
        let last = report.expand().pop().map(|part| part.into_owned());
        assert_eq!((report.expand().len(), last), (parts, Some(report.clone())), "the whole comes last");
        assert_eq!(report.items_mut().len(), items);
    }
}

#[test]
fn names_of_cases_are_those_that_are_stored() {
    let name = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    for state in DeliveryState::ALL {
        assert_eq!(name(serde_json::to_value(state).unwrap()), state.as_str());
        assert_eq!(state.code().as_str(), state.as_str());
    }
    use Outcome::{Failed, Filtered, Held, Ignored, Malformed, Merged, Queued, Recorded};
    for outcome in [Ignored, Merged, Filtered, Held, Recorded, Queued, Malformed, Failed] {
        assert_eq!(name(serde_json::to_value(outcome).unwrap()), outcome.as_str());
        assert_eq!(outcome.to_string(), outcome.as_str());
    }
    for stage in
        [Stage::Received, Stage::Parsed, Stage::Enriched, Stage::Engine, Stage::Route, Stage::Delivery]
    {
        assert_eq!(name(serde_json::to_value(stage).unwrap()), stage.as_str());
    }
    let actions = [
        (Action::Playing(1.0), "playing", "presence"),
        (Action::Paused(1.0), "paused", "presence"),
        (Action::Stopped(1.0), "stopped", "presence"),
        (Action::Watched(1.0), "watched", "watch"),
        (Action::Unwatched, "unwatched", "watch"),
        (Action::Rated(1.0), "rated", "rating"),
        (Action::Unrated, "unrated", "rating"),
        (Action::RemoveFromWatchlist, "unlisted", "removal"),
    ];
    for (action, name, class) in actions {
        assert_eq!(
            (action.name(), action.code().as_str(), action.delivery_class().as_str()),
            (name, name, class)
        );
    }
    assert_eq!(DeliveryClass::Watch.as_str(), "watch");
}

#[test]
fn the_heaviest_verdict_names_everybody_whom_it_is_about() {
    let verdict = |outcome, detail: &str| Verdict::new(outcome, Code::Started, detail);
    let of = |parts: &[(Option<&str>, Outcome, &str)]| {
        let mut verdicts = Verdicts::default();
        for (viewer, outcome, detail) in parts {
            verdicts.add((viewer.map(str::to_owned), verdict(*outcome, detail)));
        }
        verdicts.heaviest().map(|verdict| (verdict.outcome, verdict.detail))
    };
    use Outcome::{Merged, Queued, Recorded};
    let some = |outcome, detail: &str| Some((outcome, detail.to_owned()));
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[(Some("mia"), Merged, "a"), (Some("sean"), Queued, "b")]), some(Queued, "b"));
    assert_eq!(
        of(&[(Some("mia"), Queued, "a"), (Some("sean"), Queued, "b")]),
        some(Queued, "mia: a; sean: b")
    );
    assert_eq!(of(&[(Some("mia"), Queued, "a"), (Some("mia"), Queued, "b")]), some(Queued, "a"));
    assert_eq!(of(&[(None, Queued, "a"), (Some("mia"), Queued, "b")]), some(Queued, "a"));
    assert_eq!(of(&[(Some("mia"), Queued, "a"), (None, Queued, "b")]), some(Queued, "a"));
    assert_eq!(of(&[(Some("mia"), Merged, "a"), (Some("sean"), Merged, "b")]), some(Merged, "a"));
    assert_eq!(
        of(&[(Some("mia"), Recorded, "a"), (Some("sean"), Recorded, "b")]),
        some(Recorded, "mia: a; sean: b")
    );
    // As much as fits: 1,000 letters with the first.
    let long = "x".repeat(495);
    let parts =
        [(Some("a"), Queued, long.as_str()), (Some("b"), Queued, long.as_str()), (Some("c"), Queued, "yyy")];
    let (_, detail) = of(&parts).unwrap();
    assert!(detail.contains(&format!("; b: {long}")), "{detail}");
    assert!(detail.ends_with("; \u{2026}"), "{detail}");
    let most = "x".repeat(500);
    let (_, exact) = of(&[(Some("a"), Queued, &most[..497]), (Some("b"), Queued, &most)]).unwrap();
    assert!(exact.contains("; b: "), "exactly 1,000 letters fit");
    let (_, beyond) = of(&[(Some("a"), Queued, &most[..498]), (Some("b"), Queued, &most)]).unwrap();
    assert!(beyond.ends_with("; \u{2026}"));
}

#[test]
fn what_plays_is_shown_to_other_programs() {
    let at: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
    let mut sessions = SessionState::default();
    let series = show("The Wire", Some(2002), &[("tvdb", "79126"), ("imdb", "tt0306414")]);
    let mut items = vec![
        movie("Mirror", Some(1975), &[("imdb", "tt0072443"), ("mal", "1396")]),
        episode(series, 1, &[3]),
        movie("Stalker", None, &[]),
    ];
    for (place, item) in items.drain(..).enumerate() {
        let Report::Playback(mut playback) = report(&told(0, "A", What::Play, Some(25)), at) else {
            panic!()
        };
        playback.item = Item { runtime_ms: Some(RUNTIME), server_ref: Some(place.to_string()), ..item };
        playback.player = Player { id: (place < 2).then(|| format!("tv {place}")), ..Player::default() };
        playback.user.name = Some(format!("user {place}"));
        playback.session = (place == 2).then(|| "session".to_owned());
        playback.state = match place {
            1 => playrelay_engine::model::PlaybackState::Paused,
            _ => playrelay_engine::model::PlaybackState::Playing,
        };
        let transition = sessions.transition(&Report::Playback(playback), &Policy::default());
        sessions.apply(transition.plays);
    }
    let stopped = report(&Told { user: "gone", player: "phone", ..told(0, "B", What::Stop, Some(90)) }, at);
    let transition = sessions.transition(&stopped, &Policy::default());
    sessions.apply(transition.plays);
    let facts = SourceInfo { plugin: "server".to_owned(), numeric_ids: vec!["tvdb".to_owned()] };
    let shown = watching(sessions.all(), &[("source".to_owned(), facts)].into());
    insta::assert_json_snapshot!("watching", serde_json::to_value(&shown).unwrap());
}
