//! Lists whose items must differ: sets, and lists whose items have keys
//! (`apiextensions-apiserver/pkg/apiserver/schema/listtype`).

use super::Fault;
use super::schema::{ListType, Schema};
use crate::api::admission::cause::Path;
use crate::json::from_node;
use crate::value::{Data, Node};
use std::collections::BTreeMap;

/// What stands twice in a value.
pub(crate) fn repetitions(schema: &Schema, value: &Node, path: &Path<'_>, found: &mut Vec<Fault>) {
    match &value.data {
        Data::Map(map) => {
            for (key, inner) in map.iter() {
                if let Some(values) = schema.values_schema() {
                    repetitions(values, inner, &path.key(&key.name), found);
                }
                if let Some(property) = schema.property(&key.name) {
                    repetitions(property, inner, &path.child(&key.name), found);
                }
            }
        }
        Data::List(items) => {
            match schema.list_type {
                ListType::Atomic => {}
                ListType::Set => {
                    let keys = items.iter().map(|item| from_node(item).to_string());
                    for index in second(keys) {
                        found.push(repeated(&items[index], from_node(&items[index]).to_string(), &path.index(index)));
                    }
                }
                ListType::Map => keyed(schema, items, path, found),
            }
            let Some(inner) = &schema.items else { return };
            for (index, item) in items.iter().enumerate() {
                repetitions(inner, item, &path.index(index), found);
            }
        }
        _ => {}
    }
}

fn repeated(item: &Node, value: String, path: &Path<'_>) -> Fault {
    Fault { path: path.to_string(), kind: "FieldValueDuplicate", message: value, at: item.at }
}

fn keyed(schema: &Schema, items: &[Node], path: &Path<'_>, found: &mut Vec<Fault>) {
    if let Some((index, item)) = items.iter().enumerate().find(|(_, item)| !item.is_null() && item.as_map().is_none()) {
        let message = "must be an object for an array of list-type map".to_owned();
        found.push(Fault { path: path.index(index).to_string(), kind: "FieldValueInvalid", message, at: item.at });
        return;
    }
    let key = |item: &Node| {
        let parts = schema.map_keys.iter().filter_map(|name| Some((name.to_string(), from_node(item.get(name)?))));
        let mut parts: Vec<_> = parts.collect();
        parts.sort_by(|a, b| a.0.cmp(&b.0));
        serde_json::Value::Object(parts.into_iter().collect()).to_string()
    };
    let keys: Vec<String> = items.iter().map(key).collect();
    for index in second(keys.iter().cloned()) {
        found.push(repeated(&items[index], keys[index].clone(), &path.index(index)));
    }
}

/// The places where something stands for the second time.
fn second(keys: impl Iterator<Item = String>) -> Vec<usize> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut places = Vec::new();
    for (place, key) in keys.enumerate() {
        let count = seen.entry(key).or_default();
        *count += 1;
        if *count == 2 {
            places.push(place);
        }
    }
    places
}
