//! What an expression comes to. Operators and macros; functions are the business of `call`.

use super::Fault;
use super::call;
use super::tree::{Fold, Kind, Literal, Operator, Tree};
use super::value::{Key, List, Map, Value};
use crate::k8s::time::Instant;
use crate::value::Text;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

type Outcome<'v> = Result<Value<'v>, Fault>;

/// Evaluates a tree with some names.
///
/// # Errors
/// When it comes to nothing.
pub(super) fn evaluate<'v>(tree: &'v Tree, names: &[(&'v str, Value<'v>)], left: &mut u64) -> Outcome<'v> {
    Evaluator { names: names.to_vec(), left }.value(tree)
}

struct Evaluator<'v, 'l> {
    names: Vec<(&'v str, Value<'v>)>,
    left: &'l mut u64,
}

/// What types are called as values.
const TYPES: [(&str, &str); 12] = [
    ("bool", "bool"),
    ("bytes", "bytes"),
    ("double", "double"),
    ("dyn", "dyn"),
    ("int", "int"),
    ("list", "list"),
    ("map", "map"),
    ("null_type", "null_type"),
    ("string", "string"),
    ("type", "type"),
    ("uint", "uint"),
    ("optional_type", "optional_type"),
];

/// What an expression of a mutation makes: an object, its parts, and operations of a patch.
const OBJECT: &str = "Object";
const OBJECT_PART: &str = "Object.";
const PATCH: &str = "JSONPatch";

