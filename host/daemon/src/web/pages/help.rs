//! Where help is: the doctor, the log, the API.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use maud::html;

use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, icon, time};

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let choice = |path: &str, icon_name: &str, name: &str, text: &str| {
        html! {
            a.card.choice href=(context.href(path)) { h3 { (icon(&context, icon_name)) " " (name) } span.small.muted { (text) } }
        }
    };
    let app = api.app();
    let (kept, bytes) = (app.store.kept().await?, app.store.size().await?);
    let body = html! {
        h1 { "Help" }
        div.choices.space {
            (choice("/doctor", "stethoscope", "Doctor", "Tests each source and tracker from end to end, and says what helps."))
            @if context.may(Permission::Admin) {
                (choice("/logs", "scroll-text", "Log", "The newest lines, with the event that each belongs to."))
            }
            (choice("/history?show=inputs", "history", "Everything received", "Also what was ignored, with the rule that decided."))
            (choice("/api/docs", "book-open", "API", "For other programs: every address, with its fields."))
        }
        h2.space { "What is kept" }
        dl.facts.card.padded {
            dt { "Plays" } dd { (kept.plays) ", for ever" }
            dt { "Events" } dd {
                (kept.events) ", with their stories"
                @if let Some(oldest) = kept.oldest_event { ", since " (time(oldest, TimeForm::Full)) }
                div.small.muted { "Deleted after " (days(app.config.server.keep_events)) ": " code { "keep_events" } " in the configuration" }
            }
            dt { "Deliveries" } dd { (kept.deliveries) }
            dt { "On the disk" } dd { (megabytes(bytes)) }
        }
        p.space.small.muted { "Press " kbd { "?" } " for the keys." }
    };
    layout::page(&api, &context, Page::new("Help", Place::Help), body).await
}

/// A time that things are kept, in whole days, or hours where it is less than two days.
fn days(kept: Duration) -> String {
    match kept.as_secs() / 3_600 {
        1 => "1 hour".to_owned(),
        hours @ 0..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

/// A size, in whole megabytes.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_rounded_to_what_people_say() {
        let kept = [1, 47, 48, 24 * 90].map(|hours| days(Duration::from_secs(hours * 3_600)));
        assert_eq!(kept, ["1 hour", "47 hours", "2 days", "90 days"]);
        assert_eq!([0, 1, 1 << 20, (1 << 20) + 1].map(megabytes), ["0 MB", "1 MB", "1 MB", "2 MB"]);
    }
}
