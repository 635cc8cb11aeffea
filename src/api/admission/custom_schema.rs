//! The schemas of custom resources: what of OpenAPI Kubernetes takes, and whether a schema says of each field what it
//! is (is structural).

use super::cause::{Causes, Path, flag, list, some, text};
use super::expression::{self, Setting, Wanted};
use crate::api::custom::{self, pattern};
use crate::k8s::version::Version;
use crate::value::{Data, Node};
use std::collections::BTreeSet;

/// What a stored definition already is may stay as it is.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing the server asks")]
pub(crate) struct Leniency {
    /// Each version must have a schema.
    pub schema_required: bool,
    types: bool,
    structure: bool,
    pruned: bool,
    sets: bool,
    keys: bool,
}

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const META: [&str; 3] = ["metadata", "kind", "apiVersion"];
/// Words of OpenAPI that a schema here cannot have.
const UNSUPPORTED: [&str; 6] = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];
/// What the root of a schema with a status may not say, as the status is checked apart.
const NOT_AT_ROOT: [&str; 17] = [
    "nullable",
    "default",
    "enum",
    "maxProperties",
    "minProperties",
    "allOf",
    "oneOf",
    "anyOf",
    "not",
    "additionalProperties",
    "patternProperties",
    "dependencies",
    "additionalItems",
    "definitions",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
];
const REASONS: [&str; 4] = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
/// Lists of schemas that narrow down a value, and say nothing of what it is.
const JUNCTORS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

impl Leniency {
    /// What is let through over these stored versions; nothing where there are none.
    #[must_use]
    pub(crate) fn of(stored: &[Node]) -> Self {
        let schemas: Vec<&Node> =
            stored.iter().filter_map(|version| version.find(&["schema", "openAPIV3Schema"])).collect();
        let strict = Self {
            schema_required: schemas.len() == stored.len(),
            types: true,
            structure: true,
            pruned: true,
            sets: true,
            keys: true,
        };
        let mut found = strict;
        let path = Path::ROOT;
        let clean = |judge: &dyn Fn(&mut Causes)| {
            let mut causes = Causes::default();
            judge(&mut causes);
            causes.refusals.is_empty()
        };
        for schema in schemas {
            found.types &=
                !has(schema, &|schema| !text(schema, "type").is_empty() && !TYPES.contains(&text(schema, "type")));
            found.structure &= is_readable(schema) && clean(&|causes| structural(schema, Level::Root, &path, causes));
            found.sets &= !has(schema, &|schema| has_whole_items(schema).is_some());
            found.keys &= !has(schema, &|schema| !clean(&|causes| map_keys(schema, &path, causes)));
            found.pruned &= clean(&|causes| defaults_are_pruned(schema, &path, causes));
        }
        found
    }
}

/// A schema within a schema.
fn within<'n>(schema: &'n Node, each: &mut dyn FnMut(&'n Node)) {
    for field in ["items", "not", "additionalProperties"] {
        match schema.get(field) {
            Some(inner) if inner.as_map().is_some() => each(inner),
            Some(inner) => inner.items().for_each(&mut *each),
            None => {}
        }
    }
    for field in JUNCTORS {
        list(schema, field).iter().for_each(&mut *each);
    }
    schema.get("properties").into_iter().flat_map(Node::entries).for_each(|(_, inner)| each(inner));
}

/// Whether a schema, or one within it, is so.
fn has(schema: &Node, is: &dyn Fn(&Node) -> bool) -> bool {
    let mut found = is(schema);
    within(schema, &mut |inner| found = found || has(inner, is));
    found
}

/// Whether some version of a definition gives defaults.
#[must_use]
pub(crate) fn has_defaults(version: &Node) -> bool {
    version
        .find(&["schema", "openAPIV3Schema"])
        .is_some_and(|schema| has(schema, &|schema| some(schema, "default").is_some()))
}

/// Whether the server can read a schema as one that says of each field what it is.
fn is_readable(schema: &Node) -> bool {
    !has(schema, &|schema| {
        UNSUPPORTED.iter().any(|field| is_set(schema, field))
            || is_set(schema, "$schema")
            || schema.get("items").is_some_and(|items| items.as_list().is_some_and(|items| !items.is_empty()))
            || schema.get("x-kubernetes-preserve-unknown-fields").and_then(Node::as_bool) == Some(false)
    })
}