impl<'v> Evaluator<'v, '_> {
    fn pay(&mut self, cost: u64) -> Result<(), Fault> {
        *self.left = self.left.checked_sub(cost).ok_or(Fault::Costly)?;
        Ok(())
    }

    fn value(&mut self, tree: &'v Tree) -> Outcome<'v> {
        match tree {
            Tree::Literal(literal) => Ok(literal_value(literal)),
            Tree::Name(name) => {
                self.pay(1)?;
                let bound = self.names.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
                let named = || TYPES.iter().find(|(known, _)| known == name).map(|(_, kind)| Value::Type(kind));
                bound.or_else(named).ok_or_else(|| Fault::Unknown(format!("`{name}` is not declared")))
            }
            Tree::Field { of, field, optional } => {
                if let Some(kind) = message_type(tree) {
                    return Ok(Value::Type(kind));
                }
                let of = self.value(of)?;
                self.pay(1)?;
                select(of, &|of| call::field(of, field), || Fault::said(format!("no such key: {field}")), *optional)
            }
            Tree::Has { of, field, optional } => {
                let of = self.value(of)?;
                let found = select(of, &|of| call::field(of, field), || Fault::NoOverload, true)?;
                let _ = optional;
                Ok(Value::Bool(matches!(found, Value::Optional(Some(_)))))
            }
            Tree::Index { of, index, optional } => {
                let of = self.value(of)?;
                let index = self.value(index)?;
                self.pay(1)?;
                let missing = || match &index {
                    Value::Int(place) => Fault::said(format!("index out of bounds: {place}")),
                    Value::Text(key) => Fault::said(format!("no such key: {key}")),
                    _ => Fault::said("no such key".to_owned()),
                };
                select(of, &|of| call::index(of, &index), missing, *optional)
            }
            Tree::Call { function, of, arguments } => {
                let of = of.as_ref().map(|of| self.value(of)).transpose()?;
                let mut given = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    given.push(self.value(argument)?);
                }
                self.pay(1)?;
                call::call(function, of, given, self.left)
            }
            Tree::List(items) => {
                self.pay(if items.iter().all(|(item, _)| matches!(item, Tree::Literal(_))) { 0 } else { 10 })?;
                let mut made = Vec::with_capacity(items.len());
                for (item, optional) in items {
                    let item = self.value(item)?;
                    made.extend(if *optional { inside(item)? } else { Some(item) });
                }
                Ok(List::made(made))
            }
            Tree::Map(entries) => {
                self.pay(30)?;
                let mut made = BTreeMap::new();
                for (key, value, optional) in entries {
                    let key = Key::of(&self.value(key)?)?;
                    let value = self.value(value)?;
                    let Some(value) = (if *optional { inside(value)? } else { Some(value) }) else { continue };
                    if made.insert(key, value).is_some() {
                        return Err(Fault::said("Failed with repeated key".to_owned()));
                    }
                }
                Ok(Map::made(made))
            }
            Tree::Message { name, fields } => self.message(name, fields),
            Tree::Not(inner) => match self.value(inner)? {
                Value::Bool(value) => Ok(Value::Bool(!value)),
                _ => Err(Fault::NoOverload),
            },
            Tree::Negative(inner) => match self.value(inner)? {
                Value::Int(value) => value.checked_neg().map(Value::Int).ok_or_else(overflow),
                Value::Double(value) => Ok(Value::Double(-value)),
                Value::Duration(value) => value.checked_neg().map(Value::Duration).ok_or_else(duration_overflow),
                _ => Err(Fault::NoOverload),
            },
            Tree::All(parts) => self.decide(parts, false),
            Tree::Any(parts) => self.decide(parts, true),
            Tree::If(parts) => match self.value(&parts[0])? {
                Value::Bool(true) => self.value(&parts[1]),
                Value::Bool(false) => self.value(&parts[2]),
                _ => Err(Fault::NoOverload),
            },
            Tree::Binary(operator, parts) => {
                let one = self.value(&parts[0])?;
                let other = self.value(&parts[1])?;
                self.pay(1)?;
                self.binary(*operator, &one, &other)
            }
            Tree::Fold(fold) => self.fold(fold),
        }
    }

    fn message(&mut self, name: &str, fields: &'v [(Text, Tree, bool)]) -> Outcome<'v> {
        if name != PATCH && name != OBJECT && !name.starts_with(OBJECT_PART) {
            return Err(Fault::Unknown(format!("`{name}` is made of fields, which is not known here")));
        }
        self.pay(40)?;
        let mut made = BTreeMap::new();
        for (field, value, optional) in fields {
            let value = self.value(value)?;
            let value = if *optional { inside(value)? } else { Some(value) };
            made.extend(value.map(|value| (Key::Text(field.clone()), value)));
        }
        Ok(Map::made(made))
    }

    /// Whether one of the conditions is `decisive`. One that fails counts only where none decides.
    fn decide(&mut self, parts: &'v [Tree], decisive: bool) -> Outcome<'v> {
        let mut failed = None;
        for part in parts {
            match self.value(part) {
                Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => drop(failed.get_or_insert(Fault::NoOverload)),
                Err(fault) if fault.can_be_absorbed() => drop(failed.get_or_insert(fault)),
                Err(fault) => return Err(fault),
            }
        }
        failed.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn binary(&mut self, operator: Operator, one: &Value<'v>, other: &Value<'v>) -> Outcome<'v> {
        self.pay(one.size().min(other.size()) / 10)?;
        let ordered = |wanted: fn(Ordering) -> bool| {
            let is_nan =
                matches!((one, other), (Value::Double(value), _) | (_, Value::Double(value)) if value.is_nan());
            match one.order(other) {
                Some(order) => Ok(Value::Bool(wanted(order))),
                None if is_nan => Ok(Value::Bool(false)),
                None => Err(Fault::NoOverload),
            }
        };
        match operator {
            Operator::Equal => Ok(Value::Bool(one.equals(other, self.left)?)),
            Operator::Unequal => Ok(Value::Bool(!one.equals(other, self.left)?)),
            Operator::Less => ordered(Ordering::is_lt),
            Operator::LessOrEqual => ordered(Ordering::is_le),
            Operator::Greater => ordered(Ordering::is_gt),
            Operator::GreaterOrEqual => ordered(Ordering::is_ge),
            Operator::In => match other {
                Value::List(list) => {
                    for place in 0..list.len() {
                        if one.equals(&list.get(place)?, self.left)? {
                            return Ok(Value::Bool(true));
                        }
                    }
                    Ok(Value::Bool(false))
                }
                Value::Map(map) => Ok(Value::Bool(map.get(one).ok().flatten().is_some())),
                _ => Err(Fault::NoOverload),
            },
            Operator::Add => self.add(one, other),
            Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
                arithmetic(operator, one, other)
            }
        }
    }

    fn add(&mut self, one: &Value<'v>, other: &Value<'v>) -> Outcome<'v> {
        match (one, other) {
            (Value::Text(one), Value::Text(other)) => {
                self.pay((one.len() + other.len()) as u64 / 10)?;
                Ok(Value::text(format!("{one}{other}")))
            }
            (Value::Bytes(one), Value::Bytes(other)) => {
                self.pay((one.len() + other.len()) as u64 / 10)?;
                Ok(Value::Bytes([&**one, &**other].concat().into()))
            }
            (Value::List(one), Value::List(other)) => one.joined(other, self.left),
            (one, other) => arithmetic(Operator::Add, one, other),
        }
    }

    /// Evaluates with one or two more names.
    fn bound(&mut self, fold: &'v Fold, first: Value<'v>, second: Option<Value<'v>>, tree: &'v Tree) -> Outcome<'v> {
        self.pay(3)?;
        let before = self.names.len();
        self.names.push((&fold.first, first));
        if let (Some(name), Some(value)) = (&fold.second, second) {
            self.names.push((name, value));
        }
        let outcome = self.value(tree);
        self.names.truncate(before);
        outcome
    }

    fn fold(&mut self, fold: &'v Fold) -> Outcome<'v> {
        let of = self.value(&fold.of)?;
        if matches!(fold.kind, Kind::Inside | Kind::Flat) {
            let Value::Optional(of) = of else { return Err(Fault::NoOverload) };
            let Some(of) = of else { return Ok(Value::Optional(None)) };
            let made = self.bound(fold, (*of).clone(), None, &fold.body)?;
            return Ok(if fold.kind == Kind::Inside { Value::maybe(Some(made)) } else { made });
        }
        // What the names are bound to, in turn.
        let count = match &of {
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            _ => return Err(Fault::NoOverload),
        };
        let keys = if let Value::Map(map) = &of { map.keys() } else { Vec::new() };
        let entry = |place: usize| -> Result<(Value<'v>, Option<Value<'v>>), Fault> {
            Ok(match (&of, fold.second.is_some()) {
                (Value::List(list), false) => (list.get(place)?, None),
                (Value::List(list), true) => (Value::count(place), Some(list.get(place)?)),
                (Value::Map(_), false) => (keys[place].clone(), None),
                (Value::Map(map), true) => (keys[place].clone(), map.get(&keys[place])?),
                _ => return Err(Fault::NoOverload),
            })
        };
        match fold.kind {
            Kind::All | Kind::Exists => {
                let decisive = fold.kind == Kind::Exists;
                let mut failed = None;
                for place in 0..count {
                    let outcome = entry(place).and_then(|(first, second)| self.bound(fold, first, second, &fold.body));
                    match outcome {
                        Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(decisive)),
                        Ok(Value::Bool(_)) => {}
                        Ok(_) => drop(failed.get_or_insert(Fault::NoOverload)),
                        Err(fault) if fault.can_be_absorbed() => drop(failed.get_or_insert(fault)),
                        Err(fault) => return Err(fault),
                    }
                }
                failed.map_or(Ok(Value::Bool(!decisive)), Err)
            }
            Kind::One => {
                let mut found = 0;
                for place in 0..count {
                    let (first, second) = entry(place)?;
                    found += usize::from(truth(&self.bound(fold, first, second, &fold.body)?)?);
                }
                Ok(Value::Bool(found == 1))
            }
            Kind::List | Kind::Filter => {
                let mut made = Vec::new();
                for place in 0..count {
                    let (first, second) = entry(place)?;
                    if let Some(item) = self.made(fold, first, second, fold.kind == Kind::Filter)? {
                        made.push(item);
                    }
                }
                Ok(List::made(made))
            }
            Kind::Map | Kind::Entries => {
                let mut made = BTreeMap::new();
                for place in 0..count {
                    let (first, second) = entry(place)?;
                    let key = first.clone();
                    let Some(value) = self.made(fold, first, second, false)? else { continue };
                    if fold.kind == Kind::Map {
                        made.insert(Key::of(&key)?, value);
                        continue;
                    }
                    let Value::Map(entries) = value else { return Err(Fault::NoOverload) };
                    for key in entries.keys() {
                        let value = entries.get(&key)?.ok_or(Fault::NoOverload)?;
                        if made.insert(Key::of(&key)?, value).is_some() {
                            return Err(Fault::said("insert failed: key already exists".to_owned()));
                        }
                    }
                }
                Ok(Map::made(made))
            }
            Kind::Sort => {
                let mut made = Vec::with_capacity(count);
                for place in 0..count {
                    let (first, _) = entry(place)?;
                    made.push((self.bound(fold, first.clone(), None, &fold.body)?, first));
                }
                call::sorted(made, self.left)
            }
            Kind::Inside | Kind::Flat => Err(Fault::NoOverload),
        }
    }

    /// What a fold makes of an item: nothing where its condition is not true.
    fn made(
        &mut self,
        fold: &'v Fold,
        first: Value<'v>,
        second: Option<Value<'v>>,
        filter: bool,
    ) -> Result<Option<Value<'v>>, Fault> {
        if filter {
            let item = first.clone();
            return Ok(truth(&self.bound(fold, first, second, &fold.body)?)?.then_some(item));
        }
        let Some(result) = &fold.result else { return self.bound(fold, first, second, &fold.body).map(Some) };
        if !truth(&self.bound(fold, first.clone(), second.clone(), &fold.body)?)? {
            return Ok(None);
        }
        self.bound(fold, first, second, result).map(Some)
    }
}

