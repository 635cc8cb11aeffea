//! What is in a file: symbols for the outline, and lines that fold away.

use super::document::Document;
use crate::diagnostic::Diagnostics;
use crate::editor::outline::{self, Item};
use crate::source::Sources;
use crate::value::Node;
use crate::yaml;
use serde_json::{Value, json};

const NAMESPACE: u8 = 3;
const FIELD: u8 = 8;
const OBJECT: u8 = 19;

/// The keys of a spec, or the objects of a file of manifests.
pub(super) fn symbols(document: &Document, is_ours: bool) -> Value {
    if is_ours {
        let items = document.tree().map(outline::outline).unwrap_or_default();
        return items.iter().map(|item| symbol(document, item, "")).collect();
    }
    let mut sources = Sources::default();
    let id = sources.add("manifests", document.text.as_str());
    let objects = yaml::parts(&document.text).into_iter().filter_map(|part| {
        let root = yaml::read_part(id, &document.text, part, &mut Diagnostics::default())??;
        let text = |path: &[&str]| root.find(path).and_then(Node::as_str).unwrap_or_default().to_owned();
        let items = outline::outline(&root);
        let first = items.first()?;
        let name = format!("{}/{}", text(&["kind"]), text(&["metadata", "name"]));
        let whole = first.whole.start..outline::end_of(&root).max(first.whole.end);
        Some(json!({
            "name": name,
            "kind": OBJECT,
            "range": document.range(&whole),
            "selectionRange": document.range(&first.key),
            "children": items.iter().map(|item| symbol(document, item, "")).collect::<Vec<_>>(),
        }))
    });
    objects.collect()
}

fn symbol(document: &Document, item: &Item, above: &str) -> Value {
    let kind = match (above, item.is_block) {
        ("environments", _) => NAMESPACE,
        (_, true) => OBJECT,
        (_, false) => FIELD,
    };
    json!({
        "name": if item.name.is_empty() { "\"\"" } else { &item.name },
        "kind": kind,
        "range": document.range(&item.whole),
        "selectionRange": document.range(&item.key),
        "children": item.below.iter().map(|below| symbol(document, below, &item.name)).collect::<Vec<_>>(),
    })
}

/// The lines that fold away.
pub(super) fn folds(document: &Document) -> Value {
    let folds = outline::folds(&document.text).into_iter();
    folds
        .map(|(start, end, is_comment)| {
            let kind = if is_comment { "comment" } else { "region" };
            json!({"startLine": start, "endLine": end, "kind": kind})
        })
        .collect()
}
