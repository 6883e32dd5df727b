//! Another program's set-up, written into the configuration and the vault.

use std::collections::BTreeMap;
use std::path::Path;

use playrelay_plugin_host::http::LoginTokens;

use crate::app::{App, AppError, Purpose, list};
use crate::config::file::ConfigText;
use crate::imports::setup::SetUp;
use crate::operations::OperationError;
use crate::webhooks::registration;

/// The beginning of a configuration that was not there.
const HEAD: &str = "# Playrelay. Changes of this file are taken over while the daemon runs; `playrelay check` finds mistakes.\n";

/// Writes a set-up: its sections behind what the file has already, its secrets into the vault.
///
/// # Errors
///
/// Fails where the file has sections of the same names, or cannot be written; nothing is written then. Where the vault fails, the sections stay.
pub async fn write(file: &Path, set_up: SetUp) -> Result<(), OperationError> {
    let shown = file.display();
    let before = ConfigText::read(file)
        .map_err(|error| OperationError::Conflict(format!("{shown} cannot be read: {error}")))?;
    let begun =
        if before.text.is_empty() { HEAD.to_owned() } else { before.text.trim_end().to_owned() + "\n" };
    let after = ConfigText::new(file, begun + &set_up.sections);
    let config = after.judge().map_err(|problems| {
        OperationError::Conflict(format!(
            "the set-up does not fit into {shown}, which stays as it is: {}; remove what it has of the same name, or name another file with --config",
            list(&problems)
        ))
    })?;
    after.write().map_err(|error| OperationError::Conflict(format!("{shown} cannot be written: {error}")))?;
    let app = App::open(config, Purpose::Change).await?;
    for (account, key, secret) in set_up.settings {
        app.store_setting(&account, &key, Some(secret)).await.map_err(AppError::from)?;
    }
    let vault = app.credentials.vault();
    for login in set_up.logins {
        let parts = LoginTokens::for_plugin(login.plugin, login.parts).0;
        vault.put(&login.account, &parts).await.map_err(AppError::from)?;
    }
    for (source, token) in set_up.webhook_tokens {
        let parts = BTreeMap::from([(registration::TOKEN.to_owned(), token)]);
        vault.put(&registration::token_key(&source), &parts).await.map_err(AppError::from)?;
    }
    Ok(())
}
