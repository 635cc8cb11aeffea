//! The functions of CEL and of the libraries that Kubernetes adds to it: on lists, numbers, times, amounts, versions,
//! formats. Those on texts are in `text`, those on addresses in `net`.

use super::Fault;
use super::value::{Key, List, Map, Value};
use super::{net, text};
use crate::api::custom::format;
use crate::k8s::name;
use crate::k8s::quantity::Quantity;
use crate::k8s::semver::Semver;
use crate::k8s::time::{self, Instant};
use crate::k8s::url::Url;
use crate::k8s::version::Version;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a function comes to.
pub(super) type Outcome<'v> = Result<Value<'v>, Fault>;

/// A value's type, where a library's name and a dot come before it.
pub(super) fn type_of_library(library: &str, name: &str) -> Option<&'static str> {
    match (library, name) {
        ("net", "IP") => Some("net.IP"),
        ("net", "CIDR") => Some("net.CIDR"),
        ("kubernetes", "Quantity") => Some("kubernetes.Quantity"),
        ("kubernetes", "URL") => Some("kubernetes.URL"),
        ("kubernetes", "Semver") => Some("kubernetes.Semver"),
        _ => None,
    }
}

/// The field of a value.
pub(super) fn field<'v>(of: &Value<'v>, name: &str) -> Result<Option<Value<'v>>, Fault> {
    match of {
        Value::Map(map) => match map.field(name)? {
            Some(Value::Failed(fault)) => Err((*fault).clone()),
            found => Ok(found),
        },
        // What has no fields lacks this one: `refQualify`.
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Text(_) => Ok(None),
        _ => Err(Fault::NoOverload),
    }
}

/// The item or entry of a value.
pub(super) fn index<'v>(of: &Value<'v>, index: &Value<'v>) -> Result<Option<Value<'v>>, Fault> {
    match (of, index) {
        (Value::Map(map), key) => map.get(key),
        (Value::List(list), index) => {
            let place = match index {
                Value::Int(place) => usize::try_from(*place).ok(),
                Value::Uint(place) => usize::try_from(*place).ok(),
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is whole and not negative"
                )]
                Value::Double(place) if place.fract() == 0.0 && (0.0..4e9).contains(place) => Some(*place as usize),
                Value::Double(_) => None,
                _ => return Err(Fault::NoOverload),
            };
            place.filter(|place| *place < list.len()).map(|place| list.get(place)).transpose()
        }
        _ => Err(Fault::NoOverload),
    }
}

/// Takes steps from what is left.
pub(super) fn pay(left: &mut u64, cost: u64) -> Result<(), Fault> {
    *left = left.checked_sub(cost).ok_or(Fault::Costly)?;
    Ok(())
}

/// Calls a function.
pub(super) fn call<'v>(function: &str, of: Option<Value<'v>>, given: Vec<Value<'v>>, left: &mut u64) -> Outcome<'v> {
    let is_method = of.is_some();
    let all: Vec<Value<'v>> = of.into_iter().chain(given).collect();
    // What a text is long, reading it costs.
    if let Some(size) = all.first().map(Value::size) {
        pay(left, size / 10)?;
    }
    if let Some(outcome) = text::call(function, is_method, &all, left) {
        return outcome;
    }
    if let Some(outcome) = net::call(function, is_method, &all) {
        return outcome;
    }
    if is_method { method(function, &all, left) } else { free(function, &all, left) }
}

