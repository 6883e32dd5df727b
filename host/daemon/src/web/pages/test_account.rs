//! The connection of an account, tested before the account is saved. Each step appears on the page as it happens.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use futures_util::stream;
use maud::{Markup, html};
use tokio::sync::mpsc;
use tokio::sync::mpsc::UnboundedSender;

use crate::app::App;
use crate::doctor::{Findings, connection};
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::api::settings::{SettingChange, trial};
use crate::web::pages::apply_settings::{apply, digest_of};
use crate::web::pages::context::Context;
use crate::web::pages::doctor::row;
use crate::web::pages::layout::{self, PIECE, Page, Place};
use crate::web::pages::parts::icon;

/// An account that is to be saved once its connection works.
pub(super) struct Candidate {
    /// The account's name.
    pub(super) name: String,
    /// The digest of the configuration that the form was made from; empty where there was no file.
    pub(super) digest: String,
    /// The changes that save it.
    pub(super) changes: Vec<SettingChange>,
    /// The path of the page that comes after it.
    pub(super) next: String,
}

/// The form again, with a problem above it where the change was refused; without one the test has failed.
pub(super) type FormAgain = Box<dyn Fn(Option<&Problem>) -> Markup + Send>;

/// Saves a candidate, after a test of its connection unless the reader does without.
///
/// # Errors
///
/// Fails as [`test_and_save`] does.
pub(super) async fn save(
    api: Arc<Api>,
    context: Context,
    candidate: Candidate,
    is_untested: bool,
    form: FormAgain,
) -> Result<Response, Problem> {
    if !is_untested {
        return test_and_save(api, context, candidate, form).await;
    }
    apply(&api, &candidate.digest, candidate.changes).await?;
    layout::see_other(&context, &after_save(&api, &candidate.name, candidate.next))
}

/// Tests a candidate, and saves it if nothing is wrong. It is saved also where the reader leaves the page meanwhile.
///
/// # Errors
///
/// Fails where the change is refused before anything is tested: the form can show the problem.
async fn test_and_save(
    api: Arc<Api>,
    context: Context,
    candidate: Candidate,
    form: FormAgain,
) -> Result<Response, Problem> {
    let app = trial(&api, digest_of(&candidate.digest), candidate.changes.clone()).await?;
    let (steps, answer) = Steps::begin(&api, &context, &candidate.name).await?;
    tokio::spawn(async move {
        let is_good = steps.test(&api, &app, &candidate.name).await;
        let end = match is_good {
            false => form(None),
            true => match apply(&api, &candidate.digest, candidate.changes).await {
                Ok(_) => {
                    let next = after_save(&api, &candidate.name, candidate.next);
                    saved(&context, &candidate.name, &next)
                }
                Err(problem) => form(Some(&problem)),
            },
        };
        steps.end(&end);
    });
    Ok(answer)
}

/// Tests an account as it is configured now.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let app = App::clone(&api.app());
    if !app.accounts.contains_key(&name) {
        let detail = format!("there is no account {name:?}, or its plugin does not serve");
        return Err(Problem::not_found(detail, "see the set-up"));
    }
    let (steps, answer) = Steps::begin(&api, &context, &name).await?;
    tokio::spawn(async move {
        let is_good = steps.test(&api, &app, &name).await;
        let (class, icon_name, words) = match is_good {
            true => ("ok", "circle-check", "The connection works."),
            false => ("bad", "triangle-alert", "The connection does not work."),
        };
        steps.end(&html! {
            p.space.row.wrap role="status" {
                span.grow.(class) { (icon(&context, icon_name)) " " (words) }
                a.button href=(context.href(&format!("/accounts/{name}"))) { "Back to " (name) }
            }
        });
    });
    Ok(answer)
}

/// A page that shows the steps of a test as they happen.
struct Steps {
    context: Context,
    /// The page before the steps, between them and what follows, and after that.
    parts: [String; 3],
    sender: UnboundedSender<String>,
}

impl Steps {
    /// Begins the page. The answer waits for the pieces.
    async fn begin(api: &Api, context: &Context, name: &str) -> Result<(Self, Response), Problem> {
        let body = html! {
            div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Test" }
            h1 { "Testing the connection of " (name) }
            div.card.list.space { (PIECE) }
            div.space { (PIECE) }
        };
        let title = format!("Testing {name}");
        let (parts, around) = layout::in_pieces(api, context, Page::new(title, Place::Setup), body).await?;
        let parts = parts.try_into().map_err(|_| Problem::internal("the page has not two pieces"))?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let pieces = stream::unfold(receiver, async |mut receiver: mpsc::UnboundedReceiver<String>| {
            receiver.recv().await.map(|piece| (Ok::<_, Infallible>(piece), receiver))
        });
        let steps = Self { context: context.clone(), parts, sender };
        steps.send(&steps.parts[0]);
        Ok((steps, around(Body::from_stream(pieces))))
    }

    /// Tests the account, and shows each step. Gives whether nothing is wrong.
    async fn test(&self, api: &Api, app: &App, name: &str) -> bool {
        let _turn = api.limits.examinations.acquire().await;
        let (listener, mut found) = mpsc::unbounded_channel();
        let mut findings = Findings { listener: Some(listener), ..Findings::of(name) };
        let test = async {
            connection::test(app, name, &mut findings).await;
            findings.listener = None;
        };
        let show = async {
            while let Some(finding) = found.recv().await {
                self.send(&row(&self.context, &finding).into_string());
            }
        };
        tokio::join!(test, show);
        self.send(&self.parts[1]);
        !findings.has_errors()
    }

    /// Ends the page with what follows from the test.
    fn end(&self, markup: &Markup) {
        self.send(&markup.0);
        self.send(&self.parts[2]);
    }

    fn send(&self, piece: &str) {
        // Whoever has left the page needs no more of it.
        let _ = self.sender.send(piece.to_owned());
    }
}

/// The page after an account was saved: its login, where it needs one.
fn after_save(api: &Api, name: &str, next: String) -> String {
    let needs_login = api.logins.accounts.get(name).is_some_and(|account| account.needs_login());
    if needs_login { format!("/accounts/{name}") } else { next }
}

/// The account is saved: what comes next.
fn saved(context: &Context, name: &str, next: &str) -> Markup {
    html! {
        p.row.wrap role="status" {
            span.ok.grow { (icon(context, "circle-check")) " The connection works, and " (name) " is saved." }
            a.button.primary #next href=(context.href(next)) { "Go on" }
        }
    }
}
