//! Custom resources: what the API server says to them, from the schemas of the CustomResourceDefinitions that users give.
//! Knows no kind of its own, and no rule in CEL (`x-kubernetes-validations`).

use super::retired::{self, Absence};
use super::shape;
use super::version::Version;
use crate::json::from_node;
use crate::value::Node;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

/// The custom kinds that are known.
#[derive(Clone, Debug, Default)]
pub struct Customs {
    kinds: Vec<Arc<Custom>>,
}

/// Whether only a CustomResourceDefinition, or another server behind the API server, can know the kind: its group is none that Kubernetes
/// itself serves, or ever served.
#[must_use]
pub fn is_custom(api_version: &str, kind: &str) -> bool {
    static SERVED: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    let Some((group, _)) = api_version.split_once('/').filter(|(group, _)| group.contains('.')) else { return false };
    let served = SERVED.get_or_init(|| {
        Version::all().flat_map(shape::kinds).filter_map(|known| known.api_version.split_once('/')).map(|(group, _)| group).collect()
    });
    !served.contains(group) && !matches!(retired::absence(api_version, kind, Version::NEWEST), Some(Absence::Gone { .. }))
}

#[derive(Debug)]
struct Custom {
    group: String,
    kind: String,
    namespaced: bool,
    versions: Vec<Served>,
}

#[derive(Debug)]
struct Served {
    name: String,
    schema: Option<Node>,
    /// Made when the first resource of the version is judged; nothing inside when its schema cannot be read.
    validator: OnceLock<Option<Validator>>,
}

/// One thing that is wrong with a custom resource, in the API server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `spec.servers[0].port`
    pub path: String,
    /// `FieldValueRequired`, …, `UnknownField`, `NoMatch`.
    pub kind: &'static str,
    /// The server's detail.
    pub message: String,
}

impl Customs {
    /// Takes the kinds out of CustomResourceDefinitions; passes over everything else.
    pub fn from_crds<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> Self {
        Self::default().with(nodes)
    }

    /// None at all.
    #[must_use]
    pub const fn none() -> Self {
        Self { kinds: Vec::new() }
    }

    /// These kinds, and those that some nodes define: they come first.
    #[must_use]
    pub fn with<'n>(&self, nodes: impl IntoIterator<Item = &'n Node>) -> Self {
        let fresh = nodes.into_iter().filter_map(Custom::read).map(Arc::new);
        Self { kinds: fresh.chain(self.kinds.iter().cloned()).collect() }
    }

    /// These kinds and others; the others come first.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self { kinds: others.kinds.iter().chain(&self.kinds).cloned().collect() }
    }

    /// Whether the kind is defined here.
    #[must_use]
    pub fn has(&self, api_version: &str, kind: &str) -> bool {
        self.find(api_version, kind).is_some()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether a custom kind lives in a namespace; `None` if it is not known.
    #[must_use]
    pub fn namespaced(&self, api_version: &str, kind: &str) -> Option<bool> {
        self.find(api_version, kind).map(|(custom, _)| custom.namespaced)
    }

    /// What is wrong with a resource. `None` if no definition of its kind was given, so that nobody can say.
    #[must_use]
    pub fn judge(&self, node: &Node) -> Option<Vec<Fault>> {
        let text = |key| node.get(key).and_then(Node::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let (custom, version) = self.find(api_version, kind)?;
        let Some(served) = custom.versions.iter().find(|served| served.name == version) else {
            let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
            return Some(vec![Fault { path: String::new(), kind: "NoMatch", message }]);
        };
        Some(served.judge(node))
    }

    fn find<'a>(&self, api_version: &'a str, kind: &str) -> Option<(&Arc<Custom>, &'a str)> {
        let (group, version) = api_version.split_once('/')?;
        self.kinds.iter().find(|custom| custom.group == group && custom.kind == kind).map(|custom| (custom, version))
    }
}

impl Custom {
    fn read(node: &Node) -> Option<Self> {
        let text = |path: &[&str]| node.find(path).and_then(Node::as_str);
        if text(&["kind"])? != "CustomResourceDefinition" || !text(&["apiVersion"])?.starts_with("apiextensions.k8s.io/") {
            return None;
        }
        let served = |version: &&Node| version.get("served").and_then(Node::as_bool).unwrap_or(true);
        Some(Self {
            group: text(&["spec", "group"])?.to_owned(),
            kind: text(&["spec", "names", "kind"])?.to_owned(),
            namespaced: text(&["spec", "scope"])? == "Namespaced",
            versions: node.find(&["spec", "versions"])?.items().filter(served).filter_map(Served::read).collect(),
        })
    }
}