/// Functions that are called on nothing.
fn free<'v>(function: &str, all: &[Value<'v>], left: &mut u64) -> Outcome<'v> {
    match (function, all) {
        ("size", [value]) => size(value),
        ("type", [value]) => Ok(Value::Type(value.type_name())),
        ("dyn", [value]) => Ok(value.clone()),
        ("int", [value]) => to_int(value),
        ("uint", [value]) => to_uint(value),
        ("double", [value]) => to_double(value),
        ("bool", [value]) => match value {
            Value::Bool(_) => Ok(value.clone()),
            Value::Text(text) => match text.as_str() {
                "true" | "TRUE" | "True" | "t" | "T" | "1" => Ok(Value::Bool(true)),
                "false" | "FALSE" | "False" | "f" | "F" | "0" => Ok(Value::Bool(false)),
                _ => Err(unconverted(value, "bool")),
            },
            _ => Err(Fault::NoOverload),
        },
        ("bytes", [value]) => match value {
            Value::Bytes(_) => Ok(value.clone()),
            Value::Text(text) => Ok(Value::Bytes(text.as_bytes().into())),
            _ => Err(Fault::NoOverload),
        },
        ("duration", [value]) => match value {
            Value::Duration(_) => Ok(value.clone()),
            Value::Int(seconds) => {
                seconds.checked_mul(time::SECOND).map(Value::Duration).ok_or_else(|| unconverted(value, "duration"))
            }
            Value::Text(text) => {
                time::duration(text).map(Value::Duration).ok_or_else(|| unconverted(value, "google.protobuf.Duration"))
            }
            _ => Err(Fault::NoOverload),
        },
        ("timestamp", [value]) => match value {
            Value::Time(_) => Ok(value.clone()),
            Value::Int(seconds) => Ok(Value::Time(Instant { seconds: *seconds, nanos: 0 })),
            Value::Text(text) => {
                time::point(text, true).map(Value::Time).ok_or_else(|| unconverted(value, "google.protobuf.Timestamp"))
            }
            _ => Err(Fault::NoOverload),
        },
        ("optional.none", []) => Ok(Value::Optional(None)),
        ("optional.of", [value]) => Ok(Value::maybe(Some(value.clone()))),
        ("optional.ofNonZeroValue", [value]) => Ok(Value::maybe((!is_zero(value)).then(|| value.clone()))),
        ("quantity", [Value::Text(text)]) => match text.parse::<Quantity>() {
            Ok(quantity) => Ok(Value::Quantity(Rc::new(quantity))),
            Err(error) => Err(Fault::said(error.to_string())),
        },
        ("isQuantity", [Value::Text(text)]) => Ok(Value::Bool(text.parse::<Quantity>().is_ok())),
        ("semver" | "isSemver", [Value::Text(text), rest @ ..]) => {
            let loosely = matches!(rest, [Value::Bool(true)]);
            let read = if loosely { Semver::read_loosely(text) } else { Semver::read(text) };
            if function == "isSemver" {
                return Ok(Value::Bool(read.is_ok()));
            }
            read.map(|version| Value::Semver(Rc::new(version))).map_err(Fault::said)
        }
        ("format.named", [Value::Text(name)]) => {
            Ok(Value::maybe(FORMATS.iter().find(|known| **known == name.as_str()).map(|known| Value::Format(known))))
        }
        ("sets.contains", [Value::List(list), Value::List(sub)]) => Ok(Value::Bool(contains_all(list, sub, left)?)),
        ("sets.equivalent", [Value::List(one), Value::List(other)]) => {
            Ok(Value::Bool(contains_all(one, other, left)? && contains_all(other, one, left)?))
        }
        ("sets.intersects", [Value::List(one), Value::List(other)]) => {
            for item in other.all()? {
                if place_of(one, &item, left)?.is_some() {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        ("lists.range", [Value::Int(count)]) => {
            pay(left, u64::try_from(*count).unwrap_or(0))?;
            Ok(List::made((0..*count).map(Value::Int).collect()))
        }
        (function, []) if function.strip_prefix("format.").is_some_and(|name| FORMATS.contains(&name)) => {
            let name = function.strip_prefix("format.").unwrap_or_default();
            FORMATS.iter().find(|known| **known == name).map(|known| Value::Format(known)).ok_or(Fault::NoOverload)
        }
        _ => Err(unknown(function, all)),
    }
}

/// Functions that are called on a value.
fn method<'v>(function: &str, all: &[Value<'v>], left: &mut u64) -> Outcome<'v> {
    match (function, all) {
        ("size", [value]) => size(value),
        ("hasValue", [Value::Optional(value)]) => Ok(Value::Bool(value.is_some())),
        ("value", [Value::Optional(value)]) => value
            .as_ref()
            .map(|value| (**value).clone())
            .ok_or_else(|| Fault::said("optional.none() dereference".to_owned())),
        ("or", [Value::Optional(value), other]) => Ok(if value.is_some() { all[0].clone() } else { other.clone() }),
        ("orValue", [Value::Optional(value), other]) => {
            Ok(value.as_ref().map_or_else(|| other.clone(), |value| (**value).clone()))
        }
        ("validate", [Value::Format(format), Value::Text(text)]) => {
            let faults = faults_of(format, text);
            let list = || List::made(faults.iter().map(|fault| Value::text(fault.as_str())).collect());
            Ok(Value::maybe((!faults.is_empty()).then(list)))
        }
        (_, [Value::Quantity(quantity), rest @ ..]) => amount(function, quantity, rest),
        (_, [Value::Semver(version), rest @ ..]) => semver(function, version, rest),
        (_, [Value::List(list), rest @ ..]) => of_list(function, list, rest, left),
        (_, [Value::Time(instant), rest @ ..]) => {
            let offset = match rest {
                [] => 0,
                [Value::Text(zone)] => offset(zone)?,
                _ => return Err(Fault::NoOverload),
            };
            part_of_time(function, *instant, offset).ok_or_else(|| unknown(function, all))
        }
        (_, [Value::Duration(length)]) => {
            let unit = match function {
                "getHours" => 3600 * time::SECOND,
                "getMinutes" => 60 * time::SECOND,
                "getSeconds" => time::SECOND,
                "getMilliseconds" => return Ok(Value::Int(length / 1_000_000 % 1000)),
                _ => return Err(unknown(function, all)),
            };
            Ok(Value::Int(length / unit))
        }
        _ => Err(unknown(function, all)),
    }
}

