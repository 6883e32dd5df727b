//! Small parts that several pages show: icons, chips, times, posters.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use playrelay_engine::model::{Ids, Item, ItemKind};
use playrelay_engine::outbox::OutboxRow;
use url::form_urlencoded::Serializer;

use crate::web::pages::assets;
use crate::web::pages::context::Context;
use crate::web::pages::delivery_group::DeliveryGroup;

/// An icon beside a word.
pub(super) fn icon(context: &Context, name: &str) -> Markup {
    html! {
        svg.icon aria-hidden="true" { use href=(format!("{}#{name}", assets::address(&context.origin.base, "icons.svg"))) {} }
    }
}

/// A word with an icon, in the colour of a class: `ok`, `warn`, `bad` or none.
pub(super) fn chip(context: &Context, class: &str, icon_name: &str, text: &str) -> Markup {
    html! { span.chip.(class) { (icon(context, icon_name)) span.cut { (text) } } }
}

/// What has become of a delivery, with the name of its tracker. The exact state is in the title.
pub(super) fn delivery_chip(context: &Context, row: &OutboxRow) -> Markup {
    let group = DeliveryGroup::of(row.state);
    let (icon_name, class) = group.look();
    let words = match group {
        DeliveryGroup::There => row.event.tracker.clone(),
        DeliveryGroup::OnItsWay => format!("{} waits", row.event.tracker),
        DeliveryGroup::NeedsYou => format!("{} needs you", row.event.tracker),
        DeliveryGroup::NotSentByRule | DeliveryGroup::NotSentByYou => {
            format!("{} not sent", row.event.tracker)
        }
    };
    let title = format!("{} {}: {}", row.event.tracker, row.event.action.name(), row.state.as_str());
    html! { span.chip.(class) title=(title) { (icon(context, icon_name)) span.cut { (words) } } }
}

/// How a time is written.
#[derive(Clone, Copy)]
pub(super) enum TimeForm {
    /// The time of a time of today, the day of any other.
    Time,
    /// Day and time.
    Full,
    /// To the millisecond.
    Precise,
}

/// A time. The browser writes it in the zone of its reader.
pub(super) fn time(at: Timestamp, form: TimeForm) -> Markup {
    let zoned = at.to_zoned(TimeZone::system());
    let (name, text) = match form {
        TimeForm::Time => ("time", zoned.strftime("%H:%M")),
        TimeForm::Full => ("full", zoned.strftime("%-d %b %H:%M")),
        TimeForm::Precise => ("precise", zoned.strftime("%H:%M:%S%.3f")),
    };
    html! { time.muted.small datetime=(at) data-form=(name) { (text) } }
}

/// A time that is to come, as what is left until then.
pub(super) fn until(at: Timestamp) -> Markup {
    html! { time datetime=(at) data-until { "at " (at.to_zoned(TimeZone::system()).strftime("%H:%M")) } }
}

/// A position or a length: `1:16:12`.
pub(super) fn clock(ms: u32) -> String {
    let seconds = ms / 1_000;
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// A title in two lines: of the movie or the show, and what else there is.
pub(super) fn title(item: &Item) -> (String, String) {
    match &item.kind {
        ItemKind::Movie(movie) => {
            (movie.title.clone(), movie.year.map(|year| year.to_string()).unwrap_or_default())
        }
        ItemKind::Show(show) => {
            (show.title.clone(), show.year.map(|year| year.to_string()).unwrap_or_default())
        }
        ItemKind::Season(season) => (season.show.title.clone(), format!("Season {}", season.number)),
        ItemKind::Episode(episode) => {
            let season = episode.season.map(|season| format!("S{season} ")).unwrap_or_default();
            let numbers: Vec<String> = episode.numbers.iter().map(u32::to_string).collect();
            let number = if numbers.is_empty() { String::new() } else { format!("E{}", numbers.join("–")) };
            let place = format!("{season}{number}");
            let words: Vec<&str> = [place.trim(), episode.title.as_deref().unwrap_or_default()]
                .into_iter()
                .filter(|it| !it.is_empty())
                .collect();
            (episode.show.title.clone(), words.join(" · "))
        }
    }
}

/// The poster of a title: a picture where a catalogue has one, its name on a colour otherwise.
pub(super) fn poster(context: &Context, item: &Item, has_pictures: bool) -> Markup {
    let (name, _) = title(item);
    let colour = ["", "warm", "violet"][name.bytes().map(usize::from).sum::<usize>() % 3];
    html! {
        div.poster.(colour) aria-hidden="true" {
            span { (name) }
            @if has_pictures { img src=(context.href(&picture_path(item))) alt="" loading="lazy" decoding="async"; }
        }
    }
}

/// The path of a title's poster.
fn picture_path(item: &Item) -> String {
    fn query<Kind>(kind: &str, title: &str, year: Option<u16>, ids: &Ids<Kind>) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("kind", kind).append_pair("title", title);
        if let Some(year) = year {
            query.append_pair("year", &year.to_string());
        }
        for (name, id) in ids.iter().take(4) {
            query.append_pair(name, id);
        }
        query.finish()
    }
    let query = match &item.kind {
        ItemKind::Movie(movie) => query("movie", &movie.title, movie.year, &movie.ids),
        ItemKind::Show(show) => query("show", &show.title, show.year, &show.ids),
        ItemKind::Season(season) => query("show", &season.show.title, season.show.year, &season.show.ids),
        ItemKind::Episode(episode) => {
            query("show", &episode.show.title, episode.show.year, &episode.show.ids)
        }
    };
    format!("/api/v1/artwork/poster?{query}")
}

/// What a page shows where there is nothing: what would be here, and what changes that.
pub(super) fn empty(text: &str, action: Option<(String, &str)>) -> Markup {
    html! {
        div.card.empty {
            p { (text) }
            @if let Some((address, label)) = action { a.button href=(address) { (label) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_hours_minutes_and_seconds() {
        assert_eq!(
            [0, 59_999, 3_600_000, 4_572_000].map(clock),
            ["0:00:00", "0:00:59", "1:00:00", "1:16:12"]
        );
    }
}
