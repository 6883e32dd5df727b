//! The rules for deliveries: which supersedes which, which is withheld, the effect of an attempt, and which is due.
//!
//! A store finds the rows that a rule asks for, and keeps what the rule says, in one transaction. It has no rule of its own.

use jiff::Timestamp;

use crate::event::{Action, DeliveryClass, Receipt, TrackerEvent};
use crate::outbox::{AttemptOutcome, DeliveryState, OutboxCommand, OutboxRow};

/// A play that goes on this near to where it was paused has not moved. Percent.
const SAME_POSITION_PERCENT: f64 = 1.0;

/// The note of a delivery that is withheld.
pub const WITHHELD_NOTE: &str = "the pause was over before it was told";

/// The effect of adding an event to the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Addition {
    /// Deliveries whose place it takes, by their ids.
    pub superseded: Vec<i64>,
    /// The note of those.
    pub note: String,
    /// When the event becomes due, UTC.
    pub due_at: Timestamp,
}

/// The effect of adding `event` to the outbox at `now`. `waiting` are the deliveries of its tracker and subject that wait.
pub fn add(event: &TrackerEvent, waiting: &[OutboxRow], now: Timestamp) -> Addition {
    let replaced = match event.action.delivery_class() {
        DeliveryClass::Rating => Some(DeliveryClass::Rating),
        DeliveryClass::Presence | DeliveryClass::Watch => Some(DeliveryClass::Presence),
        DeliveryClass::Removal => None,
    };
    let is_replaced = |row: &&OutboxRow| Some(row.event.action.delivery_class()) == replaced;
    Addition {
        superseded: waiting.iter().filter(is_replaced).map(|row| row.id).collect(),
        note: format!("superseded by \u{201c}{}\u{201d}", event.action.name()),
        due_at: due_at(event, now),
    }
}

/// When an event is to be sent that is stored at a time. Where the clock was set back, the time of the event lies ahead: that is no
/// reason to wait for it.
pub fn due_at(event: &TrackerEvent, now: Timestamp) -> Timestamp {
    let delay = event.not_before.duration_since(event.at).max(jiff::SignedDuration::ZERO);
    event.not_before.min(now.saturating_add(delay).unwrap_or(Timestamp::MAX))
}

/// Whether an event only takes back one pause that it has just superseded, before the tracker heard of it. `superseded` are the
/// deliveries whose place it took.
pub fn only_takes_back_a_pause(event: &TrackerEvent, superseded: &[&OutboxRow]) -> bool {
    let (Action::Playing(progress), [row]) = (event.action, superseded) else { return false };
    row.attempts == 0
        && matches!(row.event.action, Action::Paused(at) if (at - progress).abs() <= SAME_POSITION_PERCENT)
}

/// Whether such an event is withheld: the tracker believes that the item plays. `last_presence` is the last presence of the subject
/// that the tracker took.
pub fn is_withheld(last_presence: Option<&TrackerEvent>) -> bool {
    last_presence.is_some_and(|event| matches!(event.action, Action::Playing(_)))
}

/// The effect of an attempt on its delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptEffect<'a> {
    /// Nothing: a person has said meanwhile that it is about another item, so it is sent again.
    Overtaken {
        /// The state that the tracker gave the item before.
        state: DeliveryState,
        /// The tracker's note.
        note: &'a str,
    },
    /// It gets a state, and is not sent again.
    Settled {
        /// The state.
        state: DeliveryState,
        /// The tracker's note, one sentence; empty if it has none.
        note: &'a str,
        /// The tracker's answer; absent if there was none.
        receipt: Option<&'a Receipt>,
        /// Whether a delivery that was superseded or dropped meanwhile gets the state as well, since the tracker has taken it.
        applies_to_all_states: bool,
        /// Whether a delivery that was withheld because of this one is to be sent.
        releases_withheld: bool,
        /// The events that follow: removals from watchlists after a confirmed watch.
        follow_ups: Vec<TrackerEvent>,
    },
    /// It waits for the next attempt.
    Postponed {
        /// When the next attempt is made, UTC.
        next_at: Timestamp,
        /// The reason, one sentence.
        note: &'a str,
        /// Whether the tracker may have applied this attempt or one before it.
        uncertain: bool,
        /// Whether it says the same as the attempt before: that is not written into the timeline again.
        is_repeated: bool,
    },
}

