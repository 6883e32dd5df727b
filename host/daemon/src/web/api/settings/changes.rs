//! Changes of a request: what goes to the file, what to the vault, and what nobody may change from here.

use std::collections::BTreeMap;

use playrelay_util::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::config::edit::{Change, EditError};
use crate::config::file::ConfigText;
use crate::config::key_path::KeyPath;
use crate::config::{Config, Location, Role, SpannedValue, Value, edit};
use crate::web::api::problem::{Problem, ProblemCode};

/// A change of a key.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingChange {
    /// Its place: `server.listen`, `trackers.bob` for a section, `routes[0].users`, `routes[+]` for one more.
    #[schema(example = "scrobble.watched_at")]
    pub(super) key: String,
    /// The value from now on: text, a number, true, false, a list, or an object for a section. Absent or null removes the key.
    #[schema(example = 85)]
    pub(super) value: Option<serde_json::Value>,
}

impl SettingChange {
    /// A change of the key at a place; `value` is absent where the key is removed.
    pub(in crate::web) fn new(key: String, value: Option<serde_json::Value>) -> Self {
        Self { key, value }
    }
}

/// The account and the key of a secret setting of a plugin; absent for any other key. `added` are the plugins of accounts that the
/// request adds.
pub(super) fn secret_of(
    app: &App,
    added: &BTreeMap<String, String>,
    path: &KeyPath,
) -> Option<(String, String)> {
    let keys = path.keys()?;
    let [section, name, key] = keys.as_slice() else { return None };
    let known = app.config.accounts(Role::parse(section)?).get(*name).map(|account| &account.plugin);
    let manifest = app.plugins.manifest(added.get(*name).or(known)?)?;
    let setting = manifest.settings.get(*key)?;
    setting.secret.then(|| ((*name).to_owned(), (*key).to_owned()))
}

/// A secret of an account.
pub(super) struct AccountSecret {
    /// The key, as the request has it.
    pub(super) place: String,
    /// The account's name.
    pub(super) account: String,
    /// The key of the setting.
    pub(super) key: String,
    /// Absent where it is to be forgotten.
    pub(super) value: Option<Secret>,
}

/// Changes, by where they go.
pub(super) struct Sorted {
    /// To the file.
    pub(super) edits: Vec<Change>,
    /// To the vault.
    pub(super) secrets: Vec<AccountSecret>,
}

/// Sorts the changes of a request: what is a secret of an account goes to the vault, also out of a section that is added as a whole.
pub(super) fn sort(
    app: &App,
    tree: &BTreeMap<String, SpannedValue>,
    text: &ConfigText,
    changes: Vec<SettingChange>,
) -> Result<Sorted, Problem> {
    let mut sorted = Sorted { edits: Vec::new(), secrets: Vec::new() };
    let mut added = BTreeMap::new();
    for change in changes {
        let path = KeyPath::parse(&change.key).map_err(|error| edit_problem(error.into()))?;
        check_lock(&path, tree)?;
        if let Some((account, key)) = secret_of(app, &added, &path) {
            let value = secret_value(&change.key, change.value)?;
            // A secret that stands in the file goes from there: the file would count more.
            let removal = Change { path, value: None };
            if edit::splice(&text.text, &removal).is_ok() {
                sorted.edits.push(removal);
            }
            sorted.secrets.push(AccountSecret { place: change.key, account, key, value });
            continue;
        }
        let mut value = change.value.filter(|value| !value.is_null());
        if let Some(serde_json::Value::Object(fields)) = &mut value {
            if let (Some([_, name]), Some(plugin)) =
                (path.keys().as_deref(), fields.get("plugin").and_then(serde_json::Value::as_str))
            {
                added.insert((*name).to_owned(), plugin.to_owned());
            }
            let keys: Vec<String> = fields.keys().cloned().collect();
            for key in keys {
                let place = format!("{}.{key}", change.key);
                let Ok(inner) = KeyPath::parse(&place) else { continue };
                check_lock(&inner, tree)?;
                if let Some((account, key)) = secret_of(app, &added, &inner) {
                    let value = secret_value(&place, fields.remove(&key))?;
                    sorted.secrets.push(AccountSecret { place, account, key, value });
                }
            }
        }
        sorted.edits.push(Change { path, value });
    }
    Ok(sorted)
}

/// The app as it would be with a configuration; a problem where an account lacks what its plugin needs.
pub(super) async fn judge_accounts(
    app: &App,
    config: Config,
    secrets: &[AccountSecret],
) -> Result<App, Problem> {
    let mut judged = app.clone();
    for secret in secrets {
        if let Some(value) = &secret.value {
            let of_account = judged.entered.entry(secret.account.clone()).or_default();
            of_account.insert(secret.key.clone(), value.clone());
        }
    }
    let judged = judged.with_config(config).await;
    match judged.problems.is_empty() {
        true => Ok(judged),
        false => Err(Problem::of_config(&judged.problems)),
    }
}

/// A secret from a request; absent where it is to be forgotten.
fn secret_value(place: &str, value: Option<serde_json::Value>) -> Result<Option<Secret>, Problem> {
    match value {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) if !text.trim().is_empty() => {
            Ok(Some(Secret::new(text.trim().to_owned())))
        }
        Some(_) => {
            let detail = format!("{place} is empty, or no text; expected text, or null to forget it");
            Err(Problem::new(ProblemCode::Invalid, detail, ""))
        }
    }
}

/// Refuses keys that a variable sets, and secrets of the host.
fn check_lock(path: &KeyPath, tree: &BTreeMap<String, SpannedValue>) -> Result<(), Problem> {
    /// Secrets that no page enters, and what helps instead.
    const OWN_SECRETS: [(&str, &str); 3] = [
        (
            "client_secret",
            "set PLAYRELAY__ACCESS__OIDC__CLIENT_SECRET_FILE to a file that holds it, where the daemon is started",
        ),
        ("admin_password", "members have passwords of their own: /api/v1/members"),
        ("webhook_token", "rotate the token that Playrelay keeps: /api/v1/webhooks/SOURCE/rotate"),
    ];
    let Some(keys) = path.keys() else { return Ok(()) };
    let own = OWN_SECRETS.iter().find(|(key, _)| {
        let is_of_host = matches!(keys.first(), Some(&"server" | &"access"))
            || (keys.first() == Some(&"sources") && *key == "webhook_token");
        is_of_host && path.last_key() == *key
    });
    if let Some((key, remedy)) = own {
        let detail = format!("`{key}` is a secret of Playrelay, and is not written to the file from here");
        return Err(Problem::new(ProblemCode::Locked, detail, *remedy));
    }
    let mut table = tree;
    for key in keys {
        let Some(node) = table.get(key) else { return Ok(()) };
        match &node.value {
            Value::Table(inner) => table = inner,
            _ => {
                let Location::Variable(variable) = &node.place else { return Ok(()) };
                let detail =
                    format!("{path} is set by the environment variable {variable}, which counts more");
                return Err(Problem::new(
                    ProblemCode::Locked,
                    detail,
                    format!("change {variable} where the daemon is started, or remove it there"),
                ));
            }
        }
    }
    Ok(())
}

/// The problem of a change that cannot be made.
pub(super) fn edit_problem(error: EditError) -> Problem {
    let code = match error {
        EditError::Text(_) => ProblemCode::Conflict,
        EditError::Missing(_) => ProblemCode::NotFound,
        EditError::Path(_) | EditError::NoSection(_) | EditError::Value(_) => ProblemCode::Invalid,
    };
    Problem::new(code, error.to_string(), "/api/v1/settings lists the keys")
}
