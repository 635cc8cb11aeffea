//! The texts that Kubernetes takes as names, keys and values, with the API server's own words for those it does not
//! take.
//! Knows no object: who asks says where the text stands.
//!
//! Each check answers with what is wrong, several things at once where the server says several; a good text costs no
//! allocation.

use std::fmt::Display;

/// What is wrong with a text; empty when nothing is.
pub type Faults = Vec<String>;

/// Nothing is wrong.
const FINE: Faults = Faults::new();

/// The most bytes in a label.
pub const LABEL_LIMIT: usize = 63;
/// The most bytes in a subdomain.
pub const SUBDOMAIN_LIMIT: usize = 253;
/// What the server says of an empty text.
pub const EMPTY: &str = "must be non-empty";

/// A label of RFC 1123: `my-name`.
#[must_use]
pub fn dns_label(text: &str) -> Faults {
    let mut faults = too_long(text, LABEL_LIMIT, "characters");
    if !is_dns_label(text) {
        faults.push(if is_dns_subdomain(text) { "must not contain dots".into() } else { DNS_LABEL.into() });
    }
    faults
}

/// A subdomain of RFC 1123: `my-name.example.com`.
#[must_use]
pub fn dns_subdomain(text: &str) -> Faults {
    let mut faults = too_long(text, SUBDOMAIN_LIMIT, "characters");
    if !is_dns_subdomain(text) {
        faults.push(DNS_SUBDOMAIN.into());
    }
    faults
}

/// A subdomain whose labels may hold `_`, as search domains may.
#[must_use]
pub fn dns_subdomain_with_underscore(text: &str) -> Faults {
    let mut faults = too_long(text, SUBDOMAIN_LIMIT, "characters");
    let label = |label: &str| {
        let label = label.strip_prefix('_').unwrap_or(label);
        framed(label, lower_or_digit, |byte| lower_or_digit(byte) || matches!(byte, b'-' | b'_'), lower_or_digit)
    };
    if !text.split('.').all(label) {
        faults.push(DNS_SUBDOMAIN_WITH_UNDERSCORE.into());
    }
    faults
}

/// A subdomain with `*.` before it.
#[must_use]
pub fn wildcard_dns_subdomain(text: &str) -> Faults {
    let mut faults = too_long(text, SUBDOMAIN_LIMIT, "characters");
    if !text.strip_prefix("*.").is_some_and(is_dns_subdomain) {
        faults.push(WILDCARD_DNS_SUBDOMAIN.into());
    }
    faults
}

/// A label of RFC 1035, which begins with a letter: the name of a Service.
#[must_use]
pub fn dns_1035_label(text: &str) -> Faults {
    let mut faults = too_long(text, LABEL_LIMIT, "characters");
    if !framed(text, |byte| byte.is_ascii_lowercase(), lower_digit_or_dash, lower_or_digit) {
        faults.push(DNS_1035_LABEL.into());
    }
    faults
}

