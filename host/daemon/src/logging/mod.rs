//! The log: on standard error, and the newest lines in memory for the API. What is logged can be changed while the program runs.
//!
//! - [`line`](mod@line): a line of the log
//! - [`ring`]: the newest lines, each with the event that it belongs to
//! - [`filter`]: levels, as `PLAYRELAY_LOG` and the API state them

pub mod filter;
pub mod line;
pub mod ring;

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};

pub use ring::LogRing;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::logging::filter::FilterError;

/// Names the variable that says what is logged: `info`, `debug`, `warn,plugin=debug`.
pub const LOG_VARIABLE: &str = "PLAYRELAY_LOG";

/// The log of this process, once it has begun.
static LOG: OnceLock<Log> = OnceLock::new();

/// The log.
pub struct Log {
    /// The newest lines.
    pub ring: Arc<LogRing>,
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Begins to log. `default` is the filter where [`LOG_VARIABLE`] sets none.
///
/// # Errors
///
/// Fails where [`LOG_VARIABLE`] is no filter.
pub fn start(default: &str) -> Result<(), FilterError> {
    let text = std::env::var(LOG_VARIABLE).ok().filter(|text| !text.trim().is_empty());
    let text = text.unwrap_or_else(|| default.to_owned());
    let (filter, handle) = reload::Layer::new(filter::parse(&text)?);
    let ring = Arc::new(LogRing::default());
    let output = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // The fields of a span stand in the lines of the ring only: on a terminal they would repeat what the line says.
    let output = output.with_filter(tracing_subscriber::filter::filter_fn(|metadata| !metadata.is_span()));
    tracing_subscriber::registry().with(filter).with(ring::RingLayer(Arc::clone(&ring))).with(output).init();
    LOG.get_or_init(|| Log { ring, filter: handle });
    Ok(())
}

/// The log of this process; absent inside of another program, which logs as it likes.
pub fn log() -> Option<&'static Log> {
    LOG.get()
}

impl Log {
    /// What is logged now.
    pub fn filter(&self) -> String {
        self.filter.with_current(ToString::to_string).unwrap_or_default()
    }

    /// Changes what is logged, until the program ends.
    ///
    /// # Errors
    ///
    /// Fails where the text is no filter. What is logged stays as it was.
    pub fn set_filter(&self, text: &str) -> Result<(), FilterError> {
        let filter = filter::parse(text)?;
        self.filter
            .reload(filter)
            .map_err(|error| FilterError(format!("the filter cannot be changed: {error}")))
    }
}
