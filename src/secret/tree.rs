//! Secrets in trees of values: which scalar is one, wholly or in part. Reads a kind as the reader understood it,
//! however it was spelt.

use super::{COPIES, name, text};
use crate::json;
use crate::value::{Data, Key, Map, Node, Text};
use std::ops::Range;

/// What of a scalar is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Nothing.
    Shown,
    /// Some stretches of its text.
    Parts(Vec<Range<usize>>),
    /// All of it.
    Whole,
}

/// Looks at each scalar and key of a tree, and may put another one in its place.
pub trait Eye {
    /// A scalar.
    fn scalar(&mut self, node: &Node, cover: &Cover) -> Option<Data>;
    /// A key that looks like a secret itself, or not.
    fn key(&mut self, key: &Key, cover: &Cover) -> Option<Text>;
}

/// Keys under which a name's value stands beside it: `{name: DB_PASSWORD, value: …}`.
const VALUES: &[&str] = &[
    "value",
    "values",
    "default",
    "defaultValue",
    "stringValue",
    "literal",
    "content",
    "contents",
    "data",
    "plain",
    "plaintext",
    "text",
    "raw",
    "string",
    "val",
    "val1",
    "inline",
];
/// Keys that name it.
const NAMES: &[&str] = &["name", "key", "header", "field", "variable", "id", "property"];
/// Fields of an object that hold nothing of it.
const HEAD: &[&str] = &["apiVersion", "kind", "type", "immutable"];
/// Names in a map that is called after a secret: they say where it is.
const POINTERS: &[&str] = &[
    "name",
    "key",
    "namespace",
    "optional",
    "kind",
    "apiVersion",
    "group",
    "version",
    "path",
    "mountPath",
    "defaultMode",
    "mode",
    "property",
    "type",
    "enabled",
    "create",
    "secret",
    "configMap",
    "field",
    "file",
    "env",
    "audience",
];
/// Texts in texts in texts are looked into so many times.
const DEEPEST: usize = 3;
/// Texts that are longer are not read as JSON.
const LARGEST: usize = 4 << 20;

/// Walks through a tree. What comes back is the tree with all that the eye has put in place; nothing, if that is
/// nothing.
pub fn walk(node: &Node, eye: &mut dyn Eye) -> Option<Node> {
    Walk { eye, depth: 0 }.value(node, Place::default())
}

/// Whether anything in a tree is secret.
#[must_use]
pub fn holds_any(node: &Node) -> bool {
    let mut eye = Any(false);
    walk(node, &mut eye);
    eye.0
}

struct Any(bool);

impl Eye for Any {
    fn scalar(&mut self, _: &Node, cover: &Cover) -> Option<Data> {
        self.0 |= *cover != Cover::Shown;
        None
    }

    fn key(&mut self, _: &Key, cover: &Cover) -> Option<Text> {
        self.0 |= *cover != Cover::Shown;
        None
    }
}

/// What of a value is secret, whatever it looks like.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Hides {
    #[default]
    Nothing,
    /// All scalars.
    Values,
    /// Its keys too: it stands where a text should.
    All,
}

/// Where in a tree a value stands.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    /// What of it is secret.
    hides: Hides,
    /// It is a Secret among the items of a list of them.
    is_secret: bool,
    /// It is the map of a name that says so: only what holds a value is secret.
    is_named: bool,
    /// The key that it stands under.
    key: &'a str,
    /// Its siblings: a command, before its arguments.
    before: Option<&'a Node>,
}

struct Walk<'e> {
    eye: &'e mut dyn Eye,
    depth: usize,
}

