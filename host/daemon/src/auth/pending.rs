//! Logins that are under way: begun, waited for, chosen from, ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_plugin_host::account::{Account, Accounts};
use playrelay_plugin_host::manifest::PluginLogin;
use playrelay_plugin_host::plugin::CallTarget;
use playrelay_plugin_host::registry::CurrentPlugins;
use playrelay_store::SharedStore;
use playrelay_store::vault::VaultError;
use playrelay_util::clock;
use playrelay_util::lock::lock;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::app::adapters::PluginStore;
use crate::auth::credentials::CredentialManager;
use crate::auth::device_flow::{LoginError, Prompt};
use crate::auth::plugin_flow::{Form, LoginStep, LogoutOutcome, PluginLoginFlow};
use crate::auth::{device_flow, plugin_flow};

/// How long a user may take to choose.
const CHOICE_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// The state of a login.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum LoginState {
    /// The service is being asked.
    Beginning,
    /// The user is to enter the code.
    Pending {
        /// The address to open.
        url: String,
        /// The address with the code in it; absent if the service has none.
        complete_url: Option<String>,
        /// This.
        code: String,
        /// Until then.
        expires_at: Timestamp,
    },
    /// The user is to choose one.
    Choosing {
        /// Their ids and names.
        choices: Vec<Choice>,
    },
    /// It is stored.
    Granted,
    /// It is not, and why.
    Failed {
        /// The reason, one sentence for people.
        reason: String,
    },
}

/// One of several.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Choice {
    id: String,
    label: String,
}

impl Choice {
    /// The id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The name, for people.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }
}

/// The request of a page that begins a login.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginLogin {
    /// The way to log in; the first one where there are several and none is named.
    method: Option<String>,
    /// The values of the form.
    #[serde(default)]
    form: BTreeMap<String, String>,
}

impl BeginLogin {
    /// A login by a method, with the values of its form.
    pub(crate) fn new(method: Option<String>, form: BTreeMap<String, String>) -> Self {
        Self { method, form }
    }
}

/// The logins that are under way.
#[derive(Default)]
struct Logins {
    /// How they stand, each with its number: one that is begun anew takes the place of the one before.
    connections: HashMap<String, (u64, LoginState)>,
    /// Those that wait for their user to choose.
    choosing: HashMap<String, AwaitingChoice>,
}

/// A login that waits for its user to choose.
pub(crate) struct AwaitingChoice {
    login: PluginLoginFlow,
    number: u64,
    /// Its secrets are not kept for longer.
    until: Instant,
}

/// The logins in progress.
pub struct PendingLogins {
    /// The accounts.
    pub(crate) accounts: Accounts,
    plugins: CurrentPlugins,
    credentials: Arc<CredentialManager>,
    store: SharedStore,
    under_way: Arc<Mutex<Logins>>,
}

impl PendingLogins {
    /// A desk at which no login is under way yet. The store says how accounts stand.
    pub fn new(
        accounts: Accounts,
        plugins: CurrentPlugins,
        credentials: Arc<CredentialManager>,
        store: SharedStore,
    ) -> Self {
        Self { accounts, plugins, credentials, store, under_way: Arc::default() }
    }

    fn target(&self, account: &Arc<Account>) -> CallTarget {
        CallTarget::new(account, Arc::new(PluginStore(self.store.clone())))
    }

    /// Begins a login by the plugin's own code.
    async fn begin_plugin_login(
        &self,
        account: &Arc<Account>,
        login: &PluginLogin,
        wish: BeginLogin,
    ) -> Result<LoginState, LoginError> {
        let plugins = self.plugins.get();
        let plugin = plugins.active(&account.manifest.plugin.id);
        let plugin = plugin.ok_or_else(|| LoginError::NoLogin(account.name.clone()))?;
        let method = plugin_flow::method(login, wish.method.as_deref())?;
        // A slip in the form is no reason to end what is under way.
        let form = Form::of(method, wish.form)?;
        let waiting = self.waiting(&account.name, self.insert(&account.name, LoginState::Beginning));
        let (target, is_wanted) = (self.target(account), waiting.is_wanted());
        let begun =
            PluginLoginFlow::begin(Arc::clone(plugin), target, form, &self.credentials, is_wanted).await;
        match begun {
            Ok((login, next)) => Ok(waiting.transition(login, next).await),
            Err(error) => {
                waiting.show(LoginState::Failed { reason: error.to_string() });
                Err(error)
            }
        }
    }

