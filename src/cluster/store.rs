//! What a cluster holds: live objects by kind, namespace and name, each as the API server would show it. Knows no kind's meaning.

use crate::source::At;
use crate::value::{Data, Map, Node, Text};
use std::collections::BTreeMap;

/// What an object is called in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// `Pod`.
    pub kind: Text,
    /// Empty for kinds that live in none.
    pub namespace: Text,
    /// `web-0`.
    pub name: Text,
}

impl Key {
    /// The key of that kind, namespace and name.
    pub fn new(kind: impl Into<Text>, namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}

/// Who an object belongs to, as its `metadata.ownerReferences` say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `StatefulSet`.
    pub kind: Text,
    /// Its name.
    pub name: Text,
    /// Its uid: an owner of the same name made later is another one.
    pub uid: Text,
    /// Whether it manages the object.
    pub controller: bool,
}

/// The live objects.
#[derive(Clone, Debug, Default)]
pub struct Store {
    objects: BTreeMap<Key, Node>,
    born: u64,
    writes: u64,
    written: BTreeMap<Text, u64>,
    gone: u64,
    clock: u64,
}

impl Store {
    /// The object of that name.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Node> {
        self.objects.get(key)
    }

    /// All objects, by kind, namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Node)> {
        self.objects.iter()
    }

    /// The objects of a kind, by namespace and name.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a Key, &'a Node)> {
        self.objects.range(Key::new(kind, "", "")..).take_while(move |(key, _)| key.kind == kind)
    }

    /// The names of all objects of a kind.
    #[must_use]
    pub fn keys(&self, kind: &str) -> Vec<Key> {
        self.of_kind(kind).map(|(key, _)| key.clone()).collect()
    }

    /// How often anything has changed: two equal numbers mean that nothing has happened between.
    #[must_use]
    pub const fn writes(&self) -> u64 {
        self.writes
    }

    /// How often anything of a namespace has changed.
    #[must_use]
    pub fn writes_in(&self, namespace: &str) -> u64 {
        self.written.get(namespace).copied().unwrap_or_default()
    }

    /// How often an object has come or gone.
    #[must_use]
    pub const fn population(&self) -> u64 {
        self.born + self.gone
    }

    fn count(&mut self, namespace: &Text) {
        self.writes += 1;
        *self.written.entry(namespace.clone()).or_default() += 1;
    }

    /// Lets time pass: what is created from now on is younger than all before.
    pub fn tick(&mut self) {
        self.clock += 1;
    }

    /// Takes in a new object and gives it a uid, later ones sorting after earlier ones.
    pub fn create(&mut self, key: Key, mut node: Node) {
        self.born += 1;
        self.count(&key.namespace);
        let at = node.at;
        put(&mut node, &["metadata", "uid"], Node::text(format!("{:08x}-0000-4000-8000-000000000000", self.born), at));
        put(&mut node, &["metadata", "generation"], Node::int(1, at));
        let (hours, minutes, seconds) = (self.clock / 3600, self.clock / 60 % 60, self.clock % 60);
        put(&mut node, &["metadata", "creationTimestamp"], Node::text(format!("2000-01-01T{hours:02}:{minutes:02}:{seconds:02}Z"), at));
        self.objects.insert(key, node);
    }

    /// Puts a changed object in the place of the old one.
    pub fn replace(&mut self, key: &Key, node: Node) {
        if let Some(old) = self.objects.get_mut(key)
            && *old != node
        {
            *old = node;
            self.count(&key.namespace);
        }
    }

    /// Changes one field, making the maps on the way to it; `None` takes it away. Does nothing where it is so already.
    pub fn set(&mut self, key: &Key, path: &[&str], value: Option<Data>) {
        let Some(node) = self.objects.get_mut(key) else { return };
        if node.find(path).map(|node| &node.data) == value.as_ref() {
            return;
        }
        match value {
            Some(data) => {
                let at = node.at;
                put(node, path, Node::new(data, at));
            }
            None => take(node, path),
        }
        self.count(&key.namespace);
    }

    /// Changes one field to a text.
    pub fn set_text(&mut self, key: &Key, path: &[&str], value: impl Into<Text>) {
        self.set(key, path, Some(Data::Text(value.into())));
    }

    /// Takes an object away at once.
    pub fn remove(&mut self, key: &Key) -> Option<Node> {
        let node = self.objects.remove(key)?;
        self.gone += 1;
        self.count(&key.namespace);
        Some(node)
    }
}

