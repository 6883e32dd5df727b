//! `playrelay store`

use std::fs;
use std::path::PathBuf;

use clap::Subcommand;
use playrelay_store::copy::{CopiedTable, Database, copy_store};
use playrelay_util::secret::Secret;

use crate::cli::error::CliError;
use crate::config::is_server_address;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Copy everything from a file to PostgreSQL, or back, and compare both. The target holds nothing yet; end the daemon first.
    ///
    /// Each is the path of a database (playrelay-data/playrelay.db), an address (postgres://USER:PASSWORD@HOST/DATABASE), or @FILE for a file
    /// that holds the address, which others on this machine cannot see then.
    Copy {
        /// Where everything is.
        from: String,
        /// Where it goes.
        to: String,
    },
}

pub(crate) async fn run(command: Command) -> Result<(), CliError> {
    let Command::Copy { from, to } = command;
    let (from, to) = (database(&from)?, database(&to)?);
    // Where nobody reads what is copied, it is copied all the same.
    let progress =
        |table: &CopiedTable| drop(crate::cli::print::out(&format!("{:>10}  {}\n", table.rows, table.name)));
    let copied = copy_store(from, to, progress).await?;
    let rows: u64 = copied.iter().map(|table| table.rows).sum();
    say!("{rows} rows in {} tables are copied and compared.", copied.len());
    say!(
        "Set `url` in [store] to the new place, or remove it for the file, and start the daemon. The key of the credentials stays where it is."
    );
    Ok(())
}

fn database(text: &str) -> Result<Database, CliError> {
    match text.strip_prefix('@') {
        _ if is_server_address(text) => Ok(Database::Server(Secret::new(text.to_owned()))),
        None => Ok(Database::File(PathBuf::from(text))),
        Some(file) => {
            let found = fs::read_to_string(file)
                .map_err(|error| CliError::Other(format!("{file} cannot be read: {error}")))?;
            let address = found.lines().next().unwrap_or_default().trim();
            match is_server_address(address) {
                true => Ok(Database::Server(Secret::new(address.to_owned()))),
                false => Err(CliError::Other(format!(
                    "{file} holds no address of PostgreSQL; expected postgres://USER:PASSWORD@HOST/DATABASE in its first line"
                ))),
            }
        }
    }
}