/// A type that is called by several names: `google.protobuf.Timestamp`.
fn message_type(tree: &Tree) -> Option<&'static str> {
    let Tree::Field { of, field, .. } = tree else { return None };
    match (&**of, field.as_str()) {
        (Tree::Field { of, field: middle, .. }, "Timestamp" | "Duration") if middle == "protobuf" => match &**of {
            Tree::Name(name) if name == "google" => {
                Some(if field == "Duration" { "google.protobuf.Duration" } else { "google.protobuf.Timestamp" })
            }
            _ => None,
        },
        (Tree::Name(name), _) => call::type_of_library(name, field),
        _ => None,
    }
}

/// What is inside an optional value.
fn inside(value: Value<'_>) -> Result<Option<Value<'_>>, Fault> {
    match value {
        Value::Optional(inner) => Ok(inner.map(|inner| (*inner).clone())),
        _ => Err(Fault::NoOverload),
    }
}

/// Selects of a value, or of what is inside one that is optional: then the result is optional too.
fn select<'v>(
    of: Value<'v>,
    find: &dyn Fn(&Value<'v>) -> Result<Option<Value<'v>>, Fault>,
    missing: impl Fn() -> Fault,
    optional: bool,
) -> Outcome<'v> {
    match of {
        Value::Optional(None) => Ok(Value::Optional(None)),
        Value::Optional(Some(of)) => Ok(Value::Optional(find(&of)?.map(Rc::new))),
        of if optional => Ok(Value::Optional(find(&of)?.map(Rc::new))),
        of => find(&of)?.ok_or_else(missing),
    }
}

