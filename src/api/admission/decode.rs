//! From a tree of values to an object of its kind: types and field names, as the server's two decoders judge them.
//! Knows shapes, no rule.

use super::Stage;
use super::cause::Path;
use crate::diagnostic::Refusal;
use crate::json;
use crate::k8s::quantity::Quantity;
use crate::k8s::shape::{Field, Form, Shape};
use crate::k8s::version::Version;
use crate::source::At;
use crate::value::{Data, Key, Node};

/// The way an object came in; the server has a decoder for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The body of a request: a create, a replace.
    Body,
    /// The result of a patch: the merged object.
    Patch,
}

/// Where and why a decoder stops.
#[derive(Clone, Debug)]
pub struct Misfit {
    /// At values of the wrong type, or at fields that do not exist.
    pub stage: Stage,
    /// Of wrong types the first only, as the server; of unknown fields all.
    pub refusals: Vec<Refusal>,
    /// The first of them. The server's path to a wrong type leaves out which item of a list is meant, and often is not
    /// there at all.
    pub at: At,
    /// What a value of the wrong type is, and must be.
    pub unfit: Option<Unfit>,
}

/// A value of the wrong type, in words of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What it is.
    pub is: Sort,
    /// What it must be.
    pub must: Sort,
}

/// The sorts of values that a manifest can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Nothing.
    Nothing,
    /// Text.
    Text,
    /// A truth value.
    Truth,
    /// Any number.
    Number,
    /// A number without a fraction, as large as the field can hold.
    Whole,
    /// A number or text.
    NumberOrText,
    /// A list.
    List,
    /// A map.
    Map,
}

impl Sort {
    /// The words for it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Text => "text",
            Self::Truth => "true or false",
            Self::Number => "a number",
            Self::Whole => "a whole number",
            Self::NumberOrText => "a whole number or text",
            Self::List => "a list",
            Self::Map => "a map",
        }
    }

    const fn of(node: &Node) -> Self {
        match node.data {
            Data::Null => Self::Nothing,
            Data::Text(_) => Self::Text,
            Data::Bool(_) => Self::Truth,
            Data::Int(_) | Data::Float(_) => Self::Number,
            Data::List(_) => Self::List,
            Data::Map(_) => Self::Map,
        }
    }

    /// What a field of a form takes; none where that is anything, or more than a sort.
    const fn wanted(form: &Form) -> Option<Self> {
        Some(match form {
            Form::Text | Form::Bytes | Form::Time | Form::MicroTime => Self::Text,
            Form::Bool => Self::Truth,
            Form::Int32 | Form::Int64 => Self::Whole,
            Form::Float => Self::Number,
            Form::IntOrText => Self::NumberOrText,
            Form::Struct(_) | Form::Map(_) => Self::Map,
            Form::List(_) => Self::List,
            Form::Quantity | Form::Raw | Form::Any => return None,
        })
    }
}

/// Gives the object as the server holds it: what is null is not there, quantities are in their one normal form.
///
/// # Errors
/// When the server's decoder would not take it.
pub fn decode(node: &Node, shape: Shape, door: Door) -> Result<Node, Misfit> {
    if is_plain(shape, node) {
        return Ok(node.clone());
    }
    let mut object = node.clone();
    let mut decoder = Decoder { door, fits: true, strict: true, unknown: Vec::new(), first: None };
    decoder.fill(shape, &mut object, &Path::ROOT);
    if !decoder.fits {
        return Err(explain(node, shape, door));
    }
    match decoder.first {
        Some(at) => Err(Misfit { stage: Stage::StrictDecode, refusals: decoder.unknown, at, unfit: None }),
        None => Ok(object),
    }
}

/// Whether an object is what the server would hold already: each field is known and of its type, and nothing is null or
/// in another form.
/// So are nearly all; they need no copy.
fn is_plain(shape: Shape, node: &Node) -> bool {
    let Data::Map(map) = &node.data else { return false };
    map.iter().all(|(key, value)| {
        shape
            .field(&key.name)
            .is_some_and(|field| Itself::of(shape, field).is_none() && is_plain_value(&field.form, value))
    })
}

fn is_plain_value(form: &Form, node: &Node) -> bool {
    match (form, &node.data) {
        (_, Data::Null) => false,
        (Form::Struct(link), _) => link.shape().is_some_and(|shape| is_plain(shape, node)),
        (Form::List(inner), Data::List(items)) => items.iter().all(|item| is_plain_value(inner, item)),
        (Form::Map(inner), Data::Map(map)) => map.iter().all(|(_, value)| is_plain_value(inner, value)),
        (Form::Bytes, Data::Text(text)) => !text.contains(['\r', '\n']) && wrong_base64(text).is_none(),
        (Form::Quantity, _) => {
            Quantity::read(node).is_ok_and(|quantity| node.as_str().is_some_and(|said| quantity.to_string() == said))
        }
        _ => scalar_fits(form, node),
    }
}