/// The key of a label or annotation: `app.kubernetes.io/name`.
#[must_use]
pub fn label_key(text: &str) -> Faults {
    let mut faults = FINE;
    let mut parts = text.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => name,
        (Some(prefix), Some(name), None) => {
            if prefix.is_empty() {
                faults.push(format!("prefix part {EMPTY}"));
            } else {
                faults.extend(
                    too_long(prefix, SUBDOMAIN_LIMIT, "bytes").iter().map(|fault| format!("prefix part {fault}")),
                );
                if !is_dns_subdomain(prefix) {
                    faults.push(format!("prefix part {DNS_SUBDOMAIN}"));
                }
            }
            name
        }
        _ => {
            return vec![format!(
                "a valid label key {LABEL_KEY} with an optional DNS subdomain prefix and '/' (e.g. \
                    'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        faults.push(format!("name part {EMPTY}"));
    }
    faults.extend(too_long(name, LABEL_LIMIT, "bytes").iter().map(|fault| format!("name part {fault}")));
    if !is_label_text(name) {
        faults.push(format!("name part {LABEL_KEY}"));
    }
    faults
}

/// The value of a label; may be empty.
#[must_use]
pub fn label_value(text: &str) -> Faults {
    let mut faults = too_long(text, LABEL_LIMIT, "bytes");
    if !text.is_empty() && !is_label_text(text) {
        faults.push(LABEL_VALUE.into());
    }
    faults
}

/// An identifier of C.
#[must_use]
pub fn c_identifier(text: &str) -> Faults {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let good = text
        .as_bytes()
        .split_first()
        .is_some_and(|(head, tail)| first(*head) && all(tail, |byte| first(byte) || byte.is_ascii_digit()));
    fault_unless(good, C_IDENTIFIER)
}

/// The name of an environment variable, by the strict rule that some versions still hold to.
#[must_use]
pub fn environment_variable_strict(text: &str) -> Faults {
    let first = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'.' | b'_');
    let good = text
        .as_bytes()
        .split_first()
        .is_some_and(|(head, tail)| first(*head) && all(tail, |byte| first(byte) || byte.is_ascii_digit()));
    let mut faults = fault_unless(good, ENVIRONMENT_VARIABLE_STRICT);
    faults.extend(parent_directory(text));
    faults
}

/// The name of an environment variable.
#[must_use]
pub fn environment_variable(text: &str) -> Faults {
    if text.is_empty() {
        return vec![format!("environment variable name {EMPTY}")];
    }
    fault_unless(all(text.as_bytes(), |byte| matches!(byte, b' '..=b'~') && byte != b'='), ENVIRONMENT_VARIABLE)
}

/// The name of a port (`IANA_SVC_NAME`): `http`.
#[must_use]
pub fn port_name(text: &str) -> Faults {
    let mut faults = too_long(text, 15, "characters");
    if text.is_empty() || !all(text.as_bytes(), lower_digit_or_dash) {
        faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        faults.push("must contain at least one letter (a-z)".into());
    }
    if text.contains("--") {
        faults.push("must not contain consecutive hyphens".into());
    }
    if text.starts_with('-') || text.ends_with('-') {
        faults.push("must not begin or end with a hyphen".into());
    }
    faults
}

/// The number of a port.
#[must_use]
pub fn port_number(number: i64) -> Faults {
    in_range(number, 1, 65535)
}

/// A number between two others, both included.
#[must_use]
pub fn in_range(number: i64, least: i64, most: i64) -> Faults {
    if (least..=most).contains(&number) { FINE } else { vec![between(least, most)] }
}

/// The number of a user or group.
#[must_use]
pub fn user_id(number: i64) -> Faults {
    in_range(number, 0, i64::from(i32::MAX))
}

/// A share: `25%`.
#[must_use]
pub fn percent(text: &str) -> Faults {
    let good = text
        .strip_suffix('%')
        .is_some_and(|number| !number.is_empty() && all(number.as_bytes(), |byte| byte.is_ascii_digit()));
    fault_unless(good, PERCENT)
}

/// The name of an HTTP header.
#[must_use]
pub fn http_header(text: &str) -> Faults {
    fault_unless(
        !text.is_empty() && all(text.as_bytes(), |byte| byte.is_ascii_alphanumeric() || byte == b'-'),
        HTTP_HEADER,
    )
}

/// A key in the data of a `ConfigMap` or Secret.
#[must_use]
pub fn config_key(text: &str) -> Faults {
    let mut faults = too_long(text, SUBDOMAIN_LIMIT, "characters");
    if text.is_empty()
        || !all(text.as_bytes(), |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    {
        faults.push(CONFIG_KEY.into());
    }
    faults.extend(parent_directory(text));
    faults
}

/// One step of a path in a URL; the widest rule for the name of an object.
#[must_use]
pub fn path_segment(text: &str) -> Faults {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    path_segment_prefix(text)
}

/// The beginning of such a step.
#[must_use]
pub fn path_segment_prefix(text: &str) -> Faults {
    ["/", "%"]
        .into_iter()
        .filter(|wrong| text.contains(wrong))
        .map(|wrong| format!("may not contain '{wrong}'"))
        .collect()
}

/// Whether a text is a label of RFC 1123, its length aside.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    framed(text, lower_or_digit, lower_digit_or_dash, lower_or_digit)
}

/// Whether a text is a subdomain of RFC 1123, its length aside.
#[must_use]
pub fn is_dns_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

/// The server's words for a number out of range.
#[must_use]
pub fn between(least: impl Display, most: impl Display) -> String {
    format!("must be between {least} and {most}, inclusive")
}

fn is_label_text(text: &str) -> bool {
    framed(
        text,
        |byte| byte.is_ascii_alphanumeric(),
        |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
        |byte| byte.is_ascii_alphanumeric(),
    )
}

/// Whether a text is not empty and its first, middle and last bytes are of the right sort.
fn framed(text: &str, first: impl Fn(u8) -> bool, middle: impl Fn(u8) -> bool, last: impl Fn(u8) -> bool) -> bool {
    match text.as_bytes() {
        [] => false,
        [only] => first(*only),
        [head, inner @ .., tail] => first(*head) && last(*tail) && all(inner, middle),
    }
}

fn all(bytes: &[u8], good: impl Fn(u8) -> bool) -> bool {
    bytes.iter().all(|byte| good(*byte))
}

const fn lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

const fn lower_digit_or_dash(byte: u8) -> bool {
    lower_or_digit(byte) || byte == b'-'
}

fn too_long(text: &str, most: usize, unit: &str) -> Faults {
    if text.len() > most { vec![format!("must be no more than {most} {unit}")] } else { FINE }
}

fn parent_directory(text: &str) -> Option<String> {
    match text {
        "." => Some("must not be '.'".into()),
        ".." => Some("must not be '..'".into()),
        _ => text.starts_with("..").then(|| "must not start with '..'".into()),
    }
}

fn fault_unless(good: bool, fault: &str) -> Faults {
    if good { FINE } else { vec![fault.into()] }
}

const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
    must start and end with an \
    alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
    or '.', and must start and \
    end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS_SUBDOMAIN_WITH_UNDERSCORE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '_', '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
const WILDCARD_DNS_SUBDOMAIN: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS \
    subdomain, which must consist \
    of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', \
    regex used for \
    validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS_1035_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with \
    an alphabetic character, and \
    end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
    '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_KEY: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character \
    (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end \
    with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const C_IDENTIFIER: &str = "a valid C identifier must start with alphabetic character or '_', followed by a string \
    of alphanumeric characters or \
    '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
const ENVIRONMENT_VARIABLE_STRICT: &str = "a valid environment variable name must consist of alphabetic characters, \
    digits, '_', '-', or '.', and \
    must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is \
    '[-._a-zA-Z][-._a-zA-Z0-9]*')";
const ENVIRONMENT_VARIABLE: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
    '93%', regex used for validation \
    is '[0-9]+%')";
