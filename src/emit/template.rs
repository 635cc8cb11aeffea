//! Manifests with holes: a YAML file that shows the shape of an object, and leaves that are names of what is put there.
//! No value passes through YAML's syntax, so none can break out of its place.

use crate::diagnostic::Diagnostics;
use crate::source::{At, Sources};
use crate::value::{Data, Map, Node, Text};
use std::sync::OnceLock;

/// A manifest with holes; read when it is first filled.
pub(super) struct Template {
    text: &'static str,
    tree: OnceLock<Option<Part>>,
}

/// A piece of a template.
enum Part {
    Fixed(Node),
    Hole(Text),
    List(Vec<Part>),
    Map(Vec<(Text, Part)>),
}

/// What is put into the holes. A hole that gets nothing takes its key with it.
pub(super) struct Holes<'h> {
    values: Vec<(&'h str, Option<Node>)>,
}

impl<'h> Holes<'h> {
    /// Names and values.
    pub(super) const fn new(values: Vec<(&'h str, Option<Node>)>) -> Self {
        Self { values }
    }

    fn take(&mut self, name: &str) -> Option<Node> {
        self.values.iter_mut().find(|(hole, _)| *hole == name).and_then(|(_, value)| value.take())
    }
}

impl Template {
    /// A template of the product's own.
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, tree: OnceLock::new() }
    }

    /// Fills the holes. Everything the template itself says is placed at `at`.
    pub(super) fn fill(&self, at: At, mut holes: Holes<'_>) -> Node {
        let tree = self.tree.get_or_init(|| {
            let mut sources = Sources::default();
            let id = sources.add("template", self.text);
            crate::yaml::read_one(&sources, id, &mut Diagnostics::default()).map(part)
        });
        tree.as_ref().and_then(|part| part.fill(at, &mut holes)).unwrap_or(Node::null(at))
    }
}

fn part(node: Node) -> Part {
    match node.data {
        Data::Text(text) => match text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
            Some(name) => Part::Hole(name.trim().into()),
            None => Part::Fixed(Node::text(text, node.at)),
        },
        Data::List(items) => Part::List(items.into_iter().map(part).collect()),
        Data::Map(map) => Part::Map(map.into_iter().map(|(key, value)| (key.name, part(value))).collect()),
        data => Part::Fixed(Node::new(data, node.at)),
    }
}

impl Part {
    fn fill(&self, at: At, holes: &mut Holes<'_>) -> Option<Node> {
        match self {
            Self::Fixed(node) => Some(Node::new(node.data.clone(), at)),
            Self::Hole(name) => holes.take(name),
            Self::List(parts) => Some(Node::list(parts.iter().filter_map(|part| part.fill(at, holes)).collect(), at)),
            Self::Map(parts) => {
                let mut map = Map::new();
                for (key, part) in parts {
                    if let Some(node) = part.fill(at, holes) {
                        map.put(key.clone(), node);
                    }
                }
                // A map of holes of which none was filled says nothing.
                (!map.is_empty()).then(|| Node::map(map, at))
            }
        }
    }
}
