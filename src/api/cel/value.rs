//! The values of CEL: those an expression makes, and those it reads out of an object, which stay where they are until
//! they are looked at.

use super::Fault;
use crate::api::custom::schema::{ListType, Schema, Type};
use crate::k8s::base64;
use crate::k8s::ip::Range;
use crate::k8s::quantity::Quantity;
use crate::k8s::semver::Semver;
use crate::k8s::time::{self, Instant};
use crate::k8s::url::Url;
use crate::source::At;
use crate::value::{self, Data, Node, Text};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::OnceLock;

/// A value.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the type that CEL calls so")]
pub enum Value<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text),
    Bytes(Rc<[u8]>),
    List(List<'v>),
    Map(Map<'v>),
    /// Nanoseconds.
    Duration(i64),
    Time(Instant),
    Type(&'static str),
    Optional(Option<Rc<Value<'v>>>),
    Quantity(Rc<Quantity>),
    Url(Rc<Url>),
    Ip(IpAddr),
    Cidr(Range),
    Semver(Rc<Semver>),
    Format(&'static str),
    /// What came to nothing where it was made: so does whatever selects it.
    Failed(Rc<Fault>),
}

/// A list.
#[derive(Clone, Debug)]
pub enum List<'v> {
    /// One that the expression made.
    Made(Rc<Vec<Value<'v>>>),
    /// One of the object, with the schema of the list.
    Read(&'v [Node], &'v Schema),
}

/// A map.
#[derive(Clone, Debug)]
pub enum Map<'v> {
    /// One that the expression made.
    Made(Rc<BTreeMap<Key, Value<'v>>>),
    /// One of the object, with its schema; and whether it is a resource, which has some fields that no schema names.
    Read(&'v value::Map, &'v Schema, bool),
}

/// The key of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the type that CEL calls so")]
pub enum Key {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Text(Text),
}

impl Key {
    /// The key that a value is. Numbers are the same key whatever their type.
    ///
    /// # Errors
    /// When a value of that type is none.
    pub fn of(value: &Value<'_>) -> Result<Self, Fault> {
        Ok(match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Uint(value) => i64::try_from(*value).map_or(Self::Uint(*value), Self::Int),
            #[expect(clippy::cast_possible_truncation, reason = "it is whole")]
            Value::Double(value) if value.fract() == 0.0 && value.abs() < 9e18 => Self::Int(*value as i64),
            Value::Text(text) => Self::Text(text.clone()),
            other => return Err(Fault::said(format!("unsupported key type: {}", other.type_name()))),
        })
    }

    /// The value that it is.
    #[must_use]
    pub fn value<'v>(&self) -> Value<'v> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::Text(text) => Value::Text(text.clone()),
        }
    }
}

/// The schema of `metadata` as rules see it: they see two fields of it.
fn metadata_schema() -> &'static Schema {
    static MADE: OnceLock<Schema> = OnceLock::new();
    MADE.get_or_init(|| Schema::object(&["name", "generateName"]))
}

fn text_schema() -> &'static Schema {
    static MADE: OnceLock<Schema> = OnceLock::new();
    MADE.get_or_init(Schema::text)
}

/// A part of an object as a value (`UnstructuredToVal`).
///
/// # Errors
/// When it is not what its schema says.
pub fn read<'v>(node: &'v Node, schema: &'v Schema, is_resource: bool) -> Result<Value<'v>, Fault> {
    let wrong = |wanted: &str| Fault::said(format!("invalid data, expected {wanted}"));
    if node.is_null() {
        let fault = || Fault::said("invalid data, got null for schema with nullable=false".to_owned());
        return if schema.nullable { Ok(Value::Null) } else { Err(fault()) };
    }
    if schema.int_or_string {
        return match &node.data {
            Data::Text(text) => Ok(Value::Text(text.clone())),
            Data::Int(value) => Ok(Value::Int(*value)),
            _ => Err(wrong("XIntOrString value to be either a string or integer")),
        };
    }
    match (schema.only_type(), &node.data) {
        (Some(Type::Object), Data::Map(map)) => Ok(Value::Map(Map::Read(map, schema, is_resource || schema.embedded))),
        (Some(Type::Object), _) => Err(wrong("a map for the provided schema with type=object")),
        (Some(Type::Array), Data::List(items)) => Ok(Value::List(List::Read(items, schema))),
        (Some(Type::Array), _) => Err(wrong("an array for the provided schema with type=array")),
        (Some(Type::String), Data::Text(text)) => read_text(text, schema),
        (Some(Type::String), _) => Err(wrong("string")),
        #[expect(clippy::cast_precision_loss, reason = "numbers are floating point numbers to rules")]
        (Some(Type::Number), Data::Int(value)) => Ok(Value::Double(*value as f64)),
        (Some(Type::Number), Data::Float(value)) => Ok(Value::Double(*value)),
        (Some(Type::Number), _) => Err(wrong("float")),
        (Some(Type::Integer), Data::Int(value)) => Ok(Value::Int(*value)),
        (Some(Type::Integer), _) => Err(wrong("int")),
        (Some(Type::Boolean), Data::Bool(value)) => Ok(Value::Bool(*value)),
        (Some(Type::Boolean), _) => Err(wrong("bool")),
        // What no schema describes rules cannot see.
        (Some(Type::Unknown) | None, _) if schema.preserves => Ok(Value::Map(Map::Made(Rc::default()))),
        (Some(Type::Unknown) | None, _) => Err(Fault::said(
            "invalid type, expected object, array, number, integer, boolean or string, with no other type".to_owned(),
        )),
    }
}

