//! What a plugin asks for, in words, and what changed since the version that was approved before.

use playrelay_plugin_host::permissions::PermissionReport;

use crate::app::App;
use crate::operations::OperationError;

/// The permissions that changed since a plugin of this id was approved, line by line; absent if none was approved.
///
/// # Errors
///
/// Fails where the database cannot be read.
pub async fn difference(app: &App, now: &PermissionReport) -> Result<Option<String>, OperationError> {
    let id = &now.id;
    if !app.store.approvals().await?.iter().any(|approval| approval.id == *id) {
        return Ok(None);
    }
    let Some(shown) = app.store.shown_at_approval(id).await? else {
        return Ok(Some(format!("\nanother version of {id} was approved before; this takes its place\n")));
    };
    let before: PermissionReport = serde_json::from_str(&shown).map_err(|error| {
        OperationError::Conflict(format!("what was approved of {id} cannot be read: {error}"))
    })?;
    let (old, new) = (in_words(&before), in_words(&as_complete_as(&before, now)));
    let only = |mark: char, these: &str, those: &str| -> String {
        let lines = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        lines.map(|line| format!("{mark} {}\n", line.trim())).collect()
    };
    let lines = only('-', &old, &new) + &only('+', &new, &old);
    let permissions = match before.permissions == now.permissions {
        true => "the permissions are the same",
        false => "THE PERMISSIONS ARE OTHERS",
    };
    Ok(Some(format!("\nwhat is other than in the version approved before ({permissions}):\n{lines}")))
}

/// The report without what an older program did not note: that has not changed.
fn as_complete_as(before: &PermissionReport, now: &PermissionReport) -> PermissionReport {
    let mut now = now.clone();
    if before.told.is_empty() && before.not_told.is_empty() {
        (now.told, now.not_told) = (Vec::new(), Vec::new());
        (now.capabilities, now.limits) = (Vec::new(), Vec::new());
    }
    now
}

/// All that a plugin asks for, in words.
pub fn in_words(report: &PermissionReport) -> String {
    let mut text = format!("{} {} ({})\n", report.name, report.version, report.id);
    for section in report.sections() {
        text.push_str(&format!("{}:\n", section.title));
        section.lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text
}
