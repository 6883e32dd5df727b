//! Writes: whole or not at all, once, and by many at the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use playrelay_engine::event::Action;
use playrelay_engine::model::{
    Completion, Content, Item, ItemKind, Movie, Playback, PlaybackState, Player, Server, User,
};
use playrelay_engine::play::{Play, PlayPosition, Viewer};
use playrelay_engine::timeline::Step;
use playrelay_store::{EventFilter, OwnerStore, ProcessedInput};

use crate::deliveries::{now, receive, received, settlement, states};
use crate::place::{Place, each_store};

/// How long one look for what is due may take.
const MAX_LOOK: Duration = Duration::from_millis(5);

/// Many decisions are stored together, and one of them cannot be.
async fn of_many_decisions_all_are_stored_or_none(place: Place) {
    let store = place.open().await;
    place.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON timeline WHEN NEW.steps LIKE '%refused%' BEGIN SELECT RAISE(ABORT, 'refused'); END",
        "CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON timeline FOR EACH ROW WHEN (NEW.steps LIKE '%refused%') EXECUTE FUNCTION refuse()",
    );
    let mut decisions = Vec::new();
    for number in 0..128 {
        let mut decision = settlement(receive(&store, "home").await, &[Action::Rated(7.0)]);
        decision.events[0].subject = format!("item-{number}");
        decisions.push(decision);
    }
    let sound = decisions.clone();
    let step = Step { text: "refused".to_owned(), ..decisions[100].steps[0].clone() };
    decisions[100].steps.push(step);
    // What is stored beside it is not taken along.
    let (refused, other) = tokio::join!(store.commit(decisions), receive(&store, "other"));
    assert!(refused.unwrap_err().to_string().contains("refused"));
    assert!(store.outbox(None, 1_000).await.unwrap().is_empty());
    assert_eq!(store.pending("home", 0, 1_000).await.unwrap().len(), 128);
    assert_eq!(store.pending("other", 0, 10).await.unwrap()[0].id, other);
    store.commit(sound).await.unwrap();
    assert_eq!(store.outbox(None, 1_000).await.unwrap().len(), 128);
    assert!(store.pending("home", 0, 1_000).await.unwrap().is_empty());
}

/// Eight programs that decide the same tell a tracker once.
async fn a_watch_that_many_decide_is_told_once(place: Place) {
    let first = place.open().await;
    let inbox = receive(&first, "home").await;
    let mut stores = vec![first];
    while stores.len() < 8 {
        stores.push(place.open().await);
    }
    let tasks: Vec<_> = stores
        .iter()
        .map(|store| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.commit(vec![settlement(inbox, &[Action::Watched(90.0)])]).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(states(&stores[0]).await, [("watched", "waiting")]);
    let story = stores[0].event(inbox).await.unwrap().unwrap();
    assert_eq!(story.timeline.iter().filter(|step| step.code == "told-before").count(), 7);
}

/// A reader that goes on from the last id that it saw misses none, however many write.
async fn no_input_is_passed_over(place: Place) {
    const WRITERS: usize = 4;
    const EACH: usize = 50;
    let reader = place.open().await;
    let mut tasks = Vec::new();
    for _ in 0..WRITERS {
        let store = place.open().await;
        tasks.push(tokio::spawn(async move {
            let inputs = (0..EACH).map(|_| receive(&store, "home"));
            for input in inputs {
                input.await;
            }
        }));
    }
    let (mut cursor, mut seen, start) = (0, 0, Instant::now());
    while seen < WRITERS * EACH {
        assert!(start.elapsed() < Duration::from_secs(60), "{seen} of {} were seen", WRITERS * EACH);
        let found = reader.pending("home", cursor, 64).await.unwrap();
        assert!(
            found.windows(2).all(|pair| pair[0].id < pair[1].id) && found.iter().all(|row| row.id > cursor)
        );
        cursor = found.last().map_or(cursor, |row| row.id);
        seen += found.len();
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(reader.events(&EventFilter::newest(1_000)).await.unwrap().len(), WRITERS * EACH);
}

/// What is due is found as quickly beside all that was delivered.
async fn what_is_due_is_found_beside_what_was_delivered(place: Place) {
    let store = place.open().await;
    let inbox = receive(&store, "home").await;
    store.commit(vec![settlement(inbox, &[Action::Watched(90.0)])]).await.unwrap();
    let row = store.next_due("bob", now()).await.unwrap().unwrap();
    let columns = "household, inbox, tracker, subject, action, weight, body, next_at, state";
    let values =
        "household, inbox, tracker, subject || '-' || n, action, 'presence', body, next_at, 'delivered'";
    let copies = |numbers: &str| {
        format!(
            "INSERT INTO outbox ({columns}) SELECT {values} FROM outbox, {numbers} WHERE state = 'waiting'"
        )
    };
    place.execute(
        &copies("(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000) SELECT n FROM numbers)"),
        &format!("{}; ANALYZE outbox", copies("generate_series(1, 100000) AS n")),
    );
    let mut times = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        assert_eq!(store.next_due("bob", now()).await.unwrap().map(|found| found.id), Some(row.id));
        assert!(store.next_due_at("bob").await.unwrap().is_some());
        times.push(start.elapsed() / 2);
    }
    times.sort();
    assert!(times[10] < MAX_LOOK, "{times:?}");
}

/// A store that is closed in the middle has all that it confirmed.
async fn what_is_confirmed_is_there_after_a_restart(place: Place) {
    let store: Arc<dyn OwnerStore> = place.open().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(receive(&store, "home").await);
    }
    drop(store);
    let store = place.open().await;
    let found: Vec<i64> = store.pending("home", 0, 100).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(found, ids);
    let text = "a text with \u{1f3ac}, \u{201c}quotes\u{201d} and ' in it";
    let mut decision = settlement(ids[0], &[]);
    decision.user = Some(text.to_owned());
    store.commit(vec![decision]).await.unwrap();
    assert_eq!(store.event(ids[0]).await.unwrap().unwrap().summary.user.as_deref(), Some(text));
}

