//! What of all that is heard is worth storing.
//!
//! Servers repeat themselves, some of them every second. Progress that is in step with the clock is held back for a while; anything
//! else is passed on at once, and what was held back is passed on before the end of its session.

use std::collections::HashMap;

use jiff::SignedDuration;

use crate::dispatch::model::{Playback, PlaybackState, Report, Server};

/// Progress that is in step is passed on this often.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(10);
/// A position may lead or lag by so much and still be in step: jitter of clocks and of clients. Ms.
const TOLERANCE: i64 = 2_000;
/// Sessions of one source that are remembered. Beyond that all is passed on.
const MOST: usize = 1_000;

/// What was passed on of each session.
#[derive(Debug, Default)]
pub struct Digest {
    said: HashMap<Key, Said>,
    /// Whether a list of all sessions has been passed on since the connection was opened.
    is_synced: bool,
}

/// An item that somebody plays somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    server: String,
    user: Option<String>,
    place: Option<String>,
    item: String,
}

impl Key {
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
struct Said {
    last: Playback,
    held: Option<Playback>,
}

impl Digest {
    /// The connection was opened anew: the next list of all sessions is news, whatever it says.
    pub fn begin(&mut self) {
        self.is_synced = false;
    }

    /// What is to be stored of some reports.
    pub fn take(&mut self, reports: Vec<Report>) -> Vec<Report> {
        let mut news = Vec::new();
        for report in reports {
            match report {
                Report::Playback(playback) => self.playback(playback, &mut news),
                Report::Snapshot { server, sessions, at } => {
                    let is_news = !self.is_synced | self.release_absent(&server, &sessions, &mut news);
                    self.is_synced = true;
                    if is_news {
                        sessions.iter().for_each(|session| self.note(session.clone()));
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
        let key = Key::of(&playback);
        if playback.state == PlaybackState::Stopped {
            if let Some(held) = self.said.remove(&key).and_then(|said| said.held) {
                news.push(Report::Playback(held));
            }
            news.push(Report::Playback(playback));
            return;
        }
        match self.said.get_mut(&key) {
            Some(said) if is_in_step(&said.last, &playback) => said.held = Some(playback),
            _ => {
                self.note(playback.clone());
                news.push(Report::Playback(playback));
            }
        }
    }

    fn note(&mut self, playback: Playback) {
        if self.said.len() >= MOST {
            self.said.clear();
        }
        self.said.insert(Key::of(&playback), Said { last: playback, held: None });
    }

    /// Forgets sessions of a server that are no longer there, and passes on what was held back of them. Whether there were any.
    fn release_absent(&mut self, server: &Server, sessions: &[Playback], news: &mut Vec<Report>) -> bool {
        let there: Vec<Key> = sessions.iter().map(Key::of).collect();
        let gone = self.said.extract_if(|key, _| key.server == server.id && !there.contains(key));
        let mut gone: Vec<Said> = gone.map(|(_, said)| said).collect();
        gone.sort_by_key(|said| said.last.at);
        let is_any = !gone.is_empty();
        news.extend(gone.into_iter().filter_map(|said| said.held).map(Report::Playback));
        is_any
    }
}

/// Whether a report says nothing that the last one and the clock do not.
fn is_in_step(last: &Playback, now: &Playback) -> bool {
    let passed = now.at.duration_since(last.at);
    if last.state != now.state
        || last.completion != now.completion
        || last.item.runtime_ms != now.item.runtime_ms
        || last.credits_start_ms != now.credits_start_ms
        || passed.is_negative()
        || passed >= HELD_FOR
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
    (i64::from(after) - i64::from(before) - expected).abs() <= TOLERANCE
}