/// The server names no more unknown fields than this.
const MOST_UNKNOWN: usize = 100;

/// The way that nearly all objects go: says that something does not fit, not what.
struct Decoder {
    door: Door,
    fits: bool,
    /// Whether fields that do not exist are refused; else they are dropped.
    strict: bool,
    unknown: Vec<Refusal>,
    first: Option<At>,
}

impl Decoder {
    fn fill(&mut self, shape: Shape, node: &mut Node, path: &Path<'_>) {
        let Data::Map(map) = &mut node.data else {
            self.fits = false;
            return;
        };
        let (mut nulls, mut strangers) = (false, false);
        for (key, value) in map.iter_mut() {
            match shape.field(&key.name) {
                None if self.strict => self.unknown(key, path),
                None => strangers = true,
                Some(_) if value.is_null() => nulls = true,
                Some(field) => match Itself::of(shape, field) {
                    Some(itself) => self.read_itself(itself, shape, value),
                    None => self.fit(&field.form, value, &path.child(field.name)),
                },
            }
        }
        if nulls {
            map.retain(|_, value| !value.is_null());
        }
        if strangers {
            map.retain(|key, _| shape.field(&key.name).is_some());
        }
    }

    /// A value that reads itself reads what is in it without being strict.
    fn read_itself(&mut self, itself: Itself, schema: Shape, node: &mut Node) {
        let strict = std::mem::replace(&mut self.strict, false);
        match (itself, &mut node.data) {
            (Itself::Dependencies, Data::Map(map)) => {
                for (_, value) in map.iter_mut() {
                    match &mut value.data {
                        Data::Map(_) => self.fill(schema, value, &Path::ROOT),
                        Data::List(items) => {
                            self.fits &= items.iter().all(|item| item.is_null() || item.as_str().is_some());
                        }
                        _ => value.data = Data::Null,
                    }
                }
            }
            (Itself::Dependencies, _) => self.fits = false,
            (_, Data::Map(_)) => self.fill(schema, node, &Path::ROOT),
            (Itself::SchemaOrBool, data) => self.fits &= matches!(data, Data::Bool(_)),
            (Itself::SchemaOrList, Data::List(items)) => {
                for item in items.iter_mut().filter(|item| !item.is_null()) {
                    self.fill(schema, item, &Path::ROOT);
                }
            }
            // As good as nothing.
            (Itself::SchemaOrList, data) => *data = Data::Null,
        }
        self.strict = strict;
    }

    fn unknown(&mut self, key: &Key, path: &Path<'_>) {
        self.first.get_or_insert(key.at);
        if self.unknown.len() < MOST_UNKNOWN {
            let field = path.child(&key.name).to_string();
            let detail = format!("unknown field \"{field}\"");
            self.unknown.push(Refusal { field, kind: "UnknownField", detail });
        }
    }

    fn fit(&mut self, form: &Form, node: &mut Node, path: &Path<'_>) {
        match (form, &mut node.data) {
            (Form::Struct(link), _) => match link.shape() {
                Some(shape) => self.fill(shape, node, path),
                None => debug_assert!(false, "every struct is among the shapes"),
            },
            (Form::List(inner), Data::List(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    if item.is_null() {
                        item.data = zero(inner);
                    } else {
                        self.fit(inner, item, &path.index(index));
                    }
                }
            }
            (Form::Map(inner), Data::Map(map)) => {
                for (key, value) in map.iter_mut() {
                    if value.is_null() {
                        value.data = zero(inner);
                    } else if self.door == Door::Patch {
                        self.fit(inner, value, path);
                    } else {
                        self.fit(inner, value, &path.child(&key.name));
                    }
                }
            }
            (Form::Bytes, Data::Text(text)) => {
                if text.contains(['\r', '\n']) {
                    *text = text.replace(['\r', '\n'], "").into();
                }
                self.fits &= wrong_base64(text).is_none();
            }
            (Form::Int32, Data::Int(value)) if self.door == Door::Patch => *value = wrapped(*value),
            (Form::Quantity, _) => match Quantity::read(node) {
                Ok(quantity) => {
                    let written = quantity.to_string();
                    if node.as_str() != Some(written.as_str()) {
                        node.data = Data::Text(written.into());
                    }
                }
                Err(_) => self.fits = false,
            },
            _ => self.fits &= scalar_fits(form, node),
        }
    }
}

