//! What a row of an import becomes: a play or a rating of the person, which no source has reported.

use jiff::Timestamp;
use playrelay_engine::library::import::{Entry, Record, UNKNOWN_TIME};
use playrelay_engine::library::person::{IMPORTED, Person};
use playrelay_engine::model::{
    Completion, Content, Item, Playback, PlaybackState, Player, Rated, Server, User,
};
use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;
use playrelay_store::{JobWrites, ListedEntry};
use playrelay_util::clock;

/// The state of a row whose play, rating or title is written.
pub(crate) const WRITTEN: &str = "written";

/// Adds to a job's writes what a row becomes.
pub(crate) fn add_record(writes: &mut JobWrites, person: &Person, Record { item, entry }: Record) {
    match entry {
        Entry::Watch(time) => writes.plays.push(play(person, item, time.timestamp(&person.zone))),
        Entry::Rating { stars, at } => writes.ratings.push(rating(person, item, stars, at)),
        Entry::Listed { since } => {
            writes.listed.push(ListedEntry { item, since: since.unwrap_or_else(clock::now) });
        }
    }
}

/// The server of what is imported.
fn server(name: &str) -> Server {
    Server { id: IMPORTED.to_owned(), name: Some(name.to_owned()), source: String::new() }
}

fn user(person: &Person) -> User {
    User { name: Some(person.name.clone()), ..User::default() }
}

/// A watch that somebody else has written down.
pub(crate) fn play(person: &Person, item: Item, at: Timestamp) -> Play {
    let playback = Playback {
        server: server("import"),
        user: user(person),
        player: Player::default(),
        session: None,
        item,
        state: PlaybackState::Stopped,
        position_ms: None,
        completion: Completion::Counted,
        is_unmeasured: false,
        from_session_list: false,
        credits_start_ms: None,
        content: Content::OnDemand,
        library: None,
        paths: Vec::new(),
        at,
    };
    let mut play = Play::begin(person.imported(), &playback, |_| false);
    (play.ended_at, play.watched_at) = (Some(at), Some(at));
    // No source has reported it.
    play.origin.sources.clear();
    play
}

/// A rating that somebody else has written down.
pub(crate) fn rating(person: &Person, item: Item, stars: f64, at: Option<Timestamp>) -> Rating {
    let rated = Rated {
        server: server("import"),
        user: user(person),
        item,
        rating: Some(stars.clamp(0.0, 10.0)),
        library: None,
        paths: Vec::new(),
        at: at.unwrap_or(UNKNOWN_TIME),
    };
    Rating { viewer: person.imported(), rated, reported_by: 0, held: false }
}
