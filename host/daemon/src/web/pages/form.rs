//! The fields of a form.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use playrelay_util::secret::Secret;

use crate::web::api::problem::{Problem, ProblemCode};

/// Fields of one form.
const MAX_FIELDS: usize = 1_000;

/// The fields of a form, in their order.
#[derive(Default)]
pub(super) struct Form(Vec<(String, Secret)>);

impl Form {
    /// A form with these fields.
    pub(super) fn of(fields: impl Iterator<Item = (String, String)>) -> Self {
        Self(fields.map(|(name, value)| (name, Secret::new(value))).collect())
    }

    /// The first field of a name, without blanks around it; empty if the form has no such field.
    pub(super) fn text(&self, name: &str) -> String {
        self.secret(name).expose().trim().to_owned()
    }

    /// The first field of a name, unchanged; empty if the form has no such field.
    pub(super) fn secret(&self, name: &str) -> Secret {
        let field = self.0.iter().find(|(field, _)| field == name);
        field.map_or_else(|| Secret::new(String::new()), |(_, value)| value.clone())
    }

    /// All fields of a name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.expose())
    }

    /// The fields whose names begin so, without that beginning.
    pub(super) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().filter_map(move |(field, value)| Some((field.strip_prefix(prefix)?, value)))
    }
}

/// The entries of a list that somebody has typed with commas between.
pub(super) fn list(typed: &str) -> Vec<&str> {
    typed.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

/// A form names a choice that its page does not have.
pub(super) fn unknown_choice(field: &str, found: &str) -> Problem {
    let detail = format!("`{field}` of the form is {found:?}, which the page does not offer");
    Problem::new(ProblemCode::Invalid, detail, "load the page again, and choose there")
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !media_type.is_some_and(|it| it.starts_with("application/x-www-form-urlencoded")) {
            let detail = "the body is no form";
            return Err(Problem::new(ProblemCode::UnsupportedMediaType, detail, "send the form of the page"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let code = if rejection.status().as_u16() == 413 {
                ProblemCode::TooLarge
            } else {
                ProblemCode::InvalidRequest
            };
            Problem::new(code, rejection.body_text(), "send less at once")
        })?;
        let fields = url::form_urlencoded::parse(&bytes).take(MAX_FIELDS);
        Ok(Self(fields.map(|(name, value)| (name.into_owned(), Secret::new(value.into_owned()))).collect()))
    }
}
