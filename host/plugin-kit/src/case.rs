//! A test: the input of one call, and the answers of the services that it speaks to. One TOML file each.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use playrelay_engine::event::Action;
use playrelay_engine::model::Item;
use playrelay_engine::notifications::{Notification, Urgency};
use playrelay_plugin_host::capabilities::{NotifyInput, SinkEvent, WebhookRequest};
use playrelay_plugin_host::http::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::KitError;
use crate::cassette::{Exchange, Reply};

/// When a test happens unless it says otherwise, UTC.
const DEFAULT_TIME: &str = "2026-01-01T20:00:00Z";

fn default_time() -> Timestamp {
    DEFAULT_TIME.parse().expect("the constant is a time")
}

/// A test.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file.
    pub path: PathBuf,
    /// The settings of the account; those that are required and missing here are made up.
    pub settings: BTreeMap<String, String>,
    /// What the clock says in calls whose clock stands, UTC.
    pub at: Timestamp,
    /// The call.
    pub call: Call,
    /// The answers of the services.
    pub exchanges: Vec<Exchange>,
}

/// The input of a call.
#[derive(Clone, Debug)]
pub enum Call {
    /// `webhook.parse`
    Webhook(WebhookRequest),
    /// `realtime.handle-message`, one after another.
    Messages(Vec<String>),
    /// `enrich.resolve`
    Enrich(Item),
    /// `sink.submit`
    Sink(SinkEvent),
    /// `sink-batch.submit-batch`
    Batch(Vec<SinkEvent>),
    /// `check.account`
    Check,
    /// `notify.send`
    Notify(NotifyInput),
}

impl Case {
    /// Its name: that of its file.
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The file with what is expected of it.
    pub fn expected_path(&self) -> PathBuf {
        self.path.with_extension("expected.json")
    }

    /// All tests of a folder, by name. A folder that is not there has none.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is no test.
    pub fn all(folder: &Path) -> Result<Vec<Self>, KitError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(KitError::file(folder)(error)),
        };
        let files = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut files: Vec<PathBuf> = files.collect::<Result<_, _>>().map_err(KitError::file(folder))?;
        files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        files.iter().map(|path| Self::read(path)).collect()
    }

    /// Reads a test.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no test.
    pub fn read(path: &Path) -> Result<Self, KitError> {
        let text = fs::read_to_string(path).map_err(KitError::file(path))?;
        let wrong = |reason: String| KitError::Case { path: path.to_owned(), reason };
        let file: CaseFile =
            toml::from_str(&text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let at = file.at.unwrap_or_else(default_time);
        let mut calls = Vec::new();
        calls.extend(file.webhook.map(|it| it.call(folder)).transpose()?);
        calls.extend((!file.message.is_empty()).then(|| messages(file.message, folder)).transpose()?);
        calls.extend(file.item.map(|it| item(it).map(Call::Enrich)).transpose().map_err(wrong)?);
        calls.extend(file.event.map(|it| it.event(1).map(Call::Sink)).transpose().map_err(wrong)?);
        let batch = file.batch.into_iter().zip(1..).map(|(it, number)| it.event(number));
        let batch = batch.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        calls.extend((!batch.is_empty()).then_some(Call::Batch(batch)));
        calls.extend(file.check.map(|CheckTable {}| Call::Check));
        calls.extend(file.notification.map(|it| Call::Notify(it.input(at))));
        let expected =
            "expected one of [webhook], [[message]], [item], [event], [[batch]], [check] and [notification]";
        let call = match (calls.pop(), calls.is_empty()) {
            (Some(call), true) => call,
            (Some(_), false) => return Err(wrong(format!("it has several calls; {expected}"))),
            (None, _) => return Err(wrong(format!("it has no call; {expected}"))),
        };
        let exchanges = file.exchange.into_iter().map(|it| it.exchange(path, folder));
        let exchanges = exchanges.collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), settings: file.settings, at, call, exchanges })
    }
}

