//! What is around every page: navigation, theme, scripts, the mark of the stream.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use playrelay_util::secret::Secret;

use crate::web::access::permissions::Permission;
use crate::web::access::sessions;
use crate::web::api::Api;
use crate::web::api::problem::Problem;
use crate::web::pages::assets;
use crate::web::pages::context::{Context, THEME_COOKIE, Theme};
use crate::web::pages::delivery_group::DeliveryGroup;
use crate::web::pages::form::Form;
use crate::web::pages::parts::icon;
use crate::web::pages::session_streams::FULL;

/// What a page may load.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);
/// How long a browser keeps the choice of colours. Seconds.
const THEME_SECONDS: u64 = 365 * 24 * 60 * 60;
/// The configuration of htmx: no evaluation of scripts, no history of ours in the browser.
const HTMX: &str = r#"{"allowEval":false,"historyEnabled":false,"defaultTimeout":30000}"#;

/// A place of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Now,
    History,
    Deliveries,
    Library,
    Setup,
    Help,
}

impl Place {
    const ALL: [Self; 6] =
        [Self::Now, Self::History, Self::Deliveries, Self::Library, Self::Setup, Self::Help];

    /// The name, the path, the label and the icon.
    fn parts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Now => ("now", "/", "Now", "play"),
            Self::History => ("history", "/history", "History", "history"),
            Self::Deliveries => ("deliveries", "/deliveries", "Deliveries", "send"),
            Self::Library => ("library", "/library", "Library", "film"),
            Self::Setup => ("setup", "/setup", "Set-up", "settings-2"),
            Self::Help => ("help", "/help", "Help", "life-buoy"),
        }
    }
}

/// A page.
pub(super) struct Page {
    /// The title.
    pub(super) title: String,
    /// The place in the navigation; absent for a page without navigation.
    pub(super) place: Option<Place>,
    /// The query of the stream that keeps the page up to date; absent for a page that stays as it is.
    pub(super) live: Option<String>,
}

impl Page {
    /// A page at a place.
    pub(super) fn new(title: impl Into<String>, place: Place) -> Self {
        Self { title: title.into(), place: Some(place), live: None }
    }

    /// The same, kept up to date by the stream of this query.
    pub(super) fn live(self, query: impl Into<String>) -> Self {
        Self { live: Some(query.into()), ..self }
    }
}

/// Marks the place of a piece in a page that is sent in pieces.
pub(super) const PIECE: PreEscaped<&str> = PreEscaped("<!-- piece -->");

/// A page with its navigation.
pub(super) async fn page(
    api: &Api,
    context: &Context,
    page: Page,
    body: Markup,
) -> Result<Response, Problem> {
    let text = text(api, context, &page, body).await?;
    Ok(answer(StatusCode::OK, text.into()))
}

/// A page that is sent in pieces, as they become known: its text between them, and the answer around it.
pub(super) async fn in_pieces(
    api: &Api,
    context: &Context,
    page: Page,
    body: Markup,
) -> Result<(Vec<String>, impl FnOnce(Body) -> Response), Problem> {
    let text = text(api, context, &page, body).await?;
    let parts = text.split(PIECE.0).map(str::to_owned).collect();
    let around = |body| {
        let mut answer = answer(StatusCode::OK, body);
        // nginx would keep the pieces until there are many.
        answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        answer
    };
    Ok((parts, around))
}

