//! `log`

use crate::bindings::playrelay::plugin::log::{Field, Host, Level};
use crate::call_state::CallState;
use crate::limits::LOG_LINE;
use crate::log_budget::Line;
use crate::text;

impl Host for CallState {
    fn enabled(&mut self, level: Level) -> wasmtime::Result<bool> {
        // What a replayed call logs was logged when it was made.
        Ok(self.context.log_left > 0
            && !self.context.host_calls.is_replay()
            && match level {
                Level::Trace => tracing::enabled!(target: "plugin", tracing::Level::TRACE),
                Level::Debug => tracing::enabled!(target: "plugin", tracing::Level::DEBUG),
                Level::Info => tracing::enabled!(target: "plugin", tracing::Level::INFO),
                Level::Warn => tracing::enabled!(target: "plugin", tracing::Level::WARN),
                Level::Error => tracing::enabled!(target: "plugin", tracing::Level::ERROR),
            })
    }

    fn write(&mut self, level: Level, message: String, fields: Vec<Field>) -> wasmtime::Result<()> {
        if self.context.log_left == 0 || !self.enabled(level)? {
            return Ok(());
        }
        self.context.log_left -= 1;
        let left_out = match self.context.log_budget.take() {
            Line::Logged { left_out } => left_out,
            Line::LeftOut => return Ok(()),
        };
        let plugin = self.context.plugin.as_str();
        let account = self.context.account.as_ref().map_or("", |account| account.name.as_str());
        let mut line = message;
        for Field { name, value } in fields {
            line.push_str(&format!(" {name}={value}"));
        }
        let line = text::cut(&line, LOG_LINE);
        if left_out > 0 {
            tracing::warn!(target: "plugin", plugin, account, "{left_out} lines of this plugin were left out");
        }
        match level {
            Level::Trace => tracing::trace!(target: "plugin", plugin, account, "{line}"),
            Level::Debug => tracing::debug!(target: "plugin", plugin, account, "{line}"),
            Level::Info => tracing::info!(target: "plugin", plugin, account, "{line}"),
            Level::Warn => tracing::warn!(target: "plugin", plugin, account, "{line}"),
            Level::Error => tracing::error!(target: "plugin", plugin, account, "{line}"),
        }
        if self.context.log_left == 0 {
            tracing::warn!(target: "plugin", plugin, account, "further lines of this call are left out");
        }
        Ok(())
    }
}