/// Any value, by no schema: as policies see objects.
#[must_use]
pub fn plain<'v>(node: &Node) -> Value<'v> {
    match &node.data {
        Data::Null => Value::Null,
        Data::Bool(value) => Value::Bool(*value),
        Data::Int(value) => Value::Int(*value),
        Data::Float(value) => Value::Double(*value),
        Data::Text(text) => Value::Text(text.clone()),
        Data::List(items) => List::made(items.iter().map(plain).collect()),
        Data::Map(map) => {
            Map::made(map.iter().map(|(key, value)| (Key::Text(key.name.clone()), plain(value))).collect())
        }
    }
}

/// A value as a tree, as JSON has it; none of what JSON has no word for, nor of more than `left` parts: a value that
/// holds another one twice is small, and a tree of it is not.
#[must_use]
pub fn node(value: &Value<'_>, at: At, left: &mut usize) -> Option<Node> {
    *left = left.checked_sub(1)?;
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(value) => Data::Bool(*value),
        Value::Int(value) => Data::Int(*value),
        Value::Uint(value) => Data::Int(i64::try_from(*value).ok()?),
        Value::Double(value) => Data::number(*value),
        Value::Text(text) => Data::Text(text.clone()),
        Value::List(list) => {
            Data::List(list.all().ok()?.iter().map(|item| node(item, at, left)).collect::<Option<Vec<Node>>>()?)
        }
        Value::Map(map) => {
            let mut made = value::Map::new();
            for key in map.keys() {
                let Value::Text(name) = &key else { return None };
                made.put(name.clone(), node(&map.get(&key).ok()??, at, left)?);
            }
            Data::Map(made)
        }
        _ => return None,
    };
    Some(Node::new(data, at))
}

fn read_text<'v>(text: &Text, schema: &Schema) -> Result<Value<'v>, Fault> {
    let wrong = |what: &str| Fault::said(format!("Invalid {what} formatted string {text}"));
    Ok(match schema.format.as_deref() {
        Some("duration") => Value::Duration(time::lenient_duration(text).ok_or_else(|| wrong("duration"))?),
        Some("date") => Value::Time(time::date(text).ok_or_else(|| wrong("date"))?),
        Some("datetime") if text.is_empty() => Value::Time(Instant { seconds: 0, nanos: 0 }),
        Some("datetime") => Value::Time(time::point(text, false).ok_or_else(|| wrong("date-time"))?),
        Some("byte") => {
            Value::Bytes(base64::decode(&text.replace('-', "+").replace('_', "/")).ok_or_else(|| wrong("byte"))?.into())
        }
        _ => Value::Text(text.clone()),
    })
}

impl<'v> List<'v> {
    /// A list that an expression made.
    #[must_use]
    pub fn made(items: Vec<Value<'v>>) -> Value<'v> {
        Value::List(Self::Made(Rc::new(items)))
    }

    /// How many items it has.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Made(items) => items.len(),
            Self::Read(items, _) => items.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at a place.
    ///
    /// # Errors
    /// When there is none, or it is not what its schema says.
    pub fn get(&self, place: usize) -> Result<Value<'v>, Fault> {
        let outside = || Fault::said(format!("index out of bounds: {place}"));
        match self {
            Self::Made(items) => items.get(place).cloned().ok_or_else(outside),
            Self::Read(items, schema) => {
                let item = items.get(place).ok_or_else(outside)?;
                read(item, schema.items.as_deref().ok_or_else(outside)?, false)
            }
        }
    }

