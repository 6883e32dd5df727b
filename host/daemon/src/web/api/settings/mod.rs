//! `/api/v1/settings`: the configuration, as it stands in its file and in variables, and changes of it.
//!
//! - [`changes`]: what goes to the file, and what to the vault
//! - [`diff`](mod@diff): what has changed

mod changes;
mod diff;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use playrelay_plugin_host::artifact::Digest;
use playrelay_util::lock::lock;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::config;
use crate::config::file::ConfigText;
use crate::config::key_path::KeyPath;
use crate::config::keys::KEYS;
use crate::config::{DEFAULT_FILE, Location, SpannedValue, Value, edit, is_secret};
use crate::web::api::catch_up::DryRun;
use crate::web::api::context::Api;
use crate::web::api::extract;
use crate::web::api::extract::Query;
use crate::web::api::problem::{FileProblem, Problem, ProblemCode, Problems};
pub(in crate::web) use crate::web::api::settings::changes::SettingChange;
use crate::web::api::settings::changes::{
    AccountSecret, Sorted, edit_problem, judge_accounts, secret_of, sort,
};
use crate::web::api::settings::diff::diff;

/// Texts of the configuration that are remembered.
const MAX_TEXTS: usize = 8;
/// Changes of one request.
const MAX_CHANGES: usize = 100;

/// A key that is set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingView {
    /// Its place: `server.listen`, `routes[0].users`.
    #[schema(example = "server.listen")]
    pub(in crate::web) key: String,
    /// The value; absent for a secret.
    pub(in crate::web) value: Option<serde_json::Value>,
    /// Whether it is a secret, and never shown.
    pub(in crate::web) secret: bool,
    /// `file`, `variable`, or `vault` for a secret that was entered on a page.
    #[schema(example = "file")]
    set_by: &'static str,
    /// The file and line, or the variable.
    #[schema(example = "playrelay.toml:2")]
    pub(in crate::web) place: String,
    /// Whether it can only be changed where it is set: a variable counts more than the file.
    pub(in crate::web) locked: bool,
}

/// A key that there is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KnownSetting {
    /// The section, as a file has it: `[server]`, `[sources.NAME]`, `[[routes]]`.
    #[schema(example = "[server]")]
    pub(in crate::web) section: &'static str,
    /// The key.
    #[schema(example = "listen")]
    pub(in crate::web) name: &'static str,
    /// The value if the key is absent, as a file would have it; empty without one.
    pub(in crate::web) default: &'static str,
    /// The meaning.
    pub(in crate::web) meaning: &'static str,
}

/// The configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Settings {
    /// The file.
    #[schema(example = "playrelay.toml")]
    pub(in crate::web) file: String,
    /// The digest of the file's text, for a change; absent where there is no file.
    #[schema(example = "0f3a1b2c")]
    pub(in crate::web) digest: Option<String>,
    /// All keys that are set.
    pub(in crate::web) items: Vec<SettingView>,
    /// All keys that there are; accounts also have the settings of their plugins.
    pub(in crate::web) known: Vec<KnownSetting>,
    /// Settings that work, and are probably mistakes, each with its place.
    warnings: Vec<String>,
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
    pub(in crate::web) digest: Option<String>,
    /// The difference, line by line; secrets are not shown.
    #[schema(example = "-watched_at = 80\n+watched_at = 85\n")]
    pub(in crate::web) diff: String,
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
    settings(&api).await.map(Json)
}

