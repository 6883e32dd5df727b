//! `playrelay replay`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use playrelay_plugin_host::capabilities::WebhookRequest;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::config::Config;
use crate::replay;
use crate::replay::Replayer;
use crate::web::ingress;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The event, or a file with a message: a raw HTTP request (.http), or the body alone.
    what: String,
    /// The component that is to read it, in place of the source's own plugin.
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// The source that a message from a file is taken for; needed where there are several.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Exit with 1 where something differs from what happened.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(config: Config, arguments: Arguments) -> Result<ExitCode, CliError> {
    let file = PathBuf::from(&arguments.what);
    let max_body = config.server.max_body;
    let app = App::open(config, Purpose::Look).await?;
    let plugin = match &arguments.plugin {
        Some(path) => Some(app.check_plugin(path).await.map_err(CliError::Other)?),
        None => None,
    };
    let replay = match arguments.what.parse::<i64>() {
        Ok(id) if !file.exists() => replay::replay_recorded(&app, id, plugin).await,
        _ => {
            let source = source(&app, arguments.source.as_deref())?;
            let request = read(&file, max_body).await?;
            replay::replay_message(&app, &source, request, plugin).await
        }
    };
    let replay = replay.map_err(|error| CliError::Other(error.to_string()))?;
    arguments.output.print(&replay, describe)?;
    let differs = replay.differences.as_ref().is_some_and(|differences| !differences.is_empty());
    Ok(if arguments.check && differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn source(app: &App, named: Option<&str>) -> Result<String, CliError> {
    let known: Vec<String> = app.config.sources.keys().cloned().collect();
    match (named, known.as_slice()) {
        (Some(name), _) if known.iter().any(|known| known == name) => Ok(name.to_owned()),
        (Some(name), _) => Err(CliError::Other(crate::config::unknown_key_message(
            "source",
            name,
            "the configuration",
            &known,
        ))),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(CliError::Other("there is no source; add a section [sources.…]".to_owned())),
        (None, several) => {
            Err(CliError::Other(format!("say which source it is for: --source {}", several.join(" or "))))
        }
    }
}

/// Reads a message: a raw request as it came over the wire, or its body alone.
async fn read(path: &Path, max_body: usize) -> Result<WebhookRequest, CliError> {
    let failed = |reason: String| CliError::Other(format!("{} cannot be replayed: {reason}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let raw = path.extension().is_some_and(|extension| extension == "http");
    let request = if raw { ingress::parse_raw_request(&bytes) } else { ingress::request_from_body(bytes) };
    let request = request.map_err(failed)?;
    ingress::to_webhook_request(request, None, max_body).await.map_err(failed)
}

fn describe(replay: &Replayer) -> String {
    let mut text = format!(
        "{} of {}, received {}, after {} earlier ones\n",
        replay.plugin, replay.source, replay.received_at, replay.context
    );
    for step in &replay.steps {
        text.push_str(&format!("        {:<9} {:<16} {}\n", step.stage.as_str(), step.code, step.text));
    }
    text.push_str(&format!(
        "ends as {} ({}): {}\n",
        replay.verdict.outcome, replay.verdict.code, replay.verdict.detail
    ));
    for event in &replay.events {
        text.push_str(&format!("        {}\n", replay::describe_event(event)));
    }
    match &replay.differences {
        None => {}
        Some(none) if none.is_empty() => text.push_str("the same as it happened\n"),
        Some(differences) => {
            text.push_str("otherwise than it happened:\n");
            for difference in differences {
                text.push_str(&format!("  {difference}\n"));
            }
        }
    }
    text
}
