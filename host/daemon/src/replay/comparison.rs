//! The recorded webhooks of a source, read by the version that serves and by another one.

use std::sync::Arc;

use jiff::Timestamp;
use playrelay_engine::model::Report;
use playrelay_engine::timeline::Verdict;
use playrelay_plugin_host::capabilities::{Webhook, WebhookInput, WebhookRequest};
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::{InboxRow, Received};
use serde::Serialize;
use serde_json::json;

use crate::app::App;
use crate::inbox::input;
use crate::inbox::input::Input;
use crate::pipeline;
use crate::replay::ReplayError;
use crate::replay::difference::difference;

/// A message for which two versions of a plugin give different results.
#[derive(Debug, Serialize)]
pub struct MessageDifference {
    /// The event.
    pub event: i64,
    /// The source.
    pub source: String,
    /// Line by line: `-` is what the version that serves gives, `+` what the other one does.
    pub difference: String,
}

/// Reads the newest webhooks of a source by both versions. Gives how many there were, how many other inputs were left out, and the webhooks with two
/// results. Reports of a connection cannot be read once more: the plugin remembered what it had heard.
///
/// # Errors
///
/// Fails where the source has no plugin that serves, or the database cannot be read.
pub async fn compare_messages(
    app: &App,
    source: &str,
    other: &Arc<Plugin>,
    last: u32,
) -> Result<(usize, usize, Vec<MessageDifference>), ReplayError> {
    let no_plugin = || ReplayError::NoPlugin(source.to_owned());
    let (own, target) = app.plugin(source).ok_or_else(no_plugin)?;
    // After all that there is.
    let received =
        Received { source: source.to_owned(), at: Timestamp::MAX, request: Vec::new(), person: None };
    let end = InboxRow { id: i64::MAX, received };
    let rows = app.store.requests_before(&end, Timestamp::MIN, last).await?;
    let (mut read, mut left_out, mut differences) = (0, 0, Vec::new());
    for row in rows {
        let Ok(Input::Webhook(request)) = input::stored(&row) else {
            left_out += 1;
            continue;
        };
        read += 1;
        let target = CallTarget { received_at: row.received.at, ..target.clone() };
        let before = parse(&own, &target, source, request.clone()).await;
        let after = parse(other, &target, source, request).await;
        if before != after {
            let difference = difference(&before, &after);
            differences.push(MessageDifference { event: row.id, source: source.to_owned(), difference });
        }
    }
    Ok((read, left_out, differences))
}

/// What a version gives, as lines.
async fn parse(plugin: &Arc<Plugin>, target: &CallTarget, source: &str, request: WebhookRequest) -> String {
    let input = WebhookInput { request, received_at: target.received_at, source: source.to_owned() };
    let result = plugin.call::<Webhook>(target, input).await.0;
    let result: Result<Vec<Report>, Verdict> =
        pipeline::reports_or_verdict(result, &plugin.manifest.plugin.id);
    let value = match result {
        Ok(reports) => json!({ "reports": reports }),
        Err(verdict) => json!({ "verdict": verdict }),
    };
    format!("{value:#}\n")
}
