//! Between the types of the contract and those of the core. Every text and list from a guest is cut to a size;
//! times that cannot be read fall back to the time of receipt.

use jiff::Timestamp;
use playrelay_engine::model::{
    Completion, Content, Episode, Ids, Item, ItemKind, Marked, Movie, Playback, PlaybackState, Player, Rated,
    Report, Season, Server, Show, User,
};
use unicode_normalization::UnicodeNormalization;

use crate::bindings::playrelay::plugin::{reports, types};
use crate::failure::Failure;
use crate::text;

/// The field of a playback's open-ended part that holds the user's second id.
const USER_UUID: &str = "user-uuid";
/// The field that says that the user's id is one of this server's own, beside which another one is in use.
const USER_ID_SCOPE: (&str, &str) = ("user-id-scope", "server");

pub(super) fn report(report: reports::Report, source: &str, received_at: Timestamp) -> Report {
    let server = |it: reports::Server| server(it, source);
    let time = |at: Option<String>| event_time(at, received_at);
    match report {
        reports::Report::Playback(it) => Report::Playback(playback(it, source, received_at)),
        reports::Report::Snapshot(it) => Report::Snapshot {
            server: server(it.server),
            sessions: it.sessions.into_iter().map(|session| playback(session, source, received_at)).collect(),
            at: time(it.at),
        },
        reports::Report::Rated(it) => Report::Rated(Rated {
            server: server(it.server),
            user: user(it.user),
            item: item(it.item),
            rating: it.rating.filter(|rating| rating.is_finite()).map(|rating| rating.clamp(0.0, 10.0)),
            library: name(it.library),
            paths: Vec::new(),
            at: time(it.at),
        }),
        reports::Report::Marked(it) => Report::Marked(Marked {
            server: server(it.server),
            user: user(it.user),
            item: item(it.item),
            watched: it.watched,
            library: name(it.library),
            paths: Vec::new(),
            at: time(it.at),
        }),
        reports::Report::Ignored(it) => Report::Ignored {
            code: text::cut(&it.code, text::CODE),
            detail: text::cut(&it.detail, text::WORDS),
        },
    }
}

fn playback(it: reports::Playback, source: &str, received_at: Timestamp) -> Playback {
    let has_local_id =
        it.ext.iter().any(|field| (field.name.as_str(), field.value.as_str()) == USER_ID_SCOPE);
    Playback {
        server: server(it.server, source),
        user: User {
            uuid: it
                .ext
                .into_iter()
                .find(|field| field.name == USER_UUID)
                .and_then(|field| text::whole(field.value, text::ID)),
            has_local_id,
            ..user(it.user)
        },
        from_session_list: false,
        player: Player {
            id: key(it.player.id),
            name: name(it.player.name),
            product: name(it.player.product),
        },
        session: key(it.session),
        is_unmeasured: it.item.runtime_ms.is_none_or(|runtime| runtime == 0),
        item: item(it.item),
        state: match it.state {
            reports::PlaybackState::Playing => PlaybackState::Playing,
            reports::PlaybackState::Paused => PlaybackState::Paused,
            reports::PlaybackState::Stopped => PlaybackState::Stopped,
        },
        position_ms: it.position_ms,
        completion: match it.completion {
            reports::Completion::None => Completion::None,
            reports::Completion::Claimed => Completion::Claimed,
            reports::Completion::Counted => Completion::Counted,
        },
        credits_start_ms: it.credits_start_ms,
        content: match it.content {
            reports::Content::OnDemand => Content::OnDemand,
            reports::Content::LiveTv => Content::LiveTv,
            reports::Content::Recording => Content::Recording,
            reports::Content::Extra => Content::Extra,
        },
        library: name(it.library),
        paths: it
            .paths
            .into_iter()
            .filter_map(|path| text::whole(path, text::PATH))
            .take(text::ENTRIES)
            .collect(),
        at: event_time(it.at, received_at),
    }
}

/// When something happened: never after it was received, whatever a server's clock says.
fn event_time(at: Option<String>, received_at: Timestamp) -> Timestamp {
    at.and_then(|at| at.parse().ok()).map_or(received_at, |at: Timestamp| at.min(received_at))
}

fn server(it: reports::Server, source: &str) -> Server {
    let id = key(it.id).filter(|id| !id.is_empty()).unwrap_or_else(|| source.to_owned());
    Server { id, name: name(it.name), source: source.to_owned() }
}

pub(super) fn user(it: reports::User) -> User {
    User { id: key(it.id), name: name(it.name), ..User::default() }
}

