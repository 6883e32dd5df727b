//! A running daemon, and the clock that it shares with the fakes.

use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{DEADLINE, TestContext, WEBHOOK_TOKEN};
use crate::plex_webhook;

/// The clock of a home, and of the services around it.
pub struct TestClock {
    pub(crate) file: PathBuf,
    pub(crate) passed: AtomicI64,
}

impl TestClock {
    /// Lets time pass, for everybody.
    pub fn pass(&self, seconds: i64) {
        let passed = self.passed.fetch_add(seconds, Ordering::SeqCst) + seconds;
        // As a whole: it is read whenever somebody looks at the clock.
        let new = self.file.with_extension("new");
        std::fs::write(&new, passed.to_string()).expect("a file in our folder");
        std::fs::rename(&new, &self.file).expect("a file in our folder");
    }

    /// Seconds that have passed beyond real time.
    pub fn passed(&self) -> i64 {
        self.passed.load(Ordering::SeqCst)
    }
}

/// A running daemon. It is killed when it is dropped.
pub struct Daemon<'a> {
    pub(crate) home: &'a TestContext,
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Daemon<'_> {
    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Kills it. Nobody is there until it is started again.
    pub fn stop(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it was killed");
    }

    /// Waits until it has ended: it was asked to.
    pub fn wait(&mut self) {
        self.child.wait().expect("it is our child");
    }

    /// Starts it after it was stopped.
    pub fn start_again(&mut self) {
        *self = self.home.start();
    }

    /// Kills it: `kill -9`, with no chance to tidy up.
    pub fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it was killed");
    }

    /// Sends a Plex webhook and returns the event's id.
    pub async fn plex(&self, message: &Value) -> i64 {
        let body = plex_webhook::multipart(message, 2_000);
        let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
        event_of(self.send("/webhook/plextrakt", Some(WEBHOOK_TOKEN), &content_type, body).await).await
    }

    /// Sends a message of Plex, and gives the status of the answer.
    pub async fn try_plex(&self, message: &Value) -> reqwest::StatusCode {
        let body = plex_webhook::multipart(message, 2_000);
        let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
        self.send("/webhook/plextrakt", Some(WEBHOOK_TOKEN), &content_type, body).await.status()
    }

    /// Sends a message as JSON to the source that is named after its plugin, and returns the event's id.
    pub async fn json(&self, source: &str, message: &Value) -> i64 {
        self.message(source, "application/json", message.to_string().into_bytes()).await
    }

    /// Sends a message of any form to the source that is named after its plugin, and returns the event's id.
    pub async fn message(&self, source: &str, content_type: &str, body: Vec<u8>) -> i64 {
        let token = format!("{WEBHOOK_TOKEN}-{source}");
        let response = self.send(&format!("/webhook/{source}"), Some(&token), content_type, body).await;
        event_of(response).await
    }

    /// Sends a request; the token goes into the query.
    pub async fn send(
        &self,
        path: &str,
        token: Option<&str>,
        content_type: &str,
        body: Vec<u8>,
    ) -> reqwest::Response {
        let token = token.map(|token| format!("?{token}")).unwrap_or_default();
        let request = self.home.client.post(format!("{}{path}{token}", self.url));
        request.header("content-type", content_type).body(body).send().await.expect("the daemon answers")
    }

    /// A request to the API, with the token that the first start made.
    pub fn api(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let token = std::fs::read_to_string(self.home.data().join("admin.token")).expect("a start makes one");
        self.home.client.request(method, format!("{}{path}", self.url)).bearer_auth(token.trim())
    }

    /// What the API answers.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.api(reqwest::Method::GET, path).send().await.expect("an answer");
        let text = answer.text().await.expect("text");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// What the API answers, once something is true of it.
    pub async fn get_until(&self, path: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let answer = self.get(path).await;
            if holds(&answer) {
                return answer;
            }
            assert!(Instant::now() < end, "waited in vain for {what}: {answer:#}\n{}", self.home.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// How a source's connection stands, once something is true of it.
    pub async fn watched(&self, source: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let of = |answer: &Value| {
            let rows = answer["sources"].as_array().into_iter().flatten();
            rows.into_iter().find(|row| row["source"] == source).cloned().unwrap_or_default()
        };
        of(&self.get_until("/api/v1/sources", what, |answer| holds(&of(answer))).await)
    }

    /// The same, once there is a connection.
    pub async fn connected(&self, source: &str) -> Value {
        self.watched(source, "a connection", |standing| standing["connected"] == true).await
    }

    /// The story of an event, once it is settled.
    pub async fn settled(&self, id: i64) -> Value {
        self.until(id, "a verdict", |_| true).await
    }

    /// The story of an event, once it is settled and what is waited for has come true.
    pub async fn until(&self, id: i64, what: &str, came: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let story = self.home.json(&["event", &id.to_string()]);
            if !story["verdict"].is_null() && came(&story) {
                return story;
            }
            assert!(Instant::now() < end, "event {id} did not see {what}: {story:#}\n{}", self.home.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The event that a request has become.
pub async fn event_of(response: reqwest::Response) -> i64 {
    let (status, text) = (response.status(), response.text().await.expect("an answer"));
    assert!(status.is_success(), "{status}: {text}");
    let id = text.trim().rsplit(' ').next().and_then(|id| id.parse().ok());
    id.unwrap_or_else(|| panic!("no event: {text}"))
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a list of the outbox has a delivery of this action that was made.
pub fn has_delivered(list: &Value, action: &str) -> bool {
    let deliveries = list["events"].as_array().into_iter().flatten();
    deliveries.into_iter().any(|delivery| delivery["action"] == action && delivery["state"] == "delivered")
}
