//! The permissions of a plugin, in a form that a person can read and to which an approval is bound.
//!
//! - `told`: what its calls are given, and what it never learns
//! - `sections`: the report as sections of lines

mod sections;
mod told;

pub use sections::PermissionSection;
use serde::{Deserialize, Serialize};

use crate::artifact::{Artifact, Digest};
use crate::limits;
use crate::manifest::{Login, Manifest, Setting};

/// Everything that a person should know before approving a plugin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PermissionReport {
    /// From the manifest.
    pub id: String,
    /// From the manifest.
    pub name: String,
    /// From the manifest.
    pub version: String,
    /// From the manifest.
    pub description: String,
    /// From the manifest: nobody has checked it.
    #[serde(default)]
    pub publisher: Option<String>,
    /// From the manifest.
    #[serde(default)]
    pub homepage: Option<String>,
    /// The digest of the component.
    pub digest: Digest,
    /// The size of the component in bytes.
    pub size: usize,
    /// The interfaces that it exports.
    pub provides: Vec<String>,
    /// The same, each with what it does; empty in the reports of older programs.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// What its calls are given.
    #[serde(default)]
    pub told: Vec<String>,
    /// What no call is given.
    #[serde(default)]
    pub not_told: Vec<String>,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// Where it wants to send requests, and why.
    pub network: Vec<(String, String)>,
    /// The credentials that the host adds to its requests.
    pub credentials: Vec<String>,
    /// The URLs of its login.
    pub login: Vec<String>,
    /// The settings.
    pub settings: Vec<SettingSummary>,
    /// MiB.
    pub memory_mib: usize,
    /// The other limits: sizes of answers, rates, requests a day.
    #[serde(default)]
    pub limits: Vec<String>,
    /// A digest of the permissions. The approval is bound to it, and to the digest of the file.
    pub permissions: Digest,
}

/// A setting, for people.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SettingSummary {
    /// The key in the configuration.
    pub key: String,
    /// The type of the value, for people.
    pub kind: String,
    /// From the manifest.
    pub label: String,
    /// From the manifest.
    pub help: String,
    /// The value if the user sets none.
    pub default: Option<String>,
    /// Whether nothing goes without it.
    pub required: bool,
    /// Whether it is never shown.
    pub secret: bool,
}

impl SettingSummary {
    fn of((key, setting): (&String, &Setting)) -> Self {
        Self {
            key: key.clone(),
            kind: setting.kind.to_string(),
            label: setting.label.clone(),
            help: setting.help.clone(),
            default: setting.default.clone(),
            required: setting.required,
            secret: setting.secret,
        }
    }
}

impl PermissionReport {
    /// The permissions of a component.
    pub fn of(artifact: &Artifact) -> Self {
        let manifest = &artifact.manifest;
        let identity = &manifest.plugin;
        let credentials = manifest.credential.iter().map(|rule| {
            let headers = rule.headers.iter().map(|(name, value)| format!("header {name}: {value}"));
            let query = rule.query.iter().map(|(name, value)| format!("query {name}={value}"));
            let path =
                rule.path.iter().map(|(name, value)| format!("{value} in the place of {name} in the path"));
            let when = rule.when.iter().map(|key| format!(", where `{key}` is set"));
            let unless = rule.unless.iter().map(|key| format!(", unless `{key}` is set"));
            let basic = rule
                .basic
                .iter()
                .map(|it| format!("basic authentication of {} with {}", it.user, it.password));
            let signature = rule.signature.iter().map(|it| {
                let place = it.header.as_ref().map(|name| format!("header {name}"));
                let place = place.or_else(|| it.query.as_ref().map(|name| format!("query {name}")));
                format!(
                    "{}: HMAC-SHA256 with {} over {:?}",
                    place.unwrap_or_default(),
                    it.key,
                    it.over.to_string()
                )
            });
            let added =
                headers.chain(query).chain(path).chain(basic).chain(signature).collect::<Vec<_>>().join(", ");
            format!("{}: {added}{}", rule.origin, when.chain(unless).collect::<String>())
        });
        let dialled = manifest.provides.realtime.iter().flat_map(|facts| {
            let query = facts.query.iter().map(|(name, value)| format!("query {name}={value}"));
            query.map(|added| format!("{}: {added}, where it is listened to", facts.address))
        });
        let credentials: Vec<String> = credentials.chain(dialled).collect();
        let pictures = manifest.provides.metadata.iter().flat_map(|facts| &facts.picture_origins);
        let pictures =
            pictures.map(|origin| (origin.to_string(), "Pictures, fetched by the host".to_owned()));
        Self {
            id: identity.id.clone(),
            name: identity.name.clone(),
            version: identity.version.clone(),
            description: identity.description.clone(),
            publisher: identity.publisher.clone(),
            homepage: identity.homepage.clone(),
            digest: artifact.digest.clone(),
            size: artifact.size,
            provides: manifest.provides.names().into_iter().collect(),
            capabilities: told::capabilities(manifest),
            told: told::told(manifest),
            not_told: told::not_told(manifest),
            imports: artifact.imports.iter().cloned().collect(),
            network: manifest
                .network
                .iter()
                .map(|it| (it.origin.to_string(), it.reason.clone()))
                .chain(pictures)
                .collect(),
            credentials,
            login: logins(manifest),
            settings: manifest.settings.iter().map(SettingSummary::of).collect(),
            memory_mib: limits::memory(manifest) >> 20,
            limits: manifest.limits.in_words(),
            permissions: permissions(artifact),
        }
    }
}

/// Where, or how, an account is logged in.
fn logins(manifest: &Manifest) -> Vec<String> {
    let methods = match &manifest.login {
        Some(Login::Plugin(login)) => login.methods.as_slice(),
        _ => &[],
    };
    let ways = methods.iter().map(|method| {
        let fields = method.fields.iter().map(|field| {
            let seen = if field.secret {
                "which the host sends in the plugin's place to the addresses above"
            } else {
                "which the plugin sees"
            };
            format!("; asks for {} ({}), {seen}", field.key, field.label)
        });
        format!("by the plugin's own code: {}{}", method.label, fields.collect::<String>())
    });
    let found = (!methods.is_empty()).then(|| "a server that such a login finds may be reached".to_owned());
    manifest.login.iter().flat_map(Login::urls).map(ToString::to_string).chain(ways).chain(found).collect()
}

/// The digest of all that an approval grants: interfaces, imports, network, credentials, login, settings, limits.
/// Names, labels and reasons do not count.
fn permissions(artifact: &Artifact) -> Digest {
    let manifest = &artifact.manifest;
    let origins: Vec<_> = manifest.network.iter().map(|network| &network.origin).collect();
    let settings: Vec<_> = manifest
        .settings
        .iter()
        .map(|(key, setting)| (key, setting.kind, setting.secret, &setting.default))
        .collect();
    let granted = (
        manifest.provides.names(),
        &artifact.imports,
        origins,
        &manifest.credential,
        &manifest.login,
        settings,
        &manifest.limits,
        &manifest.provides.metadata,
        &manifest.provides.realtime,
    );
    let canonical = serde_json::to_vec(&granted).expect("structs and maps with text keys are always JSON");
    Digest::of(&canonical)
}
