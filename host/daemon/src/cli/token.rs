//! `playrelay token`

use crate::cli::Failure;
use crate::config::Config;
use crate::web::api::token;

pub(crate) fn run(config: &Config) -> Result<(), Failure> {
    let data = &config.server.data_dir;
    let place = token::path(data);
    match token::read(data) {
        Ok(Some(token)) => {
            say!("{}", token.expose());
            Ok(())
        }
        Ok(None) => {
            let text = format!("there is no {} yet; the first `playrelay serve` makes it", place.display());
            Err(Failure::Other(text))
        }
        Err(error) => Err(Failure::Other(format!("{} cannot be read: {error}", place.display()))),
    }
}
