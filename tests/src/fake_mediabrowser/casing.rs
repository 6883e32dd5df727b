//! Both servers ignore the case of paths and of the names of parameters.

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use tower::ServiceExt;

/// The words of paths and parameters, as the routes have them.
const WORDS: [&str; 40] = [
    "Items",
    "Ancestors",
    "Users",
    "Query",
    "Me",
    "MediaSegments",
    "Sessions",
    "Logout",
    "Plugins",
    "Configuration",
    "Notifications",
    "Services",
    "Configured",
    "System",
    "Info",
    "Public",
    "QuickConnect",
    "Initiate",
    "Connect",
    "Enabled",
    "AuthenticateWithQuickConnect",
    "AuthenticateByName",
    "Exchange",
    "socket",
    "emby",
    "embywebsocket",
    "UserId",
    "Ids",
    "Fields",
    "StartIndex",
    "Limit",
    "secret",
    "api_key",
    "deviceId",
    "ConnectUserId",
    "SortBy",
    "SortOrder",
    "Recursive",
    "IncludeItemTypes",
    "Filters",
];

fn canonical(word: &str) -> &str {
    WORDS.into_iter().find(|known| known.eq_ignore_ascii_case(word)).unwrap_or(word)
}

/// A path with its query, in the case of the routes.
fn rewritten(path_and_query: &str) -> String {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let path: Vec<&str> = path.split('/').map(canonical).collect();
    let named = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{}={value}", canonical(name)),
        None => pair.to_owned(),
    };
    let query: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(named).collect();
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{}{separator}{}", path.join("/"), query.join("&"))
}

/// The same routes, whatever the case of what is asked for.
pub(super) fn ignored(router: Router) -> Router {
    Router::new().fallback(move |mut request: Request| {
        let router = router.clone();
        async move {
            let asked = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
            if let Ok(uri) = rewritten(&asked).parse::<Uri>() {
                *request.uri_mut() = uri;
            }
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    })
}
