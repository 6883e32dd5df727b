//! `[scrobble]`, and its keys in a route.

use playrelay_engine::policy::{Heartbeat, Policy};

use crate::config::section::Section;

/// The keys of `[scrobble]` that a route may set for itself: those that decide what its tracker is told.
pub(super) fn read_for_route(section: &mut Section<'_>, default: &Policy) -> Policy {
    Policy {
        watched_threshold: section.threshold("watched_at").unwrap_or(default.watched_threshold),
        credits: section.boolean("credits").unwrap_or(default.credits),
        credits_grace: section.duration("credits_grace").unwrap_or(default.credits_grace),
        min_watched_with_unknown_runtime: section
            .duration("min_watched_with_unknown_runtime")
            .unwrap_or(default.min_watched_with_unknown_runtime),
        pause_debounce: section.duration("pause_debounce").unwrap_or(default.pause_debounce),
        suppress_start_at: section.threshold("suppress_start_at").unwrap_or(default.suppress_start_at),
        live_tv: section.boolean("live_tv").unwrap_or(default.live_tv),
        recordings: section.boolean("recordings").unwrap_or(default.recordings),
        extras: section.boolean("extras").unwrap_or(default.extras),
        heartbeat: read_heartbeat(section).unwrap_or(default.heartbeat),
        ..default.clone()
    }
}

/// `heartbeat`: false, or an interval. Absent where nothing is said.
fn read_heartbeat(section: &mut Section<'_>) -> Option<Heartbeat> {
    let place = section.location("heartbeat");
    match section.flag_or_duration("heartbeat")? {
        Ok(true) => Some(Heartbeat::AsOften),
        Ok(false) => Some(Heartbeat::Off),
        Err(interval) if interval.is_zero() => {
            let name = section.name();
            let text = format!("`heartbeat` in {name} is 0; expected an interval such as \"5m\", or false");
            section.error(place, text);
            None
        }
        Err(interval) => Some(Heartbeat::Every(interval)),
    }
}

/// The keys of `[scrobble]`.
pub(super) fn read(section: &mut Section<'_>, default: &Policy) -> Policy {
    let for_routes = read_for_route(section, default);
    Policy {
        min_duration: section.duration("min_duration").unwrap_or(default.min_duration),
        regress_tolerance: section.percent("regress_tolerance").unwrap_or(default.regress_tolerance),
        stale_after: section.duration("stale_after").unwrap_or(default.stale_after),
        offline_keep: section.duration("offline_keep").unwrap_or(default.offline_keep),
        ..for_routes
    }
}