impl Served {
    fn read(version: &Node) -> Option<Self> {
        let name = version.get("name")?.as_str()?.to_owned();
        Some(Self { name, schema: version.find(&["schema", "openAPIV3Schema"]).cloned(), validator: OnceLock::new() })
    }

    fn judge(&self, node: &Node) -> Vec<Fault> {
        let Some(validator) = self.validator.get_or_init(|| validator(self.schema.as_ref()?)) else { return Vec::new() };
        let value = from_node(node);
        let (unknown, other): (Vec<Fault>, Vec<Fault>) =
            validator.iter_errors(&value).flat_map(|error| faults(&error)).partition(|fault| fault.kind == "UnknownField");
        // Unknown fields stop the server before it looks at any value.
        if unknown.is_empty() { other } else { unknown }
    }
}

/// What is wrong with a value by a schema that stands somewhere within that of a resource.
#[must_use]
pub fn misfits(schema: &Node, value: &Node) -> Vec<Fault> {
    let Some(validator) = value_validator(structural(&from_node(schema), false)) else { return Vec::new() };
    let value = from_node(value);
    validator.iter_errors(&value).flat_map(|error| faults(&error)).collect()
}

/// Whether a text is a regular expression to the server. Its engine takes a brace that counts nothing, and a bracket among letters, as they are.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut among = false;
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => {
                plain.push(letter);
                plain.extend(rest.next());
                continue;
            }
            '{' if !among => {
                let bounds: String = rest.clone().take_while(|letter| *letter != '}').collect();
                let (least, most) = bounds.split_once(',').unwrap_or((&bounds, ""));
                let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                let counts = !least.is_empty() && is_number(least) && is_number(most);
                if counts && [least, most].iter().any(|bound| bound.parse::<u32>().is_ok_and(|bound| bound > 1000)) {
                    return false;
                }
                if !counts {
                    plain.push('\\');
                }
            }
            '[' if among && rest.peek() != Some(&':') => plain.push('\\'),
            '&' | '~' | '-' if among && rest.peek() == Some(&letter) => plain.push('\\'),
            '[' if !among => {
                among = true;
                plain.push('[');
                for first in ['^', ']'] {
                    if rest.next_if_eq(&first).is_some() {
                        plain.extend((first == ']').then_some('\\'));
                        plain.push(first);
                    }
                }
                continue;
            }
            '[' => {
                for letter in std::iter::once(letter).chain(rest.by_ref()) {
                    plain.push(letter);
                    if letter == ']' {
                        break;
                    }
                }
                continue;
            }
            ']' => among = false,
            _ => {}
        }
        plain.push(letter);
    }
    plain_validator(&json!({ "pattern": plain })).is_some()
}

/// The schema as a validator; without its patterns if the engine does not take one of them.
fn validator(schema: &Node) -> Option<Validator> {
    value_validator(structural(&from_node(schema), true))
}

fn plain_validator(schema: &Value) -> Option<Validator> {
    jsonschema::options()
        .with_draft(Draft::Draft4)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .ok()
}

fn value_validator(mut schema: Value) -> Option<Validator> {
    plain_validator(&schema).or_else(|| {
        drop_patterns(&mut schema);
        plain_validator(&schema)
    })
}

