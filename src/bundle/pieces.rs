//! Texts of many objects, in pieces that are read each by itself: documents, and the items of a list as kubectl prints
//! it. Reads no meaning into them.

use crate::diagnostic::Diagnostics;
use crate::source::{At, SourceId, Sources};
use crate::value::Node;
use crate::yaml::{self, Field, Part};
use std::sync::Arc;

/// A part of a text that is read by itself.
#[derive(Clone, Debug)]
pub struct Piece {
    source: SourceId,
    text: Arc<String>,
    part: Part,
    /// Where in the source it begins.
    base: usize,
    /// What it is, unless it says otherwise.
    pub kind: Option<Kind>,
}

/// An apiVersion and a kind.
pub type Kind = (String, String);

impl Piece {
    /// A part of a text.
    #[must_use]
    pub fn new(sources: &Sources, source: SourceId, part: Part) -> Self {
        Self { source, text: Arc::clone(&sources.get(source).text), part, base: part.start, kind: None }
    }

    /// Reads it as Kubernetes would. `None` when it is not YAML, nothing inside when it is empty.
    pub fn read(&self, found: &mut Diagnostics) -> Option<Option<Node>> {
        yaml::read_piece(self.source, self.text(), self.base, found)
    }

    /// Reads some fields of it, if nothing in it is rare or wrong.
    #[must_use]
    pub fn outline(&self, fields: &'static [Field]) -> Option<Node> {
        yaml::outline(self.source, self.text(), self.base, fields)
    }

    /// What is written there.
    pub(super) fn text(&self) -> &str {
        &self.text[self.part.start..self.part.end]
    }

    /// Where it begins.
    pub(super) fn at(&self) -> At {
        let start = u32::try_from(self.base).unwrap_or(u32::MAX);
        At { source: self.source, start, end: start }
    }
}

/// The pieces of a text, which are of that kind unless they say otherwise.
#[must_use]
pub fn pieces(sources: &Sources, source: SourceId, kind: Option<&Kind>) -> Vec<Piece> {
    let text = &sources.get(source).text;
    let mut all = Vec::new();
    for whole in yaml::parts(text) {
        let here = |part: Part, kind: Option<&Kind>| Piece { kind: kind.cloned(), ..Piece::new(sources, source, part) };
        let Some(list) = split(&text[whole.start..whole.end]) else {
            all.push(here(whole, kind));
            continue;
        };
        let kind = list.kind.as_ref().or(kind);
        all.extend(list.items.into_iter().map(|Item { part, own }| {
            let piece = here(Part { start: whole.start + part.start, end: whole.start + part.end }, kind);
            match own {
                Some(own) => Piece { part: Part { start: 0, end: own.len() }, text: Arc::new(own), ..piece },
                None => piece,
            }
        }));
    }
    all
}

/// A list as kubectl prints it: all objects of a cluster are more than one document may have.
struct List {
    items: Vec<Item>,
    /// What a list of one kind says of its items.
    kind: Option<Kind>,
}

/// An item of a list: where it is, and its text where that is not the same.
struct Item {
    part: Part,
    own: Option<String>,
}

fn split(text: &str) -> Option<List> {
    if text.trim_start().starts_with('{') { split_json(text) } else { split_yaml(text) }
}

/// What a `PodList` holds.
#[must_use]
pub fn of_list(api_version: &str, kind: &str) -> Option<Kind> {
    let item = kind.strip_suffix("List").filter(|item| !item.is_empty())?;
    Some((api_version.to_owned(), item.to_owned()))
}

/// The items of one JSON object, found by brackets alone.
fn split_json(text: &str) -> Option<List> {
    let bytes = text.as_bytes();
    let (mut depth, mut place, mut start, mut in_items) = (0_usize, 0, 0, false);
    let (mut key, mut says) = ("", [""; 2]);
    let mut items = Vec::new();
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'"' => {
                let mut end = place + 1;
                while *bytes.get(end)? != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                let word = text.get(place + 1..end)?;
                if depth == 1 && text.get(end + 1..)?.trim_start().starts_with(':') {
                    key = word;
                } else if depth == 1
                    && let Some(field) = ["apiVersion", "kind"].iter().position(|field| *field == key)
                {
                    says[field] = word;
                }
                place = end;
            }
            b'{' | b'[' => {
                in_items |= depth == 1 && *byte == b'[' && key == "items";
                if depth == 2 && in_items {
                    start = place;
                }
                depth += 1;
                if depth > DEEPEST_JSON {
                    return None;
                }
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 2 && in_items {
                    items.push(Item { part: Part { start, end: place + 1 }, own: None });
                }
                in_items &= depth > 1;
                if depth == 0 && !text.get(place + 1..)?.trim().is_empty() {
                    return None;
                }
            }
            _ => {}
        }
        place += 1;
    }
    let is_list = says[1].ends_with("List") && depth == 0 && !items.is_empty();
    is_list.then(|| List { items, kind: of_list(says[0], says[1]) })
}

/// Nothing in Kubernetes nests so deep.
const DEEPEST_JSON: usize = 128;

/// The items of one YAML document in the form in which kubectl prints it: each begins in the first column.
fn split_yaml(text: &str) -> Option<List> {
    let (mut items, mut start): (Vec<Item>, _) = (Vec::new(), None);
    let (mut place, mut in_items, mut says) = (0, false, [""; 2]);
    let item = |start: usize, end: usize| {
        let own = Some(format!("  {}", &text[start + 2..end]));
        Item { part: Part { start, end }, own }
    };
    for line in text.split_inclusive('\n') {
        let is_within = line.starts_with([' ', '\n', '\r']);
        if in_items && !is_within {
            if let Some(start) = start.take() {
                items.push(item(start, place));
            }
            in_items = line.starts_with("- ");
            start = in_items.then_some(place);
        }
        if !in_items && !is_within {
            match line.trim_end().split_once(':') {
                Some(("items", "")) => in_items = true,
                Some(("apiVersion", value)) => says[0] = value.trim(),
                Some(("kind", value)) => says[1] = value.trim(),
                Some(("metadata", _)) => {}
                _ if place == 0 && line.trim_end() == "---" || line.starts_with('#') => {}
                _ => return None,
            }
        }
        place += line.len();
    }
    items.extend(start.map(|start| item(start, text.len())));
    let is_list = says[1].ends_with("List") && !items.is_empty();
    is_list.then(|| List { items, kind: of_list(says[0], says[1]) })
}
