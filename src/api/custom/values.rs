//! Values against their schema: what `kube-openapi/pkg/validation/validate` says, in its words, with the choices it
//! makes between what several schemas say. On an update, what the stored object already was may stay (ratcheting).
//! Knows no kind.

use super::format;
use super::old::Old;
use super::schema::{Additional, Schema, Type};
use super::{Fault, Unjudged};
use crate::api::admission::cause::Path;
use crate::budget::Account;
use crate::json::number;
use crate::k8s::version::Version;
use crate::source::At;
use crate::value::{Data, Map, Node};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// So many faults of one object are told.
const MOST_FAULTS: usize = 500;

/// What became of a value: what is wrong with it, and how many checks it passed on the way, by which the server tells
/// which of several schemas was meant.
#[derive(Debug, Default)]
struct Outcome {
    faults: Vec<Fault>,
    passed: u64,
}

impl Outcome {
    fn merge(&mut self, other: Self) {
        self.passed += other.passed;
        for fault in other.faults {
            self.add(fault);
        }
    }

    /// What was said already is not said again.
    fn add(&mut self, fault: Fault) {
        if self.faults.len() < MOST_FAULTS && !self.faults.iter().any(|said| said.is_same(&fault)) {
            self.faults.push(fault);
        }
    }

    fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }
}

/// What is wrong with a value. Steps are paid from an account; where it is empty, nothing more is found.
#[must_use]
pub(crate) fn faults(
    schema: &Schema,
    value: &Node,
    old: Option<Old<'_>>,
    version: Version,
    account: &Account,
    unjudged: &mut BTreeSet<Unjudged>,
) -> Vec<Fault> {
    let judge = Judge { version, account, unread: RefCell::default() };
    let faults = judge.ratcheted(schema, value, old, &Path::ROOT).faults;
    unjudged.extend(judge.unread.into_inner().into_iter().map(Unjudged::Pattern));
    faults
}

struct Judge<'a> {
    version: Version,
    account: &'a Account,
    /// Patterns that cannot be read.
    unread: RefCell<BTreeSet<String>>,
}

fn fault(path: &Path<'_>, kind: &'static str, message: impl Into<String>, at: At) -> Fault {
    Fault { path: path.to_string(), kind, message: message.into(), at }
}

