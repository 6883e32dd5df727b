//! `playrelay token`

use super::Failure;
use crate::api::token;
use crate::config::Config;

pub(super) fn run(config: &Config) -> Result<(), Failure> {
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
