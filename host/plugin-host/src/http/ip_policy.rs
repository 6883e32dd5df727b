//! Addresses that a plugin reaches only where the user typed them: those inside the user's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that a request may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// To the internet.
    Public,
    /// To the user's own network as well, and to no place that is only this machine's: what a login has found.
    Home,
    /// Anywhere: the user typed the address.
    Anywhere,
}

impl Reach {
    /// Whether an address is within reach.
    pub fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Home => !is_of_this_machine(address),
            Self::Anywhere => true,
        }
    }
}

/// Whether an address means this machine, or the link that it is on, wherever it is used: loopback, unspecified and link-local ones, in
/// whatever they are wrapped.
pub fn is_of_this_machine(address: IpAddr) -> bool {
    let of_v4 =
        |it: Ipv4Addr| it.is_loopback() || it.is_unspecified() || it.is_link_local() || it.is_broadcast();
    match address {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(inner) => of_v4(inner) || address.is_loopback() || address.is_unspecified(),
            None => address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local(),
        },
    }
}

/// Whether a connection to an address ends at this machine: at loopback, or at one of its interfaces.
pub fn is_here(address: IpAddr) -> bool {
    let address = address.to_canonical();
    // Only an address of this machine can be bound.
    is_of_this_machine(address) || std::net::UdpSocket::bind((address, 0)).is_ok()
}

/// Whether an address is reachable from the whole internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = a == 0 || a >= 240 || (a, b, c) == (192, 0, 0) || (a == 198 && (18..20).contains(&b));
    !(shared
        || special
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let documentation = segments[0] == 0x2001 && segments[1] == 0x0db8;
    // Teredo carries an address of version 4, of whatever network.
    let teredo = segments[0] == 0x2001 && segments[1] == 0;
    // 2000::/3 is all that has been given out for the internet.
    (segments[0] & 0xe000) == 0x2000 && !documentation && !teredo
}

/// The IPv4 address inside a mapped, compatible, NAT64 or 6to4 address: it is that one which is reached.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => Some(join(high, low)),
        [0x2002, high, low, ..] => Some(join(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] => Some(join(high, low)),
        _ => address.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internet_is_public() {
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001:0:53aa:64c:0:fff0:80ff:fffe",
            "::127.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn what_a_login_finds_is_never_this_machine_alone() {
        for here in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "::1",
            "::",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert!(!Reach::Home.admits(here.parse().unwrap()), "{here}");
        }
        for home in ["192.168.1.10", "10.0.0.1", "172.17.0.2", "fd12::1", "100.64.0.1", "1.1.1.1"] {
            assert!(Reach::Home.admits(home.parse().unwrap()), "{home}");
        }
        assert!(is_here("127.0.0.1".parse().unwrap()) && is_here("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!is_here("203.0.113.7".parse().unwrap()));
    }
}
