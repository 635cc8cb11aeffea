//! The one tree of values that every stage speaks: what YAML and JSON can hold, each piece with its place. Knows no
//! format.

use crate::source::At;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Text of any length; short ones live inside the node, long ones are shared.
pub type Text = SmolStr;

/// A value and where it was written. Two nodes are equal when their values are, wherever they come from.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub data: Data,
    /// Where it was written, or what caused it.
    pub at: At,
}

/// What a node can be.
#[derive(Clone, Debug)]
pub enum Data {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number. Never an integral value that [`Data::Int`] could hold, never NaN or infinite.
    Float(f64),
    /// Text.
    Text(Text),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Map),
}

/// A key and where it was written.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its text.
    pub name: Text,
    /// Its place.
    pub at: At,
}

/// An ordered map. Equal to another with the same entries in any order. A copy costs nothing until one of the two
/// changes: manifests are handed from stage to stage, and most of each stays as it was.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Option<Arc<Vec<(Key, Node)>>>,
    /// Kept once a map outgrows [`LINEAR`], so that a hostile file of a million keys costs no million scans.
    index: Option<Arc<BTreeMap<Text, usize>>>,
}

/// Up to so many entries a scan beats an index.
const LINEAR: usize = 24;

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        let shared = matches!((&self.entries, &other.entries), (Some(one), Some(other)) if Arc::ptr_eq(one, other));
        shared || self.len() == other.len() && self.iter().all(|(key, node)| other.get(&key.name) == Some(node))
    }
}

impl Data {
    /// A number in its one normal form: whole if it can be.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
    pub fn number(value: f64) -> Self {
        if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
            Self::Int(value as i64)
        } else {
            Self::Float(value)
        }
    }
}

impl Node {
    /// A node of any data.
    #[must_use]
    pub const fn new(data: Data, at: At) -> Self {
        Self { data, at }
    }

    /// Gives back the room that it took for what could have come.
    pub fn shrink_to_fit(&mut self) {
        match &mut self.data {
            Data::List(items) => {
                items.iter_mut().for_each(Self::shrink_to_fit);
                items.shrink_to_fit();
            }
            Data::Map(map) if !map.is_empty() => {
                let entries = map.list_mut();
                entries.iter_mut().for_each(|(_, node)| node.shrink_to_fit());
                entries.shrink_to_fit();
            }
            _ => {}
        }
    }

    /// Nothing.
    #[must_use]
    pub const fn null(at: At) -> Self {
        Self::new(Data::Null, at)
    }

    /// A truth value.
    #[must_use]
    pub const fn bool(value: bool, at: At) -> Self {
        Self::new(Data::Bool(value), at)
    }

    /// A whole number.
    #[must_use]
    pub const fn int(value: i64, at: At) -> Self {
        Self::new(Data::Int(value), at)
    }

    /// Text.
    #[must_use]
    pub fn text(value: impl Into<Text>, at: At) -> Self {
        Self::new(Data::Text(value.into()), at)
    }

    /// A list.
    #[must_use]
    pub const fn list(items: Vec<Node>, at: At) -> Self {
        Self::new(Data::List(items), at)
    }

    /// A map.
    #[must_use]
    pub const fn map(map: Map, at: At) -> Self {
        Self::new(Data::Map(map), at)
    }

    /// A map of some fields, all placed at `at`; absent ones are left out.
    #[must_use]
    pub fn of<const N: usize>(at: At, fields: [(&'static str, Option<Self>); N]) -> Self {
        let mut map = Map::new();
        for (name, node) in fields {
            if let Some(node) = node {
                map.put(Text::new_static(name), node);
            }
        }
        Self::map(map, at)
    }

    /// The value under `key`, if this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The value under `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.data {
            Data::Map(map) => map.get_mut(key),
            _ => None,
        }
    }

    /// The value at the end of a chain of keys.
    #[must_use]
    pub fn find(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Its text, if it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its number, if it is whole.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self.data {
            Data::Int(value) => Some(value),
            _ => None,
        }
    }

    /// Its truth, if it is a truth value.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self.data {
            Data::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Its items, if it is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    /// Its map, if it is one.
    #[must_use]
    pub const fn as_map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Its map, to change it.
    pub const fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// Its items; none if it is no list.
    pub fn items(&self) -> impl Iterator<Item = &Self> {
        self.as_list().unwrap_or_default().iter()
    }