/// Fields of a schema whose types have readers of their own (`UnmarshalJSON`,
/// apiextensions-apiserver/pkg/apis/apiextensions/v1).
#[derive(Clone, Copy)]
enum Itself {
    /// `JSONSchemaPropsOrBool`
    SchemaOrBool,
    /// `JSONSchemaPropsOrArray`
    SchemaOrList,
    /// A `JSONSchemaPropsOrStringArray` for each name.
    Dependencies,
}

impl Itself {
    fn of(shape: Shape, field: &Field) -> Option<Self> {
        if !matches!(field.form, Form::Any | Form::Map(_)) || shape.go_name() != "JSONSchemaProps" {
            return None;
        }
        match field.name {
            "additionalItems" | "additionalProperties" => Some(Self::SchemaOrBool),
            "items" => Some(Self::SchemaOrList),
            "dependencies" => Some(Self::Dependencies),
            _ => None,
        }
    }
}

/// The patch decoder takes the low 32 bits of what is too large.
#[expect(clippy::cast_possible_truncation, reason = "that is what the server does")]
fn wrapped(value: i64) -> i64 {
    i64::from(value as i32)
}

/// What null means where something must be: as an item of a list, as the value of a key.
fn zero(form: &Form) -> Data {
    match form {
        Form::Text | Form::Bytes => Data::Text("".into()),
        Form::Bool => Data::Bool(false),
        Form::Int32 | Form::Int64 | Form::Float | Form::IntOrText => Data::Int(0),
        Form::Quantity => Data::Text("0".into()),
        Form::Struct(_) => Data::Map(crate::value::Map::new()),
        Form::Time | Form::MicroTime | Form::Raw | Form::Any | Form::List(_) | Form::Map(_) => Data::Null,
    }
}

/// Whether a value that is neither struct, list, map nor quantity has the right type.
fn scalar_fits(form: &Form, node: &Node) -> bool {
    match (form, &node.data) {
        (Form::Text | Form::IntOrText, Data::Text(_))
        | (Form::Bool, Data::Bool(_))
        | (Form::Int64, Data::Int(_))
        | (Form::Float, Data::Int(_) | Data::Float(_))
        | (Form::Raw | Form::Any, _) => true,
        (Form::Int32 | Form::IntOrText, Data::Int(value)) => i32::try_from(*value).is_ok(),
        (Form::Bytes, Data::Text(text)) => wrong_base64(text).is_none(),
        (Form::Bytes, Data::List(items)) => {
            items.iter().all(|item| item.is_null() || item.as_int().is_some_and(|byte| u8::try_from(byte).is_ok()))
        }
        (Form::Time, Data::Text(text)) => is_time(text, false),
        (Form::MicroTime, Data::Text(text)) => is_time(text, true),
        _ => false,
    }
}

/// The first byte that base 64 cannot hold.
fn wrong_base64(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let body = bytes.len() - bytes.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let stray = bytes[..body].iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')));
    stray.or_else(|| (!bytes.len().is_multiple_of(4) || (body < bytes.len() && body % 4 < 2)).then_some(body))
}

/// RFC 3339, as Go reads it: `2026-01-31T23:59:59Z`, a fraction of a second, an offset.
pub(super) fn is_time(text: &str, micro: bool) -> bool {
    let number = |range: std::ops::Range<usize>, most: u32| {
        text.get(range)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|value| *value <= most)
    };
    let signs = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if !signs.iter().all(|(place, sign)| text.get(*place..*place + 1) == Some(*sign)) {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (number(0..4, 9999), number(5..7, 12), number(8..10, 31)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 31,
    };
    if month == 0
        || day == 0
        || day > longest
        || number(11..13, 23).is_none()
        || number(14..16, 59).is_none()
        || number(17..19, 59).is_none()
    {
        return false;
    }
    let rest = &text[19..];
    let fraction = rest.strip_prefix(['.', ',']).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    if (micro && fraction != 6) || (rest.starts_with(['.', ',']) && fraction == 0) {
        return false;
    }
    let zone = if fraction > 0 { &rest[fraction + 1..] } else { rest };
    zone == "Z" || {
        let start = text.len() - zone.len();
        zone.len() == 6
            && zone.starts_with(['+', '-'])
            && zone.get(3..4) == Some(":")
            && number(start + 1..start + 3, 24).is_some()
            && number(start + 4..start + 6, 60).is_some()
    }
}

