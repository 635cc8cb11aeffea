//! Functions on texts: of CEL itself, of its strings library, of regular expressions, and how any value is written.

use super::Fault;
use super::call::{Outcome, pay};
use super::value::{List, Map, Value};
use crate::api::custom::pattern;
use crate::k8s::time;
use crate::value::Text;
use std::fmt::Write as _;

/// Calls a function, if it is one of these.
pub(super) fn call<'v>(function: &str, is_method: bool, all: &[Value<'v>], left: &mut u64) -> Option<Outcome<'v>> {
    if !is_method {
        return Some(match (function, all) {
            ("string", [value]) => string(value),
            ("matches", [Value::Text(text), Value::Text(written)]) => matches(text, written, left),
            ("strings.quote", [Value::Text(text)]) => Ok(Value::text(crate::api::custom::values::quoted(text))),
            ("jsonpatch.escapeKey", [Value::Text(key)]) => Ok(Value::text(key.replace('~', "~0").replace('/', "~1"))),
            _ => return None,
        });
    }
    let [Value::Text(text), rest @ ..] = all else { return None };
    of_text(function, text, rest, left)
}

fn of_text<'v>(function: &str, text: &Text, rest: &[Value<'v>], left: &mut u64) -> Option<Outcome<'v>> {
    Some(match (function, rest) {
        ("contains", [Value::Text(part)]) => Ok(Value::Bool(text.contains(part.as_str()))),
        ("startsWith", [Value::Text(part)]) => Ok(Value::Bool(text.starts_with(part.as_str()))),
        ("endsWith", [Value::Text(part)]) => Ok(Value::Bool(text.ends_with(part.as_str()))),
        ("matches", [Value::Text(written)]) => matches(text, written, left),
        ("find", [Value::Text(written)]) => {
            searched(text, written, left, |regex| Value::text(regex.find(text).map_or("", |found| found.as_str())))
        }
        ("findAll", [Value::Text(written), limit @ ..]) => {
            let most = match limit {
                [Value::Int(most)] => usize::try_from(*most).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            searched(text, written, left, |regex| {
                List::made(regex.find_iter(text).take(most).map(|found| Value::text(found.as_str())).collect())
            })
        }
        ("lowerAscii", []) => Ok(Value::text(text.to_ascii_lowercase())),
        ("upperAscii", []) => Ok(Value::text(text.to_ascii_uppercase())),
        ("trim", []) => Ok(Value::text(text.trim())),
        ("reverse", []) => Ok(Value::text(text.chars().rev().collect::<String>())),
        ("charAt", [Value::Int(place)]) => match usize::try_from(*place) {
            Ok(place) if place < text.chars().count() => {
                Ok(Value::text(text.chars().nth(place).map(String::from).unwrap_or_default()))
            }
            Ok(place) if place == text.chars().count() => Ok(Value::text("")),
            _ => Err(Fault::said(format!("index out of range: {place}"))),
        },
        ("indexOf", [Value::Text(part), from @ ..]) => index_of(text, part, from, false),
        ("lastIndexOf", [Value::Text(part), from @ ..]) => index_of(text, part, from, true),
        ("substring", [Value::Int(from), to @ ..]) => {
            let count = text.chars().count();
            let to = match to {
                [Value::Int(to)] => *to,
                _ => i64::try_from(count).unwrap_or(i64::MAX),
            };
            match (usize::try_from(*from), usize::try_from(to)) {
                (Ok(from), Ok(to)) if from <= to && to <= count => {
                    Ok(Value::text(text.chars().skip(from).take(to - from).collect::<String>()))
                }
                (Ok(from), Ok(to)) if from > to && from <= count => {
                    Err(Fault::said(format!("invalid substring range. start: {from}, end: {to}")))
                }
                _ => Err(Fault::said(format!(
                    "index out of range: {}",
                    if usize::try_from(*from).is_ok_and(|from| from <= count) { to } else { *from }
                ))),
            }
        }
        ("replace", [Value::Text(old), Value::Text(new), limit @ ..]) => {
            let most = match limit {
                [Value::Int(most)] => usize::try_from(*most).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            let count =
                if old.is_empty() { text.chars().count() + 1 } else { text.matches(old.as_str()).count() }.min(most);
            let made = (count as u64).saturating_mul(new.len() as u64).saturating_add(text.len() as u64);
            pay(left, made / 5).map(|()| Value::text(text.replacen(old.as_str(), new, count)))
        }
        ("split", [Value::Text(sign), limit @ ..]) => {
            let most = match limit {
                [Value::Int(most)] => usize::try_from(*most).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            pay(left, text.len() as u64 / 5).map(|()| List::made(parts(text, sign, most)))
        }
        ("format", [Value::List(values)]) => formatted(text, values, left),
        _ => return None,
    })
}

fn parts<'v>(text: &str, sign: &str, most: usize) -> Vec<Value<'v>> {
    match most {
        0 => Vec::new(),
        most if sign.is_empty() => {
            let mut letters = text.chars();
            let mut parts: Vec<Value<'v>> =
                letters.by_ref().take(most - 1).map(|letter| Value::text(letter.to_string())).collect();
            let rest = letters.as_str();
            if !rest.is_empty() {
                parts.push(Value::text(rest));
            }
            parts
        }
        most => text.splitn(most, sign).map(Value::text).collect(),
    }
}

fn index_of<'v>(text: &str, part: &str, from: &[Value<'v>], last: bool) -> Outcome<'v> {
    let letters: Vec<char> = text.chars().collect();
    let wanted: Vec<char> = part.chars().collect();
    let from = match from {
        [Value::Int(from)] => {
            Some(usize::try_from(*from).ok().filter(|from| *from < letters.len().max(1)).ok_or(*from))
        }
        _ => None,
    };
    let from = match from {
        Some(Err(from)) => return Err(Fault::said(format!("index out of range: {from}"))),
        Some(Ok(from)) => Some(from),
        None => None,
    };
    let found = if wanted.is_empty() {
        Some(if last { from.unwrap_or(letters.len()) } else { from.unwrap_or(0) })
    } else if wanted.len() > letters.len() {
        None
    } else {
        let mut places = 0..=letters.len() - wanted.len();
        let fits = |place: &usize| letters[*place..].starts_with(&wanted);
        if last {
            places.rev().find(|place| from.is_none_or(|from| *place <= from) && fits(place))
        } else {
            places.find(|place| from.is_none_or(|from| *place >= from) && fits(place))
        }
    };
    Ok(found.map_or(Value::Int(-1), Value::count))
}

