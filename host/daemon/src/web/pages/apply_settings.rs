//! Changes of the configuration that a page makes: written, taken over by the daemon, or refused beside what was typed.

use std::time::Duration;

use maud::{Markup, html};
use tokio::time::Instant;

use crate::web::api::Api;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::api::settings::{Changed, SettingChange, change_settings};
use crate::web::pages::problem_page::places;

/// How long the daemon may take to take over a changed configuration.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the page looks whether the daemon has taken it over.
const RELOAD_INTERVAL: Duration = Duration::from_millis(50);

/// Changes the configuration, and waits until the daemon has taken it over, no longer than it may take. `digest` is that of the text that
/// the page has shown; empty where there was no file.
pub(super) async fn apply(api: &Api, digest: &str, changes: Vec<SettingChange>) -> Result<Changed, Problem> {
    let changed = change_settings(api, digest_of(digest), changes, false).await?;
    let is_taken_over = || api.app().config.digest.as_ref().map(ToString::to_string) == changed.digest;
    let end = Instant::now() + RELOAD_TIMEOUT;
    while !is_taken_over() && Instant::now() < end {
        tokio::time::sleep(RELOAD_INTERVAL).await;
    }
    Ok(changed)
}

/// The digest that a form has sent; absent where there was no file.
pub(super) fn digest_of(sent: &str) -> Option<String> {
    (!sent.is_empty()).then(|| sent.to_owned())
}

/// Whether the form shows a problem beside what was typed.
pub(super) fn is_of_form(problem: &Problem) -> bool {
    matches!(problem.code, ProblemCode::Invalid | ProblemCode::Locked | ProblemCode::ConfigurationChanged)
}

/// A problem, above the form that led to it.
pub(super) fn complaint(problem: &Problem) -> Markup {
    html! {
        div.notice.bad role="alert" {
            div.grow.stack {
                p { b { (problem.detail) "." } @if let Some(remedy) = &problem.remedy { " What helps: " (remedy) "." } }
                (places(problem))
            }
        }
    }
}
