//! `playrelay export`

use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::app::open_store_to_read;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print::{Table, columns, count};
use crate::config::Config;
use crate::exports::history::{ExportFormat, WrittenFile};
use crate::operations::export;
use crate::operations::export::Whose;

#[derive(Args)]
pub(crate) struct Export {
    /// The form.
    #[arg(value_enum)]
    format: ExportFormat,
    /// The folder for the files. It is made, or is empty.
    folder: PathBuf,
    /// Whose plays and ratings, by the name that `playrelay users list --all` shows; without it those of everybody.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The time zone in which days are counted, such as Europe/Berlin [default: that of this machine].
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// What was written.
#[derive(Serialize)]
struct Report {
    files: Vec<WrittenFile>,
}

pub(crate) async fn run(config: Config, arguments: Export) -> Result<(), CliError> {
    let Export { format, folder, user, timezone, output } = arguments;
    let zone = match &timezone {
        Some(name) => TimeZone::get(name).map_err(|_| {
            CliError::Other(format!("there is no time zone {name:?}; expected a name such as Europe/Berlin"))
        })?,
        None => TimeZone::system(),
    };
    let opened = open_store_to_read(&config).await?;
    let whose = user.as_deref().map_or(Whose::Everybody, Whose::User);
    let files = export::export(&opened.store, format, &folder, whose, zone).await?;
    let text = |report: &Report| {
        let mut table = Table::default();
        for file in &report.files {
            table.row([folder.join(&file.name).display().to_string(), count(file.rows as usize, "row")]);
        }
        match report.files.is_empty() {
            true => "there is nothing to export\n".to_owned(),
            false => table.text(columns()),
        }
    };
    output.print(&Report { files }, text)
}