    /// Goes on with what the user has chosen. Absent where no login waits for that.
    pub(crate) async fn choose(&self, name: &str, id: &str) -> Option<Result<LoginState, LoginError>> {
        let AwaitingChoice { mut login, number, until } = current(&self.under_way).choosing.remove(name)?;
        let waiting = self.waiting(name, number);
        match login.choose(id, &self.credentials).await {
            Ok(next) => Some(Ok(waiting.transition(login, next).await)),
            // A slip of the user, or of the network, does not end it; nor does a server that cannot be reached.
            Err(
                error @ (LoginError::Http(_)
                | LoginError::Refused(_)
                | LoginError::Answer(_)
                | LoginError::Unreachable(_)),
            ) => {
                waiting.wait_for_choice(login, until);
                Some(Err(error))
            }
            Err(error) => {
                waiting.show(LoginState::Failed { reason: error.to_string() });
                Some(Err(error))
            }
        }
    }

    /// Ends a login: here, and at the service where that is possible. Absent where its plugin does not serve.
    pub(crate) async fn end(&self, account: &Arc<Account>) -> Result<Option<LogoutOutcome>, VaultError> {
        // One that is under way is not wanted any more.
        self.insert(&account.name, LoginState::Failed { reason: "it was ended here".to_owned() });
        match self.plugins.get().active(&account.manifest.plugin.id) {
            Some(plugin) => {
                plugin_flow::log_out(plugin, &self.target(account), &self.credentials).await.map(Some)
            }
            None => Ok(None),
        }
    }

    fn waiting(&self, name: &str, number: u64) -> PendingLogin {
        PendingLogin {
            name: name.to_owned(),
            credentials: Arc::clone(&self.credentials),
            store: Arc::clone(&self.store),
            under_way: Arc::clone(&self.under_way),
            number,
        }
    }

    pub(crate) fn status(&self, name: &str) -> Option<LoginState> {
        current(&self.under_way).connections.get(name).map(|(_, status)| status.clone())
    }

    pub(crate) async fn begin(
        &self,
        account: &Arc<Account>,
        wish: BeginLogin,
    ) -> Result<LoginState, LoginError> {
        if let Some(login) = plugin_flow::methods(account) {
            return self.begin_plugin_login(account, login, wish).await;
        }
        let prompt = device_flow::begin(account).await?;
        let (url, complete_url, code) =
            (prompt.url.clone(), prompt.complete_url.clone(), prompt.code.clone());
        let status = pending(url, complete_url, code, prompt.expires_in);
        let number = self.insert(&account.name, status.clone());
        tokio::spawn(self.waiting(&account.name, number).poll_device(Arc::clone(account), prompt));
        Ok(status)
    }

    /// A login that is begun anew takes the place of the one before.
    fn insert(&self, name: &str, status: LoginState) -> u64 {
        let mut logins = current(&self.under_way);
        let number = logins.connections.get(name).map_or(0, |(number, _)| number + 1);
        logins.connections.insert(name.to_owned(), (number, status));
        logins.choosing.remove(name);
        number
    }
}

/// A login by the plugin's own code whose user is to enter a code.
struct AwaitingApproval {
    login: PluginLoginFlow,
    interval: Duration,
    end: Instant,
}

/// A login that waits for its user.
struct PendingLogin {
    name: String,
    credentials: Arc<CredentialManager>,
    store: SharedStore,
    under_way: Arc<Mutex<Logins>>,
    number: u64,
}

impl PendingLogin {
    /// Whether it was neither ended nor begun anew.
    fn is_wanted(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let (under_way, name, number) = (Arc::clone(&self.under_way), self.name.clone(), self.number);
        move || is_current(&current(&under_way), &name, number)
    }

    /// Shows what is next of a login by the plugin's own code, and waits for it.
    async fn transition(self, login: PluginLoginFlow, next: LoginStep) -> LoginState {
        let (status, prompted) = self.take(login, next).await;
        if let Some(prompted) = prompted {
            tokio::spawn(self.poll_plugin(prompted));
        }
        status
    }

    /// Shows what is next. Where the user is to enter a code, that has to be waited for.
    async fn take(&self, login: PluginLoginFlow, next: LoginStep) -> (LoginState, Option<AwaitingApproval>) {
        let (status, prompted) = match next {
            LoginStep::Granted => (self.granted().await, None),
            LoginStep::Choose(choices) => {
                let choices = choices.into_iter().map(|(id, label)| Choice { id, label }).collect();
                self.wait_for_choice(login, Instant::now() + CHOICE_TIMEOUT);
                (LoginState::Choosing { choices }, None)
            }
            LoginStep::Prompt(prompt) => {
                let expires_in = Duration::from_secs(prompt.expires_s.into());
                let interval = Duration::from_secs(prompt.interval_s.into());
                let prompted = AwaitingApproval { login, interval, end: Instant::now() + expires_in };
                let status = pending(prompt.url, prompt.complete_url, prompt.code, expires_in);
                (status, Some(prompted))
            }
            LoginStep::Pending => {
                let reason = "the plugin waits for something, and does not say what".to_owned();
                (LoginState::Failed { reason }, None)
            }
        };
        self.show(status.clone());
        (status, prompted)
    }