fn matches<'v>(text: &str, written: &str, left: &mut u64) -> Outcome<'v> {
    searched(text, written, left, |regex| Value::Bool(regex.is_match(text)))
}

/// Does something with a regular expression. What it costs is counted as the server counts it.
fn searched<'v>(
    text: &str,
    written: &str,
    left: &mut u64,
    with: impl FnOnce(&regex::Regex) -> Value<'v>,
) -> Outcome<'v> {
    let cost = ((text.len() as u64 + 1).div_ceil(10)).saturating_mul((written.len() as u64).div_ceil(4));
    pay(left, cost)?;
    pattern::cached(written, with).ok_or_else(|| Fault::Unknown(format!("the pattern `{written}` cannot be read")))
}

/// Texts joined into one.
pub(super) fn join<'v>(list: &List<'v>, rest: &[Value<'v>], left: &mut u64) -> Outcome<'v> {
    let sign = match rest {
        [] => Text::default(),
        [Value::Text(sign)] => sign.clone(),
        _ => return Err(Fault::NoOverload),
    };
    let mut joined = String::new();
    for place in 0..list.len() {
        let Value::Text(text) = list.get(place)? else { return Err(Fault::NoOverload) };
        if place > 0 {
            joined.push_str(&sign);
        }
        pay(left, (text.len() + sign.len()) as u64 / 5)?;
        joined.push_str(&text);
    }
    Ok(Value::text(joined))
}

/// A floating point number as Go's `FormatFloat(_, 'g', -1, 64)` writes it.
fn double(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN".to_owned()
        } else if value > 0.0 {
            "+Inf".to_owned()
        } else {
            "-Inf".to_owned()
        };
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..21).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A value as `string(…)` writes it.
fn string<'v>(value: &Value<'v>) -> Outcome<'v> {
    Ok(Value::text(match value {
        Value::Text(_) => return Ok(value.clone()),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => double(*value),
        Value::Bytes(bytes) => String::from_utf8(bytes.to_vec())
            .map_err(|_| Fault::said("invalid UTF-8 in bytes, cannot convert to string".to_owned()))?,
        Value::Duration(nanos) => {
            let rest = format!("{:09}", nanos.unsigned_abs() % time::SECOND.unsigned_abs());
            let rest = rest.trim_end_matches('0');
            let (sign, whole) = (if *nanos < 0 { "-" } else { "" }, nanos.unsigned_abs() / time::SECOND.unsigned_abs());
            format!("{sign}{whole}{}{rest}s", if rest.is_empty() { "" } else { "." })
        }
        Value::Time(instant) => instant.written(),
        Value::Quantity(quantity) => quantity.to_string(),
        Value::Url(url) => url.written.clone(),
        Value::Ip(address) => address.to_string(),
        Value::Cidr(range) => format!("{}/{}", range.address(), range.bits()),
        _ => return Err(Fault::NoOverload),
    }))
}

