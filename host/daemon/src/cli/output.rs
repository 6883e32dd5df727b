//! How commands print.

use clap::Args;
use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::print;

/// The form of the output.
#[derive(Args, Clone, Copy)]
pub(crate) struct Output {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl Output {
    /// Prints one of many values, each on a line of its own.
    pub fn print_line<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), CliError> {
        match self.json {
            true => print::json(
                &serde_json::to_string(value).map_err(|error| CliError::Other(error.to_string()))?,
            ),
            false => print::out(&text(value)),
        }
    }

    /// Prints a value: as JSON, or as `text` writes it.
    pub fn print<T: Serialize + ?Sized>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), CliError> {
        let json = || serde_json::to_string_pretty(value).map_err(|error| CliError::Other(error.to_string()));
        match self.json {
            true => print::json(&json()?),
            false => print::out(&text(value)),
        }
    }
}
