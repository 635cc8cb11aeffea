//! The schema of a custom kind as the API server holds it: structural OpenAPI, read once. Judges nothing.

use super::pattern::Pattern;
use super::rule::Rule;
use crate::source::At;
use crate::value::{Data, Node, Text};
use std::collections::BTreeMap;

/// What a schema says of a value, and of what is inside it.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the schema")]
pub struct Schema {
    /// The types that a value may have; empty where nothing is said. Two for `x-kubernetes-int-or-string`.
    pub types: Vec<Type>,
    /// `format`, where the server knows it for that type; without its dashes.
    pub format: Option<Text>,
    /// `format` as it was written.
    pub written_format: Text,
    /// `nullable`
    pub nullable: bool,
    /// `default`
    pub default: Option<Node>,
    /// `enum`
    pub values: Vec<Node>,
    /// `minimum`, and whether the value itself is out of it.
    pub minimum: Option<(f64, bool)>,
    /// `maximum`, and whether the value itself is out of it.
    pub maximum: Option<(f64, bool)>,
    /// `multipleOf`
    pub multiple_of: Option<f64>,
    /// `minLength`
    pub min_length: Option<i64>,
    /// `maxLength`
    pub max_length: Option<i64>,
    /// `pattern`
    pub pattern: Option<Pattern>,
    /// `minItems`
    pub min_items: Option<i64>,
    /// `maxItems`
    pub max_items: Option<i64>,
    /// `uniqueItems`
    pub unique_items: bool,
    /// `minProperties`
    pub min_properties: Option<i64>,
    /// `maxProperties`
    pub max_properties: Option<i64>,
    /// `required`
    pub required: Vec<Text>,
    /// `properties`, in the order in which they were written.
    pub properties: Vec<(Text, Schema)>,
    index: BTreeMap<Text, usize>,
    /// `additionalProperties`
    pub additional: Option<Additional>,
    /// `items`
    pub items: Option<Box<Schema>>,
    /// `allOf`
    pub all_of: Vec<Schema>,
    /// `anyOf`
    pub any_of: Vec<Schema>,
    /// `oneOf`
    pub one_of: Vec<Schema>,
    /// `not`
    pub not: Option<Box<Schema>>,
    /// `x-kubernetes-preserve-unknown-fields`
    pub preserves: bool,
    /// `x-kubernetes-embedded-resource`
    pub embedded: bool,
    /// `x-kubernetes-int-or-string`
    pub int_or_string: bool,
    /// `x-kubernetes-list-type`
    pub list_type: ListType,
    /// `x-kubernetes-list-map-keys`
    pub map_keys: Vec<Text>,
    /// `x-kubernetes-map-type: atomic`
    pub is_atomic: bool,
    /// `x-kubernetes-validations`
    pub rules: Vec<Rule>,
    /// Whether there are rules here or anywhere inside.
    pub has_rules: bool,
}

/// A type of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `object`
    Object,
    /// `array`
    Array,
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
    /// A word that is none of these; nothing is of that type.
    Unknown,
}

/// What fields may be there that `properties` does not name.
#[derive(Debug)]
pub enum Additional {
    /// Any, or none.
    Any(bool),
    /// Those of a schema.
    Of(Box<Schema>),
}

/// How the items of a list are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListType {
    /// By their place.
    #[default]
    Atomic,
    /// By what they are.
    Set,
    /// By some of their fields.
    Map,
}

impl Type {
    fn read(word: &str) -> Self {
        match word {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => Self::Unknown,
        }
    }

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Unknown => "",
        }
    }
}

/// Formats of texts that the server checks, without their dashes.
pub const FORMATS: [&str; 24] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
];

/// Those that have dashes in their own names: who asks whether a format is known looks for them without, and does not
/// find them.
const FORMATS_OF_KUBERNETES: [&str; 2] = ["k8sshortname", "k8slongname"];