/// Whether a field says something.
fn is_set(schema: &Node, field: &str) -> bool {
    schema.get(field).is_some_and(|value| match &value.data {
        Data::Null | Data::Bool(false) => false,
        Data::Text(text) => !text.is_empty(),
        Data::List(items) => !items.is_empty(),
        Data::Map(map) => {
            !map.is_empty() || matches!(field, "not" | "additionalProperties" | "additionalItems" | "dependencies")
        }
        _ => true,
    })
}

/// `validateCustomResourceDefinitionValidation`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
pub(crate) fn judge(
    schema: &Node,
    has_status: bool,
    leniency: Leniency,
    version: Version,
    path: &Path<'_>,
    causes: &mut Causes,
) {
    let before = causes.refusals.len();
    if has_status {
        root_with_status(schema, path, causes);
    }
    if flag(schema, "nullable") {
        causes.forbidden(&path.child("nullable"), "nullable cannot be true at the root");
    }
    let readable = is_readable(schema);
    let mut sound = false;
    if leniency.structure && readable {
        let mut found = Causes::default();
        structural(schema, Level::Root, path, &mut found);
        if found.refusals.is_empty() {
            defaults(schema, true, leniency.pruned, path, &mut found);
        }
        sound = found.refusals.is_empty();
        causes.refusals.append(&mut found.refusals);
    }
    let place = Place { root: true, in_meta: false, defaults: true, expressions: sound, leniency, version };
    open_api(schema, place, path, causes);
    if leniency.structure && !readable && causes.refusals.len() == before {
        causes.invalid(path, "cannot be read as a structural schema");
    }
}

fn root_with_status(schema: &Node, path: &Path<'_>, causes: &mut Causes) {
    let kind = text(schema, "type");
    let words = "only some fields are allowed at the root of the schema if the status subresource is enabled";
    if ["id", "$schema", "$ref"].iter().any(|field| is_set(schema, field)) {
        causes.invalid(path, words);
    } else if !kind.is_empty() && kind != "object" {
        causes.invalid(
            &path.child("type"),
            "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled",
        );
    } else if NOT_AT_ROOT
        .iter()
        .chain(&["x-kubernetes-list-map-keys", "x-kubernetes-map-type"])
        .any(|field| is_set(schema, field))
    {
        causes.invalid(path, words);
    }
}

/// Where a schema stands in the schema of its resource.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing the server asks")]
struct Place {
    root: bool,
    in_meta: bool,
    defaults: bool,
    expressions: bool,
    leniency: Leniency,
    version: Version,
}

/// `ValidateCustomResourceDefinitionOpenAPISchema`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn open_api(schema: &Node, place: Place, path: &Path<'_>, causes: &mut Causes) {
    let before = causes.refusals.len();
    let inner = Place { root: false, ..place };
    let narrowing = Place { expressions: false, ..inner };
    words(schema, place, path, causes);
    if let Some(additional) = some(schema, "additionalProperties") {
        let contradicts = additional.as_map().is_some() || additional.as_bool() == Some(false);
        if contradicts && schema.get("properties").is_some_and(|properties| properties.entries().next().is_some()) {
            causes.forbidden(
                &path.child("additionalProperties"),
                "additionalProperties and properties are mutual exclusive",
            );
        }
        if additional.as_map().is_some() {
            let place = Place { defaults: inner.defaults && !inner.in_meta, ..inner };
            open_api(additional, place, &path.child("additionalProperties"), causes);
        }
    }
    let properties = path.child("properties");
    for (key, property) in schema.get("properties").into_iter().flat_map(Node::entries) {
        let is_meta = META.contains(&key.name.as_str());
        let in_meta = inner.in_meta || (is_meta && (place.root || flag(schema, "x-kubernetes-embedded-resource")));
        let defaults = inner.defaults && !(is_meta && place.root);
        open_api(property, Place { in_meta, defaults, ..inner }, &properties.key(&key.name), causes);
    }
    if let Some(not) = some(schema, "not") {
        open_api(not, narrowing, &path.child("not"), causes);
    }
    for field in JUNCTORS {
        let path = path.child(field);
        for (index, part) in list(schema, field).iter().enumerate() {
            open_api(part, narrowing, &path.index(index), causes);
        }
    }
    if let Some(items) = some(schema, "items") {
        let path = path.child("items");
        match items.as_list() {
            None => open_api(items, inner, &path, causes),
            Some(parts) => {
                parts.iter().enumerate().for_each(|(index, part)| open_api(part, inner, &path.index(index), causes));
            }
        }
    }
    extensions(schema, place.leniency, path, causes);
    validations(schema, place, before, path, causes);
}

