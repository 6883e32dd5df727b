//! `[access.oidc]`: logins at an OpenID provider

use std::collections::BTreeMap;
use std::net::IpAddr;

use playrelay_util::secret::Secret;
use url::{Host, Url};

use crate::config::document::{ConfigError, Location, SpannedValue};
use crate::config::section::Section;

/// In `allowed_users`: everybody whom the provider lets in.
const EVERYBODY: &str = "*";

/// `[access.oidc]`
#[derive(Clone, Debug, PartialEq)]
pub struct Oidc {
    /// The issuer, as the provider writes it: its discovery document is below this address.
    pub issuer: String,
    /// The id under which the provider knows Playrelay.
    pub client_id: String,
    /// The secret that belongs to the id; absent for a public client.
    pub client_secret: Option<Secret>,
    /// What Playrelay asks the provider for, beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that holds the user's name.
    pub name_claim: String,
    /// The claim that holds the user's groups.
    pub groups_claim: String,
    /// Users that may log in; `*` means everybody.
    pub allowed_users: Vec<String>,
    /// Groups whose users may log in.
    pub allowed_groups: Vec<String>,
}

impl Oidc {
    /// Whether a user of the provider may log in.
    pub fn allows(&self, user: &str, groups: &[String]) -> bool {
        self.allowed_users.iter().any(|allowed| allowed == EVERYBODY || allowed == user)
            || groups.iter().any(|group| self.allowed_groups.contains(group))
    }
}

/// Reads the section; absent if the file has none.
pub(super) fn read(
    keys: BTreeMap<String, SpannedValue>,
    place: &Location,
    admins_are_named: bool,
    problems: &mut Vec<ConfigError>,
) -> Option<Oidc> {
    if keys.is_empty() {
        return None;
    }
    let mut section = Section::new("[access.oidc]", keys, problems);
    let issuer_place = section.location("issuer");
    let issuer =
        section.required_text("issuer", place, "the address of the provider, \"https://auth.example.com\"");
    let client_id =
        section.required_text("client_id", place, "the id under which the provider knows Playrelay");
    if let Some(issuer) = &issuer
        && !is_issuer(issuer)
    {
        let text = format!(
            "`issuer` in [access.oidc] is {issuer:?}; expected an address that begins with https://, without a query, as the provider's \
             discovery document has it (http:// only for a private address)"
        );
        section.error(issuer_place, text);
    }
    let client_secret = section.text("client_secret").map(Secret::new);
    let scopes = section.texts("scopes").unwrap_or_else(|| texts(&["profile", "email"]));
    let name_claim = section.text("name_claim").unwrap_or_else(|| "preferred_username".to_owned());
    let groups_claim = section.text("groups_claim").unwrap_or_else(|| "groups".to_owned());
    let allowed_users = section.texts("allowed_users").unwrap_or_default();
    let allowed_groups = section.texts("allowed_groups").unwrap_or_default();
    if allowed_users.is_empty() && allowed_groups.is_empty() && !admins_are_named {
        let text = "[access.oidc] lets nobody in; expected names in `allowed_users` or `allowed_groups`, or `allowed_users = [\"*\"]` for \
                    everybody whom the provider lets in";
        section.error(place.clone(), text.to_owned());
    }
    section.finish();
    Some(Oidc {
        issuer: issuer?,
        client_id: client_id?,
        client_secret,
        scopes,
        name_claim,
        groups_claim,
        allowed_users,
        allowed_groups,
    })
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Whether an address can be an issuer (OpenID Connect Discovery 1.0, section 3): `https`, without query and fragment. At home there are
/// providers without TLS: theirs is a private address.
fn is_issuer(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let is_private = match url.host() {
        Some(Host::Ipv4(address)) => is_at_home(address.into()),
        Some(Host::Ipv6(address)) => is_at_home(address.into()),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    is_bare && (url.scheme() == "https" || url.scheme() == "http" && is_private)
}

fn is_at_home(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_speaks_tls_or_is_at_home() {
        for issuer in [
            "https://auth.example.com",
            "https://a.example/realms/home",
            "http://192.168.1.5:9091",
            "http://localhost:1",
        ] {
            assert!(is_issuer(issuer), "{issuer}");
        }
        for issuer in [
            "http://auth.example.com",
            "https://a.example?x=1",
            "auth.example.com",
            "https://u@a.example",
            "http://8.8.8.8",
            "",
        ] {
            assert!(!is_issuer(issuer), "{issuer}");
        }
    }

    #[test]
    fn users_and_groups_are_let_in_by_name() {
        let oidc = |users: &[&str], groups: &[&str]| Oidc {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            scopes: Vec::new(),
            name_claim: String::new(),
            groups_claim: String::new(),
            allowed_users: texts(users),
            allowed_groups: texts(groups),
        };
        let groups = texts(&["family"]);
        assert!(oidc(&["*"], &[]).allows("eve", &[]));
        assert!(oidc(&["ada"], &[]).allows("ada", &[]));
        assert!(!oidc(&["ada"], &[]).allows("Ada", &groups));
        assert!(oidc(&[], &["family"]).allows("mia", &groups));
        assert!(!oidc(&[], &["*"]).allows("mia", &groups));
        assert!(!oidc(&[], &[]).allows("", &[]));
    }
}