/// Names that some library has: with other types they are no overload, not unknown.
const KNOWN: [&str; 64] = [
    "add",
    "asApproximateFloat",
    "asInteger",
    "charAt",
    "compareTo",
    "contains",
    "containsCIDR",
    "containsIP",
    "distinct",
    "endsWith",
    "family",
    "find",
    "findAll",
    "first",
    "flatten",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getEscapedPath",
    "getFullYear",
    "getHost",
    "getHostname",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getPort",
    "getQuery",
    "getScheme",
    "getSeconds",
    "hasValue",
    "indexOf",
    "isGreaterThan",
    "isInteger",
    "isLessThan",
    "isSorted",
    "join",
    "last",
    "lastIndexOf",
    "lowerAscii",
    "major",
    "masked",
    "matches",
    "max",
    "min",
    "minor",
    "or",
    "orValue",
    "patch",
    "prefixLength",
    "replace",
    "reverse",
    "sign",
    "size",
    "slice",
    "sort",
    "split",
    "startsWith",
    "sub",
    "substring",
    "sum",
    "upperAscii",
];
const KNOWN_FREE: [&str; 19] = [
    "size",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "duration",
    "timestamp",
    "quantity",
    "isQuantity",
    "url",
    "isURL",
    "ip",
    "isIP",
    "cidr",
    "isCIDR",
    "semver",
    "isSemver",
];

/// A function that is not there, or not for such values.
fn unknown(function: &str, _: &[Value<'_>]) -> Fault {
    if KNOWN.binary_search(&function).is_ok()
        || KNOWN_FREE.contains(&function)
        || ["trim", "validate", "value"].contains(&function)
    {
        return Fault::NoOverload;
    }
    Fault::Unknown(format!("there is no function `{function}`"))
}

fn unconverted(value: &Value<'_>, to: &str) -> Fault {
    Fault::said(format!("type conversion error from '{}' to '{to}'", value.type_name()))
}

fn size<'v>(value: &Value<'v>) -> Outcome<'v> {
    match value {
        Value::Text(text) => Ok(Value::count(text.chars().count())),
        Value::Bytes(bytes) => Ok(Value::count(bytes.len())),
        Value::List(list) => Ok(Value::count(list.len())),
        Value::Map(map) => Ok(Value::count(map.len())),
        _ => Err(Fault::NoOverload),
    }
}

fn to_int<'v>(value: &Value<'v>) -> Outcome<'v> {
    let overflow = || Fault::said("integer overflow".to_owned());
    match value {
        Value::Int(_) => Ok(value.clone()),
        Value::Uint(number) => i64::try_from(*number).map(Value::Int).map_err(|_| overflow()),
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked first")]
        Value::Double(number) if *number > i64::MIN as f64 && *number < i64::MAX as f64 => {
            Ok(Value::Int(*number as i64))
        }
        Value::Double(_) => Err(overflow()),
        Value::Text(text) => {
            let digits = text.strip_prefix('+').unwrap_or(text);
            digits
                .parse()
                .ok()
                .filter(|_| !digits.starts_with('+'))
                .map(Value::Int)
                .ok_or_else(|| unconverted(value, "int"))
        }
        Value::Time(instant) => Ok(Value::Int(instant.seconds)),
        Value::Duration(nanos) => Ok(Value::Int(*nanos)),
        _ => Err(Fault::NoOverload),
    }
}

