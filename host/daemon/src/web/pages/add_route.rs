//! Adds a route: a sentence with menus.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::app::App;
use crate::web::api::Api;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::api::settings::{SettingChange, current_digest};
use crate::web::pages::apply_settings::apply;
use crate::web::pages::context::Context;
use crate::web::pages::form::{self, Form};
use crate::web::pages::layout;

/// The form; empty while there is no source or no tracker.
pub(super) fn sentence(context: &Context, app: &App) -> Markup {
    let (sources, trackers) = (&app.config.sources, &app.config.trackers);
    html! {
        @if !sources.is_empty() && !trackers.is_empty() {
            form.card.padded.row.wrap.space method="post" action=(context.href("/setup/routes")) {
                label { "What" select name="who" {
                    option value="everybody" { "everybody" }
                    option value="named" { "only" }
                    option value="assigned" { "nobody until I say" }
                } }
                label.grow { "Names" input name="users" placeholder="mia, bob" autocomplete="off"; }
                label { "watches on" select name="source" { @for name in sources.keys() { option { (name) } } } }
                label { "goes to" select name="tracker" { @for name in trackers.keys() { option { (name) } } } }
                button.button.primary.end { "Add the route" }
            }
        }
    }
}

/// Adds the route.
pub(super) async fn add(
    State(api): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    let typed = form.text("users");
    let names = form::list(&typed);
    let users: Value = match form.text("who").as_str() {
        "named" if names.is_empty() => {
            let detail = "the route names nobody";
            return Err(Problem::new(
                ProblemCode::Invalid,
                detail,
                "go back, and enter the names with commas between",
            ));
        }
        "named" => json!(names),
        "assigned" => json!([]),
        "everybody" => json!(["*"]),
        other => return Err(form::unknown_choice("who", other)),
    };
    let route = json!({ "source": form.text("source"), "tracker": form.text("tracker"), "users": users });
    let change = SettingChange::new("routes[+]".to_owned(), Some(route));
    apply(&api, &current_digest(&api.app())?, vec![change]).await?;
    layout::see_other(&context, "/setup")
}
