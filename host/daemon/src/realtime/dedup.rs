//! Drops reports that say nothing new, before they are stored.
//!
//! Servers repeat themselves, some of them every second. Progress that is in step with the clock is held back for a while; anything
//! else is passed on at once, and what was held back is passed on before the end of its session.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::model::{Playback, PlaybackState, Report, Server};

/// Progress that is in step is passed on this often.
const PROGRESS_INTERVAL: SignedDuration = SignedDuration::from_secs(10);
/// A position may lead or lag by so much and still be in step: jitter of clocks and of clients. Ms.
const CLOCK_TOLERANCE_MS: i64 = 2_000;
/// Sessions of one source that are remembered. Beyond that all is passed on.
const MAX_SESSIONS: usize = 1_000;

/// The last report of each session that was passed on.
#[derive(Debug, Default)]
pub struct ReportDeduplicator {
    said: HashMap<SessionKey, SessionEntry>,
    /// Whether a list of all sessions has been passed on since the connection was opened.
    is_synced: bool,
}

/// An item that somebody plays somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SessionKey {
    server: String,
    user: Option<String>,
    place: Option<String>,
    item: String,
}

impl SessionKey {
    fn of(playback: &Playback) -> Self {
        Self {
            server: playback.server.id.clone(),
            user: playback.user.key().map(str::to_owned),
            place: playback.player.id.clone().or_else(|| playback.session.clone()),
            item: playback.item.key(),
        }
    }
}

#[derive(Debug)]
struct SessionEntry {
    last: Playback,
    held: Option<Playback>,
}

impl SessionEntry {
    /// Passes on what was held back.
    fn flush(&mut self) -> Option<Playback> {
        let held = self.held.take()?;
        self.last = held.clone();
        Some(held)
    }
}

impl ReportDeduplicator {
    /// The connection was opened anew: the next list of all sessions is news, whatever it says.
    pub fn on_connected(&mut self) {
        self.is_synced = false;
    }

    /// The connection is lost: what was held back, and that whatever plays is not heard.
    pub fn on_disconnected(&mut self, source: &str, at: Timestamp) -> Vec<Report> {
        if self.said.is_empty() {
            return Vec::new();
        }
        let mut held: Vec<Playback> = self.said.values_mut().filter_map(SessionEntry::flush).collect();
        held.sort_by_key(|playback| playback.at);
        let lost = Report::ConnectionLost { source: source.to_owned(), at };
        held.into_iter().map(Report::Playback).chain([lost]).collect()
    }

    /// The reports that are to be stored.
    pub fn filter(&mut self, reports: Vec<Report>) -> Vec<Report> {
        let mut news = Vec::new();
        for report in reports {
            match report {
                Report::Playback(playback) => self.playback(playback, &mut news),
                Report::Snapshot { server, sessions, at } => {
                    let is_news = !self.is_synced | self.release_absent(&server, &sessions, &mut news);
                    self.is_synced = true;
                    if is_news {
                        sessions.iter().for_each(|session| self.record(session.clone()));
                        news.push(Report::Snapshot { server, sessions, at });
                    } else {
                        sessions.into_iter().for_each(|session| self.playback(session, &mut news));
                    }
                }
                Report::Ignored { .. } => {}
                other => news.push(other),
            }
        }
        news
    }

    fn playback(&mut self, playback: Playback, news: &mut Vec<Report>) {
        let key = SessionKey::of(&playback);
        self.release_displaced(&key, news);
        if playback.state == PlaybackState::Stopped {
            if let Some(held) = self.said.remove(&key).and_then(|said| said.held) {
                news.push(Report::Playback(held));
            }
            news.push(Report::Playback(playback));
            return;
        }
        match self.said.get_mut(&key) {
            Some(said) if matches_clock(&said.last, &playback) => said.held = Some(playback),
            _ => {
                self.record(playback.clone());
                news.push(Report::Playback(playback));
            }
        }
    }

