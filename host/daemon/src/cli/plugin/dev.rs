//! `playrelay plugin dev`: a daemon with the plugin of a folder, which is built, tested and loaded anew whenever a file changes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use playrelay_plugin_host::manifest::{Manifest, SettingKind};
use playrelay_plugin_kit::project::{BUILD, MANIFEST, Project};
use playrelay_util::private_file;
use tokio::process::{Child, Command};

use crate::app::AppError;
use crate::app::adapters::BUNDLED;
use crate::cli::error::CliError;
use crate::cli::plugin::author;
use crate::config;
use crate::logging::LOG_VARIABLE;

/// Between two looks at the files.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Folders whose files do not count: what is made, and what is installed.
const MADE: [&str; 3] = [BUILD, "node_modules", "__pycache__"];
/// Files that are looked at, so that a folder with everything in it costs nothing.
const MAX_FILES: usize = 5_000;
/// The token of the source of a dev daemon, which listens on this machine alone.
const TOKEN: &str = "dev-token";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder of the plugin.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The port of the daemon, on this machine alone. It counts when the configuration is written, the first time.
    #[arg(long, default_value_t = 8789)]
    port: u16,
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), CliError> {
    let project = Project::open(&arguments.folder)?;
    let dev = DevFolder { folder: project.folder.join(BUILD).join("dev") };
    dev.prepare(&project, arguments.port)?;
    let port = dev.port()?;
    let mut seen = None;
    let mut daemon: Option<Child> = None;
    loop {
        let files = stamps(&project.folder);
        if seen.as_ref() != Some(&files) {
            seen = Some(files);
            match rebuild(&project, &dev).await {
                Ok(true) => say!("loaded; waiting for a change"),
                Ok(false) => say!("loaded, though a test fails; waiting for a change"),
                Err(error) => eprintln!("error: {error}\nwaiting for a change"),
            }
            if daemon.is_none() && dev.plugin(&project.id).exists() {
                daemon = Some(dev.start()?);
                introduce(&project, &dev, port)?;
            }
        }
        let ended = async {
            match &mut daemon {
                Some(daemon) => daemon.wait().await.map(|status| status.to_string()),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
            // It has said why.
            ended = ended => {
                let how = ended.unwrap_or_else(|error| error.to_string());
                return Err(CliError::Other(format!("the daemon has ended ({how}); its configuration is {}", dev.config().display())));
            }
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

/// Builds and tests the plugin, and gives it to the daemon. Whether its tests pass.
async fn rebuild(project: &Project, dev: &DevFolder) -> Result<bool, CliError> {
    let report = author::build_project(project)?;
    let is_good = Box::pin(author::test_project(project)).await?;
    let failed = |error: io::Error| CliError::Other(format!("{}: {error}", dev.folder.display()));
    let plugin = dev.plugin(&project.id);
    let new = plugin.with_extension("new");
    fs::copy(project.component(), &new).and_then(|_| fs::rename(&new, &plugin)).map_err(failed)?;
    let mut approve = dev.command();
    approve.args(["plugin", "approve", &project.id, "--yes", "--digest", report.digest.as_str()]);
    let output = approve.output().await.map_err(failed)?;
    match output.status.success() {
        true => Ok(is_good),
        false => Err(CliError::Other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// Says what there is to do.
fn introduce(project: &Project, dev: &DevFolder, port: u16) -> Result<(), CliError> {
    say!(
        "\nThe daemon listens at http://127.0.0.1:{port}. Its configuration is {}: change it as you like.",
        dev.config().display()
    );
    match sample_source() {
        Some((_, name)) if manifest(project)?.provides.webhook.is_none() => {
            say!(
                "Its source `dev` reads the webhooks of {name} at http://127.0.0.1:{port}/webhook/dev/{TOKEN}: a server on this machine can send them there. \
                 The plugin is then told what is played.\n"
            );
        }
        _ => say!(
            "Send it a message: curl --data-binary @FILE -H 'content-type: application/json' 'http://127.0.0.1:{port}/webhook/dev/{TOKEN}'\n"
        ),
    }
    Ok(())
}

/// The id and the name of a bundled plugin that reads webhooks and needs no setting, for the plays that a tracker is to be sent.
fn sample_source() -> Option<(String, String)> {
    let bundled = BUNDLED.iter().filter_map(|plugin| plugin.artifact().ok());
    let mut sources = bundled.filter(|artifact| {
        let manifest = &artifact.manifest;
        manifest.provides.webhook.is_some() && manifest.settings.values().all(|setting| !setting.required)
    });
    sources.next().map(|it| (it.manifest.plugin.id, it.manifest.plugin.name))
}

fn manifest(project: &Project) -> Result<Manifest, CliError> {
    let path = project.folder.join(MANIFEST);
    let text = fs::read(&path).map_err(|error| CliError::Other(format!("{}: {error}", path.display())))?;
    Manifest::parse(&text).map_err(|error| CliError::Other(format!("{}: {error}", path.display())))
}

/// The folder of a dev daemon: its configuration, its data and its plugins.
struct DevFolder {
    folder: PathBuf,
}

impl DevFolder {
    fn config(&self) -> PathBuf {
        self.folder.join("playrelay.toml")
    }

    fn plugin(&self, id: &str) -> PathBuf {
        self.folder.join("plugins").join(format!("{id}.wasm"))
    }

    /// Makes the folder. A configuration that is there stays: the author may have changed it.
    fn prepare(&self, project: &Project, port: u16) -> Result<(), CliError> {
        let failed = |error: io::Error| CliError::Other(format!("{}: {error}", self.folder.display()));
        fs::create_dir_all(self.folder.join("plugins")).map_err(failed)?;
        if self.config().exists() {
            return Ok(());
        }
        private_file::replace(&self.config(), "new", configuration(&manifest(project)?, port).as_bytes())
            .map_err(failed)
    }

    /// The port in the configuration.
    fn port(&self) -> Result<u16, CliError> {
        let config = config::load(Some(&self.config())).map_err(AppError::Config)?;
        Ok(config.server.listen.port())
    }

    /// The program itself, with the configuration of this folder.
    fn command(&self) -> Command {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("playrelay"));
        let mut command = Command::new(program);
        command.arg("--config").arg(self.config()).kill_on_drop(true);
        command
    }

    fn start(&self) -> Result<Child, CliError> {
        let mut serve = self.command();
        serve.arg("serve");
        if std::env::var_os(LOG_VARIABLE).is_none() {
            // What the plugin logs is what its author wants to read.
            serve.env(LOG_VARIABLE, "warn,plugin=debug,playrelay::pipeline=info,playrelay::delivery=info");
        }
        serve.spawn().map_err(|error| CliError::Other(format!("the daemon does not start: {error}")))
    }
}

/// A configuration in which the plugin has something to do.
fn configuration(manifest: &Manifest, port: u16) -> String {
    let id = &manifest.plugin.id;
    let mut settings = String::new();
    for (key, setting) in manifest.settings.iter().filter(|(_, setting)| setting.required) {
        let value = match setting.kind {
            SettingKind::ServerUrl => "\"http://127.0.0.1:9999\"".to_owned(),
            SettingKind::Integer => "1".to_owned(),
            SettingKind::Boolean => "true".to_owned(),
            SettingKind::String => format!("\"test-{key}\""),
        };
        settings.push_str(&format!("{key} = {value}\n"));
    }
    let head = format!(
        "# The daemon of `playrelay plugin dev`. Change it as you like: it is written once.\n[server]\nlisten = \"127.0.0.1:{port}\"\ndata_dir = \
         \"data\"\n\n[plugins]\ndir = \"plugins\"\n\n"
    );
    let is_source = manifest.provides.webhook.is_some() || manifest.provides.realtime.is_some();
    if let (false, Some((source, _))) = (is_source, sample_source()) {
        format!(
            "{head}[sources.dev]\nplugin = \"{source}\"\nmode = \"webhook\"\nwebhook_token = \"{TOKEN}\"\n\n[trackers.mine]\nplugin = \"{id}\"\n\
             {settings}\n[[routes]]\nsource = \"dev\"\ntracker = \"mine\"\nusers = [\"*\"]\n"
        )
    } else {
        format!("{head}[sources.dev]\nplugin = \"{id}\"\nwebhook_token = \"{TOKEN}\"\n{settings}")
    }
}

/// When each file of a project was changed last, but for what is made.
fn stamps(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut stamps = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(facts) = entry.metadata() else { continue };
            let is_lock = name.ends_with(".lock") || name == "package-lock.json";
            if name.starts_with('.') || MADE.contains(&name.as_str()) || is_lock {
                continue;
            }
            match (facts.is_dir(), facts.modified()) {
                (true, _) => folders.push(entry.path()),
                (false, Ok(at)) if stamps.len() < MAX_FILES => drop(stamps.insert(entry.path(), at)),
                _ => {}
            }
        }
    }
    stamps
}