/// A test as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    #[serde(default)]
    settings: BTreeMap<String, String>,
    at: Option<Timestamp>,
    webhook: Option<WebhookTable>,
    #[serde(default)]
    message: Vec<MessageTable>,
    item: Option<Value>,
    event: Option<EventTable>,
    #[serde(default)]
    batch: Vec<EventTable>,
    check: Option<CheckTable>,
    notification: Option<NotificationTable>,
    #[serde(default)]
    exchange: Vec<ExchangeTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckTable {}

/// `[notification]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotificationTable {
    condition: String,
    title: String,
    #[serde(default)]
    text: String,
    urgency: Urgency,
    link: Option<String>,
    #[serde(default)]
    resolved: bool,
}

impl NotificationTable {
    fn input(self, at: Timestamp) -> NotifyInput {
        let Self { condition, title, text, urgency, link, resolved } = self;
        let (id, page) = ("playrelay-test-1".to_owned(), "/".to_owned());
        NotifyInput {
            notification: Notification { id, condition, title, text, urgency, page, resolved, at },
            link,
        }
    }
}

/// `[webhook]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WebhookTable {
    content_type: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    form: BTreeMap<String, String>,
    #[serde(default)]
    form_files: BTreeMap<String, PathBuf>,
    body: Option<String>,
    body_file: Option<PathBuf>,
}

impl WebhookTable {
    fn call(self, folder: &Path) -> Result<Call, KitError> {
        let mut form: Vec<(String, String)> = self.form.into_iter().collect();
        for (name, file) in self.form_files {
            form.push((name, read(folder, &file)?));
        }
        Ok(Call::Webhook(WebhookRequest {
            media_type: self.content_type,
            headers: self.headers.into_iter().collect(),
            query: self.query.into_iter().collect(),
            form,
            body: text(self.body, self.body_file, folder)?.unwrap_or_default(),
        }))
    }
}

/// `[[message]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MessageTable {
    text: Option<String>,
    text_file: Option<PathBuf>,
}

fn messages(tables: Vec<MessageTable>, folder: &Path) -> Result<Call, KitError> {
    let texts = tables.into_iter().map(|it| Ok(text(it.text, it.text_file, folder)?.unwrap_or_default()));
    texts.collect::<Result<_, KitError>>().map(Call::Messages)
}

/// `[event]`, and each `[[batch]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EventTable {
    action: String,
    /// The percentage or the rating.
    value: Option<f64>,
    item: Value,
    at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    #[serde(default)]
    late: bool,
    #[serde(default)]
    uncertain: bool,
    attempt: Option<u32>,
    remote_id: Option<String>,
}

impl EventTable {
    fn event(self, number: u32) -> Result<SinkEvent, String> {
        let action = json!({ "action": self.action, "value": self.value });
        let action: Action = serde_json::from_value(action).map_err(|error| {
            format!("[event] has the action {:?} with {:?}: {error}", self.action, self.value)
        })?;
        Ok(SinkEvent {
            id: format!("playrelay-test-{number}"),
            action,
            item: item(self.item)?,
            at: self.at.unwrap_or_else(default_time),
            started_at: self.started_at,
            late: self.late,
            uncertain: self.uncertain,
            attempt: self.attempt.unwrap_or(1),
            remote_id: self.remote_id,
        })
    }
}

/// An item as `playrelay replay --json` prints it. Lists that are left out are empty.
fn item(mut value: Value) -> Result<Item, String> {
    let kind = value["kind"].clone();
    let Some(fields) = value.as_object_mut() else { return Err("an item is a table".to_owned()) };
    fields.entry("ids").or_insert_with(|| json!({}));
    if kind == "episode" {
        fields.entry("numbers").or_insert_with(|| json!([]));
    }
    if let Some(show) = fields.get_mut("show").and_then(Value::as_object_mut) {
        show.entry("ids").or_insert_with(|| json!({}));
    }
    serde_json::from_value(value).map_err(|error| {
        format!(
            "an item cannot be read: {error}; expected kind = \"movie\" with title and ids, \"episode\" with show, season and numbers, \
             \"season\" or \"show\""
        )
    })
}