    /// Forgets another item of the same place, and passes on what was held back of it: it has ended.
    fn release_displaced(&mut self, key: &SessionKey, news: &mut Vec<Report>) {
        let is_displaced = |other: &SessionKey| {
            other.item != key.item
                && key.place.is_some()
                && (&other.server, &other.user, &other.place) == (&key.server, &key.user, &key.place)
        };
        let gone = self.said.extract_if(|other, _| is_displaced(other));
        news.extend(gone.filter_map(|(_, said)| said.held).map(Report::Playback));
    }

    fn record(&mut self, playback: Playback) {
        if self.said.len() >= MAX_SESSIONS {
            self.said.clear();
        }
        self.said.insert(SessionKey::of(&playback), SessionEntry { last: playback, held: None });
    }

    /// Forgets sessions of a server that are no longer there, and passes on what was held back of them. Whether there were any.
    fn release_absent(&mut self, server: &Server, sessions: &[Playback], news: &mut Vec<Report>) -> bool {
        let there: Vec<SessionKey> = sessions.iter().map(SessionKey::of).collect();
        let gone = self.said.extract_if(|key, _| key.server == server.id && !there.contains(key));
        let mut gone: Vec<SessionEntry> = gone.map(|(_, said)| said).collect();
        gone.sort_by_key(|said| said.last.at);
        let is_any = !gone.is_empty();
        news.extend(gone.into_iter().filter_map(|said| said.held).map(Report::Playback));
        is_any
    }
}

/// Whether a report says nothing that the last one and the clock do not.
fn matches_clock(last: &Playback, now: &Playback) -> bool {
    let passed = now.at.duration_since(last.at);
    if last.state != now.state
        || last.completion != now.completion
        || last.item.runtime_ms != now.item.runtime_ms
        || last.credits_start_ms != now.credits_start_ms
        || passed.is_negative()
        || passed >= PROGRESS_INTERVAL
    {
        return false;
    }
    let (Some(before), Some(after)) = (last.position_ms, now.position_ms) else {
        return last.position_ms == now.position_ms;
    };
    let expected = match now.state {
        PlaybackState::Playing => i64::try_from(passed.as_millis()).unwrap_or(i64::MAX),
        PlaybackState::Paused | PlaybackState::Stopped => 0,
    };
    (i64::from(after) - i64::from(before) - expected).abs() <= CLOCK_TOLERANCE_MS
}

#[cfg(test)]
mod tests {
    use playrelay_engine::model::{Completion, Content, Item, ItemKind, Movie, Player, User};

    use super::*;

    const NOTHING: [i64; 0] = [];

    fn server() -> Server {
        Server { id: "server".to_owned(), name: None, source: "home".to_owned() }
    }

    fn playback(user: &str, seconds: i64, position_s: u32, state: PlaybackState) -> Playback {
        Playback {
            server: server(),
            user: User { id: Some(user.to_owned()), ..User::default() },
            player: Player { id: Some("tv".to_owned()), ..Player::default() },
            session: Some("1".to_owned()),
            item: Item {
                kind: ItemKind::Movie(Movie { title: "Mirror".to_owned(), ..Movie::default() }),
                server_ref: Some("9".to_owned()),
                server_show_ref: None,
                runtime_ms: Some(6_000_000),
                ext: Vec::new(),
            },
            state,
            position_ms: Some(position_s * 1_000),
            completion: Completion::None,
            is_unmeasured: false,
            from_session_list: true,
            credits_start_ms: None,
            content: Content::OnDemand,
            library: None,
            paths: Vec::new(),
            at: Timestamp::from_second(1_790_000_000 + seconds).unwrap(),
        }
    }

    fn playing(seconds: i64, position_s: u32) -> Playback {
        playback("mia", seconds, position_s, PlaybackState::Playing)
    }

    fn snapshot(sessions: Vec<Playback>) -> Report {
        Report::Snapshot { server: server(), sessions, at: Timestamp::UNIX_EPOCH }
    }

