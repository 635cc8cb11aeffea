//! The formats of texts as the API server checks them (`kube-openapi/pkg/validation/strfmt`, `asaskevich/govalidator`,
//! Go's `net`, `time` and `net/mail`). Knows no schema.

use crate::k8s::ip;
use crate::k8s::name;
use crate::k8s::time;
use crate::k8s::url::Url;
use crate::k8s::version::Version;

/// The first version whose servers check `k8s-short-name` and `k8s-long-name`: they came in 1.34, and schemas are read
/// as the version before would read them.
const CHECKS_NAMES: Version = Version::minor(35);

/// Whether a text has a format, named without dashes. What is no such format every text has.
#[must_use]
pub(crate) fn has(format: &str, text: &str, version: Version) -> bool {
    match format {
        "bsonobjectid" => text.len() == 24 && is_hex(text),
        "uri" => Url::for_request(text).is_some(),
        "email" => is_email(text),
        "hostname" => is_hostname(text),
        "ipv4" => text.contains('.') && ip::address(text).is_some(),
        "ipv6" => text.contains(':') && text.parse::<std::net::IpAddr>().is_ok(),
        "cidr" => ip::Range::read(text).is_some(),
        "mac" => is_mac(text),
        "uuid" => is_uuid(text, None, false),
        "uuid3" => is_uuid(text, Some(b'3'), false),
        "uuid4" => is_uuid(text, Some(b'4'), true),
        "uuid5" => is_uuid(text, Some(b'5'), true),
        "isbn" => is_isbn10(text) || is_isbn13(text),
        "isbn10" => is_isbn10(text),
        "isbn13" => is_isbn13(text),
        "creditcard" => is_credit_card(text),
        "ssn" => is_ssn(text),
        "hexcolor" => {
            let digits = text.strip_prefix('#').unwrap_or(text);
            matches!(digits.len(), 3 | 6) && is_hex(digits)
        }
        "rgbcolor" => is_rgb(text),
        "byte" => is_base64(text),
        "date" => time::date(text).is_some(),
        "duration" => time::lenient_duration(text).is_some(),
        "datetime" => is_date_time(text),
        "k8sshortname" => version < CHECKS_NAMES || name::is_dns_label(text),
        "k8slongname" => version < CHECKS_NAMES || name::is_dns_subdomain(text),
        _ => true,
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(text: &str, version: Option<u8>, variant: bool) -> bool {
    let mut digits = Vec::with_capacity(32);
    let mut rest = text;
    for length in [8, 4, 4, 4, 12] {
        let Some(part) = rest.get(..length).filter(|part| is_hex(part)) else { return false };
        digits.extend(part.bytes());
        rest = &rest[length..];
        rest = if length == 12 { rest } else { rest.strip_prefix('-').unwrap_or(rest) };
    }
    rest.is_empty()
        && version.is_none_or(|version| digits[12] == version)
        && (!variant || matches!(digits[16].to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b'))
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let letters = body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    !text.is_empty() && text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && letters
}

/// The date before the first `t`, the time of day after it.
fn is_date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(day), Some(clock)) = (parts.next(), parts.next()) else { return false };
    if text.len() < 4 || time::date(day).is_none() {
        return false;
    }
    let two =
        |from: usize, most: &str| clock.get(from..from + 2).is_some_and(|digits| is_digits(digits) && digits <= most);
    let colon = |at: usize| clock.get(at..=at) == Some(":");
    if !(two(0, "23") && colon(2) && two(3, "59") && colon(5) && two(6, "59")) {
        return false;
    }
    let mut rest = &clock[8..];
    // Any one letter may begin the fraction; a zone follows.
    if !is_zone(rest) {
        let mut letters = rest.chars();
        let fraction = letters.next().filter(|letter| *letter != '\n');
        rest = letters.as_str();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if fraction.is_none() || digits == 0 {
            return false;
        }
        rest = &rest[digits..];
    }
    is_zone(rest)
}

fn is_zone(text: &str) -> bool {
    let bytes = text.as_bytes();
    text == "z"
        || (bytes.len() == 6
            && matches!(bytes[0], b'+' | b'-')
            && bytes[3] == b':'
            && [1, 2, 4, 5].iter().all(|place| bytes[*place].is_ascii_digit()))
}

/// Letters, digits and signs of any script, in labels of at most 63 bytes; several labels end in one of letters. By
/// itself a label may have one dash, as its second letter: `HostnamePattern` of strfmt.
fn is_hostname(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || (!letter.is_ascii() && letter.is_alphabetic());
    let is_sign = |letter: char| {
        if letter.is_ascii() { "$+<=>^`|~".contains(letter) } else { is_symbol(letter) }
    };
    let fits = |letter: char| letter.is_ascii_digit() || is_letter(letter) || is_sign(letter);
    if text.len() > 255 || text.split('.').any(|label| label.len() > 63) {
        return false;
    }
    let Some((labels, last)) = text.rsplit_once('.') else {
        let mut letters = text.chars();
        let first = letters.next().is_some_and(fits);
        let rest = letters.as_str();
        return first && rest.strip_prefix('-').unwrap_or(rest).chars().all(fits);
    };
    let is_label = |label: &str| {
        label.starts_with(fits) && label.ends_with(fits) && label.chars().all(|letter| letter == '-' || fits(letter))
    };
    last.chars().count() >= 2 && last.chars().all(is_letter) && labels.split('.').all(is_label)
}

/// Whether a letter is a symbol of Unicode (`\p{S}`).
fn is_symbol(letter: char) -> bool {
    super::pattern::cached(r"^\p{S}$", |regex| regex.is_match(letter.encode_utf8(&mut [0; 4]))).unwrap_or(false)
}

/// An address by RFC 5322, a name before it or not, as Go's `mail.ParseAddress` takes it: no comments, no groups.
fn is_email(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    let address = match text.strip_suffix('>').and_then(|inner| inner.rsplit_once('<')) {
        Some((name, address)) => {
            let name = name.trim_matches([' ', '\t']);
            let quoted = name.len() >= 2 && name.starts_with('"') && name.ends_with('"');
            let words = name.split([' ', '\t', '.']).all(|word| word.chars().all(is_atom));
            if !(quoted || words) {
                return false;
            }
            address
        }
        None => text,
    };
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let is_dotted =
        |text: &str| !text.is_empty() && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom));
    let is_quoted =
        local.len() > 2 && local.starts_with('"') && local.ends_with('"') && !local[1..local.len() - 1].contains('"');
    let is_literal = domain
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .is_some_and(|inner| ip::address(inner).is_some());
    (is_dotted(local) || is_quoted) && (is_dotted(domain) || is_literal)
}

