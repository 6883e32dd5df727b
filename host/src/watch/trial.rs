//! A connection on trial: whether a server can be listened to, and what it says.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::digest::Digest;
use super::line::Broken;
use super::watcher::Watcher;
use crate::clock;
use crate::dispatch::model::Report;
use crate::plugins::capabilities::{Connect, Message, MessageInput};

/// What a trial has shown.
#[derive(Debug, Default)]
pub struct Trial {
    /// Each way to listen, the best one first, and what stands in its way.
    pub ways: Vec<(&'static str, Option<String>)>,
    /// What plays now: its users.
    pub sessions: Vec<String>,
    /// By how much the server's clock is ahead of ours. Seconds.
    pub clock_ahead: Option<i64>,
}

impl Watcher {
    /// Tries all ways to listen, and reads what plays now. An error says why nothing of that can be done.
    pub async fn try_out(&self) -> Result<Trial, String> {
        let ways = match self.plugin.call::<Connect>(&self.caller, ()).await.0 {
            Ok(Ok(ways)) => ways,
            Ok(Err(failure)) => return Err(failure.reason().to_owned()),
            Err(fault) => return Err(fault.to_string()),
        };
        let mut trial = Trial::default();
        let mut users = BTreeSet::new();
        if let Some(way) = ways.first() {
            let mut state = Vec::new();
            for path in &way.resync {
                let answer = self.fetch(path).await.map_err(|broken| broken.to_string())?;
                let told = answer.header("date").and_then(http_date);
                let ahead = told.map(|told| told.duration_since(clock::now()).as_secs());
                trial.clock_ahead = trial.clock_ahead.or(ahead);
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                let received_at = clock::receipt();
                let source = self.caller.account.name.clone();
                let input = MessageInput { text, state, received_at, source };
                match self.plugin.call::<Message>(&self.caller, input).await.0 {
                    Ok(Ok(step)) => {
                        state = step.state;
                        for report in Digest::default().take(step.reports) {
                            if let Report::Snapshot { sessions, .. } = report {
                                users.extend(sessions.iter().map(|it| it.user.to_string()));
                            }
                        }
                    }
                    Ok(Err(error)) => return Err(error.to_string()),
                    Err(fault) => return Err(fault.to_string()),
                }
            }
        }
        for way in &ways {
            let trouble = self.open(way).await.err().map(|broken: Broken| broken.to_string());
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