impl Judge<'_> {
    /// What is wrong with a value that may stay wrong if it was so before.
    fn ratcheted(&self, schema: &Schema, value: &Node, old: Option<Old<'_>>, path: &Path<'_>) -> Outcome {
        let mut outcome = self.value(schema, value, old, path);
        if !outcome.is_valid() && old.is_some_and(|old| old.equals(value)) {
            outcome.faults.clear();
        }
        outcome
    }

    fn value(&self, schema: &Schema, value: &Node, old: Option<Old<'_>>, path: &Path<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        if self.account.pay(1).is_err() {
            return outcome;
        }
        if value.is_null() {
            if !schema.types.is_empty() && !schema.nullable {
                outcome.add(type_fault(path, &type_words(schema), "null", value.at));
            } else {
                outcome.passed += 1;
            }
            self.among_values(schema, value, path, &mut outcome);
            return outcome;
        }
        if !schema.types.is_empty() || schema.format.is_some() {
            match unfit(schema, value, path) {
                Some(fault) => outcome.add(fault),
                None => outcome.passed += 1,
            }
            outcome.passed += 1;
        }
        self.schemas(schema, value, old, path, &mut outcome);
        outcome.passed += 1;
        match &value.data {
            Data::Text(text) => {
                self.text(schema, text, value.at, path, &mut outcome);
                outcome.passed += 1;
                if let Some(format) = &schema.format
                    && !format.is_empty()
                {
                    if !format::has(format, text, self.version) {
                        outcome.add(type_fault(path, &schema.written_format, text, value.at));
                    }
                    outcome.passed += 1;
                }
            }
            Data::Int(_) | Data::Float(_) => {
                number_faults(schema, value, path, &mut outcome);
                outcome.passed += 2;
            }
            Data::List(items) => {
                self.list(schema, items, value.at, old, path, &mut outcome);
                outcome.passed += 2;
            }
            _ => {}
        }
        self.among_values(schema, value, path, &mut outcome);
        outcome.passed += 1;
        if let Data::Map(map) = &value.data {
            self.map(schema, map, value.at, old, path, &mut outcome);
            outcome.passed += 1;
        }
        outcome.passed += 1;
        outcome
    }

    #[expect(clippy::unused_self, reason = "one of the checks, called like the others")]
    fn among_values(&self, schema: &Schema, value: &Node, path: &Path<'_>, outcome: &mut Outcome) {
        if schema.values.is_empty() || schema.values.iter().any(|known| is_value(value, known)) {
            return;
        }
        let known: Vec<String> = schema.values.iter().map(|known| quoted(&plain(known))).collect();
        outcome.add(fault(path, "FieldValueNotSupported", format!("supported values: {}", known.join(", ")), value.at));
    }

    /// `allOf`, `anyOf`, `oneOf`, `not`: of the schemas that do not fit, the one that fits best says why.
    fn schemas(&self, schema: &Schema, value: &Node, old: Option<Old<'_>>, path: &Path<'_>, outcome: &mut Outcome) {
        let said = |message: String| fault(path, "FieldValueInvalid", message, value.at);
        let name = quoted(&path.to_string());
        let mut inner = Outcome { passed: 1, ..Outcome::default() };
        if !schema.any_of.is_empty() {
            let mut best: Option<Outcome> = None;
            let mut valid = None;
            for part in &schema.any_of {
                let result = self.value(part, value, old, path);
                if result.is_valid() {
                    valid = Some(result);
                    break;
                }
                if best.as_ref().is_none_or(|best| result.passed > best.passed) {
                    best = Some(result);
                }
            }
            if valid.is_none() {
                inner.add(said(format!("{name} must validate at least one schema (anyOf)")));
            }
            valid.or(best).into_iter().for_each(|result| inner.merge(result));
        }
        if !schema.one_of.is_empty() {
            let mut best: Option<Outcome> = None;
            let mut first = None;
            let mut count = 0;
            for part in &schema.one_of {
                let result = self.value(part, value, old, path);
                if result.is_valid() {
                    count += 1;
                    first.get_or_insert(result);
                } else if count == 0 && best.as_ref().is_none_or(|best| result.passed > best.passed) {
                    best = Some(result);
                }
            }
            match count {
                1 => first.into_iter().for_each(|result| inner.merge(result)),
                0 => {
                    inner.add(said(format!("{name} must validate one and only one schema (oneOf). Found none valid")));
                    best.into_iter().for_each(|result| inner.merge(result));
                }
                count => {
                    inner.add(said(format!(
                        "{name} must validate one and only one schema (oneOf). Found {count} valid alternatives"
                    )));
                }
            }
        }
        if !schema.all_of.is_empty() {
            let mut count = 0;
            for part in &schema.all_of {
                let result = self.value(part, value, old, path);
                count += usize::from(result.is_valid());
                inner.merge(result);
            }
            if count != schema.all_of.len() {
                let none = if count == 0 { ". None validated" } else { "" };
                inner.add(said(format!("{name} must validate all the schemas (allOf){none}")));
            }
        }
        if schema.not.as_ref().is_some_and(|not| self.value(not, value, old, path).is_valid()) {
            inner.add(said(format!("{name} must not validate the schema (not)")));
        }
        outcome.merge(inner);
    }

    fn text(&self, schema: &Schema, text: &str, at: At, path: &Path<'_>, outcome: &mut Outcome) {
        let within = || within(path);
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        if let Some(most) = schema.max_length.filter(|most| length > *most) {
            return outcome.add(fault(path, "FieldValueTooLong", format!("may not be more than {most} bytes"), at));
        }
        if let Some(least) = schema.min_length.filter(|least| length < *least) {
            return outcome.add(fault(
                path,
                "FieldValueInvalid",
                format!("{} should be at least {least} chars long", within()),
                at,
            ));
        }
        let Some(pattern) = &schema.pattern else { return };
        match pattern.is_match(text) {
            Some(true) => {}
            Some(false) => {
                outcome.add(fault(
                    path,
                    "FieldValueInvalid",
                    format!("{} should match '{}'", within(), pattern.written),
                    at,
                ));
            }
            None => drop(self.unread.borrow_mut().insert(pattern.written.to_string())),
        }
    }

    fn list(
        &self,
        schema: &Schema,
        items: &[Node],
        at: At,
        old: Option<Old<'_>>,
        path: &Path<'_>,
        outcome: &mut Outcome,
    ) {
        if let Some(inner) = &schema.items {
            let keyed = old.and_then(Old::keyed);
            for (index, item) in items.iter().enumerate() {
                let old = keyed.as_ref().and_then(|keyed| keyed.find(item));
                outcome.merge(self.ratcheted(inner, item, old, &path.index(index)));
            }
        }
        let within = within(path);
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        if let Some(least) = schema.min_items.filter(|least| count < *least) {
            outcome.add(fault(path, "FieldValueInvalid", format!("{within} should have at least {least} items"), at));
        }
        if let Some(most) = schema.max_items.filter(|most| count > *most) {
            outcome.add(fault(path, "FieldValueTooMany", at_most(most), at));
        }
        if schema.unique_items {
            let mut seen = BTreeSet::new();
            if !items.iter().all(|item| seen.insert(crate::json::from_node(item).to_string())) {
                outcome.add(fault(path, "FieldValueInvalid", format!("{within} shouldn't contain duplicates"), at));
            }
        }
    }

    fn map(&self, schema: &Schema, map: &Map, at: At, old: Option<Old<'_>>, path: &Path<'_>, outcome: &mut Outcome) {
        let within = within(path);
        let count = i64::try_from(map.len()).unwrap_or(i64::MAX);
        if let Some(least) = schema.min_properties.filter(|least| count < *least) {
            outcome.add(fault(
                path,
                "FieldValueInvalid",
                format!("{within} should have at least {least} properties"),
                at,
            ));
        }
        if let Some(most) = schema.max_properties.filter(|most| count > *most) {
            outcome.add(fault(path, "FieldValueTooMany", at_most(most), at));
        }
        for (key, value) in map.iter() {
            let child = path.child(&key.name);
            let is_type = path.is_root() && ["kind", "apiVersion"].contains(&key.name.as_str());
            let old = old.filter(|_| !is_type).and_then(|old| old.field(&key.name));
            match (schema.property(&key.name), &schema.additional) {
                (Some(inner), _) => outcome.merge(self.ratcheted(inner, value, old, &child)),
                (None, Some(Additional::Of(inner))) => outcome.merge(self.ratcheted(inner, value, old, &child)),
                (None, Some(Additional::Any(false))) => {
                    // The server's own words hold the two the wrong way round.
                    let message = format!("{path}.{} in body is a forbidden property", key.name);
                    outcome.add(fault(path, "FieldValueInvalid", message, key.at));
                }
                _ => {}
            }
        }
        for name in schema.required.iter().filter(|name| !map.has(name)) {
            outcome.add(fault(&path.child(name), "FieldValueRequired", "", at));
        }
    }
}

