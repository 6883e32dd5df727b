//! What each route of the API and of the pages asks for. A route that is not in the table is refused, whoever sends the request.

use axum::http::Method;

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing.
    Open,
    /// That the sender is known, whatever they may do.
    Known,
    /// Read, or an address in `monitoring` of `[access]`.
    Monitoring,
    /// To see a library: the own one with the role person, any with the permission to read.
    Own,
    /// To see what plays, what became of it and how all stands: the role viewer, or the scope `read`.
    Read,
    /// To change a library: the own one with the role person, any with the permission to control.
    OwnControl,
    /// To change deliveries and users: the role admin, or the scope `control`.
    Control,
    /// To change everything, and to see secrets and raw requests: the role admin, or the scope `admin`.
    Admin,
}

impl Permission {
    /// The word for documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Known => "known",
            Self::Monitoring => "monitoring",
            Self::Own => "own",
            Self::Read => "read",
            Self::OwnControl => "own-control",
            Self::Control => "control",
            Self::Admin => "admin",
        }
    }

    /// What helps somebody who may not.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Open | Self::Known | Self::Monitoring | Self::Own | Self::Read => {
                "log in as a member, or use a token with the scope `read`"
            }
            Self::OwnControl | Self::Control => {
                "log in as a member with the role admin, or use a token with the scope `control`"
            }
            Self::Admin => "log in as a member with the role admin, or use a token with the scope `admin`",
        }
    }
}

use Permission::{Admin, Control, Known, Monitoring, Open, Own, OwnControl, Read};

