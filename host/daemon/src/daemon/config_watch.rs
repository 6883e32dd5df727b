//! Takes over what becomes of the configuration, the plugins, the tokens and the logins while the daemon runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use playrelay_plugin_host::artifact::Digest;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::App;
use crate::config;
use crate::config::Config;
use crate::daemon::Daemon;
use crate::daemon::plugin_watch::PluginWatch;
use crate::operations::plugins::write_lock;

/// Between two looks at the configuration.
const CONFIG_POLL: Duration = Duration::from_secs(1);

/// Why the configuration is looked at.
enum Wake {
    /// Somebody asks for it: who.
    Reload(&'static str),
    /// A plugin was compiled.
    Compiled,
    /// This node has become the owner of the household, or is it no longer.
    Ownership,
    /// It is time.
    Clock,
}

/// What was last seen of the logins and of the tokens of webhooks. Commands beside the daemon may change them.
struct CredentialWatch {
    logins: BTreeMap<String, Option<Digest>>,
    /// Absent until the addresses were opened with the tokens that are stored now.
    tokens: Option<Vec<Option<Digest>>>,
    changes: watch::Receiver<u64>,
    /// Whether something may have changed since.
    is_old: bool,
}

impl CredentialWatch {
    fn new(app: &App) -> Self {
        Self { logins: app.stored_logins(), tokens: None, changes: app.store.changes(), is_old: true }
    }

    /// Takes webhooks by the tokens that are stored now. Whether a login is another one; absent where the database cannot be read.
    async fn look(&mut self, daemon: &Daemon) -> Option<bool> {
        self.is_old |= self.changes.has_changed().unwrap_or(true);
        self.changes.mark_unchanged();
        if !self.is_old {
            return Some(false);
        }
        let tokens = daemon.app.token_revisions().await.ok()?;
        let logins = daemon.app.login_revisions().await.ok()?;
        self.is_old = false;
        if self.tokens.as_ref() != Some(&tokens) {
            match daemon.open_endpoints().await {
                Ok(()) => self.tokens = Some(tokens),
                Err(error) => {
                    tracing::warn!("the tokens of the webhooks cannot be read: {error}");
                    self.is_old = true;
                }
            }
        }
        // Looked at once, whatever becomes of it: a mistake is said once.
        let before = std::mem::replace(&mut self.logins, logins);
        Some(before != self.logins)
    }
}

impl Daemon {
    /// Takes over what the configuration becomes, for good.
    pub(super) async fn watch_config(&mut self) {
        let file = self.app.config.file.clone();
        let read = || file.as_ref().and_then(|file| config::text_digest(file));
        let (mut seen, mut last) = (self.app.config.digest.clone(), None);
        let mut credentials = CredentialWatch::new(&self.app);
        let mut plugins = PluginWatch::default();
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => Some(hangup),
            Err(error) => {
                tracing::warn!("SIGHUP is not listened to: {error}");
                None
            }
        };
        loop {
            let signalled = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await.map(drop).unwrap_or_default(),
                    None => std::future::pending().await,
                }
            };
            let asked = async {
                tokio::select! {
                    () = signalled => Wake::Reload("SIGHUP"),
                    () = self.reload.notified() => Wake::Reload("a setting was changed"),
                    () = self.compiler.ended() => Wake::Compiled,
                    Ok(()) = self.lease.ownership.changed() => Wake::Ownership,
                }
            };
            match tokio::time::timeout(CONFIG_POLL, asked).await.unwrap_or(Wake::Clock) {
                Wake::Reload(why) => {
                    tracing::info!("{why}: the configuration is read again");
                    // It counts as it is now.
                    last = read();
                    seen = None;
                }
                Wake::Compiled => {
                    self.take_over_plugins().await;
                    continue;
                }
                Wake::Ownership | Wake::Clock => {}
            }
            if let Err(error) = self.follow_ownership().await {
                tracing::error!("this node owns the household and cannot begin: {error}");
            }
            let found = read();
            // It may be written in parts, or removed before it is replaced: what stays as it is for a look counts.
            let is_edited = found.is_some() && found == last && found != seen;
            last = found.clone();
            self.look_at_plugins(&mut plugins).await;
            let Some(is_login_new) = credentials.look(self).await else { continue };
            if !is_edited && !is_login_new {
                continue;
            }
            if is_edited {
                seen = found;
            }
            match self.reload(file.as_deref()).await {
                Ok(()) => credentials.logins = self.app.stored_logins(),
                Err(complaint) => {
                    tracing::error!("the changed configuration is not taken over: {complaint}");
                    self.parts.connections.set_config_error(Some(complaint));
                }
            }
        }
    }

    /// Takes over what has become of the plugins.
    async fn look_at_plugins(&mut self, watch: &mut PluginWatch) {
        match watch.has_changed(&self.app).await {
            Ok(false) => self.compiler.start_next(&self.app),
            Ok(true) => self.take_over_plugins().await,
            // The next look may be luckier.
            Err(error) => tracing::debug!("the approvals of plugins cannot be read: {error}"),
        }
    }

    /// Takes over the plugins as they are now, and starts to compile the next one that waits for it.
    async fn take_over_plugins(&mut self) {
        if let Err(complaint) = self.reload_plugins().await {
            tracing::error!("the changed plugins are not taken over: {complaint}");
            self.parts.connections.set_config_error(Some(complaint));
        }
        self.compiler.start_next(&self.app);
    }

    /// Reads the plugins anew. Tasks whose plugin has other bytes end what they have begun, and others take their place.
    async fn reload_plugins(&mut self) -> Result<(), String> {
        let app = self.app.with_plugins_of_now().await.map_err(|error| error.to_string())?;
        if !app.problems.is_empty() {
            return Err(crate::app::list(&app.problems));
        }
        let has_changed = app.plugins.entries() != self.app.plugins.entries();
        write_lock(&app).await;
        if !has_changed {
            self.app = app;
            self.current.set(self.app.clone());
            return Ok(());
        }
        app.current_plugins.set(Arc::clone(&app.plugins));
        self.take_over(app).await?;
        tracing::info!("the changed plugins are taken over");
        Ok(())
    }

    /// Goes on as another app says.
    async fn take_over(&mut self, app: App) -> Result<(), String> {
        self.app = app;
        self.current.set(self.app.clone());
        self.app.shared.replace(self.app.accounts.clone());
        self.warn().await;
        if let Some(owner_tasks) = &mut self.owner_tasks {
            owner_tasks.reconcile(&self.app).await;
        }
        self.open_endpoints().await.map_err(|error| error.to_string())?;
        self.parts.connections.set_config_error(None);
        Ok(())
    }

    async fn reload(&mut self, file: Option<&Path>) -> Result<(), String> {
        let config = config::load(file).map_err(|problems| crate::app::list(&problems))?;
        if !config.is_there {
            return Err("the configuration file is gone; the last one is still used".to_owned());
        }
        let restart = needs_restart(&self.app.config, &config);
        let app = self.app.with_config(config).await;
        if !app.problems.is_empty() {
            return Err(crate::app::list(&app.problems));
        }
        self.take_over(app).await?;
        if restart {
            tracing::warn!("changes in [server], [store] and [plugins] need a restart");
        }
        tracing::info!("the changed configuration is taken over");
        Ok(())
    }
}

/// Whether something has changed that a running daemon cannot take over.
fn needs_restart(old: &Config, new: &Config) -> bool {
    old.server != new.server || old.store != new.store || old.plugin_dir != new.plugin_dir
}
