//! Resources inside a custom resource (`x-kubernetes-embedded-resource`): what they are called, and their metadata
//! (`apiextensions-apiserver/pkg/apiserver/schema/objectmeta`).

use super::Fault;
use super::schema::Schema;
use crate::api::admission::cause::{Causes, Path};
use crate::api::admission::meta::{self, Naming};
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::{Data, Map, Node};

/// What is wrong with the resources that are embedded in a value.
pub(crate) fn faults(schema: &Schema, value: &Node, path: &Path<'_>, version: Version, found: &mut Vec<Fault>) {
    match &value.data {
        Data::Map(map) => {
            if schema.embedded {
                resource(value, map, path, version, found);
            }
            for (key, inner) in map.iter() {
                match (schema.property(&key.name), schema.values_schema()) {
                    (Some(property), _) => faults(property, inner, &path.child(&key.name), version, found),
                    (None, Some(values)) => faults(values, inner, &path.key(&key.name), version, found),
                    _ => {}
                }
            }
        }
        Data::List(items) => {
            let Some(inner) = &schema.items else { return };
            for (index, item) in items.iter().enumerate() {
                faults(inner, item, &path.index(index), version, found);
            }
        }
        _ => {}
    }
}

fn resource(value: &Node, map: &Map, path: &Path<'_>, version: Version, found: &mut Vec<Fault>) {
    let mut add = |field: &str, kind: &'static str, message: String| {
        let at = value.get(field).map_or(value.at, |inner| inner.at);
        found.push(Fault { path: path.child(field).to_string(), kind, message, at });
    };
    for field in ["apiVersion", "kind"] {
        if !map.has(field) {
            add(field, "FieldValueRequired", String::new());
        }
    }
    match map.get("apiVersion").map(Node::as_str) {
        Some(None) => add("apiVersion", "FieldValueInvalid", "must be a string".into()),
        Some(Some("")) => add("apiVersion", "FieldValueInvalid", "must not be empty".into()),
        Some(Some(written)) if written.matches('/').count() > 1 => {
            add("apiVersion", "FieldValueInvalid", format!("unexpected GroupVersion string: {written}"));
        }
        None | Some(Some(_)) => {}
    }
    match map.get("kind").map(Node::as_str) {
        None => {}
        Some(None) => add("kind", "FieldValueInvalid", "must be a string".into()),
        Some(Some("")) => add("kind", "FieldValueInvalid", "must not be empty".into()),
        Some(Some(kind)) => {
            let faults = name::dns_1035_label(&kind.to_lowercase());
            if !faults.is_empty() {
                let message = format!("may have mixed case, but should otherwise match: {}", faults.join(","));
                add("kind", "FieldValueInvalid", message);
            }
        }
    }
    let Some(metadata) = map.get("metadata") else { return };
    let mut named = metadata.clone();
    let namespaced = metadata.get("namespace").and_then(Node::as_str).is_some_and(|namespace| !namespace.is_empty());
    if metadata.get("name").and_then(Node::as_str).unwrap_or_default().is_empty()
        && let Some(map) = named.as_map_mut()
    {
        map.put("name", Node::text("fakename", metadata.at));
    }
    let mut object = Map::new();
    object.put("metadata", named);
    let mut causes = Causes::default();
    meta::custom(&Node::map(object, value.at), namespaced, Naming::Segment, version, &mut causes);
    for refusal in causes.refusals {
        let at = value.place_of(&refusal.field);
        found.push(Fault {
            path: path.child(&refusal.field).to_string(),
            kind: refusal.kind,
            message: refusal.detail,
            at,
        });
    }
}
