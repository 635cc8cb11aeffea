//! The note that `kubectl apply` leaves on an object: the manifest that it applied, as JSON.
//!
//! Follows `k8s.io/kubectl/pkg/util/apply.go: GetModifiedConfiguration`.

use crate::api::server_side::managers::{self, NOTE};
use crate::json;
use crate::value::{Data, Map, Node};
use std::fmt::Write as _;

/// A manifest with its note, as `kubectl apply` sends it.
#[must_use]
pub(crate) fn noted(manifest: &Node) -> Node {
    let mut plain = without(manifest);
    let at = plain.at;
    if let Some(metadata) = plain.get_mut("metadata").and_then(Node::as_map_mut)
        && metadata.get("annotations").is_none_or(|annotations| annotations.as_map().is_none())
    {
        metadata.put("annotations", Node::map(Map::new(), at));
    }
    let text = text_of(&plain);
    put(&mut plain, text);
    plain
}

/// What the server notes for an apply by `kubectl` on the server's side: the manifest as it was sent.
///
/// `lastAppliedUpdater`, k8s.io/apimachinery/pkg/util/managedfields/internal.
#[must_use]
pub(crate) fn text_of(manifest: &Node) -> String {
    let mut text = String::new();
    write(manifest, &mut text);
    text.push('\n');
    text
}

/// Puts a note on an object.
pub(crate) fn put(object: &mut Node, text: String) {
    let at = object.at;
    let Some(metadata) = object.get_mut("metadata").and_then(Node::as_map_mut) else { return };
    if metadata.get("annotations").is_none_or(|annotations| annotations.as_map().is_none()) {
        metadata.put("annotations", Node::map(Map::new(), at));
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Node::as_map_mut) {
        annotations.put(NOTE, Node::text(text, at));
    }
}

/// Takes a note off an object: the manifest that it holds.
pub(crate) fn take(object: &mut Node) -> Option<Node> {
    let mut last = managers::noted(object);
    // Which it writes even where there are none.
    let metadata = last.as_mut().and_then(|last| last.get_mut("metadata")).and_then(Node::as_map_mut);
    if let Some(metadata) = metadata
        && metadata.get("annotations").and_then(Node::as_map).is_some_and(Map::is_empty)
    {
        metadata.remove("annotations");
    }
    let metadata = object.get_mut("metadata").and_then(Node::as_map_mut)?;
    let annotations = metadata.get_mut("annotations").and_then(Node::as_map_mut)?;
    annotations.remove(NOTE)?;
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    last
}

/// Whether two manifests leave the same note.
#[must_use]
pub(crate) fn is_alike(one: &Node, other: &Node) -> bool {
    let note = |manifest: &Node| {
        let noted = noted(manifest);
        noted.find(&["metadata", "annotations", NOTE]).and_then(Node::as_str).map(str::to_owned)
    };
    note(one) == note(other)
}

/// A manifest without a note, should it hold one.
fn without(manifest: &Node) -> Node {
    let mut plain = manifest.clone();
    let annotations = plain.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Node::as_map_mut) {
        annotations.remove(NOTE);
    }
    plain
}

/// JSON as Go writes it: sorted keys, and what HTML could misread escaped.
fn write(node: &Node, text: &mut String) {
    match &node.data {
        Data::Map(map) => {
            let mut entries: Vec<(&str, &Node)> = map.iter().map(|(key, value)| (key.name.as_str(), value)).collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (position, (key, value)) in entries.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                quote(key, text);
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Data::List(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Data::Text(value) => quote(value, text),
        Data::Float(value) => text.push_str(&json::number(*value)),
        _ => text.push_str(&json::from_node(node).to_string()),
    }
}

fn quote(value: &str, text: &mut String) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(letter));
            }
            _ => text.push(letter),
        }
    }
    text.push('"');
}
