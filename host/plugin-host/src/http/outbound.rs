//! The requests of one account: where they may go, and the credentials that the host adds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use playrelay_util::clock;
use playrelay_util::secret::Secret;
use rustls::ClientConfig;
use url::Url;

use crate::http::client::{HttpClient, RESPONSE_LIMIT};
use crate::http::login_tokens::LoginTokens;
use crate::http::message::{HttpError, Request, Response};
use crate::http::pace::{DailyQuota, RateLimit, WriteRateLimiter};
use crate::http::{Origin, OriginError, Reach};
use crate::manifest::{CredentialRule, Login, Manifest};
use crate::ports::{Access, Logins, QuotaStore};
use crate::template::Template;
use crate::text;

/// Statuses with which a service refuses a login: 401, and 498 where a token has expired (in no RFC; nginx and others have it).
const LOGIN_REFUSED: [u16; 2] = [401, 498];
/// Followed where no credential was added.
const REDIRECTS: usize = 3;

/// On whose behalf a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPurpose {
    /// A plugin's: to the origins of `[[network]]`, with the credentials of the account.
    Plugin,
    /// A plugin's, for a login: to the origins of `[[network]]`, without credentials.
    LoginByPlugin,
    /// The host's own, for a login: to the addresses under `[login]`, without credentials.
    Login,
    /// The host's own, for a picture: to the picture origins of `[provides.metadata]`, without credentials.
    Picture,
}

pub(crate) struct Permission {
    origin: Origin,
    reach: Reach,
}

/// The parts that all accounts share.
#[derive(Clone)]
pub struct OutboundDeps {
    /// The client.
    pub wire: HttpClient,
    /// Keeps the logins.
    pub logins: Arc<dyn Logins>,
    /// Counts the requests of a day.
    pub counts: Arc<dyn QuotaStore>,
    /// A random name of this installation, by which services know it from others.
    pub instance: String,
}

/// A connection that is to stay: where to, and what it needs.
pub struct DialPlan {
    /// A GET, with credentials.
    pub request: Request,
    /// For TLS.
    pub tls: Arc<ClientConfig>,
    /// Opens it as an answer without end.
    pub wire: HttpClient,
    /// The addresses that it may reach.
    pub reach: Reach,
}

/// The way out for one account.
pub struct Outbound {
    pub(crate) account: String,
    pub(crate) plugin_id: String,
    pub(crate) wire: HttpClient,
    pub(crate) plugin: Vec<Permission>,
    pub(crate) login: Vec<Permission>,
    pub(crate) pictures: Vec<Permission>,
    pub(crate) credentials: Vec<(Origin, CredentialRule)>,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) logins: Arc<dyn Logins>,
    pub(crate) pace: Option<WriteRateLimiter>,
    pub(crate) rates: Vec<RateLimit>,
    pub(crate) meter: Option<DailyQuota>,
    pub(crate) response_limit: usize,
    /// Secret settings that a login has, since the user did not set them.
    pub(crate) in_login: BTreeSet<String>,
    /// Settings that are no secrets: a login may know them too.
    pub(crate) shown: BTreeSet<String>,
    pub(crate) instance: String,
}

