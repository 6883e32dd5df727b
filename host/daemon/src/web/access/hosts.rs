//! Under which names a browser may call us. A page whose name suddenly leads to this machine (DNS rebinding) is refused.

use std::net::IpAddr;

/// Ends of names that only lead to machines at home.
const LOCAL: [&str; 8] =
    [".local", ".lan", ".home", ".internal", ".home.arpa", ".localhost", ".localdomain", ".ts.net"];

/// Whether a browser that calls this name is meant to be here. `public` is the name in `public_url`.
///
/// An address, a name without a dot, and a name of a home network cannot be rebound by a stranger; any other name has to be the
/// one that the configuration says.
pub fn is_ours(host: &str, public: Option<&str>) -> bool {
    let name = name(host).to_ascii_lowercase();
    let name = name.trim_end_matches('.');
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    is_address
        || !name.contains('.')
        || LOCAL.iter().any(|end| name.ends_with(end))
        || public.is_some_and(|public| public.eq_ignore_ascii_case(name))
}

/// A host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        // An IPv6 address has colons of its own, and stands in brackets where a port follows.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.contains(':') => name,
        Some((name, port)) if name.ends_with(']') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_names_are_refused() {
        for host in [
            "localhost:8787",
            "nas:8787",
            "192.168.1.5:8787",
            "[fd00::5]:8787",
            "[::1]",
            "nas.local",
            "NAS.Lan:80",
            "relay.home.arpa.",
            "relay.example.org",
            "relay.example.org:8443",
        ] {
            assert!(is_ours(host, Some("relay.example.org")), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8787",
            "192.168.1.5.evil.example",
            "relay.example.org.evil.example",
        ] {
            assert!(!is_ours(host, Some("relay.example.org")), "{host}");
        }
        assert!(!is_ours("relay.example.org", None));
    }
}