/// What the server says to an object that does not fit. It reads keys in the order of their names and reports the first
/// value of the wrong type, unless a value that reads itself (a quantity, a time) stops it.
fn explain(node: &Node, shape: Shape, door: Door) -> Misfit {
    let mut explainer = Explainer { door, fields: Vec::new(), owner: shape.go_name(), first: None };
    let stopped = explainer.fill(shape, shape.go_name(), node);
    let Wrong { mut refusal, at, unfit } = match (stopped, explainer.first) {
        (Err(last), _) => *last,
        (Ok(()), Some(first)) => first,
        (Ok(()), None) => wrong(String::new(), String::new(), node.at),
    };
    if door == Door::Patch {
        refusal.field.clear();
    }
    Misfit { stage: Stage::Decode, refusals: vec![refusal], at, unfit }
}

/// From here on the decoder names embedded structs too, as if they were fields.
const NAMES_EMBEDDED: Version = Version::minor(35);

/// Where a decoder stumbles, and over what.
struct Wrong {
    refusal: Refusal,
    at: At,
    unfit: Option<Unfit>,
}

fn wrong(field: String, detail: String, at: At) -> Wrong {
    Wrong { refusal: Refusal { field, kind: "WrongType", detail }, at, unfit: None }
}

struct Explainer {
    door: Door,
    /// The way down, as decoders print it: without list indexes and map keys.
    fields: Vec<&'static str>,
    /// The struct whose field was entered last.
    owner: &'static str,
    first: Option<Wrong>,
}

impl Explainer {
    fn fill(&mut self, shape: Shape, go: &str, node: &Node) -> Result<(), Box<Wrong>> {
        if node.as_map().is_none() {
            self.mismatch(noun(node), go, Some(Sort::Map), node);
            return Ok(());
        }
        let mut entries: Vec<(&Key, &Node)> = node.entries().filter(|(_, value)| !value.is_null()).collect();
        entries.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        let (depth, owner) = (self.fields.len(), self.owner);
        for (key, value) in entries {
            let Some(field) = shape.field(&key.name) else { continue };
            self.enter(shape, field);
            match Itself::of(shape, field) {
                Some(itself) => self.read_itself(itself, shape, value)?,
                None => self.fit(&field.form, &field.go_type(), value)?,
            }
            self.fields.truncate(depth);
            self.owner = owner;
        }
        Ok(())
    }

    /// What is wrong in a value that reads itself stops the decoder.
    fn read_itself(&mut self, itself: Itself, schema: Shape, node: &Node) -> Result<(), Box<Wrong>> {
        let before = self.first.take();
        let read = match (itself, &node.data) {
            (Itself::Dependencies, Data::Map(map)) => {
                map.iter().map(|(_, value)| value).try_for_each(|value| match &value.data {
                    Data::Map(_) => self.fill(schema, schema.go_name(), value),
                    Data::List(_) => self.fit(&Form::List(Box::new(Form::Text)), "[]string", value),
                    _ => Ok(()),
                })
            }
            (Itself::Dependencies, _) => {
                self.mismatch(noun(node), "v1.JSONSchemaDependencies", Some(Sort::Map), node);
                self.first = before.or(self.first.take());
                return Ok(());
            }
            (_, Data::Map(_)) => self.fill(schema, schema.go_name(), node),
            (Itself::SchemaOrBool, Data::Bool(_) | Data::Null) => Ok(()),
            (Itself::SchemaOrBool, _) => {
                Err(Box::new(wrong(String::new(), "boolean or JSON schema expected".to_owned(), node.at)))
            }
            (Itself::SchemaOrList, Data::List(items)) => items
                .iter()
                .filter(|item| !item.is_null())
                .try_for_each(|item| self.fill(schema, schema.go_name(), item)),
            (Itself::SchemaOrList, _) => Ok(()),
        };
        let inner = read.err().or_else(|| self.first.take().map(Box::new));
        self.first = before;
        inner.map_or(Ok(()), Err)
    }

    fn enter(&mut self, shape: Shape, field: &'static Field) {
        if shape.version() >= NAMES_EMBEDDED {
            self.fields.extend(field.embedded.into_iter().flat_map(|structs| structs.split('.')));
        }
        self.fields.push(field.name);
        self.owner = shape.go_name();
    }