/// A value as `%s` writes it.
fn shown(value: &Value<'_>, out: &mut String, left: &mut u64) -> Result<(), Fault> {
    pay(left, 1 + value.size() / 10)?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Type(name) => out.push_str(name),
        Value::List(list) => {
            out.push('[');
            for place in 0..list.len() {
                if place > 0 {
                    out.push_str(", ");
                }
                shown(&list.get(place)?, out, left)?;
            }
            out.push(']');
        }
        Value::Map(map) => entries(map, out, left)?,
        value => match string(value)? {
            Value::Text(text) => out.push_str(&text),
            _ => return Err(Fault::NoOverload),
        },
    }
    Ok(())
}

fn entries(map: &Map<'_>, out: &mut String, left: &mut u64) -> Result<(), Fault> {
    let mut written = Vec::with_capacity(map.len());
    for key in map.keys() {
        let mut entry = String::new();
        shown(&key, &mut entry, left)?;
        entry.push_str(": ");
        shown(&map.get(&key)?.unwrap_or(Value::Null), &mut entry, left)?;
        written.push(entry);
    }
    written.sort();
    _ = write!(out, "{{{}}}", written.join(", "));
    Ok(())
}

/// `'%s of %d'.format([a, b])`
fn formatted<'v>(pattern: &str, values: &List<'v>, left: &mut u64) -> Outcome<'v> {
    let mut out = String::new();
    let mut place = 0;
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let digits =
            after.strip_prefix('.').map_or(0, |digits| digits.bytes().take_while(u8::is_ascii_digit).count() + 1);
        let precision =
            after[..digits].strip_prefix('.').and_then(|digits| digits.parse::<usize>().ok()).unwrap_or(6).min(100);
        let mut letters = after[digits..].chars();
        let verb = letters.next().ok_or_else(|| Fault::said("unexpected end of format string".to_owned()))?;
        rest = letters.as_str();
        if place >= values.len() {
            return Err(Fault::said(format!("index {place} out of range")));
        }
        let value = values.get(place)?;
        place += 1;
        pay(left, 1)?;
        match (verb, &value) {
            ('s', value) => shown(value, &mut out, left)?,
            ('d', Value::Int(value)) => _ = write!(out, "{value}"),
            ('d', Value::Uint(value)) => _ = write!(out, "{value}"),
            ('d', Value::Double(value)) => out.push_str(&double(*value)),
            ('f', Value::Double(value)) => _ = write!(out, "{value:.precision$}"),
            #[expect(clippy::cast_precision_loss, reason = "as CEL converts them")]
            ('f', Value::Int(value)) => _ = write!(out, "{:.precision$}", *value as f64),
            ('e', Value::Double(value)) => {
                let text = format!("{value:.precision$e}");
                let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                let exponent: i32 = exponent.parse().unwrap_or(0);
                _ = write!(out, "{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
            }
            ('b', Value::Bool(value)) => _ = write!(out, "{}", u8::from(*value)),
            ('b' | 'o' | 'x' | 'X', Value::Int(value)) => based(verb, *value < 0, value.unsigned_abs(), &mut out),
            ('b' | 'o' | 'x' | 'X', Value::Uint(value)) => based(verb, false, *value, &mut out),
            ('x' | 'X', Value::Text(text)) => text.bytes().for_each(|byte| based_byte(verb, byte, &mut out)),
            ('x' | 'X', Value::Bytes(bytes)) => bytes.iter().for_each(|byte| based_byte(verb, *byte, &mut out)),
            ('d' | 'f' | 'e' | 'b' | 'o' | 'x' | 'X', _) => {
                return Err(Fault::said(format!("could not convert argument {} for %{verb}", place - 1)));
            }
            _ => return Err(Fault::said(format!("unrecognized formatting clause \"{verb}\""))),
        }
    }
    out.push_str(rest);
    Ok(Value::text(out))
}

fn based(verb: char, negative: bool, value: u64, out: &mut String) {
    if negative {
        out.push('-');
    }
    _ = match verb {
        'b' => write!(out, "{value:b}"),
        'o' => write!(out, "{value:o}"),
        'x' => write!(out, "{value:x}"),
        _ => write!(out, "{value:X}"),
    };
}

fn based_byte(verb: char, byte: u8, out: &mut String) {
    _ = if verb == 'x' { write!(out, "{byte:02x}") } else { write!(out, "{byte:02X}") };
}