/// `specStandardValidatorV3.validate`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn words(schema: &Node, place: Place, path: &Path<'_>, causes: &mut Causes) {
    let kind = text(schema, "type");
    if place.leniency.types && !kind.is_empty() {
        causes.one_of(kind, &TYPES, &path.child("type"));
    }
    if some(schema, "default").is_some() && !place.defaults {
        causes.forbidden(&path.child("default"), "must not be set");
    }
    for field in UNSUPPORTED.iter().filter(|field| is_set(schema, field)) {
        causes.forbidden(&path.child(field), format!("{field} is not supported"));
    }
    if kind == "null" {
        causes.forbidden(&path.child("type"), "type cannot be set to null, use nullable as an alternative");
    }
    if schema.get("items").is_some_and(|items| items.as_list().is_some_and(|items| !items.is_empty())) {
        causes.forbidden(&path.child("items"), "items must be a schema object and not an array");
    }
    if place.in_meta && flag(schema, "x-kubernetes-embedded-resource") {
        causes.forbidden(&path.child("x-kubernetes-embedded-resource"), "must not be used inside of resource meta");
    }
    if flag(schema, "uniqueItems") {
        causes.forbidden(
            &path.child("uniqueItems"),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        );
    }
}

/// The items of a set that could change in part.
fn has_whole_items(schema: &Node) -> Option<&'static str> {
    if text(schema, "x-kubernetes-list-type") != "set" {
        return None;
    }
    let items = schema_of_items(schema)?;
    let is = |field: &str, word: &str| some(items, field).is_some_and(|value| value.as_str() == Some(word));
    match text(items, "type") {
        "array" if some(items, "x-kubernetes-list-type").is_some() && !is("x-kubernetes-list-type", "atomic") => {
            Some("x-kubernetes-list-type")
        }
        "object" if !is("x-kubernetes-map-type", "atomic") => Some("x-kubernetes-map-type"),
        _ => None,
    }
}

/// What Kubernetes adds to OpenAPI: how lists and maps are merged.
/// `ValidateCustomResourceDefinitionOpenAPISchema`, k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn extensions(schema: &Node, leniency: Leniency, path: &Path<'_>, causes: &mut Causes) {
    let kind = text(schema, "type");
    if schema.get("x-kubernetes-preserve-unknown-fields").and_then(Node::as_bool) == Some(false) {
        causes.invalid(&path.child("x-kubernetes-preserve-unknown-fields"), "must be true or undefined");
    }
    let must_be = |wanted: &str, extension: &str, causes: &mut Causes| {
        let words = format!("must be {wanted} if {extension} is specified");
        if kind.is_empty() {
            causes.required(&path.child("type"), words);
        } else {
            causes.invalid(&path.child("type"), words);
        }
    };
    if let Some(map_type) = some(schema, "x-kubernetes-map-type") {
        if kind != "object" {
            must_be("object", "x-kubernetes-map-type", causes);
        }
        causes.one_of(
            map_type.as_str().unwrap_or_default(),
            &["atomic", "granular"],
            &path.child("x-kubernetes-map-type"),
        );
    }
    let list_type = some(schema, "x-kubernetes-list-type").map(|kind| kind.as_str().unwrap_or_default());
    let list_path = path.child("x-kubernetes-list-type");
    if let Some(list_type) = list_type {
        if kind != "array" {
            must_be("array", "x-kubernetes-list-type", causes);
        } else if let Some(field) = has_whole_items(schema).filter(|_| leniency.sets) {
            let path = path.child("items");
            causes.invalid(&path.child(field), "must be atomic as item of a list with x-kubernetes-list-type=set");
        }
        causes.one_of(list_type, &["atomic", "set", "map"], &list_path);
    }
    if !list(schema, "x-kubernetes-list-map-keys").is_empty() {
        match list_type {
            None => causes.required(&list_path, "must be map if x-kubernetes-list-map-keys is non-empty"),
            Some("map") => {}
            Some(_) => causes.invalid(&list_path, "must be map if x-kubernetes-list-map-keys is non-empty"),
        }
    }
    if list_type == Some("map") {
        list_of_maps(schema, path, causes);
    }
    if leniency.keys {
        map_keys(schema, path, causes);
    }
}

