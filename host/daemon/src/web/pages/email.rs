//! E-mail: the form of `[notify.email]`. A test is sent before anything is saved.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use serde_json::{Value, json};

use crate::config::{Email, MailTls};
use crate::operations::notifications;
use crate::web::api::Api;
use crate::web::api::problem::Problem;
use crate::web::api::settings::{SettingChange, current_digest, trial};
use crate::web::pages::add_account::test_first;
use crate::web::pages::apply_settings::{apply, complaint, digest_of, is_of_form};
use crate::web::pages::context::Context;
use crate::web::pages::form::{Form, list, unknown_choice};
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::{layout, notifications as overview};

/// The name of the notifier.
const NOTIFIER: &str = "email";
/// The section of the configuration.
const SECTION: &str = "notify.email";
/// The schemes of the address of a mail server, and what the form calls them.
const SCHEMES: [(&str, MailTls, &str); 3] = [
    ("smtps", MailTls::Implicit, "TLS (most often port 465)"),
    ("smtp", MailTls::StartTls, "STARTTLS (most often port 587)"),
    ("smtp+plain", MailTls::None, "none, for a server at home"),
];

/// The form, with what is set.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let typed = api.app().config.notify.email.as_ref().map_or_else(Form::default, typed);
    page(&api, &context, &typed, None, None).await
}

/// The form as somebody would fill it to get what is set. The password is not shown.
fn typed(email: &Email) -> Form {
    let Email { host, port, tls, login, from, to } = email;
    let host = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let scheme = SCHEMES.iter().find(|(_, of, _)| of == tls).map_or("", |(scheme, _, _)| scheme);
    let user = login.as_ref().map_or("", |(user, _)| user);
    let fields = [("host", &*host), ("tls", scheme), ("user", user), ("from", from), ("to", &to.join(", "))];
    Form::of(fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())))
}

async fn page(
    api: &Api,
    context: &Context,
    typed: &Form,
    problem: Option<&Problem>,
    failure: Option<&str>,
) -> Result<Response, Problem> {
    let is_set = api.app().config.notify.email.is_some();
    let text = |name: &str, label: &str, example: &str, help: &str, is_required: bool| {
        html! {
            label { (label)
                input name=(name) value=(typed.text(name)) placeholder=(example) required[is_required] autocomplete="off" spellcheck="false";
                @if !help.is_empty() { span.help { (help) } } }
        }
    };
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/notifications")) { "Notifications" } " › E-mail" }
        form.card.padded.stack method="post" action=(context.href("/notifications/email")) {
            h1 { "E-mail" }
            input type="hidden" name="digest" value=(current_digest(&api.app())?);
            @if let Some(problem) = problem { (complaint(problem)) }
            @if let Some(failure) = failure { div.notice.bad role="alert" { div.grow { (failure) } } }
            (text("host", "Mail server", "mail.example.com", "With its port, where that is another one than usual.", true))
            label { "Encryption" select name="tls" {
                @for (scheme, _, label) in SCHEMES { option value=(scheme) selected[typed.text("tls") == scheme] { (label) } }
            } }
            (text("user", "Account", "", "Empty for a server that wants no login.", false))
            label { "Password" input name="password" type="password" autocomplete="new-password";
                span.help { "It is kept in the configuration, which only its owner reads." @if is_set { " Empty leaves it as it is." } } }
            (text("from", "Sender", "Playrelay <relay@example.com>", "", true))
            (text("to", "Recipients", "mia@example.com", "With commas between.", true))
            (test_first(failure.is_some()))
            div.row.wrap {
                button.button.primary { "Test and save" }
                a.button href=(context.href("/notifications")) { "Cancel" }
            }
        }
        @if is_set {
            form.space method="post" action=(context.href("/notifications/email/remove")) {
                input type="hidden" name="digest" value=(current_digest(&api.app())?);
                button.button { "Send no more e-mail" }
            }
        }
    };
    layout::page(api, context, Page::new("E-mail", Place::Setup), body).await
}

/// Sends a test as the form says, and saves what worked.
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    match save(&api, &form).await {
        Ok(Outcome::Saved(text)) => overview::page(&api, &context, Some((&text, true))).await,
        Ok(Outcome::TestFailed(reason)) => page(&api, &context, &form, None, Some(&reason)).await,
        Err(problem) if is_of_form(&problem) => page(&api, &context, &form, Some(&problem), None).await,
        Err(problem) => Err(problem),
    }
}

/// What became of a form.
enum Outcome {
    /// The settings are saved. The page shows this message.
    Saved(String),
    /// The test did not get through, and nothing is saved. The form shows this reason.
    TestFailed(String),
}

async fn save(api: &Api, form: &Form) -> Result<Outcome, Problem> {
    let (app, digest) = (api.app(), form.text("digest"));
    let changes = changes(form, app.config.notify.email.as_ref())?;
    let would_be = trial(api, digest_of(&digest), changes.clone()).await?;
    let is_untested = !form.text("untested").is_empty();
    if !is_untested && let Err(error) = notifications::send_test(&would_be, NOTIFIER).await {
        return Ok(Outcome::TestFailed(format!("The test did not get through: {error}.")));
    }
    apply(api, &digest, changes).await?;
    let text =
        if is_untested { "E-mail is saved without a test." } else { "E-mail is saved: a test went out." };
    Ok(Outcome::Saved(text.to_owned()))
}

/// The changes that lead to what the form says.
fn changes(form: &Form, now: Option<&Email>) -> Result<Vec<SettingChange>, Problem> {
    let scheme = form.text("tls");
    if SCHEMES.iter().all(|(known, _, _)| *known != scheme) {
        return Err(unknown_choice("tls", &scheme));
    }
    let mut values = vec![
        ("server", Some(json!(format!("{scheme}://{}", form.text("host"))))),
        ("from", Some(json!(form.text("from")))),
        ("to", Some(json!(list(&form.text("to"))))),
    ];
    let (user, password) = (form.text("user"), form.secret("password"));
    let had_login = now.is_some_and(|email| email.login.is_some());
    match (user.is_empty(), password.expose().is_empty()) {
        (true, _) if had_login => values.extend([("user", None), ("password", None)]),
        (true, _) => {}
        (false, is_kept) => {
            values.push(("user", Some(json!(user))));
            values.extend((!is_kept).then(|| ("password", Some(json!(password.expose())))));
        }
    }
    Ok(match now {
        // Comments and order of what is there stay.
        Some(_) => values
            .into_iter()
            .map(|(key, value)| SettingChange::new(format!("{SECTION}.{key}"), value))
            .collect(),
        None => {
            let section = values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
            vec![SettingChange::new(SECTION.to_owned(), Some(Value::Object(section.collect())))]
        }
    })
}

/// Sends no more mail: the section goes.
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    apply(&api, &form.text("digest"), vec![SettingChange::new(SECTION.to_owned(), None)]).await?;
    layout::see_other(&context, "/notifications")
}
