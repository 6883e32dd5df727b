//! A home with all three servers and a Trakt, whose clock the test moves: a whole evening passes in a second.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::fake_trakt::FakeTrakt;
use crate::harness::{DEADLINE, Daemon, TestClock, TestContext, sources_to_trakt_config};
use crate::plex_webhook;

/// The set.
pub struct Scenario {
    /// The home.
    pub home: TestContext,
    /// The tracker.
    pub trakt: FakeTrakt,
    clock: TestClock,
}

impl Scenario {
    /// A stage with some more configuration in front, and some more keys in each route.
    pub async fn new(more: &str, route: &str) -> Self {
        let trakt = FakeTrakt::start().await;
        let sources = sources_to_trakt_config(&["plex", "jellyfin", "emby"], &trakt, route);
        let mut home = TestContext::new(&format!("{more}\n{sources}"));
        let clock = home.set_clock(&[trakt.clock()]);
        home.connect().await;
        Self { home, trakt, clock }
    }

    /// Lets time pass, for everybody.
    pub fn pass(&self, seconds: i64) {
        self.clock.pass(seconds);
    }

    /// Waits until nothing is left in the outbox that is due by now.
    pub async fn quiet(&self) {
        let now = self.trakt.clock().now();
        let is_due = |row: &Value| {
            row["next_at"].as_str().and_then(|at| at.parse().ok()).is_none_or(|at: Timestamp| at <= now)
        };
        let end = Instant::now() + DEADLINE;
        loop {
            let waiting = self.home.json(&["outbox", "list", "--state", "waiting"]);
            assert!(Instant::now() < end, "these are not delivered: {waiting:#}");
            if !waiting.as_array().expect("a list").iter().any(is_due) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Sends messages, one after the other, each when what the last one led to has been told.
pub struct WebhookScript<'a> {
    /// Where.
    pub stage: &'a Scenario,
    /// To whom.
    pub daemon: &'a Daemon<'a>,
}

impl WebhookScript<'_> {
    /// A message of a Plex server, as it sends them.
    pub async fn plex(&self, message: &Value) -> Value {
        let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
        let body = plex_webhook::multipart(message, 500);
        let id = self.daemon.message("plex", &content_type, body).await;
        self.told(id).await
    }

    /// A message of a Jellyfin server: JSON that says it is text.
    pub async fn jellyfin(&self, message: &Value) -> Value {
        let body = message.to_string().into_bytes();
        let id = self.daemon.message("jellyfin", "text/plain; charset=utf-8", body).await;
        self.told(id).await
    }

    /// A message of an Emby server: a form with one field.
    pub async fn emby(&self, message: &Value) -> Value {
        let boundary = "--------------------------8dbb1f0c5e3a4c2";
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{message}\r\n--{boundary}--\r\n"
        );
        let content_type = format!("multipart/form-data; boundary=\"{boundary}\"");
        let id = self.daemon.message("emby", &content_type, body.into_bytes()).await;
        self.told(id).await
    }

    /// The story of an event, once all has been told that was not to be told later.
    async fn told(&self, id: i64) -> Value {
        let is_told = |row: &Value| row["state"] != "waiting" || row["not_before"] != row["at"];
        let story = self.daemon.until(id, "its deliveries", |story| {
            story["outbox"].as_array().expect("a list").iter().all(is_told)
        });
        story.await
    }
}