/// The effect of an attempt to deliver `row`. `stored` is the row as it is in the store now; absent if it was deleted.
pub fn attempted<'a>(
    row: &OutboxRow,
    stored: Option<&OutboxRow>,
    outcome: &'a AttemptOutcome,
    now: Timestamp,
) -> AttemptEffect<'a> {
    match outcome {
        AttemptOutcome::Settled { state, note, .. }
            if stored.is_some_and(|stored| stored.event.item != row.event.item) =>
        {
            AttemptEffect::Overtaken { state: *state, note }
        }
        AttemptOutcome::Settled { state, note, receipt } => {
            let is_taken = matches!(state, DeliveryState::Delivered | DeliveryState::Duplicate);
            AttemptEffect::Settled {
                state: *state,
                note,
                receipt: receipt.as_ref(),
                applies_to_all_states: is_taken,
                releases_withheld: *state == DeliveryState::Delivered
                    && matches!(row.event.action, Action::Paused(_)),
                follow_ups: if is_taken { removals(&row.event, now) } else { Vec::new() },
            }
        }
        AttemptOutcome::Postponed { next_at, note, uncertain } => AttemptEffect::Postponed {
            next_at: *next_at,
            note,
            uncertain: row.uncertain | uncertain,
            is_repeated: row.note.as_ref() == Some(note),
        },
    }
}

/// The removals from watchlists that a confirmed event asks for.
fn removals(event: &TrackerEvent, now: Timestamp) -> Vec<TrackerEvent> {
    let removal = |account: &String| TrackerEvent {
        tracker: account.clone(),
        action: Action::RemoveFromWatchlist,
        not_before: now,
        remove_from: Vec::new(),
        ..event.clone()
    };
    event.remove_from.iter().map(removal).collect()
}

/// The effect of a person's command on a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandEffect {
    /// Nothing: what was delivered, or is no longer true, is the past.
    None,
    /// A later one has taken its place.
    Superseded,
    /// It is dropped.
    Dropped,
    /// It is sent again. `looks_first`: an earlier attempt may have arrived, so the tracker is asked for it first.
    Requeued {
        /// Whether an earlier attempt may have been applied.
        looks_first: bool,
    },
}

/// The effect of a command on `row`. `later` are the deliveries of its tracker and subject with higher ids.
pub fn command(row: &OutboxRow, command: &OutboxCommand, later: &[OutboxRow]) -> CommandEffect {
    use DeliveryState::{Dead, Dropped, Held, Skipped, Unmatched, Unsupported, Waiting};
    match command {
        OutboxCommand::Drop => match row.state {
            Waiting | Held | Dead | Unmatched => CommandEffect::Dropped,
            _ => CommandEffect::None,
        },
        OutboxCommand::Retry | OutboxCommand::Match(_) => match row.state {
            Waiting | Held | Dead | Unmatched | Unsupported | Skipped | Dropped => {
                if later.iter().any(|later| overtakes(later, row)) {
                    return CommandEffect::Superseded;
                }
                let is_watch = row.event.action.delivery_class() == DeliveryClass::Watch;
                CommandEffect::Requeued { looks_first: row.uncertain || (is_watch && row.attempts > 0) }
            }
            _ => CommandEffect::None,
        },
    }
}

/// Whether a later delivery of the same kind was sent, or is to be: an old rating must not take the place of a newer one, nor a watch
/// that of its being taken back.
fn overtakes(later: &OutboxRow, row: &OutboxRow) -> bool {
    later.event.action.delivery_class() == row.event.action.delivery_class()
        && matches!(later.state, DeliveryState::Waiting | DeliveryState::Delivered | DeliveryState::Duplicate)
}