    /// Its items, to change them; none if it is no list.
    pub fn items_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        match &mut self.data {
            Data::List(items) => items.iter_mut(),
            _ => [].iter_mut(),
        }
    }

    /// The value at the end of a chain of keys, to change it.
    pub fn find_mut(&mut self, keys: &[&str]) -> Option<&mut Self> {
        keys.iter().try_fold(self, |node, key| node.get_mut(key))
    }

    /// Its entries; none if it is no map.
    pub fn entries(&self) -> impl Iterator<Item = (&Key, &Self)> {
        self.as_map().into_iter().flat_map(Map::iter)
    }

    /// What a person calls this kind of value.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "true or false",
            Data::Int(_) | Data::Float(_) => "a number",
            Data::Text(_) => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }

    /// The node at a field path as the API server writes it (`spec.containers[0].ports[1].name`,
    /// `metadata.labels[app.kubernetes.io/name]`), or its nearest ancestor that exists.
    #[must_use]
    pub fn nearest(&self, path: &str) -> &Self {
        self.nearest_entry(path).1
    }

    /// The node at a field path, if it is there.
    #[must_use]
    pub fn exactly(&self, path: &str) -> Option<&Self> {
        let (_, node, whole) = self.follow(path);
        whole.then_some(node)
    }

    /// Of how many parts it is, if those are no more than `most` and nest no deeper than what is read. Parts that are
    /// shared count wherever they are.
    #[must_use]
    pub fn parts(&self, most: usize) -> Option<usize> {
        const DEEPEST: usize = 128;
        fn count(node: &Node, deepest: usize, left: usize) -> Option<usize> {
            let (deepest, mut left) = (deepest.checked_sub(1)?, left.checked_sub(1)?);
            for inner in node.items().chain(node.entries().map(|(_, value)| value)) {
                left = count(inner, deepest, left)?;
            }
            Some(left)
        }
        count(self, DEEPEST, most).map(|left| most - left)
    }

    /// Where a field path points: at the key where there is one, so that a message shows the name too.
    #[must_use]
    pub fn place_of(&self, path: &str) -> At {
        let (key, node) = self.nearest_entry(path);
        key.map_or(node.at, |key| {
            key.at.to(if matches!(node.data, Data::List(_) | Data::Map(_)) { key.at } else { node.at })
        })
    }

    fn nearest_entry(&self, path: &str) -> (Option<&Key>, &Self) {
        let (key, node, _) = self.follow(path);
        (key, node)
    }

    /// What is at the end of a field path, or where on the way it breaks off, and which of the two.
    fn follow(&self, path: &str) -> (Option<&Key>, &Self, bool) {
        let (mut key, mut node, mut rest) = (None, self, path);
        while !rest.is_empty() {
            let Some((step, after)) = first_step(rest) else { return (key, node, false) };
            let inner = match &node.data {
                Data::List(items) if step == "*" => unnumbered(items, after).map(|item| (None, item)),
                _ => node.inside(step),
            };
            let Some(inner) = inner else { return (key, node, false) };
            (key, node) = inner;
            rest = after;
        }
        (key, node, true)
    }

    /// What one step of a field path leads to.
    fn inside(&self, step: &str) -> Option<(Option<&Key>, &Self)> {
        match &self.data {
            Data::Map(map) => map.entry(step).map(|(key, value)| (Some(key), value)),
            Data::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (None, item)),
            _ => None,
        }
    }

    /// How many steps of a field path lead somewhere.
    fn depth(&self, path: &str) -> usize {
        let (mut node, mut rest, mut count) = (self, path, 0);
        while let Some((step, after)) = first_step(rest) {
            let Some((_, inner)) = node.inside(step) else { break };
            (node, rest, count) = (inner, after, count + 1);
        }
        count
    }
}

/// The first step of a field path, and the steps after it.
fn first_step(path: &str) -> Option<(&str, &str)> {
    if let Some(inner) = path.strip_prefix('[') {
        return inner.split_once(']').map(|(inside, after)| (inside, after.strip_prefix('.').unwrap_or(after)));
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    (!path.is_empty()).then(|| (&path[..end], path[end..].strip_prefix('.').unwrap_or(&path[end..])))
}

/// The item that is meant where a server gives no number: the only one in which the rest of the path leads that far.
fn unnumbered<'n>(items: &'n [Node], rest: &str) -> Option<&'n Node> {
    let deepest = items.iter().map(|item| item.depth(rest)).max()?;
    let mut meant = items.iter().filter(|item| item.depth(rest) == deepest);
    meant.next().filter(|_| meant.next().is_none())
}