/// All keys that are set, and all that there are.
pub(in crate::web) async fn settings(api: &Api) -> Result<Settings, Problem> {
    let app = api.app();
    let text = read(&app)?;
    remember(api, &text);
    let tree = config::tree(Some((&text.path, &text.text)));
    let mut items = Vec::new();
    for (key, node) in &tree {
        flatten(key, key, node, &app, &mut items);
    }
    for name in app.accounts.keys() {
        let Some((role, _)) = app.config.account(name) else { continue };
        let section = role.section();
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
    Ok(Settings {
        file: text.path.display().to_string(),
        digest: text.digest.map(|digest| digest.to_string()),
        items,
        known: known.collect(),
        warnings: app.warnings().iter().map(ToString::to_string).collect(),
    })
}

/// The digest of the configuration as it is now, for a form; empty where there is no file.
pub(in crate::web) fn current_digest(app: &App) -> Result<String, Problem> {
    Ok(read(app)?.digest.map(|digest| digest.to_string()).unwrap_or_default())
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
    change_settings(&api, asked.digest, asked.changes, dry_run).await.map(Json)
}

/// Changes the configuration in its file, and secrets in the vault: all, or none. `digest` is that of the text that was read.
pub(in crate::web) async fn change_settings(
    api: &Api,
    digest: Option<String>,
    changes: Vec<SettingChange>,
    dry_run: bool,
) -> Result<Changed, Problem> {
    let _turn = api.limits.edits.lock().await;
    let app = api.app();
    let Prepared { before, after, secrets, trial } = prepare(api, &app, digest, changes).await?;
    let config = &trial.config;
    let diff = diff(&before.text, &after.text);
    if !dry_run {
        for secret in &secrets {
            let stored = app.store_setting(&secret.account, &secret.key, secret.value.clone()).await;
            stored
                .map_err(|error| Problem::internal(format!("{} cannot be stored: {error}", secret.place)))?;
        }
        if after.text != before.text {
            after.write().map_err(|error| unwritable(&after, &diff, &error.to_string()))?;
            tracing::info!(file = %after.path.display(), "the configuration was changed by the API");
        }
        remember(api, &after);
        api.reload.notify_one();
    }
    let needs_restart = app.config.server != config.server || app.config.plugin_dir != config.plugin_dir;
    Ok(Changed {
        digest: after.digest.map(|digest| digest.to_string()),
        diff,
        in_vault: secrets.into_iter().map(|secret| secret.place).collect(),
        needs_restart,
        warnings: config.warnings.iter().map(ToString::to_string).collect(),
        dry_run,
    })
}

/// Changes that are judged, and not made.
struct Prepared {
    before: ConfigText,
    after: ConfigText,
    secrets: Vec<AccountSecret>,
    /// The app as it would be.
    trial: App,
}

/// Judges changes.
async fn prepare(
    api: &Api,
    app: &App,
    digest: Option<String>,
    changes: Vec<SettingChange>,
) -> Result<Prepared, Problem> {
    if !(1..=MAX_CHANGES).contains(&changes.len()) {
        let detail = format!("there are {} changes; expected 1 to {MAX_CHANGES}", changes.len());
        return Err(Problem::new(ProblemCode::Invalid, detail, ""));
    }
    let before = read(app)?;
    remember(api, &before);
    if digest != before.digest.as_ref().map(Digest::to_string) {
        return Err(changed_meanwhile(api, digest.as_deref(), &before));
    }
    let tree = config::tree(Some((&before.path, &before.text)));
    let Sorted { edits, secrets } = sort(app, &tree, &before, changes)?;
    let text = edit::apply(&before.text, &edits).map_err(edit_problem)?;
    let after = ConfigText::new(&before.path, text);
    let config = after.judge().map_err(|problems| Problem::of_config(&problems))?;
    let trial = judge_accounts(app, config, &secrets).await?;
    Ok(Prepared { before, after, secrets, trial })
}

/// The app as it would be with these changes, which are judged, and not made.
pub(in crate::web) async fn trial(
    api: &Api,
    digest: Option<String>,
    changes: Vec<SettingChange>,
) -> Result<App, Problem> {
    prepare(api, &api.app(), digest, changes).await.map(|prepared| prepared.trial)
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
            let is_account_secret =
                path.as_ref().is_some_and(|path| secret_of(app, &BTreeMap::new(), path).is_some());
            let text = if let Value::Text(text) = value { text.as_str() } else { "" };
            let secret = is_account_secret || is_secret(name, text);
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