/// Whether a command about everything that has failed means a delivery.
pub fn is_failed(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Dead | DeliveryState::Unmatched)
}

/// Whether a waiting delivery becomes due when its tracker is reachable again: if it waits because an attempt failed.
pub fn is_woken(row: &OutboxRow) -> bool {
    row.attempts > 0
}

/// The next delivery of a tracker: the first one that is due, and before which no other of its subject waits. `waiting` are all that
/// wait for the tracker, in the order of their ids.
pub fn next_due(waiting: &[OutboxRow], now: Timestamp) -> Option<&OutboxRow> {
    let is_first = |index: usize, row: &OutboxRow| {
        !waiting[..index].iter().any(|earlier| earlier.event.subject == row.event.subject)
    };
    let mut due = waiting.iter().enumerate().filter(|(_, row)| row.next_at <= now);
    due.find(|(index, row)| is_first(*index, row)).map(|(_, row)| row)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::model::{Item, ItemKind, Movie};

    fn now() -> Timestamp {
        "2026-11-21T20:00:00Z".parse().unwrap()
    }

    fn item(title: &str) -> Item {
        Item::of(ItemKind::Movie(Movie { title: title.to_owned(), ..Movie::default() }))
    }

    fn event(action: Action) -> TrackerEvent {
        TrackerEvent {
            tracker: "bob".to_owned(),
            subject: "play".to_owned(),
            action,
            item: item("Mirror"),
            at: now(),
            started_at: None,
            not_before: now(),
            remove_from: Vec::new(),
            remote_id: None,
        }
    }

    fn row(id: i64, action: Action, state: DeliveryState) -> OutboxRow {
        OutboxRow {
            id,
            inbox: 1,
            later: false,
            event: event(action),
            state,
            attempts: 0,
            uncertain: false,
            since: now(),
            next_at: now(),
            note: None,
        }
    }

    use Action::{Paused, Playing, Rated, RemoveFromWatchlist, Stopped, Unwatched, Watched};
    use DeliveryState::{
        Dead, Delivered, Dropped, Duplicate, Held, Skipped, Superseded, Unmatched, Unsupported, Waiting,
        Withheld,
    };

    #[test]
    fn an_event_takes_the_place_of_what_it_makes_pointless() {
        let waiting = [Playing(1.0), Paused(2.0), Watched(90.0), Rated(8.0), RemoveFromWatchlist];
        let waiting: Vec<_> = (1..).zip(waiting).map(|(id, action)| row(id, action, Waiting)).collect();
        for (action, superseded) in [
            (Playing(3.0), vec![1, 2]),
            (Stopped(3.0), vec![1, 2]),
            (Watched(95.0), vec![1, 2]),
            (Unwatched, vec![1, 2]),
            (Rated(9.0), vec![4]),
            (Action::Unrated, vec![4]),
            (RemoveFromWatchlist, vec![]),
        ] {
            assert_eq!(add(&event(action), &waiting, now()).superseded, superseded, "{action:?}");
        }
    }

    #[test]
    fn an_event_is_due_when_it_says_so_and_a_clock_set_back_delays_nothing() {
        let after = |seconds: i64| now() + SignedDuration::from_secs(seconds);
        for (at, not_before, due) in [
            (0, 0, 0),
            (0, 5, 5),
            (-60, -60, -60),
            (-60, -55, -55),
            (3_600, 3_600, 0),
            (3_600, 3_605, 5),
            (0, -5, -5),
        ] {
            let event = TrackerEvent { at: after(at), not_before: after(not_before), ..event(Watched(90.0)) };
            assert_eq!(due_at(&event, now()), after(due), "{at} {not_before}");
        }
    }

    #[test]
    fn word_that_it_plays_is_withheld_where_the_tracker_knows_nothing_else() {
        let tried = OutboxRow { attempts: 1, ..row(2, Paused(50.0), Waiting) };
        let (pause, play) = (row(1, Paused(50.0), Waiting), row(3, Playing(50.0), Waiting));
        for (action, superseded, expected) in [
            (Playing(50.5), vec![&pause], true),
            (Playing(49.0), vec![&pause], true),
            (Playing(51.5), vec![&pause], false),
            (Playing(48.5), vec![&pause], false),
            (Playing(50.0), vec![&tried], false),
            (Playing(50.0), vec![&play], false),
            (Playing(50.0), vec![&pause, &pause], false),
            (Playing(50.0), vec![], false),
            (Paused(50.0), vec![&pause], false),
            (Watched(50.0), vec![&pause], false),
        ] {
            assert_eq!(only_takes_back_a_pause(&event(action), &superseded), expected, "{action:?}");
        }
        assert!(is_withheld(Some(&event(Playing(10.0)))));
        assert!(!is_withheld(Some(&event(Paused(10.0)))) && !is_withheld(None));
    }

    #[test]
    fn what_an_attempt_leads_to() {
        let settled = |state| AttemptOutcome::Settled { state, note: String::new(), receipt: None };
        let mut watch = row(1, Watched(90.0), Waiting);
        watch.event.remove_from = vec!["list".to_owned(), "bob".to_owned()];
        for (state, is_taken) in [(Delivered, true), (Duplicate, true), (Unmatched, false), (Dead, false)] {
            let outcome = settled(state);
            let effect = attempted(&watch, Some(&watch), &outcome, now());
            let AttemptEffect::Settled { applies_to_all_states, releases_withheld, follow_ups, .. } = effect
            else {
                panic!("{effect:?}");
            };
            assert_eq!((applies_to_all_states, releases_withheld), (is_taken, false), "{state:?}");
            let removals: Vec<_> = follow_ups.iter().map(|it| (it.tracker.as_str(), it.action)).collect();
            let expected = if is_taken {
                vec![("list", RemoveFromWatchlist), ("bob", RemoveFromWatchlist)]
            } else {
                vec![]
            };
            assert_eq!(removals, expected, "{state:?}");
            assert!(follow_ups.iter().all(|it| it.remove_from.is_empty() && it.not_before == now()));
        }
        let pause = row(1, Paused(50.0), Waiting);
        for (state, releases) in [(Delivered, true), (Duplicate, false), (Dead, false)] {
            let outcome = settled(state);
            let effect = attempted(&pause, Some(&pause), &outcome, now());
            assert!(
                matches!(effect, AttemptEffect::Settled { releases_withheld, .. } if releases_withheld == releases)
            );
        }
        let mut other = watch.clone();
        other.event.item = item("Stalker");
        let outcome = settled(Unmatched);
        let effect = attempted(&watch, Some(&other), &outcome, now());
        assert!(matches!(effect, AttemptEffect::Overtaken { state: Unmatched, .. }), "{effect:?}");
        // A row that was forgotten meanwhile is not matched anew.
        let effect = attempted(&watch, None, &outcome, now());
        assert!(matches!(effect, AttemptEffect::Settled { .. }), "{effect:?}");
        let postponed =
            AttemptOutcome::Postponed { next_at: now(), note: "down".to_owned(), uncertain: false };
        let repeated = OutboxRow { note: Some("down".to_owned()), ..watch.clone() };
        for (row, is_repeated) in [(&watch, false), (&repeated, true)] {
            let effect = attempted(row, Some(&other), &postponed, now());
            let expected =
                AttemptEffect::Postponed { next_at: now(), note: "down", uncertain: false, is_repeated };
            assert_eq!(effect, expected);
        }
        for (before, now_uncertain) in [(true, false), (false, true), (true, true)] {
            let outcome = AttemptOutcome::Postponed {
                next_at: now(),
                note: "down".to_owned(),
                uncertain: now_uncertain,
            };
            let row = OutboxRow { uncertain: before, ..watch.clone() };
            let effect = attempted(&row, Some(&other), &outcome, now());
            assert!(matches!(effect, AttemptEffect::Postponed { uncertain: true, .. }), "{effect:?}");
        }
    }

    #[test]
    fn what_a_person_may_do_to_a_delivery() {
        let requeued = CommandEffect::Requeued { looks_first: false };
        for (state, drop, retry) in [
            (Waiting, CommandEffect::Dropped, requeued),
            (Held, CommandEffect::Dropped, requeued),
            (Dead, CommandEffect::Dropped, requeued),
            (Unmatched, CommandEffect::Dropped, requeued),
            (Unsupported, CommandEffect::None, requeued),
            (Skipped, CommandEffect::None, requeued),
            (Dropped, CommandEffect::None, requeued),
            (Delivered, CommandEffect::None, CommandEffect::None),
            (Duplicate, CommandEffect::None, CommandEffect::None),
            (Superseded, CommandEffect::None, CommandEffect::None),
            (Withheld, CommandEffect::None, CommandEffect::None),
        ] {
            let it = row(1, Rated(8.0), state);
            assert_eq!(command(&it, &OutboxCommand::Drop, &[]), drop, "{state:?}");
            assert_eq!(command(&it, &OutboxCommand::Retry, &[]), retry, "{state:?}");
            let matched = OutboxCommand::Match(Box::new(item("Stalker")));
            assert_eq!(command(&it, &matched, &[]), retry, "{state:?}");
        }
    }

    #[test]
    fn an_old_one_is_not_sent_again_over_a_newer_one() {
        let it = row(1, Rated(8.0), Dead);
        for (later, expected) in [
            (row(2, Rated(9.0), Delivered), CommandEffect::Superseded),
            (row(2, Rated(9.0), Duplicate), CommandEffect::Superseded),
            (row(2, Rated(9.0), Waiting), CommandEffect::Superseded),
            (row(2, Rated(9.0), Dead), CommandEffect::Requeued { looks_first: false }),
            (row(2, Watched(90.0), Delivered), CommandEffect::Requeued { looks_first: false }),
        ] {
            assert_eq!(
                command(&it, &OutboxCommand::Retry, std::slice::from_ref(&later)),
                expected,
                "{later:?}"
            );
        }
        // What may have arrived is looked for first.
        let watch = OutboxRow { attempts: 3, ..row(1, Watched(90.0), Dead) };
        let rating = OutboxRow { attempts: 3, ..row(1, Rated(8.0), Dead) };
        let uncertain = OutboxRow { uncertain: true, ..row(1, Rated(8.0), Dead) };
        for (it, looks_first) in [(watch, true), (rating, false), (uncertain, true)] {
            assert_eq!(command(&it, &OutboxCommand::Retry, &[]), CommandEffect::Requeued { looks_first });
        }
    }

    #[test]
    fn the_first_of_each_subject_goes_first_and_subjects_do_not_wait_for_each_other() {
        let of = |id: i64, subject: &str, seconds: i64| {
            let mut it = row(id, Watched(90.0), Waiting);
            it.event.subject = subject.to_owned();
            it.next_at = now() + SignedDuration::from_secs(seconds);
            it
        };
        let next = |rows: &[OutboxRow]| next_due(rows, now()).map(|row| row.id);
        assert_eq!(next(&[]), None);
        assert_eq!(next(&[of(1, "a", 0), of(2, "b", 0)]), Some(1));
        assert_eq!(next(&[of(1, "a", 5), of(2, "b", 0)]), Some(2));
        assert_eq!(next(&[of(1, "a", 5), of(2, "a", 0), of(3, "b", 0)]), Some(3));
        assert_eq!(next(&[of(1, "a", 5), of(2, "a", 0)]), None);
    }

    #[test]
    fn which_states_count_as_failed_and_which_rows_are_woken() {
        for state in DeliveryState::ALL {
            assert_eq!(is_failed(state), matches!(state, Dead | Unmatched), "{state:?}");
        }
        let fresh = row(1, Watched(90.0), Waiting);
        assert!(!is_woken(&fresh), "it waits for its own time");
        assert!(is_woken(&OutboxRow { attempts: 1, ..fresh }));
    }
}
