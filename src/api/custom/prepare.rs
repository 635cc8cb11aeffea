//! What the API server does to a custom resource before it looks at any rule: it drops what the schema does not know,
//! and nulls that mean nothing, reads the metadata of embedded resources, and fills in defaults. Judges no value.

use super::Fault;
use super::schema::{Additional, Schema};
use crate::api::admission::cause::Path;
use crate::api::admission::decode::{self, Door};
use crate::k8s::shape::Shape;
use crate::k8s::version::Version;
use crate::value::{Data, Key, Map, Node};

/// What every object has.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];
/// The server names no more unknown fields than this.
const MOST_UNKNOWN: usize = 100;

/// Drops what the schema does not know; says what that was, sorted by path.
pub(crate) fn prune(object: &mut Node, schema: &Schema, is_root: bool) -> Vec<Fault> {
    let mut unknown = Vec::new();
    drop_unknown(object, Some(schema), (is_root, false), &Path::ROOT, &mut unknown);
    unknown.sort_by(|a, b| a.path.cmp(&b.path));
    unknown.truncate(MOST_UNKNOWN);
    unknown
}

/// An unknown field, in the server's words.
fn unknown_field(key: &Key, path: String) -> Fault {
    Fault { message: format!("unknown field {}", super::values::quoted(&path)), path, kind: "UnknownField", at: key.at }
}

/// `is_root`: it is a whole resource. `kept`: it is in a list whose unknown fields stay.
fn drop_unknown(
    value: &mut Node,
    schema: Option<&Schema>,
    (is_root, kept): (bool, bool),
    path: &Path<'_>,
    unknown: &mut Vec<Fault>,
) {
    let preserves = kept || schema.is_some_and(|schema| schema.preserves);
    match &mut value.data {
        Data::Map(map) => {
            let is_resource = is_root || schema.is_some_and(|schema| schema.embedded);
            let mut gone = false;
            for (key, inner) in map.iter_mut() {
                if is_resource && META.contains(&key.name.as_str()) {
                    continue;
                }
                match known(schema, &key.name) {
                    Some(schema) => drop_unknown(inner, schema, (false, false), &path.child(&key.name), unknown),
                    None if preserves => {}
                    None => {
                        gone = true;
                        if unknown.len() < MOST_UNKNOWN * 10 {
                            unknown.push(unknown_field(key, path.child(&key.name).to_string()));
                        }
                    }
                }
            }
            if gone {
                map.retain(|key, _| {
                    (is_resource && META.contains(&key.name.as_str())) || known(schema, &key.name).is_some()
                });
            }
        }
        Data::List(items) => {
            let inner = schema.and_then(|schema| schema.items.as_deref());
            for (index, item) in items.iter_mut().enumerate() {
                if preserves && inner.is_none() {
                    continue;
                }
                drop_unknown(item, inner, (false, preserves), &path.index(index), unknown);
            }
        }
        _ => {}
    }
}

/// Whether a field is known, and what of it: of one that `additionalProperties: true` lets in, nothing.
#[expect(clippy::option_option, reason = "known, and known by a schema, are two things")]
fn known<'s>(schema: Option<&'s Schema>, name: &str) -> Option<Option<&'s Schema>> {
    let schema = schema?;
    match (schema.property(name), &schema.additional) {
        (Some(property), _) => Some(Some(property)),
        (None, Some(Additional::Of(inner))) => Some(Some(inner)),
        (None, Some(Additional::Any(_))) => Some(None),
        (None, None) => None,
    }
}

/// Drops nulls that are neither allowed nor stand for a default.
pub(crate) fn drop_nulls(value: &mut Node, schema: Option<&Schema>) {
    match &mut value.data {
        Data::Map(map) => {
            let is_nothing = |inner: &Node, schema: Option<&Schema>| {
                inner.is_null() && schema.is_some_and(|schema| !schema.nullable && schema.default.is_none())
            };
            let mut gone = false;
            for (key, inner) in map.iter_mut() {
                let schema = schema.and_then(|schema| schema.field(&key.name));
                if is_nothing(inner, schema) {
                    gone = true;
                } else {
                    drop_nulls(inner, schema);
                }
            }
            if gone {
                map.retain(|key, inner| !is_nothing(inner, schema.and_then(|schema| schema.field(&key.name))));
            }
        }
        Data::List(items) => {
            let inner = schema.and_then(|schema| schema.items.as_deref());
            items.iter_mut().for_each(|item| drop_nulls(item, inner));
        }
        _ => {}
    }
}