impl Outbound {
    /// Works out what `manifest` asks for with the settings of an account; `reach` tells how far the address in one of them may lead.
    /// Fails if an address is not valid.
    ///
    /// # Errors
    ///
    /// An address is not valid.
    pub fn new(
        account: &str,
        common: OutboundDeps,
        manifest: &Manifest,
        settings: BTreeMap<String, String>,
        secrets: BTreeMap<String, Secret>,
        reach: &dyn Fn(&str) -> Reach,
    ) -> Result<Self, OriginError> {
        let of = |setting: Option<&str>| setting.map_or(Reach::Public, reach);
        let OutboundDeps { wire, logins, counts, instance } = common;
        let mut outbound = Self {
            account: account.to_owned(),
            plugin_id: manifest.plugin.id.clone(),
            wire,
            plugin: Vec::new(),
            login: Vec::new(),
            pictures: Vec::new(),
            credentials: Vec::new(),
            settings,
            secrets,
            logins,
            pace: manifest.limits.write_interval_ms.map(WriteRateLimiter::new),
            rates: manifest.limits.rate.iter().copied().map(RateLimit::new).collect(),
            meter: manifest.limits.quota.clone().map(|quota| DailyQuota::new(account, quota, counts)),
            response_limit: manifest
                .limits
                .response_mib
                .map_or(RESPONSE_LIMIT, |mib| (mib.clamp(1, 8) as usize) << 20),
            in_login: BTreeSet::new(),
            shown: manifest
                .settings
                .iter()
                .filter(|(_, setting)| !setting.secret)
                .map(|(key, _)| key.clone())
                .collect(),
            instance: format!("{instance}-{account}"),
        };
        if matches!(manifest.login, Some(Login::Plugin(_))) {
            let secret = manifest.settings.iter().filter(|(_, setting)| setting.secret);
            let open = secret.map(|(key, _)| key).filter(|key| !outbound.secrets.contains_key(*key));
            outbound.in_login = open.cloned().collect();
        }
        for network in &manifest.network {
            if let Some(origin) = outbound.origin(&network.origin)? {
                outbound.plugin.push(Permission { origin, reach: of(network.origin.only_setting()) });
            }
        }
        let is_set = |key: &String| outbound.settings.contains_key(key) || outbound.secrets.contains_key(key);
        let applies = |rule: &&CredentialRule| {
            rule.when.as_ref().is_none_or(is_set) && !rule.unless.as_ref().is_some_and(is_set)
        };
        for rule in manifest.credential.iter().filter(applies).collect::<Vec<_>>() {
            if let Some(origin) = outbound.origin(&rule.origin)? {
                outbound.credentials.push((origin, rule.clone()));
            }
        }
        for url in manifest.login.iter().flat_map(Login::urls) {
            if let Some(origin) = outbound.origin(url)? {
                outbound.login.push(Permission { origin, reach: of(url.leading_setting()) });
            }
        }
        for template in manifest.provides.metadata.iter().flat_map(|facts| &facts.picture_origins) {
            if let Some(origin) = outbound.origin(template)? {
                outbound.pictures.push(Permission { origin, reach: of(template.only_setting()) });
            }
        }
        Ok(outbound)
    }

    /// An optional server address that is not set allows nothing.
    fn origin(&self, template: &Template) -> Result<Option<Origin>, OriginError> {
        match self.render_public(template).as_str() {
            "" => Ok(None),
            text => Origin::parse(text).map(Some),
        }
    }

    /// The account's daily quota, where it has one.
    pub fn meter(&self) -> Option<&DailyQuota> {
        self.meter.as_ref()
    }

    /// Whether only a new login helps the account.
    pub async fn is_login_refused(&self) -> bool {
        self.logins.is_refused(&self.account).await
    }

    /// Sends a request under the account's policy. A refusal of the login is answered by one renewal of the login and one repetition.
    ///
    /// # Errors
    ///
    /// The policy forbids the request, a quota is used up, nobody is logged in, or [`HttpClient::send`](crate::http::client::HttpClient) failed.
    pub async fn send(&self, request: Request, purpose: RequestPurpose) -> Result<Response, HttpError> {
        let mut hop = request;
        for _ in 0..=REDIRECTS {
            let answer = self.send_following(hop.clone(), purpose).await;
            self.audit(&hop.url, answer.as_ref().err());
            let (response, had_credential) = answer?;
            let target = match response.header("location") {
                Some(target)
                    if (300..400).contains(&response.status)
                        && !had_credential
                        && purpose == RequestPurpose::Plugin =>
                {
                    target
                }
                _ => return Ok(response),
            };
            let Ok(url) = hop.url.join(target) else { return Ok(response) };
            if matches!(response.status, 301..=303) {
                hop.method = reqwest::Method::GET;
                hop.body = None;
            }
            hop.url = url;
        }
        let error = HttpError::Denied(format!("more than {REDIRECTS} redirects"));
        self.audit(&hop.url, Some(&error));
        Err(error)
    }