pub(super) fn item(it: types::Item) -> Item {
    Item {
        kind: match it.kind {
            types::ItemKind::Movie(movie) => ItemKind::Movie(Movie {
                title: from_parts(movie.title),
                original_title: movie.original_title.map(from_parts).filter(|title| !title.is_empty()),
                year: movie.year,
                ids: ids(movie.ids),
            }),
            types::ItemKind::Episode(episode) => ItemKind::Episode(Episode {
                show: show(episode.show),
                season: episode.season,
                numbers: episode.numbers.into_iter().take(text::ENTRIES).collect(),
                absolute_number: episode.absolute_number,
                title: episode.title.map(from_parts),
                year: episode.year,
                ids: ids(episode.ids),
            }),
            types::ItemKind::Season(season) => ItemKind::Season(Season {
                show: show(season.show),
                number: season.number,
                ids: ids(season.ids),
            }),
            types::ItemKind::Show(it) => ItemKind::Show(show(it)),
        },
        server_ref: key(it.server_ref),
        server_show_ref: key(it.server_show_ref),
        runtime_ms: it.runtime_ms,
        ext: fields(it.ext),
    }
}

/// A name, or whatever else is shown.
fn name(it: Option<String>) -> Option<String> {
    it.map(|it| text::cut(&it, text::NAME))
}

/// A key at a server.
fn key(it: Option<String>) -> Option<String> {
    it.and_then(|it| text::whole(it, text::KEY))
}

/// Named values for people.
pub(super) fn fields(it: Vec<types::Field>) -> Vec<(String, String)> {
    let field = |it: types::Field| (text::cut(&it.name, text::CODE), text::cut(&it.value, text::PATH));
    it.into_iter().take(text::ENTRIES).map(field).collect()
}

fn show(it: types::Show) -> Show {
    Show {
        title: from_parts(it.title),
        original_title: it.original_title.map(from_parts),
        year: it.year,
        ids: ids(it.ids),
    }
}

/// Accents joined with their letters: a catalogue compares titles by their bytes.
fn from_parts(title: String) -> String {
    let title = text::cut(&title, text::NAME);
    if title.is_ascii() { title } else { title.nfc().collect() }
}

fn ids<Kind>(it: Vec<types::ExternalId>) -> Ids<Kind> {
    external(it).into_iter().collect()
}

/// External ids, as (namespace, value).
pub(super) fn external(it: Vec<types::ExternalId>) -> Vec<(String, String)> {
    let id = |it: types::ExternalId| {
        Some((text::whole(it.namespace, text::CODE)?, text::whole(it.value, text::ID)?))
    };
    it.into_iter().take(text::ENTRIES).filter_map(id).collect()
}

pub(super) fn failure(it: types::Failure) -> Failure {
    let words = |reason: String| text::cut(&reason, text::WORDS);
    match it {
        types::Failure::Retry(it) => Failure::Retry { after_ms: it.after_ms, reason: words(it.reason) },
        types::Failure::Quota(it) => {
            Failure::Quota { until: text::cut(&it.until, text::CODE), reason: words(it.reason) }
        }
        types::Failure::Unauthorized(reason) => Failure::Unauthorized(words(reason)),
        types::Failure::Blocked(reason) => Failure::Blocked(words(reason)),
        types::Failure::Rejected(reason) => Failure::Rejected(words(reason)),
    }
}

pub(super) fn to_guest(it: &Item) -> types::Item {
    types::Item {
        kind: match &it.kind {
            ItemKind::Movie(movie) => types::ItemKind::Movie(types::Movie {
                title: movie.title.clone(),
                original_title: movie.original_title.clone(),
                year: movie.year,
                ids: ids_to_guest(&movie.ids),
            }),
            ItemKind::Episode(episode) => types::ItemKind::Episode(types::Episode {
                show: show_to_guest(&episode.show),
                season: episode.season,
                numbers: episode.numbers.clone(),
                absolute_number: episode.absolute_number,
                title: episode.title.clone(),
                year: episode.year,
                ids: ids_to_guest(&episode.ids),
            }),
            ItemKind::Season(season) => types::ItemKind::Season(types::Season {
                show: show_to_guest(&season.show),
                number: season.number,
                ids: ids_to_guest(&season.ids),
            }),
            ItemKind::Show(show) => types::ItemKind::Show(show_to_guest(show)),
        },
        server_ref: it.server_ref.clone(),
        server_show_ref: it.server_show_ref.clone(),
        runtime_ms: it.runtime_ms,
        ext: it
            .ext
            .iter()
            .map(|(name, value)| types::Field { name: name.clone(), value: value.clone() })
            .collect(),
    }
}

fn show_to_guest(it: &Show) -> types::Show {
    types::Show {
        title: it.title.clone(),
        original_title: it.original_title.clone(),
        year: it.year,
        ids: ids_to_guest(&it.ids),
    }
}

fn ids_to_guest<Kind>(it: &Ids<Kind>) -> Vec<types::ExternalId> {
    it.iter()
        .map(|(namespace, value)| types::ExternalId {
            namespace: namespace.to_owned(),
            value: value.to_owned(),
        })
        .collect()
}

pub(super) fn user_to_guest(it: &User) -> reports::User {
    reports::User { id: it.id.clone(), name: it.name.clone() }
}

pub(super) fn player_to_guest(it: &Player) -> reports::Player {
    reports::Player { id: it.id.clone(), name: it.name.clone(), product: it.product.clone() }
}
