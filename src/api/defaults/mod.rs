//! What the server fills in where a manifest says nothing, and what it drops without a word: one file per family of
//! kinds.
//! Knows no rule: whether the result is allowed is the admission's business.

pub(crate) mod config;
pub(crate) mod dropped;
pub(crate) mod extension;
pub(crate) mod pod;
pub(crate) mod policy;
pub(crate) mod service;
pub(crate) mod storage;
pub(crate) mod workload;

use crate::value::{Data, Map, Node};

/// Whether a field says nothing: absent, null, or empty text.
fn silent(node: &Node, key: &str) -> bool {
    node.get(key).is_none_or(|value| value.is_null() || value.as_str() == Some(""))
}

/// Puts a value where the map says nothing.
fn fill(node: &mut Node, key: &str, data: Data) {
    if !silent(node, key) {
        return;
    }
    let at = node.at;
    if let Some(map) = node.as_map_mut() {
        map.put(key, Node::new(data, at));
    }
}

/// Puts a value where the map has none: for fields in which an empty text is a value too.
fn fill_absent(node: &mut Node, key: &str, data: Data) {
    if node.get(key).is_none_or(Node::is_null) {
        let at = node.at;
        if let Some(map) = node.as_map_mut() {
            map.put(key, Node::new(data, at));
        }
    }
}

/// Puts text where the map says nothing.
pub(crate) fn fill_text(node: &mut Node, key: &str, text: &'static str) {
    fill(node, key, Data::Text(text.into()));
}

/// Puts a number where the map says nothing.
pub(crate) fn fill_int(node: &mut Node, key: &str, number: i64) {
    fill(node, key, Data::Int(number));
}

/// Puts a number where the map says nothing, or zero.
pub(crate) fn fill_zero(node: &mut Node, key: &str, number: i64) {
    if node.get(key).and_then(Node::as_int) == Some(0) {
        let at = node.at;
        if let Some(map) = node.as_map_mut() {
            map.put(key, Node::int(number, at));
        }
    }
    fill_int(node, key, number);
}

/// Puts a truth value where the map says nothing.
pub(crate) fn fill_bool(node: &mut Node, key: &str, value: bool) {
    fill(node, key, Data::Bool(value));
}

/// The map under a key; an empty one is put there where the map says nothing.
pub(crate) fn fill_map<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    fill(node, key, Data::Map(Map::new()));
    node.get_mut(key).filter(|value| value.as_map().is_some())
}

/// Does something to each item of a list at the end of a chain of keys.
pub(crate) fn each(node: &mut Node, keys: &[&str], mut change: impl FnMut(&mut Node)) {
    if let Some(list) = node.find_mut(keys) {
        list.items_mut().for_each(&mut change);
    }
}

/// Does something to what is at the end of a chain of keys, if it is a map.
pub(crate) fn within(node: &mut Node, keys: &[&str], change: impl FnOnce(&mut Node)) {
    if let Some(inner) = node.find_mut(keys).filter(|value| value.as_map().is_some()) {
        change(inner);
    }
}

/// Takes a key out, if it is there.
pub(crate) fn forget(node: &mut Node, key: &str) {
    if let Some(map) = node.as_map_mut() {
        map.remove(key);
    }
}
