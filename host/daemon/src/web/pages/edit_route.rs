//! Changes a route: whose plays, from which percentage on they count, and what that would have meant for the last 30 days; or removes it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use maud::html;
use playrelay_engine::play::Play;
use playrelay_engine::routing::route::Route;
use playrelay_util::clock;
use serde_json::{Value, json};

use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::api::settings::{SettingChange, current_digest, settings};
use crate::web::pages::apply_settings::{apply, complaint, is_of_form};
use crate::web::pages::context::Context;
use crate::web::pages::form::{self, Form};
use crate::web::pages::layout::{self, Page, Place};

/// How far back the effect of a change is looked at.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What somebody has typed.
struct Typed {
    users: String,
    watched_at: String,
}

/// The form.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(index): Path<usize>,
) -> Result<Response, Problem> {
    let app = api.app();
    let route = app.config.routes.get(index).ok_or_else(unknown)?;
    let users: Vec<String> = route.users.iter().map(ToString::to_string).collect();
    let watched_at = if is_set(&api, index, "watched_at").await? {
        route.policy.watched_threshold.to_string()
    } else {
        String::new()
    };
    let typed = Typed { users: users.join(", "), watched_at };
    page(&api, &context, index, route, &typed, None).await
}

/// Whether a route sets a key for itself.
async fn is_set(api: &Api, index: usize, key: &str) -> Result<bool, Problem> {
    let place = format!("routes[{index}].{key}");
    Ok(settings(api).await?.items.iter().any(|item| item.key == place))
}

async fn page(
    api: &Api,
    context: &Context,
    index: usize,
    route: &Route,
    typed: &Typed,
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let app = api.app();
    let plays = plays(api, route).await?;
    let usual = app.config.scrobble.watched_threshold;
    let wanted = typed.watched_at.parse().unwrap_or(usual);
    let (now, then) = (count(&plays, route.policy.watched_threshold), count(&plays, wanted));
    let digest = current_digest(&app)?;
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Route" }
        h1 { "From " (route.source) " to " (route.tracker) }
        form.card.padded.stack.space method="post" action=(context.href(&format!("/setup/routes/{index}"))) {
            input type="hidden" name="digest" value=(digest);
            @if let Some(problem) = problem { (complaint(problem)) }
            label { "Whose plays" input name="users" value=(typed.users) autocomplete="off" spellcheck="false";
                span.help { "Names with commas between; * for everybody; nothing for those that you assign." } }
            label { "It counts as watched at" input name="watched_at" value=(typed.watched_at) placeholder=(usual) inputmode="decimal";
                span.help { "Percent, 20 to 100. Without it: " (usual) ", as in [scrobble]." } }
            p role="status" {
                (plays.len()) " plays of the last 30 days ended on this route, " span.strong { (then) } " of them at " (wanted) " % or later"
                @match then.cmp(&now) {
                    std::cmp::Ordering::Less => { ": " (now - then) " fewer than now." }
                    std::cmp::Ordering::Greater => { ": " (then - now) " more than now." }
                    std::cmp::Ordering::Equal => { ": as many as now." }
                }
            }
            div.row.wrap {
                button.button.primary name="action" value="save" { "Save" }
                button.button name="action" value="preview" { "Show the effect" }
                a.button href=(context.href("/setup")) { "Cancel" }
            }
            details {
                summary.small.muted { "Remove the route" }
                p.space { "What has been sent stays at " (route.tracker) "; nothing more goes there. Plays of people whom no other route mentions are held." }
                button.button.space name="action" value="remove" { "Remove the route" }
            }
        }
    };
    layout::page(api, context, Page::new("Route", Place::Setup), body).await
}

/// The plays of the last days that ended on a route.
async fn plays(api: &Api, route: &Route) -> Result<Vec<Play>, Problem> {
    let since = clock::now().saturating_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
    let plays = api.store().plays_since(since).await?.into_iter();
    let is_on_route = |play: &Play| {
        !play.is_open() && play.origin.sources.contains(&route.source) && route.names(&play.user)
    };
    Ok(plays.filter(is_on_route).collect())
}

/// How many of them ended at a percentage or later.
fn count(plays: &[Play], percent: f64) -> usize {
    plays.iter().filter(|play| play.progress().is_some_and(|progress| progress >= percent)).count()
}

/// Saves, shows the effect of, or removes.
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(index): Path<usize>,
    form: Form,
) -> Result<Response, Problem> {
    let app = api.app();
    let route = app.config.routes.get(index).ok_or_else(unknown)?;
    let typed = Typed { users: form.text("users"), watched_at: form.text("watched_at") };
    let place = |key: &str| format!("routes[{index}].{key}");
    let changes = match form.text("action").as_str() {
        "preview" => return page(&api, &context, index, route, &typed, None).await,
        "remove" => vec![SettingChange::new(format!("routes[{index}]"), None)],
        "save" => {
            let mut changes = vec![SettingChange::new(place("users"), Some(json!(form::list(&typed.users))))];
            let is_set = is_set(&api, index, "watched_at").await?;
            if !typed.watched_at.is_empty() {
                changes.push(SettingChange::new(place("watched_at"), Some(percent(&typed.watched_at))));
            } else if is_set {
                changes.push(SettingChange::new(place("watched_at"), None));
            }
            changes
        }
        other => return Err(form::unknown_choice("action", other)),
    };
    match apply(&api, &form.text("digest"), changes).await {
        Ok(_) => layout::see_other(&context, "/setup"),
        Err(problem) if is_of_form(&problem) => {
            page(&api, &context, index, route, &typed, Some(&problem)).await
        }
        Err(problem) => Err(problem),
    }
}

/// A percentage as the file has it; the parser says what is wrong with other text.
fn percent(text: &str) -> Value {
    let whole = text.parse::<i64>().map(Value::from);
    whole.or_else(|_| text.parse::<f64>().map(Value::from)).unwrap_or_else(|_| Value::from(text))
}

fn unknown() -> Problem {
    Problem::not_found("there is no such route any more", "look at the set-up")
}
