//! Which accounts want a login.

use crate::web::api::Api;
use crate::web::api::problem::Problem;

/// The accounts without the login that they need, and why. A source whose webhooks arrive needs none.
pub(super) async fn missing(api: &Api) -> Result<Vec<(String, String)>, Problem> {
    let app = api.app();
    let mut missing = Vec::new();
    for (name, reason) in app.logged_out().await {
        let is_heard =
            app.config.sources.contains_key(&name) && app.store.last_received(&name).await?.is_some();
        if !is_heard {
            missing.push((name, reason));
        }
    }
    Ok(missing)
}
