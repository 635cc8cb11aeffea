//! URLs as Go's `net/url` reads them. Fetches nothing.

use std::fmt::Write as _;

/// The parts of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// `https`, in small letters.
    pub scheme: String,
    /// Host and port as written; empty where there is none.
    pub host: String,
    /// The path with its escapes.
    pub escaped_path: String,
    /// What stands after the question mark.
    pub query: String,
    /// As it was given.
    pub written: String,
}

impl Url {
    /// `url.ParseRequestURI`: a URL with a scheme, or a path that begins with a slash. `#` means nothing in it.
    #[must_use]
    pub fn for_request(text: &str) -> Option<Self> {
        if text.is_empty() || text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return None;
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, query),
            None => (rest, ""),
        };
        if !rest.starts_with('/') {
            // Opaque, as in `mailto:a@b`.
            return (!scheme.is_empty()).then(|| Self::of(&scheme, "", "", query, text));
        }
        let (host, path) = match rest.strip_prefix("//") {
            Some(authority) if !(scheme.is_empty() && rest.starts_with("///")) => {
                let end = authority.find('/').unwrap_or(authority.len());
                (read_host(&authority[..end])?, &authority[end..])
            }
            _ => (String::new(), rest),
        };
        has_sound_escapes(path).then(|| Self::of(&scheme, &host, path, query, text))
    }

    fn of(scheme: &str, host: &str, path: &str, query: &str, written: &str) -> Self {
        Self {
            scheme: scheme.to_lowercase(),
            host: host.to_owned(),
            escaped_path: escape_path(path),
            query: query.to_owned(),
            written: written.to_owned(),
        }
    }

    /// The host without its port.
    #[must_use]
    pub fn hostname(&self) -> &str {
        let host = self.host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let host = host.map_or(self.host.as_str(), |(host, _)| host);
        host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host)
    }

    /// The port; empty where none is named.
    #[must_use]
    pub fn port(&self) -> &str {
        let after = self.host.rfind(']').map_or(self.host.as_str(), |end| &self.host[end + 1..]);
        after.rsplit_once(':').map_or("", |(_, port)| port)
    }

    /// Names and values of the query, in its order.
    #[must_use]
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
        pairs
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((unescape(name)?, unescape(value)?))
            })
            .collect()
    }
}

/// What stands before the first colon, if it can be a scheme. `None` where the text begins with a colon.
fn scheme(text: &str) -> Option<(String, &str)> {
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if place > 0 => {}
            b':' if place > 0 => return Some((text[..place].to_owned(), &text[place + 1..])),
            b':' => return None,
            _ => break,
        }
    }
    Some((String::new(), text))
}

/// The host of an authority: `user:password@host:port`.
fn read_host(authority: &str) -> Option<String> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (user, host),
        None => ("", authority),
    };
    let is_user = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !user.bytes().all(is_user) || !has_sound_escapes(user) {
        return None;
    }
    if let Some(inner) = host.strip_prefix('[') {
        let (address, port) = inner.rsplit_once(']')?;
        let address = address.split_once("%25").map_or(address, |(address, _)| address);
        let is_port = port.is_empty()
            || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        let is_address = address.parse::<std::net::Ipv6Addr>().is_ok();
        return (is_port && is_address).then(|| host.to_owned());
    }
    if let Some((_, port)) = host.rsplit_once(':')
        && !port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    // A host may hold escapes of what is not ASCII only.
    let mut rest = host;
    while let Some((_, after)) = rest.split_once('%') {
        let code = u8::from_str_radix(after.get(..2)?, 16).ok()?;
        if code < 0x80 {
            return None;
        }
        rest = &after[2..];
    }
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte) || byte >= 0x80;
    host.bytes().all(is_host).then(|| host.to_owned())
}

/// Whether each percent sign is followed by two digits.
fn has_sound_escapes(text: &str) -> bool {
    text.match_indices('%').all(|(place, _)| {
        text.as_bytes().get(place + 1..place + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// The path with escapes for what a path cannot hold.
fn escape_path(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*[]%".contains(&byte);
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if is_plain(byte) {
            escaped.push(char::from(byte));
        } else {
            _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// A part of a query without its escapes.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_as_go_reads_them() {
        for text in [
            "https://a.b:80/c d?e=f",
            "/a",
            "mailto:a@b",
            "http://[::1]:8080/",
            "http://u:p@h",
            "a:b",
            "http://é/",
            "http://",
        ] {
            assert!(Url::for_request(text).is_some(), "{text}");
        }
        for text in ["", "a", "a b", ":a", "http://a b/", "http://a:b/", "/%zz", "http://[::1", "1a:b", "http://a\n"] {
            assert!(Url::for_request(text).is_none(), "{text}");
        }
        let url = Url::for_request("HTTPS://Example.com:443/a b?x=1&y=a+b&x=%32").unwrap();
        assert_eq!(
            (url.scheme.as_str(), url.hostname(), url.port(), url.escaped_path.as_str()),
            ("https", "Example.com", "443", "/a%20b")
        );
        assert_eq!(
            url.query_pairs(),
            [("x", "1"), ("y", "a b"), ("x", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
