//! Addresses and address ranges as the API server reads them: leniently where a field is old, strictly where its
//! version is new.
//! Knows no field.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the server says of a text that is no address.
pub const NO_ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
/// What the server says of a text that is no range.
pub const NO_RANGE: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// An address, read as leniently as the server ever did: zeros may lead each part. An IPv4 address in IPv6's clothes is
/// IPv4.
#[must_use]
pub fn address(text: &str) -> Option<IpAddr> {
    read(text).map(|address| address.to_canonical())
}

/// Whether a text is an IPv6 address that is not IPv4 in disguise.
#[must_use]
pub fn is_ipv6(text: &str) -> bool {
    address(text).is_some_and(|address| address.is_ipv6())
}

/// What is wrong with an address in one of the old fields; the strict rules are those of newer servers.
#[must_use]
pub fn address_fault(text: &str, strict: bool) -> Option<&'static str> {
    match (read(text), text.parse::<IpAddr>()) {
        (None, _) => Some(NO_ADDRESS),
        (Some(_), _) if !strict => None,
        (Some(_), Err(_)) => Some("must not have leading 0s"),
        (Some(_), Ok(address)) => is_mapped(address).then_some("must not be an IPv4-mapped IPv6 address"),
    }
}

/// What is wrong with an address where there is one right way to write it.
#[must_use]
pub fn canonical_fault(text: &str) -> Option<String> {
    if let Some(fault) = address_fault(text, true) {
        return Some(fault.to_owned());
    }
    let written = address(text)?.to_string();
    (written != text).then(|| format!("must be in canonical form (\"{written}\")"))
}

/// The same for a range.
#[must_use]
pub fn canonical_range_fault(text: &str) -> Option<String> {
    if let Some(fault) = range_fault(text, true) {
        return Some(fault.to_owned());
    }
    let written = Range::read(text)?.canonical();
    (written != text).then(|| format!("must be in canonical form (\"{written}\")"))
}

/// What the server warns of in an address that an old field took.
#[must_use]
pub fn address_warning(text: &str) -> Option<String> {
    let lenient = address(text)?;
    match text.parse::<IpAddr>().ok().filter(|address| !is_mapped(*address)) {
        None => Some(format!("non-standard IP address \"{text}\" is invalid: use \"{lenient}\"")),
        Some(strict) => (strict.is_ipv6() && strict.to_string() != text)
            .then(|| format!("IPv6 address \"{text}\" should be in RFC 5952 canonical format (\"{strict}\")")),
    }
}

/// What is wrong with an address as one that endpoints or outsiders may have.
#[must_use]
pub fn endpoint_faults(text: &str) -> Vec<String> {
    let Some(address) = address(text) else { return vec!["must be a valid IP address".into()] };
    let (link_local, multicast) = match address {
        IpAddr::V4(address) => (address.is_link_local(), address.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(address) => (address.is_unicast_link_local(), address.segments()[0] & 0xff0f == 0xff02),
    };
    [
        (address.is_unspecified(), format!("may not be unspecified ({text})")),
        (address.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)".into()),
        (link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)".into()),
        (multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".into()),
    ]
    .into_iter()
    .filter_map(|(wrong, words)| wrong.then_some(words))
    .collect()
}

/// A range: an address and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The address as written.
    address: IpAddr,
    /// How many bits count.
    bits: u32,
}

impl Range {
    /// Reads a range as leniently as the server ever did.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address = read(address)?;
        if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let bits = trim_zeros(bits).parse::<u32>().ok()?;
        (bits <= width(address)).then_some(Self { address, bits })
    }

    /// The address as it was written.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits count.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.bits
    }

    /// The range written with its first address.
    #[must_use]
    pub fn masked(self) -> Self {
        Self { address: self.first(), bits: self.bits }
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn holds(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && Self { address, bits: self.bits }.first() == self.first()
    }

    /// The first address of the range.
    fn first(self) -> IpAddr {
        let mask = |width: u32| if self.bits == 0 { 0 } else { u128::MAX << (width - self.bits) };
        match self.address {
            IpAddr::V4(address) => {
                #[expect(clippy::cast_possible_truncation, reason = "the mask of an IPv4 range has 32 bits")]
                let masked = u32::from(address) & mask(32) as u32;
                IpAddr::V4(Ipv4Addr::from(masked))
            }
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask(128))),
        }
    }

    /// Its first address and how many bits count, as IPv4 where it is IPv4 in IPv6's clothes.
    fn network(self) -> (IpAddr, u32) {
        let first = self.first().to_canonical();
        (first, if first.is_ipv4() && self.address.is_ipv6() { self.bits.saturating_sub(96) } else { self.bits })
    }

    /// Its usual spelling.
    fn canonical(self) -> String {
        let (first, bits) = self.network();
        format!("{first}/{bits}")
    }

    /// Whether another range begins within this one, and has more bits that count, each as it was written.
    #[must_use]
    pub fn strictly_contains(self, other: Self) -> bool {
        let (first, bits) = self.network();
        let address = other.first().to_canonical();
        width(first) == width(address) && Self { address, bits }.first() == first && self.bits < other.bits
    }
}