    /// The positions of what is passed on, in seconds; a list of sessions is their number, negative.
    fn passed(digest: &mut ReportDeduplicator, report: Report) -> Vec<i64> {
        let told = |report: &Report| match report {
            Report::Playback(it) => i64::from(it.position_ms.unwrap()) / 1_000,
            Report::Snapshot { sessions, .. } => -1 - i64::try_from(sessions.len()).unwrap(),
            other => panic!("unexpected {other:?}"),
        };
        digest.filter(vec![report]).iter().map(told).collect()
    }

    #[test]
    fn progress_in_step_is_held_back_for_a_while() {
        let mut digest = ReportDeduplicator::default();
        let mut take = |seconds, position| passed(&mut digest, Report::Playback(playing(seconds, position)));
        assert_eq!(take(0, 100), [100]);
        assert_eq!((take(1, 101), take(5, 106), take(9, 110)), (vec![], vec![], vec![]));
        assert_eq!(take(10, 111), [111], "after ten seconds it is told again");
        assert_eq!(take(12, 200), [200], "a jump is told at once");
        assert_eq!(take(14, 150), [150], "and one back, too");
    }

    #[test]
    fn what_changes_is_passed_on_at_once_and_what_was_held_back_before_an_end() {
        let mut digest = ReportDeduplicator::default();
        passed(&mut digest, Report::Playback(playing(0, 100)));
        assert_eq!(
            passed(&mut digest, Report::Playback(playback("tom", 1, 101, PlaybackState::Playing))),
            [101]
        );
        assert_eq!(
            passed(&mut digest, Report::Playback(playback("mia", 1, 101, PlaybackState::Paused))),
            [101]
        );
        assert_eq!(
            passed(&mut digest, Report::Playback(playback("mia", 4, 101, PlaybackState::Paused))),
            NOTHING
        );
        assert_eq!(passed(&mut digest, Report::Playback(playing(5, 101))), [101]);
        assert_eq!(passed(&mut digest, Report::Playback(playing(8, 104))), NOTHING);
        assert_eq!(
            passed(&mut digest, Report::Playback(playback("mia", 9, 0, PlaybackState::Stopped))),
            [104, 0]
        );
    }

    #[test]
    fn a_connection_that_is_lost_gives_up_what_was_held_back() {
        let mut digest = ReportDeduplicator::default();
        assert_eq!(digest.on_disconnected("home", Timestamp::UNIX_EPOCH), [], "nothing plays");
        passed(&mut digest, Report::Playback(playing(0, 100)));
        passed(&mut digest, Report::Playback(playing(4, 104)));
        let lost = Report::ConnectionLost { source: "home".to_owned(), at: Timestamp::UNIX_EPOCH };
        let told = digest.on_disconnected("home", Timestamp::UNIX_EPOCH);
        assert_eq!(told, [Report::Playback(playing(4, 104)), lost.clone()]);
        assert_eq!(digest.on_disconnected("home", Timestamp::UNIX_EPOCH), [lost], "once");
    }

    #[test]
    fn a_list_is_told_once_after_each_connect_and_whenever_somebody_has_gone() {
        let mut digest = ReportDeduplicator::default();
        assert_eq!(passed(&mut digest, snapshot(vec![])), [-1]);
        assert_eq!(passed(&mut digest, snapshot(vec![])), NOTHING);
        assert_eq!(passed(&mut digest, snapshot(vec![playing(0, 100)])), [100]);
        assert_eq!(passed(&mut digest, snapshot(vec![playing(3, 103)])), NOTHING);
        assert_eq!(passed(&mut digest, snapshot(vec![])), [103, -1], "where it was last comes first");
        digest.on_connected();
        assert_eq!(passed(&mut digest, snapshot(vec![playing(9, 109)])), [-2]);
        passed(&mut digest, snapshot(vec![playing(12, 112)]));
        let mut next = playing(14, 0);
        next.item.server_ref = Some("10".to_owned());
        assert_eq!(passed(&mut digest, Report::Playback(next)), [112, 0], "the item has changed");
        digest = ReportDeduplicator::default();
        passed(&mut digest, snapshot(vec![playing(9, 109)]));
        assert_eq!(passed(&mut digest, snapshot(vec![playing(10, 110)])), NOTHING);
    }
}