/// `[[exchange]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExchangeTable {
    method: String,
    url: String,
    request: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_file: Option<PathBuf>,
    fails: Option<Fails>,
    /// The call succeeds without this request, or where it fails.
    #[serde(default)]
    optional: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fails {
    Unreachable,
    Interrupted,
}

impl ExchangeTable {
    fn exchange(self, path: &Path, folder: &Path) -> Result<Exchange, KitError> {
        let wrong = |reason: String| KitError::Case { path: path.to_owned(), reason };
        let url = Url::parse(&self.url)
            .map_err(|error| wrong(format!("[[exchange]] has the url {:?}: {error}", self.url)))?;
        let reply = match (self.status, self.fails) {
            (Some(status), None) => Reply::Response(Response {
                status,
                headers: self
                    .headers
                    .into_iter()
                    .map(|(name, value)| (name.to_ascii_lowercase(), value))
                    .collect(),
                body: text(self.body, self.body_file, folder)?.unwrap_or_default().into_bytes(),
            }),
            (None, Some(Fails::Unreachable)) => Reply::Unreachable,
            (None, Some(Fails::Interrupted)) => Reply::Interrupted,
            _ => {
                let text = format!(
                    "[[exchange]] for {} {} has both or neither of `status` and `fails`; expected one",
                    self.method, self.url
                );
                return Err(wrong(text));
            }
        };
        Ok(Exchange {
            method: self.method.to_uppercase(),
            url,
            request_body: self.request,
            reply,
            is_optional: self.optional,
        })
    }
}

/// A text that is written down, or stands in a file of its own.
fn text(here: Option<String>, file: Option<PathBuf>, folder: &Path) -> Result<Option<String>, KitError> {
    match (here, file) {
        (Some(text), _) => Ok(Some(text)),
        (None, Some(file)) => read(folder, &file).map(Some),
        (None, None) => Ok(None),
    }
}

fn read(folder: &Path, file: &Path) -> Result<String, KitError> {
    let path = folder.join(file);
    fs::read_to_string(&path).map_err(KitError::file(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(text: &str) -> Result<Case, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-test.toml");
        fs::write(&path, text).unwrap();
        Case::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn an_event_has_an_item_with_what_is_left_out() {
        let case = case(
            r#"
            [event]
            action = "watched"
            value = 95
            [event.item]
            kind = "episode"
            season = 1
            numbers = [2]
            show = { title = "Dark", ids = { tvdb = "334824" } }
            [[exchange]]
            method = "post"
            url = "https://notes.example/lines"
            status = 201
            headers = { Retry-After = "5" }
            "#,
        )
        .unwrap();
        let Call::Sink(event) = &case.call else { panic!("{case:?}") };
        assert_eq!((event.action, event.item.to_string().as_str()), (Action::Watched(95.0), "Dark S01E02"));
        let Reply::Response(response) = &case.exchanges[0].reply else { panic!("{case:?}") };
        assert_eq!((case.exchanges[0].method.as_str(), response.header("retry-after")), ("POST", Some("5")));
        assert!(case.expected_path().ends_with("a-test.expected.json"));
    }

    #[test]
    fn what_is_no_test_says_why() {
        for (text, words) in [
            ("", "no call; expected one of"),
            ("[check]\n[webhook]\ncontent-type = \"a\"", "several calls"),
            (
                "[event]\naction = \"eaten\"\nitem = { kind = \"movie\", title = \"x\" }",
                "the action \"eaten\"",
            ),
            ("[event]\naction = \"unrated\"\nitem = { kind = \"film\" }", "expected kind = \"movie\""),
            ("[check]\n[[exchange]]\nmethod = \"GET\"\nurl = \"https://a.example\"", "both or neither"),
            ("[check]\nfoo = 1", "unknown field"),
        ] {
            let error = case(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