impl Map {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: None, index: None }
    }

    fn list(&self) -> &[(Key, Node)] {
        self.entries.as_deref().map_or(&[], Vec::as_slice)
    }

    /// The entries, to change them: from here on they are this map's alone.
    fn list_mut(&mut self) -> &mut Vec<(Key, Node)> {
        Arc::make_mut(self.entries.get_or_insert_default())
    }

    /// How many entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.list().iter().position(|(entry, _)| entry.name == key),
        }
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.position(key).map(|position| &self.list()[position].1)
    }

    /// The key as written, and its value.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&Key, &Node)> {
        self.position(key).map(|position| (&self.list()[position].0, &self.list()[position].1))
    }

    /// The value under a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.position(key).map(|position| &mut self.list_mut()[position].1)
    }

    /// Whether it has that key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Sets a key: in its old place if it is there, at the end if not. Gives back what was there.
    pub fn set(&mut self, key: Key, node: Node) -> Option<Node> {
        if let Some(position) = self.position(&key.name) {
            let (old_key, old) = &mut self.list_mut()[position];
            *old_key = key;
            return Some(std::mem::replace(old, node));
        }
        let length = self.len();
        if let Some(index) = &mut self.index {
            Arc::make_mut(index).insert(key.name.clone(), length);
        }
        self.list_mut().push((key, node));
        if length == LINEAR {
            self.make_index();
        }
        None
    }

    fn make_index(&mut self) {
        let entries = self.list().iter().enumerate();
        self.index = Some(Arc::new(entries.map(|(position, (key, _))| (key.name.clone(), position)).collect()));
    }

    /// Sets a key, placed where its value is.
    pub fn put(&mut self, key: impl Into<Text>, node: Node) -> Option<Node> {
        let at = node.at;
        self.set(Key { name: key.into(), at }, node)
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        self.take(key).map(|(_, node)| node)
    }

    /// Takes a key out, with the place where it was written.
    pub fn take(&mut self, key: &str) -> Option<(Key, Node)> {
        let position = self.position(key)?;
        let entry = self.list_mut().remove(position);
        if self.index.is_some() {
            self.make_index();
        }
        Some(entry)
    }

    /// Keeps the entries that pass.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key, &mut Node) -> bool) {
        if self.is_empty() {
            return;
        }
        self.list_mut().retain_mut(|(key, node)| keep(key, node));
        if self.index.is_some() {
            self.make_index();
        }
    }

    /// The entries in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Node)> + Clone {
        self.list().iter().map(|(key, node)| (key, node))
    }

    /// The entries in order, values to change.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&Key, &mut Node)> {
        let entries: &mut [(Key, Node)] = if self.is_empty() { &mut [] } else { self.list_mut() };
        entries.iter_mut().map(|(key, node)| (&*key, node))
    }
}

impl IntoIterator for Map {
    type Item = (Key, Node);
    type IntoIter = std::vec::IntoIter<(Key, Node)>;
    fn into_iter(self) -> Self::IntoIter {
        self.entries.map(Arc::unwrap_or_clone).unwrap_or_default().into_iter()
    }
}

impl FromIterator<(Key, Node)> for Map {
    fn from_iter<I: IntoIterator<Item = (Key, Node)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (key, node) in entries {
            map.set(key, node);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn here() -> At {
        At::top(Sources::default().add("t", ""))
    }

    #[test]
    fn big_maps_find_set_and_lose_keys() {
        let mut map = Map::new();
        for number in 0..100_i64 {
            map.put(format!("k{number}"), Node::int(number, here()));
        }
        assert_eq!(map.remove("k50").and_then(|node| node.as_int()), Some(50));
        assert_eq!(map.put("k99", Node::int(7, here())).and_then(|node| node.as_int()), Some(99));
        assert_eq!(map.get("k99").and_then(Node::as_int), Some(7));
        assert_eq!((map.len(), map.has("k50"), map.has("k51")), (99, false, true));
    }

    #[test]
    fn field_paths_lead_to_the_nearest_node() {
        let at = here();
        let mut labels = Map::new();
        labels.put("a.b/c", Node::text("x", at));
        let mut metadata = Map::new();
        metadata.put("labels", Node::map(labels, at));
        metadata.put("list", Node::list(vec![Node::int(1, at), Node::int(2, at)], at));
        let mut root = Map::new();
        root.put("metadata", Node::map(metadata, at));
        let root = Node::map(root, at);
        assert_eq!(root.nearest("metadata.labels[a.b/c]").as_str(), Some("x"));
        assert_eq!(root.nearest("metadata.list[1]").as_int(), Some(2));
        assert_eq!(root.nearest("metadata.list[7].name").as_list().map(<[Node]>::len), Some(2));
        assert_eq!(root.nearest("metadata.list[*].name").as_list().map(<[Node]>::len), Some(2));
    }

    #[test]
    fn a_step_without_a_number_leads_to_the_item_that_fits() {
        let at = here();
        let volume = |field: &str| {
            let mut map = Map::new();
            map.put(field, Node::map(Map::new(), at));
            Node::map(map, at)
        };
        let mut root = Map::new();
        root.put("volumes", Node::list(vec![volume("secret"), volume("nfs"), volume("csi")], at));
        let root = Node::map(root, at);
        assert!(root.nearest("volumes[*].nfs.server").as_map().is_some_and(Map::is_empty));
        assert!(root.nearest("volumes[*].name").as_list().is_some());
    }
}
