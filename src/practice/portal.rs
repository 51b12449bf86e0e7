//! A client's portals: the pages that browsers may call from with a token for the client.

use std::net::Ipv4Addr;

use crate::platform::error::{Error, Result, UserErrorCode};

/// How many portals a client has at most.
const MOST: usize = 20;
/// The longest origin, in bytes.
const LONGEST: usize = 253;

/// The origins as they are kept: in small letters, each once, in the order in which they were given.
pub fn origins(given: Vec<String>) -> Result<Vec<String>> {
    if given.len() > MOST {
        let message = format!("A client has at most {MOST} portals.");
        return Err(Error::refuse(UserErrorCode::Invalid, "portalOrigins", message));
    }
    let mut kept = Vec::with_capacity(given.len());
    for (index, text) in given.iter().enumerate() {
        let Some(origin) = origin(text) else {
            return Err(Error::refuse(
                UserErrorCode::Invalid,
                &format!("portalOrigins.{index}"),
                "An origin is https:// with a host and perhaps a port, and nothing behind it: https://portal.example.",
            ));
        };
        if !kept.contains(&origin) {
            kept.push(origin);
        }
    }
    Ok(kept)
}

/// The origin as browsers write it: scheme and host in small letters, the port unless it is the scheme's own. Nothing if
/// it is none, or if what is sent there could be read on the way.
fn origin(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().ok().filter(|port| *port > 0)?)),
        _ => (authority, None),
    };
    let local = host == "localhost" || host == "[::1]" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    let named = host.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    let own_port = match scheme {
        "https" => 443,
        "http" if local => 80,
        _ => return None,
    };
    if !(named || local) || text.len() > LONGEST {
        return None;
    }
    Some(match port.filter(|port| *port != own_port) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for (given, kept) in [
            ("https://portal.example", "https://portal.example"),
            (" HTTPS://Portal.Example:443 ", "https://portal.example"),
            ("https://portal.example:8443", "https://portal.example:8443"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(origin(given).as_deref(), Some(kept), "{given}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for given in [
            "",
            "*",
            "null",
            "portal.example",
            "http://portal.example",
            "https://",
            "https://portal.example/",
            "https://portal.example/x",
            "https://*.example",
            "https://user@portal.example",
            "https://portal.example:0",
            "https://portal.example:99999",
            "https://portal..example",
            "https://portal.example\r\nx: y",
            "file:///etc/passwd",
            "https://[::2]",
        ] {
            assert_eq!(origin(given), None, "{given:?}");
        }
        assert!(origins(vec!["https://a.example".to_owned(); 21]).is_err());
        assert_eq!(origins(vec!["https://a.example".to_owned(); 20]).unwrap(), ["https://a.example"]);
    }
}
