//! Where a webhook may go. The addresses that clients type are requests into whatever network this server stands in, so
//! only public ones are called: `https`, a name that resolves to public addresses alone, and a connection to exactly the
//! address that was looked at (a name that resolves to something else a moment later changes nothing).
//!
//! The list is the IANA registries of special-purpose addresses (RFC 6890 and its successors). Everything that is not
//! known to be public is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use url::{Host, Url};

/// The longest address of an endpoint.
pub const MAX_URL: usize = 2_048;
/// How long a name may take to resolve.
const RESOLVE: Duration = Duration::from_secs(5);

/// What an installation allows beyond public addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Plain `http` and this machine itself, for development.
    pub to_loopback: bool,
}

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No absolute address, or one with a password or a fragment.
    Malformed,
    /// Not `https`.
    Scheme,
    /// A port that belongs to other protocols.
    Port,
    /// Names this machine or an inner network, or does so by what it resolves to.
    Address,
}

impl Refusal {
    /// A sentence for the person who typed the address. It never says what a name resolved to.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => {
                "A webhook's address looks like https://example.com/path, without password and fragment, at most 2048 characters."
            }
            Self::Scheme => "A webhook's address begins with https://.",
            Self::Port => "A webhook's port is 443 or at least 1024.",
            Self::Address => "This address lies in no public network.",
        }
    }
}

/// An address that may be called, as far as can be said before its name is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    url: Url,
    policy: Policy,
}

impl Destination {
    /// Reads an address as browsers do: `http://0x7f.1` is 127.0.0.1.
    pub fn parse(text: &str, policy: Policy) -> Result<Self, Refusal> {
        if text.len() > MAX_URL || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Refusal::Malformed);
        }
        let url = Url::parse(text).map_err(|_| Refusal::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if policy.to_loopback => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(Refusal::Malformed);
        }
        let public = match url.host() {
            None => return Err(Refusal::Malformed),
            Some(Host::Ipv4(ip)) => may_call(IpAddr::V4(ip), policy),
            Some(Host::Ipv6(ip)) => may_call(IpAddr::V6(ip), policy),
            Some(Host::Domain(name)) => may_name(name, policy),
        };
        if !public {
            return Err(Refusal::Address);
        }
        let destination = Self { url, policy };
        let port = destination.port();
        if port != 443 && port < 1024 && !policy.to_loopback {
            return Err(Refusal::Port);
        }
        Ok(destination)
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host as a certificate has to name it: without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(0)
    }

    /// The addresses to connect to. One that may not be called refuses the whole name: nobody has half of a server in an
    /// inner network by accident.
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, Unreachable> {
        let port = self.port();
        let found: Vec<SocketAddr> = match self.url.host() {
            Some(Host::Ipv4(ip)) => vec![SocketAddr::from((ip, port))],
            Some(Host::Ipv6(ip)) => vec![SocketAddr::from((ip, port))],
            Some(Host::Domain(name)) => tokio::time::timeout(RESOLVE, tokio::net::lookup_host((name, port)))
                .await
                .map_err(|_| Unreachable::Unresolved)?
                .map_err(|_| Unreachable::Unresolved)?
                .collect(),
            None => Vec::new(),
        };
        checked(found, self.policy)
    }
}

/// Why no connection is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The name resolves to nothing.
    Unresolved,
    /// The name resolves to an address that may not be called.
    Refused,
}

fn checked(found: Vec<SocketAddr>, policy: Policy) -> Result<Vec<SocketAddr>, Unreachable> {
    if found.is_empty() {
        Err(Unreachable::Unresolved)
    } else if found.iter().all(|address| may_call(address.ip(), policy)) {
        Ok(found)
    } else {
        Err(Unreachable::Refused)
    }
}

/// Names that stand for this machine or an inner network by their ending (RFC 6761, RFC 6762, RFC 9476 and ICANN's
/// `internal`), and names of one word, which only an inner network resolves.
fn may_name(name: &str, policy: Policy) -> bool {
    let name = name.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.eq_ignore_ascii_case("localhost") {
        return policy.to_loopback;
    }
    let inner = ["local", "internal", "home", "lan", "corp", "intranet", "private", "alt", "onion", "invalid", "test"];
    name.contains('.') && !inner.iter().any(|ending| last.eq_ignore_ascii_case(ending)) && !name.ends_with(".home.arpa")
}

