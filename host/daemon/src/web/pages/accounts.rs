//! An account at a server or a tracker: how it stands, and every way to log in. A login goes on in the daemon: the page may be left.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, PreEscaped, html};
use playrelay_plugin_host::account::Account;
use playrelay_plugin_host::manifest::LoginMethod;
use playrelay_store::AccountPause;
use qrcode::QrCode;
use qrcode::types::Color;

use crate::auth::pending::{BeginLogin, LoginState};
use crate::auth::plugin_flow;
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::missing_logins::missing;
use crate::web::pages::parts::{chip, icon, until};

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    page(&api, &context, &name, None).await
}

async fn page(
    api: &Api,
    context: &Context,
    name: &str,
    complaint: Option<&str>,
) -> Result<Response, Problem> {
    let account = api.logins.accounts.get(name).ok_or_else(|| unknown(name))?;
    let state = region(api, context, name).await?;
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › " (name) }
        h1 { (name) " " span.muted { (account.manifest.plugin.id) } }
        @if let Some(complaint) = complaint { p.bad.space role="alert" { (complaint) } }
        div.space #live { (state) }
        @if context.may(Permission::Admin) {
            (ways(context, &account))
            p.space.row.wrap {
                a.button.small href=(context.href(&format!("/accounts/{name}/test"))) { "Test the connection" }
                a.button.small href=(context.href(&format!("/accounts/{name}/settings"))) { "Settings…" }
                a.button.small href=(context.href(&format!("/accounts/{name}/logout"))) { "Log out…" }
            }
        }
        (layout::connect(api, context, &format!("page=account&of={name}")))
    };
    layout::page(api, context, Page::new(name, Place::Setup), body).await
}

/// How the account stands, and the login that is under way.
pub(super) async fn region(api: &Api, context: &Context, name: &str) -> Result<Markup, Problem> {
    let account = api.logins.accounts.get(name).ok_or_else(|| unknown(name))?;
    let pause = api.store().pause(name).await?;
    let login = api.logins.status(name).filter(|_| context.may(Permission::Admin));
    let needs_login = missing(api).await?.into_iter().any(|(logged_out, _)| logged_out == name);
    let state = match &pause {
        Some(AccountPause::Login { reason }) => {
            html! { (chip(context, "warn", "log-in", "wants a new login")) " " span.muted { (reason) } }
        }
        Some(AccountPause::Until { until: at, reason, .. } | AccountPause::Blocked { until: at, reason }) => {
            html! { (chip(context, "warn", "clock", "pauses")) " " span.muted { (reason) " · tries again " (until(*at)) } }
        }
        None if needs_login => html! { (chip(context, "warn", "log-in", "not logged in")) },
        None if account.needs_login() => html! { (chip(context, "ok", "check", "logged in")) },
        None => html! { (chip(context, "ok", "check", "ready")) },
    };
    Ok(html! {
        p { (state) }
        @if let Some(login) = &login { (under_way(context, name, login)) }
    })
}

fn under_way(context: &Context, name: &str, login: &LoginState) -> Markup {
    match login {
        LoginState::Beginning => html! { p.space { "The service is being asked…" } },
        LoginState::Pending { url, complete_url, code, expires_at } => {
            // A service names the address: only one of the web becomes a link.
            let is_web =
                |address: &&String| address.starts_with("https://") || address.starts_with("http://");
            let address = complete_url.as_ref().filter(is_web).unwrap_or(url);
            let link = Some(address).filter(is_web);
            html! {
                section.card.padded.space.row.wrap aria-label="Login" {
                    div.grow.stack {
                        p { "Open " a href=[link] target="_blank" rel="noreferrer" { (url) } " and enter" }
                        p.code #login-code { (code) }
                        p.muted.small { "or point your telephone at the picture. Waiting for you; the code ends " (until(*expires_at)) ". You may leave this page." }
                        @if let Some(link) = link { p { a.button.primary href=(link) target="_blank" rel="noreferrer" { "Open the page" } } }
                    }
                    (qr(address))
                }
            }
        }
        LoginState::Choosing { choices } => html! {
            form.card.padded.space.stack method="post" action=(context.href(&format!("/accounts/{name}/choice"))) {
                h3 { "Which one?" }
                @for (number, choice) in choices.iter().enumerate() {
                    label.check { input type="radio" name="id" value=(choice.id()) checked[number == 0]; (choice.label()) }
                }
                button.button.primary { "Choose" }
            }
        },
        LoginState::Granted => {
            html! { p.ok.space role="status" { (icon(context, "circle-check")) " The login is stored. Everything that waited goes out now. " a href=(context.href(&format!("/accounts/{name}/test"))) { "Test the connection" } " · " a href=(context.href("/setup")) { "Go on with the set-up" } } }
        }
        LoginState::Failed { reason } => {
            html! { p.bad.space role="alert" { "The login did not succeed: " (reason) "." } }
        }
    }
}