    /// Counts a request, or what kept it from being sent.
    fn audit(&self, url: &Url, error: Option<&HttpError>) {
        let origin = text::cut(&url.origin().ascii_serialization(), text::NAME);
        match error {
            // Where nobody is logged in, or a quota is used up, nothing was sent, and nothing was forbidden.
            Some(HttpError::NotLoggedIn(_) | HttpError::Quota { .. }) => {}
            Some(HttpError::Denied(reason)) => self.denied(origin, reason.clone()),
            None | Some(HttpError::Unreachable(_) | HttpError::Interrupted(_) | HttpError::TooLarge(_)) => {
                self.note(Access::Contacted(origin));
            }
        }
    }

    /// Counts a call of the plugin that a rule of the host forbids. `target` is an origin, or the interface.
    pub(crate) fn denied(&self, target: impl Into<String>, reason: impl Into<String>) {
        // The plugin may have a say in both.
        let (target, reason) = (text::cut(&target.into(), text::NAME), text::cut(&reason.into(), text::KEY));
        self.note(Access::Denied { target, reason });
    }

    fn note(&self, access: Access) {
        if let Some(audit) = &self.wire.audit {
            audit.note(&self.plugin_id, &self.account, access);
        }
    }

    async fn send_following(
        &self,
        request: Request,
        purpose: RequestPurpose,
    ) -> Result<(Response, bool), HttpError> {
        let reach = self.allow(&request.url, purpose)?;
        let rules = self.rules_for(&request.url, purpose);
        let login = self.login_for(templates(&rules)).await?;
        let response = self.send_once(&request, &rules, login.as_deref(), reach, purpose).await?;
        if LOGIN_REFUSED.contains(&response.status)
            && let Some(rejected) = login
            && let Some(renewed) = self.own_login(self.logins.renew(&self.account, &rejected).await?)
        {
            let again = self.send_once(&request, &rules, Some(&renewed), reach, purpose).await?;
            return Ok((again, true));
        }
        Ok((response, !rules.is_empty()))
    }

    /// Whether a URL may be asked for, and how far that may go.
    fn allow(&self, url: &Url, purpose: RequestPurpose) -> Result<Reach, HttpError> {
        let origin =
            Origin::of(url).map_err(|error| HttpError::Denied(format!("the URL was refused: {error}")))?;
        let allowed = match purpose {
            RequestPurpose::Plugin | RequestPurpose::LoginByPlugin => &self.plugin,
            RequestPurpose::Login => &self.login,
            RequestPurpose::Picture => &self.pictures,
        };
        match allowed.iter().find(|allowed| allowed.origin == origin) {
            Some(allowed) => Ok(allowed.reach),
            None => {
                tracing::warn!(account = %self.account, %origin, "request denied: the origin is not allowed");
                Err(HttpError::Denied(format!(
                    "{origin} is not among the origins that this plugin may reach"
                )))
            }
        }
    }

