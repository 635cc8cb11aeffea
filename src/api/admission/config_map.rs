//! What the server says to a ConfigMap.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateConfigMap, ValidateConfigMapUpdate`.

use super::cause::{Causes, Path, text};
use super::meta::{self, Naming};
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::k8s::{base64, name};
use crate::value::{Data, Node};
use std::collections::BTreeMap;

/// A ConfigMap.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "ConfigMap",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::config::nothing,
    prepare: unchanged,
    create,
    update,
};

/// The most bytes in all values together, of a ConfigMap or a Secret.
pub(super) const MOST_BYTES: usize = 1024 * 1024;

/// `ValidateConfigMap`, pkg/apis/core/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    let binary = object.get("binaryData");
    let mut size = 0;
    let path = Path::new("data");
    for (key, value) in object.get("data").into_iter().flat_map(Node::entries) {
        let path = path.key(&key.name);
        causes.each_invalid(&path, name::config_key(&key.name));
        if binary.is_some_and(|binary| binary.get(&key.name).is_some()) {
            causes.invalid(&path, "duplicate of key present in binaryData");
        }
        size += value.as_str().unwrap_or_default().len();
    }
    let path = Path::new("binaryData");
    for (key, value) in binary.into_iter().flat_map(Node::entries) {
        causes.each_invalid(&path.key(&key.name), name::config_key(&key.name));
        size += byte_count(value);
    }
    if size > MOST_BYTES {
        causes.too_long(&Path::new("").key(""), MOST_BYTES);
    }
}

/// `ValidateConfigMapUpdate`, pkg/apis/core/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    locked(object, stored, &["data", "binaryData"], causes);
    create(object, version, causes);
}

/// What may no longer change once `immutable` is set.
/// `ValidateConfigMapUpdate` and `ValidateSecretUpdate`, pkg/apis/core/validation.
pub(super) fn locked(object: &Node, stored: &Node, fields: &[&'static str], causes: &mut Causes) {
    let is_immutable = |object: &Node| object.get("immutable").and_then(Node::as_bool) == Some(true);
    if !is_immutable(stored) {
        return;
    }
    let words = "field is immutable when `immutable` is set";
    if !is_immutable(object) {
        causes.forbidden(&Path::new("immutable"), words);
    }
    for field in fields {
        // An empty map of bytes is not the same as none, though none is all that is left of it once it is stored.
        let bytes = *field == "binaryData" || text(object, "kind") == "Secret";
        let now = texts(object, field).filter(|texts| bytes || !texts.is_empty());
        if now == texts(stored, field).filter(|texts| !texts.is_empty()) {
            continue;
        }
        causes.forbidden(&Path::new(field), words);
    }
}

/// How many bytes a value stands for.
pub(super) fn byte_count(value: &Node) -> usize {
    match &value.data {
        Data::Text(text) => base64::length(text),
        Data::List(bytes) => bytes.len(),
        _ => 0,
    }
}

/// The entries of a map.
fn texts<'n>(object: &'n Node, field: &str) -> Option<BTreeMap<&'n str, &'n str>> {
    let map = object.get(field)?.as_map()?;
    Some(map.iter().map(|(key, value)| (key.name.as_str(), value.as_str().unwrap_or_default())).collect())
}
