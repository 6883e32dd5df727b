//! The description of the API: OpenAPI 3.1.

use axum::http::Method;
use serde_json::json;
use utoipa::IntoResponses;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr};

use crate::web::access::permissions::{self, Permission};
use crate::web::api::endpoints::endpoints;
use crate::web::api::problem::Problems;

/// Says what a route asks for.
const PERMISSION: &str = "x-permission";

/// The document. It is the same for everybody, and changes only with the program.
pub fn document() -> OpenApi {
    let mut document = endpoints().into_openapi();
    document.info = InfoBuilder::new()
        .title("Playrelay")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "What Playrelay knows and does. Instants are RFC 3339 in UTC, durations are milliseconds (`_ms`), percentages are from 0 to \
             100. Ids are opaque. New fields, words and codes may come: a program leaves out what it does not know. `x-permission` says \
             what an operation asks for; docs/api.md has the first steps.",
        ))
        .license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()))
        .contact(Some(ContactBuilder::new().name(Some("Playrelay")).build()))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components.add_security_scheme("password", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
    components.add_security_scheme(
        "session",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("playrelay"))),
    );
    let problems = Problems::responses();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let permission = permissions::of(&method, path).unwrap_or(Permission::Admin);
            describe(operation, permission);
            // Every operation may answer with each of them: they stand in the document once.
            for status in problems.keys() {
                let shared = Ref::from_response_name(problem_name(status));
                operation.responses.responses.insert(status.clone(), RefOr::Ref(shared));
            }
        }
    }
    let components = document.components.get_or_insert_default();
    for (status, response) in problems {
        components.responses.insert(problem_name(&status), response);
    }
    document
}

fn problem_name(status: &str) -> String {
    format!("Problem{status}")
}

fn describe(operation: &mut Operation, permission: Permission) {
    let extension = ExtensionsBuilder::new().add(PERMISSION, json!(permission.as_str())).build();
    operation.extensions.get_or_insert_default().merge(extension);
    if permission == Permission::Open {
        operation.security = Some(Vec::new());
        return;
    }
    let schemes = ["token", "password", "session"];
    let required = schemes.map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
    operation.security = Some(required.to_vec());
}

/// The operations of a path, by their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn described() -> BTreeSet<(String, String)> {
        let mut document = document();
        let paths = &mut document.paths.paths;
        let mut found = BTreeSet::new();
        for (path, item) in paths {
            found.extend(operations(item).map(|(method, _)| (path.clone(), method.to_string())));
        }
        found
    }

    #[test]
    fn every_endpoint_has_a_permission_and_every_permission_an_endpoint() {
        let permitted: BTreeSet<_> = permissions::ROUTES
            .iter()
            .filter(|(path, ..)| path.starts_with("/api/v1/"))
            .map(|(path, method, _)| ((*path).to_owned(), method.to_string()))
            .collect();
        assert_eq!(described(), permitted);
    }

    #[test]
    fn the_document_is_as_it_was_reviewed() {
        insta::assert_json_snapshot!(document());
    }

    #[test]
    fn every_operation_says_what_it_does_and_what_it_may_answer() {
        let mut document = document();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                let text = operation.summary.clone().unwrap_or_default();
                assert!(text.ends_with('.'), "{method} {path}: {text:?}");
                let answers = &operation.responses.responses;
                assert!(answers.keys().any(|status| status.starts_with(['2', '3'])), "{method} {path}");
                assert!(answers.contains_key("401"), "{method} {path}");
            }
        }
    }
}