impl Walk<'_> {
    fn value(&mut self, node: &Node, place: Place<'_>) -> Option<Node> {
        let data = match &node.data {
            Data::Map(map) => self.map(map, place).map(Data::Map),
            Data::List(items) => self.list(items, place).map(Data::List),
            _ => {
                let cover = self.cover(node, place);
                self.eye.scalar(node, &cover)
            }
        };
        data.map(|data| Node::new(data, node.at))
    }

    fn map(&mut self, map: &Map, place: Place<'_>) -> Option<Map> {
        let kind = map.get("kind").and_then(Node::as_str);
        let is_object = place.is_secret || kind.is_some_and(is_secret_kind) || kind.is_none() && map.has("stringData");
        let is_list = kind.is_some_and(|kind| kind.len() > 6 && is_secret_kind(kind));
        let named = NAMES.iter().find_map(|key| map.get(key).and_then(Node::as_str)).is_some_and(name::is_secret);
        let mut changed: Option<Map> = None;
        for (key, value) in map.iter() {
            let word = key.name.as_str();
            let is_scalar = !matches!(value.data, Data::Map(_));
            let mut inner = Place { hides: place.hides, key: word, ..Place::default() };
            if is_object && !HEAD.contains(&word) && word != "metadata" {
                if is_list && word == "items" {
                    inner.is_secret = true;
                } else {
                    inner.hides = Hides::Values;
                }
            } else if named && is_value(word) {
                inner.hides = Hides::All;
            } else if place.is_named && !POINTERS.contains(&word) && (VALUES.contains(&word) || is_many(place.key)) {
                inner.hides = Hides::Values;
            } else if word == "metadata" && is_object {
                // Its copies are the Secret once more.
                let replaced = self.metadata(value);
                put(&mut changed, map, key, None, replaced);
                continue;
            } else if word == "stringData" {
                inner.hides = Hides::Values;
            } else if is_pointer(word, value) {
            } else if name::is_secret(word) {
                if is_scalar { inner.hides = Hides::Values } else { inner.is_named = true }
            } else if word == "args" {
                inner.before = map.get("command");
            } else if word == "literals" && place.key.to_ascii_lowercase().contains("secret") {
                inner.hides = Hides::Values;
            }
            let name = if place.hides == Hides::All { self.eye.key(key, &Cover::Whole) } else { self.name(key) };
            let replaced = self.value(value, inner);
            put(&mut changed, map, key, name, replaced);
        }
        changed
    }

    fn name(&mut self, key: &Key) -> Option<Text> {
        const SHORTEST: usize = 12;
        let cover = if key.name.len() < SHORTEST { Cover::Shown } else { parts(looks(&key.name)) };
        self.eye.key(key, &cover)
    }

    /// The metadata of a Secret: annotations that hold more than a word.
    fn metadata(&mut self, node: &Node) -> Option<Node> {
        const WORD: usize = 120;
        let Data::Map(map) = &node.data else { return self.value(node, Place::default()) };
        let mut changed: Option<Map> = None;
        for (key, value) in map.iter() {
            let name = self.name(key);
            let replaced = match &value.data {
                Data::Map(inner) if key.name == "annotations" => {
                    let mut annotations: Option<Map> = None;
                    for (key, value) in inner.iter() {
                        let said = value.as_str().unwrap_or_default();
                        let is_copy = COPIES.contains(&key.name.as_str())
                            || said.len() > WORD
                            || said.starts_with(['{', '['])
                            || said.starts_with("H4sI");
                        let name = self.name(key);
                        let place = Place {
                            hides: if is_copy || name::is_secret(&key.name) { Hides::Values } else { Hides::Nothing },
                            key: &key.name,
                            ..Place::default()
                        };
                        let replaced = self.value(value, place);
                        put(&mut annotations, inner, key, name, replaced);
                    }
                    annotations.map(|map| Node::map(map, value.at))
                }
                _ => self.value(value, Place { key: &key.name, ..Place::default() }),
            };
            put(&mut changed, map, key, name, replaced);
        }
        changed.map(|map| Node::map(map, node.at))
    }

    fn list(&mut self, items: &[Node], place: Place<'_>) -> Option<Vec<Node>> {
        let mut changed: Option<Vec<Node>> = None;
        let mut spots: Vec<(usize, Range<usize>)> = Vec::new();
        if place.hides == Hides::Nothing
            && items.iter().any(|item| item.as_str().is_some_and(|text| text.starts_with('-')))
        {
            let before: Vec<&str> = place.before.into_iter().flat_map(Node::items).filter_map(Node::as_str).collect();
            let words: Vec<&str> =
                before.iter().copied().chain(items.iter().map(|item| item.as_str().unwrap_or_default())).collect();
            text::flags(&words, |index, range| {
                if let Some(index) = index.checked_sub(before.len()) {
                    spots.push((index, range));
                }
            });
            spots.sort_by_key(|(index, range)| (*index, range.start));
        }
        let mut next = spots.into_iter().peekable();
        for (index, item) in items.iter().enumerate() {
            let mut own = Vec::new();
            while let Some((_, range)) = next.next_if(|(at, _)| *at == index) {
                own.push(range);
            }
            let replaced = if own.is_empty() {
                let inner =
                    Place { before: None, key: if place.key == "secretGenerator" { place.key } else { "" }, ..place };
                self.value(item, inner)
            } else {
                let said = item.as_str().unwrap_or_default();
                own.extend(text::stretches(said));
                text::tidy(said, &mut own);
                let cover = if own.first().is_some_and(|range| *range == (0..said.len())) {
                    Cover::Whole
                } else {
                    Cover::Parts(own)
                };
                self.eye.scalar(item, &cover).map(|data| Node::new(data, item.at))
            };
            if let Some(node) = replaced {
                changed.get_or_insert_with(|| items.to_vec())[index] = node;
            }
        }
        changed
    }

    fn cover(&mut self, node: &Node, place: Place<'_>) -> Cover {
        match &node.data {
            Data::Int(_) | Data::Float(_) if place.hides != Hides::Nothing => Cover::Whole,
            Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::List(_) | Data::Map(_) => Cover::Shown,
            Data::Text(text) if text.trim().is_empty() => Cover::Shown,
            Data::Text(text) if place.hides != Hides::Nothing => {
                if text::is_reference(text) {
                    Cover::Shown
                } else {
                    Cover::Whole
                }
            }
            Data::Text(text) => self.inside(text, node),
        }
    }

    /// What is secret within a text: all of it, where it is a document that holds something secret.
    fn inside(&mut self, said: &Text, node: &Node) -> Cover {
        let begin = said.trim_start();
        if begin.starts_with(['{', '['])
            && said.len() <= LARGEST
            && self.depth < DEEPEST
            && let Ok(json) = serde_json::from_str::<serde_json::Value>(said)
        {
            let mut eye = Any(false);
            Walk { eye: &mut eye, depth: self.depth + 1 }.value(&json::to_node(&json, node.at), Place::default());
            return if eye.0 { Cover::Whole } else { Cover::Shown };
        }
        if said.starts_with("H4sI") && said.len() > 64
            || said.contains("kind") && said.contains("Secret") && speaks_of_secret(said)
        {
            return Cover::Whole;
        }
        parts(text::stretches(said))
    }
}

