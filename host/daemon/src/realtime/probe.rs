//! A connection on trial: whether a server can be listened to, and what it says.

use std::collections::BTreeSet;

use jiff::Timestamp;
use playrelay_engine::model::Report;
use playrelay_util::clock;

use crate::realtime::client::{RealtimeClient, into_text};
use crate::realtime::transport::ConnectionError;

/// The result of a trial connection.
#[derive(Debug, Default)]
pub struct ProbeResult {
    /// Each way to listen, the best one first, and what stands in its way.
    pub ways: Vec<(&'static str, Option<String>)>,
    /// The users of current playback.
    pub sessions: Vec<String>,
    /// By how much the server's clock is ahead of ours. Seconds.
    pub clock_ahead: Option<i64>,
}

impl RealtimeClient {
    /// Reads what plays now, and tries all ways to listen where it is to be listened to. An error says why nothing of that can be done.
    ///
    /// # Errors
    ///
    /// Fails where no connection can be made at all, or the server refuses the login.
    pub async fn probe(&self, and_listen: bool) -> Result<ProbeResult, ConnectionError> {
        let ways = self.connection_options().await?;
        let mut trial = ProbeResult::default();
        let mut users = BTreeSet::new();
        let mut state = Vec::new();
        for path in ways.first().map_or(&[][..], |way| &way.resync) {
            let answer = self.fetch(path).await?;
            let told = answer.header("date").and_then(http_date);
            let ahead = told.map(|told| told.duration_since(clock::now()).as_secs());
            trial.clock_ahead = trial.clock_ahead.or(ahead);
            let step = self
                .parse_message(into_text(answer)?, state, clock::monotonic_now())
                .await?
                .map_err(ConnectionError::Other)?;
            state = step.state;
            for report in step.reports {
                if let Report::Snapshot { sessions, .. } = report {
                    users.extend(sessions.iter().map(|it| it.user.to_string()));
                }
            }
        }
        for way in ways.iter().filter(|_| and_listen) {
            let trouble = self.open(way).await.err().map(|broken| broken.to_string());
            trial.ways.push((way.transport.as_str(), trouble));
        }
        trial.sessions = users.into_iter().collect();
        Ok(trial)
    }
}

/// A date as HTTP writes it (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    const PARSER: jiff::fmt::rfc2822::DateTimeParser = jiff::fmt::rfc2822::DateTimeParser::new();
    PARSER.parse_timestamp(text).ok()
}
