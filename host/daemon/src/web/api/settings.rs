//! `/api/v1/settings`: the configuration, as it stands in its file and in variables, and changes of it.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use playrelay_plugin_host::artifact::Digest;
use playrelay_util::lock::lock;
use playrelay_util::secret::Secret;
use serde::{Deserialize, Serialize};
use similar::TextDiff;
use utoipa::ToSchema;

use crate::app::App;
use crate::config;
use crate::config::edit::{self, Change, EditError};
use crate::config::file::ConfigText;
use crate::config::key_path::KeyPath;
use crate::config::keys::KEYS;
use crate::config::{DEFAULT_FILE, Location, SpannedValue, Value, is_secret_key};
use crate::web::api::catch_up::DryRun;
use crate::web::api::context::Api;
use crate::web::api::extract;
use crate::web::api::extract::Query;
use crate::web::api::problem::{FileProblem, Problem, ProblemCode, Problems};

/// Texts of the configuration that are remembered.
const MAX_TEXTS: usize = 8;
/// Changes of one request.
const MAX_CHANGES: usize = 100;
/// Lines around a difference.
const CONTEXT: usize = 2;

/// A key that is set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingView {
    /// Its place: `server.listen`, `routes[0].users`.
    #[schema(example = "server.listen")]
    key: String,
    /// The value; absent for a secret.
    value: Option<serde_json::Value>,
    /// Whether it is a secret, and never shown.
    secret: bool,
    /// `file`, `variable`, or `vault` for a secret that was entered on a page.
    #[schema(example = "file")]
    set_by: &'static str,
    /// The file and line, or the variable.
    #[schema(example = "playrelay.toml:2")]
    place: String,
    /// Whether it can only be changed where it is set: a variable counts more than the file.
    locked: bool,
}

/// A key that there is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KnownSetting {
    /// The section, as a file has it: `[server]`, `[sources.NAME]`, `[[routes]]`.
    #[schema(example = "[server]")]
    section: &'static str,
    /// The key.
    #[schema(example = "listen")]
    name: &'static str,
    /// The value if the key is absent, as a file would have it; empty without one.
    default: &'static str,
    /// The meaning.
    meaning: &'static str,
}

/// The configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Settings {
    /// The file.
    #[schema(example = "playrelay.toml")]
    file: String,
    /// The digest of the file's text, for a change; absent where there is no file.
    #[schema(example = "0f3a1b2c")]
    digest: Option<String>,
    /// All keys that are set.
    items: Vec<SettingView>,
    /// All keys that there are; accounts also have the settings of their plugins.
    known: Vec<KnownSetting>,
    /// Settings that work, and are probably mistakes, each with its place.
    warnings: Vec<String>,
}

/// A change of a key.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingChange {
    /// Its place: `server.listen`, `trackers.bob` for a section, `routes[0].users`, `routes[+]` for one more.
    #[schema(example = "scrobble.watched_at")]
    key: String,
    /// The value from now on: text, a number, true, false, a list, or an object for a section. Absent or null removes the key.
    #[schema(example = 85)]
    value: Option<serde_json::Value>,
}

/// Changes of the configuration: all are made, or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingChanges {
    /// The digest of the text that was read; absent where there was no file.
    #[schema(example = "0f3a1b2c")]
    digest: Option<String>,
    /// The changes, in order.
    #[schema(min_items = 1, max_items = 100)]
    changes: Vec<SettingChange>,
}

/// What changes have led to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// The digest of the text as it is now, or would be.
    digest: Option<String>,
    /// The difference, line by line; secrets are not shown.
    #[schema(example = "-watched_at = 80\n+watched_at = 85\n")]
    diff: String,
    /// Secrets that went to the vault, and not to the file.
    #[schema(example = json!([]))]
    in_vault: Vec<String>,
    /// Whether it takes effect at the next start only.
    needs_restart: bool,
    /// Settings that work, and are probably mistakes, each with its place.
    warnings: Vec<String>,
    /// Whether nothing was written: `dry_run=true`.
    dry_run: bool,
}