/// Lists whose items are told apart by some of their fields.
/// `ValidateCustomResourceDefinitionOpenAPISchema`, k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn list_of_maps(schema: &Node, path: &Path<'_>, causes: &mut Causes) {
    let keys = list(schema, "x-kubernetes-list-map-keys");
    let (keys_path, items_path) = (path.child("x-kubernetes-list-map-keys"), path.child("items"));
    if keys.is_empty() {
        causes.required(&keys_path, "must not be empty if x-kubernetes-list-type is map");
    }
    let Some(items) = some(schema, "items") else {
        return causes.required(&items_path, "must have a schema if x-kubernetes-list-type is map");
    };
    if items.as_list().is_some() {
        return causes.invalid(&items_path, "must only have a single schema if x-kubernetes-list-type is map");
    }
    if text(items, "type") != "object" {
        return causes
            .invalid(&items_path.child("type"), "must be object if parent array's x-kubernetes-list-type is map");
    }
    let mut seen = BTreeSet::new();
    for key in keys.iter().map(|key| key.as_str().unwrap_or_default()) {
        match items.find(&["properties", key]) {
            None => causes.invalid(&keys_path, "entries must all be names of item properties"),
            Some(property) if ["array", "object"].contains(&text(property, "type")) => {
                let properties = items_path.child("properties");
                let property = properties.key(key);
                causes.invalid(
                    &property.child("type"),
                    "must be a scalar type if parent array's x-kubernetes-list-type is map",
                );
            }
            Some(_) => {}
        }
        if !seen.insert(key) {
            causes.invalid(&keys_path, "must not contain duplicate entries");
        }
    }
}

/// `validateMapListKeysMapSet`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn map_keys(schema: &Node, path: &Path<'_>, causes: &mut Causes) {
    let list_type = text(schema, "x-kubernetes-list-type");
    let Some(items) =
        schema.get("items").filter(|items| items.as_map().is_some() && ["map", "set"].contains(&list_type))
    else {
        return;
    };
    let path = path.child("items");
    if flag(items, "nullable") {
        causes.forbidden(
            &path.child("nullable"),
            format!("cannot be nullable when x-kubernetes-list-type is {list_type}"),
        );
    }
    if list_type != "map" {
        return;
    }
    let properties = path.child("properties");
    for key in list(schema, "x-kubernetes-list-map-keys").iter().map(|key| key.as_str().unwrap_or_default()) {
        let Some(property) = items.find(&["properties", key]) else { continue };
        let path = properties.key(key);
        let is_required = list(items, "required").iter().any(|required| required.as_str() == Some(key));
        if !is_required && some(property, "default").is_none() {
            let words =
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            causes.required(&path.child("default"), words);
        }
        if flag(property, "nullable") {
            causes.forbidden(
                &path.child("nullable"),
                "this property is in x-kubernetes-list-map-keys, so it cannot be nullable",
            );
        }
    }
}

/// The formats in a schema that no server checks: `GetUnrecognizedFormats`,
/// apiextensions-apiserver/pkg/apiserver/validation.
pub(crate) fn unknown_formats<'n>(schema: &'n Node, found: &mut Vec<&'n str>) {
    let format = text(schema, "format");
    let is_known = match text(schema, "type") {
        "" | "string" => custom::schema::FORMATS.contains(&format.replace('-', "").as_str()),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    };
    if !format.is_empty() && !is_known {
        found.push(format);
    }
    for field in ["items", "not", "additionalProperties", "additionalItems"] {
        schema
            .get(field)
            .filter(|inner| inner.as_map().is_some())
            .into_iter()
            .for_each(|inner| unknown_formats(inner, found));
    }
    for field in ["allOf", "anyOf", "oneOf"] {
        list(schema, field).iter().for_each(|inner| unknown_formats(inner, found));
    }
    for field in ["properties", "patternProperties", "definitions"] {
        schema.get(field).into_iter().flat_map(Node::entries).for_each(|(_, inner)| unknown_formats(inner, found));
    }
}