fn to_uint<'v>(value: &Value<'v>) -> Outcome<'v> {
    let overflow = || Fault::said("unsigned integer overflow".to_owned());
    match value {
        Value::Uint(_) => Ok(value.clone()),
        Value::Int(number) => u64::try_from(*number).map(Value::Uint).map_err(|_| overflow()),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "the range is checked first"
        )]
        Value::Double(number) if *number >= 0.0 && *number < u64::MAX as f64 => Ok(Value::Uint(*number as u64)),
        Value::Double(_) => Err(overflow()),
        Value::Text(text) => text.parse().map(Value::Uint).map_err(|_| unconverted(value, "uint")),
        _ => Err(Fault::NoOverload),
    }
}

#[expect(clippy::cast_precision_loss, reason = "as CEL converts them")]
fn to_double<'v>(value: &Value<'v>) -> Outcome<'v> {
    match value {
        Value::Double(_) => Ok(value.clone()),
        Value::Int(number) => Ok(Value::Double(*number as f64)),
        Value::Uint(number) => Ok(Value::Double(*number as f64)),
        Value::Text(text) => text.parse().map(Value::Double).map_err(|_| unconverted(value, "double")),
        _ => Err(Fault::NoOverload),
    }
}

fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Int(value) => *value == 0,
        Value::Uint(value) => *value == 0,
        Value::Double(value) => *value == 0.0,
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Duration(nanos) => *nanos == 0,
        Value::Optional(value) => value.is_none(),
        _ => false,
    }
}

fn place_of<'v>(list: &List<'v>, item: &Value<'v>, left: &mut u64) -> Result<Option<usize>, Fault> {
    for place in 0..list.len() {
        if list.get(place)?.equals(item, left)? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

fn contains_all<'v>(list: &List<'v>, sub: &List<'v>, left: &mut u64) -> Result<bool, Fault> {
    for item in sub.all()? {
        if place_of(list, &item, left)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn of_list<'v>(function: &str, list: &List<'v>, rest: &[Value<'v>], left: &mut u64) -> Outcome<'v> {
    pay(left, list.len() as u64)?;
    match (function, rest) {
        ("isSorted", []) => {
            let items = list.all()?;
            for pair in items.windows(2) {
                if pair[0].order(&pair[1]).ok_or(Fault::NoOverload)?.is_gt() {
                    return Ok(Value::Bool(false));
                }
            }
            Ok(Value::Bool(true))
        }
        ("min" | "max", []) => {
            let wanted = if function == "min" { Ordering::Less } else { Ordering::Greater };
            let mut best: Option<Value<'v>> = None;
            for item in list.all()? {
                let better = match &best {
                    Some(best) => item.order(best).ok_or(Fault::NoOverload)? == wanted,
                    None => true,
                };
                if better {
                    best = Some(item);
                }
            }
            best.ok_or_else(|| Fault::said(format!("{function} called on empty list")))
        }
        ("sum", []) => sum(list),
        ("indexOf", [item]) => {
            let place = place_of(list, item, left)?;
            Ok(place.map_or(Value::Int(-1), Value::count))
        }
        ("lastIndexOf", [item]) => {
            for place in (0..list.len()).rev() {
                if list.get(place)?.equals(item, left)? {
                    return Ok(Value::count(place));
                }
            }
            Ok(Value::Int(-1))
        }
        ("first", []) => Ok(Value::maybe(if list.is_empty() { None } else { Some(list.get(0)?) })),
        ("last", []) => Ok(Value::maybe(if list.is_empty() { None } else { Some(list.get(list.len() - 1)?) })),
        ("reverse", []) => Ok(List::made(list.all()?.into_iter().rev().collect())),
        ("slice", [Value::Int(from), Value::Int(to)]) => {
            let places = usize::try_from(*from).ok().zip(usize::try_from(*to).ok());
            let (from, to) = places.ok_or_else(|| Fault::said("cannot slice: negative index".to_owned()))?;
            if from > to || to > list.len() {
                return Err(Fault::said("cannot slice: index out of range".to_owned()));
            }
            Ok(List::made((from..to).map(|place| list.get(place)).collect::<Result<_, _>>()?))
        }
        ("flatten", []) => Ok(List::made(flat(list, 1, left)?)),
        ("flatten", [Value::Int(depth)]) => {
            let depth = usize::try_from(*depth).map_err(|_| Fault::said("level must be non-negative".to_owned()))?;
            Ok(List::made(flat(list, depth.min(super::tree::DEEPEST), left)?))
        }
        ("distinct", []) => {
            let mut kept: Vec<Value<'v>> = Vec::new();
            'items: for item in list.all()? {
                for known in &kept {
                    if known.equals(&item, left)? {
                        continue 'items;
                    }
                }
                kept.push(item);
            }
            Ok(List::made(kept))
        }
        ("sort", []) => sorted(list.all()?.into_iter().map(|item| (item.clone(), item)).collect(), left),
        ("join", _) => text::join(list, rest, left),
        _ => Err(unknown(function, rest)),
    }
}

fn flat<'v>(list: &List<'v>, depth: usize, left: &mut u64) -> Result<Vec<Value<'v>>, Fault> {
    let mut items = Vec::new();
    for item in list.all()? {
        pay(left, 1)?;
        match item {
            Value::List(inner) if depth > 0 => items.extend(flat(&inner, depth - 1, left)?),
            item => items.push(item),
        }
    }
    Ok(items)
}