/// All routes behind the guard, by path and method.
pub const ROUTES: &[(&str, Method, Permission)] = &[
    ("/", Method::GET, Own),
    ("/live", Method::GET, Own),
    ("/history", Method::GET, Read),
    ("/events/{id}", Method::GET, Read),
    ("/events/{id}/replay", Method::POST, Control),
    ("/events/{id}/share", Method::GET, Admin),
    ("/deliveries", Method::GET, Read),
    ("/deliveries/batch", Method::POST, Control),
    ("/deliveries/{id}/match", Method::GET, Control),
    ("/deliveries/{id}/match", Method::POST, Control),
    ("/library", Method::GET, Own),
    ("/library/shows", Method::GET, Own),
    ("/library/titles/{id}", Method::GET, Own),
    ("/library/plays/{id}/remove", Method::GET, OwnControl),
    ("/library/plays/{id}/remove", Method::POST, OwnControl),
    ("/library/watchlist", Method::GET, Own),
    ("/library/watchlist", Method::POST, OwnControl),
    ("/library/statistics", Method::GET, Own),
    ("/library/statistics.csv", Method::GET, Own),
    ("/library/genres", Method::POST, Control),
    ("/library/import", Method::GET, Own),
    ("/library/import", Method::POST, OwnControl),
    ("/library/jobs", Method::GET, Own),
    ("/library/jobs/{id}", Method::GET, Own),
    ("/library/jobs/{id}/rows/{number}", Method::GET, OwnControl),
    ("/library/jobs/{id}/rows/{number}", Method::POST, OwnControl),
    ("/library/jobs/{id}/tell", Method::POST, Control),
    ("/library/jobs/{id}/{command}", Method::POST, OwnControl),
    ("/mappings", Method::GET, Read),
    ("/mappings", Method::POST, Control),
    ("/people", Method::GET, Read),
    ("/people/{id}", Method::POST, Control),
    ("/people/addresses/{name}", Method::POST, Admin),
    ("/accounts/{name}", Method::GET, Read),
    ("/accounts/{name}/login", Method::POST, Admin),
    ("/accounts/{name}/choice", Method::POST, Admin),
    ("/accounts/{name}/settings", Method::GET, Admin),
    ("/accounts/{name}/settings", Method::POST, Admin),
    ("/accounts/{name}/test", Method::GET, Admin),
    ("/accounts/{name}/logout", Method::GET, Admin),
    ("/accounts/{name}/logout", Method::POST, Admin),
    ("/setup", Method::GET, Read),
    ("/card/{secret}", Method::GET, Open),
    ("/setup/card", Method::GET, Admin),
    ("/setup/card", Method::POST, Admin),
    ("/setup/routes", Method::POST, Admin),
    ("/setup/routes/{index}", Method::GET, Admin),
    ("/setup/routes/{index}", Method::POST, Admin),
    ("/setup/{section}/{plugin}", Method::GET, Admin),
    ("/setup/{section}/{plugin}", Method::POST, Admin),
    ("/webhooks", Method::GET, Admin),
    ("/webhooks/{source}", Method::POST, Admin),
    ("/notifications", Method::GET, Read),
    ("/notifications/email", Method::GET, Admin),
    ("/notifications/email", Method::POST, Admin),
    ("/notifications/email/remove", Method::POST, Admin),
    ("/notifications/{notifier}/test", Method::POST, Admin),
    ("/plugins", Method::GET, Read),
    ("/plugins/{id}", Method::POST, Admin),
    ("/settings", Method::GET, Admin),
    ("/settings", Method::POST, Admin),
    ("/help", Method::GET, Read),
    ("/doctor", Method::GET, Read),
    ("/logs", Method::GET, Admin),
    ("/logs", Method::POST, Admin),
    ("/login", Method::GET, Open),
    ("/login", Method::POST, Open),
    ("/logout", Method::POST, Known),
    ("/welcome", Method::GET, Open),
    ("/welcome", Method::POST, Open),
    ("/theme", Method::POST, Open),
    ("/assets/{file}", Method::GET, Open),
    ("/metrics", Method::GET, Monitoring),
    ("/readyz", Method::GET, Monitoring),
    ("/api/openapi.json", Method::GET, Read),
    ("/api/docs", Method::GET, Read),
    ("/api/docs.css", Method::GET, Known),
    ("/help/problems/{code}", Method::GET, Known),
    ("/api/v1/setup", Method::GET, Open),
    ("/api/v1/setup", Method::POST, Open),
    ("/api/v1/login", Method::POST, Open),
    ("/api/v1/login/oidc", Method::GET, Open),
    ("/api/v1/login/oidc/callback", Method::GET, Open),
    ("/api/v1/logout", Method::POST, Known),
    ("/api/v1/session", Method::GET, Known),
    ("/api/v1/password", Method::PUT, Known),
    ("/api/v1/sessions", Method::GET, Admin),
    ("/api/v1/sessions/{id}", Method::DELETE, Admin),
    ("/api/v1/members", Method::GET, Admin),
    ("/api/v1/members", Method::POST, Admin),
    ("/api/v1/members/{name}", Method::PATCH, Admin),
    ("/api/v1/members/{name}", Method::DELETE, Admin),
    ("/api/v1/tokens", Method::GET, Admin),
    ("/api/v1/tokens", Method::POST, Admin),
    ("/api/v1/tokens/{id}", Method::DELETE, Admin),
    ("/api/v1/status", Method::GET, Read),
    ("/api/v1/currently-watching", Method::GET, Read),
    ("/api/v1/artwork/{kind}", Method::GET, Own),
    ("/api/v1/events", Method::GET, Read),
    ("/api/v1/events/{id}", Method::GET, Read),
    ("/api/v1/events/{id}/request", Method::GET, Admin),
    ("/api/v1/events/{id}/bundle", Method::GET, Admin),
    ("/api/v1/events/{id}/replay", Method::POST, Control),
    ("/api/v1/plays", Method::GET, Read),
    ("/api/v1/plays/{id}", Method::GET, Read),
    ("/api/v1/plays/{id}/undo", Method::POST, Control),
    ("/api/v1/outbox", Method::GET, Read),
    ("/api/v1/outbox/batch", Method::POST, Control),
    ("/api/v1/outbox/{id}", Method::GET, Read),
    ("/api/v1/outbox/{id}/match", Method::POST, Control),
    ("/api/v1/outbox/{id}/{command}", Method::POST, Control),
    ("/api/v1/accounts", Method::GET, Read),
    ("/api/v1/accounts/{name}/login", Method::GET, Admin),
    ("/api/v1/accounts/{name}/login", Method::POST, Admin),
    ("/api/v1/accounts/{name}/login", Method::DELETE, Admin),
    ("/api/v1/accounts/{name}/login/choice", Method::POST, Admin),
    ("/api/v1/sources", Method::GET, Read),
    ("/api/v1/sources/{name}/catch-up", Method::POST, Control),
    ("/api/v1/sources/{name}/replay", Method::POST, Control),
    ("/api/v1/routes", Method::GET, Read),
    ("/api/v1/users", Method::GET, Read),
    ("/api/v1/users/{id}/assign", Method::POST, Control),
    ("/api/v1/users/{id}/ignore", Method::POST, Control),
    ("/api/v1/users/{id}/unassign", Method::POST, Control),
    ("/api/v1/mappings", Method::GET, Read),
    ("/api/v1/mappings", Method::POST, Control),
    ("/api/v1/mappings/{id}", Method::PUT, Control),
    ("/api/v1/mappings/{id}", Method::DELETE, Control),
    ("/api/v1/people", Method::GET, Own),
    ("/api/v1/people/{name}/watchlist", Method::GET, Own),
    ("/api/v1/people/{name}/watchlist/import", Method::POST, OwnControl),
    ("/api/v1/people/{name}/watchlist/{title}", Method::DELETE, OwnControl),
    ("/api/v1/people/{name}/imports", Method::POST, OwnControl),
    ("/api/v1/people/{name}/export", Method::GET, Own),
    ("/api/v1/people/{name}/exports", Method::POST, OwnControl),
    ("/api/v1/people/{name}/webhook", Method::GET, Admin),
    ("/api/v1/people/{name}/webhook", Method::POST, Admin),
    ("/api/v1/people/{name}/webhook", Method::DELETE, Admin),
    ("/api/v1/jobs", Method::GET, Own),
    ("/api/v1/jobs", Method::POST, Control),
    ("/api/v1/jobs/{id}", Method::GET, Own),
    ("/api/v1/jobs/{id}/file", Method::GET, Own),
    ("/api/v1/jobs/{id}/rows", Method::GET, Own),
    ("/api/v1/jobs/{id}/rows/{number}/match", Method::POST, OwnControl),
    ("/api/v1/jobs/{id}/deliveries", Method::POST, Control),
    ("/api/v1/jobs/{id}/{command}", Method::POST, OwnControl),
    ("/api/v1/webhooks", Method::GET, Admin),
    ("/api/v1/webhooks/{source}/register", Method::POST, Admin),
    ("/api/v1/webhooks/{source}/verify", Method::POST, Admin),
    ("/api/v1/webhooks/{source}/remove", Method::POST, Admin),
    ("/api/v1/webhooks/{source}/rotate", Method::POST, Admin),
    ("/api/v1/webhooks/{source}/test", Method::POST, Admin),
    ("/api/v1/notifications", Method::GET, Read),
    ("/api/v1/notifications/{notifier}/test", Method::POST, Admin),
    ("/api/v1/plugins", Method::GET, Read),
    ("/api/v1/plugins/{id}", Method::GET, Read),
    ("/api/v1/plugins/{id}/accesses", Method::GET, Read),
    ("/api/v1/plugins/{id}/settings", Method::GET, Read),
    ("/api/v1/plugins/{id}/approve", Method::POST, Admin),
    ("/api/v1/plugins/{id}/refuse", Method::POST, Admin),
    ("/api/v1/plugins/{id}/revoke", Method::POST, Admin),
    ("/api/v1/settings", Method::GET, Admin),
    ("/api/v1/settings", Method::PATCH, Admin),
    ("/api/v1/doctor", Method::GET, Read),
    ("/api/v1/logs", Method::GET, Admin),
    ("/api/v1/log-levels", Method::GET, Admin),
    ("/api/v1/log-levels", Method::PUT, Admin),
    ("/api/v1/backup", Method::GET, Admin),
    ("/api/v1/live", Method::GET, Read),
];

