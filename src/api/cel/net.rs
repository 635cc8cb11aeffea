//! Functions on URLs, addresses and ranges of addresses.

use super::Fault;
use super::call::{self, Outcome};
use super::value::Value;
use crate::k8s::ip::Range;
use crate::k8s::url::Url;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

/// Calls a function, if it is one of these.
pub(super) fn call<'v>(function: &str, is_method: bool, all: &[Value<'v>]) -> Option<Outcome<'v>> {
    if is_method { method(function, all) } else { free(function, all) }
}

fn free<'v>(function: &str, all: &[Value<'v>]) -> Option<Outcome<'v>> {
    let [Value::Text(text)] = all else { return None };
    Some(match function {
        "url" => match Url::for_request(text) {
            Some(url) => Ok(Value::Url(Rc::new(url))),
            // `net/url: parse`.
            None => Err(Fault::said(format!(
                "URL parse error during conversion from string: parse \"{text}\": {}",
                if text.is_empty() { "empty url" } else { "invalid URI for request" }
            ))),
        },
        "isURL" => Ok(Value::Bool(Url::for_request(text).is_some())),
        "ip" => address(text).map(Value::Ip),
        "isIP" => Ok(Value::Bool(address(text).is_ok())),
        "ip.isCanonical" => address(text).map(|address| Value::Bool(address.to_string() == text.as_str())),
        "cidr" => range(text).map(Value::Cidr),
        "isCIDR" => Ok(Value::Bool(range(text).is_ok())),
        _ => return None,
    })
}

fn method<'v>(function: &str, all: &[Value<'v>]) -> Option<Outcome<'v>> {
    let [of, rest @ ..] = all else { return None };
    Some(match (of, function, rest) {
        (Value::Url(url), "getScheme", []) => Ok(Value::text(url.scheme.as_str())),
        (Value::Url(url), "getHost", []) => Ok(Value::text(url.host.as_str())),
        (Value::Url(url), "getHostname", []) => Ok(Value::text(url.hostname())),
        (Value::Url(url), "getPort", []) => Ok(Value::text(url.port())),
        (Value::Url(url), "getEscapedPath", []) => Ok(Value::text(url.escaped_path.as_str())),
        (Value::Url(url), "getQuery", []) => Ok(call::map_of_lists(url.query_pairs())),
        (Value::Ip(address), "family", []) => Ok(Value::Int(if address.is_ipv4() { 4 } else { 6 })),
        (Value::Ip(address), "isUnspecified", []) => Ok(Value::Bool(address.is_unspecified())),
        (Value::Ip(address), "isLoopback", []) => Ok(Value::Bool(address.is_loopback())),
        (Value::Ip(address), "isLinkLocalMulticast", []) => Ok(Value::Bool(is_link_local_multicast(*address))),
        (Value::Ip(address), "isLinkLocalUnicast", []) => Ok(Value::Bool(is_link_local(*address))),
        (Value::Ip(address), "isGlobalUnicast", []) => Ok(Value::Bool(is_global(*address))),
        (Value::Cidr(range), "ip", []) => Ok(Value::Ip(range.address())),
        (Value::Cidr(range), "prefixLength", []) => Ok(Value::Int(i64::from(range.bits()))),
        (Value::Cidr(range), "masked", []) => Ok(Value::Cidr(range.masked())),
        (Value::Cidr(range), "containsIP", [Value::Ip(address)]) => Ok(Value::Bool(range.holds(*address))),
        (Value::Cidr(range), "containsIP", [Value::Text(text)]) => {
            // A text that is none is no argument: `cidrContainsIPString`.
            address(text).map(|address| Value::Bool(range.holds(address))).map_err(|_| Fault::NoOverload)
        }
        (Value::Cidr(range), "containsCIDR", [Value::Cidr(other)]) => Ok(Value::Bool(holds_all(*range, *other))),
        (Value::Cidr(one), "containsCIDR", [Value::Text(text)]) => {
            range(text).map(|other| Value::Bool(holds_all(*one, other))).map_err(|_| Fault::NoOverload)
        }
        _ => return None,
    })
}

/// An address, in none but its own clothes.
fn address(text: &str) -> Result<IpAddr, Fault> {
    let read = text.parse::<IpAddr>().ok();
    let read = read.ok_or_else(|| {
        Fault::said(format!("IP Address \"{text}\" parse error during conversion from string: unable to parse IP"))
    })?;
    if matches!(read, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        return Err(Fault::said(format!("IPv4-mapped IPv6 address \"{text}\" is not allowed")));
    }
    Ok(read)
}

fn range(text: &str) -> Result<Range, Fault> {
    let fault = || {
        Fault::said(format!("network address parse error during conversion from string: invalid CIDR address: {text}"))
    };
    let (before, bits) = text.split_once('/').ok_or_else(fault)?;
    let strict = bits == "0" || !bits.starts_with('0');
    address(before).ok().filter(|_| strict).and_then(|_| Range::read(text)).ok_or_else(fault)
}

fn holds_all(range: Range, other: Range) -> bool {
    range.bits() <= other.bits() && range.holds(other.address())
}

fn is_link_local_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
        IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn is_global(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    let nowhere = address.is_unspecified() || address == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    !(broadcast || nowhere || address.is_loopback() || address.is_multicast() || is_link_local(address))
}
