//! What one account may send, and what is added to it on the wire.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use rustls::ClientConfig;
use sha2::Sha256;
use url::Url;
use zeroize::Zeroizing;

use crate::http::client::{HttpClient, RESPONSE_LIMIT};
use crate::http::login_tokens::LoginTokens;
use crate::http::message::{HttpError, Request, Response};
use crate::http::pace::{DailyQuota, RateLimit, WriteRateLimiter};
use crate::http::{Origin, OriginError, Reach};
use crate::manifest::{CredentialRule, Login, Manifest, SignatureEncoding, part};
use crate::placeholders;
use crate::ports::{Logins, QuotaStore};
use crate::template::{Placeholder, RequestPart, Template};

/// Statuses with which a service refuses a login: 401, and 498 where a token has expired (in no RFC; nginx and others have it).
const LOGIN_REFUSED: [u16; 2] = [401, 498];
/// Secrets shorter than this are not searched for in answers: they would be found everywhere.
const MIN_REDACTED_BYTES: usize = 6;
/// What an answer has in place of a secret.
const REDACTED: &str = "[secret]";
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

struct Permission {
    origin: Origin,
    reach: Reach,
}

/// What all accounts share.
#[derive(Clone)]
pub struct OutboundDeps {
    /// The client.
    pub wire: HttpClient,
    /// Who keeps the logins.
    pub logins: Arc<dyn Logins>,
    /// Where requests are counted.
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
    /// How far it may go.
    pub reach: Reach,
}

/// The way out for one account.
pub struct Outbound {
    account: String,
    plugin_id: String,
    wire: HttpClient,
    plugin: Vec<Permission>,
    login: Vec<Permission>,
    pictures: Vec<Permission>,
    credentials: Vec<(Origin, CredentialRule)>,
    settings: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
    logins: Arc<dyn Logins>,
    pace: Option<WriteRateLimiter>,
    rates: Vec<RateLimit>,
    meter: Option<DailyQuota>,
    response_limit: usize,
    /// Secret settings that a login has, since the user did not set them.
    in_login: BTreeSet<String>,
    /// Settings that are no secrets: a login may know them too.
    shown: BTreeSet<String>,
    instance: String,
}

impl Outbound {
    /// Works out what `manifest` asks for with the settings of an account; `reach` tells how far the address in one of them may lead.
    /// Fails if an address is not valid.
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

    /// Fills a template from settings that are no secrets.
    pub fn render_public(&self, template: &Template) -> String {
        let filled = template.render(|hole| {
            Ok::<_, Infallible>(match hole {
                Placeholder::Setting(key) => self.settings.get(key).cloned().unwrap_or_default(),
                Placeholder::HostName => self.wire.host.name.to_owned(),
                Placeholder::HostVersion => self.wire.host.version.to_owned(),
                Placeholder::HostInstance => self.instance.clone(),
                Placeholder::Credential(_) | Placeholder::Request(_) => String::new(),
            })
        });
        match filled {
            Ok(text) => text,
            Err(never) => match never {},
        }
    }

    /// Fills a template, secrets included. A hole that cannot be filled is an error, never a bare request.
    pub fn render(&self, template: &Template, login: Option<&LoginTokens>) -> Result<Secret, HttpError> {
        self.render_for(template, login, None)
    }