/// The configuration: all keys that are set and where, and all that there are.
#[utoipa::path(
    get,
    path = "/api/v1/settings",
    tag = "settings",
    responses((status = 200, body = Settings), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<Json<Settings>, Problem> {
    let app = api.app();
    let text = read(&app)?;
    remember(&api, &text);
    let tree = config::tree(Some((&text.path, &text.text)));
    let mut items = Vec::new();
    for (key, node) in &tree {
        flatten(key, key, node, &app, &mut items);
    }
    for name in app.accounts.keys() {
        let section = section_of(&app, name);
        for key in app.stored_setting_keys(name).await {
            items.push(SettingView {
                key: format!("{section}.{name}.{key}"),
                value: None,
                secret: true,
                set_by: "vault",
                place: "vault".to_owned(),
                locked: false,
            });
        }
    }
    let known = KEYS.iter().map(|key| KnownSetting {
        section: key.section,
        name: key.name,
        default: key.default,
        meaning: key.meaning,
    });
    Ok(Json(Settings {
        file: text.path.display().to_string(),
        digest: text.digest.map(|digest| digest.to_string()),
        items,
        known: known.collect(),
        warnings: app.warnings().iter().map(ToString::to_string).collect(),
    }))
}

/// Changes the configuration in its file. Comments, order and line ends of all else stay; secrets of accounts go to the vault. With
/// `dry_run=true` it is only judged.
#[utoipa::path(
    patch,
    path = "/api/v1/settings",
    tag = "settings",
    params(DryRun),
    request_body = SettingChanges,
    responses((status = 200, body = Changed), Problems)
)]
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    Query(DryRun { dry_run }): Query<DryRun>,
    extract::Json(asked): extract::Json<SettingChanges>,
) -> Result<Json<Changed>, Problem> {
    if !(1..=MAX_CHANGES).contains(&asked.changes.len()) {
        let detail = format!("there are {} changes; expected 1 to {MAX_CHANGES}", asked.changes.len());
        return Err(Problem::new(ProblemCode::Invalid, detail, ""));
    }
    let _turn = api.limits.edits.lock().await;
    let app = api.app();
    let before = read(&app)?;
    remember(&api, &before);
    if asked.digest != before.digest.as_ref().map(Digest::to_string) {
        return Err(changed_meanwhile(&api, asked.digest.as_deref(), &before));
    }
    let tree = config::tree(Some((&before.path, &before.text)));
    let (mut edits, mut secrets) = (Vec::new(), Vec::new());
    for change in asked.changes {
        let path = KeyPath::parse(&change.key).map_err(|error| edit_problem(error.into()))?;
        check_lock(&path, &tree)?;
        match secret_of(&app, &path) {
            Some((account, key)) => secrets.push((change.key, account, key, change.value)),
            None => edits.push(Change { path, value: change.value.filter(|value| !value.is_null()) }),
        }
    }
    let mut stored = Vec::new();
    for (place, account, key, value) in secrets {
        let value = secret_value(&place, value)?;
        // A secret that stands in the file goes from there: the file would count more.
        let in_file = KeyPath::parse(&place).map_err(|error| edit_problem(error.into()))?;
        if edit::splice(&before.text, &Change { path: in_file.clone(), value: None }).is_ok() {
            edits.push(Change { path: in_file, value: None });
        }
        stored.push((place, account, key, value));
    }
    let text = edit::apply(&before.text, &edits).map_err(edit_problem)?;
    let after = ConfigText::new(&before.path, text);
    let config = after.judge().map_err(|problems| Problem::of_config(&problems))?;
    let diff = diff(&before.text, &after.text);
    if !dry_run {
        for (place, account, key, value) in &stored {
            app.store_setting(account, key, value.clone())
                .await
                .map_err(|error| Problem::internal(format!("{place} cannot be stored: {error}")))?;
        }
        if after.text != before.text {
            after.write().map_err(|error| unwritable(&after, &diff, &error.to_string()))?;
            tracing::info!(file = %after.path.display(), "the configuration was changed by the API");
        }
        remember(&api, &after);
        api.reload.notify_one();
    }
    let needs_restart = app.config.server != config.server || app.config.plugin_dir != config.plugin_dir;
    Ok(Json(Changed {
        digest: after.digest.map(|digest| digest.to_string()),
        diff,
        in_vault: stored.into_iter().map(|(place, ..)| place).collect(),
        needs_restart,
        warnings: config.warnings.iter().map(ToString::to_string).collect(),
        dry_run,
    }))
}

/// The file of the configuration, as it is now.
fn read(app: &App) -> Result<ConfigText, Problem> {
    let path = app.config.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    ConfigText::read(&path).map_err(|error| {
        let detail = format!("{} cannot be read: {error}", path.display());
        Problem::new(ProblemCode::Conflict, detail, "give the daemon's user the right to read it")
    })
}

fn remember(api: &Api, text: &ConfigText) {
    let mut texts = lock(&api.limits.texts);
    if texts.iter().any(|known| known.digest == text.digest) {
        return;
    }
    if texts.len() >= MAX_TEXTS {
        texts.pop_front();
    }
    texts.push_back(text.clone());
}