    fn rules_for(&self, url: &Url, purpose: RequestPurpose) -> Vec<&CredentialRule> {
        match (purpose, Origin::of(url)) {
            (RequestPurpose::Plugin, Ok(origin)) => self
                .credentials
                .iter()
                .filter(|(allowed, _)| *allowed == origin)
                .map(|(_, rule)| rule)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Another process may have sent requests for the account until now.
    pub fn restart_pace(&self) {
        if let Some(pace) = &self.pace {
            pace.restart();
        }
    }

    async fn send_once(
        &self,
        request: &Request,
        rules: &[&CredentialRule],
        login: Option<&LoginTokens>,
        reach: Reach,
        purpose: RequestPurpose,
    ) -> Result<Response, HttpError> {
        let signed = self.with_credentials(request, rules, login, purpose)?;
        // A login must be possible on a day whose requests are used up.
        let meter = self.meter.as_ref().filter(|_| purpose == RequestPurpose::Plugin);
        if purpose == RequestPurpose::Plugin {
            let counted = self.rates.iter().filter(|rate| rate.counts(&request.method));
            counted.into_iter().try_for_each(|rate| rate.take(clock::now()))?;
        }
        if let Some(meter) = meter {
            meter.take().await?;
        }
        let _turn = match self.pace.as_ref().filter(|_| signed.method != reqwest::Method::GET) {
            Some(pace) => Some(pace.turn().await),
            None => None,
        };
        // The last moment before the network: the program may have been frozen in between.
        if signed.method != reqwest::Method::GET && !self.wire.may_write() {
            return Err(HttpError::Unreachable(
                "nothing is sent while another node may own the household".to_owned(),
            ));
        }
        let mut response = match &self.wire.transport {
            Some(transport) => transport.answer(request)?,
            None => self.wire.send(signed, reach, self.response_limit).await?,
        };
        if let Some(meter) = meter {
            // What was answered was answered, whatever becomes of the count.
            if let Err(error) = meter.update_from_response(&response).await {
                tracing::warn!(account = %self.account, "the requests of today cannot be counted: {error}");
            }
        }
        self.redact(&mut response, login);
        if let Some(recorder) = self.wire.recorder.as_ref().filter(|_| purpose == RequestPurpose::Plugin) {
            recorder.note(&self.plugin_id, request, &response);
        }
        Ok(response)
    }

    /// The parts of a request for a connection that stays, below a server address that the user typed.
    /// `query` is added, with its secrets.
    ///
    /// # Errors
    ///
    /// The account has no server address, or nobody is logged in.
    pub async fn dial(&self, url: &Url, query: &BTreeMap<String, Template>) -> Result<DialPlan, HttpError> {
        let plan = self.dial_plan(url, query).await;
        self.audit(url, plan.as_ref().err());
        plan
    }

    async fn dial_plan(&self, url: &Url, query: &BTreeMap<String, Template>) -> Result<DialPlan, HttpError> {
        let reach = self.allow(url, RequestPurpose::Plugin)?;
        if reach == Reach::Public {
            return Err(HttpError::Denied(
                "only a server address that the user typed can be listened to".to_owned(),
            ));
        }
        self.wire.check(url, reach).await?;
        let rules = self.rules_for(url, RequestPurpose::Plugin);
        let login = self.login_for(templates(&rules).chain(query.values())).await?;
        let request = Request {
            method: reqwest::Method::GET,
            url: url.clone(),
            headers: Vec::new(),
            body: None,
            timeout: crate::http::client::REQUEST_TIMEOUT,
        };
        let mut request =
            self.with_credentials(&request, &rules, login.as_deref(), RequestPurpose::Plugin)?;
        for (name, template) in query {
            let value = self.render(template, login.as_deref())?;
            request.url.query_pairs_mut().append_pair(name, value.expose());
        }
        Ok(DialPlan { request, tls: self.wire.tls(), wire: self.wire.clone(), reach })
    }

    /// A random name of this installation and account.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The server that the account speaks to, and how far its address may lead: the first of `[[network]]` whose address is known.
    pub fn server(&self) -> Option<(Url, Reach)> {
        let permission = self.plugin.first()?;
        Url::parse(&permission.origin.to_string()).ok().map(|url| (url, permission.reach))
    }

    /// The certificates that are trusted at addresses that the user typed.
    pub fn tls(&self) -> Arc<ClientConfig> {
        self.wire.tls()
    }

    /// Whether a server answers at an address that a login has found. An error says why not.
    ///
    /// # Errors
    ///
    /// The reason why no server answers.
    pub async fn answers(&self, url: &Url, reach: Reach) -> Result<(), HttpError> {
        self.wire.probe(url, reach).await
    }

    /// The login, where one of these needs it: a secret that the user did not set, of an account that can be logged in, is in its login.
    async fn login_for<'a>(
        &self,
        mut templates: impl Iterator<Item = &'a Template>,
    ) -> Result<Option<Arc<LoginTokens>>, HttpError> {
        let is_needed =
            templates.any(|it| it.needs_login() || it.settings().any(|key| self.in_login.contains(key)));
        if is_needed { Ok(self.own_login(self.logins.current(&self.account).await?)) } else { Ok(None) }
    }

    /// A login that the account's own plugin was given: while a configuration changes, its name may already be another's.
    fn own_login(&self, login: Option<Arc<LoginTokens>>) -> Option<Arc<LoginTokens>> {
        login.filter(|login| login.belongs_to(&self.plugin_id))
    }
}

/// The credentials that these rules add to a request.
fn templates<'a>(rules: &'a [&'a CredentialRule]) -> impl Iterator<Item = &'a Template> {
    rules.iter().flat_map(|rule| rule.templates())
}
