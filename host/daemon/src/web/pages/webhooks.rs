//! Webhooks: the address of each source, registered, verified, rotated and tested by a click.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::operations::webhooks;
use crate::operations::webhooks::WebhookAddress;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::form::{self, Form};
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, empty, icon, time};
use crate::webhooks::registration::RegistrationAction;

/// How long a token works on that was replaced. Hours.
const GRACE_HOURS: i64 = 48;

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    page(&api, &context, None).await
}

async fn page(api: &Api, context: &Context, answer: Option<(&str, bool)>) -> Result<Response, Problem> {
    let app = api.app();
    let mut rows = Vec::new();
    for address in webhooks::addresses(&app).await? {
        let registration =
            app.registration(&address.source).await.map_err(|error| Problem::internal(error.to_string()))?;
        let facts = registration.as_ref().and_then(|it| it.plugin.manifest.provides.webhook.as_ref());
        let has_test = facts.is_some_and(|facts| facts.test.is_some());
        rows.push((registration.map(|it| it.instructions()), has_test, address));
    }
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Webhooks" }
        h1 { "Webhooks" }
        p.muted.space { "The address belongs to one source, and has a secret in it. Whoever has the address can report plays: paste it into the server's settings only." }
        @if let Some((text, is_good)) = answer {
            div.notice.(if is_good { "" } else { "bad" }) role="status" { div.grow { (text) } }
        }
        @if rows.is_empty() { (empty("No source takes webhooks.", Some((context.href("/setup"), "Add a media server")))) }
        div.stack.space { @for (instructions, has_test, address) in &rows { (card(context, address, instructions.as_deref(), *has_test)) } }
    };
    layout::page(api, context, Page::new("Webhooks", Place::Setup), body).await
}

fn card(context: &Context, address: &WebhookAddress, instructions: Option<&str>, has_test: bool) -> Markup {
    let field = format!("address-{}", address.source);
    html! {
        article.card.padded.stack {
            h3 { (address.source) }
            div.row {
                label.grow { span.hidden { "Address of " (address.source) } input.mono #(field) value=(address.url) readonly; }
                button.button type="button" data-copy=(field) { (icon(context, "copy")) span data-word { "Copy" } }
            }
            @if let Some(instructions) = instructions { p.small.muted { (instructions) } }
            @if let Some(until) = address.old_token_until {
                p.small.warn { "The token before works until " (time(until, TimeForm::Full))
                    @match address.old_token_used_at {
                        Some(at) => { ", and was used last at " (time(at, TimeForm::Full)) "." }
                        None => { ", and was not used since." }
                    }
                }
            }
            form.row.wrap method="post" action=(context.href(&format!("/webhooks/{}", address.source))) {
                button.button.primary name="action" value="register" { "Register at the server" }
                button.button name="action" value="verify" { "Verify" }
                @if has_test { button.button name="action" value="test" { "Send a test" } }
                button.button name="action" value="remove" { "Remove at the server" }
                button.button name="action" value="rotate" { "New token" }
            }
        }
    }
}

/// Does something with a source's webhook, and says what came of it.
pub(super) async fn act(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(source): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let app = api.app();
    let action = match form.text("action").as_str() {
        "register" => RegistrationAction::Register,
        "remove" => RegistrationAction::Remove,
        "rotate" => {
            return match webhooks::rotate_token(&app, &source, GRACE_HOURS, false).await {
                Ok(_) => {
                    page(
                        &api,
                        &context,
                        Some(("There is a new address. The one before works for 48 hours more.", true)),
                    )
                    .await
                }
                Err(error) => page(&api, &context, Some((&format!("{error}."), false))).await,
            };
        }
        "test" => {
            return match webhooks::send_test(&app, &source).await {
                // Its story goes on by itself.
                Ok(Some(event)) => layout::see_other(&context, &format!("/events/{event}")),
                Ok(None) => {
                    page(&api, &context, Some(("The plugin of this source has no test message.", false)))
                        .await
                }
                Err(error) => page(&api, &context, Some((&format!("{error}."), false))).await,
            };
        }
        "verify" => RegistrationAction::Verify,
        other => return Err(form::unknown_choice("action", other)),
    };
    match webhooks::perform(&app, &source, action).await {
        Ok(true) => {
            page(&api, &context, Some((&format!("The server of {source} sends its webhooks here."), true)))
                .await
        }
        Ok(false) => {
            page(&api, &context, Some((&format!("The server of {source} sends no webhooks here."), true)))
                .await
        }
        Err(error) => page(&api, &context, Some((&format!("{error}."), false))).await,
    }
}