fn truth(value: &Value<'_>) -> Result<bool, Fault> {
    match value {
        Value::Bool(value) => Ok(*value),
        _ => Err(Fault::NoOverload),
    }
}

fn literal_value<'v>(literal: &Literal) -> Value<'v> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::Text(text) => Value::Text(text.clone()),
        Literal::Bytes(bytes) => Value::Bytes(bytes.clone().into()),
    }
}

fn overflow() -> Fault {
    Fault::said("integer overflow".to_owned())
}

fn duration_overflow() -> Fault {
    Fault::said("duration overflow".to_owned())
}

/// The first and the last second that there are: of the years 1 and 9999.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

fn in_time<'v>(instant: Option<Instant>) -> Outcome<'v> {
    let instant = instant.filter(|instant| TIMES.contains(&instant.seconds));
    instant.map(Value::Time).ok_or_else(|| Fault::said("timestamp overflow".to_owned()))
}

fn arithmetic<'v>(operator: Operator, one: &Value<'v>, other: &Value<'v>) -> Outcome<'v> {
    let by_zero =
        || Fault::said(if operator == Operator::Divide { "division by zero" } else { "modulus by zero" }.to_owned());
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => {
            let value = match operator {
                Operator::Add => one.checked_add(*other),
                Operator::Subtract => one.checked_sub(*other),
                Operator::Multiply => one.checked_mul(*other),
                _ if *other == 0 => return Err(by_zero()),
                Operator::Divide => one.checked_div(*other),
                _ => one.checked_rem(*other),
            };
            value.map(Value::Int).ok_or_else(overflow)
        }
        (Value::Uint(one), Value::Uint(other)) => {
            let value = match operator {
                Operator::Add => one.checked_add(*other),
                Operator::Subtract => one.checked_sub(*other),
                Operator::Multiply => one.checked_mul(*other),
                _ if *other == 0 => return Err(by_zero()),
                Operator::Divide => one.checked_div(*other),
                _ => one.checked_rem(*other),
            };
            value.map(Value::Uint).ok_or_else(|| Fault::said("unsigned integer overflow".to_owned()))
        }
        (Value::Double(one), Value::Double(other)) => Ok(Value::Double(match operator {
            Operator::Add => one + other,
            Operator::Subtract => one - other,
            Operator::Multiply => one * other,
            Operator::Divide => one / other,
            _ => return Err(Fault::NoOverload),
        })),
        (Value::Duration(one), Value::Duration(other)) => {
            let value = match operator {
                Operator::Add => one.checked_add(*other),
                Operator::Subtract => one.checked_sub(*other),
                _ => return Err(Fault::NoOverload),
            };
            value.map(Value::Duration).ok_or_else(duration_overflow)
        }
        (Value::Time(time), Value::Duration(length)) => match operator {
            Operator::Add => in_time(time.plus(*length)),
            Operator::Subtract => in_time(length.checked_neg().and_then(|length| time.plus(length))),
            _ => Err(Fault::NoOverload),
        },
        (Value::Duration(length), Value::Time(time)) if operator == Operator::Add => in_time(time.plus(*length)),
        (Value::Time(one), Value::Time(other)) if operator == Operator::Subtract => {
            one.since(*other).map(Value::Duration).ok_or_else(duration_overflow)
        }
        _ => Err(Fault::NoOverload),
    }
}