fn parts(list: Vec<Range<usize>>) -> Cover {
    if list.is_empty() { Cover::Shown } else { Cover::Parts(list) }
}

fn looks(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    super::shape::find(text, &mut found);
    text::tidy(text, &mut found);
    found
}

fn put(changed: &mut Option<Map>, map: &Map, key: &Key, name: Option<Text>, node: Option<Node>) {
    if name.is_none() && node.is_none() {
        return;
    }
    let changed = changed.get_or_insert_with(|| map.clone());
    match (name, node) {
        (None, Some(node)) => {
            if let Some(place) = changed.get_mut(&key.name) {
                *place = node;
            }
        }
        (Some(name), node) => {
            if let Some((_, old)) = changed.take(&key.name) {
                changed.set(Key { name, at: key.at }, node.unwrap_or(old));
            }
        }
        (None, None) => {}
    }
}

/// Whether a kind is `Secret`, a list of them, or `Secret` with a slip.
#[must_use]
pub fn is_secret_kind(kind: &str) -> bool {
    let kind = kind.trim().to_ascii_lowercase();
    let word = kind.strip_suffix("list").unwrap_or(&kind);
    word == "secret" || word.len().abs_diff(6) <= 1 && is_near(word.as_bytes(), b"secret")
}

/// Whether one letter makes the difference.
fn is_near(one: &[u8], other: &[u8]) -> bool {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[same..], &other[same..]);
    match one.len().cmp(&other.len()) {
        std::cmp::Ordering::Equal => {
            one.len() < 2
                || one[1..] == other[1..]
                || one[0] == other[1] && one[1] == other[0] && one[2..] == other[2..]
        }
        std::cmp::Ordering::Less => other[1..] == *one,
        std::cmp::Ordering::Greater => one[1..] == *other,
    }
}

/// `value`, its likes, and a slip.
fn is_value(key: &str) -> bool {
    VALUES.contains(&key) || key.len().abs_diff(5) <= 1 && is_near(key.to_ascii_lowercase().as_bytes(), b"value")
}

/// Names of many secrets, whose map has one under each key.
fn is_many(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["passwords", "passwds", "tokens", "credentials", "creds", "secretdata", "keys"]
        .iter()
        .any(|word| key.ends_with(word))
}

/// `secretKeyRef: {…}`, `secrets: {DB_PASSWORD: …}` of a spec, a list of names: what says where a secret is.
fn is_pointer(word: &str, value: &Node) -> bool {
    match &value.data {
        Data::Map(_) => word == "secrets" || word == "secret",
        Data::List(items) => {
            word.to_ascii_lowercase().ends_with("secrets") || items.iter().all(|item| matches!(item.data, Data::Map(_)))
        }
        _ => false,
    }
}

/// Whether a text mentions an object of the kind Secret, in any spelling.
#[must_use]
pub fn speaks_of_secret(text: &str) -> bool {
    let mut from = 0;
    while let Some(at) = text[from..].find("kind").map(|offset| from + offset + 4) {
        let rest: String = text[at..].chars().take(120).collect();
        let mut words = rest.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        if words.any(|word| matches!(word, "Secret" | "SecretList")) {
            return true;
        }
        from = at;
    }
    false
}