/// From OpenAPI v3 with Kubernetes' extensions to plain JSON Schema, in which fields that the server would prune are not allowed.
fn structural(schema: &Value, is_resource: bool) -> Value {
    let Some(map) = schema.as_object() else { return schema.clone() };
    let is = |key: &str| map.get(key).and_then(Value::as_bool).unwrap_or(false);
    let mut plain = values_only(map);
    if is("x-kubernetes-int-or-string") {
        plain.remove("anyOf");
        plain.insert("type".into(), json!(["integer", "string"]));
    }
    if is("nullable") || map.contains_key("default") {
        allow_null(&mut plain);
    }
    if let Some(items) = map.get("items") {
        plain.insert("items".into(), structural(items, false));
    }
    let mut properties: Map<String, Value> = Map::new();
    for (name, inner) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
        properties.insert(name.clone(), structural(inner, false));
    }
    let embedded = is_resource || is("x-kubernetes-embedded-resource");
    if embedded {
        for (name, kind) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
            properties.insert(name.into(), json!({ "type": kind }));
        }
    }
    match map.get("additionalProperties") {
        Some(Value::Bool(true)) => {}
        Some(inner @ Value::Object(_)) => drop(plain.insert("additionalProperties".into(), structural(inner, false))),
        _ if is("x-kubernetes-preserve-unknown-fields") => {}
        _ if map.get("type").and_then(Value::as_str) == Some("object") || embedded => {
            plain.insert("additionalProperties".into(), Value::Bool(false));
        }
        _ => {}
    }
    if !properties.is_empty() {
        plain.insert("properties".into(), Value::Object(properties));
    }
    Value::Object(plain)
}

/// The keywords that judge a value by itself.
fn values_only(map: &Map<String, Value>) -> Map<String, Value> {
    const KEPT: [&str; 22] = [
        "allOf",
        "anyOf",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "required",
        "type",
        "uniqueItems",
        "properties",
        "items",
    ];
    const FORMATS: [&str; 3] = ["date-time", "ipv4", "ipv6"];
    let mut plain: Map<String, Value> =
        map.iter().filter(|(key, _)| KEPT.contains(&key.as_str())).map(|(key, value)| (key.clone(), value.clone())).collect();
    match map.get("format").and_then(Value::as_str) {
        Some("int32") => {
            plain.entry("minimum").or_insert(json!(i32::MIN));
            plain.entry("maximum").or_insert(json!(i32::MAX));
        }
        Some(format) if FORMATS.contains(&format) => drop(plain.insert("format".into(), format.into())),
        _ => {}
    }
    plain
}

/// A null is nothing where null is allowed or a default stands ready.
fn allow_null(schema: &mut Map<String, Value>) {
    match schema.get_mut("type") {
        Some(Value::Array(kinds)) => kinds.push("null".into()),
        Some(kind) => *kind = json!([kind.take(), "null"]),
        None => {}
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}

fn drop_patterns(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("pattern").is_some_and(Value::is_string) {
                map.remove("pattern");
            }
            map.values_mut().for_each(drop_patterns);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_patterns),
        _ => {}
    }
}

/// An error of the engine in the words of the server.
fn faults(error: &ValidationError<'_>) -> Vec<Fault> {
    let path = server_path(error);
    let fault = |kind, message: String| vec![Fault { path: path.clone(), kind, message }];
    let within = if path.is_empty() { "in body".to_owned() } else { format!("{path} in body") };
    let child = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| {
                let path = child(name);
                Fault { message: format!("unknown field \"{path}\""), path, kind: "UnknownField" }
            })
            .collect(),
        ValidationErrorKind::Required { property } => {
            vec![Fault { path: child(property.as_str().unwrap_or_default()), kind: "FieldValueRequired", message: String::new() }]
        }
        ValidationErrorKind::Enum { options } => {
            let known: Vec<String> =
                options.as_array().into_iter().flatten().filter(|value| !value.is_null()).map(Value::to_string).collect();
            fault("FieldValueNotSupported", format!("supported values: {}", known.join(", ")))
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = type_names(kind);
            let got = json_noun(error.instance());
            fault("FieldValueTypeInvalid", format!("{within} must be of type {wanted}: \"{got}\""))
        }
        ValidationErrorKind::MaxLength { limit } => fault("FieldValueTooLong", format!("may not be more than {limit} bytes")),
        ValidationErrorKind::MaxItems { limit } => fault("FieldValueTooMany", format!("must have at most {limit} items")),
        ValidationErrorKind::MinLength { limit } => fault("FieldValueInvalid", format!("{within} should be at least {limit} chars long")),
        ValidationErrorKind::MinItems { limit } => fault("FieldValueInvalid", format!("{within} should have at least {limit} items")),
        ValidationErrorKind::Minimum { limit } => {
            fault("FieldValueInvalid", format!("{within} should be greater than or equal to {limit}"))
        }
        ValidationErrorKind::Maximum { limit } => fault("FieldValueInvalid", format!("{within} should be less than or equal to {limit}")),
        ValidationErrorKind::Pattern { pattern } => fault("FieldValueInvalid", format!("{within} should match '{pattern}'")),
        _ => fault("FieldValueInvalid", error.to_string()),
    }
}