/// The rules of a schema in CEL.
/// `ValidateCustomResourceDefinitionOpenAPISchema`, k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn validations(schema: &Node, place: Place, before: usize, path: &Path<'_>, causes: &mut Causes) {
    let path = path.child("x-kubernetes-validations");
    let rules = list(schema, "x-kubernetes-validations");
    for (index, rule) in rules.iter().enumerate() {
        let path = path.index(index);
        let (written, message, said) = (text(rule, "rule"), text(rule, "message"), text(rule, "messageExpression"));
        let breaks = |text: &str| text.trim().contains(['\n', '\r']);
        if written.trim().is_empty() {
            causes.required(&path.child("rule"), "rule is not specified");
        } else if !message.is_empty() && message.trim().is_empty() {
            causes.invalid(&path.child("message"), "must be non-empty if specified");
        } else if breaks(message) {
            causes.invalid(&path.child("message"), "must not contain line breaks");
        } else if breaks(written) && message.trim().is_empty() {
            causes.required(&path.child("message"), "message must be specified if rule contains line breaks");
        }
        if !said.is_empty() && said.trim().is_empty() {
            causes.required(&path.child("messageExpression"), "messageExpression must be non-empty if specified");
        }
        if let Some(reason) = some(rule, "reason") {
            causes.one_of(reason.as_str().unwrap_or_default(), &REASONS, &path.child("reason"));
        }
        let field = text(rule, "fieldPath");
        if !field.is_empty() {
            if field.trim().is_empty() {
                causes.invalid(&path.child("fieldPath"), "must be non-empty if specified");
            }
            if field.contains(['\n', '\r']) {
                causes.invalid(&path.child("fieldPath"), "must not contain line breaks");
            }
            if !leads_somewhere(schema, field) {
                causes.invalid(&path.child("fieldPath"), "must be a valid path");
            }
        }
    }
    // What a faulty schema means nobody can say, so its rules are not read.
    if place.expressions && causes.refusals.len() == before {
        for (index, rule) in rules.iter().enumerate() {
            let path = path.index(index);
            let setting = Setting::Rule {
                schema,
                is_resource: place.root || flag(schema, "x-kubernetes-embedded-resource"),
                optional_old_self: flag(rule, "optionalOldSelf"),
            };
            expression::compiles(text(rule, "rule"), Wanted::Bool, setting, place.version, &path.child("rule"), causes);
            let said = text(rule, "messageExpression");
            if !said.is_empty() {
                expression::compiles(
                    said,
                    Wanted::Text,
                    setting,
                    place.version,
                    &path.child("messageExpression"),
                    causes,
                );
            }
        }
    }
}

/// Whether a path like `.spec.name` or `.spec['a name']` leads to a field of a schema.
fn leads_somewhere(schema: &Node, path: &str) -> bool {
    let (mut schema, mut rest) = (schema, path);
    while !rest.is_empty() {
        let (step, after) = if let Some(quoted) = rest.strip_prefix("['") {
            let Some((step, after)) = quoted.split_once("']") else { return false };
            (step, after)
        } else if let Some(plain) = rest.strip_prefix('.') {
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            plain.split_at(end)
        } else {
            return false;
        };
        let property = schema.find(&["properties", step]);
        let Some(found) =
            property.or_else(|| schema.get("additionalProperties").filter(|inner| inner.as_map().is_some()))
        else {
            return false;
        };
        (schema, rest) = (found, after);
    }
    true
}

/// How deep a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// `ValidateStructural`, apiextensions-apiserver/pkg/apiserver/schema.
fn structural(schema: &Node, level: Level, path: &Path<'_>, causes: &mut Causes) {
    let kind = text(schema, "type");
    let items = schema_of_items(schema);
    if kind == "array" && items.is_none() {
        causes.required(&path.child("items"), "must be specified");
    }
    if let Some(items) = items {
        structural(items, Level::Item, &path.child("items"), causes);
    }
    let properties = path.child("properties");
    for (key, property) in schema.get("properties").into_iter().flat_map(Node::entries) {
        structural(property, Level::Field, &properties.key(&key.name), causes);
    }
    let (embedded, free, number_or_text) = (
        flag(schema, "x-kubernetes-embedded-resource"),
        flag(schema, "x-kubernetes-preserve-unknown-fields"),
        flag(schema, "x-kubernetes-int-or-string"),
    );
    let type_path = path.child("type");
    if let Some(additional) = some(schema, "additionalProperties") {
        let path = path.child("additionalProperties");
        if level == Level::Root {
            causes.forbidden(&path, "must not be used at the root");
        }
        if additional.as_map().is_some() {
            structural(additional, Level::Field, &path, causes);
        }
        if embedded {
            causes.forbidden(&path, "must not be used if x-kubernetes-embedded-resource is set");
        }
    }
    for (field, set) in [("x-kubernetes-preserve-unknown-fields", free), ("x-kubernetes-embedded-resource", embedded)] {
        if number_or_text && set {
            causes.invalid(&path.child(field), "must be false if x-kubernetes-int-or-string is true");
        }
    }
    narrowing(schema, true, path, causes);
    if embedded && kind != "object" {
        let words = "must be object if x-kubernetes-embedded-resource is true";
        if kind.is_empty() {
            causes.required(&type_path, words);
        } else {
            causes.invalid(&type_path, words);
        }
    } else if kind.is_empty() && !number_or_text && !free {
        causes.required(
            &type_path,
            match level {
                Level::Root => "must not be empty at the root",
                Level::Item => "must not be empty for specified array items",
                Level::Field => "must not be empty for specified object fields",
            },
        );
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        causes.invalid(&type_path, "must be object at the root");
    }
    resource_fields(schema, level, embedded, &properties, causes);
    if level == Level::Root {
        complete(schema, schema, path, causes);
    }
    let is_empty = schema.get("properties").is_none_or(|properties| properties.entries().next().is_none());
    if embedded && !free && is_empty {
        let words =
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        causes.required(&properties, words);
    }
}