/// Sets a field, making the maps on the way to it.
pub fn put(node: &mut Node, path: &[&str], value: Node) {
    let Some((last, way)) = path.split_last() else { return };
    let mut node = node;
    for step in way {
        if node.get(step).is_none_or(|inner| inner.as_map().is_none()) {
            let at = node.at;
            let Some(map) = node.as_map_mut() else { return };
            map.put(*step, Node::map(Map::new(), at));
        }
        let Some(inner) = node.get_mut(step) else { return };
        node = inner;
    }
    if let Some(map) = node.as_map_mut() {
        map.put(*last, value);
    }
}

/// Takes a field away.
pub fn take(node: &mut Node, path: &[&str]) {
    let Some((last, way)) = path.split_last() else { return };
    let mut node = node;
    for step in way {
        let Some(inner) = node.get_mut(step) else { return };
        node = inner;
    }
    if let Some(map) = node.as_map_mut() {
        map.remove(last);
    }
}

/// A field's text; empty where there is none.
#[must_use]
pub fn text<'a>(node: &'a Node, path: &[&str]) -> &'a str {
    node.find(path).and_then(Node::as_str).unwrap_or_default()
}

/// The object's uid.
#[must_use]
pub fn uid(node: &Node) -> &str {
    text(node, &["metadata", "uid"])
}

/// The value of an annotation.
#[must_use]
pub fn annotation<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.find(&["metadata", "annotations", key]).and_then(Node::as_str)
}

/// Whether it has been deleted and only waits for something before it goes.
#[must_use]
pub fn is_ending(node: &Node) -> bool {
    node.find(&["metadata", "deletionTimestamp"]).is_some_and(|stamp| !stamp.is_null())
}

/// Who it belongs to.
#[must_use]
pub fn owners(node: &Node) -> Vec<Owner> {
    let reference = |owner: &Node| Owner {
        kind: text(owner, &["kind"]).into(),
        name: text(owner, &["name"]).into(),
        uid: text(owner, &["uid"]).into(),
        controller: owner.get("controller").and_then(Node::as_bool).unwrap_or_default(),
    };
    node.find(&["metadata", "ownerReferences"]).into_iter().flat_map(Node::items).map(reference).collect()
}

/// The owner that manages it.
#[must_use]
pub fn controller_of(node: &Node) -> Option<Owner> {
    owners(node).into_iter().find(|owner| owner.controller)
}

/// Owner references as a field's value; `None` for none.
#[must_use]
pub fn owner_references(owners: &[Owner], at: At) -> Option<Data> {
    let reference = |owner: &Owner| {
        let mut map = Map::new();
        map.put("apiVersion", Node::text(if owner.kind == "Pod" { "v1" } else { "apps/v1" }, at));
        map.put("kind", Node::text(owner.kind.clone(), at));
        map.put("name", Node::text(owner.name.clone(), at));
        map.put("uid", Node::text(owner.uid.clone(), at));
        if owner.controller {
            map.put("controller", Node::bool(true, at));
            map.put("blockOwnerDeletion", Node::bool(true, at));
        }
        Node::map(map, at)
    };
    (!owners.is_empty()).then(|| Data::List(owners.iter().map(reference).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    #[test]
    fn objects_are_found_by_kind_and_changes_are_counted() {
        let at = At::top(Sources::default().add("t", ""));
        let mut store = Store::default();
        let key = Key::new("Pod", "a", "web-0");
        store.create(key.clone(), Node::map(Map::new(), at));
        store.create(Key::new("PodX", "a", "web-0"), Node::map(Map::new(), at));
        assert_eq!(store.keys("Pod"), std::slice::from_ref(&key));
        let writes = store.writes();
        store.set_text(&key, &["spec", "nodeName"], "n");
        store.set_text(&key, &["spec", "nodeName"], "n");
        assert_eq!(store.writes(), writes + 1);
        assert_eq!(store.get(&key).map(|node| text(node, &["spec", "nodeName"])), Some("n"));
    }
}
