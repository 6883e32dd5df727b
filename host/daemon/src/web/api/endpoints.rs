//! All endpoints of the API, each with its description.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::api::context::Api;
use crate::web::api::{
    accounts, artwork, backup, catch_up, currently_watching, doctor, events, jobs, live, logs, members,
    notifications, oidc, outbox, people, plays, plugins, replay, routes, sessions, settings, setup, sources,
    status, tokens, users, webhooks,
};

/// All endpoints with their description.
pub(super) fn endpoints() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(setup::state, setup::finish))
        .routes(routes!(sessions::log_in))
        .routes(routes!(oidc::begin))
        .routes(routes!(oidc::finish))
        .routes(routes!(sessions::log_out))
        .routes(routes!(sessions::current))
        .routes(routes!(sessions::change_password))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(members::list, members::add))
        .routes(routes!(members::change, members::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::remove))
        .routes(routes!(status::get))
        .routes(routes!(currently_watching::list))
        .routes(routes!(artwork::picture))
        .routes(routes!(events::list))
        .routes(routes!(events::get))
        .routes(routes!(events::request))
        .routes(routes!(events::bundle))
        .routes(routes!(replay::event))
        .routes(routes!(plays::list))
        .routes(routes!(plays::get))
        .routes(routes!(plays::undo))
        .routes(routes!(outbox::list))
        .routes(routes!(outbox::batch))
        .routes(routes!(outbox::get))
        .routes(routes!(outbox::correct))
        .routes(routes!(outbox::command))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::login_state, accounts::begin_login, accounts::end_login))
        .routes(routes!(accounts::choose))
        .routes(routes!(sources::list))
        .routes(routes!(catch_up::run))
        .routes(routes!(replay::message))
        .routes(routes!(routes::list))
        .routes(routes!(users::list))
        .routes(routes!(users::assign))
        .routes(routes!(users::ignore))
        .routes(routes!(users::unassign))
        .routes(routes!(people::list))
        .routes(routes!(people::watchlist))
        .routes(routes!(people::import_watchlist))
        .routes(routes!(people::remove_from_watchlist))
        .routes(routes!(people::import_history))
        .routes(routes!(people::webhook, people::renew_webhook, people::remove_webhook))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::rows))
        .routes(routes!(jobs::command))
        .routes(routes!(webhooks::list))
        .routes(routes!(webhooks::register))
        .routes(routes!(webhooks::verify))
        .routes(routes!(webhooks::remove))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::test))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::test))
        .routes(routes!(plugins::list))
        .routes(routes!(plugins::get))
        .routes(routes!(plugins::accesses))
        .routes(routes!(plugins::settings))
        .routes(routes!(plugins::approve))
        .routes(routes!(plugins::refuse))
        .routes(routes!(plugins::revoke))
        .routes(routes!(settings::list, settings::change))
        .routes(routes!(doctor::examine))
        .routes(routes!(logs::list))
        .routes(routes!(logs::levels, logs::set_levels))
        .routes(routes!(backup::download))
        .routes(routes!(live::stream))
}
