//! The playing card as a page of its own, for other pages to embed: read-only, behind a secret link.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use playrelay_engine::play::Play;
use playrelay_store::vault::VaultError;
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::web::access::random;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::form::{self, Form};
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{empty, icon};
use crate::web::pages::play_card::{CardFacts, card};
use crate::web::pages::{assets, layout, play_rows};

/// Under which name the link lies in the vault.
const VAULT_KEY: &str = "host:card";
/// The part with the secret.
const SECRET: &str = "secret";
/// The part that is there where the card says who watches.
const NAMES: &str = "names";
/// What the card may load. Whoever has the link may embed it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors *",
);

/// The link to the card.
struct Link {
    secret: Secret,
    has_names: bool,
}

async fn link(app: &App) -> Result<Option<Link>, Problem> {
    let kept = app.credentials.vault().get(VAULT_KEY).await.map_err(|error| vault_problem(&error))?;
    Ok(kept.and_then(|mut kept| {
        Some(Link { secret: kept.remove(SECRET)?, has_names: kept.contains_key(NAMES) })
    }))
}

fn vault_problem(error: &VaultError) -> Problem {
    Problem::internal(error.to_string())
}

/// The card. Another link than the current one leads nowhere.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(given): Path<String>,
) -> Result<Response, Problem> {
    let app = api.app();
    let known = link(&app).await?;
    let known = known.filter(|link| link.secret.expose().as_bytes().ct_eq(given.as_bytes()).into());
    let link = known.ok_or_else(|| Problem::not_found("there is no such page", ""))?;
    let body = cards(&api, &context, &link).await?;
    let base = &context.origin.base;
    let text = html! {
        (DOCTYPE)
        html lang="en" data-theme=(context.theme.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Playing now" }
                link rel="icon" href=(assets::address(base, "mark.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::address(base, "app.css"));
                script src=(assets::address(base, "htmx.js")) defer {}
                script src=(assets::address(base, "app.js")) defer {}
                noscript { meta http-equiv="refresh" content="15"; }
            }
            body {
                main.embedded {
                    h1.hidden { "Playing now" }
                    div #live hx-get="" hx-trigger="every 5s" hx-select="#live" hx-target="this" hx-swap="outerMorph" { (body) }
                }
            }
        }
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // The secret stands in the address: nobody is told from where a reader comes.
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ];
    Ok((StatusCode::OK, headers, text.into_string()).into_response())
}

async fn cards(api: &Api, context: &Context, link: &Link) -> Result<Markup, Problem> {
    let now = clock::now();
    let app = api.app();
    let open: Vec<Play> = api.store().plays_since(now).await?.into_iter().filter(Play::is_open).collect();
    let deliveries = match link.has_names {
        true => play_rows::deliveries(api, &open).await?,
        false => BTreeMap::new(),
    };
    if open.is_empty() {
        return Ok(empty("Nothing plays.", None));
    }
    Ok(html! {
        div.cards {
            @for play in &open {
                (card(context, play, &CardFacts {
                    deliveries: deliveries.get(&play.id.0).map(Vec::as_slice).unwrap_or_default(),
                    watched_at: app.config.scrobble.watched_threshold,
                    // Pictures are behind the login.
                    has_pictures: false,
                    has_names: link.has_names,
                    has_links: false,
                    now,
                }))
            }
        }
    })
}

/// The link, and what it shows.
pub(super) async fn settings(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let app = api.app();
    let link = link(&app).await?;
    let public = app.config.server.public_url.clone();
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Playing card" }
        h1 { "Playing card" }
        p.muted.space { "What plays now, as a page of its own: for a frame in another page, or a screen on the wall. It needs no login; whoever has the link sees it, and can change nothing." }
        form.card.padded.stack.space method="post" action=(context.href("/setup/card")) {
            @if let Some(link) = &link {
                @let path = context.href(&format!("/card/{}", link.secret.expose()));
                @let address = match &public {
                    Some(public) => format!("{public}/card/{}", link.secret.expose()),
                    None => path.clone(),
                };
                div.row {
                    label.grow { "Link" input.mono #link value=(address) readonly; }
                    button.button.end type="button" data-copy="link" { (icon(&context, "copy")) span data-word { "Copy" } }
                    a.button.end href=(path) { "Open" }
                }
                @if public.is_none() { p.small.muted { "Put the address of this page in front of it; with " code { "public_url" } " in [server] it is whole." } }
            }
            label.check { input type="checkbox" name="names" value="yes" checked[link.as_ref().is_some_and(|link| link.has_names)]; "Show who watches, and on what" }
            div.row.wrap {
                button.button.primary name="action" value="make" { @if link.is_some() { "Make a new link" } @else { "Make a link" } }
                @if link.is_some() { button.button name="action" value="end" { "End the link" } }
            }
            @if link.is_some() { p.small.muted { "With a new link the one before leads nowhere." } }
        }
    };
    layout::page(&api, &context, Page::new("Playing card", Place::Setup), body).await
}

/// Makes a link in place of the one before, or ends it.
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    let app = api.app();
    let vault = app.credentials.vault();
    let done = match form.text("action").as_str() {
        "end" => vault.remove(VAULT_KEY).await,
        "make" => {
            let secret = random::token().map_err(|error| Problem::internal(error.to_string()))?;
            let mut kept = BTreeMap::from([(SECRET.to_owned(), secret)]);
            if form.text("names") == "yes" {
                kept.insert(NAMES.to_owned(), Secret::new("yes".to_owned()));
            }
            vault.put(VAULT_KEY, &kept).await
        }
        other => return Err(form::unknown_choice("action", other)),
    };
    done.map_err(|error| vault_problem(&error))?;
    layout::see_other(&context, "/setup/card")
}