    /// The same of a template that may name parts of the request that it is for.
    fn render_for(
        &self,
        template: &Template,
        login: Option<&LoginTokens>,
        request: Option<(&Request, Timestamp)>,
    ) -> Result<Secret, HttpError> {
        let missing = |what: &str, key: &str| {
            HttpError::NotLoggedIn(format!("account {:?} has no {what} {key:?}", self.account))
        };
        let text = template.render(|hole| match hole {
            Placeholder::Setting(key) => match (self.secrets.get(key), self.settings.get(key)) {
                (Some(secret), _) => Ok(secret.expose().to_owned()),
                (None, Some(value)) => Ok(value.clone()),
                (None, None) => match login.and_then(|login| login.sendable(key)) {
                    Some(secret) => Ok(secret.expose().to_owned()),
                    None if self.in_login.contains(key) => Err(HttpError::NotLoggedIn(format!(
                        "account {0:?} has no {key:?} and is not logged in; run `playrelay connect {0}`",
                        self.account
                    ))),
                    None => Err(missing("setting", key)),
                },
            },
            Placeholder::Credential(key) => match login.and_then(|login| login.sendable(key)) {
                Some(secret) => Ok(secret.expose().to_owned()),
                None => Err(HttpError::NotLoggedIn(format!(
                    "account {:?} is not logged in; run `playrelay connect {}`",
                    self.account, self.account
                ))),
            },
            Placeholder::HostName => Ok(self.wire.host.name.to_owned()),
            Placeholder::HostVersion => Ok(self.wire.host.version.to_owned()),
            Placeholder::HostInstance => Ok(self.instance.clone()),
            Placeholder::Request(part) => match request {
                Some((request, at)) => Ok(part_of(request, at, *part)),
                None => Err(missing("request to take a part of for", part.as_str())),
            },
        })?;
        Ok(Secret::new(text))
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
    pub async fn send(&self, request: Request, purpose: RequestPurpose) -> Result<Response, HttpError> {
        let mut hop = request;
        for _ in 0..=REDIRECTS {
            let (response, had_credential) = self.send_following(hop.clone(), purpose).await?;
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
        Err(HttpError::Denied(format!("more than {REDIRECTS} redirects")))
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
        let mut response = self.wire.send(signed, reach, self.response_limit).await?;
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

    /// The same request with the account's credentials, and without what is not for a guest to say.
    fn with_credentials(
        &self,
        request: &Request,
        rules: &[&CredentialRule],
        login: Option<&LoginTokens>,
        purpose: RequestPurpose,
    ) -> Result<Request, HttpError> {
        let mut request = request.clone();
        request.headers.retain(|(name, _)| {
            (!is_reserved(name) || (purpose == RequestPurpose::LoginByPlugin && name == "authorization"))
                && !rules.iter().any(|rule| rule.adds_header(name))
        });
        let at = clock::now();
        for rule in rules {
            if let Some(basic) = &rule.basic {
                let user = self.render(&basic.user, login)?;
                let password = self.render(&basic.password, login)?;
                let pair = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
                let value = format!("Basic {}", BASE64.encode(pair.as_bytes()));
                request.headers.push(("authorization".to_owned(), value));
            }
            for (name, template) in &rule.headers {
                let value = self.render_for(template, login, Some((&request, at)))?;
                request.headers.push((name.clone(), value.expose().to_owned()));
            }
            if !rule.query.is_empty() {
                let kept: Vec<_> = request
                    .url
                    .query_pairs()
                    .filter(|(name, _)| !rule.query.contains_key(name.as_ref()))
                    .map(|(name, value)| (name.into_owned(), value.into_owned()))
                    .collect();
                request.url.query_pairs_mut().clear().extend_pairs(kept);
                for (name, template) in &rule.query {
                    let value = self.render_for(template, login, Some((&request, at)))?;
                    request.url.query_pairs_mut().append_pair(name, value.expose());
                }
            }
        }
        for signature in rules.iter().filter_map(|rule| rule.signature.as_ref()) {
            let key = self.render(&signature.key, login)?;
            let over = self.render_for(&signature.over, login, Some((&request, at)))?;
            let mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
                .expect("HMAC takes keys of any length")
                .chain_update(over.expose())
                .finalize()
                .into_bytes();
            let value = match signature.encoding {
                SignatureEncoding::Hex => mac.iter().map(|byte| format!("{byte:02x}")).collect(),
                SignatureEncoding::Base64 => BASE64.encode(mac),
            };
            match (&signature.header, &signature.query) {
                (Some(header), _) => request.headers.push((header.clone(), value)),
                (None, Some(name)) => {
                    request.url.query_pairs_mut().append_pair(name, &value);
                }
                (None, None) => {}
            }
        }
        Ok(request)
    }

    /// What a connection needs that is to stay, below a server address that the user typed.
    /// `query` is added, with its secrets.
    pub async fn dial(&self, url: &Url, query: &BTreeMap<String, Template>) -> Result<DialPlan, HttpError> {
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

    /// Whether a server answers at an address that a login has found. An error says why not.
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

    /// Takes the account's secrets out of an answer, should the service have echoed one.
    fn redact(&self, response: &mut Response, login: Option<&LoginTokens>) {
        // Beside its tokens a login has times, which are no secrets and may well stand in an answer.
        let is_secret =
            |name: &str| !name.ends_with("_at") && !self.shown.contains(name) && name != part::PLUGIN;
        let tokens = login.iter().flat_map(|login| &login.0).filter(|(name, _)| is_secret(name));
        let tokens = tokens.map(|(_, token)| token);
        let secrets = self.secrets.values().chain(tokens).map(Secret::expose);
        let secrets = secrets.filter(|secret| secret.len() >= MIN_REDACTED_BYTES);
        // The longest first: one may be a part of another.
        let mut secrets: Vec<Zeroizing<String>> =
            secrets.flat_map(placeholders::written).map(Zeroizing::new).collect();
        secrets.sort_by_key(|written| Reverse(written.len()));
        let text = String::from_utf8_lossy(&response.body);
        let echoed = secrets.iter().any(|secret| {
            text.contains(secret.as_str())
                || response.headers.iter().any(|(_, value)| value.contains(secret.as_str()))
        });
        if !echoed {
            return;
        }
        tracing::warn!(account = %self.account, "the service echoed a secret; it was taken out of the answer");
        let clean = |text: &str| {
            secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
        };
        let body = clean(&text).into_bytes();
        for (_, value) in &mut response.headers {
            *value = clean(value);
        }
        response.body = body;
    }
}

/// What these rules put into a request.
fn templates<'a>(rules: &'a [&'a CredentialRule]) -> impl Iterator<Item = &'a Template> {
    rules.iter().flat_map(|rule| rule.templates())
}

/// A part of a request, for a signature over it.
fn part_of(request: &Request, at: Timestamp, part: RequestPart) -> String {
    match part {
        RequestPart::Method => request.method.to_string(),
        RequestPart::Url => request.url.to_string(),
        RequestPart::Path => request.url.path().to_owned(),
        RequestPart::Query => request.url.query().unwrap_or_default().to_owned(),
        RequestPart::Body => {
            String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned()
        }
        RequestPart::Timestamp => at.as_second().to_string(),
    }
}

/// Headers that are the client's business.
fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 10] = [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "keep-alive",
    ];
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&name.as_str()) || name.starts_with("proxy-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_key_of_a_login_fills_no_template() {
        let secret = |name: &str| (name.to_owned(), Secret::new("x"));
        let login = LoginTokens([secret(part::ACCESS), secret(part::DEVICE_KEY)].into());
        assert!(login.sendable(part::ACCESS).is_some() && login.sendable(part::DEVICE_KEY).is_none());
    }
}