/// What is wrong with a range in one of the old fields; the strict rules are those of newer servers.
#[must_use]
pub fn range_fault(text: &str, strict: bool) -> Option<&'static str> {
    let Some(range) = Range::read(text) else { return Some(NO_RANGE) };
    if !strict {
        return None;
    }
    if !is_strict_range(text) {
        return Some("must not have leading 0s in IP or prefix length");
    }
    if is_mapped(range.address) {
        return Some("must not have an IPv4-mapped IPv6 address");
    }
    (range.first() != range.address).then_some("must not have bits set beyond the prefix length")
}

/// What the server warns of in a range that an old field took.
#[must_use]
pub fn range_warnings(text: &str) -> Vec<String> {
    let Some(range) = Range::read(text) else { return Vec::new() };
    let mut warnings = Vec::new();
    let canonical = range.canonical();
    if range.first() != range.address {
        let single = format!("{}/{}", range.address.to_canonical(), width(range.address));
        warnings.push(format!(
            "CIDR value \"{text}\" is ambiguous in this context (should be \"{canonical}\" or \"{single}\"?)"
        ));
    }
    if !is_strict_range(text) || is_mapped(range.address) {
        warnings.push(format!("non-standard CIDR value \"{text}\" is invalid: use \"{canonical}\""));
    }
    if warnings.is_empty() && range.address.is_ipv6() && canonical != text {
        warnings.push(format!("IPv6 CIDR value \"{text}\" should be in RFC 5952 canonical format (\"{canonical}\")"));
    }
    warnings
}

fn is_strict_range(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(address, bits)| address.parse::<IpAddr>().is_ok() && (bits == "0" || !bits.starts_with('0')))
}

const fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

/// Reads an address whose parts may begin with zeros.
fn read(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    // No address is anywhere near as long; nobody needs a longer text read twice.
    if text.len() > 256 {
        return None;
    }
    let parts = text.split_inclusive([':', '.']);
    let trimmed: String = parts.map(|part| if is_number(part) { trim_zeros(part) } else { part }).collect();
    trimmed.parse().ok()
}

fn is_number(part: &str) -> bool {
    part.trim_end_matches([':', '.']).bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Takes the zeros off the front as long as a digit follows.
fn trim_zeros(part: &str) -> &str {
    let mut rest = part;
    while let Some(shorter) =
        rest.strip_prefix('0').filter(|shorter| shorter.starts_with(|next: char| next.is_ascii_hexdigit()))
    {
        rest = shorter;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_old_and_strict() {
        for good in ["10.9.8.7", "2001:db8::ffff", "::", "FE80:0:0:0:0:0:0:0abc"] {
            assert_eq!(address_fault(good, true), None, "{good}");
        }
        for wrong in ["", "10.9.8", "10.9.8.256", "fe80::1%eth0", "1.2.3.4.5", "example.com", "10.0.0.0/8"] {
            assert_eq!(address_fault(wrong, false), Some(NO_ADDRESS), "{wrong}");
        }
        assert_eq!((address_fault("010.002.003.004", false), address_fault("::ffff:1.2.3.4", false)), (None, None));
        assert_eq!(address_fault("010.002.003.004", true), Some("must not have leading 0s"));
        assert_eq!(address_fault("::ffff:1.2.3.4", true), Some("must not be an IPv4-mapped IPv6 address"));
        assert!(is_ipv6("fd00::1") && !is_ipv6("::ffff:1.2.3.4"));
    }

    #[test]
    fn ranges_old_and_strict() {
        assert_eq!(range_fault("10.9.8.0/24", true), None);
        assert_eq!(range_fault("0.0.0.0/0", true), None);
        assert_eq!(range_fault("2001:db8::/64", true), None);
        for wrong in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "/8", "x/8"] {
            assert_eq!(range_fault(wrong, false), Some(NO_RANGE), "{wrong}");
        }
        assert_eq!(range_fault("10.9.8.7/24", true), Some("must not have bits set beyond the prefix length"));
        assert_eq!(range_fault("10.9.8.0/024", true), Some("must not have leading 0s in IP or prefix length"));
        assert_eq!(range_fault("10.9.8.7/024", false), None);
    }

    #[test]
    fn warnings_name_the_better_spelling() {
        assert_eq!(
            address_warning("FD00:0::1"),
            Some("IPv6 address \"FD00:0::1\" should be in RFC 5952 canonical format (\"fd00::1\")".into())
        );
        assert_eq!(address_warning("10.0.0.1"), None);
        assert!(range_warnings("10.9.8.7/24")[0].contains("\"10.9.8.0/24\" or \"10.9.8.7/32\""));
    }

    #[test]
    fn a_range_within_a_range() {
        let range = |text| Range::read(text).unwrap();
        assert!(range("10.0.0.0/8").strictly_contains(range("10.1.0.0/16")));
        assert!(!range("10.0.0.0/8").strictly_contains(range("10.0.0.0/8")));
        assert!(!range("10.0.0.0/8").strictly_contains(range("11.0.0.0/16")));
        assert!(range("0.0.0.0/0").strictly_contains(range("11.0.0.0/16")));
    }

    proptest::proptest! {
        #[test]
        fn hostile_texts_never_panic(text in "[0-9a-f:./]{0,40}") {
            let _ = (address_fault(&text, true), address_warning(&text), range_fault(&text, true), range_warnings(&text), endpoint_faults(&text));
        }
    }
}