    /// All items.
    ///
    /// # Errors
    /// When one is not what its schema says.
    pub fn all(&self) -> Result<Vec<Value<'v>>, Fault> {
        (0..self.len()).map(|place| self.get(place)).collect()
    }

    /// How its items are told apart.
    #[must_use]
    pub fn list_type(&self) -> ListType {
        match self {
            Self::Made(_) => ListType::Atomic,
            Self::Read(_, schema) => schema.list_type,
        }
    }

    /// By which fields its items are told apart.
    fn keys(&self) -> &'v [Text] {
        match self {
            Self::Read(_, schema) if schema.list_type == ListType::Map => &schema.map_keys,
            _ => &[],
        }
    }
}

impl<'v> Map<'v> {
    /// A map that an expression made.
    #[must_use]
    pub fn made(entries: BTreeMap<Key, Value<'v>>) -> Value<'v> {
        Value::Map(Self::Made(Rc::new(entries)))
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Made(entries) => entries.len(),
            Self::Read(map, ..) => map.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a field, if it is there and rules can see it.
    ///
    /// # Errors
    /// When it is not what its schema says.
    pub fn field(&self, name: &str) -> Result<Option<Value<'v>>, Fault> {
        match self {
            Self::Made(entries) => Ok(entries.get(&Key::Text(name.into())).cloned()),
            Self::Read(map, schema, is_resource) => {
                let plain = unescaped(name);
                let name = if schema.values_schema().is_some() { name } else { plain.as_deref().unwrap_or(name) };
                Self::inner(map, schema, *is_resource, name)
            }
        }
    }

    /// The value of a key, if it is there.
    ///
    /// # Errors
    /// When it is not what its schema says, or no key.
    pub fn get(&self, key: &Value<'v>) -> Result<Option<Value<'v>>, Fault> {
        match (self, key) {
            (Self::Made(entries), key) => Ok(entries.get(&Key::of(key)?).cloned()),
            (Self::Read(map, schema, is_resource), Value::Text(name)) => Self::inner(map, schema, *is_resource, name),
            (Self::Read(..), _) => Ok(None),
        }
    }

    fn inner(
        map: &'v value::Map,
        schema: &'v Schema,
        is_resource: bool,
        name: &str,
    ) -> Result<Option<Value<'v>>, Fault> {
        let Some(node) = map.get(name) else { return Ok(None) };
        let known = match name {
            "apiVersion" | "kind" if is_resource => Some(text_schema()),
            "metadata" if is_resource => Some(metadata_schema()),
            name => schema.field(name),
        };
        known.map(|known| read(node, known, false)).transpose()
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> Vec<Value<'v>> {
        match self {
            Self::Made(entries) => entries.keys().map(Key::value).collect(),
            Self::Read(map, ..) => map.iter().map(|(key, _)| Value::Text(key.name.clone())).collect(),
        }
    }
}

/// The name of a field that a rule can only write escaped: `__dot__`, `__dash__`, `__namespace__` …
#[must_use]
pub fn unescaped(name: &str) -> Option<String> {
    if !name.contains("__") {
        return None;
    }
    if let Some(word) = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"))
        && super::is_keyword(word)
    {
        return Some(word.to_owned());
    }
    let mut plain = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("__") {
        plain.push_str(before);
        let (word, after) = after.split_once("__").unwrap_or((after, ""));
        match word {
            "underscores" => plain.push_str("__"),
            "dot" => plain.push('.'),
            "dash" => plain.push('-'),
            "slash" => plain.push('/'),
            _ => return None,
        }
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

impl Value<'_> {
    /// A text.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// A number of things.
    #[must_use]
    pub fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// What may be there.
    #[must_use]
    pub fn maybe(value: Option<Self>) -> Self {
        Self::Optional(value.map(Rc::new))
    }

    /// The name of its type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Time(_) => "google.protobuf.Timestamp",
            Self::Type(_) => "type",
            Self::Optional(_) => "optional_type",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Url(_) => "kubernetes.URL",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
            Self::Failed(_) => "error",
        }
    }