/// `spec.size in body`
fn within(path: &Path<'_>) -> String {
    format!("{path} in body")
}

fn type_words(schema: &Schema) -> String {
    schema.types.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(",")
}

fn type_fault(path: &Path<'_>, wanted: &str, is: &str, at: At) -> Fault {
    fault(path, "FieldValueTypeInvalid", format!("{} must be of type {wanted}: {}", within(path), quoted(is)), at)
}

/// The type of a value, and the format that Go has for it.
const fn kind_of(value: &Node) -> (Type, &'static str) {
    match value.data {
        Data::Null => (Type::Unknown, ""),
        Data::Bool(_) => (Type::Boolean, ""),
        Data::Int(_) => (Type::Integer, "int64"),
        Data::Float(_) => (Type::Number, "float64"),
        Data::Text(_) => (Type::String, ""),
        Data::List(_) => (Type::Array, ""),
        Data::Map(_) => (Type::Object, ""),
    }
}

/// `typeValidator.Validate`: what is wrong with the type of a value.
fn unfit(schema: &Schema, value: &Node, path: &Path<'_>) -> Option<Fault> {
    let (kind, go) = kind_of(value);
    let takes = |kind: Type| schema.types.contains(&kind);
    // A number too large for a whole one is none.
    let whole = matches!(value.data, Data::Float(float) if is_whole(float)) && takes(Type::Integer);
    let widened = kind == Type::Integer && takes(Type::Number);
    let is_loose = matches!(kind, Type::String | Type::Array);
    if let Some(format) = schema.format.as_deref() {
        if !(is_loose || takes(kind) || go == format || whole || widened) {
            return Some(type_fault(path, &schema.written_format, go, value.at));
        }
        if is_loose && !takes(Type::Number) && !takes(Type::Integer) {
            return None;
        }
    }
    (!(takes(kind) || whole || widened)).then(|| type_fault(path, &type_words(schema), kind.word(), value.at))
}

/// `swag.IsFloat64AJSONInteger`
fn is_whole(float: f64) -> bool {
    const MOST: f64 = 9_007_199_254_740_991.0;
    if !float.is_finite() || float.abs() > MOST {
        return false;
    }
    let difference = (float - float.trunc()).abs();
    difference == 0.0 || (float.trunc() != 0.0 && difference / (float.abs() + float.trunc().abs()) < 1e-9)
}

/// Whether a value is one of the known, as Go compares them.
fn is_value(value: &Node, known: &Node) -> bool {
    match (&value.data, &known.data) {
        (Data::Null, _) | (_, Data::Null) => false,
        #[expect(clippy::cast_possible_truncation, reason = "as Go converts it")]
        (Data::Float(float), Data::Int(known)) => *float as i64 == *known,
        (value, known) => value == known,
    }
}

