//! Laying one tree over another, as an environment over the app and pass-through fields over what short forms produce:
//! maps by key, lists of named things by their names, everything else whole; `null` removes.

use crate::block::Shape;
use crate::value::{Data, Map, Node};

/// Lays `over` over `node`.
pub(crate) fn merge(node: &mut Node, over: &Node, shape: Shape) {
    lay(node, over, shape, "");
}

/// Lays fields in Kubernetes' own words over a map.
pub(crate) fn overlay(map: &mut Map, over: &Map) {
    lay_map(map, over, Shape::Any);
}

fn lay(node: &mut Node, over: &Node, shape: Shape, name: &str) {
    match (&mut node.data, &over.data) {
        (Data::Map(map), Data::Map(other)) => {
            lay_map(map, other, shape);
            node.at = over.at;
        }
        (Data::List(items), Data::List(others)) if !item_keys(name).is_empty() => {
            lay_list(items, others, item_keys(name));
        }
        _ => *node = over.clone(),
    }
}

fn lay_map(map: &mut Map, over: &Map, shape: Shape) {
    for (key, value) in over.iter() {
        if value.is_null() {
            map.remove(&key.name);
            continue;
        }
        let inner = inside(shape, &key.name, value);
        for other in alternatives(shape, &key.name).iter().filter(|other| **other != key.name) {
            map.remove(other);
        }
        match map.get_mut(&key.name) {
            Some(old) => lay(old, value, inner, &key.name),
            None => {
                let mut fresh = value.clone();
                drop_nulls(&mut fresh);
                map.set(key.clone(), fresh);
            }
        }
    }
}

/// A `null` in a part that is new removes nothing and must not stay.
fn drop_nulls(node: &mut Node) {
    if let Data::Map(map) = &mut node.data {
        map.retain(|_, value| !value.is_null());
        map.iter_mut().for_each(|(_, value)| drop_nulls(value));
    }
}

fn lay_list(items: &mut Vec<Node>, others: &[Node], keys: &[&[&str]]) {
    let identity = |item: &Node| -> Option<Vec<Node>> { keys.iter().map(|path| item.find(path).cloned()).collect() };
    for other in others {
        let name = identity(other);
        match items.iter_mut().find(|item| name.is_some() && identity(item) == name) {
            Some(item) => lay(item, other, Shape::Any, ""),
            None => items.push(other.clone()),
        }
    }
}

/// What names the items of a list; nothing for lists that are taken whole.
fn item_keys(list: &str) -> &'static [&'static [&'static str]] {
    match list {
        "containers" | "initContainers" | "env" | "imagePullSecrets" | "volumes" => &[&["name"]],
        "volumeMounts" => &[&["mountPath"]],
        "volumeDevices" => &[&["devicePath"]],
        "hostAliases" => &[&["ip"]],
        "topologySpreadConstraints" => &[&["topologyKey"]],
        "volumeClaimTemplates" => &[&["metadata", "name"]],
        "objects" => &[&["kind"], &["metadata", "name"]],
        "patches" => &[&["kind"], &["name"]],
        "allow" => &[&["rule"]],
        _ => &[],
    }
}

fn inside(shape: Shape, key: &str, value: &Node) -> Shape {
    let inner = match shape {
        Shape::Block(block) => block.field(key).map_or(Shape::Any, |field| (field.shape)()),
        Shape::Map(inner) => inner(),
        _ => Shape::Any,
    };
    match inner {
        Shape::Either(shapes) => {
            shapes.iter().map(|shape| shape()).find(|shape| shape.takes(value)).unwrap_or(Shape::Any)
        }
        Shape::Told(shapes, which) => shapes[which(value)](),
        other => other,
    }
}

fn alternatives(shape: Shape, key: &str) -> &'static [&'static str] {
    match shape {
        Shape::Block(block) => block.alternatives(key),
        _ => &[],
    }
}