/// Whether a connection to that address may be made.
#[must_use]
pub fn may_call(ip: IpAddr, policy: Policy) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip) || (policy.to_loopback && ip.is_loopback()),
        IpAddr::V6(ip) => is_public_v6(ip) || (policy.to_loopback && ip.is_loopback()),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)       // this network, private, loopback, multicast, reserved, broadcast
            | (100, 64..=127, _)               // shared by carriers (CGNAT)
            | (169, 254, _)                    // link-local, where clouds keep their metadata
            | (172, 16..=31, _)                // private
            | (192, 0, 0 | 2)                  // protocol assignments, documentation
            | (192, 31, 196) | (192, 52, 193)  // AS112, AMT
            | (192, 88, 99)                    // relays of 6to4
            | (192, 168, _)                    // private
            | (192, 175, 48)                   // AS112
            | (198, 18..=19, _)                // benchmarks
            | (198, 51, 100) | (203, 0, 113) // documentation
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let v4 = |high: u16, low: u16| is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match (a, b) {
        // IPv4 in another dress is what it is in its own: mapped, translated (NAT64), tunnelled (6to4).
        (0, 0) if (c, d, e, f) == (0, 0, 0, 0xffff) => v4(g, h),
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => v4(g, h),
        (0x2002, high) => v4(high, c),
        // protocol assignments (Teredo and ORCHID among them), documentation
        (0x2001, 0x0000..=0x01ff | 0x0db8) | (0x3fff, 0x0000..=0x0fff) => false,
        // AS112
        (0x2620, 0x4f) if c == 0x8000 => false,
        // Of all else only this part is given out to the public network.
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PUBLIC: Policy = Policy { to_loopback: false };
    const DEVELOPMENT: Policy = Policy { to_loopback: true };

    #[test]
    fn no_inner_address_is_called() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.170",
            "192.0.2.7",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "2002:a9fe:a9fe::1",
            "2002:c0a8:101::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456:789a::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            let ip: IpAddr = text.parse().unwrap();
            assert!(!may_call(ip, PUBLIC), "{text}");
            assert_eq!(may_call(ip, DEVELOPMENT), ip.is_loopback(), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_called() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:200::1",
            "3ffe::1",
        ] {
            assert!(may_call(text.parse().unwrap(), PUBLIC), "{text}");
        }
    }

    proptest! {
        /// Whatever the standard library knows to be special is refused, in every dress.
        #[test]
        fn no_dress_makes_an_inner_address_public(bits in any::<u32>()) {
            let ip = Ipv4Addr::from(bits);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
                || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified();
            prop_assert!(!(special && is_public_v4(ip)));
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            for dressed in [
                ip.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(is_public_v6(dressed), is_public_v4(ip));
            }
            prop_assert!(!is_public_v6(ip.to_ipv6_compatible()));
        }
    }

    #[test]
    fn addresses_are_read_as_browsers_read_them() {
        use Refusal::{Address, Malformed, Port, Scheme};
        for (text, refusal) in [
            ("", Malformed),
            ("example.com", Malformed),
            ("https://", Malformed),
            ("https://a b.example/", Malformed),
            ("https://user@example.com/", Malformed),
            ("https://:pw@example.com/", Malformed),
            ("https://example.com/#part", Malformed),
            ("https://exa\nmple.com/", Malformed),
            ("http://example.com/", Scheme),
            ("ftp://example.com/", Scheme),
            ("file:///etc/passwd", Scheme),
            ("gopher://example.com/", Scheme),
            ("javascript:alert(1)", Scheme),
            ("https://example.com:22/", Port),
            ("https://example.com:25/", Port),
            ("https://example.com:0/", Port),
            ("https://localhost/", Address),
            ("https://x.localhost/", Address),
            ("https://LOCALHOST./", Address),
            ("https://postgres/", Address),
            ("https://db.internal/", Address),
            ("https://printer.local/", Address),
            ("https://127.0.0.1/", Address),
            ("https://2130706433/", Address),
            ("https://0x7f.1/", Address),
            ("https://0177.0.0.1/", Address),
            ("https://127.1/", Address),
            ("https://[::1]/", Address),
            ("https://[::ffff:127.0.0.1]/", Address),
            ("https://[::ffff:7f00:1]/", Address),
            ("https://0/", Address),
            ("https://169.254.169.254/latest/meta-data", Address),
            ("https://[fd00:ec2::254]/", Address),
            ("https://１２７.0.0.1/", Address),
            ("https://①②⑦.0.0.1/", Address),
        ] {
            assert_eq!(Destination::parse(text, PUBLIC).err(), Some(refusal), "{text}");
        }
        let long = format!("https://example.com/{}", "x".repeat(MAX_URL));
        assert_eq!(Destination::parse(&long, PUBLIC).err(), Some(Malformed));
        for text in [
            "https://example.com/hook?x=1",
            "https://example.com:8443/",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
        ] {
            assert!(Destination::parse(text, PUBLIC).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_development_switch_opens_this_machine_and_nothing_more() {
        for text in ["http://127.0.0.1:9000/", "http://localhost:9000/", "https://[::1]:9000/", "http://127.0.0.1/"] {
            assert!(Destination::parse(text, DEVELOPMENT).is_ok(), "{text}");
        }
        for text in ["http://10.0.0.1/", "http://169.254.169.254/", "https://[fe80::1]/", "http://192.168.1.1/"] {
            assert_eq!(Destination::parse(text, DEVELOPMENT).err(), Some(Refusal::Address), "{text}");
        }
    }

    #[test]
    fn one_inner_address_refuses_the_name() {
        let (public, inner): (SocketAddr, SocketAddr) =
            ("1.1.1.1:443".parse().unwrap(), "10.0.0.1:443".parse().unwrap());
        assert_eq!(checked(vec![public], PUBLIC), Ok(vec![public]));
        assert_eq!(checked(vec![public, inner], PUBLIC), Err(Unreachable::Refused));
        assert_eq!(checked(Vec::new(), PUBLIC), Err(Unreachable::Unresolved));
    }

    #[tokio::test]
    async fn a_name_is_looked_at_when_it_is_called() {
        // `localhost` passes no parser of the public policy; whatever a name says later is looked at all the same.
        let destination = Destination { url: Url::parse("https://localhost/").unwrap(), policy: PUBLIC };
        assert_eq!(destination.resolve().await, Err(Unreachable::Refused));
    }
}
