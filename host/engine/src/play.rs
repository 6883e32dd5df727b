//! One play of one item by one user.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::{Completion, Content, Item, Playback, PlaybackState, Player, User};
pub use crate::play_id::PlayId;
use crate::policy::Policy;

/// Finishes this close together are one, whatever the runtime.
const MIN_MERGE_WINDOW: SignedDuration = SignedDuration::from_mins(3);
/// Finishes this close together are one where the runtime is unknown.
const DEFAULT_MERGE_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// A pause that lasts longer is the end.
const MAX_PAUSE: SignedDuration = SignedDuration::from_hours(24);
/// A play of an item without a runtime has ended when nothing was heard of it for this long.
const MAX_SILENCE_WITHOUT_RUNTIME: SignedDuration = SignedDuration::from_hours(4);
/// So many reports in step with the clock, and a source is known to tell of progress.
const STEADY_CADENCE: u8 = 3;
/// How far a report in step may lead or lag. Milliseconds.
const STEP_TOLERANCE_MS: i64 = 2_000;

/// A user on a server. Plays of different viewers are never merged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Viewer {
    /// The server's stable id.
    pub server: String,
    /// The user's id, or the name where the server gives no id.
    pub user: String,
}

impl Viewer {
    /// The name that people read: that of the user, or the viewer's own where nobody has told a name.
    pub fn name<'a>(&'a self, user: &'a User) -> &'a str {
        user.name.as_deref().unwrap_or(&self.user)
    }
}

/// One play.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Play {
    /// The id.
    pub id: PlayId,
    /// The viewer.
    pub viewer: Viewer,
    /// The user, as last reported.
    pub user: User,
    /// The player, as last reported.
    pub player: Player,
    /// The server's key of the session; absent if the server has none.
    pub session: Option<String>,
    /// The item.
    pub item: Item,
    /// `Stopped` once it has ended.
    pub state: PlaybackState,
    /// When the first report came, UTC.
    pub started_at: Timestamp,
    /// When the last report came, UTC.
    pub last_seen_at: Timestamp,
    /// When it ended, UTC; absent while it goes on.
    pub ended_at: Option<Timestamp>,
    /// When it became a watch by the policy of `[scrobble]`, UTC; absent if it did not.
    pub watched_at: Option<Timestamp>,
    /// The position.
    #[serde(flatten)]
    pub position: PlayPosition,
    /// Evidence for or against a watch.
    #[serde(flatten)]
    pub evidence: WatchEvidence,
    /// Its sources, and the server's facts of the item.
    #[serde(flatten)]
    pub origin: PlayOrigin,
    /// How it relates to earlier plays of the item by the same user.
    #[serde(flatten)]
    pub earlier: EarlierPlays,
    /// Its state at the routes.
    #[serde(flatten)]
    pub routing: PlayRouting,
    /// Whether it was ended because its source fell silent. A further report opens it again.
    #[serde(rename = "stale", default)]
    pub expired: bool,
    /// Whether the connection that listed it is lost: it may go on unseen.
    #[serde(rename = "unheard", default)]
    pub disconnected: bool,
}

/// The position of a play.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayPosition {
    /// The last known position, in ms; absent if no report had one.
    #[serde(rename = "position_ms")]
    pub ms: Option<u32>,
    /// When it was reported, UTC.
    #[serde(rename = "position_at", default)]
    pub reported_at: Option<Timestamp>,
    /// When the play last moved, UTC: of a paused one, when the pause began. Absent in rows of older programs.
    #[serde(default)]
    pub moved_at: Option<Timestamp>,
    /// Reports in a row that were in step with the clock, up to the number from which the source is known to report progress.
    #[serde(rename = "steady", default)]
    pub cadence: u8,
}

/// Evidence for or against a watch, beside the position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchEvidence {
    /// The strongest claim of completion so far.
    pub completion: Completion,
    /// Whether the server said "played to the end" without a position: an older position proves nothing then.
    #[serde(rename = "claimed_blind", default)]
    pub claimed_without_position: bool,
    /// Whether the server could not measure the item when it reported the end.
    #[serde(rename = "is_unmeasured", default)]
    pub duration_unknown: bool,
    /// Whether a source reported the end and its position: a history that counts the play knows no better.
    #[serde(default)]
    pub is_end_known: bool,
    /// Where the closing credits begin, in ms; absent if unknown.
    pub credits_start_ms: Option<u32>,
    /// Whether the user marked it as watched.
    #[serde(default)]
    pub marked: bool,
    /// When the user last marked the item, UTC.
    #[serde(rename = "ticked_at", default)]
    pub marked_at: Option<Timestamp>,
    /// Whether the user marked it as unwatched afterwards.
    #[serde(rename = "revoked", default)]
    pub unwatched: bool,
}