/// Lists all values of a tree by their places.
fn flatten(key: &str, name: &str, node: &SpannedValue, app: &App, items: &mut Vec<SettingView>) {
    match &node.value {
        Value::Table(table) => {
            for (name, inner) in table {
                flatten(&format!("{key}.{name}"), name, inner, app, items);
            }
        }
        Value::List(entries) if entries.iter().any(|entry| matches!(entry.value, Value::Table(_))) => {
            for (index, entry) in entries.iter().enumerate() {
                flatten(&format!("{key}[{index}]"), name, entry, app, items);
            }
        }
        value => {
            let is_variable = matches!(node.place, Location::Variable(_));
            let path = KeyPath::parse(key).ok();
            let is_account_secret = path.as_ref().is_some_and(|path| secret_of(app, path).is_some());
            let secret = is_account_secret || is_secret_key(name);
            items.push(SettingView {
                key: key.to_owned(),
                value: (!secret).then(|| value.to_json()),
                secret,
                set_by: if is_variable { "variable" } else { "file" },
                place: node.place.to_string(),
                locked: is_variable,
            });
        }
    }
}

/// The section of an account.
fn section_of(app: &App, name: &str) -> &'static str {
    if app.config.sources.contains_key(name) {
        "sources"
    } else if app.config.trackers.contains_key(name) {
        "trackers"
    } else {
        "catalogues"
    }
}

/// The account and the key of a secret setting of a plugin; absent for any other key.
fn secret_of(app: &App, path: &KeyPath) -> Option<(String, String)> {
    let keys = path.keys()?;
    let [section, name, key] = keys.as_slice() else { return None };
    let accounts = match *section {
        "sources" => &app.config.sources,
        "trackers" => &app.config.trackers,
        "catalogues" => &app.config.catalogues,
        _ => return None,
    };
    // An account may be configured and wait for its secret: then its plugin says what is one.
    let plugin = app.plugins.active(&accounts.get(*name)?.plugin)?;
    let setting = plugin.manifest.settings.get(*key)?;
    setting.secret.then(|| ((*name).to_owned(), (*key).to_owned()))
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
fn check_lock(
    path: &KeyPath,
    tree: &std::collections::BTreeMap<String, SpannedValue>,
) -> Result<(), Problem> {
    /// Secrets that no page enters, and what helps instead.
    const OWN_SECRETS: [(&str, &str); 2] = [
        ("admin_password", "members have passwords of their own: /api/v1/members"),
        ("webhook_token", "rotate the token that Playrelay keeps: /api/v1/webhooks/SOURCE/rotate"),
    ];
    let Some(keys) = path.keys() else { return Ok(()) };
    let own = OWN_SECRETS.iter().find(|(key, _)| {
        let is_of_host =
            keys.first() == Some(&"server") || (keys.first() == Some(&"sources") && *key == "webhook_token");
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

fn edit_problem(error: EditError) -> Problem {
    let code = match error {
        EditError::Text(_) => ProblemCode::Conflict,
        EditError::Missing(_) => ProblemCode::NotFound,
        EditError::Path(_) | EditError::NoSection(_) | EditError::Value(_) => ProblemCode::Invalid,
    };
    Problem::new(code, error.to_string(), "/api/v1/settings lists the keys")
}

/// The configuration is another one than the sender has read.
fn changed_meanwhile(api: &Api, digest: Option<&str>, now: &ConfigText) -> Problem {
    let texts = lock(&api.limits.texts);
    let known = texts.iter().find(|text| text.digest.as_ref().map(Digest::to_string).as_deref() == digest);
    let diff = known.map(|known| diff(&known.text, &now.text));
    Problem::new(
        ProblemCode::ConfigurationChanged,
        "the configuration was changed since you read it",
        "read /api/v1/settings again, and send the change with its `digest`",
    )
    .with_file(FileProblem { diff, paste: None })
}

/// The file cannot be written: a person has to do it.
fn unwritable(text: &ConfigText, diff: &str, reason: &str) -> Problem {
    Problem::new(
        ProblemCode::Locked,
        format!("{} cannot be written: {reason}", text.path.display()),
        "enter `paste` there by hand, or give the daemon's user the right to write it",
    )
    .with_file(FileProblem { diff: Some(diff.to_owned()), paste: Some(text.text.clone()) })
}

/// The difference between two texts, line by line. Values of secrets are not shown.
fn diff(before: &str, after: &str) -> String {
    let (before, after) = (masked(before), masked(after));
    let diff = TextDiff::from_lines(&before, &after);
    diff.unified_diff().context_radius(CONTEXT).to_string()
}

/// A text without the values of secrets. What has changed is still to be seen: a secret is shown by the beginning of its digest.
fn masked(text: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((key, value)) if is_secret_key(key) => {
            let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            let digest = Digest::of(value.trim().as_bytes()).to_string();
            format!("{key}= (secret {}){end}", &digest[..8.min(digest.len())])
        }
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}