/// Values in the order of their keys.
pub(super) fn sorted<'v>(mut pairs: Vec<(Value<'v>, Value<'v>)>, left: &mut u64) -> Outcome<'v> {
    pay(left, pairs.len() as u64)?;
    if let Some((first, others)) = pairs.split_first()
        && !others.iter().all(|(key, _)| key.type_name() == first.0.type_name() && key.order(&first.0).is_some())
    {
        return Err(Fault::said("list elements must have the same type".to_owned()));
    }
    pairs.sort_by(|one, other| one.0.order(&other.0).unwrap_or(Ordering::Equal));
    Ok(List::made(pairs.into_iter().map(|(_, value)| value).collect()))
}

fn sum<'v>(list: &List<'v>) -> Outcome<'v> {
    let mut total: Option<Value<'v>> = None;
    for item in list.all()? {
        total = Some(match (total, item) {
            (None, item) => item,
            (Some(Value::Int(one)), Value::Int(other)) => {
                Value::Int(one.checked_add(other).ok_or_else(|| Fault::said("integer overflow".to_owned()))?)
            }
            (Some(Value::Uint(one)), Value::Uint(other)) => {
                Value::Uint(one.checked_add(other).ok_or_else(|| Fault::said("unsigned integer overflow".to_owned()))?)
            }
            (Some(Value::Double(one)), Value::Double(other)) => Value::Double(one + other),
            (Some(Value::Duration(one)), Value::Duration(other)) => {
                Value::Duration(one.checked_add(other).ok_or_else(|| Fault::said("duration overflow".to_owned()))?)
            }
            _ => return Err(Fault::NoOverload),
        });
    }
    Ok(total.unwrap_or(Value::Int(0)))
}

fn order_number<'v>(order: Ordering) -> Value<'v> {
    Value::Int(order as i64)
}

fn amount<'v>(function: &str, quantity: &Quantity, rest: &[Value<'v>]) -> Outcome<'v> {
    let other = match rest {
        [] => None,
        [Value::Quantity(other)] => Some((**other).clone()),
        [Value::Int(whole)] if matches!(function, "add" | "sub") => Some(Quantity::whole(*whole)),
        _ => return Err(unknown(function, rest)),
    };
    Ok(match (function, other) {
        ("isGreaterThan", Some(other)) => Value::Bool(quantity.cmp(&other).is_gt()),
        ("isLessThan", Some(other)) => Value::Bool(quantity.cmp(&other).is_lt()),
        ("compareTo", Some(other)) => order_number(quantity.cmp(&other)),
        ("add", Some(other)) => Value::Quantity(Rc::new(quantity.plus(&other))),
        ("sub", Some(other)) => Value::Quantity(Rc::new(quantity.plus(&other.negated()))),
        ("sign", None) => order_number(quantity.sign()),
        ("isInteger", None) => Value::Bool(quantity.whole_value().is_some()),
        ("asInteger", None) => {
            Value::Int(quantity.whole_value().ok_or_else(|| Fault::said("cannot convert value to integer".to_owned()))?)
        }
        ("asApproximateFloat", None) => Value::Double(quantity.approximate()),
        _ => return Err(unknown(function, rest)),
    })
}

