//! `playrelay token`

use crate::cli::error::CliError;
use crate::config::Config;
use crate::web::api::token;

pub(crate) fn run(config: &Config) -> Result<(), CliError> {
    let data = &config.server.data_dir;
    let place = token::path(data);
    match token::read(data) {
        Ok(Some(token)) => {
            say!("{}", token.expose());
            Ok(())
        }
        Ok(None) => {
            let text = format!("there is no {} yet; the first `playrelay serve` makes it", place.display());
            Err(CliError::Other(text))
        }
        Err(error) => Err(CliError::Other(format!("{} cannot be read: {error}", place.display()))),
    }
}