const HTTP_HEADER: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', \
    regex used for validation \
    is '[-A-Za-z0-9]+')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
    'key.name',  or 'KEY_NAME',  or \
    'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_texts() {
        assert_eq!(dns_label("my-name"), FINE);
        assert_eq!(dns_subdomain("my-name.example.com"), FINE);
        assert_eq!(dns_1035_label("a1"), FINE);
        assert_eq!(label_key("app.kubernetes.io/name"), FINE);
        assert_eq!(label_value(""), FINE);
        assert_eq!(label_value("a_b.C"), FINE);
        assert_eq!(port_name("http-2"), FINE);
        assert_eq!(config_key(".hidden_file-1"), FINE);
        assert_eq!(percent("25%"), FINE);
        assert_eq!(environment_variable("a b:c"), FINE);
    }

    #[test]
    fn several_faults_at_once() {
        assert_eq!(dns_label(&"A".repeat(64)).len(), 2);
        assert_eq!(dns_label("a.b"), ["must not contain dots"]);
        assert_eq!(port_name("--").len(), 3);
        assert_eq!(port_name("").len(), 2);
        assert_eq!(
            label_key("/"),
            ["prefix part must be non-empty", "name part must be non-empty", &format!("name part {LABEL_KEY}")]
        );
        assert_eq!(label_key("a/b/c").len(), 1);
        assert_eq!(config_key("..").len(), 1);
        assert_eq!(environment_variable("a=b").len(), 1);
        assert_eq!(environment_variable_strict("1").len(), 1);
        assert_eq!(path_segment("a/%").len(), 2);
    }

    #[test]
    fn words_hold_no_gaps() {
        for words in [DNS_LABEL, DNS_SUBDOMAIN, LABEL_KEY, LABEL_VALUE, CONFIG_KEY, PERCENT, HTTP_HEADER] {
            assert!(!words.contains("   ") && words.contains("regex used for validation is '"), "{words}");
        }
    }
}
