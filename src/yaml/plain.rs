//! What a plain scalar means, to each of the two families of readers. The one place that knows where they differ.

use crate::value::Data;

/// Whose eyes a text is read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// YAML 1.2's core schema: specs and templates.
    Core,
    /// What kubectl, Argo CD and the API server make of it: YAML 1.1 as Go's reader knows it.
    Kubernetes,
}

impl Reading {
    /// The value of a plain scalar.
    #[must_use]
    pub fn plain(self, text: &str) -> Data {
        let first = text.as_bytes().first().copied().unwrap_or(b' ');
        // Nearly every plain scalar begins with a letter that begins no special word, or is longer than all of them.
        if first.is_ascii_alphabetic() && (text.len() > 5 || !matches!(first | 0x20, b'n' | b'y' | b't' | b'f' | b'o'))
        {
            return Data::Text(text.into());
        }
        if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Data::Null;
        }
        match self {
            Self::Core => match text {
                "true" | "True" | "TRUE" => return Data::Bool(true),
                "false" | "False" | "FALSE" => return Data::Bool(false),
                _ => {}
            },
            Self::Kubernetes => match text {
                "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                    return Data::Bool(true);
                }
                "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                    return Data::Bool(false);
                }
                _ => {}
            },
        }
        if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
            return Data::Text(text.into());
        }
        let number = match self {
            Self::Core => core_number(text),
            Self::Kubernetes => go_number(text),
        };
        number.unwrap_or_else(|| Data::Text(text.into()))
    }
}

fn core_number(text: &str) -> Option<Data> {
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().filter(|_| is_digits(digits)).map(Data::Int);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with(['+', '-'])).map(Data::Int);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if is_digits(unsigned) {
        return Some(
            text.strip_prefix('+')
                .unwrap_or(text)
                .parse()
                .map_or_else(|_| Data::number(text.parse().unwrap_or(0.0)), Data::Int),
        );
    }
    is_float(unsigned).then(|| text.parse().ok()).flatten().filter(|value: &f64| value.is_finite()).map(Data::number)
}

/// As gopkg.in/yaml.v2 resolves: underscores dropped, a leading zero means octal, `0b` binary.
fn go_number(text: &str) -> Option<Data> {
    let plain: String = text.chars().filter(|letter| *letter != '_').collect();
    let (negative, unsigned) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let radix = |prefixes: [&str; 2], radix| {
        prefixes.iter().find_map(|prefix| unsigned.strip_prefix(prefix)).and_then(|digits| {
            if digits.starts_with(['+', '-']) { None } else { i64::from_str_radix(digits, radix).ok() }
        })
    };
    let whole =
        radix(["0x", "0X"], 16).or_else(|| radix(["0b", "0B"], 2)).or_else(|| radix(["0o", "0O"], 8)).or_else(|| {
            if !is_digits(unsigned) {
                None
            } else if unsigned.len() > 1 && unsigned.starts_with('0') {
                i64::from_str_radix(&unsigned[1..], 8).ok()
            } else {
                unsigned.parse().ok()
            }
        });
    if let Some(whole) = whole {
        return Some(Data::Int(if negative { -whole } else { whole }));
    }
    if plain == SMALLEST {
        return Some(Data::Int(i64::MIN));
    }
    is_float(unsigned).then(|| plain.parse().ok()).flatten().filter(|value: &f64| value.is_finite()).map(Data::number)
}

/// The one whole number that fits only with its sign.
const SMALLEST: &str = "-9223372036854775808";

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits with a point or an exponent, unsigned.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// Whether a text, written bare, could be read as anything but itself by some reader of either family.
///
/// Bare only if it begins with a letter, `/` or `_`, is printable ASCII without YAML's punctuation, and is none of the
/// words that some reader takes for a truth value, nothing or a number. Whoever reads it, they read the same text.
#[must_use]
pub fn needs_quotes(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return true };
    if !(first.is_ascii_alphabetic() || matches!(first, b'/' | b'_')) || matches!(last, b' ' | b':') {
        return true;
    }
    // Nearly every text is of these alone.
    let mut left = bytes;
    while let [byte, rest @ ..] = left
        && PLAINEST[*byte as usize]
    {
        left = rest;
    }
    let mut previous = b'a';
    for byte in left {
        match byte {
            b'#' if previous == b' ' => return true,
            b' ' if previous == b':' => return true,
            b' ' | b'!' | b'$' | b'(' | b')' | b'+' | b'-' | b'.' | b'/' | b':' | b';' | b'<' | b'=' | b'>' | b'?'
            | b'@' | b'^' | b'_' | b'~' | b'#' | b'*' | b'%' => {}
            _ if byte.is_ascii_alphanumeric() => {}
            _ => return true,
        }
        previous = *byte;
    }
    bytes.len() <= 5
        && matches!(first | 0x20, b'y' | b'n' | b'o' | b't' | b'f' | b'i')
        && ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
}

/// What means nothing but itself, wherever it stands in a text.
const PLAINEST: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b'_');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_families_read_plain_scalars_as_measured() {
        let text = |text: &str| Data::Text(text.into());
        for (plain, core, kubernetes) in [
            ("yes", text("yes"), Data::Bool(true)),
            ("off", text("off"), Data::Bool(false)),
            ("y", text("y"), Data::Bool(true)),
            ("014", Data::Int(14), Data::Int(12)),
            ("0o14", Data::Int(12), Data::Int(12)),
            ("1_000", text("1_000"), Data::Int(1000)),
            ("12:30:45", text("12:30:45"), text("12:30:45")),
            ("1e3", Data::Int(1000), Data::Int(1000)),
            ("0b101", text("0b101"), Data::Int(5)),
            ("08", Data::Int(8), Data::Int(8)),
            ("2024-01-01", text("2024-01-01"), text("2024-01-01")),
            (".5", Data::Float(0.5), Data::Float(0.5)),
            ("~", Data::Null, Data::Null),
            ("0x1F", Data::Int(31), Data::Int(31)),
            ("-7", Data::Int(-7), Data::Int(-7)),
            ("+7", Data::Int(7), Data::Int(7)),
            ("-", text("-"), text("-")),
            ("1.2.3", text("1.2.3"), text("1.2.3")),
            ("500m", text("500m"), text("500m")),
        ] {
            assert_eq!(Reading::Core.plain(plain), core, "{plain} in YAML 1.2");
            assert_eq!(Reading::Kubernetes.plain(plain), kubernetes, "{plain} to Kubernetes");
        }
    }
}
