//! Where a request really comes from: behind a reverse proxy the connection's other end is the proxy.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// The proxies whose `X-Forwarded-For` is believed. Anybody else could write there what he likes, and so escape the
/// throttling of sign-ins or bring it upon others.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses and networks, separated by commas: `10.0.0.0/8, ::1`.
    ///
    /// # Errors
    ///
    /// The part that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| {
            part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from)).map_err(|_| part.to_owned())
        };
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }

    /// The caller's address: that of the connection or, if a trusted proxy holds its other end, the last one in
    /// `X-Forwarded-For` that is not itself a trusted proxy. What stands left of that one came from outside.
    #[must_use]
    pub fn caller(&self, request: &HttpRequest) -> String {
        let Some(peer) = request.peer_addr() else { return String::new() };
        self.behind(peer.ip().to_canonical(), request.headers()).to_string()
    }

    fn behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let mut known = peer;
        let said: Vec<_> = headers.get_all("x-forwarded-for").map(|value| value.to_str().unwrap_or("?")).collect();
        for hop in said.iter().rev().flat_map(|value| value.rsplit(',')) {
            // Something that is no address was written by nobody who is trusted: the one before it has to do.
            let Some(address) = address(hop.trim()) else { return known };
            known = address;
            if !self.trusts(address) {
                return known;
            }
        }
        known
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address as proxies write it: alone, with a port, or an IPv6 address in brackets.
fn address(hop: &str) -> Option<IpAddr> {
    let bracketed = hop.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let parsed = match bracketed {
        Some(inner) => inner.parse(),
        None => hop.parse().or_else(|error| match hop.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host.parse(),
            _ => Err(error),
        }),
    };
    parsed.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn caller(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(value).unwrap());
        }
        TrustedProxies::parse(trusted).unwrap().behind(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(caller("", "10.0.0.1", &["203.0.113.9"]), "10.0.0.1");
        assert_eq!(caller("10.0.0.2", "10.0.0.1", &["203.0.113.9"]), "10.0.0.1");
        assert_eq!(caller("10.0.0.0/8", "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(caller("10.0.0.0/8, ::1", "::1", &["203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn what_the_caller_wrote_himself_does_not_count() {
        assert_eq!(caller("10.0.0.0/8", "10.0.0.1", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(caller("10.0.0.0/8", "10.0.0.1", &["1.1.1.1", "203.0.113.9, 10.0.0.7"]), "203.0.113.9");
        assert_eq!(caller("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, none"]), "10.0.0.1");
        assert_eq!(caller("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(caller("10.0.0.0/8", "10.0.0.1", &["10.0.0.8"]), "10.0.0.8");
    }

    #[test]
    fn addresses_come_with_and_without_ports() {
        assert_eq!(address("203.0.113.9:4711").unwrap().to_string(), "203.0.113.9");
        assert_eq!(address("[2001:db8::1]:4711").unwrap().to_string(), "2001:db8::1");
        assert_eq!(address("2001:db8::1").unwrap().to_string(), "2001:db8::1");
        assert_eq!(address("::ffff:203.0.113.9").unwrap().to_string(), "203.0.113.9");
        assert_eq!(address("unknown"), None);
        assert_eq!(TrustedProxies::parse("10.0.0.0/8, nonsense").unwrap_err(), "nonsense");
    }
}
