//! Claim templates as storage items.

use super::container::some_texts;
use super::draft::map_at;
use super::text::{literal, literal_map};
use super::volume;
use crate::value::{Map, Node, Text};
use std::collections::BTreeMap;

/// The storage items, and what only Kubernetes' words can say of a claim template.
pub(super) fn storage(
    claims: &[&Node],
    selector: &Map,
    mounts: &BTreeMap<Text, Map>,
    volumes: Option<&volume::Backends>,
) -> (Map, Vec<Node>) {
    let (mut items, mut more) = (Map::new(), Vec::new());
    for claim in claims {
        let at = claim.at;
        let Some(name) = claim.find(&["metadata", "name"]).and_then(Node::as_str) else { continue };
        let mut item = mounts.get(name).cloned().unwrap_or_default();
        let (mut rest, mut requests) = (Map::new(), Map::new());
        for (key, value) in claim.get("spec").into_iter().flat_map(Node::entries) {
            match &*key.name {
                "accessModes" => {
                    let modes: Vec<&Node> = value.items().collect();
                    match modes[..] {
                        [mode] if mode.as_str() == Some("ReadWriteOnce") => {}
                        [mode] => {
                            item.put("access", literal(mode));
                        }
                        _ => {
                            item.put("access", literal(value));
                        }
                    }
                }
                "storageClassName" => {
                    if !volumes.is_some_and(|volumes| volumes.says_class(name)) {
                        item.put("class", literal(value));
                    }
                }
                "volumeMode" => {
                    item.put("mode", literal(value));
                }
                "resources" => {
                    for (kind, amounts) in value.entries() {
                        let left: Map = amounts
                            .entries()
                            .filter(|(name, _)| !(kind.name == "requests" && name.name == "storage"))
                            .map(|(name, amount)| (name.clone(), literal(amount)))
                            .collect();
                        if !left.is_empty() {
                            requests.put(kind.name.clone(), Node::map(left, amounts.at));
                        }
                    }
                    if let Some(size) = value.find(&["requests", "storage"]) {
                        item.put("size", literal(size));
                    }
                }
                _ => {
                    rest.put(key.name.clone(), literal(value));
                }
            }
        }
        if !requests.is_empty() {
            rest.put("resources", Node::map(requests, at));
        }
        let labels = map_at(claim, &["metadata", "labels"]);
        if labels != *selector {
            item.put("labels", literal_map(&labels, at));
        }
        if let Some(annotations) = some_texts(&map_at(claim, &["metadata", "annotations"]), at) {
            item.put("annotations", annotations);
        }
        if let Some(volume) = volumes.and_then(|volumes| volumes.of(name)) {
            item.put("volume", volume.clone());
        }
        for (key, value) in rest {
            item.set(key, value);
        }
        let mut entries: Vec<_> = item.into_iter().collect();
        let order = ["mount", "size", "class", "access", "mode", "subPath", "readOnly", "labels"];
        entries.sort_by_key(|(key, _)| order.iter().position(|known| *known == key.name).unwrap_or(order.len()));
        items.put(name, Node::map(entries.into_iter().collect(), at));
        let metadata: Map = claim
            .get("metadata")
            .into_iter()
            .flat_map(Node::entries)
            .filter(|(key, _)| !matches!(&*key.name, "labels" | "annotations"))
            .map(|(key, value)| (key.clone(), literal(value)))
            .collect();
        if metadata.len() > 1 {
            more.push(Node::of(at, [("metadata", Some(Node::map(metadata, at)))]));
        }
    }
    (items, more)
}
