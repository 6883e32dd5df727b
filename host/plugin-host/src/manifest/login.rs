//! `[login]`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::template::Template;

/// The names under which the parts of a login are kept.
pub mod part {
    /// Sent with requests.
    pub const ACCESS: &str = "access_token";
    /// Exchanged for the next login.
    pub const REFRESH: &str = "refresh_token";
    /// When it was given. Unix seconds.
    pub const OBTAINED: &str = "obtained_at";
    /// When it ends. Unix seconds.
    pub const EXPIRES: &str = "expires_at";
    /// The private key with which a login by the plugin's own code is renewed. It fills no template.
    pub const DEVICE_KEY: &str = "device_key";
    /// The name of the account at the service, for people to read.
    pub const ACCOUNT_NAME: &str = "account-name";
    /// The id of the plugin that made the login.
    pub const PLUGIN: &str = "plugin";
    /// No setting has one of these names: a login by the plugin's own code has settings beside them.
    pub const RESERVED: [&str; 5] = [OBTAINED, EXPIRES, DEVICE_KEY, ACCOUNT_NAME, PLUGIN];
}

/// `[login]`: how a user logs in.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Login {
    /// OAuth 2 with a code that the user enters on another device.
    Oauth2Device(Box<DeviceLogin>),
    /// By code of the plugin's own: it exports `auth`.
    Plugin(PluginLogin),
}

/// A login by code of the plugin's own.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PluginLogin {
    /// The ways to log in, the best one first.
    pub methods: Vec<LoginMethod>,
    /// No login is needed where this setting is set.
    pub unless: Option<String>,
}

/// A way to log in.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoginMethod {
    /// The name, unique among its neighbours.
    pub id: String,
    /// The label, as people see it.
    pub label: String,
    /// The fields of the form.
    #[serde(default)]
    pub fields: Vec<LoginField>,
}

/// Something that the user types.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoginField {
    /// The name, unique among its neighbours.
    pub key: String,
    /// The label, as people see it.
    pub label: String,
    /// Whether it is not to be seen, by the plugin neither.
    #[serde(default)]
    pub secret: bool,
    /// Whether it may be left empty: at home many a user has no password.
    #[serde(default)]
    pub optional: bool,
}

/// OAuth 2 device flow (RFC 8628), with the deviations that services have.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeviceLogin {
    /// The URL that gives a code.
    pub device_url: Template,
    /// The URL that is polled.
    pub token_url: Template,
    /// Where a login is refreshed; `token-url` where absent.
    pub refresh_url: Option<Template>,
    /// The URL that ends a login; absent if the service has none.
    pub revoke_url: Option<Template>,
    /// The encoding of bodies.
    pub encoding: Encoding,
    /// The name of the device code's field in the poll.
    #[serde(default = "device_code")]
    pub code_field: String,
    /// Added to every body, where the settings that they name are set.
    #[serde(default)]
    pub parameters: BTreeMap<String, Template>,
    /// Added to the body of a refresh.
    #[serde(default)]
    pub refresh_parameters: BTreeMap<String, Template>,
    /// Added to the request for a code.
    #[serde(default)]
    pub device_parameters: BTreeMap<String, Template>,
    /// Added to the poll.
    #[serde(default)]
    pub poll_parameters: BTreeMap<String, Template>,
    /// Added to the body that ends a login.
    #[serde(default)]
    pub revoke_parameters: BTreeMap<String, Template>,
    /// The meaning of the statuses of the poll, if its answer has no `error` of RFC 8628, section 3.5.
    #[serde(default)]
    pub poll_status: PollStatus,
    /// The scopes that the login must have. The host refuses a login with fewer.
    #[serde(default)]
    pub required_scopes: Vec<String>,
    /// No login is needed where this setting is set.
    pub unless: Option<String>,
    /// How an app logs in that is too old for the device flow.
    pub pin: Option<PinLogin>,
    /// The effect of a refresh on the refresh token.
    pub refresh_token: RefreshToken,
    /// Added as headers to every request of the login.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
}

impl Login {
    /// The URLs of its requests.
    pub fn urls(&self) -> impl Iterator<Item = &Template> {
        self.device().into_iter().flat_map(DeviceLogin::urls)
    }

    /// Everything with holes.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.device().into_iter().flat_map(DeviceLogin::templates)
    }

    fn device(&self) -> Option<&DeviceLogin> {
        match self {
            Self::Oauth2Device(login) => Some(login),
            Self::Plugin(_) => None,
        }
    }

    /// The setting in whose place it is.
    pub fn unless(&self) -> Option<&String> {
        match self {
            Self::Oauth2Device(login) => login.unless.as_ref(),
            Self::Plugin(login) => login.unless.as_ref(),
        }
    }
}

impl DeviceLogin {
    fn urls(&self) -> impl Iterator<Item = &Template> {
        let login = self;
        let pin = login.pin.iter().flat_map(|pin| [&pin.code_url, &pin.poll_url]);
        let urls = [&login.device_url, &login.token_url].into_iter().chain(&login.refresh_url);
        urls.chain(&login.revoke_url).chain(pin)
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let login = self;
        let parameters = [
            &login.parameters,
            &login.refresh_parameters,
            &login.device_parameters,
            &login.poll_parameters,
            &login.revoke_parameters,
        ];
        self.urls().chain(parameters.into_iter().flat_map(BTreeMap::values)).chain(login.headers.values())
    }
}

/// `[login.pin]`: a login with a code, older than OAuth 2's: a GET gives `user_code` and `verification_url`, another one
/// `result` (`OK` or not) and `access_token`. It is used where the device flow refuses the client id as not its own.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinLogin {
    /// The URL that gives a code.
    pub code_url: Template,
    /// Where it is polled; `{credential.user_code}` stands for it.
    pub poll_url: Template,
}

fn device_code() -> String {
    "device_code".to_owned()
}

/// How a login's bodies are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

/// The meaning of the statuses of a poll. 200 is granted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PollStatus {
    /// Not yet entered.
    #[serde(default)]
    pub pending: Vec<u16>,
    /// Asked too often.
    #[serde(default)]
    pub slow_down: Vec<u16>,
    /// The user said no.
    #[serde(default)]
    pub denied: Vec<u16>,
    /// The code is too old.
    #[serde(default)]
    pub expired: Vec<u16>,
    /// The code is unknown or used.
    #[serde(default)]
    pub invalid: Vec<u16>,
}

/// The effect of a refresh on the refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshToken {
    /// Each serves once; the answer has the next.
    Rotating,
    /// It stays.
    Stable,
    /// The answer may have a new one.
    KeepIfAbsent,
}

#[cfg(test)]
mod tests {
    use crate::manifest::Manifest;
    use crate::manifest::login::part;

    #[test]
    fn no_setting_has_the_name_of_a_part_that_the_host_keeps() {
        let manifest = |setting: &str| {
            let text = format!(
                "[plugin]\nid = \"x\"\nname = \"X\"\nversion = \"0.1.0\"\napi = \"0.1\"\n[provides.check]\n\
                 [settings.{setting}]\nlabel = \"It\"\nsecret = true\n"
            );
            Manifest::parse(text.as_bytes())
        };
        manifest("token").unwrap();
        for reserved in part::RESERVED {
            let error = manifest(reserved).unwrap_err().to_string();
            assert!(error.contains(&format!("[settings.{reserved}]")), "{error}");
        }
    }
}