    fn fit(&mut self, form: &Form, go: &str, node: &Node) -> Result<(), Box<Wrong>> {
        match (form, &node.data) {
            (_, Data::Null) => {}
            (Form::Struct(link), _) => {
                if let Some(shape) = link.shape() {
                    self.fill(shape, go, node)?;
                }
            }
            (Form::List(inner), Data::List(items)) => {
                let go = go.strip_prefix("[]").map_or_else(|| inner.go_type(), str::to_owned);
                items.iter().try_for_each(|item| self.fit(inner, &go, item))?;
            }
            (Form::Map(inner), Data::Map(map)) => {
                let go = go
                    .strip_prefix("map[")
                    .and_then(|rest| rest.split_once(']'))
                    .map_or_else(|| inner.go_type(), |(_, go)| go.to_owned());
                let mut entries: Vec<(&Key, &Node)> = map.iter().collect();
                entries.sort_by(|a, b| a.0.name.cmp(&b.0.name));
                entries.iter().try_for_each(|(_, value)| self.fit(inner, &go, value))?;
            }
            (Form::Quantity, _) => {
                if let Err(error) = Quantity::read(node) {
                    return Err(Box::new(wrong(String::new(), error.to_string(), node.at)));
                }
            }
            _ if scalar_fits(form, node) => {}
            (Form::Int32, Data::Int(_)) if self.door == Door::Patch => {}
            (Form::Bytes, Data::Text(text)) => {
                let detail = format!("illegal base64 data at input byte {}", wrong_base64(text).unwrap_or_default());
                self.first.get_or_insert(wrong(String::new(), detail, node.at));
            }
            (Form::Time | Form::MicroTime, Data::Text(text)) => {
                let layout = if matches!(form, Form::Time) {
                    "2006-01-02T15:04:05Z07:00"
                } else {
                    "2006-01-02T15:04:05.000000Z07:00"
                };
                return Err(Box::new(wrong(
                    String::new(),
                    format!("parsing time \"{text}\" as \"{layout}\""),
                    node.at,
                )));
            }
            // What reads itself stops the decoder.
            (Form::Time | Form::MicroTime, _) => {
                return Err(Box::new(self.misfit(noun(node), "string", Sort::wanted(form), node)));
            }
            (Form::IntOrText, _) => {
                return Err(Box::new(self.misfit(&literal(node), "int32", Sort::wanted(form), node)));
            }
            (Form::Int32 | Form::Int64, _) => self.mismatch(&literal(node), go, Sort::wanted(form), node),
            _ => self.mismatch(noun(node), go, Sort::wanted(form), node),
        }
        Ok(())
    }

    fn mismatch(&mut self, value: &str, go: &str, must: Option<Sort>, node: &Node) {
        if self.first.is_none() {
            self.first = Some(self.misfit(value, go, must, node));
        }
    }

    fn misfit(&self, value: &str, go: &str, must: Option<Sort>, node: &Node) -> Wrong {
        let field = self.fields.join(".");
        let detail = format!("json: cannot unmarshal {value} into Go struct field {}.{field} of type {go}", self.owner);
        let unfit = must.map(|must| Unfit { is: Sort::of(node), must });
        Wrong { unfit, ..wrong(field, detail, node.at) }
    }
}

/// What a JSON decoder calls a value.
const fn noun(node: &Node) -> &'static str {
    match node.data {
        Data::Null => "null",
        Data::Bool(_) => "bool",
        Data::Int(_) | Data::Float(_) => "number",
        Data::Text(_) => "string",
        Data::List(_) => "array",
        Data::Map(_) => "object",
    }
}

/// The same where a number was wanted: then it says which one it got.
fn literal(node: &Node) -> String {
    match node.data {
        Data::Int(value) => format!("number {value}"),
        Data::Float(value) => format!("number {}", json::number(value)),
        _ => noun(node).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_and_times() {
        for text in ["", "YQ==", "YWI=", "YWJj", "++//"] {
            assert_eq!(wrong_base64(text), None, "{text}");
        }
        for text in ["YQ", "YQ=", "Y===", "Y!==", "=", "====", "YWJj=", "YQ==YQ=="] {
            assert!(wrong_base64(text).is_some(), "{text}");
        }
        for text in ["2024-02-29T23:59:59Z", "2023-01-01T00:00:00+02:00", "2023-01-01T00:00:00.5Z"] {
            assert!(is_time(text, false), "{text}");
        }
        for text in [
            "",
            "2023-02-29T00:00:00Z",
            "2023-01-01",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:00:00",
            "2023-01-01T00:00:00.Z",
        ] {
            assert!(!is_time(text, false), "{text}");
        }
        assert!(is_time("2023-01-01T00:00:00.000000Z", true) && !is_time("2023-01-01T00:00:00Z", true));
    }
}