/// What every object has is not for a schema to say, but for the form of its names.
fn resource_fields(schema: &Node, level: Level, embedded: bool, properties: &Path<'_>, causes: &mut Causes) {
    let is_resource = level == Level::Root || embedded;
    for field in ["kind", "apiVersion"] {
        if let Some(property) = schema.find(&["properties", field]).filter(|_| is_resource)
            && text(property, "type") != "string"
        {
            causes.invalid(&properties.key(field).child("type"), "must be string");
        }
    }
    let Some(metadata) = schema.find(&["properties", "metadata"]) else { return };
    let path = properties.key("metadata");
    if is_resource && text(metadata, "type") != "object" {
        causes.invalid(&path.child("type"), "must be object");
    }
    let allowed = |field: &str, value: &Node| match field {
        "type" | "default" => true,
        "properties" => value.entries().all(|(key, _)| ["name", "generateName"].contains(&key.name.as_str())),
        _ => !is_set(metadata, field),
    };
    if level == Level::Root && !metadata.entries().all(|(key, value)| allowed(&key.name, value)) {
        causes.forbidden(
            &path,
            "must not specify anything other than name and generateName, but metadata is implicitly specified",
        );
    }
}

/// Either a number or a text, as it is always written.
fn is_number_or_text(junctor: &[Node]) -> bool {
    let only = |schema: &Node, kind: &str| {
        text(schema, "type") == kind
            && schema.entries().all(|(key, _)| key.name == "type" || !is_set(schema, &key.name))
    };
    matches!(junctor, [first, second] if only(first, "integer") && only(second, "string"))
}

/// `validateValueValidation`, apiextensions-apiserver/pkg/apiserver/schema.
fn narrowing(schema: &Node, at_top: bool, path: &Path<'_>, causes: &mut Causes) {
    for field in JUNCTORS {
        let parts = list(schema, field);
        if field == "anyOf" && at_top && is_number_or_text(parts) {
            continue;
        }
        let path = path.child(field);
        for (index, part) in parts.iter().enumerate() {
            let both = field == "allOf" && index == 0 && at_top && is_number_or_text(list(part, "anyOf"));
            narrow(part, both, &path.index(index), causes);
        }
    }
    if let Some(not) = some(schema, "not") {
        narrow(not, false, &path.child("not"), causes);
    }
    let pattern = text(schema, "pattern");
    if !pattern.is_empty() && !pattern::is_pattern(pattern) {
        causes.invalid(&path.child("pattern"), "must be a valid regular expression, but isn't");
    }
}

/// `validateNestedValueValidation`, apiextensions-apiserver/pkg/apiserver/schema. `both`: it only says that a value is
/// a number or a text.
fn narrow(part: &Node, both: bool, path: &Path<'_>, causes: &mut Causes) {
    narrowing(part, both, path, causes);
    if let Some(items) = schema_of_items(part) {
        narrow(items, false, &path.child("items"), causes);
    }
    let properties = path.child("properties");
    for (key, property) in part.get("properties").into_iter().flat_map(Node::entries) {
        narrow(property, false, &properties.key(&key.name), causes);
    }
    for (field, words) in FORBIDDEN_WITHIN {
        if is_set(part, field) || (field == "default" && some(part, field).is_some()) {
            causes.forbidden(&path.child(field), format!("must be {words} to be structural"));
        }
    }
    if part.find(&["properties", "metadata"]).is_some() {
        causes.forbidden(&properties.key("metadata"), "must not be specified in a nested context");
    }
}

