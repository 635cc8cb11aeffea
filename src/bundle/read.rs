//! Anyone's text to manifests: every document of a stream, lists taken apart, what is no manifest reported and passed
//! over.

use super::pieces::Piece;
use super::{Bundle, Resource};
use crate::diagnostic::{Code, Diagnostics, Level, Refusal};
use crate::source::{At, SourceId, Sources};
use crate::value::{Data, Node};
use crate::yaml::{self, Part};

/// A document that is no object.
static NO_OBJECT: Code =
    Code { id: "SW0020", name: "no-kind", level: Level::Error, page: include_str!("pages/no-kind.md") };
/// Nothing in it.
static EMPTY: Code =
    Code { id: "SW0021", name: "empty-file", level: Level::Warning, page: include_str!("pages/empty-file.md") };
/// A Helm template.
static TEMPLATE: Code = Code {
    id: "SW0022",
    name: "unrendered-template",
    level: Level::Error,
    page: include_str!("pages/unrendered-template.md"),
};

/// The codes of this module.
pub(super) static CODES: &[&Code] = &[&NO_OBJECT, &EMPTY, &TEMPLATE];

/// Lists in lists are taken apart so many times.
const DEEPEST: usize = 4;

/// One document of a text.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    source: SourceId,
    part: Part,
}

/// Adds a text's manifests to a bundle.
pub fn manifests(sources: &Sources, id: SourceId, bundle: &mut Bundle, found: &mut Diagnostics) {
    for part in documents(sources, id, found) {
        document(sources, part, bundle, found);
    }
}

/// The documents of a text.
pub fn documents(sources: &Sources, id: SourceId, found: &mut Diagnostics) -> Vec<Document> {
    let parts = yaml::parts(&sources.get(id).text);
    if parts.is_empty() {
        EMPTY.report("this file holds no document").help("remove it, or put a manifest into it").at(At::top(id), found);
    }
    parts.into_iter().map(|part| Document { source: id, part }).collect()
}

/// Adds a document's manifests to a bundle. Keys that it holds twice are reported as a server would.
pub fn document(sources: &Sources, Document { source, part }: Document, bundle: &mut Bundle, found: &mut Diagnostics) {
    piece(&sources.get(source).name, &Piece::new(sources, source, part), bundle, found);
}

/// Adds the manifests of a piece of a file.
pub(super) fn piece(file: &str, piece: &Piece, bundle: &mut Bundle, found: &mut Diagnostics) {
    let mut own = Diagnostics::default();
    match piece.read(&mut own) {
        Some(Some(mut node)) => {
            name_kustomization(&mut node, file);
            object(node, 0, bundle, &mut own);
        }
        Some(None) => {}
        None => {
            let (text, At { source, start, .. }) = (piece.text(), piece.at());
            if let Some(brace) = text.find("{{") {
                own = Diagnostics::default();
                let start = start.saturating_add(u32::try_from(brace).unwrap_or(u32::MAX));
                TEMPLATE
                    .report("this is a template that nobody has rendered: it holds `{{`, and is not YAML")
                    .help("check what `helm template` makes of it instead")
                    .at(At { source, start, end: start + 2 }, &mut own);
            }
        }
    }
    // Whatever cannot be read as an object never reaches a server.
    own.retain(|diagnostic| {
        if diagnostic.level == Level::Error && diagnostic.refusal.is_none() {
            diagnostic.refusal =
                Some(Refusal { field: String::new(), kind: "parse", detail: diagnostic.message.clone() });
        }
        true
    });
    found.extend(own);
}

/// A Kustomization need not say that it is one: kustomize knows it by the name of its file.
fn name_kustomization(node: &mut Node, file: &str) {
    const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
    let at = node.at;
    let Data::Map(map) = &mut node.data else { return };
    if FILES.contains(&file.rsplit('/').next().unwrap_or(file)) && !map.has("kind") && !map.has("apiVersion") {
        map.put("apiVersion", Node::text("kustomize.config.k8s.io/v1beta1", at));
        map.put("kind", Node::text("Kustomization", at));
    }
}

fn object(node: Node, depth: usize, bundle: &mut Bundle, found: &mut Diagnostics) {
    if node.is_null() {
        return;
    }
    let is_list = node.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"))
        && node.get("items").is_some();
    if is_list && depth < DEEPEST {
        if let Data::Map(mut map) = node.data
            && let Some(Node { data: Data::List(items), .. }) = map.remove("items")
        {
            items.into_iter().for_each(|item| object(item, depth + 1, bundle, found));
        }
        return;
    }
    match Resource::new(node) {
        Ok(resource) => bundle.resources.push(resource),
        Err(node) => {
            let lacks = match &node.data {
                Data::Map(map) if !map.has("kind") => "it has no `kind`".to_owned(),
                Data::Map(_) => "it has no `apiVersion`".to_owned(),
                _ => format!("it is {}", node.noun()),
            };
            let at = At { end: node.at.start, ..node.at };
            NO_OBJECT
                .report(format!("this is no Kubernetes object: {lacks}"))
                .help(
                    "every object begins with `apiVersion:` and `kind:`; other YAML files can be left out of the paths",
                )
                .at(at, found);
        }
    }
}