fn play(film: &str, at: Timestamp) -> Play {
    let playback = Playback {
        server: Server { id: "attic".to_owned(), name: None, source: "home".to_owned() },
        user: User { id: Some("1".to_owned()), ..User::default() },
        player: Player { id: None, name: None, product: None },
        session: None,
        item: Item::of(ItemKind::Movie(Movie { title: film.to_owned(), ..Movie::default() })),
        state: PlaybackState::Playing,
        position_ms: Some(0),
        completion: Completion::None,
        is_unmeasured: false,
        from_session_list: false,
        credits_start_ms: None,
        content: Content::OnDemand,
        library: None,
        paths: Vec::new(),
        at,
    };
    Play::begin(Viewer { server: "attic".to_owned(), user: "1".to_owned() }, &playback, |_| false)
}

/// Decisions that are stored together change a play several times: in one input, and in several.
async fn the_last_state_of_a_play_is_stored(place: Place) {
    let store = place.open().await;
    let (mirror, stalker) = (play("Mirror", now()), play("Stalker", now()));
    let at = |minute: u32| Play {
        last_seen_at: now() + Duration::from_secs(60 * u64::from(minute)),
        position: PlayPosition { ms: Some(minute * 60_000), ..mirror.position.clone() },
        ..mirror.clone()
    };
    let ended = Play { ended_at: Some(now() + Duration::from_secs(600)), ..at(10) };
    let mut decisions = Vec::new();
    for plays in [vec![mirror.clone(), at(1)], vec![at(2), stalker.clone()], vec![at(3), ended.clone()]] {
        let inbox = receive(&store, "home").await;
        decisions.push(ProcessedInput { plays, ..settlement(inbox, &[]) });
    }
    store.commit(decisions).await.unwrap();
    assert_eq!(store.play(&mirror.id).await.unwrap().as_ref(), Some(&ended));
    assert_eq!(store.play(&stalker.id).await.unwrap().as_ref(), Some(&stalker));
    // What is found by its columns is what is in the body.
    let open: Vec<_> = store.plays_since(now()).await.unwrap().into_iter().map(|play| play.id).collect();
    assert!(open.contains(&stalker.id) && open.contains(&mirror.id));
    let since = now() + Duration::from_secs(601);
    let open: Vec<_> = store.plays_since(since).await.unwrap().into_iter().map(|play| play.id).collect();
    assert_eq!(open, std::slice::from_ref(&stalker.id));
    // One that has only moved on.
    let moved = Play { last_seen_at: since, ..stalker };
    let inbox = receive(&store, "home").await;
    let decision = ProcessedInput { plays: vec![moved.clone()], ..settlement(inbox, &[]) };
    store.commit(vec![decision]).await.unwrap();
    assert_eq!(store.play(&moved.id).await.unwrap(), Some(moved.clone()));
    let around = store.plays_around("attic", since + Duration::from_secs(48 * 60 * 60)).await.unwrap();
    assert_eq!(around.into_iter().map(|play| play.id).collect::<Vec<_>>(), [moved.id]);
}

/// Two transactions were in each other's way, and the server took one of them back.
#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_tried_again() {
    let Some(place) = Place::server() else { return };
    let store = place.open().await;
    // A sequence goes on also where the transaction is taken back.
    let on_server = |code: &str| {
        format!(
            "CREATE SEQUENCE tries;
             CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$
             BEGIN IF nextval('tries') < 3 THEN RAISE EXCEPTION 'in the way' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    };
    place.execute("", &on_server("40001"));
    let id = receive(&store, "home").await;
    let rows = store.pending("home", 0, 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
}

/// The server ends all connections again and again while requests are stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_loses_and_doubles_nothing() {
    let Some(place) = Place::server() else { return };
    let store = place.open().await;
    let mut stored = Vec::new();
    let mut unknown = 0;
    for round in 0..20 {
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let store = Arc::clone(&store);
                let request = received("home");
                tokio::spawn(async move { store.receive(request).await })
            })
            .collect();
        if round % 2 == 0 {
            place.execute(
                "",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
        }
        for task in tasks {
            match task.await.unwrap() {
                Ok(id) => stored.push(id),
                // A connection that is lost during the commit leaves open whether it was done.
                Err(_) => unknown += 1,
            }
        }
    }
    let mut rows = Vec::new();
    while rows.len() < stored.len() {
        let page = store.pending("home", rows.last().copied().unwrap_or(0), 100).await;
        let Ok(page) = page else { continue };
        assert!(!page.is_empty(), "a request that was answered is gone");
        rows.extend(page.into_iter().map(|row| row.id));
    }
    stored.sort_unstable();
    assert!(stored.iter().all(|id| rows.binary_search(id).is_ok()), "a request that was answered is gone");
    assert!(rows.len() <= stored.len() + unknown, "a request was stored twice");
    assert!(stored.len() >= 300, "{unknown} of 400 were refused");
}

each_store!(
    the_last_state_of_a_play_is_stored,
    of_many_decisions_all_are_stored_or_none,
    a_watch_that_many_decide_is_told_once,
    no_input_is_passed_over,
    what_is_due_is_found_beside_what_was_delivered,
    what_is_confirmed_is_there_after_a_restart,
);