fn schema_of_items(schema: &Node) -> Option<&Node> {
    schema.get("items").filter(|items| items.as_map().is_some())
}

/// `validateStructuralCompleteness`, apiextensions-apiserver/pkg/apiserver/schema: what narrows down a field must find
/// it in the schema proper.
fn complete(part: &Node, whole: &Node, whole_path: &Path<'_>, causes: &mut Causes) {
    for inner in JUNCTORS.iter().flat_map(|field| list(part, field)).chain(some(part, "not")) {
        complete_within(inner, whole, whole_path, causes);
    }
}

/// `validateStructuralCompleteness`, k8s.io/apiextensions-apiserver/pkg/apiserver/schema.
fn complete_within(part: &Node, whole: &Node, whole_path: &Path<'_>, causes: &mut Causes) {
    complete(part, whole, whole_path, causes);
    if let Some(items) = schema_of_items(part) {
        let path = whole_path.child("items");
        match schema_of_items(whole) {
            Some(whole) => complete_within(items, whole, &path, causes),
            None => causes.required(&path, "because it is defined in a part that narrows it down"),
        }
    }
    let path = whole_path.child("properties");
    for (key, property) in part.get("properties").into_iter().flat_map(Node::entries) {
        let path = path.key(&key.name);
        match whole.find(&["properties", &key.name]) {
            Some(whole) => complete_within(property, whole, &path, causes),
            None => causes.required(&path, "because it is defined in a part that narrows it down"),
        }
    }
}

/// What only the schema proper may say.
const FORBIDDEN_WITHIN: [(&str, &str); 13] = [
    ("type", "empty"),
    ("additionalProperties", "undefined"),
    ("default", "undefined"),
    ("title", "empty"),
    ("description", "empty"),
    ("nullable", "false"),
    ("x-kubernetes-preserve-unknown-fields", "false"),
    ("x-kubernetes-embedded-resource", "false"),
    ("x-kubernetes-int-or-string", "false"),
    ("x-kubernetes-list-map-keys", "empty"),
    ("x-kubernetes-list-type", "undefined"),
    ("x-kubernetes-map-type", "undefined"),
    ("x-kubernetes-validations", "empty"),
];

/// `ValidateDefaults`, apiextensions-apiserver/pkg/apiserver/schema/defaulting: each default is a value of its schema.
fn defaults(schema: &Node, is_root: bool, pruned: bool, path: &Path<'_>, causes: &mut Causes) {
    if let Some(default) = some(schema, "default") {
        let path = path.child("default");
        let (unknown, faults): (Vec<_>, Vec<_>) = custom::misfits(schema, default, Version::NEWEST)
            .into_iter()
            .partition(|fault| fault.kind == "UnknownField");
        if pruned && !unknown.is_empty() {
            causes.invalid(&path, "must not have unknown fields");
        }
        for fault in faults {
            match fault.path.as_str() {
                "" => causes.add(&path, fault.kind, fault.message),
                inner if inner.starts_with('[') => {
                    causes.add(&Path::new(&format!("{path}{inner}")), fault.kind, fault.message);
                }
                inner => causes.add(&path.child(inner), fault.kind, fault.message),
            }
        }
    }
    if let Some(items) = schema_of_items(schema) {
        defaults(items, false, pruned, &path.child("items"), causes);
    }
    let properties = path.child("properties");
    for (key, property) in schema.get("properties").into_iter().flat_map(Node::entries) {
        // Of what every object has only its own form is asked.
        let is_meta = (is_root || flag(schema, "x-kubernetes-embedded-resource")) && META.contains(&key.name.as_str());
        if !is_meta {
            defaults(property, false, pruned, &properties.key(&key.name), causes);
        }
    }
}

/// Whether no default holds fields that its schema does not know.
fn defaults_are_pruned(schema: &Node, path: &Path<'_>, causes: &mut Causes) {
    let unpruned = |schema: &Node| {
        some(schema, "default").is_some_and(|default| {
            custom::misfits(schema, default, Version::NEWEST).iter().any(|fault| fault.kind == "UnknownField")
        })
    };
    if has(schema, &unpruned) {
        causes.invalid(path, "must not have unknown fields");
    }
}
