//! `[access]`

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::document::{ConfigError, SpannedValue};
use crate::config::oidc::{self, Oidc};
use crate::config::section::Section;

/// The least time that a login lasts.
const MIN_SESSION_LENGTH: Duration = Duration::from_secs(5 * 60);
/// The longest time that a login lasts without being used.
const MAX_SESSION_LENGTH: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// `[access]`
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// How long a login in a browser lasts without being used.
    pub session_length: Duration,
    /// The proxies whose headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they name a user, in lower case; absent if they name none.
    pub user_header: Option<String>,
    /// The header in which they name the user's groups, in lower case; absent if they name none.
    pub groups_header: Option<String>,
    /// Users of a proxy or an OpenID provider that have the role admin.
    pub admin_users: Vec<String>,
    /// Groups there whose users have the role admin.
    pub admin_groups: Vec<String>,
    /// Addresses that may read `/readyz` and `/metrics` without a token.
    pub monitoring: Vec<IpNet>,
    /// `[access.oidc]`; absent without it.
    pub oidc: Option<Oidc>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            session_length: Duration::from_secs(30 * 24 * 60 * 60),
            trusted_proxies: Vec::new(),
            user_header: None,
            groups_header: None,
            admin_users: Vec::new(),
            admin_groups: Vec::new(),
            monitoring: Vec::new(),
            oidc: None,
        }
    }
}

impl Access {
    /// Whether an address is that of a trusted proxy.
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        contains(&self.trusted_proxies, address)
    }

    /// Whether an address may read the metrics without a token.
    pub fn is_monitoring(&self, address: IpAddr) -> bool {
        contains(&self.monitoring, address)
    }

    /// Whether somebody whom a proxy or an OpenID provider names has the role admin.
    pub fn is_admin(&self, user: &str, groups: &[String]) -> bool {
        self.admin_users.iter().any(|admin| admin == user)
            || groups.iter().any(|group| self.admin_groups.contains(group))
    }
}

fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

pub(super) fn read(
    keys: BTreeMap<String, SpannedValue>,
    has_public_url: bool,
    problems: &mut Vec<ConfigError>,
) -> Access {
    let default = Access::default();
    let mut section = Section::new("[access]", keys, problems);
    let place = section.location("session_length");
    let session_length = section.duration("session_length").unwrap_or(default.session_length);
    if !(MIN_SESSION_LENGTH..=MAX_SESSION_LENGTH).contains(&session_length) {
        let text = "`session_length` in [access] is out of range; expected \"5m\" to \"365d\"";
        section.error(place, text.to_owned());
    }
    let trusted_proxies = networks(&mut section, "trusted_proxies");
    let monitoring = networks(&mut section, "monitoring");
    let user_header_place = section.location("user_header");
    let user_header = header(&mut section, "user_header");
    let groups_header = header(&mut section, "groups_header");
    if user_header.is_some() && trusted_proxies.is_empty() {
        let text = "`user_header` in [access] has no effect without `trusted_proxies`; expected the addresses of the proxies that set \
                    it, since everybody else could";
        section.error(user_header_place, text.to_owned());
    }
    let admin_users = section.texts("admin_users").unwrap_or_default();
    let admin_groups = section.texts("admin_groups").unwrap_or_default();
    let place = section.location("oidc");
    let oidc = section.table("oidc");
    if !oidc.is_empty() && !has_public_url {
        let text = "[access.oidc] needs `public_url` in [server]; expected the address in your browser, to which the provider sends people back";
        section.error(place.clone(), text.to_owned());
    }
    section.finish();
    let oidc = oidc::read(oidc, &place, !(admin_users.is_empty() && admin_groups.is_empty()), problems);
    Access {
        session_length,
        trusted_proxies,
        user_header,
        groups_header,
        admin_users,
        admin_groups,
        monitoring,
        oidc,
    }
}

/// Addresses and networks: `10.0.0.2`, `10.0.0.0/8`, `fd00::/8`.
fn networks(section: &mut Section<'_>, key: &str) -> Vec<IpNet> {
    let place = section.location(key);
    let mut networks = Vec::new();
    for text in section.texts(key).unwrap_or_default() {
        let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        match network {
            Some(network) => networks.push(network),
            None => {
                let text = format!(
                    "`{key}` in [access] has {text:?}; expected addresses or networks, [\"10.0.0.2\", \"172.16.0.0/12\"]"
                );
                section.error(place.clone(), text);
            }
        }
    }
    networks
}

/// The name of a header, in lower case.
fn header(section: &mut Section<'_>, key: &str) -> Option<String> {
    const NEVER: [&str; 4] = ["authorization", "cookie", "host", "origin"];
    let place = section.location(key);
    let name = section.text(key)?.to_lowercase();
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !is_name(&name) || NEVER.contains(&name.as_str()) {
        let text = format!(
            "`{key}` in [access] is no header that a proxy sets; expected a name such as \"Remote-User\""
        );
        section.error(place, text);
        return None;
    }
    Some(name)
}
