//! What a cluster holds: live objects by kind, namespace and name, each as the API server would show it. Knows no
//! kind's meaning.

use super::mark::{self, Mark};
pub use super::object::{
    Key, Owner, annotation, controller_uid, is_ending, owner_references, owner_uids, owners, put, take, text, uid,
};
use crate::value::{Data, Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// An object that was made, changed or taken away.
#[derive(Clone, Debug)]
pub struct Touch {
    /// The object.
    pub key: Key,
    /// Its uid, if it is gone.
    pub gone: Option<Text>,
}

/// An object, and what it is looked up by.
#[derive(Clone, Debug)]
struct Held {
    node: Node,
    marks: Vec<Mark>,
}

/// The live objects.
#[derive(Clone, Debug, Default)]
pub struct Store {
    objects: BTreeMap<Key, Held>,
    marked: BTreeSet<(Mark, Key)>,
    uids: BTreeSet<Text>,
    touched: Vec<Touch>,
    born: u64,
    writes: u64,
    gone: u64,
    clock: u64,
}

impl Store {
    /// The object of that name.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Node> {
        self.objects.get(key).map(|held| &held.node)
    }

    /// The objects of a kind, by namespace and name.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a Key, &'a Node)> {
        self.objects
            .range(Key::new(kind, "", "")..)
            .take_while(move |(key, _)| key.kind == kind)
            .map(|(key, held)| (key, &held.node))
    }

    /// The names of all objects of a kind.
    #[must_use]
    pub fn keys(&self, kind: &str) -> Vec<Key> {
        self.of_kind(kind).map(|(key, _)| key.clone()).collect()
    }

    /// The objects of a kind that bear a mark, by namespace and name.
    pub fn marked<'a>(&'a self, mark: Mark, kind: &'a str) -> impl Iterator<Item = (&'a Key, &'a Node)> {
        let first = (mark.clone(), Key::new(kind, "", ""));
        let same = move |(own, key): &&(Mark, Key)| *own == mark && key.kind == kind;
        self.marked.range(first..).take_while(same).filter_map(|(_, key)| Some((key, self.get(key)?)))
    }

    /// The objects of any kind that bear a mark.
    pub fn marked_with(&self, mark: Mark) -> impl Iterator<Item = (&Key, &Node)> {
        let first = (mark.clone(), Key::default());
        self.marked
            .range(first..)
            .take_while(move |(own, _)| *own == mark)
            .filter_map(|(_, key)| Some((key, self.get(key)?)))
    }

    /// All marks and who bears them, in order, from one of them on.
    pub fn marks_from(&self, first: (Mark, Key)) -> impl Iterator<Item = &(Mark, Key)> {
        self.marked.range(first..)
    }

    /// Whether there is an object of that uid.
    #[must_use]
    pub fn is_live(&self, uid: &str) -> bool {
        self.uids.contains(uid)
    }

    /// The marks of an object.
    #[must_use]
    pub fn marks(&self, key: &Key) -> &[Mark] {
        self.objects.get(key).map_or(&[], |held| &held.marks)
    }

    /// How often anything has changed: two equal numbers mean that nothing has happened between.
    #[must_use]
    pub const fn writes(&self) -> u64 {
        self.writes
    }

    /// How often an object has come or gone.
    #[must_use]
    pub const fn population(&self) -> u64 {
        self.born + self.gone
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// What has changed since this was last asked, in order.
    pub fn take_touched(&mut self) -> Vec<Touch> {
        std::mem::take(&mut self.touched)
    }

    /// Lets time pass: what is created from now on is younger than all before.
    pub fn tick(&mut self) {
        self.clock += 1;
    }

    /// Takes in a new object and gives it a uid, later ones sorting after earlier ones.
    pub fn create(&mut self, key: &Key, mut node: Node) {
        self.born += 1;
        let at = node.at;
        let uid: Text = format!("{:08x}-0000-4000-8000-000000000000", self.born).into();
        put(&mut node, &["metadata", "uid"], Node::text(uid.clone(), at));
        put(&mut node, &["metadata", "generation"], Node::int(1, at));
        let (hours, minutes, seconds) = (self.clock / 3600, self.clock / 60 % 60, self.clock % 60);
        put(
            &mut node,
            &["metadata", "creationTimestamp"],
            Node::text(format!("2000-01-01T{hours:02}:{minutes:02}:{seconds:02}Z"), at),
        );
        self.uids.insert(uid);
        if let Some(old) = self.objects.insert(key.clone(), Held { node, marks: Vec::new() }) {
            self.forget(key, &old);
        }
        self.mark(key);
        self.note(key, None);
    }

    /// Puts a changed object in the place of the old one.
    pub fn replace(&mut self, key: &Key, node: Node) {
        if let Some(held) = self.objects.get_mut(key)
            && held.node != node
        {
            held.node = node;
            self.mark(key);
            self.note(key, None);
        }
    }

    /// Changes one field, making the maps on the way to it; `None` takes it away. Does nothing where it is so already.
    pub fn set(&mut self, key: &Key, path: &[&str], value: Option<Data>) {
        let Some(Held { node, .. }) = self.objects.get_mut(key) else { return };
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
        if mark::depend_on(path) {
            self.mark(key);
        }
        self.note(key, None);
    }

    /// Changes one field to a text.
    pub fn set_text(&mut self, key: &Key, path: &[&str], value: impl Into<Text>) {
        self.set(key, path, Some(Data::Text(value.into())));
    }

    /// Takes an object away at once.
    pub fn remove(&mut self, key: &Key) -> Option<Node> {
        let held = self.objects.remove(key)?;
        self.gone += 1;
        self.forget(key, &held);
        self.note(key, Some(uid(&held.node)));
        Some(held.node)
    }

    fn note(&mut self, key: &Key, gone: Option<Text>) {
        self.writes += 1;
        if gone.is_some() || self.touched.last().is_none_or(|last| last.key != *key || last.gone.is_some()) {
            self.touched.push(Touch { key: key.clone(), gone });
        }
    }

    /// Brings an object's marks up to date.
    fn mark(&mut self, key: &Key) {
        let Some(held) = self.objects.get_mut(key) else { return };
        let marks = mark::marks(key, &held.node);
        if marks == held.marks {
            return;
        }
        let old = std::mem::replace(&mut held.marks, marks.clone());
        for mark in old.iter().filter(|mark| !marks.contains(mark)) {
            self.marked.remove(&(mark.clone(), key.clone()));
        }
        for mark in marks.into_iter().filter(|mark| !old.contains(mark)) {
            self.marked.insert((mark, key.clone()));
        }
    }

    fn forget(&mut self, key: &Key, held: &Held) {
        self.uids.remove(&uid(&held.node));
        for mark in &held.marks {
            self.marked.remove(&(mark.clone(), key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{At, Sources};
    use crate::value::Map;

    #[test]
    fn objects_are_found_by_kind_and_changes_are_counted() {
        let at = At::top(Sources::default().add("t", ""));
        let mut store = Store::default();
        let key = Key::new("Pod", "a", "web-0");
        store.create(&key, Node::map(Map::new(), at));
        store.create(&Key::new("PodX", "a", "web-0"), Node::map(Map::new(), at));
        assert_eq!(store.keys("Pod"), std::slice::from_ref(&key));
        let writes = store.writes();
        store.set_text(&key, &["spec", "nodeName"], "n");
        store.set_text(&key, &["spec", "nodeName"], "n");
        assert_eq!(store.writes(), writes + 1);
        assert_eq!(store.get(&key).map(|node| text(node, &["spec", "nodeName"])), Some("n"));
    }
}
