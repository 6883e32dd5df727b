//! `playrelay health`

use playrelay_plugin_host::http::client::HttpClient;
use url::Url;

use crate::app::adapters::IDENTITY;
use crate::cli::error::CliError;
use crate::config::Config;
use crate::web::api::token;

pub(crate) async fn run(config: &Config) -> Result<(), CliError> {
    let address = config.server.local_address(config.server.listen.port());
    let url = |path: &str| {
        Url::parse(&format!("http://{address}{path}")).map_err(|error| CliError::Other(error.to_string()))
    };
    let wire = HttpClient::new(IDENTITY).map_err(CliError::Other)?;
    let sick = |error: &dyn std::fmt::Display| CliError::Other(format!("the daemon is not well: {error}"));
    // Another program may have the port: only a daemon says these words.
    wire.probe_body(&url("/healthz")?, "ok").await.map_err(|error| sick(&error))?;
    let data = &config.server.data_dir;
    // Who may not read the token is told no more than that the daemon lives.
    if let Ok(Some(token)) = token::read(data) {
        match wire.probe_status(&url("/readyz")?, &token).await {
            Ok(200) => {}
            Ok(503) => return Err(sick(&"nothing can be stored now; its log says why")),
            Ok(401) => {
                let text = format!("it does not know the token in {}", token::path(data).display());
                return Err(sick(&(text + ": is `data_dir` another one?")));
            }
            Ok(status) => return Err(sick(&format!("it answered {status}"))),
            Err(error) => return Err(sick(&error)),
        }
    }
    say!("ok");
    Ok(())
}