    /// Keeps a login until its user has chosen, unless another one has taken its place.
    fn wait_for_choice(&self, login: PluginLoginFlow, until: Instant) {
        let mut logins = current(&self.under_way);
        if is_current(&logins, &self.name, self.number) {
            logins.choosing.insert(self.name.clone(), AwaitingChoice { login, number: self.number, until });
        }
    }

    /// Asks the service, until the user has entered the code and whatever follows is done.
    async fn poll_plugin(self, mut prompted: AwaitingApproval) {
        loop {
            if !self.pause(prompted.interval, prompted.end).await {
                return;
            }
            if Instant::now() >= prompted.end {
                return self.show(LoginState::Failed { reason: LoginError::Expired.to_string() });
            }
            match prompted.login.poll(&self.credentials).await {
                Ok(LoginStep::Pending) => {}
                Ok(next) => match self.take(prompted.login, next).await {
                    (_, Some(further)) => prompted = further,
                    (_, None) => return,
                },
                Err(LoginError::Http(error)) => tracing::warn!(account = self.name, "{error}"),
                Err(error) => return self.show(LoginState::Failed { reason: error.to_string() }),
            }
        }
    }

    /// Waits until the service may be asked again, and no longer than until the end. Whether the login is still wanted.
    async fn pause(&self, interval: Duration, end: Instant) -> bool {
        tokio::time::sleep(interval.min(end.saturating_duration_since(Instant::now()))).await;
        self.is_current()
    }

    async fn granted(&self) -> LoginState {
        match self.store.set_pause(&self.name, None).await {
            Ok(()) => LoginState::Granted,
            Err(error) => LoginState::Failed { reason: error.to_string() },
        }
    }

    /// Shows how it stands, unless another one has taken its place.
    fn show(&self, status: LoginState) {
        let mut logins = current(&self.under_way);
        if let Some(entry) =
            logins.connections.get_mut(&self.name).filter(|(number, _)| *number == self.number)
        {
            entry.1 = status;
        }
    }

    async fn poll_device(self, account: Arc<Account>, mut prompt: Prompt) {
        let status = loop {
            if !self.pause(prompt.interval, prompt.ends_at).await {
                return;
            }
            match device_flow::poll_login(&account, &self.credentials, &mut prompt).await {
                Ok(false) => {}
                // It was ended, or begun anew, while the service was asked: this one is not wanted any more.
                Ok(true) if !self.is_current() => {
                    if let Err(error) = self.credentials.disconnect(&account).await {
                        tracing::warn!(account = self.name, "a login that was ended is still kept: {error}");
                    }
                    return;
                }
                Ok(true) => break self.granted().await,
                Err(error) => break LoginState::Failed { reason: error.to_string() },
            }
        };
        self.show(status);
    }

    fn is_current(&self) -> bool {
        is_current(&current(&self.under_way), &self.name, self.number)
    }
}

/// Whether a login was neither ended nor begun anew.
fn is_current(logins: &Logins, name: &str, number: u64) -> bool {
    logins.connections.get(name).is_some_and(|(current, _)| *current == number)
}

/// The logins in progress. A login that waited for its user for too long ends.
fn current(under_way: &Mutex<Logins>) -> MutexGuard<'_, Logins> {
    let mut logins = lock(under_way);
    let now = Instant::now();
    let Logins { connections, choosing } = &mut *logins;
    for (name, gone) in choosing.extract_if(|_, choosing| choosing.until <= now) {
        if let Some((_, status)) = connections.get_mut(&name).filter(|(number, _)| *number == gone.number) {
            *status = LoginState::Failed { reason: LoginError::Expired.to_string() };
        }
    }
    logins
}

fn pending(url: String, complete_url: Option<String>, code: String, expires_in: Duration) -> LoginState {
    let expires_in = SignedDuration::try_from(expires_in).unwrap_or(SignedDuration::MAX);
    let expires_at = clock::after(expires_in);
    LoginState::Pending { url, complete_url, code, expires_at }
}
