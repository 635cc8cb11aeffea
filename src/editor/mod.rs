//! What an editor asks of a spec that is being typed: what a field means, and what may stand here. Works on the text as
//! it is, for it is broken most of the time; knows no protocol.

pub(crate) mod cursor;
pub(crate) mod formula;
pub(crate) mod mend;
pub(crate) mod names;
pub(crate) mod outline;

use crate::block::{Block, Field, KubernetesFields, Shape};
use std::fmt::Write as _;

/// A field, as far as the way to it is known.
#[derive(Clone, Copy)]
pub(crate) struct Meaning {
    /// The field.
    pub field: &'static Field,
    /// The block that it holds, if it holds one.
    pub block: Option<&'static Block>,
}

/// Something that may be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// What is typed: a field's name, or a word.
    pub name: String,
    /// What it is for; empty for words.
    pub text: String,
    /// Whether it is a field, which goes on after a colon.
    pub is_field: bool,
}

/// The field at the end of a path through the blocks below `root`; names of the user's own are passed over.
#[must_use]
pub(crate) fn meaning<'p>(root: &'static Block, path: impl IntoIterator<Item = &'p str>) -> Option<Meaning> {
    match walk(root, path)? {
        Place::Field(meaning) => Some(meaning),
        Place::Name(_) => None,
    }
}

/// What may stand below a path: the fields of its block, or the words that its value may be.
#[must_use]
pub(crate) fn proposals(root: &'static Block, path: &[&str], kubernetes: KubernetesFields<'_>) -> Vec<Proposal> {
    let shape = match walk(root, path.iter().copied()) {
        _ if path.is_empty() => Shape::Block(root),
        Some(Place::Field(meaning)) => (meaning.field.shape)(),
        Some(Place::Name(shape)) => shape,
        None => return Vec::new(),
    };
    let mut list = Vec::new();
    if let Some(Place::Field(meaning)) = walk(root, path.iter().copied()) {
        let words = meaning.field.words();
        list.extend(words.map(|word| Proposal { name: word.to_owned(), text: String::new(), is_field: false }));
    }
    propose(shape, kubernetes, &mut list);
    list
}

/// The page of a field: what it is for, an example, what it may hold.
#[must_use]
pub(crate) fn page(path: &str, meaning: Meaning, kubernetes: KubernetesFields<'_>) -> String {
    let field = meaning.field;
    let mut out = format!("{path}\n\n{}\n", field.text());
    let words: Vec<&str> = field.words().collect();
    if !words.is_empty() {
        let _ = writeln!(out, "\nKubernetes knows {}", crate::diagnostic::listing(words, 12));
    }
    for example in field.examples() {
        let _ = writeln!(out, "\nExample:\n  {}: {example}", field.name);
    }
    if let Some(block) = meaning.block {
        let _ = writeln!(out, "\nIt may hold:");
        for field in block.all_fields() {
            let _ = writeln!(out, "  {:<22} {}", field.name, field.text());
        }
        if let Some(definition) = block.definition() {
            let name = definition.rsplit('.').next().unwrap_or(definition);
            let fields = kubernetes(definition);
            let listed = crate::diagnostic::listing(fields.iter().map(String::as_str), 8);
            let _ = writeln!(out, "  …and any field of Kubernetes' {name}: {listed}");
        }
    }
    out
}

/// The same in Markdown, for editors that show it.
#[must_use]
pub(crate) fn markdown(path: &str, meaning: Meaning, kubernetes: KubernetesFields<'_>) -> String {
    let field = meaning.field;
    let mut out = format!("**`{path}`**\n\n{}\n", field.text());
    let words: Vec<String> = field.words().map(|word| format!("`{word}`")).collect();
    if !words.is_empty() {
        let _ = writeln!(out, "\n{}", words.join(" · "));
    }
    let examples: Vec<String> = field.examples().map(|example| format!("{}: {example}\n", field.name)).collect();
    if !examples.is_empty() {
        let _ = writeln!(out, "\n```yaml\n{}```", examples.concat());
    }
    if let Some(block) = meaning.block {
        out.push('\n');
        for field in block.all_fields() {
            let _ = writeln!(out, "- `{}` {}", field.name, field.text());
        }
        if let Some(definition) = block.definition() {
            let name = definition.rsplit('.').next().unwrap_or(definition);
            let fields = kubernetes(definition);
            let listed = crate::diagnostic::listing(fields.iter().map(String::as_str), 8);
            let _ = writeln!(out, "- any field of Kubernetes' {name}: {listed}");
        }
    }
    out
}

/// Where a path ends.
enum Place {
    Field(Meaning),
    /// At a name of the user's own: what it holds.
    Name(Shape),
}

fn walk<'p>(root: &'static Block, path: impl IntoIterator<Item = &'p str>) -> Option<Place> {
    let mut block = Some(root);
    let mut place: Option<Place> = None;
    for step in path {
        if let Some(field) = block.and_then(|block| block.field(step)) {
            block = inside((field.shape)());
            place = Some(Place::Field(Meaning { field, block }));
            continue;
        }
        let shape = match place? {
            Place::Field(meaning) => (meaning.field.shape)(),
            Place::Name(shape) => shape,
        };
        let inner = held(shape)?;
        block = inside(inner);
        place = Some(Place::Name(inner));
    }
    place
}

/// What the names in a map stand for.
fn held(shape: Shape) -> Option<Shape> {
    match shape {
        Shape::Map(inner) => Some(inner()),
        Shape::List(inner) => held(inner()),
        Shape::Either(shapes) | Shape::Told(shapes, _) => shapes.iter().find_map(|shape| held(shape())),
        _ => None,
    }
}

fn inside(shape: Shape) -> Option<&'static Block> {
    match shape {
        Shape::Block(block) => Some(block),
        Shape::Map(inner) | Shape::List(inner) => inside(inner()),
        Shape::Either(shapes) | Shape::Told(shapes, _) => shapes.iter().find_map(|shape| inside(shape())),
        _ => None,
    }
}

fn propose(shape: Shape, kubernetes: KubernetesFields<'_>, list: &mut Vec<Proposal>) {
    let mut add = |name: &str, text: String, is_field| {
        if !list.iter().any(|known| known.name == name) {
            list.push(Proposal { name: name.to_owned(), text, is_field });
        }
    };
    let foreign = |definition: &str| {
        let name = definition.rsplit('.').next().unwrap_or(definition).to_owned();
        kubernetes(definition).into_iter().map(move |field| (field, format!("As in Kubernetes' {name}.")))
    };
    match shape {
        Shape::Words(words) => words.iter().for_each(|word| add(word, String::new(), false)),
        Shape::Bool => ["true", "false"].iter().for_each(|word| add(word, String::new(), false)),
        Shape::Block(block) => {
            block.all_fields().iter().for_each(|field| add(field.name, field.text(), true));
            block.definition().into_iter().flat_map(foreign).for_each(|(field, text)| add(&field, text, true));
        }
        Shape::Kubernetes(definition) => foreign(definition).for_each(|(field, text)| add(&field, text, true)),
        Shape::List(inner) => propose(inner(), kubernetes, list),
        Shape::Either(shapes) | Shape::Told(shapes, _) => {
            shapes.iter().for_each(|shape| propose(shape(), kubernetes, list));
        }
        Shape::Text | Shape::Scalar | Shape::Int | Shape::Any | Shape::Map(_) => {}
    }
}