/// An address, for a telephone to read.
fn qr(address: &str) -> Markup {
    let Ok(code) = QrCode::new(address) else { return html! {} };
    let width = code.width();
    let colors = code.to_colors();
    let mut path = String::new();
    for (index, color) in colors.iter().enumerate() {
        if *color == Color::Dark {
            path.push_str(&format!("M{} {}h1v1h-1z", index % width, index / width));
        }
    }
    html! {
        svg.qr viewBox=(format!("0 0 {width} {width}")) role="img" aria-label="The address as a QR code" shape-rendering="crispEdges" {
            (PreEscaped(format!("<path d=\"{path}\" fill=\"#000\"/>")))
        }
    }
}

/// Every way to log in.
fn ways(context: &Context, account: &Account) -> Markup {
    let action = context.href(&format!("/accounts/{}/login", account.name));
    match plugin_flow::methods(account) {
        Some(login) => html! {
            h2 { "Log in" }
            div.choices { @for method in &login.methods { (way(&action, method)) } }
        },
        None if account.needs_login() => html! {
            h2 { "Log in" }
            form method="post" action=(action) { button.button.primary { (icon(context, "log-in")) "Log in with a code" } }
        },
        None => html! { p.muted.space { "This account needs no login: its keys are in the configuration." } },
    }
}

fn way(action: &str, method: &LoginMethod) -> Markup {
    html! {
        form.card.padded.stack method="post" action=(action) {
            h3 { (method.label) }
            input type="hidden" name="method" value=(method.id);
            @for field in &method.fields {
                label {
                    (field.label)
                    input name={ "field-" (field.key) } type=(if field.secret { "password" } else { "text" }) required[!field.optional] autocomplete="off" spellcheck="false";
                    @if field.optional { span.help { "may be left empty" } }
                }
            }
            button.button.primary { "Log in" }
        }
    }
}

/// Begins a login.
pub(super) async fn begin(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let account = api.logins.accounts.get(&name).ok_or_else(|| unknown(&name))?;
    let method = Some(form.text("method")).filter(|method| !method.is_empty());
    let fields: BTreeMap<String, String> = form
        .with_prefix("field-")
        .map(|(key, value)| (key.to_owned(), value.expose().trim().to_owned()))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    match api.logins.begin(&account, BeginLogin::new(method, fields)).await {
        Ok(_) => layout::see_other(&context, &format!("/accounts/{name}")),
        Err(error) => page(&api, &context, &name, Some(&format!("{error}."))).await,
    }
}

/// Goes on with what the user has chosen.
pub(super) async fn choose(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    match api.logins.choose(&name, &form.text("id")).await {
        Some(Ok(_)) => layout::see_other(&context, &format!("/accounts/{name}")),
        Some(Err(error)) => page(&api, &context, &name, Some(&format!("{error}."))).await,
        None => Err(Problem::new(ProblemCode::Conflict, "no login waits for a choice", "begin one")),
    }
}

/// A second look before a login ends.
pub(super) async fn confirm_end(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    api.logins.accounts.get(&name).ok_or_else(|| unknown(&name))?;
    let body = html! {
        div.crumbs.muted.small { a href=(context.href(&format!("/accounts/{name}"))) { (name) } " › Log out" }
        form.card.padded.stack method="post" action=(context.href(&format!("/accounts/{name}/logout"))) {
            h1 { "Log " (name) " out?" }
            p { "Playrelay forgets the login, and ends it at the service where that is possible. What waits for the account waits on; nothing is lost. Its history and its routes stay." }
            div.row.wrap {
                button.button.primary { "Log out" }
                a.button href=(context.href(&format!("/accounts/{name}"))) { "Cancel" }
            }
        }
    };
    layout::page(&api, &context, Page::new(format!("Log {name} out"), Place::Setup), body).await
}

/// Ends a login, and says what remains where.
pub(super) async fn end(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let account = api.logins.accounts.get(&name).ok_or_else(|| unknown(&name))?;
    let outcome = api.logins.end(&account).await.map_err(|error| Problem::internal(error.to_string()))?;
    let outcome = outcome.ok_or_else(|| unknown(&name))?;
    let body = html! {
        div.card.padded.stack {
            h1 { @if outcome.was_logged_in { (name) " is logged out" } @else { (name) " was not logged in" } }
            @if let Some(remains) = &outcome.remains { p { (remains) "." } }
            @if outcome.has_key { p.warn { "A key in the configuration goes on to count." } }
            p { a.button href=(context.href(&format!("/accounts/{name}"))) { "Back to " (name) } }
        }
    };
    layout::page(&api, &context, Page::new(name, Place::Setup), body).await
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(
        format!("there is no account {name:?}, or its plugin does not serve"),
        "see the set-up",
    )
}
