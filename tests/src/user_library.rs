//! What a user keeps at a tracker: a history, ratings, a watchlist, resume points, and what is being watched.

use jiff::Timestamp;

use crate::catalogue::Entry;

/// A play in the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    /// When it was watched.
    pub watched_at: Timestamp,
    /// Of what.
    pub entry: Entry,
    /// Whether it came of a scrobble.
    pub live: bool,
}

/// The library.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// What was watched.
    pub history: Vec<Play>,
    /// Names of movies, shows or episodes, and from 1 to 10.
    pub ratings: Vec<(String, u64)>,
    /// Titles of movies and shows.
    pub watchlist: Vec<String>,
    /// Titles that are on the list of what is completed, though no watch is in the history.
    pub completed: Vec<String>,
    /// Resume points, in percent.
    pub resume: Vec<(Entry, f64)>,
    /// What is being watched.
    pub watching: Option<Entry>,
}

impl Library {
    /// The last time that something was watched.
    pub fn last_watch(&self, entry: &Entry) -> Option<Timestamp> {
        self.history.iter().filter(|play| play.entry == *entry).map(|play| play.watched_at).max()
    }

    /// Enters a play.
    pub fn add_play(&mut self, entry: Entry, watched_at: Timestamp, live: bool) {
        self.watching = self.watching.take().filter(|watching| *watching != entry);
        self.resume.retain(|(other, _)| *other != entry);
        self.history.push(Play { watched_at, entry, live });
    }

    /// Keeps a resume point.
    pub fn add_resume_point(&mut self, entry: Entry, progress: f64) {
        self.watching = self.watching.take().filter(|watching| *watching != entry);
        self.resume.retain(|(other, _)| *other != entry);
        self.resume.push((entry, progress));
    }

    /// Sets or, without one, clears a rating. False where there was none to clear.
    pub fn rate(&mut self, name: &str, rating: Option<u64>) -> bool {
        let before = self.ratings.len();
        self.ratings.retain(|(rated, _)| rated != name);
        let had = self.ratings.len() < before;
        if let Some(rating) = rating {
            self.ratings.push((name.to_owned(), rating));
        }
        had || rating.is_some()
    }

    /// Takes a title off the watchlist. False where it did not stand there.
    pub fn remove_from_watchlist(&mut self, title: &str) -> bool {
        let before = self.watchlist.len();
        self.watchlist.retain(|listed| listed != title);
        self.watchlist.len() < before
    }
}