/// The sources of a play, and the server's facts of the item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayOrigin {
    /// The server's name; absent if it has none.
    #[serde(default)]
    pub server_name: Option<String>,
    /// The sources that have reported it.
    #[serde(default)]
    pub sources: BTreeSet<String>,
    /// The sources that listed it among their sessions: it has ended when it is missing on one of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub listed_by: BTreeSet<String>,
    /// The library's name; absent if unknown.
    pub library: Option<String>,
    /// The item's files, as the server names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The kind of content.
    #[serde(default)]
    pub content: Content,
}

/// How a play relates to earlier plays of the item by the same user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EarlierPlays {
    /// When the user last watched the item in another play, UTC.
    pub previous_watch_at: Option<Timestamp>,
    /// The play that this one continues: both are one watch.
    #[serde(default)]
    pub continues: Option<PlayId>,
    /// Whether it followed a watch so closely that it counts as the same one, for good.
    #[serde(default)]
    pub repeats: bool,
}

/// The state of a play at the routes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlayRouting {
    /// Whether no route knew its user, so that no tracker could be told.
    #[serde(rename = "held", default)]
    pub awaiting_route: bool,
    /// The id of the input that reported it last: its timeline gets the steps.
    #[serde(default)]
    pub reported_by: i64,
    /// The tracker accounts that were told that it was watched.
    #[serde(rename = "told", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sent_to: BTreeSet<String>,
}

impl Play {
    /// A play that begins with this report. `taken` says which identities there are already: two players can start an
    /// item in the same millisecond.
    pub fn begin(viewer: Viewer, playback: &Playback, taken: impl Fn(&PlayId) -> bool) -> Self {
        let key = playback.item.key();
        let mut ordinal = 0;
        let identity = |ordinal| PlayId::new(&viewer.server, &viewer.user, &key, playback.at, ordinal);
        let mut id = identity(ordinal);
        while taken(&id) {
            ordinal += 1;
            id = identity(ordinal);
        }
        Self {
            id,
            viewer,
            user: playback.user.clone(),
            player: playback.player.clone(),
            session: playback.session.clone(),
            item: playback.item.clone(),
            state: playback.state,
            started_at: playback.at,
            last_seen_at: playback.at,
            ended_at: None,
            watched_at: None,
            position: PlayPosition {
                ms: playback.position_ms,
                reported_at: playback.position_ms.map(|_| playback.at),
                moved_at: Some(playback.at),
                cadence: 0,
            },
            evidence: WatchEvidence {
                completion: playback.completion,
                claimed_without_position: is_claim_without_position(playback),
                duration_unknown: playback.is_unmeasured,
                is_end_known: false,
                credits_start_ms: playback.credits_start_ms,
                marked: false,
                marked_at: None,
                unwatched: false,
            },
            origin: PlayOrigin {
                server_name: playback.server.name.clone(),
                sources: BTreeSet::from([playback.server.source.clone()]),
                listed_by: playback
                    .from_session_list
                    .then(|| playback.server.source.clone())
                    .into_iter()
                    .collect(),
                library: playback.library.clone(),
                paths: playback.paths.clone(),
                content: playback.content,
            },
            earlier: EarlierPlays::default(),
            routing: PlayRouting::default(),
            expired: false,
            disconnected: false,
        }
    }

    /// The play after its user marked it as watched.
    pub(crate) fn marked(mut self, at: Timestamp) -> Self {
        (self.evidence.marked, self.evidence.marked_at) = (true, Some(at));
        self
    }

