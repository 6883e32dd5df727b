//! The plays of all viewers of one server, and by what else the viewers are known.

use std::collections::{BTreeSet, HashMap};

use crate::model::{User, normalize};
use crate::play::Play;
use crate::viewer_plays::ViewerPlays;

/// The plays of one server, by the keys of its viewers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServerPlays {
    viewers: HashMap<String, ViewerPlays>,
    /// The viewers whose last play is of a user with this id.
    by_user_id: HashMap<String, BTreeSet<String>>,
    /// The viewers whose last play is of a user with this name, in its normal form.
    by_name: HashMap<String, BTreeSet<String>>,
    /// The viewers who have open plays.
    with_open: BTreeSet<String>,
}

impl ServerPlays {
    /// The plays of each viewer.
    pub fn viewers(&self) -> impl Iterator<Item = &ViewerPlays> {
        self.viewers.values()
    }

    /// The plays of a viewer.
    pub fn viewer(&self, key: &str) -> Option<&ViewerPlays> {
        self.viewers.get(key)
    }

    /// The plays of each viewer who has an open one.
    pub fn viewers_with_open(&self) -> impl Iterator<Item = &ViewerPlays> {
        self.with_open.iter().filter_map(|key| self.viewers.get(key))
    }

    /// The plays that are going on.
    pub fn open(&self) -> impl Iterator<Item = &Play> {
        self.viewers_with_open().flat_map(ViewerPlays::open)
    }

    /// Takes a play over, in place of what was known of it.
    pub fn put(&mut self, play: Play) {
        let key = play.viewer.user.clone();
        self.change(&key, |plays| plays.put(play));
    }

    /// The same, however many plays of its viewer are known then.
    pub fn put_without_limit(&mut self, play: Play) {
        let key = play.viewer.user.clone();
        self.change(&key, |plays| plays.put_all([play]));
    }

    /// The viewers with this key, and those whose last play is of a user with this id or this name in its normal form.
    pub fn named<'a>(&'a self, key: &'a str, id: Option<&str>, name: Option<&str>) -> BTreeSet<&'a str> {
        let by_id = id.and_then(|id| self.by_user_id.get(id)).into_iter().flatten();
        let by_name = name.and_then(|name| self.by_name.get(name)).into_iter().flatten();
        by_id.chain(by_name).map(String::as_str).chain([key]).collect()
    }

    /// The same with some viewers only; absent for all.
    pub fn only(&self, viewers: Option<&BTreeSet<&str>>) -> Self {
        let Some(viewers) = viewers else { return self.clone() };
        let mut some = Self::default();
        for key in viewers {
            if let Some(plays) = self.viewers.get(*key) {
                some.change(key, |known| known.clone_from(plays));
            }
        }
        some
    }

    fn change(&mut self, key: &str, change: impl FnOnce(&mut ViewerPlays)) {
        if !self.viewers.contains_key(key) {
            self.viewers.insert(key.to_owned(), ViewerPlays::default());
        }
        let plays = self.viewers.get_mut(key).expect("the viewer was put in where there was none");
        let before = plays.last().map(|play| play.user.clone());
        change(plays);
        let has_open = plays.open().next().is_some();
        let after = plays.last().map(|play| play.user.clone());
        match has_open {
            true => self.with_open.insert(key.to_owned()),
            false => self.with_open.remove(key),
        };
        if before != after {
            let keys = |user: &Option<User>| {
                let name = user.as_ref().and_then(|user| user.name.as_deref()).map(normalize);
                (user.as_ref().and_then(|user| user.id.clone()), name)
            };
            let (before, after) = (keys(&before), keys(&after));
            relist(&mut self.by_user_id, before.0, after.0, key);
            relist(&mut self.by_name, before.1, after.1, key);
        }
    }
}

/// Lists a viewer under one text instead of another.
fn relist(
    lists: &mut HashMap<String, BTreeSet<String>>,
    before: Option<String>,
    after: Option<String>,
    viewer: &str,
) {
    if before == after {
        return;
    }
    if let Some(before) = before
        && let Some(list) = lists.get_mut(&before)
    {
        list.remove(viewer);
        if list.is_empty() {
            lists.remove(&before);
        }
    }
    if let Some(after) = after {
        lists.entry(after).or_default().insert(viewer.to_owned());
    }
}