/// `numberValidator.Validate`
fn number_faults(schema: &Schema, value: &Node, path: &Path<'_>, outcome: &mut Outcome) {
    let kind = schema.only_type().filter(|kind| matches!(kind, Type::Integer | Type::Number));
    let format = schema.format.as_deref().unwrap_or_default();
    let out_of_range = |prefix: &str, fits: bool| {
        let (word, of) = (
            kind.map_or("", Type::word),
            if format.is_empty() { "(default format)".into() } else { format!("with format {format}") },
        );
        (!fits).then(|| {
            fault(path, "FieldValueInvalid", format!("{prefix} value must be of type {word} {of} in {path}"), value.at)
        })
    };
    let fits_float = |float: f64| match kind {
        Some(Type::Integer) if format == "int32" => {
            float.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&float)
        }
        #[expect(clippy::cast_precision_loss, reason = "only the range counts")]
        Some(Type::Integer) => float.fract() == 0.0 && (i64::MIN as f64..i64::MAX as f64).contains(&float),
        Some(Type::Number) => format != "float" || float.abs() <= f64::from(f32::MAX),
        _ => true,
    };
    let fits = match value.data {
        Data::Int(whole) => !(kind == Some(Type::Integer) && format == "int32") || i32::try_from(whole).is_ok(),
        Data::Float(float) => fits_float(float),
        _ => true,
    };
    out_of_range("Checked", fits).into_iter().for_each(|fault| outcome.add(fault));
    if let Some(factor) = schema.multiple_of {
        let sound = fits_float(factor);
        out_of_range("MultipleOf", sound).into_iter().for_each(|fault| outcome.add(fault));
        if !is_multiple(&value.data, factor, sound) {
            let message = format!("{} should be a multiple of {}", within(path), number(factor));
            outcome.add(fault(path, "FieldValueInvalid", message, value.at));
        }
    }
    for (bound, prefix, words) in
        [(schema.minimum, "Minimum boundary", ("greater", -1.0)), (schema.maximum, "Maximum boundary", ("less", 1.0))]
    {
        let Some((bound, exclusive)) = bound else { continue };
        let sound = fits_float(bound);
        out_of_range(prefix, sound).into_iter().for_each(|fault| outcome.add(fault));
        let (word, sign) = words;
        let (beyond, shown) = beyond(&value.data, bound, sign, exclusive, sound);
        if beyond {
            let than = if exclusive { format!("{word} than") } else { format!("{word} than or equal to") };
            outcome.add(fault(
                path,
                "FieldValueInvalid",
                format!("{} should be {than} {shown}", within(path)),
                value.at,
            ));
        }
    }
}

/// Whether a number is beyond a bound, above it where `sign` is positive; and the bound as the message writes it.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as Go converts them")]
fn beyond(value: &Data, bound: f64, sign: f64, exclusive: bool, sound: bool) -> (bool, String) {
    if let (Data::Int(whole), true) = (value, sound) {
        let bound = bound as i64;
        let order = whole.cmp(&bound);
        let order = if sign > 0.0 { order } else { order.reverse() };
        return (order.is_gt() || (exclusive && order.is_eq()), bound.to_string());
    }
    let float = match value {
        Data::Int(whole) => *whole as f64,
        Data::Float(float) => *float,
        _ => return (false, String::new()),
    };
    let difference = (float - bound) * sign;
    (difference > 0.0 || (exclusive && difference == 0.0), number(bound))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as Go converts them")]
fn is_multiple(value: &Data, factor: f64, sound: bool) -> bool {
    match value {
        Data::Int(whole) if sound => {
            let factor = factor as i64;
            factor > 0 && whole % factor == 0
        }
        Data::Int(whole) => factor > 0.0 && is_whole(divided(*whole as f64, factor)),
        Data::Float(float) => factor > 0.0 && is_whole(divided(*float, factor)),
        _ => true,
    }
}

fn divided(value: f64, factor: f64) -> f64 {
    if factor < 1.0 { 1.0 / factor * value } else { value / factor }
}

fn at_most(most: i64) -> String {
    format!("must have at most {most} item{}", if most == 1 { "" } else { "s" })
}

/// A value as Go prints it: a text without quotes, anything else as JSON.
fn plain(value: &Node) -> String {
    value.as_str().map_or_else(|| crate::json::from_node(value).to_string(), str::to_owned)
}

/// A text as Go's `%q` writes it.
#[must_use]
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() => _ = write!(quoted, "\\x{:02x}", letter as u32),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