    /// Takes over what a further report of the same play says. Its state is the engine's business.
    ///
    /// A position of 0 in a stop or a pause is what players send when they have already forgotten where they were.
    pub fn absorb(&mut self, playback: &Playback) {
        self.record_cadence(playback);
        self.record_movement(playback);
        self.origin.sources.insert(playback.server.source.clone());
        let better_id = playback.user.id.is_some() && (!playback.user.has_local_id || self.user.id.is_none());
        let (id, has_local_id) = match better_id {
            true => (playback.user.id.clone(), playback.user.has_local_id),
            false => (self.user.id.take(), self.user.has_local_id),
        };
        self.user = User {
            id,
            has_local_id,
            name: playback.user.name.clone().or(self.user.name.take()),
            uuid: playback.user.uuid.clone().or(self.user.uuid.take()),
        };
        if playback.from_session_list {
            self.origin.listed_by.insert(playback.server.source.clone());
            self.disconnected = false;
        }
        let player = &playback.player;
        fill_missing(&mut self.player.id, &player.id);
        fill_missing(&mut self.player.name, &player.name);
        fill_missing(&mut self.player.product, &player.product);
        fill_missing(&mut self.origin.server_name, &playback.server.name);
        fill_missing(&mut self.origin.library, &playback.library);
        if self.origin.paths.is_empty() {
            self.origin.paths.clone_from(&playback.paths);
        }
        self.last_seen_at = self.last_seen_at.max(playback.at);
        self.item.fill_from(&playback.item);
        self.evidence.completion = self.evidence.completion.max(playback.completion);
        self.evidence.claimed_without_position |= is_claim_without_position(playback);
        self.evidence.credits_start_ms = playback.credits_start_ms.or(self.evidence.credits_start_ms);
        self.session = playback.session.clone().or(self.session.take());
        self.evidence.duration_unknown &= playback.is_unmeasured;
        if let Some(position) = playback.position_ms
            && (position > 0 || playback.state == PlaybackState::Playing)
        {
            (self.position.ms, self.position.reported_at) = (Some(position), Some(playback.at));
        }
    }

    /// Makes this play the rest of another: who was told of that one knows of this one.
    pub fn continue_from(&mut self, last: &Self) {
        self.earlier.continues = Some(last.id.clone());
        self.watched_at = last.watched_at;
        self.routing.sent_to.clone_from(&last.routing.sent_to);
    }

    /// When it counts as a watch in a history, UTC. Absent where it does not, where that was taken back, and where it is the rest of a play that
    /// counts itself: the rest has the time of that one, which was before it began.
    pub fn counted_at(&self) -> Option<Timestamp> {
        let is_rest_of_watch = |at: Timestamp| self.earlier.continues.is_some() && at <= self.started_at;
        self.watched_at.filter(|at| !self.evidence.unwatched && !is_rest_of_watch(*at))
    }

    /// Whether there is nothing to hold its end against.
    pub fn has_only_end_report(&self) -> bool {
        self.ended_at == Some(self.started_at) && self.last_seen_at == self.started_at
    }