/// Where everything arrives that is below `/api` and has no route: strangers do not learn what there is.
const UNKNOWN: [&str; 2] = ["/api", "/api/{*rest}"];

/// What a route asks for; absent for a path that is not in the table. Another method of a path that is there asks for what
/// [`Permission::Known`] does, so that its answer is "405".
pub fn of(method: &Method, path: &str) -> Option<Permission> {
    if UNKNOWN.contains(&path) {
        return Some(Known);
    }
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let mut routes = ROUTES.iter().filter(|(known, _, _)| *known == path).peekable();
    routes.peek()?;
    Some(routes.find(|(_, known, _)| known == method).map_or(Known, |(_, _, permission)| *permission))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_route_is_there_once() {
        let keys: HashSet<_> = ROUTES.iter().map(|(path, method, _)| (path, method)).collect();
        assert_eq!(keys.len(), ROUTES.len());
    }

    #[test]
    fn a_viewer_changes_nothing() {
        for (path, method, permission) in ROUTES {
            let own = ["/setup", "/login", "/logout", "/password"].map(|path| format!("/api/v1{path}"));
            let pages = ["/login", "/logout", "/welcome", "/theme"];
            let is_own = own.iter().any(|own| own == path) || pages.contains(path);
            assert!(method == Method::GET || is_own || *permission >= OwnControl, "{method} {path}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_has_no_permission() {
        assert_eq!(of(&Method::GET, "/api/v1/secrets"), None);
        assert_eq!(of(&Method::HEAD, "/api/v1/events"), Some(Read));
        assert_eq!(of(&Method::DELETE, "/api/v1/events"), Some(Known));
    }
}
