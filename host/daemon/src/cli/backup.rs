//! `playrelay backup` and `playrelay restore`

use std::path::PathBuf;

use clap::Args;

use crate::app::open_store_to_read;
use crate::cli::error::CliError;
use crate::config::Config;
use crate::operations::backup;

#[derive(Args)]
pub(crate) struct Backup {
    /// The file to write; it must not be there yet.
    file: PathBuf,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// A file that `playrelay backup` wrote.
    file: PathBuf,
    /// Put a database that is there aside.
    #[arg(long)]
    force: bool,
}

pub(crate) async fn write(config: Config, arguments: Backup) -> Result<(), CliError> {
    let looked = open_store_to_read(&config).await?;
    let list = backup::write(&*looked.store, &config, &arguments.file).await?;
    let bytes: u64 = list.files.iter().map(|part| part.size).sum();
    say!("{} has the database and the configuration: {bytes} bytes, checked.", arguments.file.display());
    say!(
        "Keep {} apart from it: without that key the logins in it open for nobody.",
        playrelay_store::vault::key_path(&config.server.data_dir).display()
    );
    Ok(())
}

pub(crate) fn restore(config: &Config, arguments: Restore) -> Result<(), CliError> {
    let restored = backup::restore(config, &arguments.file, arguments.force)?;
    say!("The backup of {} is restored.", restored.list.at);
    if let Some(aside) = restored.replaced {
        say!("The database that was there is {} now.", aside.display());
    }
    if let Some(configuration) = restored.configuration {
        say!("The configuration of the backup is {}.", configuration.display());
    }
    let key = playrelay_store::vault::key_path(&config.server.data_dir);
    if !key.exists() {
        say!("Put the key back to {}, or log in again everywhere.", key.display());
    }
    Ok(())
}