    /// Whether it is still going on.
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }

    /// The last known position as a percentage of the runtime, where both are known.
    pub fn progress(&self) -> Option<f64> {
        percent(self.position.ms?, self.item.runtime_ms?)
    }

    /// Whether a report comes from the player, or at least the session, of this play: keys of sessions are recycled, and
    /// some players end a session under a new key. A side that does not say is believed to be the same.
    pub fn shares_session(&self, playback: &Playback) -> bool {
        match (&self.player.id, &playback.player.id) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => match (&self.session, &playback.session) {
                (Some(mine), Some(theirs)) => mine == theirs,
                _ => true,
            },
        }
    }

    /// Whether it is known, and not only likely, that a report comes from the session of this play. Only then may it end
    /// what played there before.
    pub fn surely_shares_session(&self, playback: &Playback) -> bool {
        let same = |mine: &Option<String>, theirs: &Option<String>| mine.is_some() && mine == theirs;
        let nameless = |session: &Option<String>, player: &Player| session.is_none() && player.id.is_none();
        if self.player.id.is_some() && playback.player.id.is_some() {
            return self.player.id == playback.player.id;
        }
        same(&self.session, &playback.session)
            || (nameless(&self.session, &self.player) && nameless(&playback.session, &playback.player))
    }

    /// When it is over unless something is heard of it. A source that tells of progress is missed soon; of another one, and of one
    /// that is not heard, the play may go on unseen to its end, and half as long again for what is not seen: pauses, slow motion.
    pub fn expires_at(&self, policy: &Policy) -> Option<Timestamp> {
        let silence = match self.state {
            _ if !self.is_open() => return None,
            PlaybackState::Stopped => return None,
            PlaybackState::Paused => MAX_PAUSE,
            PlaybackState::Playing => {
                let stale_after = SignedDuration::try_from(policy.stale_after).ok()?;
                match self.item.runtime_ms.filter(|runtime| *runtime > 0) {
                    _ if self.is_steady() && !self.disconnected => stale_after,
                    None => MAX_SILENCE_WITHOUT_RUNTIME,
                    Some(runtime) => {
                        let left = runtime.saturating_sub(self.position.ms.unwrap_or(0));
                        stale_after + SignedDuration::from_millis(i64::from(left) + i64::from(runtime / 2))
                    }
                }
            }
        };
        self.last_seen_at.checked_add(silence).ok()
    }

    /// The shortest silence after which a play is over.
    pub(crate) fn shortest_silence(policy: &Policy) -> SignedDuration {
        let stale_after = SignedDuration::try_from(policy.stale_after).unwrap_or(SignedDuration::MAX);
        stale_after.min(MAX_SILENCE_WITHOUT_RUNTIME).min(MAX_PAUSE)
    }

    /// A pause that is told of again and again, or ends in a stop, is no movement.
    fn record_movement(&mut self, playback: &Playback) {
        let positions = self.position.ms.zip(playback.position_ms.filter(|position| *position > 0));
        let has_moved = positions
            .is_some_and(|(was, is)| i64::from(is).abs_diff(i64::from(was)) > STEP_TOLERANCE_MS as u64);
        let plays = [self.state, playback.state].contains(&PlaybackState::Playing);
        if plays || has_moved {
            self.position.moved_at = self.position.moved_at.max(Some(playback.at));
        }
    }

    /// Counts a report that moved on as far as the clock did.
    fn record_cadence(&mut self, playback: &Playback) {
        let (Some(before), Some(now)) = (self.position.ms, playback.position_ms) else { return };
        let passed = playback.at.duration_since(self.last_seen_at).as_millis();
        let Ok(passed) = i64::try_from(passed) else { return };
        let moved = i64::from(now) - i64::from(before);
        let playing = self.state == PlaybackState::Playing && playback.state == PlaybackState::Playing;
        if playing && moved > 0 && passed > 0 && (moved - passed).abs() <= STEP_TOLERANCE_MS + passed / 5 {
            self.position.cadence = self.position.cadence.saturating_add(1).min(STEADY_CADENCE);
        }
    }

    /// How far apart two finishes of this item must be to be two: half its runtime.
    pub fn merge_window(&self) -> SignedDuration {
        match self.item.runtime_ms {
            Some(runtime) => SignedDuration::from_millis(i64::from(runtime / 2)).max(MIN_MERGE_WINDOW),
            None => DEFAULT_MERGE_WINDOW,
        }
    }

    /// How far it can have come, in ms: where it was, and what has passed since.
    pub fn max_possible_position_ms(&self) -> u64 {
        let since = self.position.reported_at.map_or(self.started_at, |at| at.min(self.last_seen_at));
        let passed = self.last_heard_at().duration_since(since).as_millis();
        u64::from(self.position.ms.unwrap_or(0)) + u64::try_from(passed).unwrap_or(0)
    }

    /// How long it lasted, by the clock.
    pub fn elapsed(&self) -> Duration {
        Duration::try_from(self.last_heard_at().duration_since(self.started_at)).unwrap_or_default()
    }

    /// Whether its source tells of progress, so that its last position is where it was.
    pub fn is_steady(&self) -> bool {
        self.position.cadence >= STEADY_CADENCE
    }

    /// When it ended, or was last heard of: what is told of it later does not make it longer.
    fn last_heard_at(&self) -> Timestamp {
        self.ended_at.map_or(self.last_seen_at, |ended| ended.min(self.last_seen_at))
    }
}

fn fill_missing(mine: &mut Option<String>, theirs: &Option<String>) {
    if mine.is_none() {
        mine.clone_from(theirs);
    }
}

fn is_claim_without_position(playback: &Playback) -> bool {
    playback.completion == Completion::Claimed && playback.position_ms.is_none_or(|position| position == 0)
}

/// A position as a percentage from 0 to 100 of a runtime, which must not be 0.
pub fn percent(position_ms: u32, runtime_ms: u32) -> Option<f64> {
    (runtime_ms > 0).then(|| (f64::from(position_ms) * 100.0 / f64::from(runtime_ms)).clamp(0.0, 100.0))
}
