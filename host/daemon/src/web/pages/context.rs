//! Who looks at a page, and from which address.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::web::access::forwarded::Origin;
use crate::web::access::ownership;
use crate::web::access::permissions::Permission;
use crate::web::access::principal::Principal;
use crate::web::access::sessions::cookie_named;
use crate::web::api::problem::Problem;

/// The cookie with the reader's choice of colours.
pub(super) const THEME_COOKIE: &str = "playrelay_theme";

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the device has it.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word, for the cookie and the page.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of a word; as the device has it for any other.
    pub(super) fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == word).unwrap_or_default()
    }
}

/// Who looks at a page, and from which address.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// The way on which the request came.
    pub(super) origin: Origin,
    /// Who sends the request; absent for a stranger.
    pub(super) principal: Option<Principal>,
    /// Light or dark.
    pub(super) theme: Theme,
    /// The path of the page, below the base, with its query.
    pub(super) path: String,
}

impl Context {
    /// The context of a request.
    pub(super) fn new(
        origin: Origin,
        principal: Option<Principal>,
        headers: &HeaderMap,
        path: String,
    ) -> Self {
        let theme = cookie_named(headers, THEME_COOKIE).map(|word| Theme::parse(&word)).unwrap_or_default();
        Self { origin, principal, theme, path }
    }

    /// An address below the base.
    pub(super) fn href(&self, path: &str) -> String {
        format!("{}{path}", self.origin.base)
    }

    /// Whether the reader may see what is somebody's.
    pub(super) fn may_see(&self, person: &str) -> bool {
        self.principal.as_ref().is_some_and(|principal| ownership::may_see(principal, person))
    }

    /// The only person whose library the reader may see; absent where they may see everybody's.
    pub(super) fn only_person(&self) -> Option<&str> {
        self.principal.as_ref().and_then(Principal::only_person)
    }

    /// Whether the reader may do something.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.principal.as_ref().is_some_and(|principal| principal.may(permission))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let origin = parts.extensions.get::<Origin>().cloned();
        let origin = origin.ok_or_else(|| Problem::internal("the request did not pass the front"))?;
        let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        Ok(Self::new(origin, parts.extensions.get().cloned(), &parts.headers, path))
    }
}