fn type_names(kind: &jsonschema::error::TypeKind) -> String {
    use jsonschema::error::TypeKind;
    match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => {
            let names: Vec<String> = kinds.iter().map(|kind| kind.to_string()).filter(|kind| kind != "null").collect();
            names.join(" or ")
        }
    }
}

fn json_noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn server_path(error: &ValidationError<'_>) -> String {
    let mut path = String::new();
    for segment in error.instance_path() {
        match segment {
            LocationSegment::Index(index) => _ = write!(path, "[{index}]"),
            LocationSegment::Property(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&name);
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;
    use crate::yaml::{parts, read_part};

    fn read(text: &str) -> Node {
        let mut sources = Sources::default();
        let id = sources.add("t", text);
        read_part(id, text, parts(text)[0], &mut Diagnostics::default()).flatten().unwrap()
    }

    const WIDGETS: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, format: int32, minimum: 1, exclusiveMinimum: true}
              mode: {type: string, enum: [fast, slow]}
              port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
              note: {type: string, nullable: true, pattern: '^[a-z]+$'}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              labels: {type: object, additionalProperties: {type: string}}
              parts:
                type: array
                maxItems: 2
                items: {type: object, properties: {name: {type: string, maxLength: 3}}}
";

    fn judged(spec: &str) -> Option<Vec<(String, &'static str)>> {
        let customs = Customs::from_crds([&read(WIDGETS)]);
        let node = read(&format!("{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: a}}, {spec}}}"));
        Some(customs.judge(&node)?.into_iter().map(|fault| (fault.path, fault.kind)).collect())
    }

    #[test]
    fn good_resources() {
        for spec in [
            "spec: {size: 2}",
            "spec: {size: 2, mode: slow, port: http, note: null}",
            "spec: {size: 3, port: 80, free: {a: {b: 1}}, labels: {a: b}, parts: [{name: abc}, {}]}",
        ] {
            assert_eq!(judged(spec), Some(vec![]), "{spec}");
        }
    }

    #[test]
    fn bad_resources() {
        for (spec, path, kind) in [
            ("status: {}", "status", "UnknownField"),
            ("spec: {size: 2, colour: red}", "spec.colour", "UnknownField"),
            ("spec: {size: 2, parts: [{}, {nam: a}]}", "spec.parts[1].nam", "UnknownField"),
            ("spec: {}", "spec.size", "FieldValueRequired"),
            ("spec: {size: a}", "spec.size", "FieldValueTypeInvalid"),
            ("spec: {size: 1}", "spec.size", "FieldValueInvalid"),
            ("spec: {size: 3000000000}", "spec.size", "FieldValueInvalid"),
            ("spec: {size: 2, mode: medium}", "spec.mode", "FieldValueNotSupported"),
            ("spec: {size: 2, port: true}", "spec.port", "FieldValueTypeInvalid"),
            ("spec: {size: 2, note: A}", "spec.note", "FieldValueInvalid"),
            ("spec: {size: 2, labels: {a: 1}}", "spec.labels.a", "FieldValueTypeInvalid"),
            ("spec: {size: 2, parts: [{name: abcd}]}", "spec.parts[0].name", "FieldValueTooLong"),
            ("spec: {size: 2, parts: [{}, {}, {}]}", "spec.parts", "FieldValueTooMany"),
        ] {
            assert_eq!(judged(spec), Some(vec![(path.to_owned(), kind)]), "{spec}");
        }
    }

    #[test]
    fn strangers_are_not_judged() {
        let customs = Customs::from_crds([&read(WIDGETS), &read("{apiVersion: v1, kind: Pod}"), &read("a")]);
        assert_eq!(customs.judge(&read("{apiVersion: example.org/v1, kind: Widget}")), None);
        assert_eq!(customs.judge(&read("{apiVersion: v1, kind: Widget}")), None);
        assert_eq!(customs.namespaced("example.com/v1", "Widget"), Some(true));
        let faults = customs.judge(&read("{apiVersion: example.com/v2, kind: Widget}")).unwrap();
        assert_eq!(faults[0].kind, "NoMatch");
    }
}