/// The text of a page with its navigation.
async fn text(api: &Api, context: &Context, page: &Page, body: Markup) -> Result<String, Problem> {
    let waiting = match context.may(Permission::Read) {
        true => api.store().count_deliveries(DeliveryGroup::NeedsYou.states()).await?,
        false => 0,
    };
    let content = html! {
        @if page.live.is_some() { div #live { (body) } } @else { (body) }
        @if let Some(query) = &page.live { (connect(api, context, query)) }
    };
    Ok(document(context, page, waiting, &content))
}

/// What keeps the element `#live` up to date, by the stream of a query.
pub(super) fn connect(api: &Api, context: &Context, query: &str) -> Markup {
    let address = format!("{}&at={}", context.href(&format!("/live?{query}")), api.live.now());
    html! { div hx-sse:connect=(address) hx-sse:close=(FULL) hx-target="#live" hx-swap="innerMorph" {} }
}

/// A page without navigation, for whoever is not logged in, and for problems.
pub(super) fn bare(context: &Context, title: &str, status: StatusCode, body: &Markup) -> Response {
    let page = Page { title: title.to_owned(), place: None, live: None };
    answer(status, document(context, &page, 0, body).into())
}

fn document(context: &Context, page: &Page, waiting: u64, content: &Markup) -> String {
    let base = &context.origin.base;
    let name = context.principal.as_ref().map(|principal| principal.name().to_owned());
    let text = html! {
        (DOCTYPE)
        html lang="en" data-theme=(context.theme.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX);
                title { (page.title) " · Playrelay" }
                link rel="icon" href=(assets::address(base, "mark.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::address(base, "app.css"));
                script src=(assets::address(base, "htmx.js")) defer {}
                script src=(assets::address(base, "app.js")) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top { div.inside {
                    a.brand href=(context.href("/")) { "play" i { "relay" } }
                    @if let Some(place) = page.place { (navigation(context, place, waiting)) }
                    span.grow {}
                    span #stream.live hidden role="status" { span.dot {} span data-word { "live" } }
                    @if let Some(name) = &name { (account(context, name)) }
                } }
                main #main.narrow[page.place.is_none()] tabindex="-1" { (content) }
                footer.foot { (themes(context)) @if page.place.is_some() && context.only_person().is_none() { a.small.foot-help href=(context.href("/help")) { "Help" } } span.muted.small { "Playrelay " (env!("CARGO_PKG_VERSION")) } }
                (keys())
            }
        }
    };
    text.into_string()
}

/// The answer that carries a page.
fn answer(status: StatusCode, body: Body) -> Response {
    let mut answer = (status, body).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("interest-cohort=()"),
    );
    answer
}

fn navigation(context: &Context, here: Place, waiting: u64) -> Markup {
    html! {
        nav.nav aria-label="Pages" {
            @for place in Place::ALL.into_iter().filter(|place| context.only_person().is_none() || *place == Place::Library) {
                @let (name, path, label, icon_name) = place.parts();
                a href=(context.href(path)) data-place=(name) aria-current=[(place == here).then_some("page")] {
                    (icon(context, icon_name)) span { (label) }
                    @if place == Place::Deliveries && waiting > 0 {
                        span.count title="need you" { (waiting) span.hidden { " need you" } }
                    }
                }
            }
        }
    }
}

fn account(context: &Context, name: &str) -> Markup {
    html! {
        span.small.muted.cut { (name) }
        form.inline method="post" action=(context.href("/logout")) {
            button.button.plain.small title="Log out" { (icon(context, "log-out")) span.hidden { "Log out" } }
        }
    }
}

fn themes(context: &Context) -> Markup {
    html! {
        form.inline method="post" action=(context.href("/theme")) aria-label="Colours" {
            input type="hidden" name="back" value=(context.path);
            @for (theme, icon_name) in Theme::ALL.into_iter().zip(["monitor", "sun", "moon"]) {
                button.button.plain.small name="theme" value=(theme.as_str()) aria-pressed=(theme == context.theme) {
                    (icon(context, icon_name)) span.hidden { (theme.as_str()) }
                }
            }
        }
    }
}

fn keys() -> Markup {
    let keys = [
        ("/", "search"),
        ("g n", "Now"),
        ("g h", "History"),
        ("g d", "Deliveries"),
        ("g l", "Library"),
        ("g s", "Set-up"),
        ("g p", "Help"),
        ("?", "this list"),
    ];
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.facts { @for (key, meaning) in keys { dt { kbd { (key) } } dd { (meaning) } } }
            form.space method="dialog" { button.button { "Close" } }
        }
    }
}

/// Keeps the reader's choice of colours, and goes back.
pub(super) async fn choose_theme(
    State(_): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    let theme = Theme::parse(&form.text("theme"));
    let value = Secret::new(theme.as_str().to_owned());
    let cookie = sessions::named_cookie(THEME_COOKIE, &value, &context.origin, THEME_SECONDS);
    let cookie = cookie.ok_or_else(|| Problem::internal("the cookie cannot be written"))?;
    let mut answer = see_other(&context, &local_path(&form.text("back")))?;
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(answer)
}

/// A path below the base that a form or an address names; the first page for anything else, above all for another host.
pub(super) fn local_path(path: &str) -> String {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(['\\', '\r', '\n'])
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_local { path.to_owned() } else { "/".to_owned() }
}

/// Leads the browser to another page.
pub(super) fn see_other(context: &Context, path: &str) -> Result<Response, Problem> {
    let address = HeaderValue::from_str(&context.href(path));
    let address = address.map_err(|_| Problem::internal("the address of a page cannot be written"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_to_no_other_host() {
        assert_eq!(local_path("/history?user=mia"), "/history?user=mia");
        for elsewhere in
            ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\r\nb", "javascript:x"]
        {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere}");
        }
    }
}
