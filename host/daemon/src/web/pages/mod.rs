//! The pages: what plays, what became of it, what needs somebody, and the set-up. Rust functions write HTML; htmx makes it live.
//!
//! Everything can be read, and every form works, without scripts. Each file holds one page:
//!
//! - `now`, `history`, `story`, `deliveries`, `match_title`, `mappings`: what happens and happened
//! - `setup`, `add_account`, `edit_account`, `add_route`, `edit_route`, `accounts`, `people`, `webhooks`, `notifications`, `email`, `plugins`, `settings`: the set-up
//! - `library`: what people watched, rated and want to watch, and the jobs that read that from somewhere
//! - `help`, `doctor`, `logs`: when something is wrong
//! - `login`, `welcome`: the way in
//! - `card`: what plays, for other pages to embed
//!
//! And what they share:
//!
//! - `context`: who looks, and from which address
//! - `layout`: what is around every page
//! - `parts`, `play_card`, `play_rows`, `delivery_group`: what several pages show
//! - `live`: the same regions, sent again when something has changed
//! - `session_streams`: how many streams a reader may have
//! - `form`: the fields of a form
//! - `apply_settings`: changes of the configuration
//! - `search_title`: what a delivery is about, found in the catalogue
//! - `test_account`: the connection of an account, tested before it is saved
//! - `missing_logins`: which accounts want a login
//! - `problem_page`: problems, as pages
//! - `assets`: styles, scripts, icons

mod accounts;
mod add_account;
mod add_route;
mod apply_settings;
mod assets;
mod card;
mod context;
mod deliveries;
mod delivery_group;
mod doctor;
mod edit_account;
mod edit_route;
mod email;
mod form;
mod help;
mod history;
mod layout;
mod library;
mod live;
mod login;
mod logs;
mod mappings;
mod match_title;
mod missing_logins;
mod notifications;
mod now;
mod parts;
mod people;
mod play_card;
mod play_rows;
mod plugins;
mod problem_page;
mod search_title;
pub mod session_streams;
mod settings;
mod setup;
mod story;
mod test_account;
mod title_input;
mod webhooks;
mod welcome;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::web::api::{Api, guarded};

/// The routes of all pages, behind the guard.
pub fn router(api: Arc<Api>) -> Router {
    let routes = Router::new()
        .route("/", get(now::show))
        .route("/live", get(live::stream))
        .route("/history", get(history::show))
        .route("/events/{id}", get(story::show))
        .route("/events/{id}/replay", post(story::replay))
        .route("/events/{id}/share", get(story::share))
        .route("/deliveries", get(deliveries::show))
        .route("/deliveries/batch", post(deliveries::batch))
        .route("/deliveries/{id}/match", get(match_title::show).post(match_title::send))
        .route("/mappings", get(mappings::show).post(mappings::change))
        .route("/people", get(people::show))
        .route("/people/{id}", post(people::decide))
        .route("/people/addresses/{name}", post(people::change_addresses))
        .route("/accounts/{name}", get(accounts::show))
        .route("/accounts/{name}/login", post(accounts::begin))
        .route("/accounts/{name}/choice", post(accounts::choose))
        .route("/accounts/{name}/settings", get(edit_account::show).post(edit_account::change))
        .route("/accounts/{name}/test", get(test_account::show))
        .route("/accounts/{name}/logout", get(accounts::confirm_end).post(accounts::end))
        .route("/setup", get(setup::show))
        .route("/card/{secret}", get(card::show))
        .route("/setup/card", get(card::settings).post(card::change))
        .route("/setup/routes", post(add_route::add))
        .route("/setup/routes/{index}", get(edit_route::show).post(edit_route::change))
        .route("/setup/{section}/{plugin}", get(add_account::show).post(add_account::add))
        .route("/webhooks", get(webhooks::show))
        .route("/webhooks/{source}", post(webhooks::act))
        .route("/notifications", get(notifications::show))
        .route("/notifications/email", get(email::show).post(email::change))
        .route("/notifications/email/remove", post(email::remove))
        .route("/notifications/{notifier}/test", post(notifications::test))
        .route("/plugins", get(plugins::show))
        .route("/plugins/{id}", post(plugins::decide))
        .route("/settings", get(settings::show).post(settings::change))
        .route("/help", get(help::show))
        .route("/doctor", get(doctor::show))
        .route("/logs", get(logs::show).post(logs::set_level))
        .route("/login", get(login::show).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/welcome", get(welcome::show).post(welcome::finish))
        .route("/theme", post(layout::choose_theme))
        .route("/assets/{file}", get(assets::serve))
        .merge(library::routes());
    guarded(routes, &api).layer(from_fn(problem_page::show)).with_state(api)
}
