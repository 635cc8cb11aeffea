//! What the server fills in for ConfigMaps, Secrets and Namespaces.

use super::{fill_map, fill_text, forget};
use crate::k8s::base64;
use crate::k8s::version::Version;
use crate::value::Node;

/// A Secret: what stands in `stringData` moves to `data`.
/// `Convert_v1_Secret_To_core_Secret`, pkg/apis/core/v1.
pub(crate) fn secret(node: &mut Node, _: Version) {
    fill_text(node, "type", "Opaque");
    let plain: Vec<(String, Node)> = node
        .get("stringData")
        .into_iter()
        .flat_map(Node::entries)
        .map(|(key, value)| {
            let bytes = value.as_str().unwrap_or_default().as_bytes();
            (key.name.to_string(), Node::text(base64::encode(bytes), value.at))
        })
        .collect();
    forget(node, "stringData");
    if plain.is_empty() {
        return;
    }
    if let Some(data) = fill_map(node, "data").and_then(Node::as_map_mut) {
        for (key, value) in plain {
            data.put(key, value);
        }
    }
}

/// A Namespace: it carries its name as a label.
/// `SetDefaults_Namespace`, pkg/apis/core/v1.
pub(crate) fn namespace(node: &mut Node, _: Version) {
    let Some(metadata) = node.get_mut("metadata") else { return };
    let Some(name) = metadata.get("name").filter(|name| name.as_str().is_some_and(|name| !name.is_empty())).cloned()
    else {
        return;
    };
    if let Some(labels) = fill_map(metadata, "labels").and_then(Node::as_map_mut) {
        labels.put("kubernetes.io/metadata.name", name);
    }
}

/// Kinds for which the server fills in nothing.
pub(crate) fn nothing(_: &mut Node, _: Version) {}