/// Fills in defaults. They stand where the map stands that lacked them.
pub(crate) fn fill(value: &mut Node, schema: &Schema) {
    let at = value.at;
    match &mut value.data {
        Data::Map(map) => {
            for (name, property) in schema.properties.iter().filter(|(_, property)| property.default.is_some()) {
                if map.get(name).is_none_or(|inner| inner.is_null() && !property.nullable)
                    && let Some(default) = property.default_at(at)
                {
                    map.put(name.clone(), default);
                }
            }
            let needs = |map: &Map| {
                map.iter().any(|(key, inner)| is_deep(inner) || inner.is_null() && schema.field(&key.name).is_some())
            };
            if !needs(map) {
                return;
            }
            for (key, inner) in map.iter_mut() {
                match (schema.property(&key.name), schema.values_schema()) {
                    (Some(property), _) => fill(inner, property),
                    (None, Some(values)) => {
                        fill_null(inner, values);
                        fill(inner, values);
                    }
                    _ => {}
                }
            }
        }
        Data::List(items) => {
            let Some(inner) = &schema.items else { return };
            for item in items {
                fill_null(item, inner);
                fill(item, inner);
            }
        }
        _ => {}
    }
}

const fn is_deep(value: &Node) -> bool {
    matches!(value.data, Data::Map(_) | Data::List(_))
}

fn fill_null(value: &mut Node, schema: &Schema) {
    if value.is_null()
        && !schema.nullable
        && let Some(default) = schema.default_at(value.at)
    {
        *value = default;
    }
}

/// Reads `metadata` as the server's decoder does: what it cannot be, or what no object's metadata has.
///
/// # Errors
/// When the decoder would not take it: the stage's faults.
pub(crate) fn read_metadata(resource: &mut Node, path: &Path<'_>, version: Version) -> Result<(), Vec<Fault>> {
    let Some(metadata) = resource.get_mut("metadata") else { return Ok(()) };
    let Some(shape) = Shape::named("meta.v1.ObjectMeta", version) else { return Ok(()) };
    if metadata.is_null() {
        metadata.data = Data::Map(Map::new());
        return Ok(());
    }
    match decode::decode(metadata, shape, Door::Body) {
        Ok(read) => {
            *metadata = read;
            Ok(())
        }
        Err(misfit) => {
            let above = path.child("metadata");
            let faults = misfit.refusals.into_iter().map(|refusal| {
                let (path, message) = match (refusal.kind, refusal.field.as_str()) {
                    ("UnknownField", field) => {
                        let path = above.child(field).to_string();
                        (path.clone(), format!("unknown field {}", super::values::quoted(&path)))
                    }
                    (_, "") => (above.to_string(), refusal.detail),
                    (_, field) => (above.child(field).to_string(), refusal.detail),
                };
                Fault { path, kind: refusal.kind, message, at: misfit.at }
            });
            Err(faults.collect())
        }
    }
}

/// The same for the resources that are embedded in a value. Unknown fields are told, and dropped.
///
/// # Errors
/// When the decoder would not take one of them.
pub(crate) fn read_embedded(
    value: &mut Node,
    schema: &Schema,
    path: &Path<'_>,
    version: Version,
    unknown: &mut Vec<Fault>,
) -> Result<(), Vec<Fault>> {
    if schema.embedded && value.as_map().is_some() {
        for field in ["apiVersion", "kind"] {
            if let Some(stated) = value.get(field).filter(|stated| stated.as_str().is_none()) {
                let fault = Fault {
                    path: path.child(field).to_string(),
                    kind: "FieldValueInvalid",
                    message: "must be a string".into(),
                    at: stated.at,
                };
                return Err(vec![fault]);
            }
        }
        if let Err(faults) = read_metadata(value, path, version) {
            if faults.iter().any(|fault| fault.kind != "UnknownField") {
                return Err(faults);
            }
            unknown.extend(faults);
        }
    }
    match &mut value.data {
        Data::Map(map) => {
            for (key, inner) in map.iter_mut() {
                if let Some(schema) = schema.field(&key.name) {
                    read_embedded(inner, schema, &path.child(&key.name), version, unknown)?;
                }
            }
        }
        Data::List(items) => {
            let Some(inner) = &schema.items else { return Ok(()) };
            for (index, item) in items.iter_mut().enumerate() {
                read_embedded(item, inner, &path.index(index), version, unknown)?;
            }
        }
        _ => {}
    }
    Ok(())
}