fn is_atom(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter) || !letter.is_ascii()
}

/// Six, eight or twenty bytes: `00:00:5e:00:53:01`, `00-00-…`, `0000.5e00.5301`.
fn is_mac(text: &str) -> bool {
    let parts = |sign: char, digits: usize| {
        let mut count = 0;
        let fits = text.split(sign).all(|part| {
            count += 1;
            part.len() == digits && is_hex(part)
        });
        fits.then_some(count * digits / 2)
    };
    [parts(':', 2), parts('-', 2), parts('.', 4)].into_iter().flatten().any(|bytes| matches!(bytes, 6 | 8 | 20))
}

fn without(text: &str, signs: &[char]) -> String {
    text.chars().filter(|letter| !signs.contains(letter)).collect()
}

fn is_isbn10(text: &str) -> bool {
    let digits = without(text, &['-', ' ', '\n', '\t', '\r', '\u{c}']);
    let Some((body, last)) = digits.split_at_checked(9) else { return false };
    let check = match last {
        "X" => 10,
        last if last.len() == 1 && is_digits(last) => u32::from(last.as_bytes()[0] - b'0'),
        _ => return false,
    };
    let sum: u32 = (1..).zip(body.bytes()).map(|(weight, digit)| weight * u32::from(digit.wrapping_sub(b'0'))).sum();
    is_digits(body) && (sum + check * 10).is_multiple_of(11)
}

fn is_isbn13(text: &str) -> bool {
    let digits = without(text, &['-', ' ', '\n', '\t', '\r', '\u{c}']);
    if digits.len() != 13 || !is_digits(&digits) {
        return false;
    }
    let sum: u32 =
        digits.bytes().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| weight * u32::from(digit - b'0')).sum();
    sum.is_multiple_of(10)
}

fn is_credit_card(text: &str) -> bool {
    const ISSUERS: &str = "^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|(222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\\d{3})\\d{11}|6[27][0-9]{14})$";
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !super::pattern::cached(ISSUERS, |regex| regex.is_match(&digits)).unwrap_or(true) {
        return false;
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0') << (place % 2);
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_ssn(text: &str) -> bool {
    let digits = without(text, &['-', ' ']);
    if text.is_empty() || digits.len() != 9 || !is_digits(&digits) {
        return false;
    }
    super::pattern::cached(r"^\d{3}[- ]?\d{2}[- ]?\d{4}$", |regex| regex.is_match(text)).unwrap_or(true)
}

fn is_rgb(text: &str) -> bool {
    const RGB: &str = r"^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$";
    super::pattern::cached(RGB, |regex| regex.is_match(text)).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_the_server_checks_them() {
        for (format, good, bad) in [
            ("uri", "https://a.b/c?d", "a b"),
            ("uri", "/a", "a"),
            ("email", "Ann <a.b+c@example.com>", "a@"),
            ("email", "a@b", "a b@c"),
            ("hostname", "a-1.example.com", "-a"),
            ("ipv4", "010.0.0.1", "300.1.1.1"),
            ("ipv6", "::1", "1.2.3.4"),
            ("cidr", "10.0.0.0/8", "10.0.0.0"),
            ("mac", "00:00:5e:00:53:01", "00:00:5e"),
            ("mac", "0000.5e00.5301", "0000.5e00"),
            ("uuid", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "6ba7b810"),
            ("uuid4", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "f47ac10b-58cc-3372-a567-0e02b2c3d479"),
            ("isbn10", "0321751043", "0321751044"),
            ("isbn13", "978-0321751041", "978-0321751042"),
            ("creditcard", "4111-1111-1111-1111", "4111-1111-1111-1112"),
            ("ssn", "111-22-3333", "111-22-333"),
            ("hexcolor", "#FFFFFF", "#FFFF"),
            ("rgbcolor", "rgb(255,0, 1)", "rgb(256,0,1)"),
            ("byte", "YQ==", "Y"),
            ("byte", "YWJj", ""),
            ("date", "2024-02-29", "2023-02-29"),
            ("duration", "1h30m", "1"),
            ("duration", "2 days", "two days"),
            ("datetime", "2024-01-01T00:00:00Z", "2024-01-01"),
            ("datetime", "2024-01-01t00:00:00.5+01:00", "2024-01-01T24:00:00Z"),
            ("bsonobjectid", "507f1f77bcf86cd799439011", "507f"),
            ("k8sshortname", "a-1", "a.b"),
        ] {
            assert!(has(format, good, Version::NEWEST), "{format}: {good}");
            assert!(!has(format, bad, Version::NEWEST), "{format}: {bad}");
        }
        assert!(has("k8sshortname", "a.b", Version::minor(34)) && has("nosuch", "", Version::NEWEST));
    }
}
