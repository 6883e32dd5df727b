//! Notices that plugins come, change and go, and that somebody approves or revokes one.

use playrelay_plugin_host::registry::{Approval, DirectoryStamp};
use playrelay_store::StoreError;

use crate::app::App;
use crate::app::adapters;

/// What was seen of the plugins.
#[derive(Default)]
pub(super) struct PluginWatch {
    /// The directory at the last look. A file may be written in parts: what stays as it is for a look counts.
    last: DirectoryStamp,
    /// What was said to have changed last: a mistake is complained of once.
    said: Option<(DirectoryStamp, Vec<Approval>)>,
}

impl PluginWatch {
    /// Looks again. Whether the plugins of an app have to be read anew.
    ///
    /// # Errors
    ///
    /// Fails where the approvals cannot be read. Nothing was said then.
    pub(super) async fn has_changed(&mut self, app: &App) -> Result<bool, StoreError> {
        let found = DirectoryStamp::of(&app.config.plugin_dir);
        let is_stable = found == self.last;
        self.last = found.clone();
        let approvals = adapters::approvals(app.store.approvals().await?, &app.config.plugin_approvals);
        if !is_stable || app.plugins.are_of(&found, &approvals) {
            return Ok(false);
        }
        let now = Some((found, approvals));
        let is_new = self.said != now;
        self.said = now;
        Ok(is_new)
    }
}