    /// How large it is, as costs are counted.
    #[must_use]
    pub fn size(&self) -> u64 {
        let size = match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(list) => list.len(),
            Self::Map(map) => map.len(),
            _ => 1,
        };
        size as u64
    }

    /// Whether two values are the same. Numbers are compared whatever their types; values of other types are never the
    /// same. Steps are counted in `left`.
    ///
    /// # Errors
    /// When it takes too many steps, or a part is not what its schema says.
    pub fn equals(&self, other: &Self, left: &mut u64) -> Result<bool, Fault> {
        *left = left.checked_sub(1).ok_or(Fault::Costly)?;
        Ok(match (self, other) {
            (Self::Null, Self::Null) | (Self::Optional(None), Self::Optional(None)) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Type(a), Self::Type(b)) | (Self::Format(a), Self::Format(b)) => a == b,
            (Self::Quantity(a), Self::Quantity(b)) => a == b,
            (Self::Url(a), Self::Url(b)) => a.written == b.written,
            (Self::Ip(a), Self::Ip(b)) => a == b,
            (Self::Cidr(a), Self::Cidr(b)) => a == b,
            (Self::Semver(a), Self::Semver(b)) => a.cmp(b) == Ordering::Equal,
            (Self::Optional(Some(a)), Self::Optional(Some(b))) => a.equals(b, left)?,
            (Self::List(a), Self::List(b)) => a.equals(b, left)?,
            (Self::Map(a), Self::Map(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for key in a.keys() {
                    let (Some(one), Some(other)) = (a.get(&key)?, b.get(&key)?) else { return Ok(false) };
                    if !one.equals(&other, left)? {
                        return Ok(false);
                    }
                }
                true
            }
            (a, b) => a.number_order(b) == Some(Ordering::Equal),
        })
    }

    /// How two numbers stand to each other, whatever their types.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "as CEL compares them")]
    pub fn number_order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Uint(a), Self::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Double(a), Self::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Int(a), Self::Double(b)) => (*a as f64).partial_cmp(b),
            (Self::Double(a), Self::Uint(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Uint(a), Self::Double(b)) => (*a as f64).partial_cmp(b),
            _ => None,
        }
    }

    /// How two values stand to each other; `None` where values of their types do not.
    #[must_use]
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (a, b) => a.number_order(b),
        }
    }
}

impl<'v> List<'v> {
    fn equals(&self, other: &Self, left: &mut u64) -> Result<bool, Fault> {
        if self.len() != other.len() {
            return Ok(false);
        }
        let own = self.list_type();
        let kind = if own == ListType::Atomic { other.list_type() } else { own };
        if kind == ListType::Atomic {
            for place in 0..self.len() {
                if !self.get(place)?.equals(&other.get(place)?, left)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let keys = if self.keys().is_empty() { other.keys() } else { self.keys() };
        let others = other.all()?;
        for item in self.all()? {
            let mut found = false;
            for other in &others {
                if is_same_item(&item, other, keys, left)? && item.equals(other, left)? {
                    found = true;
                    break;
                }
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The items of both; of sets each once, and of lists whose items have keys those of the other in the place of its
    /// own.
    ///
    /// # Errors
    /// When it takes too many steps, or a part is not what its schema says.
    pub fn joined(&self, other: &Self, left: &mut u64) -> Result<Value<'v>, Fault> {
        let mut items = self.all()?;
        *left = left.checked_sub((items.len() + other.len()) as u64 / 10).ok_or(Fault::Costly)?;
        if self.list_type() == ListType::Atomic {
            items.extend(other.all()?);
            return Ok(Self::made(items));
        }
        for item in other.all()? {
            let mut place = None;
            for (index, own) in items.iter().enumerate() {
                if is_same_item(own, &item, self.keys(), left)? {
                    place = Some(index);
                    break;
                }
            }
            match place {
                Some(place) => items[place] = item,
                None => items.push(item),
            }
        }
        Ok(Self::made(items))
    }
}

/// Whether two items of a set, or of a list whose items have keys, are one.
fn is_same_item<'v>(one: &Value<'v>, other: &Value<'v>, keys: &[Text], left: &mut u64) -> Result<bool, Fault> {
    if keys.is_empty() {
        return one.equals(other, left);
    }
    let (Value::Map(one), Value::Map(other)) = (one, other) else { return Ok(false) };
    for key in keys {
        let key = Value::Text(key.clone());
        match (one.get(&key)?, other.get(&key)?) {
            (None, None) => {}
            (Some(one), Some(other)) if one.equals(&other, left)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}