impl Schema {
    /// The schema that `openAPIV3Schema` holds, or one inside it.
    #[must_use]
    pub fn read(node: &Node) -> Self {
        let flag = |key: &str| node.get(key).and_then(Node::as_bool).unwrap_or(false);
        let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
        let count = |key: &str| node.get(key).and_then(Node::as_int);
        let number = |key: &str| match node.get(key).map(|value| &value.data) {
            #[expect(clippy::cast_precision_loss, reason = "the server holds bounds as floating point numbers too")]
            Some(Data::Int(value)) => Some(*value as f64),
            Some(Data::Float(value)) => Some(*value),
            _ => None,
        };
        let each = |key: &str| node.get(key).and_then(Node::as_list).unwrap_or_default().iter();
        let texts = |key: &str| each(key).filter_map(Node::as_str).map(Text::new).collect::<Vec<_>>();
        let schemas = |key: &str| each(key).map(Self::read).collect::<Vec<_>>();
        let inner =
            |key: &str| node.get(key).filter(|inner| inner.as_map().is_some()).map(|inner| Box::new(Self::read(inner)));
        let int_or_string = flag("x-kubernetes-int-or-string");
        let types = match text("type") {
            _ if int_or_string => vec![Type::Integer, Type::String],
            "" => Vec::new(),
            word => vec![Type::read(word)],
        };
        let properties: Vec<(Text, Self)> = node
            .get("properties")
            .into_iter()
            .flat_map(Node::entries)
            .map(|(key, inner)| (key.name.clone(), Self::read(inner)))
            .collect();
        let pattern = text("pattern");
        let mut schema = Self {
            format: known_format(&types, text("format")),
            written_format: text("format").into(),
            types,
            nullable: flag("nullable"),
            default: node.get("default").filter(|default| !default.is_null()).cloned(),
            values: each("enum").cloned().collect(),
            minimum: number("minimum").map(|bound| (bound, flag("exclusiveMinimum"))),
            maximum: number("maximum").map(|bound| (bound, flag("exclusiveMaximum"))),
            multiple_of: number("multipleOf"),
            min_length: count("minLength"),
            max_length: count("maxLength"),
            pattern: (!pattern.is_empty()).then(|| Pattern::new(pattern)),
            min_items: count("minItems"),
            max_items: count("maxItems"),
            unique_items: flag("uniqueItems"),
            min_properties: count("minProperties"),
            max_properties: count("maxProperties"),
            required: texts("required"),
            index: properties.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect(),
            properties,
            additional: match node.get("additionalProperties").map(|additional| &additional.data) {
                Some(Data::Bool(any)) => Some(Additional::Any(*any)),
                Some(Data::Map(_)) => inner("additionalProperties").map(Additional::Of),
                _ => None,
            },
            items: inner("items"),
            all_of: schemas("allOf"),
            any_of: schemas("anyOf"),
            one_of: schemas("oneOf"),
            not: inner("not"),
            preserves: flag("x-kubernetes-preserve-unknown-fields"),
            embedded: flag("x-kubernetes-embedded-resource"),
            int_or_string,
            is_atomic: text("x-kubernetes-map-type") == "atomic",
            list_type: match text("x-kubernetes-list-type") {
                "set" => ListType::Set,
                "map" => ListType::Map,
                _ => ListType::Atomic,
            },
            map_keys: texts("x-kubernetes-list-map-keys"),
            rules: each("x-kubernetes-validations").map(Rule::read).collect(),
            has_rules: false,
        };
        schema.has_rules = !schema.rules.is_empty() || schema.within().any(|inner| inner.has_rules);
        schema
    }

    fn within(&self) -> impl Iterator<Item = &Self> {
        let properties = self.properties.iter().map(|(_, inner)| inner);
        properties.chain(self.values_schema()).chain(self.items.as_deref())
    }

    /// The schema of a field that `properties` names.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Self> {
        let place = self.index.get(name)?;
        self.properties.get(*place).map(|(_, schema)| schema)
    }

    /// The schema of fields that `properties` does not name.
    #[must_use]
    pub fn values_schema(&self) -> Option<&Self> {
        match &self.additional {
            Some(Additional::Of(inner)) => Some(inner),
            _ => None,
        }
    }

    /// The schema of any field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.property(name).or_else(|| self.values_schema())
    }

    /// Its one type, where it has one.
    #[must_use]
    pub fn only_type(&self) -> Option<Type> {
        match self.types[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The place of the default, to tell what was filled in.
    #[must_use]
    pub fn default_at(&self, at: At) -> Option<Node> {
        self.default.as_ref().map(|default| placed(default, at))
    }
}

/// A value, all of it at one place.
fn placed(node: &Node, at: At) -> Node {
    let data = match &node.data {
        Data::List(items) => Data::List(items.iter().map(|item| placed(item, at)).collect()),
        Data::Map(map) => Data::Map(
            map.iter()
                .map(|(key, value)| (crate::value::Key { name: key.name.clone(), at }, placed(value, at)))
                .collect(),
        ),
        other => other.clone(),
    };
    Node::new(data, at)
}

/// A format that the server knows for such values; it passes over others.
fn known_format(types: &[Type], written: &str) -> Option<Text> {
    let plain = written.replace('-', "");
    let known = match types {
        [] | [Type::String] => FORMATS.contains(&plain.as_str()) || FORMATS_OF_KUBERNETES.contains(&plain.as_str()),
        [Type::Integer] => ["int32", "int64"].contains(&written),
        [Type::Number] => ["float", "double"].contains(&written),
        _ => false,
    };
    known.then(|| plain.into())
}

impl Schema {
    /// The schema of a text.
    #[must_use]
    pub fn text() -> Self {
        Self { types: vec![Type::String], ..Self::default() }
    }

    /// The schema of a map with some fields, each a text.
    #[must_use]
    pub fn object(fields: &[&'static str]) -> Self {
        Self {
            types: vec![Type::Object],
            properties: fields.iter().map(|name| (Text::new_static(name), Self::text())).collect(),
            index: fields.iter().enumerate().map(|(place, name)| (Text::new_static(name), place)).collect(),
            ..Self::default()
        }
    }
}