fn semver<'v>(function: &str, version: &Semver, rest: &[Value<'v>]) -> Outcome<'v> {
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    Ok(match (function, rest) {
        ("major", []) => number(version.major),
        ("minor", []) => number(version.minor),
        ("patch", []) => number(version.patch),
        ("isGreaterThan", [Value::Semver(other)]) => Value::Bool(version.cmp(other).is_gt()),
        ("isLessThan", [Value::Semver(other)]) => Value::Bool(version.cmp(other).is_lt()),
        ("compareTo", [Value::Semver(other)]) => order_number(version.cmp(other)),
        _ => return Err(unknown(function, rest)),
    })
}

/// Seconds east of Greenwich. Zones by their names need a table of all times, which is not here.
fn offset(zone: &str) -> Result<i64, Fault> {
    if matches!(zone, "UTC" | "utc" | "") {
        return Ok(0);
    }
    let (sign, digits) = match zone.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let read = digits
        .split_once(':')
        .and_then(|(hours, minutes)| Some((hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?)));
    let (hours, minutes) = read.ok_or_else(|| Fault::Unknown(format!("the time zone `{zone}` is not known")))?;
    Ok(sign * (hours.clamp(0, 99) * 3600 + minutes.clamp(0, 99) * 60))
}

fn part_of_time<'v>(function: &str, instant: Instant, offset: i64) -> Option<Value<'v>> {
    let civil = instant.civil(offset);
    Some(Value::Int(match function {
        "getFullYear" => civil.year,
        "getMonth" => civil.month - 1,
        "getDayOfYear" => civil.yearday,
        "getDayOfMonth" => civil.day - 1,
        "getDate" => civil.day,
        "getDayOfWeek" => civil.weekday,
        "getHours" => civil.hour,
        "getMinutes" => civil.minute,
        "getSeconds" => civil.second,
        "getMilliseconds" => i64::from(instant.nanos / 1_000_000),
        _ => return None,
    }))
}

/// The formats that `format` has.
const FORMATS: [&str; 13] = [
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
];

/// What is wrong with a text by one of them.
fn faults_of(format: &str, text: &str) -> Vec<String> {
    let by = |good: bool, words: &str| if good { Vec::new() } else { vec![words.to_owned()] };
    // The beginning of a name may end in a dash.
    let masked = match text.strip_suffix('-').filter(|rest| !rest.is_empty()) {
        Some(rest) => format!("{}a", &rest[..rest.len() - rest.chars().next_back().map_or(0, char::len_utf8)]),
        None => text.to_owned(),
    };
    match format {
        "dns1123Label" => name::dns_label(text),
        "dns1123Subdomain" => name::dns_subdomain(text),
        "dns1035Label" => name::dns_1035_label(text),
        "qualifiedName" => name::label_key(text),
        "dns1123LabelPrefix" => name::dns_label(&masked),
        "dns1123SubdomainPrefix" => name::dns_subdomain(&masked),
        "dns1035LabelPrefix" => name::dns_1035_label(&masked),
        "labelValue" => name::label_value(text),
        "uri" => by(Url::for_request(text).is_some(), "invalid URI for request"),
        "uuid" => by(format::has("uuid", text, Version::NEWEST), "does not match the UUID format"),
        "byte" => by(format::has("byte", text, Version::NEWEST), "invalid base64"),
        "date" => by(format::has("date", text, Version::NEWEST), "invalid date"),
        "datetime" => by(format::has("datetime", text, Version::NEWEST), "invalid datetime"),
        _ => Vec::new(),
    }
}

/// A map of texts to lists of texts.
pub(super) fn map_of_lists<'v>(pairs: Vec<(String, String)>) -> Value<'v> {
    let mut lists: BTreeMap<Key, Vec<Value<'v>>> = BTreeMap::new();
    for (name, value) in pairs {
        lists.entry(Key::Text(name.into())).or_default().push(Value::text(value));
    }
    Map::made(lists.into_iter().map(|(key, items)| (key, List::made(items))).collect())
}
